"""Questions asked again and again: the answers of `nearest_sites` bit for bit, at whatever speed."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import gridworld
import numpy as np
import pytest
import shapeworld
from boai.coverage import live_engine, live_table
from boai.coverage.live import Live
from boai.coverage.nearest import Answer, Arrival, nearest_sites
from boai.geodata.network import CLOSED, Network
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st


def bits(answer: Answer) -> tuple[Any, ...]:
    """All that an answer says, lines of ways included, to be compared exactly."""
    return answer.node, answer.off_road_m, answer.off_road, [_bits(one) for one in answer.arrivals]


def _bits(one: Arrival) -> tuple[Any, ...]:
    return (
        *(value for name, value in vars(one).items() if name not in ("line", "site")),
        one.site["id"],
        one.line.tobytes(),
    )


def expected(
    network: Network, sites: list[dict[str, Any]], at: tuple[float, float], *, k: int, without: Any = ()
) -> tuple[Any, ...]:
    rows = [row for row in range(len(sites)) if row not in without]
    answer = nearest_sites(network, [sites[row] for row in rows], lon=at[0], lat=at[1], k=k)
    renumbered = tuple(replace(one, row=rows[one.row]) for one in answer.arrivals)
    return bits(replace(answer, arrivals=renumbered))


def hold(live: Live, at: tuple[float, float], *, k: int, without: Any = ()) -> None:
    """Hold that a question is answered as `nearest_sites` does, and that the times of all sites agree."""
    sites = list(live.sites)
    found = live.nearest(*at, k=k, without=without)
    assert bits(found) == expected(live.network, sites, at, k=k, without=without)
    every = nearest_sites(live.network, sites, lon=at[0], lat=at[1], k=len(sites) + 1).arrivals
    eta, drive = np.full(len(sites), np.inf), np.full(len(sites), np.inf)
    for one in every:
        eta[one.row], drive[one.row] = one.eta_s, one.drive_s
    times = live.times(*at)
    assert times.eta_s.tolist() == eta.tolist()
    assert times.drive_s.tolist() == drive.tolist()


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start nothing in the background: each test says itself how far an engine is."""
    monkeypatch.setattr(live_engine.Engine, "_start", lambda *_: None)
    monkeypatch.setattr(live_table, "CELL", 5)


def slowed(network: Network, rng: np.random.Generator) -> Network:
    """Close some edges and slow others."""
    times = np.array(network.centiseconds)
    some = rng.permutation(len(times))
    shut, slow = some[: len(some) // 5], some[len(some) // 5 : len(some) // 2]
    times[slow] = np.where(times[slow] > 0, times[slow] * rng.integers(1, 4, len(slow)), times[slow])
    times[shut] = CLOSED
    return replace(network, centiseconds=times)


def some_sites(rng: np.random.Generator, lon: Any, lat: Any) -> list[dict[str, Any]]:
    """Sites of which some share a place and some state no readiness; times of arrival tie."""
    ready = [None, 0, 0, 1 / 6000, 2 / 6000, 0.01]
    return [
        {"id": f"w{i}", "lon": float(x), "lat": float(y), "readiness_min": ready[rng.integers(len(ready))]}
        for i, (x, y) in enumerate(zip(lon, lat, strict=True))
    ]


def ask_all_ways(network: Network, sites: list[dict[str, Any]], at: Any, rng: np.random.Generator) -> None:
    """Ask cold, warm, and under two overlays led by the roads without closures and by their own labels."""
    live = Live(network, sites)
    k = int(rng.integers(1, len(sites) + 3))
    without = set(rng.permutation(len(sites))[: rng.integers(0, len(sites) + 1)].tolist())
    hold(live, at, k=k)
    hold(live, at, k=k, without=without)
    live.prepare()
    for now in (live, live.under(slowed(network, rng)), live.under(slowed(network, rng))):
        hold(now, at, k=k)
        hold(now, at, k=1, without=without)
        hold(now, at, k=k, without=without)
    now.prepare()
    now._engine.part(without).prepare()
    hold(now, at, k=k)
    hold(now, at, k=k, without=without)


@settings(max_examples=many(25), deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([3, 300]))
def test_at_nodes(seed: int, longest: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = 40, 110
    times = rng.integers(1, longest, m)
    lon, lat = gridworld.WEST + rng.random(n) * 0.3, gridworld.SOUTH + rng.random(n) * 0.3
    network = gridworld.make_network(rng.integers(0, n, m), rng.integers(0, n, m), times, lon=lon, lat=lat)
    own = rng.integers(0, n, 7)
    sites = some_sites(rng, network.lon[own] + rng.choice([0, 0.001], 7), network.lat[own])
    ask_all_ways(network, sites, (float(lon[3]) + rng.choice([0, 0.01]), float(lat[3])), rng)


@settings(max_examples=many(25), deadline=None)
@given(st.integers(0, 10_000))
def test_on_roads(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = shapeworld.random_roads(seed)
    lon, lat = shapeworld.points_on_roads(network, seed + 1, 8)
    lon[7], lat[7] = lon[6], lat[6]
    sites = some_sites(rng, lon[1:], lat[1:])
    ask_all_ways(network, sites, (float(lon[0]), float(lat[0])), rng)


def test_a_background_engine_answers_as_the_cold_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads ask while the search is made ready, under closures and not; none waits, and all agree."""
    monkeypatch.undo()
    network = gridworld.grid_network(12)
    rng = np.random.default_rng(0)
    own = rng.integers(0, 144, 9)
    sites = some_sites(rng, network.lon[own], network.lat[own])
    usual = Live(network, sites)
    now = usual.under(slowed(network, rng))
    places = [(float(network.lon[v]), float(network.lat[v])) for v in range(0, 144, 5)]
    truth = {
        (live, at): expected(live.network, sites, at, k=3, without={1})
        for live in (usual, now)
        for at in places
    }

    def ask(round_: int) -> bool:
        live = now if round_ % 2 else usual
        found = [bits(live.nearest(*at, k=3, without={1})) for at in places]
        return found == [truth[live, at] for at in places]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(24)))
    deadline = time.monotonic() + 300
    while now._engine._search is None or now._engine._search.table is None:
        assert time.monotonic() < deadline, "the search never got ready"
        ask(1)
        now.times(*places[0])  # the table is made where it is of use
        time.sleep(0.01)
    assert ask(0) and ask(1)


def test_a_table_is_made_only_where_times_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer of which nobody asks costs its labels, not a search from every site."""
    started: list[str] = []

    def take_down(engine: live_engine.Engine, work: Any) -> None:
        engine._started.add(work.__name__)
        started.append(work.__name__)

    monkeypatch.setattr(live_engine.Engine, "_start", take_down)
    live = Live(gridworld.grid_network(3), [{"id": "a", "lon": 115.0, "lat": 28.0}])
    live.nearest(115.1, 28.1)
    assert set(started) == {"_label"}
    live.times(115.1, 28.1)
    assert set(started) == {"_label", "_tabulate"}


def test_metres_to_the_road_are_those_of_answers() -> None:
    network = gridworld.grid_network(3)
    live = Live(network, [{"id": each, "lon": 115.003, "lat": 28.0 + each / 100} for each in range(3)])
    answer = live.nearest(115.1003, 28.1, k=3)
    assert live.metres(115.1003, 28.1) == answer.off_road_m > 0
    assert {one.row: one.off_road_m for one in answer.arrivals} == dict(enumerate(live.site_metres.tolist()))


def test_under_closures_that_are_none_and_on_other_roads() -> None:
    network = gridworld.grid_network(3)
    live = Live(network, [{"id": "a", "lon": 115.0, "lat": 28.0}])
    assert live.under(network) is live
    now = live.under(replace(network, centiseconds=np.full(network.n_edges, CLOSED, np.int32)))
    assert now.under(network) is live
    assert now.nearest(115.2, 28.2).arrivals == ()
    assert np.isinf(now.times(115.2, 28.2).eta_s).all()
    with pytest.raises(ValueError, match="other roads"):
        live.under(gridworld.grid_network(4))


def test_times_that_do_not_fit_stay_with_numpy() -> None:
    """A site that gets ready after half a year is no reason to answer wrongly."""
    network = gridworld.grid_network(3)
    sites = [{"id": "a", "lon": 115.0, "lat": 28.0, "readiness_min": 300_000}]
    live = Live(network, sites)
    live.prepare()
    hold(live, (115.2, 28.2), k=2)


@pytest.mark.parametrize("options", [{"k": 0}, {"k": -1}])
def test_wrong_questions_are_refused(options: dict[str, int]) -> None:
    live = Live(gridworld.grid_network(2), [])
    assert live.nearest(115.0, 28.0).arrivals == ()
    with pytest.raises(ValueError, match="k must"):
        live.nearest(115.0, 28.0, **options)
    with pytest.raises(ValueError, match="finite"):
        live.nearest(float("nan"), 28.0)


def test_a_cold_start_loads_nothing_heavy() -> None:
    heavy = {"numba", "pandas", "scipy", "h3", "shapely", "pyproj"}
    code = "import boai.coverage.live, sys; print(*(set(sys.modules) & set(sys.argv[1:])))"
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
