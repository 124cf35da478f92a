"""Coordinates of a file in whatever system to WGS84 degrees."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import datums
from ..crs import to_wgs84
from ..errors import InputError, Problem
from ..intake.features import system_of_wkt

_FIX = "请用 crs 指明坐标系: WGS84、CGCS2000、GCJ-02、BD-09 或 EPSG 代号 (如 EPSG:4548)"


def to_degrees(x: NDArray[np.float64], y: NDArray[np.float64], system: str, file: str) -> tuple[Any, Any]:
    """Bring coordinates (east, north) to WGS84 longitude and latitude; not checked against any range.

    Parameters
    ----------
    system
        A name that ``datums`` knows, an EPSG code, or WKT.

    Raises
    ------
    InputError
        The system is empty or not known; the text lists what may be given.
    """
    system = system.strip()
    if not system:
        raise InputError(Problem(file, "没有坐标系说明, 无法确定位置", fix=_FIX))
    known = datums.normal_system(system) if len(system) < 40 else None
    with np.errstate(all="ignore"):  # what is no place on earth is found later
        if known in (*datums.SYSTEMS, datums.CGCS2000):
            return datums.to_wgs84(x, y, system=known)
        return to_wgs84(x, y, of=_checked(system, file))


def _checked(system: str, file: str) -> str:
    """Return a coordinate system that pyproj knows and that refers to no other file."""
    from pyproj import CRS  # noqa: PLC0415  (proj takes 50 ms)
    from pyproj.exceptions import CRSError  # noqa: PLC0415

    code = re.fullmatch(r"(?:EPSG:)?(\d{4,6})", system, re.IGNORECASE)
    try:
        name = f"EPSG:{code[1]}" if code else system_of_wkt(system)[0]
        crs = CRS.from_user_input(name) if name else None
    except CRSError:
        crs = None
    if crs is None or not (crs.is_geographic or crs.is_projected):
        raise InputError(Problem(file, "坐标系无法识别", system[:60], _FIX))
    return name
