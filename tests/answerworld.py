"""Grounds of round numbers for the desk's answers: a grid of roads, ten minutes each, sites at its nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import gridworld
import numpy as np
from boai.app.desk.cards import MORE_COLUMNS
from boai.app.desk.ground import Ground
from boai.app.desk.marks import key
from boai.app.desk.parts import CHINA, Mark
from boai.coverage.live import Live
from boai.coverage.standard_file import read
from boai.geodata.layers import COLUMNS, NUMBERS
from boai.geodata.network import Network
from boai.geodata.overlay import Overlay, impose, under

SIZE = 4
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=CHINA)
"""A Sunday."""

Sites = Sequence[Mapping[str, Any]]


def roads(size: int = SIZE) -> Network:
    """A grid; the roads of each row are one road, G1 一号线 in the south, and so on; others have no name."""
    network = gridworld.grid_network(size)
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
    same_row = tail // size == network.head // size
    road = np.where(same_row, 1 + tail // size, 0).astype(np.int16)
    names = ("", *(f"G{row + 1} {'一二三四五六'[row]}号线" for row in range(size)))
    return replace(network, road=road, roads=names, meta={"hash": f"grid{size}"})


def site(
    id_: str, node: int, *, size: int = SIZE, stock: Mapping[str, int] | None = None, **others: Any
) -> dict[str, Any]:
    """A site at a node, ready at once, in the county of the node."""
    demand = gridworld.grid_demand(size)
    county = demand.county[node]
    blank: dict[str, Any] = {name: None if name in NUMBERS else "" for name in COLUMNS}
    return {
        **blank,
        **dict.fromkeys(MORE_COLUMNS, ""),
        "example": False,
        "id": id_,
        "name": f"{id_}库",
        "lon": float(demand.lon[node]),
        "lat": float(demand.lat[node]),
        "county": str(demand.county_name[county]),
        "city": str(demand.city_name[county]),
        "level": "县级",
        "status": "已建",
        "readiness_min": 0.0,
        "stock": "" if stock is None else json.dumps(dict(stock), ensure_ascii=False),
        "stock_date": "2026-11-01",
        **others,
    }


def ground(
    stores: Sites = (),
    teams: Sites = (),
    *,
    marks: Sequence[Mark] = (),
    closed: Sequence[tuple[str, Sequence[int], float]] = (),
    size: int = SIZE,
    network: Network | None = None,
    root: Path = Path("/nowhere"),
) -> Ground:
    """All that an answer is made of; ``closed``: what, its edges, the share of the speed that is left."""
    own = roads(size) if network is None else network
    overlay = Overlay(str(own.meta.get("hash", "")))
    for what, edges, speed in closed:
        overlay = impose(overlay, edges, speed=speed, what=what, at="2026-11-22T08:00:00+08:00")
    now = under(own, overlay)
    usual = {
        "warehouse": Live(own, stores, default_readiness_min=60),
        "team": Live(own, teams, default_readiness_min=60),
    }
    return Ground(
        root=root,
        gazetteer=gridworld.make_gazetteer(gridworld.grid_demand(size)),
        outline={},
        network=own,
        overlay=overlay,
        now=now,
        live={kind: live.under(now) for kind, live in usual.items()},
        usual=usual,
        office=read(None),
        marks={key(one.kind, one.id): one for one in marks},
        version="0123456789ab",
        labels=(),
        as_of="2026-11-01T00:00:00+08:00",
        at=NOW,
        changes_at=None,
    )


def at(node: int, *, size: int = SIZE, **others: Any) -> dict[str, Any]:
    """The place of a node."""
    demand = gridworld.grid_demand(size)
    county = demand.county[node]
    named = {"name": f"镇{node}", "note": "", "city": str(demand.city_name[county]), "system": "WGS84"}
    return {**named, "lon": float(demand.lon[node]), "lat": float(demand.lat[node]), **others}


def edges_between(network: Network, *pairs: tuple[int, int]) -> list[int]:
    """Both directions of the roads between nodes."""
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
    both = [pair for a, b in pairs for pair in ((a, b), (b, a))]
    return sorted(int(e) for a, b in both for e in np.flatnonzero((tail == a) & (network.head == b)))


def empty_mark(id_: str, *, kind: str = "warehouse", **others: Any) -> Mark:
    words = {"note": "昨天发完", "who": "王堃", "at": "2026-11-22T08:30:00+08:00"} | others
    return Mark(kind, id_, "空", **words)
