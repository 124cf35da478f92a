/* What follows from an answer: the dispatch sheet, a text for a chat message, an entry in the log. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { byId, make, fill, button, announce, alarm } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const f = () => boai.format;

  const MOST = 20;

  /** The sites that are sent: the stores of the plan that was taken over, or the chosen cards. */
  function chosen() {
    const { plan, answer, chosen: ids } = boai.state.now;
    if (plan) return plan.stores;
    return answer ? answer.sites.filter((card) => ids.has(card.id)) : [];
  }

  const answered = () => (boai.state.now.plan ? boai.state.now.plan.answer : boai.state.now.answer);

  /** Write what the server needs to make the same answer again, for these sites; with its number once it is logged. */
  function order(more = {}) {
    const { plan, sent } = boai.state.now;
    const made = { ...(plan ? plan.order : boai.state.question()), chosen: chosen().map((card) => card.id) };
    const logged = sent && sent.of === JSON.stringify(made) ? { number: sent.number, note: sent.note, who: sent.who } : {};
    return { ...made, ...logged, ...more };
  }

  /** Keep under which number the log has what is sent, so that text and sheet carry it. */
  function logged(number, note, who) {
    boai.state.now.sent = null;
    boai.state.now.sent = { of: JSON.stringify(order()), number, note, who };
    draw();
  }

  let making = false;

  /** Let a second press do nothing while the first is under way. */
  const onceAtATime = (act) => async () => {
    if (making) return;
    making = true;
    await act().finally(() => { making = false; });
  };

  /** Draw the buttons; they wait for an answer with a chosen site. */
  function draw() {
    const { plan } = boai.state.now;
    const ready = chosen().length > 0 && chosen().length <= MOST;
    const served = boai.source.state.mode !== "file";
    const several = chosen().length > MOST ? "chosen.many" : plan ? "chosen.plan" : "chosen";
    const count = chosen().length ? t(several, { n: chosen().length, most: MOST }) : t("chosen.none");
    const buttons = [
      button(t("copy"), onceAtATime(copy), { class: "primary", id: "copy", disabled: !ready }),
      served ? button(t("sheet"), onceAtATime(sheet), { id: "sheet-button", disabled: !ready }) : button(t("print"), () => globalThis.print(), { id: "print", disabled: !ready }),
      served ? button(t("record"), () => boai.record.open(), { id: "record", disabled: !ready }) : "",
    ];
    fill("actions", make("span.count", { text: count }), ...buttons);
  }

  // ---------- text for a chat message ----------
  /** Write the text from the answer itself, where the server cannot. */
  function compose(answer, cards) {
    const lines = [`【${t("text.title")}】${answer.labels.length ? " (" + answer.labels.join("、") + ")" : ""}`, `${t("text.place")}: ${answer.place.name} (${f().degrees(answer.place.lon, answer.place.lat)} WGS84)`, `${t("text.time")}: ${f().moment(answer.asked_at, 0)}`];
    cards.forEach((card) => {
      const sent = card.takes ? t("text.takes") : `${t("card.stock")} (${card.stock_date || t("stock.undated")})`;
      const stock = Object.entries(card.takes || card.stock || {}).map(([name, count]) => `${name} ${count}`).join("、");
      lines.push(`${card.rank}. ${card.name} ${card.city}${card.county}: ${t("text.arrives", { eta: f().duration(card.eta_min), km: f().km(card.km) })}`);
      if (stock) lines.push(`   ${sent}: ${stock}`);
      lines.push(`   ${[card.keeper, card.phone].filter(Boolean).join(" ") || t("phone.none")}${card.example ? " " + t("example.number") : ""}`);
    });
    if (answer.changes) lines.push(...answer.changes.sentences);
    lines.push(`${t("text.version")}: ${answer.version || "–"}`);
    return lines.join("\n");
  }

  async function copy() {
    let text = "";
    try {
      text = (await boai.source.ask("text", order())).text;
    } catch (error) {
      if (!["offline", "network"].includes(error.code)) return told(error);
      text = compose(answered(), chosen());
    }
    showText(text, await toClipboard(text));
  }

  /** Put a text on the clipboard; false where the browser does not let us. */
  async function toClipboard(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  }

  /** Show the text so that it can be checked, and copied by hand where the browser refuses. */
  function showText(text, copied) {
    const area = make("textarea", { rows: "12", readonly: true, "aria-label": t("copy"), value: text });
    const state = make("p.notice", { "data-kind": copied ? "quiet" : "warning", role: "status", text: t(copied ? "copied" : "copy.hand") });
    const again = () => {
      area.focus();
      area.select();
      const done = document.execCommand("copy");
      state.textContent = t(done ? "copied" : "copy.hand");
    };
    dialog(t("copy"), area, state, button(t("copy.again"), again, { class: "primary" }));
    if (!copied) area.select();
    announce(state.textContent);
  }

  /** Open a dialog over the page; Escape and its last button close it. */
  function dialog(title, ...content) {
    const back = boai.dom.holding();
    const element = make("dialog", { "aria-label": title });
    element.append(make("h2", { text: title }), ...content, button(t("close"), () => element.close()));
    element.addEventListener("close", () => { element.remove(); back(); });
    document.body.append(element);
    element.showModal();
    return element;
  }

  // ---------- the sheet ----------
  async function sheet() {
    const press = byId("sheet-button");
    press.textContent = t("sheet.making");
    announce(t("sheet.making"));
    try {
      const file = await boai.source.ask("sheet", order());
      const { number } = order();
      save(file, [t("sheet.name"), number || f().moment(new Date().toISOString(), 0).replace(/[^\d]/g, "")].join("-") + ".pdf");
      announce(t("sheet.made"));
    } catch (error) {
      told(error);
    } finally {
      draw();
    }
  }

  function save(file, name) {
    const link = make("a", { href: URL.createObjectURL(file), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  function told(error) {
    alarm(error.message);
    dialog(t("error"), make("p", { text: error.message }));
  }

  function start() {
    draw();
    ["answer", "chosen", "language", "refused", "link"].forEach((name) => boai.state.on(name, draw));
  }

  boai.actions = { start, order, chosen, answered, logged, compose, dialog, told };
})();
