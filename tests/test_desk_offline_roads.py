"""The offline desk on real roads: a point beside the places is estimated from those around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import deskoffline
import deskpage
import numpy as np
import pytest
import shapeworld
from boai.app.desk.bundle import bundle
from boai.app.desk.ground import Ground, open_ground
from boai.coverage.live import Live
from deskoffline import NOW, in_page, opened
from examples import many

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with deskpage.browsing() as found:
        yield found


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return open_ground(deskpage.make(tmp_path / "w"), warm=False)


def streets(rng: np.random.Generator, wide: int = 13, step: int = 5000) -> Any:
    """A grid of streets every half kilometre, of uneven speed."""
    number = np.arange(wide * wide).reshape(wide, wide)
    ends = (number[:, :-1], number[:, 1:]), (number[:-1], number[1:])
    pairs = [pair for one, other in ends for pair in zip(one.flat, other.flat, strict=True)]
    times = rng.integers(3000, 9000, len(pairs)).tolist()
    roads = [shapeworld.Road(int(a), int(b), time, time) for (a, b), time in zip(pairs, times, strict=True)]
    return shapeworld.make([(step * x, step * y) for y in range(wide) for x in range(wide)], roads)


def test_a_point_on_real_roads_is_estimated_from_the_places_around_it(
    browser: Any, ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The estimate stays within what the straight way could make, and is better than adding all of it."""
    rng = np.random.default_rng(1)
    network = streets(rng)
    ready = {"readiness_min": 0}
    sites = [
        {**site, **ready, "lon": float(network.lon[row]), "lat": float(network.lat[row])}
        for site, row in zip(ground.live["warehouse"].sites, (0, 60, 100, 140, 168), strict=True)
    ]
    live = {**ground.live, "warehouse": Live(network, sites)}
    east, north = (each.ravel() / 1e7 for each in np.meshgrid(*[np.arange(2000, 60_000, 14_000)] * 2))
    count = len(east)
    people = SimpleNamespace(
        lon=115 + east, lat=28 + north, area_km2=np.full(count, 2.0), residents=np.ones(count, int),
        county=np.zeros(count, int), county_code=np.array(["x"]),
    )  # fmt: skip
    monkeypatch.setattr("boai.geodata.demand.load", lambda _: people)
    real = replace(ground, network=network, now=network, live=live, usual=live)
    path = deskoffline.bare(bundle(real, made_at=NOW), tmp_path / "desk.html")
    points = np.column_stack([people.lon, people.lat])
    beside = rng.uniform((115.0005, 28.0005), (115.0055, 28.0055), (many(60), 2))
    script = (
        "(all) => all.map(([lon, lat]) => { const found = boai.localAnswer.asked({ ...boai.local.data(),"
        " marks: new Map() }, { lon, lat, city: 'x' }, { kind: 'warehouse' }, new Date()).found;"
        " return [found.drive, found.ways.map((one) => one.cs), found.apart]; })"
    )
    with opened(browser, path) as page:
        in_page(page, "open")
        at, near_ = (page.evaluate(script, each.tolist()) for each in (points, beside))
        note = page.evaluate("boai.localAnswer.apartNote({ place: 0, apart: 900 }, false)")
    exact = [
        np.array([live["warehouse"].times(*one).drive_s * 100 for one in all_]) for all_ in (points, beside)
    ]
    assert [drive for drive, *_ in at] == exact[0].round().tolist()
    drive, ways = (np.array([row[i] for row in near_]) for i in (0, 1))
    off = np.array([apart for *_, apart in near_])[:, None] * 1.3 / (20 / 3.6) * 100
    assert (np.abs(drive - ways) <= off + 1).all()
    late, added = np.abs(drive - exact[1]), np.abs(ways + off - exact[1])
    assert np.median(late) < 0.9 * np.median(added)
    assert "三个计算点" in note
    assert "相同" not in note
