"""Sites that a scenario opens, closes, moves or changes, layer by layer; the layers of the world stay."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.boundaries import locate
from ..geodata.errors import InputError, Problem
from ..geodata.intake.hours import read_hours
from ..geodata.intake.stocks import read_stock_text
from ..geodata.layers import COLUMNS, KIND_NAMES, NUMBERS, Kind, Layer
from .actions import Close, Move, Open, Resize, Retime
from .areas import Area
from .named_units import unit_of
from .world import World

PLANNED = "规划"
"""Status of a site that exists in a scenario only."""

FLOODED = "受淹"
"""Why a site in a flooded area does not count."""

SOURCE = "方案"

_WHAT = {"place": "位置", "hours": "开放时间", "capacity": "容量", "stock": "库存", "members": "人数"}
"""What can be changed of a site, each once."""
_OWN = {"stock": ("warehouse",), "members": ("team",)}
"""What only sites of some layers have."""
_UNIT = ("county_code", "county", "city")
_FIX = "请删去其中一项改动"


@dataclass
class Draft:
    """The changes of one layer while they are resolved."""

    world: World
    layer: Layer
    named: frozenset[str]
    """Ids that the scenario gives to its new sites: none of them is made up for another."""
    opened: dict[str, dict[str, Any]] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    """Id → where it is closed."""
    edits: dict[str, dict[str, Any]] = field(default_factory=dict)
    by: dict[str, dict[str, str]] = field(default_factory=dict)
    """Id → what is changed of it → where."""
    failed: set[str] = field(default_factory=set)
    """Ids of new sites that were refused: what is done to them is no further problem."""
    first: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Id → row of a new site as it was opened."""
    made: int = 0
    """Number of the last id that was made up."""
    rows: dict[str, int] = field(init=False)
    """Id → row of a site of today."""

    def __post_init__(self) -> None:
        self.rows = {str(one): row for row, one in enumerate(self.layer.table["id"])}

    @property
    def kind(self) -> Kind:
        """The layer's."""
        return self.layer.kind

    def open(self, action: Open, where: str) -> dict[str, Any]:
        """Note a new site; returns what it does.

        Raises
        ------
        InputError
            It lies outside the province, its id is taken, or something of it cannot be read.
        """
        problems: list[Problem] = []
        place = self._place(action, where, problems)
        values = self._values(action, where, problems)
        if action.id is not None and (
            action.id in self.rows or action.id in self.opened or action.id in self.closed
        ):
            problems.append(Problem(where, "编号已被占用", action.id, "请换一个编号, 或不写 id"))
        if problems or place is None:
            self.failed |= {action.id} if action.id else set()
            raise InputError(problems)
        identity = action.id or self._next_id()
        row = {"id": identity, "name": action.name, "level": action.level, "year": float(action.year)}
        ready = {} if action.readiness_min is None else {"readiness_min": float(action.readiness_min)}
        self.opened[identity] = place | row | values | ready | {"status": PLANNED, "source": SOURCE}
        self.first[identity] = dict(self.opened[identity])
        level = f"{action.level} " if action.level else ""
        detail = f"新设 {level}{KIND_NAMES[self.kind]} {action.name} ({action.year} 年)"
        return self._row(identity, detail) | {"year": float(action.year)}

    def close(self, action: Close, where: str) -> dict[str, Any]:
        """Give a site up; one that the scenario opened was never there. Raises ``InputError``."""
        self._check(action.id, where)
        changed = self.by.get(action.id, {})
        if changed:
            what, other = next(iter(changed.items()))
            told = f"{other} 改动了这个站点的{_WHAT[what]}, 不能再撤销它"
            raise InputError(Problem(where, told, action.id, _FIX))
        name = KIND_NAMES[self.kind]
        row = self._row(action.id, "")
        own = self.opened.pop(action.id, None)
        self.closed[action.id] = where
        detail = f"撤销 {name} {row['name']}" + (" (本方案新设的, 与新设相抵)" if own is not None else "")
        return row | {"detail": detail}

    def move(self, action: Move, where: str) -> dict[str, Any]:
        """Move a site with all that it has; raises ``InputError``."""
        self._check(action.id, where)
        problems: list[Problem] = []
        place = self._place(action, where, problems)
        if problems or place is None:
            raise InputError(problems)
        before = self._row(action.id, "")
        self._note(action.id, place, "place", where)
        detail = f"迁移 {KIND_NAMES[self.kind]} {before['name']}: {before['county']} → {place['county']}"
        return before | {"detail": detail} | {name: place[name] for name in _UNIT}

    def resize(self, action: Resize, where: str) -> dict[str, Any]:
        """Change capacity, stock or members; raises ``InputError``."""
        self._check(action.id, where)
        problems: list[Problem] = []
        values = self._values(action, where, problems)
        if problems:
            raise InputError(problems)
        words = []
        for name in ("capacity", "stock", "members"):
            if getattr(action, name) is not None:
                self._note(action.id, {name: values[name]}, name, where)
                words.append(f"{_WHAT[name]}改为 {getattr(action, name)}")
        if "stock" in values:
            self.edits[action.id]["stock_date"] = ""  # nobody has counted it
        row = self._row(action.id, "")
        return row | {"detail": f"{KIND_NAMES[self.kind]} {row['name']}: {', '.join(words)}"[:300]}

    def retime(self, action: Retime, where: str) -> dict[str, Any]:
        """Change the opening hours of one or more sites; raises ``InputError``.

        Level, county and city choose among the sites of today that the scenario does not close: so it does
        not matter what comes before.
        """
        problems: list[Problem] = []
        values = self._values(action, where, problems)
        ids: Sequence[str] = ()
        try:
            ids = self._chosen(action, where)
        except InputError as error:
            problems += error.problems
        for identity in () if problems else ids:
            problems += self._taken(identity, "hours", where)
        if problems:
            raise InputError(_first_ones(problems))
        for identity in ids:
            self._note(identity, values, "hours", where)
        name, hours = KIND_NAMES[self.kind], values["hours"]
        if len(ids) == 1:
            row = self._row(ids[0], "")
            return row | {"detail": f"{name} {row['name']}: 开放时间改为 {hours}"}
        city = unit_of(self.world, action.city, where).name if action.city else ""
        return {
            "kind": self.kind,
            "name": f"{len(ids)} 处{name}",
            "city": city,
            "sites": len(ids),
            "detail": f"{len(ids)} 处{name}: 开放时间改为 {hours}",
        }

    def _chosen(self, action: Retime, where: str) -> Sequence[str]:
        named = (action.id,) if action.id is not None else action.ids
        if named is not None:
            problems = [one for identity in dict.fromkeys(named) for one in self._missing(identity, where)]
            if problems:
                raise InputError(problems)
            return list(dict.fromkeys(named))
        table, problems = self.layer.table, []
        keep = ~table["id"].isin(list(self.closed)).to_numpy(bool)
        if action.level is not None:
            keep &= (table["level"] == action.level).to_numpy(bool)
        codes = np.asarray(self.world.demand.county_code).astype(str)
        for key, text in (("county", action.county), ("city", action.city)):
            if text is not None:
                try:
                    own = codes[unit_of(self.world, text, f"{where}.{key}").county]
                    keep &= table["county_code"].isin(own.tolist()).to_numpy(bool)
                except InputError as error:
                    problems += error.problems
        if problems:
            raise InputError(problems)
        if not keep.any():
            levels = "、".join(sorted({str(one) for one in table["level"] if one})[:9])
            fix = f"现有级别: {levels}" if action.level is not None and levels else "请检查挑选条件"
            raise InputError(Problem(where, f"没有符合条件的{KIND_NAMES[self.kind]}", fix=fix))
        return [str(one) for one in table["id"][keep]]

    def _check(self, identity: str, where: str) -> None:
        problems = self._missing(identity, where)
        if problems:
            raise InputError(problems)

    def _missing(self, identity: str, where: str) -> list[Problem]:
        """Say why a site cannot be changed: it was closed, or there is none."""
        if identity in self.closed:
            told = f"{self.closed[identity]} 撤销了这个站点, 不能再改动它"
            return [Problem(where, told, identity, _FIX)]
        if identity in self.opened or identity in self.rows:
            return []
        if identity in self.failed:
            raise InputError(())
        ids = sorted({*self.rows, *self.opened} - set(self.closed))
        if identity in self.named:
            return [Problem(where, "这个站点在后面才新设", identity, "请把新设写在前面")]
        close = difflib.get_close_matches(identity, ids, n=1, cutoff=0.6)
        fix = f"是否指 {close[0]}?" if close else f"可用 boai layers show {self.kind} 查编号"
        return [Problem(where, f"{KIND_NAMES[self.kind]}图层里没有这个编号", identity, fix)]

    def _taken(self, identity: str, what: str, where: str) -> list[Problem]:
        other = self.by.get(identity, {}).get(what)
        told = f"与 {other} 改动了同一个站点的{_WHAT[what]}, 只能改动一次"
        return [Problem(where, told, identity, _FIX)] if other else []

    def _note(self, identity: str, values: dict[str, Any], what: str, where: str) -> None:
        """Note new values of a site, each kind of them once; raises ``InputError``."""
        problems = self._taken(identity, what, where)
        if problems:
            raise InputError(problems)
        self.by.setdefault(identity, {})[what] = where
        self.edits.setdefault(identity, {}).update(values)
        if identity in self.opened:
            self.opened[identity] |= values

    def _place(self, action: Open | Move, where: str, problems: list[Problem]) -> dict[str, Any] | None:
        """Find the county of a point: the columns that tell where a site is; None outside the province."""
        county = int(locate(self.world.units, action.lon, action.lat)[0])
        if county < 0:
            got = f"{action.lon:g},{action.lat:g}"
            problems.append(Problem(where, "位置不在省内", got, "请检查经纬度 (WGS84), 是否写反"))
            return None
        return {"lon": action.lon, "lat": action.lat, **unit_columns(self.world, county)}

    def _values(self, action: Open | Resize | Retime, where: str, problems: list[Problem]) -> dict[str, Any]:
        """Read hours, stock and numbers into the form in which a layer keeps them."""
        found: dict[str, Any] = {}
        for name, read in (("hours", read_hours), ("stock", read_stock_text)):
            text = getattr(action, name, None)
            if text is not None:
                value = read(text)
                if value.code == "value_invalid" or (name == "hours" and value.value is None):
                    problems.append(
                        Problem(f"{where}.{name}", value.what or "开放时间不能为空", text[:60], value.fix)
                    )
                found[name] = value.value or ""
        for name in ("capacity", "members"):
            number = getattr(action, name, None)
            if number is not None:
                found[name] = float(number)
        problems += [
            Problem(f"{where}.{name}", f"{KIND_NAMES[self.kind]}没有{_WHAT[name]}这一项", fix="请删去")
            for name, kinds in _OWN.items()
            if name in found and self.kind not in kinds
        ]
        return found

    def _next_id(self) -> str:
        """Make an id that no site has, none is given, and none had."""
        while True:
            self.made += 1
            identity = f"{self.kind}-open-{self.made:02d}"
            if not any(identity in own for own in (self.rows, self.opened, self.named, self.closed)):
                return identity

    def _row(self, identity: str, detail: str) -> dict[str, Any]:
        """Give the columns that tell which site a change concerns, as it is today or was opened."""
        known = self.first[identity] if identity in self.first else self.layer.table.iloc[self.rows[identity]]
        own = {name: str(known[name]) for name in ("id", "name", *_UNIT)}
        return {"kind": self.kind, "sites": 1, "detail": detail} | own

    def apply(self) -> Layer:
        """Make the changed layer; the world's own where nothing changes."""
        layer = self.layer
        gone = [one for one in self.closed if one in self.rows]
        edits = {one: values for one, values in self.edits.items() if one in self.rows}
        if gone or edits:
            table = _edited(layer.table, edits, self.rows)
            kept = table[~table["id"].isin(gone)].reset_index(drop=True) if gone else table
            layer = layer if kept.equals(layer.table) else replace(layer, table=kept)
        order = sorted(self.opened.values(), key=lambda row: (row["year"], _numbered(row["id"], self.kind)))
        return append_sites(layer, pd.DataFrame(order)) if order else layer


def _first_ones(problems: list[Problem], most: int = 5) -> list[Problem]:
    """Keep the first of many problems that are alike."""
    left = len(problems) - most
    return (
        problems
        if left <= 0
        else [*problems[:most], replace(problems[most], what=f"同样的问题还有 {left} 处")]
    )


def _numbered(identity: str, kind: Kind) -> tuple[int, str]:
    """Order ids: those that the scenario states by their text, then those made up by their number."""
    prefix, _, digits = identity.rpartition("-")
    made = prefix == f"{kind}-open" and digits.isascii() and digits.isdigit() and len(digits) < 10
    return (int(digits), identity) if made else (0, identity)


def _edited(table: pd.DataFrame, edits: dict[str, dict[str, Any]], rows: dict[str, int]) -> pd.DataFrame:
    """Write new values into a copy of a table, column by column."""
    found = table.copy()
    for name in {name for values in edits.values() for name in values}:
        own = [(rows[one], values[name]) for one, values in edits.items() if name in values]
        at, value = zip(*own, strict=True)
        column = found[name].to_numpy(object, copy=True)
        column[list(at)] = value
        found[name] = pd.Series(column, index=found.index).astype(table[name].dtype)
    return found


def flooded(layer: Layer, areas: Sequence[Area]) -> tuple[Layer, NDArray[np.bool_]]:
    """Put the sites in flooded areas out of service: (the layer without them, which they were)."""
    wet = np.zeros(len(layer.table), bool)
    for area in areas:
        wet |= area.holds(layer.table["lon"], layer.table["lat"])
    if not wet.any():
        return layer, wet
    left_out = {**layer.left_out, FLOODED: int(wet.sum()) + layer.left_out.get(FLOODED, 0)}
    return replace(layer, table=layer.table[~wet].reset_index(drop=True), left_out=left_out), wet


def unit_columns(world: World, county: int) -> dict[str, str]:
    """Return county_code, county and city of a county's position."""
    demand = world.demand
    return {
        "county_code": str(demand.county_code[county]),
        "county": str(demand.county_name[county]),
        "city": str(demand.city_name[county]),
    }


def next_ids(prefix: str, count: int, taken: Collection[str]) -> list[str]:
    """Make ``count`` new ids ``prefix-01``, ``prefix-02``, … that are not taken.

    Examples
    --------
    >>> next_ids("aed-plan-2022", 2, {"aed-plan-2022-01"})
    ['aed-plan-2022-02', 'aed-plan-2022-03']
    """
    found: list[str] = []
    number = 0
    while len(found) < count:
        number += 1
        identity = f"{prefix}-{number:02d}"
        if identity not in taken:
            found.append(identity)
    return found


def append_sites(layer: Layer, sites: pd.DataFrame) -> Layer:
    """Return the layer with new rows below the old ones; columns that ``sites`` lacks are empty.

    The label of the layer stays: a scenario on example data is example data.
    """
    if sites.empty:
        return layer
    table = pd.DataFrame({name: _column(sites, name) for name in COLUMNS})
    if layer.table.empty:
        return replace(layer, table=table)
    return replace(layer, table=pd.concat([layer.table[list(COLUMNS)], table], ignore_index=True))


def _column(sites: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name in NUMBERS:
        return pd.Series(sites.get(name, np.nan), index=sites.index, dtype=np.float64)
    own = pd.Series(sites.get(name, ""), index=sites.index, dtype=object)
    return own.where(own.notna(), "").astype(str)
