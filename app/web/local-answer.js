/* The nearest help from the bundle: the twin of app/desk/answers.py, of one JSON shape with it. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const MOST_EMPTY = 10, MOST_NAMES = 10, MOST_K = 20;
  const OFF_ROAD_M = 3000, CUT_OFF_M = 100, APART_M = 50;
  const HOUR_MS = 3600000;
  const NO_WATER = "没有水面数据: 点在水面上时不会提示"; // also where the server has them
  const UNSTATED = "未填";
  const LEFT = ["ready_cs", "has_nothing", "opens", "row", "number"];

  const minutes = (cs) => boai.facts.tenth(cs / 100 / 60);
  const km1 = (metres) => boai.facts.tenth(metres / 1000).toFixed(1);

  /** Measure the way of every site of a kind to a point: where it is calculated, and arrivals in centiseconds. */
  function reach(ways, rows, lon, lat) {
    const near = ways.nearest(lon, lat), { place, metres } = near;
    const off = metres > 0 ? ways.offRoad(metres) : 0;
    const found = rows.map((site) => (place < 0 ? null : ways.way(place, site.number)));
    const beside = ways.exact || !off ? [] : ways.beside(lon, lat);
    const share = found.map((one, i) => (one && beside.length ? ways.share(near, beside, one, rows[i].number) : 1));
    const drive = found.map((one, i) => (one ? Math.max(0, one.cs + boai.facts.even(share[i] * off)) : Infinity));
    return {
      place,
      apart: metres,
      road: ways.offRoadOf(near),
      ways: found,
      share,
      drive,
      eta: drive.map((cs, i) => cs + rows[i].ready_cs),
    };
  }

  /** Find the sites that have nothing to send: {reasons: row → why, marked: those that have by their stock list}. */
  function empties(sites, marks, tried, leftOut) {
    const reasons = new Map(), marked = new Set();
    sites.forEach((site, row) => {
      if (leftOut.has(row)) return;
      const mark = marks.get(site.kind + "/" + site.id);
      if (tried.has(site.id)) reasons.set(row, "假设为空 (试算)");
      else if (mark && mark.state === "空") reasons.set(row, boai.facts.markText(mark));
      else if (site.has_nothing && !(mark && mark.state === "可用")) reasons.set(row, "库存填报全部为零" + (site.stock_date ? ` (${site.stock_date})` : ""));
      if (reasons.has(row) && !site.has_nothing) marked.add(row);
    });
    return { reasons, marked };
  }

  /** Order the rows that can be reached: first arrival, then shortest drive, then the lowest row. */
  function ordered(found, leftOut) {
    const rows = found.eta.map((_, row) => row).filter((row) => Number.isFinite(found.eta[row]) && !leftOut.has(row));
    return rows.sort((a, b) => found.eta[a] - found.eta[b] || found.drive[a] - found.drive[b] || a - b);
  }

  function chosenRows(order, empty, k) {
    const chosen = order.filter((row) => !empty.has(row)).slice(0, k);
    const last = chosen.length === k ? order.indexOf(chosen[k - 1]) : order.length;
    return [chosen, order.slice(0, last).filter((row) => empty.has(row)).slice(0, MOST_EMPTY)];
  }

  const isOf = (site, kind, speciality) => kind !== "team" || !speciality || (site.speciality || UNSTATED) === speciality.trim();

  function siteFacts(site, asked, empty) {
    const { facts } = boai;
    const own = Object.fromEntries(Object.entries(site).filter(([name]) => !LEFT.includes(name)));
    const age = facts.ageDays(site.stock_date, asked.now);
    const [open, openText] = facts.openAt(site.opens, site.hours, asked.now);
    const some = Object.keys(site.stock).length > 0;
    return {
      ...own,
      crosses_city: Boolean(site.city && asked.city && site.city !== asked.city),
      open_now: open,
      open_text: openText,
      stock_age_days: age,
      stock_old: some && (age === null || age > asked.bundle.old_days),
      persons: empty ? 0 : site.persons,
      persons_origin: empty ? "空" : site.persons_origin,
    };
  }

  function card(asked, row, rank) {
    const { found, sites, ways } = asked;
    const site = sites[row], empty = asked.empty.reasons.get(row) || "";
    const mark = asked.marks.get(site.kind + "/" + site.id) || null;
    const told = ways.told(found.ways[row], site.number);
    const metres = Math.max(0, told.metres + found.share[row] * found.apart * ways.access.detour);
    const [status, why] = boai.facts.status(mark, empty);
    const usual = asked.bundle.usual_left_out ? Infinity : (asked.usual || found).eta[row];
    const here = Math.max(0, ways.ways.site_dm[site.number] / 10);
    const before = asked.usual ? Math.max(0, asked.usualWays.ways.site_dm[site.number] / 10) : here;
    return {
      card: {
        rank,
        ...siteFacts(site, asked, empty),
        eta_min: minutes(found.eta[row]),
        readiness_min: minutes(site.ready_cs),
        drive_min: minutes(found.drive[row]),
        km: boai.facts.tenth(metres / 1000),
        off_road_m: boai.facts.tenth(here),
        cut_off: here > before + CUT_OFF_M,
        passes: told.passes.length ? told.passes : asked.along(told.line),
        roads: told.roads,
        stretches: told.stretches,
        status,
        status_why: why,
        mark,
        usual_eta_min: Number.isFinite(usual) ? minutes(usual) : null,
        delta_min: Number.isFinite(usual) ? minutes(found.eta[row] - usual) : null,
      },
      feature: feature(asked, row, rank, told, metres),
    };
  }

  function feature(asked, row, rank, told, metres) {
    const site = asked.sites[row], { found } = asked;
    const line = told.line.length ? told.line : [[site.lon, site.lat], asked.ways.lonLat(found.place)];
    return {
      type: "Feature",
      geometry: { type: "LineString", coordinates: line.length > 1 ? line : [line[0], line[0]] },
      properties: { rank, id: site.id, name: site.name, eta_min: minutes(found.eta[row]), drive_min: minutes(found.drive[row]), metres: boai.facts.tenth(metres), roads: told.roads },
    };
  }

  /** Say that the road is far, as coverage/nearest.py does. */
  function roadWarning(metres, exact) {
    if (!Number.isFinite(metres)) return "该点附近没有可以通行的道路";
    return metres > OFF_ROAD_M ? `该点距最近的${exact ? "道路节点" : "道路"}约${km1(metres)}公里 (直线), 行车时间仅供参考` : "";
  }

  function placeOf(asked) {
    const off = asked.found.road, met = Number.isFinite(off);
    const cut = met && Boolean(asked.usual) && off > asked.usual.road + CUT_OFF_M;
    const shut = `该点旁边的道路已封闭, 最近能通行的道路在约 ${km1(off)} 公里外 (直线), 这一段能否通过请先核实`;
    const warning = [asked.place.outside, cut ? shut : roadWarning(off, asked.exact)].filter(Boolean).join("; ");
    return { note: "", ...asked.place, city: asked.city, off_road_m: met ? boai.facts.tenth(off) : null, warning, cut_off: cut };
  }

  function missing(found, k, able, registered, unreached) {
    if (!able) return registered ? "没有可派的站点" : "登记库里没有在用的站点";
    return found >= Math.min(k, able) ? "" : `${found ? "其余 " : ""}${unreached} 处不可达 (道路中断或没有道路相连)`;
  }

  /** Say how far the place for which times were computed lies from the point. */
  function apartNote(found, exact) {
    if (found.place < 0 || found.apart < APART_M) return "";
    const far = `相距约 ${km1(found.apart)} 公里 (直线)`;
    if (exact) return `离线按最近的计算点 (网格中心或乡镇) 计算, ${far}, 这一段按时速 20 公里、绕行 1.3 倍估算 (假设), 与联网时算法相同`;
    return `离线按周围三个计算点 (网格中心或乡镇) 的时间推算, 最近的${far}; 试算中多数点与联网时相差一两分钟, 百分之一的点相差 5 到 10 分钟以上, 先后相近的站点可能换位`;
  }

  /** Say what the data cannot know: a wrong clock, closures that have ended since, what had no room in the file. */
  function dataNotes({ bundle, now }) {
    const over = bundle.closures.filter((one) => one.until && Date.parse(one.until) <= now.getTime()).map((one) => one.what);
    const early = Date.parse(bundle.made_at) - now.getTime() > HOUR_MS;
    return [
      early ? "本机的时间早于数据存下的时间, 请校准时钟: 开放时间、库存天数和标记的期限会算错" : "",
      over.length ? `${over.slice(0, MOST_NAMES).join("、")} 的封闭或减速已过预计结束的时间; 离线数据仍按封闭计算, 能否通行请先核实` : "",
      bundle.usual_left_out ? "文件里没有平时 (道路未封闭时) 的路线, 不能比较晚了多少" : "",
    ].filter((text) => text);
  }

  function notesOf(asked, cards, reached, cut) {
    const { bundle, empty } = asked;
    const notes = [...bundle.notes, asked.place.note || "", apartNote(asked.found, bundle.exact), ...dataNotes(asked)];
    if (asked.place.level === "点") notes.push(NO_WATER);
    const count = asked.sites.length - asked.leftOut.size;
    if (asked.leftOut.size && !count) notes.push("没有登记这个专业的救援队, 请换一个专业或看全部");
    else notes.push(missing(reached, asked.k, count - empty.reasons.size, count, cut.length));
    if (empty.reasons.size) notes.push(`${empty.reasons.size} 处没有可派的物资或队伍 (标记为空或库存为零), 不占名次`);
    if (cards.some((one) => one.stock_old)) notes.push(`灰色的库存超过 ${bundle.old_days} 天没有盘点或没有日期 (${bundle.old_days} 天为假设), 请先电话核实`);
    if (cards.some((one) => one.position === "近似")) notes.push("位置为近似的站点只登记到乡镇或县城, 时间和里程不准, 请先电话核实");
    return notes.filter((text) => text);
  }

  function specialities(asked) {
    if (asked.kind !== "team") return [];
    const count = new Map();
    for (const site of asked.sites) count.set(site.speciality || UNSTATED, (count.get(site.speciality || UNSTATED) || 0) + 1);
    const names = [...count.keys()].sort((a, b) => (a === UNSTATED) - (b === UNSTATED) || count.get(b) - count.get(a) || boai.facts.byPoints(a, b));
    return names.map((name) => ({ name, count: count.get(name) }));
  }

  /** Compare with usual conditions: null where nothing differs from them. */
  function changesOf(asked, sent, shown) {
    const { empty, found, leftOut, k } = asked;
    if (!asked.differs) return null;
    const usual = asked.usual || found;
    const nothing = new Set([...leftOut, ...[...empty.reasons.keys()].filter((row) => !empty.marked.has(row))]);
    const before = usual.eta.map((eta, row) => (nothing.has(row) ? Infinity : eta));
    const usualRows = ordered(usual, nothing).slice(0, k);
    const why = new Map([...empty.marked].map((row) => [row, empty.reasons.get(row)]));
    return boai.facts.changes(asked.sites, before, sent, why, [...usualRows, ...shown]);
  }

  /** Look at a question: who is asked, how each arrives, who has nothing to send. */
  function asked_(data, place, question, now) {
    const { bundle, ways, usualWays } = data;
    const kind = question.kind || "warehouse", k = Math.max(1, Math.min(MOST_K, Math.trunc(Number(question.k) || 3)));
    const sites = data.sitesOf(kind), speciality = question.speciality || "";
    const leftOut = new Set(sites.map((_, row) => row).filter((row) => !isOf(sites[row], kind, speciality)));
    const tried = (question.what_if && question.what_if.empty) || [];
    const empty = empties(sites, data.marks, new Set(tried), leftOut);
    return {
      bundle, ways, usualWays, place, kind, k, sites, leftOut, tried, empty, now,
      found: reach(ways, sites, place.lon, place.lat),
      usual: usualWays ? reach(usualWays, sites, place.lon, place.lat) : null,
      exact: bundle.exact,
      marks: data.marks,
      along: data.along,
      city: place.city || data.cityAt(place.lon, place.lat),
      differs: !bundle.usual_left_out && Boolean(usualWays || empty.marked.size || bundle.closures.length),
    };
  }

  const cardsOf = (asked, rows) => rows.map((row, i) => ({ row, ...card(asked, row, i + 1) }));
  const heading = ({ bundle, kind, now }) => ({ asked_at: boai.facts.china(now).iso, version: bundle.version, labels: bundle.labels_of[kind], mode: bundle.mode, closures: bundle.closures });

  function triedOf({ tried, sites }) {
    if (!tried.length) return null;
    const name = (id) => (sites.find((site) => site.id === id) || { name: id }).name;
    return { empty: tried.map((id) => ({ id, name: name(id) })), closed: [], roads: [], edges: [], areas: [] };
  }

  /**
   * Answer whose help arrives first at a place.
   * @param {object} data what `boai.local` opened: bundle, ways, usualWays, marks, along, cityAt, sitesOf
   * @param {object} place as `where` gives it
   * @param {{kind: string, k: number, speciality: string, what_if: object}} question
   * @param {Date} now
   */
  function nearest(data, place, question, now) {
    const asked = asked_(data, place, question, now);
    const { bundle, kind, k, sites, leftOut, empty, found } = asked;
    const [chosen, nothing] = chosenRows(ordered(found, leftOut), empty.reasons, k);
    const shown = [...chosen, ...nothing], made = cardsOf(asked, shown);
    const cards = made.map((one) => one.card);
    const sent = found.eta.map((eta, row) => (leftOut.has(row) || empty.reasons.has(row) ? Infinity : eta));
    const reached = sent.filter(Number.isFinite).length;
    const cut = sites.map((_, row) => row).filter((row) => !Number.isFinite(found.eta[row]) && !leftOut.has(row));
    return {
      ...heading(asked),
      place: placeOf(asked),
      kind,
      k,
      what_if: triedOf(asked),
      sites: cards,
      features: made.map((one) => one.feature),
      unreached: { count: cut.length, names: cut.slice(0, MOST_NAMES).map((row) => sites[row].name) },
      more: reached > chosen.length,
      compliance: boai.facts.compliance(bundle.standards[kind], sites, sent),
      compliance_note: bundle.standards[kind].definition,
      changes: changesOf(asked, sent, shown),
      specialities: specialities(asked),
      notes: notesOf(asked, cards, reached, cut),
      offline: { made_at: bundle.made_at, apart_m: boai.facts.tenth(found.apart) },
    };
  }

  boai.localAnswer = { nearest, asked: asked_, cards: cardsOf, heading, placeOf, roadWarning, tried: triedOf, ordered, apartNote, dataNotes, minutes };
})();
