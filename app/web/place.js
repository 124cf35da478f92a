/* Where help is needed: the field with suggestions, the phone's own position, what is wrong with a place. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { byId, make, fill, button, alarm, announce, stepped } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const WAIT_MS = 120, LOCATE_MS = 15000, OFF_M = 300, COARSE_M = 200;
  const list = { items: [], active: -1, turn: 0, timer: 0 };
  let coarse = "";

  const field = () => byId("at");
  const system = () => byId("system").value;

  /** Ask about what is written in the field. */
  function submit() {
    const text = field().value.trim();
    close();
    if (!text) return announce(t("where.hint")), field().focus();
    if (globalThis.matchMedia("(pointer: coarse)").matches) field().blur(); // the phone's keyboard would hide the answer
    boai.state.goTo({ at: text, system: system() });
  }

  // ---------- suggestions: a combobox with a list (WAI-ARIA authoring practices) ----------
  function close() {
    clearTimeout(list.timer);
    list.turn += 1;
    list.active = -1;
    byId("suggestions").hidden = true;
    field().setAttribute("aria-expanded", "false");
    field().removeAttribute("aria-activedescendant");
  }

  function typed() {
    byId("clear").hidden = !field().value;
    clearTimeout(list.timer);
    const text = field().value.trim();
    if (text) list.timer = setTimeout(() => suggest(text), WAIT_MS);
    else close();
  }

  async function suggest(text) {
    list.turn += 1;
    const mine = list.turn;
    try {
      const told = await boai.source.ask("suggest", text, 8);
      if (mine === list.turn && document.activeElement === field()) offer(Array.isArray(told) ? told : told.places || []);
    } catch {
      if (mine === list.turn) close();
    }
  }

  function offer(items) {
    list.items = items;
    list.active = -1;
    const rows = items.map((item, index) => {
      const row = make("li", { role: "option", id: "suggestion-" + index, "aria-selected": "false" }, make("span", { text: item.name }), make("span.quiet", { text: under(item) }));
      row.addEventListener("pointerdown", (event) => event.preventDefault());
      row.addEventListener("click", () => take(index));
      return row;
    });
    if (!rows.length) rows.push(make("li.empty", { role: "option", "aria-disabled": "true", text: t("where.none") }));
    fill("suggestions", ...rows);
    byId("suggestions").hidden = false;
    field().setAttribute("aria-expanded", "true");
    announce(items.length ? t("where.found", { n: items.length }) : t("where.none"));
  }

  /** Say what lies above a suggested place: its county and city, or its whole name. */
  function under(item) {
    const above = [item.city, item.county].filter((name) => name && name !== item.name).join(" ");
    const whole = item.full_name && item.full_name !== item.name ? item.full_name : "";
    return [above || whole, item.why].filter(Boolean).join(" · ");
  }

  function activate(index) {
    list.active = index;
    byId("suggestions").querySelectorAll("[role=option]").forEach((row, position) => {
      row.setAttribute("aria-selected", String(position === index));
      if (position === index) row.scrollIntoView({ block: "nearest" });
    });
    field().setAttribute("aria-activedescendant", "suggestion-" + index);
  }

  function take(index) {
    const item = list.items[index];
    if (!item) return;
    field().value = item.full_name || item.name;
    byId("clear").hidden = false;
    submit();
  }

  function pressed(event) {
    const open = !byId("suggestions").hidden && list.items.length > 0;
    if (event.key === "Escape" && !byId("suggestions").hidden) return event.preventDefault(), close();
    if (event.key === "Enter" && open && list.active >= 0) return event.preventDefault(), take(list.active);
    if (!["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    if (open) activate(stepped(event, list.active, list.items.length));
    else typed();
  }

  // ---------- the phone's own position ----------
  function locate() {
    if (!("geolocation" in navigator) || !globalThis.isSecureContext) return trouble(t("here.unsafe"));
    boai.dom.say("place-note", t("here.waiting"), "quiet");
    navigator.geolocation.getCurrentPosition(located, (error) => trouble(t("here.failed." + error.code)), { enableHighAccuracy: true, timeout: LOCATE_MS, maximumAge: 30000 });
  }

  function located({ coords }) {
    field().value = boai.format.degrees(coords.longitude, coords.latitude);
    byId("clear").hidden = false;
    const asked = boai.state.goTo({ lon: Number(coords.longitude.toFixed(6)), lat: Number(coords.latitude.toFixed(6)), system: "wgs84" });
    coarse = coords.accuracy > COARSE_M ? t("here.coarse", { m: boai.format.metres(coords.accuracy) }) : "";
    return asked;
  }

  function trouble(text) {
    boai.dom.say("place-note", text, "error");
    alarm(text);
  }

  // ---------- what is wrong with a place ----------
  /** Offer other places that may be meant, each as a button. */
  function offered(candidates) {
    if (!candidates || !candidates.length) return null;
    return make("span.choices", { role: "group", "aria-label": t("where.suggestions") }, ...candidates.map((item) => {
      const name = typeof item === "string" ? item : item.full_name || item.name;
      return button(name, () => { field().value = name; boai.state.goTo({ at: name, system: system() }); }, { class: "choice" });
    }));
  }

  /** Say why a question was refused, and offer the places that may be meant. */
  function refused(error) {
    const box = byId("place-note");
    fill(box, make("span", { text: error.message }), offered(error.candidates));
    box.hidden = !error.message;
    box.dataset.kind = "error";
    alarm(error.message);
  }

  /** Say what a reader must know of the place: off the road, on water, cut off, which system was read. */
  function answered({ place }) {
    const off = place.off_road_m > OFF_M && !place.cut_off && !place.warning ? t("place.off-road", { m: boai.format.metres(place.off_road_m) }) : "";
    const lines = [coarse, place.water, place.warning, off, place.note].filter(Boolean).map((text) => make("span.line", { text }));
    if (!field().value || boai.state.now.place.lon !== undefined) field().value = place.name;
    byId("clear").hidden = false;
    const others = offered(place.candidates);
    const box = fill("place-note", ...lines, others ? make("span.line", { text: t("where.others") }) : null, others);
    box.hidden = !lines.length && !others;
    box.dataset.kind = coarse || place.water || place.warning || off ? "warning" : "quiet";
    coarse = "";
  }

  /** Write what the address asks into the field: after a reload, or a step back. */
  function recalled(place) {
    field().value = (place && place.at) || "";
    byId("clear").hidden = !field().value;
    byId("system").value = (place && place.at && place.system) || "auto";
    boai.dom.say("place-note", "");
  }

  function start() {
    recalled(boai.state.now.place);
    boai.state.on("back", recalled);
    byId("where").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
    field().addEventListener("input", typed);
    field().addEventListener("keydown", pressed);
    field().addEventListener("blur", () => setTimeout(() => { if (document.activeElement !== field()) close(); }, 150));
    field().addEventListener("focus", () => field().select());
    byId("clear").addEventListener("click", () => { field().value = ""; byId("clear").hidden = true; field().focus(); });
    byId("here").addEventListener("click", locate);
    byId("system").addEventListener("change", () => { if (boai.state.now.place && boai.state.now.place.at) submit(); });
    boai.state.on("refused", refused);
    boai.state.on("answer", answered);
  }

  boai.place = { start, system };
})();
