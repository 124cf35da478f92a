"""What the desk's map draws besides answers: outline, borders, main roads, names; made once, then a file.

Nothing here is loaded from outside: there are no tiles. The text is kept in the workspace under the hashes of
what it was made from, so that a server starts with it and a changed workspace makes another.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...geodata.store import write_text
from ..workspace import boai_version, open_workspace

if TYPE_CHECKING:
    from ...geodata.boundaries import Units
    from ...geodata.network import Network

FOLDER = "desk"
"""Folder of the workspace in which the desk keeps what it can make again."""
_PARTS = ("boundaries", "gazetteer", "network")
_KEY_LENGTH = 12
_MOST_BYTES = 1 << 25
_TOLERANCE_M = 400.0
"""Simplification of the borders, as in ``maps.layers``: a phone shows 20 m to a pixel at the closest."""
_log = logging.getLogger(__name__)


def drawing_key(root: Path) -> str:
    """Name the state of the workspace that a drawing is made from: 12 hexadecimal digits, e.g. an ETag."""
    hashes = open_workspace(root).manifest["hashes"]
    state = json.dumps([boai_version(), *(hashes.get(part, "") for part in _PARTS)])
    return hashlib.sha256(state.encode()).hexdigest()[:_KEY_LENGTH]


def drawing(root: Path) -> str:
    """Return the JSON text of the map, safe inside a ``<script>`` element.

    Made within seconds the first time and then read from the workspace. A workspace that cannot be written
    to has it made anew in every process.

    Returns
    -------
    str
        An object with ``scale`` (coordinates are integer differences in units of 1/scale degree, WGS84),
        ``province`` (polygons), ``cities`` and ``counties`` (borders as lines), ``roads`` (name and lines of
        the fast roads and of the others), ``places`` (name, level, x, y: cities, counties, settlements),
        ``credit`` and ``label`` of the network, and the ``key``.
    """
    key = drawing_key(root)
    path = root / FOLDER / f"map-{key}.json"
    kept = _kept(path)
    if kept is not None:
        return kept
    text = _make(root, key)
    try:
        path.parent.mkdir(exist_ok=True)
        write_text(path, text)
    except OSError as error:
        _log.warning("the map of the desk cannot be kept: %s", error)
    return text


def _kept(path: Path) -> str | None:
    """Read the file if it is whole; one that anybody damaged is made anew."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        text = path.read_text(encoding="utf-8")
        return text if isinstance(json.loads(text), dict) else None
    except (OSError, ValueError):
        return None


def _make(root: Path, key: str) -> str:
    from ...geodata import boundaries, gazetteer  # noqa: PLC0415 (slow to import: the answer must not wait)
    from ...geodata.network import load_network  # noqa: PLC0415
    from ...maps import page_data, page_pack, words  # noqa: PLC0415

    network = load_network(root / "network", verify="once")
    whole = {
        "key": key,
        "scale": page_data.SCALE,
        "label": network.label,
        "credit": words.credit(network),
        **_shapes(boundaries.load(root / "boundaries.gpkg"), network),
        "places": page_data.places(gazetteer.load(root / "gazetteer")),
    }
    return page_pack.dump(whole)


def _shapes(units: Units, network: Network) -> dict[str, Any]:
    """Write outline, borders (each stretch once) and roads, coarse enough for a phone."""
    import shapely  # noqa: PLC0415

    from ...maps import layers, page_data  # noqa: PLC0415

    shown = layers.outlines(units, tolerance_m=_TOLERANCE_M)

    def borders(areas: Any) -> Any:
        drawn = shapely.difference(shapely.union_all(shapely.boundary(areas)), shown.province.boundary)
        return page_data.lines(layers.to_degrees(shapely.line_merge(drawn)))

    return {
        "province": page_data.polygons(layers.to_degrees(shown.province)),
        "cities": borders(shown.cities),
        "counties": borders(shown.counties),
        "roads": page_data.roads(network, shown.province),
    }
