/* Search: places by name, former name, pinyin and initials, and sites by name. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { byId, make, fill } = boaiMap.base;
  const MOST = 8;
  const ZOOMS = [7, 8.5, 9.5, 11];

  /** Bring what was typed to the form in which names are kept. */
  const plain = (text) => text.normalize("NFKC").replace(/\s/g, "").toLowerCase();

  /** The units above a place. */
  function above(data, i) {
    const county = data.places.county[i], level = data.places.level[i];
    if (level < 2 || county < 0) return "";
    return data.counties.city[county] + (level === 3 ? data.counties.name[county] : "");
  }

  /** How well a place fits: 0 its name begins so … 5 not at all. */
  function rankOf(data, i, wanted, spelt) {
    const name = data.places.name[i].toLowerCase(), also = data.places.also[i] || [];
    if (name.startsWith(wanted)) return 0;
    if (also.some((other) => other.startsWith(wanted))) return 1;
    if (spelt) {
      const [whole, first] = data.places.sound[i].split(" ");
      if (first && (first === wanted || first.startsWith(wanted) || whole.startsWith(wanted))) return first === wanted ? 1 : 2;
    }
    if (name.includes(wanted)) return 3;
    return (above(data, i) + name).includes(wanted) ? 4 : 5;
  }

  /**
   * Find places and sites.
   * @returns {{text: string, more: string, place: number|null, site: number|null}[]} at most 8, the best first
   */
  function find(facts, state, text) {
    const { data } = facts, wanted = plain(text), hits = [];
    if (!wanted) return [];
    const spelt = /^[a-z]+$/.test(wanted);
    for (let i = 0; i < data.places.name.length; i += 1) {
      const rank = rankOf(data, i, wanted, spelt);
      if (rank < 5) hits.push({ rank, order: i, text: (above(data, i) + " " + data.places.name[i]).trim(), more: (data.places.also[i] || []).filter((other) => other.startsWith(wanted)).join("、"), place: i, site: null });
    }
    hits.sort((a, b) => a.rank - b.rank || a.order - b.order);
    return [...hits.slice(0, MOST - 3), ...siteHits(facts, state, wanted), ...hits.slice(MOST - 3)].slice(0, MOST);
  }

  function siteHits(facts, state, wanted) {
    const table = facts.sites(state.scenario, state.kind), names = table.texts[0](), found = [];
    for (let row = 0; row < names.length && found.length < 3; row += 1) {
      if (table.x.length && names[row].toLowerCase().includes(wanted)) found.push({ text: names[row], more: "站点", place: null, site: row });
    }
    return found;
  }

  /**
   * Put the search into the page.
   * @param {Object} app see page.js
   */
  function install(app) {
    const input = byId("query"), list = byId("found");
    let hits = [], at = -1;

    function close() {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
      at = -1;
    }

    function show() {
      hits = find(app.facts, app.state, input.value);
      const none = make("li.none", { role: "option", "aria-disabled": "true", text: "没有找到" });
      const rows = hits.map((hit, index) => make("li", { role: "option", id: "hit" + index, "aria-selected": "false" },
        make("button", { tabindex: "-1", on: { click: () => choose(hit) } }, make("span", { text: hit.text }), hit.more ? make("span.more", { text: hit.more }) : null)));
      fill(list, ...(rows.length ? rows : input.value.trim() ? [none] : []));
      list.hidden = list.childElementCount === 0;
      input.setAttribute("aria-expanded", String(!list.hidden));
      at = -1;
    }

    function move(step) {
      if (!hits.length || list.hidden) return;
      at = (at + step + hits.length) % hits.length;
      [...list.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === at)));
      input.setAttribute("aria-activedescendant", "hit" + at);
      list.children[at].scrollIntoView({ block: "nearest" });
    }

    function choose(hit) {
      close();
      if (hit.site !== null) return app.showSite(hit.site, { go: true });
      const { places } = app.facts.data, i = hit.place;
      app.view.goTo(places.y[i], places.x[i], ZOOMS[places.level[i]]);
      return places.county[i] >= 0 && app.showCounty(places.county[i]);
    }

    input.addEventListener("input", show);
    input.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      move(step);
    });
    byId("search").addEventListener("submit", (event) => {
      event.preventDefault();
      if (hits.length && !list.hidden) choose(hits[Math.max(0, at)]);
    });
    document.addEventListener("click", (event) => { if (!byId("search").contains(event.target)) close(); });
    return { close };
  }

  boaiMap.search = { find, install };
})();
