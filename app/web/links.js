/* Links that map services share: the point in their text and its system; nothing is fetched.
   The twin of geodata/map_links.py; what is changed there is changed here. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const OFF = "553-665";
  const LINK = new RegExp(
    "(?:[a-z][a-z0-9+.-]{1,20}://|" + boai.angles.BEGIN + "geo:|(?:^|[^\\p{L}\\p{N}_@])(?:[a-z0-9-]+\\.){1,4}(?:com|cn|org)/)[^\\s<>\"'，。；【】]+", "iu");
  const SERVICES = [
    [/amap|autonavi|gaode/, "GCJ-02", "高德地图", ""],
    [/baidu|bdapp/, "BD-09", "百度地图", ""],
    [/qqmap|\bqq\.com|tencent|sosomap/, "GCJ-02", "腾讯地图", ""],
    [/tianditu/, "CGCS2000", "天地图", ""],
    [/google\.cn/, "GCJ-02", "谷歌地图中国版", ""],
    [/google|goo\.gl/, "WGS84", "Google 地图", `取自 Google 地图, 按 WGS84 处理; 若是在中国的街道图上点的, 可能偏 ${OFF} 米`],
    [/openstreetmap|\bosm\b|osmand|osmapp|organicmaps/, "WGS84", "OpenStreetMap", ""],
    [/apple\.com|^maps?:/, "WGS84", "苹果地图", `取自苹果地图, 按 WGS84 处理; 它在中国用高德的数据, 可能偏 ${OFF} 米`],
    [/bing\.com/, "WGS84", "必应地图", ""],
    [/^geo:/, "WGS84", "geo 链接", ""],
  ];
  const TYPES = { wgs84: "WGS84", wgs84ll: "WGS84", gps: "WGS84", gaode: "GCJ-02", gcj02: "GCJ-02", gcj02ll: "GCJ-02", bd09: "BD-09", bd09ll: "BD-09", cgcs2000: "CGCS2000", "epsg:4490": "CGCS2000" };
  const FROM = new Set(["from", "fromcoord", "origin", "saddr", "slat", "slon", "slng", "sname", "sll"]);
  const TO = new Set(["to", "tocoord", "destination", "dest", "daddr", "d", "end"]);
  const VIEW = new Set(["center", "c", "cp", "map", "viewport", "ll@"]);
  const LON = ["dlon", "dlng", "mlon", "lng", "lon", "longitude", "pointx", "poilng", "poilon", "x"];
  const LAT = ["dlat", "mlat", "lat", "latitude", "pointy", "poilat", "y"];
  const PAIR = /(-?\d{1,9}(?:\.\d{1,20})?)\s*[,~|/]\s*(-?\d{1,9}(?:\.\d{1,20})?)(?![\d.]*\d)/g;
  const OWN = /!3d(-?\d{1,3}\.\d{1,20})!4d(-?\d{1,3}\.\d{1,20})/g;

  /** Undo percent signs as far as they are text; broken ones stay, as in Python's unquote. */
  const unquote = (text) => text.replace(/(?:%[0-9a-f]{2})+/gi, (codes) => {
    const bytes = Uint8Array.from(codes.slice(1).split("%"), (code) => parseInt(code, 16));
    return new TextDecoder("utf-8").decode(bytes);
  });

  /** Split a text into its first link and what stands around it: [link, rest]; null where there is none. */
  function find(text) {
    const found = LINK.exec(text);
    if (!found) return null;
    const lead = /^[^a-z0-9]/i.test(found[0]) ? Array.from(found[0])[0] : "";
    const start = found.index + lead.length, link = found[0].slice(lead.length);
    const rest = `${text.slice(0, start)} ${text.slice(start + link.length)}`;
    return [link, rest.replace(/\s+/g, " ").trim()];
  }

  /** Read a link: {pair (two texts or null), system, service, note}. */
  function read(link) {
    const low = unquote(link).toLowerCase();
    const start = low.split(/[?#]/, 1)[0];
    const [, system, service, note] = SERVICES.find(([pattern]) => pattern.test(start)) || [null, "", "链接", ""];
    const parts = cut(link).map(([key, value]) => [key.toLowerCase(), unquote(value)]);
    const stated = told(parts, start, service);
    let pair = point(low, parts);
    if (pair && Number(pair[0]) > 1e6) {
      pair = system === "BD-09" ? boai.datums.fromBaiduMetres(Number(pair[0]), Number(pair[1])).map((value) => value.toFixed(8)) : null;
    }
    return { pair, system: stated || system, service, note: stated ? "" : note };
  }

  function cut(link) {
    return link.split(/[?&#;]/).map((piece) => {
      const at = piece.indexOf("=");
      const [key, value] = at < 0 ? ["", piece] : [piece.slice(0, at), piece.slice(at + 1)];
      return [key.slice(key.lastIndexOf("/") + 1), value];
    });
  }

  function told(parts, start, service) {
    for (const [key, value] of parts) {
      if (["coordinate", "coord_type", "coordtype", "coordsys", "crs"].includes(key)) {
        const type = value.toLowerCase().replaceAll("-", "");
        let known = Object.hasOwn(TYPES, type) ? TYPES[type] : "";
        if (service === "腾讯地图" && (value === "1" || value === "2")) known = value === "1" ? "WGS84" : "GCJ-02";
        if (known) return known;
      }
      if (key === "dev" && (value === "0" || value === "1") && service === "高德地图" && !start.startsWith("http")) return value === "1" ? "WGS84" : "GCJ-02";
    }
    return "";
  }

  /** Find the point: a destination, else a marked point, else the middle of the map. */
  function point(low, parts) {
    const own = Array.from(low.matchAll(OWN)).at(-1);
    if (own) return [own[1], own[2]];
    const values = new Map([...parts].reverse());
    const first = (keys) => keys.find((key) => values.has(key));
    const lon = first(LON), lat = first(LAT);
    let best = null, rank = Infinity;
    const offer = (order, pair) => { if (pair && order < rank) [best, rank] = [pair, order]; };
    if (lon && lat) offer(values.has("dlat") ? 0 : 1, pairIn(`${values.get(lon)},${values.get(lat)}`));
    for (const [key, value] of parts) {
      if (!FROM.has(key)) offer(TO.has(key) ? 0 : VIEW.has(key) || value.includes("@") ? 3 : 2, pairIn(value));
    }
    return best;
  }

  /** Find the first two numbers that can be a point in China, in degrees or Baidu's metres. */
  function pairIn(value) {
    PAIR.lastIndex = 0;
    for (let found = PAIR.exec(value); found; found = PAIR.exec(value)) {
      if (found.index && /[\d.]/.test(value[found.index - 1])) {
        PAIR.lastIndex = found.index + 1;
        continue;
      }
      const a = Number(found[1]), b = Number(found[2]);
      const east = Math.max(a, b), north = Math.min(a, b);
      if ((east >= 73 && east <= 136 && north >= 3 && north <= 54) || (a > 8e6 && b >= 3e5 && b <= 7.2e6)) return [found[1], found[2]];
      PAIR.lastIndex = found.index + found[1].length;
    }
    return null;
  }

  boai.links = { find, read };
})();
