"""Results of a small world that differ in all that scenarios can differ in, for the tests of comparing."""

from __future__ import annotations

from typing import Any

import mapworld
import yaml
from boai.scenarios.run import run
from boai.scenarios.schema import parse_scenario
from boai.scenarios.world import World


def _at(world: World, cell: int) -> dict[str, float]:
    return {"lon": float(world.demand.lon[cell]), "lat": float(world.demand.lat[cell])}


def results(world: World) -> list[Any]:
    """The baseline; a plan that opens stores; one that also closes, moves, grows, and has limits of its own.

    The limits of the last: teams within 20 minutes instead of 10, AED with one limit less, 博爱家园 with none
    in common.
    """
    last = len(world.demand.cell) - 1
    limits = world.standards["aed"].limits
    changes = [
        {"open": {"kind": "warehouse", "id": "neu", "name": "新库0", "year": 2022, **_at(world, last)}},
        {"close": {"kind": "warehouse", "id": world.layers["warehouse"].table["id"].iloc[0]}},
        {"move": {"kind": "team", "id": world.layers["team"].table["id"].iloc[0], **_at(world, 5)}},
        {"open": {"kind": "aed", "id": "aed-neu", "name": "新机", "year": 2022, **_at(world, 3)}},
        {"open": {"kind": "home", "id": "home-neu", "name": "新家", "year": 2022, **_at(world, 3)}},
        {"grow": {"unit": "甲县", "percent": 25}},
    ]
    other = {
        "name": "changed",
        "title": "改动",
        "changes": changes,
        "standards": {
            "team": 20,
            "aed": {"limits": list(limits[:-1]), "main": limits[-2]},
            "home": {"limits": [640], "main": 640},
        },
    }
    made = run(world, parse_scenario(yaml.safe_dump(other, allow_unicode=True)))
    return [*mapworld.make_results(world), made]
