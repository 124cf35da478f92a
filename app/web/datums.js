/* GCJ-02 and BD-09 to WGS84 and back, on single points: with gcj02.js the twin of geodata/datums.py and baidu_mercator.py. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { toGcj, inverse } = globalThis.gcj02;
  const BAIDU = (Math.PI * 3000) / 180;

  function toBd(lon, lat) {
    const [x, y] = toGcj(lon, lat);
    const radius = Math.hypot(x, y) + 0.00002 * Math.sin(y * BAIDU);
    const angle = Math.atan2(y, x) + 0.000003 * Math.cos(x * BAIDU);
    return [radius * Math.cos(angle) + 0.0065, radius * Math.sin(angle) + 0.006];
  }

  const FORWARD = { "GCJ-02": toGcj, "BD-09": toBd };

  /** Turn degrees of WGS84, CGCS2000, GCJ-02 or BD-09 into WGS84: [lon, lat], by fixed-point iteration. */
  function toWgs84(lon, lat, system) {
    const forward = FORWARD[system];
    if (!forward) return [lon, lat];
    return inverse(forward, lon, lat);
  }

  /** Turn WGS84 degrees into those of another system: [lon, lat]. */
  const fromWgs84 = (lon, lat, system) => (FORWARD[system] ? FORWARD[system](lon, lat) : [lon, lat]);

  const BANDS = [
    [12890594.86, 1.410526172116255e-8, 0.00000898305509648872, -1.9939833816331, 200.9824383106796, -187.2403703815547, 91.6087516669843, -23.38765649603339, 2.57121317296198, -0.03801003308653, 17337981.2],
    [8362377.87, -7.435856389565537e-9, 0.000008983055097726239, -0.78625201886289, 96.32687599759846, -1.85204757529826, -59.36935905485877, 47.40033549296737, -16.50741931063887, 2.28786674699375, 10260144.86],
    [5591021, -3.030883460898826e-8, 0.00000898305509983578, 0.30071316287616, 59.74293618442277, 7.357984074871, -25.38371002664745, 13.45380521110908, -3.29883767235584, 0.32710905363475, 6856817.37],
    [3481989.83, -1.981981304930552e-8, 0.000008983055099779535, 0.03278182852591, 40.31678527705744, 0.65659298677277, -4.44255534477492, 0.85341911805263, 0.12923347998204, -0.04625736007561, 4482777.06],
    [1678043.12, 3.09191371068437e-9, 0.000008983055096812155, 0.00006995724062, 23.10934304144901, -0.00023663490511, -0.6321817810242, -0.00663494467273, 0.03430082397953, -0.00466043876332, 2555164.4],
    [0, 2.890871144776878e-9, 0.000008983055095805407, -3.068298e-8, 7.47137025468032, -0.00000353937994, -0.02145144861037, -0.00001234426596, 0.00010322952773, -0.00000323890364, 826088.5],
  ];

  /** Turn metres of Baidu's map into degrees of BD-09: [lon, lat], north of the equator. */
  function fromBaiduMetres(x, y) {
    const numbers = BANDS.find(([least]) => y >= least);
    const share = y / numbers[10];
    let lat = 0;
    for (let i = 9; i >= 3; i--) lat = lat * share + numbers[i];
    return [numbers[1] + numbers[2] * x, lat];
  }

  boai.datums = { toWgs84, fromWgs84, fromBaiduMetres };
})();
