"""Scenarios that extend others and name files: what counts, what is refused, which place is told."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import shapely
from boai.geodata.errors import InputError
from boai.scenarios.areas import DRAWN
from boai.scenarios.changes import resolve
from boai.scenarios.schema import Scenario, from_content, load_scenario, parse_scenario
from boai.scenarios.standard_changes import Standards


def write(folder: Path, name: str, text: str = "") -> Path:
    path = folder / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"name: {name}\ntitle: {name}\n{text}", encoding="utf-8")
    return path


def close(name: str) -> str:
    return f"changes: [{{close: {{kind: team, id: {name}}}}}]\n"


def ids(scenario: Scenario) -> list[str]:
    return [change.close.id for change in scenario.changes if change.close]


def said(path: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        load_scenario(path)
    return [str(problem).replace(f"{path.parent}/", "") for problem in error.value.problems]


def test_parents_come_in_their_order_before_the_heir(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path, name, close(name))
    heir = load_scenario(write(tmp_path, "c", "extends: [b, a]\n" + close("c")))
    assert ids(heir) == ["b", "a", "c"] and heir.extends == ()
    assert [heir.place("changes", i).rpartition("/")[2] for i in range(3)] == [
        f"{name}.yaml changes 第1项" for name in "bac"
    ]
    assert load_scenario(write(tmp_path, "d", "extends: []\n" + close("d"))).title == "d"


def test_every_file_of_a_diamond_counts_once(tmp_path: Path) -> None:
    write(tmp_path, "top", close("top"))
    for name in ("left", "right"):
        write(tmp_path, name, "extends: top\n" + close(name))
    path = write(tmp_path, "low", "extends: [left, right, top, baseline, baseline]\n" + close("low"))
    assert ids(load_scenario(path)) == ["top", "left", "right", "low"]


def test_a_chain_and_a_round(tmp_path: Path) -> None:
    for one, other in ("ab", "bc"):
        write(tmp_path, one, f"extends: {other}\n" + close(one))
    write(tmp_path, "c", close("c"))
    assert ids(load_scenario(tmp_path / "a.yaml")) == ["c", "b", "a"]
    write(tmp_path, "c", "extends: [baseline, a]")
    assert said(tmp_path / "a.yaml") == ["c.yaml extends: 方案互相继承成环, 得到 a → b → c → a"]
    write(tmp_path, "self", "extends: self")
    assert said(tmp_path / "self.yaml") == ["self.yaml extends: 方案互相继承成环, 得到 self → self"]


def test_the_problems_of_all_files_are_told_together(tmp_path: Path) -> None:
    write(tmp_path, "a", "sitting: []\nextends: 3")
    write(tmp_path, "b", "extends: nobodi\nchanges: [{close: {kind: team, id: x}}]")
    write(tmp_path, "nobody")
    (tmp_path / "c.yaml").write_text("name: [")
    found = said(write(tmp_path, "d", "extends: [a, b, c, evry_county]"))
    assert found[0].startswith("a.yaml extends 第1项: 应为文字, 得到 3")
    assert found[1] == "a.yaml: 未知的键, 得到 sitting; 是否想写 siting?"
    assert found[2].startswith("b.yaml extends: 找不到要继承的方案, 得到 nobodi; 是否指 nobody? 可用的预设")
    assert found[3].startswith("c.yaml 第1行: 不是有效的 YAML")
    assert found[4].startswith("d.yaml extends: 找不到要继承的方案, 得到 evry_county; 是否指 every_county?")
    assert len(found) == 5


def test_standards_of_several_files_come_together_key_by_key(tmp_path: Path) -> None:
    write(tmp_path, "a", "standards: {aed: {main: 160, backup: 1}, team: 120}")
    write(tmp_path, "b", "standards: {aed: {backup: 1, target_share: 80}, home: 1000}")
    own = load_scenario(write(tmp_path, "c", "extends: [a, b]\nstandards: {aed: {unknown_hours: closed}}"))
    assert own.standards == Standards(
        aed={"main": 160, "backup": 1, "target_share": 0.8, "unknown_hours": "closed"}, team=120, home=1000
    )  # type: ignore[arg-type]
    assert own.standards_place("aed.target_share") == f"{tmp_path}/b.yaml standards.aed.target_share"
    found = said(write(tmp_path, "d", "extends: [a, b]\nstandards: {aed: {target_share: 0.9}, team: 60}"))
    assert found == [
        f"d.yaml standards.aed.target_share: 与 {name} 的 {old} 冲突, 得到 {new}; 请只在一处写明"
        for name, old, new in [("b.yaml standards.aed.target_share", "0.8", "0.9")]
    ] + ["d.yaml standards.team.main: 与 a.yaml standards.team.main 的 120 冲突, 得到 60; 请只在一处写明"]


def test_prices_of_several_files_come_together(tmp_path: Path) -> None:
    write(tmp_path, "a", "costs: {open: {warehouse: 100}}")
    write(tmp_path, "b", "costs: {open: {home: {县级: 8, 其他: 10}}, close: {warehouse: 5}}")
    path = write(tmp_path, "c", "extends: [a, b]\ncosts: {open: {warehouse: 100}}")
    costs = load_scenario(path).costs
    assert [costs.price("open", *one) for one in (("warehouse",), ("home", "县级"), ("home", "市级"))] == [
        100, 8, 10,
    ]  # fmt: skip
    assert costs.price("close", "warehouse") == 5
    assert said(write(tmp_path, "d", "extends: [a, b]\ncosts: {open: {warehouse: 90}, unit: 元}")) == [
        "d.yaml costs.unit: 与 a.yaml costs.unit 的 万元 冲突, 得到 元; 请只在一处写明",
        "d.yaml costs.open.warehouse: 与 a.yaml costs.open.warehouse 的 100 冲突, 得到 90; 请只在一处写明",
    ]


def test_the_same_request_of_two_files_is_refused_and_in_one_file_it_counts_twice(tmp_path: Path) -> None:
    site = "{kind: team, name: 甲, lon: 115, lat: 28, year: 2025}"
    text = f"changes: [{{open: {site}}}]\nsiting: [{{kind: team, year: 2025, number: 1}}]"
    write(tmp_path, "a", text)
    assert said(write(tmp_path, "b", f"extends: a\n{text}")) == [
        f"b.yaml {part} 第1项: 与 a.yaml {part} 第1项 完全相同, 会重复计算; 请只继承其中一个, 或删去其中一项"
        for part in ("changes", "siting")
    ]
    twice = write(tmp_path, "c", f"extends: baseline\nchanges: [{{open: {site}}}, {{open: {site}}}]")
    assert len(load_scenario(twice).changes) == 2
    found = said(write(tmp_path, "d", "extends: [plan_2022_2024, every_county]"))
    assert found[0].startswith("every_county siting 第1项: 与 plan_2022_2024 siting 第")


def test_where_it_comes_from_is_no_part_of_a_scenario(tmp_path: Path) -> None:
    text = close("x") + "standards: {aed: 160}"
    write(tmp_path, "parent", text)
    (tmp_path / "same").mkdir()
    heir = load_scenario(write(tmp_path, "one", "extends: parent"))
    alone = load_scenario(write(tmp_path / "same", "one", text))
    assert heir == alone and hash(heir) == hash(alone) and heir.key == alone.key
    assert heir.place("changes", 0) != alone.place("changes", 0)
    assert heir != load_scenario(write(tmp_path, "one", text + "\ndescription: 别的"))
    again = pickle.loads(pickle.dumps(heir))  # as between processes
    assert again == heir and again.place("changes", 0) == heir.place("changes", 0)
    assert Scenario.model_validate(heir.model_dump()) == heir
    assert Scenario(name="a", title="b").place("siting", 3) == "siting 第4项"


def test_too_much_is_refused(tmp_path: Path) -> None:
    many = "changes: [" + "{close: {kind: aed, id: a}}," * 1001 + "]"
    write(tmp_path, "a", many)
    assert said(write(tmp_path, "b", f"extends: a\n{many}")) == [
        "b.yaml changes: 连同继承的方案最多 2000 项, 得到 2002 项; 请拆成几个方案"
    ]
    for number in range(60):
        write(tmp_path, f"n{number}", f"extends: n{number + 1}")
    assert "继承的方案太多, 最多 50 个" in said(tmp_path / "n0.yaml")[0]


def test_a_parent_that_is_a_link_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("name: 密码\n")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "evil.yaml").symlink_to(tmp_path / "secret")
    (found,) = said(write(folder, "a", "extends: evil"))
    assert (
        found.startswith("a.yaml extends: 文件是指向别处的链接, 不能继承, 得到 evil") and "密码" not in found
    )


SQUARE = {"type": "Polygon", "coordinates": [[[115, 28], [116, 28], [116, 29], [115, 29], [115, 28]]]}


def flood(name: str) -> str:
    return f"changes: [{{flood: {{area: {json.dumps(name)}}}}}]"


def area_of(scenario: Scenario) -> tuple[str, str]:
    own = scenario.changes[0].flood
    assert own is not None
    return own.area.name, own.area.wkt


def test_an_area_becomes_part_of_the_scenario_and_of_its_key(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("flood.geojson", "below/flood.geojson"):
        (tmp_path / name).write_text(json.dumps(SQUARE))
    scenario = load_scenario(write(tmp_path, "a", flood("flood.geojson")))
    assert area_of(scenario) == ("flood.geojson", "POLYGON ((115 28, 115 29, 116 29, 116 28, 115 28))")
    assert scenario == load_scenario(write(tmp_path, "a", flood("below/flood.geojson")))
    write(tmp_path, "a", flood("flood.geojson"))
    turned = {**SQUARE, "coordinates": [SQUARE["coordinates"][0][2:] + SQUARE["coordinates"][0][1:3]]}
    (tmp_path / "flood.geojson").write_text(json.dumps(turned))
    assert scenario.key == load_scenario(tmp_path / "a.yaml").key  # the same area, written otherwise
    (tmp_path / "flood.geojson").write_text(json.dumps(SQUARE).replace("116", "117"))
    assert scenario.key != load_scenario(tmp_path / "a.yaml").key
    (tmp_path / "flood.geojson").unlink()
    assert Scenario.model_validate(scenario.model_dump()).key == scenario.key


def test_an_area_of_corners_and_of_other_files(tmp_path: Path) -> None:
    import geopandas as gpd

    corners = "[[115, 28], [116, 28], [116, 29], [115, 29]]"
    drawn = parse_scenario(f"name: a\ntitle: a\nchanges: [{{block: {{area: {corners}}}}}]")
    text = parse_scenario('name: a\ntitle: a\nchanges: [{block: {area: "115,28 116,28 116,29 115,29"}}]')
    assert drawn == text and drawn.changes[0].block.area.name == DRAWN
    frame = gpd.GeoDataFrame(geometry=[shapely.box(115, 28, 116, 29)], crs=4326)
    for name in ("a.gpkg", "a.shp"):
        frame.to_file(tmp_path / name)
        own = load_scenario(write(tmp_path, "b", f"changes: [{{block: {{area: {name}}}}}]"))
        assert own.changes[0].block.area.wkt == drawn.changes[0].block.area.wkt


@pytest.mark.parametrize(
    "name",
    [
        "../out.geojson", "below/../../out.geojson", "/etc/out.geojson", "~/out.geojson", "..\\out.geojson",
        "C:\\out.geojson", "c:out.geojson", "file:///out.geojson", "link.geojson", "below/link.geojson",
        "linked/out.geojson", "part.shp", "\x1bout.geojson", "no.geojson", "pipe.geojson", "folder.geojson",
        "/vsicurl/http:/x.geojson", "x" * 5000 + ".geojson", "bad.geojson", "deep.geojson", "point.geojson",
        "big.geojson", "a.geojson\n", "evil.gpkg", "nowhere", "", "115,28 116,28", "1e400,28 116,28 116,29",
    ],
)  # fmt: skip
def test_files_elsewhere_and_no_areas_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    for path in (folder / "below", folder / "folder.geojson"):
        path.mkdir(parents=True)
    (tmp_path / "out.geojson").write_text(json.dumps(SQUARE))
    (folder / "link.geojson").symlink_to(tmp_path / "out.geojson")
    (folder / "below" / "link.geojson").symlink_to(tmp_path / "out.geojson")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "part.shp").write_bytes(b"")
    (folder / "part.dbf").symlink_to(tmp_path / "out.geojson")
    (folder / "bad.geojson").write_text('{"type": "Polygon", "coordinates": "密码"}')
    (folder / "deep.geojson").write_text('{"type": "FeatureCollection", "features": ' + "[" * 50_000)
    (folder / "point.geojson").write_text('{"type": "Point", "coordinates": [115, 28]}')
    (folder / "evil.gpkg").write_bytes(b"SQLite format 3\x00" + os.urandom(200))
    if name == "big.geojson":
        ring = [[115 + i * 1e-5, 28 + (i % 2) * 1e-5] for i in range(50_001)]
        (folder / name).write_text(json.dumps({**SQUARE, "coordinates": [[*ring, [116, 29], ring[0]]]}))
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.geojson")
    (found,) = said(write(folder, "a", flood(name)))
    assert found.startswith("a.yaml changes 第1项.flood.area: ") and found.isprintable()
    assert "密码" not in found and str(tmp_path) not in found and len(found) < 400


@pytest.mark.parametrize(
    "value",
    [
        "3", "true", "null", "[]", "[1, 2]", "[[115, 28], [116, 28]]", "[[115, 28], [116, 28], [true, 29]]",
        "[[115, 28], [116, 28], [116, .nan]]", "[[115, 28], [116, 28], [.inf, 29]]", "[[115, 28, 3]]",
        "[['115', 28], [116, 28], [116, 29]]", "[[115, 28], [116, 28], [117, 28]]", "{lon: 3}", "{wkt: x}",
        "[[28, 115], [28, 116], [29, 116]]", "{wkt: 'POINT (1 2)', name: x}", "{name: x}",
        "{wkt: 'POLYGON ((115 28, 116 28, 116 " + "9" * 400 + ", 115 28))'}",
        "{wkt: '" + "GEOMETRYCOLLECTION (" * 9000 + ")" * 9000 + "'}",
        "{wkt: 'POLYGON ((28 115, 28 116, 29 116, 28 115))'}",
        "{wkt: 'POLYGON ((115 28, 116 28, 116 1e999, 115 28))'}",
        "{wkt: 'POLYGON ((115 28, 116 28, 116 29, 115 28))', name: \"a\\eb\"}",
    ],
)  # fmt: skip
def test_corners_that_are_no_area_are_refused(value: str) -> None:
    with pytest.raises(InputError) as error:
        parse_scenario(f"name: a\ntitle: a\nchanges: [{{flood: {{area: {value}}}}}]")
    assert all("flood" in problem.where for problem in error.value.problems)


def test_too_many_corners_are_refused() -> None:
    ring = [[115, 28], *[[116, 29]] * 10_000]
    content = {"name": "a", "title": "a", "changes": [{"flood": {"area": ring}}]}
    with pytest.raises(InputError, match="最多 10000 个角"):
        from_content(content, "a", None, file="a")


def test_a_text_or_a_preset_names_no_files() -> None:
    with pytest.raises(InputError, match="这里的方案不在文件夹里, 不能引用文件"):
        parse_scenario(f"name: a\ntitle: a\n{flood('flood.geojson')}")


def test_a_written_area_is_checked_before_it_is_used() -> None:
    """A mapping with text of its own, as results hold it, is read like any other."""
    import tinyworld

    square = "POLYGON ((115.05 27.95, 115.15 27.95, 115.15 28.05, 115.05 28.05, 115.05 27.95))"
    scenario = parse_scenario(
        f"name: a\ntitle: a\nchanges: [{{flood: {{area: {{name: 甲, wkt: '{square}'}}}}}}]"
    )
    made = resolve(tinyworld.drive_world([0, 1]), scenario)
    assert made.world.layers["warehouse"].left_out == {"受淹": 1}
