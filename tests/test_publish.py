"""Pages, sheets, report, exports and charts as their commands make them, on a tiny workspace."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import NoReturn

import pytest
import tinyspace
from boai.app import cli
from boai.app.publish import batch, material, place, sheets
from boai.app.publish.page import Asked
from boai.app.publish.page import write as write_page
from boai.app.runs import run_many
from boai.app.workspace import load_world, open_workspace
from boai.coverage.measures import by_unit
from boai.geodata.errors import InputError
from boai.maps.sheets.job import Job

THREE = """
name: three
title: 三号仓
changes:
- open: {kind: warehouse, name: 三号仓, lon: 115.03, lat: 28.03, level: 县级, year: 2025}
"""
CLOSED = """
name: closed
title: 撤一号
changes:
- close: {kind: warehouse, id: warehouse-1}
"""
TOLD = """
name: told
title: 问13812345678
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("publish") / "w"
    tinyspace.make(folder)
    (folder / "scenarios").mkdir()
    for text, name in ((THREE, "three"), (CLOSED, "closed"), (TOLD, "told")):
        (folder / "scenarios" / f"{name}.yaml").write_text(text, encoding="utf-8")
    run_many(folder, ["baseline", "three", "closed"], processes=1)  # another process costs seconds to start
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main([str(each) for each in arguments])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_a_page_opens_in_the_comparison_that_is_asked_for(capsys, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "对比.html"
    ask = ["page", out, "--compare", "baseline", "three", "--how", "卷帘", "--title", "<b>县", "-w", root]
    code, told, _ = run(capsys, *ask)
    assert code == 0 and told.splitlines() == [str(out)]
    text = out.read_text(encoding="utf-8")
    assert "<b>县" not in text and "三号仓" in text
    data = json.loads(text.split('<script id="boai-data" type="application/json">')[1].split("</script>")[0])
    assert [one["name"] for one in data["scenarios"]] == ["baseline", "three"]
    assert data["start"] == {"compare": "swipe", "left": 0, "right": 1}
    code, _, err = run(capsys, *ask)
    assert code == 1 and "文件已存在" in err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["page", "x.txt"], "html"),
        (["page", "x.html", "--how", "魔法", "--compare", "baseline", "three"], "没有这一种"),
        (["page", "x.html", "--tiles", "ftp://x/{z}/{x}/{y}"], "错误"),
        (["page", "x.html", "three", "--public"], "审图号"),
        (["page", "x.html", "nowhere"], "没有这个方案"),
        (["page", "x.html", "--public", "--review-number", "赣S(2024)001号", "--tiles", "OSM"], "公开版"),
        (["page", "x.html", "three", "--title", "县\udcff"], "--title"),
        (["page", "x.html", "three", "--title", "县" * 81], "最多 80 个字"),
        (["report", "x", "three", "--date", "2024年\n3月"], "--date"),
        (["export", "x", "three", "--date", "修水\u202e县"], "看得见"),
        (["sheets", "x", "--date", "日" * 41], "最多 40 个字"),
        (["sheets", "x", "--size", "A9"], "没有这一种"),
        (["sheets", "x", "--format", "exe"], "没有这一种"),
        (["sheets", "x", "--theme", "天气"], "没有这一种"),
        (["sheets", "x", "--unit", "火星县"], "--unit"),
        (["sheets", "x", "--kind", "飞船"], "飞船"),
        (["report", "x", "--format", "doc"], "没有这一种"),
        (["export", "x", "three", "--format", "dwg"], "没有这一种"),
        (["charts", "x", "three", "--format", "gif"], "没有这一种"),
        (["charts", "x", "three", "--kind", "博爱家园"], "没有站点"),
        (["report", "x", "three", "--public", "--review-number", "12"], "审图号"),
    ],
)
def test_what_cannot_be_made_is_told_and_nothing_is_written(
    capsys, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments, "-w", root)
    assert code == 1 and not out
    assert "错误" in err and why in err
    assert list(tmp_path.iterdir()) == []


def test_sheets_of_named_units_and_the_index(capsys, root: Path, tmp_path: Path) -> None:
    world = load_world(open_workspace(root))
    name = str(world.units.counties["name"].iloc[0])
    folder = tmp_path / "挂图"
    ask = ["sheets", folder, "--unit", name, "--kind", "备灾仓库", "--theme", "对比", "--scenario", "three"]
    code, out, err = run(capsys, *ask, "--format", "svg", "--size", "A4", "--processes", 1, "-w", root)
    assert code == 0, err
    drawn = [path for path in map(Path, out.splitlines()) if path.suffix == ".svg"]
    assert len(drawn) == 1 and name in drawn[0].name and "对比" in drawn[0].name
    assert "第 1/1 张" in err
    index = next(path for path in map(Path, out.splitlines()) if path.suffix == ".csv")
    rows = list(csv.reader(index.read_text(encoding="utf-8-sig").splitlines()))
    assert any(drawn[0].name in cell for row in rows for cell in row)


def test_report_exports_and_charts_come_as_whole_folders(capsys, root: Path, tmp_path: Path) -> None:
    code, out, err = run(capsys, "report", tmp_path / "r", "three", "--format", "html", "-w", root, "--json")
    assert code == 0, err
    assert [Path(path).name for path in json.loads(out)["files"]] == ["决策报告.html", "报告附表.xlsx"]
    code, out, err = run(capsys, "export", tmp_path / "x", "three", "--format", "gpkg", "-w", root)
    assert code == 0, err
    assert all(Path(path).is_file() for path in out.splitlines())
    assert any(path.endswith(".gpkg") for path in out.splitlines())
    code, out, err = run(
        capsys, "charts", tmp_path / "c", "three", "--kind", "warehouse", "--format", "svg", "-w", root
    )
    assert code == 0, err
    assert any(path.endswith(".svg") for path in out.splitlines())
    for name, command in (("r", "report"), ("x", "export"), ("c", "charts")):
        code, _, err = run(capsys, command, tmp_path / name, "three", "-w", root)
        assert code == 1 and "已存在" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "r", "x"]


def test_a_folder_that_appears_meanwhile_is_not_replaced(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r"

    def write(ready: Path) -> list[Path]:
        (ready / "a.txt").write_text("a")
        folder.mkdir(exist_ok=True)
        (folder / "mine.txt").write_text("mine")
        return [ready / "a.txt"]

    with pytest.raises(InputError, match="已存在"):
        place.fill(folder, write)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_overwriting_replaces_what_is_written_and_nothing_else(capsys, root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "我的.docx").write_text("mine")
    (folder / "图表数据.xlsx").write_text("old")
    ask = ["charts", folder, "three", "--kind", "warehouse", "--format", "svg", "-w", root]
    code, _, err = run(capsys, *ask)
    assert code == 1 and "--overwrite" in err
    assert (folder / "图表数据.xlsx").read_text() == "old"
    code, out, err = run(capsys, *ask, "--overwrite")
    assert code == 0, err
    assert {*map(Path, out.splitlines()), folder / "我的.docx"} == {*folder.iterdir()}
    assert (folder / "我的.docx").read_text() == "mine"
    assert (folder / "图表数据.xlsx").read_bytes().startswith(b"PK")


def test_overwriting_stops_before_a_folder_a_link_and_a_workspace(root: Path, tmp_path: Path) -> None:
    def write(ready: Path) -> list[Path]:
        (ready / "a").mkdir()
        names = ["a/1.txt", "b.txt"]
        for name in names:
            (ready / name).write_text("new")
        return [ready / name for name in names]

    folder, away = tmp_path / "r", tmp_path / "away"
    for each in (folder, away, folder / "b.txt"):
        each.mkdir()
    (folder / "a").symlink_to(away)
    with pytest.raises(InputError) as stop:
        place.fill(folder, write, overwrite=True)
    assert [Path(one.where) for one in stop.value.problems] == [folder / "a", folder / "b.txt"]
    assert not [*away.iterdir()] and {path.name for path in folder.iterdir()} == {"a", "b.txt"}
    (folder / "a").unlink()
    (folder / "b.txt").rmdir()
    (folder / "b.txt").symlink_to(away / "never.txt")
    assert place.fill(folder, write, overwrite=True) == [folder / "a" / "1.txt", folder / "b.txt"]
    assert not (folder / "b.txt").is_symlink() and not [*away.iterdir()]
    for each in (root, folder / "b.txt"):
        with pytest.raises(InputError, match="请换一个文件夹"):
            place.fill(each, write, overwrite=True)


def test_states_split_those_in_reach_by_room(root: Path) -> None:
    found = material.material(root, ["three", "closed"], material.Publishing())
    states = material.states_of(root, found, ["three", "closed"])
    assert {name for name, kind in states if kind == "warehouse"} == {"baseline", "three", "closed"}
    for (name, kind), state in states.items():
        result = next(one for one in found.results if one.name == name)
        table = by_unit(found.world.demand, result.covers[kind], levels=("省",))
        main = table[table["limit"] == result.covers[kind].standard.main]
        within = found.world.demand.residents @ state.share[:, :3].sum(axis=1)
        assert round(float(within)) == int(main["served"].iloc[0])


def test_the_public_sees_no_stock(root: Path, tmp_path: Path) -> None:
    publishing = material.Publishing("赣S(2024)001号", public=True)
    found = material.material(root, ["three"], publishing)
    assert material.states_of(root, found, ["three"]) == {}
    write_page(material.Order(root, ["three"], publishing), tmp_path / "p.html", Asked())
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "赣S(2024)001号" in text and "不得公开" not in text


def test_the_index_of_public_sheets_tells_no_telephone(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str] = {}

    def run(_: Path, jobs: list[Job], *__: object, titles: dict[str, str], **___: object) -> NoReturn:
        seen.update(titles)
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "run", run)
    asked = sheets.Asked(of=("省",), themes=("方案",), kinds=("备灾仓库",))
    for publishing in (material.Publishing(), material.Publishing("赣S(2024)001号", public=True)):
        with pytest.raises(KeyboardInterrupt):
            sheets.write(material.Order(root, ["told"], publishing), tmp_path / "s", asked)
        assert seen["told"] == ("问（略）" if publishing.public else "问13812345678")
