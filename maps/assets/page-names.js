/* Names of places on a map: as many as fit, cities first, none over a sign. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { make } = boaiMap.base;
  const MOST_NAMES = 160;
  const HALF_PX = [0, 8.2, 6.8, 6.8]; // half the width of one character by level

  /** First place beside the spot where a text of this half width fits, or undefined. */
  function freePlace(at, half, taken, edge) {
    const tries = [[0, -15], [0, 15], [half + 9, 0], [-half - 9, 0], [0, -24], [0, 24]];
    const boxes = tries.map(([dx, dy]) => [at.x + dx - half, at.y + dy - 9, at.x + dx + half, at.y + dy + 9]);
    const inside = (box) => box[0] >= 0 && box[1] >= 0 && box[2] <= edge.x && box[3] <= edge.y;
    const apart = (box, other) => box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3];
    return boxes.find((box) => inside(box) && taken.every((other) => apart(box, other)));
  }

  /**
   * Make the layer of names of a map.
   * @returns {{draw(obstacles: number[][]|null): void}} boxes [left, top, right, bottom] in the map's pixels; null: no names
   */
  function namesLayer(map, facts) {
    const { places } = facts.data, names = L.layerGroup().addTo(map);

    function write(i, at, box) {
      const anchor = [at.x - (box[0] + box[2]) / 2, at.y - (box[1] + box[3]) / 2];
      const html = make("span.label.level" + places.level[i], { text: places.name[i], "aria-hidden": "true" });
      const icon = L.divIcon({ html, className: "", iconSize: [0, 0], iconAnchor: anchor });
      L.marker([places.y[i], places.x[i]], { icon, pane: "names", interactive: false, keyboard: false }).addTo(names);
    }

    function draw(obstacles) {
      names.clearLayers();
      if (!obstacles) return;
      const zoom = map.getZoom(), frame = map.getBounds(), edge = map.getSize(), taken = [...obstacles];
      const deepest = zoom < 8.4 ? 1 : zoom < 10.6 ? 2 : 3;
      for (let i = 0; i < places.name.length && taken.length < obstacles.length + MOST_NAMES; i += 1) {
        const level = places.level[i], spot = [places.y[i], places.x[i]];
        if (level > deepest || (level === 1 && zoom > 11) || !frame.contains(spot)) continue;
        const at = map.latLngToContainerPoint(spot), half = places.name[i].length * HALF_PX[level];
        const box = freePlace(at, half, taken, edge) || (level === 1 && freePlace(at, half, taken.slice(obstacles.length), edge));
        if (!box) continue;
        taken.push(box);
        write(i, at, box);
      }
    }

    return { draw };
  }

  boaiMap.namesLayer = namesLayer;
})();
