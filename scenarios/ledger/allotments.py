"""Shares of the province's yearly numbers for each city, which the office enters; the plan publishes none."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from ...geodata.errors import InputError, Problem
from ...geodata.yamlfile import read_text
from ..fields import Line, Slug, Year
from ..reading import Model, parse_yaml, validate
from .allotment_files import SUFFIXES, read_allotments
from .targets import Count, Ledger, bounds


class Allotments(Model):
    """Figures by target, year and city."""

    source: Line
    """The office's own document in which the shares stand."""
    allotments: dict[Slug, dict[Year, dict[str, Count]]] = Field(default_factory=dict)

    def of(self, target: str, year: int, city: str) -> int | None:
        """Return the share of a city; None where none was entered."""
        return self.allotments.get(target, {}).get(year, {}).get(city)


def load_allotments(path: Path, ledger: Ledger, cities: Sequence[str]) -> Allotments:
    """Load the shares (YAML or the workbook) and hold them against the province's figures.

    The shares of a target and year must name every city once, and sum to what the plan asks for: exactly for
    =, at least for ≥, within the range, and under several readings to a sum that one of them allows. Raises
    ``InputError`` with every problem.
    """
    where = str(path)
    is_book = path.suffix.lower() in SUFFIXES
    content = read_allotments(path) if is_book else parse_yaml(read_text(path, where), where)
    found = validate(Allotments, content, where)
    problems = list(_check(found, ledger, cities, where))
    if problems:
        raise InputError(problems)
    return found


def _check(found: Allotments, ledger: Ledger, cities: Sequence[str], where: str) -> Iterator[Problem]:
    for name, years in found.allotments.items():
        target = ledger.target(name)
        if target is None or target.measure == "units" or target.sum_of:
            known = [one.id for one in ledger.targets if one.measure != "units" and not one.sum_of]
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            what = "没有这个目标" if target is None else "这个目标不按市分解: 每个单位的数目原文已写明"
            fix = f"是否想写 {close[0]}?" if close and target is None else f"可分解的有 {'、'.join(known)}"
            yield Problem(f"{where} allotments.{name}", what, name, fix)
            continue
        for year, shares in years.items():
            here = f"{where} allotments.{name}.{year}"
            figures = [bounds(way.years[year]) for way in target.ways() if year in way.years]
            if not figures:
                yield Problem(here, f"{target.name}在这一年没有计划数", str(year))
                continue
            yield from _check_cities(shares, cities, here)
            total = sum(shares.values())
            open_ended = target.comparators.get(year, target.comparator) == ">="
            if not any(
                low <= total and (open_ended or total <= high)
                for low, high in figures
                if low is not None and high is not None
            ):
                asked = " 或 ".join(dict.fromkeys(_text(low, high) for low, high in figures))
                sign = "不少于 " if open_ended else ""
                yield Problem(
                    here, f"各市之和应为全省计划 {sign}{asked} {target.unit}", str(total), "请核对各市数目"
                )


def _check_cities(shares: dict[str, int], cities: Sequence[str], here: str) -> Iterator[Problem]:
    for city in shares:
        if city not in cities:
            close = difflib.get_close_matches(city, cities, n=1, cutoff=0.3)
            fix = f"是否想写 {close[0]}?" if close else f"应为 {'、'.join(cities)}"
            yield Problem(here, "没有这个设区市", city[:20], fix)
    left = [city for city in cities if city not in shares]
    if left:
        yield Problem(here, "每个设区市都要写明, 没有的写 0", f"缺 {'、'.join(left)}")


def _text(low: int | None, high: int | None) -> str:
    return str(low) if low == high else f"{low}-{high}"
