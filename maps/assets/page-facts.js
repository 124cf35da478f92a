/* What the data say: one place that knows how they are kept. No drawing. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { minutes, share } = boaiMap.base;
  const NONE = 65535;

  /**
   * Answers from the data of a page.
   * @param {Object} data unpacked, see base.unpack
   */
  function factsOf(data) {
    const pool = data.pool;
    const layer = (scenario, kind) => data.scenarios[scenario].layers[kind];
    const standard = (scenario, kind) => pool[layer(scenario, kind).standard];
    const piece = (number) => pool[number];
    const drive = (kind) => data.kinds[kind].drive;
    const lives = (scenario) => pool[data.scenarios[scenario].residents];
    const residentsOf = (scenario) => pool[data.scenarios[scenario].people];
    /** (cells,) whole seconds to the nearest site, rounded up; 65535 where there is none. Driving only. */
    const times = (scenario, kind) => pool[layer(scenario, kind).times];
    /** Position of a limit among those of a scenario's standard, -1 where it has no such limit. */
    const limitAt = (scenario, kind, limit) => standard(scenario, kind).limits.indexOf(limit);
    const mainLimit = (scenario, kind) => standard(scenario, kind).limits[standard(scenario, kind).main];
    /** The limit that counts: the one that was chosen, or the standard's own. */
    const limitOf = (state) => (state.limit === null ? mainLimit(state.scenario, state.kind) : state.limit);
    const limitText = (kind, limit, own) => (drive(kind) ? minutes(limit) + "车程" : "步行" + (limit % 1000 === 0 ? limit / 1000 + "公里" : limit + "米"));

    const known = new Map();

    /**
     * Count the residents within a limit of the nearest site.
     * @returns {{counties: ArrayLike<number>, cities: number[], province: number}|null} null: not known for this limit
     */
    function within(scenario, kind, limit) {
      const key = scenario + " " + kind + " " + limit;
      if (!known.has(key)) {
        if (known.size > 400) known.clear();
        const summable = drive(kind) && limitAt(scenario, kind, limit) < 0; // at its own limits the tables speak
        known.set(key, summable ? summed(scenario, kind, limit) : tabled(scenario, kind, limit));
      }
      return known.get(key);
    }

    function summed(scenario, kind, limit) {
      const time = times(scenario, kind), residents = residentsOf(scenario), county = data.cells.county;
      const counties = new Float64Array(data.counties.name.length);
      for (let i = 0; i < time.length; i += 1) if (time[i] <= limit) counties[county[i]] += residents[i];
      return { counties, ...added(counties) };
    }

    function tabled(scenario, kind, limit) {
      const at = limitAt(scenario, kind, limit);
      if (at < 0) return null;
      const counties = Float64Array.from(pool[layer(scenario, kind).served], (row) => row[at]);
      return { counties, ...added(counties) };
    }

    /** Add counties up to cities and the province. */
    function added(counties) {
      const cities = new Array(data.cities.name.length).fill(0);
      let province = 0;
      counties.forEach((value, position) => {
        cities[data.counties.city_at[position]] += value;
        province += value;
      });
      return { cities, province };
    }

    /** Residents within each whole minute: [[minutes, share of the province], ...]; on foot within each limit. */
    function curve(scenario, kind) {
      const all = lives(scenario).counties.reduce((a, b) => a + b, 0);
      if (!drive(kind)) return standard(scenario, kind).limits.map((limit) => [limit, share(within(scenario, kind, limit).province, all)]);
      const time = times(scenario, kind), residents = residentsOf(scenario), bins = [];
      for (let i = 0; i < time.length; i += 1) {
        if (time[i] === NONE) continue;
        const minute = Math.ceil(time[i] / 60);
        bins[minute] = (bins[minute] || 0) + residents[i];
      }
      let running = 0;
      return Array.from(bins, (own, minute) => [minute, share((running += own || 0), all)]);
    }

    /** Sites of a resource type in a scenario, suggested ones aside: columns, see page_data.py. */
    const sites = (scenario, kind) => pool[layer(scenario, kind).sites];

    /** One site as it is shown on a card. */
    function site(table, row) {
      const [name, under, ...values] = table.texts.map((text) => text()[row]);
      return { x: table.x[row] / data.scale, y: table.y[row] / data.scale, mark: table.mark[row], name, under, labels: table.labels, values };
    }

    const listed = new Map();

    /** Gaps or suggested sites as they are shown on cards, by rank. */
    function rows(number) {
      if (!listed.has(number)) {
        const table = pool[number], texts = table.texts.map((text) => text());
        listed.set(number, Array.from(table.mark, (mark, row) => {
          const [name, under, amount, ...values] = texts.map((text) => text[row]);
          return { x: table.x[row] / data.scale, y: table.y[row] / data.scale, mark, name, under, amount, labels: table.labels, values };
        }));
      }
      return listed.get(number);
    }

    /** Figure by which a county is coloured: share of residents within the limit, or sites per residents. */
    function countyValue(state, position) {
      const per = standard(state.scenario, state.kind).county.per;
      const residents = lives(state.scenario).counties[position];
      if (per) return share(pool[layer(state.scenario, state.kind).counts][position] * per, residents);
      return share(within(state.scenario, state.kind, limitOf(state)).counties[position], residents);
    }

    return {
      data, piece, layer, standard, drive, lives, residentsOf, times, limitAt, mainLimit, limitOf, limitText, within, curve, sites, site,
      rows, countyValue,
    };
  }

  boaiMap.NONE = NONE;
  boaiMap.factsOf = factsOf;
})();
