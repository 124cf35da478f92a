"""Build: from pieces to a Network: the largest component, folded, in the order of a space-filling curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..edge_index import build_grid
from ..errors import InputError, Problem
from ..network import NODE_FRINGE, NODE_JUNCTION, Incoming, Network
from ..shapes import STEPS, Shapes
from ..texts import Texts
from .components import in_largest_strong, largest, weak_parts
from .folding import fold
from .measuring import Layout, Measures, measure
from .order import along_curve, rows_of
from .pieces import Pieces
from .report import CLASS_NAMES, MOST_LISTED, by_class, km, text_of

LONGEST_S = 7 * 24 * 3600.0
"""Longest time of an edge: what takes longer is a wrong tag, and sums must stay below 2^31 centiseconds."""


def build(pieces: Pieces, *, mode: str, source: Mapping[str, Any], choices: Mapping[str, Any]) -> Network:
    """Build the network of pieces: the largest weakly connected component, folded to junctions.

    Nodes lie in Morton order (at one place by source id), shapes run from their lower node and lie in its
    order, edges by tail, head and shape. The time of an edge is the sum of its pieces, at least one
    centisecond and at most a week. Same pieces give the same bytes.

    Parameters
    ----------
    pieces
        Metres finite and not negative, seconds not negative, inf where nobody may go.
    mode
        ``drive``, ``walk`` or ``heavy``.
    source
        Where it comes from, for ``Network.meta``: source, kind, licence, like, made …
    choices
        ``choices``, ``left_out`` and ``read`` of the report, as `assemble.to_pieces` gives them.

    Raises
    ------
    InputError
        No piece may be travelled.
    """
    loops = pieces.a == pieces.b
    usable = np.isfinite(pieces.seconds).any(axis=1) & ~loops
    if not usable.any():
        raise InputError(_nothing(str(source.get("source", "路网")), choices))
    kept, components = _largest_component(pieces if usable.all() else _only(pieces, usable))
    graph = _draw(kept, mode)
    report = _report(graph, choices)
    report["components"] = components
    if loops.any():
        report["choices"]["no_length"] = {"text": text_of("no_length"), "ways": int(loops.sum()), "km": 0.0}
    meta = {**source, "mode": mode, "label": "", "report": report}
    return replace(graph.network, meta=meta)


def _nothing(where: str, choices: Mapping[str, Any]) -> Problem:
    """Say why no road can be used: the reasons with most ways first."""
    counted = [
        (next((one[key] for key in ("ways", "rows", "edges", "nodes") if key in one), 0), one["text"])
        for one in choices.get("left_out", {}).values()
    ]
    reasons = [f"{text} {number} 条" for number, text in sorted(counted, key=lambda one: (-one[0], one[1]))]
    what = "没有这种出行方式可用的道路"
    return Problem(where, what, "; ".join(reasons[:5]) or "没有道路", "请检查文件内容和出行方式")


def _only(pieces: Pieces, chosen: NDArray[np.bool_]) -> Pieces:
    """Keep the chosen pieces, and of the points those that they use."""
    a, b = pieces.a[chosen], pieces.b[chosen]
    used = np.zeros(len(pieces.x), bool)
    used[a] = used[b] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    return Pieces(
        x=pieces.x[used],
        y=pieces.y[used],
        source_id=pieces.source_id[used],
        a=number[a],
        b=number[b],
        metres=pieces.metres[chosen],
        seconds=pieces.seconds[chosen],
        road_class=pieces.road_class[chosen],
        label=pieces.label[chosen],
        way=pieces.way[chosen],
        snap=pieces.snap[chosen],
        labels=pieces.labels,
    )


def _largest_component(pieces: Pieces) -> tuple[Pieces, dict[str, Any]]:
    """Keep the component with most points and list the others, the largest first."""
    part = weak_parts(pieces.a, pieces.b, len(pieces.x))
    best, parts, nodes = largest(part)
    of = part[pieces.a]
    metres = np.bincount(of, weights=pieces.metres, minlength=len(part))[parts]
    others = np.flatnonzero(parts != best)
    listed = others[np.lexsort((parts[others], -metres[others], -nodes[others]))[:MOST_LISTED]]
    facts = {
        "kept": {"nodes": int(nodes[parts == best][0]), "km": km(metres[parts == best][0])},
        "others_count": len(others),
        "others_km": km(metres[others].sum()),
        "others": [
            {
                "nodes": int(nodes[at]),
                "km": km(metres[at]),
                "lon": float(pieces.x[parts[at]] / STEPS),
                "lat": float(pieces.y[parts[at]] / STEPS),
            }
            for at in listed.tolist()
        ],
    }
    return _only(pieces, of == best), facts


@dataclass(frozen=True)
class _Graph:
    """A network without its meta data, and what the report says about its shapes."""

    network: Network
    measures: Measures
    shape_metres: NDArray[np.float64]


def _draw(pieces: Pieces, mode: str) -> _Graph:
    """Fold connected pieces and lay the result out."""
    chains = fold(pieces.a, pieces.b, pieces.seconds, len(pieces.x))
    ends = np.stack([chains.node[chains.start[:-1]], chains.node[chains.start[1:] - 1]], axis=1)
    nodes, rank = _rank(pieces, ends)
    measures = measure(pieces, chains, _layout(rank[ends]))
    first, last = rank[measures.ends[:, 0]], rank[measures.ends[:, 1]]
    edges = _edges(first, last, measures, len(nodes))
    strong = in_largest_strong(edges.start, edges.head, len(nodes))
    shapes = _shapes(pieces, measures, edges, strong[first] & strong[last])
    used, road = np.unique(np.append(0, edges.label), return_inverse=True)
    network = Network(
        lon=pieces.x[nodes] / STEPS,
        lat=pieces.y[nodes] / STEPS,
        kind=np.where(strong, NODE_JUNCTION, NODE_FRINGE).astype(np.uint8),
        name=np.full(len(nodes), "", "<U1"),
        start=edges.start,
        head=edges.head,
        centiseconds=edges.centiseconds,
        metres=edges.metres.astype(np.float32),
        road=road[1:].astype(np.int32),
        roads=Texts.of(pieces.labels[at] for at in used.tolist()),
        meta={"mode": mode},
        road_class=edges.road_class,
        source_id=pieces.source_id[nodes],
        shapes=shapes,
        into=_into(edges),
        grid=build_grid(shapes),
    )
    return _Graph(network, measures, measures.metres.max(axis=1))


def _rank(pieces: Pieces, ends: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Order the junctions: (points in the order of the nodes, node of each point or -1)."""
    stays = np.zeros(len(pieces.x), bool)
    stays[ends] = True
    points = np.flatnonzero(stays)
    points = points[along_curve(pieces.x[points], pieces.y[points], pieces.source_id[points])]
    rank = np.full(len(pieces.x), -1, np.int32)
    rank[points] = np.arange(len(points), dtype=np.int32)
    return points, rank


def _layout(ends: NDArray[np.int32]) -> Layout:
    """Order chains by their lower and their higher node (k, 2), and let shapes run from the lower one."""
    low, high = ends.min(axis=1), ends.max(axis=1)
    return Layout(np.argsort(_joined(low, high), kind="stable"), ends[:, 0] > ends[:, 1])


def _joined(major: NDArray[np.int32], minor: NDArray[np.int32]) -> NDArray[np.int64]:
    """Join two numbers to one that sorts by the first, then by the second."""
    return (major.astype(np.int64) << 32) | minor


@dataclass(frozen=True)
class _Edges:
    """m edges in rows; ``of`` and ``by_shape`` as in `Shapes`."""

    start: NDArray[np.int64]
    head: NDArray[np.int32]
    of: NDArray[np.int32]
    by_shape: NDArray[np.int32]
    centiseconds: NDArray[np.int32]
    metres: NDArray[np.float64]
    road_class: NDArray[np.uint8]
    label: NDArray[np.int32]


def _edges(first: NDArray[np.int32], last: NDArray[np.int32], measures: Measures, n_nodes: int) -> _Edges:
    """Make an edge of each way in which a shape may be travelled, in order of tail, head and shape."""
    ends = np.stack([first, last], axis=1)
    of = np.flatnonzero(np.isfinite(measures.seconds.ravel()))  # shape * 2 + side
    tail, head = ends.ravel()[of], ends[:, ::-1].ravel()[of]
    order = np.argsort(_joined(tail, head), kind="stable")
    of, tail, head = of[order], tail[order], head[order]
    by_shape = np.full(ends.size, -1, np.int32)
    by_shape[of] = np.arange(len(of), dtype=np.int32)
    seconds = np.minimum(measures.seconds.ravel()[of], LONGEST_S)
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(tail, minlength=n_nodes))])
    return _Edges(
        start=start,
        head=head,
        of=of.astype(np.int32),
        by_shape=by_shape.reshape(-1, 2),
        centiseconds=np.maximum(np.rint(seconds * 100), 1).astype(np.int32),
        metres=measures.metres.ravel()[of],
        road_class=measures.road_class.ravel()[of],
        label=measures.label.ravel()[of],
    )


def _into(edges: _Edges) -> Incoming:
    """Turn the rows round."""
    n_nodes = len(edges.start) - 1
    tail = np.repeat(np.arange(n_nodes, dtype=np.int32), np.diff(edges.start))
    start, edge = rows_of(edges.head, n_nodes)
    return Incoming(start, tail[edge], edge)


def _shapes(pieces: Pieces, measures: Measures, edges: _Edges, strong: NDArray[np.bool_]) -> Shapes:
    return Shapes(
        of=edges.of,
        edge=edges.by_shape,
        start=measures.start,
        x=pieces.x[measures.point],
        y=pieces.y[measures.point],
        way_start=measures.way_start,
        way=measures.way,
        snap=measures.snap & strong,
    )


def _report(graph: _Graph, choices: Mapping[str, Any]) -> dict[str, Any]:
    network, measures = graph.network, graph.measures
    oneway = np.isinf(measures.seconds).any(axis=1)
    late = np.isfinite(measures.seconds) & (measures.seconds > LONGEST_S)
    chosen = dict(choices.get("choices", {}))
    if late.any():
        found = (int(late.any(axis=1).sum()), km(graph.shape_metres[late.any(axis=1)].sum()))
        chosen["too_slow"] = {"text": text_of("too_slow"), "ways": found[0], "km": found[1]}
    closed = dict(choices.get("closed_km", {}))
    lengths = by_class(measures.class_metres)
    return {
        "nodes": network.n_nodes,
        "edges": network.n_edges,
        "shapes": len(measures.snap),
        "km": lengths,
        "class_names": {name: CLASS_NAMES[name] for name in {**lengths, **closed}},
        "km_total": km(measures.class_metres.sum()),
        "oneway_km": km(graph.shape_metres[oneway].sum()),
        "components": {},
        "strong": {"nodes_outside": int((network.kind == NODE_FRINGE).sum())},
        "choices": chosen,
        "left_out": dict(choices.get("left_out", {})),
        "closed_km": closed,
        "read": dict(choices.get("read", {})),
    }
