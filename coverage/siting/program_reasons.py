"""Why a request has no plan: which requirements exclude each other, and the nearest request that has one."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array, hstack

from .program import CoverProgram, Outcome
from .program_limits import propagate, tolerance_of
from .program_search import solve_program
from .reduce import Floats, Mask, Positions

_SINGLE = 4
"""Of conflicts of so many requirements at most, each is tried alone: by how much would it have to give."""

_SHARE = 0.4
"""Part of the time that the search for the conflict may take."""

_EACH = 0.5
"""Part of the time left that each question may take."""


@dataclass(frozen=True)
class Change:
    """One requirement of the nearest feasible request."""

    name: str
    asked: float
    """The limit, without the sign of an at-least constraint."""
    possible: float
    """The limit with which there is a plan, together with the other changes."""
    among: int = 1
    """Constraints of this name."""


@dataclass(frozen=True)
class Reason:
    """Why a program has no plan."""

    conflict: tuple[str, ...]
    """Names of requirements that cannot hold together; empty where the model's own logic has no plan."""
    minimal: bool
    """Proven: without any one of them the others of the conflict can hold together."""
    nearest: tuple[Change, ...]
    """Changes that make the request feasible; empty where none was found in time."""
    least: bool
    """Proven: no other changes are smaller in sum, each as a share of its limit."""
    text: str
    """In Chinese."""


def explain(program: CoverProgram, *, time_limit_s: float = 10.0) -> Reason:
    """Find a minimal set of requirements that exclude each other, and the nearest feasible request.

    A deletion filter (Chinneck and Dravnieks 1991): requirements are left out one by one; those without
    which the rest is still infeasible stay out. Requirements are the names of the constraints that are not
    ``hard``. The nearest request is the elastic program (Brown and Graves 1975)::

        min sum_q e_q  s.t.  side_q @ (x, y, t) <= limit_q + max(1, |limit_q|) e_q,  e_q >= 0

    over the constraints of the conflict first, and of all requirements where that is not enough.

    Parameters
    ----------
    program
        One without a plan.
    time_limit_s
        Wall time; what is not proven by then is said so.

    Examples
    --------
    >>> from boai.coverage.siting.program import ProgramBuilder
    >>> builder = ProgramBuilder(4)
    >>> builder.require("赣州市至少 3 处", -3, x=([0, 1, 2], -1.0))
    >>> builder.require("名额 2 处", 2, x=([0, 1, 2, 3], 1.0))
    >>> reason = explain(builder.build())
    >>> reason.conflict, reason.minimal
    (('赣州市至少 3 处', '名额 2 处'), True)
    >>> reason.text
    '“赣州市至少 3 处” 与 “名额 2 处” 不能同时满足; 若 “赣州市至少 3 处” 改为 2 即可; 或者 “名额 2 处” 改为 3'
    """
    started = time.monotonic()
    ends = started + time_limit_s
    names = tuple(dict.fromkeys(np.array(program.names, object)[~program.hard].tolist()))
    conflict, minimal = _conflict(program, names, started + _SHARE * time_limit_s)
    if not conflict:
        return Reason((), minimal, (), False, "各候选点与资源之间的基本条件不能同时满足")
    nearest, least = _nearest(program, conflict, ends)
    if not nearest and len(conflict) < len(names):
        nearest, least = _nearest(program, names, ends)
    alone = _alone(program, conflict, ends) if 1 < len(conflict) <= _SINGLE else ()
    return Reason(conflict, minimal, nearest, least, _text(conflict, minimal, nearest, least, alone))


def _conflict(program: CoverProgram, names: tuple[str, ...], deadline: float) -> tuple[tuple[str, ...], bool]:
    """Filter the requirements by deletion: a conflict, and whether it is proven to be minimal."""
    kept, minimal = list(names), True
    first = _try(_with(program, kept), deadline)
    kept = _supported(program, kept, first)
    for name in list(kept):
        if name not in kept:
            continue
        rest = [other for other in kept if other != name]
        outcome = _try(_with(program, rest), deadline)
        if outcome.status == "infeasible":
            kept = _supported(program, rest, outcome)
        elif outcome.objective == -math.inf:
            minimal = False
    return tuple(name for name in names if name in kept), minimal


def _try(program: CoverProgram, deadline: float) -> Outcome:
    """Look for any plan: all values are 0."""
    nothing = replace(
        program,
        x_value=np.zeros(program.n_sites),
        y_value=np.zeros(program.n_quantities),
        t_value=np.zeros(program.n_groups),
    )
    left = max(0.0, deadline - time.monotonic())
    return solve_program(nothing, time_limit_s=left * _EACH)


def _supported(program: CoverProgram, names: list[str], outcome: Outcome) -> list[str]:
    """Keep the names that the proof needs, where it is a single one by multipliers."""
    records = outcome.proof.records if outcome.proof is not None else ()
    if outcome.status != "infeasible" or len(records) != 2 or records[1].kind != "empty":
        return names
    if _fixes_anything(program, names):
        return names
    rows = np.flatnonzero(_rows_of(program, names))[records[1].side]
    used = {program.names[row] for row in rows}
    return [name for name in names if name in used]


def _fixes_anything(program: CoverProgram, names: list[str]) -> bool:
    """Tell whether single constraints that are not hard fix sites: the proof needs these, too."""
    part = _with(program, names)
    free = np.zeros(program.n_sites, bool)
    every = propagate(part, tolerance_of(part), free, free)
    some = _with(program, [])
    hard = propagate(some, tolerance_of(some), free, free)
    if every is None or hard is None:
        return True
    return any(bool((ours != theirs).any()) for ours, theirs in zip(every, hard, strict=True))


def _rows_of(program: CoverProgram, names: list[str]) -> Mask:
    wanted = set(names)
    named = np.array([name in wanted for name in program.names], bool)
    mask: Mask = program.hard | named
    return mask


def _with(program: CoverProgram, names: list[str]) -> CoverProgram:
    """Leave out all requirements but these."""
    rows = np.flatnonzero(_rows_of(program, names))
    return replace(
        program,
        side=csr_array(program.side[rows]),
        limit=program.limit[rows],
        names=tuple(program.names[row] for row in rows),
        hard=program.hard[rows],
    )


def _nearest(
    program: CoverProgram, names: tuple[str, ...], deadline: float
) -> tuple[tuple[Change, ...], bool]:
    """Relax the constraints of some names by as little as possible."""
    if time.monotonic() >= deadline:
        return (), False
    soft = np.flatnonzero(~program.hard & np.array([name in names for name in program.names], bool))
    unit = np.maximum(1.0, np.abs(program.limit[soft]))
    elastic = _elastic(program, soft, unit)
    outcome = solve_program(elastic, time_limit_s=(deadline - time.monotonic()) * _EACH)
    if outcome.objective == -math.inf:
        return (), False
    point = np.r_[outcome.opened.astype(np.float64), outcome.y[: program.n_quantities], outcome.cover]
    reached = program.side @ point
    changes = []
    for row in soft[reached[soft] > program.limit[soft] + tolerance_of(program)[soft]]:
        sign = -1.0 if program.limit[row] < 0 else 1.0
        name, asked, possible = program.names[row], sign * program.limit[row], sign * reached[row]
        changes.append(Change(name, asked, possible, program.names.count(name)))
    return tuple(changes), outcome.status == "optimal"


def _elastic(program: CoverProgram, soft: Positions, unit: Floats) -> CoverProgram:
    """Give every soft constraint a quantity by which it may be exceeded, at a price of 1."""
    rows = soft
    n, m = program.n_sites, program.n_quantities
    most = np.bincount(program.group, program.steps.sum(axis=1), minlength=program.n_groups)
    largest = (
        np.maximum(csr_array(program.side[rows]).toarray(), 0.0) @ np.r_[np.ones(n), program.y_upper, most]
    )
    upper = np.maximum(largest - program.limit[rows], 0.0) / unit
    slack = csr_array((-unit, (rows, np.arange(len(rows)))), shape=(len(program.limit), len(rows)))
    side = hstack([program.side[:, : n + m], slack, program.side[:, n + m :]], format="csr")
    return replace(
        program,
        x_value=np.zeros(n),
        y_value=np.r_[np.zeros(m), -np.ones(len(rows))],
        t_value=np.zeros(program.n_groups),
        y_upper=np.r_[program.y_upper, upper],
        side=csr_array(side),
    )


def _alone(program: CoverProgram, conflict: tuple[str, ...], deadline: float) -> tuple[Change, ...]:
    """Find what each requirement of a conflict alone would have to become."""
    found = []
    for name in conflict:
        changes, least = _nearest(program, (name,), deadline)
        if least and len(changes) == 1:
            found.append(changes[0])
    return tuple(found)


def _text(
    conflict: tuple[str, ...],
    minimal: bool,
    nearest: tuple[Change, ...],
    least: bool,
    alone: tuple[Change, ...],
) -> str:
    """Say it in Chinese."""
    quoted = [f"“{name}”" for name in conflict]
    if len(quoted) == 1:
        text = f"{quoted[0]} 无法满足"
    elif len(quoted) > 12:
        text = f"{' 与 '.join(quoted[:10])} 等 {len(quoted)} 项要求不能同时满足"
    else:
        text = f"{' 与 '.join(quoted)} 不能同时满足"
    text += "" if minimal else " (时限内未证明缺一不可)"
    if not nearest:
        return text
    most = least and len(nearest) == 1
    text += f"; 若 {', '.join(_changes(nearest, most=most))} 即可"
    text += "" if least else " (时限内未证明改动最小)"
    told = {change.name for change in nearest} if len(nearest) == 1 else set()
    others = tuple(change for change in alone if change.name not in told)
    if others:
        text += "; 或者 " + ", 或者 ".join(_changes(others, most=True))
    return text


def _changes(changes: tuple[Change, ...], *, most: bool) -> list[str]:
    """Say each change once: constraints of the same name, such as one for each row, are counted."""
    told = []
    for name in dict.fromkeys(change.name for change in changes):
        its = [change for change in changes if change.name == name]
        if its[0].among > 1:
            told.append(f"“{name}” 放宽 {len(its)} 项")
        elif _says(its[0]):
            told.append(f"“{name}” 改为 {_number(its[0], most=most)}")
        else:
            told.append(f"“{name}” 由 {its[0].asked:.10g} 放宽到 {_number(its[0], most=most)}")
    return told


def _says(change: Change) -> bool:
    """Tell whether the name of a requirement holds its limit, or a share that stands for it."""
    numbers = re.findall(r"[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?", change.name)
    near = any(math.isclose(float(number), change.asked, rel_tol=1e-6, abs_tol=1e-9) for number in numbers)
    return near or "%" in change.name


def _number(change: Change, *, most: bool) -> str:
    """Write a limit so that the request is feasible with it: in per cent where the name is.

    ``most``: no limit closer to what was asked would do.
    """
    up = change.possible > change.asked
    rounding = math.ceil if up else math.floor
    percent = re.search(r"([0-9]+(?:\.[0-9]+)?) ?%", change.name)
    if percent and change.asked:
        share = float(percent.group(1)) * change.possible / change.asked
        reachable = " (最多可达)" if most and not up else ""
        return f"{rounding(share * 10 + (-1e-7 if up else 1e-7)) / 10:g}%{reachable}"
    nearest = round(change.possible)
    if abs(change.possible - nearest) <= 1e-9 * max(1.0, abs(nearest)):
        return f"{nearest}"
    digits = 10.0 ** max(0, 3 - math.floor(math.log10(max(abs(change.possible), 1e-9))))
    return f"{rounding(change.possible * digits) / digits:.12g}"
