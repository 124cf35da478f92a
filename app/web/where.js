/* Where help is needed, without a server: the twin of app/desk/where.py on the places of the bundle.
   Offline there are no borders of counties, no roads beside the point and no water: what follows from these is
   left to local.js, or not said. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { Places, LONGEST, LEVELS, PROVINCE, CITY, COUNTY, SETTLEMENT, LOOKS_ALIKE } = boai.places;
  const NEARBY_M = 10000, EARTH_RADIUS_M = 6371008.8;
  const OFFERED = 5, NAMED = 3, SHOWN = 20, LONG = 7, BELOW = "下辖";
  const SECTORS = ["北", "东北", "东", "东南", "南", "西南", "西", "西北"];
  const LEADING = /^(?:我们?|现)?(?:在|位于|地址|地点|事发地|位置)?[:：,，【[( ]*/;
  const EXAMPLE = "请写江西省内县或乡镇的名称, 例如 修水县 或 修水县黄坳乡";
  const made = new WeakMap();
  const cutTo = (text, count) => Array.from(text).slice(0, count).join("");
  const refused = (what, fix, where, { candidates = [], got = "" } = {}) => ({ ...boai.pasted.refused(what, got, fix, where), candidates });

  /** Make the places of a bundle, once: `data.gazetteer` with plain degrees, `data.bundle.characters` the tables. */
  function prepare(data) {
    if (!made.has(data.gazetteer)) made.set(data.gazetteer, new Places(plain(data.gazetteer), data.bundle && data.bundle.characters));
    return made.get(data.gazetteer);
  }

  const plain = (gazetteer) => Object.fromEntries(Object.entries(gazetteer).map(([key, values]) => [key, Array.isArray(values) ? values : Array.from(values)]));

  // ---------- names ----------
  function clean(places, text) {
    const most = (shown) => { if (shown > LONGEST) throw refused(`最多 ${LONGEST} 个字`, EXAMPLE, "地名", { got: `${shown} 个字` }); };
    if (Array.from(text).length > 4 * LONGEST) most(Array.from(text).length);
    const tidy = places.simplified(text.normalize("NFKC").replace(/[ \t\r\n]/g, ""));
    if (!tidy || /[\p{C}\p{Z}]/u.test(tidy)) throw refused(tidy ? "含有控制字符等不可见字符" : "没有内容", EXAMPLE, "地名");
    most(Array.from(tidy).length);
    return tidy;
  }

  /** Read a text as units from large to small: every reading and its beginnings. */
  function readings(places, text) {
    const ahead = [[0, -1]], found = [];
    while (ahead.length) {
      const [start, above] = ahead.pop();
      for (let end = start + 2; end <= text.length; end++) {
        for (const [row, loose] of places.forms.get(text.slice(start, end)) || []) {
          if (!places.liesIn(row, above)) continue;
          found.push({ end, row, loose });
          ahead.push([end, row]);
        }
      }
    }
    return found;
  }

  /** Rows that the whole text names best: highest unit, then least loose. */
  function best(places, text) {
    const ends = readings(places, text).filter(({ end }) => end === text.length);
    const rank = ({ row, loose }) => places.level[row] * 10 + loose;
    const least = Math.min(...ends.map(rank));
    return [...new Set(ends.filter((one) => rank(one) === least).map(({ row }) => row))].sort((a, b) => a - b);
  }

  /** Find the place that a text names: {row, note}; null where there is none. */
  function find(places, text) {
    const wanted = clean(places, text);
    const open = wanted.indexOf("(");
    const split = open > 0 && wanted.endsWith(")") && open < wanted.length - 1;
    const [unit, detail] = split ? [wanted.slice(0, open), wanted.slice(open + 1, -1)] : [wanted, ""];
    let rows = best(places, unit + detail), note = "";
    if (!rows.length && detail) [rows, note] = [best(places, unit), `地名表里没有 ${detail}, 以${unit}代替`];
    if (!rows.length) return null;
    if (rows.length > 1) {
      const names = rows.map((row) => places.fullName(row, false));
      throw refused(`有 ${rows.length} 处同名: ${names.join("、")}`, `请写全名, 例如 ${names[0]}`, `地名 ${wanted}`, { candidates: rows.map((row) => places.described(row)) });
    }
    const name = places.name[rows[0]];
    const used = places.alias.find((other, at) => places.alias_of[at] === rows[0] && wanted.includes(other) && !wanted.includes(name));
    return { row: rows[0], note: note || (used ? `${used} 即 ${name}` : "") };
  }

  /** Find a place, or the county or township in which it should be. */
  function nearby(places, text) {
    const known = attempt(() => find(places, text));
    if (known) return known;
    const wanted = clean(places, text);
    const unit = readings(places, wanted).reduce((one, other) => (!one || other.end > one.end || (other.end === one.end && (other.row > one.row || (other.row === one.row && other.loose > one.loose))) ? other : one), null);
    if (!unit || unit.end === wanted.length || places.level[unit.row] < COUNTY) return null;
    return { row: unit.row, note: `地名表里没有 ${cutTo(wanted.slice(unit.end), SHOWN)}, 以${places.fullName(unit.row, false)}代替` };
  }

  const attempt = (make) => { try { return make(); } catch { return null; } };

  /** The text, and its ends from where an official name of a county or township begins in it. */
  function partsOf(places, text) {
    const shown = Array.from(text.replace(LEADING, ""));
    const names = new Set(places.name.filter((name, row) => places.level[row] >= CITY && name.length > 2));
    const begins = (at) => [3, 4, 5, 6, LONG].some((length) => names.has(shown.slice(at, at + length).join("")));
    const starts = [];
    for (let at = 1; at < Math.min(shown.length, 3 * LONGEST) && starts.length < NAMED; at++) if (begins(at)) starts.push(at);
    return [0, ...starts].map((at) => shown.slice(at, at + LONGEST).join(""));
  }

  /** Find a named place and others that may be meant: {row, note, candidates}. */
  function named(places, text) {
    let error = null, known = null;
    try {
      known = find(places, text);
    } catch (thrown) {
      error = thrown;
    }
    if (known) return { ...known, candidates: [] };
    const options = places.search(text, OFFERED);
    const sure = options.filter((one) => one.rank === 2 && one.why !== BELOW);
    if (sure.length === 1) return { row: sure[0].row, note: `按拼音 ${cutTo(text, LONGEST)} 理解为 ${places.name[sure[0].row]}`, candidates: [] };
    const alike = options.filter((one) => one.rank <= LOOKS_ALIKE && one.why !== BELOW);
    const namesakes = options.length > 0 && options[0].rank === 0;
    const described = (alike.length ? alike : options).map((one) => places.described(one.row, one.why));
    const unit = namesakes ? null : partsOf(places, text).map((part) => attempt(() => nearby(places, part))).find(Boolean);
    if (unit) {
      const names = alike.slice(0, NAMED).map((one) => places.name[one.row]).join("、");
      return { row: unit.row, note: names ? `${unit.note}; 是否指 ${names}?` : unit.note, candidates: alike.length ? described : [] };
    }
    const names = alike.slice(0, NAMED).map((one) => places.fullName(one.row, false)).join("、");
    if (error && (namesakes || !alike.length)) throw { ...error, candidates: described };
    throw refused("地名表里没有这个地方", names ? `是否指 ${names}?` : EXAMPLE, `地名 ${cutTo(text, SHOWN)}`, { candidates: described });
  }

  // ---------- points ----------
  const radians = (value) => (value * Math.PI) / 180;

  function metresBetween(lon1, lat1, lon2, lat2) {
    const chord = Math.sin(radians(lat2 - lat1) / 2) ** 2 + Math.cos(radians(lat1)) * Math.cos(radians(lat2)) * Math.sin(radians(lon2 - lon1) / 2) ** 2;
    return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(Math.min(chord, 1)));
  }

  /** Name a point by the nearest settlement or county seat: {name, row}. */
  function label(places, lon, lat) {
    let row = -1, away = Infinity;
    places.level.forEach((level, own) => {
      const metres = level >= COUNTY ? metresBetween(places.lon[own], places.lat[own], lon, lat) : Infinity;
      if (metres < away) [row, away] = [own, metres];
    });
    if (row < 0) return { name: "", row };
    const county = places.county_name[places.county[row]];
    const shown = places.level[row] === COUNTY ? `${county}驻地` : `${county} ${places.name[row]}`;
    const east = (lon - places.lon[row]) * Math.cos(radians(lat));
    const sector = (Math.round((Math.atan2(east, lat - places.lat[row]) * 180) / Math.PI / 45) + 8) % 8;
    return { name: shown + (away <= NEARBY_M ? "附近" : `${SECTORS[sector]}约${Math.round(away / 1000)}公里`), row };
  }

  /**
   * Say which place is meant.
   * @param {{at?: string, lon?: number, lat?: number, system?: string}} question
   * @param {{gazetteer: object, bundle: object}} data as local.js opens it
   * @returns {{name: string, lon: number, lat: number, note: string, city: string, county: string, level: string,
   *   system: string, candidates: object[]}} WGS84
   * @throws an object as the API writes errors, with candidates
   */
  function resolve({ at, lon, lat, system }, data) {
    const places = prepare(data);
    const given = lon !== undefined && lon !== null && lat !== undefined && lat !== null && !at;
    const reading = given ? boai.pasted.degrees(lon, lat, system || "auto") : boai.pasted.read(String(at ?? ""), system || "auto");
    if (reading.isPoint) {
      const near = label(places, reading.lon, reading.lat), county = near.row < 0 ? -1 : places.county[near.row];
      return {
        name: near.name + (reading.name ? ` (${reading.name})` : ""), lon: reading.lon, lat: reading.lat, note: reading.notes.join("; "),
        city: county < 0 ? "" : places.city_name[county], county: "", level: "点", system: reading.system, candidates: [],
      };
    }
    const { row, note, candidates } = named(places, reading.name);
    const level = places.level[row], county = places.county[row], notes = [...reading.notes, note];
    if (level === PROVINCE) {
      const below = places.search(reading.name, 20).slice(1).map((one) => places.described(one.row, one.why));
      throw refused("范围太大, 请写到县或乡镇", "例如 修水县 或 修水县黄坳乡", "地点", { candidates: below, got: places.name[row] });
    }
    if (level === CITY) notes.push(`以${places.name[row]}城区一点代表全市, 写到县区或乡镇更准`);
    return {
      name: places.fullName(row), lon: places.lon[row], lat: places.lat[row], note: notes.filter(Boolean).join("; "),
      city: county >= 0 ? places.city_name[county] : places.name[row], county: county >= 0 ? places.county_name[county] : "",
      level: LEVELS[level], system: "", candidates,
    };
  }

  /** Suggest places while a text is typed, best first: [{name, full_name, level, lon, lat, why}]. */
  function suggest(text, limit, data) {
    const places = prepare(data);
    return places.search(String(text), limit).map((one) => places.described(one.row, one.why));
  }

  /** List the cities with their counties, and those with their townships, each with name, lon, lat. */
  function tree(data) {
    const places = prepare(data);
    const node = (row) => ({ name: places.name[row], lon: places.lon[row], lat: places.lat[row] });
    const rows = (level, fits) => places.name.flatMap((_, row) => (places.level[row] === level && fits(row) ? [row] : []));
    const towns = (county) => rows(SETTLEMENT, (row) => places.county[row] === county).map(node);
    const counties = (city) => rows(COUNTY, (row) => places.city_name[places.county[row]] === city)
      .map((row) => ({ ...node(row), code: places.county_code[places.county[row]], townships: towns(places.county[row]) }));
    return rows(CITY, () => true).map((row) => ({ ...node(row), counties: counties(places.name[row]) }));
  }

  boai.where = { prepare, resolve, suggest, tree, label };
})();
