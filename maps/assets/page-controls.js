/* Choices: scenario, layer, view, limit, and what is shown on the map. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { byId, make, fill } = boaiMap.base;
  const STEP_S = 60;
  const SHOWN = { sites: "现有站点", gaps: "缺口", added: "建议新增", roads: "主要道路", names: "地名" };

  /** Draw a row of radio buttons. */
  function segments(id, name, options, chosen, change) {
    fill(id, ...options.map(([value, text]) => make("label", {},
      make("input", { type: "radio", name, value: String(value), checked: value === chosen, "data-key": name + value, on: { change: () => change(value) } }),
      make("span", { text, title: text }))));
  }

  function drawChoices(app) {
    const { data } = app.facts, { state } = app;
    const numbered = (items, write) => items.map((item, index) => [index, write(item)]);
    segments("scenarios", "scenario", numbered(data.scenarios, (one) => one.title), state.scenario, (scenario) => app.set({ scenario }));
    segments("kinds", "kind", numbered(data.kinds, (one) => one.name), state.kind, (kind) => app.set({ kind }));
    const difference = Boolean(state.compare) && state.compare.how === "difference"; // two maps show the usual views
    segments("views", "view", boaiMap.views.filter((view) => Boolean(view.compared) === difference).map((view) => [view.key, view.name]), state.view, (view) => app.set({ view }));
  }

  function drawSwitches(app) {
    const { data } = app.facts, { state } = app;
    const box = (text, checked, key, change) => make("label", {}, make("input", { type: "checkbox", checked, "data-key": key, on: { change: (event) => change(event.target.checked) } }), " " + text);
    const own = Object.entries(SHOWN).map(([key, text]) => box(text, state.shown[key], key, (on) => app.set({ shown: { ...state.shown, [key]: on } })));
    const rest = data.kinds.map((kind, at) => [kind, at]).filter(([, at]) => at !== state.kind).map(([kind, at]) =>
      box("另示" + kind.name, state.others.includes(at), "other" + at, (on) => app.set({ others: on ? [...state.others, at].sort() : state.others.filter((one) => one !== at) })));
    fill("switches", ...own, ...rest);
  }

  /** The furthest that the slider goes: half as far again as the last limit, in whole quarters of an hour. */
  function lastOf(limits) {
    return Math.ceil((limits.at(-1) * 1.5) / 900) * 900;
  }

  /** Set the slider up for a layer: by driving in minutes, on foot through the standard's limits. */
  function drawSlider(app) {
    const { facts, state } = app, input = byId("limit"), { limits } = facts.standard(state.scenario, state.kind);
    const drive = facts.drive(state.kind), limit = facts.limitOf(state);
    const slides = boaiMap.viewOf(state.view).slides(facts, state);
    Object.assign(input, drive ? { min: STEP_S, max: lastOf(limits), step: STEP_S } : { min: 0, max: limits.length - 1, step: 1 });
    input.value = drive ? limit : limits.indexOf(limit);
    input.disabled = !drive && limits.length < 2;
    fill("limit-marks", ...(drive ? limits : limits.map((_, at) => at)).map((value) => make("option", { value: String(value) })));
    byId("limit-label").textContent = drive ? "时限" : "距离";
    byId("limit-note").textContent = slides ? "" : state.view.includes("state") ? "状态按标准上限, 不随时限改变" : "这张底图不随时限改变";
    byId("limit-note").hidden = slides;
    sayLimit(app);
  }

  function sayLimit(app) {
    const { facts, state } = app, limit = facts.limitOf(state), text = facts.limitText(state.kind, limit).replace("车程", "");
    byId("limit-text").textContent = text;
    byId("limit").setAttribute("aria-valuetext", text + (state.limit === null ? ", 标准上限" : ""));
    byId("limit-reset").hidden = state.limit === null;
  }

  /** The limit that the slider stands at; null at the standard's own. */
  function limitAt(app) {
    const { facts, state } = app, value = Number(byId("limit").value);
    const limit = facts.drive(state.kind) ? value : facts.standard(state.scenario, state.kind).limits[value];
    return limit === facts.mainLimit(state.scenario, state.kind) ? null : limit;
  }

  function install(app) {
    let waiting = false;
    byId("limit").addEventListener("input", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        app.setLimit(limitAt(app));
      });
    });
    byId("limit-reset").addEventListener("click", () => {
      app.setLimit(null);
      byId("limit").focus();
    });
  }

  function drawAll(app) {
    drawChoices(app);
    drawSwitches(app);
    drawSlider(app);
  }

  boaiMap.controls = { install, drawAll, drawSlider, sayLimit, segments };
})();
