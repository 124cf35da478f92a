/* Two scenarios taken apart: which cells and residents one has within a limit and the other has not. No drawing. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const GAINED = 0, LOST = 1, KEPT = 2, STILL_OUT = 3; // positions of data.compare.cell
  const SHOWN_COVERED = 2; // classes of a cell on foot up to this one have somebody within reach

  /** What page_compare.py says of a resource type of two scenarios; `back`: their order is the other way round. */
  function keptOf(facts, { left, right }, kind) {
    const { pairs } = facts.data.compare, back = left > right;
    const [low, high] = back ? [right, left] : [left, right];
    const pair = pairs.find((one) => one.left === low && one.right === high);
    return pair ? { ...facts.piece(pair.kinds[kind]), back } : { sites: { opened: [], closed: [], moved: [], counts: [0, 0, 0] }, limits: {}, notes: [], back };
  }

  /** Limits of walking that both scenarios have; by driving every limit can be compared: null. */
  function commonLimits(facts, { left, right }, kind) {
    if (facts.drive(kind)) return null;
    const other = facts.standard(left, kind).limits;
    return facts.standard(right, kind).limits.filter((limit) => other.includes(limit));
  }

  /**
   * Choose the one limit at which two scenarios are compared: what was asked for, else the main limit of the right one,
   * else of the left one, else the longest that both have.
   * @returns {number|null} null: they have none in common
   */
  function limitBetween(facts, pair, kind, asked) {
    const known = commonLimits(facts, pair, kind);
    const wanted = [asked, facts.mainLimit(pair.right, kind), facts.mainLimit(pair.left, kind)].filter((limit) => limit !== null);
    if (known === null) return wanted[0];
    const found = wanted.find((limit) => known.includes(limit));
    return found === undefined ? (known.at(-1) ?? null) : found;
  }

  /** Empty figures by county: residents gained, lost, and those that growth alone adds where the left one serves. */
  function emptyFigures(facts) {
    const n = facts.data.counties.name.length;
    return { gained: new Float64Array(n), lost: new Float64Array(n), growth: new Float64Array(n) };
  }

  /** By driving: r1 s1 - r0 s0 = gained - lost + growth in every cell, as in scenarios/gains.py. */
  function driven(facts, { left, right }, kind, limit) {
    const [before, after] = [facts.times(left, kind), facts.times(right, kind)];
    const [old, now] = [facts.residentsOf(left), facts.residentsOf(right)];
    const { county } = facts.data.cells, index = new Uint8Array(before.length), figures = emptyFigures(facts);
    for (let i = 0; i < index.length; i += 1) {
      const was = before[i] <= limit, is = after[i] <= limit;
      index[i] = was ? (is ? KEPT : LOST) : is ? GAINED : STILL_OUT;
      if (is && !was) figures.gained[county[i]] += now[i];
      if (was && !is) figures.lost[county[i]] += now[i];
      if (was) figures.growth[county[i]] += now[i] - old[i];
    }
    return { index, figures };
  }

  /** On foot: what page_compare.py found. */
  function walked(facts, pair, kind, limit) {
    const kept = keptOf(facts, pair, kind), own = kept.limits[limit];
    const classes = facts.piece(facts.layer(pair.left, kind).classes[facts.limitAt(pair.left, kind, limit)]);
    const index = Uint8Array.from(classes, (one) => (one <= SHOWN_COVERED ? KEPT : STILL_OUT));
    for (const cell of kept.back ? own.lost : own.gained) index[cell] = GAINED;
    for (const cell of kept.back ? own.gained : own.lost) index[cell] = LOST;
    const [gained, lost, growth] = kept.back ? own.back : own.there;
    return { index, figures: { gained, lost, growth } };
  }

  /** Add figures by county up to cities and the province. */
  function addedUp(facts, figures) {
    const { city_at: cityAt } = facts.data.counties, cities = facts.data.cities.name.map(() => ({ gained: 0, lost: 0, growth: 0 }));
    const province = { gained: 0, lost: 0, growth: 0 };
    for (const name of Object.keys(province)) {
      figures[name].forEach((value, position) => {
        cities[cityAt[position]][name] += value;
        province[name] += value;
      });
    }
    return { cities, province };
  }

  /** What two scenarios are compared by, in words; what differs between them beside their sites is said. */
  function basis(facts, { left, right }, kind, limit) {
    const told = ["两边都按" + facts.limitText(kind, limit) + "以内比较。"];
    const [old, now] = [facts.mainLimit(left, kind), facts.mainLimit(right, kind)];
    if (old !== now) told.push("两个方案自己的上限不同: 左边 " + facts.limitText(kind, old) + ", 右边 " + facts.limitText(kind, now) + "。");
    const [before, after] = [left, right].map((one) => facts.lives(one).counties.reduce((sum, own) => sum + own, 0));
    if (grown(facts, { left, right })) {
      const people = boaiMap.base.people;
      told.push("居民数不同: 左边 " + people(before) + ", 右边 " + people(after) + "; 新覆盖和失去覆盖按右边的居民数计, 居民增减带来的覆盖单列。");
    }
    // What page_compare.py says of the pair names its sides; turned round, they change places.
    const { notes, back } = keptOf(facts, { left, right }, kind), turned = { 左边: "右边", 右边: "左边" };
    return [...told, ...notes.map((text) => (back ? text.replace(/左边|右边/g, (side) => turned[side]) : text))];
  }

  /** Whether the residents of any county differ. */
  function grown(facts, { left, right }) {
    const [old, now] = [facts.lives(left).counties, facts.lives(right).counties];
    return old.some((value, position) => value !== now[position]);
  }

  const known = new Map();

  /**
   * Compare a resource type of two scenarios at one limit.
   * @param {Object} facts of the page's data
   * @param {{left: number, right: number}} pair positions of the scenarios
   * @param {number|null} asked limit in seconds or metres; null for the scenarios' own
   * @returns {Object|null} limit; index: position in data.compare.cell by cell; counties, cities, province: {gained, lost,
   *   growth} (counties: arrays of each); basis: sentences; null where the two have no limit in common
   */
  function between(facts, pair, kind, asked) {
    const limit = limitBetween(facts, pair, kind, asked);
    if (limit === null) return null;
    const key = [pair.left, pair.right, kind, limit].join();
    if (!known.has(key)) {
      if (known.size > 200) known.clear();
      const { index, figures } = facts.drive(kind) ? driven(facts, pair, kind, limit) : walked(facts, pair, kind, limit);
      known.set(key, { limit, index, counties: figures, ...addedUp(facts, figures), basis: basis(facts, pair, kind, limit) });
    }
    return known.get(key);
  }

  /** Sites that only the right scenario has, that only the left one has, and that stand elsewhere in the right one. */
  function sitesBetween(facts, pair, kind) {
    const { sites, back } = keptOf(facts, pair, kind), [opened, closed, moved] = sites.counts;
    const turned = ([name, under, x, y, oldX, oldY, metres]) => [name, under, oldX, oldY, x, y, metres];
    if (!back) return sites;
    return { opened: sites.closed, closed: sites.opened, moved: sites.moved.map(turned), counts: [closed, opened, moved] };
  }

  /** Position of a net gain among the classes of counties: most gained first. */
  function countyClass(edges, net) {
    const size = edges.filter((edge) => Math.abs(net) >= edge).length + 1;
    return edges.length + 1 - Math.sign(net) * size;
  }

  function paintCells(facts, state) {
    const found = between(facts, state.compare, state.kind, state.limit), { cell } = facts.data.compare;
    const title = "覆盖的变化 (" + textOf(facts, state, found) + ")";
    return { title, classes: cell, index: found ? found.index : facts.data.cells.county.map(() => STILL_OUT), note: noteOf(facts, state, found) };
  }

  function paintCounties(facts, state) {
    const found = between(facts, state.compare, state.kind, state.limit), mode = facts.drive(state.kind) ? "drive" : "walk";
    const edges = facts.data.compare.edges[mode], classes = facts.data.compare.county[mode];
    const index = Uint8Array.from(facts.data.counties.name, (_, position) =>
      countyClass(edges, found ? found.counties.gained[position] - found.counties.lost[position] : 0));
    const title = "各县新覆盖减失去覆盖的居民 (" + textOf(facts, state, found) + ")";
    return { title, classes, index, note: noteOf(facts, state, found) || "分档为显示选择 (假设)" };
  }

  const textOf = (facts, state, found) => (found ? facts.limitText(state.kind, found.limit) + "以内" : "没有相同的上限");
  const noteOf = (facts, state, found) => {
    if (!found) return "两个方案没有相同的上限, 不能比较";
    return facts.drive(state.kind) ? "" : "步行: 网格内覆盖的居民比例上升为新覆盖, 下降为失去覆盖";
  };

  /** What a county gains and loses, for the mouse that rests on it. */
  function tip(facts, state, position) {
    const found = between(facts, state.compare, state.kind, state.limit), { people } = boaiMap.base;
    if (!found) return "不能比较";
    return facts.limitText(state.kind, found.limit) + "以内: 新覆盖 " + people(found.counties.gained[position]) + ", 失去 " + people(found.counties.lost[position]);
  }

  const slides = (facts, state) => facts.drive(state.kind) || (commonLimits(facts, state.compare, state.kind) || []).length > 1;
  /** Views of differences: of a page that compares, and only while it does so. */
  const views = [
    { key: "difference", name: "变化 (网格)", by: "cell", compared: true, slides, tip, paint: paintCells },
    { key: "county-difference", name: "变化 (分县)", by: "county", compared: true, slides, tip, paint: paintCounties },
  ];
  boaiMap.compare = { views, between, sitesBetween, limitBetween, commonLimits, grown, countyClass };
})();
