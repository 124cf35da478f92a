"""Trees of sixteen sources at a time: the times of a node stand side by side, one step adds to all.

As PHAST with several sources (Delling, Goldberg, Nowatzyk and Werneck 2011, section VI); the walk is that of
``sweeps``. The two loops over arcs are written in the compiler's own language, with vectors: from loops over
arrays numba makes one step per lane, five times slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic as _intrinsic

from ...geodata.compiled import compiled
from .arrays import Array, Int, Tree
from .customization import NEVER

LANES = 16
intrinsic: Any = _intrinsic

_WORD, _LONG = ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_WORD, LANES)
_ZEROS = ir.Constant(_VECTOR, [0] * LANES)
_NOTHING = ir.Constant(_VECTOR, ir.Undefined)
_variable: Any = cgutils.alloca_once_value
_count: Any = cgutils.for_range_slice


def _data(context: Any, builder: Any, signature: Any, arguments: Any, position: int) -> Any:
    """Give the address of the first number of an array."""
    return context.make_array(signature.args[position])(context, builder, arguments[position]).data


def _lanes(builder: Any, data: Any, row: Any) -> Any:
    """Give the address of a row of lanes."""
    return builder.bitcast(builder.gep(data, [builder.mul(row, _LONG(LANES))]), _VECTOR.as_pointer())


def _earlier(builder: Any, row: Any, time: Any, than: Any) -> Any:
    """Add a time to a row of lanes, and take what is less of it and of another row."""
    all_lanes = builder.shuffle_vector(builder.insert_element(_NOTHING, time, _WORD(0)), _NOTHING, _ZEROS)
    total = builder.add(row, all_lanes)
    return builder.select(builder.icmp_unsigned("<", total, than), total, than)


def _arc(builder: Any, slots: Any, times: Any, position: Any) -> tuple[Any, Any]:
    """Load an arc: the depth of its head and its time."""
    at = builder.zext(builder.load(builder.gep(slots, [position])), _LONG)
    return at, builder.load(builder.gep(times, [position]))


@intrinsic  # type: ignore[untyped-decorator]
def _pull(
    _context: Any, stack: Any, slot: Any, time: Any, _low: Any, _high: Any, keys: Any, _row: Any, _to: Any
) -> Any:
    """Put into row ``to`` of a stack the least of a row of keys and of what comes down the arcs low:high."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        low, high, row, to = (arguments[i] for i in (3, 4, 6, 7))
        held, slots, times, start = (_data(context, builder, signature, arguments, i) for i in (0, 1, 2, 5))
        least = _variable(builder, builder.load(_lanes(builder, start, row), align=4))
        with _count(builder, low, high, _LONG(1), inc=True) as (position, _):
            at, take = _arc(builder, slots, times, position)
            above = builder.load(_lanes(builder, held, at), align=4)
            builder.store(_earlier(builder, above, take, builder.load(least)), least)
        builder.store(builder.load(least), _lanes(builder, held, to), align=4)
        return context.get_dummy_value()

    number = types.uint64
    return types.void(stack, slot, time, number, number, keys, number, number), generate


@intrinsic  # type: ignore[untyped-decorator]
def _push(_context: Any, stack: Any, slot: Any, time: Any, _low: Any, _high: Any, _row: Any) -> Any:
    """Offer a row of a stack to the heads of the arcs low:high."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        low, high, row = arguments[3:]
        held, slots, times = (_data(context, builder, signature, arguments, i) for i in (0, 1, 2))
        own = builder.load(_lanes(builder, held, row), align=4)
        with _count(builder, low, high, _LONG(1), inc=True) as (position, _):
            at, take = _arc(builder, slots, times, position)
            place = _lanes(builder, held, at)
            builder.store(_earlier(builder, own, take, builder.load(place, align=4)), place, align=4)
        return context.get_dummy_value()

    number = types.uint64
    return types.void(stack, slot, time, number, number, number), generate


@compiled
def climb_lanes(tree: Tree, up: Array, rank: Array, lane: Array, height: Int) -> tuple[Array, Array]:
    """Spread sources, one per lane, over their ancestors: ranks ascending, and their rows of lanes.

    Sources come by rank, ascending. The first row of lanes belongs to no rank: nothing is reached.
    """
    first, _, depth, head, _ = tree
    stack, most = np.full(height * LANES, NEVER), len(rank) * height
    ranks, keys = np.empty(most, np.int32), np.empty((most + 1) * LANES, np.uint32)
    keys[:LANES] = NEVER
    count, i = 0, 0
    while i < len(rank):
        v = np.int64(rank[i])
        while i < len(rank) and rank[i] == v:
            stack[depth[v] * LANES + lane[i]] = 0
            i += 1
        end = np.int64(rank[i]) if i < len(rank) else len(first)
        while 0 <= v < end:
            ranks[count], at = v, np.int64(depth[v]) * LANES
            _push(stack, tree[1], up, first[v], first[v + 1], depth[v])
            for j in range(LANES):
                keys[(count + 1) * LANES + j], stack[at + j] = stack[at + j], NEVER
            count += 1
            v = np.int64(head[first[v]]) if first[v] < first[v + 1] else np.int64(-1)
    return ranks[:count], keys[: (count + 1) * LANES]


@compiled
def descend_lanes(tree: Tree, down: Array, ranks: Array, keys: Array, height: Int, time: Array) -> None:
    """Spread what `climb_lanes` found to all nodes: into (LANES, n) times."""
    first, slot, depth, _, node = tree
    n, place, stack = np.uint64(len(node)), len(ranks), np.empty(height * LANES, np.uint32)
    known = np.int64(ranks[place - 1]) if place > 0 else -1
    for i in range(n):
        v, row = n - np.uint64(1) - i, 0
        if v == known:
            row, place = place, place - 1
            known = np.int64(ranks[place - 1]) if place > 0 else -1
        _pull(stack, slot, down, first[v], first[v + np.uint64(1)], keys, row, depth[v])
        at = np.uint64(depth[v]) * np.uint64(LANES)
        for j in range(LANES):
            time[j, node[v]] = stack[at + np.uint64(j)]
