/* The page: one state, drawn by a map and a panel. Parts that come later join through boaiMap.plugins. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { byId, make, fill, unpack } = boaiMap.base;
  const OLD_BROWSER = "这个浏览器太旧, 打不开本页; 请用较新的 Chrome、Edge、Firefox 或 Safari。";

  /** The state in which the page opens: a hash of the address goes before it. */
  function firstState(facts) {
    const { data } = facts, asked = boaiMap.hash.read(facts, location.hash);
    const kind = asked.kind ?? data.first, shown = { sites: true, gaps: true, added: true, roads: true, names: true };
    for (const key of asked.hidden || []) if (key in shown) shown[key] = false;
    const state = { scenario: asked.scenario ?? 0, kind, view: asked.view ?? usualView(facts, kind), limit: null, shown, others: asked.others || [] };
    state.limit = fitting(facts, state, asked.limit ?? null);
    return { state, at: asked.at };
  }

  const usualView = (facts, kind) => (facts.drive(kind) ? "reach" : "county");

  /** A limit that the layer knows and that is not its own main one; else null. */
  function fitting(facts, { scenario, kind }, limit) {
    if (limit === null || limit === facts.mainLimit(scenario, kind)) return null;
    return facts.drive(kind) || facts.limitAt(scenario, kind, limit) >= 0 ? limit : null;
  }

  /**
   * Put a page together.
   * @returns {Object} app: facts, state, view (the map), set(changes), setLimit(limit), showCounty, showFeature, showSite, hideCard,
   *   extra (more of the address, by key), onDraw (functions that are called with (app, painted) after each drawing)
   */
  function appOf(id, facts, options) {
    const { state, at } = firstState(facts);
    const app = { facts, state, extra: {}, onDraw: [], moved: Boolean(at), views: {}, county: -1, back: null, ready: false };

    app.view = boaiMap.createView(byId(id), facts, {
      map: options,
      onCounty: (position) => app.showCounty(position),
      onFeature: (feature) => app.showFeature(feature),
    });

    function said(painted) {
      document.documentElement.dataset.drawn = [facts.data.scenarios[state.scenario].name, facts.data.kinds[state.kind].kind, state.view].join(" ");
      app.onDraw.forEach((listener) => listener(app, painted));
      boaiMap.hash.keep(app);
    }

    function draw() {
      const painted = app.view.draw(state);
      boaiMap.controls.drawAll(app);
      boaiMap.panel.drawAll(app, painted);
      if (app.county >= 0) app.showCounty(app.county);
      said(painted);
    }

    app.set = (changes) => {
      const kept = changes.kind === undefined ? state.view : app.views[changes.kind] ?? usualView(facts, changes.kind);
      Object.assign(state, { view: kept }, changes);
      app.views[state.kind] = state.view;
      state.limit = fitting(facts, state, changes.kind === undefined ? state.limit : null);
      if (app.county < 0 && (changes.kind !== undefined || changes.scenario !== undefined)) app.hideCard();
      draw();
    };

    app.setLimit = (limit) => {
      state.limit = fitting(facts, state, limit);
      const painted = app.view.paint(state);
      boaiMap.controls.drawSlider(app);
      boaiMap.panel.drawLimit(app, painted);
      if (app.county >= 0) boaiMap.panel.countyCard(app, app.county);
      said(painted);
    };

    function opened() {
      if (!byId("card").contains(document.activeElement)) app.back = document.activeElement;
      byId("card").scrollIntoView({ block: "nearest" });
    }

    app.showCounty = (position, { go = false } = {}) => {
      app.county = position;
      app.view.select(position);
      boaiMap.panel.countyCard(app, position);
      if (go) app.view.goToCounty(position);
      opened();
    };

    app.showFeature = (feature) => {
      app.county = -1;
      app.view.select(-1);
      boaiMap.panel.featureCard(app, feature);
      opened();
    };

    app.showSite = (row, { go = false } = {}) => {
      const site = facts.site(facts.sites(state.scenario, state.kind), row);
      if (go) app.view.goTo(site.y, site.x, 11);
      app.showFeature(site);
    };

    app.hideCard = () => {
      const inside = byId("card").contains(document.activeElement);
      app.county = -1;
      byId("card").hidden = true;
      app.view.select(-1);
      if (inside && app.back && app.back.isConnected) app.back.focus();
    };

    app.draw = draw;
    app.at = at;
    return app;
  }

  function drawHead(data) {
    byId("title").textContent = data.title;
    byId("stamp").textContent = data.stamp;
    fill("headlines", ...data.headlines.map((text) => {
      const cut = text.indexOf(":");
      return make("li", {}, make("b", { text: text.slice(0, cut + 1) }), text.slice(cut + 1));
    }));
  }

  function listen(app) {
    const { map } = app.view, search = boaiMap.search.install(app);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      search.close();
      app.hideCard();
    });
    map.on("dragstart zoomstart", () => { app.moved = true; });
    map.on("moveend", () => boaiMap.hash.keep(app));
    window.addEventListener("hashchange", () => {
      const { state, at } = firstState(app.facts);
      if (at) map.setView([at[0], at[1]], at[2], { animate: false });
      app.set(state);
    });
    [boaiMap.controls, boaiMap.panel, boaiMap.print].forEach((part) => part.install(app));
  }

  /**
   * Open the page: unpack its data, draw, listen.
   * @param {string} id of the element of the map
   * @param {Object} options of the map, from folium
   * @returns {Promise<Object>} app
   */
  boaiMap.start = async function start(id, options) {
    try {
      const data = JSON.parse(byId("boai-data").textContent);
      drawHead(data);
      if (!("DecompressionStream" in window)) throw new Error(OLD_BROWSER);
      const facts = boaiMap.factsOf(await unpack(data));
      const app = appOf(id, facts, options);
      if (app.at) app.view.map.setView([app.at[0], app.at[1]], app.at[2], { animate: false });
      listen(app);
      app.draw();
      (boaiMap.plugins || []).forEach((plugin) => plugin(app));
      app.ready = true; // until now the address was as it was asked for: parts that join read it too
      boaiMap.hash.keep(app);
      byId("wait").hidden = true;
      document.documentElement.dataset.ready = "";
      boaiMap.app = app;
      return app;
    } catch (error) {
      byId("wait").textContent = error.message === OLD_BROWSER ? OLD_BROWSER : "本页的数据打不开: " + error.message;
      throw error;
    }
  };
})();
