/* What the desk is asking at the moment, and who wants to know when it changes. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const listeners = new Map();
  const FIRST_K = 3, MORE = 3, MOST_K = 20;
  const TRIAL = "boai-trial:" + location.pathname;

  /** The question and its answer; `trial` counts for this desk only and is stored nowhere. */
  const now = {
    place: null,
    kind: "warehouse",
    k: FIRST_K,
    speciality: "",
    trial: { empty: [], roads: [], edges: [], areas: [] },
    answer: null,
    chosen: new Set(),
    selected: "",
    byHand: { chosen: false, selected: false },
    plan: null,
    sent: null,
    closures: [],
    marks: [],
    me: null,
    busy: false,
  };

  /** Keep the trial with this tab, so that a reload does not silently answer without it; nobody else gets it. */
  function keepTrial() {
    try {
      if (tried()) sessionStorage.setItem(TRIAL, JSON.stringify(now.trial));
      else sessionStorage.removeItem(TRIAL);
    } catch { /* a browser that keeps nothing, or too little for a long road: a reload forgets the trial */ }
  }

  /** Take up the trial that this tab had before it was loaded again. */
  function recallTrial() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(TRIAL) || "{}");
      Object.keys(now.trial).forEach((list) => { now.trial[list] = Array.isArray(kept[list]) ? kept[list] : []; });
    } catch { /* what is not readable is not tried */ }
    return tried();
  }

  /** Hear of a change: "answer", "select", "link", "news", "trial", "untried", "closures", "language", "me". */
  function on(name, listener) {
    if (!listeners.has(name)) listeners.set(name, []);
    listeners.get(name).push(listener);
  }

  function emit(name, value) {
    if (name === "trial") keepTrial();
    (listeners.get(name) || []).forEach((listener) => listener(value));
  }

  /** Write the trial as the API takes it. */
  function whatIf() {
    const { empty, roads, edges, areas } = now.trial;
    return {
      empty: empty.map((one) => one.id),
      roads: roads.map((one) => one.name),
      edges: [...new Set(edges.flatMap((one) => one.edges))],
      areas: areas.map((one) => one.ring),
    };
  }

  const tried = () => Object.values(now.trial).some((list) => list.length > 0);

  /** Write the question as the API takes it; null while there is no place. */
  function question() {
    if (!now.place) return null;
    const { kind, k, speciality } = now;
    return { ...now.place, kind, k, speciality: kind === "team" ? speciality : "", what_if: whatIf() };
  }

  let turn = 0;

  /**
   * Ask, and tell everybody the answer; an answer that a later question has overtaken is dropped.
   * @param {(error: object) => void} [refused] what to do instead of telling that the question was refused
   */
  async function ask(refused = (error) => emit("refused", error)) {
    const asked = question();
    if (!asked) return;
    turn += 1;
    const mine = turn;
    busy(true);
    try {
      const answer = await boai.source.ask("nearest", asked);
      if (mine === turn) take(answer);
    } catch (error) {
      if (mine === turn) refused(error);
    } finally {
      if (mine === turn) busy(false);
    }
  }

  function busy(value) {
    now.busy = value;
    emit("busy", value);
  }

  function take(answer) {
    now.answer = answer;
    const able = answer.sites.filter((card) => card.eta_min !== null && card.status !== "空").map((card) => card.id);
    const kept = now.byHand.chosen ? [...now.chosen].filter((id) => able.includes(id)) : [];
    now.chosen = new Set(kept.length ? kept : able.slice(0, 1));
    if (!kept.length) now.byHand.chosen = false;
    if (!now.byHand.selected || !answer.sites.some((card) => card.id === now.selected)) now.selected = able[0] || "";
    emit("answer", answer);
    emit("select", now.selected);
  }

  /** Ask about another place: {at} or {lon, lat}, with its system. */
  function goTo(place) {
    now.place = place;
    now.k = FIRST_K;
    forget();
    remember(true);
    return ask();
  }

  /** Another question: nothing of the last one is chosen. */
  function forget() {
    now.chosen.clear();
    now.selected = "";
    now.byHand = { chosen: false, selected: false };
    now.plan = null;
  }

  /** Send what a plan for a need takes from its stores, instead of the chosen sites; null: the chosen sites again. */
  function usePlan(plan) {
    now.plan = plan;
    emit("chosen");
  }

  /** Choose a site to be sent, or not. */
  function choose(id, yes) {
    now.chosen[yes ? "add" : "delete"](id);
    now.byHand.chosen = true;
    now.plan = null;
    emit("chosen");
  }

  /** Change the kind, the speciality or the number of sites, and ask again. */
  function change(facts) {
    if (facts.kind && facts.kind !== now.kind) Object.assign(now, { k: FIRST_K, speciality: "" }), forget();
    Object.assign(now, facts);
    now.k = Math.min(now.k, MOST_K);
    remember();
    return ask();
  }

  /** Try something: add it to one list of the trial. What is refused is not tried; the answer before it stays. */
  function tryOut(list, item) {
    now.trial[list].push(item);
    emit("trial", now.trial);
    return ask((error) => {
      now.trial[list] = now.trial[list].filter((one) => one !== item);
      emit("trial", now.trial);
      emit("untried", error);
    });
  }

  function untry(list, item) {
    now.trial[list] = now.trial[list].filter((one) => one !== item);
    emit("trial", now.trial);
    return ask();
  }

  function untryAll() {
    now.trial = { empty: [], roads: [], edges: [], areas: [] };
    emit("trial", now.trial);
    return ask();
  }

  function select(id) {
    now.selected = id;
    now.byHand.selected = true;
    emit("select", id);
  }

  /** Keep the question in the address, so that a reload, a sent link or the way back asks it again. */
  function remember(step = false) {
    const facts = new URLSearchParams({ ...now.place, kind: now.kind, ...(now.speciality ? { speciality: now.speciality } : {}) });
    const address = "#" + facts.toString();
    try {
      if (address !== location.hash) history[step && location.hash ? "pushState" : "replaceState"](null, "", address);
    } catch { /* a file without an origin, in a phone's chat program, has no history of its own */ }
  }

  /** Ask what the address asks, after a step back or forward. */
  function wentBack() {
    forget();
    Object.assign(now, { place: null, kind: "warehouse", k: FIRST_K });
    recall();
    emit("back", now.place);
    return ask();
  }

  /** Read the question of the address, if there is one. */
  function recall() {
    const facts = new URLSearchParams(location.hash.slice(1));
    if (["warehouse", "team"].includes(facts.get("kind"))) now.kind = facts.get("kind");
    now.speciality = (facts.get("speciality") || "").slice(0, 40);
    const system = facts.get("system") || "auto";
    const lon = Number(facts.get("lon")), lat = Number(facts.get("lat"));
    if (facts.get("at")) now.place = { at: facts.get("at").slice(0, 200), system };
    else if (facts.has("lon") && Number.isFinite(lon) && Number.isFinite(lat)) now.place = { lon, lat, system };
    return now.place;
  }

  globalThis.addEventListener("popstate", wentBack);

  boai.state = { now, on, emit, question, whatIf, tried, ask, goTo, change, tryOut, untry, untryAll, select, choose, usePlan, recall, recallTrial, MORE, MOST_K };
})();
