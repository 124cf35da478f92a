"""The targets of a plan, as written: figures by year, comparator, bindingness, and every reading of the text.

What is reached of them is counted in ``progress``. An ambiguity of the text is never settled silently: a
target may have several readings, and each is counted side by side.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from ...geodata.errors import InputError, Problem
from ...geodata.types import load_types
from ...geodata.yamlfile import read_text
from ..fields import Line, Slug, Text, Year
from ..reading import Model, parse_yaml, validate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

OWN = "targets_2022_2024.yaml"
"""The ledger among the presets."""

TOTAL = "合计"
NO_YEAR = "未写年份"

HEADERS = {
    "id": "代号",
    "name": "目标",
    "kind": "图层",
    "resource": "资源",
    "year": "年份",
    "scope": "范围",
    "level": "投放对象",
    "comparator": "比较",
    "planned": "计划",
    "planned_max": "计划上限",
    "unit": "单位",
    "binding": "约束性",
    "reading": "读法",
    "built": "已建成",
    "reached": "方案达到",
    "left": "还差",
    "light": "灯",
    "state": "状态",
    "missing": "尚缺的单位",
    "ambiguity": "原文歧义",
    "source": "来源",
}
"""Columns of the ledger and their Chinese headers."""

COLUMNS = list(HEADERS)

_REMARKS = ("ambiguity", "source", "binding", "bindings", "level")

SOFT = ("力争", "努力", "推动", "有条件")
"""Words of the plan for what is striven for; everything else binds."""

Count = Annotated[int, Field(ge=0, le=10_000_000)]


class Span(Model):
    """A figure that the text leaves open between two values."""

    least: Count
    most: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.least > self.most:
            raise ValueError("least 不应大于 most")
        return self


Figure = Count | Span
Comparator = Literal["=", ">=", "范围", "全部"]


class Reading(Model):
    """One way to read an ambiguous target."""

    id: Slug
    text: Line
    """How the text is read, in one line."""
    years: dict[Year, Figure] = Field(default_factory=dict)
    """By year; those of the target where it gives none."""
    total: Figure | None = None
    apart_from: Slug | None = None
    """What meets this other target does not count here as well."""


class Target(Model):
    """One target of a plan."""

    id: Slug
    name: Line
    kind: Slug | None = None
    """The resource type of the registry that counts; None where the registry has none (persons, trainers)."""
    measure: Literal["new", "units", "there", "none"] = "none"
    """``new``: sites of the year; ``units``: units of the scope with enough sites by then; ``there``: sites
    by then; ``none``: only cities report it."""
    each: Annotated[int, Field(ge=1, le=1000)] = 1
    """Of ``units``: how many sites each unit needs."""
    levels: Annotated[tuple[str, ...], Field(strict=False)] | None = None
    """Levels of the sites that count, "" for none stated; None for all."""
    is_level_unclear: bool = False
    """Whether sites of other levels may belong here: then they are told, and leave a gap open."""
    scope: Literal["省", "设区市", "县", "医院", "省市县"]
    level: Text = ""
    """Where the resource goes, in the words of the plan."""
    comparator: Comparator
    comparators: dict[Year, Comparator] = Field(default_factory=dict)
    """Years in which the text compares otherwise."""
    years: dict[Year, Figure] = Field(default_factory=dict)
    total: Figure | None = None
    unit: Line
    site_unit: Text = ""
    """Of coverage: unit of the sites, which a city reports; ``unit`` counts cities or counties."""
    binding: Line
    bindings: dict[Year, Line] = Field(default_factory=dict)
    """Years in which the text binds otherwise."""
    asks: Text = ""
    """What a city is asked to report; by default 本年新增 or 截至年底."""
    sum_of: Annotated[tuple[Slug, ...], Field(strict=False)] = ()
    """A line of sums over these targets, for reading; no city reports it."""
    readings: Annotated[tuple[Reading, ...], Field(strict=False)] = ()
    ambiguity: Text = ""
    source: Line | None = None
    """Where it differs from the ledger's source: then the target is not one of the plan."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.measure == "none") != (self.kind is None):
            raise ValueError("kind 与 measure 应同时写明或同时省略")
        if self.measure == "new" and not any(reading.years for reading in self.ways()):
            raise ValueError("按年份数新增的目标应写明 years")
        if self.measure == "units" and self.scope not in ("设区市", "县"):
            raise ValueError("数单位的目标, scope 应为 设区市 或 县")
        if self.each > 1 and self.measure != "units":
            raise ValueError("each 只用于数单位的目标")
        if len({reading.id for reading in self.readings}) < len(self.readings) or len(self.readings) == 1:
            raise ValueError("readings 应有两种以上, id 不能重复")
        if self.comparator == "范围" and not self._is_open():
            raise ValueError("范围 应写明 least 与 most, 或写明各种读法")
        return self

    def _is_open(self) -> bool:
        figures = [*self.years.values(), self.total]
        return bool(self.readings) or any(isinstance(figure, Span) for figure in figures)

    def binding_in(self, year: int | None = None) -> str:
        """Return the bindingness in a year, or of the whole: with the years in which it differs."""
        if year is not None:
            return self.bindings.get(year, self.binding)
        more = "、".join(f"{each} 年{text}" for each, text in sorted(self.bindings.items()))
        return f"{self.binding} ({more})" if more else self.binding

    def is_soft(self, year: int | None = None) -> bool:
        """Tell whether the plan only strives for it (力争, 努力, 推动, 有条件), of the whole: throughout."""
        texts = [self.binding] if year is None else [self.binding_in(year)]
        return all(any(word in text for word in SOFT) for text in texts)

    def ways(self) -> tuple[Reading, ...]:
        """Return its readings, with years and total filled in; the text itself where there is one only."""
        if not self.readings:
            return (Reading.model_construct(id="text", text="", years=self.years, total=self.total),)
        return tuple(
            way.model_copy(
                update={
                    "years": way.years or self.years,
                    "total": self.total if way.total is None else way.total,
                }
            )
            for way in self.readings
        )

    @property
    def reported_unit(self) -> str:
        """Unit of what a city reports."""
        return self.site_unit or self.unit

    @property
    def asked(self) -> str:
        """What a city reports: a number of the year, or all there is at its end."""
        if self.asks:
            return self.asks
        return "截至本年底" if self.measure in ("units", "there") or not self.years else "本年新增"


class Ledger(Model):
    """The targets of a plan and where they are written."""

    source: Line
    first: Year = 2022
    last: Year = 2024
    """First and last year of the plan."""
    targets: Annotated[tuple[Target, ...], Field(strict=False, min_length=1, max_length=200)]

    @property
    def key(self) -> str:
        """SHA-256 of what is asked: figures, units, readings; the forms for the cities carry it.

        Remarks may be reworded, and a newer boai may know more keys: forms that are on their way stay good.
        """
        content = self.model_dump(mode="json", exclude_defaults=True, exclude={"source"})
        asked = [{key: each[key] for key in each if key not in _REMARKS} for each in content["targets"]]
        text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def target(self, name: str) -> Target | None:
        """Return the target of that id; None where there is none."""
        return next((each for each in self.targets if each.id == name), None)

    def asked(self, year: int) -> tuple[Target, ...]:
        """List the targets that a city reports on in a year.

        Those with a figure of the year, and within the years of the plan those that are to hold until its end
        (coverage, and what states no year). Targets from elsewhere only in the years that they state.
        """
        within = self.first <= year <= self.last

        def is_asked(target: Target) -> bool:
            years = {each for way in target.ways() for each in way.years}
            lasting = target.measure in ("units", "there") or not years
            return not target.sum_of and (year in years or (within and lasting and target.source is None))

        return tuple(target for target in self.targets if is_asked(target))


def load_targets(path: Path | None = None) -> Ledger:
    """Load a ledger, by default that of the 2022-2024 plan of Jiangxi's Red Cross; raises ``InputError``."""
    return _own_targets() if path is None else _load(path, str(path))


@cache
def _own_targets() -> Ledger:
    """Load the ledger that boai brings, once: every run of a scenario asks for it."""
    return _load(files("boai.scenarios") / "presets" / OWN, OWN)


def _load(file: Path | Traversable, where: str) -> Ledger:
    ledger = validate(Ledger, parse_yaml(read_text(file, where), where), where)
    problems = list(_check(ledger, where))
    if problems:
        raise InputError(problems)
    return ledger


def _check(ledger: Ledger, where: str) -> Iterator[Problem]:
    """Find what no single target shows: double ids, unknown types, references to nothing."""
    if ledger.first > ledger.last:
        yield Problem(f"{where} first", "不应晚于 last", str(ledger.first))
    times = Counter(target.id for target in ledger.targets)
    for number, target in enumerate(ledger.targets, 1):
        here = f"{where} targets 第{number}项"
        if times[target.id] > 1:
            yield Problem(f"{here}.id", "代号重复", target.id, "每个目标的代号只能用一次")
        if target.kind is not None and target.kind not in load_types():
            yield Problem(f"{here}.kind", "没有这种资源", target.kind, _meant(target.kind, load_types()))
        named = [(f"readings {way.id}.apart_from", way.apart_from) for way in target.readings]
        for key, name in [*named, *(("sum_of", name) for name in target.sum_of)]:
            if name is not None and name not in times:
                yield Problem(f"{here}.{key}", "没有这个目标", name, _meant(name, times))
        yield from _sums(target, here)


def _sums(target: Target, here: str) -> Iterator[Problem]:
    """Hold the total of a target of yearly additions against the sum of its years."""
    if target.measure == "units" or len(target.years) < 2:
        return
    for way in target.ways():
        if way.total is None:
            continue
        sums = [sum(bounds(each)[end] or 0 for each in way.years.values()) for end in (0, 1)]
        if sums != list(bounds(way.total)):
            got = "、".join(str(value) for value in dict.fromkeys(bounds(way.total)))
            yield Problem(
                f"{here}.total",
                f"与各年之和 {'-'.join(map(str, dict.fromkeys(sums)))} 不符",
                got,
                "请核对各年与合计",
            )


def bounds(figure: Figure | None) -> tuple[int | None, int | None]:
    """Return the least and the most that a figure asks for; None where the text gives none.

    Examples
    --------
    >>> bounds(500), bounds(Span(least=5, most=8)), bounds(None)
    ((500, 500), (5, 8), (None, None))
    """
    return (figure.least, figure.most) if isinstance(figure, Span) else (figure, figure)


def plan_text(target: Target, year: int) -> str:
    """Say the province's figure of a year: comparator, number, unit, every reading.

    Coverage is asked by the next year that the text names; figures without a year hold for the whole plan.
    """
    texts = []
    for way in target.ways():
        figure, when = way.years.get(year), ""
        if figure is None:
            later = [each for each in sorted(way.years) if each >= year] or sorted(way.years)[-1:]
            figure = way.years[later[0]] if later else way.total
            when = f" ({later[0]} 年)" if later else " (未写年份)"
        low, high = bounds(figure)
        if low is None:
            text = "未给数目"
        else:
            sign = "不少于 " if target.comparators.get(year, target.comparator) == ">=" else ""
            text = f"{sign}{low}{'' if low == high else f'-{high}'} {target.unit}{when}"
        texts.append(f"{way.text}: {text}" if way.text else text)
    return "; 或 ".join(texts)


def _meant(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"是否想写 {close[0]}?" if close else f"可用的有 {'、'.join(list(known)[:30])}"
