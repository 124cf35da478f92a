"""The sheet: paper, words and labels that it must carry, the same bytes, nothing that a name could break."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import mapworld
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from boai.geodata.layers import KIND_NAMES, Kind
from boai.maps import done, fonts, page_data, paper, style, words
from boai.maps.sheet import write_sheet
from boai.scenarios.run import run
from boai.scenarios.schema import load_scenario, parse_scenario
from PIL import Image


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fonts")


@pytest.fixture(scope="module")
def small() -> tuple[Any, list[Any]]:
    world = mapworld.make_world()
    return world, mapworld.make_results(world)


@pytest.fixture(scope="module")
def today(
    small: tuple[Any, list[Any]], cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The sheet of the stores as they are: PNG and PDF."""
    world, results = small
    return write_sheet(world, results[0], "warehouse", tmp_path_factory.mktemp("today"), fonts=cache)


def pdf_text(path: Path) -> str:
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not installed")
    found = subprocess.run([tool, "-layout", str(path), "-"], capture_output=True, text=True, check=True)
    return found.stdout


def colours(path: Path) -> set[str]:
    """Colours of at least a hundred pixels."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(np.int64)
    codes, counts = np.unique(pixels @ (65536, 256, 1), return_counts=True)
    return {f"#{code:06x}" for code in codes[counts >= 100]}


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_paper_and_words(small: tuple[Any, list[Any]], cache: Path, tmp_path: Path, kind: Kind) -> None:
    world, results = small
    png, pdf = write_sheet(world, results[0], kind, tmp_path, date="2024-12-01", fonts=cache)
    assert (png.name, pdf.name) == (f"baseline_{kind}.png", f"baseline_{kind}.pdf")
    with Image.open(png) as image:
        assert image.size == (3307, 2338)
    text = pdf_text(pdf)
    for word in (
        style.title(kind),
        "现状",
        "图例",
        "最大的缺口",
        "各设区市",
        style.STAMP,
        "制图日期 2024-12-01",
    ):
        assert word in text
    assert "2 km" in text  # 22 km on 224 mm: 50 mm are 4.9 km
    assert "北" in text


def test_a_sheet_says_what_its_scenario_changes(
    small: tuple[Any, list[Any]], today: tuple[Path, Path], cache: Path, tmp_path: Path
) -> None:
    world, results = small
    text = "name: wet\ntitle: 汛期\nchanges: [{grow: {unit: 全省, percent: 100}}]\nstandards: {warehouse: 20}"
    changed = run(world, parse_scenario(text), kinds=["warehouse"], reuse=results[0])
    drawn = write_sheet(world, changed, "warehouse", tmp_path, fonts=cache)
    told = [pdf_text(pdf) for _, pdf in (today, drawn)]
    people = int(world.demand.residents.sum())
    assert [done.TITLE in each for each in told] == [False, True]
    assert "备灾仓库的主要上限改为20分钟" in told[1]
    assert f"方案居民 {2 * people:,}人 (2020年人口普查 {people:,}人)" in told[1]
    assert f"常住居民 2020年人口普查 {people:,}人" in told[0]


def test_classes_are_painted(small: tuple[Any, list[Any]], today: tuple[Path, Path]) -> None:
    png, _ = today
    classes = style.reach_classes(small[1][0].covers["warehouse"].standard)
    assert {swatch.colour for swatch in classes} | {style.SITE, style.ACCENT} <= colours(png)


def test_a_plan_lists_its_sites(small: tuple[Any, list[Any]], cache: Path, tmp_path: Path) -> None:
    world, results = small
    _, pdf = write_sheet(world, results[1], "warehouse", tmp_path, fonts=cache)
    text = pdf_text(pdf)
    for word in ("建议新增", "2022", "+32人", "50.0%", "其中建议新增 2 座"):
        assert word in text
    assert "各设区市" not in text


def test_many_sites_are_counted_by_city(cache: Path, tmp_path: Path) -> None:
    world = mapworld.make_world()
    result = mapworld.make_results(world, count=120)[1]
    text = pdf_text(write_sheet(world, result, "warehouse", tmp_path, fonts=cache)[1])
    counts = result.added["city"].value_counts()
    assert "共 120 座" in text
    for city, count in counts.items():
        assert any(city in line and f"{count} 座" in line for line in text.splitlines())


def test_labels_only_where_they_are_true(cache: Path, tmp_path: Path) -> None:
    for example, label in ((True, "近似路网"), (False, "")):
        world = mapworld.make_world(example=example, label=label)
        result = mapworld.baseline(world)
        drive, walk = (
            pdf_text(write_sheet(world, result, kind, tmp_path, fonts=cache)[1]) for kind in ("team", "aed")
        )
        assert ("示例数据" in drive, "示例数据" in walk) == (example, example)
        assert ("近似路网" in drive, "近似路网" in walk) == (bool(label), False)


def test_the_legend_names_sites_without_a_level(cache: Path, tmp_path: Path) -> None:
    world = mapworld.make_world(names=("甲", "乙"), example=False)
    layer = world.layers["warehouse"]
    cases = ((["", ""], "未定级备灾仓库"), (["县级", ""], "县级、未定级"), (["县级"] * 2, "县级备灾仓库"))
    for levels, word in cases:
        table = layer.table.assign(level=levels)
        changed = replace(world, layers={**world.layers, "warehouse": replace(layer, table=table)})
        result = mapworld.baseline(changed)
        assert word in pdf_text(write_sheet(changed, result, "warehouse", tmp_path, fonts=cache)[1])
        assert word in page_data.page_json(changed, [result], headlines=[], title="")


def test_sites_without_a_source_are_said_to_have_none() -> None:
    world = mapworld.make_world(example=False)
    layer = world.layers["team"]
    stated = replace(layer, table=pd.concat([layer.table, layer.table.assign(id="b", source="")]))
    silent = replace(world, layers={**world.layers, "team": stated})
    listed = words.sources(silent, run(silent, load_scenario("baseline"), kinds=["team"]), "team")
    assert "站点: 登记库 (来源未填) 1 处、测试" in listed


def test_same_data_same_bytes(small: tuple[Any, list[Any]], cache: Path, tmp_path: Path) -> None:
    first = write_sheet(*small[:1], small[1][0], "team", tmp_path / "a", fonts=cache)
    second = write_sheet(*small[:1], small[1][0], "team", tmp_path / "b", fonts=cache)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_hostile_names_are_drawn_as_text(cache: Path, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    world = mapworld.make_world(names=mapworld.HOSTILE)
    result = mapworld.make_results(world, title="$x_{1}$ \\frac{</b>😀")[1]
    kinds: tuple[Kind, ...] = ("aed", "warehouse")
    for kind in kinds:
        _, pdf = write_sheet(world, result, kind, tmp_path, fonts=cache)
    assert f"$x_{{1}}$ \\frac{{</b>{fonts.MISSING}" in pdf_text(pdf)
    assert dict(mpl.rcParams) == before


def test_a_failing_write_keeps_the_old_sheet(
    small: tuple[Any, list[Any]], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_sheet(small[0], small[1][0], "team", tmp_path, fonts=cache)
    old = [path.read_bytes() for path in paths]

    def stop(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", stop)
    with pytest.raises(OSError, match="disk full"):
        write_sheet(small[0], small[1][0], "team", tmp_path, fonts=cache)
    assert [path.read_bytes() for path in paths] == old
    assert len(list(tmp_path.iterdir())) == 2


def test_texts_fit_their_width(cache: Path) -> None:
    with fonts.drawing(fonts.derive_font(folder=cache)):
        text = "修水县黄坳乡附近的备灾仓库 (示例) 1234"
        assert paper.fitted(text, 10, 500) == text
        for width in (15, 30, 45):
            short = paper.fitted(text, 10, width)
            assert short.endswith("…")
            assert paper.measure(short, 10) <= width
            longer = text[: len(short)] + "…"
            assert paper.measure(longer, 10) > width
        lines = paper.wrapped(text * 3, 10, 40, lines=3)
        assert len(lines) == 3
        assert max(paper.measure(line, 10) for line in lines) <= 40
        assert paper.wrapped("", 10, 40, lines=2) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KIND_NAMES)
def test_demo_sheets(world: Any, cache: Path, tmp_path: Path, kind: Kind) -> None:
    world, results = mapworld.demo(world)
    fonts.derive_font(world.gazetteer.name.tolist(), folder=cache)
    start = time.perf_counter()
    _, pdf = write_sheet(world, results[1], kind, tmp_path, fonts=cache)
    assert time.perf_counter() - start < 30
    text = pdf_text(pdf)
    cities = {str(name) for name in world.units.cities["name"]}
    assert {city for city in cities if city in text} == cities
    assert fonts.MISSING not in text
