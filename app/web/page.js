/* The page as a whole: its tabs, its language, what connects it, and its beginning. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { byId, make, fill, button, announce, stepped } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const TABS = ["nearest", "need", "roads", "log"];
  const TOLD_MS = 30000;
  const LANGUAGE = "boai-language";
  let told = "", tellTimer = 0;

  // ---------- tabs (WAI-ARIA authoring practices: arrows move, the panel follows) ----------
  /** Show one panel. */
  function show(name) {
    TABS.forEach((one) => {
      const tab = byId("tab-" + one), own = one === name;
      tab.setAttribute("aria-selected", String(own));
      tab.tabIndex = own ? 0 : -1;
      byId("panel-" + one).hidden = !own;
    });
    byId("desk").dataset.tab = name;
    byId("panels").scrollTop = 0;
  }

  function startTabs() {
    TABS.forEach((name, index) => {
      byId("tab-" + name).addEventListener("click", () => show(name));
      byId("tab-" + name).addEventListener("keydown", (event) => {
        const next = stepped(event, index, TABS.length);
        if (next === null) return;
        event.preventDefault();
        show(TABS[next]);
        byId("tab-" + TABS[next]).focus();
      });
    });
  }

  // ---------- language ----------
  /** Write all fixed words of the page in the chosen language. */
  function translate() {
    document.documentElement.lang = boai.words.language === "en" ? "en" : "zh-CN";
    document.title = t("page.title");
    document.querySelectorAll("[data-t]").forEach((node) => { node.textContent = t(node.dataset.t); });
    document.querySelectorAll("[data-t-label]").forEach((node) => node.setAttribute("aria-label", t(node.dataset.tLabel)));
    document.querySelectorAll("[data-t-hint]").forEach((node) => node.setAttribute("placeholder", t(node.dataset.tHint)));
    const other = byId("language");
    other.textContent = t("language.other");
    other.lang = boai.words.language === "en" ? "zh-CN" : "en";
  }

  function switchLanguage() {
    boai.words.language = boai.words.language === "en" ? "zh" : "en";
    try {
      localStorage.setItem(LANGUAGE, boai.words.language);
    } catch { /* a browser that keeps nothing still switches */ }
    translate();
    drawLink();
    boai.state.emit("language");
  }

  function firstLanguage() {
    try {
      boai.words.language = localStorage.getItem(LANGUAGE) === "en" ? "en" : "zh";
    } catch {
      boai.words.language = "zh";
    }
  }

  // ---------- the connection, and the news ----------
  /** Say whether the server answers, and how old the data are where it does not. */
  function drawLink() {
    const { mode, online, kept, synced, problem } = boai.source.state;
    const f = boai.format;
    const state = mode === "file" ? t("link.file") : online ? t("link.online") : t("link.offline");
    if (byId("link").textContent !== state) byId("link").textContent = state; // its being written again would be read again
    byId("link").dataset.online = String(online);
    const asOf = kept && kept.as_of ? t("as-of", { at: f.moment(kept.as_of, 0) }) : "";
    const last = (kept && kept.synced_at) || synced;
    const age = kept && Number.isFinite(kept.age_days) ? [t(kept.age_days ? "as-of.days" : "as-of.today", { n: kept.age_days }), kept.stale ? t("as-of.stale", { n: kept.stale_days }) : ""] : [];
    const off = [t(mode === "file" ? "banner.file" : "banner.offline"), asOf || (mode === "file" ? (problem && problem.message) || "" : t("banner.nothing")), last && mode !== "file" ? t("synced", { at: f.moment(last, 0) }) : "", ...age].filter(Boolean).join(" · ");
    const text = online ? told : off;
    const banner = byId("banner");
    const locked = !online && kept && kept.locked;
    if (banner.dataset.text === text + locked) return;
    banner.dataset.text = text + locked;
    banner.hidden = !text;
    banner.dataset.kind = online ? "news" : kept && kept.stale ? "stale" : "offline";
    if (!online && text) announce(text);
    fill(banner, make("span", { text }), locked ? button(t("unlock"), unlock) : "");
  }

  /** Tell news that came from elsewhere, for a while. */
  function tell(text) {
    told = text;
    clearTimeout(tellTimer);
    tellTimer = setTimeout(() => { told = ""; drawLink(); }, TOLD_MS);
    drawLink();
    announce(text);
  }

  /** Ask for the words that open the contacts of a file. */
  function unlock() {
    const input = make("input", { type: "password", id: "passphrase", autocomplete: "off", maxlength: "200" });
    const problem = make("p.notice", { "data-kind": "error", role: "alert", hidden: true });
    const form = make("form.box", {}, make("label", { for: "passphrase", text: t("passphrase") }), input, problem, make("button.primary", { type: "submit", text: t("unlock") }));
    const box = boai.actions.dialog(t("unlock"), form);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await boai.local.unlock(input.value);
        boai.source.state.kept.locked = false;
        box.close();
        drawLink();
        boai.state.ask();
      } catch (error) {
        problem.hidden = false;
        problem.textContent = (error && error.message) || t("passphrase.wrong");
      }
    });
    input.focus();
  }

  // ---------- the beginning ----------
  async function drawMap() {
    try {
      boai.chart.start(await boai.source.map());
      boai.routes.start();
      drawSites();
    } catch {
      byId("map").textContent = t("map.none");
      byId("desk").dataset.map = "none";
    }
  }

  async function drawSites() {
    try {
      boai.routes.drawAll(await boai.source.ask("sites", boai.state.now.kind));
    } catch { /* the map does without them */ }
  }

  /** Ask what the address asks, with the trial that this tab had before it was loaded again. */
  function resume() {
    if (!boai.state.recallTrial()) {
      if (boai.state.now.place) boai.state.ask();
      return;
    }
    boai.state.emit("trial", boai.state.now.trial);
    tell(t("trial.kept"));
    if (boai.state.now.place) boai.state.ask(withoutTrial);
  }

  /** What was tried before is not there any more (other roads, other sites): answer without it, and say so. */
  function withoutTrial(error) {
    if (!(error.status >= 400 && error.status < 500)) return boai.state.emit("refused", error);
    tell(t("trial.dropped", { why: error.message }));
    return boai.state.untryAll();
  }

  /** Begin. */
  async function start() {
    firstLanguage();
    translate();
    byId("language").addEventListener("click", switchLanguage);
    startTabs();
    show("nearest");
    boai.state.recall();
    boai.state.on("link", drawLink);
    ["chart"].forEach((name) => boai[name].connect());
    ["draw", "place", "picker", "answer", "closures", "whatif", "need", "actions", "record"].forEach((name) => boai[name].start());
    await drawMap();
    await boai.source.start();
    drawLink();
    boai.record.draw();
    resume();
    if (boai.server.token()) boai.token.who().catch(() => null);
    boai.state.on("answer", followKind);
    document.documentElement.dataset.ready = "1";
  }

  let kindShown = "warehouse";

  function followKind(answer) {
    if (answer.kind === kindShown || !boai.chart.map) return;
    kindShown = answer.kind;
    drawSites();
  }

  boai.page = { start, show, tell };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
