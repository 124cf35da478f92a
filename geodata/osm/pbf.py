"""The fast reader of .osm.pbf files: our own decoder, compiled by numba.

Blobs are read in order, unpacked and decoded by two threads that hold no lock, and joined in the order of the
file; then the nodes that roads use are looked up by their ids. What is written in an uncommon way is refused
(`Refused`), so that pyosmium may read it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from . import gather
from .pbf_decode import Block, Numbered, decode
from .pbf_file import Refused, blobs, read_header, unpack
from .pbf_messages import NOWHERE, Ints
from .pbf_objects import Small
from .raw import RawRoads

__all__ = ["Refused", "read_pbf"]

_THREADS = 2
_AHEAD = 4

_Key = TypeVar("_Key", tuple[tuple[str, str], ...], tuple[str, str])


def read_pbf(path: Path, *, name: str, progress: gather.Progress | None = None) -> RawRoads:
    """Read the roads of a .osm.pbf file; ``name`` is how errors call it.

    Raises
    ------
    InputError
        The file is damaged, cut off, a history, asks for too much, or has no roads or no coordinates.
    Refused
        It is written in a way that another reader may know.
    """
    blocks = list(_blocks(path, name, progress))
    ways = _ways(blocks)
    if not len(ways.ident):
        raise gather.no_roads(name)
    nodes = _nodes(blocks)
    way_node, row, misplaced = _used(nodes, ways.reference)
    if not len(row):
        raise gather.no_places(name)
    sets, labels = gather.tag_sets(name), gather.labels(name)
    way_tags, bad_tags = _joined([block.way_tags for block in blocks], ways.row, sets)
    way_label, bad_label = _joined([block.way_labels for block in blocks], ways.row, labels)
    tagged, item = _tagged(blocks, nodes, row)
    node_tags, bad_node = _joined([block.node_tags for block in blocks], item, sets)
    total = Counter[str]()
    for block in blocks:
        total.update(block.counts)
    return RawRoads(
        node_id=nodes.ident[row],
        x=nodes.x[row],
        y=nodes.y[row],
        way_id=ways.ident,
        way_start=ways.start,
        way_node=way_node,
        way_tags=way_tags,
        way_label=way_label,
        tagged_node=tagged,
        node_tags=node_tags,
        tag_sets=tuple(dict(pairs) for pairs in sets.values()),
        labels=labels.values(),
        counts={
            **total,
            "kept_ways": len(ways.ident),
            "missing_nodes": int((way_node < 0).sum()),
            "misplaced_nodes": misplaced,
            "duplicate_nodes": int((locate(nodes.ident[row], nodes.again) >= 0).sum()),
            "duplicate_ways": ways.again,
            "broken_texts": int((bad_tags | bad_label).sum() + bad_node.sum()),
        },
    )


def _blocks(path: Path, name: str, progress: gather.Progress | None) -> Iterator[Block]:
    """Decode the blocks of a file in order, a few ahead in other threads, within its limits."""
    size = path.stat().st_size
    limits, tell = gather.Limits(name, size), gather.Teller(progress, name, size)
    waiting: deque[Future[Block]] = deque()
    with path.open("rb") as file, ThreadPoolExecutor(_THREADS) as pool:
        for number, (kind, packed) in enumerate(blobs(file, name, size)):
            if (kind == "OSMHeader") != (number == 0):
                raise gather.damaged(name, f"第 {number + 1} 个数据块是 {kind}")
            if number == 0 and "LocationsOnWays" in read_header(unpack(packed, name), name).optional:
                raise Refused("LocationsOnWays")
            if kind == "OSMData":
                waiting.append(pool.submit(_block, packed, name))
            if len(waiting) > _AHEAD:
                yield _within(limits, waiting.popleft().result())
            tell(file.tell())
        for future in waiting:
            yield _within(limits, future.result())


def _block(packed: bytes, name: str) -> Block:
    return decode(unpack(packed, name), name)


def _within(limits: gather.Limits, block: Block) -> Block:
    limits.add(unpacked=block.size, nodes=len(block.nodes.ident), references=len(block.ways.reference))
    return block


@dataclass(frozen=True)
class _Ways:
    ident: Ints
    start: Ints
    reference: Ints
    row: Ints
    """Rows among the roads of all blocks; of those with the same id the first is kept."""
    again: int
    """Roads left out because their id came before."""


def _ways(blocks: Sequence[Block]) -> _Ways:
    ident = _concatenated([block.ways.ident for block in blocks])
    length = _concatenated([np.diff(block.ways.start) for block in blocks])
    reference = _concatenated([block.ways.reference for block in blocks])
    row = np.arange(len(ident))
    if (np.diff(ident) <= 0).any():
        row = np.sort(np.unique(ident, return_index=True)[1])
        kept = np.zeros(len(ident), bool)
        kept[row] = True
        reference = reference[np.repeat(kept, length)]
    start = np.zeros(len(row) + 1, np.int64)
    np.cumsum(length[row], out=start[1:])
    return _Ways(ident[row], start, reference, row, len(ident) - len(row))


@dataclass(frozen=True)
class _Nodes:
    """All nodes of the file by ascending id; of those with the same id the first."""

    ident: Ints
    x: Small
    y: Small
    row: Ints | None
    """Row in the file of each; None where it is its position."""
    again: Ints
    """Ids that came again."""


def _nodes(blocks: Sequence[Block]) -> _Nodes:
    ident = _concatenated([block.nodes.ident for block in blocks])
    x, y = (
        np.concatenate([np.empty(0, np.int32), *(getattr(block.nodes, axis) for block in blocks)])
        for axis in "xy"
    )
    if not (np.diff(ident) <= 0).any():
        return _Nodes(ident, x, y, None, ident[:0])
    order = np.argsort(ident, kind="stable")
    first = np.ones(len(order), bool)
    first[1:] = np.diff(ident[order]) != 0
    row = order[first]
    return _Nodes(ident[row], x[row], y[row], row, ident[order[~first]])


def _concatenated(arrays: Sequence[Ints]) -> Ints:
    return np.concatenate([np.empty(0, np.int64), *arrays])


def _used(nodes: _Nodes, reference: Ints) -> tuple[Small, Ints, int]:
    """Look references up: (number of the node or -1, rows of the nodes used, nodes outside the world)."""
    at = locate(nodes.ident, reference)
    mark = np.zeros(len(nodes.ident) + 1, bool)  # the last is for -1
    mark[at] = True
    mark[-1] = False
    outside = np.append(nodes.x == NOWHERE, False) & mark
    mark &= ~outside
    number = np.where(mark, np.cumsum(mark) - 1, -1).astype(np.int32)
    return number[at], np.flatnonzero(mark), int(outside.sum())


@compiled
def locate(ident: Ints, wanted: Ints) -> Small:
    """Find ids in an ascending array by galloping from the last one found: position, or -1."""
    found = np.full(len(wanted), -1, np.int32)
    low, n = 0, len(ident)
    for i in range(len(wanted) if n else 0):
        step = 1
        if ident[low] <= wanted[i]:
            while low + step < n and ident[low + step] <= wanted[i]:
                low += step
                step *= 2
            high = min(low + step, n)
        else:
            high = low
            while high > step and ident[high - step] > wanted[i]:
                high -= step
                step *= 2
            low = max(high - step, 0)
        while high - low > 1:
            middle = (low + high) // 2
            if ident[middle] <= wanted[i]:
                low = middle
            else:
                high = middle
        if ident[low] == wanted[i]:
            found[i] = low
    return found


def _tagged(blocks: Sequence[Block], nodes: _Nodes, row: Ints) -> tuple[Small, Ints]:
    """Find the used nodes with tags: (their numbers, ascending; items among the tagged of all blocks)."""
    before = np.cumsum([0, *(len(block.nodes.ident) for block in blocks)])
    tagged = [block.nodes.tagged + first for block, first in zip(blocks, before, strict=False)]
    in_file = row if nodes.row is None else nodes.row[row]
    number = np.full(before[-1], -1, np.int32)
    number[in_file] = np.arange(len(row), dtype=np.int32)
    found = number[_concatenated(tagged)]
    item = np.flatnonzero(found >= 0)
    item = item[np.argsort(found[item], kind="stable")]
    return found[item], item


def _joined(
    parts: Sequence[Numbered[_Key]], item: Ints, table: gather.Distinct[_Key]
) -> tuple[Small, NDArray[np.bool_]]:
    """Number the values of chosen items of all blocks by a table: (numbers, whether a text was broken)."""
    before = np.cumsum([0, *(len(part.values) for part in parts)])
    of = _concatenated([part.of + first for part, first in zip(parts, before, strict=False)])[item]
    values = [value for part in parts for value in part.values]
    bad = np.concatenate([np.empty(0, bool), *(part.broken for part in parts)])
    found, first, which = np.unique(of, return_index=True, return_inverse=True)
    number = np.empty(len(found), np.int32)
    for at in np.argsort(first).tolist():
        number[at] = table.number(values[found[at]])
    return number[which], bad[of]
