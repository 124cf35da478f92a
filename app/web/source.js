/* Where answers come from: the server while it answers, else the data that this device has kept. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const EVERY_MS = 5000;
  const READING = ["where", "suggest", "tree", "nearest", "need", "health", "closures", "marks", "sites"];
  const state = { mode: document.documentElement.dataset.source === "file" ? "file" : "server", online: true, kept: null, problem: null, synced: "", health: null };
  const t = (...rest) => boai.words.t(...rest);
  let opening = null;

  const offline = () => boai.server.failure("offline", t("error.offline"));

  /** Open the kept data once; null where there are none. */
  function openKept() {
    if (!opening) {
      opening = Promise.resolve()
        .then(() => boai.local.open())
        .then((kept) => (state.kept = kept), (error) => { [opening, state.problem] = [null, error]; return null; });
    }
    return opening;
  }

  function turn(online) {
    if (state.online === online) return;
    state.online = online;
    boai.state.emit("link", state);
  }

  async function kept(name, rest) {
    const there = await openKept();
    if (!there) throw state.mode === "file" ? state.problem : boai.server.failure("offline", t("error.nothing-kept"));
    if (!boai.local[name]) throw offline();
    return boai.local[name](...rest);
  }

  /** Ask the server, or the kept data when nobody answers there. */
  async function ask(name, ...rest) {
    if (state.mode === "file" || !state.online) {
      if (!READING.includes(name)) throw offline();
      return kept(name, rest);
    }
    try {
      return await boai.server[name](...rest);
    } catch (error) {
      if (error.code !== "network") throw error;
      turn(false);
      if (!READING.includes(name)) throw error;
      return kept(name, rest);
    }
  }

  /** Tell which closures and marks the kept data hold. */
  async function tellKept() {
    if (!state.kept) return;
    const [closures, marks] = await Promise.all([boai.local.closures(), boai.local.marks()]);
    boai.state.emit("news", { first: true, closures, marks });
  }

  /** Mark a site as empty for this device alone, or take that back, and ask again. */
  async function markHere({ kind, id, mark }) {
    await (mark && mark.here ? boai.local.unmark(kind, id) : boai.local.mark(kind, id, { state: "空" }));
    await tellKept();
    await boai.state.ask();
  }

  /** Return the drawing of the map: inside the file, or from the server (its worker keeps it). */
  async function map() {
    const inside = boai.dom.byId("boai-map");
    return inside ? JSON.parse(inside.textContent) : boai.server.map();
  }

  /** Look whether the server answers, and what has changed there since the last look. */
  async function look() {
    try {
      const health = await boai.server.health();
      const before = state.health;
      state.health = health;
      state.synced = new Date().toISOString();
      const back = !state.online;
      turn(true);
      const [closures, marks] = await Promise.all([boai.server.fresh("closures"), boai.server.fresh("marks")]);
      const data = before && before.version !== health.version;
      if (back || data || closures || marks) boai.state.emit("news", { first: !before, back, data, closures, marks });
    } catch (error) {
      if (error.code === "network") turn(false);
    }
    boai.state.emit("link", state);
  }

  async function watch() {
    if (!document.hidden) await look();
    setTimeout(watch, EVERY_MS);
  }

  /** Begin: open the file's data, or watch the server and let its worker keep what is needed without it. */
  async function start() {
    state.mode = document.documentElement.dataset.source === "file" ? "file" : "server";
    if (state.mode === "file") {
      state.online = false;
      await openKept();
      await tellKept();
      boai.state.emit("link", state);
      return;
    }
    if ("serviceWorker" in navigator && globalThis.isSecureContext) {
      navigator.serviceWorker.register("sw.js").catch(() => null);
    }
    globalThis.addEventListener("offline", () => turn(false));
    globalThis.addEventListener("online", look);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
    await look();
    if (!state.online && (await openKept())) await tellKept();
    boai.state.emit("link", state);
    setTimeout(watch, EVERY_MS);
  }

  boai.source = { state, ask, map, start, look, openKept, markHere, READING };
})();
