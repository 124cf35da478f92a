"""Assemble: from what a file says, by the rules of a mode, to pieces that may be travelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..crs import EARTH_RADIUS_M
from ..network import CLASSES
from ..shapes import STEPS
from .pieces import Pieces
from .raw import RawRoads
from .report import by_class, nodes_by_code, ways_by_code
from .rules import Gate, Passage, Profile, judge_node, judge_way, label

_Ways = tuple[NDArray[np.int64], NDArray[np.int32]]
_Places = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
_Counted = tuple[str, int, float]


@dataclass(frozen=True)
class _Judged:
    """What the rules say about each of w ways, (w,) where nothing else is said."""

    kmh: NDArray[np.float64]
    road_class: NDArray[np.uint8]
    snap: NDArray[np.bool_]
    fixed_s: NDArray[np.float64]
    used: NDArray[np.bool_]
    closed_metres: NDArray[np.float64]
    """(classes,) length of the ways whose class is not for the mode, by class."""


def to_pieces(raw: RawRoads, profile: Profile) -> tuple[Pieces, dict[str, Any]]:
    """Apply the rules to a file's roads: the pieces that may be travelled, and the counts for the report.

    Each distinct set of tags is judged once. Ways are taken in the order of their ids, so that the order in
    the file does not matter. A reference to a node that the file lacks splits the way. A closed gate cuts
    its node: every piece ends at a copy of its own, so that both sides are reached and nobody passes. The
    seconds that a gate costs are added to the pieces that arrive at it. The stated time of a ferry is spread
    over its way by length.

    Returns
    -------
    tuple
        The pieces of the whole file; and by code ``choices`` and ``left_out`` (text, and ways and km or
        nodes), ``closed_km``, the kilometres of the classes that are not for the mode, and ``read``, the
        counts of the file.
    """
    raw = _by_id(raw)
    ways, places = (raw.way_start, raw.way_node), _places(raw)
    metres = _way_metres(ways, places)
    judged, notes, left_out = _judge(raw, metres, profile)
    pieces, at_gates = _gates(_cut_ways(raw, judged, metres, places), raw, profile)
    split = _split_ways(raw, judged.used)
    notes.append(("way_split", int(split.sum()), float(metres[split].sum())))
    facts = {
        "choices": {**ways_by_code(notes), **nodes_by_code(at_gates)},
        "left_out": ways_by_code(left_out),
        "closed_km": by_class(judged.closed_metres),
        "read": {key: int(value) for key, value in sorted(raw.counts.items())},
    }
    return pieces, facts


def _by_id(raw: RawRoads) -> RawRoads:
    """Put the ways in the order of their ids."""
    if (np.diff(raw.way_id) >= 0).all():
        return raw
    order = np.argsort(raw.way_id, kind="stable")
    length = np.diff(raw.way_start)[order]
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(length)])
    entry = np.repeat(raw.way_start[:-1][order] - start[:-1], length) + np.arange(start[-1])
    return replace(
        raw,
        way_id=raw.way_id[order],
        way_start=start,
        way_node=raw.way_node[entry],
        way_tags=raw.way_tags[order],
        way_label=raw.way_label[order],
    )


def _places(raw: RawRoads) -> _Places:
    """Give longitude, latitude and its cosine of the nodes, in radians."""
    lat = np.radians(raw.y / STEPS)
    return np.radians(raw.x / STEPS), lat, np.cos(lat)


@compiled
def _apart(places: _Places, u: int, v: int) -> float:
    """Great-circle distance of two nodes in metres, as `crs.haversine_m`."""
    lam, phi, cosine = places
    up, right = np.sin((phi[v] - phi[u]) / 2), np.sin((lam[v] - lam[u]) / 2)
    chord = up * up + cosine[u] * cosine[v] * right * right
    return float(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(min(1.0, chord))))


@compiled
def _way_metres(ways: _Ways, places: _Places) -> NDArray[np.float64]:
    """Measure each way, without the parts that the file lacks."""
    start, node = ways
    metres = np.zeros(len(start) - 1)
    for way in range(len(metres)):
        for i in range(start[way], start[way + 1] - 1):
            if node[i] >= 0 and node[i + 1] >= 0:
                metres[way] += _apart(places, node[i], node[i + 1])
    return metres


def _judge(
    raw: RawRoads, metres: NDArray[np.float64], profile: Profile
) -> tuple[_Judged, list[_Counted], list[_Counted]]:
    """Judge each distinct set of tags once; returns also the choices made and what is left out."""
    distinct, which = np.unique(raw.way_tags, return_inverse=True)
    said: list[Passage] = [judge_way(raw.tag_sets[at], profile) for at in distinct.tolist()]
    number = np.bincount(which, minlength=len(said)).tolist()
    length = np.bincount(which, weights=metres, minlength=len(said)).tolist()
    counted = list(zip(said, number, length, strict=True))
    left = [(one.left_out, ways, m) for one, ways, m in counted if one.left_out]
    chosen = [(code, ways, m) for one, ways, m in counted for code in (*one.notes, *by_direction(one))]
    kmh = np.array([one.kmh for one in said], float).reshape(-1, 2)
    used = np.array([not one.left_out for one in said], bool) & (kmh > 0).any(axis=1)
    judged = _Judged(
        kmh=kmh[which],
        road_class=np.array([one.road_class for one in said], np.uint8)[which],
        snap=np.array([one.snap for one in said], bool)[which],
        fixed_s=np.array([one.fixed_s for one in said], float)[which],
        used=used[which],
        closed_metres=_closed_metres(said, length),
    )
    return judged, chosen, left


def _closed_metres(said: Sequence[Passage], metres: Sequence[float]) -> NDArray[np.float64]:
    """Sum the length by class of the ways left out for their class: it tells what opening one would add."""
    of = [one.road_class if one.left_out == "class_closed" else 0 for one in said]
    found = np.bincount(of, weights=metres, minlength=len(CLASSES)).astype(np.float64)
    found[0] = 0.0
    return found


def by_direction(passage: Passage) -> tuple[str, ...]:
    """Note where the two directions differ in speed."""
    along, against = passage.kmh
    return ("speed_by_direction",) if 0 < along != against > 0 else ()


def _cut_ways(raw: RawRoads, judged: _Judged, metres: NDArray[np.float64], places: _Places) -> Pieces:
    """Cut the ways that are used into pieces."""
    ways = (raw.way_start, raw.way_node)
    a, b, way, length = _pieces(ways, places, judged.used)
    seconds = _times(length, way, judged.kmh, judged.fixed_s, metres)
    numbers, labels = _labels(raw, judged.used)
    return Pieces(
        x=raw.x,
        y=raw.y,
        source_id=raw.node_id,
        a=a,
        b=b,
        metres=length,
        seconds=seconds,
        road_class=judged.road_class[way],
        label=numbers[way],
        way=raw.way_id[way],
        snap=judged.snap[way],
        labels=labels,
    )


@compiled
def _pieces(
    ways: _Ways, places: _Places, used: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """List the pieces of used ways: (from, to, way, metres)."""
    start, node = ways
    count = 0
    for way in range(len(used)):
        for i in range(start[way], start[way + 1] - 1):
            count += used[way] and node[i] >= 0 and node[i + 1] >= 0 and node[i] != node[i + 1]
    a, b, of = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    metres, k = np.empty(count), 0
    for way in range(len(used)):
        for i in range(start[way], start[way + 1] - 1):
            if used[way] and node[i] >= 0 and node[i + 1] >= 0 and node[i] != node[i + 1]:
                a[k], b[k], of[k] = node[i], node[i + 1], way
                metres[k] = _apart(places, node[i], node[i + 1])
                k += 1
    return a, b, of, metres


@compiled
def _times(
    metres: NDArray[np.float64],
    way: NDArray[np.int32],
    kmh: NDArray[np.float64],
    fixed_s: NDArray[np.float64],
    way_metres: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Time each piece both ways; a stated time of the whole way goes before the speed."""
    seconds = np.full((len(metres), 2), np.inf)
    for k in range(len(metres)):
        w = way[k]
        for side in range(2):
            if kmh[w, side] > 0:
                if fixed_s[w] > 0 and way_metres[w] > 0:
                    seconds[k, side] = fixed_s[w] * (metres[k] / way_metres[w])
                else:
                    seconds[k, side] = metres[k] * 3.6 / kmh[w, side]
    return seconds


def _labels(raw: RawRoads, used: NDArray[np.bool_]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Give each way the position of its label, and the labels of used ways, in the order of the ways."""
    distinct, first = np.unique(raw.way_label[used], return_index=True)
    positions, number = {"": 0}, np.zeros(len(raw.labels), np.int32)
    for at in distinct[np.argsort(first)].tolist():
        number[at] = positions.setdefault(label(*raw.labels[at]), len(positions))
    return number[raw.way_label], tuple(positions)


def _split_ways(raw: RawRoads, used: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which used ways lack a node."""
    lacking = np.concatenate([np.zeros(1, np.int64), np.cumsum(raw.way_node < 0)])
    return np.asarray(used & (lacking[raw.way_start[1:]] > lacking[raw.way_start[:-1]]))


def _gates(pieces: Pieces, raw: RawRoads, profile: Profile) -> tuple[Pieces, list[tuple[str, int]]]:
    """Cut the pieces at closed gates and add the time that open ones cost; only nodes that are travelled."""
    touched = np.zeros(len(pieces.x), bool)
    touched[pieces.a] = touched[pieces.b] = True
    here = touched[raw.tagged_node]
    nodes = raw.tagged_node[here]
    distinct, which = np.unique(raw.node_tags[here], return_inverse=True)
    said: list[Gate] = [judge_node(raw.tag_sets[at], profile) for at in distinct.tolist()]
    number = np.bincount(which, minlength=len(said)).tolist()
    notes = [(code, times) for one, times in zip(said, number, strict=True) for code in one.notes]
    closed = np.array([one.closed for one in said], bool)[which]
    cost = np.array([one.seconds for one in said], float)[which]
    return _cut_nodes(_delayed(pieces, nodes, cost), nodes[closed]), notes


def _delayed(pieces: Pieces, nodes: NDArray[np.int32], cost: NDArray[np.float64]) -> Pieces:
    """Add the seconds of nodes to the pieces that arrive at them."""
    if not cost.any():
        return pieces
    extra = np.zeros(len(pieces.x))
    extra[nodes] = cost
    seconds = pieces.seconds.copy()
    seconds[:, 0] += extra[pieces.b]
    seconds[:, 1] += extra[pieces.a]
    return replace(pieces, seconds=seconds)


def _cut_nodes(pieces: Pieces, nodes: NDArray[np.int32]) -> Pieces:
    """Let every piece that ends at one of the nodes end at a copy of its own."""
    if not len(nodes):
        return pieces
    shut = np.zeros(len(pieces.x), bool)
    shut[nodes] = True
    ends = np.stack([pieces.a, pieces.b])
    at = np.flatnonzero(shut[ends])
    old = ends.ravel()[at]
    _, first = np.unique(old, return_index=True)
    again = np.ones(len(at), bool)
    again[first] = False  # the first piece keeps the node itself
    at, old = at[again], old[again]
    ends.ravel()[at] = len(pieces.x) + np.arange(len(at))
    x, y, ids = (np.concatenate([old_of, old_of[old]]) for old_of in (pieces.x, pieces.y, pieces.source_id))
    return replace(pieces, x=x, y=y, source_id=ids, a=ends[0], b=ends[1])
