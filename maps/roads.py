"""The roads that a map draws: the fast ones and the others, as many classes as its scale can carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ..geodata.network import CLASSES
from ..geodata.osm.report import CLASS_NAMES
from ..geodata.shapes import STEPS
from .layers import project

if TYPE_CHECKING:
    from ..geodata.network import Network
    from ..geodata.shapes import Shapes

PROVINCE_M, REGION_M = 150_000.0, 60_000.0
"""A map at least so wide shows roads down to 县道, or to 乡道; a smaller one those of villages as well."""
MOST_POINTS = 150_000
"""The lowest classes are left away while the simplified lines have more points: about 1.5 MB of a page."""

_RANKS = ("motorway", "trunk", "primary", "secondary", "tertiary", "unclassified")
_DETAIL = 5000
"""Lines keep what is a 5000th of the map's width: 0.05 mm on the sheet."""
_LEAST_TOLERANCE_M = 2.0
_BEYOND = 0.1
"""Roads are drawn so far beyond the province, as a share of its width."""


@dataclass(frozen=True)
class MainRoads:
    """Lines in the maps' metres, and what a legend calls them ("" where there are none)."""

    fast: Any
    other: Any
    fast_name: str
    other_name: str


def main_roads(network: Network, *, province: Any = None) -> MainRoads:
    """Collect the roads to be drawn, each once.

    Of the approximate network: expressways (高速) and the other named roads, as straight links. Of real
    roads: motorways and trunk roads (the highest class where there are neither) as the fast ones, then the
    classes below down to what the width of the map can carry.

    Parameters
    ----------
    province
        What the map shows (metres); roads far outside are left away. By default all of the network.
    """
    if network.n_edges == 0:
        return MainRoads(shapely.MultiLineString(), shapely.MultiLineString(), "", "")
    if network.shapes is None or network.road_class is None:
        return _links(network)
    return _lines(network.shapes, np.asarray(network.road_class), province)


def _links(network: Network) -> MainRoads:
    tail, head = np.repeat(np.arange(network.n_nodes), np.diff(network.start)), np.asarray(network.head)
    fast = np.array(["高速" in name for name in network.roads])[network.road]
    named = (np.asarray(network.road) > 0) & (tail < head)
    points = project(network.lon, network.lat)
    ends = np.stack((tail, head), axis=1)
    expressways, highways = (points[ends[named & chosen]] for chosen in (fast, ~fast))
    return MainRoads(_merged(expressways), _merged(highways), "高速公路", "国道")


def _merged(segments: Any) -> Any:
    """Join lines, or (n, 2, 2) segments, as long as they run on."""
    return shapely.line_merge(shapely.MultiLineString(list(segments)))


def _lines(shapes: Shapes, road_class: NDArray[np.uint8], province: Any) -> MainRoads:
    inside, width_m = _frame(shapes, province)
    edge = np.where(shapes.edge[:, 0] >= 0, shapes.edge[:, 0], shapes.edge[:, 1])
    rank = _rank_of_class(links=width_m < PROVINCE_M)[road_class[edge]]
    rank[~inside] = len(_RANKS)
    there = np.unique(rank[rank < len(_RANKS)])
    fast = [number for number in there.tolist() if number < 2] or there[:1].tolist()
    lowest = _lowest(width_m)
    other = [number for number in there.tolist() if number not in fast and number <= lowest]
    tolerance_m = max(width_m / _DETAIL, _LEAST_TOLERANCE_M)
    drawn = {number: _simple(shapes, rank == number, tolerance_m) for number in [*fast, *other]}
    while len(other) > 1 and sum(map(shapely.get_num_coordinates, drawn.values())) > MOST_POINTS:
        del drawn[other.pop()]
    return MainRoads(
        _together(drawn[number] for number in fast),
        _together(drawn[number] for number in other),
        _fast_name(fast),
        _range_name(other),
    )


def _frame(shapes: Shapes, province: Any) -> tuple[NDArray[np.bool_], float]:
    """Find the shapes with an end near the province, and the width of the map in metres."""
    ends = np.stack([shapes.start[:-1], shapes.start[1:] - 1], axis=1)
    points = project(shapes.x[ends.ravel()] / STEPS, shapes.y[ends.ravel()] / STEPS)
    if province is None:
        return np.ones(len(ends), bool), float(np.ptp(points, axis=0).max())
    west, south, east, north = shapely.bounds(province).tolist()
    width = max(east - west, north - south)
    low, high = np.array([west, south]) - _BEYOND * width, np.array([east, north]) + _BEYOND * width
    near = ((points >= low) & (points <= high)).all(axis=1).reshape(-1, 2)
    return near.any(axis=1), float(width)


def _rank_of_class(*, links: bool) -> NDArray[np.int64]:
    """Rank of each class; ramps count with their road, or not at all."""
    names = [name.removesuffix("_link") if links else name for name in CLASSES]
    return np.array([_RANKS.index(name) if name in _RANKS else len(_RANKS) for name in names])


def _lowest(width_m: float) -> int:
    """Say which rank is the last that a map of this width shows."""
    return 3 if width_m >= PROVINCE_M else 4 if width_m >= REGION_M else 5


def _simple(shapes: Shapes, chosen: NDArray[np.bool_], tolerance_m: float) -> Any:
    """Join the chosen shapes to long lines and simplify them (Douglas-Peucker)."""
    count = np.diff(shapes.start)[chosen]
    offset = np.concatenate([np.zeros(1, np.int64), np.cumsum(count)])
    at = np.repeat(shapes.start[:-1][chosen] - offset[:-1], count) + np.arange(offset[-1])
    points = project(shapes.x[at] / STEPS, shapes.y[at] / STEPS)
    lines = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, points, (offset,))
    long = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines)))
    return shapely.multilinestrings(shapely.simplify(long, tolerance_m))


def _together(parts: Any) -> Any:
    return shapely.multilinestrings(shapely.get_parts(list(parts)))


def _fast_name(ranks: Sequence[int]) -> str:
    names = {(0,): "高速公路", (1,): "国道快速路", (0, 1): "高速、快速路"}
    return names.get(tuple(ranks)) or _range_name(ranks)


def _range_name(ranks: Sequence[int]) -> str:
    """Name the classes in at most six characters, for which the legend has room."""
    names = [CLASS_NAMES[_RANKS[number]] for number in ranks]
    if tuple(ranks) == (2, 3):
        return "主、次干路"
    return names[0] + ("等" if len(names) > 1 else "") if names else ""
