"""The emergency desk's answer: right, in words, and quick from a cold start."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import networkx as nx
import numpy as np
import osm_files
import pytest
from boai.app import in_use, network_build
from boai.app import network as networks
from boai.app.desk import answers
from boai.app.desk import question as desk
from boai.app.desk.ground import open_ground
from boai.app.desk.marks import put_mark
from boai.app.desk.parts import CHINA
from boai.app.desk.store import Store
from boai.geodata import registry
from boai.geodata.crs import haversine_m
from boai.geodata.errors import InputError, PlaceError, WorkspaceError
from boai.geodata.network import NODE_INTERCHANGE, Network, edge_tails, load_network
from boai.geodata.overlay import load_overlay
from boai.geodata.roads import to_networkx


@pytest.fixture(scope="module")
def turned(world) -> nx.MultiDiGraph:
    """The roads of the demo, driven backwards."""
    return to_networkx(world.network).reverse()


@pytest.mark.parametrize(
    ("at", "kind"), [("修水县", "warehouse"), ("115.86,28.69", "team"), ("寻乌县", "team")]
)
def test_answers_equal_networkx(world, turned, workspace_folder: Path, at: str, kind: str) -> None:
    answer = desk.nearest(workspace_folder, at, kind=kind, k=5)
    network, table = world.network, world.layers[kind].table

    def snap(lon: float, lat: float) -> tuple[int, float]:
        metres = haversine_m(network.lon, network.lat, lon, lat)
        metres[network.kind == NODE_INTERCHANGE] = np.inf
        node = int(np.argmin(metres))
        return node, round(metres[node] * 1.3 / (20 / 3.6) * 100) / 100

    source, last = snap(answer["place"]["lon"], answer["place"]["lat"])
    away = nx.single_source_dijkstra_path_length(turned, source, weight="seconds")
    expected = []
    for row in table.to_dict("records"):
        node, first = snap(row["lon"], row["lat"])
        drive = (away[node] + first + last) / 60
        expected.append((drive + row["readiness_min"], row["id"]))
    got = [(card["eta_min"], card["id"]) for card in answer["sites"]]
    assert [name for _, name in got] == [name for _, name in sorted(expected)[:5]]
    np.testing.assert_allclose([eta for eta, _ in got], [eta for eta, _ in sorted(expected)[:5]], atol=0.051)


def test_a_card_has_what_the_desk_needs(workspace_folder: Path) -> None:
    answer = desk.nearest(workspace_folder, "修水县黄坳乡")
    assert answer["labels"] == ["近似路网", "示例数据"]
    assert len(answer["sites"]) == 3
    for card in answer["sites"]:
        assert card["eta_min"] == pytest.approx(card["readiness_min"] + card["drive_min"], abs=0.11)
        assert card["km"] > 0
        assert card["level"] in ("省级", "市级", "县级")
        assert card["stock"]["家庭包"] > 0
        assert card["phone"]
        assert card["passes"]
    text = "\n".join(desk.lines(answer))
    for word in ("示例数据", "近似路网", "预计", "准备", "行车", "公里", "库存", "电话", "途经"):
        assert word in text


def test_a_closed_road_never_brings_help_sooner(workspace_folder: Path) -> None:
    free = desk.nearest(workspace_folder, "修水县")
    used = {road.split()[0] for card in free["sites"] for road in card["roads"]}
    assert used
    for road in sorted(used):
        shut = desk.nearest(workspace_folder, "修水县", avoid=[road])
        assert shut["closed_roads"]
        assert not any(road in name.split() for card in shut["sites"] for name in card["roads"])
        for before, after in zip(free["sites"], shut["sites"], strict=True):
            assert after["eta_min"] >= before["eta_min"]


def test_full_width_coordinates_are_read(workspace_folder: Path) -> None:
    assert desk.nearest(workspace_folder, "１１５．８６，２８．６９")["place"]["lon"] == 115.86


@pytest.mark.parametrize(
    ("at", "word"),
    [
        ("0,0", "坐标为 0"),
        ("114.30,30.60", "不在江西省范围内"),
        ("999,999", "经度应在 73-136 之间"),
        ("乌有乡", "没有这个地方"),
        ("江西省", "范围太大"),
        ("115.86,28.69,10,7", "地点: "),
        ("东经115度28分", "只有一个坐标值"),
        ("https://surl.amap.com/2abc", "链接里没有坐标"),
        ("", "没有内容"),
        ("<script>alert(1)</script>", "没有这个地方"),
        ("修水县" * 1000, "过长|最多|太长"),
    ],
)
def test_bad_places_are_one_sentence(workspace_folder: Path, at: str, word: str) -> None:
    with pytest.raises(PlaceError, match=word) as caught:
        desk.nearest(workspace_folder, at)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("at", "name", "note"),
    [
        ("修水县医院", "江西省九江市修水县", "地名表里没有 医院, 以九江市修水县代替"),
        ("南昌市东湖区墩子塘街道", "江西省南昌市东湖区", "墩子塘街道"),
        ("南昌市", "江西省南昌市", "代表全市"),
        ("修水县黄坳乡", "江西省九江市修水县黄坳乡", ""),
    ],
)
def test_the_desk_answers_from_the_unit_that_it_knows(
    workspace_folder: Path, at: str, name: str, note: str
) -> None:
    place = desk.nearest(workspace_folder, at)["place"]
    assert place["name"] == name
    assert note in place["note"]
    assert bool(place["note"]) == bool(note)


@pytest.mark.parametrize(
    ("at", "name", "note"),
    [
        ("xiushui", "江西省九江市修水县", "按拼音"),
        ("29°01'32.5\"N 114°32'50\"E", "修水县 义宁镇附近", "按 WGS84"),
        ("28.69,115.86", "红谷滩区驻地附近", "按 纬度,经度 的顺序理解"),
        ("https://uri.amap.com/marker?position=114.5473,29.0257", "修水县 义宁镇附近", ""),
    ],
)
def test_a_place_may_be_written_as_on_the_page(workspace_folder: Path, at: str, name: str, note: str) -> None:
    place = desk.nearest(workspace_folder, at)["place"]
    assert place["name"] == name
    assert note in place["note"]


def test_a_point_outside_the_province_is_answered_with_a_warning(workspace_folder: Path) -> None:
    answer = desk.nearest(workspace_folder, "115.86,29.9")
    assert "该点在江西省外, 在省界东北侧约 15.2 公里" in "\n".join(desk.lines(answer))
    assert answer["place"]["outside_m"] == pytest.approx(15_188, abs=5)
    assert len(answer["sites"]) == 3


@pytest.mark.parametrize("at", ["'修水县'", "'115.86,28.69'", "'xiushui'"])
def test_a_cold_question_loads_no_heavy_library(workspace_folder: Path, at: str) -> None:
    """Speed is held by the bench; here, what would make it slow."""
    code = (
        "import sys\nfrom boai.app.desk import question as desk\n"
        f"from pathlib import Path\ndesk.nearest(Path({str(workspace_folder)!r}), {at})\n"
        "print(sorted(set(sys.modules) & {'pandas', 'geopandas', 'scipy', 'numba', 'shapely', 'h3'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("road", ["G45", "g45", "大广高速", "大广", "G45大广高速", "Ｇ４５"])
def test_a_road_goes_by_any_of_its_names(workspace_folder: Path, road: str) -> None:
    assert desk.nearest(workspace_folder, "修水县", avoid=[road])["closed_roads"] == ["G45 大广高速"]


def test_a_class_of_roads_is_no_road(workspace_folder: Path) -> None:
    for text in ("国道", "高速"):
        with pytest.raises(InputError, match="没有这条道路"):
            desk.nearest(workspace_folder, "修水县", avoid=[text])
    assert desk.nearest(workspace_folder, "修水县", avoid=["105国道"])["closed_roads"] == ["G105 国道"]


def test_unknown_layers_and_roads(workspace_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="warehouse"):
        desk.nearest(workspace_folder, "修水县", kind="aed")
    with pytest.raises(InputError, match="没有这条道路") as caught:
        desk.nearest(workspace_folder, "修水县", avoid=["G999999", "Q1"])
    assert len(caught.value.problems) == 2
    with pytest.raises(WorkspaceError, match="没有 boai 工作区"):
        desk.nearest(tmp_path, "修水县")


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0分"), (59.4, "59分"), (59.6, "1小时"), (125, "2小时5分")]
)
def test_duration(minutes: float, text: str) -> None:
    assert desk.duration(minutes) == text


@pytest.fixture(scope="module")
def real(workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace on imported roads: a lattice of 50 km around 修水, through which G353 passes."""
    folder = tmp_path_factory.mktemp("real")
    size, step = 11, 0.05
    nodes = {
        1 + row * size + column: (114.3185 + step * column, 28.7858 + step * row)
        for row in range(size)
        for column in range(size)
    }
    rows = [[1 + row * size + column for column in range(size)] for row in range(size)]
    ways = {100 + at: (line, _tags(at, f"{at}横街")) for at, line in enumerate(rows)}
    ways |= {200 + at: (list(line), _tags(at, "")) for at, line in enumerate(zip(*rows, strict=True))}
    osm_files.write_osm(folder / "lattice.osm.pbf", nodes=nodes, ways=ways)
    wanted = network_build.Building(file=folder / "lattice.osm.pbf")
    network_build.build(wanted, folder / "roads", overwrite=False, progress=lambda _: None)
    shutil.copytree(workspace_folder, folder / "demo")
    in_use.use_network(folder / "demo", folder / "roads")
    return folder / "demo"


def _tags(at: int, name: str) -> dict[str, str]:
    if name and at == 5:
        return {"highway": "primary", "ref": "G353", "name": "修水大道", "maxspeed": "60"}
    return {"highway": "tertiary", "maxspeed": "40", **({"name": name} if name else {})}


def test_on_real_roads_the_way_is_told_with_places_roads_and_lengths(real: Path) -> None:
    answer = desk.nearest(real, "修水县", kind="warehouse", k=2)
    assert answer["labels"] == ["示例数据"]
    card, feature = answer["sites"][0], answer["features"][0]
    assert card["passes"][-1] == "修水县"
    along = sum(part["metres"] for part in card["stretches"])
    assert 0 <= 1000 * card["km"] - along < 1.3 * (card["off_road_m"] + answer["off_road_m"]) + 60
    assert [part["name"] for part in card["stretches"] if part["name"]] == card["roads"] != []
    line = np.array(feature["geometry"]["coordinates"])
    drawn = haversine_m(line[:-1, 0], line[:-1, 1], line[1:, 0], line[1:, 1]).sum()
    assert drawn == pytest.approx(along, rel=1e-3)
    assert feature["properties"]["id"] == card["id"]
    text = "\n".join(desk.lines(answer))
    assert "途经: " in text
    assert f"{card['roads'][0]} " in text.split("道路: ")[1].split("\n")[0]


def test_a_point_whose_roads_are_closed_is_said_to_be_cut_off(real: Path) -> None:
    where = "114.5688,29.0360"  # beside a crossing of G353
    before = desk.nearest(real, where, kind="team", k=1)
    assert before["cut_off"] is False
    networks.close(real, networks.Choice(near="114.5685,29.0358", within_m=30_000), reason="洪水")
    try:
        during = desk.nearest(real, where, kind="team", k=1)
        assert during["cut_off"] is True
        assert during["off_road_m"] > 15_000
        text = "\n".join(desk.lines(during))
        assert f"该点旁边的道路已封闭, 最近能通行的道路在约 {during['off_road_m'] / 1000:.1f} 公里外" in text
        site = during["sites"][0]
        assert site["cut_off"] == ("站点旁边的道路已封闭" in text)
    finally:
        networks.reopen(real, None)
    assert desk.nearest(real, where, kind="team", k=1) == before


def test_answers_under_closures_equal_networkx(own_workspace: Path) -> None:
    """Closed and slowed roads, by name and by place: as on a graph rebuilt without them."""
    networks.close(own_workspace, networks.Choice(roads=["G45"]))
    networks.close(own_workspace, networks.Choice(roads=["G105"]), speed=0.5)
    networks.close(own_workspace, networks.Choice(near="114.60,29.00", within_m=12_000), speed=0.25)
    network = load_network(own_workspace / "network")
    named = np.array(network.roads)[network.road]
    tail = edge_tails(network)
    speed = np.where(np.char.startswith(named, "G45 "), 0.0, 1.0)
    speed = np.minimum(speed, np.where(np.char.startswith(named, "G105 "), 0.5, 1.0))
    near = load_overlay(own_workspace / "network", network).measures[2].edges  # by place: see test_selection
    speed[near] = np.minimum(speed[near], 0.25)
    graph = nx.DiGraph()
    for edge, share in enumerate(speed.tolist()):
        if share:
            seconds = round(int(network.centiseconds[edge]) / share) / 100
            graph.add_edge(int(network.head[edge]), int(tail[edge]), seconds=seconds)
    answer = desk.nearest(own_workspace, "修水县", k=6)
    assert len(answer["measures"]) == 3
    target = _nearest_node(network, answer["place"]["lon"], answer["place"]["lat"])
    times = nx.single_source_dijkstra_path_length(graph, target[0], weight="seconds")
    expected = []
    for site in registry.read_sites(own_workspace / "layers.gpkg", "warehouse"):
        node, access = _nearest_node(network, site["lon"], site["lat"])
        drive = times.get(node, np.inf) + access + target[1]
        expected.append((drive / 60 + site["readiness_min"], site["id"]))
    got = [(card["eta_min"], card["id"]) for card in answer["sites"]]
    assert [name for _, name in got] == [name for _, name in sorted(expected)[:6]]
    np.testing.assert_allclose([eta for eta, _ in got], [eta for eta, _ in sorted(expected)[:6]], atol=0.051)


def _nearest_node(network: Network, lon: float, lat: float) -> tuple[int, float]:
    metres = haversine_m(network.lon, network.lat, lon, lat)
    metres[network.kind == NODE_INTERCHANGE] = np.inf
    node = int(np.argmin(metres))
    return node, round(float(metres[node]) * 1.3 / (20 / 3.6) * 100) / 100


def test_many_closures_are_not_all_read_out() -> None:
    measures = [
        {"number": at, "speed": 0.0, "what": f"道路 S{at}", "reason": "", "since": ""} for at in range(1, 21)
    ]
    assert len(desk.counted_lines(measures[:6])) == 6
    said = desk.counted_lines(measures)
    assert said[0] == "已计入 20号: 道路 S20 封闭"
    assert len(said) == 6
    assert said[-1] == "另计入 15 条封闭或减速, 见 boai network closures"


def test_a_closure_tells_the_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        one = {"number": 1, "speed": 0.0, "what": "桥", "reason": "", "since": "2026-11-22T03:48:17+00:00"}
        assert desk.measure_line(one) == "1号: 桥 封闭 (2026-11-22 11:48 起)"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_heavy_network_is_said_to_be_one(real: Path) -> None:
    answer = desk.nearest(real, "修水县", kind="team", k=1)
    assert "重型车" not in "\n".join(desk.lines(answer))
    assert "重型车" in "\n".join(desk.lines({**answer, "mode": "heavy"}))


def test_a_mark_of_a_desk_counts_on_the_command_line(own_workspace: Path) -> None:
    """As on the page: an empty store takes no place, and stands behind with the reason."""
    before = desk.nearest(own_workspace, "修水县", k=2)
    first = before["sites"][0]
    noted = {"note": "昨天发完", "who": "王堃", "at": datetime(2026, 11, 22, 8, tzinfo=CHINA)}
    put_mark(Store(own_workspace), "warehouse", first["id"], "空", **noted)
    during = desk.nearest(own_workspace, "修水县", k=2)
    assert during["sites"][0]["id"] == before["sites"][1]["id"]
    assert during["sites"][-1]["id"] == first["id"]
    assert during["sites"][-1]["status"] == "空"
    text = "\n".join(desk.lines(during))
    assert "状态: 空 (11-22 08:00 王堃 标记为空: 昨天发完)" in text
    county = during["compliance"][0]
    assert county["site"]["id"] != first["id"]
    assert f"时限 {county['text']}" in text


def test_the_command_agrees_with_the_page(workspace_folder: Path) -> None:
    moment = datetime(2026, 11, 22, 8, tzinfo=CHINA)
    cold = desk.nearest(workspace_folder, "修水县", kind="warehouse", k=4, now=moment)
    ground = open_ground(workspace_folder, warm=False, at=moment)
    warm = answers.nearest(ground, cold["place"], kind="warehouse", k=4, now=moment)
    left_out = ("usual_eta_min", "delta_min")  # the command does not compare
    for one, other in zip(cold["sites"], warm["sites"], strict=True):
        assert {**other, **dict.fromkeys(left_out)} == one
    assert cold["compliance"] == warm["compliance"]
