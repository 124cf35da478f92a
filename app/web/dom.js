/* Elements, text and announcements. Text enters the page only here, as text nodes. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const SVG = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);

  /**
   * Make an element.
   * @param {string} tag name, with classes after dots: "p.quiet"
   * @param {Object<string, any>} [facts] attributes; `text`, `on` (listeners by event); false and null are left away
   * @param {...(Node|string|null)} children
   */
  function make(tag, facts = {}, ...children) {
    const [name, ...classes] = tag.split(".");
    const element = document.createElement(name);
    if (classes.length) element.className = classes.join(" ");
    if (name === "button") element.type = "button";
    for (const [key, value] of Object.entries(facts)) set(element, key, value);
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  }

  function set(element, key, value) {
    if (value === null || value === undefined || value === false) return;
    if (key === "text") element.textContent = value;
    else if (key === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }

  const CONTROLS = "button, a[href], input, select, textarea, summary";
  const keyOf = (node) => node.dataset.key || node.id || node.getAttribute("aria-label") || node.textContent;

  /** Replace what an element (or the element of an id) holds; who was at a button there is at the same one again. */
  function fill(where, ...children) {
    const element = typeof where === "string" ? byId(where) : where;
    const held = element.contains(document.activeElement) && document.activeElement !== element ? document.activeElement : null;
    const key = held && keyOf(held);
    element.replaceChildren(...children.filter((child) => child !== null && child !== ""));
    if (held && !held.isConnected) refocus(element, key);
    return element;
  }

  /** Remember who has the focus; what is returned gives it back, to the same control where that was drawn anew. */
  function holding() {
    const held = document.activeElement, key = held && held !== document.body ? keyOf(held) : "";
    return () => (held && held.isConnected ? held.focus() : key && refocus(document.body, key));
  }

  /** Put the focus on the control of a key, or near where it stood: never back to the beginning of the page. */
  function refocus(element, key) {
    const same = [...element.querySelectorAll(CONTROLS)].find((node) => keyOf(node) === key && !node.disabled);
    const near = same || element.closest("[tabindex]");
    if (near) near.focus({ preventScroll: true });
  }

  /** Draw a small sign of one path (24 x 24); it says nothing to a screen reader. */
  function sign(path) {
    const svg = document.createElementNS(SVG, "svg");
    const line = document.createElementNS(SVG, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("class", "sign");
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
  }

  /** Make a button with a text; `facts` as in `make`. */
  function button(text, click, facts = {}) {
    return make(facts.class ? "button." + facts.class.replaceAll(" ", ".") : "button", { ...facts, class: null, on: { click } }, ...(facts.sign ? [facts.sign] : []), text);
  }

  const SAY_MS = 150;
  let turn = 0, heard = [];

  /** Let a screen reader say a text when it has finished; what comes at once is said together, equal texts again. */
  function announce(text) {
    if (!heard.length) setTimeout(speak, SAY_MS);
    if (text && !heard.includes(text)) heard.push(text);
  }

  function speak() {
    turn += 1;
    byId("live").textContent = heard.join("。") + (turn % 2 ? "" : "\u00a0");
    heard = [];
  }

  /** Let a form or a button act once at a time: a second press while the first one is under way does nothing. */
  function once(element, act) {
    return async (event) => {
      event.preventDefault();
      if (element.getAttribute("aria-busy") === "true") return;
      element.setAttribute("aria-busy", "true");
      try {
        await act(event);
      } finally {
        element.removeAttribute("aria-busy");
      }
    };
  }

  /** Let a screen reader say a text at once: something went wrong. */
  function alarm(text) {
    byId("alarm").textContent = "";
    setTimeout(() => { byId("alarm").textContent = text; }, 0);
  }

  /**
   * Keep a choice among tabs or options on the arrow keys, Home and End.
   * @param {KeyboardEvent} event
   * @param {number} now position, -1 for none
   * @param {number} count
   * @returns {number|null} the new position
   */
  function stepped(event, now, count) {
    const next = { ArrowDown: now + 1, ArrowRight: now + 1, ArrowUp: now < 0 ? count - 1 : now - 1, ArrowLeft: now - 1, Home: 0, End: count - 1 }[event.key];
    return next === undefined || count === 0 ? null : (next + count) % count;
  }

  /** Show a line of text in a box that is hidden while there is nothing to say. */
  function say(id, text, kind = "") {
    const box = byId(id);
    box.hidden = !text;
    box.dataset.kind = kind;
    box.textContent = text || "";
  }

  const still = () => globalThis.matchMedia("(prefers-reduced-motion: reduce)").matches;

  boai.dom = { byId, make, fill, holding, sign, button, announce, alarm, once, stepped, say, still };
})();
