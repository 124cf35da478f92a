/* The ways of every site to every place, from the trees that app/desk/bundle.py computed (coverage/way_trees.py). */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const EARTH_RADIUS_M = 6371008.8;
  const DEGREE = 10000000;
  const RADIAN = Math.PI / 180;
  const BESIDE = 3; // places around a point whose times are weighted on real roads

  function sums(counts) {
    const first = new Int32Array(counts.length + 1);
    for (let i = 0; i < counts.length; i++) first[i + 1] = first[i] + counts[i];
    return first;
  }

  /** Measure a great circle in metres, as geodata/crs.py does. */
  function haversine(lon1, lat1, lon2, lat2) {
    const p1 = lat1 * RADIAN, p2 = lat2 * RADIAN;
    const half = Math.sin((p2 - p1) / 2) ** 2 + Math.cos(p1) * Math.cos(p2) * Math.sin(((lon2 - lon1) * RADIAN) / 2) ** 2;
    return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(half));
  }

  class Ways {
    /**
     * @param {object} bundle with ``places`` and ``ways`` unpacked
     * @param {object} ways those of now, or of usual conditions
     */
    constructor(bundle, ways) {
      this.places = bundle.places;
      this.ways = ways;
      this.into = ways.entries;
      this.sites = bundle.sites.length;
      this.hop = sums(ways.hops);
      this.entry = sums(ways.entries.count);
      this.access = bundle.access;
      this.exact = bundle.exact;
      this.radius = Math.sqrt((2 * bundle.cell_km2) / (3 * Math.sqrt(3))) * 1000; // metres from the middle of a hexagon to its corners
      this.nameOf = new Map(Array.from(this.ways.named, (junction, i) => [junction, this.ways.names[i]]));
      this.direct = new Map();
      const direct = this.ways.direct;
      for (let i = 0; i < direct.site.length; i++) this.direct.set(direct.place[i] * this.sites + direct.site[i], i);
    }

    lonLat(place) {
      return [this.places.lon[place] / DEGREE, this.places.lat[place] / DEGREE];
    }

    at(junction) {
      return [this.ways.lon[junction] / DEGREE, this.ways.lat[junction] / DEGREE];
    }

    /** Find the place nearest to a point: {place, metres} in a straight line; the lowest of equally near ones. */
    nearest(lon, lat) {
      const { lon: x, lat: y } = this.places;
      const flat = Math.cos(lat * RADIAN) ** 2;
      let best = -1, least = Infinity;
      const near = [];
      for (let i = 0; i < x.length; i++) {
        const dx = x[i] / DEGREE - lon, dy = y[i] / DEGREE - lat;
        const square = dx * dx * flat + dy * dy;
        if (square > least * 1.02) continue; // what the flat measure may be wrong by, and more
        if (square < least) least = square;
        near.push(i);
      }
      let metres = Infinity;
      for (const i of near) {
        const away = haversine(lon, lat, x[i] / DEGREE, y[i] / DEGREE);
        if (away < metres) [best, metres] = [i, away];
      }
      return { place: best, metres: metres < 0.05 ? 0 : metres }; // coordinates are kept to a hundredth of a metre
    }

    /** List the places nearest to a point that has no place of its own, with their weights. */
    beside(lon, lat, count = BESIDE) {
      const { lon: x, lat: y } = this.places, flat = Math.cos(lat * RADIAN) ** 2, best = [];
      for (let i = 0; i < x.length; i++) {
        const dx = x[i] / DEGREE - lon, dy = y[i] / DEGREE - lat, square = dx * dx * flat + dy * dy;
        if (best.length === count && square >= best[count - 1].square) continue;
        best.splice(best.length === count ? count - 1 : best.length, 1, { place: i, square });
        best.sort((a, b) => a.square - b.square);
      }
      return best.map(({ place, square }) => ({ place, weight: 1 / Math.max(square, 1e-12) }));
    }

    /**
     * Estimate how much of the straight way between a point and its nearest place a driver from a site has still
     * to go: 1 all of it, -1 he saves as much. Real roads lead to a point from any side, so its time lies between
     * those of the places around it: they are weighted by inverse square distance (Shepard 1968, A two-dimensional
     * interpolation function for irregularly-spaced data, ACM). Beyond the last places the rest counts in full.
     * @param {object} near as `nearest` gives it
     * @param {object[]} beside as `beside` gives it
     * @param {{cs: number}} way of the site to the nearest place
     */
    share(near, beside, way, site) {
      const off = this.offRoad(near.metres);
      if (this.exact || !off) return 1;
      let sum = 0, weights = 0;
      for (const { place, weight } of beside) {
        const found = this.way(place, site);
        if (found) [sum, weights] = [sum + weight * found.cs, weights + weight];
      }
      const beyond = this.offRoad(Math.max(0, near.metres - this.radius));
      const wanted = (weights ? sum / weights : way.cs) + beyond - way.cs;
      return Math.max(-1, Math.min(1, wanted / off));
    }

    /** Measure the straight way to the road: Infinity where a place meets none. */
    offRoadOf({ place, metres }) {
      const road = place < 0 ? -1 : this.into.road_dm[place] / 10;
      return road < 0 ? Infinity : this.exact ? road + metres : road;
    }

    /** Return the centiseconds of a straight way off the road, as coverage/snap.py counts them. */
    offRoad(metres) {
      const value = ((metres * this.access.detour) / (this.access.kmh / 3.6)) * 100;
      const low = Math.floor(value), part = value - low;
      return part === 0.5 ? low + (low % 2) : Math.round(value);
    }

    /** Add up the hops from a site to a junction: centiseconds, -1 where it is not reached. */
    toJunction(junction, site) {
      const { choice, from, cs } = this.ways, n = this.hop.length - 1;
      let time = 0;
      while (junction < n) {
        const number = choice[junction * this.sites + site];
        if (!number) return -1;
        const hop = this.hop[junction] + number - 1;
        time += cs[hop];
        junction += from[hop];
      }
      return time;
    }

    /** Find the way of a site to a place: {cs, entry} or {cs, direct}; null where there is none. */
    way(place, site) {
      let best = null;
      const direct = this.direct.get(place * this.sites + site);
      if (direct !== undefined) best = { cs: this.ways.direct.cs[direct], direct, entry: -1 };
      for (let i = this.entry[place]; i < this.entry[place + 1]; i++) {
        const time = this.toJunction(this.into.junction[i], site);
        if (time >= 0 && (!best || time + this.into.cs[i] < best.cs)) best = { cs: time + this.into.cs[i], direct: -1, entry: i };
      }
      return best;
    }

    /** List the hops of a way from the site on, and the junctions at which they end. */
    trace(way, site) {
      const hops = [], junctions = [];
      if (way.entry < 0) return { hops, junctions };
      let junction = this.into.junction[way.entry];
      while (junction < this.hop.length - 1) {
        const hop = this.hop[junction] + this.ways.choice[junction * this.sites + site] - 1;
        hops.push(hop);
        junctions.push(junction);
        junction += this.ways.from[hop];
      }
      return { hops: hops.reverse(), junctions: junctions.reverse() };
    }

    /**
     * Tell what a driver meets: metres, names of places, roads in turn, stretches, line.
     * @returns {{metres: number, passes: string[], roads: string[], stretches: object[], line: number[][]}}
     */
    told(way, site) {
      if (way.direct >= 0) return { metres: this.ways.direct.dm[way.direct] / 10, passes: [], roads: [], stretches: [], line: [] };
      const { hops, junctions } = this.trace(way, site);
      const dm = hops.reduce((sum, hop) => sum + this.ways.dm[hop], this.into.dm[way.entry]);
      const stretches = this.stretches(hops.filter((hop, i) => i > 0 || this.ways.road[hop]));
      const named = stretches.map((one) => one.name).filter((name) => name);
      return {
        metres: dm / 10,
        passes: [...new Set(junctions.map((one) => this.nameOf.get(one)).filter((name) => name))],
        roads: named.filter((name, i) => i === 0 || named[i - 1] !== name),
        stretches,
        line: junctions.map((one) => this.at(one)).filter((one, i, all) => !i || one[0] !== all[i - 1][0] || one[1] !== all[i - 1][1]),
      };
    }

    stretches(hops) {
      const found = [];
      for (const hop of hops) {
        const [name, kind] = this.ways.roads[this.ways.road[hop]];
        const metres = this.ways.dm[hop] / 10, last = found[found.length - 1];
        if (last && last.name === name) {
          last.metres += metres;
          last.by.set(kind, (last.by.get(kind) || 0) + metres);
        } else found.push({ name, metres, by: new Map([[kind, metres]]) });
      }
      const most = (by) => [...by].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
      return found.map(({ name, metres, by }) => ({ name, metres: Math.round(metres * 10) / 10, class: most(by) }));
    }
  }

  boai.ways = { Ways, haversine };
})();
