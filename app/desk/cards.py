"""Cards: what the desk must know of a site that can help, and the line of its way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...coverage.nearest import Arrival
from ...coverage.servable import persons_of
from ...coverage.standards import Standard
from ...geodata import gazetteer
from ...geodata.crs import haversine_m
from ...geodata.layers import Kind
from ...geodata.names import COUNTY
from ...geodata.passing import places_along_each
from ...geodata.registry import read_stock
from .hours import open_at
from .parts import CHINA, Mark

OLD_DAYS = 90
"""Days after which a stock list counts as old (an assumption, 假设)."""

MORE_COLUMNS = ("township", "address", "host", "deputy", "deputy_phone", "vehicles", "boats", "verified_on")
"""What a card shows of a site beside ``layers.COLUMNS``: ask `registry.read_sites` for it."""

USABLE, EMPTY, CUT, UNASKED = "可用", "空", "不可达", "未核实"
"""States of a card."""

_TEXTS = (
    "id", "name", "level", "city", "county", "township", "address", "host", "position", "keeper", "phone",
    "deputy", "speciality", "hours", "stock_date", "verified_on",
)  # fmt: skip
_COUNTS = ("members", "vehicles", "boats")
_DIGITS = 7
_BEND_DEG = 1e-4
"""Degrees by which a light line may leave the way: 11 metres."""
_FEW_POINTS = 50
_NUMBER = re.compile(r"(?<![\d-])(?:0\d{2,3}-?\d{7,8}|1[3-9]\d{9}|[48]00-?\d{3}-?\d{4})(?![\d-])", re.ASCII)


@dataclass(frozen=True)
class Setting:
    """What all cards of an answer share."""

    kind: Kind
    standard: Standard
    gaz: gazetteer.Gazetteer
    now: datetime
    """A moment with its offset."""
    city: str = ""
    """City of the place that needs help; empty where it is not known."""


def passed_by(gaz: gazetteer.Gazetteer, arrivals: Sequence[Arrival]) -> list[Sequence[str]]:
    """List the places that each way passes, by its line where its nodes are junctions without names."""
    unnamed = [one for one in arrivals if not one.places]
    found = iter(places_along_each(gaz, [one.line for one in unnamed]))
    return [one.places or next(found) for one in arrivals]


def card(
    arrival: Arrival,
    rank: int,
    setting: Setting,
    *,
    passes: Sequence[str],
    mark: Mark | None = None,
    empty: str = "",
) -> dict[str, Any]:
    """Write the card of a site that help can come from.

    Parameters
    ----------
    arrival
        Its way and times.
    passes
        Places that its way passes, as `passed_by` lists them.
    mark
        What somebody found out about it, if it still holds.
    empty
        Why it has nothing to send; empty text where it may.

    Returns
    -------
    dict
        As the page and the command show it: numbers rounded to 0.1, missing ones None, missing text empty.
    """
    site = arrival.site
    state, why = _status(mark, empty)
    return {
        "rank": rank,
        **facts(site, setting, empty=bool(empty)),
        "eta_min": round(arrival.eta_s / 60, 1),
        "readiness_min": round(arrival.readiness_s / 60, 1),
        "readiness_assumed": arrival.readiness_assumed,
        "drive_min": round(arrival.drive_s / 60, 1),
        "km": round(arrival.metres / 1000, 1),
        "off_road_m": round(arrival.off_road_m, 1),
        "cut_off": False,
        "passes": list(passes),
        "roads": list(arrival.roads),
        "stretches": [
            {"name": part.name, "metres": round(part.metres, 1), "class": part.road_class}
            for part in arrival.stretches
        ],
        "status": state,
        "status_why": why,
        "mark": None if mark is None else dict(vars(mark)),
        "usual_eta_min": None,
        "delta_min": None,
    }


def facts(site: Mapping[str, Any], setting: Setting, *, empty: bool = False) -> dict[str, Any]:
    """List what is registered of a site: who, where, when it is open, what it has, whom that serves."""
    stock = read_stock(site.get("stock"))
    age = age_days(str(site.get("stock_date") or ""), setting.now)
    persons, origin = persons_of(site.get("capacity"), stock, str(site.get("level")), setting.standard)
    is_open, open_text = open_at(str(site.get("hours") or ""), setting.now)
    city = str(site.get("city") or "")
    deputy = str(site.get("deputy") or "")
    return {
        "kind": setting.kind,
        **{name: str(site.get(name) or "") for name in _TEXTS},
        "lon": site["lon"],
        "lat": site["lat"],
        "crosses_city": bool(city and setting.city and city != setting.city),
        "open_now": is_open,
        "open_text": open_text,
        "stock": stock,
        "stock_age_days": age,
        "stock_old": bool(stock) and (age is None or age > OLD_DAYS),
        "persons": 0 if empty else persons,
        "persons_origin": EMPTY if empty else origin,
        "deputy_phone": str(site.get("deputy_phone") or "") or "、".join(_NUMBER.findall(deputy)),
        **{name: _whole(site.get(name)) for name in _COUNTS},
        "example": bool(site.get("example")),
    }


def has_nothing(site: Mapping[str, Any]) -> bool:
    """Tell whether a stock list is stated and holds nothing at all."""
    stock = read_stock(site.get("stock"))
    return bool(stock) and all(count <= 0 for count in stock.values())


def age_days(text: str, now: datetime) -> int | None:
    """Count the days since a stock was counted; None where that is not known, or lies ahead.

    A month or a year stands for its first day, so that a stock is never younger than it is said to be.

    Examples
    --------
    >>> today = datetime(2026, 11, 22, 8, tzinfo=CHINA)
    >>> age_days("2026-11-20", today), age_days("2026-10", today), age_days("", today)
    (2, 52, None)
    """
    counted = _day(text)
    days = -1 if counted is None else (now.astimezone(CHINA).date() - counted).days
    return days if days >= 0 else None


@lru_cache(maxsize=4096)
def _day(text: str) -> date | None:
    parts = text[:10].split("-")
    try:
        year, month, day = (int(part) for part in (*parts, *["1"] * (3 - len(parts))))
        return date(year, month, day)
    except ValueError:
        return None


def _status(mark: Mark | None, empty: str) -> tuple[str, str]:
    """Say whether a site can send help as far as anybody knows, and how it is known."""
    if empty:
        return EMPTY, empty
    if mark is not None and mark.state == USABLE:
        return USABLE, mark_text(mark)
    return UNASKED, "登记在用, 尚未电话核实"


def mark_text(mark: Mark) -> str:
    """Say who found what out, and when."""
    what = "核实可用" if mark.state == USABLE else "标记为空"
    who = " ".join(text for text in (short_time(mark.at), mark.who) if text)
    return "".join([f"{who} {what}" if who else what, f": {mark.note}" if mark.note else ""])


def short_time(text: str) -> str:
    """Write a time as the offices' clocks show it, to the minute; empty for what is none.

    Examples
    --------
    >>> short_time("2026-11-22T01:02:03+00:00"), short_time("?")
    ('11-22 09:02', '')
    """
    try:
        return datetime.fromisoformat(text).astimezone(CHINA).strftime("%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return ""


def _whole(value: Any) -> int | None:
    """Take a count of people or vehicles; what an office wrote there may be anything."""
    is_count = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return int(value) if is_count else None


def feature(arrival: Arrival, rank: int, *, light: bool = False) -> dict[str, Any]:
    """Draw the way of a site as a GeoJSON line, from road to road (RFC 7946: WGS84 degrees).

    A light one leaves out bends of some ten metres: of 3000 points of a long way on real roads some 300 are
    left, which a telephone loads and draws at once.
    """
    site, line = arrival.site, _light(arrival.line) if light else arrival.line
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": np.round(line, _DIGITS).tolist()},
        "properties": {
            "rank": rank,
            "id": site["id"],
            "name": site["name"],
            "eta_min": round(arrival.eta_s / 60, 1),
            "drive_min": round(arrival.drive_s / 60, 1),
            "metres": round(arrival.metres, 1),
            "roads": list(arrival.roads),
        },
    }


def _light(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Simplify a line (Douglas & Peucker 1973, Cartographica 10:112-122)."""
    if len(line) < _FEW_POINTS:
        return line
    import shapely  # noqa: PLC0415 (slow to import, and `boai nearest` does without)

    simple = shapely.simplify(shapely.linestrings(line), _BEND_DEG, preserve_topology=False)
    return np.asarray(shapely.get_coordinates(simple))


def city_at(gaz: gazetteer.Gazetteer, lon: float, lat: float) -> str:
    """Name the city of the county seat or settlement that is nearest to a point."""
    rows = np.flatnonzero((np.asarray(gaz.level) >= COUNTY) & (np.asarray(gaz.county) >= 0))
    if not len(rows):
        return ""
    away = haversine_m(lon, lat, np.asarray(gaz.lon)[rows], np.asarray(gaz.lat)[rows])
    return str(gaz.city_name[gaz.county[rows[np.argmin(away)]]])
