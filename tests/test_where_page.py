"""The page without a server reads places as the server does: thousands of texts through both."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib.resources import files
from math import isnan
from typing import Any

import numpy as np
import pytest
from boai.app.desk import place_names, where
from boai.geodata import baidu_mercator, characters, datums, gazetteer, pasted
from boai.geodata.errors import PlaceError
from boai.geodata.gazetteer import Gazetteer
from boai.geodata.place_search import search
from boai.scenarios.world import World
from examples import many
from notations import LINKS, SAYS, WRITERS, linked, written

pytestmark = pytest.mark.browser

SCRIPTS = ("angles.js", "datums.js", "links.js", "pasted.js", "places.js", "where.js")
COLUMNS = (
    "name", "lon", "lat", "level", "county", "population", "alias", "alias_of",
    "county_code", "county_name", "city_name",
)  # fmt: skip
BROKEN = """
0,0 | 999,999 | 东经115度28分 | 114.5473 | 114.5473, | 138 0013 8000 | 12°99'00"N 114°00'00"E
114.1,29.1 115.2,28.2 | ٣٤٫٥,١١٥ | WGS84 高德 114.5,29.0 | https://surl.amap.com/2abc | 修水县黄坳乡
105国道旁 | x | <script>alert(1)</script> | 高德地图 修水县 | 修水县 https://j.map.baidu.com/2a
纬度:115.8312 经度:28.7123 | 115.86,28.69 | 29.02,114.54,90 | EPSG:4490 114.5473,29.0257 | geo:
http://[ | EPSG:4326:114.5473,29.0257 | 西经114.5 北纬29.0 | N29 E114 | 114°,29° | 114°32',29°1'
115.8万 | 🏠114.5,29.0 | https://www.google.com/maps/@29.025712,114.547312,15z | 114,5473 29,0257
maps://?ll=29.0257,114.5473 | lat=29.0257;lon=114.5473 | +29.0257+114.5473/ | 29.0257 N, 114.5473 E
１１４．５４７３　２９．０２５７ | 114．5473，29．0257 | X:29.0257 Y:114.5473 | E114-32-50 N29-01-32
SRID=4326;POINT(114.5473 29.0257) | 114°32′50″E29°01′32″N | https://map.boidu.com/@12751234.5,3372345.6,15z
""".replace("\n", " | ").split(" | ")
JUMBLE = "0123456789.,°'\"NEnedms度分秒东北经纬 -:/?&=@!htpgeo高德百度"


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    paths = [
        files("boai.maps") / "assets" / "gcj02.js",
        *(files("boai.app") / "web" / name for name in SCRIPTS),
    ]
    source = ";\n".join(path.read_text(encoding="utf-8") for path in paths)
    opened = browser.new_context(offline=True).new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.add_script_tag(content=source)
    yield opened
    assert complaints == []


@pytest.fixture(scope="module")
def gaz(world: World, page: Any) -> Gazetteer:
    """The demo's gazetteer, in the page too."""
    arrays = {name: getattr(world.gazetteer, name).tolist() for name in COLUMNS}
    page.evaluate(
        "([gazetteer, characters]) => { globalThis.data = { gazetteer, bundle: { characters } }; }",
        [arrays, characters.tables()],
    )
    return world.gazetteer


def texts(count: int) -> list[str]:
    """Points in all notations and systems, as links, damaged a little, and jumbles of their characters."""
    draw = random.Random(8)
    found = [*BROKEN, "1,2," * 900]
    for _ in range(count):
        lon, lat = draw.uniform(113.6, 118.4), draw.uniform(24.5, 30.0)
        system = draw.choice(sorted(SAYS))
        text = written(draw.choice(sorted(WRITERS)), system, lon, lat)
        if draw.random() < 0.3:
            text = linked(draw.choice(sorted(LINKS)), lon, lat)
        if draw.random() < 0.3:
            text = f"{SAYS[system]} {text}"
        if draw.random() < 0.3:
            at = draw.randrange(len(text))
            text = text[:at] + draw.choice([*JUMBLE, ""]) + text[at + draw.randrange(2) :]
        found.append(text)
        if draw.random() < 0.2:
            found.append("".join(draw.choices(JUMBLE, k=draw.randrange(1, 40))))
    return found


def _read(text: str, system: str) -> dict[str, Any]:
    try:
        found = pasted.read_pasted(text, system=system)
    except PlaceError as error:
        metres = "中央经线" in str(error) or "以米为单位" in str(error) or "平面坐标" in str(error)
        metres |= "哪一种投影" in str(error)
        return {"error": str(error), "metres": metres}
    point = [found.lon, found.lat] if found.is_point else None
    notes = list(found.notes)
    return {"point": point, "system": found.system, "name": found.name, "notes": notes,
            "metres": found.system.startswith("EPSG")}  # fmt: skip


_READ = """([texts, system]) => texts.map((text) => {
  try {
    const found = boai.pasted.read(text, system);
    const { lon, lat, name, notes } = found;
    return { point: found.isPoint ? [lon, lat] : null, system: found.system, name, notes };
  } catch (error) {
    return { error: error.message, stack: error.stack || "" };
  }
})"""


@pytest.mark.parametrize("system", ["auto", "BD-09"])
def test_pasted_texts_are_read_as_in_python(page: Any, system: str) -> None:
    asked = texts(many(3200))
    told = page.evaluate(_READ, [asked, system])
    points = 0
    for text, got in zip(asked, told, strict=True):
        expected = _read(text, system)
        if expected.pop("metres"):
            assert "平面坐标" in got.get("error", ""), text
            continue
        if "error" in expected:
            assert got.get("error") == expected["error"], text
            continue
        assert "error" not in got, (text, got)
        point, own = got.pop("point"), expected.pop("point")
        assert (point is None) == (own is None), text
        if own is not None:
            assert point == pytest.approx(own, abs=1e-7), text
            points += 1
        assert got == expected, text
    assert points > len(asked) / 2


def test_shifts_equal_those_of_python(page: Any) -> None:
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(73, 136, 2000), rng.uniform(3, 54, 2000)
    for system in ("WGS84", "CGCS2000", "GCJ-02", "BD-09"):
        for name, shift in (("toWgs84", datums.to_wgs84), ("fromWgs84", datums.from_wgs84)):
            script = f"(points) => points.map(([x, y]) => boai.datums.{name}(x, y, '{system}'))"
            told = page.evaluate(script, np.column_stack([lon, lat]).tolist())
            np.testing.assert_allclose(
                told, np.column_stack(shift(lon, lat, system=system)), atol=1e-9, rtol=0
            )
    east, north = rng.uniform(8.2e6, 15.1e6, 1000), rng.uniform(3.4e5, 7e6, 1000)
    pairs = np.column_stack([east, north]).tolist()
    told = page.evaluate("(points) => points.map(([x, y]) => boai.datums.fromBaiduMetres(x, y))", pairs)
    np.testing.assert_allclose(told, [baidu_mercator.to_degrees(*pair) for pair in pairs], atol=1e-9, rtol=0)


def names(gaz: Gazetteer, count: int) -> list[str]:
    """Names, pinyin and initials of places, begun, with a wrong character, or with more behind."""
    draw = random.Random(5)
    found = [
        "",
        "省",
        "江西",
        "修水縣",
        "秀水",
        "乐安",
        "🏠",
        "a" * 61,
        "南昌县(莲塘)",
        "樟树市(昌傅)",
        "我在修水县黄坳乡政府",
    ]
    for _ in range(count):
        row = draw.randrange(len(gaz.name))
        name = str(gaz.name[row])
        sounds = characters.readings(name)[0]
        text = draw.choice([
            name, gazetteer.full_name(gaz, row), gazetteer.full_name(gaz, row, province=False),
            "".join(sounds), " ".join(sounds).title(), "".join(one[0] for one in sounds),
        ])  # fmt: skip
        change = draw.randrange(5)
        if change == 0:
            text = text[: draw.randrange(1, len(text) + 1)]
        elif change == 1:
            at = draw.randrange(len(text))
            text = text[:at] + draw.choice("修水黄坳安xhza") + text[at + 1 :]
        elif change == 2:
            text += draw.choice(["医院", "村委会3组", "a", "(上村)", ""])
        elif change == 3:
            text = draw.choice(["【求助】", "我们在", "地址:", "z"]) + text
        found.append(text)
    return found


def test_suggestions_equal_those_of_python(page: Any, gaz: Gazetteer) -> None:
    asked = names(gaz, many(1600))
    told = page.evaluate("(texts) => texts.map((text) => boai.where.suggest(text, 8, data))", asked)
    for text, got in zip(asked, told, strict=True):
        assert got == where.suggest(gaz, text, 8), text
    script = "(texts) => texts.map((t) => boai.where.prepare(data).search(t, 30).map((x) => [x.rank, x.row]))"
    hits = page.evaluate(script, asked[:200])
    assert hits == [[[one.rank, one.row] for one in search(gaz.index, text, 30)] for text in asked[:200]]


_RESOLVE = """(texts) => texts.map((at) => {
  try { return boai.where.resolve({ at }, data); } catch (error) {
    if (!error.message || error.stack) throw error;
    return { error: error.message, candidates: error.candidates };
  }
})"""


def test_names_are_found_as_in_python(page: Any, gaz: Gazetteer) -> None:
    asked = [text.strip() for text in names(gaz, many(1600)) if text.strip()]
    found = 0
    for text, got in zip(asked, page.evaluate(_RESOLVE, asked), strict=True):
        try:
            place, options = place_names.named(gaz, text)
        except PlaceError as error:
            assert got.get("error") == str(error), text
            assert got["candidates"] == list(error.candidates), text
            continue
        assert got.get("name") == place.full_name, (text, got)
        assert (got["lon"], got["lat"]) == (place.lon, place.lat)
        assert got["note"].startswith(place.note)
        assert got["candidates"] == [place_names.described(one) for one in options], text
        found += 1
    assert found > len(asked) / 2


def test_points_are_named_and_the_tree_is_the_same(page: Any, gaz: Gazetteer) -> None:
    rng = np.random.default_rng(4)
    lon, lat = rng.uniform(113.6, 118.4, 300), rng.uniform(24.5, 30.0, 300)
    expected = gazetteer.label_points(gaz, lon, lat).tolist()
    told = page.evaluate(
        "(points) => points.map(([lon, lat]) => boai.where.resolve({ lon, lat }, data).name)",
        np.column_stack([lon, lat]).tolist(),
    )
    assert told == expected
    assert page.evaluate("() => boai.where.tree(data)") == where.tree(gaz)
    script = (
        "() => { try { boai.where.resolve({ lon: 29, lat: 114 }, data); } catch (e) { return e.message; } }"
    )
    assert "写反" in page.evaluate(script)
    assert isnan(page.evaluate("() => boai.pasted.read('修水').lon"))
