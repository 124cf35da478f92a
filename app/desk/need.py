"""The desk's plan for a need: persons, an area or items → which warehouses together bring it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...coverage.live import Live
from ...coverage.nearest import Answer
from ...coverage.need import Plan, fewest, first
from ...coverage.servable import persons_of
from ...coverage.standards import Standard
from ...geodata.errors import InputError, Problem
from ...geodata.registry import read_stock
from .area import RULE, Inside, residents_in
from .cards import OLD_DAYS, Setting, card, city_at, feature, passed_by
from .parts import Ring, WhatIf
from .roster import roster_of
from .situation import empty_rows, heading, place_now, tried
from .trial import Trial, trial_of
from .wanted import Wanted, need_problems, served, wanted_of
from .words import MODES, duration

if TYPE_CHECKING:
    from .ground import Ground

_MOST_KNOWN = 200
_MOST_NAMES = 5
_SENT_AT_ONCE = "各仓库的物资按一次运完计, 不计装车和车辆数 (假设)"


@dataclass(frozen=True)
class _Stores:
    """The warehouses as they stand for one need."""

    live: Live
    standard: Standard
    stock: NDArray[np.int64]
    """(s, i) amounts of what is wanted."""
    eta_s: NDArray[np.float64]
    """(s,) inf where there is no way."""
    empty: Mapping[int, str]
    """Rows of those that send nothing."""

    @property
    def usable_s(self) -> NDArray[np.float64]:
        """(s,) inf too for those that send nothing."""
        usable = self.eta_s.copy()
        usable[list(self.empty)] = np.inf
        return usable


def need(
    ground: Ground,
    place: Mapping[str, Any] | None = None,
    *,
    persons: float | None = None,
    area: Ring | None = None,
    items: Mapping[str, float] | None = None,
    share: float = 1.0,
    what_if: WhatIf | None = None,
    now: datetime,
) -> dict[str, Any]:
    """Plan which warehouses together bring what is needed: first, and with the fewest of them.

    Teams bring no goods and do not count; nor do stores without a stock list, or that are marked empty.

    Parameters
    ----------
    place
        Where to, as in `answers.nearest`; without it the middle of the residents of ``area``.
    persons
        To be supplied; where it is None the residents of ``area`` are.
    area
        Corners of a polygon, WGS84 degrees.
    items
        Amounts by item, besides the persons or instead of them.
    share
        Of the persons, those to be supplied: above 0, at most 1.
    what_if
        A trial on top of what is closed and marked.
    now
        A moment with its offset.

    Returns
    -------
    dict
        place, persons (to be supplied), share, residents and cells (of the area, else None), items (needed),
        plans, known_items, features (ways of all stores of the plans), notes, and what every answer has. Of
        plans ``first`` is complete first, ``fewest`` has the fewest stores: stores (card with takes),
        complete_min (None where something is short), last_min, shortfall, proven, text.

    Raises
    ------
    InputError
        With every problem, in one Chinese sentence each.
    """
    inside = _check(ground, place, area, need_problems(persons, items, share, area=area is not None))
    tried_now = what_if or WhatIf()
    trial = trial_of(ground, "warehouse", tried_now)
    counted = inside.residents if inside is not None and persons is None else persons
    to_serve = None if counted is None else served(counted, share)
    standard = ground.standards["warehouse"]
    wanted = wanted_of(standard, to_serve, items or {})
    where = dict(place) if place is not None else _middle(inside)
    eta_s = trial.live.times(where["lon"], where["lat"]).eta_s
    empty, _ = empty_rows(ground, "warehouse", roster_of(ground.usual["warehouse"]), tried_now)
    stores = _Stores(trial.live, standard, wanted.stock_of(trial.live.sites), eta_s, empty)
    plans = {
        "first": first(stores.stock, wanted.need, stores.usable_s),
        "fewest": fewest(stores.stock, wanted.need, stores.usable_s),
    }
    answer = _ways(stores, plans.values(), where)
    where = place_now(where, _city(ground, where), answer, _usual_m(ground, trial, where))
    cards = _cards(ground, answer, where["city"], now)
    notes = [*_first_notes(ground, where), *_notes(wanted, inside, stores, cards.values())]
    return {
        **heading(ground, "warehouse", now),
        "place": where,
        "what_if": tried(trial, tried_now),
        "persons": to_serve,
        "share": share,
        "residents": None if inside is None else inside.residents,
        "cells": None if inside is None else {"whole": inside.whole, "cut": inside.cut},
        "items": dict(zip(wanted.names, wanted.need.tolist(), strict=True)),
        "plans": {name: _plan(plan, wanted, cards) for name, plan in plans.items()},
        "known_items": _known_items(stores),
        "features": [feature(one, rank, light=True) for rank, one in enumerate(answer.arrivals, 1)],
        "notes": [note for note in notes if note],
    }


def _check(
    ground: Ground, place: Mapping[str, Any] | None, area: Ring | None, problems: list[Problem]
) -> Inside | None:
    """Count the residents of an area; raises ``InputError`` with these and all other problems of a need."""
    if place is None and area is None:
        problems.append(Problem("地点", "没有填写", fix="请填地点, 或画出范围"))
    inside = None
    try:
        inside = None if area is None else residents_in(ground, area)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return inside


def _middle(inside: Inside | None) -> dict[str, Any]:
    assert inside is not None  # noqa: S101 (_check has seen to it)
    return {"name": inside.name, "lon": inside.lon, "lat": inside.lat, "city": inside.city}


def _city(ground: Ground, place: Mapping[str, Any]) -> str:
    return str(place.get("city") or city_at(ground.gazetteer, place["lon"], place["lat"]))


def _usual_m(ground: Ground, trial: Trial, place: Mapping[str, Any]) -> float | None:
    """Measure to the road when nothing is closed; None where nothing is."""
    if not (trial.closed or ground.overlay.measures):
        return None
    return ground.usual["warehouse"].nearest(place["lon"], place["lat"], k=1).off_road_m


def _ways(stores: _Stores, plans: Any, place: Mapping[str, Any]) -> Answer:
    """Find the ways of all stores of the plans."""
    rows = {row for plan in plans for row in plan.rows.tolist()}
    hidden = frozenset(range(len(stores.live.sites))) - rows
    return stores.live.nearest(place["lon"], place["lat"], k=max(1, len(rows)), without=hidden)


def _cards(ground: Ground, answer: Answer, city: str, now: datetime) -> dict[int, dict[str, Any]]:
    setting = Setting("warehouse", ground.standards["warehouse"], ground.gazetteer, now, city)
    passes = passed_by(ground.gazetteer, answer.arrivals)
    return {
        one.row: card(one, rank, setting, passes=names, mark=ground.mark("warehouse", one.site["id"]))
        for rank, (one, names) in enumerate(zip(answer.arrivals, passes, strict=True), 1)
    }


def _plan(plan: Plan, wanted: Wanted, cards: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    stores = [
        {**cards[row], "takes": wanted.pieces(takes, cards[row]["stock"])}
        for row, takes in zip(plan.rows.tolist(), plan.takes.tolist(), strict=True)
    ]
    short = dict(zip(wanted.names, plan.shortfall.tolist(), strict=True))
    told = {
        "stores": stores,
        "complete_min": round(plan.complete_s / 60, 1) if isfinite(plan.complete_s) else None,
        "last_min": round(plan.last_s / 60, 1) if isfinite(plan.last_s) else None,
        "shortfall": {name: count for name, count in short.items() if count},
        "proven": plan.proven,
    }
    return {**told, "text": _text(told)}


def _text(plan: Mapping[str, Any]) -> str:
    """Sum a plan up in a sentence."""
    count = len(plan["stores"])
    short = "、".join(f"{name} {number}" for name, number in plan["shortfall"].items())
    if not count:
        return f"没有能到又有货的仓库, 缺 {short}" if short else "不需要调拨"
    head = f"{count} 处仓库" + ("" if plan["proven"] else " (未证明为最少)")
    if short:
        return f"{head}, {duration(plan['last_min'])}送完现有的, 还缺 {short}"
    return f"{head}, {duration(plan['complete_min'])}全部到齐"


def _known_items(stores: _Stores) -> list[dict[str, Any]]:
    """List the items that reachable stores have, the most first: what a form can offer."""
    total = Counter[str]()
    for row in np.flatnonzero(np.isfinite(stores.usable_s)).tolist():
        total.update({name: n for name, n in read_stock(stores.live.sites[row]["stock"]).items() if n > 0})
    order = sorted(total, key=lambda name: (-total[name], name))[:_MOST_KNOWN]
    return [{"name": name, "total": total[name]} for name in order]


def _first_notes(ground: Ground, place: Mapping[str, Any]) -> list[str]:
    return [*ground.notes, str(place.get("note") or ""), MODES.get(ground.network.mode, "")]


def _notes(
    wanted: Wanted, inside: Inside | None, stores: _Stores, cards: Iterable[Mapping[str, Any]]
) -> list[str]:
    """List what a reader must know, each in a sentence; some may be empty."""
    rates = "、".join(f"{item} 一件供 {each:g} 人" for item, each in wanted.rates)
    old = [str(one["name"]) for one in cards if one["stock_old"]]
    gone = int((~np.isfinite(stores.eta_s)).sum())
    held = stores.stock.sum(axis=0).tolist()
    unknown = [name for name, total in zip(wanted.names, held, strict=True) if not total]
    return [
        f"人数按服务标准折算: {rates}" if rates else "",
        "" if inside is None else RULE,
        _SENT_AT_ONCE,
        f"库存超过 {OLD_DAYS} 天没有盘点或没有日期, 数量请先电话核实: {_named(old)}" if old else "",
        f"{len(stores.empty)} 处仓库标记为空或库存为零, 未计入" if stores.empty else "",
        _unlisted(stores),
        f"{gone} 处仓库不可达, 未计入" if gone else "",
        f"没有仓库登记有 {'、'.join(unknown)}" if unknown else "",
    ]


def _unlisted(stores: _Stores) -> str:
    """Say which reachable stores have no stock list: they may have goods, and are not counted."""
    names, persons = list[str](), 0
    for row in np.flatnonzero(np.isfinite(stores.usable_s)).tolist():
        site = stores.live.sites[row]
        if not read_stock(site["stock"]):
            names.append(str(site["name"]))
            persons += persons_of(site["capacity"], {}, str(site["level"]), stores.standard)[0] or 0
    if not names:
        return ""
    said = f", 按填报或级别估计可保障 {persons} 人" if persons else ""
    return f"{len(names)} 处仓库没有库存清单{said}, 未计入, 请电话核实: {_named(names)}"


def _named(names: Sequence[str]) -> str:
    return "、".join(names[:_MOST_NAMES]) + (f" 等 {len(names)} 处" if len(names) > _MOST_NAMES else "")
