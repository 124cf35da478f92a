"""The nodes and ways of a surveyed block as arrays, and its distinct sets of tags; compiled kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .pbf_messages import (
    DAMAGED,
    DENSE,
    FOR_LABEL,
    FOR_NODE,
    FOR_WAY,
    LAT,
    LON,
    NODE,
    NODE_TAGS,
    NODES,
    NOWHERE,
    NUMBER,
    OK,
    PARTS,
    REFERENCES,
    UNIT,
    WAY,
    WAY_TAGS,
    WAYS,
    Ints,
    Keys,
    Pairs,
    deleted,
    keep,
    nowhere,
    parts,
    place,
    tags,
)
from .pbf_wire import Bytes, mixed, signed, varint, zero

Small = NDArray[np.int32]


class Nodes(NamedTuple):
    """The nodes of a block, and the tags of those that have one of interest."""

    ident: Ints
    x: Small
    y: Small
    tagged: Small
    """Positions of the nodes with tags."""
    start: Small
    """First of the tags of each."""
    pairs: Pairs


class Ways(NamedTuple):
    """The ways of a block that are kept."""

    ident: Ints
    start: Ints
    """First reference of each."""
    reference: Ints
    tags: Small
    """First of the tags of each, those that make the label included."""
    pairs: Pairs
    short: int
    """Roads without two different nodes, left out."""


@compiled
def read_nodes(data: Bytes, facts: Ints, rows: Ints, keys: Keys) -> tuple[int, Nodes]:
    """Read the nodes of a block: (status, nodes)."""
    n, most = facts[NODES], facts[NODE_TAGS]
    nodes = Nodes(
        np.empty(n, np.int64),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(min(n, most), np.int32),
        np.zeros(min(n, most) + 1, np.int32),
        (np.empty(most, np.int16), np.empty(most, np.int32)),
    )
    found, status = np.empty((PARTS, 2), np.int64), OK
    used, tagged = zero(), zero()
    for row in range(len(rows)):
        if rows[row, 0] == NODE or rows[row, 0] == DENSE:
            status = parts(data, rows[row, 1], rows[row, 2], found)
            if status == OK and rows[row, 0] == NODE:
                status, used, tagged = _plain(data, (facts, found), keys, nodes, (used, tagged))
            elif status == OK:
                status, used, tagged = _dense(data, (facts, found), keys, nodes, (used, tagged))
            if status != OK:
                break
    last = nodes.start[tagged]
    pairs = (nodes.pairs[0][:last].copy(), nodes.pairs[1][:last].copy())
    start = nodes.start[: tagged + 1].copy()
    return status, Nodes(nodes.ident, nodes.x, nodes.y, nodes.tagged[:tagged].copy(), start, pairs)


@compiled
def _plain(
    data: Bytes, about: tuple[Ints, Ints], keys: Keys, nodes: Nodes, far: tuple[int, int]
) -> tuple[int, int, int]:
    """Read a Node: (status, nodes so far, tagged so far); ``about`` is facts of the block, parts of it."""
    (facts, found), (used, tagged) = about, far
    numbers = found[1, 1] == NUMBER and found[8, 1] == NUMBER and found[9, 1] == NUMBER
    if not numbers or found[3, 1] == NUMBER or found[4, 1] == NUMBER:
        return DAMAGED, used, tagged
    status = deleted(data, found[4, 0], found[4, 1])
    x = place(signed(found[9, 0]), facts[LON], facts[UNIT])
    y = place(signed(found[8, 0]), facts[LAT], facts[UNIT])
    nodes.ident[used] = signed(found[1, 0])
    nodes.x[used], nodes.y[used] = (NOWHERE, NOWHERE) if nowhere(x, y) else (x, y)
    end = tags(data, found, (keys, FOR_NODE), int(nodes.start[tagged]), nodes.pairs)
    if end < 0:
        return DAMAGED, used, tagged
    return status, used + 1, _close(nodes, used, end, tagged)


@compiled
def _close(nodes: Nodes, node: int, end: int, tagged: int) -> int:
    """Count a node as tagged where tags of it were kept."""
    if end > nodes.start[tagged]:
        nodes.tagged[tagged] = node
        nodes.start[tagged + 1] = end
        return tagged + 1
    return tagged


@compiled
def _dense(
    data: Bytes, about: tuple[Ints, Ints], keys: Keys, nodes: Nodes, far: tuple[int, int]
) -> tuple[int, int, int]:
    """Read DenseNodes: (status, nodes so far, tagged so far)."""
    (facts, found), (used, tagged) = about, far
    if found[5, 1] == NUMBER or found[8, 1] == NUMBER or found[9, 1] == NUMBER:
        return DAMAGED, used, tagged
    status = deleted(data, found[5, 0], found[5, 1])
    if status != OK:
        return status, used, tagged
    first, tag_at = used, found[10, 0]
    used = _dense_places(data, facts, found, (nodes.ident, nodes.x, nodes.y), used)
    if used < 0:
        return DAMAGED, first, tagged
    for node in range(first, used):
        if tag_at >= found[10, 1]:
            break
        if data[tag_at] == 0:
            tag_at += 1
            continue
        tag_at, end = _dense_tags(data, (tag_at, found[10, 1]), keys, nodes, tagged)
        if tag_at < 0:
            return DAMAGED, first, tagged
        tagged = _close(nodes, node, end, tagged)
    return OK, used, tagged


@compiled
def _dense_places(data: Bytes, facts: Ints, found: Ints, into: tuple[Ints, Small, Small], used: int) -> int:
    """Read ids and places of DenseNodes, all stored as differences: the new end, or -1."""
    at, lat_at, lon_at, end = found[1, 0], found[8, 0], found[9, 0], found[1, 1]
    ident, lon, lat = zero(), zero(), zero()
    while at < end:
        step, at = varint(data, at, end)
        ident += signed(step)
        step, lat_at = varint(data, lat_at, found[8, 1])
        lat += signed(step)
        step, lon_at = varint(data, lon_at, found[9, 1])
        lon += signed(step)
        if at < 0 or lat_at < 0 or lon_at < 0:
            return -1
        x, y = place(lon, facts[LON], facts[UNIT]), place(lat, facts[LAT], facts[UNIT])
        into[0][used] = ident
        into[1][used], into[2][used] = (NOWHERE, NOWHERE) if nowhere(x, y) else (x, y)
        used += 1
    return used if lat_at == found[8, 1] and lon_at == found[9, 1] else -1


@compiled
def _dense_tags(data: Bytes, span: tuple[int, int], keys: Keys, nodes: Nodes, tagged: int) -> tuple[int, int]:
    """Read the tags of one node up to the 0 behind them: (position behind or -1, end of the pairs)."""
    at, end = span
    first = used = int(nodes.start[tagged])
    while at < end:
        key, at = varint(data, at, end)
        if at < 0 or key == 0:
            return at, used
        text, at = varint(data, at, end)
        if at < 0 or not (0 <= key < len(keys.code) and 0 <= text < len(keys.code)):
            return -1, used
        if keys.code[key] >= 0 and keys.role[keys.code[key]] & FOR_NODE:
            used = keep(keys.code[key], text, first, used, nodes.pairs)
    return at, used


@compiled
def read_ways(data: Bytes, facts: Ints, rows: Ints, keys: Keys, ferry: NDArray[np.bool_]) -> tuple[int, Ways]:
    """Read the roads and ferries of a block: (status, ways); ``ferry`` marks the strings "ferry"."""
    n, most = facts[WAYS], facts[WAY_TAGS]
    ident, start, tag_start = np.empty(n, np.int64), np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int32)
    reference, pairs = (
        np.empty(facts[REFERENCES], np.int64),
        (np.empty(most, np.int16), np.empty(most, np.int32)),
    )
    found, used, short = np.empty((PARTS, 2), np.int64), 0, 0
    for row in range(len(rows)):
        if rows[row, 0] != WAY:
            continue
        status = parts(data, rows[row, 1], rows[row, 2], found)
        if status == OK and (found[1, 1] != NUMBER or found[3, 1] == NUMBER or found[4, 1] == NUMBER):
            status = DAMAGED
        first = int(tag_start[used])
        end = tags(data, found, (keys, FOR_WAY | FOR_LABEL), first, pairs) if status == OK else -1
        if end < 0:
            return max(status, DAMAGED), _no_ways(ident, start, tag_start, pairs)
        if not _is_road(pairs, first, end, keys, ferry):
            continue
        status = deleted(data, found[4, 0], found[4, 1])
        last = _references(data, found[8, 0], found[8, 1], reference, start[used])
        if status != OK or last < 0:
            return max(status, DAMAGED), _no_ways(ident, start, tag_start, pairs)
        if last - start[used] < 2:
            short += 1
            continue
        ident[used], start[used + 1], tag_start[used + 1] = found[1, 0], last, end
        used += 1
    last, end = start[used], tag_start[used]
    kept = (pairs[0][:end].copy(), pairs[1][:end].copy())
    starts = (start[: used + 1].copy(), tag_start[: used + 1].copy())
    return OK, Ways(ident[:used].copy(), starts[0], reference[:last].copy(), starts[1], kept, short)


@compiled
def _no_ways(ident: Ints, start: Ints, tag_start: Small, pairs: Pairs) -> Ways:
    return Ways(ident[:0].copy(), start[:1], ident[:0].copy(), tag_start[:1], (pairs[0][:0], pairs[1][:0]), 0)


@compiled
def _is_road(pairs: Pairs, first: int, end: int, keys: Keys, ferry: NDArray[np.bool_]) -> bool:
    for i in range(first, end):
        if pairs[0][i] == keys.highway or (pairs[0][i] == keys.route and ferry[pairs[1][i]]):
            return True
    return False


@compiled
def _references(data: Bytes, at: int, end: int, reference: Ints, used: int) -> int:
    """Add the references of a way, the same node twice in a row once: the new end, or -1."""
    first, node = used, zero()
    while at < end:
        step, at = varint(data, at, end)
        if at < 0:
            return -1
        node += signed(step)
        if used == first or reference[used - 1] != node:
            reference[used] = node
            used += 1
    return used


@compiled
def distinct(start: Small, pairs: Pairs, span: tuple[int, int], salt: int) -> tuple[Small, Small]:
    """Number the distinct sets of tags with codes from ``span[0]`` to below ``span[1]``.

    Returns the set of each item and, of each set, the first item. Pairs of an item are sorted by code. The
    salt, new in each run, keeps a made-up file from filling one place of the hash table.
    """
    size = 16
    while size < 2 * len(start):
        size *= 2
    table, of = np.full(size, -1, np.int32), np.empty(len(start) - 1, np.int32)
    examples, used = np.empty(len(start) - 1, np.int32), 0
    for item in range(len(start) - 1):
        first, last = _range(pairs, start, item, span)
        value = int(salt)
        for i in range(first, last):
            value = mixed(value, (int(pairs[0][i]) << 32) | int(pairs[1][i]))
        slot = value & (size - 1)
        while table[slot] >= 0 and not _same(
            _range(pairs, start, examples[table[slot]], span), (first, last), pairs
        ):
            slot = (slot + 1) & (size - 1)
        if table[slot] < 0:
            table[slot], examples[used] = used, item
            used += 1
        of[item] = table[slot]
    return of, examples[:used].copy()


@compiled
def _range(pairs: Pairs, start: Small, item: int, span: tuple[int, int]) -> tuple[int, int]:
    """Find the pairs of an item whose codes are in the span: (first, end)."""
    first, last = int(start[item]), int(start[item + 1])
    while first < last and pairs[0][first] < span[0]:
        first += 1
    while first < last and pairs[0][last - 1] >= span[1]:
        last -= 1
    return first, last


@compiled
def _same(one: tuple[int, int], other: tuple[int, int], pairs: Pairs) -> bool:
    if one[1] - one[0] != other[1] - other[0]:
        return False
    for i in range(one[1] - one[0]):
        a, b = one[0] + i, other[0] + i
        if pairs[0][a] != pairs[0][b] or pairs[1][a] != pairs[1][b]:
            return False
    return True
