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
from boai.app import assessments, cli
from boai.app.assessments import Wanted, group_of, moment_of, question_of, topic_of
from boai.coverage.assessment import Assessment, Place, Question, cover_of
from boai.coverage.measures import cover_layer
from boai.coverage.topics import TOPICS, answer, topics_of
from boai.geodata.errors import InputError
from boai.geodata.layers import KIND_NAMES, Kind
from boai.maps import columns
from boai.scenarios.world import World

FLOOD = "115.80,28.60 116.00,28.60 116.00,28.80 115.80,28.80"


def assessed(world: World, kind: Kind, **asked: object) -> Assessment:
    return assessments.assessment_of(world, kind, Question(**asked))  # type: ignore[arg-type]


_DEMO = ("aed", "warehouse")
"""Layers whose topics the fast tests ask of the demo: one on foot, one by road."""


@pytest.mark.parametrize(
    "kind", [kind if kind in _DEMO else pytest.param(kind, marks=pytest.mark.slow) for kind in KIND_NAMES]
)
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


@pytest.mark.slow
def test_all_topics_as_files(capsys: pytest.CaptureFixture[str], own_workspace: Path) -> None:
    """Workbooks and CSV with Chinese headers, labels in every row, notes in front; whole or not at all."""
    (own_workspace / ".assessment.killed").mkdir()
    code, out, _ = run(capsys, "assess", "--workspace", str(own_workspace), "--top", "3")
    assert not list(own_workspace.glob(".assessment.*"))
    assert code == 0
    files = [Path(line) for line in out.splitlines()]
    assert all(path.is_file() for path in files)
    book = openpyxl.load_workbook(own_workspace / "assessment" / "备灾仓库" / "评估_备灾仓库.xlsx")
    assert book.sheetnames[0] == "说明"
    assert {"状态", "几处可达", "分级补给", "要紧路段", "失去站点"} <= set(book.sheetnames)
    for path in files:
        if path.suffix == ".csv":
            table = pd.read_csv(path, encoding="utf-8-sig")
            assert table.columns[-1] == "标注"
            chinese = [bool(re.match("[\u4e00-\u9fff0-9(]|AED", name)) for name in table.columns]
            assert all(chinese), (path.name, list(table.columns))
            if len(table):
                mark = "只供对照" if path.stem == "参考值" else "示例数据"
                assert table["标注"].str.contains(mark).all()
            assert len(set(table.columns)) == len(table.columns), path.name
    of = own_workspace / "assessment" / "备灾仓库"
    head = {
        name: list(pd.read_csv(of / f"{name}.csv", nrows=2)) for name in ("状态", "分档", "远近", "失去站点")
    }
    assert not {"够得着但没有余量", "够得着但此刻不开放"} & set(head["状态"])  # neither was asked for
    assert head["分档"][4:7] == ["远近", "居民", "占居民的比例"]
    assert "最远到达(分, 含准备)" not in head["远近"]  # there is no readiness in it
    assert {"失去最多的县区", "再没有站点可到的居民", "合计增加(人时)"} <= set(head["失去站点"])
    assert "需供给(人)" in list(pd.read_csv(of / "补缺.csv"))
    assert "需供给(人)" not in list(pd.read_csv(of.parent / "AED" / "补缺.csv"))
    far = pd.read_csv(of / "最远的地方.csv")
    assert far["标注"].str.contains("近似乡镇").all()
    notes = {(row[0], row[1]) for row in book["说明"].iter_rows(values_only=True)}
    assert any(name == "标准: 主要上限" and "60分钟; 来源: " in text for name, text in notes)
    assert ("表 时限未达标", "时限内到不了全部居民的单位: 各单位都能在时限内送到全部居民") in notes


def test_options_that_change_nothing_are_refused(
    capsys: pytest.CaptureFixture[str], workspace_folder: Path
) -> None:
    where = ["--workspace", str(workspace_folder)]
    for topic, *option in (
        ("bands", "--at", "周三"), ("bands", "--capacity"), ("states", "--need", "2"),
        ("states", "--optimal"), ("gaps", "--polygon", FLOOD),
    ):  # fmt: skip
        code, out, err = run(capsys, "assess", "warehouse", topic, *option, *where)
        assert (code, out) == (1, "")
        assert f"{option[0]}: 对主题“{TOPICS[topic].title}”不起作用" in err
    code, out, _ = run(capsys, "assess", "warehouse", "rules", "--group", "乡村", *where)
    assert code == 0
    assert "按全部居民计" in out


def test_the_screen_says_what_counts(capsys: pytest.CaptureFixture[str], workspace_folder: Path) -> None:
    where = ["--workspace", str(workspace_folder)]
    _, out, _ = run(capsys, "assess", "aed", "states", *where)
    assert "步行路网距离(直线距离×1.3)270米以内(含)算已覆盖" in out
    assert "步行的覆盖偏低 (假设)" in out
    _, out, _ = run(capsys, "assess", "warehouse", "states", "--by", "乡镇", *where)
    assert "县区" in out  # towns of one name lie in several counties
    _, _, err = run(capsys, "assess", "warehouse", *where)
    assert "失去站点 道路 淹没" in err


def test_tables_for_people() -> None:
    """What is missing in every row, said twice or for programs only is left out; infinite is no way."""
    frame = pd.DataFrame({
        "row": [1, 2], "level": "市", "name": ["甲", "乙"], "target_share": [None, None], "short": [0, 0],
        "p90_min": [3.0, np.inf], "p90_text": ["3分钟", "无法到达"], "upper_min": 1.0, "upper_text": "填报的",
    })  # fmt: skip
    found = columns.for_people("远近", frame, ["p90_text"])
    assert list(found) == ["level", "name", "p90_min", "upper_min", "upper_text"]
    assert columns.shown("p90_min", np.inf) == "无法到达"
    assert columns.shown("high_min", np.inf) is None
    assert (columns.header("share"), columns.header("share", "缺口")) == ("覆盖比例", "占该县居民的比例")
    assert "added_km" in columns.for_people(
        "失去站点", pd.DataFrame({"added_mean_m": [1], "added_sum": [2]}), []
    )


def test_topics_have_names() -> None:
    assert all(topic.title for topic in TOPICS.values())
    assert "capacity" not in topics_of("aed")


def test_areas_are_refused_before_they_are_drawn(
    capsys: pytest.CaptureFixture[str], workspace_folder: Path, tmp_path: Path
) -> None:
    where = ["--workspace", str(workspace_folder)]
    for out, option, said in (
        ("a.txt", [], "请以 .gpkg 或 .geojson 结尾"),
        ("none/a.gpkg", [], "文件夹不存在"),
        ("a.gpkg", ["--spacing", "inf"], "应在1到20000米之间"),
        ("a.gpkg", ["--spacing", "1e-9"], "应在1到20000米之间"),
    ):
        code, _, err = run(capsys, "areas", "warehouse", str(tmp_path / out), *option, *where)
        assert code == 1
        assert said in err
        assert "服务范围:" not in err  # nothing was begun
    assert not list(tmp_path.iterdir())
