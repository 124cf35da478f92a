"""A whole workspace of a tiny world on disk: a hundredth of a second to open, a tenth to run a scenario."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import gridworld
import tinyworld
from boai.app import workspace
from boai.geodata import boundaries, demand, gazetteer, outline, registry
from boai.geodata.layers import KIND_NAMES, Kind, Layer
from boai.geodata.network import Network, save_network
from boai.scenarios.world import World
from shapely import MultiPolygon

PEOPLE = gridworld.grid_demand(4)
SECONDS = 1500
"""Driving time of every road: two of them are within the hour of the standards."""


def sites(warehouses: Sequence[int] = (0, 5), teams: Sequence[int] = (10,)) -> dict[Kind, Layer]:
    """Warehouses and teams at nodes of the grid; the other layers are empty."""
    at: dict[Kind, Sequence[int]] = {"warehouse": warehouses, "team": teams}
    return {kind: tinyworld.sites(kind, PEOPLE, list(at.get(kind, ())), level="县级") for kind in KIND_NAMES}


def approximate_roads() -> Network:
    """The roads of the tiny world, labelled as the approximate network is."""
    return replace(gridworld.grid_network(4, seconds=SECONDS), meta={"label": "近似路网"})


def make(root: Path, layers: Mapping[Kind, Layer] | None = None, *, network: Network | None = None) -> World:
    """Write the 4 x 4 grid with 2^node residents as a workspace and read it back."""
    root.mkdir(parents=True)
    tiny = tinyworld.make_units(PEOPLE)
    frames = {level: getattr(tiny, level) for level in ("province", "cities", "counties")}
    many = {level: [MultiPolygon([one]) for one in frame.geometry] for level, frame in frames.items()}
    units = replace(tiny, **{level: frame.assign(geometry=many[level]) for level, frame in frames.items()})
    area = units.province.geometry.iloc[0]
    roads = gridworld.grid_network(4, seconds=SECONDS) if network is None else network
    hashes = {
        "boundaries": boundaries.save(units, root / "boundaries.gpkg"),
        "outline": outline.save_outline(area, root / "outline"),
        "gazetteer": gazetteer.save(gridworld.make_gazetteer(PEOPLE), root / "gazetteer"),
        "demand": demand.save(PEOPLE, root / "demand"),
        "network": save_network(roads, root / "network"),
    }
    registry.save_layers(sites() if layers is None else layers, root / "layers.gpkg")
    manifest = {"format": 1, "boai": workspace.boai_version(), "source_key": "", "hashes": hashes}
    (root / workspace.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return workspace.load_world(workspace.open_workspace(root))
