"""The bundle: all that the desk needs to answer without a network, as one JSON object.

The same object lies in the file that `export` writes and behind the address from which a served page keeps
its copy. What takes time is computed here: the quickest way of every store and team to every cell of
residents and every settlement, under the closures in force, as trees of ways (`coverage.way_trees`). The page
adds up hops (``web/local.js``), so its minutes at these places are those of the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...coverage.snap import ACCESS_DETOUR, ACCESS_KMH
from ...coverage.way_trees import Direct, LonLat, WayTrees, along_curve, way_trees
from ...geodata import characters
from ...geodata.county_borders import read_county_borders
from ...geodata.layers import KIND_NAMES, Kind
from ...geodata.names import COUNTY
from ...geodata.network import CLASSES, NODE_INTERCHANGE, NODE_SEAT, NODE_SETTLEMENT, Network
from ..console import jsonable
from .cards import OLD_DAYS, Setting, facts, has_nothing
from .compliance import definition
from .hours import weekly
from .packing import pack
from .parts import CHINA
from .words import MODES, measure

if TYPE_CHECKING:
    from ...geodata.demand import Demand
    from .ground import Ground

FORMAT = 2
"""Of the object; a page that knows another one refuses it."""
DEGREE = 10_000_000
"""Coordinates are whole numbers of 1/DEGREE degree, a hundredth of a metre."""
STALE_DAYS = 7
"""Days after which the page says in red that a bundle is old (an assumption, 假设)."""

_DECI = 10
_MOST_POINTS = 2000
_KINDS: tuple[Kind, ...] = ("warehouse", "team")
_NAMED = (NODE_SETTLEMENT, NODE_SEAT, NODE_INTERCHANGE)


def bundle(ground: Ground, *, made_at: datetime) -> dict[str, Any]:
    """Collect what the page answers from without a network.

    Parameters
    ----------
    ground
        As `ground.open_ground` returns it.
    made_at
        When this is made, with its offset: the object depends on nothing else that changes.

    Returns
    -------
    dict
        JSON-able; arrays as `packing.pack` writes them. ``places`` are the cells of residents and the
        settlements at which ways end, ``ways`` the trees, ``sites`` what a card shows of each site.
    """
    from ...geodata import demand  # noqa: PLC0415 (slow to import)

    people = demand.load(ground.root / "demand")
    sites = [(kind, row, site) for kind in _KINDS for row, site in enumerate(ground.live[kind].sites)]
    points = [site["lon"] for *_, site in sites], [site["lat"] for *_, site in sites]
    lon, lat, row = _places(people, ground)
    ways, usual = _ways(ground.now, points, (lon, lat)), None
    if ground.now is not ground.network:
        usual = _ways(ground.network, points, (lon, lat))
    whole = {
        "format": FORMAT,
        "version": ground.version,
        "made_at": made_at.astimezone(CHINA).isoformat(timespec="seconds"),
        "as_of": ground.as_of,
        "stale_days": STALE_DAYS,
        "old_days": OLD_DAYS,
        "labels": list(ground.labels),
        "labels_of": {kind: list(ground.labels_of(kind)) for kind in _KINDS},
        "mode": ground.now.mode,
        "notes": [text for text in (*ground.notes, MODES.get(ground.network.mode, "")) if text],
        "kinds": dict(KIND_NAMES),
        "province": str(ground.gazetteer.name[0]),
        "exact": ground.network.shapes is None,
        "access": {"detour": ACCESS_DETOUR, "kmh": ACCESS_KMH},
        "closures": [measure(one) for one in ground.overlay.measures],
        "closure_lines": [_drawn(ground.network, one.edges) for one in ground.overlay.measures],
        "marks": [dict(vars(mark)) for mark in ground.marks.values()],
        "standards": {kind: _standard(ground, kind) for kind in _KINDS},
        "sites": [_site(ground, kind, at, site, made_at) for kind, at, site in sites],
        "gazetteer": _gazetteer(ground),
        "characters": characters.tables(),
        "outline": _outline(ground),
        "borders": _borders(ground),
        "cell_km2": float(np.median(people.area_km2)) if len(people.area_km2) else 0.0,
        "places": _packed_places(people, ground, lon, lat, row),
        "ways": ways,
        "usual": usual,
    }
    return dict(jsonable(whole))


_Places = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


def _places(people: Demand, ground: Ground) -> _Places:
    """List the places: longitudes, latitudes, and row of the cell (from 0) or of the gazetteer (below 0)."""
    gaz = ground.gazetteer
    named = np.flatnonzero(np.asarray(gaz.level) >= COUNTY)
    lon = np.concatenate([people.lon, np.asarray(gaz.lon)[named]])
    lat = np.concatenate([people.lat, np.asarray(gaz.lat)[named]])
    row = np.concatenate([np.arange(len(people.lon)), -1 - named])
    order = along_curve(lon, lat)
    return lon[order], lat[order], row[order]


def _packed_places(
    people: Demand, ground: Ground, lon: Any, lat: Any, row: NDArray[np.int64]
) -> dict[str, Any]:
    cell, at, named = row >= 0, np.maximum(row, 0), np.maximum(-1 - row, 0)
    county = np.where(
        cell, _counties(people, ground)[people.county][at], np.asarray(ground.gazetteer.county)[named]
    )
    return {
        **_packed_points(lon, lat),
        "gazetteer": pack(np.where(cell, 0, -row)),
        "residents": pack(np.where(cell, np.asarray(people.residents)[at], 0)),
        "county": pack(county, "i"),
    }


def _counties(people: Demand, ground: Ground) -> NDArray[np.int64]:
    """Find the counties of the residents in the gazetteer: positions, -1 where it does not know one."""
    gaz = ground.gazetteer
    known = {str(code): row for row, code in enumerate(np.asarray(gaz.county_code).tolist())}
    return np.array([known.get(str(code), -1) for code in people.county_code], np.int64)


def _packed_points(lon: Any, lat: Any) -> dict[str, Any]:
    pairs = (("lon", lon), ("lat", lat))
    return {name: pack(np.rint(np.asarray(values) * DEGREE), "d") for name, values in pairs}


def _ways(network: Network, sites: LonLat, places: LonLat) -> dict[str, Any]:
    """Write junctions, hops, trees and the ways into the places; ``web/ways.js`` says how they are read."""
    trees = way_trees(network, sites, places)
    kind, name = np.asarray(network.kind)[trees.node], np.asarray(network.name)[trees.node]
    named = np.flatnonzero(np.isin(kind, _NAMED) & (name != ""))
    end = np.repeat(np.arange(len(trees.node)), np.diff(trees.start))
    road, roads = _roads(network, trees.edge)
    return {
        **_packed_points(np.asarray(network.lon)[trees.node], np.asarray(network.lat)[trees.node]),
        "named": pack(named, "d"),
        "names": [str(text) for text in name[named].tolist()],
        "hops": pack(np.diff(trees.start)),
        "from": pack(trees.source - end, "i"),
        "cs": pack(trees.centiseconds),
        "dm": pack(np.rint(trees.metres * _DECI)),
        "road": pack(road),
        "roads": roads,
        "choice": pack(trees.choice),
        "site_dm": pack(_decimetres(trees.site_m), "i"),
        "entries": _entries(trees),
        "direct": _direct(trees.direct),
    }


def _decimetres(metres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn straight metres to the road into decimetres, -1 where there is none."""
    return np.asarray(np.rint(np.where(np.isnan(metres), -0.1, metres) * _DECI), np.float64)


def _entries(trees: WayTrees) -> dict[str, Any]:
    own = trees.entries
    return {
        "count": pack(np.bincount(own.place, minlength=len(trees.place_m))),
        "junction": pack(own.junction, "d"),
        "cs": pack(own.centiseconds),
        "dm": pack(np.rint(own.metres * _DECI)),
        "road_dm": pack(_decimetres(trees.place_m), "i"),
    }


def _direct(own: Direct) -> dict[str, Any]:
    return {
        "site": pack(own.site),
        "place": pack(own.place),
        "cs": pack(own.centiseconds),
        "dm": pack(np.rint(own.metres * _DECI)),
    }


def _roads(network: Network, edge: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[list[str]]]:
    """Name the road and class of hops: positions in a list of (name, class), 0 where there is none."""
    road, road_class = np.zeros(len(edge), np.int64), np.zeros(len(edge), np.int64)
    has = edge >= 0
    road[has] = np.asarray(network.road)[edge[has]]
    if network.road_class is not None:
        road_class[has] = np.asarray(network.road_class)[edge[has]]
    key = road * len(CLASSES) + road_class
    found = np.unique(np.append(key, 0))
    words = [[str(network.roads[one // len(CLASSES)]), CLASSES[one % len(CLASSES)]] for one in found.tolist()]
    return np.searchsorted(found, key), words


def _site(ground: Ground, kind: Kind, row: int, site: Mapping[str, Any], made_at: datetime) -> dict[str, Any]:
    """Write what a card shows of a site; what depends on the moment and the place is left to the page."""
    own = facts(site, Setting(kind, ground.standards[kind], ground.gazetteer, made_at))
    for name in ("crosses_city", "open_now", "open_text", "stock_age_days", "stock_old"):
        del own[name]
    ready_min, assumed = _readiness_min(site, ground.standards[kind].mobilisation_s)
    opened = weekly(str(own["hours"]))
    return {
        **own,
        "row": row,
        "ready_cs": round(ready_min * 6000),
        "readiness_assumed": assumed,
        "has_nothing": has_nothing(site),
        "opens": None if opened is None else {"week": opened[0], "holidays": opened[1]},
    }


def _readiness_min(site: Mapping[str, Any], default_s: float | None) -> tuple[float, bool]:
    """Give the minutes that a site needs to get ready, and whether they are the default of the standard."""
    stated = site.get("readiness_min")
    if stated is None or stated == "" or isnan(float(stated)):
        return (default_s or 0) / 60, True
    return float(stated), False


def _standard(ground: Ground, kind: Kind) -> dict[str, Any]:
    """Write what of a standard the answers use."""
    own = ground.standards[kind]
    return {
        "name": own.name,
        "mobilisation_s": own.mobilisation_s,
        "compliance": [list(pair) for pair in own.compliance],
        "definition": definition(own),
        "persons_per_item": [list(pair) for pair in own.persons_per_item],
    }


def _gazetteer(ground: Ground) -> dict[str, Any]:
    gaz = ground.gazetteer
    texts = ("name", "alias", "county_code", "county_name", "city_name")
    return {
        **{name: [str(text) for text in np.asarray(getattr(gaz, name)).tolist()] for name in texts},
        **_packed_points(gaz.lon, gaz.lat),
        "level": pack(gaz.level),
        "county": pack(gaz.county, "i"),
        "population": pack(gaz.population),
        "alias_of": pack(gaz.alias_of),
    }


def _outline(ground: Ground) -> dict[str, Any]:
    """Write the rings of the province as they are, so that a point is inside here where it is there."""
    area = ground.outline
    rings: Sequence[int] = np.bincount(np.asarray(area["ring"], np.int64)).tolist()
    return {**_packed_points(area["lon"], area["lat"]), "points": pack(rings)}


def _drawn(network: Network, edges: Any) -> dict[str, Any]:
    """Draw a closed road as a GeoJSON MultiLineString; one that is too long in part."""
    from ...geodata.road_lines import lines_of  # noqa: PLC0415

    lines, _ = lines_of(network, edges, most_points=_MOST_POINTS)
    return {"type": "MultiLineString", "coordinates": lines}


def _borders(ground: Ground) -> dict[str, Any]:
    """Write the rings of the counties, by which a point lies in one, and the county of each ring."""
    own, gaz = read_county_borders(ground.root / "boundaries.gpkg"), ground.gazetteer
    units = zip(np.asarray(gaz.city_name).tolist(), np.asarray(gaz.county_name).tolist(), strict=True)
    known = {(str(city), str(name)): row for row, (city, name) in enumerate(units)}
    counties = np.array([known.get(unit, -1) for unit in zip(own.city, own.name, strict=True)], np.int64)
    first = np.ones(len(own.start), bool)
    first[1:] = (own.start[1:] != own.end[:-1]).any(axis=1) | (np.diff(own.county) != 0)
    begin = np.flatnonzero(first)
    return {
        **_packed_points(*own.start.T),
        "points": pack(np.diff(np.append(begin, len(first)))),
        "county": pack(counties[own.county[begin]], "i"),
    }
