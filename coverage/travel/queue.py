"""The queue of the searches, for compiled loops.

The queue is a ring of buckets (Dial 1969, *Communications of the ACM* 12:632; Denardo and Fox 1979,
*Operations Research* 27:161): bucket ``b`` holds the nodes to look at whose time is ``b << shift`` to
``(b + 1 << shift) - 1``. Buckets come up in order; inside one, labels are corrected until they stand, so the
result is exact for any width. Times beyond the ring wait in one more bucket, ``late``, and are dealt out when
the ring has turned. A bucket is a stack of chunks of 32 numbers: the first leads to the chunk below, the
others are ``time << 32 | node``. A node whose time improves is queued again; the older entry no longer
fits and is dropped when it comes up. So nothing is unlinked, and the next entries are known early enough to
fetch their rows ahead: on 1.5 M nodes the processor otherwise waits for memory half of the time.

Time and label of a node are one number, ``time << LABEL_BITS | label``: one comparison decides by time, then
by the lowest label.

numba keeps compiled loops until the file of the outermost changes, and does not look at this one. So every
file with such loops names the state of this one (``QUEUE``), and a test holds it to that. Each loop spells
out how it comes to its next entry: as one inlined function with three results it made them 6 to 12 % slower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from ...geodata.compiled import compiled

Array = NDArray[Any]
Int = Any
"""A whole number of whatever width numba finds."""
Rows = tuple[Array, Array, Array, Array]
"""(start, other end, centiseconds, number) of the edges by node; no ``number`` where it is the place."""
Arcs = tuple[Array, Array, Array]
"""(start, arc, number) of the edges by node: ``arc`` is ``centiseconds << 32 | other end``;
that of a closed edge is too long for any limit."""
Queue = NDArray[np.int64]
"""Head (see ``_FREE``), the top entry of each bucket or -1, then the chunks: one array, since numba counts
references to every array of a tuple anew in the loops."""

BareRows = tuple[Array, Array, Array]
"""(start, other end, number) of the edges by node, as `Rows` without the times."""

UNREACHED = np.iinfo(np.int32).max
"""Centiseconds of a node that nothing reaches."""

LABEL_BITS = 31
LABEL_MASK = (1 << LABEL_BITS) - 1
_CHUNK = 32
_LAST = _CHUNK - 1
RING = 1 << 13
_FREE, _USED, _QUEUED, LATE, LEFT = range(5)
"""Places in the head: first chunk that was given back or -1, end of the chunks ever used, entries in the
ring, late entries, chunks not in use."""
TOP = 8
_CHUNKS = TOP + RING + 1 + _CHUNK - (TOP + RING + 1) % _CHUNK
_FETCH_ROW, _FETCH_START = 4, 8  # entries ahead: measured on 1.5 M nodes

_Function = TypeVar("_Function", bound=Callable[..., Any])


def inlined(function: _Function) -> _Function:
    """Compile into the callers."""
    return cast(_Function, numba.njit(forceinline=True)(function))


def _fetching(_context: Any, array: Any, _index: Any) -> Any:
    """Ask the processor to bring ``array[index]`` of a one-dimensional array near; never fails."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        fetch = cast(Any, cgutils).get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(fetch, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


fetch = cast(Callable[[Array, Int], None], intrinsic(_fetching))


@inlined
def new_queue(chunks: Int) -> Queue:
    queue = np.empty(_CHUNKS + chunks * _CHUNK, np.int64)
    queue[: TOP + RING + 1] = -1
    queue[_USED], queue[_QUEUED], queue[LATE], queue[LEFT] = _CHUNKS, 0, 0, chunks
    return queue


@compiled
def larger(queue: Queue, needed: Int) -> Queue:
    """Copy a queue into one with room for twice as many chunks and those that are needed."""
    more = (len(queue) - _CHUNKS) // _CHUNK + needed
    copy = np.empty(len(queue) + more * _CHUNK, np.int64)
    copy[: len(queue)] = queue
    copy[LEFT] += more
    return copy


@inlined
def put(queue: Queue, base: Int, bucket: Int, entry: Int) -> None:
    """Queue an entry in its bucket; a chunk is left."""
    late = bucket - base >= RING
    slot = TOP + (RING if late else bucket & (RING - 1))
    queue[LATE if late else _QUEUED] += 1
    t = queue[slot]
    if t < 0 or t & _LAST == _LAST:
        chunk = queue[_FREE]
        if chunk >= 0:
            queue[_FREE] = queue[chunk]
        else:
            chunk = queue[_USED]
            queue[_USED] = chunk + _CHUNK
        queue[LEFT] -= 1
        queue[chunk] = t
        t = chunk
    queue[t + 1] = entry
    queue[slot] = t + 1


@inlined
def take(queue: Queue, slot: Int) -> Int:
    """Take the top entry off a bucket that is not empty."""
    t = queue[slot]
    entry = queue[t]
    if t & _LAST == 1:
        queue[slot] = queue[t - 1]
        queue[t - 1] = queue[_FREE]
        queue[_FREE] = t - 1
        queue[LEFT] += 1
    else:
        queue[slot] = t - 1
    queue[LATE if slot == TOP + RING else _QUEUED] -= 1
    return entry


@compiled
def _deal(queue: Queue, base: Int, shift: Int) -> Int:
    """Deal the late entries out, from the earliest of their buckets on where the ring is empty."""
    entries = np.empty(queue[LATE], np.int64)
    for i in range(len(entries)):
        entries[i] = take(queue, TOP + RING)
    if queue[_QUEUED] == 0:
        base = (entries.min() >> 32) >> shift
    for entry in entries:
        put(queue, base, (entry >> 32) >> shift, entry)
    return base


@inlined
def advance(queue: Queue, base: Int, shift: Int) -> Int:
    """Go on to the next bucket that holds something; -1 where none does. There is room for the late ones."""
    while queue[TOP + (base & (RING - 1))] < 0:
        if queue[_QUEUED] > 0:
            base += 1
            if base & (RING - 1) == 0 and queue[LATE] > 0:
                base = _deal(queue, base, shift)
        elif queue[LATE] > 0:
            base = _deal(queue, base, shift)
        else:
            return -1
    return base


@inlined
def fetch_ahead(
    queue: Queue, slot: Int, start: Array, other: Array, cost: Array, state: Array, width: Int
) -> None:
    """Fetch what the entries below the top one of a bucket will need."""
    t = queue[slot]
    bottom = (t & ~_LAST) + 1
    at = start[queue[max(t - _FETCH_ROW, bottom)] & LABEL_MASK]
    fetch(other, at)
    fetch(cost, at)
    v = queue[max(t - _FETCH_START, bottom)] & LABEL_MASK
    fetch(start, v)
    fetch(state, v * width)
