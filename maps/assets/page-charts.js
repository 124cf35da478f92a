/* Charts of the page as SVG: before and after by city, cover against minutes, Lorenz. Each has its figures as a table. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { make, draw, percent, share } = boaiMap.base;
  const WIDTH = 352, LEFT = 40, RIGHT = 14, TOP = 12, BOTTOM = 34;
  const DASHES = ["5 3", "", "9 2", "2 2", "8 2 2 2", "4 4", "12 3 3 3", "1 3"];
  const MOST_TICKS = 6;

  const text = (x, y, words, facts = {}) => draw("text", { x, y, text: words, ...facts });
  const line = (x1, y1, x2, y2, className) => draw("line", { x1, y1, x2, y2, class: className });
  const path = (points, facts) => draw("polyline", { points: points.map(([x, y]) => x.toFixed(1) + "," + y.toFixed(1)).join(" "), fill: "none", ...facts });
  const seriesClass = (at) => "series series-" + (at % DASHES.length);

  /** Put a drawing, its title and its figures together; the drawing is one picture to a screen reader. */
  function figure(title, said, height, parts, table) {
    const svg = draw("svg", { viewBox: "0 0 " + WIDTH + " " + height, role: "img", "aria-label": title + "。" + said }, ...parts);
    const block = make("figure.chart", {}, make("figcaption", { text: title }), svg);
    if (table) block.append(make("details", {}, make("summary", { text: "数字" }), table));
    return block;
  }

  /** A plain table of a chart's figures. */
  function figures(caption, heads, rows) {
    return make("table.figures", {}, make("caption.spoken", { text: caption }),
      make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col", text: head })))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, make("th", { scope: "row", text: row[0] }), ...row.slice(1).map((cell) => make("td", { text: cell }))))));
  }

  /** Scales and axes of a chart: x from 0 to `last`, y a share. */
  function frame(last, height, xText, write, steps) {
    const x = (value) => LEFT + (value / last) * (WIDTH - LEFT - RIGHT);
    const y = (value) => height - BOTTOM - value * (height - TOP - BOTTOM);
    const parts = [0, 0.25, 0.5, 0.75, 1].flatMap((value) => [
      line(LEFT, y(value), WIDTH - RIGHT, y(value), value ? "grid" : "axis"), text(LEFT - 5, y(value) + 4, value * 100 + "%", { class: "tick end" }),
    ]);
    steps.forEach((value) => parts.push(line(x(value), y(0), x(value), y(0) + 4, "axis"), text(x(value), y(0) + 16, write(value), { class: "tick middle" })));
    parts.push(text((LEFT + WIDTH - RIGHT) / 2, height - 4, xText, { class: "tick middle" }));
    return { x, y, parts };
  }

  /** Names of the lines at the right end of a chart, in their order, apart from each other. */
  function keys(names, top) {
    return names.flatMap((name, at) => [
      draw("line", { x1: LEFT + 8, x2: LEFT + 32, y1: top + at * 16 - 4, y2: top + at * 16 - 4, class: seriesClass(at), "stroke-dasharray": DASHES[at % DASHES.length] }),
      text(LEFT + 37, top + at * 16, name, { class: "key" }),
    ]);
  }

  function stepsTo(last) {
    const wanted = last / MOST_TICKS, step = [5, 10, 15, 20, 30, 60, 90, 120, 180, 240, 480].find((one) => one >= wanted) || Math.ceil(wanted / 60) * 60;
    return Array.from({ length: Math.floor(last / step) + 1 }, (_, at) => at * step);
  }

  /** Cover against minutes: the share of residents within each whole minute, a line for each scenario. */
  function minutesChart(facts, state) {
    const { data } = facts, height = 210 + 16 * data.scenarios.length, top = 16 * data.scenarios.length;
    const all = data.scenarios.map((_, scenario) => facts.curve(scenario, state.kind));
    const last = Math.max(10, ...all.map((curve) => (curve.length ? curve.at(-1)[0] : 0)));
    const limits = facts.standard(state.scenario, state.kind).limits.map((limit) => limit / 60).filter((limit) => limit <= last);
    const axes = frame(last, height - top, "驾车分钟", String, stepsTo(last));
    const lines = all.map((curve, at) => path(curve.map(([minute, value]) => [axes.x(minute), axes.y(value)]), { class: seriesClass(at), "stroke-dasharray": DASHES[at % DASHES.length] }));
    const marks = limits.flatMap((limit) => [line(axes.x(limit), axes.y(0), axes.x(limit), axes.y(1), "limit")]);
    const moved = draw("g", { transform: "translate(0 " + top + ")" }, ...axes.parts, ...marks, ...lines);
    const rows = stepsTo(last).map((minute) => [minute + "分钟", ...data.scenarios.map((_, at) => percent(valueAt(all[at], minute)))]);
    const title = data.kinds[state.kind].name + ": 覆盖与时间";
    const said = data.scenarios.map((one, at) => one.title + " 60 分钟内 " + percent(valueAt(all[at], 60))).join(", ");
    return figure(title, said, height, [...keys(data.scenarios.map((one) => one.title), 12), moved], figures(title, ["时间", ...data.scenarios.map((one) => one.title)], rows));
  }

  /** Share at a minute of a curve: it stays as it is after its last step. */
  function valueAt(curve, minute) {
    const found = curve.filter(([at]) => at <= minute).at(-1);
    return found ? found[1] : 0;
  }

  /** Before and after by city: two dots and the way between them. */
  function citiesChart(facts, state) {
    const { data } = facts, limit = facts.limitOf(state);
    const rows = cityShares(facts, state);
    const before = state.scenario > 0 && rows.some((row) => row.before !== null);
    const height = TOP + rows.length * 20 + BOTTOM + 18, left = 92;
    const x = (value) => left + (value || 0) * (WIDTH - left - 44);
    const parts = [0, 0.5, 1].flatMap((value) => [line(x(value), TOP + 12, x(value), height - BOTTOM, "grid"), text(x(value), height - BOTTOM + 14, value * 100 + "%", { class: "tick middle" })]);
    rows.forEach((row, at) => {
      const y = TOP + 24 + at * 20;
      parts.push(text(left - 8, y + 4, row.name, { class: "tick end" }));
      if (before && row.before !== null) parts.push(line(x(row.before), y, x(row.now), y, row.now < row.before ? "way less" : "way"), draw("circle", { cx: x(row.before), cy: y, r: 4, class: "before" }));
      parts.push(draw("circle", { cx: x(row.now), cy: y, r: 4.5, class: "after" }), text(WIDTH - 2, y + 4, percent(row.now), { class: "tick end strong" }));
    });
    if (before) parts.push(draw("circle", { cx: left + 4, cy: TOP, r: 4, class: "before" }), text(left + 12, TOP + 4, "现状", { class: "key" }), draw("circle", { cx: left + 54, cy: TOP, r: 4.5, class: "after" }), text(left + 62, TOP + 4, data.scenarios[state.scenario].title, { class: "key" }));
    const title = "各设区市: " + facts.limitText(state.kind, limit) + "以内的居民";
    const lowest = [...rows].sort((a, b) => a.now - b.now)[0];
    const said = lowest ? "最低的是" + lowest.name + " " + percent(lowest.now) : "";
    const heads = before ? ["设区市", "现状", data.scenarios[state.scenario].title] : ["设区市", data.scenarios[state.scenario].title];
    return figure(title, said, height, parts, figures(title, heads, rows.map((row) => (before ? [row.name, percent(row.before), percent(row.now)] : [row.name, percent(row.now)]))));
  }

  /** Share of each city within the limit, before (null where it is not known for this limit) and now, the best first. */
  function cityShares(facts, state) {
    const limit = facts.limitOf(state), now = facts.within(state.scenario, state.kind, limit);
    const was = state.scenario > 0 ? facts.within(0, state.kind, limit) : null;
    const rows = facts.data.cities.name.map((name, at) => ({
      name,
      now: share(now.cities[at], facts.lives(state.scenario).cities[at]),
      before: was ? share(was.cities[at], facts.lives(0).cities[at]) : null,
    }));
    return rows.sort((a, b) => b.now - a.now || a.name.localeCompare(b.name, "zh-CN"));
  }

  /** Lorenz curves of the way to the nearest site, with Gini's coefficient. */
  function lorenzChart(facts, state) {
    const { data } = facts, top = 16 * data.scenarios.length, height = 250 + top;
    const all = data.scenarios.map((_, scenario) => facts.piece(facts.layer(scenario, state.kind).lorenz));
    const axes = frame(1, height - top, "居民 (从最近的到最远的)", (value) => value * 100 + "%", [0, 0.5, 1]);
    const even = path([[axes.x(0), axes.y(0)], [axes.x(1), axes.y(1)]], { class: "even" });
    const lines = all.map((curve, at) => path(curve.people.map((value, i) => [axes.x(value), axes.y(curve.value[i])]), { class: seriesClass(at), "stroke-dasharray": DASHES[at % DASHES.length] }));
    const named = data.scenarios.map((one, at) => one.title + ": 基尼系数 " + (all[at].gini === null ? "–" : all[at].gini.toFixed(2)));
    const moved = draw("g", { transform: "translate(0 " + top + ")" }, ...axes.parts, even, ...lines);
    const title = data.kinds[state.kind].name + ": 路程在居民间的分布 (洛伦兹曲线)";
    return figure(title, named.join(", "), height, [...keys(named, 12), moved], figures(title, ["方案", "基尼系数"], all.map((curve, at) => [data.scenarios[at].title, curve.gini === null ? "–" : curve.gini.toFixed(4)])));
  }

  /** All charts of a state. */
  function chartsOf(facts, state) {
    const found = [citiesChart(facts, state)];
    if (facts.drive(state.kind)) found.push(minutesChart(facts, state));
    return [...found, lorenzChart(facts, state)];
  }

  boaiMap.charts = { chartsOf, cityShares, figures };
})();
