"""The emergency desk's answer: right, in words, and quick from a cold start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from boai.app import desk
from boai.geodata.errors import InputError, PlaceError, WorkspaceError
from boai.geodata.network import NODE_INTERCHANGE
from boai.geodata.roads import to_networkx


@pytest.mark.parametrize(
    ("at", "kind"), [("修水县", "warehouse"), ("115.86,28.69", "team"), ("寻乌县", "team")]
)
def test_answers_equal_networkx(world, workspace_folder: Path, at: str, kind: str) -> None:
    from boai.geodata.crs import haversine_m

    answer = desk.nearest(workspace_folder, at, kind=kind, k=5)
    network, table = world.network, world.layers[kind].table
    graph = to_networkx(network).reverse()

    def snap(lon: float, lat: float) -> tuple[int, float]:
        metres = haversine_m(network.lon, network.lat, lon, lat)
        metres[network.kind == NODE_INTERCHANGE] = np.inf
        node = int(np.argmin(metres))
        return node, round(metres[node] * 1.3 / (20 / 3.6) * 100) / 100

    source, last = snap(answer["place"]["lon"], answer["place"]["lat"])
    away = nx.single_source_dijkstra_path_length(graph, source, weight="seconds")
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
        ("0,0", "不在江西省范围内"),
        ("28.69,115.86", "写反"),
        ("114.30,30.60", "不在江西省范围内"),
        ("999,999", "不在江西省范围内"),
        ("乌有乡", "没有这个地方"),
        ("江西省", "范围太大"),
        ("115.86,28.69,10", "看不懂这个坐标"),
        ("东经115度28分", "看不懂这个坐标"),
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


def test_a_cold_question_loads_no_heavy_library(workspace_folder: Path) -> None:
    """Speed is held by the bench; here, what would make it slow."""
    code = (
        "import sys\nfrom boai.app import desk\n"
        f"from pathlib import Path\ndesk.nearest(Path({str(workspace_folder)!r}), '修水县')\n"
        "print(sorted(set(sys.modules) & {'pandas', 'geopandas', 'scipy', 'numba', 'shapely', 'h3'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0分"), (59.4, "59分"), (59.6, "1小时"), (125, "2小时5分")]
)
def test_duration(minutes: float, text: str) -> None:
    assert desk.duration(minutes) == text
