"""The day up to which an OSM file follows OpenStreetMap, as the file itself says it."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

from .pbf_file import Refused, blobs, fields, unpack

_REPLICATION = 32
"""Field of the HeaderBlock: osmosis_replication_timestamp, in seconds since 1970."""

_FIRST, _LAST = dt.date(2004, 8, 9), dt.date(2099, 12, 31)
"""OpenStreetMap began on the first of them; a date outside is a mistake, and not used."""

_WRITTEN = re.compile(
    r"<(?:[\w.-]+:)?(?:osm\b[^<>]*?\stimestamp|meta\b[^<>]*?\sosm_base)\s*=\s*[\"'](\d{4}-\d\d-\d\d)T",
    re.ASCII,
)


def date_of_pbf(path: Path, name: str) -> str:
    """Return the day in the header of a PBF file, as YYYY-MM-DD; "" where it says none, or none to believe.

    Raises
    ------
    InputError
        The header is damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        _, packed = next(blobs(file, name, size), ("", b""))
    try:
        header = unpack(packed, name) if packed else b""
    except Refused:
        return ""
    for number, content in fields(header, name):
        if number == _REPLICATION and isinstance(content, int) and 0 < content < 2**32:
            return _believed(dt.datetime.fromtimestamp(content, dt.UTC).date())
    return ""


def date_of_xml(head: str) -> str:
    """Return the day in the first lines of OSM XML: ``timestamp`` of the root, or Overpass's ``osm_base``.

    Examples
    --------
    >>> date_of_xml('<osm version="0.6"><meta osm_base="2026-03-01T20:21:00Z"/>'), date_of_xml("<osm>")
    ('2026-03-01', '')
    """
    found = _WRITTEN.search(head)
    try:
        return _believed(dt.date.fromisoformat(found[1])) if found else ""
    except ValueError:
        return ""


def _believed(day: dt.date) -> str:
    return day.isoformat() if _FIRST <= day <= _LAST else ""
