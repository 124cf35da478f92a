"""Areas of water in an OSM file: lakes, reservoirs, the surfaces of rivers, put together by libosmium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import osmium

from ..errors import InputError, Problem

KINDS = (
    ("natural", "water"), ("waterway", "riverbank"), ("waterway", "dock"), ("landuse", "reservoir"),
    ("landuse", "basin"),
)  # fmt: skip
"""Tags of areas that are water: today's tag first, then those of older data."""

_DRY = ("wastewater", "reflecting_pool", "fountain", "sewage")
_FAILURES = (RuntimeError, ValueError, LookupError, ArithmeticError, osmium.InvalidLocationError)


def read_water_areas(path: Path) -> tuple[list[bytes], list[str]]:
    """Read the areas of water of an OSM file in any format of libosmium: their WKB (WGS84), and their names.

    Areas that dry up (``intermittent``, ``seasonal``) and basins of sewage are left out, broken ones too.

    Raises
    ------
    InputError
        The file is damaged or no OSM file.
    """
    wkb, names = list[bytes](), list[str]()
    try:
        chosen = osmium.filter.TagFilter(*KINDS)
        factory = osmium.geom.WKBFactory()
        for thing in osmium.FileProcessor(str(path)).with_areas(chosen).with_filter(chosen):
            if not isinstance(thing, osmium.osm.Area) or _is_dry(thing.tags):
                continue
            try:
                wkb.append(bytes.fromhex(factory.create_multipolygon(thing)))
            except _FAILURES:
                continue
            names.append(str(thing.tags.get("name:zh") or thing.tags.get("name") or ""))
    except _FAILURES as error:
        fix = "请重新下载, 或换成 GeoPackage 多边形文件"
        raise InputError(Problem(path.name, "文件已损坏, 或不是 OSM 文件", str(error)[:100], fix)) from None
    return wkb, names


def _is_dry(tags: Any) -> bool:
    return (
        tags.get("intermittent") == "yes"
        or tags.get("seasonal", "no") not in ("no", "")
        or tags.get("water") in _DRY
        or tags.get("basin") in ("detention", "infiltration")
    )
