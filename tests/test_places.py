"""Counties by their names with history and their codes; rows that have only a place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from boai.geodata.boundaries import locate
from boai.geodata.intake.counties import FORMER_CODES, code_of, read_stated, read_unit
from boai.geodata.intake.places import Context, default_context, find_place, find_places


@pytest.fixture(scope="module")
def context() -> Context:
    return default_context()


def _cells(*cells: Any) -> Any:
    array = np.empty(len(cells), object)
    array[:] = cells
    return array


@pytest.mark.parametrize(
    ("text", "county", "former"),
    [
        ("赣县", "赣县区", "赣县"),
        ("南康市", "南康区", "南康市"),
        ("上饶县", "广信区", "上饶县"),
        ("上饶市上饶县", "广信区", "上饶县"),
        ("江西省赣州市南康市", "南康区", "南康市"),
        ("九江县", "柴桑区", "九江县"),
        ("星子县", "庐山市", "星子县"),
        ("庐山区", "濂溪区", "庐山区"),
        ("湾里区", "新建区", "湾里区"),
        ("波阳县", "鄱阳县", "波阳县"),
        ("庐山", "庐山市", ""),
        ("修水", "修水县", ""),
        (" 修 水 县 ", "修水县", ""),
        ("九江市-修水县", "修水县", ""),
        ("江西省九江市修水县", "修水县", ""),
        ("九江市修水", "修水县", ""),
        ("红谷滩新区", "红谷滩区", ""),
        ("修水縣", "修水县", ""),
        ("南昌", "", ""),
        ("南昌市", "", ""),
        ("武汉市", "", ""),
        ("经开区", "", ""),
    ],
)
def test_counties_by_name(context: Context, text: str, county: str, former: str) -> None:
    unit = read_unit(context.names, text)
    assert (context.names.county_name[unit.county] if unit.county >= 0 else "") == county
    assert unit.former == former


def test_every_county_is_known_by_all_its_spellings(context: Context) -> None:
    units = context.units.counties
    for place, (name, city) in enumerate(zip(units["name"], units["city_name"], strict=True)):
        for text in (name, f"{city}{name}", f"江西省{city}{name}", f"江西{name}"):
            assert read_unit(context.names, text).county == place, text


def test_codes_of_six_nine_and_twelve_digits(context: Context) -> None:
    cells = _cells(
        "360424",
        360424,
        360424.0,
        "360424100",
        "360424100000",
        "３６０４２４",
        "361121",
        "360400",
        "999999",
        None,
    )
    stated = read_stated(context.names, None, cells, None, len(cells))
    names = [context.names.county_name[place] if place >= 0 else "" for place in stated.code]
    assert names == ["修水县"] * 6 + ["广信区", "", "", ""]
    assert stated.bad_code.tolist() == [False] * 8 + [True, False]
    assert context.names.city_name[stated.city[7]] == "九江市"


def test_former_codes_lead_to_present_ones(context: Context) -> None:
    present = set(context.units.counties["code"])
    assert set(FORMER_CODES.values()) <= present
    assert not set(FORMER_CODES) & present
    assert code_of("36042") == "36042"


def test_a_county_in_another_city_is_a_conflict(context: Context) -> None:
    stated = read_stated(
        context.names, _cells("修水县", "修水县", None), None, _cells("赣州市", "九江", "九江市"), 3
    )
    assert stated.city_conflict.tolist() == [True, False, False]
    assert [context.names.city_name[place] for place in stated.city] == ["九江市"] * 3


def test_places_of_addresses(context: Context) -> None:
    town = find_place(context, context.towns, "江西省九江市修水县城郊黄坳乡卫生院", -1)
    assert town is not None
    assert town.name == "九江市修水县黄坳乡"
    seat = find_place(context, context.towns, "修水县人民医院", -1)
    assert seat is not None
    assert seat.name == "九江市修水县"
    assert find_place(context, context.towns, "某地", -1) is None
    assert find_place(context, context.towns, "武宁县某路", read_unit(context.names, "修水县").county) is None


def test_placed_rows_lie_in_their_county(context: Context) -> None:
    names = [str(name) for name in context.units.counties["name"]]
    county = np.arange(len(names), dtype=np.int32)
    places, which = find_places(
        context, [_cells(*[f"{name}某路1号" for name in names])], county, np.ones(len(names), bool)
    )
    found = [places[at] for at in which]
    here = locate(context.units, [p.lon for p in found if p], [p.lat for p in found if p])
    assert here.tolist() == county.tolist()


def test_a_township_goes_before_an_address(context: Context) -> None:
    places, which = find_places(
        context, [_cells("黄坳乡"), _cells("修水县人民医院")], np.array([-1], np.int32), np.ones(1, bool)
    )
    assert getattr(places[which[0]], "name", "") == "九江市修水县黄坳乡"
