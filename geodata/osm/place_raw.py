"""A graph of OSMnx, one edge per piece with all tags, back to the ways that it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError, Problem
from ..shapes import STEPS
from .gather import label_of, road_tags
from .raw import RawRoads

_REVERSED = ("-1", "reverse", "T")  # OSMnx turns these ways round


def to_raw(graph: Any, where: str) -> RawRoads:
    """Turn a graph of OSMnx (one edge per piece, all tags) back into ways with their nodes.

    A way that the border cuts has a missing node in the gap, as in an extract.

    Raises
    ------
    InputError
        Ids, coordinates or tags are not what OpenStreetMap has.
    """
    try:
        nodes = {node: (float(facts["x"]), float(facts["y"])) for node, facts in graph.nodes(data=True)}
        ways: dict[int, list[tuple[int, int]]] = {}
        tags: dict[int, Mapping[str, Any]] = {}
        for u, v, facts in graph.edges(data=True):
            ways.setdefault(facts["osmid"], []).append((u, v))
            tags[facts["osmid"]] = facts
        if not all(type(one) is int and abs(one) < 1 << 62 for one in (*nodes, *ways)):
            raise TypeError("ids")
        ids = np.array(sorted(nodes), np.int64)
        places = np.array([nodes[node] for node in ids.tolist()]).reshape(-1, 2)
        if not ways or not ((np.abs(places) <= (180, 90)).all()):
            raise ValueError("places")
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(Problem(where, "服务器的回答不合格式", fix="请稍后再试")) from None
    return _raw(ids, places, ways, tags, {node: graph.nodes[node] for node in nodes})


def _raw(
    ids: Any, places: Any, ways: Mapping[int, Any], tags: Mapping[int, Any], facts: Mapping[int, Any]
) -> RawRoads:
    """Number the tag sets and the labels, and chain the pieces of each way."""
    number = {node: at for at, node in enumerate(ids.tolist())}
    sets: dict[tuple[tuple[str, str], ...], int] = {}
    labels = {("", ""): 0}
    texts = {way: _texts(own) for way, own in tags.items()}
    order = sorted(ways)
    chains = [_chain(ways[way], turned=tags[way].get("oneway") in _REVERSED) for way in order]
    start = np.zeros(len(order) + 1, np.int64)
    np.cumsum([len(chain) for chain in chains], out=start[1:])
    points = [number[node] if node is not None else -1 for chain in chains for node in chain]
    way_tags = [sets.setdefault(tuple(road_tags(texts[way]).items()), len(sets)) for way in order]
    way_label = [labels.setdefault(label_of(texts[way]), len(labels)) for way in order]
    said = {at: tuple(sorted(_texts(facts[node]).items())) for node, at in number.items()}
    tagged = sorted(at for at, own in said.items() if own)
    node_tags = [sets.setdefault(said[at], len(sets)) for at in tagged]
    return RawRoads(
        node_id=ids,
        x=np.rint(places[:, 0] * STEPS).astype(np.int32),
        y=np.rint(places[:, 1] * STEPS).astype(np.int32),
        way_id=np.array(order, np.int64),
        way_start=start,
        way_node=np.array(points, np.int32),
        way_tags=np.array(way_tags, np.int32),
        way_label=np.array(way_label, np.int32),
        tagged_node=np.array(tagged, np.int32),
        node_tags=np.array(node_tags, np.int32),
        tag_sets=tuple(dict(one) for one in sets),
        labels=tuple(labels),
        counts={
            "nodes": len(ids),
            "ways": len(order),
            "kept_ways": len(order),
            "missing_nodes": points.count(-1),
        },
    )


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Keep what can be tags."""
    return {key: value for key, value in facts.items() if isinstance(value, str)}


def _chain(pieces: Sequence[tuple[int, int]], *, turned: bool) -> list[int | None]:
    """Put the pieces of a way in a row again, None where there is a gap.

    Each walk begins where more pieces leave than arrive; rings that are left begin anywhere.
    """
    if turned:
        pieces = [(v, u) for u, v in pieces]
    out: dict[int, list[int]] = {}
    surplus: dict[int, int] = {}
    for u, v in pieces:
        out.setdefault(u, []).append(v)
        surplus[u] = surplus.get(u, 0) + 1
        surplus[v] = surplus.get(v, 0) - 1
    starts = [node for node, more in surplus.items() for _ in range(max(0, more))]
    row: list[int | None] = []
    for begin in (*starts, *out):
        while out.get(begin):
            row += [None] if row else []
            row += _walk(out, begin)
    return row


def _walk(out: dict[int, list[int]], begin: int) -> list[int]:
    """Follow pieces, taking them away, and side rings with them (Hierholzer 1873)."""
    stack, path = [begin], []
    while stack:
        if out.get(stack[-1]):
            stack.append(out[stack[-1]].pop())
        else:
            path.append(stack.pop())
    return path[::-1]
