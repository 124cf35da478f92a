/* The answer: cards in their order, what has changed, what a reader must know, and the time limits. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { byId, make, fill, button, announce, alarm, stepped } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const f = () => boai.format;
  const KINDS = ["warehouse", "team"], SLOW_MS = 500;
  const SPECIALITIES = ["赈济", "医疗", "供水", "大众卫生", "心理", "搜救", "水上救生", "通讯"];

  function drawKinds() {
    const { now } = boai.state;
    fill("kinds", ...KINDS.map((kind) => {
      const choice = button(t("kind." + kind), () => boai.state.change({ kind }).then(drawKinds), { role: "radio", "aria-checked": String(now.kind === kind), tabindex: now.kind === kind ? "0" : "-1", "data-kind": kind });
      choice.addEventListener("keydown", (event) => {
        const next = stepped(event, KINDS.indexOf(now.kind), KINDS.length);
        if (next === null) return;
        event.preventDefault();
        boai.state.change({ kind: KINDS[next] });
        drawKinds();
        byId("kinds").querySelector("[aria-checked=true]").focus();
      });
      return choice;
    }));
    byId("speciality-box").hidden = now.kind !== "team";
    const there = (now.answer && now.answer.specialities) || [];
    const count = new Map(there.map((one) => [one.name, one.count]));
    const names = [...new Set([...(there.length ? count.keys() : SPECIALITIES), now.speciality].filter(Boolean))];
    const option = (name) => make("option", { value: name, text: count.has(name) ? `${name} (${count.get(name)})` : name });
    fill("speciality", make("option", { value: "", text: t("speciality.any") }), ...names.map(option));
    byId("speciality").value = now.speciality;
  }

  /** Minutes by which the first arrival comes later than usual; 0 where there is none, now or usually. */
  function changed({ changes }) {
    const [before, now] = changes ? [changes.first_before, changes.first_now] : [];
    return before && now ? boai.format.difference(now.eta_min, before.eta_min) : 0;
  }

  /** Say in one line who comes first: it stays in sight on every tab. */
  function drawStrip(answer) {
    const first = answer.sites.find((card) => card.eta_min !== null && card.status !== "空");
    const delta = changed(answer);
    const text = first ? t("first", { name: first.name, eta: f().duration(first.eta_min) }) : t("nobody");
    const strip = fill("strip", make("button.strip-line", { on: { click: () => boai.page.show("nearest") } }, boai.state.tried() ? make("span.badge", { text: t("trial.mark") }) : "", make("span", { text }), delta ? make("b", { text: f().delta(delta) }) : ""));
    strip.hidden = false;
  }

  /** Say what differs from the usual: closed roads, empty stores, what is tried. */
  function drawChanges(answer) {
    const box = byId("changes"), sentences = answer.changes ? answer.changes.sentences : [];
    box.hidden = !sentences.length;
    if (!sentences.length) return;
    const delta = changed(answer);
    box.dataset.kind = delta || sentences.length > 1 || !answer.changes.first_now ? "worse" : "same";
    fill(box, make("h3", {}, t(boai.state.tried() ? "changes.tried" : "changes"), delta ? make("span.delta", { "data-kind": delta > 0 ? "later" : "sooner", text: f().delta(delta) }) : ""),
      make("ul", {}, ...sentences.map((text) => make("li", { text }))),
      boai.state.tried() ? button(t("trial.clear"), boai.state.untryAll) : "");
  }

  /** Say which place was understood, and when: the field still holds what was written. */
  function drawAsked({ place, asked_at: at }) {
    const system = place.system && place.system !== "WGS84" ? t("asked.system", { system: place.system }) : "";
    const under = [f().degrees(place.lon, place.lat) + " (WGS84)", system, t("asked.at", { at: f().moment(at) + f().zone() })].filter(Boolean).join(" · ");
    fill("asked", make("h2", { text: place.name }), make("p.quiet", { text: under })).hidden = false;
  }

  function drawLabels(answer) {
    byId("labels").hidden = !answer.labels.length;
    fill("labels", ...answer.labels.map((text) => make("li.badge", { text: t("label." + text, {}, text) })));
  }

  function drawNotes(answer) {
    const place = new Set([answer.place.note, answer.place.warning, answer.place.water]);
    const lines = (answer.notes || []).filter((text) => text && !place.has(text));
    byId("notes").hidden = !lines.length;
    fill("notes", ...lines.map((text) => make("li", { text })));
  }

  function drawMore(answer) {
    const { now, MORE, MOST_K, change } = boai.state;
    const more = answer.more && now.k < MOST_K ? button(t("more", { n: MORE }), () => change({ k: now.k + MORE }), { class: "wide", id: "more-button" }) : "";
    const gone = answer.unreached || { count: 0, names: [] };
    const unreached = gone.count ? make("details.unreached", {}, make("summary", { text: t("unreached", { n: gone.count }) }), make("ul", {}, ...gone.names.map((name) => make("li", { text: name }))), gone.count > gone.names.length ? make("p.quiet", { text: t("unreached.more", { n: gone.count - gone.names.length }) }) : "") : "";
    fill("more", more, unreached);
  }

  /** The sentence of a limit; the answer has it in Chinese. */
  function limitLine(line) {
    if (boai.words.language !== "en") return line.text;
    const facts = { level: t("level." + line.level + "级", {}, line.level), limit: f().duration(line.limit_min) };
    if (!line.site || line.eta_min === null) return t("limit.nobody", facts);
    const late = line.late_min ? ", " + f().delta(line.late_min) : "";
    return t("limit.line", { ...facts, site: line.site.name, eta: f().duration(line.eta_min) }) + late;
  }

  /** Say of each level whether its limit is met, or by how much it is not. */
  function drawCompliance(answer) {
    const list = answer.compliance || [], box = byId("compliance");
    box.hidden = !list.length;
    fill(box, make("h3", { text: t("compliance") }), make("ul", {}, ...list.map((line) => {
      const state = line.met === null ? "unknown" : line.met ? "met" : "missed";
      return make("li", { "data-state": state }, make("span.chip", { "data-state": state, text: t("limit." + state) }), make("span", { text: limitLine(line) }));
    })), answer.compliance_note ? make("p.quiet", { text: answer.compliance_note }) : "");
  }

  function drawCards(answer) {
    const open = new Set([...document.querySelectorAll("#cards details[open]")].map((box) => box.closest(".card").dataset.id));
    const cards = answer.sites.map((card) => boai.cards.render(card, answer));
    cards.forEach((card) => { card.querySelector("details").open = open.has(card.dataset.id); });
    fill("cards", ...cards);
    byId("empty").textContent = answer.sites.length ? "" : t("nobody");
  }

  function draw(answer) {
    drawStrip(answer);
    drawAsked(answer);
    drawChanges(answer);
    drawLabels(answer);
    drawNotes(answer);
    drawCards(answer);
    drawMore(answer);
    drawCompliance(answer);
    document.documentElement.dataset.answered = String(Number(document.documentElement.dataset.answered || 0) + 1);
  }

  /** Say the answer to a screen reader: the first arrival, and what has changed. */
  function tell(answer) {
    const first = answer.sites.find((card) => card.eta_min !== null && card.status !== "空");
    const said = first ? t("said", { place: answer.place.name, name: first.name, eta: f().duration(first.eta_min) }) : t("nobody");
    announce([said, ...(answer.changes ? answer.changes.sentences.slice(0, 2) : [])].join("。"));
  }

  function select(id) {
    document.querySelectorAll("#cards .card").forEach((card) => {
      const own = card.dataset.id === id;
      card.classList.toggle("chosen", own);
      card.querySelector(".name").setAttribute("aria-pressed", String(own));
      if (own && boai.state.now.moved) card.scrollIntoView({ block: "nearest", behavior: boai.dom.still() ? "auto" : "smooth" });
    });
    boai.state.now.moved = true;
  }

  /** A refused question leaves no old answer behind that could be taken for the new one. */
  function refused(error) {
    boai.state.now.answer = null;
    boai.state.now.moved = false;
    ["strip", "asked", "changes", "labels", "notes", "compliance"].forEach((id) => { byId(id).hidden = true; });
    fill("cards");
    fill("more");
    byId("empty").textContent = error.message;
    alarm(error.message);
  }

  let patience = 0;

  /** Grey the old answer while a new one is made, and say so where that takes a while. */
  function waiting(busy) {
    byId("panels").setAttribute("aria-busy", String(busy));
    clearTimeout(patience);
    byId("busy").hidden = true;
    if (busy) patience = setTimeout(() => { byId("busy").hidden = false; announce(t("busy")); }, SLOW_MS);
  }

  function start() {
    drawKinds();
    byId("empty").textContent = t("empty");
    byId("speciality").addEventListener("change", (event) => boai.state.change({ speciality: event.target.value }));
    const { on, now } = boai.state;
    on("answer", (answer) => { now.moved = false; drawKinds(); draw(answer); tell(answer); });
    on("select", select);
    on("refused", refused);
    on("busy", waiting);
    on("back", (place) => { if (!place) boai.state.emit("refused", { message: "" }), byId("empty").textContent = t("empty"); });
    on("language", () => { drawKinds(); if (now.answer) now.moved = false, draw(now.answer), select(now.selected); else byId("empty").textContent = t("empty"); });
  }

  boai.answer = { start };
})();
