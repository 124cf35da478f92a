"""The places that a way passes: those near it, in the order of passing."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from boai.geodata.gazetteer import Gazetteer, find
from boai.geodata.passing import places_along, places_along_each
from boai.scenarios.world import World


@pytest.fixture(scope="module")
def gaz(world: World) -> Gazetteer:
    return world.gazetteer


def _along_by_shapely(gaz: Gazetteer, line: np.ndarray, within_m: float) -> tuple[set[str], set[str]]:
    """Names certainly passed and names perhaps passed, 300 m being the grain of ``places_along``."""
    scale = np.radians(6_371_008.8) * np.array([np.cos(np.radians(line[:, 1].mean())), 1.0])
    rows = np.flatnonzero(np.asarray(gaz.level) >= 2)
    places = shapely.points(np.column_stack([gaz.lon, gaz.lat])[rows] * scale)
    away = shapely.distance(shapely.LineString(line * scale), places)
    return set(gaz.name[rows[away <= within_m - 300]]), set(gaz.name[rows[away <= within_m + 300]])


@pytest.mark.parametrize("points", [2, 3, 40, 3000])
def test_places_along_a_way_are_those_near_it(gaz: Gazetteer, points: int) -> None:
    rng = np.random.default_rng(points)
    for _ in range(5):
        steps = rng.normal(0, 0.6 / np.sqrt(points), (points, 2))
        line = np.cumsum(steps, axis=0) + np.array([115.8, 27.6])
        found = places_along(gaz, line, within_m=3000)
        sure, perhaps = _along_by_shapely(gaz, line, 3000)
        assert sure <= set(found) <= perhaps


def test_places_along_a_way_come_in_the_order_of_passing(gaz: Gazetteer) -> None:
    names = ["修水县", "武宁县", "南昌县"]
    stops = [find(gaz, name) for name in names]
    line = np.array([(stop.lon, stop.lat) for stop in stops])
    there, back = places_along(gaz, line), places_along(gaz, line[::-1])
    assert [name for name in there if name in names] == names
    assert set(there) == set(back)
    assert back[-1] in ("修水县", "义宁镇")
    assert places_along(gaz, line[:1])[0] in ("修水县", "义宁镇")  # a way without length
    assert places_along(gaz, [(0.0, 0.0), (1.0, 1.0)]) == []


def test_several_ways_at_once_pass_what_each_passes_alone(gaz: Gazetteer) -> None:
    rng = np.random.default_rng(7)
    starts = rng.uniform([114.0, 25.0], [118.0, 29.5], (12, 2))
    lines = [start + np.cumsum(rng.normal(0, 0.01, (200, 2)), axis=0) for start in starts]
    lines.insert(3, lines[0][:1])
    found = places_along_each(gaz, lines, within_m=5000)
    assert found == [places_along(gaz, line, within_m=5000) for line in lines]
    assert sum(map(bool, found)) > 6
    assert places_along_each(gaz, []) == []
