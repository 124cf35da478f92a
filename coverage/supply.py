"""Supply and need: how many persons a site can serve, and how many residents are to be supplied at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.dasymetric import apportion
from ..geodata.demand import Demand
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind, Layer
from ..geodata.registry import read_stock
from .people import Group, people
from .servable import BY_LEVEL, NOISE, ORIGINS, STATED, STOCK, UNKNOWN, level_persons
from .standards import Standard

_UNIT_NOTES: dict[Kind, str] = {
    "aed": "AED 的容量是台数, 不是人数; 一台 AED 能服务多少人没有公认标准, 未折算, 不宜与居民数相比",
    "team": "救援队的容量按填写的“一次任务能服务的人数”计; 队员人数没有公认的折算标准, 未折算",
    "home": "博爱家园的容量是一次能接待的人数",
    "training": "培训基地的容量是一期能培训的人数, 不是能救助的人数",
}


@dataclass(frozen=True)
class Supply:
    """How many persons each of s sites can serve."""

    persons: NDArray[np.int64]
    """(s,) whole persons, at least 0."""
    origin: NDArray[np.str_]
    """(s,) one of ``ORIGINS``."""
    notes: tuple[str, ...] = ()
    """What a reader must know, in Chinese."""


def supply_of(layer: Layer, standard: Standard) -> Supply:
    """Find how many persons each site can serve.

    The stated capacity (容量) goes first; then the stock (库存) by ``standard.persons_per_item``, persons of
    different items added up (假设) and cut to whole ones; then the estimate for the level of the site
    (``standard.capacity_by_level``, 级别估计, confidence C). A site without any has 0 (未填), and what is
    stated as 0 stays 0. A stock without any item of ``persons_per_item`` states nothing about persons.

    Raises
    ------
    InputError
        Listing the sites whose capacity or stock is negative or no finite number.
    """
    table = layer.table
    stated, problems = _stated(layer)
    stocks = [read_stock(str(text or "")) for text in column_of(table, "stock", "")]
    known = [[(n, per) for item, per in standard.persons_per_item if (n := stock.get(item)) is not None]
             for stock in stocks]  # fmt: skip
    problems += [
        Problem(named(layer, row), "库存数量不应小于0", str(min(n for n, _ in items)), "请更正库存")
        for row, items in enumerate(known)
        if any(n < 0 for n, _ in items)
    ]
    if problems:
        raise InputError(problems)
    in_stock = np.array([sum(n * per for n, per in items) for items in known], np.float64)
    levels = [level_persons(standard, str(level)) for level in column_of(table, "level", "")]
    by_level = np.array([np.nan if each is None else each for each in levels], np.float64)
    cases = [~np.isnan(stated), np.array([bool(items) for items in known], bool), ~np.isnan(by_level)]
    exact = np.select(cases, [stated, in_stock, by_level], 0.0)
    origin = np.select(cases, [np.array(text) for text in (STATED, STOCK, BY_LEVEL)], np.array(UNKNOWN))
    unread = sum(bool(stock) and not items for stock, items in zip(stocks, known, strict=True))
    notes = _notes(layer.kind, standard, origin, unread)
    return Supply(np.floor(exact + NOISE).astype(np.int64), origin.astype(str), notes)


def need_of(
    demand: Demand, standard: Standard, *, share: float | None = None, group: Group = "all"
) -> NDArray[np.int64]:
    """Find how many residents of each cell are to be supplied at once: (n,) whole persons.

    The share of all residents of the group, rounded, is apportioned to the counties in proportion to their
    residents, and that of a county to its cells, by largest remainder (Hamilton's method). So the needs of
    the counties add up to the province's exactly, and no cell needs more than its residents.

    Parameters
    ----------
    share
        0 to 1; by default the standard's ``need_share``. 1 gives the residents.

    Raises
    ------
    InputError
        The share is not between 0 and 1.
    """
    part = standard.need_share if share is None else share
    if not 0 <= part <= 1:
        raise InputError(Problem("需求比例", "应在 0 与 1 之间", f"{part:g}", "例如 0.1 表示一成居民"))
    residents = np.asarray(people(demand, group), np.int64)
    if part == 1:
        return residents.copy()
    county = np.asarray(demand.county)
    by_county = np.zeros(len(demand.county_code), np.int64)
    np.add.at(by_county, county, residents)
    total = round(Fraction(str(float(part))) * int(residents.sum()))
    of_county = apportion(by_county, np.array([total]), np.zeros(len(by_county), np.int64))
    return apportion(residents, of_county, county)


def _stated(layer: Layer) -> tuple[NDArray[np.float64], list[Problem]]:
    """Read the capacities that are stated: NaN where none is, and what is wrong with them."""
    given = pd.Series(column_of(layer.table, "capacity", np.nan), dtype=object).replace("", np.nan)
    value = pd.to_numeric(given, errors="coerce").to_numpy(np.float64)
    wrong = given.notna().to_numpy(bool) & ~((value >= 0) & (value <= 1e12))
    problems = [
        Problem(named(layer, row), "容量应是不小于0的数", str(given.iloc[row]), "请更正容量")
        for row in np.flatnonzero(wrong).tolist()
    ]
    return value, problems


def column_of(table: pd.DataFrame, name: str, missing: object) -> Sequence[Any]:
    """List the values of a column; a table without it has only missing ones."""
    values: list[Any] = table[name].tolist() if name in table else [missing] * len(table)
    return values


def named(layer: Layer, row: int) -> str:
    """Name a site as messages do: 备灾仓库 名称 (编号)."""
    site = layer.table.iloc[row]
    return f"{KIND_NAMES[layer.kind]} {site['name']} ({site['id']})"


def _notes(kind: Kind, standard: Standard, origin: NDArray[np.str_], unread: int) -> tuple[str, ...]:
    """Say where the persons come from and what they rest on."""
    count = {name: int((origin == name).sum()) for name in ORIGINS}
    if not len(origin):
        return (f"没有计入的{KIND_NAMES[kind]}, 容量为 0",)
    found = "、".join(f"{name} {number} 处" for name, number in count.items() if number)
    notes = [f"容量来源: {found}" + (" (未填的按 0 计)" if count[UNKNOWN] else "")]
    if count[STOCK]:
        items = "、".join(f"{item} {per:g}人/件" for item, per in standard.persons_per_item)
        notes.append(f"库存按 {items} 折算, 不同物资的人数相加 (假设)")
    if unread:
        notes.append(f"{unread} 处填了库存, 但没有可折算成人数的物资")
    if count[BY_LEVEL]:
        levels = "、".join(f"{level} {persons}人" for level, persons in standard.capacity_by_level)
        notes.append(f"级别估计按 {levels} (可信度C, 可改), 不是实际库存")
    return (*notes, *([_UNIT_NOTES[kind]] if kind in _UNIT_NOTES else []))
