"""The commands on networks, as an office types them: build, look, close, measure, reopen, use."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import geopandas as gpd
import numpy as np
import osm_files
import pytest
import shapely
from boai.app import network as networks
from boai.app.cli import main
from boai.geodata import overlay
from boai.geodata.moments import CHINA
from boai.geodata.network import load_network
from boai.geodata.overlay import load_overlay

ROOT = Path(__file__).resolve().parent.parent
STEP = 0.01
ROWS = COLUMNS = 5


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grid of residential streets near 修水 with one national road through its middle row."""
    nodes = {
        1 + row * COLUMNS + column: (114.50 + STEP * column, 29.00 + STEP * row, {})
        for row in range(ROWS)
        for column in range(COLUMNS)
    }
    ways = {
        100 + row: (
            [1 + row * COLUMNS + column for column in range(COLUMNS)],
            {"highway": "primary", "ref": "G353", "name": "修水大道", "maxspeed": "60"}
            if row == 2
            else {"highway": "residential", "name": f"{row}横街", "maxspeed": "30"},
        )
        for row in range(ROWS)
    }
    ways |= {
        200 + column: (
            [1 + row * COLUMNS + column for row in range(ROWS)],
            {"highway": "residential", "maxspeed": "30"},
        )
        for column in range(COLUMNS)
    }
    path = tmp_path_factory.mktemp("osm") / "grid.osm.pbf"
    osm_files.write_osm(path, nodes=nodes, ways=ways)
    return path


@pytest.fixture
def roads(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    code, out, _ = run(capsys, "network", "build", str(file), "--to", str(tmp_path / "roads"), "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["nodes"], found["edges"]) == (21, 72)  # the four corners are folded
    return tmp_path / "roads"


def test_info_says_what_was_decided(roads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "network", "info", str(roads), "--json")
    found = json.loads(out)
    assert code == 0
    assert found["mode"] == "drive"
    assert found["label"] == ""
    assert sum(found["km"].values()) == pytest.approx(found["km_total"], abs=0.01)
    assert {"nodes", "edges", "km", "components", "choices", "left_out", "source", "closures"} <= set(found)
    code, out, _ = run(capsys, "network", "info", str(roads))
    assert code == 0
    assert "驾车" in out
    assert "公里" in out
    assert "OpenStreetMap" in out
    assert all(name in out for name in found["class_names"].values())
    assert "residential" not in out


def _minutes(roads: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, object]:
    where = ["--from", "114.50,29.02", "--to", "114.54,29.02"]
    code, out, err = run(capsys, "network", "time", str(roads), *where, "--json", *more)
    assert code == 0, err
    return dict(json.loads(out))


def test_a_way_is_as_long_as_the_road(roads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _minutes(roads, capsys, "--geometry")
    metres = 4 * np.radians(STEP) * 6_371_008.8 * np.cos(np.radians(29.02))
    assert found["metres"] == pytest.approx(metres, rel=1e-3)
    assert found["seconds"] == pytest.approx(metres / (60 / 3.6), rel=1e-3)
    assert found["geometry"]["type"] == "LineString"  # type: ignore[index]
    assert found["geometry"]["coordinates"][0] == pytest.approx([114.50, 29.02])  # type: ignore[index]
    assert [part["name"] for part in found["roads"]] == ["G353 修水大道"]  # type: ignore[union-attr,attr-defined]
    assert "geometry" not in _minutes(roads, capsys)


def test_close_measure_and_reopen(roads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usual = _minutes(roads, capsys)["seconds"]
    code, out, _ = run(capsys, "network", "close", str(roads), "--road", "g353", "--reason", "塌方")
    assert code == 0
    assert "1号: 道路 G353 修水大道 封闭 (塌方" in out
    closed = _minutes(roads, capsys)
    assert closed["seconds"] > 2 * usual  # type: ignore[operator]
    assert [one["number"] for one in closed["closures"]] == [1]  # type: ignore[attr-defined]
    assert _minutes(roads, capsys, "--ignore-closures")["seconds"] == usual
    assert load_network(roads).centiseconds.min() > 0  # the arrays are as they were
    run(capsys, "network", "close", str(roads), "--near", "114.505,29.02", "--within", "20", "--speed", "0.5")
    code, out, _ = run(capsys, "network", "reopen", str(roads), "1")
    assert code == 0
    slowed = _minutes(roads, capsys)["seconds"]
    assert slowed == pytest.approx(1.25 * usual, rel=1e-3)  # type: ignore[operator]
    code, out, _ = run(capsys, "network", "closures", str(roads), "--history")
    assert "车速降为 50 %" in out
    assert len(out.splitlines()) == 1 + 3
    assert run(capsys, "network", "reopen", str(roads), "--all")[0] == 0
    assert _minutes(roads, capsys)["seconds"] == usual


def test_a_closure_has_a_reporter_and_an_end(
    roads: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = _minutes(roads, capsys)["seconds"]
    begun = datetime.now(CHINA).replace(microsecond=0)
    end = begun + timedelta(hours=2)
    told = ["--reporter", "张三", "--until", f"{end:%Y-%m-%d %H:%M}"]
    code, out, _ = run(capsys, "network", "close", str(roads), "--road", "g353", *told)
    assert code == 0
    assert f"张三 报告; {begun:%Y-%m-%d %H:%M}"[:-1] in out
    assert f"至 {end:%Y-%m-%d %H:%M}" in out
    (one,) = _minutes(roads, capsys)["closures"]  # type: ignore[misc]
    assert (one["reporter"], one["until"]) == ("张三", f"{end:%Y-%m-%dT%H:%M}:00+08:00")

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return (end + timedelta(seconds=1)).astimezone(tz)

    monkeypatch.setattr(overlay, "datetime", Later)
    monkeypatch.setattr(networks, "datetime", Later)
    after = _minutes(roads, capsys)
    assert (after["seconds"], after["closures"]) == (usual, [])
    assert "封闭" not in run(capsys, "network", "info", str(roads))[1]
    code, out, _ = run(capsys, "network", "closures", str(roads), "--history")
    assert out.splitlines()[0] == "没有封闭或减速的道路。"
    assert out.splitlines()[-1] == f"{end:%Y-%m-%d %H:%M}  到期恢复 1号 道路 G353 修水大道 (系统)"
    stored = json.loads((roads / overlay.FILE).read_text(encoding="utf-8"))
    assert len(stored["measures"]) == 1  # until the next write
    run(capsys, "network", "close", str(roads), "--edge", "0")
    assert run(capsys, "network", "reopen", str(roads), "2", "--who", "李四")[0] == 0
    stored = json.loads((roads / overlay.FILE).read_text(encoding="utf-8"))
    done = [(one["action"], one["number"], one["who"]) for one in stored["events"]]
    assert done == [("close", 1, "张三"), ("expire", 1, "系统"), ("close", 2, ""), ("reopen", 2, "李四")]
    assert stored["measures"] == []
    assert "(李四)" in run(capsys, "network", "closures", str(roads), "--history")[1]


@pytest.mark.parametrize(
    "until", ["2020-01-01 00:00", "明天", "9999-12-31 23:59", "2026-13-01 10:00", "\x1b[2J\r\n"]
)
def test_an_end_that_is_none_closes_nothing(
    roads: Path, capsys: pytest.CaptureFixture[str], until: str
) -> None:
    code, _, err = run(capsys, "network", "close", str(roads), "--road", "g353", "--until", until)
    assert code == 1
    assert "--until" in err
    assert len(err.splitlines()) == 1
    assert not (roads / overlay.FILE).exists()


def test_close_by_way_edge_and_area(roads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    area = {
        "type": "Polygon",
        "coordinates": [[[114.5, 29.015], [114.52, 29.015], [114.52, 29.025], [114.5, 29.015]]],
    }
    (tmp_path / "flood.geojson").write_text(json.dumps(area), encoding="utf-8")
    shape = gpd.GeoSeries([shapely.from_geojson(json.dumps(area))], crs="EPSG:4326")
    shape.to_file(tmp_path / "flood.gpkg")
    corners = " ".join(f"{lon},{lat}" for lon, lat in area["coordinates"][0][:3])
    for choice in (["--way", "102"], ["--edge", "0"]):
        code, out, _ = run(capsys, "network", "close", str(roads), *choice, "--json")
        assert code == 0
        assert json.loads(out)["edges"] >= 2
    said = []
    for polygon in (str(tmp_path / "flood.geojson"), str(tmp_path / "flood.gpkg"), corners):
        code, out, _ = run(capsys, "network", "close", str(roads), "--polygon", polygon, "--json")
        assert code == 0
        said.append(json.loads(out))
    assert said[0]["edges"] == said[1]["edges"] == said[2]["edges"] >= 2
    assert [each["what"] for each in said] == ["范围 flood.geojson", "范围 flood.gpkg", f"范围 {corners}"]
    code, out, _ = run(capsys, "network", "close", str(roads), "--edge", "0", "--one-way", "--json")
    assert json.loads(out)["edges"] == 1


def test_the_way_is_saved(roads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _minutes(roads, capsys, "--geojson", str(tmp_path / "way.geojson"))
    feature = json.loads((tmp_path / "way.geojson").read_text(encoding="utf-8"))
    assert feature["type"] == "Feature"
    where = ["--from", "114.50,29.02", "--to", "114.54,29.02", "--geojson", str(tmp_path / "way.geojson")]
    code, _, err = run(capsys, "network", "time", str(roads), *where)
    assert code == 1
    assert "文件已存在" in err


def test_places_go_by_their_names_in_a_workspace(
    workspace_folder: Path, roads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(workspace_folder)
    ends = ["--from", "修水县", "--to", "115.86,28.69"]
    code, out, _ = run(capsys, "network", "time", folder, *ends, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["names"] == ["江西省九江市修水县", ""]
    lon, lat = found["from"]
    code, out, _ = run(capsys, "network", "time", folder, "--from", f"{lon},{lat}", *ends[2:], "--json")
    assert json.loads(out)["seconds"] == found["seconds"]
    code, out, _ = run(capsys, "network", "time", folder, "--from", "南昌市", "--to", "修水县医院")
    assert "江西省南昌市 → 江西省九江市修水县" in out
    assert "代表全市" in out
    assert "没有 医院" in out
    code, out, err = run(capsys, "network", "time", folder, "--from", "乌有乡", "--to", "江西省")
    assert (code, len(err.splitlines())) == (1, 2)
    assert "没有这个地方" in err
    assert "--to: 范围太大" in err
    code, out, err = run(capsys, "network", "time", str(roads), *ends)
    assert code == 1
    assert "单独的路网里没有地名" in err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["use", "FILE", "-w", "DEMO"], "boai network build grid.osm.pbf --to roads"),
        (["use", "nosuch", "-w", "DEMO"], "这里没有路网"),
        (["build", "nosuch.osm.pbf", "--to", "OUT"], "不存在"),
        (["build", "FILE"], "没有说明写到哪里"),
        (["build", "--to", "OUT"], "应给且只给一个"),
        (["build", "FILE", "--to", "OUT", "--mode", "fly"], "--mode"),
        (["build", "FILE", "--to", "OUT", "--rules", "x"], "--rules"),
        (["build", "FILE", "--to", "ROADS"], "这里已有路网"),
        (["build", "FILE", "--to", "FULL"], "已有别的文件"),
        (["build", "FILE", "--to", "OUT", "--column", "x"], "用途=列名"),
        (["build", "table.xlsx", "--to", "OUT"], "不认识的路网文件"),
        (["info", "nosuch"], "没有路网"),
        (["time", "ROADS", "--from", "x", "--to", "114.5,29"], "--from"),
        (["time", "ROADS", "--from", "114.5,29", "--to", "29,114.5"], "--to"),
        (["close", "ROADS"], "没有说明哪条道路"),
        (["close", "ROADS", "--road", "G999"], "没有这条道路"),
        (["close", "ROADS", "--way", "5"], "没有这条 way"),
        (["close", "ROADS", "--edge", "5000"], "路段编号"),
        (["close", "ROADS", "--near", "115,29"], "附近没有道路"),
        (["close", "ROADS", "--road", "G353", "--speed", "0.001"], "车速比例"),
        (["close", "ROADS", "--polygon", "nosuch.geojson"], "不存在"),
        (["close", "ROADS", "--polygon", "nosuch.gpkg"], "不存在"),
        (["close", "ROADS", "--polygon", "114.5,29 114.6,29"], "三个以上"),
        (["close", "ROADS", "--polygon", "100,20 101,20 101,21"], "范围内没有道路"),
        (["reopen", "ROADS"], "--all"),
        (["reopen", "ROADS", "7"], "没有这条"),
        (["use"], "--approximate"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    workspace_folder: Path,
    roads: Path,
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    word: str,
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("keep me", encoding="utf-8")
    names = {
        "ROADS": str(roads), "FILE": str(file), "OUT": str(tmp_path / "out"), "FULL": str(tmp_path / "full"),
        "DEMO": str(workspace_folder),
    }  # fmt: skip
    code, _, err = run(capsys, "network", *[names.get(text, text) for text in arguments])
    assert code == 1
    assert word in err
    told = [line for line in err.splitlines() if not line.startswith("道路: ")]  # progress
    assert len(told) == 1
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "full" / "letter.txt").read_text(encoding="utf-8") == "keep me"


@pytest.mark.parametrize("content", ["", "{", '{"format": 1}', "\xff", '{"a": 1e999}'])
def test_a_record_that_cannot_be_read_is_put_aside(
    roads: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (roads / "closures.json").write_bytes(content.encode("latin-1"))
    where = ["--from", "114.50,29.02", "--to", "114.54,29.02"]
    for arguments in (["time", str(roads), *where], ["info", str(roads)], ["reopen", str(roads), "1"]):
        code, _, err = run(capsys, "network", *arguments)
        assert code == 1
        assert "--all" in err
        assert len(err.splitlines()) == 1
    code, out, _ = run(capsys, "network", "reopen", str(roads), "--all")  # as the sentence says
    assert code == 0
    assert "closures.damaged-1.json" in out
    assert (roads / "closures.damaged-1.json").read_bytes() == content.encode("latin-1")
    assert run(capsys, "network", "close", str(roads), "--edge", "0")[0] == 0
    assert run(capsys, "network", "time", str(roads), *where)[0] == 0


def test_roads_are_not_opened_by_building_anew(
    roads: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "network", "close", str(roads), "--road", "G353")
    again = ["network", "build", str(file), "--to", str(roads), "--overwrite", "--mode", "heavy"]
    code, _, err = run(capsys, *again)
    assert code == 1
    assert "1号 道路 G353 修水大道" in err.splitlines()[-1]
    assert load_network(roads).mode == "drive"
    run(capsys, "network", "reopen", str(roads), "--all")
    assert run(capsys, *again)[0] == 0
    assert load_network(roads).mode == "heavy"
    assert "恢复 1号" in run(capsys, "network", "closures", str(roads), "--history")[1]


def test_where_a_network_is_never_written(
    roads: Path,
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "boai.json").write_text("{}", encoding="utf-8")
    (tmp_path / "letter").write_text("x", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    work = tmp_path / "work"
    letter, long = tmp_path / "letter", tmp_path / ("n" * 300)
    for to in ("", ".", "..", here, work, work / "results", work / ".x", letter, letter / "x", long):
        code, out, err = run(capsys, "network", "build", str(file), "--to", str(to), "--overwrite", "--json")
        assert (code, out) == (1, ""), to
        assert len(err.splitlines()) == 1, err  # said before anything is read
    assert sorted(tmp_path.rglob("*")) == before


def test_swapped_coordinates_are_said_so(roads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "network", "time", str(roads), "--from", "114.5,29.02", "--to=29.02,114.54")
    assert code == 1
    assert "写反" in err


CLOSER = """
import sys
from boai.app.cli import main
main(["network", "close", sys.argv[1], "--edge", sys.argv[2], "--one-way"])
"""


def test_two_desks_at_once_and_one_that_is_killed(roads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desks = [subprocess.Popen([sys.executable, "-c", CLOSER, str(roads), f"{at}"]) for at in range(3)]
    killed = subprocess.Popen([sys.executable, "-c", CLOSER, str(roads), "9"])
    time.sleep(0.4)
    killed.kill()
    killed.wait()
    assert [one.wait(timeout=60) for one in desks] == [0, 0, 0]
    found = json.loads(run(capsys, "network", "closures", str(roads), "--json")[1])
    edges = load_overlay(roads, load_network(roads)).measures
    assert {0, 1, 2} <= {int(one.edges[0]) for one in edges} <= {0, 1, 2, 9}
    numbers = [one["number"] for one in found["in_force"]]
    assert numbers == list(range(1, len(edges) + 1))


BUILDER = """
import sys
from boai.app.cli import main
main(["network", "build", sys.argv[1], "--to", sys.argv[2]])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_build_that_is_stopped_leaves_nothing_half_written(file: Path, tmp_path: Path) -> None:
    to = tmp_path / "roads"
    began = time.monotonic()
    how = [sys.executable, "-c", BUILDER, str(file), str(to)]
    subprocess.run(how, check=True, capture_output=True)
    whole = time.monotonic() - began
    for turn in range(8):
        if to.exists():
            shutil.rmtree(to)
        number = signal.SIGKILL if turn % 2 else signal.SIGINT
        builder = subprocess.Popen(how, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert builder.stderr is not None
        if turn < 6:
            line = builder.stderr.readline()  # it is at work
            assert line
            time.sleep(whole * 0.02 * (turn // 2))
        else:
            time.sleep(whole * 0.9)
        builder.send_signal(number)
        _, err = builder.communicate(timeout=60)
        if to.exists():
            load_network(to)
        if number == signal.SIGINT and builder.returncode != 0:
            # -SIGINT: it came while Python itself was ending, after the command
            assert builder.returncode in (130, -signal.SIGINT)
        if builder.returncode == 130:
            assert err.splitlines()[-1] == "已中止。"
            assert not to.exists()
            assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".roads.")] == []
    subprocess.run(how, check=to.exists() is False, capture_output=True)
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".roads.")] == []


EVIL = "<img src=x onerror=alert(1)>\x1b[2J\x1b]0;boai\x07\r\n=HYPERLINK(1)\u202e</script>"


def test_a_road_name_does_not_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = {at: (114.5 + 0.01 * at, 29.0, {}) for at in range(1, 5)}
    ways = {1: ([1, 2, 3, 4], {"highway": "primary", "name": EVIL, "ref": "G9;=1+1"})}
    osm_files.write_osm(tmp_path / "evil.osm.pbf", nodes=nodes, ways=ways)
    to = str(tmp_path / "roads")
    where = ["--from", "114.51,29", "--to", "114.54,29"]
    for arguments in (
        ["build", str(tmp_path / "evil.osm.pbf"), "--to", to], ["info", to], ["time", to, *where],
        ["close", to, "--road", "G9", "--reason", EVIL], ["closures", to, "--history"],
        ["close", to, "--road", "onerror"], ["time", to, *where], ["reopen", to, "--all"],
    ):  # fmt: skip
        _, out, err = run(capsys, "network", *arguments)
        assert all(char.isprintable() or char == "\n" for char in out + err)
    _, out, _ = run(
        capsys, "network", "time", to, *where, "--json", "--geojson", str(tmp_path / "way.geojson")
    )
    assert json.loads(out)["roads"][0]["name"]
    assert json.loads((tmp_path / "way.geojson").read_text(encoding="utf-8"))["type"] == "Feature"


def test_a_network_of_another_place_is_refused(
    file: Path, workspace_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = load_network(workspace_folder / "network").meta["hash"]
    run(capsys, "network", "build", str(file), "--to", str(tmp_path / "roads"))
    code, _, err = run(capsys, "network", "use", str(tmp_path / "roads"), "-w", str(workspace_folder))
    assert code == 1
    assert "不在本省" in err
    assert load_network(workspace_folder / "network").meta["hash"] == before


def _documented() -> list[str]:
    """The lines on closures and ways that the documents show, in their order."""
    lines = []
    for name in ("docs/networks.zh.md", "docs/commands.md"):  # numbers count from the first
        for block in re.findall(r"```(?:sh)?\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S):
            found = [line.split("#")[0].strip() for line in block.splitlines()]
            lines += [line for line in found if re.match("boai network (time|close|closures|reopen) ", line)]
    return lines


def test_the_documented_lines_work_on_a_workspace(
    workspace_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(workspace_folder, tmp_path / "demo")
    shutil.copytree(workspace_folder / "network", tmp_path / "roads")
    area = {"type": "Polygon", "coordinates": [[[115.8, 28.6], [115.9, 28.6], [115.9, 28.7], [115.8, 28.6]]]}
    (tmp_path / "淹没范围.geojson").write_text(json.dumps(area), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    lines = _documented()
    assert len(lines) >= 8
    for line in lines:
        wider = ["--within", "3000"] if "--near" in line else []  # approximate links lie far apart
        code, out, err = run(capsys, *line.split()[1:], *wider)
        assert (code, err) == (0, ""), line
        assert out
