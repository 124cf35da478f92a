"""What `boai areas` answers: service areas as polygons in a file that QGIS draws at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..coverage.areas import service_areas
from ..geodata.area_files import SUFFIXES, write_polygons
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES
from ..geodata.registry import check_kind
from ..maps.exports.areas import area_layer
from .assessments import labels_of
from .outputs import check_new
from .workspace import Progress, load_world, open_workspace

_WIDEST_M = 20_000
"""Metres of the widest lattice: a wider one draws nothing within the limits of the standards."""


def _check_place(out: Path) -> None:
    """Refuse, before minutes of drawing, a file that cannot be written there."""
    if out.suffix.lower() not in SUFFIXES:
        fix = f"请以 {' 或 '.join(SUFFIXES)} 结尾"
        raise InputError(Problem(str(out), "范围文件的格式", out.suffix or "没有后缀", fix))
    if not out.parent.is_dir():
        raise InputError(Problem(str(out), "文件夹不存在", str(out.parent), "请先建立文件夹"))


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
    _check_place(out)
    if spacing_m is not None and not 1 <= spacing_m <= _WIDEST_M:
        fix = "请改为几十到几百米, 或不填"
        raise InputError(Problem("--spacing", f"应在1到{_WIDEST_M}米之间", f"{spacing_m:g}", fix))
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
        "labels": labels_of(world, chosen),
        "rows": found.table.to_dict("records"),
    }
