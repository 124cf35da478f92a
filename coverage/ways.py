"""Ways: a drive from point to point over the edges of a network, its length, roads and line on the ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geodata.edge_boxes import spans
from ..geodata.edge_index import point_shares
from ..geodata.network import CLASSES, Network
from ..geodata.shapes import STEPS, Shapes
from .snap import Access


class Point(NamedTuple):
    """One point of an `Access`, and the column by which it is left or reached."""

    access: Access
    row: int
    column: int


@dataclass(frozen=True)
class Way:
    """k edges in the order of driving; the first and the last may be driven in part."""

    edge: NDArray[np.int64]
    """(k,) edges."""
    begin: NDArray[np.float64]
    """(k,) share of the edge's length where the drive enters it: 0 but for the first."""
    end: NDArray[np.float64]
    """(k,) share where the drive leaves it: 1 but for the last."""
    node: NDArray[np.int64]
    """Nodes that the drive passes, those at its ends included."""
    foot: tuple[tuple[float, float], tuple[float, float]]
    """(longitude, latitude) at which it begins and ends."""


class Stretch(NamedTuple):
    """A part of a way on one road."""

    name: str
    """Such as G60 沪昆高速; empty where the road has none."""
    metres: float
    road_class: str
    """The class on most of the stretch, a value of OpenStreetMap's ``highway``; empty where it is unknown."""


def join(network: Network, start: Point, nodes: Sequence[int], edges: Sequence[int], end: Point) -> Way:
    """Join the way between two nodes and the parts of edges by which the points at its ends meet it."""
    first, last = _edge(network, start), _edge(network, end)
    edge = [*first, *edges, *last]
    begin, stop = np.zeros(len(edge)), np.ones(len(edge))
    if first:
        begin[0] = _share(start)
    if last:
        stop[-1] = _share(end)
    return Way(np.array(edge, np.int64), begin, stop, np.array(nodes, np.int64), (_foot(start), _foot(end)))


def direct(network: Network, start: Point, end: Point) -> Way:
    """Make the way between two points on one edge."""
    edge = np.array(_edge(network, end), np.int64)
    shares = np.array([_share(start)]), np.array([_share(end)])
    return Way(edge, *shares, np.empty(0, np.int64), (_foot(start), _foot(end)))


def _edge(network: Network, point: Point) -> list[int]:
    shape = int(point.access.shape[point.row])
    return [] if shape < 0 or network.shapes is None else [int(network.shapes.edge[shape, point.column])]


def _share(point: Point) -> float:
    along = float(point.access.along[point.row])
    return 1.0 - along if point.column else along


def _foot(point: Point) -> tuple[float, float]:
    return float(point.access.lon[point.row]), float(point.access.lat[point.row])


def metres_of(network: Network, way: Way) -> NDArray[np.float64]:
    """Measure how far the way follows each of its edges, metres."""
    return np.asarray(network.metres, np.float32)[way.edge].astype(np.float64) * (way.end - way.begin)


def roads_of(network: Network, way: Way) -> tuple[Stretch, ...]:
    """List the roads in order; neighbouring edges of one name are one stretch."""
    if not len(way.edge):
        return ()
    metres, road = metres_of(network, way).tolist(), np.asarray(network.road)[way.edge]
    cut = np.flatnonzero(np.diff(road)) + 1
    first = [0, *cut.tolist()]
    names = [network.roads[each] for each in road[first].tolist()]
    runs = zip(first, [*first[1:], len(road)], names, strict=True)
    unknown = np.zeros(len(road), np.uint8)
    classes = (unknown if network.road_class is None else network.road_class[way.edge]).tolist()
    stretches = []
    for name, parts in groupby(runs, key=lambda run: run[2]):
        own = list(parts)
        span = slice(own[0][0], own[-1][1])
        most = _on_most(classes[span], metres[span])
        stretches.append(Stretch(name, sum(metres[span]), CLASSES[most]))
    return tuple(stretches)


def _on_most(classes: list[int], metres: list[float]) -> int:
    """Give the class on most of the length, of equals the first."""
    found = dict.fromkeys(classes, 0.0)
    if len(found) > 1:
        for each, length in zip(classes, metres, strict=True):
            found[each] += length
    return max(found, key=lambda each: found[each])


def line_of(network: Network, way: Way) -> NDArray[np.float64]:
    """Draw the way on the ground: (points, 2) longitude and latitude, at least two points.

    From where the drive meets the road to where it leaves it; straight from node to node without shapes.
    """
    if network.shapes is None:
        inner = np.column_stack([np.asarray(network.lon)[way.node], np.asarray(network.lat)[way.node]])
    else:
        inner = _along_shapes(network.shapes, way)
    line = np.concatenate([[way.foot[0]], inner, [way.foot[1]]])
    new = np.ones(len(line), bool)
    new[1:] = (line[1:] != line[:-1]).any(axis=1)
    return line[new] if new.sum() > 1 else line[[0, -1]]


def _along_shapes(shapes: Shapes, way: Way) -> NDArray[np.float64]:
    """List the points of the shapes between the two ends of the way."""
    of = np.asarray(shapes.of)[way.edge]
    shape, against = of >> 1, (of & 1).astype(bool)
    start = np.asarray(shapes.start)
    count = start[shape + 1] - start[shape]
    first, step = np.where(against, start[shape + 1] - 1, start[shape]), np.where(against, -1, 1)
    point = np.repeat(first, count) + spans(np.zeros(len(count)), count) * np.repeat(step, count)
    inside = np.ones(len(point), bool)
    for at in {0, len(of) - 1} if len(of) else ():
        share = point_shares(shapes, int(shape[at]))
        share = 1.0 - share[::-1] if against[at] else share
        own = slice(int(count[:at].sum()), int(count[: at + 1].sum()))
        inside[own] = (share >= way.begin[at]) & (share <= way.end[at])
    point = point[inside]
    return np.column_stack([shapes.x[point], shapes.y[point]]) / STEPS
