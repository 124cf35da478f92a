/* A card: everything that the desk must know of a site, the time of arrival first. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { make, button, sign } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const f = () => boai.format;
  const SHOWN_PASSES = 8, SHOWN_STOCK = 8;
  const SIGNS = { 可用: "M4 12l5 6L20 6", 空: "M4 4h16v16H4z", 不可达: "M5 5l14 14M19 5L5 19", 未核实: "M9 9a3 3 0 1 1 4 3q-1 1-1 2M12 18v1" };
  const PHONE = "M6 3h4l2 5-3 2a12 12 0 0 0 5 5l2-3 5 2v4a2 2 0 0 1-2 2A17 17 0 0 1 4 5a2 2 0 0 1 2-2z";

  /** Say a state with a sign beside it: never by its colour alone. */
  function chip(status) {
    return make("span.chip", { "data-status": status }, sign(SIGNS[status] || SIGNS.未核实), t("status." + status));
  }

  function head(card) {
    const rank = make("span.number", { text: card.status === "空" ? "空" : card.rank || "–", "aria-hidden": "true" });
    const under = [card.level && t("level." + card.level, {}, card.level), card.city, card.county, card.township].filter(Boolean).join(" · ");
    return make("header", {}, rank, make("div.who", {}, make("h3", { id: "card-" + card.id }, make("button.name", { text: card.name, "data-key": "name:" + card.id, "aria-pressed": String(boai.state.now.selected === card.id), on: { click: () => boai.state.select(card.id) } })), make("p.quiet", { text: under })), chip(card.status));
  }

  /** Say when help arrives: the time as a big number, what it is made of, and the clock's time. */
  function times(card, answer) {
    if (card.eta_min === null) return make("p.eta", {}, make("strong", { text: t("status.不可达") }));
    const ready = f().duration(card.readiness_min) + (card.readiness_assumed ? t("assumed") : "");
    const clock = f().after(answer.asked_at, card.eta_min);
    return make("div.eta", {},
      make("p", {}, make("strong", { text: f().duration(card.eta_min) }), clock ? make("span", { text: t("arrives", { at: clock }) }) : "", change(card)),
      make("p.sum", { text: t("sum", { ready, drive: f().duration(card.drive_min), km: f().km(card.km) }) }));
  }

  function change(card) {
    if (!card.delta_min || card.status === "空") return "";
    const delta = f().difference(card.eta_min, card.usual_eta_min), kind = delta > 0 ? "later" : "sooner";
    return delta ? make("span.delta", { "data-kind": kind, text: t(kind, { d: f().duration(delta) }) }) : "";
  }

  function stockLine(card) {
    const items = Object.entries(card.stock || {});
    if (card.kind === "team") return "";
    const when = card.stock_date ? t("stock.date", { date: card.stock_date }) + (card.stock_age_days === null ? "" : t("stock.age", { n: card.stock_age_days })) : t("stock.undated");
    if (!items.length) return row("stock", t("unknown"));
    const shown = items.slice(0, SHOWN_STOCK).map(([name, count]) => make("span.item", {}, name + " ", make("b", { text: f().number(count) })));
    if (items.length > SHOWN_STOCK) shown.push(make("span.item", { text: t("stock.more", { n: items.length - SHOWN_STOCK }) }));
    return row("stock", make("span.stock" + (card.stock_old ? ".old" : ""), {}, make("span.when", { text: (card.stock_old ? t("stock.old") + " " : "") + when }), ...shown));
  }

  const row = (key, content) => make("div.row", {}, make("dt", { text: t("card." + key) }), make("dd", {}, content));

  function persons(card) {
    if (card.kind === "team" || card.persons === null) return "";
    const origin = card.persons_origin && card.persons_origin !== "空" ? ` (${t("origin." + card.persons_origin, {}, card.persons_origin)})` : "";
    return row("persons", t("persons", { n: f().number(card.persons) }) + origin);
  }

  function passes(card) {
    const names = card.passes || [];
    const shown = names.length <= SHOWN_PASSES ? names : [...names.slice(0, 4), "…", ...names.slice(-3)];
    const cross = card.crosses_city ? make("span.tag", { text: t("crosses") }) : "";
    return shown.length || cross ? row("passes", make("span", {}, shown.join(" → "), " ", cross)) : "";
  }

  function hours(card) {
    const state = card.open_now === null ? "unknown" : card.open_now ? "open" : "shut";
    const unread = state === "unknown" && card.hours ? `${card.open_text}: ${card.hours}` : "";
    const said = unread || (state === "unknown" ? t("hours.unknown") : card.open_text);
    return row("hours", make("span.hours", { "data-state": state, text: said }));
  }

  function team(card) {
    if (card.kind !== "team") return [];
    const members = [card.members ? t("members", { n: card.members }) : "", card.vehicles ? t("vehicles", { n: card.vehicles }) : "", card.boats ? t("boats", { n: card.boats }) : ""].filter(Boolean).join(" · ");
    return [row("speciality", card.speciality || t("unknown")), members ? row("members", members) : ""];
  }

  /** Make a link that calls; there may be several numbers in one field. */
  function calls(role, name, phone, example) {
    const numbers = String(phone || "").split(/[、,，;；/]+/).map((one) => one.trim()).filter(Boolean);
    if (!numbers.length) return [];
    return numbers.map((number) => make("a.call", { href: f().dial(number), "aria-label": t("call", { role: t(role), name: name || "", number }) + (example ? t("example.number") : "") },
      sign(PHONE), make("span", {}, make("b", { text: [t(role), name].filter(Boolean).join(" ") }), make("span.digits", { text: number }), example ? make("em", { text: t("example.number") }) : "")));
  }

  function contacts(card) {
    const found = [...calls("keeper", card.keeper, card.phone, card.example), ...calls("deputy", deputyName(card), card.deputy_phone, card.example)];
    if (!found.length) found.push(make("p.quiet", { text: [card.keeper, t("phone.none")].filter(Boolean).join(" · ") }));
    return make("div.calls", {}, ...found);
  }

  /** A deputy's field may hold the number as well: it is shown once. */
  const deputyName = (card) => String(card.deputy || "").replace(/[\d\-、,;+*()（） ]{6,}/g, "").trim();

  function cautions(card) {
    const lines = [];
    if (card.position === "近似") lines.push(t("caution.position"));
    if (card.cut_off) lines.push(t("caution.cut-off", { m: f().metres(card.off_road_m) }));
    else if (card.off_road_m > 3000) lines.push(t("caution.off-road", { m: f().metres(card.off_road_m) }));
    if (card.status_why) lines.push(card.status_why);
    return lines.map((text) => make("p.caution", { text }));
  }

  function details(card) {
    const roads = (card.stretches || []).filter((part) => part.name).slice(0, 12).map((part) => `${part.name} ${f().metres(part.metres)}`);
    const rows = [
      card.address ? row("address", card.address) : "",
      roads.length ? row("roads", roads.join(" → ")) : "",
      row("where", f().degrees(card.lon, card.lat) + " (WGS84)"),
      row("id", card.id),
      card.mark ? row("mark", [card.mark.state, card.mark.note, card.mark.who, f().moment(card.mark.at)].filter(Boolean).join(" · ")) : "",
    ];
    return make("details", {}, make("summary", { text: t("details"), "data-key": "details:" + card.id }), make("dl", {}, ...rows));
  }

  function tools(card) {
    const { now } = boai.state;
    const trial = now.trial.empty.find((one) => one.id === card.id);
    const box = make("input", { type: "checkbox", value: card.id, "data-key": "choose:" + card.id, "aria-label": t("choose") + ": " + card.name, on: { change: (event) => boai.state.choose(card.id, event.target.checked) } });
    box.checked = now.chosen.has(card.id);
    const list = make("label.pick", {}, box, t("choose"));
    const empty = trial ? button(t("empty.undo"), () => boai.state.untry("empty", trial)) : button(t("empty.try"), () => boai.state.tryOut("empty", { id: card.id, name: card.name }));
    empty.setAttribute("aria-label", empty.textContent + ": " + card.name);
    empty.dataset.key = "empty:" + card.id;
    const tell = button(t("mark"), () => boai.closures.markForm(card), { "aria-label": t("mark") + ": " + card.name, "data-key": "mark:" + card.id });
    const show = card.eta_min === null ? "" : button(t("show.way"), () => { boai.state.select(card.id); boai.routes.show(card.id); }, { "aria-label": t("show.way") + ": " + card.name, "data-key": "way:" + card.id });
    return make("div.tools", {}, card.eta_min === null || card.status === "空" ? "" : list, show, empty, boai.source.state.mode === "file" ? here(card) : tell);
  }

  /** Where no other desk hears of it: what somebody found out by telephone is kept on this device. */
  function here(card) {
    const text = t(card.mark && card.mark.here ? "mark.here.undo" : "mark.here");
    return button(text, () => boai.source.markHere(card), { "aria-label": text + ": " + card.name, "data-key": "mark:" + card.id });
  }

  /** Make the card of a site. */
  function render(card, answer) {
    const shut = card.status === "空" || card.eta_min === null;
    const element = make("li.card", { "data-id": card.id, "data-status": card.status, "aria-labelledby": "card-" + card.id });
    if (shut) element.classList.add("greyed");
    element.append(head(card), times(card, answer), ...cautions(card), make("dl", {}, ...[passes(card), hours(card), ...team(card), stockLine(card), persons(card)].filter(Boolean)), contacts(card), details(card), tools(card));
    element.addEventListener("click", (event) => { if (!event.target.closest("a, button, input, label, summary, details")) boai.state.select(card.id); });
    return element;
  }

  boai.cards = { render, chip };
})();
