"""Tag rules: who may pass where and in which direction, row by row, and against OSMnx's own filter."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from boai.geodata.errors import InputError
from boai.geodata.network import CLASSES
from boai.geodata.osm import osmnx_like, rule_table
from boai.geodata.osm.codes import CODES, LEFT_OUT, NOTES
from boai.geodata.osm.raw import NODE_KEYS, WAY_KEYS
from boai.geodata.osm.rules import Gate, Passage, Profile, judge_node, judge_way, label, read_profile
from hypothesis import example, given
from hypothesis import strategies as st

BOTH, ALONG, AGAINST, NONE = (True, True), (True, False), (False, True), (False, False)
DRIVE, WALK, HEAVY = (read_profile(mode) for mode in ("drive", "walk", "heavy"))
PROFILES = {"drive": DRIVE, "walk": WALK, "heavy": HEAVY}


def tags(text: str) -> dict[str, str]:
    """Read ``a=b c=d``; ``~`` in a value stands for a blank. A word without ``=`` is a class of road."""
    pairs = [word.split("=", 1) if "=" in word else ("highway", word) for word in text.split()]
    return {key: value.replace("~", " ") for key, value in pairs}


def ways_of(passage: Passage) -> tuple[bool, bool]:
    return passage.kmh[0] > 0, passage.kmh[1] > 0


def check(text: str, mode: str, left_out: str, directions: tuple[bool, bool], *notes: str) -> Passage:
    passage = judge_way(tags(text), PROFILES[mode])
    assert (passage.left_out, ways_of(passage)) == (left_out, directions), (text, passage)
    assert set(notes) <= set(passage.notes), (text, passage.notes)
    assert (passage.kmh == (0.0, 0.0)) == bool(left_out)
    return passage


# --- classes ------------------------------------------------------------------------------------------------

# Key:highway: the roads of cars are motorway … residential, living_street and road; paths, steps and tracks
# are not, and a road that is planned or being built is none. "-": class_closed.
CLASS_ROWS = [
    ("motorway", "yes", "-"),
    ("motorway_link", "yes", "-"),
    ("trunk", "yes", "yes"),
    ("trunk_link", "yes", "yes"),
    ("primary", "yes", "yes"),
    ("primary_link", "yes", "yes"),
    ("secondary", "yes", "yes"),
    ("secondary_link", "yes", "yes"),
    ("tertiary", "yes", "yes"),
    ("tertiary_link", "yes", "yes"),
    ("unclassified", "yes", "yes"),
    ("residential", "yes", "yes"),
    ("living_street", "yes", "yes"),
    ("road", "yes", "yes"),
    ("service", "-", "yes"),
    ("track", "-", "yes"),
    ("pedestrian", "-", "yes"),
    ("footway", "-", "yes"),
    ("path", "-", "yes"),
    ("bridleway", "-", "yes"),
    ("steps", "-", "yes"),
    ("corridor", "-", "yes"),
    ("cycleway", "-", "-"),
    ("busway", "-", "-"),
    ("construction", "not_a_road", "not_a_road"),
    ("proposed", "not_a_road", "not_a_road"),
    ("planned", "not_a_road", "not_a_road"),
    ("platform", "not_a_road", "not_a_road"),
    ("raceway", "not_a_road", "not_a_road"),
    ("abandoned", "not_a_road", "not_a_road"),
    ("razed", "not_a_road", "not_a_road"),
    ("rest_area", "not_a_road", "not_a_road"),
    ("services", "not_a_road", "not_a_road"),
    ("elevator", "not_a_road", "not_a_road"),
    ("bus_guideway", "not_a_road", "not_a_road"),
    ("no", "not_a_road", "not_a_road"),
    ("ferry", "class_unknown", "class_unknown"),
    ("other", "class_unknown", "class_unknown"),
    ("gibberish", "class_unknown", "class_unknown"),
    ("yes", "class_unknown", "class_unknown"),
    ("trail", "-", "yes"),
    ("minor", "yes", "yes"),
    ("Residential", "yes", "yes"),
    ("construction;primary", "not_a_road", "not_a_road"),
    ("gibberish;primary", "yes", "yes"),
    ("primary;secondary", "yes", "yes"),
    ("；primary", "yes", "yes"),
]


@pytest.mark.parametrize(("highway", "drive", "walk"), CLASS_ROWS)
def test_class(highway: str, drive: str, walk: str) -> None:
    for mode, expected in (("drive", drive), ("heavy", drive), ("walk", walk)):
        passage = judge_way({"highway": highway}, PROFILES[mode])
        why = {"yes": "", "-": "class_closed"}.get(expected, expected)
        assert passage.left_out == why, (mode, passage)


def test_class_is_told() -> None:
    assert CLASSES[judge_way({"highway": "primary_link"}, DRIVE).road_class] == "primary_link"
    assert CLASSES[judge_way({"highway": "trail"}, WALK).road_class] == "path"
    assert "alias" in judge_way({"highway": "minor"}, DRIVE).notes
    assert "first_of_many" in judge_way({"highway": "primary;secondary"}, DRIVE).notes
    assert CLASSES[judge_way(tags("residential access=no"), DRIVE).road_class] == "residential"


def test_without_highway() -> None:
    assert judge_way({}, DRIVE).left_out == "no_highway"
    assert judge_way({"route": "hiking"}, WALK).left_out == "no_highway"
    assert judge_way({"highway": "  "}, DRIVE).left_out == "no_highway"


# Key:area: a closed way with area=yes is a square, not a line along which one goes.
@pytest.mark.parametrize(
    ("text", "left_out"),
    [("residential area=yes", "area"), ("residential area=no", ""), ("living_street area=1", "area")],
)
def test_area(text: str, left_out: str) -> None:
    assert judge_way(tags(text), DRIVE).left_out == left_out


# Key:service: the kind of a minor road; those of yards, car parks and alleys are no part of the network.
@pytest.mark.parametrize(
    ("text", "drive", "walk"),
    [
        ("residential service=alley", "service_kind", ""),
        ("unclassified service=driveway", "service_kind", ""),
        ("unclassified service=parking_aisle", "service_kind", ""),
        ("unclassified service=emergency_access", "service_kind", ""),
        ("unclassified service=private", "service_kind", "service_kind"),
        ("unclassified service=bus", "", ""),
        ("unclassified service=drive-through", "", ""),
        ("unclassified service=siding;alley", "service_kind", ""),
        ("service service=driveway", "service_kind", ""),
        ("service", "class_closed", ""),
    ],
)
def test_service(text: str, drive: str, walk: str) -> None:
    assert judge_way(tags(text), DRIVE).left_out == drive
    assert judge_way(tags(text), WALK).left_out == walk


# Key:impassable, Key:smoothness, Key:ice_road: a road that no wheel passes, or only in a frozen winter.
@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("tertiary impassable=yes", "impassable"),
        ("tertiary impassable=no", ""),
        ("tertiary status=impassable", "impassable"),
        ("tertiary status=approved", ""),
        ("tertiary smoothness=impassable", "impassable"),
        ("tertiary smoothness=horrible", ""),
        ("tertiary ford=stepping_stones", "impassable"),
        ("tertiary ford=yes", ""),
        ("tertiary ice_road=yes", "seasonal"),
        ("tertiary winter_road=yes", "seasonal"),
        ("tertiary winter_road=no", ""),
        ("tertiary abandoned=yes", "not_a_road"),
        ("tertiary disused=yes", "not_a_road"),
        ("tertiary disused=no", ""),
    ],
)
def test_passable(text: str, left_out: str) -> None:
    assert judge_way(tags(text), DRIVE).left_out == left_out


# --- access -------------------------------------------------------------------------------------------------

# Key:access: of the keys access > vehicle > motor_vehicle > motorcar the most specific decides, whether it
# opens or closes; values that give a right of way to those who go there (destination …) leave the road open.
ACCESS_ROWS = [
    ("", ""),
    ("access=yes", ""),
    ("access=permissive", ""),
    ("access=designated", ""),
    ("access=public", ""),
    ("access=official", ""),
    ("access=destination", ""),
    ("access=delivery", ""),
    ("access=customers", ""),
    ("access=residents", ""),
    ("access=permit", ""),
    ("access=discouraged", ""),
    ("access=no", "access_closed"),
    ("access=private", "access_closed"),
    ("access=Private", "access_closed"),
    ("access=~private~", "access_closed"),
    ("access=ｎｏ", "access_closed"),
    ("access=restricted", "access_closed"),
    ("access=military", "access_closed"),
    ("access=psv", "access_closed"),
    ("access=bus", "access_closed"),
    ("access=emergency", "access_closed"),
    ("access=agricultural", "access_special"),
    ("access=forestry", "access_special"),
    ("access=agricultural;forestry", "access_special"),
    ("access=no;forestry", "access_special"),
    ("access=destination;forestry", ""),
    ("access=no;yes", ""),
    ("access=unknown", ""),
    ("access=foo", ""),
    ("access=foo;no", "access_closed"),
    ("vehicle=no", "access_closed"),
    ("vehicle=yes", ""),
    ("motor_vehicle=no", "access_closed"),
    ("motor_vehicle=private", "access_closed"),
    ("motor_vehicle=agricultural", "access_special"),
    ("motor_vehicle=destination", ""),
    ("motorcar=no", "access_closed"),
    ("motorcar=yes", ""),
    ("access=no vehicle=yes", ""),
    ("access=no motor_vehicle=yes", ""),
    ("access=no motorcar=yes", ""),
    ("access=private motor_vehicle=destination", ""),
    ("access=yes vehicle=no", "access_closed"),
    ("access=yes motor_vehicle=no", "access_closed"),
    ("access=yes motorcar=no", "access_closed"),
    ("vehicle=no motor_vehicle=yes", ""),
    ("vehicle=yes motor_vehicle=no", "access_closed"),
    ("motor_vehicle=no motorcar=yes", ""),
    ("motor_vehicle=yes motorcar=no", "access_closed"),
    ("access=no vehicle=no motor_vehicle=no motorcar=permissive", ""),
    ("access=yes vehicle=yes motor_vehicle=yes motorcar=private", "access_closed"),
    ("access=no motorcar=foo", "access_closed"),
    ("access=yes motor_vehicle=unknown", ""),
    ("motor_vehicle=no motorcar=unknown", "access_closed"),
    ("foot=no", ""),
    ("hgv=no", ""),
    ("goods=no", ""),
    ("access=no foot=yes", "access_closed"),
    ("access=no bus=yes", "access_closed"),
    ("access=no hgv=yes", "access_closed"),
    ("access=no emergency=yes", "emergency_only"),
    ("motor_vehicle=no emergency=designated", "emergency_only"),
    ("access=no emergency=no", "access_closed"),
    ("emergency=yes", ""),
]


@pytest.mark.parametrize(("more", "left_out"), ACCESS_ROWS)
def test_access_of_cars(more: str, left_out: str) -> None:
    check(f"residential {more}", "drive", left_out, NONE if left_out else BOTH)


# Key:hgv: heavy goods vehicles are motor vehicles; hgv is as specific as motorcar, which is not theirs.
HGV_ROWS = [
    ("hgv=no", "access_closed"),
    ("hgv=destination", ""),
    ("hgv=delivery", ""),
    ("hgv=designated", ""),
    ("hgv=agricultural", "access_special"),
    ("hgv=unsuitable", "access_closed"),
    ("motor_vehicle=no hgv=yes", ""),
    ("motor_vehicle=no", "access_closed"),
    ("motorcar=no", ""),
    ("motor_vehicle=no motorcar=yes", "access_closed"),
    ("access=no hgv=permissive", ""),
    ("motor_vehicle=yes hgv=no", "access_closed"),
    ("hgv=foo", ""),
    ("goods=no", ""),
]


@pytest.mark.parametrize(("more", "left_out"), HGV_ROWS)
def test_access_of_heavy_vehicles(more: str, left_out: str) -> None:
    check(f"tertiary {more}", "heavy", left_out, NONE if left_out else BOTH)


# Key:goods: vehicles up to 3.5 t are goods, not hgv.
def test_light_goods_vehicles() -> None:
    van = read_profile("heavy", weight_t=3.5)
    assert judge_way(tags("tertiary goods=no"), van).left_out == "access_closed"
    assert judge_way(tags("tertiary hgv=no"), van).left_out == ""
    assert judge_way(tags("tertiary maxweight=3.5"), van).left_out == ""


# Key:foot: on foot only foot and access count.
FOOT_ROWS = [
    ("residential", ""),
    ("residential foot=no", "access_closed"),
    ("residential foot=private", "access_closed"),
    ("residential access=no", "access_closed"),
    ("residential access=no foot=yes", ""),
    ("residential access=no foot=designated", ""),
    ("residential access=private foot=permissive", ""),
    ("residential access=yes foot=no", "access_closed"),
    ("residential vehicle=no", ""),
    ("residential motor_vehicle=no", ""),
    ("residential motorcar=no hgv=no", ""),
    ("residential foot=use_sidepath", ""),
    ("residential access=agricultural", "access_special"),
    ("cycleway", "class_closed"),
    ("cycleway foot=yes", ""),
    ("cycleway foot=designated", ""),
    ("cycleway access=yes", "class_closed"),
    ("motorway foot=yes", "class_closed"),
    # Key:motorroad: a road as closed to slow traffic as a motorway.
    ("trunk motorroad=yes", "motorroad"),
    ("trunk motorroad=yes foot=yes", ""),
    ("trunk motorroad=no", ""),
    # Key:sidewalk: separate means that the pavement is drawn as a way of its own, to be used instead.
    ("residential sidewalk=separate", "sidewalk_separate"),
    ("residential sidewalk:both=separate", "sidewalk_separate"),
    ("residential sidewalk:left=separate", "sidewalk_separate"),
    ("residential sidewalk:right=separate", "sidewalk_separate"),
    ("residential sidewalk=both", ""),
    ("residential sidewalk=no", ""),
    ("residential sidewalk=separate foot=yes", ""),
]


@pytest.mark.parametrize(("text", "left_out"), FOOT_ROWS)
def test_access_on_foot(text: str, left_out: str) -> None:
    check(text, "walk", left_out, NONE if left_out else BOTH)


# Key:access, tracks and pedestrian streets: closed to cars by their class, until a tag of the mode allows it.
OPENED_ROWS = [
    ("track", "class_closed"),
    ("track access=yes", "class_closed"),
    ("track motor_vehicle=yes", ""),
    ("track motor_vehicle=permissive", ""),
    ("track motor_vehicle=destination", ""),
    ("track motorcar=designated", ""),
    ("track vehicle=yes", ""),
    ("track vehicle=agricultural", "access_special"),
    ("track motor_vehicle=no motorcar=yes", ""),
    ("track motor_vehicle=foo", "class_closed"),
    ("pedestrian motor_vehicle=delivery", ""),
    ("pedestrian motorcar=yes", ""),
    ("footway motor_vehicle=yes", "class_closed"),
    ("path motor_vehicle=yes", "class_closed"),
    ("cycleway motor_vehicle=yes", "class_closed"),
    ("service motor_vehicle=yes", "class_closed"),
    ("busway motor_vehicle=yes", "class_closed"),
]


@pytest.mark.parametrize(("text", "left_out"), OPENED_ROWS)
def test_classes_opened_by_a_tag(text: str, left_out: str) -> None:
    passage = check(text, "drive", left_out, NONE if left_out else BOTH)
    assert ("opened_by_tag" in passage.notes) == (left_out == "")


# Key:access, forward and backward: the suffix limits a value to one direction and beats the plain key.
DIRECTED_ROWS = [
    ("motor_vehicle:forward=no", AGAINST),
    ("motor_vehicle:backward=no", ALONG),
    ("vehicle:backward=private", ALONG),
    ("motorcar:forward=no", AGAINST),
    ("access:backward=no", ALONG),
    ("motor_vehicle=no motor_vehicle:forward=yes", ALONG),
    ("motor_vehicle=no motor_vehicle:backward=yes", AGAINST),
    ("vehicle:backward=no motor_vehicle:backward=yes", BOTH),
    ("vehicle:backward=no motor_vehicle=yes", BOTH),
    ("motor_vehicle:backward=no motorcar=yes", BOTH),
    ("motor_vehicle:backward=foo", BOTH),
    ("oneway=yes motor_vehicle:backward=no", ALONG),
    ("oneway=-1 motor_vehicle:forward=no", AGAINST),
    ("hgv:forward=no", BOTH),
]


@pytest.mark.parametrize(("more", "directions"), DIRECTED_ROWS)
def test_access_by_direction(more: str, directions: tuple[bool, bool]) -> None:
    passage = check(f"residential {more}", "drive", "", directions)
    if directions != BOTH and "oneway" not in more:
        assert "access_one_way" in passage.notes


def test_both_directions_closed() -> None:
    check("residential oneway=yes motor_vehicle:forward=no", "drive", "both_ways_closed", NONE)
    check("residential motor_vehicle:forward=no motor_vehicle:backward=no", "drive", "access_closed", NONE)
    check("residential hgv:forward=no", "heavy", "", AGAINST)
    check("residential foot:backward=no", "walk", "", ALONG)


def test_access_is_counted() -> None:
    check("residential access=destination", "drive", "", BOTH, "access_limited")
    check("residential access=foo", "drive", "", BOTH, "access_unknown")
    check("residential motor_vehicle:conditional=no~@~(Mo-Fr)", "drive", "", BOTH, "conditional")
    assert "conditional" not in judge_way(tags("residential motor_vehicle:conditional=no"), WALK).notes
    assert "access_unknown" not in judge_way(tags("residential access=yes"), DRIVE).notes


# --- one-way ------------------------------------------------------------------------------------------------

# Key:oneway: yes, true and 1 with the way, -1 and reverse against it; junction=roundabout|circular and
# highway=motorway imply it, and oneway=no takes it back. T and F come from a common import of shapefiles.
ONEWAY_ROWS = [
    ("residential", BOTH, BOTH),
    ("residential oneway=yes", ALONG, BOTH),
    ("residential oneway=true", ALONG, BOTH),
    ("residential oneway=1", ALONG, BOTH),
    ("residential oneway=YES", ALONG, BOTH),
    ("residential oneway=F", ALONG, BOTH),
    ("residential oneway=-1", AGAINST, BOTH),
    ("residential oneway=reverse", AGAINST, BOTH),
    ("residential oneway=T", AGAINST, BOTH),
    ("residential oneway=no", BOTH, BOTH),
    ("residential oneway=false", BOTH, BOTH),
    ("residential oneway=0", BOTH, BOTH),
    ("residential oneway=alternating", BOTH, BOTH),
    ("residential oneway=", BOTH, BOTH),
    ("residential oneway=foo", BOTH, BOTH),
    ("primary junction=roundabout", ALONG, BOTH),
    ("primary junction=circular", ALONG, BOTH),
    ("primary junction=approach", BOTH, BOTH),
    ("primary junction=jughandle", BOTH, BOTH),
    ("primary junction=yes", BOTH, BOTH),
    ("primary junction=roundabout oneway=yes", ALONG, BOTH),
    ("primary junction=roundabout oneway=no", BOTH, BOTH),
    ("primary junction=roundabout oneway=-1", AGAINST, BOTH),
    ("primary junction=roundabout oneway=foo", ALONG, BOTH),
    ("primary junction=circular oneway=false", BOTH, BOTH),
    ("motorway", ALONG, None),
    ("motorway oneway=no", BOTH, None),
    ("motorway oneway=-1", AGAINST, None),
    ("motorway oneway=foo", ALONG, None),
    ("motorway_link", BOTH, None),
    ("motorway_link oneway=yes", ALONG, None),
    ("trunk", BOTH, BOTH),
    ("trunk motorroad=yes", BOTH, None),
    ("residential oneway=yes oneway:motor_vehicle=no", BOTH, BOTH),
    ("residential oneway=yes oneway:motorcar=no", BOTH, BOTH),
    ("residential oneway=yes oneway:vehicle=no", BOTH, BOTH),
    ("residential oneway:motor_vehicle=yes", ALONG, BOTH),
    ("residential oneway:vehicle=yes oneway:motor_vehicle=no", BOTH, BOTH),
    ("residential oneway:vehicle=yes oneway:motorcar=-1", AGAINST, BOTH),
    ("residential oneway=no oneway:motor_vehicle=-1", AGAINST, BOTH),
    ("primary junction=roundabout oneway:motor_vehicle=no", BOTH, BOTH),
    ("residential oneway=yes oneway:motorcar=foo", ALONG, BOTH),
    ("residential oneway=yes oneway:hgv=no", ALONG, BOTH),
    ("residential oneway:foot=yes", BOTH, ALONG),
    ("residential oneway:foot=-1", BOTH, AGAINST),
    ("residential oneway=yes oneway:foot=no", ALONG, BOTH),
    ("footway oneway=yes", None, BOTH),
    # Key:conveying: escalators and moving walkways run one way.
    ("steps conveying=forward", None, ALONG),
    ("steps conveying=backward", None, AGAINST),
    ("steps conveying=yes", None, BOTH),
    ("steps conveying=reversible", None, BOTH),
    ("footway conveying=forward oneway:foot=no", None, BOTH),
]


@pytest.mark.parametrize(("text", "drive", "walk"), ONEWAY_ROWS)
def test_oneway(text: str, drive: tuple[bool, bool] | None, walk: tuple[bool, bool] | None) -> None:
    for profile, expected in ((DRIVE, drive), (WALK, walk)):
        passage = judge_way(tags(text), profile)
        assert ways_of(passage) == (expected or NONE), (profile.mode, passage)


def test_oneway_of_heavy_vehicles() -> None:
    check("residential oneway=yes oneway:hgv=no", "heavy", "", BOTH, "oneway_exception")
    check("residential oneway=yes oneway:motorcar=no", "heavy", "", ALONG)
    check("residential oneway:motor_vehicle=yes", "heavy", "", ALONG)


# Key:oneway: a reversible road changes its direction with the hour, and the file does not say when.
def test_reversible_roads_are_left_out() -> None:
    check("primary oneway=reversible", "drive", "reversible", NONE, "osmnx_keeps")
    check("primary oneway=reversible", "walk", "", BOTH)


def test_oneway_is_counted() -> None:
    check("primary junction=roundabout", "drive", "", ALONG, "oneway_roundabout")
    check("motorway", "drive", "", ALONG, "oneway_motorway", "osmnx_direction")
    check("primary oneway=foo", "drive", "", BOTH, "oneway_unknown")
    check("primary oneway=yes oneway:motor_vehicle=no", "drive", "", BOTH, "oneway_exception")
    assert "oneway_exception" not in judge_way(tags("primary oneway:motor_vehicle=yes"), DRIVE).notes
    check("steps conveying=forward", "walk", "", ALONG, "conveying")


# --- sizes --------------------------------------------------------------------------------------------------

# Key:maxweight and its kin: the sign closes the road, and a bridge, to a vehicle beyond it; tonnes and metres
# where no unit is written. The table's lorry: 18 t, axle 11.5 t, 4.0 m high, 2.55 m wide, 12 m long.
SIZE_ROWS = [
    ("maxweight=18", ""),
    ("maxweight=17.9", "too_heavy"),
    ("maxweight=7.5", "too_heavy"),
    ("maxweight=7,5", "too_heavy"),
    ("maxweight=7.5~t", "too_heavy"),
    ("maxweight=7.5t", "too_heavy"),
    ("maxweight=7500~kg", "too_heavy"),
    ("maxweight=20000~kg", ""),
    ("maxweight=15~st", "too_heavy"),
    ("maxweight=20~st", ""),
    ("maxweight=40000~lbs", ""),
    ("maxweight=30000~lbs", "too_heavy"),
    ("maxweight=10吨", "too_heavy"),
    ("maxweight=限重10吨", "too_heavy"),
    ("maxweight=限载：40~t", ""),
    ("maxheight=限高3.8米", "too_high"),
    ("maxweight=４０", ""),
    ("maxweight=3.5;7.5", "too_heavy"),
    ("maxweight=40;3.5", "too_heavy"),
    ("maxweight=none", ""),
    ("maxweight=default", ""),
    ("maxweight=unsigned", ""),
    ("maxweight=below_default", "too_heavy"),
    ("maxweight=heavy", ""),
    ("maxweight=0", ""),
    ("maxweight=-5", ""),
    ("maxweight=7500", ""),
    ("maxweight=", ""),
    ("maxweight:hgv=7.5", "too_heavy"),
    ("maxweightrating=7.5", "too_heavy"),
    ("maxweightrating:hgv=12", "too_heavy"),
    ("maxgcweight=12", "too_heavy"),
    ("maxgcweight=40", ""),
    ("maxweight=40 maxweightrating=7.5", "too_heavy"),
    ("bridge=yes maxweight=10", "too_heavy"),
    ("bridge=yes maxweight=20", ""),
    ("maxaxleload=8", "axle"),
    ("maxaxleload=11.5", ""),
    ("maxaxleload=10~t", "axle"),
    ("maxheight=4", ""),
    ("maxheight=4.0~m", ""),
    ("maxheight=3.9", "too_high"),
    ("maxheight=3,8", "too_high"),
    ("maxheight=380~cm", "too_high"),
    ("maxheight=12'6\"", "too_high"),
    ("maxheight=13'6\"", ""),
    ("maxheight=14'", ""),
    ("maxheight=13~ft", "too_high"),
    ("maxheight=13ft~6in", ""),
    ("maxheight=default", ""),
    ("maxheight=none", ""),
    ("maxheight=below_default", "too_high"),
    ("maxheight=no_sign", ""),
    ("maxheight=0.1", ""),
    ("maxheight=400", ""),
    ("maxheight:physical=3.6", "too_high"),
    ("maxheight=4.5 maxheight:physical=3.8", "too_high"),
    ("maxwidth=2.5", "too_wide"),
    ("maxwidth=2.6~m", ""),
    ("maxwidth=2", "too_wide"),
    ("maxwidth=8'6\"", ""),
    ("maxwidth=8'", "too_wide"),
    ("maxwidth:physical=2", "too_wide"),
    ("maxlength=10", "too_long"),
    ("maxlength=12", ""),
    ("width=2", ""),
]


@pytest.mark.parametrize(("more", "left_out"), SIZE_ROWS)
def test_limits_of_size(more: str, left_out: str) -> None:
    check(f"tertiary {more}", "heavy", left_out, NONE if left_out else BOTH)
    check(f"tertiary {more}", "drive", "", BOTH)  # a car, whose size is not stated


# Key:maxweight: a limit may hold in one direction only.
@pytest.mark.parametrize(
    ("more", "directions", "left_out"),
    [
        ("maxweight:forward=10", AGAINST, ""),
        ("maxweight:backward=10", ALONG, ""),
        ("maxheight:forward=3.5", AGAINST, ""),
        ("maxaxleload:backward=8", ALONG, ""),
        ("maxweight:forward=40", BOTH, ""),
        ("maxweight=40 maxweight:forward=10", AGAINST, ""),
        ("maxweight:forward=10 maxheight:backward=3.5", NONE, "too_heavy"),
        ("oneway=yes maxweight:forward=10", NONE, "too_heavy"),
        ("oneway=yes maxweight:backward=10", ALONG, ""),
        ("oneway=-1 maxlength:backward=10", NONE, "too_long"),
    ],
)
def test_limits_of_one_direction(more: str, directions: tuple[bool, bool], left_out: str) -> None:
    passage = check(f"tertiary {more}", "heavy", left_out, directions)
    assert ("limit_one_way" in passage.notes) == (
        not left_out and "oneway" not in more and directions != BOTH
    )
    check(f"tertiary {more.replace('oneway=yes ', '').replace('oneway=-1 ', '')}", "drive", "", BOTH)


# Conditional restrictions: a vehicle of known size always or never meets a rule that asks for sizes only.
@pytest.mark.parametrize(
    ("more", "left_out", "open_rule"),
    [
        ("motor_vehicle:conditional=no~@~(weight>3.5)", "access_closed", False),
        ("access:conditional=no~@~(weight>10)", "access_closed", False),
        ("hgv:conditional=no~@~(weight>40)", "", False),
        ("hgv:conditional=no~@~weight>=18~t", "access_closed", False),
        ("hgv:conditional=no~@~(weight>3.5~AND~length>10)", "access_closed", False),
        ("hgv:conditional=no~@~(weight>3.5~AND~length>20)", "", False),
        ("hgv:conditional=no~@~(weight>3.5~AND~07:00-09:00)", "", True),
        ("hgv:conditional=no~@~(length>20~AND~07:00-09:00)", "", False),
        ("hgv:conditional=no~@~(07:00-09:00;17:00-19:00)", "", True),
        ("hgv=no hgv:conditional=yes~@~(height<4.5)", "", False),
        ("hgv:conditional=no~@~(weight>3.5);yes~@~(weight>10)", "", False),
        ("hgv:conditional=no~@~(weight>3.5);delivery~@~(06:00-10:00)", "access_closed", False),
        ("motor_vehicle:conditional=no~@~(weight>3.5) hgv=yes", "", False),
        ("hgv:conditional=no~@~(weight>heavy)", "", True),
        ("hgv:conditional=no~@~(((", "", True),
        ("hgv:conditional=no", "", True),
        ("hgv:conditional=", "", False),
    ],
)
def test_conditions_of_size(more: str, left_out: str, open_rule: bool) -> None:
    passage = check(f"tertiary {more}", "heavy", left_out, NONE if left_out else BOTH)
    assert ("conditional" in passage.notes) == open_rule
    check(f"tertiary {more}", "drive", "", BOTH)  # a car, whose size is not stated


def test_conditions_that_a_car_cannot_judge_are_counted() -> None:
    check("tertiary motor_vehicle:conditional=no~@~(weight>3.5)", "drive", "", BOTH, "conditional")
    long = "no @ (weight>3.5) " * 20
    assert "conditional" in judge_way({"highway": "tertiary", "hgv:conditional": long}, HEAVY).notes


def test_size_of_the_vehicle() -> None:
    small = read_profile("heavy", weight_t=9, height_m=3.2, width_m=2.2)
    assert dict(small.vehicle) == {
        "weight_t": 9.0,
        "axle_t": 5.75,
        "height_m": 3.2,
        "width_m": 2.2,
        "length_m": 12.0,
    }
    assert judge_way(tags("tertiary maxweight=10 maxheight=3.2 maxaxleload=6"), small).left_out == ""
    assert judge_way(tags("tertiary maxheight=below_default"), small).left_out == ""
    assert judge_way(tags("tertiary maxweight=8.9"), small).left_out == "too_heavy"
    van = read_profile("drive", height_m=2.8)
    assert judge_way(tags("tertiary maxheight=2.5"), van).left_out == "too_high"
    assert judge_way(tags("tertiary maxweight=2"), van).left_out == ""


def test_unreadable_limits_are_counted() -> None:
    for value in ("heavy", "0", "-5", "7500"):
        check(f"tertiary maxweight={value}", "heavy", "", BOTH, "limit_unreadable")
    for value in ("18", "none", "default"):
        assert "limit_unreadable" not in judge_way(tags(f"tertiary maxweight={value}"), HEAVY).notes


# --- ferries ------------------------------------------------------------------------------------------------

# Tag:route=ferry: who may board is tagged; a boat that says nothing about cars carries none.
FERRY_ROWS = [
    ("route=ferry", "ferry_closed", "ferry_closed", ""),
    ("route=ferry motor_vehicle=yes", "", "", ""),
    ("route=ferry motorcar=yes", "", "ferry_closed", ""),
    ("route=ferry vehicle=yes", "", "", ""),
    ("route=ferry hgv=yes", "ferry_closed", "", ""),
    ("route=ferry motor_vehicle=yes hgv=no", "", "access_closed", ""),
    ("route=ferry motor_vehicle=no", "access_closed", "access_closed", ""),
    ("route=ferry access=yes", "ferry_closed", "ferry_closed", ""),
    ("route=ferry foot=yes", "ferry_closed", "ferry_closed", ""),
    ("route=ferry foot=no motor_vehicle=yes", "", "", "access_closed"),
    ("route=ferry access=no motor_vehicle=yes", "", "", "access_closed"),
    ("route=ferry;bus motor_vehicle=yes", "", "", ""),
    ("primary route=ferry motor_vehicle=yes", "", "", ""),
]


@pytest.mark.parametrize(("text", "drive", "heavy", "walk"), FERRY_ROWS)
def test_ferries(text: str, drive: str, heavy: str, walk: str) -> None:
    for profile, left_out in ((DRIVE, drive), (HEAVY, heavy), (WALK, walk)):
        passage = judge_way(tags(text), profile)
        assert passage.left_out == left_out, (profile.mode, passage)
        assert CLASSES[passage.road_class] == "ferry"
        assert not passage.snap


def test_ferries_can_be_refused() -> None:
    dry = read_profile("drive", ferries=False)
    assert judge_way(tags("route=ferry motor_vehicle=yes"), dry).left_out == "ferry_unwanted"
    assert judge_way(tags("primary"), dry).left_out == ""


# --- where points meet the road -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "snap"),
    [
        ("residential", True),
        ("motorway", False),
        ("motorway_link", False),
        ("trunk", True),
        ("trunk motorroad=yes", False),
        ("trunk_link", True),
        ("residential tunnel=yes", False),
        ("residential tunnel=no", True),
        ("residential tunnel=building_passage", True),
        ("residential tunnel=avalanche_protector", False),
        ("residential bridge=yes", True),
        ("route=ferry motor_vehicle=yes", False),
    ],
)
def test_where_points_may_meet_the_road(text: str, snap: bool) -> None:
    assert judge_way(tags(text), DRIVE).snap == snap


# --- nodes --------------------------------------------------------------------------------------------------

# Key:barrier: some barriers stop cars and let people through, gates are taken as open unless locked; a tag of
# access on the barrier decides first. Columns: closed for driving, closed for walking.
NODE_ROWS = [
    ("", False, False),
    ("barrier=gate", False, False),
    ("barrier=lift_gate", False, False),
    ("barrier=sliding_gate", False, False),
    ("barrier=toll_booth", False, False),
    ("barrier=border_control", False, False),
    ("barrier=cattle_grid", False, False),
    ("barrier=sally_port", False, False),
    ("barrier=entrance", False, False),
    ("barrier=no", False, False),
    ("barrier=height_restrictor", False, False),
    ("barrier=bollard", True, False),
    ("barrier=bollard bollard=rising", False, False),
    ("barrier=bollard bollard=removable", True, False),
    ("barrier=rising_bollard", False, False),
    ("barrier=block", True, False),
    ("barrier=chain", True, False),
    ("barrier=cycle_barrier", True, False),
    ("barrier=motorcycle_barrier", True, False),
    ("barrier=kissing_gate", True, False),
    ("barrier=stile", True, False),
    ("barrier=turnstile", True, False),
    ("barrier=swing_gate", False, False),
    ("barrier=jersey_barrier", True, False),
    ("barrier=bus_trap", True, False),
    ("barrier=log", True, False),
    ("barrier=wall", True, True),
    ("barrier=fence", True, True),
    ("barrier=hedge", True, True),
    ("barrier=debris", True, True),
    ("barrier=yes", True, False),
    ("barrier=garage~door", True, False),
    ("barrier=gibberish", True, False),
    ("barrier=gate;bollard", True, False),
    ("barrier=GATE", False, False),
    ("highway=gate", False, False),
    ("highway=gate locked=yes", True, True),
    ("barrier=gate locked=yes", True, True),
    ("barrier=gate locked=no", False, False),
    ("barrier=gate locked=yes access=yes", False, False),
    ("barrier=gate locked=yes foot=yes", True, False),
    ("barrier=gate access=private", True, True),
    ("barrier=gate access=no", True, True),
    ("barrier=gate access=no foot=yes", True, False),
    ("barrier=gate access=no motor_vehicle=yes", False, True),
    ("barrier=gate motor_vehicle=private", True, False),
    ("barrier=gate motorcar=no", True, False),
    ("barrier=gate access=destination", False, False),
    ("barrier=gate access=agricultural", True, True),
    ("barrier=gate access=foo", False, False),
    ("barrier=bollard motorcar=yes", False, False),
    ("barrier=bollard motor_vehicle=yes", False, False),
    ("barrier=bollard access=yes", False, False),
    ("barrier=bollard access=permissive", False, False),
    ("barrier=bollard foot=yes", True, False),
    ("barrier=bollard foot=no", True, True),
    ("barrier=bollard vehicle=no motorcar=yes", False, False),
    ("barrier=wall foot=yes", True, False),
    # without a barrier the tags of access speak about something else (an entrance, a stop)
    ("access=no", False, False),
    ("access=private highway=crossing", False, False),
    ("motor_vehicle=no", False, False),
    ("highway=traffic_signals", False, False),
    ("highway=traffic_signals;crossing", False, False),
    ("railway=level_crossing", False, False),
    ("ford=yes", False, False),
]


@pytest.mark.parametrize(("text", "drive", "walk"), NODE_ROWS)
def test_nodes(text: str, drive: bool, walk: bool) -> None:
    assert judge_node(tags(text), DRIVE).closed == drive
    assert judge_node(tags(text), WALK).closed == walk


def test_nodes_for_heavy_vehicles() -> None:
    rows = [
        ("barrier=gate", False),
        ("barrier=gate hgv=no", True),
        ("barrier=bollard hgv=yes", False),
        ("barrier=bollard motorcar=yes", True),
        ("barrier=height_restrictor maxheight=3.5", True),
        ("barrier=height_restrictor maxheight=4.5", False),
        ("maxweight=10", True),
        ("maxheight=4.2", False),
        ("barrier=width_restrictor maxwidth=2.2", True),
        # they are there to keep such vehicles out: open only where a posted size says that it fits
        ("barrier=height_restrictor", True),
        ("barrier=width_restrictor", True),
        ("barrier=height_restrictor maxheight=unknown", True),
        ("barrier=height_restrictor hgv=yes", False),
        ("barrier=width_restrictor maxwidth=3", False),
    ]
    for text, closed in rows:
        assert judge_node(tags(text), HEAVY).closed == closed, text
    assert judge_node(tags("barrier=height_restrictor maxheight=3.5"), DRIVE).closed is False
    assert judge_node(tags("barrier=width_restrictor"), DRIVE).closed is False
    assert "node_limit" in judge_node(tags("maxweight=10"), HEAVY).notes


def test_nodes_are_counted() -> None:
    assert judge_node(tags("barrier=gate"), DRIVE).notes == ("barrier_passed",)
    assert judge_node(tags("barrier=block"), DRIVE).notes == ("barrier_closed",)
    assert judge_node(tags("barrier=gate access=no"), DRIVE).notes == ("barrier_closed_by_tag",)
    assert judge_node(tags("barrier=block motorcar=yes"), DRIVE).notes == ("barrier_opened_by_tag",)
    assert judge_node(tags("barrier=gate locked=yes"), DRIVE).notes == ("barrier_locked",)
    assert judge_node(tags("access=no"), DRIVE) == Gate(False, 0.0, ("node_access",))
    assert judge_node(tags("access=yes"), DRIVE) == Gate(False, 0.0, ())
    assert judge_node({}, DRIVE) == Gate(False, 0.0, ())


def test_seconds_at_nodes(tmp_path: Path) -> None:
    own = tmp_path / "规则.yaml"
    own.write_text("barriers: {seconds: {drive: {toll_booth: 20, traffic_signals: 12.5}}}", encoding="utf-8")
    profile = read_profile("drive", overrides=own)
    assert judge_node(tags("barrier=toll_booth"), DRIVE).seconds == 0.0
    assert judge_node(tags("barrier=toll_booth"), profile).seconds == 20.0
    assert judge_node(tags("highway=traffic_signals"), profile).seconds == 12.5
    assert judge_node(tags("barrier=toll_booth highway=traffic_signals"), profile).seconds == 32.5
    assert judge_node(tags("barrier=toll_booth access=no"), profile) == Gate(
        True, 0.0, ("barrier_closed_by_tag",)
    )
    assert "seconds_added" in judge_node(tags("highway=traffic_signals"), profile).notes


# --- names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ref", "name", "expected"),
    [
        ("G60", "沪昆高速", "G60 沪昆高速"),
        ("G60;G70", "", "G60/G70"),
        ("G60; G70 ;", "福银高速", "G60/G70 福银高速"),
        ("G60/G70", "", "G60/G70"),
        ("G60;G60", "", "G60"),
        ("Ｇ６０；Ｇ７０", "", "G60/G70"),
        ("", "中山路", "中山路"),
        ("", "", ""),
        (";;", "", ""),
        ("G60", "G60", "G60"),
        ("G60", "G60沪昆高速", "G60沪昆高速"),
        ("  ", "  中山 \t 路 ", "中山 路"),
        ("", "a\u202eb\x00c\nd", "ab" + "c d"),
    ],
)
def test_label(ref: str, name: str, expected: str) -> None:
    assert label(ref, name) == expected


def test_label_is_short() -> None:
    assert len(label("G" * 5000, "路" * 5000)) == 120


@given(st.text(max_size=40))
def test_label_has_no_sign_that_is_not_seen(name: str) -> None:
    import unicodedata

    plain = "".join(" " if sign.isspace() else sign for sign in name)
    seen = "".join(sign for sign in plain if unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    assert label("", name) == " ".join(seen.split())


# --- as OSMnx -----------------------------------------------------------------------------------------------


def osmnx_keeps(way: dict[str, str], mode: str) -> bool:
    """Evaluate OSMnx's own Overpass filter, read from the installed package."""
    from osmnx import _overpass

    written = _overpass._get_network_filter(mode)
    rules = re.findall(r'\["([^"]+)"(?:!~"([^"]*)")?\]', written)
    assert "".join(f'["{key}"!~"{value}"]' if value else f'["{key}"]' for key, value in rules) == written
    return all(
        not re.search(pattern, way.get(key, "")) if pattern and key in way else bool(pattern) or key in way
        for key, pattern in rules
    )


def osmnx_directions(way: dict[str, str], mode: str) -> tuple[bool, bool]:
    """Ask OSMnx's own functions, with the sets of values that its ``_add_paths`` gives them."""
    from osmnx import graph, settings

    forward = {"yes", "true", "1", "-1", "reverse", "T", "F"}
    if not graph._is_path_one_way(way, mode in settings.bidirectional_network_types, forward):
        return BOTH
    return AGAINST if graph._is_path_reversed(way, {"-1", "reverse", "T"}) else ALONG


def test_osmnx_is_the_one_that_was_read() -> None:
    import inspect

    from osmnx import graph

    source = inspect.getsource(graph._add_paths)
    assert 'oneway_values = {"yes", "true", "1", "-1", "reverse", "T", "F"}' in source
    assert 'reversed_values = {"-1", "reverse", "T"}' in source


WORDS = (
    "yes no unknown private privately -1 T F reverse true 1 separate left alley parking_aisle roundabout"
    " circular 50 CN:urban reversible agricultural destination snowmobile No motor 30mph"
)
VALUES = st.sampled_from([*CLASSES, *(row[0] for row in CLASS_ROWS), *WORDS.split()])
SOME_WAYS = st.dictionaries(st.sampled_from(sorted(WAY_KEYS)), VALUES, max_size=6).flatmap(
    lambda more: st.sampled_from([*CLASSES[1:], "unknown", "services", "Motorway", "motorail", ""]).map(
        lambda highway: {**more, "highway": highway}
    )
)


@given(way=SOME_WAYS)
@example(way={"highway": "residential", "motor_vehicle": "unknown"})
@example(way={"highway": "residential", "motor_vehicle": "private"})
@example(way={"highway": "footpath"})
@example(way={"highway": "unknown"})
@example(way={"highway": "primary", "junction": "roundabout", "oneway": "no"})
@example(way={"highway": "primary", "junction": "circular"})
@example(way={"highway": "primary", "oneway": "reversible"})
def test_like_osmnx_equals_osmnx(way: dict[str, str]) -> None:
    for mode in ("drive", "walk"):
        passage = judge_way(way, AS_OSMNX[mode])
        assert (passage.left_out == "") == osmnx_keeps(way, mode), way
        if not passage.left_out:
            assert ways_of(passage) == osmnx_directions(way, mode), way


AS_OSMNX = {mode: read_profile(mode, like="osmnx") for mode in ("drive", "heavy", "walk")}


@given(way=SOME_WAYS)
def test_every_difference_to_osmnx_is_counted(way: dict[str, str]) -> None:
    for mode in ("drive", "walk"):
        ours, theirs = judge_way(way, PROFILES[mode]), judge_way(way, AS_OSMNX[mode])
        assert ("osmnx_keeps" in ours.notes) == (bool(ours.left_out) and not theirs.left_out)
        assert ("beyond_osmnx" in ours.notes) == (bool(theirs.left_out) and not ours.left_out)
        both = not ours.left_out and not theirs.left_out
        assert ("osmnx_direction" in ours.notes) == (both and ways_of(ours) != ways_of(theirs))


def test_like_osmnx_knows_no_barriers_and_no_sizes() -> None:
    assert judge_node(tags("barrier=wall access=no"), AS_OSMNX["drive"]) == Gate(False, 0.0, ())
    assert judge_way(tags("primary maxweight=1 hgv=no"), AS_OSMNX["heavy"]).left_out == ""
    assert judge_way(tags("route=ferry motor_vehicle=yes"), AS_OSMNX["drive"]).left_out == "no_highway"


def test_like_osmnx_names_the_rule() -> None:
    rows = {
        "footway": "osmnx_highway",
        "primary area=yes": "osmnx_area",
        "primary access=private": "osmnx_access",
        "primary motor_vehicle=no": "osmnx_motor_vehicle",
        "primary motorcar=no": "osmnx_motorcar",
        "primary service=alley": "osmnx_service",
        "primary access=no": "",
    }
    assert {text: judge_way(tags(text), AS_OSMNX["drive"]).left_out for text in rows} == rows
    assert judge_way(tags("primary sidewalk:left=separate"), AS_OSMNX["walk"]).left_out == "osmnx_sidewalk"
    assert judge_way(tags("primary foot=no"), AS_OSMNX["walk"]).left_out == "osmnx_foot"


LIMITS = "50 5 30mph 30~mph 50|30 50|30mph 60,5 50;30 50;~40 90;30;90 none signals walk CN:urban 0 999 5o"


@pytest.mark.parametrize("limit", [word.replace("~", " ") for word in LIMITS.split()])
def test_like_osmnx_reads_a_limit_as_osmnx(limit: str) -> None:
    """OSMnx reads no list at ``;``. What it does not read has the class's speed, and so has the absurd."""
    from osmnx.routing import _clean_maxspeed

    kmh = _clean_maxspeed(limit)
    passage = judge_way({"highway": "primary", "maxspeed": limit}, AS_OSMNX["drive"])
    usable = kmh is not None and 3 <= kmh <= 160
    expected = kmh if usable else AS_OSMNX["drive"].kmh["primary"]
    assert passage.kmh == (pytest.approx(expected), pytest.approx(expected))
    assert passage.notes == ("speed_posted" if usable else "speed_default",)


# --- no text makes them fail --------------------------------------------------------------------------------

TEXTS = st.one_of(VALUES, st.text(max_size=30), st.text("0123456789.,:;|'\" -kmhpt五０", max_size=12))


@given(
    way=st.dictionaries(st.sampled_from(sorted(WAY_KEYS | NODE_KEYS | {"highway", "barrier"})), TEXTS),
    which=st.sampled_from([*PROFILES.values(), *AS_OSMNX.values()]),
)
@example(way={"highway": "primary", "maxspeed": "9" * 255}, which=DRIVE)
@example(way={"highway": "primary", "maxweight": "\udcff", "maxheight": "٣"}, which=HEAVY)
@example(way={"route": "ferry", "motor_vehicle": "yes", "duration": "99:99:99"}, which=DRIVE)
@example(way={"route": "ferry", "motor_vehicle": "yes", "duration": "PT"}, which=DRIVE)
def test_no_text_makes_them_fail(way: dict[str, str], which: Profile) -> None:
    before = dict(way)
    passage, gate = judge_way(way, which), judge_node(way, which)
    assert way == before
    assert judge_way(way, which) == passage
    assert all(kmh == 0 or 0.5 <= kmh <= 200 for kmh in passage.kmh)
    assert bool(passage.left_out) == (passage.kmh == (0.0, 0.0))
    assert 0 <= passage.road_class < len(CLASSES)
    assert 0 <= passage.fixed_s <= 48 * 3600
    assert passage.left_out == "" or passage.left_out in LEFT_OUT
    assert set(passage.notes) | set(gate.notes) <= set(NOTES)
    assert len(set(passage.notes)) == len(passage.notes)
    assert gate.seconds == 0.0 or not gate.closed


@given(ref=st.text(max_size=300), name=st.text(max_size=300))
def test_label_of_any_text(ref: str, name: str) -> None:
    text = label(ref, name)
    assert len(text) <= 120
    assert all(mark.isprintable() for mark in text), text


# --- the codes and the table --------------------------------------------------------------------------------


def test_codes_are_sentences_and_used() -> None:
    assert CODES == {**LEFT_OUT, **NOTES}
    assert not set(LEFT_OUT) & set(NOTES)
    folder = Path(rule_table.__file__).parent
    names = ("rules.py", "access.py", "speeds.py", "osmnx_like.py")
    source = "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
    for code, text in CODES.items():
        assert re.search(r"[\u4e00-\u9fff]", text), code
        assert f'"{code}"' in source or code.startswith("osmnx_"), code
    patterns = {key for rules in osmnx_like.FILTERS.values() for key, _ in rules}
    assert {f"osmnx_{key.split(':')[0]}" for key in patterns} <= set(LEFT_OUT)


def test_keys_that_rules_read_are_kept_by_the_readers() -> None:
    """Whatever the rules look up must be among the keys that readers keep."""

    class Seen(dict[str, str]):
        def __init__(self, given: dict[str, str]) -> None:
            super().__init__(given)
            self.keys_read: set[str] = set()

        def get(self, key: str, default: Any = None) -> Any:
            self.keys_read.add(key)
            return super().get(key, default)

        def __contains__(self, key: object) -> bool:
            self.keys_read.add(str(key))
            return super().__contains__(key)

    van = read_profile("heavy", weight_t=3)
    for profile in (*PROFILES.values(), *AS_OSMNX.values(), van):
        for text in ("primary", "track motor_vehicle=yes foot=yes", "route=ferry motor_vehicle=yes", "steps"):
            way = Seen(tags(text))
            judge_way(way, profile)
            assert way.keys_read <= WAY_KEYS, way.keys_read - WAY_KEYS
        for text in ("barrier=bollard", "barrier=gate", ""):
            node = Seen(tags(text))
            judge_node(node, profile)
            assert node.keys_read <= NODE_KEYS, node.keys_read - NODE_KEYS


def test_table_has_a_source_for_every_group() -> None:
    table = rule_table.read_table()
    for name, rule in table["classes"].items():
        assert rule["source"], name
        assert set(rule["source"]) <= set(table["sources"]), name
    for group in ("speeds", "surface", "tracktype", "smoothness", "ford", "limits", "barriers"):
        assert set(table[group]["source"]) <= set(table["sources"]), group
    for mode, rule in table["modes"].items():
        assert set(rule["source"]) <= set(table["sources"]), mode
    assert set(table["classes"]) == set(CLASSES[1:])
    for name, source in table["sources"].items():
        assert source["confidence"] in {"A", "B", "C"}, name
        assert source["confidence"] != "C" or "假设" in source["text"] or "待核对" in source["text"], name


def test_profile_is_immutable_and_described() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DRIVE.mode = "walk"  # type: ignore[misc]
    told = HEAVY.described()
    assert (told["mode"], told["like"], told["ferries"]) == ("heavy", "boai", True)
    assert told["vehicle"]["weight_t"] == 18.0
    assert told["kmh"]["motorway"] == 85.0
    assert "footway" not in told["kmh"]


# --- the user's own rules -----------------------------------------------------------------------------------


def test_own_rules(tmp_path: Path) -> None:
    own = tmp_path / "规则.yaml"
    own.write_text(
        "classes: {service: {drive: 15}, motorway: {drive: 100, snap: true}}\n"
        "modes: {drive: {posted_share: 0.9, emergency: true}}\n"
        "access: {closed: [no, destination], permits: [yes, private]}\n"
        "oneway: {both: [no, reversible]}\n"
        "surface: {drive: {Gravel: 25}}\n"
        "aliases: {国道: trunk}\n",
        encoding="utf-8",
    )
    profile = read_profile("drive", overrides=own)
    assert profile.overrides == "规则.yaml"
    assert judge_way(tags("service"), profile).kmh == (15.0, 15.0)
    assert judge_way(tags("motorway"), profile).kmh == (100.0, 0.0)
    assert judge_way(tags("motorway"), profile).snap
    assert judge_way(tags("primary maxspeed=50"), profile).kmh == (45.0, 45.0)
    assert judge_way(tags("primary access=no emergency=yes"), profile).left_out == ""
    assert judge_way(tags("primary access=no"), profile).left_out == "access_closed"
    assert judge_way(tags("primary access=destination"), profile).left_out == "access_closed"
    assert judge_way(tags("primary access=private"), profile).left_out == ""
    assert ways_of(judge_way(tags("primary oneway=reversible"), profile)) == BOTH
    assert judge_way(tags("primary surface=gravel"), profile).kmh == (25.0, 25.0)
    assert judge_way(tags("primary surface=mud"), profile).kmh == (10.0, 10.0)
    assert judge_way({"highway": "国道"}, profile).kmh == (65.0, 65.0)
    assert judge_way(tags("service"), DRIVE).left_out == "class_closed"  # the table itself is untouched


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("classes: {motorway: {drive: fast}}", "classes.motorway.drive", "应为 0 至 200 的数"),
        ("classes: {motorway: {drive: -5}}", "classes.motorway.drive", "应为 0 至 200 的数"),
        ("classes: {motorway: {drive: .nan}}", "classes.motorway.drive", "应为 0 至 200 的数"),
        ("classes: {motorway: {drive: .inf}}", "classes.motorway.drive", "应为 0 至 200 的数"),
        ("classes: {motorway: {drive: true}}", "classes.motorway.drive", "应为 0 至 200 的数"),
        ("classes: {motorways: {drive: 90}}", "classes.motorways", "没有这个键"),
        ("classes: {motorway: {speed: 90}}", "classes.motorway.speed", "没有这个键"),
        ("classes: {motorway: 90}", "classes.motorway", "应为 键: 值 的形式"),
        ("classes: {motorway: {snap: maybe}}", "classes.motorway.snap", "应为 true 或 false"),
        ("classes: {track: {permitted: [fly]}}", "classes.track.permitted", "应为 drive、heavy、walk 之一"),
        ("speeds: {words: {none: [1]}}", "speeds.words.none", "应为 0 至 200 的数"),
        ("access: {closed: private}", "access.closed", "应为列表"),
        ("access: {closed: [[1]]}", "access.closed", "应为文字"),
        ("aliases: {国道: 5}", "aliases.国道", "应为 motorway、"),
        ("aliases: {国道: ferry}", "aliases.国道", "应为 motorway、"),
        ("aliases: {国道: [trunk]}", "aliases.国道", "应为 motorway、"),
        ("modes: {drive: {keys: [bicycle]}}", "modes.drive.keys", "应为 motorcar、"),
        ("access: {closed: [a], permits: [a]}", "access.permits", "已写在 closed 中"),
        ("gibberish: 1", "gibberish", "没有这个键"),
        ("1.5: 1", "1.5", "没有这个键"),
        ("[1, 2]", "", "应为 键: 值 的形式"),
        ("", "", "应为 键: 值 的形式"),
    ],
)
def test_own_rules_that_are_wrong(tmp_path: Path, text: str, where: str, what: str) -> None:
    own = tmp_path / "规则.yaml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_profile("drive", overrides=own)
    problem = caught.value.problems[0]
    assert problem.where == f"规则.yaml {where}".rstrip()
    assert what in problem.what


def test_own_rules_name_all_problems_at_once(tmp_path: Path) -> None:
    own = tmp_path / "规则.yaml"
    own.write_text("classes: {motorway: {drive: a, walk: b}, x: {}}\ngibberish: 1\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_profile("drive", overrides=own)
    assert len(caught.value.problems) == 4


def test_own_rules_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="文件不存在"):
        read_profile("drive", overrides=tmp_path / "无.yaml")


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ({"mode": "fly"}, 1),
        ({"mode": "drive", "like": "google"}, 1),
        ({"mode": "heavy", "weight_t": 0}, 1),
        ({"mode": "heavy", "height_m": float("nan"), "width_m": -1}, 2),
        ({"mode": "fly", "like": "google", "weight_t": 1e9}, 3),
    ],
)
def test_profile_that_is_wrong(arguments: dict[str, Any], number: int) -> None:
    with pytest.raises(InputError) as caught:
        read_profile(**arguments)
    assert len(caught.value.problems) == number
