/*
 * The service worker: the page and its data stay here while nobody answers.
 *
 * The files of the page are kept as one set under their version and always come from that set, so that a page is
 * never put together from two versions; a new version takes over when the page is loaded again. The data of
 * offline.json are fetched anew when the server says that it has others. Only what everybody may read is kept, and
 * asked for without a token; answers, and requests other than GET, are never kept.
 */
"use strict";

const VERSION = self.VERSION || "0";
const SHELL = "boai-shell-" + VERSION;
const DATA = "boai-data-1";
const FILES = ["./", "desk.js", "desk.css", "icon.svg", "manifest.webmanifest"];
const KEPT = ["offline.json", "map.json"];
const NOTE = "boai-synced.json"; // when the server last confirmed the data, and which
const BETWEEN_MS = 60000; // a server whose closures change every second is not asked for everything each time
const LATEST = /self\.VERSION = "([^"]+)"/;

const address = (name) => new URL(name, self.registration.scope).href;
const plain = (name) => new Request(address(name), { credentials: "omit", cache: "no-cache" });

async function fetched(name) {
  const response = await fetch(plain(name));
  if (!response.ok || response.redirected) throw new Error(`${name}: ${response.status}`);
  return response;
}

/** Keep the files of the page, all or none; fails where the server has changed to another version meanwhile. */
async function install() {
  const parts = await Promise.all(FILES.map(fetched));
  const text = await (await fetched("sw.js")).text();
  const found = LATEST.exec(text);
  if (found && found[1] !== VERSION) throw new Error("the server has another version by now");
  const cache = await caches.open(SHELL);
  await Promise.all(FILES.map((name, i) => cache.put(address(name), parts[i])));
}

async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("boai-") && ![SHELL, DATA].includes(name)).map((name) => caches.delete(name)));
  await self.clients.claim();
  await refresh().catch(() => null);
}

async function note() {
  const kept = await (await caches.open(DATA)).match(address(NOTE));
  return kept ? kept.json() : { version: "", synced_at: "", fetched_at: 0 };
}

async function write(facts) {
  await (await caches.open(DATA)).put(address(NOTE), new Response(JSON.stringify(facts)));
}

let refreshing = null, tried = 0;

/** Fetch the data anew; at most one fetch at a time. What was kept stays until all has come. */
function refresh() {
  refreshing ||= (async () => {
    const parts = await Promise.all(KEPT.map(fetched));
    const { version } = await parts[0].clone().json();
    const cache = await caches.open(DATA);
    await Promise.all(KEPT.map((name, i) => cache.put(address(name), parts[i])));
    await write({ version, synced_at: new Date().toISOString(), fetched_at: Date.now() });
  })().finally(() => { refreshing = null; });
  return refreshing;
}

/** Compare what the server says of its data with what is kept. */
async function compare(response) {
  const { version } = await response.json();
  const kept = await note();
  if (!version) return;
  if (version === kept.version) await write({ ...kept, synced_at: new Date().toISOString() });
  else if ([kept.fetched_at, tried].every((at) => Math.abs(Date.now() - at) > BETWEEN_MS)) { // a clock may have been put back
    tried = Date.now(); // also where there is no room, or the server fails: that is not asked for again at once
    await refresh();
  }
}

async function health(event) {
  const response = await fetch(event.request);
  if (response.ok) event.waitUntil(compare(response.clone()).catch(() => null));
  return response;
}

/** Answer with kept data where nobody answers, and say when they were last confirmed. */
async function data(request, name) {
  try {
    const response = await fetch(request);
    if (response.ok || response.status < 500) return response;
    throw new Error(String(response.status));
  } catch (error) {
    const kept = await (await caches.open(DATA)).match(address(name));
    if (!kept) throw error;
    const headers = new Headers(kept.headers);
    headers.set("X-Boai-Synced", (await note()).synced_at);
    return new Response(kept.body, { status: 200, headers });
  }
}

async function shell(event, name) {
  const waiting = self.registration.waiting;
  if (event.request.mode === "navigate" && waiting && (await self.clients.matchAll()).length < 2) {
    waiting.postMessage("take over");
    return new Response("", { headers: { Refresh: "0", "Content-Type": "text/html" } }); // load again, from the new set
  }
  const kept = await (await caches.open(SHELL)).match(address(name));
  return kept || fetch(event.request);
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
  if (event.data === "refresh") event.waitUntil(refresh().catch(() => null));
});

self.addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  url.hash = ""; // the page keeps its question there
  if (request.method !== "GET" || url.origin !== self.location.origin || url.search) return;
  const name = url.href === address("./") ? "./" : url.pathname.slice(new URL(self.registration.scope).pathname.length);
  if (FILES.includes(name)) event.respondWith(shell(event, name));
  else if (name === "health") event.respondWith(health(event));
  else if (KEPT.includes(name)) event.respondWith(data(request, name));
});
