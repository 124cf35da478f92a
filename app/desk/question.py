"""The emergency desk's question, from text to answer; numpy and the standard library only: a quick start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...coverage.frontier import without
from ...coverage.nearest import Answer, Arrival, nearest_sites
from ...coverage.snap import ACCESS_DETOUR, ACCESS_KMH, attach
from ...geodata.errors import InputError, Problem
from ...geodata.layers import EXAMPLE
from ...geodata.network import Network, incoming, load_network
from ...geodata.overlay import load_in_force, under
from ...geodata.registry import read_sites
from ...geodata.road_names import edges_of_roads
from ..standards import office_standards
from ..workspace import open_workspace
from .cards import MORE_COLUMNS, Setting, card, city_at, feature, passed_by
from .compliance import compliance_at, definition
from .marks import key, marks_or_note
from .parts import CHINA, Mark
from .roster import read_roster
from .situation import CUT_OFF_M, MOST_EMPTY, kind_of, reason_empty
from .spoken import counted_lines, lines
from .where import locate, open_atlas
from .words import cut_off_line, duration, measure, measure_line, missing

__all__ = ["counted_lines", "cut_off", "cut_off_line", "duration", "lines", "measure_line", "nearest"]


def nearest(
    root: Path,
    at: str,
    *,
    kind: str = "warehouse",
    k: int = 3,
    avoid: Sequence[str] = (),
    now: datetime | None = None,
) -> dict[str, Any]:
    """Answer which k sites' help arrives first at a place.

    Parameters
    ----------
    root
        Workspace.
    at
        A name in any spelling, coordinates in any notation, or a link of a map, as `where.locate` reads it.
    kind
        ``warehouse`` or ``team``, or the Chinese name.
    k
        How many sites.
    avoid
        Roads that are closed, by code or name: G60, 沪昆高速.
    now
        A moment with its offset, for closures, marks, opening hours and the age of stocks; by default now.

    Returns
    -------
    dict
        place, labels, closures that count, and one card per site, as in `answers.nearest`; ``features`` are
        the ways of the cards as GeoJSON features, in the same order; compliance.

    Raises
    ------
    InputError
        Unknown layer, place or road, or a point outside the province, in one Chinese sentence each.
    """
    if k < 1:
        raise InputError(Problem("-k", "至少列出 1 处", str(k)))
    chosen, moment = kind_of(kind), now or datetime.now(CHINA)
    workspace = open_workspace(root)
    atlas = open_atlas(workspace.root)
    place = locate(atlas, at)
    folder = workspace.root / "network"
    network = load_network(folder, verify="once")
    measures = load_in_force(folder, network, moment)
    closed, closed_names = edges_of_roads(network, avoid, where="--avoid")
    sites = read_sites(workspace.layers, chosen, more=MORE_COLUMNS)
    standard = office_standards(workspace.root).standards[chosen]
    city = place["city"] or city_at(atlas.gazetteer, place["lon"], place["lat"])
    marks, notes = marks_or_note(root, moment)
    turned = replace(network, into=incoming(network))  # once for all searches
    asked = _Asked(
        network=without(under(turned, measures), closed.tolist()),
        sites=sites,
        point=(place["lon"], place["lat"]),
        setting=Setting(chosen, standard, atlas.gazetteer, moment, city),
        marks=marks,
    )
    answer, shown = _found(asked, k)
    shut = _cut_off(network, place, answer) if measures.measures or len(closed) else None
    return {
        "place": place,
        "kind": chosen,
        "labels": [text for text in (network.label, _example(sites)) if text],
        "mode": network.mode,
        "closed_roads": closed_names,
        "measures": [measure(one) for one in measures.measures],
        **_told(asked, answer, shown, shut or {}),
        "unreached": _missing(asked, answer, k),
        "compliance": _compliance(asked, answer),
        "compliance_note": definition(standard),
        "notes": list(notes),
    }


@dataclass(frozen=True)
class _Asked:
    """A question whose data are open."""

    network: Network
    """Under all closures."""
    sites: Sequence[Mapping[str, Any]]
    point: tuple[float, float]
    setting: Setting
    marks: Mapping[str, Mark]

    def mark(self, site: Mapping[str, Any]) -> Mark | None:
        """Return what a desk noted about a site."""
        return self.marks.get(key(self.setting.kind, site["id"]))

    @cached_property
    def empty(self) -> dict[int, str]:
        """Rows of sites that have nothing to send, with the reason."""
        reasons = {row: reason_empty(site, self.mark(site)) for row, site in enumerate(self.sites)}
        return {row: reason for row, reason in reasons.items() if reason}

    def search(self, rows: Sequence[int], k: int) -> Answer:
        """Find the first arrivals of some of the sites; ``Arrival.row`` is that among all."""
        ready_s = self.setting.standard.mobilisation_s or 0
        found = nearest_sites(
            self.network,
            [self.sites[row] for row in rows],
            lon=self.point[0],
            lat=self.point[1],
            k=k,
            default_readiness_min=ready_s / 60,
        )
        arrivals = tuple(replace(one, row=rows[one.row]) for one in found.arrivals)
        return replace(found, arrivals=arrivals)


def _found(asked: _Asked, k: int) -> tuple[Answer, list[Arrival]]:
    """Find the first arrivals; show the first k, then those before them that have nothing to send."""
    answer = asked.search(range(len(asked.sites)), k + len(asked.empty))
    able = [one for one in answer.arrivals if one.row not in asked.empty][:k]
    last = answer.arrivals.index(able[-1]) if len(able) == k else len(answer.arrivals)
    return answer, [*able, *[one for one in answer.arrivals[:last] if one.row in asked.empty][:MOST_EMPTY]]


def _told(
    asked: _Asked, answer: Answer, shown: Sequence[Arrival], shut: Mapping[int, bool]
) -> dict[str, Any]:
    """Write what was found; ``shut`` says of the point (-1) and of rows that the road beside it is closed."""
    cards = []
    passes = passed_by(asked.setting.gaz, shown)
    for rank, (one, names) in enumerate(zip(shown, passes, strict=True), 1):
        empty = asked.empty.get(one.row, "")
        own = card(one, rank, asked.setting, mark=asked.mark(one.site), empty=empty, passes=names)
        cards.append({**own, "cut_off": shut.get(one.row, False)})
    return {
        "off_road_m": answer.off_road_m,
        "cut_off": shut.get(-1, False),
        "warning": answer.warning,
        "sites": cards,
        "features": [feature(one, rank) for rank, one in enumerate(shown, 1)],
    }


def _missing(asked: _Asked, answer: Answer, k: int) -> str:
    """Say in words when fewer sites than asked for can be reached."""
    found = sum(one.row not in asked.empty for one in answer.arrivals)
    registered = len(asked.sites)
    return missing(found, k, registered - len(asked.empty), registered, registered - len(answer.arrivals))


def _compliance(asked: _Asked, answer: Answer) -> list[dict[str, Any]]:
    """Check the times asked of each level; a level that is not among the first arrivals is searched for."""
    eta_s = np.full(len(asked.sites), np.inf)
    for one in answer.arrivals:
        eta_s[one.row] = one.eta_s
    eta_s[list(asked.empty)] = np.inf
    for level, _ in asked.setting.standard.compliance:
        own = [row for row, site in enumerate(asked.sites) if site["level"] == f"{level}级"]
        able = [row for row in own if row not in asked.empty]
        if able and not np.isfinite(eta_s[able]).any():
            for one in asked.search(able, 1).arrivals:
                eta_s[one.row] = one.eta_s
    return compliance_at(asked.setting.standard, read_roster(asked.sites), eta_s)


def _example(sites: Sequence[Mapping[str, Any]]) -> str:
    return EXAMPLE if any(site["example"] for site in sites) else ""


def _cut_off(network: Network, place: Mapping[str, Any], answer: Answer) -> dict[int, bool]:
    """Tell of the point (-1) and the rows of sites whether the road beside them is closed."""
    met_m = [answer.off_road_m, *(arrival.off_road_m for arrival in answer.arrivals)]
    ends = [(place["lon"], place["lat"]), *((one.site["lon"], one.site["lat"]) for one in answer.arrivals)]
    rows = [-1, *(one.row for one in answer.arrivals)]
    return dict(zip(rows, cut_off(network, ends, met_m), strict=True))


def cut_off(network: Network, points: Sequence[tuple[float, float]], met_m: Sequence[float]) -> list[bool]:
    """Tell of which points the road beside them is closed: they now meet the network farther away.

    Parameters
    ----------
    network
        The network without closures.
    points
        (longitude, latitude), WGS84 degrees.
    met_m
        Straight metres at which each meets the network that is open.
    """
    lon, lat = zip(*points, strict=True)
    free = attach(network, lon, lat, detour=ACCESS_DETOUR, speed_kmh=ACCESS_KMH, cold=True)
    return [bool(now > before + CUT_OFF_M) for now, before in zip(met_m, free.metres.tolist(), strict=True)]
