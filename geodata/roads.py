"""Roads, the door: real and approximate networks, their checks, reversal, and the way to networkx."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .approximate import Parameters, Skeleton, Stretch, read_parameters, skeleton, weigh
from .demand import Demand
from .distances import SECTION, Summary, check_distances, read_distances, simple_edges, summarise
from .download import download
from .errors import InputError, Problem
from .expressways import Expressway, section_label
from .gazetteer import Gazetteer
from .network import Network, edge_tails, from_edges
from .osm.rules import Profile, read_profile

if TYPE_CHECKING:
    import networkx as nx

Progress = Callable[[str], None]
"""Called with a Chinese sentence before each step of a long import."""

OSM_LICENCE = "© OpenStreetMap contributors, ODbL"

__all__ = [
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
    "reverse",
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


def read_osm(
    path: Path | str,
    *,
    mode: str = "drive",
    like: str = "boai",
    reader: str = "auto",
    profile: Profile | None = None,
    progress: Progress | None = None,
) -> Network:
    """Read the road network of an OpenStreetMap file (.osm.pbf, .osm, .osm.gz, .osm.bz2).

    The largest weakly connected component, folded to junctions as OSMnx does, along a space-filling curve;
    what was decided on the way is counted in ``meta["report"]``.

    Parameters
    ----------
    mode
        ``drive``, ``walk`` or ``heavy``.
    like
        ``boai``, or ``osmnx`` for exactly the roads and directions of OSMnx, to compare.
    reader
        ``auto``, ``fast`` (boai's own, PBF only) or ``osmium``.
    profile
        A vehicle or rules of one's own, from ``read_profile``; then ``mode`` and ``like`` are not looked at.
    progress
        Called before each step.

    Raises
    ------
    InputError
        The file cannot be read, or has no road for this mode; an argument is wrong.
    """
    from .osm.assemble import to_pieces  # noqa: PLC0415 (numba is slow to import)
    from .osm.build import build  # noqa: PLC0415
    from .osm.reading import Reader, read_raw  # noqa: PLC0415

    path, say = Path(path), progress or (lambda _: None)
    profile = profile or read_profile(mode, like=like)
    if reader not in get_args(Reader):
        raise InputError(Problem("读取方式", f"应为 {'、'.join(get_args(Reader))} 之一", reader))
    raw = read_raw(path, reader=cast("Reader", reader), progress=progress)
    say(f"判断 {len(raw.way_id)} 条道路")
    pieces, facts = to_pieces(raw, profile)
    del raw
    say(f"建立路网: {len(pieces.a)} 段")
    return build(pieces, mode=profile.mode, source=_osm_source(path, profile), choices=facts)


def _osm_source(path: Path, profile: Profile) -> dict[str, Any]:
    made = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).date().isoformat()
    facts = {"source": path.name, "kind": "osm", "licence": OSM_LICENCE, "made": made}
    return {**facts, "like": profile.like, "rules": profile.described()}


def read_lines(
    path: Path | str,
    *,
    mode: str = "drive",
    crs: str | None = None,
    layer: str | None = None,
    columns: Mapping[str, str] | None = None,
    tolerance_m: float = 0.0,
    profile: Profile | None = None,
    progress: Progress | None = None,
) -> Network:
    """Read a layer of road lines (Shapefile, GeoPackage, GeoJSON, GeoParquet): see `osm.lines.read_lines`."""
    from .osm import lines  # noqa: PLC0415 (loads the readers of tables)

    return lines.read_lines(
        path,
        mode=mode,
        crs=crs,
        layer=layer,
        columns=columns,
        tolerance_m=tolerance_m,
        profile=profile,
        progress=progress,
    )


def read_graph(
    path: Path | str,
    *,
    mode: str = "drive",
    profile: Profile | None = None,
    progress: Progress | None = None,
) -> Network:
    """Read a graph that OSMnx saved (GraphML, GeoPackage): see `osm.graphs.read_graph`."""
    from .osm import graphs  # noqa: PLC0415

    return graphs.read_graph(path, mode=mode, profile=profile, progress=progress)


def read_place(
    place: str | tuple[float, float, float, float],
    *,
    mode: str = "drive",
    overpass: str | None = None,
    nominatim: str | None = None,
    cache: Path | None = None,
    profile: Profile | None = None,
    progress: Progress | None = None,
) -> Network:
    """Read the roads of a place, or of a box in degrees, from Overpass: see `osm.place.read_place`."""
    from .osm import place as places  # noqa: PLC0415

    return places.read_place(
        place,
        mode=mode,
        overpass=overpass,
        nominatim=nominatim,
        cache=cache,
        profile=profile,
        progress=progress,
    )


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


def reverse(network: Network) -> Network:
    """Turn all edges round: routes from v in the result are routes to v in ``network``.

    The result is not saved anywhere, so it has no hash; it has no shapes.
    """
    tail = edge_tails(network)
    start, order = from_edges(network.head, tail, network.n_nodes)
    meta = {key: value for key, value in network.meta.items() if key != "hash"}
    return replace(
        network,
        start=start,
        head=tail[order].astype(np.int32),
        centiseconds=network.centiseconds[order],
        metres=network.metres[order],
        road=network.road[order],
        road_class=None if network.road_class is None else network.road_class[order],
        shapes=None,
        into=None,
        grid=None,
        meta={**meta, "reversed": not network.meta.get("reversed", False)},
    )


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
