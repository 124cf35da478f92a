"""Charts as they are drawn: no two texts meet, hostile names stay text, files are whole and repeatable."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import chartworld
import mapworld
import numpy as np
import openpyxl
import pandas as pd
import pytest
from boai.geodata.layers import Kind
from boai.maps import charts, charts_data, charts_series, fonts, paper, public, style
from boai.maps.charts_sheet import HALF
from boai.scenarios.run import Result
from chartworld import SIZES, draw, entry, meeting, opening, texts
from matplotlib.figure import Figure
from PIL import Image

IMAGES = Path(__file__).parent / "images"
KINDS: tuple[Kind, ...] = ("warehouse", "aed")


@pytest.fixture(scope="module")
def small() -> tuple[Any, list[Result]]:
    """The baseline and a scenario that opens six stores one after another."""
    return chartworld.small()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", [each.name for each in charts.ALL])
def test_no_texts_meet(small: tuple[Any, list[Result]], font: Path, name: str, size: str) -> None:
    world, results = small
    with fonts.drawing(font):
        for kind in KINDS if entry(name).of == "layer" else KINDS[:1]:
            foot = charts.foot_of(world, results, kind) if size != "half" else None
            assert meeting(draw(name, world, results, kind, size, foot=foot)) == []


def cases(world: Any, results: list[Result]) -> dict[str, tuple[Any, list[Result]]]:
    """Worlds and results at the edges."""
    empty = {kind: replace(layer, table=layer.table.iloc[:0]) for kind, layer in world.layers.items()}
    bare = replace(world, layers=empty)
    nobody = replace(world, demand=replace(world.demand, residents=np.zeros_like(world.demand.residents)))
    eight = [scaled(results[1], count) for count in range(1, 9)]
    return {
        "baseline only": (world, results[:1]),
        "no site added": (world, [results[0], replace(results[1], added=results[1].added.iloc[:0])]),
        "no sites at all": (bare, [mapworld.baseline(bare)]),
        "no residents": (nobody, [mapworld.baseline(nobody)]),
        "all covered": (world, [results[0], opening(world, "all", "处处有仓", range(37))]),
        "nine results": (world, [results[0], *eight]),
        "the same twice": (world, [*results, replace(results[1], name="copy", title="同样的方案")]),
        "loss": (world, [results[1], replace(results[0], name="back", title="撤去")]),
        "1 200 sites": (world, [results[0], many_sites(world, results[1])]),
    }


def scaled(plan: Result, count: int) -> Result:
    """A result like another, with fewer new sites and a cover that is smaller everywhere."""
    cover, part = plan.covers["warehouse"], 1 - count / 20
    near = replace(cover, cost=cover.cost / np.float32(part), share=cover.share * part)
    added = plan.added.head(count).assign(share_after=plan.added["share_after"].head(count) * part)
    units = plan.units.assign(share=plan.units["share"] * part ** (plan.units["code"].str[3].astype(int) + 1))
    covers = {**plan.covers, "warehouse": near}
    title = f"第{count}个方案, 名字比较长"
    return replace(plan, name=f"s{count}", title=title, covers=covers, added=added, units=units)


def many_sites(world: Any, plan: Result) -> Result:
    """A result that says that 1 200 stores were added over three years."""
    count = 1200
    rank = np.arange(1, count + 1)
    gain = np.repeat(300, count) // (1 + rank // 100)
    row = plan.added.iloc[[0]]
    added = pd.concat([row] * count, ignore_index=True).assign(
        rank=rank, year=2022 + (rank - 1) // 400, gain=gain, cumulative=np.cumsum(gain)
    )
    share = 0.19 + np.cumsum(gain) / world.demand.residents.sum()
    sites = pd.concat([plan.layers["warehouse"].table.iloc[[0]]] * (count + 1), ignore_index=True)
    layers = {**plan.layers, "warehouse": replace(plan.layers["warehouse"], table=sites)}
    return replace(plan, added=added.assign(share_after=share), layers=layers)


@pytest.mark.parametrize("name", ["bases", "minutes", "lorenz", "cities", "costs"])
def test_the_edges_are_drawn_without_texts_that_meet(
    small: tuple[Any, list[Result]], font: Path, name: str, edge_cases: dict[str, Any]
) -> None:
    with fonts.drawing(font):
        for case, (world, results) in edge_cases.items():
            figure = draw(name, world, results, "warehouse")
            assert meeting(figure) == [], case
            assert len(texts(figure)) >= 2, case


@pytest.fixture(scope="module")
def edge_cases(small: tuple[Any, list[Result]]) -> dict[str, Any]:
    return cases(*small)


def test_more_scenarios_than_looks_are_told(font: Path, edge_cases: dict[str, Any]) -> None:
    world, results = edge_cases["nine results"]
    with fonts.drawing(font):
        shown = " ".join(text for text, _ in texts(draw("minutes", world, results, "warehouse", "a4")))
    assert "另有 1 个方案见数据表" in shown
    assert set(charts_data.minutes(world, results, "warehouse")["title"]) == set(charts_data.titles(results))


def test_another_main_limit_is_told(small: tuple[Any, list[Result]], font: Path) -> None:
    world, results = small
    cover = results[1].covers["warehouse"]
    changed = replace(cover, standard=replace(cover.standard, main=1200))
    other = replace(results[1], covers={**results[1].covers, "warehouse": changed})
    with fonts.drawing(font):
        shown = " ".join(
            text for text, _ in texts(draw("bases", world, [results[0], other], "warehouse", "a4"))
        )
    assert "计划 (20分钟)" in shown


def test_a_scenario_keeps_its_look(edge_cases: dict[str, Any]) -> None:
    _, results = edge_cases["nine results"]
    looks = charts_series.series_of(results)
    assert looks["现状"] == style.SERIES[0]
    assert len(set(looks.values())) == len(style.SERIES)


def test_hostile_titles_stay_text(
    small: tuple[Any, list[Result]], font: Path, tmp_path: Path, one_font: None
) -> None:
    world, results = small
    titled = enumerate(title.replace("𠮷", "") for title in mapworld.HOSTILE)  # not in the tests' font
    many = [results[0], *(replace(results[1], name=f"h{number}", title=title) for number, title in titled)]
    with fonts.drawing(font):
        for name in ("bases", "minutes", "lorenz", "cities", "progress"):
            figure = draw(name, world, many, "warehouse", "alone")
            assert meeting(figure) == []
            assert all(text == fonts.printable(text) for text, _ in texts(figure))
        svg = charts.write(figure, tmp_path / "a", ("svg",), title=mapworld.HOSTILE[0])[0].read_text()
        assert "<script" not in svg
    names = [made.name for made in charts._listed(many, ["warehouse"])]
    assert all(re.fullmatch(r"[\w-]{1,31}", name) for name in names)  # a file, and a sheet of a workbook
    assert len({name.casefold() for name in names}) == len(names)
    files = charts.write_all(world, many, tmp_path / "all", kinds=["warehouse"], formats=[])
    book = openpyxl.load_workbook(files[-1])
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]


@pytest.mark.parametrize("name", ["bases", "minutes", "lorenz", "cities"])
def test_charts_look_as_they_were_looked_at(small: tuple[Any, list[Result]], font: Path, name: str) -> None:
    """Write new ones with ``BOAI_IMAGES=write`` after a change that is meant to change them, and look."""
    world, results = small
    buffer = io.BytesIO()
    with fonts.drawing(font):
        draw(name, world, results, "warehouse").savefig(buffer, format="png", dpi=150)
    known = IMAGES / f"chart-{name}.png"
    with Image.open(buffer) as image:
        small_one = image.convert("L")
    if os.environ.get("BOAI_IMAGES") == "write":
        IMAGES.mkdir(exist_ok=True)
        small_one.quantize(32).save(known, optimize=True)
    with Image.open(known) as image:
        expected = np.asarray(image.convert("L"), float)
    assert known.stat().st_size < 60_000
    away = np.abs(np.asarray(small_one, float) - expected)
    assert away.mean() < 2.5
    assert (away > 48).mean() < 0.012


# ---------- files ----------


@pytest.fixture
def one_font(font: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw with the font of all tests: another for each set of names costs seconds."""
    monkeypatch.setattr(charts, "derive_font", lambda *_, **__: font)


def test_files_are_the_same_every_time(small: tuple[Any, list[Result]], font: Path, tmp_path: Path) -> None:
    world, results = small
    with fonts.drawing(font):
        made = [
            charts.write(draw("minutes", world, results, "warehouse"), tmp_path / name, title="甲")
            for name in ("a", "b")
        ]
    for one, other in zip(*made, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert [path.suffix for path in made[0]] == [".png", ".pdf", ".svg"]


def test_a_set_tells_what_it_is_made_of(
    small: tuple[Any, list[Result]], tmp_path: Path, one_font: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, results = small
    feet: list[str] = []
    write = charts.write

    def keep(figure: Figure, stem: Path, formats: Sequence[str], *, title: str = "") -> list[Path]:
        feet.append(" ".join(text for text, _ in texts(figure)))
        return write(figure, stem, formats, title=title)

    monkeypatch.setattr(charts, "write", keep)
    release = public.release("赣S(2024)001号", public=True)
    files = charts.write_all(world, results, tmp_path, kinds=["warehouse"], formats=["png"], release=release)
    assert [path.name for path in files] == [
        "备灾仓库_累计覆盖与站点数.png", "备灾仓库_覆盖与时间.png", "备灾仓库_覆盖均匀程度.png",
        "备灾仓库_各市前后对比.png", "目标进度_现状.png", "目标进度_计划.png", "图表数据.xlsx",
    ]  # fmt: skip
    for foot in feet:
        assert "审图号: 赣S(2024)001号" in foot
        assert style.STAMP not in foot
        assert "示例数据" in foot
        assert "近似路网" in foot


def test_the_workbook_holds_the_numbers_as_they_are(
    small: tuple[Any, list[Result]], tmp_path: Path, one_font: None
) -> None:
    world, results = small
    files = charts.write_all(world, results, tmp_path, kinds=["warehouse"], formats=[])
    book = openpyxl.load_workbook(files[0])
    sheet = book["备灾仓库_各市前后对比"]
    rows = list(sheet.iter_rows(values_only=True))
    table = charts.cities_table(results, "warehouse")
    assert list(rows[0]) == list(table.columns)
    column = rows[0].index("覆盖比例")
    assert [row[column] for row in rows[1:]] == pytest.approx(table["覆盖比例"].tolist(), abs=1e-6)
    assert sheet.cell(2, column + 1).number_format == "0.0%"
    assert sheet.freeze_panes is not None
    assert len(book["图表"]._charts) == 4


def test_letters_of_a_pdf_stay_text(small: tuple[Any, list[Result]], font: Path, tmp_path: Path) -> None:
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not installed")
    world, results = small
    with fonts.drawing(font):
        figure = draw(
            "cities", world, results, "warehouse", "alone", foot=charts.foot_of(world, results, "warehouse")
        )
        path = charts.write(figure, tmp_path / "a", ("pdf",))[0]
    found = subprocess.run(
        [tool, "-layout", str(path), "-"], capture_output=True, text=True, check=True
    ).stdout
    for word in ("各设区市覆盖的变化", "内部使用 不得公开", "示例数据", "近似路网", "东市"):
        assert word in found


def test_paper_is_as_large_as_asked(small: tuple[Any, list[Result]], font: Path) -> None:
    world, results = small
    with fonts.drawing(font):
        figure = draw("bases", world, results, "warehouse")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
    assert tuple(figure.get_size_inches() * paper.MM_PER_INCH) == pytest.approx(HALF)
