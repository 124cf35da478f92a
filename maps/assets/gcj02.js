/* WGS84 and GCJ-02 on single points, for pages and for the desk: the twin of geodata/datums.py. */
(() => {
  "use strict";
  const AXIS_M = 6378245, ECCENTRICITY = 0.00669342162296594323;
  const WEST = 72.004, EAST = 137.8347, SOUTH = 0.8293, NORTH = 55.8271;
  const PRECISION_DEG = 1e-10, ITERATIONS = 30;
  const radians = (value) => (value * Math.PI) / 180, degrees = (value) => (value * 180) / Math.PI;

  /** Shift in metres (north, east) at degrees from 105°E 35°N. */
  function field(x, y) {
    const { PI, sin } = Math;
    const root = Math.sqrt(Math.abs(x));
    const wave = 20 * sin(6 * PI * x) + 20 * sin(2 * PI * x);
    const alongY = 20 * sin(PI * y) + 40 * sin((PI * y) / 3) + 160 * sin((PI * y) / 12) + 320 * sin((PI * y) / 30);
    const alongX = 20 * sin(PI * x) + 40 * sin((PI * x) / 3) + 150 * sin((PI * x) / 12) + 300 * sin((PI * x) / 30);
    const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ((wave + alongY) * 2) / 3;
    const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ((wave + alongX) * 2) / 3;
    return [north, east];
  }

  /** Turn WGS84 degrees into GCJ-02: [lon, lat]; outside the rectangle of the published code nothing moves. */
  function toGcj(lon, lat) {
    if (!(lon >= WEST && lon <= EAST && lat >= SOUTH && lat <= NORTH)) return [lon, lat];
    const [north, east] = field(lon - 105, lat - 35);
    const phi = radians(lat), magic = 1 - ECCENTRICITY * Math.sin(phi) ** 2;
    const dlat = degrees((north * magic ** 1.5) / (AXIS_M * (1 - ECCENTRICITY)));
    const dlon = degrees((east * Math.sqrt(magic)) / (AXIS_M * Math.cos(phi)));
    return [lon + dlon, lat + dlat];
  }

  /** Find the degrees that `forward` turns into these: [lon, lat], by fixed-point iteration. */
  function inverse(forward, lon, lat) {
    let x = lon, y = lat;
    for (let i = 0; i < ITERATIONS; i++) {
      const [thereX, thereY] = forward(x, y);
      const offX = thereX - lon, offY = thereY - lat;
      x -= offX;
      y -= offY;
      if (Math.max(Math.abs(offX), Math.abs(offY)) <= PRECISION_DEG) break;
    }
    return [x, y];
  }

  /** Turn GCJ-02 degrees into WGS84: [lon, lat]; the two functions undo each other. */
  const fromGcj = (lon, lat) => inverse(toGcj, lon, lat);

  globalThis.gcj02 = { toGcj, fromGcj, inverse };
})();
