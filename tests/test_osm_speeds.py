"""Speeds from tags: the posted limit in all spellings, defaults, caps; weights, lengths and durations."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from boai.geodata.network import CLASSES
from boai.geodata.osm import osmnx_like, rule_table
from boai.geodata.osm.osmnx_limits import LIMITS
from boai.geodata.osm.quantities import duration_s, length_m, parts, speed_kmh, tidy, weight_t
from boai.geodata.osm.rules import judge_way, read_profile
from boai.geodata.osm.speeds import posted
from hypothesis import example, given
from hypothesis import strategies as st

DRIVE, WALK, HEAVY = (read_profile(mode) for mode in ("drive", "walk", "heavy"))
MPH, KNOT = 1.609344, 1.852

# Key:maxspeed: a number is km/h, other units follow it (mph, knots); "country:context" stands for the limit
# by law; none, signals, variable, walk are words. Several values or lanes: the lowest. None: the class's.
MAXSPEED_ROWS: list[tuple[str, float | None, str]] = [
    ("50", 50, "speed_posted"),
    (" 50 ", 50, "speed_posted"),
    ("5", 5, "speed_posted"),
    ("120", 120, "speed_posted"),
    ("050", 50, "speed_posted"),
    ("50 km/h", 50, "speed_posted"),
    ("50km/h", 50, "speed_posted"),
    ("50kmh", 50, "speed_posted"),
    ("50 kph", 50, "speed_posted"),
    ("50 KPH", 50, "speed_posted"),
    ("50 Km/H", 50, "speed_posted"),
    ("50公里/小时", 50, "speed_posted"),
    ("５０", 50, "speed_posted"),
    ("　５０　ｋｍ／ｈ", 50, "speed_posted"),
    ("50.5", 50.5, "speed_posted"),
    ("50,5", 50.5, "speed_posted"),
    ("30 mph", 30 * MPH, "speed_posted"),
    ("30mph", 30 * MPH, "speed_posted"),
    ("30 MPH", 30 * MPH, "speed_posted"),
    ("30 mi/h", 30 * MPH, "speed_posted"),
    ("10 knots", 10 * KNOT, "speed_posted"),
    ("10kn", 10 * KNOT, "speed_posted"),
    ("50;70", 50, "maxspeed_many"),
    ("70; 50", 50, "maxspeed_many"),
    ("50|70", 50, "maxspeed_many"),
    ("120|100|60", 60, "maxspeed_many"),
    ("50,70", 50, "maxspeed_many"),
    ("70, 50", 50, "maxspeed_many"),
    ("90;30;90;30;90;30", 30, "maxspeed_many"),
    ("50;", 50, "speed_posted"),
    ("50;foo", 50, "maxspeed_many"),
    ("50;0", 50, "maxspeed_many"),
    ("30 mph;50", 30 * MPH, "maxspeed_many"),
    ("CN:urban", 50, "speed_zone"),
    ("cn:urban", 50, "speed_zone"),
    ("CN:rural", 70, "speed_zone"),
    ("CN:motorway", 120, "speed_zone"),
    ("CN:living_street", 15, "speed_zone"),
    ("DE:urban", 50, "speed_zone"),
    ("DE:rural", 100, "speed_zone"),
    ("XX:rural", 70, "speed_zone"),
    ("RO:urban", 50, "speed_zone"),
    ("BE-VLG:urban", 50, "speed_zone"),
    ("RU:urban", 60, "speed_zone"),
    ("RU:living_street", 20, "speed_zone"),
    ("AT:living_street", 15, "speed_zone"),
    ("GB:nsl_single", 96.56, "speed_zone"),
    ("urban", 50, "speed_zone"),
    ("zone:30", 30, "speed_zone"),
    ("zone30", 30, "speed_zone"),
    ("DE:zone:30", 30, "speed_zone"),
    ("DE:zone30", 30, "speed_zone"),
    ("FR:zone30", 30, "speed_zone"),
    ("DE:30", 30, "speed_zone"),
    ("DE:zone:20", 20, "speed_zone"),
    ("FR:ZONE 30", 30, "speed_zone"),
    ("walk", 7, "speed_zone"),
    ("walking_pace", 7, "speed_zone"),
    ("none", None, "maxspeed_words"),
    ("signals", None, "maxspeed_words"),
    ("variable", None, "maxspeed_words"),
    ("implicit", None, "maxspeed_words"),
    ("", None, "maxspeed_unreadable"),
    (" ", None, "maxspeed_unreadable"),
    (";", None, "maxspeed_unreadable"),
    ("5O", None, "maxspeed_unreadable"),
    ("fast", None, "maxspeed_unreadable"),
    ("-10", None, "maxspeed_unreadable"),
    ("+50", None, "maxspeed_unreadable"),
    ("1e9", None, "maxspeed_unreadable"),
    ("50 furlongs", None, "maxspeed_unreadable"),
    ("50 60", None, "maxspeed_unreadable"),
    ("50-60", None, "maxspeed_unreadable"),
    ("~50", None, "maxspeed_unreadable"),
    ("DE:foo", None, "maxspeed_unreadable"),
    ("CN:", None, "maxspeed_unreadable"),
    ("nan", None, "maxspeed_unreadable"),
    ("inf", None, "maxspeed_unreadable"),
    ("\x00", None, "maxspeed_unreadable"),
    ("9" * 255, None, "maxspeed_unreadable"),
    ("٣٠", None, "maxspeed_unreadable"),
    ("0", None, "maxspeed_absurd"),
    ("0.5", None, "maxspeed_absurd"),
    ("2", None, "maxspeed_absurd"),
    ("161", None, "maxspeed_absurd"),
    ("500", None, "maxspeed_absurd"),
    ("999999", None, "maxspeed_absurd"),
    ("200 mph", None, "maxspeed_absurd"),
    ("DE:zone:999", None, "maxspeed_absurd"),
]


@pytest.mark.parametrize(("text", "kmh", "code"), MAXSPEED_ROWS)
def test_maxspeed(text: str, kmh: float | None, code: str) -> None:
    found, said = posted(text, DRIVE)
    assert (found, said) == (pytest.approx(kmh), code)
    passage = judge_way({"highway": "secondary", "maxspeed": text}, DRIVE)
    along = min(120.0, 45.0 if kmh is None else kmh)
    assert passage.kmh == (pytest.approx(along), pytest.approx(along))
    assert code in passage.notes
    assert ("speed_default" in passage.notes) == (kmh is None)


# Key:maxspeed: :forward and :backward limit one direction, :hgv heavy vehicles; the more specific counts.
DIRECTED_ROWS = [
    ({"maxspeed:forward": "80"}, (80, 45), (80, 40)),
    ({"maxspeed:backward": "60"}, (45, 60), (40, 60)),
    ({"maxspeed": "50", "maxspeed:forward": "80"}, (80, 50), (80, 50)),
    ({"maxspeed": "50", "maxspeed:forward": "80", "maxspeed:backward": "60"}, (80, 60), (80, 60)),
    ({"maxspeed": "50", "maxspeed:forward": "foo"}, (50, 50), (50, 50)),
    ({"maxspeed:hgv": "60"}, (45, 45), (60, 60)),
    ({"maxspeed:motorcar": "50"}, (50, 50), (40, 40)),
    ({"maxspeed": "80", "maxspeed:motor_vehicle": "60", "maxspeed:hgv": "50"}, (60, 60), (50, 50)),
    ({"maxspeed": "80", "maxspeed:motorcar:backward": "70"}, (80, 70), (80, 80)),
    ({"maxspeed": "限速60"}, (60, 60), (60, 60)),
    ({"maxspeed": "80", "maxspeed:conditional": "60 @ (weight>3.5)"}, (80, 80), (60, 60)),
    ({"maxspeed": "80", "maxspeed:conditional": "60 @ (weight>40)"}, (80, 80), (80, 80)),
    ({"maxspeed": "80", "maxspeed:conditional": "60 @ (22:00-06:00)"}, (80, 80), (80, 80)),
    ({"maxspeed": "80", "maxspeed:hgv": "60"}, (80, 80), (60, 60)),
    ({"maxspeed": "80", "maxspeed:hgv:forward": "40"}, (80, 80), (40, 80)),
    ({"maxspeed:forward": "70", "maxspeed:hgv": "60"}, (70, 45), (60, 60)),
    ({"maxspeed": "80", "maxspeed:hgv": "foo"}, (80, 80), (80, 80)),
    ({"oneway": "yes", "maxspeed:forward": "80", "maxspeed:backward": "60"}, (80, 0), (80, 0)),
    ({"oneway": "-1", "maxspeed:forward": "80", "maxspeed:backward": "60"}, (0, 60), (0, 60)),
]


@pytest.mark.parametrize(("more", "drive", "heavy"), DIRECTED_ROWS)
def test_maxspeed_by_direction(
    more: dict[str, str], drive: tuple[float, float], heavy: tuple[float, float]
) -> None:
    way = {"highway": "secondary", **more}
    assert judge_way(way, DRIVE).kmh == drive
    assert judge_way(way, HEAVY).kmh == heavy


# Key:source:maxspeed, Key:maxspeed:type, Key:zone:maxspeed say why a limit holds; here they stand in.
FALLBACK_ROWS = [
    ({"source:maxspeed": "CN:urban"}, 50),
    ({"maxspeed:type": "CN:rural"}, 70),
    ({"zone:maxspeed": "30"}, 30),
    ({"zone:maxspeed": "DE:30"}, 30),
    ({"zone:maxspeed": "DE:zone:30"}, 30),
    ({"source:maxspeed": "sign"}, 45),
    ({"source:maxspeed": "survey"}, 45),
    ({"maxspeed:type": "sign"}, 45),
    ({"maxspeed": "60", "source:maxspeed": "CN:urban"}, 60),
    ({"maxspeed": "foo", "source:maxspeed": "CN:urban"}, 50),
    ({"maxspeed": "none", "maxspeed:type": "CN:rural"}, 70),
    ({"source:maxspeed": "CN:urban", "zone:maxspeed": "30"}, 30),
]


@pytest.mark.parametrize(("more", "kmh"), FALLBACK_ROWS)
def test_reason_of_a_limit_stands_in(more: dict[str, str], kmh: float) -> None:
    passage = judge_way({"highway": "secondary", **more}, DRIVE)
    assert passage.kmh == (kmh, kmh)
    assert "maxspeed_unreadable" not in passage.notes or "maxspeed" in more


# The speed of a class without a limit, and the law's bounds: never above 120, lorries 90 (假设; law 100).
@pytest.mark.parametrize(
    ("highway", "drive", "heavy", "walk"),
    [
        ("motorway", 95, 85, 0),
        ("motorway_link", 45, 40, 0),
        ("trunk", 65, 55, 5),
        ("primary", 55, 50, 5),
        ("secondary", 45, 40, 5),
        ("tertiary", 40, 35, 5),
        ("unclassified", 30, 25, 5),
        ("residential", 25, 20, 5),
        ("living_street", 15, 10, 5),
        ("footway", 0, 0, 5),
        ("steps", 0, 0, 2.5),
    ],
)
def test_speed_of_the_class(highway: str, drive: float, heavy: float, walk: float) -> None:
    for profile, kmh in ((DRIVE, drive), (HEAVY, heavy), (WALK, walk)):
        passage = judge_way({"highway": highway}, profile)
        assert passage.kmh[0] == kmh, profile.mode
        assert ("speed_default" in passage.notes) == (kmh > 0)


@pytest.mark.parametrize(
    ("maxspeed", "drive", "heavy"), [("120", 120, 90), ("130", 120, 90), ("100", 100, 90), ("80", 80, 80)]
)
def test_highest_speed_of_the_mode(maxspeed: str, drive: float, heavy: float) -> None:
    way = {"highway": "motorway", "maxspeed": maxspeed}
    assert judge_way(way, DRIVE).kmh == (drive, 0)
    assert judge_way(way, HEAVY).kmh == (heavy, 0)
    assert ("speed_most" in judge_way(way, DRIVE).notes) == (maxspeed == "130")
    assert judge_way({**way, "highway": "trunk"}, WALK).kmh == (5, 5)  # a limit does not hurry anybody


def test_speeds_fit_the_classes() -> None:
    """Plausible for Jiangxi: within the law, ordered by class, lorries and links slower."""
    classes = rule_table.read_table()["classes"]
    order = ["motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential"]
    for mode in ("drive", "heavy"):
        speeds = [classes[name][mode] for name in [*order, "living_street"]]
        assert speeds == sorted(speeds, reverse=True)
        assert len(set(speeds)) == len(speeds)
        assert all(classes[f"{name}_link"][mode] < classes[name][mode] for name in order[:5])
    assert all(classes[name]["heavy"] <= classes[name]["drive"] for name in CLASSES[1:])
    assert classes["motorway"]["drive"] <= 120
    assert classes["motorway"]["heavy"] <= 100
    assert classes["residential"]["drive"] <= 30  # no centre line in a town: 30 (art. 45)
    assert classes["unclassified"]["drive"] <= 40  # no centre line outside: 40
    assert classes["secondary"]["drive"] <= 70  # one lane per direction outside: 70


# Key:surface, Key:smoothness, Key:tracktype: the worse the ground the slower, also below a posted limit; the
# lowest cap counts. Heavy vehicles: 0.8 of it.
SURFACE_ROWS = [
    ({"surface": "asphalt"}, 80, 80),
    ({"surface": "concrete"}, 80, 80),
    ({"surface": "paved"}, 80, 80),
    ({"surface": "foo"}, 80, 80),
    ({"surface": "paving_stones"}, 60, 48),
    ({"surface": "compacted"}, 80, 64),
    ({"surface": "gravel"}, 40, 32),
    ({"surface": "Gravel"}, 40, 32),
    ({"surface": "unpaved"}, 40, 32),
    ({"surface": "dirt"}, 40, 32),
    ({"surface": "cobblestone"}, 30, 24),
    ({"surface": "earth"}, 20, 16),
    ({"surface": "sand"}, 20, 16),
    ({"surface": "mud"}, 10, 8),
    ({"surface": "asphalt;gravel"}, 40, 32),
    ({"surface": "asphalt; cobblestone"}, 30, 24),
    ({"tracktype": "grade1"}, 60, 48),
    ({"tracktype": "grade3"}, 30, 24),
    ({"tracktype": "grade5"}, 20, 16),
    ({"tracktype": "grade9"}, 80, 80),
    ({"smoothness": "good"}, 80, 80),
    ({"smoothness": "bad"}, 40, 32),
    ({"smoothness": "very_bad"}, 20, 16),
    ({"smoothness": "horrible"}, 10, 8),
    ({"smoothness": "impassable"}, 0, 0),
    ({"surface": "gravel", "smoothness": "very_bad"}, 20, 16),
    ({"surface": "mud", "tracktype": "grade1"}, 10, 8),
    ({"ford": "yes"}, 10, 8),
    ({"ford": "no"}, 80, 80),
]


@pytest.mark.parametrize(("more", "drive", "heavy"), SURFACE_ROWS)
def test_surface_caps(more: dict[str, str], drive: float, heavy: float) -> None:
    way = {"highway": "secondary", "maxspeed": "80", **more}
    assert judge_way(way, DRIVE).kmh == (drive, drive)
    assert judge_way(way, HEAVY).kmh == (pytest.approx(heavy), pytest.approx(heavy))
    assert ("surface_cap" in judge_way(way, DRIVE).notes) == (0 < drive < 80)


def test_surface_never_hastens() -> None:
    assert judge_way({"highway": "living_street", "surface": "gravel"}, DRIVE).kmh == (15, 15)
    assert judge_way({"highway": "residential", "surface": "gravel"}, HEAVY).kmh == (20, 20)
    assert judge_way({"highway": "path", "surface": "gravel", "tracktype": "grade5"}, WALK).kmh == (5, 5)
    assert judge_way({"highway": "path", "surface": "mud"}, WALK).kmh == (3, 3)


def test_share_of_the_posted_limit(tmp_path: Path) -> None:
    own = tmp_path / "x.yaml"
    own.write_text("modes: {drive: {posted_share: 0.8}}", encoding="utf-8")
    profile = read_profile("drive", overrides=own)
    assert judge_way({"highway": "primary", "maxspeed": "50"}, profile).kmh == (40, 40)
    assert judge_way({"highway": "primary"}, profile).kmh == (55, 55)


# Key:duration: hh:mm or hh:mm:ss, ISO 8601, or minutes.
DURATION_ROWS = [
    ("00:15", 900),
    ("0:10", 600),
    ("01:30", 5400),
    ("1:30:00", 5400),
    ("00:00:45", 45),
    ("PT15M", 900),
    ("pt1h30m", 5400),
    ("P1DT2H", 93_600),
    ("PT90S", 90),
    ("15", 900),
    ("15 min", 900),
    ("15min", 900),
    ("2 h", 7200),
    ("1.5 hours", 5400),
    ("20分钟", 1200),
    ("００：１５", 900),
    ("0", None),
    ("00:00", None),
    ("-5", None),
    ("", None),
    ("soon", None),
    ("P", None),
    ("PT", None),
    ("72:00", None),
    ("99999", None),
    ("1e9", None),
    ("1:2:3:4", None),
]


@pytest.mark.parametrize(("text", "seconds"), DURATION_ROWS)
def test_duration_of_ferries(text: str, seconds: float | None) -> None:
    passage = judge_way({"route": "ferry", "motor_vehicle": "yes", "duration": text}, DRIVE)
    assert passage.fixed_s == (seconds or 0)
    assert ("ferry_duration" in passage.notes) == (seconds is not None)
    assert ("duration_unreadable" in passage.notes) == (seconds is None)
    assert passage.kmh == (10, 10)


def test_ferry_without_duration() -> None:
    passage = judge_way({"route": "ferry", "motor_vehicle": "yes"}, DRIVE)
    assert (passage.kmh, passage.fixed_s) == ((10, 10), 0)
    assert "ferry_speed" in passage.notes
    assert judge_way({"route": "ferry"}, WALK).kmh == (10, 10)  # the boat is no walker: its own speed
    assert judge_way({"highway": "primary", "duration": "00:15"}, DRIVE).fixed_s == 0
    assert judge_way({"route": "ferry", "motor_vehicle": "yes", "maxspeed": "20"}, DRIVE).kmh == (20, 20)


@pytest.mark.parametrize(
    ("text", "tonnes"),
    [
        ("7.5", 7.5),
        ("7,5", 7.5),
        ("7.5 t", 7.5),
        ("7.5t", 7.5),
        ("40 tons", 40),
        ("7500 kg", 7.5),
        ("7500kg", 7.5),
        ("15 st", 15 * 0.90718474),
        ("10 lt", 10.160469088),
        ("16000 lbs", 16000 * 0.00045359237),
        ("10 吨", 10),
        ("1.2.3", None),
        ("7.5 x", None),
        ("t", None),
        ("", None),
    ],
)
def test_weights(text: str, tonnes: float | None) -> None:
    assert weight_t(tidy(text)) == pytest.approx(tonnes)


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("4", 4),
        ("4.2 m", 4.2),
        ("4,2m", 4.2),
        ("420 cm", 4.2),
        ("4.2米", 4.2),
        ("12'", 12 * 0.3048),
        ("12 ft", 12 * 0.3048),
        ("12'6\"", 12.5 * 0.3048),
        ("12’6”", 12.5 * 0.3048),
        ("12' 6\"", 12.5 * 0.3048),
        ("12'6", 12.5 * 0.3048),
        ("12ft 6in", 12.5 * 0.3048),
        ("12 feet 6 inches", 12.5 * 0.3048),
        ('150"', 150 * 0.0254),
        ("6'5.5\"", 6 * 0.3048 + 5.5 * 0.0254),
        ("tall", None),
        ("4 m 20", None),
        ("", None),
    ],
)
def test_lengths(text: str, metres: float | None) -> None:
    assert length_m(tidy(text)) == pytest.approx(metres)


@given(st.text(max_size=300))
@example("9" * 300)
@example("1" * 6 + "." + "9" * 6)
@example("P99DT999H9999M99999S")
def test_quantities_of_any_text(text: str) -> None:
    tidied = tidy(text)
    for read, most in ((speed_kmh, 2e6), (weight_t, 2e6), (length_m, 1e6), (duration_s, 48 * 3600)):
        found = read(tidied)
        assert found is None or (math.isfinite(found) and 0 <= found <= most)
    assert all(part.strip() == part and part for part in parts(tidied))


@given(
    kmh=st.integers(3, 120), pad=st.sampled_from(["", " "]), unit=st.sampled_from(["", "km/h", "kmh", "kph"])
)
def test_speed_round_trip(kmh: int, pad: str, unit: str) -> None:
    assert judge_way({"highway": "primary", "maxspeed": f"{kmh}{pad}{unit}"}, DRIVE).kmh == (kmh, kmh)


PLAIN = st.one_of(
    st.integers(3, 160).map(str),
    st.tuples(st.integers(3, 90), st.sampled_from([" mph", "mph"])).map(lambda pair: f"{pair[0]}{pair[1]}"),
    st.lists(st.integers(3, 160), min_size=1, max_size=4).map(lambda kmh: "|".join(map(str, kmh))),
    st.sampled_from(
        ["50 km/h", "50kph", "50,5", "50.5", "signals", "none", "", "50;70", "5O", "1.2.3", "-5"]
    ),
    st.text("0123456789.,|kmph ", max_size=8),
)


@given(PLAIN)
def test_limit_like_osmnx_equals_osmnx(text: str) -> None:
    """What OSMnx reads as a number we read as the same number (its table of countries is left aside)."""
    from osmnx import routing

    ours, theirs = osmnx_like.maxspeed_kmh(text), routing._clean_maxspeed(text)
    assert ours == pytest.approx(theirs)


def test_speed_like_osmnx() -> None:
    profile = read_profile("drive", like="osmnx")
    rows = [
        ({"maxspeed": "100|60"}, 80),
        ({"maxspeed": "30 mph"}, 30 * 1.60934),
        ({"maxspeed": "140"}, 140),
        ({"maxspeed": "9999"}, 45),
        ({"maxspeed": "0"}, 45),
        ({"maxspeed": "none"}, 45),
        ({"maxspeed": "DE:urban"}, 50),
        ({"maxspeed:forward": "80"}, 45),
        ({"surface": "mud"}, 45),
        ({}, 45),
    ]
    for more, kmh in rows:
        found = judge_way({"highway": "secondary", **more}, profile).kmh
        assert found == (pytest.approx(kmh), pytest.approx(kmh)), more
    assert judge_way({"highway": "emergency_bay"}, profile).kmh == (20, 20)
    assert CLASSES[judge_way({"highway": "emergency_bay"}, profile).road_class] == "other"


def test_zones_as_osmnx_reads_them() -> None:
    import osmnx as ox

    assert ox.routing._IMPLICIT_MAXSPEEDS == LIMITS
