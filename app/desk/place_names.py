"""Names of places at the desk: which place is meant by what was typed, and which others may be."""

from __future__ import annotations

import re
from typing import Any

from ...geodata import gazetteer
from ...geodata.errors import PlaceError, Problem
from ...geodata.gazetteer import Gazetteer, Place, Suggestion
from ...geodata.names import CITY, EXAMPLE, LONGEST, PROVINCE

LEVELS = ("省", "市", "县", "乡镇")
"""Words for the levels of a gazetteer."""

_SHORT, _LONG = 3, 7  # characters of the names that are looked for within a text
_LEADING = re.compile(r"^(?:我们?|现)?(?:在|位于|地址|地点|事发地|位置)?[:：,，【\[( ]*")
_OFFERED, _NAMED, _SHOWN = 5, 3, 20


def named(gaz: Gazetteer, text: str) -> tuple[Place, list[Suggestion]]:
    """Find a named place that is small enough to drive to, and others that may be meant."""
    place, options = _place(gaz, text)
    if place.level == PROVINCE:
        what = Problem("地点", "范围太大, 请写到县或乡镇", place.name, "例如 修水县 或 修水县黄坳乡")
        raise PlaceError(what, [described(one) for one in gazetteer.suggest(gaz, text, limit=20)[1:]])
    return place, options


def _place(gaz: Gazetteer, text: str) -> tuple[Place, list[Suggestion]]:
    """Find a place by its name, its pinyin, or the unit it lies in; with what else may be meant."""
    problem = None
    try:
        found = gazetteer.look_up(gaz, text)
        if found is not None:
            return found, []
    except PlaceError as error:
        problem = error.problems[0]
    from ...geodata.place_search import BELOW, LOOKS_ALIKE, PINYIN, WHOLE  # noqa: PLC0415 (slow to import)

    options = gazetteer.suggest(gaz, text, limit=_OFFERED)
    sure = [one for one in options if one.rank == WHOLE[PINYIN] and one.place.note != BELOW]
    if len(sure) == 1:
        found = sure[0].place
        return _noted(found, f"按拼音 {text[:LONGEST]} 理解为 {found.name}"), []
    alike = [one for one in options if one.rank <= LOOKS_ALIKE and one.place.note != BELOW]
    namesakes = bool(options) and options[0].rank == 0
    unit = (
        None if namesakes else next(filter(None, (_unit_of(gaz, part) for part in _parts(gaz, text))), None)
    )
    if unit is not None:
        names = "、".join(one.place.name for one in alike[:_NAMED])
        return _noted(unit, f"{unit.note}; 是否指 {names}?" if names else unit.note), alike
    if problem is None or (alike and not namesakes):
        names = "、".join(gazetteer.full_name(gaz, one.row, province=False) for one in alike[:_NAMED])
        fix = f"是否指 {names}?" if names else EXAMPLE
        problem = Problem(f"地名 {text[:_SHOWN]}", "地名表里没有这个地方", fix=fix)
    raise PlaceError(problem, [described(one) for one in alike or options])


def _unit_of(gaz: Gazetteer, text: str) -> Place | None:
    try:
        return gazetteer.look_up(gaz, text, nearby=True)
    except PlaceError:
        return None


def _noted(place: Place, note: str) -> Place:
    return Place(**{**vars(place), "note": note})


def _parts(gaz: Gazetteer, text: str) -> list[str]:
    """List the text, and its ends from where an official name of a county or township begins in it."""
    plain = _LEADING.sub("", text)
    index = gaz.index
    names = {
        name
        for name, level in zip(index.name, index.level, strict=True)
        if level >= CITY and len(name) >= _SHORT
    }
    starts = [at for at in range(1, min(len(plain), 3 * LONGEST)) if _begins(names, plain[at : at + _LONG])]
    return [plain[at : at + LONGEST] for at in (0, *starts[:_NAMED])]


def _begins(names: set[str], text: str) -> bool:
    return any(text[:end] in names for end in range(_SHORT, len(text) + 1))


def described(one: Suggestion) -> dict[str, Any]:
    """Write a suggestion as the API has it; ``why`` says how it was found where that is not by its name."""
    place = one.place
    return {
        "name": place.name,
        "full_name": place.full_name,
        "level": LEVELS[place.level],
        "lon": place.lon,
        "lat": place.lat,
        "why": place.note,
    }
