"""Progress against the targets: what counts, both readings side by side, cities and counties, the lights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tinyworld
from boai.geodata.errors import InputError
from boai.scenarios.ledger import lights
from boai.scenarios.ledger.allotment_files import allotment_book
from boai.scenarios.ledger.allotments import load_allotments
from boai.scenarios.ledger.lights import GREEN, GREY, NOT_TRACKED, RED, REPORTED_ONLY, YELLOW, Standing, judge
from boai.scenarios.ledger.progress import by_unit, progress, tally
from boai.scenarios.ledger.stock import missing, stock_of
from boai.scenarios.ledger.targets import COLUMNS, NO_YEAR, TOTAL, load_targets
from tinyworld import drive_world

PLAN = load_targets()
WORLD = drive_world()
DEMAND = WORLD.demand
CODES = ("360101", "360102", "360201", "360202")
"""Counties 甲县 乙县 of 东市, 丙县 丁县 of 西市."""


def sites(*rows: tuple[str, str, float, str]) -> pd.DataFrame:
    """Sites of a registry: county code, level, year, status."""
    table = pd.DataFrame(rows, columns=["county_code", "level", "year", "status"])
    return table.assign(id=[f"s-{i}" for i in range(len(table))])


def built(code: str = CODES[0], level: str = "", year: float = 2022) -> tuple[str, str, float, str]:
    return (code, level, year, "已建")


def held(kind: str, *rows: tuple[str, str, float, str], as_of: int | None = 2026) -> pd.DataFrame:
    return progress(PLAN, DEMAND, {}, resources={kind: sites(*rows)}, as_of=as_of)


def pick(table: pd.DataFrame, target: str, year: str | int, reading: str = "") -> Any:
    own = table[(table["id"] == target) & (table["year"] == str(year))]
    own = own[own["reading"].str.contains(reading)]
    assert len(own) == 1
    return own.iloc[0]


def numbers(row: Any) -> list[Any]:
    return [row[name] for name in ("planned", "built", "reached", "left", "light")]


# What counts


def test_columns_and_rows() -> None:
    table = progress(PLAN, DEMAND, WORLD.layers)
    assert list(table.columns) == COLUMNS
    assert set(table["id"]) == {target.id for target in PLAN.targets}
    assert table["year"].isin([*map(str, range(2022, 2026)), TOTAL, NO_YEAR]).all()
    assert table.groupby("id")["reading"].nunique()["team-province"] == 2


def test_built_sites_of_the_year_count() -> None:
    rows = [built(year=2022)] * 450 + [built(year=2023)] * 299 + [built(year=2021)] * 9
    table = held("grassroots", *rows)
    assert numbers(pick(table, "grassroots", 2022)) == [450, 450, 450, 0, GREEN]
    assert numbers(pick(table, "grassroots", 2023)) == [300, 299, 299, 1, RED]
    assert numbers(pick(table, "grassroots", TOTAL)) == [1000, 749, 749, 251, RED]


@pytest.mark.parametrize(("status", "figures"), [
    ("", [5, 5, 5, 0, GREEN]), ("已建", [5, 5, 5, 0, GREEN]), ("规划", [5, 0, 5, 0, YELLOW]),
    ("在建", [5, 0, 5, 0, YELLOW]),
])  # fmt: skip
def test_what_a_status_means(status: str, figures: list[Any]) -> None:
    rows = [(CODES[0], "", 2022, status)] * 5
    row = pick(held("training", *rows, as_of=2022), "training", 2022)
    assert numbers(row) == figures
    if status in ("规划", "在建"):
        assert row["state"] == "按方案可达到, 其中 5 个尚未建成"
        late = pick(held("training", *rows, as_of=2023), "training", 2022)
        assert (late["light"], late["left"]) == (RED, 0)
        assert late["state"] == "未达到, 差 5 个, 方案中 5 个尚未建成"


def test_closed_sites_count_nowhere_but_make_it_known() -> None:
    row = pick(held("training", (CODES[0], "", 2022, "停用")), "training", 2022)
    assert numbers(row) == [5, 0, 0, 5, RED]


def test_nobody_recorded_it() -> None:
    table = progress(PLAN, DEMAND, {}, as_of=2026)
    assert set(table["light"]) == {GREY}
    assert set(table["state"]) == {NOT_TRACKED, REPORTED_ONLY}
    assert table["left"].isna().all() and table["built"].isna().all()
    assert pick(table, "trainers", 2022)["state"] == REPORTED_ONLY
    empty = progress(PLAN, DEMAND, {}, resources={"training": sites()}, as_of=2026)
    assert pick(empty, "training", 2022)["light"] == GREY


def test_sites_of_a_layer_and_of_the_registry_are_put_together() -> None:
    layer = tinyworld.sites("team", DEMAND, [0, 3], level="省级", year=2023.0)
    more = sites(built(level="省级", year=2024)).assign(id="x")
    same = pd.concat([more, more.assign(id=layer.table["id"].iloc[0])])
    table = progress(PLAN, DEMAND, {"team": layer}, resources={"team": same}, as_of=2026)
    assert numbers(pick(table, "team-province", 2023, "再增"))[1] == 2
    assert numbers(pick(table, "team-province", 2024, "再增"))[1] == 1
    found = stock_of("team", {"team": layer}, {"team": same})
    assert found is not None and len(found.code) == 3


def test_more_than_planned_is_said() -> None:
    table = held("training", *[built(year=2022)] * 7)
    assert pick(table, "training", 2022)["state"] == "已达到, 比计划多 2 个"


# Readings


def test_provincial_teams_both_ways() -> None:
    table = held("team", built(level="省级", year=2023), built(level="省级", year=2024))
    assert numbers(pick(table, "team-province", 2024, "再增")) == [2, 1, 1, 1, RED]
    assert numbers(pick(table, "team-province", TOTAL, "再增")) == [3, 2, 2, 1, RED]
    assert numbers(pick(table, "team-province", 2024, "累计")) == [1, 1, 1, 0, GREEN]
    assert numbers(pick(table, "team-province", TOTAL, "累计")) == [2, 2, 2, 0, GREEN]


@pytest.mark.parametrize(("third", "other", "apart", "within"), [
    (3, 0, 0, 3),  # three of the third grade: not one more
    (2, 1, 1, 3),  # the one of another level is the one
    (4, 0, 1, 4),  # a fourth of the third grade is the one, its level not being stated
    (0, 0, 0, 0), (0, 1, 1, 1),
])  # fmt: skip
def test_one_and_three_stores_both_ways(third: int, other: int, apart: int, within: int) -> None:
    rows = [built(level="三级以上")] * third + [built(level="县级")] * other + [built(year=2030)]
    table = held("warehouse", *rows)
    assert pick(table, "warehouse-any", 2022, "另加")["built"] == apart
    assert pick(table, "warehouse-any", 2022, "已含")["built"] == within
    assert pick(table, "warehouse-3", 2022)["built"] == third
    both = {word: pick(table, "warehouse-all", 2022, word) for word in ("另加", "含在")}
    assert [both[word]["planned"] for word in both] == [4, 3]
    assert [both[word]["built"] for word in both] == [third + other] * 2
    # All that the text asks for is there in one reading exactly when its two parts are.
    parts = pick(table, "warehouse-3", 2022)["left"] + pick(table, "warehouse-any", 2022, "另加")["left"]
    assert (parts == 0) == (both["另加"]["left"] == 0) or other > 1


def test_grades_that_may_be_meant_leave_a_gap_open() -> None:
    """What 县级 is in grades is not known: such stores are told, and no red is given."""
    table = held("warehouse", *[built(level="县级")] * 3)
    row = pick(table, "warehouse-3", 2022)
    assert numbers(row) == [3, 0, 0, 3, YELLOW]
    assert "另有 3 座未写年份或级别对应不明" in row["state"]
    assert [
        pick(held("warehouse", built(level=each)), "warehouse-3", 2022)["built"]
        for each in ("一级", "二级", "三级")
    ] == [1, 1, 1]


# Coverage


def test_units_by_a_year() -> None:
    rows = [built(CODES[0], "市级", 2022), built(CODES[1], "市级", 2022), built(CODES[2], "市级", 2023)]
    table = held("team", *rows)
    assert numbers(pick(table, "team-city", 2022))[1] == 1
    assert pick(table, "team-city", 2022)["missing"] == "西市"
    assert pick(table, "team-county", 2024)["built"] == 3
    assert pick(table, "team-county", 2024)["missing"] == "丁县"
    assert "team-city" not in set(table[table["year"] == TOTAL]["id"])  # the same figure is not told twice


def test_three_teams_for_each_county_society() -> None:
    rows = [built(CODES[0])] * 5 + [built(CODES[1], "县级")] * 2 + [built(CODES[2], "市级")] * 3
    table = held("volunteer", *rows)
    row = pick(table, "volunteers-team", NO_YEAR)
    assert numbers(row)[1] == 3 + 2  # five are more than a county needs, 市级 ones are none of the county's
    assert row["missing"] == "乙县(差1)、丙县(差3)、丁县(差3)"


def test_undated_sites_hold_for_coverage_and_are_told() -> None:
    row = pick(held("team", built(CODES[0], "市级", np.nan)), "team-city", 2022)
    assert row["built"] == 1 and "其中 1 市只有未写年份的站点" in row["state"]


def test_a_target_without_a_figure_is_grey() -> None:
    row = pick(held("memorial", built(CODES[0])), "memorial-county", NO_YEAR)
    assert (row["light"], row["state"]) == (GREY, "已有 1 县, 计划未给数目")
    assert pd.isna(row["left"])


def test_missing_of_nothing_recorded_is_all() -> None:
    target = PLAN.target("team-city")
    assert target is not None
    assert missing(target, None, (2022,), DEMAND) == ["东市", "西市"]


# Lights


@pytest.mark.parametrize(("built_", "undated", "as_of", "light"), [
    (3, 0, None, GREEN), (3, 0, 2030, GREEN), (2, 0, None, ""), (2, 0, 2021, YELLOW), (2, 0, 2022, YELLOW),
    (2, 0, 2023, RED), (2, 1, 2023, YELLOW), (1, 1, 2023, RED), (2, 1, 2022, YELLOW),
])  # fmt: skip
def test_the_rule(built_: int, undated: int, as_of: int | None, light: str) -> None:
    standing = Standing(3, 3, "座", built_, built_, undated)
    found, state = judge(standing, due=2022, as_of=as_of)
    assert found == light
    assert state.startswith("已达到") == (light == GREEN)
    assert state.startswith("未达到") == (light == RED)


def test_a_city_that_has_not_reported_keeps_it_open() -> None:
    light, state = judge(Standing(3, 3, "座", 2, 2, unreported=1), due=2022, as_of=2030)
    assert (light, state) == (YELLOW, "差 1 座, 尚有 1 个市未报或存疑")


def test_what_was_only_striven_for_is_said() -> None:
    table = held("team", built(level="省级", year=2023))
    states = [pick(table, "team-province", year, "再增")["state"] for year in (2024, TOTAL)]
    assert states == ["未达到, 差 2 支 (非硬指标)", "未达到, 差 2 支"]
    assert pick(table, "team-province", 2024, "再增")["binding"] == "力争"


def test_never_green_without_a_figure_or_for_plans() -> None:
    assert judge(Standing(None, None, "座", 9, 9), due=2022, as_of=2022)[0] == GREY
    assert [judge(Standing(3, 3, "座", 2, 9), due=2022, as_of=year)[0] for year in (None, 2022, 2023)] == [
        YELLOW,
        YELLOW,
        RED,
    ]


def test_the_resource_is_named_in_chinese() -> None:
    table = progress(PLAN, DEMAND, {}).drop_duplicates("id").set_index("id")
    named = table.loc[["aed", "volunteers-team", "trainers"], ["kind", "resource"]].to_numpy().tolist()
    assert named == [["aed", "AED"], ["", "志愿服务队"], ["", ""]]


def test_every_light_has_a_meaning_and_a_colour() -> None:
    assert list(lights.MEANINGS) == list(lights.COLOURS) == [GREEN, YELLOW, RED, GREY]
    found = tally(held("team", built(CODES[0], "市级")))
    assert sum(found.values()) == len(held("team", built(CODES[0], "市级")))


def test_order_of_the_rows_changes_nothing() -> None:
    rows = [built(code, level, year) for code in CODES for level in ("", "省级") for year in (2022, np.nan)]
    pd.testing.assert_frame_equal(held("team", *rows), held("team", *rows[::-1]))


# Cities and counties


def units(level: Any, kind: str, *rows: tuple[str, str, float, str], **more: Any) -> pd.DataFrame:
    return by_unit(PLAN, DEMAND, {}, level=level, resources={kind: sites(*rows)}, as_of=2026, **more)


def test_cities_have_counts_without_a_share_of_the_provinces_figure() -> None:
    table = units("市", "aed", *[built(CODES[0])] * 3, built(CODES[3]), built("", year=2022))
    own = table[(table["id"] == "aed") & (table["year"] == "2022")]
    assert own[["city", "built"]].to_numpy().tolist() == [["东市", 3], ["西市", 1]]
    assert own["planned"].isna().all() and set(own["light"]) == {""}
    assert set(own["state"]) == {"计划未分到各市各县, 只列数目"}
    province = progress(PLAN, DEMAND, {}, resources={"aed": sites(*[built("")] * 5)}, as_of=2026)
    assert pick(province, "aed", 2022)["built"] == 5  # those that state no county count for the province


def test_coverage_has_a_figure_for_every_unit() -> None:
    table = units("市", "team", built(CODES[0], "市级"), built(CODES[1], "县级"))
    own = table[(table["id"] == "team-county")].set_index("city")
    assert own["planned"].tolist() == [2, 2] and own["built"].tolist() == [2, 0]
    assert own["light"].tolist() == [GREEN, RED]
    counties = units("县", "team", built(CODES[0], "市级"), built(CODES[1], "县级"))
    own = counties[counties["id"] == "team-county"].set_index("county")
    assert own["planned"].tolist() == [1, 1, 1, 1] and own["left"].tolist() == [0, 0, 1, 1]
    own = counties[counties["id"] == "team-city"]
    assert own["planned"].isna().all()  # a city's team is asked of no county


def test_units_sum_to_the_province() -> None:
    rows = [built(code, "", year) for code in CODES[:3] for year in (2022, 2023, np.nan)]
    province = held("home", *rows)
    for level in ("市", "县"):
        sums = units(level, "home", *rows).groupby(["id", "year"])["built"].sum()
        for year in ("2022", "2023", "2024", TOTAL):
            assert sums["home", year] == pick(province, "home", year)["built"]


def allotted(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "shares.yaml"
    path.write_text(f"source: 本会文件\nallotments:\n{text}", encoding="utf-8")
    return load_allotments(path, PLAN, ["东市", "西市"])


def test_shares_that_the_office_enters(tmp_path: Path) -> None:
    shares = allotted(tmp_path, "  training:\n    2022: {东市: 2, 西市: 3}\n")
    table = units("市", "training", *[built(CODES[0])] * 2, allotments=shares)
    own = table[(table["id"] == "training") & (table["year"] == "2022")]
    assert own["planned"].tolist() == [2, 3] and own["light"].tolist() == [GREEN, RED]


def test_shares_must_fit_the_province(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        allotted(
            tmp_path,
            """  training:
    2022: {东市: 2, 西市: 2}
    2023: {东市: 2, 南市: 0}
    2021: {东市: 1, 西市: 1}
  aed: {2022: {东市: 300, 西市: 100}}
  team-city: {2022: {东市: 1, 西市: 1}}
  hone: {2022: {东市: 20, 西市: 20}}
""",
        )
    text = "\n".join(str(problem) for problem in error.value.problems)
    for said in (
        "allotments.training.2022: 各市之和应为全省计划 5 个, 得到 4",
        "没有这个设区市, 得到 南市; 是否想写 西市?",
        "每个设区市都要写明, 没有的写 0, 得到 缺 西市",
        "在这一年没有计划数, 得到 2021",
        "allotments.aed.2022: 各市之和应为全省计划 不少于 500 台, 得到 400",
        "这个目标不按市分解",
        "没有这个目标, 得到 hone; 是否想写 home?",
    ):
        assert said in text


def test_shares_fit_one_of_the_readings(tmp_path: Path) -> None:
    for east in (1, 2):
        assert allotted(tmp_path, f"  team-province: {{2024: {{东市: {east}, 西市: 0}}}}\n")
    with pytest.raises(InputError, match="2 或 1 支"):
        allotted(tmp_path, "  team-province: {2024: {东市: 3, 西市: 0}}\n")
    assert allotted(tmp_path, "  experts: {2024: {东市: 6, 西市: 2}}\n")
    assert allotted(tmp_path, "  aed: {2022: {东市: 600, 西市: 2}}\n").of("aed", 2022, "东市") == 600


def entered(path: Path, **cells: Any) -> Path:
    book = allotment_book(PLAN, ["东市", "西市"])
    for name, value in cells.items():
        book["分解"][name] = value
    book.save(path)
    return path


def test_shares_entered_in_excel(tmp_path: Path) -> None:
    sheet = allotment_book(PLAN, ["东市", "西市"])["分解"]
    rows = {row[0].value: row[0].row for row in sheet.iter_rows(min_row=5)}
    assert "aed@2022" in rows and "team-province@2024" in rows
    assert not [key for key in rows if key.startswith(("team-city", "warehouse-all", "volunteers-team"))]
    at = rows["training@2022"]
    shares = load_allotments(
        entered(tmp_path / "a.xlsx", C3="本会文件", **{f"F{at}": 2, f"G{at}": "３"}), PLAN, ["东市", "西市"]
    )
    assert (shares.source, shares.allotments) == ("本会文件", {"training": {2022: {"东市": 2, "西市": 3}}})
    with pytest.raises(InputError) as error:
        load_allotments(entered(tmp_path / "b.xlsx", F5="约300", G5="=1+1", A6="x"), PLAN, ["东市", "西市"])
    text = str(error.value)
    assert "来源文件没有填" in text and "分解 F5: 不是整数, 得到 约300" in text and "G5: 这里是公式" in text
    (tmp_path / "c.xlsx").write_bytes(b"x")
    with pytest.raises(InputError, match="不是 Excel 工作簿"):
        load_allotments(tmp_path / "c.xlsx", PLAN, ["东市", "西市"])
