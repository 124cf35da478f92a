"""What all covering models with side constraints have in common: the request, and its parts of a program."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from .branch import Progress
from .kernels import Sparse, superset_rows
from .plan import Plan
from .program import ProgramBuilder
from .reduce import Floats, Mask, Positions, cover_matrix, merge_labelled
from .requests import conflict, is_whole, mask_of, no_plan, weights_of
from .rules import Budget, Minimum, Rules, add_site_rules, check, contradiction


@dataclass(frozen=True)
class CoverRequest:
    """A request as it was made, checked."""

    matrix: csr_array
    """(m, n) 1 where a candidate reaches a row."""
    weight: Floats
    """(m,) residents."""
    p: int | None
    rules: Rules
    """A budget of the request is the first of the rules' budgets."""
    forced: tuple[int, ...]
    """Candidates open in any case, without existing sites."""
    forbidden: tuple[int, ...]
    started: float
    time_limit_s: float
    progress: Progress | None
    counts: dict[str, int] = field(default_factory=dict)
    """What was left out or merged, by name; filled while the program is built."""

    @property
    def n_candidates(self) -> int:
        """Number of candidates."""
        return int(self.matrix.shape[1])

    @property
    def opened(self) -> tuple[int, ...]:
        """Candidates open in any case: forced ones and the existing ones, where none may move."""
        return self.rules.forced(self.forced)

    @property
    def allowed(self) -> Mask:
        """(n,) candidates that may open."""
        return ~mask_of(self.forbidden, self.n_candidates)

    @property
    def arrays(self) -> tuple[NDArray[Any], NDArray[Any], Floats, int]:
        """The arrays, as the models without rules take them."""
        return self.matrix.indptr, self.matrix.indices, self.weight, self.n_candidates

    @property
    def options(self) -> dict[str, Any]:
        """The other arguments that the models without rules take."""
        given = {"forced": self.opened, "forbidden": self.forbidden}
        return given | {"time_limit_s": self.left_s, "progress": self.progress}

    @property
    def left_s(self) -> float:
        """Seconds left."""
        return max(0.0, self.started + self.time_limit_s - time.monotonic())


def cover_request(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: ArrayLike,
    n_candidates: int,
    *,
    p: int | None,
    cost: ArrayLike | None = None,
    budget: float | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> CoverRequest:
    """Check the arguments that all covering models take (see `boai.coverage.siting.mclp`).

    Raises
    ------
    ValueError
        The arrays do not fit together, ``p`` is negative or no whole number, a budget has no costs.
    """
    started = time.monotonic()
    matrix = cover_matrix(indptr, indices, n_candidates)
    mask_of(forced, n_candidates), mask_of(forbidden, n_candidates)
    if p is not None and (p != int(p) or p < 0):
        raise ValueError("p must be a whole number >= 0")
    asked = Rules() if rules is None else rules
    if budget is not None:
        if cost is None:
            raise ValueError("a budget needs the cost of each candidate")
        paid = Budget("预算", np.asarray(cost, np.float64), float(budget))
        asked = replace(asked, budgets=(paid, *asked.budgets))
    check(asked, n_candidates, matrix.shape[0])
    return CoverRequest(
        matrix=matrix,
        weight=weights_of(weight, matrix.shape[0]),
        p=None if p is None else int(p),
        rules=asked,
        forced=tuple(sorted({int(site) for site in forced})),
        forbidden=tuple(sorted({int(site) for site in forbidden})),
        started=started,
        time_limit_s=time_limit_s,
        progress=progress,
        counts={"rows": matrix.shape[0], "candidates": n_candidates},
    )


class CoverOptions(TypedDict, total=False):
    """What a covering model takes besides its arrays, by name; see `boai.coverage.siting.mclp`."""

    p: int | None
    cost: ArrayLike | None
    budget: float | None
    forced: Sequence[int]
    forbidden: Sequence[int]
    rules: Rules | None
    time_limit_s: float
    progress: Progress | None


def limited_request(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: ArrayLike,
    n_candidates: int,
    options: CoverOptions,
) -> CoverRequest:
    """Check the arguments of a model that has either a number of sites or costs and a budget."""
    given: dict[str, Any] = {"p": None, **options}
    if (given["p"] is None) == (given.get("budget") is None):
        raise ValueError("give either p, or cost and budget")
    if (given.get("cost") is None) != (given.get("budget") is None):
        raise ValueError("give either p, or cost and budget")
    return cover_request(indptr, indices, weight, n_candidates, **given)


def refusal(request: CoverRequest, *, capped: bool = False) -> Plan | None:
    """Give the infeasible plan of a request that contradicts itself at first sight; None where none is seen.

    Parameters
    ----------
    capped
        ``p`` may exceed the number of allowed candidates: it only limits a plan with the fewest sites.
    """
    n = request.n_candidates
    reason = ""
    if request.p is not None and not capped:
        reason = conflict(request.p, mask_of(request.forced, n), mask_of(request.forbidden, n))
    reason = reason or contradiction(request.rules, request.p, request.forced, request.forbidden)
    reason = reason or shortfall(request, request.rules.minimums)
    return no_plan("infeasible", reason, request.started) if reason else None


def shortfall(request: CoverRequest, minimums: Sequence[Minimum]) -> str:
    """Say in Chinese which minimum all allowed candidates together do not reach; empty where they do."""
    if not minimums:
        return ""
    reached = request.matrix @ request.allowed.astype(np.float64) > 0
    for minimum in minimums:
        rows = np.unique(np.asarray(minimum.rows, np.int64))
        whole, most = math.fsum(request.weight[rows]), math.fsum(request.weight[rows[reached[rows]]])
        if most < _target(minimum, request.weight):
            asked = f"{minimum.name}要求至少覆盖 {percent(minimum.share)}"
            can = math.floor(1000.0 * most / whole + 1e-9) / 10.0  # down: so much can be asked for
            return f"{asked}, 所有可选的候选点一起只覆盖 {can:.1f}%, 达不到要求"
    return ""


def percent(share: float) -> str:
    """Write a share for readers."""
    return f"{100.0 * share:.6g}%"


def _target(minimum: Minimum, weight: Floats) -> float:
    """Residents that a minimum asks for; rounding must not turn a share that is met into one that is not."""
    rows = np.unique(np.asarray(minimum.rows, np.int64))
    target = minimum.share * math.fsum(weight[rows]) * (1.0 - 1e-12)
    return float(math.ceil(target)) if is_whole(weight[rows]) else target


def site_program(request: CoverRequest, *, more: int = 0) -> ProgramBuilder:
    """Begin a program with what is asked of the sites, and ``more`` further 0/1 columns after them."""
    n = request.n_candidates
    builder = ProgramBuilder(n + more)
    if request.p is not None:
        builder.require(f"最多开设 {request.p} 处", request.p, x=(np.arange(n), 1.0))
    if request.forced:
        builder.require("必选点全部开设", -len(request.forced), x=(np.array(request.forced), -1.0))
    stay = request.rules.forced()
    if stay:
        builder.require("现有站点全部保留", -len(stay), x=(np.array(stay), -1.0))
    if request.forbidden:
        builder.require("禁选点不开设", 0.0, x=(np.array(request.forbidden), 1.0))
    add_site_rules(builder, request.rules)
    return builder


@dataclass(frozen=True)
class Classes:
    """Rows of demand with the same candidates, and the same label, as one."""

    rows: csr_array
    """(k, n)."""
    weight: Floats
    """(k,) residents, > 0."""
    label: Positions
    """(k,)."""


def merged(matrix: csr_array, weight: Floats, label: Positions | None = None) -> Classes:
    """Merge rows with the same candidates and label; those without residents or candidates are left out."""
    return Classes(*merge_labelled(matrix, weight, label))


def add_cover(
    builder: ProgramBuilder,
    request: CoverRequest,
    *,
    minimums: Sequence[Minimum] = (),
    factor: ArrayLike = (1.0,),
    everyone: bool = True,
) -> Positions:
    """Add the cover of the residents: the groups whose sum ``t`` is what the residents' cover is worth.

    Rows of the same minimums form a group; a minimum is ``sum_g t_g >= share * W`` over its groups.

    Parameters
    ----------
    minimums
        Shares to be reached; then only the first open site of a row may count.
    factor
        (L,) what the first, second, … open site of a row is worth, per resident.
    everyone
        Count all rows; else only those of the minimums.
    """
    label = np.zeros(len(request.weight), np.int64)
    for minimum in minimums:
        rows = np.unique(np.asarray(minimum.rows, np.int64))
        old, again = np.unique(label[rows], return_inverse=True)
        label[rows] = label.max(initial=0) + 1 + np.arange(len(old))[again]
    used = request.weight if everyone else np.where(label > 0, request.weight, 0.0)
    classes = merged(request.matrix, used, label)
    names, member = np.unique(classes.label, return_inverse=True)
    steps = classes.weight[:, None] * np.asarray(factor, np.float64)[None]
    if everyone:
        _count(request, classes)
    groups = builder.add_classes(_with_columns(classes.rows, builder.n_sites), steps, member)
    for minimum in minimums:
        target = _target(minimum, request.weight)
        if target > 0:
            its = groups[: len(names)][np.isin(names, label[np.asarray(minimum.rows, np.int64)])]
            what = f"{minimum.name}至少覆盖 {percent(minimum.share)} ({target:.10g} 人)"
            builder.require(what, -target, t=(its, -1.0))
    return groups


def _with_columns(rows: csr_array, n: int) -> csr_array:
    """Give rows more columns, all empty."""
    return csr_array((rows.data, rows.indices, rows.indptr), shape=(rows.shape[0], n))


def _count(request: CoverRequest, classes: Classes) -> None:
    positive = request.weight > 0
    lost = positive & (request.matrix @ request.allowed.astype(np.float64) == 0)
    reached = int((positive & (np.diff(request.matrix.indptr) > 0)).sum())
    request.counts.update(
        rows_without_weight=int((~positive).sum()),
        rows_without_candidate=int(lost.sum()),
        rows_merged=reached - len(classes.weight),
        classes=len(classes.weight),
    )


def add_minimums(builder: ProgramBuilder, request: CoverRequest) -> None:
    """Add the minimums of a model whose own objective counts otherwise: residents reached by one site."""
    if request.rules.minimums:
        add_cover(builder, request, minimums=request.rules.minimums, everyone=False)


def add_required(builder: ProgramBuilder, request: CoverRequest, need: Positions, name: str) -> None:
    """Require ``sum_j a_rj x_j >= need_r``; rows that contain another of the same need are left out.

    Such a row is met whenever the other is (Toregas and ReVelle 1973).
    """
    kept = (request.weight > 0) & (need > 0)
    open_ = csr_array(request.matrix.multiply(request.allowed[None]))
    open_.eliminate_zeros()
    classes = merged(open_, kept.astype(np.float64), need)
    request.counts.update(classes=len(classes.weight), rows_merged=int(kept.sum()) - len(classes.weight))
    left = []
    for number in np.unique(classes.label):
        of_need = np.flatnonzero(classes.label == number)
        left.append(of_need[_no_superset(classes.rows[of_need])])
    rows = np.concatenate([np.empty(0, np.int64), *left])
    request.counts["rows_superset"] = len(classes.weight) - len(rows)
    start, index = classes.rows.indptr, classes.rows.indices
    for row in rows.tolist():
        builder.require(name, -classes.label[row], x=(index[start[row] : start[row + 1]], -1.0))


def _no_superset(rows: csr_array) -> Positions:
    """Find the rows that contain no other."""
    columns = csr_array(rows.T.tocsr())
    sparse = Sparse(
        rows.indptr.astype(np.int32),
        rows.indices.astype(np.int32),
        columns.indptr.astype(np.int32),
        columns.indices.astype(np.int32),
        np.ones(rows.shape[0]),
        np.ones(rows.shape[1]),
    )
    return np.flatnonzero(superset_rows(sparse) < 0)
