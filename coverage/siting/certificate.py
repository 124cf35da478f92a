"""The certificate of a covering plan, and a checker that needs neither the search nor a solver.

The search keeps for each of its nodes what was fixed there and the multipliers of its relaxation. From the
raw arrays alone the checker recomputes the objective and whether the plan is allowed, repeats the
reductions' arguments, bounds every node by weak duality, and follows the tree: plans that a node leaves
out must lie below the plan found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Step:
    """One reduction: what went, and why."""

    kind: Literal["candidates", "rows", "open"]
    """``candidates`` that another, no dearer, replaces; ``rows`` covered whenever another is; candidates to
    ``open`` as the only ones of a row. Every reason lies among what is left."""
    what: Positions
    by: Positions
    """For rows: the row that is contained in each; else empty."""


@dataclass(frozen=True)
class Record:
    """What the search used of one node."""

    parent: int
    """Record of the parent, earlier in the list; -1 at the root."""
    column: int
    """Candidate on which the parent was split; -1 where this node holds all plans of its parent."""
    on: bool
    """The candidate is open here."""
    layer: int
    """Which of the certificate's layers gives the class of each row."""
    opened: Mask
    closed: Mask
    """(n,) candidates fixed when the node was reached."""
    share: NDArray[np.float32]
    """(k,) multiplier of each class: share of its weight (maximal covering), or its price (set covering)."""


@dataclass(frozen=True)
class Certificate:
    """Why no plan is better than the bound; see `check`."""

    steps: tuple[Step, ...]
    layers: tuple[Positions, ...]
    """(m,) class of each row; -1: multiplier 0, -2: multiplier the whole weight."""
    records: tuple[Record, ...]
    parts: tuple[Part, ...] = ()
    """Set covering that falls apart after the steps: what proves each component, instead of records."""


@dataclass(frozen=True)
class Part:
    """One component of a set covering: rows that no free candidate of another component covers."""

    rows: Positions
    """Rows of the request that stand for the component's classes."""
    candidates: Positions
    """Candidates of the request; the part's own are counted from 0 in this order."""
    sites: tuple[int, ...]
    """The part's plan, in its own counting."""
    certificate: Certificate


@dataclass(frozen=True)
class Request:
    """What was asked of the model, as raw arrays."""

    rows: csr_array
    """(m, n) 1 where a candidate covers a row."""
    weight: Floats
    cost: Floats
    budget: float
    """Infinite for set covering."""
    forced: Mask
    forbidden: Mask
    maximal: bool
    """Maximal covering; else set covering."""


@dataclass(frozen=True)
class Checked:
    """What the checker found."""

    objective: float
    """Residents covered, or cost of the sites, from the raw arrays."""
    bound: float
    """What is proven: no plan covers more, or no cover costs less."""
    problems: tuple[str, ...]
    """Why the plan or the certificate is wrong; empty where all holds."""


def request(
    indptr: NDArray[np.integer],
    indices: NDArray[np.integer],
    weight: NDArray[np.floating],
    n_candidates: int,
    *,
    maximal: bool,
    budget: float = np.inf,
    cost: NDArray[np.floating] | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
) -> Request:
    """Bring raw arrays into the form that `check` takes."""
    values = np.ones(len(indices))
    rows = csr_array((values, np.asarray(indices), np.asarray(indptr)), shape=(len(indptr) - 1, n_candidates))
    rows = csr_array(rows, copy=True)
    rows.sum_duplicates()
    rows.data[:] = 1.0
    masks = [np.isin(np.arange(n_candidates), np.asarray(some, np.int64)) for some in (forced, forbidden)]
    costs = np.ones(n_candidates) if cost is None else np.asarray(cost, np.float64)
    return Request(rows, np.asarray(weight, np.float64), costs, float(budget), masks[0], masks[1], maximal)


def check(asked: Request, sites: Sequence[int], certificate: Certificate) -> Checked:
    """Recompute objective, feasibility and bound of a plan from the raw arrays and the multipliers.

    Parameters
    ----------
    asked
        From `request`.
    sites
        The plan's candidates.
    certificate
        The plan's.

    Returns
    -------
    Checked
        With the bound that the certificate proves; where it proves nothing, the trivial one.
    """
    opened = np.isin(np.arange(asked.rows.shape[1]), np.asarray(sites, np.int64))
    needed = (asked.weight > 0) & (asked.rows @ (~asked.forbidden).astype(np.float64) > 0)
    covered = asked.rows @ opened.astype(np.float64) > 0
    objective = float(asked.weight[covered].sum()) if asked.maximal else float(asked.cost[opened].sum())
    problems = _feasibility(asked, opened, needed & ~covered)
    fixed, gone = asked.forced.copy(), asked.forbidden.copy()
    for step in certificate.steps:
        if not _step_holds(asked, step, needed, fixed, gone):
            problems.append(f"the reduction of {len(step.what)} {step.kind} does not hold")
    if certificate.parts:
        bound = _sum_of_parts(asked, certificate.parts, fixed, gone, problems)
    else:
        bound = _Tree(asked, objective, certificate).bound(fixed, gone, problems)
    return Checked(objective, bound, tuple(problems))


def _sum_of_parts(
    asked: Request, parts: tuple[Part, ...], fixed: Mask, gone: Mask, problems: list[str]
) -> float:
    """Add what each component costs at least to what is open in any case.

    Any cover pays for the rows of a part with candidates of that part alone, and no two parts share one.
    """
    needed = (asked.weight > 0) & (asked.rows @ (~asked.forbidden).astype(np.float64) > 0)
    bound, taken = float(asked.cost[fixed].sum()), fixed.copy()
    for number, part in enumerate(parts):
        if not _fits(part, len(fixed)):
            problems.append(f"part {number} is no certificate of its rows and candidates")
            continue
        own = np.isin(np.arange(len(fixed)), part.candidates)
        outside = asked.rows[part.rows] @ (~(own | gone)).astype(np.float64) > 0
        if asked.maximal or (own & taken).any() or outside.any() or not needed[part.rows].all():
            problems.append(f"part {number} is no component of its own")
        taken |= own
        some = csr_array(asked.rows[part.rows][:, part.candidates])
        n, weight = len(part.candidates), np.ones(len(part.rows))
        nothing = np.zeros(n, bool)
        inner = Request(some, weight, asked.cost[part.candidates], np.inf, nothing, nothing, maximal=False)
        found = check(inner, part.sites, part.certificate)
        problems += [f"part {number}: {problem}" for problem in found.problems]
        bound += found.bound
    return bound


def _fits(part: Part, n_candidates: int) -> bool:
    """Tell whether a part names candidates that exist, once each, and its records speak of them."""
    inner, n = part.certificate, len(part.candidates)
    known = len(np.unique(part.candidates)) == n and bool(
        ((part.candidates >= 0) & (part.candidates < n_candidates)).all()
    )
    layers = all(len(layer) == len(part.rows) for layer in inner.layers)
    return known and layers and all(len(record.opened) == n for record in inner.records)


def _feasibility(asked: Request, opened: Mask, missed: Mask) -> list[str]:
    found = []
    if (asked.forced & ~opened).any() or (asked.forbidden & opened).any():
        found.append("a forced candidate is closed or a forbidden one open")
    if float(asked.cost[opened].sum()) > asked.budget + 1e-9 * max(1.0, asked.budget):
        found.append("the plan costs more than the budget")
    if not asked.maximal and missed.any():
        found.append(f"{int(missed.sum())} rows are not covered")
    return found


def _step_holds(asked: Request, step: Step, needed: Mask, fixed: Mask, gone: Mask) -> bool:
    """Check one reduction against what is left, and carry it out on the masks."""
    rows = needed & (asked.rows @ fixed.astype(np.float64) == 0)
    free = ~(fixed | gone)
    part = csr_array(asked.rows.multiply(rows[:, None]).multiply(free[None]))
    part.eliminate_zeros()
    if step.kind == "candidates":
        together = csr_array(part.T @ part)[step.what].tocoo()
        size = part.sum(axis=0)
        small, large = step.what[together.row], together.col
        replaces = (together.data == size[small]) & (asked.cost[large] <= asked.cost[small]) & free[large]
        replaces &= ~np.isin(large, step.what)
        fine = (size[step.what] == 0) | np.isin(step.what, small[replaces])
        gone[step.what] = True
    elif step.kind == "rows":
        inside = part[step.what].multiply(part[step.by]).sum(axis=1) == part[step.by].sum(axis=1)
        fine = inside & needed[step.by] & ~np.isin(step.by, step.what)
        needed[step.what] = False
    else:
        only = part.indices[part.indptr[:-1][np.diff(part.indptr) == 1]]
        fine = np.isin(step.what, only)
        fixed[step.what] = True
    return bool(fine.all())


class _Tree:
    """The nodes of a certificate, each bounded anew."""

    def __init__(self, asked: Request, objective: float, certificate: Certificate) -> None:
        self.asked, self.certificate = asked, certificate
        self.columns = csr_array(asked.rows.T.tocsr())
        measure = asked.weight if asked.maximal else asked.cost
        total = float(measure.sum())
        self.whole = bool((measure == np.floor(measure)).all()) and total < 2.0**53 * 1e-5
        self.slack = max(1e-6, 1e-11 * total) / 2.0
        sign = 1.0 if asked.maximal else -1.0
        self.found = sign * objective
        """Larger is better from here on."""
        self.threshold = self.found + (1.0 - self.slack if self.whole else 5.1e-7 * abs(self.found) + 1e-12)

    def bound(self, fixed: Mask, gone: Mask, problems: list[str]) -> float:
        """Follow the tree: the bound it proves."""
        asked, records = self.asked, self.certificate.records
        trivial = float(asked.weight.sum()) if asked.maximal else 0.0
        if not records:
            return trivial
        bounds: list[float] = []
        tests: list[tuple[Floats, Floats]] = []
        branches: list[dict[int, set[bool]]] = [{} for _ in records]
        for number, record in enumerate(records):
            opened, closed, least = fixed, gone, np.inf
            if record.parent >= 0:
                parent = records[record.parent]
                if_opened, if_closed = tests[record.parent]
                opened = parent.opened | (if_closed < self.threshold)
                closed = parent.closed | (if_opened < self.threshold)
                least = bounds[record.parent]
                branches[record.parent].setdefault(record.column, set()).add(record.on)
            own = np.arange(len(opened)) == record.column
            if (record.opened & ~opened & ~(own & record.on)).any():
                problems.append(f"record {number} opens more than is proven")
            if (record.closed & ~closed & ~(own & (not record.on))).any():
                problems.append(f"record {number} closes more than is proven")
            value, if_opened, if_closed = self._node(record, record.opened, record.closed)
            without = record.closed | (~record.opened & (if_opened < self.threshold))
            held = record.opened | (~without & (if_closed < self.threshold))
            after = self._node(record, held, without)[0]  # of the plans that may be better than the one found
            bounds.append(min(least, value, after if after < self.threshold else np.inf))
            tests.append((if_opened, if_closed))
        return self._result(bounds, tests, branches)

    def _result(
        self, bounds: list[float], tests: list[tuple[Floats, Floats]], branches: list[dict[int, set[bool]]]
    ) -> float:
        """Take the largest bound of the leaves; a missing branch counts with what its parent knows."""
        best = self.found if self.whole else self.threshold
        for bound, (if_opened, if_closed), split in zip(bounds, tests, branches, strict=True):
            leaves = [bound]
            if -1 in split:
                leaves = []
            elif split:
                column, ways = next(iter(split.items()))
                leaves = [] if True in ways else [min(bound, float(if_opened[column]))]
                leaves += [] if False in ways else [min(bound, float(if_closed[column]))]
            best = max([best, *(leaf for leaf in leaves if leaf >= self.threshold)])
        best = float(np.floor(best + self.slack)) if self.whole else best
        if self.asked.maximal:
            reachable = self.asked.rows @ (~self.asked.forbidden).astype(np.float64) > 0
            best = min(best, float(self.asked.weight[reachable].sum()))
        return best if self.asked.maximal else -best

    def _node(self, record: Record, opened: Mask, closed: Mask) -> tuple[float, Floats, Floats]:
        """Bound the plans with some candidates open and others closed, and their parts with one more."""
        layer = self.certificate.layers[record.layer]
        share = np.r_[record.share.astype(np.float64), 1.0, 0.0][layer]  # -1: the last, -2: the one before
        if self.asked.maximal:
            return self._maximal(share, opened, closed)
        return self._fewest(np.where(layer >= 0, share, 0.0), layer, opened, closed)

    def _maximal(self, share: Floats, opened: Mask, closed: Mask) -> tuple[float, Floats, Floats]:
        asked = self.asked
        multiplier = np.clip(share, 0.0, 1.0) * asked.weight
        worth = self.columns @ multiplier
        left = asked.budget - float(asked.cost[opened].sum())
        if left < -1e-9 * max(1.0, asked.budget):
            never = np.full(len(asked.cost), -np.inf)
            return -np.inf, never, never
        dear = asked.cost > left + 1e-9 * max(1.0, left)
        free = ~(opened | closed | dear)
        prices = np.unique(np.r_[0.0, worth[free] / asked.cost[free]])
        # the dual of the knapsack, at every price that can be best: price * left + sum of what exceeds it
        order = np.argsort(worth[free] / asked.cost[free])
        ratio, cost = (worth[free] / asked.cost[free])[order], asked.cost[free][order]
        above = np.searchsorted(ratio, prices, side="right")
        worths, costs = (
            np.r_[0.0, np.cumsum((ratio * cost)[::-1])][::-1],
            np.r_[0.0, np.cumsum(cost[::-1])][::-1],
        )
        dual = prices * left + worths[above] - prices * costs[above]
        low = np.flatnonzero(dual <= dual.min() * (1.0 + 1e-12) + 1e-12)
        bound = float((asked.weight - multiplier).sum() + worth[opened].sum() + dual.min())
        if_opened = bound + np.minimum(worth - prices[low[-1]] * asked.cost, 0.0)
        if_opened[dear] = -np.inf
        return bound, if_opened, bound - np.maximum(worth - prices[low[0]] * asked.cost, 0.0)

    def _fewest(
        self, price: Floats, layer: Positions, opened: Mask, closed: Mask
    ) -> tuple[float, Floats, Floats]:
        asked = self.asked
        needed = (asked.weight > 0) & (asked.rows @ (~asked.forbidden).astype(np.float64) > 0)
        if (needed & (asked.rows @ (~closed).astype(np.float64) == 0)).any():
            never = np.full(len(asked.cost), -np.inf)
            return -np.inf, never, never
        first = np.zeros(len(layer), bool)
        first[np.unique(layer, return_index=True)[1]] = True  # the price of a class is paid once
        multiplier = np.where(first & needed, np.maximum(price, 0.0), 0.0)
        reduced = asked.cost - self.columns @ multiplier
        free = ~(opened | closed)
        bound = -float(multiplier.sum() + reduced[opened].sum() + np.minimum(reduced[free], 0.0).sum())
        return bound, bound - np.maximum(reduced, 0.0), bound + np.minimum(reduced, 0.0)
