"""The main job of the province on imported roads: from an OpenStreetMap file to coverage, desk and maps.

The file is made from the approximate network (each link a straight way), so that it covers the province; it
goes through the import like any other.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import osm_files
import pytest
from boai.app import answers, in_use, workspace
from boai.app import demo as job
from boai.app.desk import question as desk
from boai.app.network import Choice, close, reopen
from boai.app.network_build import Building, build
from boai.coverage.measures import cover_layer
from boai.geodata import demand
from boai.geodata.errors import InputError
from boai.geodata.network import Network, edge_tails, load_network, save_network

pytestmark = pytest.mark.slow


def _quiet(text: str) -> None:
    del text


def _write(network: Network, path: Path) -> None:
    """Write every link of a network as a two-node way with its speed."""
    tail, head = edge_tails(network), np.asarray(network.head)
    once = np.flatnonzero(tail < head)
    kmh = network.metres[once] / (network.centiseconds[once] / 100) * 3.6
    places = zip(network.lon.tolist(), network.lat.tolist(), strict=True)
    nodes = {node: (lon, lat) for node, (lon, lat) in enumerate(places, 1)}
    ways = {}
    for number, (edge, speed) in enumerate(zip(once.tolist(), kmh.tolist(), strict=True)):
        ref, _, name = network.roads[int(network.road[edge])].partition(" ")
        tags = {"highway": "trunk" if ref else "unclassified", "maxspeed": f"{speed:.0f}"}
        named = {key: text for key, text in (("ref", ref), ("name", name)) if text}
        ways[number + 1] = ([int(tail[edge]) + 1, int(head[edge]) + 1], {**tags, **named})
    osm_files.write_osm(path, nodes=nodes, ways=ways)


@pytest.fixture(scope="module")
def roads(workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("province")
    _write(load_network(workspace_folder / "network"), folder / "province.osm.pbf")
    build(Building(file=folder / "province.osm.pbf"), folder / "roads", overwrite=False, progress=_quiet)
    return folder / "roads"


@pytest.fixture(scope="module")
def real(roads: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose whole demonstration ran on the imported roads."""
    root = tmp_path_factory.mktemp("real") / "demo"
    job.run(root, network=roads, progress=_quiet)
    return root


def test_the_demo_runs_on_imported_roads(real: Path, roads: Path) -> None:
    summary = json.loads((real / "summary.json").read_text(encoding="utf-8"))
    assert summary["labels"] == ["示例数据"]  # the sites are examples, the roads are not approximate any more
    assert load_network(real / "network").meta["hash"] == load_network(roads).meta["hash"]
    page = (real / "maps" / "index.html").read_text(encoding="utf-8")
    assert "近似路网" not in page
    assert "OpenStreetMap" in page
    assert len(list((real / "maps").glob("*.pdf"))) == 5  # the first preset places training bases


def test_every_resident_is_near_a_road_and_most_are_covered(real: Path) -> None:
    world = workspace.load_world(workspace.open_workspace(real))
    residents = demand.load(real / "demand").residents.sum()
    found = answers.coverage(real, "warehouse", "省")
    assert found["labels"] == ["示例数据"]
    main = next(row for row in found["rows"] if row["limit"] == world.standards["warehouse"].limits[-1])
    assert 0.8 * residents < main["served"] <= residents


def test_the_desk_counts_closed_roads_until_they_are_open_again(real: Path) -> None:
    before = desk.nearest(real, "修水县", k=2)
    assert before["labels"] == ["示例数据"]
    assert before["measures"] == []
    names = before["sites"][0]["roads"] or ["G353"]
    close(real, Choice(roads=[names[0]]), reason="塌方")
    during = desk.nearest(real, "修水县", k=2)
    assert [one["number"] for one in during["measures"]] == [1]
    assert during["sites"][0]["eta_min"] >= before["sites"][0]["eta_min"]
    assert "已计入 1号" in "\n".join(desk.lines(during))
    reopen(real, None)
    after = desk.nearest(real, "修水县", k=2)
    assert [card["eta_min"] for card in after["sites"]] == [card["eta_min"] for card in before["sites"]]


def test_imported_roads_survive_a_new_workspace_and_can_be_put_away(real: Path) -> None:
    imported = load_network(real / "network").meta["hash"]
    workspace.init(real, force=True)
    assert load_network(real / "network").meta["hash"] == imported
    found = in_use.use_network(real, None)
    assert found["label"] == "近似路网"
    assert load_network(real / "network").label == "近似路网"
    workspace.open_workspace(real)


KILLED = """
import os, sys
from pathlib import Path
from boai.app import in_use, workspace
def dies(*_):
    os.kill(os.getpid(), 9)
if sys.argv[3] == "manifest":
    in_use.write_text = dies
else:
    rename = Path.replace
    Path.replace = lambda self, to: dies() if Path(to).name == "network" else rename(self, to)
in_use.use_network(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("where", ["manifest", "swap"])
def test_killed_while_the_roads_change(roads: Path, own_workspace: Path, where: str) -> None:
    in_use.use_network(own_workspace, roads)
    imported = load_network(own_workspace / "network").meta["hash"]
    other = "" if where == "swap" else str(_slower(roads, own_workspace.parent / "slower"))
    how = [sys.executable, "-c", KILLED, str(own_workspace), other, where]
    assert subprocess.run(how, check=False).returncode == -9
    if where == "manifest":
        with pytest.raises(InputError, match="boai init"):
            desk.nearest(own_workspace, "修水县")
        workspace.init(own_workspace)
    else:  # the roads are those from before
        assert load_network(own_workspace / "network").meta["hash"] == imported
    assert desk.nearest(own_workspace, "修水县")["sites"]
    assert load_network(own_workspace / "network").label == ""
    in_use.use_network(own_workspace, None)
    assert [one.name for one in own_workspace.iterdir() if one.name.startswith(".network")] == []


def _slower(roads: Path, folder: Path) -> Path:
    network = load_network(roads)
    save_network(replace(network, centiseconds=network.centiseconds + np.int32(1)), folder)
    return folder


def test_closed_roads_are_never_opened_by_a_change_of_the_roads(roads: Path, own_workspace: Path) -> None:
    close(own_workspace, Choice(roads=["G60"]), reason="塌方")  # on the approximate network
    with pytest.raises(InputError, match="还有封闭或减速在用"):
        in_use.use_network(own_workspace, roads)
    assert load_network(own_workspace / "network").label == "近似路网"
    workspace.init(own_workspace, force=True)  # the same approximate network again
    assert len(desk.nearest(own_workspace, "修水县")["measures"]) == 1
    reopen(own_workspace, None)
    close(roads, Choice(roads=["G45"]))
    found = in_use.use_network(own_workspace, roads)
    reopen(roads, None)
    assert "1 条封闭或减速在用" in found["sentence"]
    assert [one["number"] for one in desk.nearest(own_workspace, "修水县")["measures"]] == [2]


def test_a_walking_network_lies_beside_the_roads(roads: Path, own_workspace: Path, tmp_path: Path) -> None:
    """Its lengths decide who reaches an AED; those of a straight radius stay; it can be put away again."""
    file = roads.parent / "province.osm.pbf"
    build(Building(file=file, mode="walk"), tmp_path / "walk", overwrite=False, progress=_quiet)
    before = workspace.load_world(workspace.open_workspace(own_workspace))
    found = in_use.use_network(own_workspace, tmp_path / "walk")
    assert "步行距离将沿真实道路计算" in found["sentence"]
    world = workspace.load_world(workspace.open_workspace(own_workspace))
    assert world.walk is not None
    assert (world.walk.mode, world.network.label) == ("walk", "近似路网")
    assert world.hashes["walk"] == found["hash"]
    for kind, same in (("aed", False), ("home", True), ("warehouse", True)):
        one, other = (
            cover_layer(w.demand, w.roads(w.standards[kind]), w.layers[kind], w.standards[kind]).share
            for w in (before, world)
        )
        assert np.array_equal(one, other) == same
    workspace.init(own_workspace, force=True)
    assert load_network(own_workspace / "walk").meta["hash"] == found["hash"]
    assert in_use.walk_straight(own_workspace)["removed"]
    assert not (own_workspace / "walk").exists()
    assert workspace.load_world(workspace.open_workspace(own_workspace)).walk is None
    assert not in_use.walk_straight(own_workspace)["removed"]
