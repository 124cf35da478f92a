"""How far help drives within a time: areas on the roads as they are now, with the residents inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...coverage.kept import Kept
from ...geodata.layers import COLUMNS, NUMBERS, Kind, Layer
from ..console import jsonable
from ..desk.ground import Ground
from .busy import Turn

if TYPE_CHECKING:
    from ...coverage.areas import Areas

MOST_MIN = 600
"""Longest drive in minutes; the standards end at ten hours."""

_KEPT = Kept[dict[str, Any]](most=16)
_PARTS = Kept[Any](most=4)
_FROM = ("overlay", "network", "layers", "standards", "demand")
"""Parts of the data that an area is made of."""
_TURN = Turn("覆盖范围")
_DIGITS = 4
"""Digits of the borders, 10 m: the areas are drawn on a grid of 100 m and more."""
_SIMPLER = 0.0005
"""Degrees, 50 m, by which a border may be simplified."""


def reach(ground: Ground, kind: Kind, *, site: str, within_min: int) -> dict[str, Any]:
    """Draw what warehouses or teams, or one of them, reach by driving; kept for the state of the roads.

    Raises
    ------
    Refusal
        503 where others are drawing.
    """

    wanted = kind, site, within_min, *(ground.hashes[name] for name in _FROM)

    def in_turn() -> dict[str, Any]:
        with _TURN.taken():  # whoever waited finds it done
            return _KEPT.get((), wanted, lambda: _draw(ground, kind, site, within_min))

    return {**_KEPT.get((), wanted, in_turn), "version": ground.version}


def _draw(ground: Ground, kind: Kind, site: str, within_min: int) -> dict[str, Any]:
    from ...coverage.areas import service_areas  # noqa: PLC0415 (slow to import)
    from ...geodata import boundaries, demand  # noqa: PLC0415

    root, of = ground.root, ground.hashes["demand"]
    units = _PARTS.get((), (of, "units"), lambda: boundaries.load(root / "boundaries.gpkg"))
    people = _PARTS.get((), (of, "people"), lambda: demand.load(root / "demand"))
    rows = [one for one in ground.usual[kind].sites if not site or one["id"] == site]
    found = service_areas(
        ground.now,
        _layer(kind, rows),
        ground.standards[kind],
        limits=[within_min * 60],
        together=not site,
        overlap=bool(site),
        province=units.province.geometry.iloc[0],
        demand=people,
    )
    return _told(ground, kind, within_min, found)


def _layer(kind: Kind, rows: Any) -> Layer:
    import pandas as pd  # noqa: PLC0415 (slow to import)

    table = pd.DataFrame([[row[name] for name in COLUMNS] for row in rows], columns=list(COLUMNS))
    types = {name: "float64" if name in NUMBERS else "str" for name in COLUMNS}
    return Layer(kind, table.astype(types), example=any(row["example"] for row in rows))


def _told(ground: Ground, kind: Kind, within_min: int, found: Areas) -> dict[str, Any]:
    import shapely  # noqa: PLC0415 (slow to import)

    facts = ("id", "name", "area_km2", "residents", "residents_centre", "sites")
    rows = found.table.to_dict("records")
    shapes = shapely.set_precision(shapely.simplify(found.shapes, _SIMPLER), 10**-_DIGITS)
    features = [
        {
            "type": "Feature",
            "geometry": json.loads(text),
            "properties": {**jsonable({key: _plain(row[key]) for key in facts}), "within_min": within_min},
        }
        for row, text in zip(rows, shapely.to_geojson(shapes).tolist(), strict=True)
    ]
    notes = [f"行车 {within_min} 分钟内, 不含准备时间; 已计入现在的封路", *found.notes]
    return {
        "type": "FeatureCollection",
        "kind": kind,
        "within_min": within_min,
        "labels": list(ground.labels_of(kind)),
        "notes": notes,
        "features": features,
    }


def _plain(value: Any) -> Any:
    import pandas as pd  # noqa: PLC0415 (slow to import)

    return None if pd.isna(value) else value
