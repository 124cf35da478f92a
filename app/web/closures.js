/* What all desks share: closed roads and marked sites, who said so, until when; and the forms that say it. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { byId, make, fill, button, announce } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const f = () => boai.format;
  const HOURS = [2, 6, 24], SPEEDS = [75, 50, 25];
  const WHO = "boai-reporter";
  let seen = null;

  /** Say one closure: what, why, who says so, since when and until when. */
  function sentence(facts) {
    const state = facts.speed ? t("closure.slow", { n: Math.round(100 * facts.speed) }) : t("closure.closed");
    const since = facts.since ? t("closure.since", { at: f().moment(facts.since) }) : "";
    const until = facts.until ? t("closure.until", { at: f().moment(facts.until) }) : t("closure.open-end");
    const more = [facts.reason, facts.reporter ? t("closure.by", { name: facts.reporter }) : "", since, until].filter(Boolean).join("; ");
    return `${facts.number}. ${facts.what} ${state} (${more})`;
  }

  // ---------- forms ----------
  function untilField(id) {
    const select = make("select", { id });
    const options = [...HOURS.map((n) => [String(n), t("until.hours", { n })]), ["at", t("until.at")], ["", t("until.open")]];
    select.append(...options.map(([value, text]) => make("option", { value, text })));
    const at = make("input", { type: "datetime-local", "aria-label": t("until.at"), hidden: true });
    select.addEventListener("change", () => { at.hidden = select.value !== "at"; at.required = !at.hidden; });
    return { parts: [select, at], value: () => (select.value === "at" ? f().localTime(at.value) : f().inHours(Number(select.value))) };
  }

  /** Ask whether a road is closed, or open at a share of its usual speed. */
  function speedField() {
    const options = [["0", t("closure.how.0")], ...SPEEDS.map((n) => [String(n / 100), t("closure.how.slow", { n })])];
    return make("select", { id: "form-speed" }, ...options.map(([value, text]) => make("option", { value, text })));
  }

  /** Make a form: fields of text, until when, and who says so; `send` gets what was written. */
  function form(title, fields, send, cancel) {
    const inputs = fields.map(([key, label, required]) => [key, make("input", { id: "form-" + key, maxlength: "200", required, value: key === "reporter" ? sessionStorage.getItem(WHO) || "" : "" }), label]);
    const until = untilField("form-until"), problem = make("p.notice", { "data-kind": "error", role: "alert", hidden: true });
    const element = make("form.box", { "aria-label": title }, make("p", {}, make("b", { text: title })),
      ...inputs.flatMap(([key, input, label]) => [make("label", { for: "form-" + key, text: label }), input]),
      make("label", { for: "form-until", text: t("until") }), ...until.parts, problem,
      make("div.buttons", {}, make("button.primary", { type: "submit", text: t("notify") }), button(t("cancel"), cancel, { class: "plain" })));
    element.addEventListener("submit", boai.dom.once(element, async () => {
      const facts = Object.fromEntries(inputs.map(([key, input]) => [key, input.value.trim()]));
      if (facts.reporter) sessionStorage.setItem(WHO, facts.reporter);
      try {
        await send({ ...facts, until: until.value() });
        cancel();
        await boai.source.look();
      } catch (error) {
        problem.hidden = false;
        problem.textContent = error.status === 401 ? t("token.needed") : error.message;
        if (error.status === 401) problem.append(" ", button(t("token.enter"), () => { if (element.closest("dialog")) cancel(); boai.token.open(); }));
      }
    }));
    return element;
  }

  /** Ask who closes a road for all desks, why and until when. */
  function closeForm(where, what, choice, done) {
    const box = typeof where === "string" ? byId(where) : where, back = boai.dom.holding();
    const cancel = () => { box.replaceChildren(); back(); };
    const send = async (facts) => {
      await boai.source.ask("close", { ...choice, speed: Number(speed.value), ...facts });
      announce(t("notified", { what }));
      done();
    };
    const speed = speedField();
    const made = form(t("closure.new", { what }), [["reason", t("reason"), false], ["reporter", t("reporter"), true]], send, cancel);
    made.children[0].after(make("label", { for: "form-speed", text: t("closure.how") }), speed);
    fill(box, made);
    speed.focus();
  }

  /** Ask what a call at a site has found out: it has nothing, or it can send. */
  function markForm(card) {
    const state = make("select", { id: "form-state" }, ...["空", "可用"].map((value) => make("option", { value, text: t("mark." + value) })));
    const cancel = () => box.close();
    const send = async (facts) => {
      await boai.source.ask("mark", card.kind, card.id, { state: state.value, note: facts.note, until: facts.until });
      announce(t("notified", { what: card.name }));
    };
    const made = form(t("mark.new", { name: card.name }), [["note", t("note"), false]], send, cancel);
    made.children[0].after(make("label", { for: "form-state", text: t("mark.state") }), state);
    const box = boai.actions.dialog(t("mark"), make("div.mark-form", {}, made)); // an answer may be drawn anew while somebody writes
    state.focus();
  }

  // ---------- lists ----------
  function draw() {
    const { closures, marks } = boai.state.now;
    const writing = boai.source.state.mode !== "file";
    byId("closures-note").textContent = closures.length ? "" : t("closures.none");
    fill("closures", ...closures.map(({ properties: facts }) => entry(sentence(facts), writing ? [t("reopen"), "reopen", facts.number] : null)));
    fill("marks", ...(marks.length ? marks.map((mark) => entry(markLine(mark), writing ? [t("undo"), "unmark", mark.kind, mark.id] : null)) : [make("li.quiet", { text: t("marks.none") })]));
  }

  function markLine(mark) {
    const until = mark.until ? t("closure.until", { at: f().moment(mark.until) }) : "";
    const more = [mark.note, mark.who ? t("closure.by", { name: mark.who }) : "", f().moment(mark.at), until].filter(Boolean).join("; ");
    return `${mark.name || mark.id}: ${t("mark." + mark.state)} (${more})`;
  }

  function entry(text, action) {
    const element = make("li", {}, make("span", { text }));
    if (!action) return element;
    const [label, name, ...rest] = action;
    const problem = make("p.notice", { "data-kind": "error", role: "alert", hidden: true });
    const press = async () => {
      problem.hidden = true;
      try {
        await boai.source.ask(name, ...rest);
        announce(label + ": " + text);
        await boai.source.look();
      } catch (error) {
        problem.hidden = false;
        problem.textContent = error.status === 401 ? t("token.needed") : error.message;
      }
    };
    const act = button(label, null, { "aria-label": label + ": " + text, "data-key": rest.join(":") });
    act.addEventListener("click", boai.dom.once(act, press));
    element.append(make("div.buttons", {}, act), problem);
    return element;
  }

  async function drawHistory() {
    try {
      const told = await boai.source.ask("history");
      const events = Array.isArray(told) ? told : told.events || told.items || [];
      fill("history", ...(events.length ? events.map((event) => make("li", { text: eventLine(event) })) : [make("li", { text: t("history.none") })]));
    } catch (error) {
      fill("history", make("li", { text: error.message }));
    }
  }

  function eventLine(event) {
    const action = t("event." + event.action);
    return [f().moment(event.at), `${event.number}. ${event.what}`, action, event.reason, event.who || event.reporter].filter(Boolean).join(" · ");
  }

  // ---------- what other desks did ----------
  const listOf = (told, name) => (Array.isArray(told) ? told : told.features || told[name] || []);

  /** Take the news of the server, say what others changed, and ask again. */
  async function news({ first, back, data, closures, marks }) {
    if (closures) boai.state.now.closures = listOf(closures, "closures");
    if (marks) boai.state.now.marks = listOf(marks, "marks");
    const before = seen;
    seen = new Map([...boai.state.now.closures.map(({ properties: facts }) => ["c" + facts.number, sentence(facts)]), ...boai.state.now.marks.map((mark) => ["m" + mark.kind + mark.id + mark.state, markLine(mark)])]);
    draw();
    if (byId("history-box").open) drawHistory();
    boai.state.emit("closures", boai.state.now.closures);
    if (first) return;
    const added = [...seen].filter(([key]) => !before.has(key)).map(([, text]) => text);
    const gone = [...before].filter(([key]) => !seen.has(key)).map(([, text]) => t("news.gone", { what: text }));
    if (boai.state.now.place && (closures || marks || data || back)) await boai.state.ask();
    const text = [...added, ...gone].slice(0, 3).join("; ");
    if (text || data) boai.page.tell(text ? t("news", { what: text }) : t("news.data"));
  }

  function start() {
    boai.state.on("news", news);
  }

  boai.closures = { start, draw, drawHistory, sentence, closeForm, markForm };
})();
