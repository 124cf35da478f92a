/* What is needed: persons or an area, the bags and items they need, and the stores that bring them together. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { byId, make, fill, button, announce } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const f = () => boai.format;
  const DEFAULT_KM = 5, MOST_ITEMS = 12;
  const need = { ring: null, what: "", told: null, items: {}, turn: 0 };

  function skeleton() {
    const kept = byId("need-persons") ? byId("need-persons").value : "";
    const persons = make("input", { id: "need-persons", type: "number", min: "1", max: "10000000", step: "1", inputmode: "numeric", value: kept });
    const radius = make("input", { id: "need-km", type: "number", min: "0.2", max: "100", step: "0.1", inputmode: "decimal", value: String(DEFAULT_KM) });
    const share = make("input", { id: "need-share", type: "number", min: "1", max: "100", step: "1", inputmode: "numeric", value: "100" });
    const form = make("form.one", {}, make("label", { for: "need-persons", text: t("need.persons") }), persons, make("button.primary", { type: "submit", text: t("need.count") }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const count = Number(persons.value);
      if (!Number.isInteger(count) || count < 1) return persons.focus();
      area(null, "");
      ask({ persons: count });
    });
    const around = make("form.one", {}, make("label", { for: "need-km", text: t("need.around") }), radius, make("button", { type: "submit", text: t("need.count") }));
    around.addEventListener("submit", (event) => {
      event.preventDefault();
      const km = Number(radius.value), { answer } = boai.state.now;
      if (!answer) return problem(t("need.place"));
      if (!(km > 0 && km <= 100)) return radius.focus();
      area(boai.draw.circle(answer.place, km), t("area.circle", { km, name: answer.place.name }));
      inArea();
    });
    fill("panel-need", make("h2", { text: t("need") }), make("p.quiet", { text: t("need.says") }), form, around,
      make("div.one", {}, make("label", { for: "need-share", text: t("need.share") }), share, make("span", { text: "%" })),
      make("div.buttons", {}, button(t("need.draw"), () => boai.draw.polygon(t("need.tap"), (ring) => { area(ring, t("area.drawn")); inArea(); }), { id: "need-draw" })),
      make("div", { id: "need-answer", "aria-live": "off" }));
  }

  function area(ring, what) {
    Object.assign(need, { ring, what, items: {} });
    if (boai.chart.map) boai.routes.drawNeedArea(ring);
  }

  function inArea() {
    const share = Number(byId("need-share").value);
    if (!(share > 0 && share <= 100)) return byId("need-share").focus();
    return ask({ area: need.ring, share: share / 100 });
  }

  /** The place of the question; an area needs none. */
  function placed() {
    const question = boai.state.question();
    return question ? boai.server.place(question) : {};
  }

  async function ask(wanted) {
    boai.page.show("need");
    if (!boai.state.now.place && !wanted.area) return problem(t("need.place"));
    if (boai.state.now.plan) boai.state.usePlan(null);
    byId("need-answer").setAttribute("aria-busy", "true");
    await count(wanted);
    byId("need-answer").removeAttribute("aria-busy");
    if (!need.told) return;
    byId("need-answer").scrollIntoView({ block: "nearest", behavior: boai.dom.still() ? "auto" : "smooth" });
    tell(need.told.answer);
  }

  async function count(wanted) {
    const tried = boai.state.whatIf();
    need.turn += 1;
    const mine = need.turn;
    try {
      const answer = await boai.source.ask("need", { ...(wanted.area ? {} : placed()), ...wanted, what_if: tried });
      if (mine !== need.turn) return;
      need.told = { answer, wanted, what_if: tried };
      const { plan: used } = boai.state.now;
      if (used) boai.state.usePlan(answer.plans[used.key].stores.length ? taken(used.key) : null);
      draw();
    } catch (error) {
      if (mine !== need.turn) return;
      problem(error.message);
    }
  }

  function problem(text) {
    need.told = null;
    if (boai.state.now.plan) boai.state.usePlan(null);
    fill("need-answer", make("p.notice", { "data-kind": "error", role: "alert", text }));
  }

  /** Let further items be asked for, of those that any store holds. */
  function further({ known_items: known }) {
    if (!known || !known.length) return "";
    const fields = known.slice(0, MOST_ITEMS).map((item, index) => [item.name, make("input", { id: "need-item-" + index, type: "number", min: "0", max: "10000000", step: "1", inputmode: "numeric", value: need.items[item.name] || "" })]);
    const form = make("form.items-more", {}, ...fields.flatMap(([name, input]) => [make("label", { for: input.id, text: name }), input]), make("button", { type: "submit", text: t("need.count") }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      need.items = Object.fromEntries(fields.map(([name, input]) => [name, Number(input.value)]).filter(([, count]) => Number.isInteger(count) && count > 0));
      ask({ ...need.told.wanted, items: need.items });
    });
    return make("details", { open: Object.keys(need.items).length > 0, id: "need-items" }, make("summary", { text: t("need.items") }), form);
  }

  const amounts = (items) => Object.entries(items || {}).filter(([, count]) => count > 0);
  const listed = (items) => amounts(items).map(([name, count]) => `${name} ${f().number(count)}`).join("、");

  /** Say what no store has, in words and in red. */
  function shortfall(items) {
    const text = listed(items);
    return text ? make("p.short", { text: t("need.short", { items: text }) }) : make("p.enough", { text: t("need.enough") });
  }

  function planRow(site) {
    return make("li", {}, make("b", { text: site.name }), " ", make("span.quiet", { text: [site.city, site.county].filter(Boolean).join(" ") }), make("span.when", { text: f().duration(site.eta_min) }), make("span", { text: listed(site.takes) }));
  }

  function plan(key, one) {
    const sites = one.stores;
    const complete = one.complete_min === null || one.complete_min === undefined ? "" : t("need.complete", { d: f().duration(one.complete_min) });
    const last = !complete && one.last_min !== null && one.last_min !== undefined ? t("need.last", { d: f().duration(one.last_min) }) : "";
    const use = sites.length ? button(t("plan.use"), () => { boai.state.usePlan(taken(key)); announce(t("plan.used", { n: sites.length })); }, { "data-key": "use:" + key, class: "use" }) : "";
    return make("section.plan", { "data-plan": key }, make("h3", { text: t("plan." + key) }), make("p", { text: [t("plan.stores", { n: sites.length }), complete, last, one.proven === false ? t("plan.unproven") : ""].filter(Boolean).join(" · ") }), shortfall(one.shortfall), use, make("ol", {}, ...sites.map(planRow)));
  }

  /** Take a plan over into the dispatch; the server makes it again, and refuses where it has changed since. */
  function taken(key) {
    const { answer, wanted, what_if: tried } = need.told;
    const where = wanted.area ? { area: wanted.area, share: wanted.share } : placed();
    const items = Object.fromEntries(amounts(wanted.items));
    return { key, answer, stores: answer.plans[key].stores, order: { ...where, plan: key, need: { persons: wanted.persons || null, items }, what_if: tried } };
  }

  function draw() {
    if (!need.told) return;
    const { answer } = need.told;
    const facts = [answer.residents ? t("need.residents", { n: f().number(answer.residents), what: need.what }) : "", answer.persons ? t("persons.needing", { n: f().number(answer.persons) }) : ""].filter(Boolean);
    const plans = answer.plans;
    const notes = (answer.notes || []).map((text) => make("li", { text }));
    fill("need-answer", make("h3", { text: t("need.result") }), make("p", { text: facts.join(" · ") }), make("p.items", { text: listed(answer.items) }),
      answer.labels && answer.labels.length ? make("ul.labels", {}, ...answer.labels.map((text) => make("li.badge", { text: t("label." + text, {}, text) }))) : "",
      plan("first", plans.first), same(plans.first, plans.fewest) ? make("p", { text: t("plan.same") }) : plan("fewest", plans.fewest), further(answer), notes.length ? make("ul.notes", {}, ...notes) : "");
  }

  const ids = (one) => JSON.stringify(one.stores.map((site) => [site.id, site.takes]));
  const same = (first, fewest) => !!first && !!fewest && ids(first) === ids(fewest);

  function tell(answer) {
    const { first } = answer.plans;
    announce([t("plan.first"), t("plan.stores", { n: first.stores.length }), listed(first.shortfall) ? t("need.short", { items: listed(first.shortfall) }) : t("need.enough")].join(", "));
  }

  /** Count again when the roads or the stores have changed. */
  function again() {
    if (!need.told) return;
    count(need.told.wanted);
  }

  function start() {
    skeleton();
    boai.state.on("language", () => { skeleton(); draw(); });
    boai.state.on("answer", again);
  }

  boai.need = { start };
})();
