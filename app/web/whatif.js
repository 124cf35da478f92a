/* What if: roads and areas that are tried, for this desk only, and the way from a trial to a notice for all. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { byId, make, fill, button, announce, alarm } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const DEFAULT_KM = 3, FINGER_PX = 30, LEAST_M = 50, MOST_M = 3000;
  let pending = null;

  /** Make a form of one field and one button. */
  function oneField(id, label, input, text, submit) {
    const form = make("form.one", {}, make("label", { for: id, text: label }), input, make("button", { type: "submit", text }));
    form.addEventListener("submit", (event) => { event.preventDefault(); submit(input.value.trim(), input); });
    return form;
  }

  function skeleton() {
    const road = make("input", { id: "road-name", maxlength: "60", placeholder: t("roads.hint"), autocomplete: "off" });
    const radius = make("input", { id: "flood-km", type: "number", min: "0.2", max: "50", step: "0.1", value: String(DEFAULT_KM), inputmode: "decimal" });
    fill("panel-roads",
      make("h2", { text: t("trial") }), make("p.quiet", { text: t("trial.says") }),
      make("p.notice", { id: "roads-offline", "data-kind": "warning", text: t("error.offline-roads") }),
      make("div.buttons", {}, button(t("roads.click"), clickRoad, { id: "road-click" }), button(t("area.draw"), drawArea, { id: "area-draw" })),
      oneField("road-name", t("roads.name"), road, t("try"), (name, input) => { if (name) tryRoad(name, input); else input.focus(); }),
      oneField("flood-km", t("area.around"), radius, t("try"), tryAround),
      make("div", { id: "pending", "aria-live": "polite" }),
      make("ul.list", { id: "trials", "aria-label": t("trial") }),
      make("div", { id: "trial-said" }),
      make("h2", { text: t("closures") }), make("p.quiet", { id: "closures-note" }), make("ul.list", { id: "closures" }),
      make("h2", { text: t("marks") }), make("ul.list", { id: "marks" }),
      make("details", { id: "history-box" }, make("summary", { text: t("history") }), make("ol.history", { id: "history" })));
    drawOffline();
    byId("history-box").addEventListener("toggle", (event) => event.target.open && boai.closures.drawHistory());
  }

  /** Say before anybody tries that without the server no road can be closed. */
  function drawOffline() {
    byId("roads-offline").hidden = boai.source.state.online;
  }

  // ---------- a road on the map ----------
  /** Show which road is meant before anything is closed. */
  function clickRoad() {
    if (!boai.source.state.online) return offline();
    boai.chart.mean("road", t("roads.tap"), (at) => preview({ click: { ...at, within_m: near() } }));
  }

  /** A finger meets a road within some 30 pixels of the map, at most within 3 km. */
  function near() {
    const { map } = boai.chart, middle = map.getSize().divideBy(2);
    const metres = map.distance(map.containerPointToLatLng(middle), map.containerPointToLatLng(middle.add([FINGER_PX, 0])));
    return Math.min(MOST_M, Math.max(LEAST_M, Math.round(metres)));
  }

  async function preview(choice) {
    try {
      const found = await boai.source.ask("preview", choice);
      boai.chart.ordinary();
      ask(found);
    } catch (error) {
      trouble(error);
    }
  }

  function ask(found) {
    pending = found;
    const name = found.names && found.names[0];
    const what = found.what || name || t("roads.unnamed"), features = found.features || [];
    // a long road has too many sections to send: it is meant by its name
    const [list, item, choice] = found.edge_ids ? ["edges", { edges: found.edge_ids, what, features }, { edges: found.edge_ids }] : ["roads", { name, what, features }, { roads: [name] }];
    boai.routes.drawPreview(features);
    const whole = found.whole ? button(t("roads.whole", { name: found.whole.what }), () => ask({ ...found.whole, whole: null })) : "";
    fill("pending", make("div.box", {},
      make("p", {}, make("b", { text: what }), " ", t("roads.both"), found.km ? " · " + boai.format.km(found.km) : ""),
      make("div.buttons", {},
        button(t("try"), () => { drop(); boai.state.tryOut(list, item); }, { class: "primary", id: "pending-try" }),
        button(t("notify"), () => boai.closures.closeForm("pending", what, choice, drop), { id: "pending-notify" }),
        whole, button(t("cancel"), drop, { class: "plain" }))));
    boai.page.show("roads");
    byId("pending-try").focus();
  }

  function drop() {
    pending = null;
    boai.routes.drawPreview(null);
    fill("pending");
  }

  // ---------- a road by its name, an area ----------
  /** Try a road by its name; the server says first whether there is such a road, and where it runs. */
  async function tryRoad(name, input) {
    if (!boai.source.state.online) return offline();
    try {
      const found = await boai.source.ask("preview", { roads: [name] });
      input.value = "";
      return boai.state.tryOut("roads", { name, what: found.what || name, features: found.features || [] });
    } catch (error) {
      return trouble(error);
    }
  }

  function drawArea() {
    boai.draw.polygon(t("area.tap"), (ring) => boai.state.tryOut("areas", { ring, what: t("area.drawn") }));
  }

  function tryAround(text, input) {
    const km = Number(text), { answer } = boai.state.now;
    if (!answer) return said(t("need.place"));
    if (!(km > 0 && km <= 50)) return input.focus();
    return boai.state.tryOut("areas", { ring: boai.draw.circle(answer.place, km), what: t("area.circle", { km, name: answer.place.name }) });
  }

  // ---------- what is tried ----------
  function drawTrials(trial) {
    const rows = Object.entries(trial).flatMap(([list, items]) => items.map((item) => row(list, item)));
    fill("trials", ...rows, rows.length > 1 ? make("li", {}, button(t("trial.clear"), boai.state.untryAll)) : "");
    if (pending === null) fill("pending");
  }

  function row(list, item) {
    const words = { empty: t("trial.empty", { name: item.name }), roads: t("trial.road", { name: item.what }), edges: t("trial.road", { name: item.what }), areas: t("trial.area", { name: item.what }) }[list];
    const choice = { roads: { roads: [item.name] }, edges: { edges: item.edges }, areas: { area: item.ring } }[list];
    const element = make("li", {}, make("span", { text: words }));
    const slot = make("div");
    const done = () => boai.state.untry(list, item);
    const notify = choice && boai.source.state.mode !== "file" ? button(t("notify"), () => boai.closures.closeForm(slot, item.what || item.name, choice, done)) : "";
    const away = button(t("undo"), done, { "aria-label": t("undo") + ": " + words });
    element.append(make("div.buttons", {}, notify, away), slot);
    return element;
  }

  /** Say on this tab too what the trial changes. */
  function drawSaid(answer) {
    const lines = answer.changes ? answer.changes.sentences : boai.state.tried() ? [t("changes.none")] : [];
    fill("trial-said", lines.length ? make("div.changes", {}, make("ul", {}, ...lines.map((text) => make("li", { text })))) : "");
  }

  const said = (text) => { fill("trial-said", make("p.notice", { "data-kind": "warning", text })); announce(text); };
  const offline = () => said(t("error.offline-roads"));

  function trouble(error) {
    fill("trial-said", make("p.notice", { "data-kind": "error", text: error.message }));
    const bar = byId("map-mode").querySelector("p");
    if (bar) bar.textContent = error.message;
    alarm(error.message);
  }

  function draw() {
    skeleton();
    drawTrials(boai.state.now.trial);
    boai.closures.draw();
    if (boai.state.now.answer) drawSaid(boai.state.now.answer);
  }

  function start() {
    draw();
    const { on } = boai.state;
    on("trial", drawTrials);
    on("answer", drawSaid);
    on("untried", trouble);
    on("link", drawOffline);
    on("language", draw);
  }

  boai.whatif = { start };
})();
