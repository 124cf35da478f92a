"""The search of a supply network: sets of hubs by their bound, and for each the stores by a solver."""

from __future__ import annotations

import heapq
import logging
import math
import time
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from .linear import Linear
from .program import CoverProgram, Outcome
from .program_compact import solve_compact
from .reduce import Floats, Mask
from .supply_network_flows import settle

_log = logging.getLogger(__name__)

_RELATIVE = 1e-7
"""Hub sets that can be better by less than this share are not looked at."""

_WHOLE = 1e-6

_STORES = (0.5, 0.2, 1e-6)
"""Stores with at least this share in the relaxation are opened in the plans that are tried."""

_FIRST_S = 1.0
"""Wall time that the first relaxation has in any case, so that there is a plan."""

_FIXED = "枢纽的分支"


@dataclass
class _Search:
    """The best plan so far, and the sets of hubs that are left, best bound first."""

    program: CoverProgram
    hubs: int
    deadline: float
    objective: float = -math.inf
    opened: Mask = field(default_factory=lambda: np.empty(0, bool))
    y: Floats = field(default_factory=lambda: np.empty(0))
    lost: float = -math.inf
    """Bound of what was left unsolved."""
    heap: list[tuple[float, int, Floats, Floats, Floats]] = field(default_factory=list)
    """Bound (negative), number, lower and upper limits of the hubs, solution of the relaxation."""
    nodes: int = 0
    leaves: int = 0

    @property
    def bound(self) -> float:
        """No plan is worth more."""
        return max(self.objective, self.lost, -self.heap[0][0] if self.heap else -math.inf)

    @property
    def threshold(self) -> float:
        """Worth below which nothing is looked at."""
        found = self.objective > -math.inf
        return self.objective + _RELATIVE * abs(self.objective) if found else -math.inf


def search(program: CoverProgram, hubs: int, time_limit_s: float) -> Outcome:
    """Solve the program of a supply network, whose first sites are the hubs.

    Hubs are few and decide the cost, but the linear relaxation opens many in parts. So their sets are
    branched on first, best bound first (Land and Doig 1960), each bounded by the relaxation with the hubs
    that are left open to choice; where all are decided, the stores are solved as a mixed-integer program
    (HiGHS). The bounds of sets of hubs are recomputed from the multipliers; those of the stores are the
    solver's word.

    Parameters
    ----------
    time_limit_s
        Wall time after which the best plan so far is given; so does Ctrl-C, which the solver heeds when it
        is done with a set of hubs.
    """
    started = time.monotonic()
    state = _Search(program, hubs, started + time_limit_s)
    if program.n_sites + program.n_quantities == 0:
        if (program.limit >= 0.0).all():
            _take(state, np.empty(0, bool), np.empty(0))
        return _outcome(state, time.monotonic() - started)
    relaxation = _Relaxation(program)
    state.heap = [(-math.inf, 0, np.zeros(hubs), np.ones(hubs), np.empty(0))]
    try:
        _branch(state, relaxation)
    except KeyboardInterrupt:
        _log.info("interrupted after %.1f s", time.monotonic() - started)
    return _outcome(state, time.monotonic() - started)


def _branch(state: _Search, relaxation: _Relaxation) -> None:
    """Take the set of hubs with the best bound until none can be better, or time is up."""
    while state.heap and -state.heap[0][0] > state.threshold:
        if state.nodes and time.monotonic() >= state.deadline:
            return
        bound, _, low, high, x = state.heap[0]
        if not len(x):
            children = _children(state, relaxation, [(low, high)], -bound)
        elif (low == high).all():
            state.lost = max(state.lost, _leaf(state, low, -bound))
            children = []
        else:
            part = np.where(low == high, -1.0, np.minimum(x[: state.hubs], 1.0 - x[: state.hubs]))
            hub = int(np.argmax(part + 1e-3 * x[: state.hubs] * (part >= 0.0)))
            at = np.arange(state.hubs) == hub
            halves = [(np.where(at, 1.0, low), high), (low, np.where(at, 0.0, high))]
            children = _children(state, relaxation, halves, -bound)
        heap = [*state.heap[1:], *children]
        heapq.heapify(heap)
        state.heap = heap


def _children(
    state: _Search, relaxation: _Relaxation, parts: list[tuple[Floats, Floats]], bound: float
) -> list[tuple[float, int, Floats, Floats, Floats]]:
    """Bound parts of the plans; those that hold none, or none better, are left out."""
    found = []
    for low, high in parts:
        state.nodes += 1
        deadline = state.deadline if state.nodes > 1 else max(state.deadline, time.monotonic() + _FIRST_S)
        solved = relaxation.solve(low, high, deadline)
        if solved is None:
            state.lost = max(state.lost, bound)
            continue
        worth, x = min(bound, solved[0]), solved[1]
        if worth > state.threshold:
            found.append((-worth, state.nodes, low, high, x))
            if state.nodes == 1 or (low == high).all():
                _try(state, x)
        else:
            state.lost = max(state.lost, worth)
    return found


def _try(state: _Search, x: Floats) -> None:
    """Open what the relaxation suggests, in several ways, and take the best plan that this makes."""
    n, hubs = state.program.n_sites, state.hubs
    order = np.argsort(-x[:hubs], kind="stable")
    numbers = sorted({int(np.ceil(x[:hubs].sum() - _WHOLE)), int((x[:hubs] > 0.5).sum())})
    for number in numbers:
        for least in _STORES:
            opened = np.zeros(n, bool)
            opened[order[:number]] = True
            opened[hubs:] = x[hubs:n] >= least
            y = settle(state.program, opened, -state.program.y_value)
            if y is not None:
                _take(state, opened, y)


def _take(state: _Search, opened: Mask, y: Floats) -> None:
    value = float(state.program.x_value @ opened + state.program.y_value @ y)
    if value > state.objective:
        state.opened, state.y, state.objective = opened, y, value


def _leaf(state: _Search, hubs: Floats, bound: float) -> float:
    """Choose the stores for a set of hubs: the bound of what is left of it."""
    program = state.program
    state.leaves += 1
    outcome = _stores(state, hubs)
    if outcome is None:
        return bound
    if outcome.status == "infeasible":
        return min(bound, state.threshold)
    if outcome.objective > -math.inf:
        y = settle(program, outcome.opened, -program.y_value)
        _take(state, outcome.opened, outcome.y if y is None else y)
    return min(bound, outcome.bound)


def _stores(state: _Search, hubs: Floats) -> Outcome | None:
    """Solve the program with the hubs decided; None where the solver fails.

    HiGHS ends some programs with an error where the best plan lies at the constraint that asks for a better
    one; these are solved again without it.
    """
    for better in (True, False):
        left = max(0.0, state.deadline - time.monotonic())
        try:
            return solve_compact(_part(state, hubs, better), time_limit_s=left, gap=_RELATIVE)
        except RuntimeError as error:
            _log.info("hubs %s: %s", np.flatnonzero(hubs).tolist(), error)
    return None


def _part(state: _Search, hubs: Floats, better: bool) -> CoverProgram:
    """Make the program with the hubs decided, where asked of the plans that are better than the best one."""
    program, n = state.program, state.hubs
    sign = np.where(hubs > 0.5, -1.0, 1.0)
    fixed = csr_array((sign, (np.arange(n), np.arange(n))), shape=(n, program.side.shape[1]))
    rows, limit = [program.side, fixed], [program.limit, np.minimum(sign, 0.0)]
    better = better and state.objective > -math.inf
    if better:
        rows.append(csr_array(-np.r_[program.x_value, program.y_value][None, :]))
        limit.append(np.array([-state.threshold]))
    return replace(
        program,
        side=csr_array(vstack(rows, format="csr")),
        limit=np.concatenate(limit),
        names=(*program.names, *[_FIXED] * (n + better)),
        hard=np.r_[program.hard, np.ones(n + better, bool)],
    )


def _outcome(state: _Search, seconds: float) -> Outcome:
    program, counts = state.program, {"hub_sets_bounded": state.nodes, "hub_sets_solved": state.leaves}
    found, bound = state.objective > -math.inf, state.bound
    if not found:
        nothing = np.zeros(program.n_sites, bool), np.zeros(program.n_quantities), np.empty(0)
        status = "infeasible" if bound == -math.inf else "feasible"
        return Outcome(status, *nothing, -math.inf, bound, 1.0, counts, seconds)  # type: ignore[arg-type]
    gap = (bound - state.objective) / max(abs(bound), abs(state.objective), 1e-300)
    return Outcome(
        status="optimal" if gap <= 1e-6 else "feasible",
        opened=state.opened,
        y=state.y,
        cover=np.empty(0),
        objective=state.objective,
        bound=bound,
        gap=gap,
        counts=counts,
        seconds=seconds,
    )


class _Relaxation:
    """The linear relaxation, solved again and again from its last basis with other limits of the hubs."""

    def __init__(self, program: CoverProgram) -> None:
        self._cost = -np.r_[program.x_value, program.y_value]
        self._side, self._limit = csr_array(program.side), program.limit
        self._high = np.r_[np.ones(program.n_sites), program.y_upper]
        self._linear = Linear(self._cost, np.zeros(len(self._cost)), self._high)
        start = self._side.indptr.astype(np.int64)
        self._linear.add_rows(-self._limit, start, self._side.indices.astype(np.int64), -self._side.data)

    def solve(self, low: Floats, high: Floats, deadline: float) -> tuple[float, Floats] | None:
        """Give the bound that the multipliers prove and the solution; None where the time ran out."""
        bottom, top = np.zeros(len(self._cost)), self._high.copy()
        bottom[: len(low)], top[: len(high)] = low, high
        self._linear.bound_columns(low, high)
        try:
            solution = self._linear.solve(deadline)
        except RuntimeError:
            return self._again(bottom, top)
        if solution is None:
            return None
        return self._bound(np.maximum(solution.dual, 0.0), bottom, top), solution.value

    def _bound(self, dual: Floats, bottom: Floats, top: Floats) -> float:
        """Bound by weak duality: whatever the multipliers (>= 0) are, no plan is worth more."""
        reduced = self._cost + self._side.T @ dual
        least = float(np.where(reduced > 0.0, reduced * bottom, reduced * top).sum() - dual @ self._limit)
        return -least + 1e-12 * abs(least)

    def _again(self, bottom: Floats, top: Floats) -> tuple[float, Floats]:
        """Ask a second solver whether there is no solution."""
        solved = linprog(self._cost, self._side, self._limit, bounds=np.column_stack([bottom, top]))
        if solved.status == 2:
            return -math.inf, np.zeros(len(bottom))
        if solved.status != 0:
            raise RuntimeError(f"the relaxation was not solved: {solved.message}")
        return self._bound(np.maximum(-solved.ineqlin.marginals, 0.0), bottom, top), np.asarray(solved.x)
