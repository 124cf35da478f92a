/* What some browsers lack or forbid, so that all else need not ask: it comes before every other script. */
(() => {
  "use strict";

  /** Make a storage that keeps texts until the page is closed. */
  function memory() {
    const texts = new Map();
    return {
      getItem: (key) => (texts.has(key) ? texts.get(key) : null),
      setItem: (key, text) => texts.set(key, String(text)),
      removeItem: (key) => texts.delete(key),
    };
  }

  /** A file inside a phone's chat program has no origin: the mere look at its storage is refused there. */
  function storage(name) {
    try {
      if (globalThis[name]) return;
    } catch { /* refused */ }
    Object.defineProperty(globalThis, name, { value: memory(), configurable: true });
  }

  ["localStorage", "sessionStorage"].forEach(storage);
  if (!Object.hasOwn) Object.hasOwn = (object, key) => Object.prototype.hasOwnProperty.call(object, key); // Safari before 15.4
})();
