"""The decision report: what its sentences say of scenarios, prices, shares and targets."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import tinyworld
from boai.maps.report.content import document
from boai.maps.report.facts import FORMS, Book
from boai.maps.report.facts_options import WAYS
from boai.maps.report.model import Table
from boai.scenarios.run import Result, run
from boai.scenarios.schema import parse_scenario
from reportworld import opening, plans, real, said, table


@pytest.fixture(scope="module")
def world() -> Any:
    """Sixteen cells with 2^node residents: a store at node 0 reaches 0, 1 and 4."""
    return real(tinyworld.drive_world([0], [0]))


@pytest.fixture(scope="module")
def today(world: Any) -> Result:
    return run(world, parse_scenario("name: baseline\ntitle: 现状\n"))


def test_what_is_done_is_named_and_so_is_an_unchanged_cover(world: Any, today: Result) -> None:
    ids = world.layers["warehouse"].table["id"].tolist()
    close = f"- close: {{kind: warehouse, id: {ids[0]}}}"
    swap = opening(world, "swap", [15], title="换", more=close)
    other = parse_scenario(
        "name: other\ntitle: 别的\nchanges:\n"
        "- open: {kind: team, name: 新队, lon: 115.0, lat: 28.0, year: 2026}\n"
    )
    text = said(document(world, plans(world, today, swap, other))[0])
    assert "新增 1 处、撤销 1 处站点，备灾仓库覆盖" in text
    assert "新增 1 处站点（不涉及备灾仓库），备灾仓库覆盖仍为" in text


def test_small_prices_and_small_gaps_do_not_vanish() -> None:
    said_so = [FORMS["money"](value) for value in (19.75, 209.966, 90, 1234567.5, 0.002087, 0)]
    assert said_so == ["19.75", "209.97", "90", "1,234,567.5", "0.0021", "0"]
    book = Book()
    book.add(
        "甲", pd.DataFrame({"share": [1 - 1e-8, 1e-9, 1.0, 0.0], "per_10k": [0.002087, 1.837, 2.0, 0.1]})
    )
    shares = [book.cell("甲", row, "share").span("share").text for row in range(4)]
    assert shares == ["99.9%", "<0.1%", "100%", "0.0%"]
    assert book.cell("甲", 0, "per_10k").value == pytest.approx(0.002087)


def test_every_target_is_counted_once(world: Any, today: Result) -> None:
    report, book = document(world, plans(world, today, opening(world, "small", [15])))
    for row in book.rows("目标汇总"):
        parts = (row.met.number, row.split.number, row.short.number, row.unknown.number)
        assert sum(parts) == row.targets.number
        told = "" if not row.split else f"{row.split.value} 项要看怎么读，"
        counts = f"{row.met.value} 项，{told}还差 {row.short.value} 项，不能判定 {row.unknown.value} 项"
        assert counts in said(report)


def test_many_scenarios_leave_the_body_short(world: Any, today: Result) -> None:
    many = [opening(world, f"s{cell}", [cell], title=f"方案{cell}") for cell in range(9, 15)]
    report, book = document(world, plans(world, today, *many))
    titles = [block.title for block in report.blocks if isinstance(block, Table)]
    assert "计划目标（合并各年）" in titles  # the readings stand there alone
    assert "读法，要" not in said(report)
    assert len(table(report, "最大的缺口").rows) <= 4
    for row in book.rows("方案总览"):
        assert row.actions.number == sum(row[name].number for name in WAYS)


def test_another_limit_is_not_compared_with_the_baseline(world: Any, today: Result) -> None:
    other = opening(world, "other", [15], costs="standards:\n  warehouse: {main: 7, limits: [7, 11]}")
    text = said(document(world, plans(world, today, other))[0])
    assert "现状没有这一档上限，不能比较" in text and "由 –" not in text
