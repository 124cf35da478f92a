/* The log: writing down what was sent, and reading what was asked and sent before. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { byId, make, fill, button, announce } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const f = () => boai.format;
  const PAGE = 20;
  const shown = { offset: 0 };

  /** Go to the form that writes the chosen sites into the log. */
  function open() {
    boai.page.show("log");
    const field = byId("record-note") || byId("token");
    if (field) field.focus();
  }

  function form() {
    const answer = boai.actions.answered();
    if (!answer || !boai.actions.chosen().length) return make("p.quiet", { text: t("record.none") });
    let key = newKey();
    const note = make("textarea", { id: "record-note", rows: "3", maxlength: "500" });
    const who = make("input", { id: "record-who", maxlength: "60", value: sessionStorage.getItem("boai-reporter") || "" });
    const problem = make("p.notice", { role: "alert", hidden: true });
    const names = boai.actions.chosen().map((card) => `${card.name} (${f().duration(card.eta_min)})`).join("、");
    const element = make("form.box", { "aria-label": t("record.new") }, make("p", {}, make("b", { text: t("record.new") })), make("p", { text: `${answer.place.name} ← ${names}` }),
      make("label", { for: "record-note", text: t("note") }), note, make("label", { for: "record-who", text: t("record.who") }), who, problem, make("button.primary", { type: "submit", id: "record-save", text: t("record.save") }));
    element.addEventListener("submit", boai.dom.once(element, async () => {
      const facts = { note: note.value.trim(), who: who.value.trim() };
      try {
        const told = await boai.source.ask("record", boai.actions.order({ ...facts, number: "", key }));
        boai.actions.logged((told && told.number) || "", facts.note, facts.who);
        say(problem, t("record.saved", { number: (told && told.number) || "" }), "quiet");
        announce(problem.textContent);
        note.value = "";
        key = newKey();
        read();
      } catch (error) {
        say(problem, error.status === 401 ? t("token.needed") : error.message, "error");
      }
    }));
    return element;
  }

  /** A name of one record, so that sending it again does not record it twice. */
  const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  function say(box, text, kind) {
    box.hidden = false;
    box.dataset.kind = kind;
    box.textContent = text;
  }

  function line(entry) {
    const place = entry.place && entry.place.name ? entry.place.name : entry.place || (entry.question && entry.question.at) || "";
    const sites = (entry.sites || entry.chosen || []).map((one) => (typeof one === "string" ? one : one.name || one.id)).join("、");
    return make("li", {}, make("span.when", { text: f().moment(entry.at || entry.asked_at, 0) }), make("span", { text: [entry.number, place, sites, entry.note].filter(Boolean).join(" · ") }), make("span.quiet", { text: [entry.who, entry.version ? t("text.version") + " " + entry.version : ""].filter(Boolean).join(" · ") }));
  }

  async function read(offset = 0) {
    shown.offset = offset;
    if (!boai.state.now.me || !byId("log")) return;
    try {
      const told = await boai.source.ask("log", { offset, limit: PAGE });
      const entries = Array.isArray(told) ? told : told.entries || told.items || told.log || [];
      const total = told.total ?? told.numberMatched ?? entries.length;
      fill("log", ...(entries.length ? entries.map(line) : [make("li.quiet", { text: t("log.none") })]));
      fill("log-pages", offset > 0 ? button(t("newer"), () => read(Math.max(0, offset - PAGE))) : "", offset + entries.length < total ? button(t("older"), () => read(offset + PAGE)) : "");
    } catch (error) {
      fill("log", make("li", { text: error.message }));
    }
  }

  function draw() {
    const { me } = boai.state.now;
    fill("panel-log", make("h2", { text: t("token.title") }), boai.token.render(),
      boai.source.state.mode === "file" ? "" : make("h2", { text: t("record.title") }), boai.source.state.mode === "file" ? "" : form(),
      me ? make("h2", { text: t("log") }) : "", me ? make("ol.list.log", { id: "log" }) : "", me ? make("div.buttons", { id: "log-pages" }) : "",
      make("h2", { text: t("about") }), about());
    read(shown.offset);
  }

  /** Say from which data the answers come. */
  function about() {
    const { health, kept, synced, mode } = boai.source.state;
    const facts = mode === "file" ? kept : health || kept;
    const { answer } = boai.state.now;
    const lines = [facts && facts.as_of ? t("as-of", { at: f().moment(facts.as_of, 0) }) : "", synced ? t("synced", { at: f().moment(synced, 0) }) : "", (answer && answer.version) || (facts && facts.version) ? t("text.version") + " " + ((answer && answer.version) || facts.version) : "", ...((facts && facts.labels) || []).map((text) => t("label." + text, {}, text)), boai.chart.credit, t("about.page")];
    return make("ul.notes", {}, ...lines.filter(Boolean).map((text) => make("li", { text })));
  }

  function start() {
    draw();
    ["me", "language", "chosen", "answer"].forEach((name) => boai.state.on(name, () => { if (!busy()) draw(); }));
  }

  /** Do not take a half-written text away. */
  const busy = () => byId("panel-log").contains(document.activeElement) && ["INPUT", "TEXTAREA"].includes(document.activeElement.tagName) && document.activeElement.value !== "" && document.activeElement.id !== "token";

  boai.record = { start, open, draw };
})();
