"""`boai export`: results as files for GIS and spreadsheets, in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import material, place

FORMATS = {
    "gpkg": "GeoPackage", "geojson": "GeoJSON", "kml": "KML", "shp": "Shapefile", "xlsx": "Excel",
    "csv": "CSV",
}  # fmt: skip
USUAL = ("gpkg", "xlsx")
"""What is written where no format is asked for: the others are large (the demo: some 200 MB a result)."""


def write(order: material.Order, folder: Path, formats: Sequence[str]) -> dict[str, Any]:
    """Export the results of the scenarios of an order into a folder, see `place.fill`.

    Returns
    -------
    dict
        files (without the many styles beside them), labels and notes.
    """
    from ...maps.exports.folder import write_files  # noqa: PLC0415 (geopandas is slow to import)

    place.check(folder, overwrite=order.overwrite)
    chosen = material.several_of("--format", formats, FORMATS, USUAL)
    found = order.material()
    states = material.states_of(order.root, found, order.names)
    order.say(f"导出: {'、'.join(FORMATS[form] for form in chosen)}")

    def write_into(ready: Path) -> list[Path]:
        return write_files(
            found.world,
            found.results,
            ready,
            formats=chosen,
            release=found.release,
            date=order.publishing.date,
            states=states,
        )

    files = place.fill(folder, write_into, overwrite=order.overwrite)
    shown = [path for path in files if path.suffix != ".qml"]
    return {"files": [str(path) for path in shown], **material.marks(found)}
