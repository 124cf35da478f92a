"""One cell of text → one or two coordinates: decimal numbers, degrees-minutes-seconds, both joined."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

LON, LAT = (73.0, 136.0), (3.0, 54.0)
"""Longitudes and latitudes of China, degrees."""

_LONGEST = 120  # characters of a cell that are read
_MARKS = str.maketrans({
    **dict.fromkeys("º˚ᵒ⁰∘○◦度", "°"),
    **dict.fromkeys("‘’′`´＇ʹ‛ˊ分", "'"),
    **dict.fromkeys("“”″〃＂ʺ‟秒", '"'),
    **dict.fromkeys("，、；﹐｜|", ","),
    **dict.fromkeys("/\\\t\n;", ","),
    "−": "-", "–": "-", "—": "-", "。": ".", "\u3000": " ", "\u00a0": " ",
})  # fmt: skip
_LABELLED = re.compile(r"[A-Z]{2}|[XYNSEW]\s*[:=]|[东西南北经纬]")
_LABELS = [(re.compile(pattern), mark) for pattern, mark in (
    (r"SRID\s*=\s*\d+\s*;?", " "), (r"\bPOINT\s*Z?M?\s*\(", " ("), (r"\"?TYPE\"?\s*:\s*\"POINT\"\s*,?", " "),
    (r"\"?COORDINATES\"?\s*:|\b[XY]\s*[:=]", " "),
    (r"东经[度°]?\s*[:=]?|\"?(?:\bLONGITUDE|\bLONG?|\bLNG|经[度°])\"?\s*[:=]?", " E"),
    (r"北纬[度°]?\s*[:=]?|\"?(?:\bLATITUDE|\bLAT|纬[度°])\"?\s*[:=]?", " N"),
    (r"西经", " W"), (r"南纬", " S"), (r"\b([NSEW])\s*[:=]\s*", r" \1"),
)]  # fmt: skip
_PLAIN = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,20})?|\.\d{1,20})(?:[Ee][+-]?\d{1,2})?")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d{1,12})?")
_NUMBER = r"\d{1,15}(?:\.\d{1,20})?"
_ANGLE = re.compile(
    rf"([NSEW]?)\s*([+-]?{_NUMBER})\s*(?:°\s*(?:({_NUMBER})\s*(?:'(?!')|(?=[NSEW\"]|$|,))\s*"
    rf"(?:({_NUMBER})\s*(?:\"|'')?)?)?)?\s*([NSEW]?)"
)
_PARTS = re.compile(
    r"([NSEW]?)\s*(\d{1,3})([ :-])\s*(\d{1,2}(?:\.\d{1,12})?)(?:\3\s*(\d{1,2}(?:\.\d{1,12})?))?\s*([NSEW]?)"
)
_Angle = tuple[float, int, bool]  # degrees, axis, whether in minutes and seconds
_FAILED = (np.nan, np.nan, 0, False)


def read_text(cell: str, *, alone: bool) -> tuple[float, float, int, bool]:
    """Read the one or two numbers of a text: (first, second or NaN, axis of the first, DMS)."""
    if len(cell) > _LONGEST:
        return _FAILED
    if _PLAIN.fullmatch(cell):
        return float(cell), np.nan, 0, False
    text = unicodedata.normalize("NFKC", cell.translate(_MARKS)).upper().translate(_MARKS)
    if _LABELLED.search(text):
        for pattern, mark in _LABELS:
            text = pattern.sub(mark, text)
    if text[:1] == text[-1:] == '"':
        text = text[1:-1]
    text = re.sub(r"^'(?=[\s\d+-])", "", text)  # of a cell that somebody marked as text
    text = re.sub(r"[(){}\[\]]", " ", text).replace("''", '"').strip(" ,:")
    if _PLAIN.fullmatch(text):
        return float(text), np.nan, 0, False
    if _THOUSANDS.fullmatch(text) and not re.fullmatch(r"\d{2,3},\d{3}", text):
        return float(text.replace(",", "")), np.nan, 0, False
    return _join(_angles(text, alone=alone))


def _angles(text: str, *, alone: bool) -> list[_Angle]:
    """Split a text into one or two angles or numbers; empty where anything in it is not understood."""
    marked = re.search("[NSEW]", text)
    if marked:  # the letters stand before their numbers if the first character is one, else behind them
        parts = re.split(r"(?=[NSEW])" if marked.start() == 0 else r"(?<=[NSEW])", text)
    else:
        parts = text.split(",")
    parts = [tidy for part in parts if (tidy := part.strip(" ,"))]
    if len(parts) > 1 or marked:
        angles = [angle for part in parts[:4] if (angle := _angle(part))]
        whole = len(angles) == len(parts) and not (marked and any(not axis for _, axis, _ in angles))
        return angles if whole else []
    single = None if alone and _two_decimals(text) else _angle(text)
    return [single] if single else _side_by_side(text)


def _two_decimals(text: str) -> bool:
    """Whether a text is two numbers that are a longitude and a latitude: not degrees and minutes."""
    found = re.fullmatch(rf"({_NUMBER})\s+({_NUMBER})", text)
    return found is not None and max(float(found[1]), float(found[2])) > 60


def _side_by_side(text: str) -> list[_Angle]:
    """Read two or three angles that only blanks separate."""
    for pattern in (_ANGLE, _PARTS):
        found = list(pattern.finditer(text))
        if len(found) in (2, 3) and not pattern.sub("", text).strip():
            angles = [_angle(match[0].strip()) for match in found]
            if all(angles):
                return [angle for angle in angles if angle]
    return []


def _angle(text: str) -> _Angle | None:
    """Read one angle or number."""
    found = _ANGLE.fullmatch(text)
    if found:
        before, degrees, minutes, seconds, after = found.groups()
    else:
        found = _PARTS.fullmatch(text)
        if not found:
            return None
        before, degrees, _, minutes, seconds, after = found.groups()
    mark = before or after or ""
    if (before and after and before != after) or (minutes and "." in degrees) or (seconds and "." in minutes):
        return None
    m, s = float(minutes or 0), float(seconds or 0)
    if m > 60 or s > 60 or (minutes and degrees.startswith("-")):
        return None
    value = (float(degrees) + m / 60 + s / 3600) * (-1 if mark in ("W", "S") and mark else 1)
    return value, {"E": 1, "W": 1, "N": 2, "S": 2}.get(mark, 0), minutes is not None


def _join(angles: list[_Angle]) -> tuple[float, float, int, bool]:
    """Turn one or two angles into numbers; a third is the height. Two that name the same axis are none."""
    if not angles or len(angles) > 3 or (len(angles) == 3 and not _heighted(angles)):
        return _FAILED
    value, axis, dms = angles[0]
    if len(angles) == 1:
        return value, np.nan, axis, dms
    other, second, also = angles[1]
    if axis and axis == second:
        return _FAILED
    if axis == 2 or second == 1:
        axis, value, other = 2, other, value
    return value, other, axis, dms or also


def _heighted(angles: list[_Angle]) -> bool:
    """Whether three plain numbers are longitude, latitude (or the reverse) and a height in metres."""
    (a, *_), (b, *_), (height, _, dms) = angles
    east, north = max(a, b), min(a, b)
    return LON[0] <= east <= LON[1] and LAT[0] <= north <= LAT[1] and abs(height) < 9000 and not dms
