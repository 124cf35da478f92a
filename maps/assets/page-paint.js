/* What the map shows: each view says the class of every cell or county, and the words and colours of its legend. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { share } = boaiMap.base;

  /** Classes of travel time at the standard's limits. */
  function bands(facts, { scenario, kind }) {
    const { reach, reach_title: title } = facts.standard(scenario, kind);
    return { title, classes: reach, index: facts.piece(facts.layer(scenario, kind).classes[0]) };
  }

  /** Within the chosen time, or beyond it. */
  function split(facts, state) {
    const { scenario, kind, limit } = state, time = facts.times(scenario, kind);
    const index = new Uint8Array(time.length);
    for (let i = 0; i < time.length; i += 1) index[i] = time[i] <= limit ? 0 : 1;
    const text = facts.limitText(kind, limit).replace("车程", "");
    const [best, worst] = [facts.standard(scenario, kind).reach.at(0), facts.standard(scenario, kind).reach.at(-1)];
    const classes = [{ text: text + "以内", colour: best.colour }, { text: "超过 " + text, colour: worst.colour }];
    return { title: "到最近站点的驾车时间, 上限 " + text, classes, index };
  }

  function reach(facts, state) {
    const { scenario, kind } = state, layer = facts.layer(scenario, kind);
    if (facts.drive(kind)) return state.limit === null ? bands(facts, state) : split(facts, state);
    const limit = facts.limitOf(state), at = Math.max(0, facts.limitAt(scenario, kind, limit));
    const standard = facts.standard(scenario, kind);
    return { title: "网格内" + facts.limitText(kind, standard.limits[at]) + "以内的居民比例", classes: standard.reach, index: facts.piece(layer.classes[at]) };
  }

  /** The three states of most residents of each cell. */
  function cellStates(facts, { scenario, kind }) {
    const layer = facts.layer(scenario, kind);
    return { title: stateTitle(facts, scenario, kind), classes: facts.data.states, index: facts.piece(layer.state), note: stateNote(layer) };
  }

  const stateTitle = (facts, scenario, kind) => "覆盖状态 (" + facts.standard(scenario, kind).main_text + ")";
  const stateNote = (layer) => "按居民最多的一种状态着色" + (layer.room ? "" : "; 没有站点容量的数据, 不区分余量");

  function countyStates(facts, { scenario, kind }) {
    const layer = facts.layer(scenario, kind), counted = facts.piece(layer.states);
    const index = Uint8Array.from(counted, (row) => row.indexOf(Math.max(...row)));
    return { title: "各县" + stateTitle(facts, scenario, kind), classes: facts.data.states, index, note: stateNote(layer) };
  }

  /** Counties by the share of residents within the limit, or by sites per residents. */
  function counties(facts, state) {
    const { county } = facts.standard(state.scenario, state.kind);
    const text = facts.limitText(state.kind, facts.limitOf(state)).replace("车程", "");
    const title = county.per || state.limit === null ? county.title : "各县" + text + "以内的居民比例";
    const index = Uint8Array.from(facts.data.counties.name, (_, position) => {
      const value = facts.countyValue(state, position);
      return county.edges.filter((edge) => value < edge).length;
    });
    return { title, classes: county.classes, index, note: county.note };
  }

  /** Residents of a county by state. */
  const statesOf = (facts, { scenario, kind }, position) => facts.piece(facts.layer(scenario, kind).states)[position];

  /** Share of a county's residents within the chosen limit. */
  const shareOf = (facts, state, position) =>
    share(facts.within(state.scenario, state.kind, facts.limitOf(state)).counties[position], facts.lives(state.scenario).counties[position]);

  /**
   * The views in the order of their buttons. Others may be pushed: `paint` returns
   * {title, classes: [{text, colour, hatch}], index: class by cell or county, note}; `slides`: whether the limit can be chosen.
   */
  boaiMap.views = [
    { key: "reach", name: "可达范围", by: "cell", slides: () => true, paint: reach },
    { key: "county", name: "分县统计", by: "county", slides: (facts, state) => !facts.standard(state.scenario, state.kind).county.per, paint: counties },
    { key: "state", name: "状态 (网格)", by: "cell", slides: () => false, paint: cellStates },
    { key: "county-state", name: "状态 (分县)", by: "county", slides: () => false, paint: countyStates },
  ];
  boaiMap.viewOf = (key) => boaiMap.views.find((view) => view.key === key) || boaiMap.views[0];
  boaiMap.paints = { statesOf, shareOf };
})();
