"""What leaves the house: only under a number, and without what is not for the public, on every product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import mapworld
import numpy as np
import pandas as pd
import pytest
import secretworld
import shapely
from boai.geodata.errors import InputError
from boai.geodata.layers import COLUMNS
from boai.maps import public, style
from boai.maps.public import Release, for_public, normal_number, release
from boai.maps.public_places import GRID_DEG, STEP_M, STEP_S, Grid, raised
from boai.maps.public_texts import Texts
from boai.scenarios.compare import compare
from boai.scenarios.run import Result
from boai.scenarios.world import World
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

NUMBER = "赣S(2024)001号"


@pytest.fixture(scope="module")
def secret() -> tuple[World, list[Result]]:
    return secretworld.make()


@pytest.fixture(scope="module")
def shown(secret: tuple[World, list[Result]]) -> tuple[World, list[Result]]:
    return for_public(*secret)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("赣S(2024)001号", NUMBER),
        ("审图号：赣S〔２０２４〕００１号", NUMBER),
        ("审图号:赣 s（2024） 001 号", NUMBER),
        ("赣S[2024]001", NUMBER),
        ("赣S【2024年】001号", NUMBER),
        ("GS(2024)1234号", "GS(2024)1234号"),
        ("gs（2019）1719 号", "GS(2019)1719号"),
        ("GS京(2022)1061号", "GS京(2022)1061号"),
        ("GS赣（2023）0123号", "GS赣(2023)0123号"),
        ("沪 S〔2023〕093号", "沪S(2023)093号"),
        ("成S(2017)034号", "成S(2017)034号"),
        ("GS(2016)2923", "GS(2016)2923号"),
    ],
)
def test_numbers_as_offices_write_them(given_text: str, expected: str) -> None:
    assert release(given_text, public=True) == Release(expected)
    assert normal_number(expected) == expected
    assert Release(expected).stamp == f"审图号: {expected}"


@pytest.mark.parametrize(
    "text",
    [
        "2024-001", "GS2024001", "GS(24)001号", "GS(2024)号", "GS(2024)0000号", "赣(2024)001号",
        "GS(2024)1234567号", "GS(2024)1号GS(2025)2号", "江西省S(2024)001号", "<b>GS(2024)1号</b>",
        "GS(2024)001号\n联系人", "GS甲(2024)1号", "内部", "GS(1824)001号", "x" * 500,
        "赣S(2024)００1号\u202e<script>",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="不是审图号"):
        release(text, public=True)
    with pytest.raises(InputError, match="不是审图号"):
        Release(text)
    assert not normal_number(text)


def test_public_and_number_go_together() -> None:
    with pytest.raises(InputError, match="没有审图号的地图不得公开"):
        release(" ", public=True)
    with pytest.raises(InputError, match="没有要求公开"):
        release(NUMBER, public=False)
    inside = release("", public=False)
    assert (inside.public, inside.stamp, inside.note) == (False, style.STAMP, "")
    assert Release(NUMBER).public and "不是准确位置" in Release(NUMBER).note
    with pytest.raises(InputError, match="不是审图号"):
        Release("赣S（2024）001号")  # only the normal form is ever stamped


def test_no_secret_is_left(secret: tuple[World, list[Result]], shown: tuple[World, list[Result]]) -> None:
    before = "\n".join(secretworld.texts_in([secret[0].layers, secret[1]]))
    assert all(text in before for text in secretworld.SECRETS if text != "987654")  # the world is a fair one
    after = "\n".join(secretworld.texts_in([shown[0], shown[1]]))
    assert [text for text in secretworld.SECRETS if text in after] == []
    true = secretworld.places(secret[1])
    for values in secretworld.numbers_in([shown[0].layers, shown[0].resources, *map(vars, shown[1])]):
        near = np.abs(values[:, None] - np.append(true.ravel(), 987654.0)) < 1e-4
        assert not near.any()


def test_what_the_public_sees_of_sites(shown: tuple[World, list[Result]]) -> None:
    tables = {kind: layer.table for kind, layer in shown[0].layers.items()}
    store, aed, team = (tables[kind].iloc[0] for kind in ("warehouse", "aed", "team"))
    assert store["name"] == f"{store['county']}县级备灾仓库"
    assert (aed["host"], aed["hours"]) == ("火车站", "周一至周日 08:00-20:00")
    assert (team["host"], team["hours"], team["phone"], team["keeper"]) == ("", "", "", "")
    for table in tables.values():
        assert list(table.columns) == list(COLUMNS)
        assert not table[["keeper", "phone", "stock", "stock_date", "parent"]].astype(bool).any(axis=None)
        assert table[["capacity", "members", "readiness_min"]].isna().all(axis=None)
    assert store["position"] == "近似"
    assert shown[0].resources["school"]["name"].tolist() == ["实验小学"]
    assert list(shown[0].resources) == ["school"] and len(shown[0].resources) == 1


def test_who_is_covered_stays(secret: tuple[World, list[Result]], shown: tuple[World, list[Result]]) -> None:
    for before, after in zip(secret[1], shown[1], strict=True):
        pd.testing.assert_frame_equal(before.units, after.units)
        pd.testing.assert_frame_equal(
            before.summary.drop(columns="p90_text"), after.summary.drop(columns="p90_text")
        )
        assert (before.name, before.key) == (after.name, after.key)
        for kind, cover in after.covers.items():
            assert np.array_equal(cover.share, before.covers[kind].share)
            same = np.array_equal(cover.cost, before.covers[kind].cost)
            assert same == (kind != "warehouse")
        within = [after.covers["warehouse"].cost <= limit for limit in (600, 1200)]
        assert np.array_equal(np.column_stack(within), after.covers["warehouse"].share > 0)
        assert after.notes[0] == public.NOTE
    told = [
        table[["scenario", "kind", "served", "share"]] for table in (compare(secret[1]), compare(shown[1]))
    ]
    pd.testing.assert_frame_equal(*told)


def test_no_table_tells_a_time_to_a_store_more_exactly_than_the_cells(
    secret: tuple[World, list[Result]],
) -> None:
    world, (today, _) = secret
    stores = today.covers["warehouse"]
    times = np.random.default_rng(1).uniform(60, 1500, len(stores.cost))
    exact = replace(stores, cost=times.astype(np.float32))
    asked = pd.DataFrame(
        {
            "level": "县级",
            "limit_min": [360.0, 362.0, 240.0, 10.0],
            "worst_min": [242.68, 361.2, 242.68, np.inf],
        }
    )
    told = replace(today, covers={**today.covers, "warehouse": exact}, compliance=asked)
    shown = for_public(world, [told])[1][0]
    assert shown.compliance["worst_min"].tolist() == [245.0, 362.0, 245.0, np.inf]
    rows = shown.summary.set_index("kind")["p90_text"]
    assert rows["warehouse"] in {f"{minutes}分钟" for minutes in range(5, 31, 5)}
    assert rows["aed"] == today.summary.set_index("kind")["p90_text"]["aed"]
    again = for_public(world, [shown])[1][0]
    pd.testing.assert_frame_equal(again.compliance, shown.compliance)
    pd.testing.assert_frame_equal(again.summary, shown.summary)


def test_stores_measured_on_foot_are_no_nearer(secret: tuple[World, list[Result]]) -> None:
    world, (today, _) = secret
    walked = {**today.covers, "warehouse": today.covers["aed"]}
    gaps = {**today.gaps, "warehouse": today.gaps["aed"]}
    shown = for_public(world, [replace(today, covers=walked, gaps=gaps)])[1][0]
    steps = {*today.covers["aed"].standard.limits, *range(STEP_M, 60 * STEP_M, STEP_M)}
    assert set(shown.covers["warehouse"].cost.tolist()) <= steps
    assert set(shown.gaps["warehouse"]["cost"].tolist()) <= steps


@pytest.mark.parametrize(
    "text",
    [
        "8626-2333",
        "（0791）８６２６２３３３",
        "１３９７９１１２３４５",
        "139 7911 2345 86262333",
        "赵四13879100000",
    ],
)  # fmt: skip
def test_telephones_are_found_however_they_are_written(text: str) -> None:
    world = mapworld.make_world()
    team = world.layers["team"]
    told = replace(team, table=team.table.assign(phone="0791-86262333；13979112345、赵四13879100000"))
    world = replace(world, layers={**world.layers, "team": told})
    clean = Texts(world, []).clean
    for kept in ("2022-2024 年", "45,188,635 人", "GS(2024)0001号"):
        shown = clean(f"问{text}, {kept}")
        assert kept in shown and not any(
            part in shown for part in ("2333", "２３３３", "2345", "３４５", "赵四")
        )


def test_a_world_without_sites_is_made_public() -> None:
    world = mapworld.make_world()
    bare = {kind: replace(layer, table=layer.table.iloc[:0]) for kind, layer in world.layers.items()}
    world = replace(world, layers=bare)
    shown, results = for_public(world, [mapworld.baseline(world)])
    assert all(layer.table.empty for layer in (*shown.layers.values(), *results[0].layers.values()))


def test_changes_are_told_without_figures_of_sites(shown: tuple[World, list[Result]]) -> None:
    plan = shown[1][1]
    store = plan.layers["warehouse"].table["name"].iloc[0]
    assert plan.done["detail"].tolist()[1:3] == [f"{store}: 规模有改动", f"{store}: 开放时间有改动"]
    assert "居民" in plan.done["detail"].iloc[3]
    changes = plan.provenance["scenario"]["changes"]
    assert [list(each) for each in changes] == [["open"], ["resize"], ["retime"], ["grow"]]
    assert [bool(next(iter(each.values()))) for each in changes] == [False, False, False, True]


def test_the_input_stays_and_twice_is_once(secret: tuple[World, list[Result]]) -> None:
    phones = secret[0].layers["warehouse"].table["phone"].tolist()
    once = for_public(*secret)
    twice = for_public(*once)
    assert secret[0].layers["warehouse"].table["phone"].tolist() == phones
    for kind, layer in once[0].layers.items():
        pd.testing.assert_frame_equal(layer.table, twice[0].layers[kind].table)
    for one, two in zip(once[1], twice[1], strict=True):
        assert one.notes == two.notes
        pd.testing.assert_frame_equal(one.added, two.added)
        pd.testing.assert_frame_equal(one.done, two.done)
        pd.testing.assert_frame_equal(one.gaps["warehouse"], two.gaps["warehouse"])


def test_every_part_of_a_result_is_thought_of() -> None:
    """A part that is added to results or worlds must be made public, or said to hold nothing that is not."""
    harmless = {"name", "key", "residents", "keys"}
    changed = {
        "title", "layers", "covers", "units", "gaps", "added", "plans", "targets", "admin", "provenance",
        "notes", "far", "summary", "compliance", "done", "given_up", "schedules", "costs", "work",
    }  # fmt: skip
    assert {each.name for each in fields(Result)} == harmless | changed
    assert {each.name for each in fields(World)} == {
        "units", "demand", "network", "gazetteer", "layers", "standards", "hashes", "rules", "references",
        "townships", "walk", "resources", "flooded",
    }  # fmt: skip


@settings(max_examples=many(60))
@given(st.integers(0, 3), st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_stores_stay_in_their_county(county: int, x: float, y: float) -> None:
    units = mapworld.make_world().units if not _UNITS else _UNITS[0]
    _UNITS[:] = [units]
    grid, shape = Grid(units), units.counties.geometry.iloc[county]
    west, south, east, north = shape.bounds
    lon, lat = west + x * (east - west), south + y * (north - south)
    code = units.counties["code"].iloc[county]
    new = np.column_stack(grid.rounded([lon, lon, np.nan], [lat, lat, np.nan], [code] * 3))
    assert shapely.contains_xy(shape, *new[0])
    assert np.array_equal(new[0], new[1]) and np.isnan(new[2]).all()
    again = np.column_stack(grid.rounded(new[:1, 0], new[:1, 1], [code]))
    assert np.array_equal(again[0], new[0])
    assert len(grid.nodes("no county")) == sum(len(grid.nodes(each)) for each in units.counties["code"])


_UNITS: list[Any] = []


@settings(max_examples=many(100))
@given(st.lists(st.floats(0, 20000), min_size=1, max_size=20), st.lists(st.integers(1, 15000), max_size=4))
def test_raised_times_stay_on_their_side_of_every_limit(costs: list[float], limits: list[int]) -> None:
    found = raised(costs, limits).astype(float)
    exact = np.asarray(costs, np.float32).astype(float)
    assert (found >= exact - 1e-2).all() and (found <= exact + STEP_S + 1e-2).all()
    for limit in limits:
        assert np.array_equal(found <= limit, np.asarray(costs) <= limit)
    assert np.array_equal(raised(found, limits), found)


@pytest.mark.slow
def test_every_county_of_jiangxi_has_places(world: World) -> None:
    """In a county every place of the grid stands for much ground: none tells much more than the others."""
    grid = Grid(world.units)
    for code, shape in zip(world.units.counties["code"], world.units.counties.geometry, strict=True):
        nodes = grid.nodes(str(code))
        assert len(nodes) and shapely.contains_xy(shape, nodes).all()
    cell_km2 = (GRID_DEG * 111) ** 2 * np.cos(np.radians(28))
    assert 20 < cell_km2 < 30


def _page(world: World, results: list[Result], folder: Path) -> None:
    from boai.maps.page import write_page

    write_page(world, results, folder / "index.html", release=Release(NUMBER))


def _tables(world: World, results: list[Result], folder: Path) -> None:
    from boai.maps.tables import write_tables

    write_tables(world, results, compare(results, world=world), folder / "tables")


def _comparison(world: World, results: list[Result], folder: Path) -> None:
    from boai.maps.comparison import write_comparison

    write_comparison(world, results, folder / "comparison")


def _export(world: World, results: list[Result], folder: Path) -> None:
    from boai.maps.exports.folder import export

    export(world, results, folder / "export", release=Release(NUMBER))


def _sheets(world: World, results: list[Result], folder: Path) -> None:
    from boai.maps.sheets.draw import draw
    from boai.maps.sheets.ground import Ground
    from boai.maps.sheets.job import Job

    ground = Ground(world, tuple(results), Release(NUMBER))
    code = str(results[0].layers["warehouse"].table["county_code"].iloc[0])
    texts = []
    for theme, unit in (("gaps", code), ("layer", code), ("scenario", ""), ("comparison", "")):
        job = Job(theme, "warehouse", "plan", unit, "A4", ("pdf", "svg"))  # type: ignore[arg-type]
        texts += [each.text for each in draw(ground, job, folder).texts]
    (folder / "texts.txt").write_text("\n".join(texts), encoding="utf-8")


def _report(world: World, results: list[Result], folder: Path) -> None:
    from boai.maps.report import content, html, pdf, trace, word

    document, book = content.document(world, results, release=Release(NUMBER))
    html.write_html(document, folder / "report.html")
    pdf.write_pdf(document, folder / "report.pdf")
    word.write_word(document, folder / "report.docx")
    trace.write_workbook(book, folder / "tables.xlsx")


def _charts(world: World, results: list[Result], folder: Path) -> None:
    from boai.maps.charts import write_all

    folder = folder / "charts"
    folder.mkdir()
    write_all(world, results, folder, formats=("pdf",), release=Release(NUMBER))


_SLOW = (_export, _sheets, _report, _charts)


def test_the_search_for_places_finds_them() -> None:
    at = np.array([[115.858123, 28.682345]])
    for text in ("115.8581, 28.6823", '{"lat": 28.682, "lon": 115.858}', "[11585812,", "y=28.68235"):
        assert secretworld.places_told(text, at)
    assert not secretworld.places_told("115.85, 28.70", at)


def test_the_search_looks_into_everything(secret: tuple[World, list[Result]], tmp_path: Path) -> None:
    """What is made for the house tells its secrets: a search that finds none there would prove nothing."""
    _page(*secret, tmp_path)
    text = secretworld.file_texts(tmp_path)
    found = {each for each in secretworld.SECRETS if each in text}
    assert {*secretworld.PHONES[:2], *secretworld.PEOPLE[::2], *secretworld.HOUSES} <= found
    assert secretworld.places_told(text, secretworld.places(secret[1]))


@pytest.mark.parametrize(
    "write",
    [
        _page,
        _tables,
        _comparison,
        *(pytest.param(each, marks=pytest.mark.slow) for each in _SLOW),
    ],
)
def test_no_product_tells_a_secret(
    secret: tuple[World, list[Result]],
    shown: tuple[World, list[Result]],
    tmp_path: Path,
    write: Callable[[World, list[Result], Path], None],
) -> None:
    write(*shown, tmp_path)
    text = secretworld.file_texts(tmp_path)
    assert len(text) > 1000
    assert [each for each in secretworld.SECRETS if each in text] == []
    assert secretworld.places_told(text, secretworld.places(secret[1])) == []
    if write not in (_tables, _comparison):
        assert style.STAMP not in text
        assert f"审图号: {NUMBER}" in text
