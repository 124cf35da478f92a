/* Which stores together bring what is needed: first, or with the fewest of them. The twin of coverage/need.py. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const BUDGET = 50000; // nodes of a search
  const SLACK = 1e-9;
  const sum = (list) => list.reduce((total, one) => total + one, 0);
  const any = (list) => list.some((one) => one > 0);
  const held = (have, rows, items) => items.map((_, item) => sum(rows.map((row) => have[row][item])));

  /** Sort stores that arrive, the earliest first: amounts, arrivals, rows. */
  function sorted(stock, need, eta) {
    const order = eta.map((_, row) => row).filter((row) => Number.isFinite(eta[row])).sort((a, b) => eta[a] - eta[b] || a - b);
    return { have: order.map((row) => stock[row].map((count) => Math.max(count, 0))), eta: order.map((row) => eta[row]), order };
  }

  /** Count the stores that any cover needs, by its hardest item. */
  function atLeast(have, target) {
    return 1 + Math.max(...target.map((wanted, item) => {
      const own = have.map((row) => Math.min(row[item], wanted)).sort((a, b) => b - a);
      let total = 0, count = 0;
      for (const one of own) {
        total += one;
        if (total < wanted) count += 1;
      }
      return count;
    }));
  }

  /** Take the store that adds most of what is open, again and again; then drop what is superfluous. */
  function greedy(have, target) {
    let open = [...target];
    const chosen = [];
    while (any(open)) {
      let best = -1, most = -Infinity;
      have.forEach((row, i) => {
        const gain = chosen.includes(i) ? -1 : sum(row.map((count, item) => Math.min(count, open[item]) / Math.max(target[item], 1)));
        if (gain > most) [best, most] = [i, gain];
      });
      chosen.push(best);
      open = open.map((count, item) => Math.max(count - have[best][item], 0));
    }
    let kept = [...chosen].sort((a, b) => a - b);
    for (const row of [...kept].reverse()) {
      const rest = kept.filter((other) => other !== row);
      if (held(have, rest, target).every((count, item) => count >= target[item])) kept = rest;
    }
    return kept;
  }

  function insert(best, picks, value) {
    for (let rank = 0; rank < picks; rank++) {
      if (value > best[rank]) [value, best[rank]] = [best[rank], value];
    }
  }

  /** Tell whether the stores from a position on could still cover: item by item, and all together. */
  function enough(stock, want, residual, first, picks, banned) {
    const items = want.length;
    for (let item = 0; item <= items; item++) {
      const low = item < items ? item : 0, high = item < items ? item + 1 : items;
      let needed = 0;
      for (let each = low; each < high; each++) needed += residual[each] / want[each];
      if (needed === 0) continue;
      const best = new Float64Array(Math.max(picks, 1));
      for (let store = first; store < stock.length; store++) {
        if (banned[store]) continue;
        let value = 0;
        for (let each = low; each < high; each++) value += Math.min(stock[store][each], residual[each]) / want[each];
        insert(best, picks, value);
      }
      if (sum(Array.from(best.subarray(0, picks))) < needed * (1 - SLACK)) return false;
    }
    return true;
  }

  /** Find the lexicographically first cover by at most `picks` stores: [rows or null, nodes; -1: budget spent]. */
  function search(have, target, picks, budget) {
    const items = target.map((_, item) => item).filter((item) => target[item] > 0);
    const useful = have.map((row) => items.map((item) => Math.min(row[item], target[item])));
    const rows = useful.map((_, row) => row).filter((row) => any(useful[row]));
    const stock = rows.map((row) => useful[row]), want = items.map((item) => target[item]);
    const dominates = stock.map((one, i) => stock.map((_, j) => j).filter((j) => j > i && one.every((count, item) => count >= stock[j][item])));
    const banned = new Int32Array(stock.length);
    let nodes = 0;

    function descend(at, residual, left) {
      if (!any(residual)) return [];
      nodes += 1;
      if (nodes > budget) return "spent";
      if (at === stock.length || !enough(stock, want, residual, at, left, banned)) return null;
      if (!banned[at] && stock[at].some((count, item) => Math.min(count, residual[item]) > 0)) {
        const found = descend(at + 1, residual.map((count, item) => Math.max(count - stock[at][item], 0)), left - 1);
        if (found === "spent") return found;
        if (found) return [at, ...found];
      }
      for (const other of dominates[at]) banned[other] += 1;
      const found = descend(at + 1, residual, left);
      for (const other of dominates[at]) banned[other] -= 1;
      return found;
    }

    const found = descend(0, want, picks);
    if (found === "spent") return [null, -1];
    return [found && found.map((row) => rows[row]), nodes];
  }

  /** Choose the fewest stores that hold the target: {chosen, proven}. The server asks a solver where this ends. */
  function fewestOf(have, target) {
    if (!any(target)) return { chosen: [], proven: true };
    const some = greedy(have, target);
    let budget = BUDGET;
    for (let picks = atLeast(have, target); picks <= some.length; picks++) {
      const [found, nodes] = search(have, target, picks, budget);
      if (nodes < 0) return { chosen: some, proven: some.length <= picks };
      budget -= nodes;
      if (found && found.length) return { chosen: found, proven: true };
    }
    return { chosen: some, proven: true };
  }

  const upTo = (eta, time) => eta.filter((one) => one <= time).length;
  const targetOf = (have, need) => need.map((wanted, item) => Math.min(wanted, sum(have.map((row) => row[item]))));

  /** Of the plans with so few stores find the one that is complete first, by halving the time. */
  function earliest(have, target, eta, chosen) {
    const ends = [...new Set(eta.slice(0, chosen[chosen.length - 1] + 1))].sort((a, b) => a - b);
    let low = 0, high = ends.length - 1, budget = BUDGET;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [found, nodes] = search(have.slice(0, upTo(eta, ends[middle])), target, chosen.length, budget);
      if (nodes < 0) break;
      budget -= nodes;
      if (found && found.length) [chosen, high] = [found, middle];
      else low = middle + 1;
    }
    return chosen;
  }

  function plan(chosen, own, need, proven) {
    const left = [...need];
    const takes = chosen.map((row) => need.map((_, item) => {
      const take = Math.min(own.have[row][item], left[item]);
      left[item] -= take;
      return take;
    }));
    const last = chosen.length ? Math.max(...chosen.map((row) => own.eta[row])) : NaN;
    return { rows: chosen.map((row) => own.order[row]), takes, shortfall: left, complete: any(left) ? Infinity : chosen.length ? last : 0, last, proven };
  }

  /**
   * Find the plan that brings everything first.
   * @param {number[][]} stock amounts by store and item
   * @param {number[]} need amounts
   * @param {number[]} eta time to each store's arrival, Infinity where it does not count
   */
  function first(stock, need, eta) {
    const own = sorted(stock, need, eta), target = targetOf(own.have, need);
    let last = -1;
    target.forEach((wanted, item) => {
      let total = 0, at = -1;
      while (total < wanted) total += own.have[++at][item];
      last = Math.max(last, wanted > 0 ? at : any(target) ? 0 : -1);
    });
    const { chosen, proven } = fewestOf(own.have.slice(0, last >= 0 ? upTo(own.eta, own.eta[last]) : 0), target);
    return plan(chosen, own, need, proven);
  }

  /** Find the plan with the fewest stores; parameters as for `first`. */
  function fewest(stock, need, eta) {
    const own = sorted(stock, need, eta), target = targetOf(own.have, need);
    const { chosen, proven } = fewestOf(own.have, target);
    return plan(chosen.length ? earliest(own.have, target, own.eta, chosen) : chosen, own, need, proven);
  }

  boai.plan = { first, fewest };
})();
