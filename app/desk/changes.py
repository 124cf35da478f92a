"""What changed: an answer under closures, marks and trials against the usual one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...coverage.kept import Kept
from ...coverage.live import Live
from ...geodata.network import Network
from ...geodata.overlay import Measure
from .trial import Closed
from .words import duration, whole_minutes

_MOST_SENTENCES = 8
_MOST_CAUSES = 2


@dataclass(frozen=True)
class Usual:
    """How a place is reached when nothing is closed."""

    eta_s: NDArray[np.float64]
    """(s,) seconds from the order to the arrival of every site; inf where there is no way."""
    first: tuple[int, ...]
    """Rows of the first arrivals, in order."""
    off_road_m: float
    """Straight metres to where the place meets the roads; inf where it meets none."""


Ways = Mapping[int, Sequence[int]]
"""Edges of the ways of sites, by row."""

_USUAL = Kept[Usual](most=256)
_WAYS = Kept[Ways](most=256)


def usual_of(live: Live, lon: float, lat: float, *, k: int, without: frozenset[int]) -> Usual:
    """Answer for the usual roads; the last answers are kept."""

    def make() -> Usual:
        times = live.times(lon, lat)
        order = np.lexsort((times.drive_s, times.eta_s)).tolist()
        come = (row for row in order if row not in without and isfinite(times.eta_s[row]))
        return Usual(times.eta_s, tuple(islice(come, k)), live.metres(lon, lat))

    return _USUAL.get((live,), (lon, lat, k, without), make)


def usual_ways(live: Live, lon: float, lat: float, *, k: int, without: frozenset[int]) -> Ways:
    """Find the usual ways of the first arrivals; the last ones are kept."""

    key = lon, lat, k, without
    return _WAYS.get((live,), key, lambda: live.ways(lon, lat, k=k, without=without))


@dataclass(frozen=True)
class Causes:
    """What is closed or slowed now, to say why somebody is late."""

    usual: Network
    now: Network
    closed: Sequence[Closed]
    """By the trial."""
    measures: Sequence[Measure]
    """In force."""

    def of(self, edges: Sequence[int]) -> str:
        """Name what is closed or slowed on a way, empty where nothing is: G60 沪昆高速 封闭."""
        way = np.asarray(edges, np.int64)
        shut = np.asarray(self.now.centiseconds)[way] != np.asarray(self.usual.centiseconds)[way]
        trial = np.unique(np.concatenate([way[_among(way, one.edges)] for one in self.closed] or [way[:0]]))
        way = np.union1d(way[shut], trial)
        if not len(way):
            return ""
        names = [f"{one.what} 封闭 (试算)" for one in self.closed if _among(way, one.edges).any()]
        names += [
            f"{one.what.removeprefix('道路 ')} {'减速' if one.speed else '封闭'}"
            for one in self.measures
            if _among(way, one.edges).any()
        ]
        return "、".join(names[:_MOST_CAUSES]) + (" 等" if len(names) > _MOST_CAUSES else "")


def _among(way: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which are among ascending edges."""
    if not len(edges):
        return np.zeros(len(way), bool)
    at = np.minimum(np.searchsorted(edges, way), len(edges) - 1)
    return np.asarray(edges[at] == way)


@dataclass(frozen=True)
class Compared:
    """Arrivals now and usually, of all sites of a layer."""

    sites: Sequence[Mapping[str, Any]]
    usual_s: NDArray[np.float64]
    """(s,) inf where there is no way, or the site does not count."""
    now_s: NDArray[np.float64]
    """(s,) inf too where it has nothing to send."""
    empty: Mapping[int, str]
    """Rows that have nothing to send for another reason than their stock, with the reason."""


def changes_of(
    compared: Compared, usual: Usual, ways: Callable[[], Ways], causes: Causes, shown: Sequence[int]
) -> dict[str, Any]:
    """Say what differs from the usual answer.

    Parameters
    ----------
    ways
        Gives the usual ways; asked only where one of the first arrivals comes at another time.
    shown
        Rows of the cards.

    Returns
    -------
    dict
        sentences; first_before and first_now (id, name, eta_min; None where nobody comes); delta_min of the
        first arrival (None where there is none to compare).
    """
    before, now = _first(compared.usual_s), _first(compared.now_s)
    moved = [row for row in usual.first if compared.now_s[row] != compared.usual_s[row]]
    known = ways() if any(row not in compared.empty for row in moved) else {}
    why = {row: causes.of(known[row]) for row in moved if row in known}
    rows = dict.fromkeys([*usual.first, *shown])
    sentences = [_first_sentence(compared, before, now, why)]
    told = now if before == now else -1
    for row in rows:
        if row != told and (sentence := _site_sentence(compared, row, why.get(row, ""))):
            sentences.append(sentence)
    delta = None
    if before >= 0 and now >= 0:
        delta = round(float(compared.now_s[now] - compared.usual_s[before]) / 60, 1)
    return {
        "sentences": sentences[:_MOST_SENTENCES],
        "first_before": _named(compared.sites, before, compared.usual_s),
        "first_now": _named(compared.sites, now, compared.now_s),
        "delta_min": delta,
    }


def _first(eta_s: NDArray[np.float64]) -> int:
    """Row of the first arrival, -1 where nobody comes."""
    row = int(np.argmin(eta_s)) if len(eta_s) else -1
    return row if row >= 0 and isfinite(eta_s[row]) else -1


def _named(sites: Sequence[Mapping[str, Any]], row: int, eta_s: NDArray[np.float64]) -> dict[str, Any] | None:
    if row < 0:
        return None
    return {"id": sites[row]["id"], "name": sites[row]["name"], "eta_min": round(float(eta_s[row]) / 60, 1)}


def _first_sentence(compared: Compared, before: int, now: int, why: Mapping[int, str]) -> str:
    """Say who comes first now, and who did."""
    sites, usual_s, now_s = compared.sites, compared.usual_s, compared.now_s
    if now < 0:
        return "没有站点能到达" + (
            "" if before < 0 else f", 平时最先到达的是 {_with_time(sites, before, usual_s)}"
        )
    if before < 0:
        return f"平时没有站点能到达, 现在最先到达的是 {_with_time(sites, now, now_s)}"
    late = _minutes(now_s[now]) - _minutes(usual_s[before])
    if before != now:
        return (
            f"最先到达的由 {_with_time(sites, before, usual_s)} 改为 {_with_time(sites, now, now_s)}"
            f", {_later(late) or '时间相同'}"
        )
    if not late:
        return f"最先到达的仍是 {_with_time(sites, now, now_s)}, 时间不变"
    cause = f"因 {why[now]} " if why.get(now) else ""
    return (
        f"最先到达的仍是 {sites[now]['name']}, {cause}{_later(late)} "
        f"({_said(usual_s[before])} → {_said(now_s[now])})"
    )


def _site_sentence(compared: Compared, row: int, cause: str) -> str:
    """Say what became of one site; empty where nothing did."""
    name, usual_s, now_s = compared.sites[row]["name"], compared.usual_s[row], compared.now_s[row]
    if row in compared.empty:
        return f"{name} 不计入: {compared.empty[row]}"
    because = f" 因 {cause}" if cause else ""
    if isfinite(usual_s) and not isfinite(now_s):
        return f"{name}{because} 不可达"
    if not (isfinite(usual_s) and isfinite(now_s)):
        return f"{name} 平时不可达, 现在 {_said(now_s)}" if isfinite(now_s) else ""
    late = _minutes(now_s) - _minutes(usual_s)
    return f"{name}{because} {_later(late)} ({_said(usual_s)} → {_said(now_s)})" if late else ""


def _minutes(seconds: float) -> int:
    """Whole minutes as `duration` says them, so that what is read out adds up."""
    return whole_minutes(float(seconds) / 60)


def _later(minutes: int) -> str:
    if not minutes:
        return ""
    return f"晚 {duration(minutes)}" if minutes > 0 else f"早 {duration(-minutes)}"


def _said(seconds: float) -> str:
    return duration(float(seconds) / 60)


def _with_time(sites: Sequence[Mapping[str, Any]], row: int, eta_s: NDArray[np.float64]) -> str:
    return f"{sites[row]['name']}({_said(eta_s[row])})"
