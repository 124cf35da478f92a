"""The desk's API: every address, what it answers, who may write, what other desks see."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tinyspace
from boai.app import network as networks
from boai.app.desk import answers
from boai.app.desk.ground import open_ground
from boai.app.desk.where import resolve
from boai.geodata import registry
from boai.geodata.errors import WorkspaceError
from deskserver import NOON, Clock, Desk, make_desk

AT = "115.05,28.05"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk") / "tiny"
    tinyspace.make(folder)
    return folder


@pytest.fixture
def desk(root: Path, tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(Path(shutil.copytree(root, tmp_path / "tiny")))
    yield made
    made.close()


def test_health_names_the_data(desk: Desk) -> None:
    told = desk.anyone.get("/health").json()
    assert told["ok"]
    assert len(told["version"]) == 12
    assert told["sites"] == {"warehouse": 2, "team": 1}
    assert told["labels"] == ["示例数据"]
    assert told["now"] == "2026-11-22T12:00:00+08:00"


def test_nearest_is_the_answer_of_the_desk(desk: Desk) -> None:
    told = desk.anyone.get("/nearest", at=AT, k=2)
    ground = open_ground(desk.root, warm=False, at=NOON)
    expected = answers.nearest(ground, resolve(ground, AT), k=2, now=NOON)
    assert told.status == 200
    assert told.json() == expected
    assert [card["rank"] for card in told.json()["sites"]] == [1, 2]


def test_nearest_as_geojson_has_the_cards_on_the_ways(desk: Desk) -> None:
    told = desk.anyone.get("/nearest", at=AT, format="geojson")
    assert told.header("content-type") == "application/geo+json"
    features = told.json()["features"]
    assert [one["properties"]["eta_min"] for one in features] == [
        card["eta_min"] for card in desk.anyone.get("/nearest", at=AT).json()["sites"]
    ]
    assert {one["geometry"]["type"] for one in features} == {"LineString"}


def test_a_trial_changes_only_its_own_answer(desk: Desk) -> None:
    before = desk.anyone.get("/nearest", at=AT, k=1).json()
    first = before["sites"][0]["id"]
    tried = desk.anyone.post("/nearest", {"at": AT, "k": 1, "what_if": {"empty": [first]}})
    assert tried.status == 200
    assert tried.json()["sites"][0]["id"] != first or tried.json()["sites"][0]["status"] == "空"
    assert desk.anyone.get("/nearest", at=AT, k=1, empty=first).json()["what_if"]["empty"][0]["id"] == first
    assert desk.anyone.get("/nearest", at=AT, k=1).json() == before


def test_layers_come_in_pages(desk: Desk) -> None:
    listed = {one["kind"]: one["sites"] for one in desk.anyone.get("/layers").json()["layers"]}
    assert listed["warehouse"] == 2
    first = desk.anyone.get("/layers/warehouse", limit=1).json()
    assert (first["numberMatched"], first["numberReturned"]) == (2, 1)
    following = next(link["href"] for link in first["links"] if link["rel"] == "next")
    second = desk.anyone.ask("GET", "/layers/warehouse" + following).json()
    ids = [one["id"] for page in (first, second) for one in page["features"]]
    assert sorted(ids) == ["warehouse-0", "warehouse-1"]
    assert not [link for link in second["links"] if link["rel"] == "next"]
    lon, lat = first["features"][0]["geometry"]["coordinates"]
    box = f"{lon - 0.01},{lat - 0.01},{lon + 0.01},{lat + 0.01}"
    assert desk.anyone.get("/layers/warehouse", bbox=box).json()["numberMatched"] == 1
    assert desk.anyone.get("/layers/warehouse", bbox="1,2,x").status == 400
    assert desk.anyone.get("/layers/nothing").status == 400


def test_what_has_not_changed_is_not_sent_again(desk: Desk) -> None:
    for path in ("/layers", "/layers/team", "/places/tree", "/closures", "/marks", "/desk.js", "/"):
        first = desk.anyone.get(path)
        assert first.status == 200, path
        tag = first.header("etag")
        again = desk.anyone.ask("GET", path, headers=[("if-none-match", str(tag))])
        assert (again.status, again.body) == (304, b""), path
    desk.desk.post("/closures", {"near": {"lon": 115.05, "lat": 28.0, "within_m": 10}})
    assert desk.anyone.ask("GET", "/closures", headers=[("if-none-match", str(tag))]).status == 200


def test_places_are_suggested_and_found(desk: Desk) -> None:
    assert desk.anyone.get("/places", q="甲").json()["places"][0]["name"].startswith("甲")
    cities = desk.anyone.get("/places/tree").json()["cities"]
    assert [one["name"] for one in cities] == ["东市", "西市"]
    assert desk.anyone.get("/where", at="甲县").json()["county"] == "甲县"
    told = desk.anyone.get("/where", lon=115.05, lat=28.05).json()
    assert (told["lon"], told["lat"]) == (115.05, 28.05)


def test_reach_draws_areas_with_residents(desk: Desk) -> None:
    hour = desk.anyone.get("/reach", kind="team", within_min=60)
    assert hour.status == 200, hour.body
    one = hour.json()["features"][0]
    assert one["geometry"]["type"] == "MultiPolygon"
    near = desk.anyone.get("/reach", kind="team", within_min=26).json()["features"][0]
    assert 0 < near["properties"]["residents"] < one["properties"]["residents"]
    own = desk.anyone.get("/reach", site="warehouse-1", within_min=30).json()["features"]
    assert [each["properties"]["id"] for each in own] == ["warehouse-1"]
    assert desk.anyone.get("/reach", site="nobody").status == 404
    assert desk.anyone.get("/reach", within_min=601).status == 422


def test_a_need_is_planned(desk: Desk) -> None:
    got = desk.anyone.get("/need", at=AT, persons=4)
    sent = desk.anyone.post("/need", {"at": AT, "persons": 4})
    assert got.status == sent.status == 200
    assert got.json()["plans"] == sent.json()["plans"]
    ring = [[114.9, 27.9], [115.15, 27.9], [115.15, 28.15], [114.9, 28.15]]
    area = desk.anyone.post("/need", {"area": ring})
    assert area.status == 200, area.body
    assert area.json()["residents"] > 0


def test_closing_a_road_needs_a_token_and_reaches_everybody(desk: Desk) -> None:
    wanted = {"near": {"lon": 115.05, "lat": 28.0, "within_m": 10}, "reason": "塌方", "until": "18:00"}
    assert desk.anyone.post("/closures", wanted).status == 401
    seen = desk.anyone.post("/closures/preview", {"near": wanted["near"]}).json()
    assert seen["edges"] == 2
    made = desk.desk.post("/closures", wanted)
    assert made.status == 201
    number = made.json()["number"]
    listed = desk.anyone.get("/closures").json()["features"]
    assert [one["id"] for one in listed] == [number]
    facts = listed[0]["properties"]
    assert (facts["reporter"], facts["until"]) == ("desk一号", "2026-11-22T18:00:00+08:00")
    assert listed[0]["geometry"] == seen["features"][0]["geometry"]
    assert networks.closures(desk.root)["history"][0]["reason"] == "塌方"
    assert desk.desk.delete(f"/closures/{number}").status == 200
    assert desk.desk.delete(f"/closures/{number}").status == 404
    assert desk.anyone.get("/closures").json()["features"] == []
    events = desk.anyone.get("/closures/history").json()["events"]
    assert [(one["action"], one["who"]) for one in events] == [("reopen", "desk一号"), ("close", "desk一号")]


def test_a_click_means_one_road(desk: Desk) -> None:
    seen = desk.anyone.post("/closures/preview", {"click": {"lon": 115.05, "lat": 28.0005}}).json()
    assert (len(seen["edge_ids"]), seen["edges"], seen["whole"]) == (2, 2, None)
    again = desk.anyone.post("/closures/preview", {"edges": seen["edge_ids"][:1]}).json()
    assert again["edge_ids"] == seen["edge_ids"]
    assert desk.anyone.post("/closures/preview", {"click": {"lon": 115.05, "lat": 28.05}}).status == 400
    assert desk.anyone.post("/closures/preview", {}).status == 400


def test_a_closure_ends_by_itself(desk: Desk) -> None:
    wanted = {"near": {"lon": 115.05, "lat": 28.0, "within_m": 10}, "until": "13:00"}
    free = desk.anyone.get("/health").json()
    assert desk.desk.post("/closures", wanted).status == 201
    assert desk.anyone.get("/health").json()["closures"] == 1
    desk.clock.pass_(minutes=61)
    after = desk.anyone.get("/health").json()
    assert after["closures"] == 0
    assert after["version"] == free["version"]
    assert desk.anyone.get("/closures/history").json()["events"][0]["action"] == "expire"


def test_what_the_command_line_closes_is_seen_at_once(desk: Desk) -> None:
    before = desk.anyone.get("/nearest", at="115.1,28.0", k=2).json()
    networks.close(desk.root, networks.Choice(near="115.05,28.0", within_m=10), reason="洪水", at=NOON)
    during = desk.anyone.get("/nearest", at="115.1,28.0", k=2).json()
    assert [one["reason"] for one in during["closures"]] == ["洪水"]
    assert during["version"] != before["version"]
    networks.reopen(desk.root, None, at=NOON)
    assert desk.anyone.get("/nearest", at="115.1,28.0", k=2).json() == before


def test_two_workers_share_closures_and_marks(desk: Desk) -> None:
    other = make_desk(desk.root, clock=desk.clock)
    try:
        desk.desk.post("/closures", {"near": {"lon": 115.05, "lat": 28.0, "within_m": 10}})
        assert other.anyone.get("/health").json()["closures"] == 1
        assert desk.desk.put("/marks/warehouse/warehouse-0", {"state": "空"}).status == 200
        seen, own = other.anyone.get("/marks").json(), desk.anyone.get("/marks").json()
        assert seen == own
        assert seen["marks"][0]["name"] == "站0"
        assert other.desk.delete("/marks/warehouse/warehouse-0").status == 200
        assert desk.anyone.get("/marks").json()["marks"] == []
        assert other.desk.delete("/closures/1").status == 200
        assert desk.anyone.get("/health").json() == other.anyone.get("/health").json()
    finally:
        other.close()


def test_a_mark_changes_the_answer_until_it_ends(desk: Desk) -> None:
    before = desk.anyone.get("/nearest", at="115.0,28.0", k=1).json()
    first = before["sites"][0]["id"]
    made = desk.desk.put(f"/marks/warehouse/{first}", {"state": "空", "note": "已调空", "until": "14:00"})
    assert made.json()["who"] == "desk一号"
    during = desk.anyone.get("/nearest", at="115.0,28.0", k=1).json()
    assert {card["id"]: card["status"] for card in during["sites"]}[first] == "空"
    desk.clock.pass_(hours=3)
    after = desk.anyone.get("/nearest", at="115.0,28.0", k=1).json()
    assert after["sites"][0]["id"] == first
    assert after["version"] == before["version"]


@pytest.mark.parametrize("path", ["/marks/warehouse/nobody", "/marks/aed/aed-0", "/marks/../boai.json/x"])
def test_only_sites_that_exist_are_marked(desk: Desk, path: str) -> None:
    assert desk.desk.put(path, {"state": "空"}).status == 404
    assert desk.desk.delete(path).status == 404


def test_a_dispatch_is_recorded_once(desk: Desk) -> None:
    asked = {"at": AT, "chosen": ["warehouse-0"], "key": "a1", "note": "速发"}
    assert desk.anyone.post("/log", asked).status == 401
    first = desk.desk.post("/log", asked)
    assert (first.status, first.json()["number"]) == (201, "20261122-001")
    again = desk.desk.post("/log", asked)
    assert (again.status, again.json()) == (200, first.json())
    assert desk.planner.post("/log", asked).status == 400
    assert desk.desk.post("/log", {**asked, "key": ""}).json()["number"] == "20261122-002"
    listed = desk.desk.get("/log", limit=1).json()
    assert (listed["numberMatched"], listed["numberReturned"]) == (2, 1)
    assert listed["entries"][0]["number"] == "20261122-002"
    assert listed["entries"][0]["recorded_by"] == "desk一号"


def test_text_and_sheet_say_what_was_chosen(desk: Desk) -> None:
    told = desk.anyone.post("/text", {"at": AT, "chosen": ["warehouse-0"]})
    assert "站0" in told.json()["text"]
    assert "编号" not in told.json()["text"]
    assert desk.anyone.post("/text", {"at": AT, "chosen": ["nobody"]}).status == 400


def test_only_a_recorded_number_is_printed(desk: Desk) -> None:
    asked = {"at": AT, "chosen": ["warehouse-0"], "note": "速发"}
    number = desk.desk.post("/log", asked).json()["number"]
    desk.clock.pass_(minutes=5)
    told = desk.anyone.post("/text", {**asked, "number": number})
    assert f"编号 {number}" in told.json()["text"]
    assert "12:00" in told.json()["text"], "the time of the order, not of the printing"
    for other in (
        {"number": "20261122-009"},
        {"chosen": ["warehouse-1"]},
        {"note": "缓发"},
        {"at": "115.0,28.0"},
    ):
        for path in ("/text", "/sheet"):
            refused = desk.anyone.post(path, {**asked, "number": number, **other})
            assert (refused.status, "编号" in refused.message) == (400, True), other


def test_a_dispatch_sent_again_is_known_whatever_became_of_the_roads(desk: Desk) -> None:
    asked = {"at": AT, "chosen": ["warehouse-0"], "key": "k1"}
    first = desk.desk.post("/log", asked).json()
    area = [[114.5, 27.5], [115.5, 27.5], [115.5, 28.5], [114.5, 28.5]]
    assert desk.desk.post("/closures", {"area": area}).status == 201
    assert desk.desk.post("/log", {**asked, "key": "k2"}).status == 400
    again = desk.desk.post("/log", asked)
    assert (again.status, again.json()) == (200, first)


def have_bags(root: Path) -> None:
    """Give every store household bags."""
    layers = tinyspace.sites()
    table = layers["warehouse"].table
    stocked = table.assign(stock='{"家庭包": 5}').astype(table.dtypes)
    layers["warehouse"] = replace(layers["warehouse"], table=stocked)
    (root / "layers.gpkg").unlink()
    registry.save_layers(layers, root / "layers.gpkg")


def test_a_need_becomes_one_dispatch(desk: Desk) -> None:
    have_bags(desk.root)
    need = {"at": AT, "need": {"persons": 4}, "plan": "first"}
    stores = desk.anyone.get("/need", at=AT, persons=4).json()["plans"]["first"]["stores"]
    made = desk.desk.post("/log", {**need, "chosen": [one["id"] for one in stores]})
    assert made.status == 201, made.body
    kept = made.json()
    assert {one["id"]: one["carry"] for one in kept["sites"]} == {one["id"]: one["takes"] for one in stores}
    assert kept["need"]["persons"] == 4
    told = desk.anyone.post("/text", {**need, "number": kept["number"]})
    assert kept["number"] in told.json()["text"]
    assert desk.anyone.post("/text", {**need, "chosen": ["team-0"]}).status == 400
    assert desk.anyone.post("/text", {"at": AT}).status == 400


def test_questions_are_logged_with_the_version_of_the_data(desk: Desk) -> None:
    asked = desk.anyone.get("/nearest", at=AT, k=1).json()
    desk.app.state.desk.questions.flush()
    listed = desk.desk.get("/log", what="questions").json()
    one = listed["entries"][0]
    assert (one["version"], one["question"]["at"]) == (asked["version"], AT)
    assert one["answer"]["sites"][0][:2] == [asked["sites"][0]["id"], asked["sites"][0]["eta_min"]]


def test_roles(desk: Desk) -> None:
    clients = {"": desk.anyone, "desk": desk.desk, "planner": desk.planner, "admin": desk.admin}
    allowed = {
        ("GET", "/log"): ("desk", "planner", "admin"),
        ("GET", "/audit"): ("planner", "admin"),
        ("GET", "/tokens"): ("admin",),
    }
    for (method, path), roles in allowed.items():
        for role, client in clients.items():
            status = client.ask(method, path).status
            assert status == (200 if role in roles else 401 if not role else 403), (role, path)
    for role, client in clients.items():
        made = client.post("/tokens", {"name": "新", "role": "desk"}).status
        assert made == {"": 401, "admin": 201}.get(role, 403)
        assert client.get("/me").json()["role"] == (role or None)


def test_tokens_are_made_shown_once_and_revoked(desk: Desk) -> None:
    made = desk.admin.post("/tokens", {"name": "县会", "role": "desk", "until": "18:00"}).json()
    other = type(desk.desk)(desk.app, made["token"])
    assert other.get("/me").json()["name"] == "县会"
    listed = desk.admin.get("/tokens")
    assert made["token"] not in listed.body.decode()
    desk.clock.pass_(hours=7)
    assert other.get("/me").status == 401
    lasting = desk.admin.post("/tokens", {"name": "市会", "role": "planner"}).json()
    third = type(desk.desk)(desk.app, lasting["token"])
    assert third.get("/me").status == 200
    assert desk.admin.delete(f"/tokens/{lasting['id']}").status == 200
    assert desk.admin.delete(f"/tokens/{lasting['id']}").status == 404
    assert third.get("/me").status == 401
    kept = (desk.root / "desk.sqlite").read_bytes() + _wal(desk.root)
    assert made["token"].encode() not in kept
    assert lasting["token"].rpartition("_")[2].encode() not in kept


def _wal(root: Path) -> bytes:
    path = root / "desk.sqlite-wal"
    return path.read_bytes() if path.exists() else b""


def test_every_write_and_refused_write_is_in_the_audit(desk: Desk) -> None:
    wanted = {"near": {"lon": 115.05, "lat": 28.0, "within_m": 10}}
    desk.anyone.post("/closures", wanted)
    desk.desk.post("/tokens", {"name": "我", "role": "admin"})
    desk.desk.post("/closures", {"roads": ["G999"]})
    desk.desk.post("/closures", wanted)
    desk.desk.delete("/closures/1")
    desk.desk.put("/marks/team/team-0", {"state": "可用"})
    told = desk.planner.get("/audit").json()
    rows = [(one["who"], one["action"], one["target"], one["outcome"]) for one in told["entries"]]
    assert rows == [
        ("desk一号", "PUT", "/marks/team/team-0", "完成"),
        ("desk一号", "DELETE", "/closures/1", "完成"),
        ("desk一号", "POST", "/closures", "完成"),
        ("desk一号", "POST", "/closures", "内容有误"),
        ("desk一号", "POST", "/tokens", "权限不够"),
        ("", "POST", "/closures", "没有令牌"),
    ]
    assert told["entries"][2]["detail"].startswith("1号 ")


def test_writes_that_are_refused_before_the_token_is_read_are_in_the_audit(desk: Desk) -> None:
    desk.anyone.ask("POST", "/closures", raw=b"{")
    desk.desk.ask("DELETE", "/closures/1", headers=[("origin", "https://evil.example")])
    desk.desk.post("/log?more=1", {})
    desk.anyone.post("/closures/preview", {})
    rows = [(one["who"], one["action"], one["target"], one["outcome"])
            for one in desk.planner.get("/audit").json()["entries"]]  # fmt: skip
    assert rows == [
        ("", "POST", "/log", "内容有误"),
        ("", "DELETE", "/closures/1", "权限不够"),
        ("", "POST", "/closures", "内容有误"),
    ]


def test_damaged_files_leave_the_old_data_in_use_and_say_so(desk: Desk) -> None:
    before = desk.anyone.get("/nearest", at=AT).json()
    closures = desk.root / "network" / "closures.json"
    closures.write_text("{", encoding="utf-8")
    told = desk.anyone.get("/nearest", at=AT)
    assert told.status == 200
    assert told.json()["sites"] == before["sites"]
    assert "道路封闭记录已损坏" in "".join(told.json()["notes"])
    health = desk.anyone.get("/health").json()
    assert not health["ok"]
    assert "道路封闭记录已损坏" in health["problems"][0]
    closures.unlink()
    desk.app.state.desk.keeper.renew(force=True)
    assert desk.anyone.get("/nearest", at=AT).json() == before


def test_the_notebook_of_the_desk_may_be_damaged(desk: Desk) -> None:
    desk.close()
    for path in desk.root.glob("desk.sqlite*"):
        path.unlink()
    (desk.root / "desk.sqlite").write_bytes(b"no database" * 100)
    other = make_broken(desk.root)
    told = other.get("/nearest", at=AT)
    assert told.status == 200
    assert "站点标记" in "".join(told.json()["notes"])
    assert not other.get("/health").json()["ok"]
    other.token = "boai_00000000_" + "a" * 43
    refused = other.post("/closures", {"roads": ["G1"]})
    assert (refused.status, refused.code) == (503, "workspace")


def make_broken(root: Path):
    from boai.app.server.app import create_app
    from deskserver import Client, settings

    return Client(create_app(root, settings=settings(root), clock=Clock(), warm=False))


def test_a_workspace_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="没有 boai 工作区") as caught:
        make_broken(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_workspace_that_cannot_be_written_answers(desk: Desk) -> None:
    desk.close()
    desk.root.chmod(0o500)
    try:
        assert make_broken(desk.root).get("/nearest", at=AT).status == 200
    finally:
        desk.root.chmod(0o700)
