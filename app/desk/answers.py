"""The desk's answers: whose help arrives first at a place, with all that the desk must know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...coverage.live import Live, Times
from ...coverage.nearest import Arrival
from ...geodata.errors import InputError, Problem
from ...geodata.layers import Kind
from .cards import OLD_DAYS, Setting, card, city_at, feature, passed_by
from .changes import Causes, Compared, Usual, Ways, changes_of, usual_of, usual_ways
from .compliance import compliance_at, definition
from .need import need
from .parts import WhatIf
from .roster import UNSTATED, Roster, roster_of
from .situation import CUT_OFF_M, MOST_EMPTY, empty_rows, heading, kind_of, place_now, tried
from .trial import Trial, trial_of
from .where import NO_WATER, has_water
from .words import MODES, missing

if TYPE_CHECKING:
    from .ground import Ground

__all__ = ["UNSTATED", "kind_of", "nearest", "need"]

_MOST_NAMES = 10


@dataclass(frozen=True)
class _Asked:
    """A question that has been checked, and how things stand for it."""

    kind: Kind
    lon: float
    lat: float
    k: int
    trial: Trial
    roster: Roster
    left_out: frozenset[int]
    """Rows of sites that are not asked for: teams of another speciality."""
    empty: Mapping[int, str]
    """Rows of those asked for that have nothing to send, with the reason."""
    marked: frozenset[int]
    """Those of them that have something by their stock list, and nothing by a mark or the trial."""

    @property
    def live(self) -> Live:
        """Sites on the roads of this question."""
        return self.trial.live

    @property
    def never_had(self) -> frozenset[int]:
        """Rows that do not count usually either: not asked for, or without stock."""
        return self.left_out | (self.empty.keys() - self.marked)


def nearest(
    ground: Ground,
    place: Mapping[str, Any],
    *,
    kind: str = "warehouse",
    k: int = 3,
    speciality: str = "",
    what_if: WhatIf | None = None,
    now: datetime,
) -> dict[str, Any]:
    """Answer whose help arrives first at a place; the search never stops at a border.

    Parameters
    ----------
    ground
        The data.
    place
        As `where.resolve` gives it: at least lon, lat (WGS84 degrees); name, city, county, note.
    kind
        ``warehouse`` or ``team``, or the Chinese name.
    speciality
        Only teams of it; 未填: those that state none; empty: all.
    what_if
        A trial on top of what is closed and marked.
    now
        A moment with its offset, for opening hours and the age of stocks.

    Returns
    -------
    dict
        place, kind, k, asked_at, version, labels, mode, closures, what_if, sites (cards; those that have
        nothing to send come last), features (their ways), unreached, more, compliance, compliance_note,
        changes, specialities, notes.

    Raises
    ------
    InputError
        With every problem of the question, in one Chinese sentence each.
    """
    asked = _asked(ground, place, kind=kind, k=k, speciality=speciality, what_if=what_if or WhatIf())
    times = asked.live.times(asked.lon, asked.lat)
    chosen, empties = _rows(asked, times)
    hidden = asked.left_out | (asked.empty.keys() - set(empties))
    answer = asked.live.nearest(asked.lon, asked.lat, k=max(1, len(chosen) + len(empties)), without=hidden)
    usual = _usual(ground, asked)
    city = str(place.get("city") or city_at(ground.gazetteer, asked.lon, asked.lat))
    setting = Setting(asked.kind, ground.standards[asked.kind], ground.gazetteer, now, city)
    rank = {row: at for at, row in enumerate([*chosen, *empties], 1)}
    arrivals = sorted(answer.arrivals, key=lambda one: rank[one.row])
    passes = passed_by(setting.gaz, arrivals)
    cards = [
        _card(ground, asked, setting, (one, rank[one.row]), names)
        for one, names in zip(arrivals, passes, strict=True)
    ]
    _compare(ground, cards, arrivals, usual)
    sent_s, gone = _sent(asked, times), _unreached(asked, times)
    reached = int(np.isfinite(sent_s).sum())
    return {
        **heading(ground, asked.kind, now),
        "place": place_now(place, city, answer, None if usual is None else usual.off_road_m),
        "kind": asked.kind,
        "k": k,
        "what_if": tried(asked.trial, what_if or WhatIf()),
        "sites": cards,
        "features": [feature(one, rank[one.row], light=True) for one in arrivals],
        "unreached": gone,
        "more": reached > len(chosen),
        "compliance": compliance_at(setting.standard, asked.roster, sent_s),
        "compliance_note": definition(setting.standard),
        "changes": _changes(ground, asked, usual, sent_s, arrivals),
        "specialities": asked.roster.specialities if asked.kind == "team" else [],
        "notes": _notes(ground, place, asked, cards, _short(asked, reached, gone["count"])),
    }


# The question


def _asked(
    ground: Ground, place: Mapping[str, Any], *, kind: str, k: int, speciality: str, what_if: WhatIf
) -> _Asked:
    """Check a question; raises ``InputError`` with every problem."""
    chosen = kind_of(kind)
    if k < 1:
        raise InputError(Problem("k", "至少列出 1 处", str(k)))
    trial = trial_of(ground, chosen, what_if)
    roster = roster_of(ground.usual[chosen])
    other = roster.of_other(speciality.strip()) if chosen == "team" else frozenset[int]()
    empty, marked = empty_rows(ground, chosen, roster, what_if)
    empty = {row: reason for row, reason in empty.items() if row not in other}
    lon, lat = float(place["lon"]), float(place["lat"])
    return _Asked(chosen, lon, lat, k, trial, roster, other, empty, marked - other)


# Whom to show


def _rows(asked: _Asked, times: Times) -> tuple[list[int], list[int]]:
    """Choose the first k that can send, and those that would be among them had they anything to send."""
    by_arrival = np.lexsort((times.drive_s, times.eta_s))
    come = by_arrival[np.isfinite(times.eta_s[by_arrival])].tolist()
    order = [row for row in come if row not in asked.left_out]
    chosen = [row for row in order if row not in asked.empty][: asked.k]
    last = order.index(chosen[-1]) if len(chosen) == asked.k else len(order)
    return chosen, [row for row in order[:last] if row in asked.empty][:MOST_EMPTY]


def _sent(asked: _Asked, times: Times) -> NDArray[np.float64]:
    """(s,) arrivals of what is sent: inf for sites that are not asked for or have nothing."""
    sent = times.eta_s.copy()
    sent[[*asked.left_out, *asked.empty]] = np.inf
    return sent


def _card(
    ground: Ground, asked: _Asked, setting: Setting, ranked: tuple[Arrival, int], passes: Sequence[str]
) -> dict[str, Any]:
    arrival, rank = ranked
    mark = ground.mark(asked.kind, arrival.site["id"])
    return card(arrival, rank, setting, mark=mark, empty=asked.empty.get(arrival.row, ""), passes=passes)


def _unreached(asked: _Asked, times: Times) -> dict[str, Any]:
    rows = [row for row in np.flatnonzero(~np.isfinite(times.eta_s)).tolist() if row not in asked.left_out]
    return {"count": len(rows), "names": [asked.live.sites[row]["name"] for row in rows[:_MOST_NAMES]]}


# Against the usual


def _usual(ground: Ground, asked: _Asked) -> Usual | None:
    """Answer for usual conditions; None where nothing differs from them."""
    if not (asked.trial.closed or ground.overlay.measures or asked.marked):
        return None
    live = ground.usual[asked.kind]
    return usual_of(live, asked.lon, asked.lat, k=asked.k, without=asked.never_had)


def _compare(
    ground: Ground, cards: Sequence[dict[str, Any]], arrivals: Sequence[Arrival], usual: Usual | None
) -> None:
    """Write into each card when its site usually arrives, and whether the road beside it is closed."""
    free = None if usual is None or not cards else ground.usual[cards[0]["kind"]].site_metres
    for one, arrival in zip(cards, arrivals, strict=True):
        before_s = arrival.eta_s if usual is None else float(usual.eta_s[arrival.row])
        if isfinite(before_s):
            one["usual_eta_min"] = round(before_s / 60, 1)
            one["delta_min"] = round((arrival.eta_s - before_s) / 60, 1)
        if free is not None:
            one["cut_off"] = bool(arrival.off_road_m > free[arrival.row] + CUT_OFF_M)


def _changes(
    ground: Ground,
    asked: _Asked,
    usual: Usual | None,
    sent_s: NDArray[np.float64],
    arrivals: Sequence[Arrival],
) -> dict[str, Any] | None:
    if usual is None:
        return None
    before = usual.eta_s.copy()
    before[list(asked.never_had)] = np.inf
    empty = {row: asked.empty[row] for row in asked.marked}
    compared = Compared(asked.live.sites, before, sent_s, empty)
    causes = Causes(ground.network, ground.now, asked.trial.closed, ground.overlay.measures)

    def ways() -> Ways:
        live = ground.usual[asked.kind]
        return usual_ways(live, asked.lon, asked.lat, k=asked.k, without=asked.never_had)

    return changes_of(compared, usual, ways, causes, [one.row for one in arrivals])


# Words


def _short(asked: _Asked, reached: int, unreached: int) -> str:
    """Say when fewer sites than asked for can send help; empty where they are enough."""
    asked_for = len(asked.live.sites) - len(asked.left_out)
    if asked.left_out and not asked_for:
        return "没有登记这个专业的救援队, 请换一个专业或看全部"
    return missing(reached, asked.k, asked_for - len(asked.empty), asked_for, unreached)


def _notes(
    ground: Ground,
    place: Mapping[str, Any],
    asked: _Asked,
    cards: Sequence[Mapping[str, Any]],
    short: str,
) -> list[str]:
    """List what a reader must know, each in a sentence."""
    notes = [*ground.notes, str(place.get("note") or ""), MODES.get(ground.network.mode, "")]
    if place.get("level") == "点" and not has_water(ground.root):
        notes.append(NO_WATER)
    notes.append(short)
    if asked.empty:
        notes.append(f"{len(asked.empty)} 处没有可派的物资或队伍 (标记为空或库存为零), 不占名次")
    if any(one["stock_old"] for one in cards):
        notes.append(f"灰色的库存超过 {OLD_DAYS} 天没有盘点或没有日期 ({OLD_DAYS} 天为假设), 请先电话核实")
    if any(one["position"] == "近似" for one in cards):
        notes.append("位置为近似的站点只登记到乡镇或县城, 时间和里程不准, 请先电话核实")
    return [note for note in notes if note]
