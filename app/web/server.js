/* The API over HTTP: one function per address, JSON in and out, errors of one form. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const PATIENCE_MS = 8000;
  const SLOW_MS = 30000;
  const KEY = "boai-token";
  const tags = new Map();

  /** What went wrong: {code, message, problems, candidates, status}; code "network" where nobody answered. */
  function failure(code, message, more = {}) {
    return { code, message, problems: [], candidates: [], status: 0, ...more };
  }

  function token() {
    return sessionStorage.getItem(KEY) || localStorage.getItem(KEY) || "";
  }

  /** Keep the token of this desk: for this tab, or on this device if asked; "" forgets it everywhere. */
  function keepToken(text, remember = false) {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
    if (text) (remember ? localStorage : sessionStorage).setItem(KEY, text);
  }

  function query(facts) {
    const pairs = new URLSearchParams();
    for (const [key, value] of Object.entries(facts)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined && one !== null && one !== "") pairs.append(key, String(one));
      }
    }
    const text = pairs.toString();
    return text ? "?" + text : "";
  }

  async function send(method, path, { body, headers = {}, patience = PATIENCE_MS } = {}) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), patience);
    const facts = { method, headers: { Accept: "application/json", ...headers }, signal: stop.signal, credentials: "omit", cache: "no-store" };
    if (body !== undefined) {
      facts.body = JSON.stringify(body);
      facts.headers["Content-Type"] = "application/json";
    }
    if (token()) facts.headers.Authorization = "Bearer " + token();
    try {
      return await fetch(path, facts);
    } catch {
      throw failure("network", boai.words.t("error.network"));
    } finally {
      clearTimeout(timer);
    }
  }

  async function checked(response) {
    if (response.ok) return response;
    const told = await response.json().catch(() => null);
    const error = told && told.error;
    const code = [502, 504].includes(response.status) || (response.status === 503 && !error) ? "network" : "http";
    throw failure(error ? error.code || code : code, (error && error.message) || boai.words.t("error.status", { n: response.status }), { ...error, status: response.status, ...(code === "network" ? { code } : {}) });
  }

  async function json(method, path, facts) {
    const response = await checked(await send(method, path, facts));
    if (response.status === 204) return null;
    return response.json().catch(() => { throw failure("network", boai.words.t("error.network")); });
  }

  /** Ask again only for what has changed; null where it is as before. */
  async function fresh(path) {
    const response = await send("GET", path, { headers: tags.has(path) ? { "If-None-Match": tags.get(path) } : {} });
    if (response.status === 304) return null;
    await checked(response);
    const tag = response.headers.get("ETag");
    if (tag) tags.set(path, tag);
    return response.json();
  }

  const tried = (what) => what && Object.values(what).some((list) => list.length > 0);
  const place = (question) => (question.at !== undefined ? { at: question.at, system: question.system } : { lon: question.lon, lat: question.lat, system: question.system });

  function nearest(question) {
    const asked = { ...place(question), kind: question.kind, k: question.k, speciality: question.speciality };
    if (!tried(question.what_if)) return json("GET", "nearest" + query(asked));
    return json("POST", "nearest", { body: { ...asked, what_if: question.what_if } });
  }

  const get = (path) => (facts = {}) => json("GET", path + query(facts));
  const pdf = async (body) => (await checked(await send("POST", "sheet", { body, headers: { Accept: "application/pdf" }, patience: SLOW_MS }))).blob();

  boai.server = {
    failure,
    token,
    keepToken,
    fresh,
    place,
    nearest,
    where: (question) => json("GET", "where" + query(place(question))),
    suggest: (q, limit = 8) => json("GET", "places" + query({ q, limit })),
    tree: get("places/tree"),
    need: (question) => json("POST", "need", { body: question, patience: SLOW_MS }),
    health: get("health"),
    map: get("map.json"),
    sites: (kind) => json("GET", "layers/" + encodeURIComponent(kind) + query({ limit: 1000 })),
    closures: get("closures"),
    history: () => json("GET", "closures/history" + query({ limit: 200 })),
    preview: (choice) => json("POST", "closures/preview", { body: choice }),
    close: (closure) => json("POST", "closures", { body: closure }),
    reopen: (id) => json("DELETE", "closures/" + encodeURIComponent(id)),
    marks: get("marks"),
    mark: (kind, id, mark) => json("PUT", `marks/${encodeURIComponent(kind)}/${encodeURIComponent(id)}`, { body: mark }),
    unmark: (kind, id) => json("DELETE", `marks/${encodeURIComponent(kind)}/${encodeURIComponent(id)}`),
    sheet: pdf,
    text: (body) => json("POST", "text", { body }),
    record: (body) => json("POST", "log", { body }),
    log: (facts) => json("GET", "log" + query(facts)),
    me: get("me"),
  };
})();
