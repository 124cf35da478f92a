"""Pasted places: every notation x system is read back where it was, everything else is refused in words."""

from __future__ import annotations

import numpy as np
import pytest
from boai.geodata import crs, datums, pasted
from boai.geodata.crs import haversine_m
from boai.geodata.errors import PlaceError
from boai.geodata.map_links import read_link
from boai.geodata.pasted import ASSUMED, LABELS_WRONG, LAT_FIRST, ROUGH, read_degrees, read_pasted
from hypothesis import assume, example, given
from hypothesis import strategies as st
from notations import LINKS, SAYS, WRITERS, linked, written

LON, LAT = st.floats(113.6, 118.4), st.floats(24.5, 30.0)
SYSTEMS = sorted(SAYS)


def _off_m(reading: pasted.Reading, lon: float, lat: float) -> float:
    return float(haversine_m(reading.lon, reading.lat, lon, lat))


def _jiangxi(lon: float, lat: float) -> bool:
    return 113.57 < lon < 118.48 and 24.4 < lat < 30.1


@given(st.sampled_from(sorted(WRITERS)), st.sampled_from(SYSTEMS), LON, LAT)
@example("hyphens", "BD-09", 114.99999999, 28.99999999)
def test_every_notation_in_every_system_is_read_back(kind: str, system: str, lon: float, lat: float) -> None:
    text = written(kind, system, lon, lat)
    chosen = read_pasted(text, system=system)
    assert chosen.is_point
    assert chosen.system == system
    assert _off_m(chosen, lon, lat) < 1
    assert ASSUMED not in chosen.notes
    if kind != "geo":
        said = read_pasted(f"{SAYS[system]} {text}")
        assert (said.lon, said.lat, said.system) == (chosen.lon, chosen.lat, system)


@given(st.sampled_from(sorted(LINKS)), LON, LAT)
def test_links_are_read_with_their_system(kind: str, lon: float, lat: float) -> None:
    reading = read_pasted(linked(kind, lon, lat))
    assert _off_m(reading, lon, lat) < 1
    assert reading.system == LINKS[kind][0]


@given(st.sampled_from(sorted(datums.PROJECTED)), LON, LAT, st.booleans())
def test_named_projections_are_read_in_both_orders(system: str, lon: float, lat: float, turned: bool) -> None:
    assume(system != "EPSG:4497" or lon < 115)  # six degrees of zone 19 end at 114° E
    x, y = crs.from_wgs84([lon], [lat], to=system)
    pair = [f"{x[0]:.2f}", f"{y[0]:.2f}"]
    text = ", ".join(pair[::-1] if turned else pair)
    assert _off_m(read_pasted(text, system=system), lon, lat) < 1
    assert _off_m(read_pasted(f"{system}: {text}"), lon, lat) < 1


@given(LON, LAT, st.sampled_from(("EPSG:4526", "EPSG:4527")), st.booleans())
def test_metres_with_a_zone_need_no_more(lon: float, lat: float, system: str, turned: bool) -> None:
    x, y = crs.from_wgs84([lon], [lat], to=system)
    text = f"{y[0]:.1f} {x[0]:.1f}" if turned else f"{x[0]:.1f} {y[0]:.1f}"
    reading = read_pasted(text)
    assert reading.system == system
    assert _off_m(reading, lon, lat) < 1


def test_metres_without_a_zone_are_decided_by_the_province_or_asked_about() -> None:
    x, y = crs.from_wgs84([116.1], [28.7], to="EPSG:4548")
    reading = read_pasted(f"{y[0]:.2f},{x[0]:.2f}", inside=_jiangxi)
    assert reading.system == "EPSG:4548"
    assert _off_m(reading, 116.1, 28.7) < 1
    assert "EPSG:4548" in reading.notes[0]
    with pytest.raises(PlaceError, match="中央经线") as caught:
        read_pasted("3180000,520000", inside=_jiangxi)
    assert [one["name"] for one in caught.value.candidates] == ["EPSG:4547", "EPSG:4548"]
    for one in caught.value.candidates:
        reading = read_pasted(one["full_name"])
        assert (reading.lon, reading.lat, reading.system) == (one["lon"], one["lat"], one["name"])


@pytest.mark.parametrize(
    ("text", "system"),
    [
        ("CGCS2000 3度带 中央经线117 388430 3174101", "EPSG:4548"),
        ("EPSG:4490 114.5473,29.0257", "CGCS2000"), ("火星坐标 114.5473,29.0257", "GCJ-02"),
        ("2000国家大地坐标系 114.5473 29.0257", "CGCS2000"), ("北斗 N29.0257 E114.5473", "WGS84"),
        ("经度：114.5473 纬度：29.0257 (高德地图)", "GCJ-02"), ("GPS:114.5473,29.0257", "WGS84"),
    ],
)  # fmt: skip
def test_systems_named_in_the_text(text: str, system: str) -> None:
    assert read_pasted(text).system == system


def test_what_was_assumed_is_said() -> None:
    for note, text in {
        ASSUMED: "114.547312,29.025712", LAT_FIRST: "29.025712,114.547312", ROUGH: "115.86,28.69",
        LABELS_WRONG: "纬度:115.8312 经度:28.7123",
    }.items():  # fmt: skip
        assert note in read_pasted(text).notes
    chosen = read_pasted("高德 114.547312,29.025712", system="WGS84")
    assert (chosen.lon, chosen.system) == (114.547312, "WGS84")
    assert "GCJ-02" in chosen.notes[0]
    chosen = read_pasted("https://uri.amap.com/marker?position=114.547312,29.025712", system="bd09")
    assert chosen.system == "BD-09"
    assert "高德地图" in chosen.notes[0]
    assert "Google" in read_pasted("https://www.google.com/maps/@29.025712,114.547312,15z").notes[0]


def test_the_assumption_names_the_true_distances() -> None:
    rng = np.random.default_rng(8)
    lon, lat = rng.uniform(113.57, 118.48, 4000), rng.uniform(24.49, 30.08, 4000)
    for system, least, most in (("GCJ-02", 553, 665), ("BD-09", 1139, 1244)):
        off = haversine_m(lon, lat, *datums.from_wgs84(lon, lat, system=system))
        assert least - 15 < off.min()
        assert off.max() < most + 15
        assert f"{least}-{most}" in ASSUMED


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "没有内容"), ("  \u200b", "没有内容"), ("0,0", "坐标为 0"), ("999,999", "73-136"),
        ("东经115度28分", "只有一个坐标值"), ("114.5473", "只有一个坐标值"), ("114.5473,", "只有一个坐标值"),
        ("138 0013 8000", "看不懂这个坐标"), ("12°99'00\"N 114°00'00\"E", "看不懂这个坐标"),
        ("114.1,29.1 115.2,28.2", "看不懂这个坐标"), ("٣٤٫٥,١١٥", "看不懂这个坐标"),
        ("WGS84 高德 114.5,29.0", "不止一个坐标系"), ("https://surl.amap.com/2abc", "链接里没有坐标"),
        ("1,2," * 900, "最多"), ("EPSG:4547 114.5473,29.0257", "以米为单位"),
    ],
)  # fmt: skip
def test_what_is_no_point_is_refused_in_a_sentence(text: str, word: str) -> None:
    with pytest.raises(PlaceError, match=word) as caught:
        read_pasted(text)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "text",
    ["修水县黄坳乡", "105国道旁", "3组", "x", "<script>alert(1)</script>", "高德地图 修水县", "x" * 1999],
)
def test_other_texts_are_names(text: str) -> None:
    reading = read_pasted(text)
    assert not reading.is_point
    assert reading.name == text


def test_names_beside_links_and_coordinates() -> None:
    reading = read_pasted("修水县黄坳乡 https://surl.amap.com/2abc")
    assert reading.name == "修水县黄坳乡"
    assert "链接里没有坐标" in reading.notes[0]
    assert read_pasted("黄坳 https://uri.amap.com/marker?position=114.5473,29.0257").name == "黄坳"
    assert read_pasted("修水县黄坳乡(114.547312,29.025712)").name == "修水县黄坳乡"


def test_unknown_systems_and_numbers_given_apart() -> None:
    with pytest.raises(PlaceError, match="坐标系"):
        read_pasted("114.5,29.0", system="西安80")
    assert read_degrees(114.5, 29.0, system="auto").system == "WGS84"
    assert read_degrees(114.5, 29.0, system="gcj02").system == "GCJ-02"
    for pair, word in (
        ((29.0, 114.5), "写反"),
        ((float("nan"), 29.0), "请检查"),
        ((float("inf"), 1.0), "请检查"),
    ):
        with pytest.raises(PlaceError, match=word):
            read_degrees(*pair, system="auto")
    with pytest.raises(PlaceError, match="平面坐标"):
        read_degrees(114.5, 29.0, system="EPSG:4547")


@given(st.text(max_size=80))
@example("http://[")
@example("geo:")
@example("https://uri.amap.com/marker?position=%ff%ff,29&lng=1e999&lat=nan")
@example("\ud800,114.5473,29.0257")
def test_any_text_gives_a_reading_or_a_sentence(text: str) -> None:
    try:
        reading = read_pasted(text)
    except PlaceError as error:
        assert len(str(error)) < 300
    else:
        assert reading.is_point or reading.name


@given(st.text(alphabet="0123456789.,°'\"NEnedms度分秒东北经纬 -:/?&=@!htpgeo%", max_size=60))
def test_any_jumble_of_numbers_too(text: str) -> None:
    test_any_text_gives_a_reading_or_a_sentence.hypothesis.inner_test(text)  # type: ignore[attr-defined]


def test_destinations_go_before_marks_and_marks_before_the_view() -> None:
    link = read_link("https://x.amap.com/?center=115.1,28.1&position=114.6,29.1&to=114.5,29.0")
    assert link.pair == ("114.5", "29.0")
    assert read_link("https://x.amap.com/?center=115.1,28.1&position=114.6,29.1").pair == ("114.6", "29.1")
    assert read_link("https://x.amap.com/?from=115.1,28.1").pair is None


def test_digits_of_a_coordinate_are_no_code_of_a_system() -> None:
    for text in ("WGS84 116.338573,27.905100", "116.338573,28.384547", "114.45470,29.1980"):
        reading = read_pasted(text)
        assert reading.system == "WGS84"
        assert reading.is_point
    with pytest.raises(PlaceError, match="哪一种投影"):
        read_pasted("高斯克吕格 3180000,520000")
