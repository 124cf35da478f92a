"""Sheets of long names and odd units, what stands on the map itself, and what others read of the files."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import longworld
import mappage
import numpy as np
import pytest
import sheetchecks
from boai.maps.fonts import drawing
from boai.maps.public import Release
from boai.maps.sheets import notices
from boai.maps.sheets.block import Block
from boai.maps.sheets.canvas import Canvas
from boai.maps.sheets.draw import Drawn, compose, draw, fill
from boai.maps.sheets.ground import Ground
from boai.maps.sheets.job import Job
from boai.maps.sheets.view import View
from PIL import Image

COUNTY = "360101"
NUMBER = Release("赣S(2024)001号")
NOTICES = ["仓库位置为概略位置", "道路 © OpenStreetMap 贡献者 (ODbL), 数据日期 2026-03-01"]
THEMES: tuple[Any, ...] = ("layer", "gaps", "scenario", "comparison")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Ground]:
    """Make a hard world, once."""
    fonts = tmp_path_factory.mktemp("fonts")

    @cache
    def make(name: str) -> Ground:
        world, results = longworld.MADE[name]()
        return Ground(world, tuple(results), NUMBER if name == "public" else Release(), "2024-12-01", fonts)

    return make


def composed(ground: Ground, job: Job) -> Canvas:
    with drawing(ground.font):
        return compose(View.of(ground, job))


def faults(canvas: Canvas) -> list[str]:
    """All that is wrong with the texts, figures that are cut, and a plan without its new sites."""
    paper = (canvas.width * canvas.factor, canvas.height * canvas.factor)
    found = sheetchecks.faults(Drawn((), tuple(canvas.texts)), paper)
    cut = [each.text for each in canvas.texts if re.fullmatch(r"[+−]?[\d.,]*…", each.text)]
    found += [each.text for each in canvas.texts if each.kind == "left out" and "建议新增" in each.text]
    return [*found, *(f"“{text}” is a figure without its end" for text in cut)]


@pytest.mark.slow
def test_figures_stay_whole_beside_names_of_thirty_characters(made: Callable[[str], Ground]) -> None:
    canvas = composed(made("long"), Job("comparison", "warehouse", "plan", COUNTY, "A4"))
    assert faults(canvas) == []
    texts = [each.text for each in canvas.texts]
    assert not [text for text in texts if "建议新增”" in text]  # a comparison has no such table
    assert "· 新设 9 座备灾仓库" in texts
    assert "本方案的改动" in texts
    assert [text for text in texts if re.fullmatch(r"· 其余 \d+ 项见结果表格", text)]


def test_the_map_itself_says_what_is_approximate_and_whose_roads_it_shows(
    made: Callable[[str], Ground],
) -> None:
    ground = made("public")
    view = View.of(ground, Job("layer", "warehouse", "plan", COUNTY, "A3"))
    assert [text for text, _ in notices.notices(view)] == NOTICES
    on_foot = View.of(ground, replace(view.job, kind="aed"))
    assert [text for text, _ in notices.notices(on_foot)] == NOTICES[1:]  # a county's map shows roads
    assert notices.notices(View.of(ground, replace(view.job, kind="aed", unit=""))) == []


@pytest.mark.slow
@pytest.mark.parametrize("size", ["A4", "A0"])
def test_notices_stand_on_the_map(made: Callable[[str], Ground], size: Any) -> None:
    canvas = composed(made("public"), Job("layer", "warehouse", "plan", COUNTY, size))
    assert faults(canvas) == []
    assert [each.text for each in canvas.texts if each.kind == "notice"] == NOTICES


def test_tables_without_room_are_named(made: Callable[[str], Ground]) -> None:
    """The least rows of what must stay leave no room for the others."""
    font = made("public").font
    drawn: list[str] = []

    def block(name: str, rows: int, *, firm: bool = False) -> Block:
        return Block(10.0, 5.0, rows, rows, lambda *_: drawn.append(name), name, firm)

    canvas = Canvas.blank((297.0, 210.0), 1.0)
    with drawing(font):
        fill(canvas, [block("甲", 4, firm=True), block("乙", 4), block("丙", 2)], (10.0, 100.0), 150.0, 60.0)
    assert drawn == ["甲"]
    assert [each.text for each in canvas.texts] == ["版面所限, 未列: 乙、丙; 见结果表格, 或用更大的纸"]
    assert canvas.texts[0].box[1] > 40.0 - 0.6
    fill(canvas, [block("甲", 4, firm=True), block("乙", 4)], (10.0, 100.0), 150.0, 60.0)
    assert drawn == ["甲", "甲", "乙"]
    assert len(canvas.texts) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", longworld.MADE)
def test_hard_worlds_spoil_no_sheet(made: Callable[[str], Ground], name: str) -> None:
    ground = made(name)
    units = ["", *ground.world.units.cities["code"][:1], *ground.world.units.counties["code"][:2]]
    found = []
    for unit in map(str, units):
        for theme in THEMES:
            for kind, size in (("warehouse", "A4"), ("aed", "A3"), ("warehouse", "A0")):
                job = Job(theme, kind, "plan", unit, size)  # type: ignore[arg-type]
                found += [f"{unit} {theme} {kind} {size}: {each}" for each in faults(composed(ground, job))]
    assert found == []


@pytest.fixture(scope="module")
def public_sheet(made: Callable[[str], Ground], tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    job = Job("layer", "warehouse", "plan", COUNTY, "A3", ("png", "pdf", "svg"))
    return draw(made("public"), job, tmp_path_factory.mktemp("public"))


def _told(*command: str) -> str:
    tool = shutil.which(command[0])
    if tool is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run([tool, *command[1:]], capture_output=True, check=True).stdout.decode("utf-8")


@pytest.mark.slow
def test_a_pdf_brings_its_font_and_whole_texts(public_sheet: Drawn) -> None:
    _, pdf, _ = public_sheet.files
    assert pdf.stat().st_size < 1_500_000
    fonts = _told("pdffonts", str(pdf)).splitlines()[2:]
    assert fonts
    for line in fonts:
        embedded, _, mapped = line.split()[-5:-2]
        assert (embedded, mapped) == ("yes", "yes"), line
    lines = [re.sub(r"\s", "", line) for line in _told("pdftotext", "-raw", str(pdf), "-").splitlines()]
    text = "".join(lines)
    for each in public_sheet.texts:
        assert re.sub(r"\s", "", each.text) in text


@pytest.mark.slow
@pytest.mark.browser
def test_an_svg_looks_like_the_picture_in_a_browser(public_sheet: Drawn, browser: Any) -> None:
    png, _, svg = public_sheet.files
    wide, high = (round(each / 25.4 * 96) for each in (420, 297))  # CSS pixels of an A3
    page = browser.new_page(viewport={"width": wide, "height": high})
    page.goto(svg.as_uri())
    with Image.open(io.BytesIO(mappage.picture(page))) as one, Image.open(png) as other:
        small = [
            np.asarray(each.convert("L").resize((420, 297), Image.Resampling.BOX), float)
            for each in (one, other)
        ]
    page.close()
    away = np.abs(small[0] - small[1])
    assert away.mean() < 2
    assert (away > 64).mean() < 0.01
