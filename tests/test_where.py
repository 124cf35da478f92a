"""Places at the desk: what is meant, in which county, how far the road is, and what lies on water."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import shapely
from boai.app.desk import where
from boai.app.desk.ground import files_of, open_ground
from boai.app.desk.water import use_water, without_water
from boai.coverage.nearest import OFF_ROAD_M, nearest_sites
from boai.geodata import boundaries, outline
from boai.geodata.county_borders import _rings, read_county_borders
from boai.geodata.crs import haversine_m
from boai.geodata.errors import InputError, PlaceError, WorkspaceError
from boai.geodata.water import Water, load_water
from boai.geodata.water_files import make_water, read_water
from boai.scenarios.world import World
from hypothesis import given
from hypothesis import strategies as st
from shapeworld import Road, closing, make


@pytest.fixture(scope="module")
def ground(world: World, workspace_folder: Path) -> SimpleNamespace:
    return SimpleNamespace(
        root=workspace_folder,
        gazetteer=world.gazetteer,
        outline=outline.load_outline(workspace_folder / "outline"),
        network=world.network,
        now=world.network,
    )


# What is meant


def test_the_tree_has_every_unit_once(world: World) -> None:
    cities = where.tree(world.gazetteer)
    counties = [county for city in cities for county in city["counties"]]
    towns = [town for county in counties for town in county["townships"]]
    assert (len(cities), len(counties)) == (11, 100)
    assert len(towns) == int((world.gazetteer.level == 3).sum())
    assert sorted(county["code"] for county in counties) == world.gazetteer.county_code.tolist()
    assert all(set(one) >= {"name", "lon", "lat"} for one in (*cities, *counties, *towns))


@pytest.mark.parametrize(
    ("text", "name", "note"),
    [
        ("修水县黄坳乡", "江西省九江市修水县黄坳乡", ""), ("修水縣黃坳", "江西省九江市修水县黄坳乡", ""),
        ("xiushui", "江西省九江市修水县", "按拼音 xiushui 理解为 修水县"),
        ("黄坳乡医院", "江西省九江市修水县黄坳乡", "地名表里没有 医院"),
        ("修水县黄凹乡", "江西省九江市修水县", "是否指 黄坳乡?"),
        ("赣县", "江西省赣州市赣县区", "赣县 即 赣县区"),
        ("【求助】修水县黄坳乡塘排村3组", "江西省九江市修水县黄坳乡", "塘排村3组"),
        ("我在修水县黄坳乡政府", "江西省九江市修水县黄坳乡", "政府"),
        ("南昌市", "江西省南昌市", "代表全市"),
        ("修水县黄坳乡 https://surl.amap.com/2abc", "江西省九江市修水县黄坳乡", "链接里没有坐标"),
    ],
)  # fmt: skip
def test_names(ground: SimpleNamespace, text: str, name: str, note: str) -> None:
    place = where.resolve(ground, text)
    assert place["name"] == name
    assert note in place["note"]
    assert bool(note) == bool(place["note"])
    assert place["system"] == ""


def test_a_typo_offers_what_may_be_meant(ground: SimpleNamespace) -> None:
    assert [one["name"] for one in where.resolve(ground, "修水县黄凹乡")["candidates"]] == ["黄坳乡"]
    with pytest.raises(PlaceError, match="是否指 九江市修水县") as caught:
        where.resolve(ground, "秀水")
    first = caught.value.candidates[0]
    assert set(first) == {"name", "full_name", "level", "lon", "lat", "why"}
    assert (first["full_name"], first["level"], first["why"]) == ("江西省九江市修水县", "县", "同音")


@pytest.mark.parametrize(
    ("text", "word"),
    [("江西省", "范围太大"), ("乌有之乡某处", "没有这个地方"), ("", "没有内容"), ("<script>", "没有这个地方"),
     ("啊" * 300, "最多"), ("0,0", "坐标为 0")],
)  # fmt: skip
def test_what_is_no_place_is_refused(ground: SimpleNamespace, text: str, word: str) -> None:
    with pytest.raises(PlaceError, match=word) as caught:
        where.resolve(ground, text)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300


def test_namesakes_are_asked_about(ground: SimpleNamespace) -> None:
    names, counts = np.unique(ground.gazetteer.name[ground.gazetteer.level == 3], return_counts=True)
    twice = str(names[counts.argmax()])
    with pytest.raises(PlaceError, match=f"有 {counts.max()} 处同名") as caught:
        where.resolve(ground, twice)
    found = caught.value.candidates
    assert len(found) >= min(counts.max(), 5)
    assert {one["name"] for one in found} == {twice}
    assert len({one["full_name"] for one in found}) == len(found)


def test_suggestions_are_what_the_api_hands_on(ground: SimpleNamespace) -> None:
    found = where.suggest(ground.gazetteer, "xsx", 3)
    assert len(found) == 3
    assert found[0] == {
        "name": "修水县", "full_name": "江西省九江市修水县", "level": "县",
        "lon": pytest.approx(114.5685), "lat": pytest.approx(29.0358), "why": "首字母",
    }  # fmt: skip


# Where a point lies


@pytest.mark.parametrize("little", [True, False])
def test_borders_are_read_in_both_orders_of_bytes(little: bool) -> None:
    ring = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]
    hole = [(1.0, 1.0), (2.0, 1.0), (2.0, 2.0)]
    holed = shapely.Polygon(ring, [hole])
    both = shapely.MultiPolygon([holed, shapely.box(6, 6, 7, 7)])
    for shape in (holed, both):
        found = list(_rings(shapely.to_wkb(shape, byte_order=int(little))))
        assert [each.tolist() for each in found] == [
            shapely.get_coordinates(each).tolist() for each in shapely.get_rings(shapely.get_parts(shape))
        ]
    for bad in (shapely.to_wkb(shapely.Point(1, 2)), shapely.to_wkb(both)[:-9], b"\x01"):
        with pytest.raises((ValueError, IndexError, struct.error)):
            list(_rings(bad))


def test_a_place_needs_no_roads(ground: SimpleNamespace, workspace_folder: Path) -> None:
    atlas = where.open_atlas(workspace_folder)
    for text in ("修水县黄坳乡", "115.86,28.69", "115.86,29.9"):
        place, whole = where.locate(atlas, text), where.resolve(ground, text)
        assert place.items() <= {**whole, "warning": place["warning"]}.items()
        assert whole["warning"].startswith(place["warning"])
        assert whole.keys() - place.keys() == {"off_road_m", "cut_off"}


def test_points_lie_in_the_county_of_the_boundaries(ground: SimpleNamespace, world: World) -> None:
    borders = read_county_borders(ground.root / "boundaries.gpkg")
    rng = np.random.default_rng(5)
    lon, lat = rng.uniform(113.5, 118.5, 1500), rng.uniform(24.4, 30.1, 1500)
    expected = boundaries.locate(world.units, lon, lat)
    found = [borders.at(x, y) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)]
    np.testing.assert_array_equal(found, expected)
    assert list(borders.name) == world.units.counties["name"].tolist()
    place = where.resolve(ground, lon=114.5473, lat=29.0257)
    assert (place["city"], place["county"], place["level"]) == ("九江市", "修水县", "点")


def test_damaged_borders_are_told(tmp_path: Path) -> None:
    (tmp_path / "boundaries.gpkg").write_bytes(b"no database")
    with pytest.raises(WorkspaceError, match="损坏"):
        read_county_borders(tmp_path / "boundaries.gpkg")


@given(st.floats(112.5, 119.5), st.floats(23.5, 31.0))
def test_the_border_is_as_near_as_shapely_finds_it(
    world: World, ground: SimpleNamespace, lon: float, lat: float
) -> None:
    metres, x, y = outline.nearest_border(ground.outline, lon, lat)
    scale = np.array([np.cos(np.radians(lat)), 1.0])
    line = shapely.transform(world.units.province.geometry.iloc[0].boundary, lambda points: points * scale)
    expected = shapely.distance(line, shapely.Point(lon * scale[0], lat)) * 111_195
    assert metres == pytest.approx(expected, rel=1e-3, abs=1)
    assert metres == pytest.approx(float(haversine_m(lon, lat, x, y)), rel=0.02, abs=1)


def test_a_point_a_little_outside_is_answered_with_a_warning(ground: SimpleNamespace) -> None:
    x, y = float(ground.outline["lon"].max()), float(ground.outline["lat"][ground.outline["lon"].argmax()])
    place = where.resolve(ground, lon=x + 0.1, lat=y)
    assert 5_000 < place["outside_m"] < 11_000
    assert "在江西省外, 在省界东侧约" in place["outside"]
    assert place["warning"].startswith(place["outside"])
    assert (place["city"], place["county"]) == ("", "")
    with pytest.raises(PlaceError, match=r"不在江西省范围内, 在省界西北侧约 1\d\d 公里"):
        where.resolve(ground, "114.30,30.60")


def test_the_road_is_told_as_the_answer_tells_it(ground: SimpleNamespace) -> None:
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(114, 118, 60), rng.uniform(25, 29.8, 60)
    points = [(x, y) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)]
    points = [point for point in points if outline.contains(ground.outline, *point)]
    told = 0
    for x, y in [*points, (118.6, 28.0)]:
        answer = nearest_sites(ground.network, [], lon=x, lat=y)
        place = where.resolve(ground, lon=x, lat=y)
        assert place["off_road_m"] == pytest.approx(answer.off_road_m, abs=0.06)
        assert place["warning"].endswith(answer.warning)
        assert bool(place["warning"]) == bool(answer.warning)
        told += answer.off_road_m > OFF_ROAD_M
    assert told == 1  # the one outside the province


def test_a_closed_road_beside_the_place_cuts_it_off(ground: SimpleNamespace) -> None:
    """Two parallel roads 4 km apart: with the near one closed the place meets the far one."""
    step = 400_000
    roads = [Road(0, 1, 600, 600), Road(2, 3, 600, 600), Road(0, 2, 600, 600)]
    network = make([(0, 0), (step, 0), (0, step), (step, step)], roads)
    here = {"lon": 115.03, "lat": 28.001}
    free = where.resolve(SimpleNamespace(**{**vars(ground), "network": network, "now": network}), **here)
    assert (free["cut_off"], free["warning"]) == (False, "")
    assert free["off_road_m"] == pytest.approx(111, abs=1)
    shut = closing(network, np.flatnonzero(np.asarray(network.shapes.of) // 2 == 0))
    cut = where.resolve(SimpleNamespace(**{**vars(ground), "network": network, "now": shut}), **here)
    assert cut["cut_off"] is True
    assert "旁边的道路已封闭, 最近能通行的道路在约" in cut["warning"]
    none = closing(network, np.arange(network.n_edges))
    cut = where.resolve(SimpleNamespace(**{**vars(ground), "network": network, "now": none}), **here)
    assert (cut["off_road_m"], cut["cut_off"]) == (None, True)
    assert cut["warning"] == "该点附近没有可以通行的道路"


def test_systems_count_for_numbers_given_apart(ground: SimpleNamespace) -> None:
    plain = where.resolve(ground, lon=114.5, lat=29.0)
    moved = where.resolve(ground, lon=114.5, lat=29.0, system="高德")
    assert (plain["system"], moved["system"]) == ("WGS84", "GCJ-02")
    assert 500 < haversine_m(plain["lon"], plain["lat"], moved["lon"], moved["lat"]) < 700
    assert plain["note"] == ""
    with pytest.raises(PlaceError, match="一起给"):
        where.resolve(ground, lon=114.5)


# Water


def _lake() -> shapely.Polygon:
    return shapely.Polygon(
        [(115.9, 28.9), (116.1, 28.9), (116.1, 29.1), (115.9, 29.1)],
        [[(115.99, 28.99), (116.01, 28.99), (116.01, 29.01), (115.99, 29.01)]],
    )


def test_a_lake_with_an_island(ground: SimpleNamespace, tmp_path: Path) -> None:
    import geopandas as gpd

    pond = shapely.Point(116.5, 28.5).buffer(0.00005)
    lines = shapely.LineString([(115, 28), (116, 28)])
    frame = gpd.GeoDataFrame({"名称": ["大湖", None, "河"]}, geometry=[_lake(), pond, lines], crs=4326)
    frame.to_file(tmp_path / "lakes.gpkg", driver="GPKG", layer="lakes")
    frame[:1].to_crs(4548).to_file(tmp_path / "lake.geojson", driver="GeoJSON")
    for file in ("lakes.gpkg", "lake.geojson"):
        water = read_water(tmp_path / file)
        assert water.name.tolist() == ["大湖"]  # neither the pond nor the line
        assert water.at(115.95, 29.05) == "大湖"
        assert water.at(116.0, 29.0) is None
        assert water.at(115.8, 29.0) is None


@given(st.floats(115.85, 116.15), st.floats(28.85, 29.15))
def test_water_is_where_shapely_finds_it(lon: float, lat: float) -> None:
    other = shapely.MultiPolygon(
        [shapely.Point(116.12, 29.12).buffer(0.03), shapely.Point(115.88, 28.88).buffer(0.02)]
    )
    shapes = [shapely.set_precision(shape, 1e-7) for shape in (_lake(), other)]
    water = make_water(shapes, ["湖", ""], source="test")
    inside = [shapely.contains_xy(shape, lon, lat) for shape in shapes]
    near = min(shapely.distance(shape.boundary, shapely.Point(lon, lat)) for shape in shapes)
    if near > 1e-6:
        assert water.at(lon, lat) == ("湖" if inside[0] else "" if inside[1] else None)


def test_water_in_a_workspace(
    ground: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import geopandas as gpd
    import tinyspace

    root = tmp_path / "tiny"
    tinyspace.make(root)
    area = outline.load_outline(root / "outline")
    x, y = float(area["lon"].mean()), float(area["lat"].mean())
    assert not where.has_water(root)
    assert where.on_water(root, x, y) == ""
    lake = shapely.box(x - 0.01, y - 0.01, x + 0.01, y + 0.01)
    far = shapely.box(80, 40, 81, 41)
    frame = gpd.GeoDataFrame({"name": ["小湖", "远湖"]}, geometry=[lake, far], crs=4326)
    frame.to_file(tmp_path / "water.gpkg", driver="GPKG")
    dry = open_ground(root, warm=False)
    assert root / "water" / "manifest.json" in files_of(root)
    told = use_water(root, tmp_path / "water.gpkg")
    wet = open_ground(root, warm=False, before=dry)
    assert wet.version != dry.version  # the answers differ: where a point lies on water they say so
    assert (told["polygons"], told["sentence"].count("1 个")) == (1, 2)
    assert where.has_water(root)
    assert "在水面上 (小湖)" in where.on_water(root, x, y)
    assert where.on_water(root, x + 0.02, y) == ""
    assert isinstance(load_water(root / "water"), Water)
    assert without_water(root)["removed"]
    assert open_ground(root, warm=False, before=wet).version == dry.version
    assert where.on_water(root, x, y) == ""
    with pytest.raises(InputError, match="没有水面"):
        use_water(root, _far_file(tmp_path, far))
    assert not where.has_water(root)


def _far_file(folder: Path, shape: shapely.Polygon) -> Path:
    import geopandas as gpd

    gpd.GeoDataFrame({"name": ["远湖"]}, geometry=[shape], crs=4326).to_file(
        folder / "far.gpkg", driver="GPKG"
    )
    return folder / "far.gpkg"


def test_water_of_real_files(shared: Path) -> None:
    water = read_water(shared / "data" / "osm" / "liechtenstein.osm.pbf")
    assert 40 < len(water.name) < 80
    assert water.at(9.5198, 47.1) == "Rhein"
    assert water.at(9.5209, 47.1410) is None  # Vaduz
    lakes = read_water(shared / "data" / "osm" / "andorra.osm.pbf")
    assert "Estany de l'Illa" in lakes.name
    with pytest.raises(InputError, match="没有水面"):
        read_water(shared / "data" / "osm" / "porto_portugal.osm.pbf")  # an extract of roads alone


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [("a.osm.pbf", b"\x00" * 50, "损坏"), ("a.gpkg", b"SQLite format 3\x00" + b"\x00" * 90, "读不出"),
     ("a.geojson", b"{}", "读不出"), ("a.txt", b"", "格式"), ("a.geojson", b"<OGRVRTDataSource>", "读不出")],
)  # fmt: skip
def test_damaged_files_are_told(tmp_path: Path, name: str, content: bytes, word: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=word):
        read_water(tmp_path / name)
    with pytest.raises(InputError, match="不存在"):
        read_water(tmp_path / "missing.gpkg")


def test_damaged_water_never_stops_an_answer(ground: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "water").mkdir()
    (tmp_path / "water" / "manifest.json").write_text("{}")
    assert where.on_water(tmp_path, 116.0, 29.0) == ""
    assert not where.has_water(tmp_path)
