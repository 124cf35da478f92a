"""Roads, the door: real and approximate networks, their checks, reversal, and the way to networkx.

A process that only reads real roads takes `real_roads`, which needs no pandas.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .approximate import Parameters, Skeleton, Stretch, read_parameters, skeleton, weigh
from .demand import Demand
from .distances import SECTION, Summary, check_distances, read_distances, simple_edges, summarise
from .download import download
from .expressways import Expressway, section_label
from .gazetteer import Gazetteer
from .network import Network
from .osm.rules import read_profile
from .real_roads import OSM_LICENCE, read_graph, read_lines, read_osm, read_place

if TYPE_CHECKING:
    import networkx as nx

__all__ = [
    "OSM_LICENCE",
    "SECTION",
    "Calibration",
    "Summary",
    "build_approximate",
    "calibrate",
    "check_distances",
    "download",
    "leave_one_out",
    "read_distances",
    "read_graph",
    "read_lines",
    "read_osm",
    "read_place",
    "read_profile",
    "section_table",
    "summarise",
    "to_networkx",
]

EXPRESSWAY_GRID = tuple(np.round(np.arange(1.0, 1.251, 0.01), 2).tolist())
"""Detour factors of expressways that ``calibrate`` tries."""


def build_approximate(
    gaz: Gazetteer,
    demand: Demand,
    *,
    parameters: Parameters | None = None,
    expressways: Sequence[Expressway] | None = None,
    highways: Mapping[str, Sequence[int]] | None = None,
) -> Network:
    """Build the approximate road network (近似路网) of the province.

    Nodes 0 … n_cells - 1 are the hexagonal cells of ``demand`` in order; then come the settlements and the
    county seats of ``gaz`` and the interchanges. All links can be driven both ways:

    - *expressway*: the lines of ``alignment.lay_out``; those not open are left out;
    - *national*: each highway from seat to seat over the shortest chain of neighbouring settlements;
    - *county*: neighbouring settlements and seats (Gabriel graph);
    - *connector*: each interchange to its nearest cell, to the nearest settlements and to a seat near by;
    - *local*: neighbouring cells, settlements and seats (Gabriel graph), so that every cell is connected.

    Between two nodes there is one link at most. Speeds and detour factors are assumptions (假设), see
    ``tables/road_speeds.yaml`` and ``docs/roads.md``. Same inputs give the same bytes.

    Parameters
    ----------
    parameters
        ``tables/road_speeds.yaml`` where None.
    expressways, highways
        The tables of the package where None.

    Raises
    ------
    AssertionError
        The network is not connected, which the rules exclude.
    """
    parameters = parameters or read_parameters()
    frame = skeleton(gaz, demand, rules=parameters.rules, expressways=expressways, highways=highways)
    return weigh(frame, parameters)


def section_table(expressways: Sequence[Expressway], *, verified: bool) -> pd.DataFrame:
    """Turn the sections of the open expressways into a table of distances for ``check_distances``.

    Parameters
    ----------
    verified
        Take the lengths with a document, or those without.
    """
    return pd.DataFrame(
        [
            {
                "kind": "expressway_section",
                "from": section.label.split("-")[0],
                "to": section.label.split("-")[1],
                "km": section.km,
                "minutes": np.nan,
                "note": road.road,
            }
            for road in expressways
            if road.is_open
            for section in road.sections
            if section.verified == verified
        ]
    )


@dataclass(frozen=True)
class Calibration:
    """What ``calibrate`` found."""

    expressway: float
    """Detour factor of expressways with the least sum of absolute errors."""
    other: float
    """Detour factor of all other roads."""
    loss: pd.DataFrame
    """Mean absolute log error by factor of expressways (rows) and of other roads (columns)."""
    rows: pd.DataFrame
    """``check_distances`` with the factors found, each row without its own published length."""
    left_out: NDArray[np.float64]
    """(rows,) error in percent of each row with the factors fitted to the other rows."""


def calibrate(
    frame: Skeleton,
    gaz: Gazetteer,
    table: pd.DataFrame,
    *,
    parameters: Parameters,
    expressway: Sequence[float] = EXPRESSWAY_GRID,
    other: Sequence[float] = (),
) -> Calibration:
    """Fit detour factors to published distances: least absolute log errors on a grid.

    A section whose published length is an edge length of the network is measured without that length, both
    in the fit and in the errors returned; so the fit tells about the places that have no published length.

    Parameters
    ----------
    frame
        From ``approximate.skeleton``; its layout is kept.
    table
        As for ``check_distances``; rows without kilometres are ignored.
    parameters
        Speeds and rules, and the factor of other roads where ``other`` is empty.
    expressway, other
        The grid. The table of the package does not settle the factor of other roads, see ``docs/roads.md``.
    """
    other = other or (parameters.detour["other"],)
    table = table[pd.to_numeric(table["km"], errors="coerce").notna()].reset_index(drop=True)
    grid = list(itertools.product(expressway, other))
    trials = [leave_one_out(frame, gaz, table, parameters=_with(parameters, *factors)) for factors in grid]
    error = np.array([trial["error_pct"].to_numpy(float) for trial in trials])
    size = np.abs(np.log1p(error / 100))
    best = int(size.mean(axis=1).argmin())
    rows = np.arange(len(table))
    without = [int((size.sum(axis=1) - size[:, row]).argmin()) for row in rows]
    loss = pd.DataFrame(
        size.mean(axis=1).reshape(len(expressway), len(other)), index=list(expressway), columns=list(other)
    )
    return Calibration(*grid[best], loss=loss, rows=trials[best], left_out=error[without, rows])


def _with(parameters: Parameters, expressway: float, other: float) -> Parameters:
    return replace(parameters, detour={"expressway": expressway, "other": other})


def leave_one_out(
    frame: Skeleton, gaz: Gazetteer, table: pd.DataFrame, *, parameters: Parameters
) -> pd.DataFrame:
    """Check each row of a table in a network that does not know that row's own published length."""
    checked = check_distances(weigh(frame, parameters), gaz, table)
    for row, (start, end) in enumerate(zip(table["from"], table["to"], strict=True)):
        own = _own(frame.stretches, section_label(start, end))
        if own:
            alone = weigh(frame, parameters, without=own)
            checked.iloc[[row]] = check_distances(alone, gaz, table.iloc[[row]]).to_numpy()
    return checked


def _own(stretches: Sequence[Stretch], label: str) -> list[int]:
    return [k for k, stretch in enumerate(stretches) if stretch.label == label]


def to_networkx(network: Network) -> nx.DiGraph:
    """Hand a network to networkx, an independent reference for tests.

    Edges have ``seconds``, ``metres`` and ``road``; of parallel edges the fastest stays. Nodes are positions
    and have ``lon``, ``lat`` and ``name``.
    """
    import networkx as nx  # noqa: PLC0415  (only tests and notebooks need it)

    start, kept = simple_edges(network)
    tail = np.repeat(np.arange(network.n_nodes), np.diff(start))
    graph = nx.DiGraph()
    places = zip(network.lon.tolist(), network.lat.tolist(), network.name.tolist(), strict=True)
    graph.add_nodes_from(
        (node, {"lon": lon, "lat": lat, "name": name}) for node, (lon, lat, name) in enumerate(places)
    )
    edges = zip(
        tail.tolist(),
        network.head[kept].tolist(),
        (network.centiseconds[kept] / 100).tolist(),
        network.metres[kept].tolist(),
        network.road[kept].tolist(),
        strict=True,
    )
    graph.add_edges_from(
        (a, b, {"seconds": s, "metres": m, "road": network.roads[road]}) for a, b, s, m, road in edges
    )
    return graph
