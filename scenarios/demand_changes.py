"""Residents that a scenario adds or takes away: units scaled, in whole residents whose sums are exact."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.dasymetric import apportion
from ..geodata.demand import Demand
from ..geodata.errors import InputError, Problem
from .actions import Grow
from .cache import part_hash
from .named_units import Unit, unit_of
from .world import World

Whole = NDArray[np.int64]


class Growth:
    """The residents while the changes of a scenario are resolved."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._wanted: list[tuple[Unit, int, int]] = []
        """(unit, residents now, then) of each change."""
        self._by: dict[int, str] = {}

    def grow(self, action: Grow, where: str) -> dict[str, Any]:
        """Check one change against the world and those before it; returns what it does.

        Raises
        ------
        InputError
            The unit is not known, nobody lives there, or another change concerns one of its counties.
        """
        unit = unit_of(self.world, action.unit, f"{where}.unit")
        demand = self.world.demand
        before = int(demand.residents[np.isin(demand.county, unit.county)].sum())
        after = _total(before, action)
        if before == 0 and after > 0:
            raise InputError(Problem(f"{where}.unit", "这里没有居民, 不能按比例增加", unit.name))
        other = [self._by[county] for county in unit.county.tolist() if county in self._by]
        if other:
            what = f"与 {other[0]} 改动了同一个县区的居民, 同一个县区只能改动一次"
            raise InputError(Problem(where, what, unit.name, "请删去其中一项, 或改成互不重叠的单位"))
        self._by |= dict.fromkeys(unit.county.tolist(), where)
        self._wanted.append((unit, before, after))
        codes = demand.county_code[unit.county]
        alone = len(codes) == 1 and unit.name != unit.city
        return {
            "name": unit.name,
            "county_code": str(codes[0]) if alone else "",
            "county": unit.name if alone else "",
            "city": unit.city,
            "detail": f"{unit.name}居民 {before:,} 人改为 {after:,} 人",
            "residents": after - before,
        }

    def apply(self) -> Demand:
        """Return the changed residents; those of the world themselves where nothing changes."""
        demand = self.world.demand
        found = demand
        for unit, before, after in self._wanted:
            if after != before:
                found = scaled(found, np.isin(demand.county, unit.county), after)
        return found if found is demand else replace(found, meta=_meta(demand, found))

    @property
    def notes(self) -> list[str]:
        """What a reader must know."""
        changed = [
            f"{unit.name} {after - before:+,} 人" for unit, before, after in self._wanted if after != before
        ]
        if not changed:
            return []
        return [f"居民按方案改动, 不是普查数: {'、'.join(changed)}; 各网格和各年龄按同一比例 (假设)"]


def _total(before: int, action: Grow) -> int:
    """Count the residents after a change; halves are rounded up."""
    if action.residents is not None:
        return action.residents
    share = 1 + Fraction(str(action.percent)) / 100
    return int(before * share + Fraction(1, 2))


def scaled(demand: Demand, inside: NDArray[np.bool_], total: int) -> Demand:
    """Scale the residents of some cells to a total, in town and country and of every age alike.

    Each group is apportioned to the cells in proportion to what it was there, by largest remainder
    (Hamilton's method), its sum the rounded share of the total; so 65 and older <= 60 and older <= all in
    every cell, as before.

    Parameters
    ----------
    inside
        (n,) cells that are scaled; the others stay as they are.
    total
        Residents of these cells together; some live there now, or it is 0.
    """
    old = {name: getattr(demand, name)[inside] for name in ("residents", "urban", "age_60", "age_65")}
    share = Fraction(total, int(old["residents"].sum()) or 1)
    sums = {name: int(own.sum() * share + Fraction(1, 2)) for name, own in old.items()}
    urban = _shared(old["urban"], sums["urban"])
    new = {
        "urban": urban,
        "residents": urban + _shared(old["residents"] - old["urban"], total - sums["urban"]),
    }
    new["age_60"] = _within(_shared(old["age_60"], sums["age_60"]), new["residents"])
    new["age_65"] = _within(_shared(old["age_65"], sums["age_65"]), new["age_60"])
    whole: dict[str, Any] = {name: np.array(getattr(demand, name), np.int64) for name in new}
    for name, own in new.items():
        whole[name][inside] = own
    return replace(demand, **whole)


def _shared(weight: Whole, total: int) -> Whole:
    return apportion(weight, np.array([total], np.int64), np.zeros(len(weight), np.int64))


def _within(amount: Whole, most: Whole) -> Whole:
    """Move what exceeds the most of a cell (by rounding) to the first cells that have room; the sum stays."""
    found = np.minimum(amount, most)
    left = int(amount.sum() - found.sum())
    room = np.minimum(np.cumsum(most - found), left)
    return found + np.diff(room, prepend=0)


def _meta(before: Demand, after: Demand) -> dict[str, Any]:
    """Derive the hash of changed residents from the content of the old ones and the new figures."""
    digest = hashlib.sha256(part_hash(before).encode())
    for name in ("residents", "urban", "age_60", "age_65"):
        digest.update(np.ascontiguousarray(getattr(after, name), np.int64).tobytes())
    return {**before.meta, "hash": digest.hexdigest()}
