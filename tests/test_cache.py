"""The cache: known content is read again, damaged entries are made anew, travel times of sites are merged."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import gridworld
import numpy as np
import pandas as pd
import pytest
import shapeworld
from boai.coverage.measures import cover_layer, second_cover
from boai.coverage.reach import candidate_reach_drive, candidate_reach_walk
from boai.geodata.layers import Kind, Layer
from boai.scenarios import cache as caches
from boai.scenarios import keys, packing, site_times
from boai.scenarios.cache import Cache, counts, hash_of, key_of, part_hash
from boai.scenarios.run import Result, run
from boai.scenarios.site_times import SiteCovers
from boai.scenarios.world import World
from hypothesis import given
from hypothesis import strategies as st
from tinyworld import drive_world, scenario, sites, walk_world

ONE = {"a": np.arange(6).reshape(2, 3), "b": np.array(["x", "中"])}


def made(value: object = ONE) -> Any:
    raise AssertionError("was known")


def test_what_is_known_is_not_made_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    first = cache.arrays("cover", ["x", 1], lambda: ONE)
    assert cache.arrays("cover", ["x", 1], made) is first
    again = Cache(tmp_path / "c")
    found = again.arrays("cover", ["x", 1], made)
    assert all((found[name] == ONE[name]).all() and found[name].dtype == ONE[name].dtype for name in ONE)
    assert counts(again) == {"cover": {"reused": 1, "computed": 0}}
    assert counts(cache) == {"cover": {"reused": 1, "computed": 1}}
    again.arrays("cover", ["x", 2], lambda: {"a": np.zeros(1)})
    again.arrays("gaps", ["x", 1], lambda: {"a": np.zeros(1)})
    assert counts(again)["cover"] == {"reused": 1, "computed": 1} and again.computed["gaps"] == 1
    assert not [path for path in (tmp_path / "c").iterdir() if path.name.startswith(".")]


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Cache().arrays("cover", 1, lambda: ONE)
    assert not list(tmp_path.iterdir())


def test_what_is_kept_cannot_be_changed(tmp_path: Path) -> None:
    own = {"a": np.arange(3)}
    cache = Cache(tmp_path)
    for found in (cache.arrays("x", 1, lambda: own), Cache(tmp_path).arrays("x", 1, made)):
        with pytest.raises(ValueError, match="read-only"):
            found["a"][0] = 7
    own["a"][0] = 0  # its maker's own array stays as it was
    table = cache.table("t", 1, lambda: pd.DataFrame({"n": [1, 2]}))
    table.loc[0, "n"] = 9
    assert cache.table("t", 1, made)["n"].tolist() == [1, 2]


def test_tables_and_values(tmp_path: Path) -> None:
    table = pd.DataFrame({"n": [1, 2], "t": ["a", "中"], "x": [0.1, np.nan]})
    Cache(tmp_path).table("t", 1, lambda: table)
    pd.testing.assert_frame_equal(Cache(tmp_path).table("t", 1, made), table)
    value = {"a": [1, 2.5, None, "中"], "b": float("inf")}
    Cache(tmp_path).value("v", 1, lambda: value)
    assert Cache(tmp_path).value("v", 1, made) == value


def entry(folder: Path) -> Path:
    Cache(folder).arrays("cover", 1, lambda: ONE)
    (path,) = folder.glob("cover-*.npz")
    return path


class _Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("evil",)


def _signed(content: bytes) -> bytes:
    return hashlib.sha256(content).digest() + content


def _pickled() -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([_Evil()], object), allow_pickle=True)
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a.npy", buffer.getvalue())
    return out.getvalue()


def _replaced(path: Path, how: Any) -> None:
    path.unlink()
    how(path)


DAMAGES: dict[str, Any] = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "bit": lambda path: path.write_bytes(path.read_bytes()[:-9] + b"?" + path.read_bytes()[-8:]),
    "digest": lambda path: path.write_bytes(b"?" + path.read_bytes()[1:]),
    "no archive": lambda path: path.write_bytes(_signed(b"hello")),
    "pickle": lambda path: path.write_bytes(_signed(_pickled())),
    "pickle alone": lambda path: path.write_bytes(_signed(pickle.dumps(_Evil()))),
    "folder": lambda path: _replaced(path, Path.mkdir),
    "pipe": lambda path: _replaced(path, os.mkfifo),
    "link to nothing": lambda path: _replaced(path, lambda one: one.symlink_to("nowhere")),
    "device": lambda path: _replaced(path, lambda one: one.symlink_to("/dev/zero")),
}


@pytest.mark.parametrize("name", list(DAMAGES))
def test_a_damaged_entry_is_made_anew_and_never_trusted(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    DAMAGES[name](entry(tmp_path / "c"))
    cache = Cache(tmp_path / "c")
    found = cache.arrays("cover", 1, lambda: ONE)
    assert (found["a"] == ONE["a"]).all() and cache.computed["cover"] == 1
    assert not (tmp_path / "evil").exists()
    if name != "folder":  # that stays in the way; all else was replaced by a good entry
        assert Cache(tmp_path / "c").arrays("cover", 1, made)["a"].tolist() == ONE["a"].tolist()


@given(st.data())
def test_any_damage_of_any_byte_is_seen(data: st.DataObject) -> None:
    content = _signed(packing.pack(ONE))
    at = data.draw(st.integers(0, len(content) - 1))
    damaged = bytearray(content)
    damaged[at] ^= data.draw(st.integers(1, 255))
    assert hashlib.sha256(damaged[32:]).digest() != bytes(damaged[:32])


def test_a_disk_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    cache = Cache(tmp_path / "file")
    assert (cache.arrays("cover", 1, lambda: ONE)["a"] == ONE["a"]).all()
    assert (tmp_path / "file").read_text() == "x"


def test_the_folder_is_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    one = {"a": np.random.default_rng(0).integers(0, 256, 1000, np.uint8)}  # nothing to compress
    cache = Cache(tmp_path, most_bytes=10_000)
    (tmp_path / "letter.txt").write_text("mine")
    for number in range(8):
        cache.arrays("x", number, lambda: one)
    paths = sorted(tmp_path.glob("x-*.npz"), key=lambda path: path.stat().st_mtime_ns)
    sizes = [path.stat().st_size for path in paths]
    assert sum(sizes) <= 10_000 and len(paths) == 10_000 // sizes[0]
    newest = Cache(tmp_path, most_bytes=10_000)
    for number in (7, 6):
        newest.arrays("x", number, made)
    assert newest.arrays("x", 0, lambda: one) is not None and newest.computed["x"] == 1
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_what_was_used_last_goes_last(tmp_path: Path) -> None:
    one = {"a": np.random.default_rng(0).integers(0, 256, 1000, np.uint8)}
    for number in range(6):
        Cache(tmp_path).arrays("x", number, lambda: one)
    for path in tmp_path.iterdir():
        os.utime(path, (1e9, 1e9))
    Cache(tmp_path).arrays("x", 3, made)  # used now
    Cache(tmp_path, most_bytes=6000).arrays("x", 99, lambda: one)
    Cache(tmp_path).arrays("x", 3, made)
    Cache(tmp_path).arrays("x", 99, made)
    assert len(list(tmp_path.iterdir())) < 6


def test_too_large_an_entry_is_not_kept_on_disk(tmp_path: Path) -> None:
    Cache(tmp_path, most_bytes=1000).arrays("x", 1, lambda: {"a": np.zeros(1000)})
    assert not list(tmp_path.iterdir())


def test_memory_is_bounded(tmp_path: Path) -> None:
    cache = Cache(most_memory=3000)
    for number in (1, 2, 3, 1, 4, 1):
        cache.arrays("x", number, lambda: {"a": np.zeros(1000, np.uint8)})
    assert cache._in_memory <= 3000
    assert (cache.computed["x"], cache.reused["x"]) == (4, 2)


def test_what_dead_writers_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    Cache(tmp_path).arrays("x", 1, lambda: ONE)
    old, new = tmp_path / f".x-{'0' * 38}.abc_12.npz", tmp_path / f".x-{'1' * 38}.abc_12.npz"
    mine = tmp_path / ".mine"
    for path in (old, new, mine):
        path.write_text("x")
    for path in (old, mine):
        os.utime(path, (time.time() - 7200,) * 2)
    Cache(tmp_path).arrays("x", 2, lambda: ONE)
    assert not old.exists() and new.exists() and mine.exists()


WORK = """
import sys
from pathlib import Path
import numpy as np
from boai.scenarios.cache import Cache
cache = Cache(Path(sys.argv[1]), most_bytes=60_000)
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 60):
    value = number % 20
    found = cache.arrays("x", value, lambda: {"a": np.full(2000, value, np.uint8)})
    assert (found["a"] == value).all()
"""


def test_several_processes_share_a_folder(tmp_path: Path) -> None:
    """They write, read and remove the same entries at the same time; each gets what it asks for."""
    how = [sys.executable, "-c", WORK, str(tmp_path)]
    workers = [subprocess.Popen([*how, start]) for start in ("0", "7")]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_keys_know_the_content_and_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hash_of(np.zeros(2)) != hash_of(np.zeros(2, np.float32)) != hash_of(np.zeros((2, 1), np.float32))
    assert hash_of(np.zeros((2, 2))[:, 0]) == hash_of(np.zeros(2))
    assert len(key_of([1, "中", None])) == 64 and len(keys.code_key()) == 64
    Cache(tmp_path).arrays("cover", 1, lambda: ONE)
    monkeypatch.setattr(caches, "code_key", lambda: "other code")
    cache = Cache(tmp_path)
    cache.arrays("cover", 1, lambda: ONE)
    assert cache.computed["cover"] == 1


def test_a_part_is_known_by_its_content() -> None:
    network = gridworld.grid_network(3)
    same = gridworld.grid_network(3)
    assert part_hash(network) == part_hash(same)
    slower = replace(network, centiseconds=network.centiseconds + 1)
    assert part_hash(slower) != part_hash(network)
    # Who changes the times and leaves the stated hash is found out.
    stated, wrong = replace(network, meta={"hash": "x"}), replace(slower, meta={"hash": "x"})
    assert part_hash(stated) != part_hash(wrong)
    demand = gridworld.grid_demand(3)
    grown = replace(demand, residents=demand.residents * 2)
    assert part_hash(demand) != part_hash(grown)
    assert part_hash(demand, skip=("residents",)) == part_hash(grown, skip=("residents",))


# Times of sites: merged rows equal one search from all sites, bit for bit.


def same_cover(left: Any, right: Any) -> None:
    for name in ("share", "nearest", "cost"):
        one, other = getattr(left, name), getattr(right, name)
        assert one.dtype == other.dtype and one.tobytes() == other.tobytes(), name


def changed(layer: Layer, keep: list[int], new: list[tuple[float, float]]) -> Layer:
    """Close all but some sites, in another order, and open others."""
    table = layer.table.iloc[keep]
    if new:
        fresh = layer.table.iloc[[0] * len(new)] if len(layer.table) else None
        assert fresh is not None
        fresh = fresh.assign(lon=[x for x, _ in new], lat=[y for _, y in new])
        table = pd.concat([table, fresh])
    return replace(layer, table=table.reset_index(drop=True))


def check(world: World, kind: Kind, layer: Layer, cache: Cache) -> None:
    covers = SiteCovers(world, cache, world)
    standard = world.standards[kind]
    full = cover_layer(world.demand, world.roads(standard), layer, standard)
    same_cover(covers.of(layer), full)
    if standard.mode == "drive":
        same_cover(covers.second(layer), second_cover(world.demand, world.network, layer, standard))


@pytest.mark.parametrize("seed", range(6))
def test_merged_times_equal_one_search_from_all_sites(seed: int) -> None:
    """Random roads, one-way and unequal, ties and places without a road to them."""
    rng = np.random.default_rng(seed)
    base = drive_world(list(rng.integers(0, 16, 7)))
    network = gridworld.random_network(seed, n=40, m=100, longest=4)
    network = replace(network, centiseconds=network.centiseconds * 15_000)
    world = replace(base, network=network)
    cache = Cache()
    layer = world.layers["warehouse"]
    for _ in range(6):
        keep = rng.permutation(7)[: rng.integers(0, 8)].tolist()
        new = list(zip(rng.uniform(115, 116, 3), rng.uniform(28, 29, 3), strict=True))
        check(world, "warehouse", changed(layer, keep, new[: rng.integers(0, 4)]), cache)
    assert cache.computed["times"] == 1  # the rows of the baseline's sites were searched for once


def test_merged_times_on_roads_with_shapes() -> None:
    """Sites beside the same road as a cell, and sites farther than 5 km from any."""
    places = [
        (round((x - 115) * 1e7), round((y - 28) * 1e7))
        for x, y in zip(*gridworld.grid_lonlat(4), strict=True)
    ]
    roads = [shapeworld.Road(i, i + 1, 30_000, 40_000) for i in range(7) if i != 3]
    world = replace(drive_world([0, 1, 5, 13]), network=shapeworld.make(places[:8], roads))
    layer, cache = world.layers["warehouse"], Cache()
    for keep in ([], [0, 1, 2, 3], [3, 1], [2]):
        for new in ([], [(115.05, 28.0)], [(115.02, 28.001), (115.02, 28.001), (115.3, 28.3)]):
            check(world, "warehouse", changed(layer, keep, new), cache)


def test_merged_walks_equal_one_search_from_all_sites() -> None:
    world = walk_world([3, 7, 7], [9])
    lon, lat = world.demand.lon, world.demand.lat
    cache = Cache()
    for kind in ("aed", "home"):
        layer = world.layers[kind]
        all_ = list(range(len(layer.table)))
        for keep in ([], all_, all_[:1], all_[::-1]):
            for new in ([], [(lon[3] + 0.001, lat[3])], [(lon[5], lat[5]), (lon[7], lat[7])]):
                if len(layer.table):
                    check(world, kind, changed(layer, keep, new), cache)
    assert cache.computed["walks"] == 2


def test_many_sites_are_searched_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_times, "MOST_SITES", 2)
    world = drive_world([0, 5, 9])
    cache = Cache()
    check(world, "warehouse", world.layers["warehouse"], cache)
    check(world, "warehouse", changed(world.layers["warehouse"], [1], [(115.05, 28.0)]), cache)
    assert cache.computed["times"] == 0


@pytest.mark.parametrize("kind", ["warehouse", "aed"])
def test_first_reached_equals_the_reach_of_candidates(kind: Kind) -> None:
    world = drive_world([0, 5]) if kind == "warehouse" else walk_world([3])
    before = world.layers[kind]
    own = sites(kind, world.demand, [1, 2, 4, 1])
    place = own.table["lon"].to_numpy(float), own.table["lat"].to_numpy(float)
    there = before.table["lon"].to_numpy(float), before.table["lat"].to_numpy(float)
    standard, covers = world.standards[kind], SiteCovers(world, Cache(), world)
    if kind == "warehouse":
        share = covers.of(before).main_share
        found = candidate_reach_drive(world.network, world.demand, *place, standard, covered=share)
    else:
        found = candidate_reach_walk(world.demand, *place, standard, existing=there)
    first, weight = covers.first_reached(before, own)
    reached = np.diff(found.indptr) > 0
    assert first.tolist() == found.indices[found.indptr[:-1][reached]].tolist()
    assert weight.tobytes() == found.weight[reached].tobytes()


# Runs: what a change touches, and only that, is computed anew.


def computed(cache: Cache, world: World, text: str) -> tuple[dict[str, int], Result]:
    result = run(world, scenario(text), cache=cache)
    return result.work["computed"], result


@pytest.fixture(scope="module")
def baseline() -> tuple[World, Cache]:
    world, cache = drive_world([0, 5], [10]), Cache()
    run(world, scenario(), cache=cache)
    return world, cache


@pytest.fixture
def known(baseline: tuple[World, Cache]) -> tuple[World, Cache]:
    """A world, and a cache of its own that knows the baseline."""
    return baseline[0], copy.deepcopy(baseline[1])


def test_a_repeated_run_computes_nothing(known: tuple[World, Cache]) -> None:
    assert computed(known[1], known[0], "")[0] == {}
    text = "siting: [{kind: warehouse, year: 2025, number: 1}]"
    first = computed(known[1], known[0], text)
    again = computed(known[1], known[0], text)
    assert again[0] == {} and first[0]["gaps"] == 1
    pd.testing.assert_frame_equal(first[1].added, again[1].added)


def test_an_opened_site_computes_its_layer_and_reuses_the_times_of_the_others(
    known: tuple[World, Cache],
) -> None:
    text = "changes: [{open: {kind: warehouse, name: 甲, year: 2025, lon: 115.2, lat: 28.3}}]"
    found, result = computed(known[1], known[0], text)
    assert all(found[name] == 1 for name in ("gaps", "units", "summary"))
    assert "times" not in found and result.work["reused"]["times"] == 1
    assert result.work["reused"]["gaps"] == 1  # that of the teams


def test_a_closed_site_searches_for_nothing(known: tuple[World, Cache]) -> None:
    found, _ = computed(known[1], known[0], "changes: [{close: {kind: warehouse, id: warehouse-1}}]")
    assert "times" not in found and found["cover"] == 1 and found["gaps"] == 1


def test_changed_roads_reuse_no_times(known: tuple[World, Cache]) -> None:
    world, cache = known
    found, result = computed(cache, world, "changes: [{slow: {all: true, speed: 0.5}}]")
    assert found["cover"] == found["gaps"] == 2 and "times" not in result.work["reused"]
    assert (result.covers["team"].cost == 2 * run(world, scenario()).covers["team"].cost).all()


def test_walks_in_a_straight_line_know_no_roads() -> None:
    world, cache = walk_world([3], [9]), Cache()
    run(world, scenario(), cache=cache)
    found = run(replace(world, network=drive_world().network), scenario(), cache=cache).work
    assert "cover" not in found["computed"] and "gaps" not in found["computed"]


def test_another_main_limit_reuses_every_cover(known: tuple[World, Cache]) -> None:
    found, result = computed(known[1], known[0], "standards: {warehouse: 20}")
    assert "cover" not in found and "times" not in found and "units" not in found
    assert found["gaps"] == found["summary"] == 1 and result.covers["warehouse"].standard.main == 1200


def test_more_residents_reuse_every_way(known: tuple[World, Cache]) -> None:
    found, result = computed(known[1], known[0], "changes: [{grow: {unit: 甲县, percent: 100}}]")
    assert "cover" not in found and "times" not in found and found["units"] == found["gaps"] == 2
    assert result.residents.sum() > known[0].demand.residents.sum()


def test_a_cache_changes_no_result(tmp_path: Path) -> None:
    world = walk_world([3], [9])
    text = "siting: [{kind: aed, year: 2025, number: 3}, {kind: home, year: 2026, number: 2}]"
    plain, cache = run(world, scenario(text)), Cache(tmp_path)
    for _ in range(2):
        found = run(world, scenario(text), cache=cache)
        for name in ("units", "added", "summary", "targets", "admin", "costs"):
            pd.testing.assert_frame_equal(getattr(plain, name), getattr(found, name))
        for kind in plain.covers:
            same_cover(plain.covers[kind], found.covers[kind])
            pd.testing.assert_frame_equal(plain.gaps[kind], found.gaps[kind])


def test_an_interrupted_run_goes_on_at_the_request_it_was_at(tmp_path: Path) -> None:
    world = drive_world([0, 5], [10])
    text = """siting:
  - {kind: warehouse, year: 2025, number: 2, relocations: 1}
  - {kind: team, phases: {2026: 1, 2027: 1}}
  - {kind: warehouse, year: 2027, rule: each_county}
"""

    def stop(said: str) -> None:
        if said.startswith("2027 年 备灾仓库"):
            raise KeyboardInterrupt

    plain = run(world, scenario(text))
    with pytest.raises(KeyboardInterrupt):
        run(world, scenario(text), cache=Cache(tmp_path), progress=stop)
    found = run(world, scenario(text), cache=Cache(tmp_path))
    assert (found.work["reused"]["plan"], found.work["computed"]["plan"]) == (2, 1)
    for name in ("added", "given_up", "schedules", "costs", "units"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(plain, name))
    assert [{**plan, "seconds": 0} for plan in found.plans] == [
        {**plan, "seconds": 0} for plan in plain.plans
    ]
    assert found.notes == plain.notes
    # Another board is another question: one site more, or one resident more.
    close, grow = "close: {kind: warehouse, id: warehouse-0}", "grow: {unit: 丁县, percent: 1}"
    for other in (close, grow):
        again = run(world, scenario(f"changes: [{{{other}}}]\n{text}"), cache=Cache(tmp_path))
        assert again.work["computed"]["plan"] >= 2


@pytest.mark.parametrize(
    "text", ["grow: {unit: 丁县, percent: 50}", "block: {near: {lon: 115.2, lat: 28.2}}"]
)
def test_worlds_that_state_no_hash_are_told_apart_after_changes(text: str, tmp_path: Path) -> None:
    asked = scenario(f"changes: [{{{text}}}]")
    world = drive_world([0, 5], [10])
    county, lon = np.array(world.demand.county), np.array(world.network.lon)
    county[5], lon[[0, 1]] = 1, lon[[1, 0]]
    others = [
        replace(world, demand=replace(world.demand, county=county)),
        replace(world, network=replace(world.network, lon=lon)),
    ]
    run(world, asked, cache=Cache(tmp_path))
    for other in others:
        found, plain = run(other, asked, cache=Cache(tmp_path)), run(other, asked)
        for name in ("units", "summary"):
            pd.testing.assert_frame_equal(getattr(found, name), getattr(plain, name))
