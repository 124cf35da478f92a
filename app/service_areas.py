"""What `boai areas` answers: service areas as polygons in a file that QGIS draws at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..coverage.areas import service_areas
from ..geodata.area_files import write_polygons
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES
from ..geodata.registry import check_kind
from ..maps.qgis import area_layer
from .outputs import check_new
from .workspace import Progress, load_world, open_workspace


def draw(
    root: Path,
    kind: str,
    out: Path,
    *,
    overlap: bool = False,
    together: bool = False,
    spacing_m: float | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Draw the service areas of a layer and write them to a GeoPackage or GeoJSON.

    Returns
    -------
    dict
        files, sentence, notes, labels, and rows (the table of the polygons).
    """
    chosen, say = check_kind(kind), progress or (lambda _: None)
    if overlap and together:
        fix = "--overlap 是每处一片, --together 是合成一片, 只能选一个"
        raise InputError(Problem("命令", "--overlap 与 --together 不能同时用", fix=fix))
    check_new(out, overwrite=overwrite)
    world = load_world(open_workspace(root))
    standard, name = world.standards[chosen], KIND_NAMES[chosen]
    say(f"服务范围: {name}")
    found = service_areas(
        world.roads(standard),
        world.layers[chosen],
        standard,
        overlap=overlap,
        together=together,
        spacing_m=spacing_m,
        province=world.units.province.geometry.iloc[0],
        demand=world.demand,
        progress=lambda done, count: say(f"{name}: {done}/{count} 处"),
    )
    files = write_polygons(out, [area_layer(found)], overwrite=overwrite)
    drawn = int((found.table["area_km2"] > 0).sum())
    return {
        "files": [str(path) for path in files],
        "sentence": f"{name} {found.product}: {drawn} 片, 上限含等号。",
        "notes": list(found.notes),
        "labels": [found.label] if found.label else [],
        "rows": found.table.to_dict("records"),
    }
