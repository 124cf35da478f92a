"""Figures in tags: speeds, weights, lengths and durations in the spellings that people use."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_MOST_TEXT = 200
"""Longer values of tags are taken for a mistake (OpenStreetMap allows 255 characters)."""

_NUMBER = re.compile(r"([0-9]{1,6}(?:[.,][0-9]{1,6})?)\s*([^0-9\s.,][^0-9]{0,14})?")
_SPEED_UNITS = {
    **dict.fromkeys(("", "km/h", "kmh", "kph", "kmph", "km/hr", "km"), 1.0),
    **dict.fromkeys(("公里/小时", "千米/小时", "公里", "km/小时"), 1.0),
    **dict.fromkeys(("mph", "mi/h", "mp/h", "miles/h"), 1.609344),
    **dict.fromkeys(("knots", "knot", "kn", "kt"), 1.852),
}  # fmt: skip
_WEIGHT_UNITS = {
    **dict.fromkeys(("", "t", "to", "ton", "tons", "tonne", "tonnes", "吨"), 1.0),
    **dict.fromkeys(("kg", "kgs", "公斤", "千克"), 0.001),
    **dict.fromkeys(("lb", "lbs", "pounds"), 0.00045359237),
    **dict.fromkeys(("st", "short tons", "us t"), 0.90718474),
    **dict.fromkeys(("lt", "long tons"), 1.0160469088),
}
_LENGTH_UNITS = {
    **dict.fromkeys(("", "m", "mtr", "meter", "meters", "metre", "metres", "米"), 1.0),
    **dict.fromkeys(("cm", "厘米"), 0.01),
    **dict.fromkeys(("'", "ft", "feet", "foot"), 0.3048),
    **dict.fromkeys(('"', "in", "inch", "inches"), 0.0254),
}
_LABEL = re.compile(r"限[重载速高宽长轴]+\s*:?\s*")
_FEET = re.compile(r"([0-9]{1,3})\s*(?:'|ft|feet)\s*([0-9]{1,2}(?:\.[0-9]{1,2})?)\s*(?:\"|''|in|inches)?")
_CLOCK = re.compile(r"([0-9]{1,3}):([0-9]{1,2})(?::([0-9]{1,2}))?")
_ISO = re.compile(r"p(?:([0-9]{1,2})d)?(?:t(?:([0-9]{1,3})h)?(?:([0-9]{1,4})m)?(?:([0-9]{1,5})s)?)?")
_DURATION_UNITS = {
    **dict.fromkeys(("", "m", "min", "mins", "minute", "minutes", "分", "分钟"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours", "小时"), 3600.0),
    **dict.fromkeys(("s", "sec", "秒"), 1.0),
}
_LONGEST_S = 48 * 3600.0


@lru_cache(maxsize=4096)  # few values make up most tags
def tidy(text: str) -> str:
    """Bring a value to one form: full-width to plain, lower case, single blanks; "" where it is too long.

    Examples
    --------
    >>> tidy("　５０ KM/H ")
    '50 km/h'
    """
    if len(text) > _MOST_TEXT:
        return ""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'").replace("′", "'").replace("″", '"')
    return " ".join(plain.replace("”", '"').lower().split())


def parts(text: str) -> list[str]:
    """Split a value at the signs that stand between several: ``;`` and, between lanes, ``|``."""
    return [part for piece in text.replace("|", ";").split(";") if (part := piece.strip())] if text else []


def speed_kmh(text: str) -> float | None:
    """Read one speed in tidy form, in km/h; None where it is no number with a known unit.

    Examples
    --------
    >>> speed_kmh("50"), round(speed_kmh("30mph"), 2), speed_kmh("5o")
    (50.0, 48.28, None)
    """
    return _measure(text, _SPEED_UNITS)


def weight_t(text: str) -> float | None:
    """Read a weight in tidy form, in tonnes (the unit where none is written).

    Examples
    --------
    >>> weight_t("7500 kg"), weight_t("3,5"), weight_t("限重10吨"), weight_t("heavy")
    (7.5, 3.5, 10.0, None)
    """
    return _measure(text, _WEIGHT_UNITS)


def length_m(text: str) -> float | None:
    """Read a length in tidy form, in metres (the unit where none is written).

    Examples
    --------
    >>> length_m("4.2 m"), round(length_m("12'6\\""), 3)
    (4.2, 3.81)
    """
    if feet := _FEET.fullmatch(text):
        return float(feet[1]) * 0.3048 + float(feet[2]) * 0.0254
    return _measure(text, _LENGTH_UNITS)


def duration_s(text: str) -> float | None:
    """Read a duration in tidy form, in seconds: hh:mm, hh:mm:ss, ISO 8601, or minutes; at most two days.

    Examples
    --------
    >>> duration_s("0:10"), duration_s("1:30:00"), duration_s("pt15m"), duration_s("15")
    (600.0, 5400.0, 900.0, 900.0)
    """
    if clock := _CLOCK.fullmatch(text):
        seconds = int(clock[1]) * 3600.0 + int(clock[2]) * 60 + int(clock[3] or 0)
    elif iso := _ISO.fullmatch(text):
        days, hours, minutes, rest = (int(part or 0) for part in iso.groups())
        seconds = days * 86400.0 + hours * 3600 + minutes * 60 + rest
    else:
        seconds = _measure(text, _DURATION_UNITS) or 0.0
    return seconds if 0 < seconds <= _LONGEST_S else None


def _measure(text: str, units: dict[str, float]) -> float | None:
    found = _NUMBER.fullmatch(_LABEL.sub("", text, count=1))
    if found is None:
        return None
    unit = units.get((found[2] or "").strip())
    return None if unit is None else float(found[1].replace(",", ".")) * unit
