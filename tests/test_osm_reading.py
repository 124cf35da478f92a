"""OSM files into RawRoads: two readers that must agree, totals counted apart, and every kind of bad file."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import itertools
import os
import random
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import osmium
import pytest
from boai.geodata.crs import haversine_m
from boai.geodata.errors import InputError
from boai.geodata.osm import gather, pbf_file
from boai.geodata.osm.pbf import locate
from boai.geodata.osm.pbf_decode import decode
from boai.geodata.osm.raw import NODE_KEYS, WAY_KEYS, RawRoads
from boai.geodata.osm.reading import read_raw
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from osm_files import (
    blob,
    data_block,
    dense_group,
    framed,
    header_block,
    node_group,
    number,
    packed,
    pbf,
    piece,
    two_roads,
    varint,
    way_group,
    write_osm,
)

READERS = ("fast", "osmium")
FILES = ("andorra", "helsinki", "liechtenstein", pytest.param("porto_portugal", marks=pytest.mark.slow))
FORMS = (
    (".osm", ""),
    (".osm.gz", ""),
    (".osm.bz2", ""),
    (".osm.pbf", ""),
    (".osm.pbf", "pbf_dense_nodes=false"),
    (".osm.pbf", "pbf_compression=none"),
    (".osm.pbf", "pbf_compression=lz4"),
    (".osm.pbf", "add_metadata=false"),
)
MOTOR = (
    *(
        f"{name}{end}"
        for name in ("motorway", "trunk", "primary", "secondary", "tertiary")
        for end in ("", "_link")
    ),
    *("unclassified", "residential", "living_street", "service", "road", "track"),
)


def osm(shared: Path, name: str) -> Path:
    return shared / "data" / "osm" / f"{name}.osm.pbf"


def assert_equal(one: RawRoads, other: RawRoads) -> None:
    for part in dataclasses.fields(RawRoads):
        a, b = getattr(one, part.name), getattr(other, part.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, part.name
            np.testing.assert_array_equal(a, b, err_msg=part.name)
        else:
            assert a == b, part.name


def assert_valid(raw: RawRoads) -> None:
    """What RawRoads promises, whatever the file."""
    n, w = len(raw.node_id), len(raw.way_id)
    assert (np.diff(raw.node_id) > 0).all()
    assert len(raw.x) == len(raw.y) == n > 0
    assert (np.abs(raw.x.astype(np.int64)) <= 1_800_000_000).all()
    assert (np.abs(raw.y.astype(np.int64)) <= 900_000_000).all()
    assert len(np.unique(raw.way_id)) == w == raw.counts["kept_ways"] > 0
    assert raw.way_start[0] == 0 and raw.way_start[-1] == len(raw.way_node)
    assert (np.diff(raw.way_start) >= 2).all()
    assert raw.way_node.min() >= -1 and raw.way_node.max() < n
    assert set(range(n)) <= set(raw.way_node.tolist())
    assert raw.way_tags.min() >= 0 and raw.way_label.min() >= 0
    assert raw.way_tags.max() < len(raw.tag_sets) and raw.way_label.max() < len(raw.labels)
    assert len(raw.tagged_node) == len(raw.node_tags) and (np.diff(raw.tagged_node) > 0).all()
    assert all(gather.is_road(raw.tag_sets[tags]) for tags in set(raw.way_tags.tolist()))
    assert all(raw.tag_sets[tags].keys() <= NODE_KEYS for tags in set(raw.node_tags.tolist()))
    assert all(raw.tag_sets[tags].keys() <= WAY_KEYS for tags in set(raw.way_tags.tolist()))
    assert len({gather.as_pairs(tags) for tags in raw.tag_sets}) == len(raw.tag_sets)
    assert len(set(raw.labels)) == len(raw.labels) and raw.labels[0] == ("", "")
    assert raw.counts["missing_nodes"] == (raw.way_node < 0).sum()
    assert all(len(text) <= 200 and text == text.strip() for label in raw.labels for text in label)


def both(path: Path) -> RawRoads:
    """Read by both readers, which must agree."""
    fast, safe = (read_raw(path, reader=reader) for reader in READERS)
    assert_equal(fast, safe)
    assert_valid(fast)
    return fast


def refusal(path: Path, reader: str = "auto") -> str:
    """The sentence with which a file is refused: one, in Chinese, about this file."""
    with pytest.raises(InputError) as caught:
        read_raw(path, reader=reader)
    text = str(caught.value)
    assert len(caught.value.problems) == 1 and "\n" not in text and len(text) < 400
    assert caught.value.problems[0].where == path.name
    assert any("\u4e00" <= sign <= "\u9fff" for sign in text)
    return text


def way_metres(raw: RawRoads) -> np.ndarray:
    """Length of every way over the nodes that are there."""
    a, b = raw.way_node[:-1], raw.way_node[1:]
    way = np.repeat(np.arange(len(raw.way_id)), np.diff(raw.way_start))
    inside = (way[:-1] == way[1:]) & (a >= 0) & (b >= 0)
    metres = haversine_m(raw.x[a] / 1e7, raw.y[a] / 1e7, raw.x[b] / 1e7, raw.y[b] / 1e7)
    return np.bincount(way[:-1], np.where(inside, metres, 0), len(raw.way_id))


# ---- real files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["andorra", *(pytest.param(name, marks=pytest.mark.slow) for name in FILES[1:3]), FILES[3]]
)
def test_readers_agree_and_totals_are_those_of_a_plain_script(shared: Path, name: str) -> None:
    raw = both(osm(shared, name))
    ways, metres, objects = 0, 0.0, {"n": 0, "w": 0, "r": 0}
    for found in osmium.FileProcessor(str(osm(shared, name))).with_locations():
        objects[found.type_str()] += 1
        if found.is_way() and "highway" in found.tags and len({node.ref for node in found.nodes}) > 1:
            ways += 1
            places = [(node.lon, node.lat) if node.location.valid() else None for node in found.nodes]
            for a, b in itertools.pairwise(places):
                metres += float(haversine_m(*a, *b)) if a and b else 0.0
    assert (objects["n"], objects["w"], objects["r"]) == tuple(
        raw.counts[k] for k in ("nodes", "ways", "relations")
    )
    highway = np.array(["highway" in raw.tag_sets[tags] for tags in raw.way_tags])
    assert highway.sum() == ways
    assert way_metres(raw)[highway].sum() == pytest.approx(metres, rel=1e-9)


@pytest.mark.parametrize(("name", "km"), [("porto_portugal", 10352.46), ("liechtenstein", 862.18)])
def test_kilometres_for_motor_vehicles_are_those_of_four_other_readers(
    shared: Path, name: str, km: float
) -> None:
    """Figures of reference/travel.md, on which OSMnx, pyrosm, pyosmium and duckdb agree."""
    raw = read_raw(osm(shared, name))
    motor = np.array([raw.tag_sets[tags].get("highway") in MOTOR for tags in raw.way_tags])
    assert round(way_metres(raw)[motor].sum() / 1000, 2) == km


# ---- what is kept ------------------------------------------------------------------------------------------

NODES = {
    1: (116.0, 28.0, {"barrier": "gate", "note": "x"}),
    2: (116.1, 28.0),
    3: (116.1, 28.1, {"highway": "crossing"}),
    4: (-8.6123457, 41.1, {"amenity": "cafe"}),
    5: (180.0, -90.0),
    6: (0.0, 0.0, {"barrier": "bollard"}),
    2**40: (1e-7, -1e-7),
}
WAYS = {
    30: ([1, 2, 2, 3, 1], {"highway": "primary", "name": "人民路", "ref": "G60", "colour": "red"}),
    10: ([3, 4], {"highway": "primary", "name": "人民路", "ref": "G60", "building": "yes"}),
    11: ([4, 5], {"route": "ferry", "name:zh": "渡口", "name": "Ferry", "duration": "00:20"}),
    12: ([4, 5], {"route": "bus"}),
    13: ([6, 5], {"building": "yes"}),
    14: ([5, 5], {"highway": "service"}),
    15: ([2], {"highway": "service"}),
    16: ([2**40, 99, 4], {"highway": "", "name": " ", "name:en": "Lane"}),
    -7: ([1, 4], {"highway": "track"}),
}


@pytest.mark.parametrize(("suffix", "options"), FORMS)
def test_every_format_gives_the_same_roads(tmp_path: Path, suffix: str, options: str) -> None:
    path = write_osm(
        tmp_path / f"路{suffix}",
        nodes=NODES,
        ways=WAYS,
        options=options,
        relations={1: ([("w", 10, "")], {})},
    )
    raw = read_raw(path)
    assert_valid(raw)
    assert_equal(raw, read_raw(path, reader="osmium"))
    assert raw.way_id.tolist() == [30, 10, 11, 16, -7]
    assert raw.node_id.tolist() == [1, 2, 3, 4, 5, 2**40]
    assert raw.x.tolist() == [1160000000, 1161000000, 1161000000, -86123457, 1800000000, 1]
    assert raw.y.tolist() == [280000000, 280000000, 281000000, 411000000, -900000000, -1]
    assert raw.way_node.tolist() == [0, 1, 2, 0, 2, 3, 3, 4, 5, -1, 3, 0, 3]
    assert raw.way_start.tolist() == [0, 4, 6, 8, 11, 13]
    assert raw.tag_sets == (
        {"highway": "primary"},
        {"route": "ferry", "duration": "00:20"},
        {"highway": ""},
        {"highway": "track"},
        {"barrier": "gate"},
        {"highway": "crossing"},
    )
    assert raw.way_tags.tolist() == [0, 0, 1, 2, 3]
    assert raw.labels == (("", ""), ("G60", "人民路"), ("", "渡口"), ("", "Lane"))
    assert raw.way_label.tolist() == [1, 1, 2, 3, 0]
    assert (raw.tagged_node.tolist(), raw.node_tags.tolist()) == ([0, 2], [4, 5])
    assert raw.counts == {
        **{"nodes": 7, "ways": 9, "relations": 1, "kept_ways": 5, "short_ways": 2, "missing_nodes": 1},
        **{"misplaced_nodes": 0, "duplicate_nodes": 0, "duplicate_ways": 0, "broken_texts": 0},
    }


@pytest.mark.parametrize("order", ["nwr", "wnr", "rwn"])
def test_the_order_of_kinds_and_negative_ids_do_not_matter(tmp_path: Path, order: str) -> None:
    nodes = {-5: (1.0, 2.0, {"barrier": "gate"}), 7: (3.0, 4.0), -6: (5.0, 6.0), 3: (7.0, 8.0)}
    ways = {-1: ([-5, 7, -6], {"highway": "path"}), 4: ([3, 7], {"highway": "path"})}
    raw = both(write_osm(tmp_path / "a.osm.pbf", nodes=nodes, ways=ways, order=order))
    assert raw.node_id.tolist() == [-6, -5, 3, 7]
    assert raw.way_node.tolist() == [1, 3, 0, 2, 3]
    assert raw.tagged_node.tolist() == [1]


LONG_ROAD = way_group(5, [1, 2, 3], [1], [2])
HIGHWAY = (b"highway", b"primary", b"barrier", b"gate", b"name", b"ref", b"bollard")


def pbf_file_of(tmp_path: Path, *groups: bytes, strings: tuple[bytes, ...] = HIGHWAY, **more: object) -> Path:
    path = tmp_path / "made.osm.pbf"
    path.write_bytes(pbf(data_block(strings, groups, **more)))
    return path


def test_of_what_comes_twice_the_first_counts(tmp_path: Path) -> None:
    raw = both(
        pbf_file_of(
            tmp_path,
            dense_group([1, 2, 1, 3, 1], [10, 20, 30, 40, 50], [1, 2, 3, 4, 5], [3, 4, 0, 0, 3, 7, 0, 0, 0]),
            way_group(5, [1, 2], [1], [2]) + way_group(5, [2, 3], [1], [2]) + way_group(4, [1, 2], [1], [2]),
        )
    )
    assert raw.way_id.tolist() == [5, 4]
    assert raw.x.tolist() == [10, 20]
    assert raw.tag_sets == ({"highway": "primary"}, {"barrier": "gate"})
    assert raw.counts["duplicate_ways"] == 1 and raw.counts["duplicate_nodes"] == 2


def test_nodes_outside_the_world_count_as_missing(tmp_path: Path) -> None:
    lon, lat = [1_800_000_001, 5, 5, 1_800_000_000], [0, -900_000_001, 5, 900_000_000]
    raw = both(
        pbf_file_of(tmp_path, dense_group([1, 2, 3, 4], lon, lat), way_group(5, [1, 2, 3, 4], [1], [2]))
    )
    assert raw.way_node.tolist() == [-1, -1, 0, 1]
    assert raw.counts["misplaced_nodes"] == 2 and raw.counts["missing_nodes"] == 2


def test_units_and_offsets_of_coordinates(tmp_path: Path) -> None:
    """Granularity 1000 nanodegrees, offsets of a degree; finer than 1e-7 degrees is cut towards zero."""
    more = number(19, 1_000_000_050) + number(20, -2_000_000_050)
    groups = (dense_group([1, 2], [0, 10], [0, 10]), node_group(3, 1, 1), way_group(5, [1, 2, 3], [1], [2]))
    raw = both(pbf_file_of(tmp_path, *groups, granularity=1000, more=more))
    assert raw.x.tolist() == [-20_000_000, -19_999_900, -19_999_990]
    assert raw.y.tolist() == [10_000_000, 10_000_100, 10_000_010]


def test_names_are_cleaned_bounded_and_broken_ones_mended(tmp_path: Path) -> None:
    strings = (*HIGHWAY, "人民\u202e路\t东\u0007段".encode(), b"\xff\xfeA1", ("长" * 300).encode())
    raw = both(
        pbf_file_of(
            tmp_path,
            dense_group([1, 2], [1, 2], [1, 2]),
            way_group(5, [1, 2], [1, 5, 6], [2, 8, 9]),
            way_group(6, [1, 2], [1, 5], [9, 10]),
            strings=strings,
        )
    )
    assert raw.labels == (("", ""), ("\ufffd\ufffdA1", "人民路 东段"), ("", "长" * 200))
    assert raw.tag_sets == ({"highway": "primary"}, {"highway": "\ufffd\ufffdA1"})
    assert raw.counts["broken_texts"] == 2


def test_of_equal_keys_the_last_counts(tmp_path: Path) -> None:
    groups = (dense_group([1, 2], [1, 2], [1, 2]), way_group(5, [1, 2], [1, 1, 1], [2, 4, 7]))
    assert both(pbf_file_of(tmp_path, *groups)).tag_sets == ({"highway": "bollard"},)


def test_blocks_of_an_unknown_kind_are_stepped_over(tmp_path: Path) -> None:
    path = tmp_path / "a.osm.pbf"
    unknown = blob("OSMIndex", b"whatever")
    path.write_bytes(blob("OSMHeader", header_block()) + unknown + blob("OSMData", two_roads()) + unknown)
    assert_valid(read_raw(path))


def test_progress_is_told_in_chinese(tmp_path: Path) -> None:
    for suffix, end in ((".osm.pbf", "100%"), (".osm.gz", "读入")):
        said: list[str] = []
        read_raw(write_osm(tmp_path / f"a{suffix}", nodes=NODES, ways=WAYS), progress=said.append)
        assert said[0].split()[1].startswith(f"a{suffix}") and end in said[-1]


@given(st.lists(st.integers(-50, 50), max_size=40), st.lists(st.integers(-60, 60), max_size=40))
def test_locate_finds_what_searching_finds(ids: list[int], wanted: list[int]) -> None:
    known = sorted(set(ids))
    found = locate(np.array(known, np.int64), np.array(wanted, np.int64))
    assert found.tolist() == [known.index(value) if value in known else -1 for value in wanted]


IDS = st.integers(-(2**40), 2**40)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
TAGS = st.dictionaries(
    st.sampled_from(["highway", "route", "name", "name:zh", "name:en", "ref", "oneway", "barrier", "note"]),
    st.sampled_from(["primary", "ferry", "yes", "gate"]) | TEXTS,
    max_size=5,
)
PLACES = st.tuples(st.integers(-1_800_000_000, 1_800_000_000), st.integers(-900_000_000, 900_000_000))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict, dict]:
    nodes = draw(st.dictionaries(IDS, st.tuples(PLACES, TAGS), min_size=1, max_size=12))
    refs = st.lists(st.sampled_from(sorted(nodes)) | IDS, max_size=8)
    return nodes, draw(st.dictionaries(IDS, st.tuples(refs, TAGS), min_size=1, max_size=8))


@settings(max_examples=many(60))
@given(worlds(), st.sampled_from(["", "pbf_dense_nodes=false", "pbf_compression=none"]))
def test_any_small_world_comes_back(
    tmp_path_factory: pytest.TempPathFactory, world: tuple, options: str
) -> None:
    nodes, ways = world
    path = tmp_path_factory.getbasetemp() / "world.osm.pbf"
    places = {ident: (x / 1e7, y / 1e7, tags) for ident, ((x, y), tags) in nodes.items()}
    write_osm(path, nodes=places, ways=ways, options=options)
    roads = {}
    for ident, (refs, tags) in ways.items():
        once = [ref for ref, before in zip(refs, [None, *refs], strict=False) if ref != before]
        if ("highway" in tags or tags.get("route") == "ferry") and len(once) > 1:
            roads[ident] = once
    used = sorted({ref for refs in roads.values() for ref in refs} & set(nodes))
    if not roads or not used:
        assert refusal(path, "fast") == refusal(path, "osmium")
        return
    fast, safe = (read_raw(path, reader=reader) for reader in READERS)
    assert_equal(fast, safe)
    assert fast.counts["nodes"] == len(nodes)
    assert_valid(fast)
    assert fast.node_id.tolist() == used and fast.way_id.tolist() == list(roads)
    assert list(zip(fast.x.tolist(), fast.y.tolist(), strict=True)) == [nodes[ident][0] for ident in used]
    kept = [
        {key: tags[key] for key in tags if key in WAY_KEYS} for tags in (ways[ident][1] for ident in roads)
    ]
    assert [dict(fast.tag_sets[tags]) for tags in fast.way_tags] == kept


# ---- no OSM file -------------------------------------------------------------------------------------------


def test_no_file_a_folder_an_empty_file_and_a_pipe(tmp_path: Path) -> None:
    assert "文件不存在" in refusal(tmp_path / "没有.osm.pbf")
    assert "文件夹" in refusal(tmp_path)
    (tmp_path / "empty.osm").touch()
    assert "空的" in refusal(tmp_path / "empty.osm")
    assert "文件无法读取" in refusal(tmp_path / ("长" * 300))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.osm.pbf")
        assert "不是普通文件" in refusal(tmp_path / "pipe.osm.pbf")


@pytest.mark.parametrize("suffix", ["osm.pbf", "osm", "osm.gz"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "网页"),
        (b"\n <HTML>", "网页"),
        (b'{"version": 0.6, "elements": []}', "JSON"),
        (b"\xff\xe0\x04o5m2", "o5m"),
        (b"SQLite format 3\0", "SQLite"),
        (b"<?xml version='1.0'?><osmChange version='0.6'/>", "变更文件"),
        (b"<?xml version='1.0'?><!-- a --><gpx/>", "<gpx>"),
        (b"\xef\xbb\xbf<kml/>", "<kml>"),
        ("<kml/>".encode("utf-16"), "<kml>"),
        (b"n1 v1 x116 y28", "不是 OSM 文件"),
        (b"\0\0\0\x0d\x0a\x09OSMIndex\x18\x05", "不是 OSM 文件"),
        (b"\0" * 5000, "不是 OSM 文件"),
        (b"<!DOCTYPE osm [<!ENTITY a 'b'>]><osm version='0.6'/>", "DTD"),
        (b"\x1f\x8b" + b"\xff" * 100, "压缩数据出错"),
        (b"BZh9" + b"\xff" * 100, "压缩数据出错"),
    ],
)
def test_other_files_are_told_apart_by_content(
    tmp_path: Path, suffix: str, content: bytes, said: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    assert said in refusal(path)
    path.write_bytes(gzip.compress(content))
    if not content.startswith((b"\x1f\x8b", b"BZh")):
        assert said in refusal(path)


def test_a_workbook_named_pbf(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.osm.pbf", "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
    assert "Excel" in refusal(tmp_path / "a.osm.pbf")


def test_names_do_not_matter(tmp_path: Path) -> None:
    expected = read_raw(write_osm(tmp_path / "a.osm.pbf", nodes=NODES, ways=WAYS))
    for suffix in (".osm", ".osm.gz", ".osm.bz2", ".osm.pbf"):
        path = write_osm(tmp_path / f"b{suffix}", nodes=NODES, ways=WAYS)
        assert_equal(read_raw(path.replace(tmp_path / "-.txt")), expected)


def test_the_fast_reader_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    xml = write_osm(tmp_path / "a.osm", nodes=NODES, ways=WAYS)
    assert "只读 .osm.pbf" in refusal(xml, "fast")
    path = write_osm(tmp_path / "a.osm.pbf", nodes=NODES, ways=WAYS, options="pbf_compression=lz4")
    assert "lz4" in refusal(path, "fast")
    located = header_block(more=piece(5, b"LocationsOnWays"))
    path.write_bytes(pbf(two_roads(), header=located))
    assert "LocationsOnWays" in refusal(path, "fast")
    assert_valid(read_raw(path))
    path.write_bytes(pbf(data_block(HIGHWAY, [dense_group([1], [1], [1]), LONG_ROAD]), header=located))
    assert "没有道路节点的坐标" in refusal(path)
    unpacked = number(1, 5) + number(2, 1) + number(3, 2) + packed(8, [2, 2])  # keys not packed
    groups = (dense_group([1, 2], [1, 2], [1, 2]), piece(3, unpacked))
    assert "不认识" in refusal(pbf_file_of(tmp_path, *groups), "fast")


def test_histories_unknown_features_no_roads_no_places(tmp_path: Path) -> None:
    path = tmp_path / "a.osm.pbf"
    cases = [
        (header_block(("OsmSchema-V0.6", "HistoricalInformation")), two_roads(), "历史版本"),
        (header_block(("OsmSchema-V0.6", "Sorted3D")), two_roads(), "Sorted3D"),
        (None, data_block(HIGHWAY, [dense_group([1, 2], [1, 2], [1, 2])]), "没有一条道路"),
        (None, data_block(HIGHWAY, [way_group(5, [1, 2], [1], [2])]), "没有道路节点的坐标"),
        (
            None,
            data_block(HIGHWAY, [way_group(5, [1, 2], [1], [2], more=piece(4, number(6, 0)))]),
            "历史版本",
        ),
    ]
    for header, block, said in cases:
        path.write_bytes(pbf(block, header=header))
        for reader in READERS:
            assert said in refusal(path, reader)
    deleted = piece(
        2, packed(1, [2, 2]) + packed(8, [0, 0]) + packed(9, [0, 0]) + piece(5, packed(6, [1, 0]))
    )
    assert "历史版本" in refusal(pbf_file_of(tmp_path, deleted), "fast")


# ---- hostile and damaged PBF -------------------------------------------------------------------------------

FIRST = blob("OSMHeader", header_block())
DENSE = dense_group([1, 2], [1, 2], [1, 2])
ROAD = way_group(5, [1, 2], [1], [2])


def huge(field: int) -> bytes:
    """A piece that says it is longer than all memory."""
    return varint(field << 3 | 2) + varint(2**63 - 1)


HOSTILE_BLOBS = {
    "header of 64 KiB + 1": struct.pack(">I", (64 << 10) + 1) + b"x" * 70_000,
    "length of nothing": struct.pack(">I", 0),
    "blob of 32 MiB + 1": framed("OSMData", b"", said=(32 << 20) + 1),
    "blob of less than nothing": framed("OSMData", b"", said=-1),
    "blob longer than the file": framed("OSMData", b"xyz", said=4),
    "empty blob": framed("OSMData", b""),
    "says it unpacks to more": framed("OSMData", number(2, (32 << 20) + 1) + piece(3, zlib.compress(b""))),
    "says it unpacks to less": blob("OSMData", two_roads(), raw_size=10),
    "bomb of 40 MB": framed("OSMData", number(2, 1000) + piece(3, zlib.compress(bytes(40 << 20)))),
    "no zlib": framed("OSMData", number(2, 10) + piece(3, b"no zlib at all")),
    "zlib cut": framed("OSMData", number(2, len(two_roads())) + piece(3, zlib.compress(two_roads())[:-9])),
    "second header": blob("OSMHeader", header_block()),
    "piece out of bounds": framed("OSMData", huge(3)),
    "ten thousand fields": framed("OSMData", number(9, 1) * 10_001),
    "field 0": framed("OSMData", b"\0\0"),
    "endless varint": framed("OSMData", b"\x10" + b"\xff" * 30),
    "group": framed("OSMData", b"\x0b\x0c"),
}
HOSTILE_BLOCKS = {
    "piece out of bounds": huge(2),
    "strings out of bounds": huge(1),
    "endless varint": b"\x88\x01" + b"\xff" * 20,
    "cut fixed field": b"\x31\0\0",
    "granularity 0": data_block(HIGHWAY, [DENSE, ROAD], granularity=0),
    "granularity huge": data_block(HIGHWAY, [DENSE, ROAD], granularity=2**40),
    "group out of bounds": data_block(HIGHWAY, [huge(2)]),
    "way out of bounds": data_block(HIGHWAY, [piece(3, huge(8))]),
    "no such string": data_block(HIGHWAY, [DENSE, way_group(5, [1, 2], [1], [99])]),
    "negative string": data_block(HIGHWAY, [DENSE, way_group(5, [1, 2], [1], [-1])]),
    "more keys than values": data_block(HIGHWAY, [DENSE, way_group(5, [1, 2], [1, 3], [2])]),
    "more ids than places": data_block(HIGHWAY, [dense_group([1, 2, 3], [1, 2], [1, 2, 3]), ROAD]),
    "more places than ids": data_block(HIGHWAY, [dense_group([1, 2], [1, 2, 3], [1, 2]), ROAD]),
    "no such string of a node": data_block(HIGHWAY, [dense_group([1, 2], [1, 2], [1, 2], [3, 99, 0]), ROAD]),
    "key without value": data_block(HIGHWAY, [dense_group([1, 2], [1, 2], [1, 2], [0, 3]), ROAD]),
    "cut references": data_block(HIGHWAY, [DENSE, piece(3, number(1, 5) + piece(8, b"\x02\x80"))]),
    "string of 1025 bytes": data_block((b"x" * 1025, *HIGHWAY), [DENSE]),
    "a zero in a text": data_block((b"highway", b"a\0b"), [DENSE, ROAD]),
    "node without place": data_block(HIGHWAY, [piece(1, number(1, 2)), ROAD]),
    "way without id": data_block(
        HIGHWAY, [DENSE, piece(3, packed(2, [1]) + packed(3, [2]) + packed(8, [2, 2]))]
    ),
    "id that is a text": data_block(HIGHWAY, [DENSE, piece(3, piece(1, b"abc") + packed(8, [2, 2]))]),
    "places that are numbers": data_block(HIGHWAY, [piece(2, packed(1, [2]) + number(8, 1) + number(9, 1))]),
}


@pytest.mark.parametrize("case", HOSTILE_BLOBS)
def test_hostile_blobs_end_in_one_sentence(tmp_path: Path, case: str) -> None:
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(FIRST + blob("OSMData", two_roads()) + HOSTILE_BLOBS[case])
    refusal(path, "fast")
    refusal(path)


@pytest.mark.parametrize("case", HOSTILE_BLOCKS)
def test_hostile_blocks_end_in_one_sentence(tmp_path: Path, case: str) -> None:
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(pbf(two_roads(), HOSTILE_BLOCKS[case]))
    assert "已损坏" in refusal(path, "fast")
    refusal(path)


def test_a_hostile_header(tmp_path: Path) -> None:
    path = tmp_path / "a.osm.pbf"
    for header in (bytes(2 << 20), huge(4), number(9, 1) * 10_001):
        path.write_bytes(blob("OSMHeader", header))
        assert "已损坏" in refusal(path)


@pytest.mark.slow
def test_many_small_bombs_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    """Each block unpacks a thousandfold; the limits stop the sum, not the single one."""
    path = tmp_path / "a.osm.pbf"
    ids, zeros = b"\2" * 4_000_000, bytes(4_000_000)
    block = data_block(HIGHWAY, [piece(2, piece(1, ids) + piece(8, zeros) + piece(9, zeros))])
    path.write_bytes(FIRST + blob("OSMData", block) * 12)
    assert path.stat().st_size < 1_000_000
    assert "节点数与文件大小极不相称" in refusal(path)
    path.write_bytes(FIRST + blob("OSMData", piece(9, bytes(30 << 20))) * 60)
    assert "解压后的数据与文件大小极不相称" in refusal(path)


def test_a_block_may_hold_a_bounded_number() -> None:
    references = piece(3, number(1, 1) + piece(8, b"\2" * 16_000_001))
    for groups in ([piece(1, b"") * 2_000_001], [references]):
        with pytest.raises(InputError, match="已损坏"):
            decode(data_block(HIGHWAY, groups), "a.osm.pbf")


def test_tag_sets_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MOST_TAG_SETS", 3)
    path = write_osm(tmp_path / "a.osm.pbf", nodes=NODES, ways=WAYS)
    for reader in READERS:
        assert "标签组合" in refusal(path, reader)


def test_memory_that_runs_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    path = write_osm(tmp_path / "a.osm.pbf", nodes=NODES, ways=WAYS)
    monkeypatch.setattr("boai.geodata.osm.pbf._nodes", fail)
    assert "内存不足" in refusal(path)


def damaged_copies(content: bytes, count: int, seed: int) -> list[bytes]:
    """Cut a file anywhere, and change bytes anywhere."""
    rng = random.Random(seed)
    cut = [content[: rng.randrange(1, len(content))] for _ in range(2 * count // 5)]
    out = list(cut)
    while len(out) < count:
        copy = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 5))):
            copy[rng.randrange(len(copy))] = rng.randrange(256)
        out.append(bytes(copy))
    return out


def survives(path: Path, content: bytes, reader: str) -> bool:
    """Whether a damaged file is read; either way nothing but InputError comes of it."""
    path.write_bytes(content)
    try:
        raw = read_raw(path, reader=reader)
    except InputError:
        return False
    assert_valid(raw)
    return True


@pytest.mark.parametrize(
    ("count", "reader"),
    [
        (60, "fast"),
        pytest.param(500, "fast", marks=pytest.mark.slow),
        pytest.param(500, "osmium", marks=pytest.mark.slow),
    ],
)
def test_cut_and_damaged_real_files(shared: Path, tmp_path: Path, count: int, reader: str) -> None:
    """Two of five are cut, the rest have other bytes; zlib's checksum finds nearly all of these."""
    content = osm(shared, "helsinki").read_bytes()
    copies = damaged_copies(content, count, seed=4)
    read = sum(survives(tmp_path / "a.osm.pbf", copy, reader) for copy in copies)
    assert read < count / 10


@pytest.mark.parametrize(
    ("count", "reader"), [(200, "fast"), (60, "osmium"), pytest.param(3000, "fast", marks=pytest.mark.slow)]
)
def test_damage_that_no_checksum_covers(tmp_path: Path, count: int, reader: str) -> None:
    """Unpacked blocks, so that the damage reaches the decoders."""
    nodes = dense_group(range(1, 30), range(29), range(29), [3, 4, 0] * 29)
    plain = b"".join(node_group(ident, ident, ident, [3], [4]) for ident in range(30, 40))
    ways = b"".join(way_group(ident, range(ident, ident + 5), [1, 5], [2, 4]) for ident in range(1, 30))
    content = pbf(data_block(HIGHWAY, [nodes, plain, ways]), how="raw")
    copies = damaged_copies(content, count, seed=5)
    read = sum(survives(tmp_path / "a.osm.pbf", copy, reader) for copy in copies)
    assert 0 < read < count


# ---- hostile XML, gzip and bzip2 ---------------------------------------------------------------------------

LAUGHS = "".join(f"<!ENTITY l{i} '{f'&l{i - 1};' * 10}'>" for i in range(1, 10))
ROADS_XML = (
    "<node id='1' lat='28' lon='116'/><node id='2' lat='28' lon='116.1'/>"
    "<way id='5'><nd ref='1'/><nd ref='2'/><tag k='highway' v='{}'/></way></osm>"
)


@pytest.mark.parametrize(
    "head",
    [
        f"<!DOCTYPE osm [<!ENTITY l0 'ha'>{LAUGHS}]>",
        "<!DOCTYPE osm [<!ENTITY l9 SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE osm SYSTEM 'https://example.org/osm.dtd'>",
        f"<!-- {'x' * 70_000} --><!DOCTYPE osm [<!ENTITY l9 'ha'>]>",
    ],
)
def test_entities_and_dtds_are_refused(tmp_path: Path, head: str) -> None:
    path = tmp_path / "a.osm"
    path.write_text(
        f"<?xml version='1.0'?>{head}<osm version='0.6'>{ROADS_XML.format('&l9;')}", encoding="utf-8"
    )
    refusal(path)
    refusal(path, "osmium")


@pytest.mark.parametrize(
    "body",
    [
        ROADS_XML.format("&lt;primary")[:-20],
        ROADS_XML.format("primary").replace("lat='28'", "lat='north'", 1),
        ROADS_XML.format("primary").replace("id='5'", "id='99999999999999999999'"),
        ROADS_XML.format("primary").replace("<nd ref='2'/>", "<nd ref='x'/>"),
        ROADS_XML.format("x" * 5000),
        ROADS_XML.format("primary").replace("<way id='5'", "<way id='5' visible='false'"),
        ROADS_XML.format("primary").replace("116", "216"),
        "<way id='5'><nd ref='1'/><nd ref='2'/><tag k='highway' v='road'/></way></osm>",
        "<note>no roads</note></osm>",
        "\x01</osm>",
        ROADS_XML.format("\ud800"),
    ],
)
def test_bad_xml_ends_in_one_sentence(tmp_path: Path, body: str) -> None:
    path = tmp_path / "a.osm"
    path.write_bytes(f"<osm version='0.6'>{body}".encode("utf-8", "surrogatepass"))
    refusal(path)


def test_one_huge_tag_is_refused(tmp_path: Path) -> None:
    body = ROADS_XML.format("x" * (20 << 20))
    (tmp_path / "a.osm.gz").write_bytes(gzip.compress(f"<osm version='0.6'>{body}".encode()))
    assert "极长" in refusal(tmp_path / "a.osm.gz")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_bombs_and_cut_archives(tmp_path: Path, pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    good = pack(f"<osm version='0.6'>{ROADS_XML.format('primary')}".encode())  # type: ignore[operator]
    path = tmp_path / "a.osm.x"
    path.write_bytes(good)
    assert_valid(read_raw(path))
    for end in (1, 5, len(good) // 2):
        path.write_bytes(good[:-end])
        refusal(path)
    monkeypatch.setattr(gather, "SLACK", 1 << 16)
    path.write_bytes(pack(b"<osm version='0.6'>" + b"<a/>" * (1 << 19)))  # type: ignore[operator]
    assert "极不相称" in refusal(path)


def test_unpacking_keeps_to_the_size_that_is_said() -> None:
    data = bytes(1000)
    body = number(2, 1000) + piece(3, zlib.compress(data))
    assert pbf_file.unpack(body, "a") == data
    for size in (0, 999, 1001):
        with pytest.raises(InputError):
            pbf_file.unpack(number(2, size) + piece(3, zlib.compress(data)), "a")
