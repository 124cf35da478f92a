/* The panel beside the map: figures, legend, lists, tables, charts, notes, and the card of what was chosen. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { byId, make, fill, people, percent, count, share } = boaiMap.base;
  const { shape, number, diamond } = boaiMap.signs;
  const NEAR_ZOOM = 9.5;
  const MOST_IN_SIGHT = 50;

  const titleOf = (app) => app.facts.data.scenarios[app.state.scenario].title;
  const kindOf = (app) => app.facts.data.kinds[app.state.kind];
  const layerOf = (app) => app.facts.layer(app.state.scenario, app.state.kind);

  /** What a scenario has more or less than the baseline within the same limit; null: not known. */
  function gainOf(app, count_) {
    const { facts, state } = app, limit = facts.limitOf(state);
    const was = state.scenario > 0 ? facts.within(0, state.kind, limit) : null;
    return was ? count_(facts.within(state.scenario, state.kind, limit)) - count_(was) : null;
  }

  const gainText = (gain) => (gain === 0 ? "与现状相同" : (gain < 0 ? "比现状少 " : "比现状多 ") + people(Math.abs(gain)));

  // ---------- figures ----------
  function drawFigures(app) {
    const { facts, state } = app, { data } = facts, limit = facts.limitOf(state);
    const now = facts.within(state.scenario, state.kind, limit).province, all = total(facts, state.scenario);
    const text = facts.limitText(state.kind, limit), gain = gainOf(app, (one) => one.province);
    const big = make("div.big", {}, make("strong", { text: percent(share(now, all)) }), make("span", { text: "居民在" + text + "以内" }),
      gain === null ? null : make(gain < 0 ? "span.gain.less" : "span.gain", { text: gainText(gain) }));
    const sites = kindOf(app).name + " " + count(layerOf(app).site_count) + " " + kindOf(app).unit;
    const rows = data.scenarios.map((scenario, index) => scenarioRow(facts, state, index));
    fill("figures", make("h2", { text: kindOf(app).name + " · " + titleOf(app) }), big, make("p.quiet", { text: people(now) + " / " + people(all) + " · " + sites }),
      boaiMap.tables.bars("各方案" + text + "以内的居民", rows), stateFigures(app));
    byId("live").textContent = titleOf(app) + ", " + kindOf(app).name + ": " + percent(share(now, all)) + " 居民在" + text + "以内";
  }

  const total = (facts, scenario) => facts.lives(scenario).counties.reduce((a, b) => a + b, 0);

  /** A scenario with another standard may not know the limit: it then shows its own, and says so. */
  function scenarioRow(facts, state, index) {
    const limit = facts.limitOf(state), known = facts.within(index, state.kind, limit);
    const own = facts.mainLimit(index, state.kind);
    const value = share((known || facts.within(index, state.kind, own)).province, total(facts, index));
    const name = facts.data.scenarios[index].title + (known ? "" : " (" + facts.limitText(state.kind, own) + ")");
    return { name, value, text: percent(value), now: index === state.scenario };
  }

  /** Residents of the province by state, where capacity is known. */
  function stateFigures(app) {
    const layer = layerOf(app);
    if (!layer.room) return null;
    const sums = app.facts.piece(layer.states).reduce((all, row) => all.map((value, at) => value + row[at]), [0, 0, 0]);
    const all = sums.reduce((a, b) => a + b, 0);
    const rows = app.facts.data.states.map((state, at) => make("tr", {}, make("th", { scope: "row" }, area(state), " " + state.text), make("td", { text: people(sums[at]) }), make("td", { text: percent(share(sums[at], all)) })));
    return make("table.figures.states", {}, make("caption", { text: "三种状态 (" + app.facts.standard(app.state.scenario, app.state.kind).main_text + ")" }), make("tbody", {}, ...rows));
  }

  // ---------- legend ----------
  function area(one) {
    const box = make("span.area", { "aria-hidden": "true" });
    box.style.backgroundColor = one.colour;
    if (one.hatch) box.style.backgroundImage = "repeating-linear-gradient(135deg, transparent 0 3px, " + one.hatch + " 3px 5px)";
    return box;
  }

  const legendRow = (sign, text) => make("div.legend-row", {}, sign, make("span", { text }));
  const signed = (element) => make("span.sign", { "aria-hidden": "true" }, element);

  function drawLegend(app, painted) {
    const { facts, state } = app, { data } = facts, layer = layerOf(app), table = facts.sites(state.scenario, state.kind);
    const rows = painted.classes.map((one) => legendRow(area(one), one.text));
    const used = new Set(table.mark), signs = [];
    kindOf(app).markers.forEach((marker, at) => {
      if (used.has(at) && state.shown.sites) signs.push(legendRow(signed(shape(facts, marker, "site", Math.max(8, marker.size * 4))), table.signs[at]));
    });
    state.others.filter((kind) => kind !== state.kind).forEach((kind) => {
      const marker = data.kinds[kind].markers[0];
      signs.push(legendRow(signed(shape(facts, marker, "other", 12)), data.kinds[kind].name));
    });
    if (state.shown.gaps) signs.push(legendRow(signed(number(1)), state.limit === null ? "缺口 (按人数排名)" : "缺口 (按标准上限, 按人数排名)"));
    if (layer.added_count && state.shown.added) signs.push(legendRow(signed(layer.added_count > 30 ? shape(facts, { shape: "circle" }, "added", 9) : diamond(1)), "建议新增 (数字为名次)"));
    if (facts.drive(state.kind) && state.shown.roads) data.roads.forEach((roads, rank) => signs.push(legendRow(signed(make(rank ? "span.stroke" : "span.stroke.wide")), roads.name)));
    if (app.view.crowded()) signs.push(legendRow(signed(make("span.crowd", { text: "9" })), "多处站点, 放大后分开"));
    fill("legend", make("h2", { text: painted.title }), ...rows, painted.note ? make("p.quiet", { text: painted.note }) : null, make("div.legend-signs", {}, ...signs));
  }

  // ---------- lists ----------
  function rowOf(app, feature, sign, key) {
    const open = () => {
      app.view.goTo(feature.y, feature.x, NEAR_ZOOM);
      app.showFeature(feature);
    };
    return { key, sign, name: feature.name, more: feature.under, amount: feature.amount, open };
  }

  function drawGaps(app) {
    const layer = layerOf(app), found = app.facts.rows(layer.gaps), text = "最大的缺口 (共 " + count(layer.gap_count) + " 处)";
    byId("gaps-title").textContent = text;
    const rows = found.map((gap) => rowOf(app, gap, number(gap.mark), "gap" + gap.mark));
    fill("gaps", rows.length ? boaiMap.tables.places({ caption: text, heads: ["名次", "地点和最近站点", "未覆盖"], rows }) : make("p.quiet", { text: "没有缺口" }));
  }

  function drawAdded(app) {
    const { data } = app.facts, found = app.facts.rows(layerOf(app).added), { unit } = kindOf(app), rest = found.length - data.longest;
    byId("added-block").hidden = found.length === 0;
    byId("added-title").textContent = "建议新增 (" + found.length + " " + unit + ")";
    const rows = found.slice(0, data.longest).map((site) => rowOf(app, site, diamond(site.mark), "added" + site.mark));
    fill("added", rows.length ? boaiMap.tables.places({ caption: "建议新增的站点", heads: ["名次", "站点", "新增覆盖"], rows }) : null,
      rest > 0 ? make("p.quiet", { text: "其余 " + rest + " " + unit + "见表格" }) : null);
  }

  function drawCities(app) {
    const { facts, state } = app, text = facts.limitText(state.kind, facts.limitOf(state)) + "以内的居民";
    const rows = boaiMap.charts.cityShares(facts, state);
    const compared = rows.some((row) => row.before !== null);
    fill("cities", make("p.quiet", { text: text + (compared ? "; 竖线为现状" : "") }),
      boaiMap.tables.bars("各设区市" + text, rows.map((row) => ({ name: row.name, value: row.now, before: row.before, text: percent(row.now) }))));
  }

  const sorting = { column: 2, down: false };

  function drawCounties(app) {
    const { facts, state } = app, { data } = facts, layer = layerOf(app);
    const within = facts.within(state.scenario, state.kind, facts.limitOf(state)).counties, counted = facts.piece(layer.counts);
    const lives = facts.lives(state.scenario).counties;
    const columns = [
      { text: "县区" }, { text: "居民", write: people, number: true }, { text: "以内", write: percent, number: true },
      ...(layer.room ? [{ text: "没有余量", write: percent, number: true }] : []), { text: kindOf(app).unit + "数", write: count, number: true },
    ];
    const rows = data.counties.name.map((name, at) => {
      const full = layer.room ? [share(facts.piece(layer.states)[at][1], lives[at])] : [];
      return [name, lives[at], share(within[at], lives[at]), ...full, counted[at], at];
    });
    const open = (row) => app.showCounty(row.at(-1), { go: true });
    const again = (wanted) => {
      Object.assign(sorting, wanted);
      drawCounties(app);
    };
    const text = facts.limitText(state.kind, facts.limitOf(state)) + "以内的居民比例";
    sorting.column = Math.min(sorting.column, columns.length - 1);
    fill("counties", make("p.quiet", { text: "“以内”为" + text }), boaiMap.tables.sorted({ caption: "各县区" + text, columns, rows, sort: sorting, open, again }));
  }

  /** Sites that the map shows now, for those who cannot point at them. */
  function drawInSight(app) {
    const { facts, state } = app, table = facts.sites(state.scenario, state.kind), frame = app.view.map.getBounds(), { scale } = facts.data;
    const [west, east, south, north] = [frame.getWest() * scale, frame.getEast() * scale, frame.getSouth() * scale, frame.getNorth() * scale];
    const found = [];
    let all = 0;
    for (let row = 0; row < table.x.length; row += 1) {
      if (table.x[row] < west || table.x[row] > east || table.y[row] < south || table.y[row] > north) continue;
      all += 1;
      if (found.length < MOST_IN_SIGHT) found.push(row);
    }
    const rows = found.map((row) => {
      const site = facts.site(table, row), marker = kindOf(app).markers[site.mark];
      return rowOf(app, { ...site, amount: "" }, shape(facts, marker, "site", Math.max(8, marker.size * 3)), "site" + row);
    });
    const more = all > found.length ? ", 列出 " + found.length + " " + kindOf(app).unit + ", 放大地图可看其余" : "";
    fill("in-sight", make("p.quiet", { text: "图上现有 " + count(all) + " " + kindOf(app).unit + more }),
      rows.length ? boaiMap.tables.places({ caption: "地图内的站点", heads: ["", "站点", ""], rows }) : null);
  }

  function drawCharts(app) {
    fill("charts", ...boaiMap.charts.chartsOf(app.facts, app.state));
  }

  // ---------- notes ----------
  function drawNotes(app) {
    const { data } = app.facts, scenario = data.scenarios[app.state.scenario], layer = layerOf(app);
    const room = layer.room ? "三种状态: 够得着但没有余量, 指时限内有站点, 但按容量分配后没有名额。" : "状态: 没有站点容量的数据, 只分够得着和够不着。";
    const texts = [...data.labels.map((label) => label.text + ": " + label.meaning), ...layer.sources, room, ...scenario.notes, ...data.notes];
    fill("notes", ...texts.map((text) => make("li", { text })));
    const meaning = (text) => (data.labels.find((item) => item.text === text) || { meaning: "" }).meaning;
    fill("badges", ...layer.labels.map((text) => make("span.badge", { text, title: meaning(text) })));
    byId("changes-block").hidden = scenario.changes.length === 0;
    byId("changes-title").textContent = data.changes_title;
    fill("changes", ...scenario.changes.map((text) => make("li", { text })));
  }

  // ---------- the card ----------
  function card(app, { title, under, pairs }) {
    const close = make("button.close", { "aria-label": "关闭", text: "×", on: { click: () => app.hideCard() } });
    const rows = pairs.filter((pair) => pair[1] !== "" && pair[1] !== undefined).flatMap(([name, value]) => [make("dt", { text: name }), make("dd", { text: value })]);
    fill("card", close, make("h3", { text: title }), make("p.quiet", { text: under }), make("dl", {}, ...rows));
    byId("card").hidden = false;
  }

  function featureCard(app, feature) {
    card(app, { title: feature.name, under: feature.under, pairs: feature.labels.map((label, at) => [label, feature.values[at]]) });
  }

  /** Show a county; `more` are further pairs of word and value. */
  function countyCard(app, position, more = []) {
    const { facts, state } = app, { data } = facts, layer = layerOf(app), standard = facts.standard(state.scenario, state.kind);
    const residents = facts.lives(state.scenario).counties[position];
    const within = (limit) => facts.within(state.scenario, state.kind, limit).counties[position];
    const pairs = [["居民", people(residents)]];
    const limits = [...new Set([...standard.limits, facts.limitOf(state)])].sort((a, b) => a - b);
    limits.forEach((limit) => pairs.push([facts.limitText(state.kind, limit) + "以内", percent(share(within(limit), residents)) + " · " + people(within(limit))]));
    const gain = gainOf(app, (one) => one.counties[position]);
    if (gain !== null) pairs.push(gain === 0 ? ["比现状", "相同"] : [gain < 0 ? "比现状少" : "比现状多", people(Math.abs(gain))]);
    if (layer.room) facts.piece(layer.states)[position].forEach((value, at) => pairs.push([data.states[at].text, percent(share(value, residents)) + " · " + people(value)]));
    pairs.push([kindOf(app).name, facts.piece(layer.counts)[position] + " " + kindOf(app).unit]);
    if (standard.county.per) pairs.push([standard.county.title.slice(2), facts.countyValue(state, position).toFixed(2)]);
    pairs.push(...more);
    card(app, { title: data.counties.name[position], under: data.counties.city[position] + " · " + data.counties.code[position] + " · " + titleOf(app), pairs });
  }

  /** Draw what is shown of a detail only when it is open: a closed table of 100 rows costs nothing. */
  const LAZY = { counties: drawCounties, cities: drawCities, charts: drawCharts, "in-sight": drawInSight };

  function drawOpened(app, only = Object.keys(LAZY)) {
    for (const id of only) if (byId(id).closest("details").open) LAZY[id](app);
  }

  function install(app) {
    for (const id of Object.keys(LAZY)) {
      const block = byId(id).closest("details");
      block.addEventListener("toggle", () => block.open && LAZY[id](app));
    }
    app.view.map.on("moveend", () => drawOpened(app, ["in-sight"]));
  }

  /** Draw all of the panel; `painted` is what the map shows. */
  function drawAll(app, painted) {
    drawLegend(app, painted);
    [drawFigures, drawGaps, drawAdded, drawNotes].forEach((step) => step(app));
    drawOpened(app);
  }

  /** Draw what depends on the limit. */
  function drawLimit(app, painted) {
    drawFigures(app);
    drawLegend(app, painted);
    drawOpened(app, ["cities", "counties", "charts"]);
  }

  boaiMap.panel = { install, drawAll, drawLimit, drawOpened, featureCard, countyCard, area };
})();
