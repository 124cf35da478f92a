"""How the edges of a saved graph lie on the ground, and which two are the directions of one road."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..crs import haversine_m
from ..errors import InputError, Problem
from ..shapes import STEPS
from .degrees import to_degrees
from .graph_files import GraphTable
from .graph_tags import numeric, values_of

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]

_MOST_METRES = 1e7


@dataclass(frozen=True)
class Drawing:
    """n nodes, and the points of each of e edges between its ends, from tail to head; 1e-7 degrees."""

    x: _Ints
    """(n,) longitude of the nodes."""
    y: _Ints
    start: _Ints
    """(e + 1,) first inner point of each edge."""
    inner_x: _Ints
    inner_y: _Ints
    metres: _Floats
    """(e,) length as stated, else as drawn."""

    def points(self, edge: int) -> _Ints:
        """Return the (k, 2) inner points of an edge."""
        part = slice(self.start[edge], self.start[edge + 1])
        return np.column_stack((self.inner_x[part], self.inner_y[part]))


def draw(table: GraphTable, file: str) -> Drawing:
    """Bring a graph to WGS84.

    Raises
    ------
    InputError
        The coordinate system is not known, or the coordinates are no places on earth.
    """
    x, y = _steps(*to_degrees(table.x, table.y, table.crs, file), file)
    start, inner_x, inner_y = _inner(table, x, y, file)
    plain = Drawing(x, y, start, inner_x, inner_y, np.zeros(0))
    return Drawing(x, y, start, inner_x, inner_y, _metres(table, plain))


def _steps(lon: Any, lat: Any, file: str) -> tuple[_Ints, _Ints]:
    """Round degrees to steps of 1e-7; raises ``InputError`` where they are no place on earth."""
    with np.errstate(invalid="ignore"):
        good = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)  # NaN and inf are not
    if not np.all(good):
        what = f"有 {int((~good).sum())} 个点的坐标无效或超出经纬度范围"
        raise InputError(Problem(file, what, fix="请核对文件的坐标系"))
    return np.rint(lon * STEPS).astype(np.int64), np.rint(lat * STEPS).astype(np.int64)


def _inner(table: GraphTable, x: _Ints, y: _Ints, file: str) -> tuple[_Ints, _Ints, _Ints]:
    """Take the ends off the lines; a line that runs from head to tail is turned round."""
    import shapely  # noqa: PLC0415  (a quarter of a second)

    e = len(table.tail)
    pairs, edge = shapely.get_coordinates(np.array(table.shape, object), return_index=True)
    px, py = _steps(*to_degrees(pairs[:, 0], pairs[:, 1], table.crs, file), file)
    edge = edge.astype(np.int64)
    size = np.bincount(edge, minlength=e)
    some = np.flatnonzero(size)
    first = (np.cumsum(size) - size)[some]
    tail, head = table.tail[some], table.head[some]
    straight = _far(px[first], py[first], x[tail], y[tail])
    turned = some[_far(px[first], py[first], x[head], y[head]) < straight]
    order = np.arange(len(edge))
    flip = np.isin(edge, turned)
    begin = np.cumsum(size) - size
    order[flip] = (2 * begin[edge] + size[edge] - 1 - order)[flip]
    px, py = px[order], py[order]
    place = np.arange(len(edge)) - begin[edge]
    is_tail = (place == 0) & (px == x[table.tail[edge]]) & (py == y[table.tail[edge]])
    is_head = (place == size[edge] - 1) & (px == x[table.head[edge]]) & (py == y[table.head[edge]])
    keep = ~(is_tail | is_head)
    start = np.zeros(e + 1, np.int64)
    np.cumsum(np.bincount(edge[keep], minlength=e), out=start[1:])
    return start, px[keep], py[keep]


def _far(ax: _Ints, ay: _Ints, bx: _Ints, by: _Ints) -> _Floats:
    return np.asarray(np.hypot((ax - bx).astype(float), (ay - by).astype(float)))


def _metres(table: GraphTable, drawing: Drawing) -> _Floats:
    """Take the stated length of each edge, else measure its line."""
    px, py, edge = _whole(table, drawing)
    step = haversine_m(px[:-1] / STEPS, py[:-1] / STEPS, px[1:] / STEPS, py[1:] / STEPS)
    same = edge[1:] == edge[:-1]
    drawn = np.bincount(edge[1:][same], weights=step[same], minlength=len(table.tail))
    stated = numeric(table.columns.get("length"), len(table.tail))
    return np.where((stated >= 0) & (stated <= _MOST_METRES), stated, drawn)


def _whole(table: GraphTable, drawing: Drawing) -> tuple[_Ints, _Ints, _Ints]:
    """List the points of all edges with their ends, and the edge of each."""
    e = len(table.tail)
    inner = np.repeat(np.arange(e), np.diff(drawing.start))
    edge, order = _in_order(e, inner)
    px, py = (
        np.concatenate((at[table.tail], own, at[table.head]))[order]
        for at, own in ((drawing.x, drawing.inner_x), (drawing.y, drawing.inner_y))
    )
    return px, py, edge


def _in_order(n: int, inner: _Ints) -> tuple[_Ints, _Ints]:
    """Order n firsts, some inner points and n lasts by line: the line of each, and its position before."""
    line = np.concatenate((np.arange(n), inner, np.arange(n)))
    rank = np.concatenate((np.zeros(n, np.int64), np.ones(len(inner), np.int64), np.full(n, 2)))
    order = np.lexsort((rank, line))  # stable: inner points stay as they are
    return line[order], order


def chain(tail: _Ints, head: _Ints, number: _Ints, shape: _Ints) -> tuple[_Ints, _Ints, _Ints]:
    """Link tail, inner points (their number, their shape) and head: both ends and shape of the pieces."""
    of, order = _in_order(len(tail), shape)
    point = np.concatenate((tail, number, head))[order]
    same = of[1:] == of[:-1]
    return point[:-1][same], point[1:][same], of[1:][same]


def twins(table: GraphTable, drawing: Drawing) -> tuple[_Ints, _Ints]:
    """Pair the edges that run over one line in opposite directions: (edge, its twin or -1).

    Twins join the same nodes, have the same ways (in any order) and the same points, reversed.
    """
    ways = [tuple(sorted(values_of(cell))) for cell in table.columns.get("osmid", [None] * len(table.tail))]
    alone: dict[Any, list[int]] = {}
    along: list[int] = []
    against: list[int] = []
    for edge, (u, v) in enumerate(zip(table.tail.tolist(), table.head.tolist(), strict=True)):
        points = drawing.points(edge)
        twin = alone.get((v, u, ways[edge], points[::-1].tobytes()))
        if twin and table.directed:
            against[twin.pop()] = edge
            continue
        alone.setdefault((u, v, ways[edge], points.tobytes()), []).append(len(along))
        along.append(edge)
        against.append(-1)
    return np.array(along, np.int64), np.array(against, np.int64)
