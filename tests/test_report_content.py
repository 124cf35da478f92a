"""The decision report: every figure stands in a cell, and texts follow their rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mapworld
import numpy as np
import openpyxl
import pandas as pd
import pytest
import tinyworld
from boai.maps import words
from boai.maps.public import Release, for_public
from boai.maps.report.content import document
from boai.maps.report.content_text import Kept
from boai.maps.report.facts import FORMS, Book, Cell
from boai.maps.report.model import Bullets, Callout, Chart, Document, Heading, Paragraph, Ref, Table
from boai.maps.report.trace import TRACE, all_spans, running, write_workbook
from boai.scenarios.run import Result, run
from boai.scenarios.schema import parse_scenario
from reportworld import column, opening, plans, real, said, table


@pytest.fixture(scope="module")
def world() -> Any:
    """Sixteen cells with 2^node residents: a store at node 0 reaches 0, 1 and 4."""
    return real(tinyworld.drive_world([0], [0]))


@pytest.fixture(scope="module")
def today(world: Any) -> Result:
    return run(world, parse_scenario("name: baseline\ntitle: 现状\n"))


@pytest.fixture(scope="module")
def two(world: Any, today: Result) -> list[Result]:
    """A small plan, and one that does the same and more."""
    return plans(
        world,
        today,
        opening(world, "small", [15], title="小"),
        opening(world, "large", [15, 10, 9], title="大"),
    )


@pytest.fixture(scope="module")
def made(world: Any, two: list[Result]) -> tuple[Document, Book]:
    """The report on both."""
    return document(world, two, date="2026-01-01")


# ---------- every figure stands in a cell ----------


def unproven(report: Document, book: Book, path: Path) -> Iterator[str]:
    """List the spans whose figures do not stand, as they are said, where they claim to."""
    file = openpyxl.load_workbook(write_workbook(book, path))
    texts = {
        str(cell)
        for sheet in file
        for row in sheet.iter_rows(values_only=True)
        for cell in row
        if isinstance(cell, str)
    }
    quoted = sorted((text for text in texts if re.search("[0-9]", text)), key=len, reverse=True)
    places = {
        id(span)
        for block in report.blocks
        if isinstance(block, Table) and block.title == TRACE
        for row in block.rows
        for span in row
    }
    for span in all_spans(report.blocks):
        if span.ref is not None:
            value = file[span.ref.sheet][span.ref.cell].value
            if value is None or span.text not in _ways(value):
                yield f"{span} says what {value!r} is not"
        elif id(span) not in places:
            rest = span.text
            for text in quoted:
                rest = rest.replace(text, "")
            if re.search("[0-9]", rest):
                yield f"{span} has no place"


def _ways(value: Any) -> set[str]:
    """All ways to say a value."""
    found = {"无"} if value == 0 else set()
    for form in FORMS.values():
        try:
            found.add(form(value))
        except (TypeError, ValueError):
            continue
    return found


def cases(world: Any, today: Result) -> Iterator[list[Result]]:
    """Results of all kinds."""
    yield [today]
    yield plans(world, today, opening(world, "a", [15]))
    close = f"- close: {{kind: warehouse, id: {world.layers['warehouse'].table['id'].iloc[0]}}}"
    yield plans(
        world, today, opening(world, "b", [15, 14], more=close, costs="costs: {open: {warehouse: 80}}")
    )
    grow = "- grow: {unit: 全省, percent: 10}"
    yield plans(
        world,
        today,
        *(opening(world, f"s{n}", list(range(5, 6 + n)), more=grow if n == 3 else "") for n in range(6)),
    )


def test_figures_of_a_comparison_stand_in_their_cells(made: tuple[Document, Book], tmp_path: Path) -> None:
    assert list(unproven(*made, tmp_path / "t.xlsx")) == []


@pytest.mark.slow
def test_every_figure_stands_in_its_cell(world: Any, today: Result, tmp_path: Path) -> None:
    for results in cases(world, today):
        report, book = document(world, results)
        assert list(unproven(report, book, tmp_path / "t.xlsx")) == []
        assert sum(span.ref is not None for span in running(report.blocks)) >= 5


@pytest.mark.slow
def test_every_figure_stands_in_its_cell_with_hostile_names(tmp_path: Path) -> None:
    world = mapworld.make_world(names=mapworld.HOSTILE)
    first, plan = mapworld.make_results(world, title=mapworld.HOSTILE[0], count=3)
    others = [replace(plan, title=name, name=f"p{n}") for n, name in enumerate(mapworld.HOSTILE[1:5])]
    report, book = document(world, [first, plan, *others], title="</title>\u202e[[page]]")
    assert list(unproven(report, book, tmp_path / "t.xlsx")) == []
    file = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert not [cell for sheet in file for row in sheet for cell in row if cell.data_type == "f"]
    assert "\u202e" not in report.title


@pytest.mark.parametrize("name", ["report.j2", "appendix.j2"])
def test_templates_write_no_figure_themselves(name: str) -> None:
    text = (files("boai.maps.report") / "templates" / name).read_text("utf-8")
    plain = re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", text)
    assert not re.search(r"[0-9０-９]", re.sub(r"(?m)^1\. ", "", plain))


def test_a_number_cannot_be_said_without_a_form() -> None:
    with pytest.raises(TypeError, match="needs a form"):
        Kept()(Cell(7, Ref("概况", "A2")))


def test_numbers_behind_figures_are_those_of_the_table(made: tuple[Document, Book]) -> None:
    report, book = made
    found = table(report, TRACE)
    rows = [row[at : at + 3] for row in found.rows for at in (0, 3)]
    listed = {int(row[0].text): row[1].ref for row in rows if row[0].text}
    used = {span.number: span.ref for span in running(report.blocks) if span.ref is not None}
    assert used == listed
    assert sorted(listed) == list(range(1, len(listed) + 1))
    assert [row[0] for row in book.pages[TRACE].rows] == sorted(listed)


# ---------- what is said ----------


def test_who_is_reached_and_where_the_gap_is(world: Any, today: Result) -> None:
    report, _ = document(world, [today])
    text = said(report)
    assert "<0.1%" in text  # nodes 0, 1 and 4 of 2^16 - 1 residents are within ten minutes of node 0
    assert "本次没有方案可比较" in text
    assert "没有方案，没有费用" in text
    reached = table(report, "现状各图层的覆盖")
    assert column(reached, "图层") == ["备灾仓库", "救援队"]
    assert column(reached, "站点") == ["1", "1"]
    assert not [block for block in report.blocks if isinstance(block, Table) and "各方案" in block.title]


def test_gains_of_each_option_are_told(made: tuple[Document, Book]) -> None:
    report, book = made
    # node 15 reaches 11, 14 and 15; 9 and 10 reach 5, 6, 8, 9, 10, 13, 14 and 11 beside
    small = sum(2**node for node in (11, 14, 15))
    large = small + sum(2**node for node in (5, 6, 8, 9, 10, 13))
    rows = {row.title.value: row for row in book.rows("方案", kind="备灾仓库")}
    assert (rows["小"].gained.value, rows["大"].gained.value) == (small, large)
    trade = book.row("取舍")
    assert (trade.more_sites.value, trade.more_served.value) == (2, large - small)
    text = said(report)
    assert "要覆盖最多，选「大」；要改动最少，选「小」" in text
    assert "没有填写单价，不能比较费用" in text
    assert column(table(report, "各方案"), "失去") == ["无", "无"]


@pytest.mark.slow
def test_prices_are_told_only_where_stated(world: Any, today: Result) -> None:
    price = "costs: {unit: 万元, open: {warehouse: 80}}"
    priced = opening(world, "a", [15], title="甲", costs=price)
    dear = opening(world, "b", [15, 10], title="乙", costs=price)
    text = said(document(world, plans(world, today, priced, dear))[0])
    assert "「甲」：已写明的费用合计 80 万元" in text
    assert "「乙」：已写明的费用合计 160 万元" in text
    assert "不能比较费用" not in text and "要填了单价" not in text
    free = opening(world, "c", [15, 10], title="丙")
    text = said(document(world, plans(world, today, priced, free))[0])
    assert "「丙」没有填写单价" in text and "不能与别的方案比较费用" in text
    other = opening(world, "d", [15, 10], title="丁", costs="costs: {unit: 万美元, open: {warehouse: 9}}")
    text = said(document(world, plans(world, today, priced, other))[0])
    assert "各方案的费用单位不同" in text


def test_losses_are_told(world: Any, today: Result) -> None:
    close = f"- close: {{kind: warehouse, id: {world.layers['warehouse'].table['id'].iloc[0]}}}"
    scenario = opening(world, "swap", [15], title="换", more=close)
    report, _ = document(world, plans(world, today, scenario))
    text = said(report)
    assert "失去 19人" in text  # nodes 0, 1 and 4
    assert "有得有失" in text
    only = parse_scenario(f"name: less\ntitle: 撤\nchanges:\n{close}\n")
    text = said(document(world, plans(world, today, only))[0])
    assert "「撤」不比现状好，不宜采用" in text and "降到" in text


@pytest.mark.slow
def test_a_beaten_option_is_named(world: Any, today: Result) -> None:
    waste = opening(world, "waste", [1, 2], title="多余")
    text = said(document(world, plans(world, today, opening(world, "good", [15, 10], title="好"), waste))[0])
    assert "可以不选：「多余」（各项都不优于「好」" in text


def test_growth_and_other_roads_are_not_compared(world: Any, today: Result) -> None:
    grown = opening(world, "grown", [15], title="增长", more="- grow: {unit: 全省, percent: 10}")
    text = said(document(world, plans(world, today, grown))[0])
    assert "各方案的居民、道路、时限或开放情况与现状不同" in text
    assert "不与现状比好坏：「增长」（居民增减 1 项）的居民、道路、时限或开放情况与现状不同" in text
    assert "只因居民增减，备灾仓库覆盖的居民：「增长」增加" in text


@pytest.mark.slow
def test_labels_make_the_data_too_weak_to_decide() -> None:
    world = mapworld.make_world()
    report, _ = document(world, mapworld.make_results(world))
    assert report.labels == ("示例数据", "近似路网")
    assert any(isinstance(block, Callout) for block in report.blocks)
    assert "数据不足以决定" in said(report)


def test_real_data_have_no_label(made: tuple[Document, Book]) -> None:
    report, _ = made
    assert report.labels == ()
    assert "近似" not in said(report).split("附录")[0]
    assert "数据不足以决定" not in said(report).split("附录")[0]


def test_labels_name_their_layers_where_others_are_real(world: Any, today: Result) -> None:
    layers = {**today.layers, "team": replace(today.layers["team"], example=True)}
    report, _ = document(world, [replace(today, layers=layers)])
    assert report.labels == ("示例数据",)
    assert "数据为示例数据（救援队）。" in said(report)
    assert "示例数据（救援队）：站点为合成的示例" in said(report)
    every = {kind: replace(layer, example=True) for kind, layer in today.layers.items()}
    assert "数据为示例数据。" in said(document(world, [replace(today, layers=every)])[0])


def test_stock_is_as_old_as_its_oldest_count(world: Any, today: Result) -> None:
    def dated(*dates: str) -> str:
        table = pd.DataFrame({"stock_date": dates})
        layers = {"warehouse": replace(today.layers["warehouse"], table=table)}
        return words.data_date(replace(today, layers=layers), "warehouse")

    assert dated("2026-03-09", "", "2026-03-01") == "2026-03-01 至 2026-03-09"
    assert dated("2026-03-09", "2026-03-09") == "2026-03-09"
    assert dated("") == dated() == ""


def test_targets_are_written_as_the_plan_writes_them(made: tuple[Document, Book]) -> None:
    found = table(made[0], "计划目标")
    told = dict(zip(column(found, "目标"), column(found, "计划"), strict=True))
    assert {"≥1,500", "5–8", "1,000", "–"} <= set(told.values())


def test_where_all_sites_are_needed_the_report_says_so() -> None:
    """Residents are as many everywhere: sites in three corners bring the same."""
    flat = real(tinyworld.drive_world([0], [0], residents=np.full(16, 1000)))
    before = run(flat, parse_scenario("name: baseline\ntitle: 现状\n"))
    text = said(document(flat, plans(flat, before, opening(flat, "three", [15, 12, 3], title="三处")))[0])
    assert "占到新覆盖的八成要全部 3 处" in text
    assert "已占新覆盖的八成" not in text.split("附录")[0]


def test_empty_layers_are_told(world: Any) -> None:
    empty = real(tinyworld.drive_world([], []))
    report, _ = document(empty, [run(empty, parse_scenario("name: baseline\ntitle: 现状\n"))])
    text = said(report)
    assert "登记库里还没有任何站点" in text and "到处都是缺口" in text and "没有缺口。" not in text


def test_no_gap_is_told() -> None:
    full = real(tinyworld.drive_world(list(range(16)), list(range(16))))
    report, _ = document(full, [run(full, parse_scenario("name: baseline\ntitle: 现状\n"))])
    assert "备灾仓库没有缺口" in said(report) and "各图层都没有缺口" in said(report)
    assert not [block for block in report.blocks if isinstance(block, Table) and block.title == "最大的缺口"]


def test_no_targets_is_told(world: Any, today: Result) -> None:
    assert "没有载入计划目标" in said(document(world, [replace(today, targets=today.targets[:0])])[0])


def test_ambiguous_targets_are_told_in_each_reading(made: tuple[Document, Book]) -> None:
    report, _ = made
    told = "“省级救援队 新增”的原文有两种读法，要 3 支或 2 支；已计入 0 支，「小」完成后 0 支"
    assert told in said(report)
    readings = column(table(report, "计划目标"), "读法")
    assert {"2024 年再增 2 支，合计 3 支", "到 2024 年累计 2 支，当年 1 支"} <= set(readings)


def test_titles_that_two_scenarios_share_are_told_apart(world: Any, two: list[Result]) -> None:
    base, small, large = two
    report, _ = document(world, [base, replace(small, title="同"), replace(large, title="同")])
    assert "「同 (small)」" in said(report) and "「同 (large)」" in said(report)


def test_the_name_of_the_province_is_the_worlds(world: Any, today: Result) -> None:
    units = replace(world.units, province=world.units.province.assign(name="某某省"))
    report, _ = document(replace(world, units=units), [today])
    assert report.title == "某某省布局方案决策报告"
    assert "江西" not in said(report)


def test_a_public_report_is_stamped_with_its_number(world: Any, today: Result) -> None:
    report, book = document(world, [today], release=Release("赣S(2024)001号"))
    assert report.stamp == "审图号: 赣S(2024)001号"
    assert dict(book.notes)["用途"].startswith(report.stamp)
    assert any(row.item.value == "公开版" for row in book.rows("数据来源"))


def test_the_same_input_gives_the_same_report(
    world: Any, two: list[Result], made: tuple[Document, Book], tmp_path: Path
) -> None:
    both = [made, document(world, two, date="2026-01-01")]
    written = [
        write_workbook(book, tmp_path / f"{at}.xlsx").read_bytes() for at, (_, book) in enumerate(both)
    ]
    assert written[0] == written[1]
    first, again = ([*all_spans(report.blocks)] for report, _ in both)
    assert first == again


def test_texts_are_short_enough_for_two_pages(made: tuple[Document, Book]) -> None:
    """Some 60 lines of text beside the tables and charts: a page of A4 holds about 50 of 50 characters."""
    report, _ = made
    lines = 0.0
    for block in report.blocks:
        if isinstance(block, Heading) and block.text.startswith("附录"):
            break
        if isinstance(block, Paragraph | Callout):
            lines += 1 + len("".join(span.text for span in block.spans)) // 52
        elif isinstance(block, Bullets):
            lines += sum(1 + len("".join(span.text for span in item)) // 52 for item in block.items)
    assert lines < 45


def test_charts_say_what_they_show(made: tuple[Document, Book]) -> None:
    charts = [block for block in made[0].blocks if isinstance(block, Chart)]
    assert len(charts) == 4
    assert all(chart.text.endswith("。") and chart.title for chart in charts)


def test_headers_are_chinese_and_said_once(made: tuple[Document, Book]) -> None:
    _, book = made
    for name, page in book.pages.items():
        assert len(set(page.headers)) == len(page.headers), name
        assert all(re.search("[\u4e00-\u9fff]", header) for header in page.headers), (name, page.headers)


def test_the_workbook_draws_the_charts(made: tuple[Document, Book], tmp_path: Path) -> None:
    _, book = made
    file = openpyxl.load_workbook(write_workbook(book, tmp_path / "t.xlsx"))
    assert file.sheetnames[0] == "说明" and TRACE in file.sheetnames
    assert len(book.charts) == 3 and all(chart.sheet in file.sheetnames for chart in book.charts)


def test_analyses_of_steadiness_are_told(world: Any, two: list[Result]) -> None:
    moves = pd.DataFrame({"regret": [0.0, 1200.0, np.nan], "stays": [2, 1, 2], "of": [2, 2, 2]})
    found = SimpleNamespace(moves=moves, sentences=("稳定性: 共重算 3 次。",))
    text = said(document(world, two, steadiness=[("大", "warehouse", found)])[0])  # type: ignore[list-item]
    assert "备灾仓库（「大」）重算 3 次，1 次全部站点不变；坚持原方案，最坏少覆盖 1,200人" in text
    assert "没有算的" not in text and "没有算的" in said(document(world, two)[0])


@pytest.mark.slow
def test_a_world_for_the_public_is_drawn_from_what_it_holds() -> None:
    inside = mapworld.make_world()
    world, results = for_public(inside, mapworld.make_results(inside))
    report, book = document(world, results, release=Release("赣S(2024)001号"))
    cells = [cell for page in book.pages.values() for row in page.rows for cell in row]
    assert "000-1" not in "".join(map(str, cells))
    assert report.stamp.startswith("审图号")
