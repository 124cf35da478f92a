/* Answers without a server, from the bundle that lies in the file or was kept from the server (app/desk/bundle.py). */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const FORMAT = 2, DEGREE = 10000000, COUNTY = 2, DAY_MS = 86400000;
  const SIDES = ["北", "东北", "东", "东南", "南", "西南", "西", "西北"];
  const BEYOND_M = 30000; // metres beyond which a point outside is refused, as app/desk/where.py does
  const PASSING_M = 1500, MARKS = "boai-marks", MOST_MARKS = 500, MOST_TEXT = 200;
  const MARK_MS = DAY_MS; // how long a mark of this device holds where nobody says (an assumption, 假设)
  const NEEDS_SERVER = "封闭道路要重新计算路线, 只有连上服务器才能做; 离线时可以标记站点为空, 换一处发运";
  let data = null;
  let synced = ""; // when the server last confirmed the kept data
  let kept = new Map(); // marks of this browser where it keeps nothing between visits

  /** What went wrong, of the form that the server's errors have. */
  function failure(code, message, more = {}) {
    return { code, message, problems: [], candidates: [], status: 0, ...more };
  }

  const damaged = () => failure("damaged", "离线数据不完整或被改动过, 不能使用, 请重新传一份或重新同步");

  async function read() {
    const element = document.getElementById("boai-bundle");
    if (element) {
      const text = element.textContent, sum = element.dataset.crc32;
      if (sum && Number(sum) !== boai.unpack.crc32(text)) throw damaged();
      return JSON.parse(text);
    }
    const response = await fetch("offline.json", { credentials: "omit" });
    if (!response.ok) throw failure("offline", "这台设备还没有存下离线数据");
    synced = response.headers.get("X-Boai-Synced") || "";
    return response.json();
  }

  /**
   * Open the data of this page: those inside the file, or the copy that was kept from the server.
   * @param {object} [given] a bundle, for tests
   * @returns {Promise<object>} what `health` says of them
   */
  async function open(given) {
    const raw = given || (await read().catch((error) => { throw error.code ? error : damaged(); }));
    if (!raw || raw.format !== FORMAT) throw failure("offline", "离线数据的格式与这个页面不符, 请重新导出或重新同步");
    const bundle = await boai.unpack.unpackAll(raw).catch(() => { throw damaged(); });
    bundle.sites.forEach((site, number) => { site.number = number; });
    const usualWays = bundle.usual ? new boai.ways.Ways(bundle, bundle.usual) : null;
    data = { bundle, ways: new boai.ways.Ways(bundle, bundle.ways), usualWays, gazetteer: gazetteerOf(bundle), inside: insideOf(bundle) };
    Object.assign(data, { along, cityAt, sitesOf: (kind) => bundle.sites.filter((site) => site.kind === kind) });
    if (boai.where && boai.where.prepare) boai.where.prepare(data);
    return facts();
  }

  function need_() {
    if (!data) throw failure("offline", "离线数据还没有打开");
    return data;
  }

  function gazetteerOf({ gazetteer }) {
    const lon = Array.from(gazetteer.lon, (value) => value / DEGREE), lat = Array.from(gazetteer.lat, (value) => value / DEGREE);
    return { ...gazetteer, lon, lat };
  }

  /** Make the test whether a point lies in the province: the even-odd rule over all rings. */
  function insideOf({ outline }) {
    return (lon, lat) => {
      let inside = false, first = 0;
      for (const count of outline.points) {
        for (let i = first + 1; i < first + count; i++) {
          const y1 = outline.lat[i - 1] / DEGREE, y2 = outline.lat[i] / DEGREE;
          if ((y1 > lat) === (y2 > lat)) continue;
          const x1 = outline.lon[i - 1] / DEGREE, x2 = outline.lon[i] / DEGREE;
          if (lon < x1 + ((lat - y1) * (x2 - x1)) / (y2 - y1)) inside = !inside;
        }
        first += count;
      }
      return inside;
    };
  }

  /** Name the city of the county seat or settlement nearest to a point. */
  function cityAt(lon, lat) {
    const { gazetteer } = need_();
    let city = "", least = Infinity;
    for (let i = 0; i < gazetteer.lon.length; i++) {
      if (gazetteer.level[i] < COUNTY || gazetteer.county[i] < 0) continue;
      const away = boai.ways.haversine(lon, lat, gazetteer.lon[i], gazetteer.lat[i]);
      if (away < least) [city, least] = [gazetteer.city_name[gazetteer.county[i]], away];
    }
    return city;
  }

  /** Name the seats and settlements that a line passes, in the order of passing, as geodata/gazetteer.py does. */
  function along(line) {
    if (!line.length) return [];
    if (line.length < 2) return along([line[0], line[0]]);
    const { gazetteer } = need_();
    const flat = Math.cos((line.reduce((sum, one) => sum + one[1], 0) / line.length) * (Math.PI / 180));
    const metre = 111194.93, x = (lon) => lon * metre * flat, y = (lat) => lat * metre;
    const found = [];
    for (let i = 0; i < gazetteer.lon.length; i++) {
      if (gazetteer.level[i] < COUNTY) continue;
      const own = nearestPiece(line, x, y, gazetteer.lon[i], gazetteer.lat[i]);
      if (own.away <= PASSING_M) found.push({ at: own.at, name: gazetteer.name[i] });
    }
    return [...new Set(found.sort((a, b) => a.at - b.at).map((one) => one.name))];
  }

  function nearestPiece(line, x, y, lon, lat) {
    let away = Infinity, at = 0;
    for (let i = 1; i < line.length; i++) {
      const ax = x(line[i - 1][0]), ay = y(line[i - 1][1]), dx = x(line[i][0]) - ax, dy = y(line[i][1]) - ay;
      const share = Math.min(1, Math.max(0, ((x(lon) - ax) * dx + (y(lat) - ay) * dy) / Math.max(dx * dx + dy * dy, 1e-12)));
      const own = Math.hypot(ax + share * dx - x(lon), ay + share * dy - y(lat));
      if (own < away) [away, at] = [own, i - 1 + share];
    }
    return { away, at };
  }

  // Marks: those that came with the data, then those of this browser, as long as they hold

  function ownMarks() {
    try {
      const list = JSON.parse(localStorage.getItem(MARKS) || "[]");
      kept = new Map((Array.isArray(list) ? list : []).filter((one) => one && ["空", "可用"].includes(one.state)).map((one) => [`${one.kind}/${one.id}`, one]));
    } catch {
      // a browser that keeps nothing for files: the marks hold until the page is closed
    }
    return kept;
  }

  function keepMarks(own) {
    kept = own;
    try {
      localStorage.setItem(MARKS, JSON.stringify([...own.values()]));
    } catch {
      // as above
    }
  }

  const holds = (mark, now) => !mark.until || !(Date.parse(mark.until) <= now.getTime());

  const siteOf = (kind, id) => need_().bundle.sites.find((site) => site.kind === kind && site.id === id);

  /** List the marks that hold: of the data and of this device the later one; other files may know another site by the same number. */
  function marksAt(now) {
    const all = new Map(need_().bundle.marks.map((mark) => [`${mark.kind}/${mark.id}`, mark]));
    for (const [key, mark] of ownMarks()) {
      const site = siteOf(mark.kind, mark.id), other = all.get(key);
      if (site && site.name === mark.name && !(other && Date.parse(other.at) > Date.parse(mark.at))) all.set(key, mark);
    }
    return new Map([...all].filter(([, mark]) => mark.state && holds(mark, now)));
  }

  async function mark(kind, id, { state, note = "", until = "" }) {
    const site = siteOf(kind, id), now = new Date();
    if (!site) throw failure("missing", "没有这个站点");
    if (!["空", "可用"].includes(state)) throw failure("input", "标记只能是 空 或 可用");
    const own = new Map([...ownMarks()].filter(([, one]) => holds(one, now)));
    if (own.size >= MOST_MARKS) throw failure("input", "本机的标记太多, 请先清除旧的");
    const [at, end] = [now, new Date(now.getTime() + MARK_MS)].map((one) => boai.facts.china(one).iso);
    const made = { kind, id, name: site.name, state, note: String(note).slice(0, MOST_TEXT), who: "本机", at, until: until || end, here: true };
    own.set(`${kind}/${id}`, made);
    keepMarks(own);
    return made;
  }

  async function unmark(kind, id) {
    const own = new Map(ownMarks());
    own.delete(`${kind}/${id}`);
    keepMarks(own);
    return null;
  }

  // The methods of a source (see server.js)

  const plain = (degrees) => degrees.toFixed(5);

  function facts(now = new Date()) {
    const { bundle } = need_();
    const days = Math.max(0, Math.floor((now.getTime() - Date.parse(bundle.made_at)) / DAY_MS));
    const count = (kind) => bundle.sites.filter((site) => site.kind === kind).length;
    return {
      offline: true,
      version: bundle.version,
      made_at: bundle.made_at,
      as_of: bundle.as_of,
      age_days: days,
      stale: days > bundle.stale_days,
      stale_days: bundle.stale_days,
      labels: bundle.labels,
      notes: bundle.notes,
      mode: bundle.mode,
      sites: { warehouse: count("warehouse"), team: count("team") },
      locked: Boolean(bundle.vault) && !bundle.opened,
      synced_at: synced,
    };
  }

  async function where(question) {
    const { inside, bundle, ways } = need_();
    const place = boai.where && boai.where.resolve ? await boai.where.resolve(question, data) : named(question);
    const { lon, lat } = place, near = ways.nearest(lon, lat), found = countyOf(place);
    const point = place.level === undefined || place.level === "点";
    let outside = 0, beyond = "";
    if (point && !inside(lon, lat)) {
      const border = nearestBorder(lon, lat);
      outside = border.away;
      const said = `在省界${border.side}侧约 ${(outside / 1000).toFixed(outside > BEYOND_M ? 0 : 1)} 公里`;
      if (outside > BEYOND_M) throw failure("place", `地点: 该点不在${bundle.province}范围内, ${said}, 得到 ${plain(lon)},${plain(lat)}; 请检查坐标和坐标系, 经度在前, 纬度在后 (WGS84)`, { status: 400 });
      beyond = `该点在${bundle.province}外, ${said}; 路网和站点只到省界, 时间可能偏长`;
    }
    const own = point ? (beyond ? { city: "", county: "" } : found) : {};
    const road = ways.offRoadOf(near);
    return {
      name: "", note: "", water: "", candidates: [], system: "", ...place, ...own,
      off_road_m: Number.isFinite(road) ? boai.facts.tenth(road) : null,
      cut_off: false,
      outside: beyond,
      outside_m: boai.facts.tenth(outside),
      calculated_m: boai.facts.tenth(near.metres),
      warning: [beyond, boai.localAnswer.roadWarning(road, bundle.exact)].filter((text) => text).join("; "),
    };
  }

  /** Find the county of a point by the even-odd rule over the counties' rings; -1 outside all. */
  function countyAt(lon, lat) {
    const { borders } = need_().bundle, odd = new Set();
    let first = 0;
    borders.points.forEach((count, ring) => {
      const county = borders.county[ring];
      for (let i = first, last = first + count - 1; i < first + count; last = i++) {
        const y1 = borders.lat[last] / DEGREE, y2 = borders.lat[i] / DEGREE;
        if ((y1 > lat) === (y2 > lat)) continue;
        const x1 = borders.lon[last] / DEGREE, x2 = borders.lon[i] / DEGREE;
        if (lon < x1 + ((lat - y1) * (x2 - x1)) / (y2 - y1)) odd.has(county) ? odd.delete(county) : odd.add(county);
      }
      first += count;
    });
    return odd.size ? Math.min(...odd) : -1;
  }

  /** Name the city and the county of a point, and the point by the places of its county. */
  function countyOf({ lon, lat, name }) {
    const { gazetteer } = need_();
    const row = countyAt(lon, lat);
    if (row < 0) return {};
    const found = { city: gazetteer.city_name[row], county: gazetteer.county_name[row] };
    if (!boai.where || !boai.where.prepare) return found;
    const all = boai.where.prepare(data);
    const own = Object.assign(Object.create(all), { level: all.level.map((level, i) => (all.county[i] === row ? level : 0)) });
    const beside = / \([^()]*\)$/.exec(name || "");
    return { ...found, name: boai.where.label(own, lon, lat).name + (beside ? beside[0] : "") };
  }

  /** Measure how far a point lies from the border, and on which side of it. */
  function nearestBorder(lon, lat) {
    const { outline } = need_().bundle, flat = Math.cos((lat * Math.PI) / 180), metre = 111194.93;
    let away = Infinity, dx = 0, dy = 0, first = 0;
    for (const count of outline.points) {
      for (let i = first + 1; i < first + count; i++) {
        const ax = (outline.lon[i - 1] / DEGREE - lon) * flat, ay = outline.lat[i - 1] / DEGREE - lat;
        const sx = (outline.lon[i] / DEGREE - lon) * flat - ax, sy = outline.lat[i] / DEGREE - lat - ay;
        const share = Math.min(1, Math.max(0, -(ax * sx + ay * sy) / Math.max(sx * sx + sy * sy, 1e-18)));
        const x = ax + share * sx, y = ay + share * sy, own = Math.hypot(x, y) * metre;
        if (own < away) [away, dx, dy] = [own, -x, -y];
      }
      first += count;
    }
    const angle = (Math.atan2(dx, dy) * 180) / Math.PI;
    return { away, side: SIDES[(Math.round(angle / 45) + 8) % 8] };
  }

  /** Find a place by coordinates, or by its official name, where where.js is not there. */
  function named({ at, lon, lat }) {
    if (at === undefined || at === null || at === "") return { name: "", lon: Number(lon), lat: Number(lat) };
    const { gazetteer } = need_();
    const row = gazetteer.name.indexOf(String(at).trim());
    if (row < 0) throw failure("place", "地名表里没有这个地方", { status: 404 });
    return { name: gazetteer.name[row], lon: gazetteer.lon[row], lat: gazetteer.lat[row] };
  }

  const closes = (trial) => Boolean(trial && ["roads", "edges", "areas"].some((name) => (trial[name] || []).length));

  async function asked(question, answer) {
    if (closes(question.what_if)) throw failure("offline", NEEDS_SERVER);
    const now = question.now ? new Date(question.now) : new Date();
    return answer({ ...need_(), marks: marksAt(now) }, question, now);
  }

  const nearest = (question) => asked(question, async (own, ...rest) => boai.localAnswer.nearest(own, await where(question), ...rest));
  const need = (question) => asked(question, async (own, ...rest) => boai.localNeed.need(own, question.area ? null : await where(question), ...rest));

  async function sites(kind) {
    const own = need_().sitesOf(kind);
    const features = own.map((site) => {
      const { lon, lat, number, opens, ready_cs, row, has_nothing, ...properties } = site; // eslint-disable-line no-unused-vars
      return { type: "Feature", id: site.id, geometry: { type: "Point", coordinates: [lon, lat] }, properties };
    });
    return { type: "FeatureCollection", features, numberMatched: own.length, numberReturned: own.length, links: [] };
  }

  /** List the closures that came with the data, the latest first, as GeoJSON. */
  function closures() {
    const { bundle } = need_();
    const features = bundle.closures.map((facts, i) => ({ type: "Feature", id: facts.number, geometry: bundle.closure_lines[i], properties: facts })).reverse();
    return { type: "FeatureCollection", version: bundle.version, numberMatched: features.length, numberReturned: features.length, features };
  }

  const refused = async () => { throw failure("offline", NEEDS_SERVER); };

  boai.local = {
    open,
    where,
    nearest,
    need,
    sites,
    suggest: async (text, limit = 8) => (boai.where && boai.where.suggest ? boai.where.suggest(text, limit, need_()) : []),
    tree: async () => (boai.where && boai.where.tree ? boai.where.tree(need_()) : []),
    health: async () => facts(),
    closures: async () => closures(),
    marks: async () => ({ marks: [...marksAt(new Date()).values()].map((mark) => ({ ...mark, name: (siteOf(mark.kind, mark.id) || mark).name })) }),
    mark,
    unmark,
    close: refused,
    reopen: refused,
    preview: refused,
    /** Decrypt the contacts with a passphrase; see vault.js. */
    unlock: (passphrase) => boai.vault.open(need_().bundle, passphrase),
    data: need_,
  };
})();
