/* Elements, figures in words, and the packed arrays of the page's data. Text enters the page as text nodes only. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const SVG = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  /**
   * Make an element.
   * @param {string} tag name, with classes after dots: "p.quiet"
   * @param {Object<string, any>} [facts] attributes; `text` and `on` (listeners by event); null and false are left away
   * @param {...(Node|string|null)} children
   */
  function make(tag, facts = {}, ...children) {
    const [name, ...classes] = tag.split(".");
    const element = document.createElement(name);
    if (classes.length) element.className = classes.join(" ");
    if (name === "button") element.type = "button";
    setAll(element, facts);
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  }

  function setAll(element, facts) {
    for (const [key, value] of Object.entries(facts)) {
      if (value === null || value === undefined || value === false) continue;
      if (key === "text") element.textContent = value;
      else if (key === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
      else if (key === "value" || key === "checked") element[key] = value;
      else element.setAttribute(key, value === true ? "" : String(value));
    }
  }

  /** Make an SVG element with attributes. */
  function draw(tag, facts = {}, ...children) {
    const element = document.createElementNS(SVG, tag);
    setAll(element, facts);
    element.append(...children);
    return element;
  }

  /** Replace what the element of an id holds; who was at a control there is at the one of the same key again. */
  function fill(where, ...children) {
    const element = typeof where === "string" ? byId(where) : where;
    const held = element.contains(document.activeElement) ? document.activeElement : null;
    const key = held && held !== element ? held.dataset.key : "";
    element.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    if (key) {
      const same = [...element.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key);
      if (same) same.focus({ preventScroll: true });
    }
    return element;
  }

  /** Write residents: 4518.9万人, 9,876人. */
  function people(count) {
    return Math.abs(count) >= 1e4 ? (count / 1e4).toFixed(1) + "万人" : Math.round(count).toLocaleString("en-US") + "人";
  }

  /** Write a share with one decimal; what is incomplete is never rounded up to all. */
  function percent(share) {
    if (!Number.isFinite(share)) return "–";
    if (share > 0 && share < 0.001) return "<0.1%";
    return share < 1 ? Math.min(share * 100, 99.9).toFixed(1) + "%" : "100%";
  }

  /** Write a limit of driving as planners do: 1小时, 90分钟. */
  function minutes(seconds) {
    return seconds % 3600 === 0 && seconds > 0 ? seconds / 3600 + "小时" : seconds / 60 + "分钟";
  }

  const count = (number) => number.toLocaleString("en-US");
  const share = (part, whole) => (whole > 0 ? part / whole : NaN);

  function bytesOf(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  async function inflated(base64) {
    const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  const TYPES = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i4: Int32Array };

  /** Undo what page_pack.py did: bytes of equal weight lie together, each value is the difference to the last one. */
  function numbers(bytes, kind, length) {
    const found = new TYPES[kind](length), width = found.BYTES_PER_ELEMENT;
    let last = 0;
    for (let i = 0; i < length; i += 1) {
      let step = 0;
      for (let part = 0; part < width; part += 1) step += bytes[part * length + i] * 2 ** (8 * part);
      found[i] = last + step; // the array's type cuts off what runs over
      last = found[i];
    }
    return found;
  }

  /**
   * Unpack every packed array and text of the data, in place.
   * @param {Object} data as page_data.py wrote it; `{z, t, n}` become typed arrays, texts functions that return a list
   * @returns {Promise<Object>} the same data
   */
  async function unpack(data) {
    const waiting = [];
    const visit = (holder, key) => {
      const value = holder[key];
      if (typeof value !== "object" || value === null) return;
      if (typeof value.z === "string") {
        waiting.push(inflated(value.z).then((bytes) => { holder[key] = value.t === "text" ? lines(bytes) : numbers(bytes, value.t, value.n); }));
      } else if (!Array.isArray(value) || typeof value[0] === "object") {
        for (const own of Object.keys(value)) visit(value, own);
      }
    };
    visit({ data }, "data");
    await Promise.all(waiting);
    return data;
  }

  /** Split a text into its lines when they are first asked for: names of 100 000 sites cost nothing until then. */
  function lines(bytes) {
    let found = null;
    return () => (found ||= new TextDecoder().decode(bytes).split("\n"));
  }

  boaiMap.base = { byId, still, make, draw, fill, people, percent, minutes, count, share, unpack };
})();
