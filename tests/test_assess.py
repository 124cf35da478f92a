"""The commands on assessments: every topic of every layer on the screen and as files, and wrong calls."""

from __future__ import annotations

import json
import re
from pathlib import Path

import gridworld
import numpy as np
import openpyxl
import pandas as pd
import pytest
import tinyworld
from boai.app import assessments, cli, workspace
from boai.app.assessments import Wanted, group_of, moment_of, question_of, topic_of
from boai.coverage.assessment import Assessment, Place, Question, cover_of
from boai.coverage.measures import cover_layer
from boai.coverage.topics import TOPICS, answer, topics_of
from boai.geodata.errors import InputError
from boai.geodata.layers import KIND_NAMES, Kind
from boai.maps import columns
from boai.scenarios.world import World

FLOOD = "115.80,28.60 116.00,28.60 116.00,28.80 115.80,28.80"


@pytest.fixture(scope="module")
def world(workspace_folder: Path) -> World:
    return workspace.load_world(workspace.open_workspace(workspace_folder))


def assessed(world: World, kind: Kind, **asked: object) -> Assessment:
    return assessments.assessment_of(world, kind, Question(**asked))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(KIND_NAMES))
def test_every_topic_answers_in_chinese(world: World, kind: Kind) -> None:
    """Every column has a Chinese header, every shown one is there; units add up to the province."""
    own = assessed(world, kind, by="县", area=question_of(Wanted(polygon=FLOOD)).area)
    names: list[str] = []
    for code in topics_of(kind):
        for table in answer(own, code):
            names.append(table.name)
            assert set(table.shown) <= set(table.frame.columns), (code, table.name)
            missing = [name for name in table.frame.columns if not columns.header(str(name))]
            assert set(missing) <= columns.HIDDEN, (code, table.name, missing)
            assert all(isinstance(note, str) and note for note in table.notes)
    assert len(names) == len(set(names))
    states = answer(own, "states")[0].frame
    assert states["residents"].sum() == 45_188_635
    assert (states[list(columns.STATES)].sum(axis=1) == states["residents"]).all()


@pytest.mark.parametrize("kind", ["aed", "warehouse"])
def test_the_cover_of_an_assessment_is_that_of_the_scenarios(world: World, kind: Kind) -> None:
    own = assessed(world, kind)
    cover = cover_layer(world.demand, world.roads(own.standard), world.layers[kind], own.standard)
    np.testing.assert_array_equal(own.cover.share, cover.share)
    np.testing.assert_array_equal(own.cover.nearest, cover.nearest)
    np.testing.assert_array_equal(own.cover.cost, cover.cost)
    np.testing.assert_array_equal(own.states.share[:, 0], cover.main_share)


def test_cover_of_nothing() -> None:
    demand, network = gridworld.grid_demand(3), gridworld.grid_network(3)
    none = gridworld.make_layer("warehouse", [], [], demand=demand)
    own = Assessment(Place(demand, gridworld.make_gazetteer(gridworld.grid_demand(4))), network, none,
                     gridworld.drive_standard())  # fmt: skip
    assert np.isinf(cover_of(own.ranked).cost).all()
    assert (own.cover.share == 0).all()


@pytest.mark.parametrize("kind", ["aed", "warehouse"])
@pytest.mark.parametrize("cells", [[], [0], [3, 3, 3]])
def test_every_topic_of_a_tiny_layer(kind: Kind, cells: list[int]) -> None:
    """No site, one, and all on one point: an answer, no crash."""
    world = tinyworld.drive_world(cells) if kind == "warehouse" else tinyworld.walk_world(cells)
    own = assessments.assessment_of(
        world, kind, Question(by="县", area=question_of(Wanted(polygon=FLOOD)).area)
    )
    for code in topics_of(kind):
        for table in answer(own, code):
            assert set(table.shown) <= set(table.frame.columns), (code, table.name)


def test_moments_groups_topics() -> None:
    assert [moment_of(text) for text in ("周一 0:00", "周日23:59", "星期天 8", "3 20:30", "礼拜五", "")] == [
        (0, 0), (6, 1439), (6, 480), (2, 1230), (4, 720), None,
    ]  # fmt: skip
    assert [group_of(text) for text in ("全部", "城镇", "65岁以上", "rural")] == [
        "all",
        "urban",
        "age_65",
        "rural",
    ]
    assert [topic_of(text) for text in ("状态", "links", " 容量 ")] == ["states", "links", "capacity"]
    wrong = Wanted(by="村", group="少年", at="周八 25:00", need=-1, polygon="没有.geojson")
    with pytest.raises(InputError) as found:
        question_of(wanted=wrong)
    assert len(found.value.problems) == 5
    for text in ("周三 24:00", "周三 12:60", "noon", "周三 20:30; rm"):
        with pytest.raises(InputError, match="--at"):
            moment_of(text)
    with pytest.raises(InputError, match="可选"):
        topic_of("<b>")


def test_closed_sites_and_full_stores_change_the_states(world: World) -> None:
    """At night closed cabinets move residents from served to closed; capacity moves them to no capacity."""
    day = assessed(world, "aed").states.share.sum(axis=0)
    night = assessed(world, "aed", at=(2, 180)).states.share.sum(axis=0)
    names = list(columns.STATES)
    assert night[names.index("closed_now")] > 0 == day[names.index("closed_now")]
    assert night[0] + night[names.index("closed_now")] == pytest.approx(day[0])
    full = assessed(world, "warehouse", capacity=True).states.share
    assert full[:, names.index("no_capacity")].sum() > 0


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main(list(words))
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_a_topic_on_the_screen(capsys: pytest.CaptureFixture[str], workspace_folder: Path) -> None:
    where = ["--workspace", str(workspace_folder)]
    code, out, _ = run(capsys, "assess", "备灾仓库", "状态", *where)
    assert code == 0
    assert "示例数据、近似路网" in out
    assert "上限 1小时, 含等号" in out
    assert "closed_now" not in out
    code, out, _ = run(capsys, "assess", "warehouse", "backup", "--by", "省", "--json", *where)
    found = json.loads(out)
    assert [table["name"] for table in found["tables"]] == ["几处可达", "远近", "最远的地方"]
    assert found["tables"][0]["rows"][0]["residents"] == 45_188_635
    code, out, _ = run(capsys, "assess", "warehouse", "states", "--limit", "90", *where)
    assert "1.5小时" in out or "90分钟" in out
    code, out, err = run(capsys, "assess", "aed", "容量", *where)
    assert (code, out) == (1, "")
    assert "台数" in err
    for words in (["warehouse"], ["warehouse", "flood"], ["warehouse", "states", "--limit", "-3"]):
        assert run(capsys, "assess", *words, *where)[0] == 1


def test_all_topics_as_files(capsys: pytest.CaptureFixture[str], own_workspace: Path) -> None:
    """Workbooks and CSV with Chinese headers, labels in every row, notes in front; whole or not at all."""
    code, out, _ = run(capsys, "assess", "--workspace", str(own_workspace), "--top", "3")
    assert code == 0
    files = [Path(line) for line in out.splitlines()]
    assert all(path.is_file() for path in files)
    book = openpyxl.load_workbook(
        own_workspace / "assessment" / "备灾仓库" / "评估_备灾仓库.xlsx", read_only=True
    )
    assert book.sheetnames[0] == "说明"
    assert {"状态", "几处可达", "分级补给", "要紧路段", "失去站点"} <= set(book.sheetnames)
    for path in files:
        if path.suffix == ".csv":
            table = pd.read_csv(path, encoding="utf-8-sig")
            assert table.columns[-1] == "标注"
            chinese = [bool(re.match("[\u4e00-\u9fff0-9(]|AED", name)) for name in table.columns]
            assert all(chinese), (path.name, list(table.columns))
            if len(table):
                assert table["标注"].str.contains("示例数据").all()


def test_topics_have_names() -> None:
    assert all(topic.title for topic in TOPICS.values())
    assert "capacity" not in topics_of("aed")
