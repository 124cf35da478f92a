"""`boai export`: results as files for GIS and spreadsheets, in a new folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..outputs import check_folder
from ..workspace import Progress
from . import material

FORMATS = {
    "gpkg": "GeoPackage", "geojson": "GeoJSON", "kml": "KML", "shp": "Shapefile", "xlsx": "Excel",
    "csv": "CSV",
}  # fmt: skip
USUAL = ("gpkg", "xlsx")
"""What is written where no format is asked for: the others are large (the demo: some 200 MB a result)."""


def write(
    root: Path,
    names: Sequence[str],
    folder: Path,
    formats: Sequence[str],
    publishing: material.Publishing,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Export the results of the named scenarios (all presets where none is named) into a new folder.

    Returns
    -------
    dict
        files (without the many styles beside them), labels and notes.
    """
    from ...maps.exports.folder import export  # noqa: PLC0415 (geopandas is slow to import)

    check_folder(folder)
    chosen = material.several_of("--format", formats, FORMATS, USUAL)
    found = material.material(root, names, publishing, progress)
    states = material.states_of(root, found, names)
    if progress is not None:
        progress(f"导出: {'、'.join(FORMATS[form] for form in chosen)}")
    files = export(
        found.world,
        found.results,
        folder,
        formats=chosen,
        release=found.release,
        date=publishing.date,
        states=states,
    )
    shown = [path for path in files if path.suffix != ".qml"]
    return {"files": [str(path) for path in shown], **material.marks(found)}
