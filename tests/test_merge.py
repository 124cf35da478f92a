"""Which row of a file is which stored site."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from boai.geodata.intake.merge import plan_merge
from boai.geodata.types import COMMON
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

_NUMBERS = ("lon", "lat", "orig_x", "orig_y", "year", "capacity", "readiness_min")
_ALL = frozenset(COMMON)
NORTH_M = 1 / 111_194.93  # degrees per metre


def _sites(*rows: dict[str, Any]) -> pd.DataFrame:
    """Sites as an intake gives them: an id that the row does not have is made of its content."""
    filled = []
    for row in rows:
        blank: dict[str, Any] = {name: np.nan if name in _NUMBERS else "" for name in COMMON}
        known = {
            "position": "精确",
            "status": "已建",
            "county_code": "360424",
            "extras": {},
            "example": False,
            "given": _ALL,
        }
        made = "id" not in row
        known["made"] = made
        merged = {**blank, **known, **row}
        if made:
            merged["id"] = f"aed-{abs(hash(tuple(str(value) for value in row.values()))) % 10**10}"
        filled.append(merged)
    return pd.DataFrame(filled)


def _stored(change: Any) -> pd.DataFrame:
    return change.upserts.assign(revision=1)


EMPTY = _sites({"name": "x"}).iloc[:0]
SITE = {"name": "甲", "lon": 115.0, "lat": 28.0, "phone": "1", "address": "路1号"}


def _import(*rows: dict[str, Any]) -> pd.DataFrame:
    return _stored(plan_merge(EMPTY, _sites(*rows)))


def test_new_rows_are_new() -> None:
    change = plan_merge(EMPTY, _sites(SITE, {**SITE, "name": "乙"}))
    assert change.facts == {"matched_id": 0, "matched_name": 0, "new": 2}
    assert change.upserts["id"].is_unique
    assert not {"crs", "file", "sheet", "row", "given", "made"} & set(change.upserts)


def test_the_same_file_again_changes_nothing() -> None:
    rows = [
        SITE,
        {**SITE, "phone": "2"},
        {**SITE, "name": "乙", "id": "A1"},
        {"name": "丙", "position": "近似"},
    ]
    stored = _import(*rows)
    again = plan_merge(stored, _sites(*rows))
    pd.testing.assert_frame_equal(again.upserts, stored.drop(columns="revision"))
    assert again.facts["new"] == 0


def test_an_id_finds_its_site_wherever_it_is() -> None:
    stored = _import({**SITE, "id": "A1"}, {**SITE, "id": "A2", "name": "乙"})
    change = plan_merge(stored, _sites({**SITE, "id": "A1", "name": "新名", "lon": 116.0}))
    assert change.upserts["id"].tolist() == ["A1"]
    assert change.facts == {"matched_id": 1, "matched_name": 0, "new": 0}


@pytest.mark.parametrize(("metres", "found"), [(0.0, True), (49.0, True), (51.0, False)])
def test_the_same_name_within_fifty_metres_is_the_same_site(metres: float, found: bool) -> None:
    stored = _import(SITE)
    change = plan_merge(stored, _sites({**SITE, "phone": "9", "lat": 28.0 + metres * NORTH_M}))
    assert (change.upserts["id"].iloc[0] == stored["id"].iloc[0]) == found
    assert change.upserts["phone"].iloc[0] == "9"


def test_another_name_is_another_site() -> None:
    assert plan_merge(_import(SITE), _sites({**SITE, "name": "乙"})).facts["new"] == 1


def test_one_site_is_found_once_and_by_the_nearest() -> None:
    stored = _import(SITE)
    change = plan_merge(
        stored, _sites({**SITE, "lat": 28.0 + 30 * NORTH_M}, {**SITE, "lat": 28.0 + 10 * NORTH_M})
    )
    assert (change.upserts["id"] == stored["id"].iloc[0]).tolist() == [False, True]
    assert change.upserts["id"].is_unique


def test_an_approximate_site_gets_its_coordinates() -> None:
    vague = {"name": "甲", "address": "路1号", "lon": 114.5, "lat": 29.0, "position": "近似"}
    stored = _import(vague)
    change = plan_merge(stored, _sites(SITE))
    assert change.upserts["id"].tolist() == stored["id"].tolist()
    assert change.upserts["lon"].tolist() == [115.0]
    other = plan_merge(stored, _sites({**SITE, "address": "路2号"}))
    assert other.facts["new"] == 1


def test_an_approximate_row_keeps_the_exact_position() -> None:
    stored = _import({**SITE, "id": "A1"})
    row = {**SITE, "id": "A1", "lon": 114.5, "lat": 29.0, "position": "近似", "phone": "7"}
    change = plan_merge(stored, _sites(row))
    assert change.upserts[["lon", "lat", "position", "phone"]].iloc[0].tolist() == [115.0, 28.0, "精确", "7"]
    moved = plan_merge(stored, _sites({**row, "county_code": "360425"}))
    assert moved.upserts["lon"].tolist() == [114.5]


def test_what_the_file_has_no_column_for_stays() -> None:
    stored = _import(
        {
            **SITE,
            "id": "A1",
            "phone": "1",
            "year": 2020.0,
            "status": "停用",
            "extras": {"备注": "旧", "备 2": "留"},
        }
    )
    given = frozenset({"id", "name", "phone", "lon", "lat"})
    change = plan_merge(
        stored, _sites({**SITE, "id": "A1", "phone": "", "given": given, "extras": {"备注": "新"}})
    )
    site = change.upserts.iloc[0]
    assert (site["phone"], site["year"], site["status"]) == ("", 2020.0, "停用")
    assert site["extras"] == {"备注": "新", "备 2": "留"}


def test_a_kept_original_goes_when_its_column_comes_again() -> None:
    stored = _import({**SITE, "id": "A1", "extras": {"人数(原文)": "约300", "别的(原文)": "x"}})
    row = {**SITE, "id": "A1", "given": _ALL | {"人数"}, "extras": {}}
    assert plan_merge(stored, _sites(row)).upserts["extras"].iloc[0] == {"别的(原文)": "x"}


def test_replacing_removes_what_the_file_does_not_have() -> None:
    stored = _import({**SITE, "id": "A1"}, {**SITE, "id": "A2", "name": "乙"})
    change = plan_merge(stored, _sites({**SITE, "id": "A1"}), replace=True)
    assert list(change.delete) == ["A2"]
    assert not plan_merge(stored, _sites({**SITE, "id": "A1"})).delete


def test_real_rows_do_not_become_examples() -> None:
    stored = _import({**SITE, "id": "E1", "example": True})
    assert plan_merge(stored, _sites(SITE)).facts["new"] == 1


@settings(max_examples=many(40))
@given(
    st.lists(st.tuples(st.sampled_from("甲乙"), st.integers(0, 6), st.integers(0, 2)), max_size=12), st.data()
)
def test_importing_twice_is_importing_once(rows: list[tuple[str, int, int]], data: st.DataObject) -> None:
    given_rows = [
        {"name": name, "lon": 115.0, "lat": 28.0 + step * 20 * NORTH_M, "phone": str(phone)}
        for name, step, phone in dict.fromkeys(rows)
    ]
    if not given_rows:
        return
    stored = _import(*given_rows)
    assert stored["id"].is_unique
    order = data.draw(st.permutations(range(len(given_rows))))
    again = plan_merge(stored, _sites(*(given_rows[at] for at in order)))
    expected = stored.drop(columns="revision").set_index("id").sort_index()
    pd.testing.assert_frame_equal(again.upserts.set_index("id").sort_index(), expected)


@pytest.mark.slow
def test_five_thousand_rows_at_one_point_are_matched_quickly() -> None:
    base = _sites(SITE)
    many = pd.concat([base] * 5_000, ignore_index=True)
    many["id"] = [f"aed-{number}" for number in range(len(many))]
    stored = _stored(plan_merge(EMPTY, many))
    again = many.assign(id=[f"aed-x{number}" for number in range(len(many))], phone="9")
    change = plan_merge(stored, again)
    assert change.facts["new"] == 0
    assert change.upserts["id"].is_unique
