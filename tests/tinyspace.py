"""A whole workspace of a tiny world on disk: a hundredth of a second to open, a tenth to run a scenario."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import gridworld
import tinyworld
from boai.app import workspace
from boai.geodata import boundaries, demand, gazetteer, outline, registry
from boai.geodata.layers import KIND_NAMES, Kind, Layer
from boai.geodata.network import save_network
from boai.scenarios.world import World
from shapely import MultiPolygon

SECONDS = 1500
"""Driving time of every road: two of them are within the hour of the standards."""


def make(root: Path, warehouses: tuple[int, ...] = (0, 5), teams: tuple[int, ...] = (10,)) -> World:
    """Write the 4 x 4 grid with 2^node residents as a workspace and read it back."""
    root.mkdir(parents=True)
    people = gridworld.grid_demand(4)
    sites: dict[Kind, list[int]] = {"warehouse": list(warehouses), "team": list(teams)}
    layers: dict[Kind, Layer] = {
        kind: tinyworld.sites(kind, people, sites.get(kind, []), level="县级") for kind in KIND_NAMES
    }
    tiny = tinyworld.make_units(people)
    frames = {level: getattr(tiny, level) for level in ("province", "cities", "counties")}
    many = {level: [MultiPolygon([one]) for one in frame.geometry] for level, frame in frames.items()}
    units = replace(tiny, **{level: frame.assign(geometry=many[level]) for level, frame in frames.items()})
    area = units.province.geometry.iloc[0]
    hashes = {
        "boundaries": boundaries.save(units, root / "boundaries.gpkg"),
        "outline": outline.save_outline(area, root / "outline"),
        "gazetteer": gazetteer.save(gridworld.make_gazetteer(people), root / "gazetteer"),
        "demand": demand.save(people, root / "demand"),
        "network": save_network(gridworld.grid_network(4, seconds=SECONDS), root / "network"),
    }
    registry.save_layers(layers, root / "layers.gpkg")
    manifest = {"format": 1, "boai": workspace.boai_version(), "source_key": "", "hashes": hashes}
    (root / workspace.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return workspace.load_world(workspace.open_workspace(root))
