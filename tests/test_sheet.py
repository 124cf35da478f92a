"""Wall sheets: true lengths and directions, what each theme tells, same bytes, names that stay text."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mapworld
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import shapely
from boai.geodata import crs
from boai.geodata.errors import InputError
from boai.geodata.layers import Kind
from boai.maps import fonts, layers, paper, style, words
from boai.maps.public import Release
from boai.maps.sheets import base, canvas, frame, magnifier, naming, places, table
from boai.maps.sheets import ground as ground_module
from boai.maps.sheets import paper as papers
from boai.maps.sheets.chart import Chart
from boai.maps.sheets.draw import Drawn, compose, draw
from boai.maps.sheets.ground import Ground
from boai.maps.sheets.job import Job, Size, Theme, stem
from boai.maps.sheets.painting import paint
from boai.maps.sheets.view import View
from boai.scenarios.run import run
from boai.scenarios.schema import load_scenario, parse_scenario
from fontTools.ttLib import TTFont
from matplotlib.backends.backend_agg import FigureCanvasAgg
from pyproj import Geod

CITY, COUNTY = "360100", "360102"


@pytest.fixture(scope="module", autouse=True)
def cache(font: Path) -> Iterator[Path]:
    """The folder of a font that is made once: each tiny world would derive its own, in five seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ground_module, "derive_font", lambda *_, **__: font)
        yield font.parent


@pytest.fixture(scope="module")
def ground(cache: Path) -> Ground:
    """A tiny world and a plan that opens two stores."""
    world = mapworld.make_world()
    return Ground(world, tuple(mapworld.make_results(world)), date="2024-12-01", fonts=cache)


@pytest.fixture(scope="module")
def sheet(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """One county's sheet."""
    job = Job("layer", "warehouse", "baseline", COUNTY, formats=("pdf", "svg"), unit_name="甲县")
    return draw(ground, job, tmp_path_factory.mktemp("sheet"))


def told(ground: Ground, theme: Theme, kind: Kind = "warehouse", unit: str = "", **more: Any) -> list[str]:
    """All texts of a sheet, which is laid out but not saved."""
    scenario = "baseline" if theme in {"layer", "gaps"} else "plan"
    return [each.text for each in laid(ground, Job(theme, kind, scenario, unit, **more)).texts]


def laid(ground: Ground, job: Job) -> canvas.Canvas:
    """Lay a sheet out without saving it."""
    with fonts.drawing(ground.font):
        return compose(View.of(ground, job))


def pdf_text(path: Path) -> str:
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not installed")
    found = subprocess.run([tool, "-layout", str(path), "-"], capture_output=True, text=True, check=True)
    return found.stdout


# ---------- jobs and names ----------


def test_names_of_files_are_safe_and_never_meet() -> None:
    first = Job("gaps", "warehouse", "baseline", COUNTY, unit_name="修水县")
    assert stem(first) == "修水县_备灾仓库_缺口_A3"
    names = [*mapworld.HOSTILE, "../../etc/passwd", "甲/乙", "甲\\乙", "甲:乙", "CON", ""]
    found = [stem(replace(first, scenario=name)) for name in names]
    assert len(set(found)) == len(names)
    for name in found:
        assert not set(name) & set('/\\:*?"<>|\0\n\t. ')
        assert len(name.encode()) < 200


def test_unknown_units_and_scenarios_are_told(ground: Ground, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="没有这个市或县"):
        draw(ground, Job("layer", "warehouse", "baseline", "999999"), tmp_path)
    with pytest.raises(InputError, match="没有这个方案的结果"):
        draw(ground, Job("layer", "warehouse", "nobody"), tmp_path)
    assert not list(tmp_path.iterdir())


# ---------- geometry ----------


@pytest.mark.parametrize(("west", "south"), [(113.6, 24.6), (115.9, 27.0), (118.2, 29.9)])
def test_the_scale_bar_is_as_long_as_it_says(west: float, south: float) -> None:
    area = shapely.box(*layers.project([west, west + 0.5], [south, south + 0.4]).ravel())
    found = frame.fit((18.0, 25.0, 224.0, 243.0), area)
    long_mm = base.bar_length(found) / found.true_metres_per_mm
    left, bottom, right, top = found.bounds
    middle = np.array([(left + right) / 2, (bottom + top) / 2])
    half = np.array([long_mm * found.metres_per_mm / 2, 0.0])
    lon, lat = crs.to_wgs84(*np.stack((middle - half, middle + half)).T, of=crs.ALBERS)
    length = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])[2]
    assert length == pytest.approx(base.bar_length(found), rel=0.006)  # lengths are those of a sphere
    assert 15 < long_mm <= 48


@pytest.mark.parametrize("lon", [113.6, 115.9, 118.4])
def test_the_arrow_points_to_the_pole(lon: float) -> None:
    area = layers.project([lon - 0.1, lon + 0.1], [27.0, 27.2])
    found = frame.fit((0.0, 0.0, 200.0, 200.0), shapely.box(*area.ravel()))
    left, bottom, right, top = found.bounds
    middle = np.array([(left + right) / 2, (bottom + top) / 2])
    up = middle + 1000 * np.array([np.sin(found.north), np.cos(found.north)])
    here, there = (crs.to_wgs84(*point[:, None], of=crs.ALBERS) for point in (middle, up))
    assert there[0][0] == pytest.approx(here[0][0], abs=2e-6)
    assert there[1][0] > here[1][0]


def test_a_point_falls_where_the_ratio_says() -> None:
    area = shapely.box(0, 0, 22_400, 10_000)
    found = frame.fit((10.0, 20.0, 238.0, 300.0), area)
    assert found.metres_per_mm == pytest.approx(100.0)
    ends = found.mm(np.array([(0.0, 0.0), (22_400.0, 10_000.0)]))
    assert ends[0][0] == pytest.approx(17.0)
    assert np.diff(ends, axis=0).tolist() == [[pytest.approx(224.0), pytest.approx(100.0)]]
    assert found.inside(ends).all()


def test_a_map_moves_aside_for_what_stands_in_its_corners() -> None:
    area = shapely.box(0, 0, 10_000, 10_000)
    corners = (base.SCALE_SIZE, base.NORTH_SIZE)
    found = frame.fit((0.0, 0.0, 200.0, 200.0), area, corners=corners)
    shape = found.shape(area)
    for box in base.place_corners(found, shape, []):
        assert shapely.intersection(shapely.box(*box), shape).area < 1.0


@pytest.mark.parametrize("size", papers.MILLIMETRES)
def test_papers_are_used_by_the_shape_of_the_unit(size: Size) -> None:
    wide, tall = (
        papers.choose(size, shapely.box(0, 0, 300, 100)),
        papers.choose(size, shapely.box(0, 0, 77, 100)),
    )
    assert (wide.upright, tall.upright) == (size != "A0", False)  # tables take less of an A0's width
    for layout in (wide, tall):
        assert sorted(layout.paper, reverse=True) == list(papers.MILLIMETRES[size])
        width, height = (side / layout.factor for side in layout.paper)
        boxes = [shapely.box(x, y, x + w, y + h) for x, y, w, h in (layout.frame, *layout.columns)]
        assert shapely.box(0, 0, width, height).buffer(1e-6).contains(shapely.union_all(boxes))
        assert sum(box.area for box in boxes) == pytest.approx(shapely.union_all(boxes).area)


def test_hatching_stays_inside() -> None:
    shape = shapely.Point(0, 0).buffer(20)
    lines = base.hatch(shape, 2.0)
    assert shape.buffer(1e-6).contains(lines)
    assert lines.length == pytest.approx(shape.area / 2.0, rel=0.05)


# ---------- texts ----------


def test_the_boxes_of_texts_are_true(ground: Ground) -> None:
    """What is inked, as the renderer measures it, lies in the box that the sheet states."""
    page = laid(ground, Job("comparison", "warehouse", "plan", CITY))
    own = [each for each in page.figure.texts if not each.get_path_effects()]
    assert [each.get_text() for each in own] == [each.text for each in page.texts]
    with fonts.drawing(ground.font):
        renderer = FigureCanvasAgg(page.figure).get_renderer()
        to_mm = 25.4 / page.figure.dpi
        for artist, stated in zip(own, page.texts, strict=True):
            font = artist.get_fontproperties()
            wide, high, low = renderer.get_text_width_height_descent(stated.text, font, ismath=False)
            x, y = artist.get_transform().transform(artist.get_position())
            inked = np.array([x, y - low, x + wide, y + high - low]) * to_mm
            assert np.abs(np.array(stated.box) - inked)[[0, 2]].max() < 0.6, stated
            assert stated.box[1] <= inked[1] + 0.2, stated
            assert stated.box[3] >= inked[3] - 0.3, stated


@pytest.mark.parametrize(
    ("size", "theme", "unit"),
    [("A4", "layer", ""), ("A3", "gaps", CITY), ("A1", "scenario", COUNTY), ("A0", "comparison", "")],
)
def test_no_text_touches_another(ground: Ground, size: Size, theme: Theme, unit: str) -> None:
    scenario = "baseline" if theme in {"layer", "gaps"} else "plan"
    page = laid(ground, Job(theme, "warehouse", scenario, unit, size))
    boxes = shapely.box(*np.array([each.box for each in page.texts]).T)
    first, second = shapely.STRtree(boxes).query(boxes, predicate="overlaps")
    assert not [(page.texts[i].text, page.texts[j].text) for i, j in zip(first, second, strict=True) if i < j]
    width, height = (side * page.factor for side in (page.width, page.height))
    assert shapely.box(3, 3, width - 3, height - 3).contains(shapely.union_all(boxes))


def test_every_paper_has_its_own_size_of_letters(ground: Ground) -> None:
    heights = [
        next(
            t.box[3] - t.box[1]
            for t in laid(ground, Job("layer", "team", "baseline", "", size)).texts
            if t.kind == "title"
        )
        for size in papers.MILLIMETRES
    ]
    assert [high / heights[1] for high in heights] == pytest.approx([0.78, 1.0, 1.75, 2.4])


def test_texts_fit_their_width(ground: Ground) -> None:
    with fonts.drawing(ground.font):
        text = "修水县黄坳乡附近的备灾仓库 (示例) 1234"
        assert paper.fitted(text, 10, 500) == text
        for width in (15, 30, 45):
            short = paper.fitted(text, 10, width)
            assert short.endswith("…")
            assert paper.measure(short, 10) <= width
            assert paper.measure(text[: len(short)] + "…", 10) > width


def test_a_table_shrinks_its_letters_before_it_cuts(ground: Ground) -> None:
    with fonts.drawing(ground.font):
        page = canvas.Canvas.blank((420, 297), 1.0)
        columns = [table.Column("位置", ["甲" * 20], cut=True), table.Column("居民", ["12.3万人"], "right")]
        for width, cut in ((120, False), (80, False), (40, True)):
            page.texts.clear()
            table.draw_table(page, (10.0, 200.0), width, columns)
            texts = {each.text: each.box for each in page.texts}
            assert any(text.endswith("…") for text in texts) == cut
            assert "12.3万人" in texts
            assert max(box[2] for box in texts.values()) <= 10 + width + 0.1


def test_names_stay_apart_and_are_led_to(ground: Ground) -> None:
    with fonts.drawing(ground.font):
        page = canvas.Canvas.blank((420, 297), 1.0)
        taken = naming.Taken((0.0, 0.0, 100.0, 100.0))
        points = np.full((12, 2), 50.0)
        left = naming.write_names(
            page, taken, points, [f"名{i}" for i in range(12)], naming.Look(8.0, reach=20.0)
        )
        assert not left
        boxes = shapely.box(*np.array([each.box for each in page.texts]).T)
        assert shapely.union_all(boxes).area == pytest.approx(float(shapely.area(boxes).sum()))
        assert naming.write_names(page, taken, points[:1], ["长" * 60], naming.Look(8.0)) == [0]


# ---------- what the sheets tell ----------


def test_a_sheet_is_whole(ground: Ground, sheet: Drawn) -> None:
    pdf, svg = sheet.files
    assert pdf.name == "甲县_备灾仓库_覆盖_A3.pdf"
    text = pdf_text(pdf)
    for word in (
        "图例",
        "最大的缺口",
        style.STAMP,
        "示例数据",
        "近似路网",
        "2024-12-01",
        "结果编号",
        "北",
        "居民: 测试普查",
    ):
        assert word in text, word
    drawing = svg.read_text(encoding="utf-8")
    assert "<text" not in drawing  # letters are outlines
    assert "font-family" not in drawing
    assert "http" not in drawing.replace("http://www.w3.org/", "").replace("http://purl.org/", "").replace(
        "http://creativecommons.org/", "").replace("https://matplotlib.org/", "")  # fmt: skip
    stamp = next(each for each in sheet.texts if each.text == style.STAMP)
    assert stamp.box[0] < 60
    assert stamp.box[3] < 20


@pytest.mark.slow
def test_the_same_sheet_has_the_same_bytes(ground: Ground, sheet: Drawn, tmp_path: Path) -> None:
    job = Job("layer", "warehouse", "baseline", COUNTY, formats=("pdf", "svg"), unit_name="甲县")
    again = draw(replace(ground, _kept={}), job, tmp_path)
    for one, other in zip(sheet.files, again.files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_classes_add_up_to_the_residents_of_the_unit(ground: Ground) -> None:
    for unit in ("", CITY, COUNTY):
        view = View.of(ground, Job("layer", "warehouse", "baseline", unit))
        painting = paint(view)
        row = view.row()
        assert len(painting.amounts) == len(painting.swatches) == 3
        assert painting.amounts[0].startswith(style.people_text(row["served"]))
        assert sum(float(shapely.area(area)) for area in painting.areas) == pytest.approx(
            float(shapely.area(view.place.shape)), rel=1e-6
        )


def test_gaps_of_a_unit_are_its_own(ground: Ground) -> None:
    whole = View.of(ground, Job("gaps", "warehouse", "baseline"))
    parts = [
        View.of(ground, Job("gaps", "warehouse", "baseline", str(code)))
        for code in ground.world.units.counties["code"]
    ]
    assert sum(len(part.gaps) for part in parts) == len(whole.gaps)
    for part in parts:
        assert part.gaps["number"].tolist() == list(range(1, len(part.gaps) + 1))
        assert set(part.gaps["county"]) <= {part.place.name}
    texts = told(ground, "gaps", unit=COUNTY)
    assert any(text.startswith("在10分钟车程以外") for text in texts)


def test_gaps_on_foot_count_everybody_once_and_say_what_they_leave_out(ground: Ground) -> None:
    for unit in ("", CITY, COUNTY):
        view = View.of(ground, Job("gaps", "aed", "baseline", unit))
        painting, total = paint(view), int(view.row()["residents"])
        shares = [float(each.split(" · ")[1].strip("%<")) for each in painting.amounts]
        assert sum(shares) == pytest.approx(100, abs=0.1 * len(shares)), painting.amounts
        demand, cover = ground.world.demand, view.result.covers["aed"]
        inside = ground.inside(view.place)
        sparse = demand.residents < view.standard.min_density * demand.area_km2
        beyond = (demand.residents * (1 - cover.main_share) * ~sparse)[inside].sum()
        none = demand.residents[inside][(sparse & (cover.main_share == 0))[inside]].sum()
        assert painting.amounts[0].startswith(style.people_text(total - beyond - none))
    texts = told(ground, "gaps", "aed", COUNTY)
    assert any(text.startswith("密集处在步行270米以外") for text in texts)


@pytest.mark.parametrize("theme", ["gaps", "scenario", "comparison"])
def test_every_number_on_the_map_has_its_row(ground: Ground, theme: Theme) -> None:
    page = laid(ground, Job(theme, "warehouse", "baseline" if theme == "gaps" else "plan"))
    counts = Counter(each.text for each in page.texts if each.kind == "number")
    assert counts
    least = 1 if theme == "comparison" else 2  # there new sites are on the map alone
    assert all(count >= least for count in counts.values()), counts


def test_a_comparison_paints_gains_and_keeps_the_sums(ground: Ground) -> None:
    view = View.of(ground, Job("comparison", "warehouse", "plan"))
    painting = paint(view)
    assert [swatch.colour for swatch in painting.swatches[:2]] == [style.GAIN, style.LOSS]
    gained = view.row()["served"] - view.row(result=view.baseline)["served"]
    assert gained > 0
    assert painting.amounts[0].startswith(style.people_text(gained))
    assert painting.shown == [0, 2, 3]
    texts = told(ground, "comparison")
    assert f"+{style.people_text(gained)}" in texts
    assert "失去覆盖" not in texts  # nothing is lost: the legend does not speak of it


def test_losses_are_red_and_hatched(ground: Ground) -> None:
    world = ground.world
    site = str(world.layers["warehouse"].table["id"].iloc[0])
    text = f"name: plan\ntitle: 撤库\nchanges: [{{close: {{kind: warehouse, id: {site}}}}}]"
    closed = run(world, parse_scenario(text), kinds=["warehouse"], reuse=ground.results[0])
    view = View.of(
        replace(ground, results=(ground.results[0], closed), _kept={}), Job("comparison", "warehouse", "plan")
    )
    painting = paint(view)
    assert painting.swatches[painting.hatched].colour == style.LOSS
    assert painting.hatched in painting.shown
    texts = [each.text for each in laid(view.ground, view.job).texts]
    assert "撤销" in texts
    assert any(text.startswith("−") and text.endswith("人") for text in texts)


def test_a_scenario_lists_its_sites(ground: Ground) -> None:
    texts = told(ground, "scenario")
    for word in ("建议新增", "2022", "+32人", "50.0%", "其中建议新增 2 座"):
        assert word in texts, word
    county = str(ground.results[1].added["county_code"].iloc[0])
    other = next(
        str(code)
        for code in ground.world.units.counties["code"]
        if str(code) not in set(ground.results[1].added["county_code"])
    )
    assert "+32人" in told(ground, "scenario", unit=county)
    assert any("没有新增" in text for text in told(ground, "scenario", unit=other))


@pytest.mark.slow
def test_many_sites_are_counted_by_city(ground: Ground) -> None:
    result = mapworld.make_results(ground.world, count=120)[1]
    many = replace(ground, results=(ground.results[0], result), _kept={})
    texts = told(many, "scenario")
    for city, count in result.added["city"].value_counts().items():
        assert city in texts
        assert f"{count} 座" in texts


def test_stock_and_telephones_are_for_the_house(ground: Ground) -> None:
    """The one site stands in one county; what is said of it depends on who may see the sheet."""
    county = str(ground.world.layers["warehouse"].table["county_code"].iloc[0])
    inner = " ".join(told(ground, "layer", unit=county))
    outer = " ".join(told(replace(ground, release=Release("赣S(2024)001号"), _kept={}), "layer", unit=county))
    for word in ("棉被 1,200", "000-1"):
        assert word in inner
        assert word not in outer
    assert "审图号: 赣S(2024)001号" in outer
    assert style.STAMP not in outer
    assert "概略位置" in outer


@pytest.mark.slow
def test_labels_only_where_they_are_true(cache: Path) -> None:
    for example, label in ((True, "近似路网"), (False, "")):
        world = mapworld.make_world(example=example, label=label)
        own = Ground(world, (mapworld.baseline(world),), fonts=cache)
        drive, walk = (told(own, "layer", kind) for kind in ("team", "aed"))
        assert ("示例数据" in drive, "示例数据" in walk) == (example, example)
        assert ("近似路网" in drive, "近似路网" in walk) == (bool(label), False)


@pytest.mark.slow
def test_the_legend_names_only_what_is_there(cache: Path) -> None:
    world = mapworld.make_world(names=("甲", "乙"), example=False)
    layer = world.layers["warehouse"]
    cases = ((["", ""], "未定级备灾仓库"), (["县级", ""], "县级、未定级"), (["县级"] * 2, "县级备灾仓库"))
    for levels, word in cases:
        changed = replace(
            world,
            layers={**world.layers, "warehouse": replace(layer, table=layer.table.assign(level=levels))},
        )
        texts = told(Ground(changed, (mapworld.baseline(changed),), fonts=cache), "layer")
        assert word in texts
        assert "省级备灾仓库" not in texts
        assert "建议新增 (次序)" not in texts


def test_a_sheet_says_whose_residents_it_counts(ground: Ground) -> None:
    text = (
        "name: plan\ntitle: 汛期\nchanges: [{grow: {unit: 全省, percent: 100}}]\nstandards: {warehouse: 20}"
    )
    changed = run(ground.world, parse_scenario(text), kinds=["warehouse"], reuse=ground.results[0])
    texts = told(replace(ground, results=(ground.results[0], changed), _kept={}), "scenario")
    people = int(ground.world.demand.residents.sum())
    assert f"方案居民 {2 * people:,}人 (2020年人口普查 {people:,}人)" in texts
    assert any("备灾仓库的主要上限改为20分钟" in each for each in texts)
    assert f"全省常住居民 2020年人口普查 {people:,}人" in told(ground, "layer")


def test_a_limit_that_the_baseline_lacks_is_not_compared(ground: Ground) -> None:
    text = "name: plan\ntitle: 新限\nstandards: {warehouse: {limits: [15, 25], main: 15}}"
    try:
        scenario = parse_scenario(text)
    except InputError:
        scenario = parse_scenario("name: plan\ntitle: 新限\nstandards: {warehouse: 15}")
    changed = run(ground.world, scenario, kinds=["warehouse"], reuse=ground.results[0])
    texts = told(replace(ground, results=(ground.results[0], changed), _kept={}), "comparison")
    assert any("不能比较" in each for each in texts)


@pytest.mark.slow
def test_a_county_without_townships_stands_among_its_neighbours(ground: Ground) -> None:
    """Half of the side would be empty: its city's counties, and how long the way is, stand there."""
    view = View.of(ground, Job("gaps", "warehouse", "baseline", COUNTY))
    vars(view)["below"] = view.below.head(1)
    with fonts.drawing(ground.font):
        texts = [each.text for each in compose(view).texts]
    city = ground.place(CITY)
    assert f"{city.name}各县区" in texts and "多久能到" in texts
    assert sum(text.endswith(" (本图)") for text in texts) == 1
    assert f"{view.place.name} (本图)" in texts


def test_degrees_of_a_sheet_have_as_many_decimals(ground: Ground) -> None:
    canvas = laid(ground, Job("gaps", "warehouse", "baseline", COUNTY))
    degrees = [each.text[:-2] for each in canvas.texts if each.kind == "graticule"]
    assert degrees
    assert len({len(degree.partition(".")[2]) for degree in degrees}) == 1


def test_layers_without_sites_and_units_without_gaps(cache: Path) -> None:
    world = mapworld.make_world()
    empty = {kind: replace(layer, table=layer.table.iloc[:0]) for kind, layer in world.layers.items()}
    bare = replace(world, layers=empty)
    none = Ground(bare, (mapworld.baseline(bare),), fonts=cache)
    for kind in ("warehouse", "aed"):
        for unit in ("", COUNTY):
            assert style.STAMP in told(none, "layer", kind, unit)  # type: ignore[arg-type]
    full = Ground(world, (mapworld.baseline(world),), fonts=cache)
    served = replace(full.results[0], gaps={k: gap.iloc[:0] for k, gap in full.results[0].gaps.items()})
    assert "全省没有缺口" in told(replace(full, results=(served,), _kept={}), "gaps")


@pytest.mark.slow
def test_hostile_names_stay_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground_module, "derive_font", fonts.derive_font)
    before = dict(mpl.rcParams)
    world = mapworld.make_world(names=mapworld.HOSTILE)
    results = mapworld.make_results(world, title="$x_{1}$ \\frac{</b>😀")
    world = replace(world, demand=replace(world.demand, meta={"source": "張家統計"}))
    own = Ground(world, tuple(results), date="二〇二四年長月", fonts=tmp_path / "fonts")
    with TTFont(own.font) as file:  # also what no site or place is called by, or it is an empty box
        assert set("張統計長") <= set(map(chr, file.getBestCmap()))
    county = str(world.layers["warehouse"].table["county_code"].iloc[0])
    _, pdf = draw(own, Job("scenario", "warehouse", "plan", county), tmp_path / "out").files
    assert "$x_{1}$" in pdf_text(pdf)
    for theme in ("layer", "comparison"):
        texts = told(own, theme, unit=county)  # type: ignore[arg-type]
        assert not [text for text in texts if not text.isprintable()]
    assert dict(mpl.rcParams) == before


def test_a_failing_write_keeps_the_old_sheet(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job("layer", "team", "baseline", COUNTY, "A4", formats=("pdf", "svg"))
    paths = draw(ground, job, tmp_path).files
    old = [path.read_bytes() for path in paths]

    def stop(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", stop)
    with pytest.raises(OSError, match="disk full"):
        draw(ground, job, tmp_path)
    assert [path.read_bytes() for path in paths] == old
    assert len(list(tmp_path.iterdir())) == 2


def test_sites_without_a_source_are_said_to_have_none() -> None:
    world = mapworld.make_world(example=False)
    layer = world.layers["team"]
    stated = replace(layer, table=pd.concat([layer.table, layer.table.assign(id="b", source="")]))
    silent = replace(world, layers={**world.layers, "team": stated})
    listed = words.sources(silent, run(silent, load_scenario("baseline"), kinds=["team"]), "team")
    assert "站点: 登记库 (来源未填) 1 处、测试" in listed


# ---------- the real province ----------


@pytest.mark.slow
def test_neighbours_are_where_they_are(world: Any) -> None:
    province = layers.outlines(world.units).province
    names = {
        "安徽省": (117.2, 30.3),
        "浙江省": (118.6, 28.9),
        "福建省": (117.0, 26.3),
        "广东省": (114.5, 24.2),
        "湖南省": (113.2, 27.5),
        "湖北省": (115.0, 30.2),
    }
    stretches = dict(places.border_stretches(province))
    for name, (lon, lat) in names.items():
        point = shapely.Point(layers.project([lon], [lat])[0])
        assert min(stretches, key=lambda each: shapely.distance(point, stretches[each])) == name
    assert places.border_stretches(shapely.box(0, 0, 1, 1)) == []


@pytest.mark.slow
def test_the_crowd_of_nanchang_is_magnified(world: Any, cache: Path) -> None:
    own = Ground(world, (run(world, load_scenario("baseline"), kinds=["warehouse"]),), fonts=cache)
    view = View.of(own, Job("layer", "warehouse", "baseline"))
    layout = papers.choose("A3", view.place.shape)
    found = frame.fit(layout.frame, view.place.shape)
    chart = Chart(canvas.Canvas.blank(layout.paper, 1.0), found, view, naming.Taken(found.box))
    inset = magnifier.plan_inset(chart)
    assert inset is not None
    part, larger = inset
    seat = found.mm(layers.project([115.892], [28.676]))[0]  # 东湖区
    assert part[0] < seat[0] < part[2]
    assert part[1] < seat[1] < part[3]
    assert not shapely.box(*larger.box).intersects(found.shape(view.place.shape))
    assert larger.inside(larger.mm(layers.project([115.892], [28.676])))[0]
    texts = told(own, "layer")
    for name in ("东湖区", "西湖区", "青云谱区", "青山湖区", "红谷滩区"):
        assert texts.count(name) == 1, name
