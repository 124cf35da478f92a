/* Choosing a place step by step: city, county, township. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { byId, make, fill } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  let cities = null;

  const options = (label, names) => [make("option", { value: "", text: label }), ...names.map((name, index) => make("option", { value: String(index), text: name }))];
  const chosen = (id, list) => (byId(id).value === "" ? null : list[Number(byId(id).value)]);
  const city = () => chosen("pick-city", cities || []);
  const county = () => (city() ? chosen("pick-county", city().counties || []) : null);
  const township = () => (county() ? chosen("pick-town", county().townships || []) : null);
  const nameOf = (one) => (typeof one === "string" ? one : one.name);

  function choices(id, label, list) {
    fill(id, ...options(label, list.map(nameOf)));
    byId(id).disabled = list.length === 0;
  }

  function cityChosen() {
    choices("pick-county", t("pick.county"), city() ? city().counties || [] : []);
    countyChosen();
  }

  function countyChosen() {
    choices("pick-town", t("pick.town"), county() ? county().townships || [] : []);
    byId("pick-go").disabled = !county();
  }

  /** Ask about the smallest unit chosen, by its whole name: the same names exist in several counties. */
  function go() {
    if (!county()) return;
    const name = [city(), county(), township()].filter(Boolean).map(nameOf).join("");
    const known = township() && township().full_name;
    byId("at").value = known || name;
    boai.state.goTo({ at: known || name, system: "auto" });
  }

  async function open() {
    const shown = byId("picker").hidden;
    byId("picker").hidden = !shown;
    byId("pick").setAttribute("aria-expanded", String(shown));
    if (!shown || cities) return;
    try {
      const told = await boai.source.ask("tree");
      cities = Array.isArray(told) ? told : told.cities;
      relabel();
      byId("pick-city").focus();
    } catch (error) {
      boai.dom.say("place-note", error.message, "error");
    }
  }

  function relabel() {
    choices("pick-city", t("pick.city"), cities || []);
    cityChosen();
  }

  function start() {
    byId("pick").addEventListener("click", open);
    byId("pick-city").addEventListener("change", cityChosen);
    byId("pick-county").addEventListener("change", countyChosen);
    byId("pick-town").addEventListener("change", go);
    byId("pick-go").addEventListener("click", go);
    boai.state.on("language", relabel);
  }

  boai.picker = { start };
})();
