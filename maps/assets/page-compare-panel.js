/* Comparison on the page: its controls, its figures, and which maps stand in the stage. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { byId, make, fill, people, percent, count, share } = boaiMap.base;
  const WAYS = [["", "不比较"], ["difference", "差异"], ["swipe", "卷帘"], ["beside", "并排"]];
  /** Sorts of changed sites: key, word against the baseline, word against another scenario, mark. */
  const SORTS = [["opened", "新增", "只右边有", "＋"], ["closed", "撤去", "只左边有", "×"], ["moved", "移动", "位置不同", "→"]];
  const LISTED = 12; // of each sort
  const NEAR_ZOOM = 10;

  const titleOf = (app, scenario) => app.facts.data.scenarios[scenario].title;
  const pairText = (app) => titleOf(app, app.state.compare.left) + " → " + titleOf(app, app.state.compare.right);
  const betweenOf = (app) => boaiMap.compare.between(app.facts, app.state.compare, app.state.kind, app.state.limit);

  /** Whether the map itself shows the differences, instead of both scenarios. */
  const special = (compare) => Boolean(compare && compare.how === "difference");

  // ---------- controls ----------
  function drawControls(app) {
    const { compare } = app.state, scenarios = app.facts.data.scenarios;
    boaiMap.controls.segments("compare-how", "compare", WAYS, compare ? compare.how : "", (how) => app.compare(how ? { ...usualPair(app), ...compare, how } : null));
    byId("scenarios").closest("fieldset").hidden = Boolean(compare);
    const views = boaiMap.views.filter((view) => fits(app, compare, app.state.kind, view)).map((view) => [view.key, view.name]);
    boaiMap.controls.segments("views", "view", views, app.state.view, (view) => app.set({ view }));
    const choose = (side, text) => make("label", {}, make("span", { text }), make("select", { "data-key": "compare-" + side, on: { change: (event) => app.compare({ ...app.state.compare, [side]: Number(event.target.value) }) } },
      ...scenarios.map((one, at) => make("option", { value: String(at), text: one.title, selected: at === compare[side] }))));
    const swap = make("button", { text: "互换", title: "左右互换", "data-key": "compare-swap", on: { click: () => app.compare({ ...app.state.compare, left: app.state.compare.right, right: app.state.compare.left }) } });
    fill("compare-sides", ...(compare ? [choose("left", "左"), swap, choose("right", "右")] : []));
  }

  /** The baseline and what the page shows, or the first scenario. */
  const usualPair = (app) => ({ left: 0, right: app.state.scenario || 1 });

  // ---------- figures ----------
  const signedPeople = (value) => (value === 0 ? "0人" : (value > 0 ? "+" : "−") + people(Math.abs(value)));
  const changeOf = ({ gained, lost, growth }) => gained - lost + growth;

  function drawFigures(app) {
    const { facts, state } = app, found = betweenOf(app), heading = facts.data.kinds[state.kind].name + " · " + pairText(app);
    byId("figures").classList.add("compared");
    if (!found) {
      fill("figures", make("h2", { text: heading }), make("p", { text: "两个方案的步行上限没有相同的一档, 不能比较。" }));
      byId("live").textContent = heading + ": 不能比较";
      return;
    }
    const { province } = found, growth = province.growth !== 0;
    const box = (className, name, value) => make("div." + className, {}, make("strong", { text: value }), make("span", { text: name }));
    const boxes = [box("gained", "新覆盖", signedPeople(province.gained)), box("lost", "失去覆盖", signedPeople(-province.lost))];
    if (growth) boxes.push(box("grown", "居民增减带来", signedPeople(province.growth)));
    fill("figures", make("h2", { text: heading }), make("div.changes", {}, ...boxes), shares(app, found), ...found.basis.map((text) => make("p.quiet", { text })), cityTable(facts, found, growth));
    byId("live").textContent = heading + ": 新覆盖 " + people(province.gained) + ", 失去覆盖 " + people(province.lost);
  }

  /** Both sides' shares of their own residents, in one line. */
  function shares(app, found) {
    const { facts, state } = app, { left, right } = state.compare;
    const text = [left, right].map((one) => percent(share(facts.within(one, state.kind, found.limit).province, facts.lives(one).counties.reduce((a, b) => a + b, 0))));
    return make("p", {}, "覆盖由 ", make("b", { text: text[0] }), " 到 ", make("b", { text: text[1] }), ", 合计 " + signedPeople(changeOf(found.province)));
  }

  /** Cities by what changes, the most first; those where nothing changes are counted in the last line. */
  function cityTable(facts, found, growth) {
    const rows = found.cities.map((one, at) => ({ ...one, name: facts.data.cities.name[at], change: changeOf(one) }));
    const touched = rows.filter((one) => one.gained || one.lost || one.growth).sort((a, b) => Math.abs(b.change) - Math.abs(a.change) || a.name.localeCompare(b.name, "zh-CN"));
    const columns = [["新覆盖", "gained"], ["失去", "lost"], ...(growth ? [["居民增减", "growth"]] : []), ["合计", "change"]];
    const write = (one, key) => (key === "gained" ? (one.gained ? "+" + people(one.gained) : "–") : key === "lost" ? (one.lost ? "−" + people(one.lost) : "–") : signedPeople(one[key]));
    const head = make("tr", {}, make("th", { scope: "col", text: "设区市" }), ...columns.map(([text]) => make("th", { scope: "col", text })));
    const body = touched.map((one) => make("tr", {}, make("th", { scope: "row", text: one.name }), ...columns.map(([, key]) => make("td." + key, { text: write(one, key) }))));
    const rest = rows.length - touched.length;
    return make("div", {}, make("table.figures.by-city", {}, make("caption.spoken", { text: "各设区市覆盖的变化" }), make("thead", {}, head), make("tbody", {}, ...body)),
      rest ? make("p.quiet", { text: (touched.length ? "其余 " : "") + rest + " 个设区市没有变化" }) : null);
  }

  // ---------- sites ----------
  function siteRows(app) {
    const { facts, state } = app, found = boaiMap.compare.sitesBetween(facts, state.compare, state.kind), { scale } = facts.data;
    return SORTS.flatMap(([key, , , mark], at) => found[key].map(([name, under, x, y, oldX, oldY, metres]) => ({
      key, mark, name, under: wordOf(app, at) + " · " + under + (metres ? " · 相距 " + (metres >= 1000 ? (metres / 1000).toFixed(1) + " 公里" : metres + " 米") : ""), x: x / scale, y: y / scale,
      old: oldX === undefined ? null : [oldY / scale, oldX / scale],
    })));
  }

  /** What a sort of changed sites is called: only against the baseline something is opened or closed. */
  const wordOf = (app, at) => SORTS[at][app.state.compare.left === 0 ? 1 : 2];

  const badge = (site) => make("span.changed." + site.key, { text: site.mark });

  function drawSites(app) {
    const { facts, state } = app, { counts } = boaiMap.compare.sitesBetween(facts, state.compare, state.kind), { unit } = facts.data.kinds[state.kind];
    const all = siteRows(app), total = counts.reduce((a, b) => a + b, 0);
    const told = SORTS.map((_, at) => (counts[at] ? wordOf(app, at) + " " + count(counts[at]) + " " + unit : "")).filter(Boolean).join(", ");
    byId("compared-title").textContent = total ? "站点的变化 (" + told + ")" : "站点没有变化";
    const listed = SORTS.flatMap(([sort]) => all.filter((site) => site.key === sort).slice(0, LISTED)).map((site, at) => ({ key: "changed" + at, sign: badge(site), name: site.name, more: site.under, amount: "", open: () => goTo(app, site) }));
    fill("compared", listed.length ? boaiMap.tables.places({ caption: "站点的变化", heads: ["", "站点", ""], rows: listed }) : null,
      total > listed.length ? make("p.quiet", { text: "其余 " + count(total - listed.length) + " " + unit + "见表格" }) : null);
  }

  /** What the marks of changed sites mean, beside the other signs of the legend. */
  function drawLegend(app) {
    const signs = byId("legend").querySelector(".legend-signs"), there = new Set(markedSites(app).map((site) => site.key));
    if (!signs || !app.state.shown.sites) return;
    SORTS.forEach(([name, , , mark], at) => {
      const text = wordOf(app, at) + (name === "moved" ? " (虚线为左边的位置)" : "");
      if (there.has(name)) signs.append(make("div.legend-row", {}, make("span.sign", { "aria-hidden": "true" }, badge({ key: name, mark })), make("span", { text })));
    });
  }

  /** The changed sites that get a mark of their own: suggested ones have their numbers already. */
  function markedSites(app) {
    const suggested = new Set(app.facts.rows(app.facts.layer(app.state.compare.right, app.state.kind).added).map((one) => spot(one.x, one.y)));
    return siteRows(app).filter((site) => !(site.key === "opened" && app.state.shown.added && suggested.has(spot(site.x, site.y))));
  }

  const spot = (x, y) => x.toFixed(4) + "," + y.toFixed(4);

  function goTo(app, site) {
    app.view.goTo(site.y, site.x, NEAR_ZOOM);
    app.showFeature({ ...site, labels: [], values: [] });
  }

  /** Mark on a map the changed sites of some sorts. */
  function marks(app, view, keys) {
    const sites = markedSites(app).filter((site) => keys.includes(site.key));
    return L.layerGroup(sites.flatMap((site) => [
      ...(site.old ? [L.polyline([site.old, [site.y, site.x]], { pane: "added", className: "way-moved", interactive: false })] : []),
      L.marker([site.y, site.x], { pane: "gaps", icon: L.divIcon({ html: badge(site), className: "pin", iconSize: [20, 20] }), keyboard: false, title: site.name })
        .on("click", () => app.showFeature({ ...site, labels: [], values: [] })),
    ])).addTo(view.map);
  }

  // ---------- the card of a county ----------
  function countyRows(app, position) {
    const found = betweenOf(app);
    if (!found) return [];
    const { gained, lost, growth } = found.counties, text = app.facts.limitText(app.state.kind, found.limit) + "以内";
    const pairs = [["比较", pairText(app) + ", " + text], ["新覆盖", people(gained[position])], ["失去覆盖", people(lost[position])]];
    if (growth[position]) pairs.push(["居民增减带来", signedPeople(growth[position])]);
    return pairs;
  }

  // ---------- stage ----------
  /** Put the map or maps of the way of comparing into the stage. */
  function stageOf(app) {
    const main = app.view, holder = make("div", { id: "pair", hidden: true });
    byId("stage").prepend(holder);
    let pair = null, marked = [];

    function leave() {
      if (!pair) return;
      const { center, zoom } = pair.at();
      pair.destroy();
      pair = null;
      holder.hidden = true;
      byId("stage").classList.remove("twin");
      main.map.getContainer().classList.remove("behind");
      app.view = main;
      if (app.moved) main.map.setView(center, zoom, { animate: false });
      else main.fit();
    }

    function enter(how) {
      const at = app.moved ? { center: main.map.getCenter(), zoom: main.map.getZoom() } : null;
      holder.hidden = false;
      byId("stage").classList.toggle("twin", how === "beside");
      main.map.getContainer().classList.add("behind");
      pair = boaiMap.createPair(holder, app.facts, {
        how, at, view: { onCounty: (position) => app.showCounty(position), onFeature: (feature) => app.showFeature(feature) },
        onView: (view) => (boaiMap.onView || []).forEach((listener) => listener(app, view)),
      });
      pair.how = how;
      const { map } = pair.views[0];
      map.on("dragstart zoomstart", () => { app.moved = true; });
      map.on("moveend", () => {
        boaiMap.hash.keep(app);
        boaiMap.panel.drawOpened(app, ["in-sight"]);
      });
      app.view = { ...main, ...pair, map };
    }

    /** Show what a state asks for; before the page draws it. */
    function place({ compare }) {
      const how = compare && !special(compare) ? compare.how : "";
      if (how !== (pair ? pair.how : "")) {
        leave();
        if (how) enter(how);
      }
    }

    /** Mark the changed sites; after the page has drawn. */
    function mark() {
      marked.forEach((group) => group.remove());
      marked = [];
      if (!app.state.compare || !app.state.shown.sites) return;
      if (!pair) marked = [marks(app, main, ["opened", "closed", "moved"])];
      else marked = pair.views.map((view, side) => marks(app, view, side ? ["opened", "moved"] : ["closed"]));
    }

    return { place, mark };
  }

  // ---------- together ----------
  /**
   * Whether a view can be shown: differences have views of their own, and two scenarios whose main limits differ are not
   * shown by their states, which are those at the main limit.
   */
  function fits(app, compare, kind, view) {
    if (Boolean(view.compared) !== special(compare)) return false;
    const { facts } = app, twoLimits = compare && facts.mainLimit(compare.left, kind) !== facts.mainLimit(compare.right, kind);
    return !(twoLimits && view.key.includes("state"));
  }

  /** The view that was wanted, or the first one of the same areas that can be shown. */
  function fittingView(app, compare, kind, wanted) {
    const view = boaiMap.viewOf(wanted), can = boaiMap.views.filter((one) => fits(app, compare, kind, one));
    return (can.includes(view) ? view : can.find((one) => one.by === view.by) || can[0]).key;
  }

  /** The comparison that an address or the page's start asks for; null: none that the page knows. */
  function asked(facts, words) {
    const { scenarios } = facts.data, position = (value) => (typeof value === "number" ? value : scenarios.findIndex((one) => one.name === value));
    const how = words.compare, left = position(words.left), right = position(words.right);
    const known = [left, right].every((one) => Number.isInteger(one) && one >= 0 && one < scenarios.length);
    return known && left !== right && WAYS.some(([way]) => way && way === how) ? { how, left, right } : null;
  }

  function fromAddress(facts) {
    const words = new URLSearchParams(location.hash.slice(1, 2000));
    const view = boaiMap.compare.views.find((one) => one.key === words.get("view"));
    return {
      given: words.has("scenario"),
      compare: asked(facts, { compare: words.get("compare"), left: words.get("left"), right: words.get("right") }),
      view: view ? { view: view.key } : {},
    };
  }

  /** Limits of both sides: one that only the right scenario knows would compare different things. */
  function fitLimit(app) {
    const { facts, state } = app, limit = boaiMap.compare.limitBetween(facts, state.compare, state.kind, state.limit);
    if (limit === null || limit === facts.limitOf(state)) return false;
    app.setLimit(limit);
    return true;
  }

  function drawn(app, stage) {
    const { compare } = app.state;
    byId("compared-block").hidden = !compare;
    byId("figures").classList.toggle("compared", Boolean(compare));
    if (!compare) return stage.mark();
    if (fitLimit(app)) return undefined; // it has drawn everything anew
    [drawFigures, drawSites, drawLegend].forEach((step) => step(app));
    return stage.mark();
  }

  function install(app) {
    boaiMap.views.push(...boaiMap.compare.views);
    const { facts, state } = app, stage = stageOf(app), plain = app.set, usualCard = boaiMap.panel.countyCard;
    fill("more-controls", ...byId("more-controls").childNodes,
      make("fieldset.segments", {}, make("legend", { text: "比较" }), make("div", { id: "compare-how" })), make("div.compare-sides", { id: "compare-sides" }));
    byId("figures").after(make("details.block", { id: "compared-block", open: true, hidden: true }, make("summary", { id: "compared-title" }), make("div", { id: "compared" })));

    /** Every change of the state passes here, so that scenario, view and maps fit the comparison. */
    app.set = (changes) => {
      const compare = changes.compare === undefined ? state.compare ?? null : changes.compare, fitted = { ...changes, compare };
      if (compare) fitted.scenario = compare.right;
      const wanted = changes.view ?? (changes.kind === undefined ? state.view : app.views[changes.kind] ?? (facts.drive(changes.kind) ? "reach" : "county"));
      fitted.view = fittingView(app, compare, changes.kind ?? state.kind, wanted);
      if (compare) Object.assign(app.extra, { compare: compare.how, left: facts.data.scenarios[compare.left].name, right: facts.data.scenarios[compare.right].name });
      else for (const word of ["compare", "left", "right"]) delete app.extra[word];
      stage.place({ compare });
      plain(fitted);
    };
    app.compare = (compare) => {
      const turned = compare && compare.left === compare.right; // one side was set to the other's scenario: they change places
      app.set({ compare: turned ? { ...compare, left: state.compare.right, right: state.compare.left } : compare });
    };
    boaiMap.panel.countyCard = (own, position) => {
      usualCard(own, position);
      if (state.compare) byId("card").querySelector("dl").prepend(...countyRows(own, position).flatMap(([name, value]) => [make("dt", { text: name }), make("dd", { text: value })]));
    };
    app.onDraw.push(() => {
      drawControls(app);
      drawn(app, stage);
    });
    window.addEventListener("hashchange", () => {
      const { compare, view } = fromAddress(facts);
      app.set({ compare, ...view });
    });
    const address = fromAddress(facts), first = address.compare || (address.given ? null : asked(facts, facts.data.start || {}));
    if (first) app.set({ compare: first, ...address.view });
    else drawControls(app);
  }

  (boaiMap.plugins ||= []).push((app) => { if (app.facts.data.compare && app.facts.data.scenarios.length > 1) install(app); });
})();
