"""Suggestions while a place name is typed: characters, pinyin, initials, what sounds or looks alike.

A text is read as units from large to small (修水县黄坳, xiushui huangao, xsx huangao) the last perhaps
unfinished. ``app/web/where.js`` does the same without a server: what is changed here is changed there.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .characters import blurred, readings, simplified, usual_sound
from .names import CITY, LONGEST, PROVINCE, shorten

if TYPE_CHECKING:
    from .gazetteer import Gazetteer

HANZI, PINYIN, INITIALS = range(3)
"""What a key is: a name as it is written, as it is spelt, the first letters of its syllables."""

WHOLE, BEGUN = (0, 2, 3), (1, 4, 5)
"""Ranks of a key that is typed in full or begun, by what it is; the lower the better."""
WITHIN, SOUNDS_SAME, SOUNDS_ALIKE, LOOKS_ALIKE, UNIT_ONLY = 6, 7, 8, 9, 10
"""Ranks: the text stands inside the name; sounds the same; sounds similar; is written similarly; only the
unit in front is known."""

_WHY = {
    2: "拼音", 3: "首字母", 4: "拼音", 5: "首字母", 6: "包含", 7: "同音", 8: "读音相近", 9: "写法相近",
}  # fmt: skip
BELOW = "下辖"
"""Why a place is suggested that lies right in the one that was named."""

_SKIPPED = " \t\r\n'’-·"
_LONG_WORD = 5
_LAST = 9  # looseness of what is listed behind all that a text names itself
_PADDED = 24  # letters of a key that typos are looked for in


class Hit(NamedTuple):
    """A place that a text may mean; hits sort from the best to the worst."""

    rank: int
    loose: int
    """As in ``names.spellings``."""
    level: int
    less: int
    """Residents, negative: of two places the more populous comes first."""
    row: int
    """Row of the gazetteer."""
    why: str
    """Chinese: how it was found where that is not by its name; else empty."""


class Words(NamedTuple):
    """Words that may be misspelt."""

    rows: list[int]
    """(words,) their places."""
    codes: NDArray[np.int32]
    """(words, _PADDED) their characters, 0 behind their end."""


@dataclass(frozen=True)
class Index:
    """Keys of the places of a gazetteer, as plain lists for single look-ups."""

    keys: list[str]
    """All keys, ascending."""
    places: dict[str, list[tuple[int, int, int]]]
    """Key → (row, what the key is, looseness)."""
    alike: dict[str, list[int]]
    """Blurred pinyin → rows."""
    words: tuple[Words, Words]
    """Names and their pinyin: what typos are looked for in."""
    name: list[str]
    level: list[int]
    county: list[int]
    city: list[int]
    """Row of the city that a place lies in or is; -1 for the province."""
    people: list[int]
    alias: dict[str, list[int]]
    """Other names → rows."""


def build_index(gaz: Gazetteer) -> Index:
    """Make the index of a gazetteer (about 20 ms)."""
    level, county = gaz.level.tolist(), gaz.county.tolist()
    name = gaz.name.tolist()
    cities = {text: row for row, text in enumerate(name) if level[row] == CITY}
    of_county = [cities.get(text, -1) for text in gaz.city_name.tolist()]
    city = [
        row if level[row] == CITY else of_county[county[row]] if county[row] >= 0 else -1
        for row in range(len(name))
    ]
    places: dict[str, list[tuple[int, int, int]]] = {
        text: [(row, HANZI, loose) for row, loose in rows] for text, rows in gaz.forms.items()
    }
    alike: dict[str, list[int]] = {}
    words = sound_words(gaz)
    spelt: list[tuple[str, int]] = []
    for text, row, loose in words:
        for syllables in readings(text):
            full = "".join(syllables)
            spelt.append((full, row))
            _add(places, full, (row, PINYIN, loose))
            _add(places, "".join(one[0] for one in syllables), (row, INITIALS, loose))
            rows = alike.setdefault(blurred(full), [])
            if row not in rows:
                rows.append(row)
    alias: dict[str, list[int]] = {}
    for text, row in zip(gaz.alias.tolist(), gaz.alias_of.tolist(), strict=True):
        alias.setdefault(text, []).append(row)
    both = _words([(text, row) for text, row, _ in words]), _words(spelt)
    people = gaz.population.tolist()
    return Index(sorted(places), places, alike, both, name, level, county, city, people, alias)


def sound_words(gaz: Gazetteer) -> list[tuple[str, int, int]]:
    """List the names that are spelt in pinyin: (text, row, looseness), official, short, then other names."""
    level = gaz.level.tolist()
    found: dict[tuple[str, int], int] = {}
    for row, text in enumerate(gaz.name.tolist()):
        found.setdefault((text, row), 0)
        found.setdefault((shorten(text, level[row]), row), 1)
    for text, row in zip(gaz.alias.tolist(), gaz.alias_of.tolist(), strict=True):
        found.setdefault((text, row), 1)
        found.setdefault((shorten(text, level[row]), row), 2)
    return [(text, row, loose) for (text, row), loose in found.items()]


def search(index: Index, text: str, limit: int) -> list[Hit]:
    """Find the places that a text, perhaps unfinished, may mean, best first; each once, at most ``limit``."""
    typed = normal(text)
    if not typed or limit < 1:
        return []
    best: dict[int, Hit] = {}
    heads = list(_heads(index, typed))
    for start, above, worst, _ in heads:
        _keep(best, _begun(index, typed[start:], above, worst))
    start, above, *_ = max(head for head in heads if head[3])
    rest = typed[start:]
    for looser, enough in ((_inside, limit), (_alike, limit), (_misspelt, 1)):
        if rest and len(best) < enough:
            _keep(best, looser(index, rest, above))
    if rest and above >= 0:
        _keep(best, [_hit(index, above, UNIT_ONLY, 0, f"地名表里没有 {rest}, 以{index.name[above]}代替")])
    return sorted(best.values())[:limit]


def normal(text: str) -> str:
    """Bring a typed text to the form of the keys; empty where it is too long or cannot be read.

    Examples
    --------
    >>> normal("修水縣 Huáng'ào"), normal("江西省")
    ('修水县huangao', '江西省')
    """
    if len(text) > 4 * LONGEST:
        return ""
    low = unicodedata.normalize("NFD", simplified(unicodedata.normalize("NFKC", text)).lower())
    plain = "".join(
        c for c in low.replace("u\u0308", "v") if c not in _SKIPPED and unicodedata.category(c)[0] != "M"
    )
    return plain if len(plain) <= LONGEST and plain.isprintable() else ""


def _add(places: dict[str, list[tuple[int, int, int]]], key: str, place: tuple[int, int, int]) -> None:
    known = places.setdefault(key, [])
    if not any(one[:2] == place[:2] for one in known):
        known.append(place)


def _hit(index: Index, row: int, rank: int, loose: int, why: str) -> Hit:
    return Hit(rank, loose, index.level[row], -index.people[row], row, why)


def _keep(best: dict[int, Hit], hits: Iterator[Hit] | list[Hit]) -> None:
    for hit in hits:
        if hit.row not in best or hit < best[hit.row]:
            best[hit.row] = hit


def _lies_in(index: Index, row: int, above: int) -> bool:
    """Whether a place is a part of another of a higher level; everything is within -1."""
    if above < 0:
        return True
    level = index.level[above]
    if index.level[row] <= level:
        return False
    if level == CITY:
        return index.city[row] == above
    return level == PROVINCE or index.county[row] == index.county[above]


def _heads(index: Index, typed: str) -> Iterator[tuple[int, int, int, bool]]:
    """Read whole units at the beginning: (end, row of the last, rank of the worst, sure); the first is none.

    Sure are names, and the pinyin of whole official names.
    """
    ahead, seen = [(0, -1, 0, True)], {(0, -1)}
    while ahead:
        start, above, worst, sure = ahead.pop()
        yield start, above, worst, sure
        for end in range(start + 2, len(typed) + 1):
            for row, what, loose in index.places.get(typed[start:end], ()):
                if (end, row) not in seen and _lies_in(index, row, above):
                    seen.add((end, row))
                    named = what == HANZI or (what == PINYIN and loose == 0)
                    ahead.append((end, row, max(worst, WHOLE[what]), sure and named))


def _begun(index: Index, rest: str, above: int, worst: int) -> Iterator[Hit]:
    """Find the places in a unit whose key begins with a text; without a text all that lie right in it."""
    if not rest:
        yield _hit(index, above, worst, 0, _WHY.get(worst, ""))
        down = index.level[above] + 1
        for row, level in enumerate(index.level):
            if level == down and _lies_in(index, row, above):
                yield _hit(index, row, max(worst, BEGUN[HANZI]), _LAST, BELOW)
        return
    at = bisect_left(index.keys, rest)
    while at < len(index.keys) and index.keys[at].startswith(rest):
        key = index.keys[at]
        at += 1
        for row, what, loose in index.places[key]:
            if _lies_in(index, row, above):
                rank = max(worst, (WHOLE if key == rest else BEGUN)[what])
                former = what == HANZI and row in index.alias.get(key, ())
                yield _hit(index, row, rank, loose, f"又名 {key}" if former else _WHY.get(rank, ""))


def _inside(index: Index, rest: str, above: int) -> Iterator[Hit]:
    """Find the places in a unit whose name holds a text."""
    for row, name in enumerate(index.name):
        if rest in simplified(name) and _lies_in(index, row, above):
            yield _hit(index, row, WITHIN, 0, _WHY[WITHIN])


def _alike(index: Index, rest: str, above: int) -> Iterator[Hit]:
    """Find the places in a unit that sound as a text does."""
    sound = usual_sound(rest)
    if sound != rest:
        for row, what, loose in index.places.get(sound, ()):
            if what == PINYIN and _lies_in(index, row, above):
                yield _hit(index, row, SOUNDS_SAME, loose, _WHY[SOUNDS_SAME])
    for row in index.alike.get(blurred(sound), ()):
        if _lies_in(index, row, above):
            yield _hit(index, row, SOUNDS_ALIKE, 0, _WHY[SOUNDS_ALIKE])


def _misspelt(index: Index, rest: str, above: int) -> Iterator[Hit]:
    """Find the places in a unit that a character more, less or another makes of a text; two of five."""
    if len(rest) < 2 or len(rest) > _PADDED:
        return
    words = index.words[rest.isascii()]
    most = 1 + (len(rest) >= _LONG_WORD)
    near = np.flatnonzero(np.abs(np.count_nonzero(words.codes, axis=1) - len(rest)) <= most)
    away = _distances(words.codes[near], rest)
    for at in np.flatnonzero(away <= most).tolist():
        row = words.rows[near[at]]
        if _lies_in(index, row, above):
            yield _hit(index, row, LOOKS_ALIKE, int(away[at]), _WHY[LOOKS_ALIKE])


def _words(words: list[tuple[str, int]]) -> Words:
    codes = np.zeros((len(words), _PADDED), np.int32)
    for at, (text, _) in enumerate(words):
        shown = text[:_PADDED]
        codes[at, : len(shown)] = [ord(character) for character in shown]
    return Words([row for _, row in words], codes)


def _distances(codes: NDArray[np.int32], text: str) -> NDArray[np.int32]:
    """(words,) edit distances (Levenshtein 1966) of a text to words, one row of the table at a time."""
    length = np.count_nonzero(codes, axis=1)
    width = int(length.max(initial=0))
    row = np.tile(np.arange(width + 1, dtype=np.int32), (len(codes), 1)).T.copy()
    letters = np.ascontiguousarray(codes[:, :width].T)
    for i, character in enumerate(text, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(character)))
        row[0] = i
        for j in range(width):
            np.minimum(best[j], row[j] + 1, out=row[j + 1])
    found: NDArray[np.int32] = row[length, np.arange(len(codes))]
    return found
