"""Where help is needed: from a tap, a name or whatever was pasted to a place, and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import atan2, cos, degrees, inf, isnan, radians
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...coverage.live_engine import roads_of
from ...coverage.nearest import OFF_ROAD_M
from ...coverage.snap import ACCESS_DETOUR, ACCESS_KMH, attach
from ...geodata import gazetteer, outline, pasted
from ...geodata.county_borders import CountyBorders, read_county_borders
from ...geodata.errors import PlaceError, Problem, WorkspaceError
from ...geodata.gazetteer import Gazetteer
from ...geodata.names import CITY, COUNTY, SETTLEMENT
from ...geodata.network import Network
from ...geodata.water import Water, load_water
from .place_names import LEVELS, described, named
from .situation import CUT_OFF_M
from .words import cut_off_line

BEYOND_M = 30_000.0
"""Straight metres from the border within which a place outside the province is answered for (假设)."""

NO_WATER = "没有水面数据: 点在水面上时不会提示"
"""What the notes of a desk say whose workspace has no water."""

_DIRECTIONS = ("北", "东北", "东", "东南", "南", "西南", "西", "西北")


class Places(Protocol):
    """What of a workspace is needed to say where a place is."""

    @property
    def root(self) -> Path: ...
    @property
    def gazetteer(self) -> Gazetteer: ...
    @property
    def outline(self) -> Mapping[str, NDArray[np.float64]]: ...


@dataclass(frozen=True)
class Atlas:
    """A workspace of which nothing is open but what names places."""

    root: Path
    gazetteer: Gazetteer

    @cached_property
    def outline(self) -> Mapping[str, NDArray[np.float64]]:
        """The province's border, read when a point asks for it."""
        return outline.load_outline(self.root / "outline")


def open_atlas(root: Path) -> Atlas:
    """Open what `locate` needs of a workspace; raises ``WorkspaceError``."""
    return Atlas(root, gazetteer.load(root / "gazetteer"))


class Data(Places, Protocol):
    """What of a ``Ground`` is needed to say also how a place meets the roads."""

    @property
    def network(self) -> Network: ...
    @property
    def now(self) -> Network: ...


def resolve(
    ground: Data, text: str = "", *, lon: float | None = None, lat: float | None = None, system: str = "auto"
) -> dict[str, Any]:
    """Say which place is meant, and what is odd about it and the roads beside it.

    Parameters and errors are those of `locate`.

    Returns
    -------
    dict
        What `locate` gives; off_road_m (None where no road can be reached), cut_off (the road beside it is
        closed), and warning, which says that too.
    """
    return _on_roads(ground, locate(ground, text, lon=lon, lat=lat, system=system))


def locate(
    places: Places,
    text: str = "",
    *,
    lon: float | None = None,
    lat: float | None = None,
    system: str = "auto",
) -> dict[str, Any]:
    """Say which place is meant, without a look at the roads; numpy and the standard library only.

    Parameters
    ----------
    text
        A name in any spelling, coordinates in any notation, or a link of a map; it counts where lon and lat
        are not given.
    lon, lat
        Degrees of ``system``, of which ``auto`` means WGS84 here: a tap on the desk's own map.
    system
        ``auto``, WGS84, GCJ-02, BD-09, CGCS2000, or another of ``datums`` by any of its names.

    Returns
    -------
    dict
        name, lon, lat (WGS84), note, city, county, level (省, 市, 县, 乡镇 or 点), system, outside_m (0 in
        the province), outside (what that means, in words), water (words too), warning, and candidates: other
        places that may be meant.

    Raises
    ------
    PlaceError
        Nothing is understood, it is ambiguous, or far outside the province; with candidates where there are.
    """
    if lon is not None or lat is not None:
        return _at(places, _given(lon, lat, system))
    reading = pasted.read_pasted(text, system=system, inside=lambda x, y: _inside(places, x, y))
    if reading.is_point:
        return _at(places, reading)
    place, options = named(places.gazetteer, reading.name)
    notes = [*reading.notes, place.note]
    if place.level == CITY:
        notes.append(f"以{place.name}城区一点代表全市, 写到县区或乡镇更准")
    county = place.county
    gaz = places.gazetteer
    found = {
        "name": place.full_name,
        "lon": place.lon,
        "lat": place.lat,
        "city": str(gaz.city_name[county]) if county >= 0 else place.name,
        "county": str(gaz.county_name[county]) if county >= 0 else "",
        "level": LEVELS[place.level],
        "system": "",
        "candidates": [described(one) for one in options],
    }
    return _odd(places, found, notes)


def suggest(gaz: Gazetteer, text: str, limit: int = 8) -> list[dict[str, Any]]:
    """Suggest places while a text is typed, best first: name, full_name, level, lon, lat, why."""
    return [described(one) for one in gazetteer.suggest(gaz, text, limit=limit)]


def tree(gaz: Gazetteer) -> list[dict[str, Any]]:
    """List the cities with their counties, and those with their townships, each with name, lon, lat."""
    level, county = np.asarray(gaz.level), np.asarray(gaz.county)
    towns: dict[int, list[dict[str, Any]]] = {}
    for row in np.flatnonzero(level == SETTLEMENT).tolist():
        towns.setdefault(int(county[row]), []).append(_node(gaz, row))
    counties: dict[str, list[dict[str, Any]]] = {}
    for row in np.flatnonzero(level == COUNTY).tolist():
        own = int(county[row])
        node = {**_node(gaz, row), "code": str(gaz.county_code[own]), "townships": towns.get(own, [])}
        counties.setdefault(str(gaz.city_name[own]), []).append(node)
    return [
        {**_node(gaz, row), "counties": counties.get(str(gaz.name[row]), [])}
        for row in np.flatnonzero(level == CITY).tolist()
    ]


def _node(gaz: Gazetteer, row: int) -> dict[str, Any]:
    return {"name": str(gaz.name[row]), "lon": float(gaz.lon[row]), "lat": float(gaz.lat[row])}


# Points


def _given(lon: float | None, lat: float | None, system: str) -> pasted.Reading:
    """Read two numbers that were given apart; the order is fixed: a longitude and a latitude."""
    if lon is None or lat is None:
        raise PlaceError(Problem("地点", "经度和纬度要一起给", fix="请同时给出 lon 和 lat"))
    chosen = "WGS84" if system.strip().lower() in ("", pasted.AUTO) else system
    return pasted.read_degrees(lon, lat, system=chosen)


def _inside(places: Places, lon: float, lat: float) -> bool:
    return outline.contains(dict(places.outline), lon, lat)


def _at(places: Places, point: pasted.Reading) -> dict[str, Any]:
    """Describe a point: its county by the borders, its name by the nearest place."""
    lon, lat, gaz = point.lon, point.lat, places.gazetteer
    inside = _inside(places, lon, lat)
    notes, outside_m = list(point.notes), 0.0
    if not inside:
        outside_m, border_lon, border_lat = outline.nearest_border(dict(places.outline), lon, lat)
        side = _direction(border_lon, border_lat, lon, lat)
        if outside_m > BEYOND_M:
            raise PlaceError(_far(gaz, point, outside_m, side))
    at = _borders(places.root).at(lon, lat) if inside else -1
    own = _county(places, at)
    label = gazetteer.label_points(gaz, [lon], [lat], county=None if own < 0 else [own])
    found = {
        "name": f"{label[0]}" + (f" ({point.name})" if point.name else ""),
        "lon": lon,
        "lat": lat,
        "city": str(gaz.city_name[own]) if own >= 0 else "",
        "county": str(gaz.county_name[own]) if own >= 0 else "",
        "level": "点",
        "system": point.system,
        "candidates": [],
    }
    beyond = "" if inside else (
        f"该点在{gaz.name[0]}外, 在省界{side}侧约 {outside_m / 1000:.1f} 公里; "
        "路网和站点只到省界, 时间可能偏长"
    )  # fmt: skip
    return _odd(places, found, notes, beyond=beyond, outside_m=outside_m)


def _far(gaz: Gazetteer, point: pasted.Reading, metres: float, side: str) -> Problem:
    what = f"该点不在{gaz.name[0]}范围内, 在省界{side}侧约 {metres / 1000:.0f} 公里"
    fix = "请检查坐标和坐标系, 经度在前, 纬度在后 (WGS84)"
    return Problem("地点", what, f"{point.lon:.5f},{point.lat:.5f}", fix)


def _direction(lon1: float, lat1: float, lon2: float, lat2: float) -> str:
    """Name the direction from one point to another."""
    angle = degrees(atan2((lon2 - lon1) * cos(radians(lat1)), lat2 - lat1))
    return _DIRECTIONS[round(angle / 45) % 8]


def _county(places: Places, at: int) -> int:
    """Find the county of the borders in the gazetteer, whose order may be another; -1 where it is none."""
    if at < 0:
        return -1
    borders, gaz = _borders(places.root), places.gazetteer
    same = (gaz.county_name == borders.name[at]) & (gaz.city_name == borders.city[at])
    rows = np.flatnonzero(same)
    return int(rows[0]) if len(rows) else -1


def _borders(root: Path) -> CountyBorders:
    """Return the borders of the counties; while their file is away, those read last: a desk goes on."""
    path = root / "boundaries.gpkg"
    try:
        state = path.stat()
        _LAST_BORDERS[path] = _read_borders(path, state.st_mtime_ns, state.st_size)
    except (OSError, WorkspaceError) as error:
        if path not in _LAST_BORDERS:
            problem = Problem(str(path), "文件不存在")
            raise error if isinstance(error, WorkspaceError) else WorkspaceError(problem) from None
    return _LAST_BORDERS[path]


_LAST_BORDERS: dict[Path, CountyBorders] = {}


@lru_cache(maxsize=4)
def _read_borders(path: Path, mtime_ns: int, size: int) -> CountyBorders:
    del mtime_ns, size  # they tell one state of the file from the next
    return read_county_borders(path)


# What is odd


def _odd(
    places: Places, place: dict[str, Any], notes: list[str], *, beyond: str = "", outside_m: float = 0.0
) -> dict[str, Any]:
    """Add to a place what is to be said of it, and whether it lies outside, or on water."""
    return {
        **place,
        "note": "; ".join(one for one in notes if one),
        "outside_m": round(outside_m, 1),
        "outside": beyond,
        "water": on_water(places.root, place["lon"], place["lat"]),
        "warning": beyond,
    }


def _on_roads(ground: Data, place: dict[str, Any]) -> dict[str, Any]:
    """Add to a place how far the road is, and whether it is closed."""
    lon, lat = place["lon"], place["lat"]
    finder = roads_of(ground.network).finder(ground.network)  # meets nodes, whatever is closed
    shape, shut = -1, False
    if finder is not None:
        metres = float(finder.nearest(np.array([lon]), np.array([lat]))[1][0])
    else:
        shape, metres = _met(ground.now, lon, lat)
    off_m = None if isnan(metres) else metres
    if ground.now is not ground.network and finder is None:
        shut = (inf if off_m is None else off_m) > _met(ground.network, lon, lat)[1] + CUT_OFF_M
    odd = _road_warning(shape, off_m, shut)
    return {
        **place,
        "off_road_m": None if off_m is None else round(off_m, 1),
        "cut_off": shut,
        "warning": "; ".join(one for one in (place["outside"], odd) if one),
    }


def _met(network: Network, lon: float, lat: float) -> tuple[int, float]:
    """Tell which shape a point meets and how far away, in straight metres; -1 and NaN where it meets none."""
    access = attach(network, [lon], [lat], detour=ACCESS_DETOUR, speed_kmh=ACCESS_KMH, cold=True)
    return int(access.shape[0]), float(access.metres[0])


def _road_warning(shape: int, off_m: float | None, shut: bool) -> str:
    """Say that the road is far, or closed; as ``nearest.Answer.warning`` does."""
    if off_m is None:
        return "该点附近没有可以通行的道路"
    if shut:
        return cut_off_line("该点", off_m)
    if off_m > OFF_ROAD_M:
        met = "道路" if shape >= 0 else "道路节点"
        return f"该点距最近的{met}约{off_m / 1000:.1f}公里 (直线), 行车时间仅供参考"
    return ""


def on_water(root: Path, lon: float, lat: float) -> str:
    """Say that a point lies on water; empty where it does not, or where nothing is known of water."""
    water = _water(root)
    name = None if water is None else water.at(lon, lat)
    if name is None:
        return ""
    return f"该点在水面上{f' ({name})' if name else ''}, 请核对位置; 在桥上或船上的可以不管"


def has_water(root: Path) -> bool:
    """Tell whether a workspace has a layer of water; where it has none the notes say ``NO_WATER``."""
    return _water(root) is not None


def _water(root: Path) -> Water | None:
    try:
        state = (root / "water" / "manifest.json").stat()
    except OSError:
        return None
    return _read_water(root / "water", state.st_mtime_ns, state.st_ino)


@lru_cache(maxsize=4)
def _read_water(folder: Path, mtime_ns: int, inode: int) -> Water | None:
    del mtime_ns, inode
    try:
        return load_water(folder)
    except WorkspaceError:
        return None
