"""The expressways as facts: which counties each one passes, in order, and the lengths of its sections."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from .errors import InputError, Problem
from .gazetteer import Gazetteer
from .names import SETTLEMENT, clean, split_brackets

_TABLE = Path(__file__).with_name("tables") / "expressways.yaml"
_RING = "绕城"
_TRUNK = re.compile(r"G\d\d")
_BORDER = re.compile("[界关隘]")


@dataclass(frozen=True)
class End:
    """One end of a section: a county and the text in brackets behind it."""

    county: int
    """Position of the county, -1 where the end is no county."""
    text: str
    """Such as 昌傅; empty where there are no brackets. Of ``二度关,赣闽界`` the last part, 赣闽界."""


@dataclass(frozen=True)
class Section:
    """A part of an expressway with its published length."""

    label: str
    """As the table writes it: 樟树市(昌傅)-湘东区(金鱼石)."""
    start: End
    end: End
    km: float
    verified: bool
    """False where the length is not checked against a document."""


@dataclass(frozen=True)
class Expressway:
    """One expressway as the table tells of it."""

    road: str
    """Number and name, such as ``G60 沪昆高速``."""
    counties: tuple[int, ...]
    """Positions of the counties that it passes, in order."""
    sections: tuple[Section, ...] = ()
    is_open: bool = True
    """False while it is planned or under construction."""

    @property
    def ring(self) -> bool:
        """True for a ring road (绕城)."""
        return _RING in self.road

    @property
    def trunk(self) -> bool:
        """True for a trunk route of the state (G and two digits): none of them ends inside the province."""
        return _TRUNK.fullmatch(self.road.split(" ")[0]) is not None

    def texts(self, county: int) -> tuple[str, ...]:
        """Texts in brackets at ends of sections in a county, each once, in the order of the table."""
        ends = (end for section in self.sections for end in (section.start, section.end))
        return tuple(dict.fromkeys(end.text for end in ends if end.county == county and end.text))


def read_expressways(gaz: Gazetteer, path: Path | None = None) -> tuple[Expressway, ...]:
    """Read the table of the expressways.

    Parameters
    ----------
    gaz
        Knows the counties by name.
    path
        A YAML file; the table of the package where None.

    Raises
    ------
    InputError
        The table names counties that the gazetteer does not have; all are named.
    """
    path = path or _TABLE
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))["expressways"]
    known = county_positions(gaz)
    refuse_unknown(path, (county for row in rows for county in row["counties"]), known)
    return tuple(_expressway(row, known) for row in rows)


def county_positions(gaz: Gazetteer) -> dict[str, int]:
    """Map the names of the counties to their positions."""
    return {str(name): position for position, name in enumerate(gaz.county_name)}


def refuse_unknown(path: Path, names: Any, known: Collection[str]) -> None:
    """Raise ``InputError`` that lists all names that are not known."""
    unknown = sorted({str(name) for name in names} - set(known))
    if unknown:
        raise InputError([Problem(path.name, "没有这个县区", name, "请核对名称") for name in unknown])


def _expressway(row: Mapping[str, Any], known: Mapping[str, int]) -> Expressway:
    return Expressway(
        road=f"{row['code'] or ''} {row['name']}".strip(),
        counties=tuple(known[county] for county in row["counties"]),
        sections=tuple(_section(section, known) for section in row["sections"]),
        is_open=row["status"] == "open",
    )


def _section(row: Mapping[str, Any], known: Mapping[str, int]) -> Section:
    ends = [split_end(row[key]) for key in ("from", "to")]
    start, end = (End(known.get(county, -1), text) for county, text in ends)
    label = section_label(row["from"], row["to"])
    return Section(label, start, end, float(row["length_km"]), bool(row.get("verified", True)))


def section_label(start: str, end: str) -> str:
    """Write a section as one text, the same for a table of roads and a table of distances.

    Examples
    --------
    >>> section_label("樟树市（昌傅）", "吉安县")
    '樟树市(昌傅)-吉安县'
    """
    return f"{clean(start)}-{clean(end)}"


def split_end(text: str) -> tuple[str, str]:
    """Split an end of a section into the unit and the last of the places in brackets.

    Examples
    --------
    >>> split_end("广丰区(二度关,赣闽界)"), split_end("修水县")
    (('广丰区', '赣闽界'), ('修水县', ''))
    """
    unit, inside = split_brackets(clean(text))
    return unit, re.split("[,、]", inside)[-1]


def settlement_in(gaz: Gazetteer, county: int, text: str) -> int:
    """Find a settlement of a county by any of its spellings: its row in the gazetteer, or -1."""
    rows = [
        (loose, row)
        for row, loose in gaz.forms.get(text, ())
        if gaz.level[row] == SETTLEMENT and gaz.county[row] == county
    ]
    return min(rows)[1] if rows else -1


def leaves_province(road: Expressway, county: int, gaz: Gazetteer) -> str:
    """Name the place where a road crosses the province border in a county.

    It is the first text of a section's end that speaks of a border or a pass (界, 关, 隘) or, on a trunk
    route, that the gazetteer does not know; a trunk route without such a text crosses at 省界.

    Returns
    -------
    str
        Empty where nothing says that the road leaves the province. Whether the county lies on the border is
        not looked at.
    """
    for text in road.texts(county):
        if settlement_in(gaz, county, text) < 0 and (_BORDER.search(text) or _is_pass(road, text, gaz)):
            return text
    return "省界" if road.trunk else ""


def _is_pass(road: Expressway, text: str, gaz: Gazetteer) -> bool:
    return road.trunk and not any(str(city).startswith(text) for city in gaz.city_name)


def interchange_name(county: str, place: str = "") -> str:
    """Name an interchange after its county and a place in it.

    Examples
    --------
    >>> interchange_name("樟树市", "昌傅"), interchange_name("丰城市")
    ('樟树市昌傅互通', '丰城市互通')
    """
    return f"{county}{place}互通"


def border_name(county: str, place: str) -> str:
    """Name a crossing of the province border.

    Examples
    --------
    >>> border_name("湘东区", "金鱼石"), border_name("玉山县", "浙赣界")
    ('湘东区金鱼石(省界)', '玉山县浙赣界')
    """
    return f"{county}{place}" if place.endswith("界") else f"{county}{place}(省界)"


def is_border(name: str) -> bool:
    """Tell a crossing of the province border by its name."""
    return name.endswith(("界", "界)"))


def choose_stop(county: str, text: str, names: Sequence[str], away: NDArray[np.float64]) -> tuple[int, bool]:
    """Choose among the stops of one road the one that an end of a section means.

    In order: a stop of the county with that text in its name; for another text the border crossing in the
    county; the county's own interchange; any other stop of the county. Of several the nearest.

    Parameters
    ----------
    county, text
        Name of the county and the text in brackets behind it.
    names, away
        Name of each stop, and its distance from the place that is meant.

    Returns
    -------
    stop
        Its position, -1 where the road has no stop in the county.
    exact
        False where a text is given that no name contains.
    """
    inside = np.array([name.startswith(county) for name in names], bool)
    border = np.array([is_border(name) for name in names], bool)
    own = np.array([name == interchange_name(county) for name in names], bool)
    named = np.array([bool(text) and name.startswith(f"{county}{text}") for name in names], bool)
    for fitting in (named, inside & border & bool(text), own, inside & ~border):
        if fitting.any():
            return int(np.argmin(np.where(fitting, away, np.inf))), fitting is named or not text
    return -1, not text
