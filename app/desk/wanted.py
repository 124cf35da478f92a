"""What is needed, as amounts of stored items: from persons by the standard, or as it was asked for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...coverage.servable import NOISE
from ...coverage.standards import Standard
from ...geodata.errors import InputError, Problem
from ...geodata.registry import read_stock

MOST_PERSONS, MOST_AMOUNT, MOST_ITEMS, MOST_NAME = 100_000_000, 1_000_000_000, 50, 60
"""Sizes of a need: more than the province's residents, more than any store holds."""

PERSONS = "折合人数"
"""Column of a need that several items serve."""


@dataclass(frozen=True)
class Wanted:
    """What is needed, one entry per column."""

    names: tuple[str, ...]
    """Items; the first may be ``PERSONS``."""
    need: NDArray[np.int64]
    """(i,) amounts."""
    rates: tuple[tuple[str, float], ...] = ()
    """Where persons were asked for: the items that serve them, and how many one piece serves."""

    @property
    def per(self) -> tuple[tuple[str, float], ...]:
        """The rates where several items serve persons, so that the first column counts persons."""
        return self.rates if self.names[:1] == (PERSONS,) else ()

    def stock_of(self, sites: Sequence[Mapping[str, Any]]) -> NDArray[np.int64]:
        """(s, i) amounts that sites have; what is not stated is 0."""
        lists = [read_stock(site["stock"]) for site in sites]
        table = [[self._amount(name, stock) for name in self.names] for stock in lists]
        return np.array(table, np.int64).reshape(len(lists), len(self.names))

    def _amount(self, name: str, stock: Mapping[str, int]) -> int:
        if name == PERSONS and self.per:
            return floor(sum(max(stock.get(item, 0), 0) * each for item, each in self.per) + NOISE)
        return min(max(stock.get(name, 0), 0), MOST_AMOUNT)

    def pieces(self, takes: Sequence[int], stock: Mapping[str, int]) -> dict[str, int]:
        """Turn the amounts taken from a store into items; persons into pieces, in the standard's order."""
        found: dict[str, int] = {}
        for name, count in zip(self.names, takes, strict=True):
            if name != PERSONS or not self.per:
                found[name] = found.get(name, 0) + count
                continue
            left = float(count)
            for item, each in self.per:
                pieces = min(max(stock.get(item, 0), 0), ceil(max(left, 0.0) / each - NOISE))
                found[item] = found.get(item, 0) + pieces
                left -= pieces * each
        return {name: count for name, count in found.items() if count}


def served(persons: float, share: float) -> int:
    """Count those to be supplied: the share of the persons, rounded up.

    Examples
    --------
    >>> served(1001, 0.1), served(20, 1.0)
    (101, 20)
    """
    return ceil(Fraction(str(share)) * ceil(persons))


def wanted_of(standard: Standard, persons: int | None, items: Mapping[str, float]) -> Wanted:
    """Turn persons and items into what is to be brought.

    Persons become pieces of the item that the standard converts (a 家庭包 for 4), rounded up; where it
    converts several, any of them serves, as in `coverage.supply.supply_of`.

    Raises
    ------
    InputError
        The standard converts no item, or an item is asked for that persons are converted to among others.
    """
    amounts = dict[str, int]()
    per: tuple[tuple[str, float], ...] = ()
    if persons is not None:
        per = standard.persons_per_item
        if not per:
            fix = "请直接填写物资和数量, 或在 standards.yaml 里填 persons_per_item"
            raise InputError(Problem("人数", "服务标准里没有物资与人数的折算", fix=fix))
        if len(per) == 1:
            amounts[per[0][0]] = ceil(persons / per[0][1] - NOISE)
        else:
            amounts[PERSONS] = persons
    for name, count in items.items():
        tidy = tidy_item(name)
        if PERSONS in amounts and tidy in dict(per):
            fix = "请只填人数, 或只列物资"
            raise InputError(Problem(f"物资 {tidy}", "已由人数折算, 不能再单列", f"{count:g}", fix))
        amounts[tidy] = amounts.get(tidy, 0) + ceil(count)
    return Wanted(tuple(amounts), np.array(list(amounts.values()), np.int64), per)


def tidy_item(text: str) -> str:
    """Bring the name of an item to the form in which stocks are stored.

    Examples
    --------
    >>> tidy_item(" 棉 被（件） ")
    '棉被(件)'
    """
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def need_problems(
    persons: float | None, items: Mapping[str, float] | None, share: float, *, area: bool
) -> list[Problem]:
    """Check the amounts of a need."""
    problems = []
    if persons is None and not area and not items:
        fix = "请填人数, 或画出范围, 或列出物资和数量"
        problems.append(Problem("需求", "没有填写", fix=fix))
    if persons is not None and not (isfinite(persons) and 0 < persons <= MOST_PERSONS):
        problems.append(Problem("人数", f"应为 1 到 {MOST_PERSONS} 的数", f"{persons:g}"))
    if not 0 < share <= 1:
        problems.append(Problem("需要保障的比例", "应大于 0, 不大于 1", f"{share:g}", "例如 0.1 表示一成"))
    if items and len(items) > MOST_ITEMS:
        problems.append(Problem("物资", f"最多 {MOST_ITEMS} 种", str(len(items))))
    for name, count in list((items or {}).items())[:MOST_ITEMS]:
        if not tidy_item(name[:MOST_NAME]) or len(name) > MOST_NAME:
            problems.append(Problem("物资名称", f"应为 1 到 {MOST_NAME} 个字", name[:20]))
        if not (isfinite(count) and 0 < count <= MOST_AMOUNT):
            what = f"数量应大于 0, 不大于 {MOST_AMOUNT}"
            problems.append(Problem(f"物资 {name[:20]}", what, f"{count:g}"))
    return problems
