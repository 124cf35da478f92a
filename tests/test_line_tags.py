"""What the columns of a line layer mean: classes, one-ways, names, whatever an office calls them."""

from __future__ import annotations

import pytest
from boai.geodata.osm.line_tags import find_columns, read_tags


@pytest.mark.parametrize(
    ("column", "value", "tags"),
    [
        ("fclass", "track_grade2", {"highway": "track", "tracktype": "grade2"}),
        ("fclass", "unknown", {"highway": "road"}),
        ("FCLASS", "Motorway_Link", {"highway": "motorway_link"}),
        ("highway", "construction", {"highway": "construction"}),
        ("道路等级", "国道", {"highway": "trunk"}),
        ("技术等级", "四级公路", {"highway": "unclassified"}),
        ("类型", " 城市 快速路 ", {"highway": "trunk"}),
        ("等级", "轮渡", {"route": "ferry"}),
        ("等级", "不知道", {"highway": "road"}),
        ("等级", None, {"highway": "road"}),
    ],
)
def test_classes(column: str, value: str | None, tags: dict[str, str]) -> None:
    read = read_tags({column: [value]}, 1, None, "x")
    assert read.tag_sets[read.tags[0]] == {**tags, "oneway": "no"}
    known = value is not None and value != "不知道"
    assert ({"class_unknown", "class_missing"} & set(read.odd) == set()) == known


@pytest.mark.parametrize(
    ("values", "ways"),
    [
        (["F", "T", "B"], ["yes", "-1", "no"]),  # Geofabrik: along, against, both
        (["T", "F"], ["yes", "no"]),  # true and false, since nothing is both ways
        (["FT", "TF", ""], ["yes", "-1", None]),
        (["yes", "no", "-1", "1", "0"], ["yes", "no", "-1", "yes", "no"]),
        ([True, False, None], ["yes", "no", None]),
        ([1, 0, -1], ["yes", "no", "-1"]),
        (["是", "否", "单行", "双向", "反向"], ["yes", "no", "yes", "no", "-1"]),
        (["what"], ["no"]),
    ],
)
def test_one_ways(values: list[object], ways: list[str | None]) -> None:
    n = len(values)
    read = read_tags({"highway": ["primary"] * n, "oneway": values}, n, None, "x")
    assert [read.tag_sets[at].get("oneway") for at in read.tags] == ways
    assert ("oneway_unknown" in read.odd) == ("what" in values)


def test_other_columns_become_tags() -> None:
    columns = {
        "highway": ["primary", "primary"], "maxspeed": ["0", 60.0],
        "Bridge": ["F", "T"], "tunnel": ["F", "T"], "width": [3, 4],
        "surface": [None, "gravel"], "ref": ["G320", None], "name": [None, "沪昆线"],
    }  # fmt: skip
    read = read_tags(columns, 2, None, "x")
    assert read.tag_sets[read.tags[0]] == {"highway": "primary", "oneway": "no"}
    assert read.tag_sets[read.tags[1]] == {
        "highway": "primary", "oneway": "no", "maxspeed": "60", "bridge": "yes", "tunnel": "yes",
        "surface": "gravel",
    }  # fmt: skip
    assert [read.labels[at] for at in read.label] == [("G320", ""), ("", "沪昆线")]
    assert read.labels[0] == ("", "")


def test_headers_that_a_shapefile_cuts() -> None:
    assert find_columns(("道路等", "name", "路线编"), {}, "x") == {
        "highway": "道路等",
        "name": "name",
        "ref": "路线编",
    }
