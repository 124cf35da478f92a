"""Line layers against what GeoPandas writes, networkx builds and brute force finds; hostile files."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from boai.geodata.crs import to_wgs84
from boai.geodata.errors import InputError
from boai.geodata.network import CLASSES, Network, edge_tails
from boai.geodata.osm import lines
from boai.geodata.osm.noding import count_crossings, node_lines, pieces_of
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, Point, Polygon

FORMATS = ("shp", "gpkg", "geojson", "parquet")


def town(crs: str = "EPSG:4326") -> gpd.GeoDataFrame:
    """A small town: a ring of streets, a motorway that crosses it without a junction, a way in two parts."""
    ring = [(115.0, 28.0), (115.01, 28.0), (115.01, 28.01), (115.0, 28.01), (115.0, 28.0)]
    corner, east = (115.02, 28.0), (115.02, 28.005)
    rows = [
        ("主干道", "中山路", "", "no", 60, LineString(ring[:3])),
        ("次干道", "人民路", "", "", 0, LineString(ring[2:])),
        ("高速公路", "沪昆高速", "G60", "yes", 120, LineString([(114.98, 28.005), (114.99, 28.005), east])),
        ("县道", "", "X021", "单行", 40, MultiLineString([[ring[1], corner], [corner, east]])),
        ("高速公路匝道", "", "", "-1", 40, LineString([(114.99, 28.005), (115.0, 28.0)])),
    ]
    names = ["等级", "路名", "编号", "单行", "限速", "geometry"]
    return gpd.GeoDataFrame(rows, columns=names, geometry="geometry", crs="EPSG:4326").to_crs(crs)


def write(frame: gpd.GeoDataFrame, folder: Path, kind: str, **how: str) -> Path:
    path = folder / f"roads.{kind}"
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "geojson":
        frame.to_file(path, driver="GeoJSON")
    else:
        frame.to_file(path, engine="pyogrio", **how)
    return path


def edges(network: Network) -> list[tuple[object, ...]]:
    """All edges by what they are, so that the order of nodes does not matter."""
    at = list(zip(np.round(network.lon, 6).tolist(), np.round(network.lat, 6).tolist(), strict=True))
    assert network.road_class is not None
    return sorted(
        (at[a], at[b], cs, round(m, 1), network.roads[road], CLASSES[cls])
        for a, b, cs, m, road, cls in zip(
            edge_tails(network).tolist(), network.head.tolist(), network.centiseconds.tolist(),
            network.metres.tolist(), network.road.tolist(), network.road_class.tolist(), strict=True,
        )
    )  # fmt: skip


def test_a_town_reads_as_drawn(tmp_path: Path) -> None:
    network = lines.read_lines(write(town(), tmp_path, "parquet"))
    found = edges(network)
    assert {edge[4] for edge in found} == {"中山路", "人民路", "G60 沪昆高速", "X021", ""}
    one_way = [(edge[0], edge[1]) for edge in found if edge[4] == "G60 沪昆高速"]
    assert one_way == [((114.98, 28.005), (114.99, 28.005)), ((114.99, 28.005), (115.02, 28.005))]
    ramp = [(edge[0], edge[1]) for edge in found if edge[5] == "motorway_link"]
    assert ramp == [((115.0, 28.0), (114.99, 28.005))]  # oneway -1: against the line
    motorway = next(edge for edge in found if edge[5] == "motorway")
    assert motorway[2] == pytest.approx(motorway[3] / (120 / 3.6) * 100, abs=1.5)  # the posted limit
    report = network.meta["report"]
    assert report["choices"]["lines_cross"]["ways"] == 2  # the motorway crosses both sides of the ring
    assert network.meta["kind"] == "lines" and network.meta["source"] == "roads.parquet"


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4548", "EPSG:4490", "EPSG:3857", "EPSG:32650"])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_and_system_gives_the_same_network(tmp_path: Path, kind: str, crs: str) -> None:
    if kind == "geojson" and crs != "EPSG:4326":
        pytest.skip("GeoJSON is written in WGS84")
    network = lines.read_lines(write(town(crs), tmp_path, kind))
    plain = lines.read_lines(write(town(), tmp_path, "parquet"))
    ours, theirs = edges(network), edges(plain)
    assert [edge[4:] for edge in ours] == [edge[4:] for edge in theirs]
    assert [edge[:2] for edge in ours] == [edge[:2] for edge in theirs]
    assert np.abs(np.array([e[2] for e in ours]) - np.array([e[2] for e in theirs])).max() <= 1


def test_shapefile_encodings(tmp_path: Path) -> None:
    want = edges(lines.read_lines(write(town(), tmp_path, "parquet")))
    for encoding in ("UTF-8", "GB18030"):
        path = write(town(), tmp_path, "shp", encoding=encoding)
        assert edges(lines.read_lines(path)) == want
        path.with_suffix(".cpg").unlink()
        assert edges(lines.read_lines(path)) == want
    path.with_suffix(".shx").unlink()
    assert edges(lines.read_lines(path)) == want
    path.with_suffix(".dbf").unlink()
    with pytest.raises(InputError, match=r"缺少属性文件 \.dbf"):
        lines.read_lines(path)


def test_coordinate_system(tmp_path: Path) -> None:
    path = write(town("EPSG:4548"), tmp_path, "shp")
    path.with_suffix(".prj").unlink()
    with pytest.raises(InputError, match=r"没有坐标系说明.*CGCS2000、GCJ-02、BD-09 或 EPSG"):
        lines.read_lines(path)
    want = edges(lines.read_lines(write(town(), tmp_path, "parquet")))
    assert [e[:2] for e in edges(lines.read_lines(path, crs="4548"))] == [e[:2] for e in want]
    with pytest.raises(InputError, match="坐标系无法识别"):
        lines.read_lines(path, crs="EPSG:999999")
    with pytest.raises(InputError, match="坐标系无法识别"):
        lines.read_lines(path, crs="+proj=longlat +nadgrids=/etc/passwd")
    with pytest.raises(InputError, match="超出经纬度范围"):
        lines.read_lines(path, crs="WGS84")  # metres taken for degrees
    moved = lines.read_lines(write(town(), tmp_path, "parquet"), crs="GCJ-02")
    assert 300 < np.abs(moved.lon.min() - 114.98) * 98_000 < 700  # 高德's shift


def test_layers_of_a_geopackage(tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    town().to_file(path, layer="roads", engine="pyogrio")
    town().head(2).to_file(path, layer="other", engine="pyogrio", mode="a")
    with pytest.raises(InputError, match=r"有 2 个图层.*roads、other"):
        lines.read_lines(path)
    assert lines.read_lines(path, layer="roads").n_nodes > lines.read_lines(path, layer="other").n_nodes
    with pytest.raises(InputError, match="没有名为 none 的图层"):
        lines.read_lines(path, layer="none")


def test_columns_may_be_chosen(tmp_path: Path) -> None:
    path = write(town().rename(columns={"等级": "DLDJ"}), tmp_path, "parquet")
    with pytest.raises(InputError, match=r"没有找到道路等级列.*DLDJ"):
        lines.read_lines(path)
    named = lines.read_lines(path, columns={"highway": "DLDJ", "maxspeed": ""})
    assert "speed_default" in named.meta["report"]["choices"]
    with pytest.raises(InputError, match=r"没有名为 x 的列[\s\S]*") as caught:
        lines.read_lines(path, columns={"highway": "x", "speed": "限速"})
    assert len(caught.value.problems) == 2


def test_rows_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    bad = [None, LineString(), Point(115, 28), Polygon([(115, 28), (115.1, 28), (115.1, 28.1)])]
    corners = [(np.nan, 28), (200, 28), (115, 28)]
    with np.errstate(invalid="ignore"):
        bad += [LineString([(115, 28), corner]) for corner in corners]
    rows = pd.concat([town(), gpd.GeoDataFrame({"等级": "国道", "geometry": bad}, crs=4326)])
    network = lines.read_lines(write(rows, tmp_path, "parquet"))
    left = network.meta["report"]["left_out"]
    counted = {code: facts["rows"] for code, facts in left.items() if code.startswith("row_")}
    assert counted == {"row_empty": [6, 7], "row_no_line": [8, 9], "row_outside": [10, 11], "row_point": [12]}
    assert edges(network) == edges(lines.read_lines(write(town(), tmp_path, "gpkg")))
    only = gpd.GeoDataFrame({"等级": "国道", "geometry": bad}, crs=4326)
    with pytest.raises(InputError) as caught:
        lines.read_lines(write(only, tmp_path, "parquet"))
    assert len(caught.value.problems) == 4


def test_lines_join_at_shared_vertices_only() -> None:
    # a T at an inner vertex, a crossing without one, an end 1e-8 degrees away (the same point, rounded)
    lon = np.array([0, 1, 2, 1, 1, 0.5, 0.5, 2.00000001, 3])
    lat = np.array([0, 0, 0, 0, 1, -1, 1, 0, 0.0])
    noded = node_lines(lon, lat, np.array([0, 3, 5, 7, 9]))
    graph = nx.Graph(zip(*(ends.tolist() for ends in pieces_of(noded)), strict=True))
    assert sorted(degree for _, degree in graph.degree) == [1, 1, 1, 1, 1, 2, 3]
    assert nx.number_connected_components(graph) == 2
    assert count_crossings(noded) == 1


@given(st.data())
def test_noding_equals_a_plain_graph(data: st.DataObject) -> None:
    point = st.tuples(st.integers(0, 4), st.integers(0, 4))
    given_lines = data.draw(st.lists(st.lists(point, min_size=2, max_size=5), min_size=1, max_size=8))
    flat = np.array([p for line in given_lines for p in line], float) / 1e3
    start = np.concatenate(([0], np.cumsum([len(line) for line in given_lines])))
    noded = node_lines(flat[:, 0], flat[:, 1], start)
    a, b = pieces_of(noded)
    at = [(round(x / 1e4), round(y / 1e4)) for x, y in zip(noded.x.tolist(), noded.y.tolist(), strict=True)]
    want = [(p, q) for line in given_lines for p, q in pairwise(line) if p != q]
    assert [(at[p], at[q]) for p, q in zip(a, b, strict=True)] == want
    assert len(set(at)) == len(at)
    pairs = [
        (shapely.LineString(one), shapely.LineString(two)) for i, one in enumerate(want) for two in want[:i]
    ]
    assert count_crossings(noded) == sum(one.crosses(two) for one, two in pairs)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=4, max_size=14), st.integers(1, 12)
)
def test_ends_within_a_tolerance_are_joined(points: list[tuple[int, int]], metres: int) -> None:
    """Against brute force: two points are one where a chain of reaches of ends links them."""
    points = points[: len(points) // 2 * 2]
    lon, lat = (np.array(part) / 111_195.0 for part in zip(*points, strict=True))  # about a metre a step
    start = np.arange(0, len(points) + 1, 2)
    noded = node_lines(lon, lat, start, tolerance_m=metres + 0.5)
    graph = nx.Graph()
    graph.add_nodes_from(points)
    reach = [(p, q) for p in points for q in points if np.hypot(p[0] - q[0], p[1] - q[1]) < metres + 0.4]
    graph.add_edges_from(reach)
    if any(abs(np.hypot(p[0] - q[0], p[1] - q[1]) - metres - 0.5) < 0.1 for p in points for q in points):
        return  # too near to the limit for the rounding to steps
    groups = list(nx.connected_components(graph))
    of = {p: number for number, group in enumerate(groups) for p in group}
    want = [(of[p], of[q]) for p, q in zip(points[::2], points[1::2], strict=True) if of[p] != of[q]]
    ends = [(noded.point[a], noded.point[b - 1]) for a, b in pairwise(noded.start)]
    assert len(ends) == len(want)
    pairs = {
        (int(n), w) for pair, wish in zip(ends, want, strict=True) for n, w in zip(pair, wish, strict=True)
    }
    assert len({n for n, _ in pairs}) == len({w for _, w in pairs}) == len(pairs)
    assert noded.joined == len(set(points)) - len(groups)


def test_tolerance_in_the_report(tmp_path: Path) -> None:
    gap = [LineString([(115, 28), (115.01, 28)]), LineString([(115.010003, 28), (115.02, 28)])]  # 0.3 m
    path = write(gpd.GeoDataFrame({"highway": "primary", "geometry": gap}, crs=4326), tmp_path, "gpkg")
    assert lines.read_lines(path).meta["report"]["components"]["others_count"] == 1
    joined = lines.read_lines(path, tolerance_m=0.5).meta["report"]
    assert joined["components"]["others_count"] == 0 and joined["choices"]["ends_joined"]["ways"] == 1
    with pytest.raises(InputError, match="容差应在 0-50 米之间"):
        lines.read_lines(path, tolerance_m=-1)


def test_wuhan_equals_networkx(shared: Path) -> None:
    """Against networkx on the end points as they stand in the file, in its own system."""
    path = shared / "data" / "wuhan" / "wuhan_8989_original.parquet"
    frame = gpd.read_parquet(path)
    network = lines.read_lines(path)
    report = network.meta["report"]
    assert (report["read"]["rows"], report["read"]["nodes"]) == (92_667, 82_891)
    ends, node = np.unique(shapely.get_coordinates(frame.geometry.array), axis=0, return_inverse=True)
    assert len(ends) == 82_891 and shapely.get_num_coordinates(frame.geometry.array).max() == 2
    table = pd.DataFrame({"a": node[::2], "b": node[1::2], "km": frame.length / 1000, "class": frame.highway})
    table = table[table["class"] != "pedestrian"]
    graph = nx.from_pandas_edgelist(table, "a", "b")
    best = max(nx.connected_components(graph), key=len)
    assert report["components"]["kept"]["nodes"] == len(best)
    table = table[table["a"].isin(best)]
    by_class = table.groupby("class")["km"].sum().to_dict()
    assert report["km"] == pytest.approx(by_class, rel=2e-3)  # a sphere here, UTM there
    assert report["oneway_km"] == 0 and report["strong"]["nodes_outside"] == 0
    # every node of the network lies where one of the file does, and has as many streets
    degree = np.bincount(np.concatenate((table["a"], table["b"])), minlength=len(ends))
    lon, lat = to_wgs84(ends[:, 0], ends[:, 1], of="EPSG:32650")
    steps = np.rint(np.column_stack((lon, lat)) * 1e7).astype(int).tolist()
    streets = {tuple(at): count for at, count in zip(steps, degree.tolist(), strict=True)}
    place = np.rint(np.column_stack((network.lon, network.lat)) * 1e7).astype(int).tolist()
    assert [streets[tuple(at)] for at in place] == np.diff(network.start).tolist()
    junctions = int(((degree > 0) & (degree != 2)).sum())
    assert junctions <= network.n_nodes <= junctions + 50  # rings and the like keep a node of degree two


# ------------------------------------------------------------------------------------------ hostile files


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "文件是空的"),
        (b"<OGRVRTDataSource><OGRVRTLayer name='x'/></OGRVRTDataSource>", "不是可以识别的道路图层"),
        (b"/vsicurl/http://127.0.0.1/x", "不是可以识别的道路图层"),
        (b"\x00\x00\x27\x0a", "缺少属性文件"),
        (b"SQLite format 3\0" + b"\0" * 200, "GeoPackage 已损坏"),
        (b"PAR1" + b"\xff" * 100 + b"PAR1", "GeoParquet 已损坏"),
        (b'{"type": "FeatureCollection", "features": [', "GeoJSON 已损坏"),
        (b"[" * 100_000, "不是可以识别"),
        (b'{"a":' + b"[" * 100_000, "GeoJSON 已损坏"),
        (b'{"type": "FeatureCollection", "features": []}', "没有要素"),
        (b'{"features": [1, {"geometry": 3}, {"geometry": {"type": "LineString"}}]}', "几何已损坏"),
    ],
)  # fmt: skip
def test_what_is_no_layer_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "roads.shp"
    path.write_bytes(content)
    with pytest.raises(InputError, match=what):
        lines.read_lines(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="不存在"):
        lines.read_lines(tmp_path / "none.gpkg")
    with pytest.raises(InputError, match="文件夹"):
        lines.read_lines(tmp_path)


def test_shapefile_that_asks_for_memory(tmp_path: Path) -> None:
    path = write(town(), tmp_path, "shp")
    shp = bytearray(path.read_bytes())
    struct.pack_into("<2I", shp, 100 + 8 + 36, 0xFFFFFFFF, 0xFFFFFFFF)  # parts and points of the first record
    path.write_bytes(shp)
    assert lines.read_lines(path).meta["report"]["left_out"]["row_damaged"]["rows"] == [1]
    shx = bytearray(path.with_suffix(".shx").read_bytes())
    shx[100:] = shx[100:108] * ((len(shx) - 100) // 8)  # an index that names one record many times
    path.with_suffix(".shx").write_bytes(shx)
    assert lines.read_lines(path).meta["report"]["left_out"]["row_damaged"]["rows"] == [1]


def test_parquet_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from boai.geodata.osm import line_parquet

    big = gpd.GeoDataFrame(
        {"highway": ["x" * 1000] * 60_000, "geometry": [LineString([(0, 0), (1, 1)])] * 60_000}
    )
    path = write(big.set_crs(4326), tmp_path, "parquet")
    assert path.stat().st_size < 2_000_000
    monkeypatch.setattr(line_parquet, "MOST_BYTES", 10_000_000)
    with pytest.raises(InputError, match="解压后的内容过大"):
        lines.read_layer(path)


def test_geopackage_runs_nothing(tmp_path: Path) -> None:
    import sqlite3

    path = write(town(), tmp_path, "gpkg")
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x AS geom FROM c"
    contents = "gpkg_contents(table_name, data_type, identifier, srs_id)"
    with sqlite3.connect(path) as base:
        base.execute(f"CREATE VIEW deep AS {endless}")
        base.execute(f"INSERT INTO {contents} VALUES('deep', 'features', 'deep', 4326)")
        base.execute("INSERT INTO gpkg_geometry_columns VALUES('deep', 'geom', 'LINESTRING', 4326, 0, 0)")
    base.close()
    with pytest.raises(InputError, match=r"GeoPackage 已损坏|没有几何"):
        lines.read_lines(path, layer="deep")
    assert lines.read_lines(path, layer="roads").n_nodes


BREAK = """
    import random, sys
    from pathlib import Path
    from boai.geodata.errors import InputError
    from boai.geodata.osm import lines
    path, seed, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    ends = (".shp", ".dbf", ".shx", ".prj") if path.suffix == ".shp" else (path.suffix,)
    names = [path.with_suffix(end) for end in ends]
    whole, rng = {name: name.read_bytes() for name in names}, random.Random(seed)
    read = refused = 0
    for _ in range(rounds):
        name = rng.choice(names)
        raw = bytearray(whole[name])
        for _ in range(rng.choice((1, 1, 3, 20))):
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.3:
            raw = raw[: rng.randrange(len(raw))]
        name.write_bytes(raw)
        try:
            roads, notes = lines.to_raw(lines.read_layer(path), file=path.name)
            assert len(roads.way_id) and 0 <= roads.way_node.min() <= roads.way_node.max() < len(roads.x)
            read += 1
        except InputError as error:
            assert str(error) and "Traceback" not in str(error)
            refused += 1
        name.write_bytes(whole[name])
    print(read, refused)
"""


@pytest.mark.parametrize("rounds", ["60", pytest.param("3000", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", FORMATS)
def test_broken_files_end_in_a_sentence_or_in_roads(tmp_path: Path, kind: str, rounds: str) -> None:
    """In a process of its own: whatever C++ code does with broken bytes, it must not die."""
    path = write(town(), tmp_path, kind)
    how = [sys.executable, "-W", "error", "-c", textwrap.dedent(BREAK), str(path), "7", rounds]
    done = subprocess.run(how, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    read, refused = map(int, done.stdout.split())
    assert read and refused


def test_geojson_with_a_stated_system(tmp_path: Path) -> None:
    frame = town("EPSG:4548")
    whole = json.loads(frame.to_json())
    whole["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}
    path = tmp_path / "roads.json"
    path.write_text(json.dumps(whole), encoding="utf-8")
    assert lines.read_lines(path).lon.min() == pytest.approx(114.98, abs=1e-6)
    whole["crs"]["properties"]["name"] = "unknown"
    path.write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(InputError, match="没有坐标系说明"):
        lines.read_lines(path)
