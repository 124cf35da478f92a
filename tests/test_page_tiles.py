"""Base maps under a page: what may be asked for, what is opened for it, and what never leaves."""

from __future__ import annotations

import json

import pytest
from boai.geodata.errors import InputError
from boai.maps import page_tiles
from boai.maps.page_pack import dump
from boai.maps.page_tiles import DATUMS, TILES, image_sources, tiles_of
from hypothesis import given
from hypothesis import strategies as st

KEY = "0123456789abcdef0123456789abcdef"
OWN = "http://10.1.2.3:8080/jx/{z}/{x}/{y}.png"


def problems(source: str, **more: str) -> list[str]:
    with pytest.raises(InputError) as raised:
        tiles_of(source, **more)
    return str(raised.value).splitlines()


def test_nothing_is_opened_without_asking() -> None:
    assert image_sources(None) == "data:"


@pytest.mark.parametrize("name", TILES)
def test_known_base_maps_open_their_own_hosts_alone(name: str) -> None:
    tiles = tiles_of(name, key=KEY if TILES[name].keyed else "")
    opened = image_sources(tiles).split()
    assert opened[0] == "data:"
    for url in tiles.urls:
        assert {"{z}", "{x}", "{y}"} <= {part for part in ("{z}", "{x}", "{y}") if part in url}
        for subdomain in tiles.subdomains or " ":
            origin = "/".join(url.replace("{s}", subdomain).split("/")[:3])
            assert origin in opened
    assert len(opened) == 1 + max(1, len(tiles.subdomains))
    assert all(host.startswith("https://") and "*" not in host for host in opened[1:])
    assert tiles.credit.startswith("底图 ©")


def test_other_names_and_datums() -> None:
    assert tiles_of("OpenStreetMap") == tiles_of("osm") == tiles_of(" OSM ") == TILES["OSM"]
    assert tiles_of("amap").datum == tiles_of("高德", datum="GCJ-02").datum == "GCJ-02"
    assert tiles_of("tianditu", key=KEY).datum == "WGS84"
    assert [tiles_of(OWN, datum=datum).datum for datum in DATUMS] == ["WGS84", "WGS84", "GCJ-02"]
    assert "不能另行指定" in problems("osm", datum="gcj02")[0]
    assert "BD-09" in problems(OWN, datum="bd09")[0]


def test_own_tiles() -> None:
    tiles = tiles_of(OWN)
    assert tiles.hosts == ("http://10.1.2.3:8080",)
    assert (tiles.urls, tiles.credit, tiles.datum) == ((OWN,), "底图: 10.1.2.3", "WGS84")
    assert tiles_of("HTTPS://Tiles.JXRC/{z}/{x}/{-y}.png?v=2").hosts == ("https://tiles.jxrc",)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "谷歌",
        "javascript:alert(1)//{z}{x}{y}",
        "javascript://x/%0aalert(1)/{z}/{x}/{y}",
        "file:///etc/{z}/{x}/{y}.png",
        "data://x/{z}/{x}/{y}",
        "http:///{z}/{x}/{y}.png",
        "http://host/{z}/{x}.png",
        "http://host/{z}/{x}/{y}/{y}.png",
        "http://host/{z}/{x}/{y}/{key}.png",
        "http://host/{z}/{x}/{y}/{}.png",
        "http://host/{z}/{x}/{y}/}.png",
        "http://{z}.host/{x}/{y}.png",
        "http://*/{z}/{x}/{y}.png",
        "http://*.host/{z}/{x}/{y}.png",
        "http://host;script-src *//{z}/{x}/{y}.png",
        "http://host script-src/{z}/{x}/{y}.png",
        "http://host,b/{z}/{x}/{y}.png",
        "http://host'/{z}/{x}/{y}.png",
        'http://host/"><script>/{z}/{x}/{y}.png',
        "http://host/{z}/{x}/{y}.png\nhttp://b",
        "http://用户/{z}/{x}/{y}.png",
        "http://[::1]/{z}/{x}/{y}.png",
        "http://host:99999/{z}/{x}/{y}.png",
        "http://host:0/{z}/{x}/{y}.png",
        "http://host:/{z}/{x}/{y}.png",
        "http://host:8x/{z}/{x}/{y}.png",
        "http://-host/{z}/{x}/{y}.png",
        "http://host/{z}/{x}/{y}.png#" + "a" * 10,
        "http://host/{z}/{x}/{y}.png?" + "a" * 400,
    ],
)
def test_hostile_addresses_are_refused(source: str) -> None:
    told = problems(source)
    assert len(told) == 1
    assert told[0].startswith("--tiles: ")
    assert len(told[0]) < 250


def test_passwords_are_not_repeated() -> None:
    told = problems("http://user:geheim@host/{z}/{x}/{y}.png")[0]
    assert "用户名和密码" in told
    assert "geheim" not in told


@pytest.mark.parametrize(
    "key", ["", "short", "x" * 65, "abc def 012", "'\"><script>", "密钥密钥密钥密钥", KEY + "\n"]
)
def test_keys_are_checked_and_never_repeated(key: str) -> None:
    told = problems("天地图", key=key)[0]
    assert told.startswith("--tiles-key: ")
    assert len(key) < 4 or key not in told


def test_keys_go_nowhere_else() -> None:
    tiles = tiles_of("天地图", key=KEY)
    assert KEY not in repr(tiles)
    assert KEY not in "".join((*tiles.urls, *tiles.hosts, tiles.name, tiles.credit))
    assert dump(tiles.for_page()).count(KEY) == 1
    assert all("不用密钥" in problems(source, key=KEY)[0] for source in ("OSM", "高德", OWN))


def test_every_problem_is_told_at_once() -> None:
    assert len(problems("ftp://x", key=KEY, datum="mars")) == 3


@given(st.text(st.characters(max_codepoint=0x2FF), max_size=40), st.sampled_from(("http://", "https://", "")))
def test_whatever_is_read_is_one_plain_source(text: str, scheme: str) -> None:
    """No text gets out of its place in the policy."""
    try:
        tiles = tiles_of(f"{scheme}{text}/{{z}}/{{x}}/{{y}}.png")
    except InputError:
        return
    (host,) = tiles.hosts
    assert host.startswith(("http://", "https://"))
    assert not set(host) & set(" ;,'\"*<>\\{}@\n\t")
    assert json.loads(dump(tiles.for_page()))["urls"] == list(tiles.urls)


def test_the_page_gets_what_its_script_reads() -> None:
    asked = set(page_tiles.TILES["OSM"].for_page())
    assert asked == {"name", "urls", "credit", "link", "shifted", "zooms", "subdomains", "referred", "key"}
