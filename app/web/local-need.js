/* A need planned from the bundle: the twin of app/desk/{need,wanted,area}.py, of one JSON shape with them. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const NOISE = 1e-9, DEGREE = 10000000, KM_DEGREE = 111.19493;
  const MOST = { persons: 100000000, amount: 1000000000, items: 50, name: 60, corners: 2000, known: 200, names: 5 };
  const POINTS = 127, GOLDEN = Math.PI * (3 - Math.sqrt(5));
  const PERSONS = "折合人数";
  const SENT_AT_ONCE = "各仓库的物资按一次运完计, 不计装车和车辆数 (假设)";
  const RULE = "范围内的居民按本省的人口网格 (约 5 平方公里一格, 2020 年普查) 计, 省外的没有数据, 未计入; 离线时把每格看作等面积的圆, 按其中落在范围内的部分估算, 与服务器可有百分之几的差别";

  function refuse(problems) {
    const texts = problems.map(({ where, what, got, fix }) => `${where}: ${what}${got ? `, 得到 ${got}` : ""}${fix ? `; ${fix}` : ""}`);
    throw { code: "input", message: texts.join("\n"), problems, candidates: [], status: 400 };
  }

  const problem = (where, what, got = "", fix = "") => ({ where, what, got: String(got), fix });
  const tidy = (text) => text.normalize("NFKC").replace(/\s+/g, "");
  const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

  function check({ persons, area, items, share }, place) {
    const problems = [];
    const named = Object.entries(items || {});
    if (!isNumber(persons) && !area && !named.length) problems.push(problem("需求", "没有填写", "", "请填人数, 或画出范围, 或列出物资和数量"));
    if (persons !== undefined && persons !== null && !(isNumber(persons) && persons > 0 && persons <= MOST.persons)) problems.push(problem("人数", `应为 1 到 ${MOST.persons} 的数`, persons));
    if (!(share > 0 && share <= 1)) problems.push(problem("需要保障的比例", "应大于 0, 不大于 1", share, "例如 0.1 表示一成"));
    if (named.length > MOST.items) problems.push(problem("物资", `最多 ${MOST.items} 种`, named.length));
    for (const [name, count] of named.slice(0, MOST.items)) {
      if (!tidy(name) || name.length > MOST.name) problems.push(problem("物资名称", `应为 1 到 ${MOST.name} 个字`, name.slice(0, 20)));
      if (!(isNumber(count) && count > 0 && count <= MOST.amount)) problems.push(problem(`物资 ${name.slice(0, 20)}`, `数量应大于 0, 不大于 ${MOST.amount}`, count));
    }
    if (!place && !area) problems.push(problem("地点", "没有填写", "", "请填地点, 或画出范围"));
    if (area && (area.length > MOST.corners || new Set(area.map(String)).size < 3 || !area.flat().every(isNumber))) problems.push(problem("范围", "不是一个范围", `${area.length} 个角`, "请在图上画出范围, 至少三个角"));
    if (problems.length) refuse(problems);
  }

  /** Count the share of the persons, rounded up, without the errors of binary fractions. */
  function served(persons, share) {
    const [mantissa, power = "0"] = String(share).split("e");
    const [whole, part = ""] = mantissa.split(".");
    const digits = BigInt(whole + part) * BigInt(Math.ceil(persons)), scale = 10n ** BigInt(part.length - Number(power));
    return Number((digits + scale - 1n) / scale);
  }

  /** Turn persons and items into what is to be brought: {names, need, per, rates}. */
  function wantedOf(standard, persons, items) {
    const amounts = new Map();
    let per = [];
    if (persons !== null) {
      per = standard.persons_per_item;
      if (!per.length) refuse([problem("人数", "服务标准里没有物资与人数的折算", "", "请直接填写物资和数量")]);
      if (per.length === 1) {
        amounts.set(per[0][0], Math.ceil(persons / per[0][1] - NOISE));
        per = [];
      } else amounts.set(PERSONS, persons);
    }
    for (const [name, count] of Object.entries(items || {})) {
      const own = tidy(name);
      if (per.some(([item]) => item === own)) refuse([problem(`物资 ${own}`, "已由人数折算, 不能再单列", count, "请只填人数, 或只列物资")]);
      amounts.set(own, (amounts.get(own) || 0) + Math.ceil(count));
    }
    return { names: [...amounts.keys()], need: [...amounts.values()], per, rates: persons === null ? [] : standard.persons_per_item };
  }

  const stated = (stock, item) => Math.max(Object.hasOwn(stock, item) ? stock[item] : 0, 0);

  function amount(wanted, name, stock) {
    if (name === PERSONS && wanted.per.length) return Math.floor(wanted.per.reduce((sum, [item, each]) => sum + stated(stock, item) * each, 0) + NOISE);
    return Math.min(stated(stock, name), MOST.amount);
  }

  /** Turn amounts taken from a store into items; persons into pieces, in the standard's order. */
  function pieces(wanted, takes, stock) {
    const found = new Map(), add = (name, count) => found.set(name, (found.get(name) || 0) + count);
    wanted.names.forEach((name, i) => {
      if (name !== PERSONS || !wanted.per.length) return add(name, takes[i]);
      let left = takes[i];
      for (const [item, each] of wanted.per) {
        const count = Math.min(stated(stock, item), Math.ceil(Math.max(left, 0) / each - NOISE));
        add(item, count);
        left -= count * each;
      }
      return null;
    });
    return Object.fromEntries([...found].filter(([, count]) => count));
  }

  function insideRing(ring, lon, lat) {
    let inside = false;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [x1, y1] = ring[j], [x2, y2] = ring[i];
      if ((y1 > lat) !== (y2 > lat) && lon < x1 + ((lat - y1) * (x2 - x1)) / (y2 - y1)) inside = !inside;
    }
    return inside;
  }

  /** Points spread evenly over a circle, as shares of its radius (Vogel 1979). */
  const CIRCLE = Array.from({ length: POINTS }, (_, i) => [Math.sqrt((i + 0.5) / POINTS) * Math.cos(i * GOLDEN), Math.sqrt((i + 0.5) / POINTS) * Math.sin(i * GOLDEN)]);

  /** Estimate who lives in an area: {residents, whole, cut, lon, lat, name, city}. */
  function residentsIn(data, ring) {
    const { places } = data.bundle, radius = Math.sqrt(data.bundle.cell_km2 / Math.PI) / KM_DEGREE;
    const xs = ring.map((one) => one[0]), ys = ring.map((one) => one[1]);
    const wide = radius / Math.cos((Math.max(...ys.map(Math.abs)) * Math.PI) / 180);
    const box = [Math.min(...xs) - wide, Math.max(...xs) + wide, Math.min(...ys) - radius, Math.max(...ys) + radius];
    const cells = [];
    for (let i = 0; i < places.residents.length; i++) {
      if (!places.residents[i]) continue;
      const lon = places.lon[i] / DEGREE, lat = places.lat[i] / DEGREE;
      if (lon < box[0] || lon > box[1] || lat < box[2] || lat > box[3]) continue;
      const stretch = radius / Math.cos((lat * Math.PI) / 180);
      const share = CIRCLE.filter(([x, y]) => insideRing(ring, lon + x * stretch, lat + y * radius)).length / POINTS;
      if (share) cells.push({ lon, lat, share, people: places.residents[i] * share });
    }
    const people = cells.reduce((sum, one) => sum + one.people, 0);
    if (boai.facts.even(people) === 0) refuse([problem("范围", "范围内没有居民", "", "请检查范围的位置; 人口网格约 5 平方公里一格, 范围很小时请直接填人数")]);
    const mean = (axis) => cells.reduce((sum, one) => sum + one[axis] * one.people, 0) / people;
    const east = mean("lon"), north = mean("lat"), flat = Math.cos((north * Math.PI) / 180);
    const far = (one) => ((one.lon - east) * flat) ** 2 + (one.lat - north) ** 2;
    const middle = cells.reduce((best, one) => (far(one) < far(best) ? one : best));
    const whole = cells.filter((one) => one.share === 1).length;
    return { residents: boai.facts.even(people), whole, cut: cells.length - whole, lon: middle.lon, lat: middle.lat, name: "所画范围的中心", city: data.cityAt(middle.lon, middle.lat) };
  }

  const list = (names) => names.slice(0, MOST.names).join("、") + (names.length > MOST.names ? ` 等 ${names.length} 处` : "");

  function planText(plan) {
    const { duration } = boai.facts;
    const short = Object.entries(plan.shortfall).map(([name, count]) => `${name} ${count}`).join("、");
    if (!plan.stores.length) return short ? `没有能到又有货的仓库, 缺 ${short}` : "不需要调拨";
    const head = `${plan.stores.length} 处仓库${plan.proven ? "" : " (未证明为最少)"}`;
    return short ? `${head}, ${duration(plan.last_min)}送完现有的, 还缺 ${short}` : `${head}, ${duration(plan.complete_min)}全部到齐`;
  }

  function planOf(found, wanted, cards) {
    const short = wanted.names.map((name, i) => [name, found.shortfall[i]]).filter(([, count]) => count);
    const told = {
      stores: found.rows.map((row, i) => ({ ...cards.get(row), takes: pieces(wanted, found.takes[i], cards.get(row).stock) })),
      complete_min: Number.isFinite(found.complete) ? boai.localAnswer.minutes(found.complete) : null,
      last_min: Number.isFinite(found.last) ? boai.localAnswer.minutes(found.last) : null,
      shortfall: Object.fromEntries(short),
      proven: found.proven,
    };
    return { ...told, text: planText(told) };
  }

  function knownItems(sites, usable) {
    const total = new Map();
    sites.forEach((site, row) => {
      if (!Number.isFinite(usable[row])) return;
      for (const [name, count] of Object.entries(site.stock)) if (count > 0) total.set(name, (total.get(name) || 0) + count);
    });
    const names = [...total.keys()].sort((a, b) => total.get(b) - total.get(a) || boai.facts.byPoints(a, b));
    return names.slice(0, MOST.known).map((name) => ({ name, total: total.get(name) }));
  }

  function notesOf({ bundle, now, sites, found, usable, empty, wanted, place, cards, inside }) {
    const notes = [...bundle.notes, place.note || "", boai.localAnswer.apartNote(found, bundle.exact), ...boai.localAnswer.dataNotes({ bundle, now })];
    const rates = wanted.rates;
    if (rates.length) notes.push(`人数按服务标准折算: ${rates.map(([item, each]) => `${item} 一件供 ${each} 人`).join("、")}`);
    if (inside) notes.push(RULE);
    notes.push(SENT_AT_ONCE);
    const old = [...cards.values()].filter((one) => one.stock_old).map((one) => one.name);
    if (old.length) notes.push(`库存超过 ${bundle.old_days} 天没有盘点或没有日期, 数量请先电话核实: ${list(old)}`);
    if (empty.reasons.size) notes.push(`${empty.reasons.size} 处仓库标记为空或库存为零, 未计入`);
    const bare = sites.filter((site, row) => Number.isFinite(usable[row]) && !Object.keys(site.stock).length);
    const persons = bare.reduce((sum, site) => sum + (site.persons || 0), 0);
    if (bare.length) notes.push(`${bare.length} 处仓库没有库存清单${persons ? `, 按填报或级别估计可保障 ${persons} 人` : ""}, 未计入, 请电话核实: ${list(bare.map((site) => site.name))}`);
    const gone = found.eta.filter((eta) => !Number.isFinite(eta)).length;
    if (gone) notes.push(`${gone} 处仓库不可达, 未计入`);
    const unknown = wanted.names.filter((name) => !sites.some((site) => amount(wanted, name, site.stock)));
    if (unknown.length) notes.push(`没有仓库登记有 ${unknown.join("、")}`);
    return notes.filter((text) => text);
  }

  /**
   * Plan which warehouses together bring what is needed.
   * @param {object} data as in `boai.localAnswer.nearest`
   * @param {object|null} place without it the middle of the residents of the area
   * @param {{persons?: number, area?: number[][], items?: object, share?: number, what_if?: object}} question
   * @param {Date} now
   */
  function need(data, place, question, now) {
    const { bundle } = data, share = question.share === undefined || question.share === null ? 1 : question.share;
    check({ ...question, share }, place);
    const inside = question.area ? residentsIn(data, question.area) : null;
    const counted = isNumber(question.persons) ? question.persons : inside ? inside.residents : null;
    const persons = counted === null ? null : served(counted, share);
    const wanted = wantedOf(bundle.standards.warehouse, persons, question.items);
    const where = place || { name: inside.name, lon: inside.lon, lat: inside.lat, city: inside.city };
    const asked = boai.localAnswer.asked(data, where, { kind: "warehouse", what_if: question.what_if }, now);
    const { sites, found, empty } = asked;
    const usable = found.eta.map((eta, row) => (empty.reasons.has(row) ? Infinity : eta));
    const stock = sites.map((site) => wanted.names.map((name) => amount(wanted, name, site.stock)));
    const plans = { first: boai.plan.first(stock, wanted.need, usable), fewest: boai.plan.fewest(stock, wanted.need, usable) };
    const rows = new Set(Object.values(plans).flatMap((plan) => plan.rows));
    const made = boai.localAnswer.cards(asked, boai.localAnswer.ordered(found, new Set()).filter((row) => rows.has(row)));
    for (const { card } of made) Object.assign(card, { usual_eta_min: null, delta_min: null, cut_off: false });
    const cards = new Map(made.map(({ row, card }) => [row, card]));
    return {
      ...boai.localAnswer.heading(asked),
      place: boai.localAnswer.placeOf({ ...asked, usual: null }),
      what_if: boai.localAnswer.tried(asked),
      persons,
      share,
      residents: inside ? inside.residents : null,
      cells: inside ? { whole: inside.whole, cut: inside.cut } : null,
      items: Object.fromEntries(wanted.names.map((name, i) => [name, wanted.need[i]])),
      plans: { first: planOf(plans.first, wanted, cards), fewest: planOf(plans.fewest, wanted, cards) },
      known_items: knownItems(sites, usable),
      features: made.map((one) => one.feature),
      notes: notesOf({ bundle, now, sites, found, usable, empty, wanted, place: where, cards, inside }),
      offline: { made_at: bundle.made_at, apart_m: boai.facts.tenth(found.apart) },
    };
  }

  boai.localNeed = { need };
})();
