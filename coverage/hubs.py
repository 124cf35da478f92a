"""Hubs and spokes: which store resupplies which, as stated (上级仓库) or by level, city and road."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geodata.errors import Problem
from ..geodata.layers import Layer
from ..geodata.network import Network
from . import meet, pairs
from .standards import Standard
from .supply import column_of, named

NEVER = int(np.iinfo(np.int64).max) // 4
"""Centiseconds between places that no road joins; two of them can be added up."""

COUNTY, CITY, PROVINCE = 0, 1, 2
"""Ranks of stores: the spokes, the hubs (枢纽) and the centre (中心)."""

STATED, OWN_CITY, NEAREST, CENTRE, TOP, NONE = (
    "填报", "本市枢纽", "外市最近枢纽", "省级中心", "最上级", "无",
)  # fmt: skip
"""How the upper store of a store was found."""

_RANKS = {"县级": COUNTY, "市级": CITY, "省级": PROVINCE, "国家级": PROVINCE}
_LONGEST_CS = int(np.iinfo(np.int32).max) - 1
_FIX = "请填在册仓库的名称或编号; 本次按级别就近确定"


@dataclass(frozen=True)
class Links:
    """The upper store of each of s stores."""

    upper: NDArray[np.int32]
    """(s,) row of the layer; -1 where there is none. Following it always ends."""
    how: NDArray[np.str_]
    """(s,) 填报, 本市枢纽, 外市最近枢纽, 省级中心, 最上级 or 无."""
    problems: tuple[Problem, ...]
    """Stated upper stores that cannot be, each of which the rule by level then replaces."""

    def above(self, row: int) -> list[int]:
        """List the stores above a store, the next one first."""
        rows: list[int] = []
        while (row := int(self.upper[row])) >= 0:
            rows.append(row)
        return rows


def ranks_of(layer: Layer) -> NDArray[np.int64]:
    """Rank stores: (s,) 0 county, 1 city, 2 province or nation; any other level counts as county (假设)."""
    return np.array([_RANKS.get(str(level), COUNTY) for level in layer.table["level"]], np.int64)


def links_of(layer: Layer, city: ArrayLike, drive_cs: NDArray[np.int64]) -> Links:
    """Find the upper store of every store.

    What a store states (``parent``, a name or an id) goes first. Else a county's store has the nearest hub
    (by road, from the hub) of its own city, else the nearest hub of all, else the nearest centre; a hub has
    the nearest centre; a centre has none. Equally near ones: the lowest id. Stores without a road between
    them are no link. A stated store that is unknown, ambiguous, the store itself, of lower level, or that
    closes a cycle is a problem and left out.

    Parameters
    ----------
    city
        (s,) city of each store, "" where it is not known.
    drive_cs
        (s, s) centiseconds from store to store, ``NEVER`` where there is no road.
    """
    rank, cities = ranks_of(layer), np.asarray(city, str)
    stated, problems = _stated(layer, rank)
    upper, how = stated.copy(), np.where(stated >= 0, STATED, NONE).astype("<U8")
    order = np.argsort(np.argsort(layer.table["id"].astype(str).to_numpy(str), kind="stable"))
    for row in np.flatnonzero(stated < 0).tolist():
        if rank[row] == PROVINCE:
            how[row] = TOP
            continue
        hubs, centres = rank == CITY, rank == PROVINCE
        own = hubs & (cities == cities[row]) & (cities[row] != "")
        choices = ((own, OWN_CITY), (hubs, NEAREST)) if rank[row] == COUNTY else ()
        for some, text in (*choices, (centres, CENTRE)):
            rows = np.flatnonzero(some & (drive_cs[:, row] < NEVER))
            if len(rows):
                upper[row], how[row] = rows[np.lexsort((order[rows], drive_cs[rows, row]))[0]], text
                break
    return Links(upper, how, problems)


def drive_times(
    network: Network, lon: ArrayLike, lat: ArrayLike, standard: Standard, senders: int
) -> NDArray[np.int64]:
    """Find the driving times from the first points to all of them: (senders, p) centiseconds.

    ``NEVER`` where no road leads, 0 from a point to itself.
    """
    x, y = np.asarray(lon, float), np.asarray(lat, float)
    time = np.full((senders, len(x)), NEVER, np.int64)
    if senders and network.n_nodes:
        places = meet.points(network, x, y, standard)
        first, place, cost = pairs.by_road(network, places.take(slice(senders)), places, _LONGEST_CS)
        time[np.repeat(np.arange(senders), np.diff(first)), place] = cost
    time[np.arange(senders), np.arange(senders)] = 0
    return time


def _stated(layer: Layer, rank: NDArray[np.int64]) -> tuple[NDArray[np.int32], tuple[Problem, ...]]:
    """Look up the stated upper stores: (s,) row, -1 where none is stated or it cannot be; and why not."""
    ids = {str(each): row for row, each in enumerate(layer.table["id"])}
    names: dict[str, list[int]] = {}
    for row, name in enumerate(layer.table["name"]):
        names.setdefault(str(name).strip(), []).append(row)
    upper, problems = np.full(len(rank), -1, np.int32), []
    for row, text in enumerate(column_of(layer.table, "parent", "")):
        stated = str(text or "").strip()
        if not stated or stated == "nan":
            continue
        found = [ids[stated]] if stated in ids else names.get(stated, [])
        wrong = _wrong(row, found, rank)
        if wrong:
            problems.append(Problem(named(layer, row), wrong, stated, _FIX))
        else:
            upper[row] = found[0]
    for cycle in _cycles(upper):
        upper[cycle] = -1
        names_of = " → ".join(str(layer.table["name"].iloc[row]) for row in [*cycle, cycle[0]])
        problems.append(Problem(named(layer, cycle[0]), "上级仓库不应循环", names_of, _FIX))
    return upper, tuple(problems)


def _wrong(row: int, found: list[int], rank: NDArray[np.int64]) -> str:
    """Say why stores of that name cannot be the upper store of another; empty where one can."""
    if not found:
        return "上级仓库应是在册并计入的仓库"
    if len(found) > 1:
        return f"上级仓库重名 ({len(found)} 处), 应填编号"
    if found[0] == row:
        return "上级仓库不应是自己"
    return "上级仓库的级别不应低于本库" if rank[found[0]] < rank[row] else ""


def _cycles(upper: NDArray[np.int32]) -> list[list[int]]:
    """List the cycles that following the upper stores runs into, each from its lowest row."""
    done, cycles = np.zeros(len(upper), bool), []
    for start in range(len(upper)):
        way: list[int] = []
        row = start
        while row >= 0 and not done[row]:
            done[row] = True
            way.append(row)
            row = int(upper[row])
        if row in way:
            cycle = way[way.index(row) :]
            low = cycle.index(min(cycle))
            cycles.append(cycle[low:] + cycle[:low])
    return cycles
