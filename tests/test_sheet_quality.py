"""Sheets as they hang on the wall: legible, whole, in Chinese, readable as a grey print.

The pictures in ``images`` are sheets that somebody has looked at, made small. After a change that is meant to
change them, look at the new ones and write them with ``BOAI_IMAGES=write``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import cycle, pairwise, product
from pathlib import Path
from typing import Any

import mapworld
import numpy as np
import pytest
import sheetchecks
from boai.geodata.layers import KIND_NAMES, shown_kinds
from boai.maps.public import Release
from boai.maps.sheets import ground as ground_module
from boai.maps.sheets.draw import Drawn, draw
from boai.maps.sheets.ground import Ground
from boai.maps.sheets.job import Job
from boai.maps.sheets.painting import paint
from boai.maps.sheets.paper import GAPS, MILLIMETRES, choose
from boai.maps.sheets.view import View
from boai.scenarios.world import World
from PIL import Image

IMAGES = Path(__file__).parent / "images"
COUNTY, CITY = "360102", "360100"
PLAN = "plan_2022_2024"
THEMES: tuple[Any, ...] = ("layer", "gaps", "scenario", "comparison")


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fonts")


@pytest.fixture(scope="module")
def ground(font: Path) -> Ground:
    """A tiny world with a plan of two stores, and the font of all tests: an own one takes five seconds."""
    world = mapworld.make_world()
    made = Ground(world, tuple(mapworld.make_results(world)), Release(), "2024-12-01")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ground_module, "derive_font", lambda *_, **__: font)
        assert made.font == font  # kept from now on
    return made


@pytest.fixture(scope="module")
def hostile(fonts: Path) -> Ground:
    """Sites, scenarios and labels with names that try to get out of their place."""
    world = mapworld.make_world(names=mapworld.HOSTILE)
    results = mapworld.make_results(world, title=mapworld.HOSTILE[0] * 3)
    return Ground(world, tuple(results), Release("赣S(2024)001号"), mapworld.HOSTILE[-1], fonts)


def paper_of(job: Job, drawn: Drawn) -> tuple[float, float]:
    """Size of the paper as it was laid: upright where a text stands higher than a landscape sheet is."""
    long, short = MILLIMETRES[job.size]
    upright = max(each.box[3] for each in drawn.texts) > short
    return (short, long) if upright else (long, short)


def check(ground: Ground, job: Job, folder: Path) -> list[str]:
    """Draw a sheet and say all that is wrong with it."""
    drawn = draw(ground, job, folder)
    found = sheetchecks.faults(drawn, paper_of(job, drawn))
    for path in drawn.files:
        if path.suffix == ".pdf":
            found += sheetchecks.pdf_faults(path, drawn)
        elif path.suffix == ".png":
            found += sheetchecks.picture_faults(path)
        path.unlink()
    found += gap_faults(ground, job, drawn)
    place = job.unit_name or job.unit or "全省"
    return [f"{place} {job.theme} {job.kind} {job.size}: {fault}" for fault in found]


def gap_faults(ground: Ground, job: Job, drawn: Drawn) -> list[str]:
    """Say which of the largest gaps have no row beside the map; numbers of new sites may stand there too."""
    view = View.of(ground, job)
    layout = choose(job.size, view.place.shape)
    left, low, width, height = (layout.factor * each for each in layout.frame)
    beside = {
        each.text
        for each in drawn.texts
        if each.kind == "number"
        and not (left <= each.box[0] <= left + width and low <= each.box[1] <= low + height)
    }
    wanted = {str(number) for number in range(1, min(GAPS[job.size], len(view.gaps)) + 1)}
    return [f"gaps without a row: {sorted(wanted - beside)} of {len(view.gaps)}"] if wanted - beside else []


LOOKED_AT = {
    "sheet-gaps-county": Job("gaps", "warehouse", "baseline", COUNTY, "A4", ("png", "pdf")),
    "sheet-comparison-province": Job("comparison", "warehouse", "plan", "", "A4", ("png", "pdf")),
    "sheet-layer-city": Job("layer", "warehouse", "baseline", CITY, "A4", ("png", "pdf")),
}
"""Sheets with a picture, the last of them in the slow set."""
NAMES = [*list(LOOKED_AT)[:2], pytest.param(list(LOOKED_AT)[2], marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def sheets(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Drawn]:
    """Draw the sheets that have a picture, each once."""
    folder = tmp_path_factory.mktemp("sheets")
    return cache(lambda name: draw(ground, LOOKED_AT[name], folder / name))


@pytest.mark.parametrize("name", NAMES)
def test_a_sheet_is_legible(sheets: Callable[[str], Drawn], name: str) -> None:
    drawn = sheets(name)
    assert sheetchecks.faults(drawn, paper_of(LOOKED_AT[name], drawn)) == []
    png, pdf = drawn.files
    assert sheetchecks.picture_faults(png) == []
    assert sheetchecks.pdf_faults(pdf, drawn) == []


@pytest.mark.slow
@pytest.mark.parametrize(("theme", "unit"), [("scenario", ""), ("gaps", COUNTY)])
def test_hostile_names_spoil_no_sheet(hostile: Ground, tmp_path: Path, theme: Any, unit: str) -> None:
    drawn = draw(hostile, Job(theme, "warehouse", "plan", unit, "A4", ("pdf",)), tmp_path)
    found = sheetchecks.faults(drawn, paper_of(Job(theme, "warehouse", "plan", unit, "A4"), drawn))
    assert [fault for fault in found if "lacks" not in fault] == []  # names hold what no font has: 〓 says so
    assert any(each.text == "审图号: 赣S(2024)001号" for each in drawn.texts)


def test_labels_sources_and_dates_are_there(ground: Ground, tmp_path: Path) -> None:
    drawn = draw(ground, Job("gaps", "warehouse", "plan", COUNTY, "A3", ()), tmp_path)
    texts = "\n".join(each.text for each in drawn.texts)
    for word in (
        "内部使用 不得公开",
        "示例数据",
        "近似路网",
        "图例",
        "最大的缺口",
        "2024-12-01",
        "测试边界",
        "北",
        "公里",
    ):
        assert word in texts
    assert drawn.files == ()


def test_the_checks_find_what_is_wrong(sheets: Callable[[str], Drawn]) -> None:
    name = "sheet-gaps-county"
    drawn = sheets(name)
    paper, first = paper_of(LOOKED_AT[name], drawn), drawn.texts[0]
    twice = replace(drawn, texts=(*drawn.texts, replace(first, text="县〓")))
    assert {fault.split()[-1] for fault in sheetchecks.faults(twice, paper)} >= {"character"}
    assert any("lies on" in fault for fault in sheetchecks.faults(twice, paper))
    assert any("leaves" in fault for fault in sheetchecks.faults(drawn, (100.0, 80.0)))
    none = replace(drawn, texts=tuple(each for each in drawn.texts if "内部" not in each.text))
    assert "no stamp" in sheetchecks.faults(none, paper)
    more = replace(drawn, texts=(*drawn.texts, replace(first, text="鄱阳湖畔")))
    assert "“鄱阳湖畔” is not found in the PDF" in sheetchecks.pdf_faults(drawn.files[1], more)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", ["warehouse", "aed"])
def test_a_grey_print_tells_the_classes_apart(ground: Ground, theme: Any, kind: Any) -> None:
    """Classes differ in lightness on a copy without colours; what is hatched is told by that."""
    painting = paint(View.of(ground, Job(theme, kind, "plan")))
    classes = [number for number in range(len(painting.swatches)) if number != painting.hatched]
    light = sorted(sheetchecks.grey([painting.swatches[number].colour for number in classes]).tolist())
    assert min(b - a for a, b in pairwise(light)) >= 8.5


@pytest.mark.parametrize("name", NAMES)
def test_sheets_look_as_they_were_looked_at(sheets: Callable[[str], Drawn], name: str) -> None:
    with Image.open(sheets(name).files[0]) as image:
        small = image.convert("L").resize(
            (720, round(720 * image.height / image.width)), Image.Resampling.BOX
        )
    known = IMAGES / f"{name}.png"
    if os.environ.get("BOAI_IMAGES") == "write":
        IMAGES.mkdir(exist_ok=True)
        small.quantize(32).save(known, optimize=True)
    with Image.open(known) as image:
        expected = np.asarray(image.convert("L"), float)
    assert known.stat().st_size < 60_000
    assert expected.shape == np.asarray(small).shape
    away = np.abs(np.asarray(small, float) - expected)
    assert away.mean() < 2.5 and (away > 48).mean() < 0.012


@pytest.fixture(scope="module")
def jiangxi(world: World, fonts: Path) -> Ground:
    """The demo with its plan."""
    demo, results = mapworld.demo(world)
    return Ground(demo, tuple(results), Release(), "2024-12-01", fonts)


def _counties(ground: Ground) -> Iterator[tuple[str, str]]:
    table = ground.world.units.counties
    yield from zip(table["code"].astype(str), table["name"].astype(str), strict=True)


@pytest.mark.slow
def test_all_counties_in_their_pdf(jiangxi: Ground, tmp_path: Path) -> None:
    found = []
    for code, name in _counties(jiangxi):
        job = Job("gaps", "warehouse", PLAN, code, "A3", ("pdf",), name)
        found += check(jiangxi, job, tmp_path)
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize(("theme", "kind"), [("comparison", "warehouse"), ("layer", "aed"), ("gaps", "aed")])
def test_all_counties_by_car_and_on_foot(jiangxi: Ground, tmp_path: Path, theme: Any, kind: Any) -> None:
    found = []
    for code, name in _counties(jiangxi):
        found += check(jiangxi, Job(theme, kind, PLAN, code, "A3", (), name), tmp_path)
    assert found == []


@pytest.mark.slow
def test_each_county_on_another_sheet(jiangxi: Ground, tmp_path: Path) -> None:
    """The counties take turns: every theme, layer and paper comes, and each with several counties."""
    turns = cycle(product(KIND_NAMES, THEMES, MILLIMETRES))
    found = []
    for (code, name), (kind, theme, size) in zip(_counties(jiangxi), turns, strict=False):
        found += check(jiangxi, Job(theme, kind, PLAN, code, size, (), name), tmp_path)
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("size", MILLIMETRES)
def test_province_and_cities_on_every_paper(jiangxi: Ground, tmp_path: Path, size: Any) -> None:
    """The province in all themes; each city in one theme a paper, so in all of them on the four papers."""
    cities = jiangxi.world.units.cities
    kinds = shown_kinds(result.layers for result in jiangxi.results)
    jobs = [Job(theme, "warehouse", PLAN, "", size, (), "江西省") for theme in THEMES]
    jobs[0] = replace(jobs[0], formats=("png", "pdf") if size in {"A4", "A3"} else ())
    first = list(MILLIMETRES).index(size)
    for number, (code, name) in enumerate(zip(cities["code"].astype(str), cities["name"], strict=True)):
        theme, kind = THEMES[(number + first) % len(THEMES)], kinds[number % len(kinds)]
        jobs.append(Job(theme, kind, PLAN, code, size, (), str(name)))
    assert [fault for job in jobs for fault in check(jiangxi, job, tmp_path)] == []
