"""Place names as text: cleaning what a user typed and the ways to write a name (standard library alone)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from .characters import simplified
from .errors import PlaceError, Problem

PROVINCE, CITY, COUNTY, SETTLEMENT = range(4)
"""Levels of places, from the province down to 镇、乡、街道 and other settlements."""

ENDINGS = {
    PROVINCE: ("省",),
    CITY: ("市",),
    COUNTY: ("县", "市", "区"),
    SETTLEMENT: ("街道办事处", "街道办", "街道", "镇", "畲族乡", "乡"),
}
"""Endings that may be left out, longest first; a name keeps at least two characters."""

LONGEST = 60
"""Longest text that is looked up; the longest full name of a place in Jiangxi has 17 characters."""

_WRITTEN = ("街道", "镇", "乡")
"""Endings of township-level units as they stand in official names."""

_TRADITIONAL = str.maketrans("鎮鄉郷鷹饒贛撫峯徳縣區", "镇乡乡鹰饶赣抚峰德县区")
"""Traditional and Japanese characters common in the names of Jiangxi, in simplified writing."""

_BLANKS = str.maketrans("", "", " \t\r\n")  # NFKC turns the blanks of other widths into these

EXAMPLE = "请写江西省内县或乡镇的名称, 例如 修水县 或 修水县黄坳乡"
"""What to do when a name is not understood."""


def simplify(text: str) -> str:
    """Write the commonest traditional characters of Jiangxi's place names in their simplified form.

    Examples
    --------
    >>> simplify("鷹潭市")
    '鹰潭市'
    """
    return text.translate(_TRADITIONAL)


def shorten(name: str, level: int) -> str:
    """Leave out the ending of a name.

    Examples
    --------
    >>> shorten("修水县", COUNTY), shorten("黄坳乡", SETTLEMENT), shorten("城镇", SETTLEMENT)
    ('修水', '黄坳', '城镇')
    """
    for ending in ENDINGS[level]:
        if name.endswith(ending) and len(name) - len(ending) >= 2:
            return name.removesuffix(ending)
    return name


def clean(text: str) -> str:
    """Bring what a user typed to one form: no blanks, half-width brackets, simplified characters.

    Raises
    ------
    PlaceError
        The text is empty, too long or holds control characters; it is then not repeated in the message.
    """
    if len(text) > 4 * LONGEST:
        raise PlaceError(Problem("地名", f"最多 {LONGEST} 个字", f"{len(text)} 个字", EXAMPLE))
    tidy = simplify(simplified(unicodedata.normalize("NFKC", text).translate(_BLANKS)))
    if not tidy.isprintable():
        raise PlaceError(Problem("地名", "含有控制字符等不可见字符", fix=EXAMPLE))
    if not tidy:
        raise PlaceError(Problem("地名", "没有内容", fix=EXAMPLE))
    if len(tidy) > LONGEST:
        raise PlaceError(Problem("地名", f"最多 {LONGEST} 个字", f"{len(tidy)} 个字", EXAMPLE))
    return tidy


def split_brackets(text: str) -> tuple[str, str]:
    """Split ``樟树市(昌傅)`` into the unit and what stands in brackets at the end, empty if nothing does.

    Examples
    --------
    >>> split_brackets("樟树市(昌傅)"), split_brackets("修水县")
    (('樟树市', '昌傅'), ('修水县', ''))
    """
    before, opened, inside = text.partition("(")
    if opened and before and inside.endswith(")"):
        return before, inside.removesuffix(")")
    return text, ""


def spellings(
    names: Sequence[tuple[str, int, int]], aliases: Sequence[tuple[str, int, int]]
) -> dict[str, list[tuple[int, int]]]:
    """List every way to write the places: text → [(row, looseness)].

    Looseness 0 is the name itself, 1 the name without its ending, 2 a township-level name with another ending
    (a 乡 may have become a 镇 since the gazetteer was made) and the short form of an alias.

    Parameters
    ----------
    names, aliases
        (name, level, row) of each.
    """
    forms: dict[str, dict[int, int]] = {}
    ways = [(way, row, loose) for name, level, row in names for way, loose in _ways(name, level)]
    ways += [(name, row, 0) for name, _, row in aliases]
    ways += [(shorten(name, level), row, 2) for name, level, row in aliases]
    for way, row, loose in ways:
        rows = forms.setdefault(way, {})
        rows[row] = min(loose, rows.get(row, loose))
    return {way: list(rows.items()) for way, rows in forms.items()}


def _ways(name: str, level: int) -> list[tuple[str, int]]:
    """Ways to write a name, with their looseness; a settlement without an ending has no official name."""
    short = shorten(name, level)
    if level < SETTLEMENT:
        town = [name + "城" if name.endswith("县") else name + "区"] if level > PROVINCE else []
        return [(name, 0), (short, 1), *((way, 1) for way in (*town, name + "城区"))]
    return [(name, int(short == name)), (short, 1), *((short + ending, 2) for ending in _WRITTEN)]
