"""GIS files: what QGIS and others write, and files made to harm."""

import datetime as dt
import io
import json
import sqlite3
import struct
import time
import zipfile

import geopandas as gpd
import numpy as np
import pytest
import shapely
from boai.geodata.datums import normal_system
from boai.geodata.intake.features import is_plain_wkb, points_of, system_of_wkt
from boai.geodata.intake.files import read_tables
from boai.geodata.intake.limits import RefusedError
from boai.geodata.intake.shapefile import read_dbase
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

NAMES = ["南昌除颤器", "赣州备灾库", "修水救援队"]
POINTS = [
    shapely.Point(115.858123, 28.683456),
    shapely.Point(114.933, 25.831),
    shapely.Point(114.547, 29.025),
]


def frame(crs=4490, **columns):
    return gpd.GeoDataFrame({"名称": NAMES, "年份": [2020, 2021, 2022], **columns}, geometry=POINTS, crs=crs)


def one(path, **options):
    (table,) = read_tables(path, **options).tables
    return table


def xy(table):
    return np.column_stack([table.x, table.y])


def codes(thing):
    return {found.code for found in thing.findings}


def refused(path):
    with pytest.raises(RefusedError) as caught:
        read_tables(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    return caught.value.finding.code


EXPECTED = np.array([[point.x, point.y] for point in POINTS])


# what other programs write


@pytest.mark.parametrize(
    ("suffix", "crs"), [("gpkg", 4490), ("gpkg", 4326), ("geojson", 4490), ("shp", 4490), ("fgb", 0)]
)
def test_files_of_gdal(tmp_path, suffix, crs):
    path = tmp_path / f"aed.{suffix}"
    if suffix == "fgb":
        frame().to_file(path, driver="FlatGeobuf")
        assert refused(path) == "unsupported_format"
        return
    frame(crs).to_file(path, **({"encoding": "utf-8"} if suffix == "shp" else {}))
    table = one(path)
    assert table.format == suffix
    assert list(table.columns) == ["名称", "年份"]
    assert table.columns["名称"].tolist() == NAMES
    assert table.columns["年份"].tolist() == [2020, 2021, 2022]
    assert table.row.tolist() == [1, 2, 3]
    assert table.crs == f"EPSG:{crs}"
    np.testing.assert_allclose(xy(table), EXPECTED, atol=1e-12)
    assert len(table.hash) == 64


@pytest.mark.parametrize("crs", [4547, 4548, 4526, 4527, 32650, 3857])
@pytest.mark.parametrize("suffix", ["gpkg", "shp"])
def test_known_projected_systems_stay_as_they_are(tmp_path, suffix, crs):
    path = tmp_path / f"aed.{suffix}"
    moved = frame().to_crs(crs)
    moved.to_file(path, **({"encoding": "utf-8"} if suffix == "shp" else {}))
    table = one(path)
    assert table.crs == f"EPSG:{crs}"
    np.testing.assert_allclose(xy(table), moved.get_coordinates().to_numpy(), atol=1e-6)


@pytest.mark.parametrize("suffix", ["gpkg", "shp"])
def test_other_systems_are_transformed_and_told(tmp_path, suffix):
    path = tmp_path / f"aed.{suffix}"
    frame(4326).to_crs(4534).to_file(path, **({"encoding": "utf-8"} if suffix == "shp" else {}))
    table = one(path)
    assert table.crs == "EPSG:4326"
    assert "crs_transformed" in codes(table)
    np.testing.assert_allclose(xy(table), EXPECTED, atol=2e-5)  # WGS84 and CGCS2000 within a metre


def test_kml_of_gdal(tmp_path):
    frame(4326, 电话=["0791-1", "2", "3"]).to_file(tmp_path / "a.kml", driver="KML")
    table = one(tmp_path / "a.kml")
    assert table.crs == "EPSG:4326"
    assert table.columns["名称"].tolist() == NAMES
    assert table.columns["电话"].tolist() == ["0791-1", "2", "3"]
    np.testing.assert_allclose(xy(table), EXPECTED, atol=1e-9)


# GeoPackage


def test_layers_with_and_without_geometry(tmp_path):
    path = tmp_path / "a.gpkg"
    frame().to_file(path, layer="点")
    frame().set_geometry(shapely.buffer(POINTS, 0.01)).to_file(path, layer="面")
    import pyogrio

    pyogrio.write_dataframe(frame().drop(columns="geometry").assign(地址="x"), path, layer="表", append=True)
    pyogrio.write_dataframe(frame()[["年份"]].rename(columns={"年份": "q"}), path, layer="无关", append=True)
    fileset = read_tables(path)
    tables = {table.sheet: table for table in fileset.tables}
    assert set(tables) == {"点", "面", "表"}
    assert tables["表"].x is None
    assert tables["表"].crs == ""
    assert "geometry_kept" in codes(tables["面"])
    assert all(shapely.contains_xy(shapely.buffer(POINTS, 0.01), tables["面"].x, tables["面"].y))
    assert [(found.code, found.sheet) for found in fileset.findings] == [("sheet_skipped", "无关")]
    assert one(path, sheet="面").sheet == "面"
    with pytest.raises(RefusedError):
        read_tables(path, sheet="没有")


def gpkg(tmp_path, script, name="a.gpkg"):
    path = tmp_path / name
    frame().to_file(path, layer="点")
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA writable_schema = ON")
        base.executescript(script)
    base.close()
    return path


def test_triggers_and_views_do_nothing(tmp_path):
    marker = tmp_path / "marker"
    script = f"""
        CREATE TRIGGER t AFTER INSERT ON 点 BEGIN DELETE FROM 点; END;
        CREATE VIEW v AS
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS 名称 FROM n;
        INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('v', 'attributes', 'v');
        CREATE VIEW w AS SELECT load_extension('{marker}') AS 名称;
        INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('w', 'attributes', 'w');
    """
    path = gpkg(tmp_path, script)
    before = path.read_bytes()
    fileset = read_tables(path)
    assert [table.sheet for table in fileset.tables] == ["点"]
    skipped = [found.sheet for found in fileset.tables[0].findings if found.code == "sheet_skipped"]
    assert skipped == ["v", "w"]
    for view in ("v", "w"):
        with pytest.raises(RefusedError):
            read_tables(path, sheet=view)
    assert path.read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.gpkg"]


def test_names_of_tables_and_columns_are_no_code(tmp_path):
    evil = 'x"; DROP TABLE gpkg_contents; --'
    frame(**{'a"b; --': [1, 2, 3]}).to_file(tmp_path / "a.gpkg", layer=evil)
    table = one(tmp_path / "a.gpkg")
    assert table.sheet == evil
    assert table.columns['a"b; --'].tolist() == [1, 2, 3]


def test_geometries_that_are_none(tmp_path):
    path = tmp_path / "a.gpkg"
    frame().to_file(path, layer="点")
    with sqlite3.connect(path) as base:
        for name in [
            name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ]:
            base.execute(f'DROP TRIGGER "{name}"')
        blobs = [blob for (blob,) in base.execute("SELECT geom FROM 点")]
        bad = [None, blobs[1][:-3], blobs[2][:-16] + struct.pack("<2d", float("nan"), 1)]
        for fid, blob in enumerate(bad, 1):
            base.execute("UPDATE 点 SET geom = ? WHERE fid = ?", (blob, fid))
    base.close()
    table = one(path)
    assert np.isnan(table.x).all()
    assert sorted(found.row for found in table.findings if found.code.startswith("geometry_")) == [1, 2, 3]


def test_write_ahead_log_is_told(tmp_path):
    path = gpkg(tmp_path, "PRAGMA journal_mode = WAL;")
    (tmp_path / "a.gpkg-wal").write_bytes(b"x" * 100)
    assert path.read_bytes()[18] == 2
    table = one(path)
    assert table.columns["名称"].tolist() == NAMES
    assert any("-wal" in found.what for found in table.findings)


@pytest.mark.parametrize("place", range(0, 3000, 97))
def test_damaged_databases_are_read_or_refused(tmp_path, place):
    path = tmp_path / "a.gpkg"
    frame().to_file(path, layer="点")
    content = bytearray(path.read_bytes())
    content[16 + place : 24 + place] = b"\xff\x7f\x00\x01\xff\xff\xff\xff"
    path.write_bytes(content)
    try:
        assert read_tables(path).tables
    except RefusedError as error:
        assert error.finding.code in {"file_unreadable", "unsupported_format", "no_table", "no_rows"}


def test_other_databases_are_refused(tmp_path):
    base = sqlite3.connect(tmp_path / "a.gpkg")
    base.execute("CREATE TABLE a (b)")
    base.commit()
    base.close()
    assert refused(tmp_path / "a.gpkg") == "unsupported_format"


def nested(kind, depth):
    """Write a collection in a collection, and so on."""
    return struct.pack("<BII", 1, kind, 1) * depth + shapely.Point(1, 2).wkb


@pytest.mark.parametrize("kind", [4, 7])
def test_nested_collections_do_not_reach_the_library(tmp_path, kind):
    assert not is_plain_wkb(nested(kind, 100_000))
    assert is_plain_wkb(nested(4, 1))
    path = gpkg(tmp_path, "")
    with sqlite3.connect(path) as base:
        for name in [
            name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ]:
            base.execute(f'DROP TRIGGER "{name}"')
        base.execute(
            "UPDATE 点 SET geom = ?", (b"GP\0\x01" + struct.pack("<i", 4326) + nested(kind, 500_000),)
        )
    base.close()
    assert np.isnan(one(path).x).all()


@given(
    st.sampled_from(["Point", "LineString", "Polygon", "MultiPoint", "MultiPolygon"]),
    st.booleans(),
    st.booleans(),
)
def test_binary_geometries_of_shapely_are_plain(kind, flat, big):
    square = shapely.box(0, 0, 2, 2).difference(shapely.box(0.5, 0.5, 1, 1))
    shapes = {
        "Point": POINTS[0], "LineString": shapely.LineString([(0, 0), (1, 1)]), "Polygon": square,
        "MultiPoint": shapely.MultiPoint([(0, 0), (1, 1)]),
        "MultiPolygon": shapely.MultiPolygon([square, shapely.box(5, 5, 6, 6)]),
    }  # fmt: skip
    shape = shapes[kind] if flat else shapely.force_3d(shapes[kind])
    for flavor in ("iso", "extended"):
        blob = shapely.to_wkb(shape, flavor=flavor, byte_order=0 if big else 1)
        assert is_plain_wkb(blob)
        assert not is_plain_wkb(blob[:-1])


def test_a_point_of_each_shape_lies_in_it():
    ring = shapely.box(0, 0, 9, 9).difference(shapely.box(1, 1, 8, 8))
    line = shapely.LineString([(0, 0), (2, 0), (2, 2)])
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    x, y, found = points_of([ring, line, POINTS[0], None, shapely.Point(), bow, shapely.MultiPoint([(3, 4)])])
    assert ring.contains(shapely.Point(x[0], y[0]))
    assert (x[1], y[1]) == (2, 0)
    assert (x[2], y[2]) == (POINTS[0].x, POINTS[0].y)
    assert np.isnan(x[3:5]).all()
    assert np.isfinite(x[5])
    assert (x[6], y[6]) == (3, 4)
    assert [item.code for item in found] == ["geometry_kept"]


# Shapefile


def shp(tmp_path, encoding="utf-8", **columns):
    frame(**columns).to_file(tmp_path / "aed.shp", encoding=encoding)
    return tmp_path / "aed.shp"


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_encodings_of_shapefiles(tmp_path, encoding, keep):
    path = shp(tmp_path, encoding)
    if not keep:
        (tmp_path / "aed.cpg").unlink()
    table = one(path)
    assert list(table.columns) == ["名称", "年份"]
    assert table.columns["名称"].tolist() == NAMES
    assert table.encoding == {"gbk": "gb18030", "utf-8": "utf-8"}[encoding]


@pytest.mark.parametrize("said", ["ISO-8859-1", "UTF-8"])
def test_a_cpg_file_that_lies_is_told(tmp_path, said):
    path = shp(tmp_path, "gbk")
    (tmp_path / "aed.cpg").write_text(said)
    table = one(path)
    assert table.columns["名称"].tolist() == NAMES
    assert "encoding_guessed" in codes(table)


def test_missing_parts_are_told(tmp_path):
    path = shp(tmp_path)
    for ending in (".shx", ".prj"):
        (tmp_path / f"aed{ending}").unlink()
    table = one(path)
    assert table.crs == ""
    assert table.columns["名称"].tolist() == NAMES
    said = " ".join(found.what for found in table.findings if found.code == "sidecar_missing")
    assert ".shx" in said
    assert ".prj" in said
    (tmp_path / "aed.dbf").unlink()
    table = one(path)
    assert not table.columns
    assert [found.what for found in table.findings if found.severity == "error"] == [
        "缺少属性文件 .dbf, 只有坐标没有属性"
    ]


def test_any_part_of_a_shapefile_stands_for_it(tmp_path):
    shp(tmp_path)
    for ending in (".dbf", ".prj", ".shx"):
        assert one(tmp_path / f"aed{ending}").format == "shp"
    for ending in (".shp", ".dbf", ".shx", ".prj", ".cpg"):
        (tmp_path / f"aed{ending}").rename(tmp_path / f"AED{ending.upper()}")
    assert one(tmp_path / "AED.SHP").columns["名称"].tolist() == NAMES


def test_a_lone_table(tmp_path):
    shp(tmp_path)
    (tmp_path / "aed.shp").unlink()
    table = one(tmp_path / "aed.dbf")
    assert table.columns["名称"].tolist() == NAMES
    assert table.x is None


def test_kinds_of_fields(tmp_path):
    path = shp(
        tmp_path, "gbk", 面积=[1.5, None, 3.0], 启用=[True, False, True], 电话=["13800138000", None, "0791"]
    )
    columns = one(path).columns
    assert columns["面积"].tolist() == [1.5, None, 3]
    assert columns["电话"].tolist() == ["13800138000", None, "0791"]
    assert [bool(value) for value in columns["启用"]] == [True, False, True]


def test_texts_cut_in_the_middle_of_a_character():
    """A field of ten bytes holds three characters of UTF-8 and a third of the next."""
    raw = dbase([("名称".encode(), "C", 10)], ["南昌除颤".encode()[:10], "ab".ljust(10).encode()])
    table = read_dbase(raw, file="a.dbf")
    assert table.encoding == "utf-8"
    assert table.columns == {"名称": ["南昌除", "ab"]}
    assert not table.findings


def test_fields_that_geopandas_does_not_write():
    fields = [(b"D", "D", 8), (b"N", "N", 6), (b"L", "L", 1), (b"I", "I", 4), (b"M", "M", 10)]
    cells = [b"20240305 12.50T" + struct.pack("<i", -7) + b"         1",
             b"        ******?" + b"\0" * 4 + b" " * 10,
             b"2024999912e400Y" + b"\0" * 4 + b" " * 10]  # fmt: skip
    assert read_dbase(dbase(fields, cells), file="a.dbf").columns == {
        "D": [dt.datetime(2024, 3, 5), None, "20249999"], "N": [12.5, None, float("inf")],
        "L": [True, None, True],
        "I": [-7, 0, 0], "M": [None] * 3,
    }  # fmt: skip


def dbase(fields, cells, count=None, mark=b" "):
    """Write a dBASE table with one field."""
    width = 1 + sum(size for *_, size in fields)
    head = struct.pack(
        "<4BIHH20x", 3, 124, 1, 1, len(cells) if count is None else count, 33 + 32 * len(fields), width
    )
    for name, kind, size in fields:
        head += struct.pack("<11sc4xBB14x", name, kind.encode(), size, 0)
    return head + b"\r" + b"".join(mark + cell for cell in cells)


def test_deleted_records_stay_out(tmp_path):
    path = shp(tmp_path)
    table = bytearray((tmp_path / "aed.dbf").read_bytes())
    start, width = struct.unpack_from("<HH", table, 8)
    table[start + width] = ord("*")
    (tmp_path / "aed.dbf").write_bytes(table)
    table = one(path)
    assert table.columns["名称"].tolist() == [NAMES[0], NAMES[2]]
    np.testing.assert_allclose(xy(table), EXPECTED[[0, 2]])


@pytest.mark.parametrize("count", [4_000_000_000, 5])
def test_a_table_that_promises_more_records(count):
    table = read_dbase(dbase([(b"A", "C", 4)], [b"abcd"] * 3, count), file="a.dbf")
    assert table.columns == {"A": ["abcd"] * 3}
    assert [found.code for found in table.findings] == ["truncated"]


@given(st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_damaged_tables_are_read_or_refused(place, noise):
    raw = bytearray(dbase([(b"A", "C", 4), (b"B", "N", 6)], [b"abcd  12.5"] * 20))
    raw[place : place + len(noise)] = noise
    try:
        read_dbase(bytes(raw), file="a.dbf")
    except RefusedError as error:
        assert error.finding.code in {"file_unreadable", "file_too_large"}


@given(st.integers(100, 300), st.binary(min_size=1, max_size=8))
def test_damaged_shapes_are_read_or_refused(tmp_path_factory, place, noise):
    folder = tmp_path_factory.mktemp("x")
    gpd.GeoDataFrame({"名称": NAMES}, geometry=shapely.buffer(POINTS, 0.1, quad_segs=1), crs=4490).to_file(
        folder / "a.shp", encoding="utf-8"
    )
    content = bytearray((folder / "a.shp").read_bytes())
    content[place : place + len(noise)] = noise
    (folder / "a.shp").write_bytes(content)
    try:
        fileset = read_tables(folder / "a.shp")
    except RefusedError as error:
        assert error.finding.code in {"file_unreadable", "no_rows", "truncated"}
    else:
        assert fileset.tables[0].n_rows <= 3


def test_a_cut_shapefile_is_told(tmp_path):
    path = shp(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    table = one(path)
    assert table.n_rows == 2
    assert "truncated" in codes(table)


def test_polygons_and_lines_of_shapefiles(tmp_path):
    holed = [
        shapely.box(0, 0, 9, 9).difference(shapely.box(1, 1, 8, 8)),
        shapely.box(2, 2, 7, 7),
        POINTS[0].buffer(1),
    ]
    gpd.GeoDataFrame({"名称": NAMES}, geometry=holed, crs=4490).to_file(tmp_path / "a.shp", encoding="utf-8")
    table = one(tmp_path / "a.shp")
    assert all(
        shape.contains(shapely.Point(x, y)) for shape, x, y in zip(holed, table.x, table.y, strict=True)
    )
    lines = [
        shapely.LineString([(0, 0), (4, 0)]),
        shapely.MultiLineString([[(0, 0), (1, 1)], [(0, 0), (9, 0)]]),
        None,
    ]
    gpd.GeoDataFrame({"名称": NAMES}, geometry=lines, crs=4490).to_file(tmp_path / "b.shp", encoding="utf-8")
    table = one(tmp_path / "b.shp")
    np.testing.assert_allclose(xy(table), [[2, 0], [4.5, 0], [np.nan, np.nan]])


@pytest.mark.parametrize("code", [4326, 4490, 4547, 4548, 4526, 4527, 4498, 32650, 3857])
@pytest.mark.parametrize("form", ["WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"])
def test_systems_in_words(code, form):
    crs, why = system_of_wkt(CRS.from_epsg(code).to_wkt(form))
    assert not why
    assert normal_system(crs) == normal_system(f"EPSG:{code}")  # 4509 and 4548 are the same numbers


EXTENDED = (
    'GEOGCS["x",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433],EXTENSION["PROJ4","+proj=longlat +nadgrids=/etc/passwd"]]'
)


@pytest.mark.parametrize(
    "text", [EXTENDED, "", "GCJ02", "+proj=longlat +nadgrids=@x", "x" * 100_000, "EPSG:4326"]
)
def test_systems_that_refer_to_files_or_are_none(text):
    crs, why = system_of_wkt(text)
    assert crs == ""
    assert why


# GeoJSON


def geojson(tmp_path, content, name="a.geojson", encoding="utf-8"):
    path = tmp_path / name
    path.write_text(
        content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), encoding
    )
    return path


def collection(*geometries, **more):
    features = [
        {"type": "Feature", "properties": {"名称": f"点{i}"}, "geometry": geometry}
        for i, geometry in enumerate(geometries)
    ]
    return {"type": "FeatureCollection", "features": features, **more}


POINT = {"type": "Point", "coordinates": [115.8, 28.6]}


@pytest.mark.parametrize(
    ("name", "crs"),
    [("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"), ("urn:ogc:def:crs:EPSG::4490", "EPSG:4490"),
     ("EPSG:4548", "EPSG:4548"),
     ("http://www.opengis.net/def/crs/EPSG/0/4490", "EPSG:4490"), ("GCJ02", ""), (None, "")],
)  # fmt: skip
def test_the_crs_member(tmp_path, name, crs):
    more = {} if name is None else {"crs": {"type": "name", "properties": {"name": name}}}
    table = one(geojson(tmp_path, collection(POINT, **more)))
    assert table.crs == crs
    assert ("crs_unknown" in codes(table)) == (name == "GCJ02")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_encodings_of_geojson(tmp_path, encoding):
    assert one(geojson(tmp_path, collection(POINT), encoding=encoding)).columns["名称"].tolist() == ["点0"]


def test_what_is_no_number_is_no_coordinate(tmp_path):
    text = (
        '{"type":"FeatureCollection","features":['
        '{"type":"Feature","properties":{"名称":"甲","年份":NaN},"geometry":{"type":"Point","coordinates":[NaN,28]}},'
        '{"type":"Feature","properties":{"名称":"乙","年份":1e999},"geometry":{"type":"Point","coordinates":[Infinity,1]}},'
        '{"type":"Feature","properties":{"名称":"丙"},"geometry":{"type":"Point","coordinates":["115",28]}},'
        '{"type":"Feature","properties":null,"geometry":null},'
        '{"type":"Feature","properties":{"名称":{"a":[1]}},"geometry":{"type":"Polygon","coordinates":[[1,2],3]}},'
        '{"type":"Feature","properties":{"名称":"\\ud800"},"geometry":{"type":"Point","coordinates":[115,28,5]}},'
        "7]}"
    )
    table = one(geojson(tmp_path, text))
    assert table.n_rows == 7
    assert np.isnan(table.x).tolist() == [True] * 5 + [False, True]
    assert table.columns["年份"].tolist() == [None] * 7
    assert table.columns["名称"][4] == '{"a": [1]}'
    table.columns["名称"][5].encode()
    bad = {found.row: found.code for found in table.findings if found.row}
    assert bad == {1: "geometry_invalid", 2: "geometry_invalid", 3: "geometry_invalid", 4: "geometry_missing",
                   5: "geometry_invalid", 7: "geometry_missing"}  # fmt: skip


@pytest.mark.parametrize(
    "text", ["[" * 1_000_000, '{"a":' * 500_000, '{"type":"FeatureCollection","features":[' * 5000]
)
def test_deep_json_is_refused(tmp_path, text):
    assert refused(geojson(tmp_path, text)) == "unsafe_content"


def test_deep_geometries_are_none(tmp_path):
    geometry = POINT
    for _ in range(300):
        geometry = {"type": "GeometryCollection", "geometries": [geometry]}
    assert np.isnan(one(geojson(tmp_path, collection(geometry, POINT))).x).tolist() == [True, False]


def test_json_of_millions_of_lists_is_refused(tmp_path):
    assert refused(
        geojson(tmp_path, '{"type":"FeatureCollection","features":[' + "[]," * 10_000_001 + "1]}")
    ) == ("file_too_large")


@pytest.mark.parametrize(
    "text", ["{", '{"type":"FeatureCollection"}', "[1, 2]", '{"a": 1' + "0" * 6000 + "}", "{}"]
)
def test_json_that_is_no_table_is_refused(tmp_path, text):
    assert refused(geojson(tmp_path, text)) in {"file_unreadable", "unsupported_format", "no_rows"}


def test_lists_of_objects(tmp_path):
    pois = [{"name": "甲", "location": "115.8,28.6", "tags": ["a"]}, {"name": "乙", "address": []}]
    for content in (pois, {"status": "1", "pois": pois}):
        table = one(geojson(tmp_path, content, "a.json"))
        assert table.columns["location"].tolist() == ["115.8,28.6", None]
        assert table.x is None


# KML and GPX

KML = """<?xml version="1.0" encoding="{encoding}"?>{doctype}
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="x"><Document><name>上报</name>
<Folder><name>南昌县</name>{body}</Folder>
<NetworkLink><Link><href>http://127.0.0.1:9/evil.kml</href></Link></NetworkLink></Document></kml>"""
MARK = """<Placemark><name>甲</name><description>{description}</description><ExtendedData>
<Data name="电话"><value>0791-1
</value></Data><SchemaData><SimpleData name="年份">2020</SimpleData></SchemaData></ExtendedData>{shape}
</Placemark>"""
DOT = "<Point><coordinates> 115.8, 28.6, 12 </coordinates></Point>"
TABLE = (
    "<![CDATA[<html><table><tr><td>地址</td><td>某路<b>1</b>号</td></tr>"
    "<tr><td>负责人：</td><td>张三</td></tr></table>]]>"
)


def kml(tmp_path, body=None, encoding="utf-8", doctype="", name="a.kml"):
    body = MARK.format(description=TABLE, shape=DOT) if body is None else body
    path = tmp_path / name
    path.write_text(KML.format(encoding=encoding, doctype=doctype, body=body), encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "gb2312", "utf-16"])
def test_placemarks(tmp_path, encoding):
    table = one(kml(tmp_path, encoding=encoding))
    assert {name: cells[0] for name, cells in table.columns.items()} == {
        "地址": "某路1号", "负责人": "张三", "name": "甲", "电话": "0791-1", "年份": "2020",
        "文件夹": "南昌县",
    }  # fmt: skip
    assert (table.x[0], table.y[0]) == (115.8, 28.6)
    assert "file_skipped" in codes(table)


def test_descriptions_that_are_text(tmp_path):
    text = "<![CDATA[<p>门诊大厅</p><script>alert(1)</script>]]>"
    assert one(kml(tmp_path, MARK.format(description=text, shape=DOT))).columns["description"].tolist() == [
        "门诊大厅"
    ]


def test_shapes_of_placemarks(tmp_path):
    ring = "<LinearRing><coordinates>{}</coordinates></LinearRing>"
    outer, inner = ring.format("0,0 9,0 9,9 0,9 0,0"), ring.format("1,1 8,1 8,8 1,8 1,1")
    shapes = [
        f"<Polygon><outerBoundaryIs>{outer}</outerBoundaryIs><innerBoundaryIs>{inner}</innerBoundaryIs></Polygon>",
        "<LineString><coordinates>0,0,0 4,0,0</coordinates></LineString>",
        "<MultiGeometry><Point><coordinates>1,2</coordinates></Point><Point><coordinates>3,4</coordinates></Point></MultiGeometry>",
        "<Point><coordinates>nan,abc</coordinates></Point>",
        "",
    ]
    table = one(kml(tmp_path, "".join(MARK.format(description="", shape=shape) for shape in shapes)))
    holed = shapely.box(0, 0, 9, 9).difference(shapely.box(1, 1, 8, 8))
    assert holed.contains(shapely.Point(table.x[0], table.y[0]))
    assert xy(table)[1:3].tolist() == [[2, 0], [1, 2]]
    assert np.isnan(table.x[3:]).all()
    found = {(item.code, item.row) for item in table.findings}
    assert {("geometry_invalid", 4), ("geometry_missing", 5), ("geometry_kept", 3)} <= found


LAUGHS = (
    '<!DOCTYPE kml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
)
EXTERNAL = '<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
PARAMETER = '<!DOCTYPE kml [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>'
OUTSIDE = '<!DOCTYPE kml SYSTEM "http://127.0.0.1:9/x.dtd">'


@pytest.mark.parametrize("doctype", [LAUGHS, EXTERNAL, PARAMETER])
@pytest.mark.parametrize("body", ["", "<Placemark><name>&x;&c;</name></Placemark>"])
def test_entities_are_refused(tmp_path, doctype, body):
    began = time.process_time()
    assert refused(kml(tmp_path, body, doctype=doctype)) == "unsafe_content"
    gpx = tmp_path / "a.gpx"
    gpx.write_text(f'<?xml version="1.0"?>{doctype}<gpx><wpt lat="1" lon="2"><name>&c;</name></wpt></gpx>')
    assert refused(gpx) == "unsafe_content"
    assert time.process_time() - began < 1


def test_a_doctype_elsewhere_is_not_fetched(tmp_path):
    assert one(kml(tmp_path, doctype=OUTSIDE)).n_rows == 1


def test_blanks_between_coordinates_take_no_time(tmp_path):
    began = time.process_time()
    blanks = " " * 5_000_000
    table = one(kml(tmp_path, MARK.format(description="", shape=DOT.replace(" 28", blanks + " 28"))))
    assert table.x[0] == 115.8
    assert time.process_time() - began < 3


def test_deep_kml_is_refused(tmp_path):
    assert refused(kml(tmp_path, "<Folder>" * 100_000)) == "unsafe_content"


def test_kmz(tmp_path):
    inner = kml(tmp_path).read_bytes()
    with zipfile.ZipFile(tmp_path / "a.kmz", "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("files/icon.png", b"\x89PNG")
        target.writestr("doc.kml", inner)
    table = one(tmp_path / "a.kmz")
    assert (table.format, table.columns["name"].tolist()) == ("kml", ["甲"])
    with zipfile.ZipFile(tmp_path / "b.kmz", "w") as target:
        target.writestr("x.txt", "x")
    assert refused(tmp_path / "b.kmz") == "file_unreadable"


GPX = """<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1" xmlns:o="y">
<wpt lat="28.6" lon="115.8"><ele>12</ele><name>甲</name><extensions><o:电话>0791</o:电话></extensions></wpt>
<wpt lat="x" lon="115.9"><name>乙</name></wpt><trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk></gpx>"""


def test_waypoints(tmp_path):
    (tmp_path / "a.gpx").write_text(GPX, encoding="utf-8")
    table = one(tmp_path / "a.gpx")
    assert table.columns["name"].tolist() == ["甲", "乙"]
    assert table.columns["电话"].tolist() == ["0791", None]
    assert xy(table)[0].tolist() == [115.8, 28.6]
    assert np.isnan(table.y[1])
    assert {"file_skipped", "geometry_missing"} <= codes(table)


# formats in disguise

VRT = """<OGRVRTDataSource><OGRVRTLayer name="passwd"><SrcDataSource>/etc/passwd</SrcDataSource>
<SrcLayer>x</SrcLayer></OGRVRTLayer></OGRVRTDataSource>"""


@pytest.mark.parametrize("suffix", ["gpkg", "shp", "kml", "gpx", "geojson", "csv", "xlsx", "vrt", "kmz"])
@pytest.mark.parametrize("before", ["", "<?xml version='1.0'?>\n", "  ", "<!-- a -->"])
def test_a_virtual_format_is_refused_under_any_name(tmp_path, suffix, before):
    path = tmp_path / f"a.{suffix}"
    path.write_text(before + VRT)
    assert refused(path) == "unsupported_format"


@pytest.mark.parametrize("text", ['<wfs:WFS xmlns:wfs="x"/>', "<OGRWFSDataSource><URL>http://127.0.0.1:9</URL></OGRWFSDataSource>",
                                  "<svg/>", '<gml:FeatureCollection xmlns:gml="y"/>', "<OGDI/>"])  # fmt: skip
def test_other_xml_is_refused(tmp_path, text):
    (tmp_path / "a.kml").write_text(text)
    assert refused(tmp_path / "a.kml") == "unsupported_format"


def test_nothing_of_gdal_is_used(tmp_path, monkeypatch):
    """No file from outside reaches a library that could open another."""
    import pyogrio

    path = shp(tmp_path)
    frame().to_file(tmp_path / "b.gpkg")

    def explode(*_, **__):
        raise AssertionError("GDAL")

    for name in ("read_dataframe", "read_info", "list_layers", "read_arrow"):
        monkeypatch.setattr(pyogrio, name, explode)
    monkeypatch.setattr(gpd, "read_file", explode)
    assert len(read_tables(tmp_path).tables) == 2
    assert one(path).n_rows == 3
    assert io.BytesIO(path.read_bytes()).read(4) == b"\0\0\x27\x0a"


def test_computed_columns_are_left_out_and_told(tmp_path):
    """Such a column can run for hours in one call that no time limit interrupts."""
    slow = "instr(printf('%.*c', 4000000, 'a'), printf('%.*c', 2000000, 'a') || 'b')"
    script = f"ALTER TABLE 点 ADD COLUMN g GENERATED ALWAYS AS ({slow}) VIRTUAL;"
    path = gpkg(tmp_path, script)
    table = one(path)
    assert table.columns["名称"].tolist() == NAMES
    assert [found.column for found in table.findings if found.code == "extra_column"] == ["g"]
    view = """CREATE VIEW v AS SELECT g FROM 点; DELETE FROM gpkg_contents;
        INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('v', 'attributes', 'v');"""
    assert refused(gpkg(tmp_path, script + view, "b.gpkg")) == "unsafe_content"
    call = f"""CREATE VIEW v AS SELECT {slow} AS 名称; DELETE FROM gpkg_contents;
        INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('v', 'attributes', 'v');"""
    assert refused(gpkg(tmp_path, call, "c.gpkg")) == "file_unreadable"


def test_names_in_other_case_are_the_same_for_a_database(tmp_path):
    frame().to_file(tmp_path / "a.gpkg", layer="dots")
    with sqlite3.connect(tmp_path / "a.gpkg") as base:
        base.execute("UPDATE gpkg_contents SET table_name = 'DOTS'")
        base.execute("UPDATE gpkg_geometry_columns SET table_name = 'Dots', column_name = 'GEOM'")
    base.close()
    np.testing.assert_allclose(xy(one(tmp_path / "a.gpkg")), EXPECTED)


def test_virtual_tables_are_left_out(tmp_path):
    script = """CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES ('x');
        INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('f', 'attributes', 'f');"""
    table = one(gpkg(tmp_path, script))
    assert (table.sheet, table.n_rows) == ("点", 3)
    assert "sheet_skipped" in codes(table)


def test_shapes_that_were_written_anew_at_the_end(tmp_path):
    boxes = [shapely.box(115 + i, 28, 115.1 + i, 28.1) for i in range(3)]
    gpd.GeoDataFrame({"n": [0, 1, 2]}, geometry=boxes, crs=4326).to_file(tmp_path / "a.shp")
    shapes, index = (bytearray((tmp_path / f"a.{end}").read_bytes()) for end in ("shp", "shx"))
    at, size = (2 * number for number in struct.unpack_from(">2I", index, 108))
    record = bytearray(shapes[at : at + 8 + size])
    points = struct.unpack_from("<I", record, 48)[0]
    for i in range(points):
        struct.pack_into(
            "<d", record, 56 + 16 * i + 8, struct.unpack_from("<d", record, 64 + 16 * i)[0] + 0.5
        )
    struct.pack_into(">I", index, 108, len(shapes) // 2)
    shapes += record
    struct.pack_into(">I", shapes, 24, len(shapes) // 2)
    (tmp_path / "a.shp").write_bytes(shapes)
    (tmp_path / "a.shx").write_bytes(index)
    table = one(tmp_path / "a.shp")
    np.testing.assert_allclose(table.y, [28.05, 28.55, 28.05])
    assert "truncated" not in codes(table)
    struct.pack_into(">I", index, 108, 4_000_000)
    (tmp_path / "a.shx").write_bytes(index)
    assert "truncated" in codes(one(tmp_path / "a.shp"))


def test_numbers_and_fields_that_are_not_plain():
    fields = [(b"v", "N", 8), (b"y", "Y", 8), (b"t", "T", 8), (b"b", "B", 8), (b"m", "M", 10)]
    rest = struct.pack("<q2id", 12_345, 2_460_375, 30_600_000, 1.5) + b" " * 10
    raw = dbase(fields, [text + rest for text in (b"     1,5", b"********", b"     1_0", b"     2.5")])
    table = read_dbase(raw, file="a.dbf")
    assert table.columns["v"] == ["1,5", None, "1_0", 2.5]
    assert table.columns["y"][0] == 1.2345
    assert table.columns["t"][0] == dt.datetime(2024, 3, 5, 8, 30)
    assert table.columns["b"][0] == 1.5
    assert [(found.code, found.severity, found.column) for found in table.findings] == [
        ("extra_column", "warning", "m")
    ]


@pytest.mark.parametrize("mark", ["", "\x1e"])
def test_json_line_by_line(tmp_path, mark):
    features = [
        {"type": "Feature", "properties": {"名称": name}, "geometry": shapely.geometry.mapping(point)}
        for name, point in zip(NAMES, POINTS, strict=True)
    ]
    text = "\n".join(mark + json.dumps(feature) for feature in features)
    (tmp_path / "a.geojsonl").write_text(text, encoding="utf-8")
    table = one(tmp_path / "a.geojsonl")
    np.testing.assert_allclose(xy(table), EXPECTED)
    assert "format_mismatch" not in codes(table)
    (tmp_path / "b.json").write_text('{"名称": "甲"}\n{"名称": "乙"}\n', encoding="utf-8")
    assert one(tmp_path / "b.json").columns["名称"].tolist() == ["甲", "乙"]


def test_kml_that_claims_the_wrong_encoding(tmp_path):
    body = "<Placemark><name>修水县城</name><Point><coordinates>115.8,28.6</coordinates></Point></Placemark>"
    path = tmp_path / "a.kml"
    path.write_text(f'<?xml version="1.0" encoding="gbk"?><kml>{body}</kml>', encoding="utf-8")
    assert one(path).columns["name"].tolist() == ["修水县城"]
