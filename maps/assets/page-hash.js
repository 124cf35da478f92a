/* What is shown is kept in the address behind #, so that a link shows the same. Unknown words in it are passed over. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const MOST_CHARACTERS = 2000;

  /** Read a state from an address: only what the page knows. */
  function read(facts, text) {
    if (text.length > MOST_CHARACTERS) return {};
    const { data } = facts, asked = new URLSearchParams(text.replace(/^#/, "")), found = {};
    const scenario = data.scenarios.findIndex((one) => one.name === asked.get("scenario"));
    const kind = data.kinds.findIndex((one) => one.kind === asked.get("layer"));
    if (scenario >= 0) found.scenario = scenario;
    if (kind >= 0) found.kind = kind;
    if (boaiMap.views.some((view) => view.key === asked.get("view"))) found.view = asked.get("view");
    const limit = Number(asked.get("limit"));
    if (Number.isInteger(limit) && limit > 0 && limit < boaiMap.NONE) found.limit = limit;
    const at = (asked.get("at") || "").split(",").map(Number);
    if (at.length === 3 && at.every(Number.isFinite) && Math.abs(at[0]) <= 85 && Math.abs(at[1]) <= 180) found.at = at;
    if (asked.has("others")) found.others = data.kinds.map((one, index) => (asked.get("others").split(",").includes(one.kind) ? index : -1)).filter((index) => index >= 0);
    if (asked.has("hidden")) found.hidden = asked.get("hidden").split(",");
    return found;
  }

  /** Write a state as an address; what is as the page opens is left out. */
  function write(app) {
    const { facts, state } = app, { data } = facts, centre = app.view.map.getCenter();
    const asked = new URLSearchParams({ scenario: data.scenarios[state.scenario].name, layer: data.kinds[state.kind].kind, view: state.view });
    if (state.limit !== null) asked.set("limit", state.limit);
    if (state.others.length) asked.set("others", state.others.map((kind) => data.kinds[kind].kind).join(","));
    const hidden = Object.keys(state.shown).filter((key) => !state.shown[key]);
    if (hidden.length) asked.set("hidden", hidden.join(","));
    if (app.moved) asked.set("at", [centre.lat.toFixed(4), centre.lng.toFixed(4), app.view.map.getZoom()].join(","));
    for (const [key, value] of Object.entries(app.extra)) asked.set(key, value);
    return "#" + asked.toString();
  }

  /** Keep the address in step; some browsers refuse that for a file, and the page works on without. */
  function keep(app) {
    if (!app.ready) return;
    try {
      history.replaceState(null, "", write(app));
    } catch {
      return;
    }
  }

  boaiMap.hash = { read, write, keep };
})();
