"""Chinese characters: traditional → simplified, and how a name sounds (standard library alone).

The tables cover all 6763 characters of GB 2312 and those of the gazetteer. ``tables/pinyin.csv`` has the
readings without tones that pypinyin 0.55 (MIT licence) gives, where a character has several those that its
phrases use, and a few that only place names have (铅山, 圩). ``tables/traditional.csv`` has the single
characters of OpenCC (Apache licence 2.0) whose simplified form is one of these; a traditional character that
GB 2312 holds itself, such as 乾, stays.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

TABLES = Path(__file__).parent / "tables"

_MOST_READINGS = 8
"""Ways to read one name that are kept; the names of Jiangxi have at most four."""

_ALIKE = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"), ("l", "n"), ("hu", "f"), ("r", "n"))
"""Sounds that speakers in Jiangxi's dialects often do not tell apart, in the order of their replacement."""


def simplified(text: str) -> str:
    """Write traditional characters in their simplified form.

    Examples
    --------
    >>> simplified("修水縣黃坳鄉"), simplified("萬載縣")
    ('修水县黄坳乡', '万载县')
    """
    return text if text.isascii() else text.translate(_simplified())


def readings(name: str) -> list[tuple[str, ...]]:
    """List the ways to read a name: its syllables without tones, the usual way first; none where a character
    is not in the table.

    Examples
    --------
    >>> readings("修水"), readings("铅山")
    ([('xiu', 'shui')], [('qian', 'shan'), ('yan', 'shan')])
    """
    known = [_readings().get(character, ()) for character in name]
    ways = product(*known) if name else iter(())
    return [way for way, _ in zip(ways, range(_MOST_READINGS), strict=False)]


def usual_sound(text: str) -> str:
    """Spell a text by the usual reading of each character; what has none stays.

    Examples
    --------
    >>> usual_sound("秀水ab")
    'xiushuiab'
    """
    return "".join(_readings().get(character, (character,))[0] for character in text)


def spelt(text: str) -> str:
    """Bring typed pinyin to plain letters: no tones, blanks or marks, ü as v; empty where it is none.

    Examples
    --------
    >>> spelt("Xiū shuǐ"), spelt("lü'an"), spelt("修水x")
    ('xiushui', 'lvan', '')
    """
    low = unicodedata.normalize("NFD", text.lower()).replace("u\u0308", "v")
    plain = "".join(c for c in low if not unicodedata.combining(c) and c not in " '’-·")
    return plain if plain.isascii() and plain.isalpha() else ""


def blurred(sound: str) -> str:
    """Write sounds that are often confused alike: zh z, ch c, sh s, n l r, ang an, hu f.

    Examples
    --------
    >>> blurred("shanglan") == blurred("sannang")
    True
    """
    for one, other in _ALIKE:
        sound = sound.replace(one, other)
    return sound


def tables() -> dict[str, str]:
    """Give both tables as plain text for a page that works without a server: lines of ``key,characters``."""
    return {
        "pinyin": "\n".join(f"{row[0]},{row[1]},{row[2]}" for row in _rows("pinyin")),
        "traditional": "\n".join(",".join(row) for row in _rows("traditional")),
    }


def _rows(table: str) -> Iterator[list[str]]:
    with (TABLES / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        yield from rows


@cache
def _simplified() -> dict[int, str]:
    return {ord(one): simple for simple, others in _rows("traditional") for one in others}


@cache
def _readings() -> dict[str, tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = {}
    rows = list(_rows("pinyin"))
    for syllable, usual, _ in rows:
        known.update(dict.fromkeys(usual, (syllable,)))
    for syllable, _, also in rows:
        for character in also:
            known[character] = (*known.get(character, ()), syllable)
    return known
