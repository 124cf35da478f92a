"""What a file of areas begins with: GDAL goes by the content, and some of its formats fetch other files."""

from __future__ import annotations

from pathlib import Path

_STARTS = {".gpkg": b"SQLite format 3\0", ".shp": b"\x00\x00\x27\x0a", ".geojson": b"{", ".json": b"{"}
_LONGEST = 4096


def starts_as_named(path: Path) -> bool:
    """Tell whether a file begins as its suffix says: GeoPackage, shapefile or GeoJSON, and no other.

    A virtual layer of GDAL (VRT) is XML under any name, and reads what it names, from the network too.
    Raises ``OSError`` where the file cannot be read.
    """
    start = _STARTS.get(path.suffix.lower())
    if start is None:
        return False
    with path.open("rb") as file:
        content = file.read(_LONGEST)
    return (content.lstrip(b"\xef\xbb\xbf \t\r\n") if start == b"{" else content).startswith(start)
