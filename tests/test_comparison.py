"""The comparison as Excel and CSV: every table, its headers and labels, no price where costs are off."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import mapworld
import openpyxl
import pytest
import yaml
from boai.maps.comparison import WORKBOOK, build_comparison, write_comparison
from boai.scenarios.compare import compare
from boai.scenarios.run import Result, run
from boai.scenarios.schema import parse_scenario
from boai.scenarios.world import World

SHEETS = ["说明", "方案对比", "分县变化", "分市变化", "选址排序", "费用", "支配关系"]
PRICE = 98765


def results_of(world: World, title: str = "计划", name: str = "新库", *, sited: bool = True) -> list[Result]:
    """The baseline, a priced scenario with every kind of action, and (``sited``) one with two new stores."""
    demand = world.demand
    place = {"lon": float(demand.lon[0]), "lat": float(demand.lat[0])}
    other = {"lon": float(demand.lon[-1]), "lat": float(demand.lat[-1])}
    changes: list[dict[str, Any]] = [
        {"open": {"kind": "warehouse", "name": name, "year": 2025, "id": "new", **other}},
        {"move": {"kind": "team", "id": "team-0", **place}},
        {"close": {"kind": "home", "id": "home-0", "cost": 12345}},
        {"retime": {"kind": "aed", "id": "aed-0", "hours": "24小时"}},
    ]
    prices = {"unit": "银元", "open": {"warehouse": PRICE}}
    priced = {"name": "priced", "title": title, "changes": changes, "costs": prices}
    stores = [{"kind": "warehouse", "year": 2025, "number": 2}]
    two = {"name": "two", "title": "两座", "siting": stores, "costs": prices}
    base = run(world, parse_scenario("name: baseline\ntitle: 现状\n"))
    return [
        base,
        *(run(world, parse_scenario(yaml.safe_dump(one)), reuse=base) for one in (priced, two)[: 1 + sited]),
    ]


@pytest.fixture(scope="module")
def made() -> tuple[World, list[Result]]:
    world = mapworld.make_world()
    return world, results_of(world)


@pytest.fixture(scope="module")
def written(made: tuple[World, list[Result]], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_comparison(*made, tmp_path_factory.mktemp("comparison"))


def cells(path: Path) -> list[str]:
    book = openpyxl.load_workbook(path)
    return [
        str(value) for sheet in book for row in sheet.iter_rows(values_only=True) for value in row if value
    ]


def test_the_workbook_is_ready_for_the_office(written: list[Path]) -> None:
    assert [path.name for path in written] == [WORKBOOK, *(f"{name}.csv" for name in SHEETS[1:])]
    book = openpyxl.load_workbook(written[0])
    assert book.sheetnames == SHEETS
    for sheet in book:
        assert sheet.freeze_panes == "A2"
        headers = [str(cell.value) for cell in sheet[1]]
        assert len(set(headers)) == len(headers), sheet.title
        assert not [header for header in headers if header.isascii()], sheet.title
        assert sheet.title == "说明" or (headers[0], headers[-1]) == ("方案", "标注")
    sheet = book["方案对比"]
    column = {cell.value: cell.column for cell in sheet[1]}
    assert sheet.cell(2, column["覆盖比例"]).number_format == "0.0%"
    assert sheet.cell(2, column["覆盖居民"]).number_format == "#,##0"
    assert sheet.cell(2, column["标注"]).value in ("示例数据", "示例数据、近似路网")
    notes = [str(row[1].value) for row in book["说明"].iter_rows()]
    assert "内部使用 不得公开" in notes and any(note.startswith("近似路网") for note in notes)
    assert any(note.startswith("计划: ") for note in notes) and any(
        note.startswith("2 个方案: ") for note in notes
    )


def test_the_cells_are_the_figures(made: tuple[World, list[Result]], written: list[Path]) -> None:
    table, folder = compare(made[1]), written[0].parent
    with (folder / "方案对比.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(table)
    for row, own in zip(rows, table.to_dict("records"), strict=True):
        assert (row["方案"], int(row["覆盖居民"])) == (own["title"], own["served"])
        assert float(row["覆盖比例"]) == pytest.approx(own["share"], abs=1e-6)
        assert int(float(row["新覆盖"])) == own["gained"]
    with (folder / "费用.csv").open(encoding="utf-8-sig", newline="") as file:
        bill = list(csv.DictReader(file))
    assert [(row["动作"], row["费用"]) for row in bill[:4]] == [
        ("新增", f"{float(PRICE)}"),
        ("迁移", ""),
        ("撤销", "12345.0"),
        ("调整开放时间", ""),
    ]
    assert [row["价格来源"] for row in bill[:4]] == ["价目表", "未给价格", "该项写明", "未给价格"]
    assert bill[0]["改动序号(空: 选址)"] == "1" and bill[-1]["改动序号(空: 选址)"] == ""


def test_costs_off_hides_every_price(made: tuple[World, list[Result]], tmp_path: Path) -> None:
    paths = write_comparison(*made, tmp_path, costs=False)
    assert [path.stem for path in paths[1:]] == [name.replace("费用", "行动") for name in SHEETS[1:]]
    told = "\n".join([*cells(paths[0]), *(path.read_text("utf-8-sig") for path in paths[1:])])
    for price in (PRICE, 12345, PRICE + 12345, 2 * PRICE):
        assert str(price) not in told and f"{price:,}" not in told
    assert not [word for word in ("银元", "未给价格", "费用", "单价") if word in told]


def test_without_prices_no_column_of_costs(tmp_path: Path) -> None:
    world = mapworld.make_world()
    results = mapworld.make_results(world)
    sheet = openpyxl.load_workbook(write_comparison(world, results, tmp_path)[0])["方案对比"]
    assert not [cell.value for cell in sheet[1] if "费用" in str(cell.value)]


def test_the_same_tables_as_data(made: tuple[World, list[Result]]) -> None:
    tables = build_comparison(*made, good_share=0.5)
    assert list(tables) == SHEETS[1:]
    assert tables["方案对比"]["good_share"].eq(0.5).all()
    assert {"scenario", "title"} <= set.intersection(*(set(table.columns) for table in tables.values()))


def test_same_data_same_bytes(made: tuple[World, list[Result]], written: list[Path], tmp_path: Path) -> None:
    again = write_comparison(*made, tmp_path)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in written]


def test_hostile_names_are_never_run(tmp_path: Path) -> None:
    world = mapworld.make_world(names=mapworld.HOSTILE)
    results = results_of(world, title="=HYPERLINK(1)", name="@SUM(1)<script>", sited=False)
    paths = write_comparison(world, results, tmp_path)
    for sheet in openpyxl.load_workbook(paths[0]):
        assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    texts = cells(paths[0])
    assert "'=HYPERLINK(1)" in texts and "'@SUM(1)<script>" in texts
    for path in paths[1:]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = [cell for row in csv.reader(file) for cell in row if cell[:1] in tuple("=+@-")]
        assert not [
            cell for cell in found if not cell.lstrip("-").replace(".", "").replace("e-", "").isdigit()
        ]
