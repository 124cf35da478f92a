"""Roads of a place, from a server of Overpass and Nominatim on this machine, well-behaved or hostile."""

from __future__ import annotations

import contextlib
import gc
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import osmium
import osmnx as ox
import pytest
from boai.geodata.errors import InputError
from boai.geodata.network import Network, edge_tails
from boai.geodata.osm.place import read_place
from boai.geodata.osm.place_raw import _chain
from boai.geodata.roads import read_osm
from geopandas import GeoSeries
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS
from web_server import Handler, Server, in_turn, serving, status, unused_port

BOX = (24.90, 60.14, 24.99, 60.20)  # all of the Helsinki file

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture(autouse=True, scope="module")
def sockets_left() -> Iterator[None]:
    """Collect the sockets of redirects, which requests leaves to the collector, before other tests."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")


@pytest.fixture(autouse=True)
def known_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """OSMnx looks the UTM zone up four times a question, which takes longer than all the rest."""
    lookup = GeoSeries.estimate_utm_crs

    def remembered(self: GeoSeries, *given: Any, **more: Any) -> Any:
        west = float(self.total_bounds[0])
        degrees = self.crs is not None and self.crs.is_geographic
        zone = f"EPSG:{32601 + int((west + 180) // 6)}"
        return CRS(zone) if degrees and abs(west) <= 180 else lookup(self, *given, **more)

    monkeypatch.setattr(GeoSeries, "estimate_utm_crs", remembered)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


@dataclass
class Overpass:
    """Answers for ways with a key, from the elements of a file."""

    nodes: dict[int, dict[str, Any]] = field(default_factory=dict)
    ways: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, handler: Handler) -> None:
        query = parse_qs(handler.body.decode())["data"][0]
        ferries = '["route"="ferry"]' in query
        wanted = [way for way in self.ways if ferries or "highway" in way["tags"]]
        wanted = [way for way in wanted if not ferries or way["tags"].get("route") == "ferry"]
        used = {node for way in wanted for node in way["nodes"]}
        elements = [*(self.nodes[node] for node in sorted(used)), *wanted]
        handler.send(200, json.dumps({"version": 0.6, "elements": elements}).encode())


def read_elements(pbf: Path, whole: Path) -> Overpass:
    """The elements of a file, and a file with the same: roads whose nodes are all there."""
    found = Overpass()
    there = {node.id for node in osmium.FileProcessor(str(pbf), osmium.osm.NODE)}
    with osmium.SimpleWriter(str(whole)) as writer:
        for item in osmium.FileProcessor(str(pbf), osmium.osm.NODE | osmium.osm.WAY):
            tags = {tag.k: tag.v for tag in item.tags}
            if item.is_node():
                own = {"tags": tags} if tags else {}
                place = {"lat": item.location.lat, "lon": item.location.lon}
                found.nodes[item.id] = {"type": "node", "id": item.id, **place, **own}
                writer.add(item)
            elif "highway" in tags or tags.get("route") == "ferry":
                nodes = [node.ref for node in item.nodes]
                if len(nodes) > 1 and there.issuperset(nodes):
                    found.ways.append({"type": "way", "id": item.id, "nodes": nodes, "tags": tags})
                    writer.add(item)
    return found


@pytest.fixture(scope="module")
def helsinki(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Overpass, Path]:
    whole = tmp_path_factory.mktemp("place") / "whole.osm.pbf"
    return read_elements(shared / "data" / "osm" / "helsinki.osm.pbf", whole), whole


def area(box: tuple[float, float, float, float], **more: Any) -> bytes:
    """What Nominatim says of an area."""
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    found = {
        "place_id": 1, "osm_type": "relation", "osm_id": 2, "lat": "60.17", "lon": "24.94",
        "class": "boundary", "type": "administrative", "importance": 0.7,
        "name": "x", "display_name": "x", "addresstype": "city",
        "boundingbox": [str(south), str(north), str(west), str(east)],
        "geojson": {"type": "Polygon", "coordinates": [ring]},
    }  # fmt: skip
    return json.dumps([{**found, **more}]).encode()


def ask(server: Server, place: Any = BOX, **how: Any) -> Network:
    facts: dict[str, Any] = {"timeout_s": 20.0, "waits_s": (0.01, 0.01), **how}
    return read_place(place, overpass=f"{server.url}/api", nominatim=server.url, **facts)


def edges(network: Network) -> list[tuple[Any, ...]]:
    """All edges by the ids of their ends, time, length, class and name."""
    assert network.source_id is not None and network.road_class is not None
    tail, head = (network.source_id[at].tolist() for at in (edge_tails(network), network.head))
    rest = (network.centiseconds, network.metres, network.road_class)
    names = [network.roads[at] for at in network.road.tolist()]
    return sorted(zip(tail, head, *(array.tolist() for array in rest), names, strict=True))


@pytest.mark.parametrize("mode", [pytest.param("drive", marks=pytest.mark.slow), "walk"])
def test_a_box_equals_the_file(server: Server, helsinki: tuple[Overpass, Path], mode: str) -> None:
    elements, whole = helsinki
    server.routes = {"/api/interpreter": elements}
    said: list[str] = []
    network = ask(server, mode=mode, progress=said.append)
    want = read_osm(whole, mode=mode, reader="osmium")
    assert network.n_nodes > 100 and (network.n_nodes, network.n_edges) == (want.n_nodes, want.n_edges)
    assert edges(network) == edges(want)
    assert np.array_equal(network.lon, want.lon) and np.array_equal(network.lat, want.lat)
    ours, theirs = network.meta["report"], want.meta["report"]
    assert (ours["choices"], ours["left_out"], ours["km"]) == (
        theirs["choices"],
        theirs["left_out"],
        theirs["km"],
    )
    assert network.meta["kind"] == "overpass" and "ODbL" in network.meta["licence"]
    assert any(text.startswith("收到第 2 份数据") for text in said)


TOWN = (114.9, 27.9, 115.1, 28.1)


def town() -> Overpass:
    """A closed gate, a way that runs against its nodes, a ferry, a roundabout."""
    nodes = {
        n: {"type": "node", "id": n, "lon": 115 + n / 1000, "lat": 28 + (n % 2) / 1000} for n in range(1, 12)
    }
    nodes[3]["tags"] = {"barrier": "gate", "access": "no"}
    ways = [
        {"id": 1, "nodes": [1, 2, 3, 4], "tags": {"highway": "primary"}},
        {"id": 2, "nodes": [6, 5, 4, 2], "tags": {"highway": "secondary", "oneway": "-1", "name": "环路"}},
        {"id": 3, "nodes": [6, 9], "tags": {"route": "ferry", "duration": "00:10", "motorcar": "yes"}},
        {"id": 4, "nodes": [7, 8, 6, 7], "tags": {"highway": "primary", "junction": "roundabout"}},
        {"id": 6, "nodes": [10, 9, 11], "tags": {"highway": "residential"}},
        {"id": 5, "nodes": [1, 6], "tags": {"highway": "tertiary", "maxspeed": 5, "name": ["x"]}},
    ]
    return Overpass(nodes, [{"type": "way", **way} for way in ways])


def test_ferries_gates_and_reversed_ways(server: Server) -> None:
    server.routes = {"/api/interpreter": town()}
    network = ask(server, TOWN)
    found = edges(network)
    pairs = {(a, b) for a, b, *_, name in found if name == "环路"}
    assert (2, 4) in pairs and (4, 6) in pairs and not pairs & {(4, 2), (6, 4)}
    assert not any({a, b} == {2, 4} for a, b, *_, name in found if name == "")  # the gate
    assert "barrier_closed_by_tag" in network.meta["report"]["choices"]
    assert {edge[:2] for edge in found if edge[2] == 60_000} == {(6, 9), (9, 6)}  # ten minutes
    assert network.n_nodes > 4


def test_a_name_is_an_area(server: Server) -> None:
    server.routes = {"/api/interpreter": town(), "/search": status(200, area(TOWN))}
    whole = ask(server, "某县")
    assert edges(whole) == edges(ask(server, TOWN))
    server.routes["/search"] = status(200, area((114.9, 27.9, 115.0025, 28.1)))
    part = ask(server, "某县 西部")
    assert sorted(part.source_id.tolist()) == [1, 2]
    assert part.meta["source"] == "某县 西部"


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (status(200, b"<html>login</html>"), "不是数据"),
        (status(200, b""), "不是数据"),
        (status(200, b'{"elements": ['), "不合格式"),
        (status(200, b"[" * 100_000), "不合格式"),
        (status(200, b"[]"), "不合格式"),
        (status(200, b"{}"), "不合格式"),
        (status(200, b'{"elements": []}'), "没有道路"),
        (status(200, b'{"elements": 5}'), "不合格式"),
        (status(200, b'{"elements": [{"type": "node", "id": 1}]}'), "不合格式"),
        (status(200, b'{"elements": [{"type": "way", "id": 1, "nodes": [1, 2], "tags": {}}]}'), "不合格式"),
        (status(200, b'{"elements": [], "remark": "runtime error: Query timed out"}'), "没有算完.*timed out"),
        (status(400, b"<html>bad query</html>"), "拒绝了请求.*HTTP 400"),
        (status(403, b"no"), "HTTP 403"),
        (status(429, b""), "繁忙.*HTTP 429"),
        (status(504, b"<html>"), "繁忙.*HTTP 504"),
        (status(302, Location="/api/interpreter"), "无法连接|不合格式"),
        (status(302, Location="file:///etc/passwd"), "无法连接"),
    ],
)  # fmt: skip
def test_hostile_answers_end_in_one_sentence(server: Server, answer: Any, what: str) -> None:
    server.routes = {"/api/interpreter": answer}
    with pytest.raises(InputError, match=what) as caught:
        ask(server)
    assert len(caught.value.problems) == 1 and "boai network build" in str(caught.value)


@pytest.mark.parametrize(
    "element",
    [
        {"id": "x"}, {"id": 1.5}, {"id": 2**80}, {"id": None}, {"lat": "60"}, {"lat": 1e300}, {"lon": None},
        {"lon": 999}, {"lat": True, "lon": []}, {"tags": 7}, {"tags": {"barrier": {"a": 1}}}, {"type": {}},
    ],
)  # fmt: skip
def test_hostile_elements(server: Server, element: dict[str, Any]) -> None:
    """A network without what is wrong, or one sentence."""
    nodes = [{"type": "node", "id": n, "lon": 24.92 + n / 1000, "lat": 60.16} for n in (1, 2, 3)]
    nodes[1] |= element
    ways = [{"type": "way", "id": 9, "nodes": [1, 2, 3], "tags": {"highway": "primary", "name": ["x"]}}]
    raw = json.dumps({"elements": [*nodes, *ways]}).encode()
    server.routes = {"/api/interpreter": status(200, raw)}
    try:
        assert ask(server).n_edges == 2
    except InputError as error:
        assert len(error.problems) == 1


BOW = [[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"[]", "没有找到这个地名"),
        (area(BOX, geojson={"type": "Point", "coordinates": [24.9, 60.1]}), "不是一个区域"),
        (area(BOX, geojson={"type": "Polygon", "coordinates": [BOW]}), "不合格式"),
        (area(BOX, geojson={"type": "Polygon", "coordinates": []}), "不合格式"),
        (area(BOX, geojson={"type": "Polygon", "coordinates": [[["a", "b"]] * 4]}), "不合格式"),
        (area(BOX, boundingbox=[]), "不合格式"),
        (area(BOX, importance=None, lat="north"), "不合格式"),
        (b'{"error": "x"}', "不合格式"),
        (b"[1, 2]", "不合格式"),
    ],
)  # fmt: skip
def test_hostile_places(server: Server, answer: bytes, what: str) -> None:
    server.routes = {"/search": status(200, answer), "/api/interpreter": status(200, b'{"elements": []}')}
    with pytest.raises(InputError, match=what):
        ask(server, "某地")


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.routes = {"/api/interpreter": in_turn(status(429, Retry_After="0"), town(), status(504), town())}
    said: list[str] = []
    assert ask(server, TOWN, progress=said.append).n_nodes > 4
    assert len([text for text in said if "繁忙" in text]) == 2
    assert len(server.seen) == 4  # what came before the second trouble is not asked for again


def test_answers_may_be_kept(server: Server, tmp_path: Path) -> None:
    server.routes = {"/api/interpreter": town()}
    first = ask(server, TOWN, cache=tmp_path)
    server.routes = {}
    assert edges(ask(server, TOWN, cache=tmp_path)) == edges(first)
    for kept in tmp_path.iterdir():
        kept.write_text("{")
    with pytest.raises(InputError, match="不合格式"):
        ask(server, TOWN, cache=tmp_path)


def test_time_and_size_are_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b"{" + b" " * 70_000)
            time.sleep(0.1)

    server.routes = {"/api/interpreter": drip}
    with pytest.raises(InputError, match="传得太慢"):
        ask(server, timeout_s=1.5, waits_s=())  # a busy machine needs time for the headers
    server.routes = {"/api/interpreter": lambda _: time.sleep(1)}
    with pytest.raises(InputError, match="没有回答"):
        ask(server, timeout_s=0.2, waits_s=())
    monkeypatch.setattr("boai.geodata.osm.place.MOST_BYTES", 100_000)
    server.routes = {"/api/interpreter": status(200, b"{" + b" " * 300_000)}
    with pytest.raises(InputError, match="回答过大"):
        ask(server)


def test_without_network(server: Server) -> None:
    address = f"http://127.0.0.1:{unused_port()}"
    with pytest.raises(InputError, match=r"无法连接服务器 \(服务器拒绝连接\).*boai network build 文件"):
        read_place(BOX, overpass=address, waits_s=())
    with pytest.raises(InputError, match=r"无法连接服务器 \(找不到服务器, 可能没有联网\)"):
        read_place("某地", nominatim="http://no-such-host.invalid", waits_s=(), timeout_s=5.0)


def test_settings_are_restored(server: Server) -> None:
    before = {name: value for name, value in vars(ox.settings).items() if not name.startswith("_")}
    resolve = socket.getaddrinfo
    for answer in (town(), status(403)):
        server.routes = {"/api/interpreter": answer}
        with contextlib.suppress(InputError):
            ask(server, TOWN)
        assert {name: getattr(ox.settings, name) for name in before} == before
        assert socket.getaddrinfo is resolve


@pytest.mark.parametrize(
    "place",
    [
        "",
        " ",
        "x" * 201,
        "a\0b",
        (1, 2, 3),
        (3, 2, 1, 4),
        (0, 0, float("nan"), 1),
        (100, 20, 120, 40),
        (0, 0, 1, 91),
        "3,2,1,4",
    ],
)
def test_places_that_are_none(place: Any) -> None:
    with pytest.raises(InputError):
        read_place(place)
    with pytest.raises(InputError, match=r"应为 http\(s\) 网址"):
        read_place("x", overpass="file:///etc")


@given(st.lists(st.integers(0, 6), min_size=2, max_size=12), st.booleans(), st.randoms())
def test_pieces_become_ways_again(nodes: list[int], turned: bool, rng: Any) -> None:
    pieces = [(a, b) for a, b in pairwise(nodes) if a != b]
    shuffled = [(b, a) for a, b in pieces] if turned else list(pieces)
    rng.shuffle(shuffled)
    row = _chain(shuffled, turned=turned)
    found = [(a, b) for a, b in pairwise(row) if a is not None and b is not None]
    assert sorted(found) == sorted(pieces)
    assert None not in row  # a way that was whole is whole again
