"""Compiled inner loops of cover programs: cuts, their multipliers, and plans by local search."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled
from .kernels import draw

Ints = NDArray[np.int64]
Heads = NDArray[np.int32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.int8]


class Parts(NamedTuple):
    """Classes in parts with a cut each, ordered by part: their columns and the slots of their slopes."""

    start: Ints
    """(parts + 1,) first class of each part."""
    row_start: Heads
    row_column: Heads
    slot: Heads
    """(pairs,) slot of the pair's part and column; the slots of a part are in a row."""
    steps: Floats
    """(k, L + 1) scaled; the last is 0."""


@compiled
def separate(parts: Parts, at: Floats, served: Places, constant: Floats, slope: Floats) -> None:
    """Write the cut of every part that is tight at ``at``: sites served, constants, slopes by slot.

    With s the whole part of a class's count, its line is ``phi(s) + step(s + 1) (count - s)``.
    """
    slope[:] = 0.0
    length = parts.steps.shape[1] - 1
    for g in range(len(parts.start) - 1):
        fixed = 0.0
        for r in range(parts.start[g], parts.start[g + 1]):
            count = 0.0
            for e in range(parts.row_start[r], parts.row_start[r + 1]):
                count += at[parts.row_column[e]]
            s = min(int(count + 1e-9), length)
            served[r] = s
            step = parts.steps[r, s]
            for i in range(s):
                fixed += parts.steps[r, i] - step
            if step > 0.0:
                for e in range(parts.row_start[r], parts.row_start[r + 1]):
                    slope[parts.slot[e]] += step
        constant[g] = fixed


@compiled
def gather(parts: Parts, cut_part: Ints, served: NDArray[np.int8], dual: Floats) -> Floats:
    """Sum for each class its step in every cut of its part, times the cut's dual (k,)."""
    total = np.zeros(parts.start[-1])
    for c in range(len(cut_part)):
        if dual[c] > 0.0:
            first = parts.start[cut_part[c]]
            for i in range(parts.start[cut_part[c] + 1] - first):
                total[first + i] += dual[c] * parts.steps[first + i, served[c, i]]
    return total


@compiled
def cover_of_parts(parts: Parts, x: Floats) -> Floats:
    """Cover of each part at a fractional ``x``: the concave steps, in proportion between whole counts."""
    length = parts.steps.shape[1] - 1
    cover = np.zeros(len(parts.start) - 1)
    for g in range(len(parts.start) - 1):
        for r in range(parts.start[g], parts.start[g + 1]):
            count = 0.0
            for e in range(parts.row_start[r], parts.row_start[r + 1]):
                count += x[parts.row_column[e]]
            s = 0
            while s < length and count > 0.0:
                cover[g] += parts.steps[r, s] * min(1.0, count)
                count -= 1.0
                s += 1
    return cover


class Field(NamedTuple):
    """What the local search sees: classes, columns, and the side constraints on sites alone."""

    row_start: Heads
    row_column: Heads
    column_start: Heads
    column_row: Heads
    steps: Floats
    """(k, L + 1) value of each further site; the last is 0."""
    value: Floats
    """(n,) value of opening each column."""
    side_start: Heads
    side_row: Heads
    side_part: Floats
    """Entries of column j: ``side_start[j]:side_start[j + 1]``."""
    limit: Floats
    """(q,) with the tolerance."""
    use: Floats
    """(n,) > 0: what each column uses up of the limits, for the order of filling."""


class _State(NamedTuple):
    opened: Mask
    tabu: Mask
    times: Heads
    """(k,) open columns of each class, any number."""
    gain: Floats
    """(n,) value of opening the column now."""
    used: Floats
    """(q,) activity of each side constraint."""
    random: NDArray[np.uint64]


@compiled
def _switch(field: Field, state: _State, j: int, on: bool) -> None:
    """Open or close a column and update counts, gains and activities."""
    last = field.steps.shape[1] - 1
    state.opened[j] = on
    sign = 1.0 if on else -1.0
    for e in range(field.side_start[j], field.side_start[j + 1]):
        state.used[field.side_row[e]] += sign * field.side_part[e]
    for e in range(field.column_start[j], field.column_start[j + 1]):
        r = field.column_row[e]
        before = field.steps[r, min(state.times[r], last)]
        state.times[r] += 1 if on else -1
        moved = field.steps[r, min(state.times[r], last)] - before
        if moved != 0.0:
            for f in range(field.row_start[r], field.row_start[r + 1]):
                state.gain[field.row_column[f]] += moved


@compiled
def _broken(field: Field, state: _State) -> int:
    """Count the side constraints that do not hold."""
    count = 0
    for q in range(len(field.limit)):
        if state.used[q] > field.limit[q]:
            count += 1
    return count


@compiled
def _fits(field: Field, state: _State, j: int, broken: int) -> bool:
    """Tell whether all side constraints hold once the column is open; ``broken`` of them do not now."""
    left = broken
    for e in range(field.side_start[j], field.side_start[j + 1]):
        q = field.side_row[e]
        after = state.used[q] + field.side_part[e]
        if after > field.limit[q]:
            return False
        if state.used[q] > field.limit[q]:
            left -= 1
    return left == 0


@compiled
def _relief(field: Field, state: _State, j: int) -> float:
    """By how much, in shares, opening a column mends constraints that do not hold; -1: it breaks others."""
    relief = 0.0
    for e in range(field.side_start[j], field.side_start[j + 1]):
        q = field.side_row[e]
        excess = state.used[q] - field.limit[q]
        part = field.side_part[e]
        if excess > 0.0 and part < 0.0:
            relief += min(-part, excess) / excess
        elif part > 0.0 and state.used[q] + part > field.limit[q]:
            return -1.0
    return relief


@compiled
def _fill(field: Field, state: _State, tiny: float) -> bool:
    """Mend what is broken, then open the column with the largest gain for its use while one gains."""
    n = len(field.value)
    for _ in range(n + 1):
        broken = _broken(field, state)
        best, most, ease = -1, 0.0, 0.0
        for j in range(n):
            if state.opened[j] or state.tabu[j]:
                continue
            if broken:
                relief = _relief(field, state, j)
                if relief > 0.0 and (
                    best < 0 or relief > ease + 1e-12 or (relief > ease - 1e-12 and state.gain[j] > most)
                ):
                    best, most, ease = j, state.gain[j], relief
            elif state.gain[j] > tiny and state.gain[j] > most * field.use[j] and _fits(field, state, j, 0):
                best, most = j, state.gain[j] / field.use[j]
        if best < 0:
            return broken == 0
        _switch(field, state, best, True)
    return _broken(field, state) == 0


@compiled
def _swap(field: Field, state: _State, tiny: float) -> bool:
    """Replace each open column by the best one, or by none; true where the plan got better."""
    changed = False
    n = len(field.value)
    for out in range(n):
        if not state.opened[out]:
            continue
        _switch(field, state, out, False)
        broken = _broken(field, state)
        into, most = out, state.gain[out] + tiny
        if broken == 0 and most < 0.0:
            into, most = -1, 0.0
        for j in range(n):
            if state.gain[j] > most and not state.opened[j] and _fits(field, state, j, broken):
                into, most = j, state.gain[j]
        if into >= 0:
            _switch(field, state, into, True)
        if into != out:
            changed = True
            _fill(field, state, tiny)
    return changed


@compiled
def _shake(field: Field, state: _State) -> None:
    """Close three to five open columns by chance; half of them stay closed in the next filling."""
    chosen = np.flatnonzero(state.opened)
    for _ in range(min(len(chosen) - 1, 3 + draw(state.random, 3))):
        j = chosen[draw(state.random, len(chosen))]
        if state.opened[j]:
            _switch(field, state, j, False)
            state.tabu[j] = draw(state.random, 2) == 0


@compiled
def _worth(field: Field, state: _State) -> float:
    total = 0.0
    for j in range(len(field.value)):
        if state.opened[j]:
            total += field.value[j]
    last = field.steps.shape[1] - 1
    for r in range(len(state.times)):
        for s in range(min(state.times[r], last)):
            total += field.steps[r, s]
    return total


@compiled
def round_plan(field: Field, fraction: Floats, least: float) -> Mask:
    """Open the columns with the largest fractions, at least ``least``, that break no side constraint (n,)."""
    opened = np.zeros(len(fraction), np.bool_)
    used = np.zeros(len(field.limit))
    for j in np.argsort(-fraction, kind="mergesort"):
        if fraction[j] < least:
            break
        fits = True
        for e in range(field.side_start[j], field.side_start[j + 1]):
            q = field.side_row[e]
            fits &= field.side_part[e] <= 0.0 or used[q] + field.side_part[e] <= max(field.limit[q], used[q])
        if fits:
            opened[j] = True
            for e in range(field.side_start[j], field.side_start[j + 1]):
                used[field.side_row[e]] += field.side_part[e]
    return opened


@compiled
def improve(
    field: Field, start: Mask, kicks: int, tiny: float, random: NDArray[np.uint64]
) -> tuple[Mask, bool]:
    """Mend and fill a plan, swap until no swap helps, then shake it ``kicks`` times.

    Side constraints on sites hold after every step once they hold. ``random`` (1,) is the state of the
    generator (xorshift, Marsaglia 2003).

    Returns
    -------
    opened, fits
        The best plan, and whether it keeps the side constraints.
    """
    n, k = len(field.value), len(field.row_start) - 1
    state = _State(
        np.zeros(n, np.bool_),
        np.zeros(n, np.bool_),
        np.zeros(k, np.int32),
        field.value.copy(),
        np.zeros(len(field.limit)),
        random,
    )
    for j in range(n):
        for e in range(field.column_start[j], field.column_start[j + 1]):
            state.gain[j] += field.steps[field.column_row[e], 0]
    best, most, fits = start.copy(), -np.inf, False
    for kick in range(kicks + 1):
        for on in (False, True):  # back to the best plan, first closing
            for j in range(n):
                if state.opened[j] != best[j] and best[j] == on:
                    _switch(field, state, j, on)
        if kick:
            _shake(field, state)
        _fill(field, state, tiny)
        state.tabu[:] = False
        if not _fill(field, state, tiny):
            if kick:
                continue
            best[:] = state.opened
            return best, False
        while _swap(field, state, tiny):
            pass
        worth = _worth(field, state)
        if worth > most + tiny:
            most, fits = worth, True
            best[:] = state.opened
    return best, fits
