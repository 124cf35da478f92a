"""Measures of a layer in a scenario: each made once for the same content, however many scenarios ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd

from ..coverage import meet
from ..coverage.gaps import find_gaps
from ..coverage.measures import Cover, by_unit
from ..coverage.snap import FARTHEST_M, unmet
from ..coverage.standards import Standard
from ..coverage.summary import compliance, summarise
from ..geodata.layers import KIND_NAMES, Kind, Layer
from .cache import Cache, hash_of, key_of, part_hash
from .packing import text_array
from .site_times import SiteCovers
from .world import World

_MOST_NAMES = 5


@dataclass(frozen=True)
class Measured:
    """What is measured of one layer."""

    cover: Cover
    gaps: pd.DataFrame
    units: pd.DataFrame
    summary: pd.DataFrame
    compliance: pd.DataFrame
    keys: Mapping[str, str]
    """Hash of all that a product depends on, by its name: cover, gaps."""


@dataclass(frozen=True)
class Known:
    """What another result of the same world measured of a layer."""

    cover: Cover
    gaps: pd.DataFrame
    keys: Mapping[str, str]


def measure(
    world: World,
    layer: Layer,
    covers: SiteCovers,
    known: Known | None,
    say: Callable[[], None],
    *,
    gaps: bool = True,
) -> Measured:
    """Measure a layer; what is known of the same content is taken over as it is.

    Parameters
    ----------
    covers
        Of this world, with the cache.
    say
        Called before gaps are looked for anew.
    gaps
        Look for them; else the table is empty, and none to take over.
    """
    standard, cache = world.standards[layer.kind], covers.cache
    parts = _Parts.of(world, layer, standard, covers.base)
    keys = {"cover": key_of(parts.cover), **({"gaps": key_of(parts.gaps)} if gaps else {})}
    if known is not None and known.keys.get("cover") == keys["cover"] and known.cover.standard == standard:
        covers.know(layer, known.cover)
    cover = covers.of(layer)
    if not gaps:
        found = pd.DataFrame()
    elif known is not None and known.keys.get("gaps") == keys["gaps"]:
        found = known.gaps
    else:
        found = cache.table("gaps", parts.gaps, lambda: _gaps(world, layer, covers, say))
    return Measured(
        cover=cover,
        gaps=found,
        units=cache.table("units", parts.units, lambda: by_unit(world.demand, cover)),
        summary=cache.table("summary", parts.summary, lambda: _summary(world, layer, covers)),
        compliance=cache.table(
            "compliance", parts.stores, lambda: compliance(world.demand, world.network, layer, standard)
        )
        if standard.compliance
        else pd.DataFrame(),
        keys=keys,
    )


@dataclass(frozen=True)
class _Parts:
    """All that each product depends on, as values of JSON."""

    cover: list[object]
    units: list[object]
    summary: list[object]
    gaps: list[object]
    stores: list[object]

    @staticmethod
    def of(world: World, layer: Layer, standard: Standard, base: World) -> _Parts:
        own = world.roads(standard)
        roads = "" if standard.mode == "walk" and own.mode != "walk" else part_hash(own)  # straight lines
        people = part_hash(world.demand)
        places = hash_of(*meet.sites(layer))
        how = [standard.mode, list(standard.limits), standard.detour, standard.access_kmh]
        demand = world.demand
        cover: list[object] = [roads, hash_of(demand.cell, demand.lon, demand.lat), places, how]
        counted = [*cover, people]
        words = _columns(layer, "id", "name")
        barriers = part_hash(base.roads(standard)) if roads else ""
        asked = [_columns(layer, "level", "readiness_min"), part_hash(world.network)]
        return _Parts(
            cover=cover,
            units=counted,
            summary=[*counted, repr(standard)],
            gaps=[*counted, repr(standard), words, part_hash(world.gazetteer), barriers],
            stores=[*counted, repr(standard), *asked] if standard.compliance else [],
        )


def _columns(layer: Layer, *names: str) -> str:
    """Hash some columns of a layer."""
    table = layer.table
    return hash_of(*(text_array([str(value) for value in table[name].tolist()]) for name in names))


def _summary(world: World, layer: Layer, covers: SiteCovers) -> pd.DataFrame:
    standard = world.standards[layer.kind]
    second = covers.second(layer) if standard.mode == "drive" else None
    return summarise(world.demand, world.roads(standard), layer, covers.of(layer), second=second)


def _gaps(world: World, layer: Layer, covers: SiteCovers, say: Callable[[], None]) -> pd.DataFrame:
    """Find the gaps; barriers between neighbours are those of the roads of today.

    Under water no cell is linked to another: by the roads of the scenario a flooded city would fall into as
    many gaps as it has cells, none of them large.
    """
    say()
    cover = covers.of(layer)
    roads = covers.base.roads(cover.standard)
    return find_gaps(world.demand, cover, layer, world.gazetteer, network=roads)


def far_notes(
    world: World, layers: Mapping[Kind, Layer], kinds: Iterable[Kind], cache: Cache | None = None
) -> dict[Kind, tuple[str, ...]]:
    """Say who lives, and which sites stand, too far from every open road to be counted in driving times."""
    driven = [kind for kind in kinds if world.standards[kind].mode == "drive"]
    known = Cache() if cache is None else cache
    roads = part_hash(world.network) if driven else ""
    found: dict[Kind, tuple[str, ...]] = {}
    for kind in driven:
        places = hash_of(*meet.sites(layers[kind]))
        far = [
            known.value("far_cells", [roads, part_hash(world.demand)], lambda: _far_cells(world)),
            known.value(
                "far_sites",
                [roads, kind, places, _columns(layers[kind], "name")],
                partial(_far_sites, world, layers[kind]),
            ),
        ]
        found[kind] = tuple(note for note in far if note)
    return {kind: notes for kind, notes in found.items() if notes}


_BEYOND = f"距可通行的道路超过 {FARTHEST_M / 1000:g} 公里"


def _far_cells(world: World) -> str:
    cells, _ = unmet(world.network, world.demand.lon, world.demand.lat)
    people = int(world.demand.residents[cells].sum())
    return f"{people:,} 人所在的 {len(cells)} 个网格{_BEYOND}, 计为驾车不可达" if len(cells) else ""


def _far_sites(world: World, layer: Layer) -> str:
    rows, _ = unmet(world.network, *meet.sites(layer))
    names = layer.table["name"].to_numpy(str)[rows[:_MOST_NAMES]].tolist()
    if not names:
        return ""
    more = "等" if len(rows) > len(names) else ""
    kind = KIND_NAMES[layer.kind]
    return f"{kind}: {len(rows)} 处站点{_BEYOND}, 不计入驾车覆盖: {'、'.join(names)}{more}"
