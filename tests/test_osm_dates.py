"""The day that an OSM file states: from its own header, by either reader, never from the disk."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import osmium
import pytest
from boai.geodata import roads
from boai.geodata.errors import InputError
from boai.geodata.network import save_network
from boai.geodata.osm.dates import date_of_pbf, date_of_xml
from boai.geodata.osm.reading import read_raw
from osm_files import header_block, number, pbf, two_roads, write_osm

ROAD = {"highway": "primary"}
DAY = 86_400


@pytest.mark.parametrize("name", ["andorra", "helsinki", "liechtenstein", "porto_portugal"])
def test_the_day_is_that_which_libosmium_reads(shared: Path, name: str) -> None:
    path = shared / "data" / "osm" / f"{name}.osm.pbf"
    with osmium.io.Reader(str(path), osmium.osm.NOTHING) as reader:
        said = reader.header().get("osmosis_replication_timestamp")
    assert date_of_pbf(path, path.name) == said[:10]
    assert (said == "") == (name == "helsinki")


@pytest.mark.parametrize("reader", ["fast", "osmium"])
def test_both_readers_give_the_day(tmp_path: Path, reader: str) -> None:
    header = osmium.io.Header()
    header.set("osmosis_replication_timestamp", "2026-03-01T20:21:00Z")
    nodes, ways = {1: (116.0, 28.0), 2: (116.1, 28.0)}, {1: ([1, 2], ROAD)}
    path = write_osm(tmp_path / "a.osm.pbf", nodes=nodes, ways=ways, header=header)
    assert read_raw(path, reader=reader).date == "2026-03-01"
    assert read_raw(write_osm(tmp_path / "b.osm.pbf", nodes=nodes, ways=ways), reader=reader).date == ""


def test_copies_of_a_file_are_the_same_network(shared: Path, tmp_path: Path) -> None:
    """The hash is of the content: whenever the file was copied, and whether or not it states a day."""
    for name, day in (("liechtenstein", "2015-07-27"), ("helsinki", None)):
        hashes = set()
        for number_of, when in enumerate((1e9, 1.7e9)):
            folder = tmp_path / f"{name}{number_of}"
            folder.mkdir()
            copy = Path(shutil.copy(shared / "data" / "osm" / f"{name}.osm.pbf", folder / "same.osm.pbf"))
            os.utime(copy, (when, when))
            network = roads.read_osm(copy)
            assert network.meta.get("made") == day
            hashes.add(save_network(network, folder / "network"))
        assert len(hashes) == 1


SECONDS = {
    1_772_396_460: "2026-03-01",
    0: "",
    1: "",  # 1970: no such thing was there
    1_091_923_200: "",  # the day before OpenStreetMap began
    1_091_923_200 + DAY: "2004-08-09",
    2**32 - 1: "",
    2**32 + 1_772_396_460: "",
    2**64 - 5: "",  # a negative number
}


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_day_that_cannot_be_is_not_believed(tmp_path: Path, seconds: int) -> None:
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(pbf(two_roads(), header=header_block(more=number(32, seconds))))
    assert {read_raw(path, reader=reader).date for reader in ("fast", "osmium")} == {SECONDS[seconds]}


HEADS = {
    '<osm version="0.6" timestamp="2026-03-01T20:21:00Z">': "2026-03-01",
    "<osm version='0.6' timestamp = '2026-03-01T20:21:00Z'>": "2026-03-01",
    '<?xml version="1.0"?>\n<!-- Overpass -->\n<osm version="0.6">\n<note>…</note>'
    '<meta osm_base="2026-02-28T23:59:59Z"/>': "2026-02-28",
    '<osm version="0.6" generator="JOSM">': "",
    '<osm version="0.6"><node id="1" timestamp="2026-03-01T20:21:00Z"/>': "",  # a node's, not the file's
    '<osm timestamp="2026-02-30T20:21:00Z">': "",
    '<osm timestamp="1026-02-20T20:21:00Z">': "",
    '<osm timestamp="yesterday">': "",
    "": "",
}


@pytest.mark.parametrize("head", HEADS)
def test_days_of_xml(head: str) -> None:
    assert date_of_xml(head) == HEADS[head]


def test_a_hostile_head_is_read_in_no_time() -> None:
    for piece in ("<osm ", "<osm timestamp", "<meta osm_base=", "<osm\ttimestamp = ", "timestamp"):
        assert date_of_xml(piece * (65536 // len(piece))) == ""


def test_xml_plain_and_packed(tmp_path: Path) -> None:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><osm version="0.6" timestamp="2026-03-01T20:21:00Z">'
        '<node id="1" lat="28" lon="116"/><node id="2" lat="28" lon="116.1"/>'
        '<way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way></osm>'
    )
    (tmp_path / "a.osm").write_text(text, encoding="utf-8")
    (tmp_path / "a.osm.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("a.osm", "a.osm.gz"):
        assert read_raw(tmp_path / name).date == "2026-03-01"


def test_a_file_that_is_cut_in_its_header(tmp_path: Path) -> None:
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(pbf(two_roads())[:30])
    with pytest.raises(InputError, match="断开"):
        date_of_pbf(path, path.name)
