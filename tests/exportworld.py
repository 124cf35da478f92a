"""What the tests of exports share: a small world written in every format, once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import mapworld
from boai.maps.exports.layers import Export, exports_of

TITLES = ("../../<b>现状\u202e", "con")
"""Titles that try to become paths, markup and devices."""


@cache
def small() -> tuple[Any, list[Any]]:
    """A world of 37 cells with its baseline and a plan that opens warehouses; hostile names."""
    world = mapworld.make_world(names=mapworld.HOSTILE)
    results = [_of_two(each) for each in mapworld.make_results(world, count=3)]
    return world, [replace(each, title=title) for each, title in zip(results, TITLES, strict=True)]


def _of_two(result: Any) -> Any:
    """Leave of a result one type measured by driving and one on foot."""
    kept = {
        name: {kind: value for kind, value in getattr(result, name).items() if kind in ("aed", "warehouse")}
        for name in ("layers", "covers", "gaps", "far")
    }
    return replace(result, **kept)


@cache
def small_exports() -> list[Export]:
    """Make its layers, once per process."""
    return exports_of(*small())
