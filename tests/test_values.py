"""Cells of every spelling: numbers, units, dates, telephones, hours, stock, yes and no, choices."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest
from boai.geodata.intake.cells import tidy_code, tidy_text
from boai.geodata.intake.dates import first_day, last_day, read_date, read_year
from boai.geodata.intake.figures import chinese_number, read_number, unit_factor
from boai.geodata.intake.hours import Hours, format_hours, parse_hours, read_hours
from boai.geodata.intake.phones import read_phone
from boai.geodata.intake.stocks import format_stock, read_stock_text, write_stock
from boai.geodata.intake.values import convert_column, factorize, read_bool
from boai.geodata.types import Attribute, load_types
from hypothesis import given
from hypothesis import strategies as st


def _cells(*cells: Any) -> Any:
    array = np.empty(len(cells), object)
    array[:] = cells
    return array


# Numbers


@pytest.mark.parametrize(
    ("cell", "unit", "value", "code"),
    [
        (12, "人", 12.0, ""),
        (12.5, "平方米", 12.5, ""),
        ("1,200", "人", 1200.0, ""),
        ("１２００", "人", 1200.0, ""),
        ("1.2万", "人", 12000.0, "value_cleaned"),
        ("3千人", "人", 3000.0, "value_cleaned"),
        ("2亿", "", 2e8, "value_cleaned"),
        ("约300", "人", 300.0, "value_approximate"),
        ("300余人", "人", 300.0, "value_approximate"),
        ("300人左右", "人", 300.0, "value_approximate"),
        ("5分钟", "分钟", 5.0, "value_cleaned"),
        ("30 min", "分钟", 30.0, "value_cleaned"),
        ("1.5小时", "分钟", 90.0, "unit_converted"),
        ("1小时30分", "分钟", 90.0, "unit_converted"),
        ("半小时", "分钟", 30.0, "unit_converted"),
        ("2天", "分钟", 2880.0, "unit_converted"),
        ("3亩", "平方米", 2000.0, "unit_converted"),
        ("1200㎡", "平方米", 1200.0, "value_cleaned"),
        ("三百二十", "人", 320.0, "value_cleaned"),
        ("", "人", None, ""),
        ("无", "人", None, ""),
    ],
)
def test_numbers(cell: Any, unit: str, value: float | None, code: str) -> None:
    got = read_number(cell, unit=unit)
    assert (got.value, got.code) == (value, code)


@pytest.mark.parametrize(
    "cell", ["12,34", "很多", "300-500", "1e400", "0x10", "1" * 50, "1200平方米", True, "1.2.3"]
)
def test_what_is_no_number_is_empty_and_kept(cell: Any) -> None:
    got = read_number(cell, unit="人")
    assert got.value is None
    assert got.code == "value_invalid"
    assert got.keep


@given(st.integers(0, 10**12))
def test_numbers_come_back_from_every_way_to_write_them(number: int) -> None:
    for text in (
        str(number),
        f"{number:,}",
        f" {number} ",
        str(number).translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    ):
        assert read_number(text, whole=True).value == number


@given(st.integers(1, 9999))
def test_chinese_numerals(number: int) -> None:
    signs, scales = "零一二三四五六七八九", ["", "十", "百", "千"]
    digits = [int(digit) for digit in str(number)]
    text, gap = "", False
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit:
            text += ("零" if gap else "") + signs[digit] + scales[place]
        gap = not digit
    assert chinese_number(text) == number


def test_units_of_different_kinds_are_not_mixed() -> None:
    assert unit_factor("平方米", "人") is None
    assert unit_factor("小时", "分钟") == 60
    assert unit_factor("万人", "人") == 10_000
    assert unit_factor("台", "人") == 1


# Dates


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("2024-03-05", "2024-03-05"),
        ("2024/3/5", "2024-03-05"),
        ("2024.3.5", "2024-03-05"),
        ("２０２４年３月５日", "2024-03-05"),
        ("二〇二四年三月五日", "2024-03-05"),
        ("20240305", "2024-03-05"),
        (20240305, "2024-03-05"),
        (45356, "2024-03-05"),
        (45356.75, "2024-03-05"),
        (dt.datetime(2024, 3, 5, 9, 30), "2024-03-05"),
        (dt.date(2024, 3, 5), "2024-03-05"),
        ("2024-03-05 10:20:00", "2024-03-05"),
        ("2024-03-05T10:20:00Z", "2024-03-05"),
        ("24年3月5日", "2024-03-05"),
        ("25/12/2023", "2023-12-25"),
        ("2024年3月", "2024-03"),
        ("2024-03", "2024-03"),
        ("2024年", "2024"),
        (2024, "2024"),
    ],
)
def test_dates(cell: Any, text: str) -> None:
    assert read_date(cell).value == text


@pytest.mark.parametrize(
    "cell",
    ["2024-02-30", "2024-13-01", "3/5/2024", "去年", "99", 12, "1850-01-01", "x" * 99, True, float("inf")],
)
def test_what_is_no_date_is_empty_and_kept(cell: Any) -> None:
    got = read_date(cell)
    assert (got.value, got.code, got.keep) == (None, "value_invalid", True)


@given(st.dates(dt.date(1950, 1, 1), dt.date(2099, 12, 31)))
def test_dates_come_back_from_every_way_to_write_them(day: dt.date) -> None:
    serial = (day - dt.date(1899, 12, 30)).days
    ways = [
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%Y%m%d}",
        f"{day.year}/{day.month}/{day.day}",
        serial,
    ]
    assert {read_date(way).value for way in ways} == {day.isoformat()}
    assert first_day(day.isoformat()) == last_day(day.isoformat()) == day
    assert read_year(day.isoformat()).value == day.year


# Telephones


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (13800138000, "13800138000"),
        (13800138000.0, "13800138000"),
        ("13800138000.0", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        ("0086-791-86212345", "0791-86212345"),
        ("１３８００１３８０００", "13800138000"),
        ("0791－86212345转8001", "0791-86212345转8001"),
        ("(0791)86212345", "0791-86212345"),
        (79186212345, "0791-86212345"),
        ("86212345", "86212345"),
        ("0791-86212345 / 13800138000", "0791-86212345、13800138000"),
        ("13800138000;13900139000", "13800138000、13900139000"),
        ("4008100120", "400-810-0120"),
        ("120", "120"),
        ("", None),
    ],
)
def test_phones(cell: Any, text: str | None) -> None:
    got = read_phone(cell)
    assert got.value == text
    assert not got.keep


@pytest.mark.parametrize(
    "cell", ["1.38E+10", "138****8000", "1380013800", "见附件", 13800138000.5, "1" * 300]
)
def test_what_is_no_phone_is_empty_and_kept(cell: Any) -> None:
    got = read_phone(cell)
    assert (got.value, got.code, got.keep) == (None, "value_invalid", True)


def test_a_name_before_a_phone_is_kept() -> None:
    got = read_phone("张三13800138000")
    assert (got.value, got.keep) == ("13800138000", True)


@given(st.from_regex(r"1[3-9][0-9]{9}|0(10|2[0-9]|[3-9][0-9]{2})-[2-9][0-9]{7}", fullmatch=True))
def test_a_canonical_phone_stays_as_it_is(number: str) -> None:
    got = read_phone(number)
    assert (got.value, got.code) == (number, "")


# Opening hours


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("24小时", "24小时"),
        ("全天", "24小时"),
        ("7×24", "24小时"),
        ("24h", "24小时"),
        ("00:00-24:00", "24小时"),
        ("24小时(全年无休)", "24小时"),
        ("周一至周五9:00-17:00", "周一至周五 09:00-17:00"),
        ("星期一到星期五 9：00～17：00", "周一至周五 09:00-17:00"),
        ("工作日上午8:30-12:00,下午2:00-5:30", "周一至周五 08:30-12:00, 14:00-17:30"),
        ("每天8点到18点半", "周一至周日 08:00-18:30"),
        ("9:00-17:00(周一闭馆)", "周二至周日 09:00-17:00"),
        ("9:00-17:00 周一至周五", "周一至周五 09:00-17:00"),
        ("周一、周三、周五 9:00-11:00", "周一、周三、周五 09:00-11:00"),
        ("周六日 9:00-12:00", "周六至周日 09:00-12:00"),
        ("工作日9:00-17:00 周末10:00-16:00 节假日10:00-15:00",
         "周一至周五 09:00-17:00; 周六至周日 10:00-16:00; 节假日 10:00-15:00"),
        ("周一至周五(法定节假日除外)9:00-17:00", "周一至周五 09:00-17:00; 节假日关闭"),
        ("9:00-17:00,全年无休", "周一至周日 09:00-17:00; 节假日照常"),
        ("18:00-02:00", "周一至周日 18:00-02:00"),
    ],
)  # fmt: skip
def test_hours(text: str, canonical: str) -> None:
    assert read_hours(text).value == canonical


@pytest.mark.parametrize(
    "text",
    [
        "随时",
        "8-17",
        "夏季8:00-18:00",
        "25:00-26:00",
        "工作日",
        "9:00-9:00",
        "8:00-12:00 9:00-10:00",
        "周" * 300,
    ],
)
def test_what_are_no_hours_is_empty_and_kept(text: str) -> None:
    got = read_hours(text)
    assert (got.value, got.code, got.keep) == (None, "value_invalid", True)


@st.composite
def _hours(draw: st.DrawFn) -> Hours:
    def times() -> tuple[tuple[int, int], ...]:
        marks = draw(st.lists(st.integers(0, 1439), min_size=0, max_size=4, unique=True))
        marks = sorted(marks)[: len(marks) // 2 * 2]
        return tuple(zip(marks[::2], marks[1::2], strict=True))

    choices = [times() for _ in range(3)]
    week = tuple(draw(st.sampled_from(choices)) for _ in range(7))
    holidays = draw(st.sampled_from([None, (), *choices]))
    usual = holidays is None and draw(st.booleans())
    return Hours(week, holidays, usual)


@given(_hours())
def test_the_canonical_hours_are_read_back(hours: Hours) -> None:
    if any(hours.week):
        assert parse_hours(format_hours(hours)) == hours


@given(st.text(max_size=60))
def test_no_text_breaks_the_readers(text: str) -> None:
    for read in (read_hours, read_date, read_phone, read_stock_text, read_number, read_bool):
        got = read(text)
        assert got.value is not None or not tidy_code(text) or got.keep or not got.code


# Stock


@pytest.mark.parametrize(
    ("text", "stock"),
    [
        ("棉被:1200;帐篷:30", {"棉被": 1200, "帐篷": 30}),
        ("棉被1200床、帐篷30顶", {"棉被": 1200, "帐篷": 30}),
        ("1200床棉被，30顶帐篷", {"棉被": 1200, "帐篷": 30}),
        ("棉被 1200 帐篷 30", {"棉被": 1200, "帐篷": 30}),
        ("棉被:1,200床；帐篷×30", {"棉被": 1200, "帐篷": 30}),
        ("N95口罩5000只;84消毒液200瓶", {"N95口罩": 5000, "84消毒液": 200}),
        ("大米20吨", {"大米(吨)": 20}),
        ('{"棉被": 1200}', {"棉被": 1200}),
    ],
)
def test_stock(text: str, stock: dict[str, int]) -> None:
    got = read_stock_text(text)
    assert json.loads(got.value) == stock
    assert not got.keep


@pytest.mark.parametrize(
    "text", ["棉被若干", "棉被约1200床", "棉被-5", "{bad", "见附件", "棉被1200床帐篷30顶", "[" * 9000]
)
def test_what_is_no_stock_is_empty_and_kept(text: str) -> None:
    got = read_stock_text(text)
    assert (got.value, got.code, got.keep) == (None, "value_invalid", True)


def test_an_item_that_stands_twice_is_told_and_kept() -> None:
    got = read_stock_text("棉被:1;棉被:2;帐篷:3")
    assert json.loads(got.value) == {"棉被": 1, "帐篷": 3}
    assert got.keep


@given(
    st.dictionaries(
        st.text("棉被帐篷食品饮水毛毯abcN95 (床)", min_size=1, max_size=8), st.integers(0, 10**6), max_size=6
    )
)
def test_stock_comes_back(stock: dict[str, int]) -> None:
    tidy = {tidy_text(item): number for item, number in stock.items() if tidy_text(item)}
    text = write_stock(tidy)
    assert read_stock_text(text).value == (text if tidy else None)
    assert read_stock_text(format_stock(text)).value == (text if tidy else None)


# Columns


def test_yes_and_no() -> None:
    assert [read_bool(cell).value for cell in ("是", "√", "Y", 1, True, "有")] == [True] * 6
    assert [read_bool(cell).value for cell in ("否", "×", "N", 0, False, "无")] == [False] * 6
    assert read_bool("也许").keep


def test_a_choice_knows_its_other_spellings() -> None:
    status = load_types()["aed"].attribute("status")
    column = convert_column(_cells("正常", "已建", "拆除", None, "飞了"), status, header="状态")
    assert column.values.tolist() == ["已建", "已建", "停用", None, None]
    assert column.keep.tolist() == [False, False, False, False, True]
    assert {found.code: found.level for found in column.batches} == {
        "value_cleaned": "note",
        "value_invalid": "warning",
    }


def test_an_open_choice_keeps_other_values() -> None:
    venue = load_types()["aed"].attribute("venue")
    column = convert_column(_cells("加油站", "居委会"), venue, header="类型")
    assert column.values.tolist() == ["加油站", "社区"]
    assert not column.keep.any()


def test_a_required_value_that_cannot_be_read_is_an_error() -> None:
    needed = Attribute("n", "数", "number", "数", required=True, minimum=0)
    column = convert_column(_cells("x", -1, 3), needed, header="数")
    assert [(found.code, found.level) for found in column.batches] == [
        ("value_invalid", "error"),
        ("value_range", "error"),
    ]


def test_true_one_and_text_one_are_different_cells() -> None:
    codes, unique = factorize(_cells(1, True, "1", 1.0, None, float("nan"), 1))
    assert codes.tolist() == [0, 1, 2, 3, -1, -1, 0]
    assert [type(cell) for cell in unique] == [int, bool, str, float]


@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=5), st.integers(), st.floats(allow_nan=True), st.booleans()),
        max_size=20,
    )
)
def test_a_column_never_loses_a_cell(cells: list[Any]) -> None:
    for attribute in load_types()["warehouse"].attributes:
        column = convert_column(_cells(*cells), attribute, header="h")
        assert len(column.values) == len(cells)
        told = {
            int(row)
            for found in column.batches
            if found.code in ("value_invalid", "value_range")
            for row in found.rows
        }
        assert told <= set(np.flatnonzero(column.keep)) or attribute.required


@given(st.text(max_size=40))
def test_tidying_twice_changes_nothing(text: str) -> None:
    if not tidy_text(text).startswith("'"):
        assert tidy_text(tidy_text(text)) == tidy_text(text)
