"""The bundle: arrays come back, ways add up to the search's times, contacts stay shut, bytes repeat."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import gridworld
import numpy as np
import peoplespace
import pytest
import shapeworld
import tinyspace
from boai.app.desk import vault
from boai.app.desk.bundle import STALE_DAYS, bundle
from boai.app.desk.export import export
from boai.app.desk.ground import open_ground
from boai.app.desk.packing import pack, unpack
from boai.app.desk.parts import CHINA
from boai.app.network import Choice, close
from boai.coverage.live import Live
from boai.coverage.way_trees import WayTrees, way_trees
from boai.geodata.errors import InputError
from boai.geodata.network import Network
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

MADE_AT = datetime(2026, 11, 22, 16, 0, tzinfo=CHINA)
PASSPHRASE = "一二三四五六七八 ok"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of 16 cells with two stores, whose keepers have names, and a team."""
    return peoplespace.make(tmp_path_factory.mktemp("bundle") / "w", warehouses=(0, 5), teams=(10,))


@pytest.fixture(scope="module")
def whole(root: Path) -> dict[str, Any]:
    return bundle(open_ground(root, warm=False), made_at=MADE_AT)


# Packing


@given(st.lists(st.integers(-(2**31) + 1, 2**31 - 1)), st.sampled_from(["i", "d"]))
def test_packed_numbers_come_back(values: list[int], how: Any) -> None:
    packed = pack(values, how)
    assert unpack(packed).tolist() == values
    assert packed["n"] == len(values)


@given(st.lists(st.integers(0, 300) | st.integers(0, 2**31 - 1)))
def test_packed_amounts_come_back(values: list[int]) -> None:
    assert unpack(pack(values)).tolist() == values


@pytest.mark.parametrize(("values", "how"), [([-1], "u"), ([2**31], "u"), ([-(2**31)], "i")])
def test_numbers_that_do_not_fit_are_refused(values: list[int], how: Any) -> None:
    with pytest.raises(ValueError, match="number"):
        pack(values, how)


# Ways


def walk(trees: WayTrees, junction: int, site: int) -> tuple[int, float] | None:
    """Follow a tree back to its site: (centiseconds, metres); None where it does not come."""
    n, time, metres = len(trees.node), 0, 0.0
    while junction < n:
        number = int(trees.choice[junction, site])
        if not number:
            return None
        hop = int(trees.start[junction]) + number - 1
        time, metres = time + int(trees.centiseconds[hop]), metres + float(trees.metres[hop])
        junction = int(trees.source[hop])
    assert junction == n + site
    return time, metres


def told(trees: WayTrees, site: int, place: int) -> tuple[int, float] | None:
    """Time and length of the way of a site to a place, as the page adds them up."""
    own, direct = trees.entries, trees.direct
    ways = [
        (int(direct.centiseconds[i]), float(direct.metres[i]))
        for i in np.flatnonzero((direct.site == site) & (direct.place == place))
    ]
    for i in np.flatnonzero(own.place == place):
        found = walk(trees, int(own.junction[i]), site)
        if found:
            ways.append((found[0] + int(own.centiseconds[i]), found[1] + float(own.metres[i])))
    return min(ways, default=None)


def check(network: Network, sites: Any, places: Any) -> None:
    """Compare all ways with the search's."""
    trees = way_trees(network, sites.T, places.T)
    rows = [{"lon": lon, "lat": lat, "readiness_min": 0} for lon, lat in sites.tolist()]
    live = Live(network, rows)
    for place, (lon, lat) in enumerate(places.tolist()):
        arrivals = {one.row: one for one in live.nearest(lon, lat, k=len(rows)).arrivals}
        for site in range(len(rows)):
            found, wanted = told(trees, site, place), arrivals.get(site)
            assert (found is None) == (wanted is None)
            if found and wanted:
                assert found[0] == round(wanted.drive_s * 100)


@pytest.mark.parametrize("seed", range(6))
def test_ways_are_those_of_the_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = gridworld.random_network(seed)
    check(network, rng.uniform((115, 28), (116, 29), (5, 2)), rng.uniform((115, 28), (116, 29), (12, 2)))


@pytest.mark.parametrize("seed", range(4))
def test_ways_on_real_roads_are_those_of_the_search(seed: int) -> None:
    network = shapeworld.random_roads(seed)
    sites, places = (shapeworld.points_on_roads(network, seed + more, n) for more, n in ((1, 4), (2, 10)))
    check(network, np.column_stack(sites), np.column_stack(places))


def test_lengths_are_those_of_the_search() -> None:
    network = gridworld.grid_network(4)
    points = np.column_stack(gridworld.grid_lonlat(4))
    trees = way_trees(network, points[[0, 5]].T, points.T)
    live = Live(
        network, [{"lon": lon, "lat": lat, "readiness_min": 0} for lon, lat in points[[0, 5]].tolist()]
    )
    for place, (lon, lat) in enumerate(points.tolist()):
        for one in live.nearest(lon, lat, k=2).arrivals:
            found = told(trees, one.row, place)
            assert found is not None
            assert found[1] == pytest.approx(one.metres, abs=0.01)


def test_a_network_without_sites_or_places_has_no_ways() -> None:
    network = gridworld.grid_network(2)
    none = (np.empty(0), np.empty(0))
    trees = way_trees(network, none, gridworld.grid_lonlat(2))
    assert trees.choice.shape == (4, 0)
    assert len(way_trees(network, gridworld.grid_lonlat(2), none).entries.place) == 0


# The bundle


def test_a_bundle_says_what_it_is_made_of(whole: dict[str, Any], root: Path) -> None:
    assert whole["made_at"] == "2026-11-22T16:00:00+08:00"
    assert whole["version"] == open_ground(root, warm=False).version
    assert whole["stale_days"] == STALE_DAYS
    assert whole["labels"] == ["示例数据"]
    assert whole["labels_of"] == {"warehouse": ["示例数据"], "team": ["示例数据"]}
    assert unpack(whole["places"]["residents"]).sum() == 2**16 - 1
    assert [site["kind"] for site in whole["sites"]] == ["warehouse", "warehouse", "team"]
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole


def test_the_same_data_and_time_give_the_same_bundle(whole: dict[str, Any], root: Path) -> None:
    assert bundle(open_ground(root, warm=False), made_at=MADE_AT) == whole


def test_usual_ways_come_along_while_a_road_is_closed(tmp_path: Path) -> None:
    tinyspace.make(tmp_path / "w")
    before = bundle(open_ground(tmp_path / "w", warm=False), made_at=MADE_AT)
    close(tmp_path / "w", Choice(near="115.05,28.0", within_m=2000), reason="塌方")
    after = bundle(open_ground(tmp_path / "w", warm=False), made_at=MADE_AT)
    assert before["usual"] is None
    assert after["usual"] == before["ways"]
    assert after["ways"] != before["ways"]
    assert [one["reason"] for one in after["closures"]] == ["塌方"]
    assert after["version"] != before["version"]


# The vault


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rounds, where what is tested does not depend on them."""
    monkeypatch.setattr(vault, "ITERATIONS", 1000)


def opened(sealed: dict[str, Any], passphrase: str) -> dict[str, Any]:
    """Decrypt independently of the page: by hashlib and a library."""
    own = {name: base64.b64decode(sealed["vault"][name]) for name in ("salt", "iv", "data")}
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), own["salt"], sealed["vault"]["iterations"], 32)
    plain = AESGCM(key).decrypt(own["iv"], own["data"], sealed["vault"]["about"].encode())
    return dict(json.loads(plain))


def people(whole: dict[str, Any]) -> dict[str, Any]:
    """A bundle with people in it."""
    named = {
        "keeper": "熊建国",
        "phone": "13812345678",
        "deputy": "万小红 13987654321",
        "deputy_phone": "13987654321",
    }
    sites = [{**whole["sites"][0], **named}, *whole["sites"][1:]]
    mark = {
        "kind": "warehouse",
        "id": "warehouse-0",
        "state": "空",
        "note": "问过胡站长",
        "who": "李值班",
        "at": "",
        "until": "",
    }
    closure = {
        "number": 1,
        "what": "道路 G105",
        "reason": "村民周大爷说塌方",
        "reporter": "陈队长",
        "speed": 0.0,
    }
    return {**whole, "sites": sites, "marks": [mark], "closures": [closure]}


SECRETS = ("熊建国", "13812345678", "万小红", "13987654321", "胡站长", "李值班", "周大爷", "陈队长")


@pytest.mark.usefixtures("quick")
def test_no_person_is_readable_in_a_sealed_bundle(whole: dict[str, Any]) -> None:
    text = json.dumps(vault.sealed(people(whole), PASSPHRASE), ensure_ascii=False)
    assert [word for word in SECRETS if word in text] == []
    assert all(word in json.dumps(people(whole), ensure_ascii=False) for word in SECRETS)
    assert not any(
        word in json.dumps(vault.without_people(people(whole)), ensure_ascii=False) for word in SECRETS
    )


def test_a_sealed_bundle_opens_with_the_passphrase_alone(whole: dict[str, Any]) -> None:
    sealed = vault.sealed(people(whole), f" {PASSPHRASE} ")
    found = opened(sealed, PASSPHRASE)
    assert found["sites"][0]["phone"] == "13812345678"
    assert found["closures"][0]["reporter"] == "陈队长"
    assert sealed["vault"]["iterations"] >= 600_000
    with pytest.raises(InvalidTag):
        opened(sealed, PASSPHRASE + "x")


@pytest.mark.usefixtures("quick")
def test_what_lies_around_a_vault_cannot_be_exchanged(whole: dict[str, Any]) -> None:
    sealed = vault.sealed(people(whole), PASSPHRASE)
    other = {**sealed, "vault": {**sealed["vault"], "about": "boai 000000000000"}}
    with pytest.raises(InvalidTag):
        opened(other, PASSPHRASE)


@pytest.mark.usefixtures("quick")
def test_salt_and_nonce_are_new_every_time(whole: dict[str, Any]) -> None:
    one, other = (vault.sealed(people(whole), PASSPHRASE)["vault"] for _ in range(2))
    assert len({one["salt"], other["salt"]}) == len({one["iv"], other["iv"]}) == 2


@pytest.mark.parametrize(
    "weak",
    ["", "短口令", "password12", "            ", "aaaaaaaaaaaaaaaa", "12121212121212", "138-1234-5678",
     "20261122 0791", "password1234", "qwertyuiop12", "abcdefghijklmnop"],
)  # fmt: skip
def test_a_weak_passphrase_is_refused(weak: str) -> None:
    with pytest.raises(InputError, match="口令"):
        vault.checked(weak)


# The file


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A page of two lines: these tests are about what is put into it."""
    from boai.app.desk import assets

    frame = '<script id="boai-bundle" type="application/json">{}</script>\n<i>{}</i>'
    monkeypatch.setattr(assets, "single_file", lambda bundle, drawing: frame.format(bundle, len(drawing)))
    return


def inside(path: Path) -> dict[str, Any]:
    """Read the bundle out of a file as a browser does: up to the first end of the element."""
    found = re.search(r'<script id="boai-bundle"[^>]*>(.*?)</script', path.read_text("utf-8"), re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


@pytest.mark.usefixtures("page")
def test_the_same_export_has_the_same_bytes(root: Path, tmp_path: Path) -> None:
    told_ = [export(root, tmp_path / name, made_at=MADE_AT) for name in ("a.html", "b.html")]
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert told_[0]["bytes"] == (tmp_path / "a.html").stat().st_size
    assert told_[0]["sites"] == 3
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.html", "b.html"]


@pytest.mark.usefixtures("page")
def test_an_export_replaces_nothing_unasked(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "desk.html"
    path.write_text("mine")
    with pytest.raises(InputError, match="已存在"):
        export(root, path, made_at=MADE_AT)
    assert path.read_text() == "mine"
    assert export(root, path, overwrite=True, made_at=MADE_AT)["bytes"] > 1000


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("name", ["desk.txt", "no/desk.html", "desk"])
def test_an_export_goes_only_where_it_belongs(root: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"没有写出|网页"):
        export(root, tmp_path / name, made_at=MADE_AT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("page")
def test_too_large_a_file_is_refused(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boai.app.desk.export.MOST_BYTES", 100)
    with pytest.raises(InputError, match="超过"):
        export(root, tmp_path / "desk.html", made_at=MADE_AT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("page")
def test_hostile_names_cannot_leave_the_script(tmp_path: Path) -> None:
    hostile = peoplespace.HOSTILE
    peoplespace.make(tmp_path / "w", name=hostile)
    export(tmp_path / "w", tmp_path / "desk.html", made_at=MADE_AT)
    name = inside(tmp_path / "desk.html")["sites"][0]["name"]
    assert name.startswith("</script><script>")
    assert (tmp_path / "desk.html").read_text("utf-8").count("</script") == 1


@pytest.mark.usefixtures("page", "quick")
def test_a_keeper_is_nowhere_in_an_encrypted_file(root: Path, tmp_path: Path) -> None:
    export(root, tmp_path / "a.html", passphrase=PASSPHRASE, made_at=MADE_AT)
    export(root, tmp_path / "b.html", made_at=MADE_AT)
    sealed, plain = ((tmp_path / name).read_text("utf-8") for name in ("a.html", "b.html"))
    assert all(word in plain for word in peoplespace.SECRETS[:2])
    assert not any(word in sealed for word in peoplespace.SECRETS)
    ascii_ = [json.dumps(word)[1:-1] for word in peoplespace.SECRETS]
    assert not any(word in sealed for word in ascii_)


@pytest.mark.usefixtures("page", "quick")
def test_contacts_are_encrypted_or_left_out_as_asked(root: Path, tmp_path: Path) -> None:
    sealed = export(root, tmp_path / "a.html", passphrase=PASSPHRASE, made_at=MADE_AT)
    export(root, tmp_path / "b.html", contacts=False, made_at=MADE_AT)
    assert "vault" in inside(tmp_path / "a.html")
    assert "vault" not in inside(tmp_path / "b.html")
    assert sealed["contacts"] == "加密"
    with pytest.raises(InputError, match="口令"):
        export(root, tmp_path / "c.html", passphrase="kurz", made_at=MADE_AT)


@pytest.mark.usefixtures("page")
def test_usual_ways_go_before_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an emergency roads are closed: then above all there must be a file."""
    root = peoplespace.make(tmp_path / "w", warehouses=(0, 5))
    close(root, Choice(near="115.05,28.0", within_m=2000), reason="塌方")
    told_ = export(root, tmp_path / "a.html", made_at=MADE_AT)
    assert not told_["usual_left_out"]
    monkeypatch.setattr("boai.app.desk.export.MOST_BYTES", told_["bytes"] - 1)
    told_ = export(root, tmp_path / "b.html", made_at=MADE_AT)
    assert told_["usual_left_out"]
    assert told_["bytes"] < (tmp_path / "a.html").stat().st_size
    assert inside(tmp_path / "b.html")["usual"] is None
    assert inside(tmp_path / "b.html")["usual_left_out"]


@settings(max_examples=many(20))
@given(st.text(max_size=40))
def test_any_passphrase_is_taken_or_refused_in_words(text: str) -> None:
    try:
        assert len(vault.checked(text)) * 2 >= vault.LEAST_LENGTH
    except InputError as error:
        assert "口令" in str(error)
