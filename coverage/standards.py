"""Standards: how far is near enough, per resource type; the defaults are data with their sources.

The values and their sources stand in ``tables/standards.yaml``; an office's own file of the same form
replaces what it lists (`load_standards`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, isfinite
from pathlib import Path
from typing import Literal

from ..geodata.errors import InputError, Problem
from ..geodata.layers import Kind
from .standard_keys import contradictions

Mode = Literal["drive", "walk"]

PARTLY = "部分可及"
"""On foot: the middle of a cell is reached, but not all of its residents."""

MOST_LIMIT = 1_000_000
"""Seconds or metres up to which a limit can be asked for: 11 days, 1 000 km."""
Confidence = Literal["A", "B", "C"]


@dataclass(frozen=True)
class Cited:
    """Where one value of a standard comes from."""

    key: str
    """Path of the value in the file, such as ``limits_m.100``."""
    value: str
    """As it is shown."""
    source: str
    confidence: Confidence
    """A: primary text or measured; B: reliable secondary text; C: draft, inference or assumption."""
    note: str = ""


@dataclass(frozen=True)
class Standard:
    """The service standard of one resource type. Every limit is inclusive (<=).

    Raises
    ------
    InputError
        The values contradict each other, such as a main limit that is not among the limits.

    Examples
    --------
    >>> standard = load_standards()["aed"]
    >>> [standard.limit_text(limit) for limit in standard.limits]
    ['100米', '160米', '270米']
    >>> standard.main_index
    2
    """

    kind: Kind
    name: str
    mode: Mode
    """drive: one-way driving time from the site to the residents; walk: one-way distance on foot."""
    limits: tuple[int, ...]
    """Ascending. drive: seconds; walk: metres along the network, or of straight radius where detour is 1."""
    main: int
    """The one of ``limits`` that gaps, siting and headlines use."""
    detour: float
    """Network distance over straight distance, at least 1; for drive only on the way to the nearest node."""
    min_density: float
    """Gaps look only at cells with at least so many residents per km2; 0 takes all."""
    source: str
    confidence: Confidence
    """A: primary text or measured; B: reliable secondary text; C: draft, inference or assumption."""
    access_kmh: float = 20.0
    """drive: speed between a site or residents and their nearest node (an assumption, 假设)."""
    mobilisation_s: int | None = None
    """Time to get ready where a site states none (an assumption, 假设); None where it has no meaning."""
    compliance: tuple[tuple[str, int], ...] = ()
    """(unit, seconds) from the order to the first supplies: a check beside the planning limits."""
    notes: tuple[str, ...] = ()
    """What a reader of the result must know, in Chinese."""
    target_share: float | None = None
    """Share of the residents to bring within the main limit, inclusive; None where no rule sets one."""
    backup: int = 0
    """Further sites that residents should have within the main limit beside the nearest."""
    unknown_hours: Literal["open", "closed"] = "open"
    """How a site whose opening hours are not stated counts where a time of day is asked."""
    need_share: float = 1.0
    """Share of the residents that is to be supplied at once, where capacity is asked."""
    capacity_by_level: tuple[tuple[str, int], ...] = ()
    """(level, persons) that a site can serve where it states neither capacity nor stock."""
    persons_per_item: tuple[tuple[str, float], ...] = ()
    """(item of the stock, persons whom one piece serves)."""
    cited: tuple[Cited, ...] = ()
    """Source and confidence of each value."""

    def __post_init__(self) -> None:
        problems = contradictions(self.name, vars(self))
        if problems:
            raise InputError(problems)

    @property
    def unit(self) -> str:
        """Unit of a cost as it is shown: 分钟 (drive) or 米 (walk)."""
        return "分钟" if self.mode == "drive" else "米"

    @property
    def main_index(self) -> int:
        """Position of the main limit in ``limits``."""
        return self.limits.index(self.main)

    @property
    def measure_text(self) -> str:
        """What the limits measure: 驾车时间, 步行路网距离 or 直线半径."""
        if self.mode == "drive":
            return "驾车时间"
        return "直线半径" if self.detour == 1 else f"步行路网距离(直线距离×{self.detour:g})"

    def at_limit(self, limit: float) -> Standard:
        """Return the standard with another main limit, in minutes (drive) or metres (walk).

        A limit that is none of the standard's is put among them, cited as asked for.

        Raises
        ------
        InputError
            It is not a positive whole number of seconds or metres.
        """
        value = limit * (60 if self.mode == "drive" else 1)
        if not 0 < value <= MOST_LIMIT or value != round(value):
            fix = "例如 90 (分钟)" if self.mode == "drive" else "例如 500 (米)"
            most = MOST_LIMIT // (60 if self.mode == "drive" else 1)
            what = f"不应超过{most}{self.unit}" if value > MOST_LIMIT else f"应为大于0的{self.unit}数"
            raise InputError(Problem("--limit", what, f"{limit:g}", fix))
        limits = tuple(sorted({*self.limits, round(value)}))
        key = f"main_{'min' if self.mode == 'drive' else 'm'}"
        asked = Cited(key, f"{limit:g}{self.unit}", "本次指定", "C")
        cited = (*(each for each in self.cited if each.key != key), asked)
        return replace(self, limits=limits, main=round(value), cited=cited)

    def limit_text(self, limit: float) -> str:
        """Say a limit as planners do: 1小时, 90分钟, 270米, 1公里."""
        large, size, small = (3600, 60, "分钟") if self.mode == "drive" else (1000, 1, "米")
        if limit % large == 0:
            return f"{limit // large:g}{'小时' if self.mode == 'drive' else '公里'}"
        return f"{limit / size:g}{small}"

    def cost_text(self, cost: float) -> str:
        """Say a cost (seconds or metres, inf where there is none) rounded: 1小时35分钟, 850米, 12.3公里."""
        if not isfinite(cost):
            return "无法到达"
        if self.mode == "walk":
            return f"{round(cost)}米" if round(cost) < 1000 else f"{cost / 1000:.1f}公里"
        hours, minutes = divmod(round(cost / 60), 60)
        parts = [f"{hours}小时"] * bool(hours) + [f"{minutes}分钟"] * bool(minutes or not hours)
        return "".join(parts)

    def cost_text_up(self, cost: float) -> str:
        """Say a cost rounded up to what is shown: "90 % are within" and "beyond an hour" stay true."""
        if not isfinite(cost):
            return self.cost_text(cost)
        step = 60 if self.mode == "drive" else 1 if cost <= 999 else 100
        return self.cost_text(ceil(cost / step) * step)

    def far_text(self, cost: float) -> str:
        """Say how far the nearest site of cells with residents outside the main limit is, rounded up.

        On foot a cell whose middle is within it is reached in part, and is no place "70 m away".
        """
        return PARTLY if self.mode == "walk" and cost <= self.main else self.cost_text_up(cost)


@dataclass(frozen=True)
class Rule:
    """An administrative requirement: at least ``minimum`` sites of a kind in every unit of a level."""

    kind: Kind
    unit: Literal["市", "县"]
    minimum: int
    site_levels: tuple[str, ...]
    """Levels of the sites that count; empty where all do."""
    text: str
    source: str
    confidence: Confidence = "C"
    note: str = ""


@dataclass(frozen=True)
class Reference:
    """A figure to compare with, which enters no calculation: densities elsewhere, rules for venues."""

    kind: Kind
    topic: Literal["density", "venue", "effect", "size", "response"]
    name: str
    value: float | None
    """In ``unit``; None where the reference is words only."""
    unit: str
    source: str
    confidence: Confidence
    note: str = ""


def load_standards(path: Path | None = None) -> dict[Kind, Standard]:
    """Load the standards of all resource types.

    Parameters
    ----------
    path
        An office's own file in the form of ``tables/standards.yaml``. What it does not list keeps its
        default, kinds as well as single keys; where it changes the mode of a kind, it must state all of it. A
        plain value that is not the default is cited as 本单位设定.

    Raises
    ------
    InputError
        With every problem of the file at once: unknown or missing keys, wrong types, contradictions.

    Examples
    --------
    >>> warehouse = load_standards()["warehouse"]
    >>> [(each.value, each.confidence) for each in warehouse.cited if each.key.startswith("compliance_min")]
    [('360分钟', 'B'), ('480分钟', 'B'), ('600分钟', 'B')]
    """
    from .standard_file import read  # noqa: PLC0415 (it makes the dataclasses of this module)

    return dict(read(path).standards)


def load_rules(path: Path | None = None) -> tuple[Rule, ...]:
    """Load the administrative requirements: those of a file that lists any, else of the project.

    An empty list (``rules: []``) sets none; raises ``InputError``.
    """
    from .standard_file import read  # noqa: PLC0415 (it makes the dataclasses of this module)

    return read(path).rules


def load_references(path: Path | None = None) -> tuple[Reference, ...]:
    """Load the figures to compare with: those of a file that lists any, else of the project.

    Examples
    --------
    >>> [(each.name, each.value) for each in load_references() if each.topic == "density"][:2]
    [('深圳', 8.0), ('日本', 50.0)]
    """
    from .standard_file import read  # noqa: PLC0415 (it makes the dataclasses of this module)

    return read(path).references
