"""The offline desk in a real browser, from a file and without a network: the server's answers."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import deskoffline
import deskpage
import numpy as np
import pytest
from boai.app.desk import vault
from boai.app.desk.bundle import bundle
from boai.app.desk.ground import Ground, open_ground
from boai.app.desk.packing import pack, unpack
from boai.app.network import Choice, close
from deskoffline import NOW, differences, in_page, in_python, opened, questions
from examples import many

pytestmark = pytest.mark.browser
PASSPHRASE = "赣江两岸 青山 9"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return open_ground(deskpage.make(tmp_path_factory.mktemp("offline") / "w"), warm=False)


@pytest.fixture(scope="module")
def page(browser: Any, ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = deskoffline.bare(bundle(ground, made_at=NOW), tmp_path_factory.mktemp("bare") / "desk.html")
    with opened(browser, path) as found:
        in_page(found, "open")
        yield found


def near(ground: Ground, count: int, seed: int) -> Any:
    """Draw places, and points beside them."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, ground.network.n_nodes, count)
    apart = rng.uniform(-0.02, 0.02, (count, 2)) * (rng.random(count) < 0.5)[:, None]
    points = np.column_stack([ground.network.lon[rows], ground.network.lat[rows]]) + apart
    return points.tolist()


def apart(text: str) -> float:
    """How far apart two numbers of a difference are."""
    here, there = text.rsplit(": ", maxsplit=1)[-1].split(" / ")
    return abs(float(here) - float(there))


def compare(page: Any, ground: Ground, drawn: list[tuple[str, dict[str, Any]]]) -> None:
    wrong = {}
    for method, question in drawn:
        here = in_page(page, method, {**question, "now": NOW.isoformat()})
        found = differences(here, in_python(ground, method, question))
        if here["offline"]["apart_m"]:  # a centimetre may turn the last digit
            found = [
                text for text in found if not re.search(r"_min: [\d.]+ / [\d.]+$", text) or apart(text) > 0.11
            ]
        if found:
            wrong[method, str(question)] = found[:5]
    assert not wrong, "\n".join(f"{asked}: {found}" for asked, found in wrong.items())


def test_answers_are_those_of_the_server(page: Any, ground: Ground) -> None:
    compare(page, ground, questions(ground, near(ground, many(90), 1), 2))


def test_marks_that_came_with_the_data_count(browser: Any, ground: Ground, tmp_path: Path) -> None:
    from boai.app.desk.parts import Mark

    said = {"note": "问过", "who": "值班", "at": "2026-11-22T15:00:00+08:00"}
    marks = [
        Mark("warehouse", "warehouse-0", "空", **said),
        Mark("warehouse", "warehouse-3", "可用", **said, until="2026-11-23T00:00:00+08:00"),
    ]
    marked = replace(ground, marks={f"{one.kind}/{one.id}": one for one in marks})
    path = deskoffline.bare(bundle(marked, made_at=NOW), tmp_path / "desk.html")
    with opened(browser, path) as page:
        in_page(page, "open")
        compare(page, marked, questions(marked, near(ground, 24, 3), 4))


def test_closed_roads_count_and_are_compared_with_the_usual(browser: Any, tmp_path: Path) -> None:
    root = deskpage.make(tmp_path / "w")
    close(root, Choice(roads=["G60"]), reason="塌方")
    ground = open_ground(root, warm=False)
    with opened(browser, deskoffline.bare(bundle(ground, made_at=NOW), tmp_path / "desk.html")) as page:
        in_page(page, "open")
        question = {"lon": 115.1, "lat": 28.1, "k": 3}
        here, there = (
            in_page(page, "nearest", {**question, "now": NOW.isoformat()}),
            in_python(ground, "nearest", question),
        )
    assert here["changes"]["delta_min"] == there["changes"]["delta_min"]
    for name in ("eta_min", "usual_eta_min", "delta_min"):
        assert [one[name] for one in here["sites"]] == [one[name] for one in there["sites"]]
    assert here["closures"][0]["reason"] == "塌方"


def test_what_needs_the_server_is_said_in_words(page: Any) -> None:
    for trial in ({"roads": ["G60"]}, {"edges": [1]}, {"areas": [[[115, 28], [116, 28], [116, 29]]]}):
        told = in_page(page, "nearest", {"lon": 115.1, "lat": 28.1, "what_if": trial})
        assert "只有连上服务器" in told["refused"]["message"]
    for name in ("close", "reopen", "preview"):
        assert "服务器" in in_page(page, name, {})["refused"]["message"]


def test_a_store_marked_here_is_empty_here(page: Any) -> None:
    question = {"at": "镇5", "k": 2, "now": NOW.isoformat()}
    before = in_page(page, "nearest", question)["sites"]
    in_page(page, "mark", "warehouse", before[0]["id"], {"state": "空", "note": "<b>问过</b>"})
    after = in_page(page, "nearest", question)
    assert next(one["id"] for one in after["sites"] if one["status"] != "空") == before[1]["id"]
    assert any("不计入" in text for text in after["changes"]["sentences"])
    assert after["changes"]["first_before"]["id"] == before[0]["id"]
    assert in_page(page, "marks")["marks"][0]["note"] == "<b>问过</b>"
    in_page(page, "unmark", "warehouse", before[0]["id"])
    assert [one["id"] for one in in_page(page, "nearest", question)["sites"]] == [one["id"] for one in before]
    assert "没有这个站点" in in_page(page, "mark", "warehouse", "../x", {"state": "空"})["refused"]["message"]


def test_a_mark_ends_by_itself(page: Any) -> None:
    asked = {"at": "镇5", "k": 3}
    first = in_page(page, "nearest", {**asked, "now": NOW.isoformat()})["sites"][0]["id"]
    in_page(
        page, "mark", "warehouse", first, {"state": "空", "until": (NOW + timedelta(hours=2)).isoformat()}
    )
    states = [
        in_page(page, "nearest", {**asked, "now": (NOW + timedelta(hours=hours)).isoformat()})["sites"][0][
            "id"
        ]
        for hours in (1, 3)
    ]
    in_page(page, "unmark", "warehouse", first)
    assert states[0] != first == states[1]


def test_residents_of_an_area_are_counted(page: Any) -> None:
    ring = [[114, 27], [116, 27], [116, 29], [114, 29]]
    here = in_page(page, "need", {"area": ring, "share": 0.1, "now": NOW.isoformat()})
    assert (here["residents"], here["persons"]) == (2**16 - 1, 6554)
    assert "估算" in "".join(here["notes"])
    assert here["place"]["name"].startswith("所画范围的中心")
    assert "没有居民" in in_page(page, "need", {"area": [[1, 1], [1, 2], [2, 2]]})["refused"]["message"]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"lon": 115.1, "lat": 28.1}, "没有填写"),
        ({"lon": 115.1, "lat": 28.1, "persons": -1}, "人数"),
        ({"lon": 115.1, "lat": 28.1, "persons": 5, "share": 0}, "比例"),
        ({"lon": 115.1, "lat": 28.1, "items": {"": 5}}, "物资名称"),
        ({"lon": 115.1, "lat": 28.1, "items": {"棉被": "x"}}, "数量"),
        ({"lon": 115.1, "lat": 28.1, "persons": 5, "area": [[1, 1]]}, "范围"),
        ({"at": "没有的地方", "persons": 5}, "地名"),
        ({"lon": 90.0, "lat": 28.1, "persons": 5}, "范围"),
        ({"at": "</script><img src=x onerror=alert(1)>", "persons": 5}, "地名"),
    ],
)
def test_bad_questions_are_refused_in_words(page: Any, question: dict[str, Any], words: str) -> None:
    assert words in in_page(page, "need", question)["refused"]["message"]


def test_data_say_how_old_they_are(browser: Any, ground: Ground, tmp_path: Path) -> None:
    now = datetime.now(NOW.tzinfo)
    for days, stale in ((0, False), (7, False), (8, True)):
        made_at = now - timedelta(days=days, hours=1)
        with opened(browser, deskoffline.bare(bundle(ground, made_at=made_at), tmp_path / "a.html")) as page:
            told = in_page(page, "open")
        assert (told["age_days"], told["stale"]) == (days, stale)
        assert told["as_of"] == ground.as_of


def test_another_format_is_refused(page: Any) -> None:
    assert "格式" in in_page(page, "open", {"format": 99})["refused"]["message"]
    assert "locked" in in_page(page, "open")


# Unpacking


def test_arrays_are_unpacked_with_and_without_the_browsers_help(page: Any) -> None:
    rng = np.random.default_rng(5)
    arrays = [
        pack(np.repeat(rng.integers(0, 9, 400), rng.integers(1, 900, 400))),
        pack(rng.integers(0, 256, 70_000)),
        pack(rng.integers(-(2**31) + 1, 2**31, 3000), "i"),
        pack(np.cumsum(rng.integers(-500, 500, 5000)), "d"),
        pack([]),
        pack([7]),
    ]
    script = "(all) => Promise.all(all.map(async (one) => Array.from(await boai.unpack.unpack(one)).join()))"
    wanted = [",".join(map(str, unpack(one).tolist())) for one in arrays]
    assert page.evaluate(script, arrays) == wanted
    without = (
        "async (all) => { const own = DecompressionStream; globalThis.DecompressionStream = undefined;"
        f" try {{ return await ({script})(all); }} finally {{ globalThis.DecompressionStream = own; }} }}"
    )
    assert page.evaluate(without, arrays) == wanted


def test_damaged_arrays_are_noticed(page: Any) -> None:
    packed = pack(np.arange(5000), "d")
    raw = base64.b64decode(packed["z"])
    cut = {**packed, "z": base64.b64encode(raw[: len(raw) // 2]).decode()}
    script = "(one) => boai.unpack.unpack(one).then(() => 'read', () => 'refused')"
    assert page.evaluate(script, cut) == "refused"
    assert page.evaluate(script, {**packed, "n": 4999}) == "refused"


# Contacts


def test_contacts_open_with_the_passphrase_alone(browser: Any, ground: Ground, tmp_path: Path) -> None:
    path = deskoffline.bare(vault.sealed(bundle(ground, made_at=NOW), PASSPHRASE), tmp_path / "desk.html")
    assert "13800000005" not in path.read_text("utf-8")
    with opened(browser, path) as page:
        assert page.evaluate("isSecureContext") is True
        assert in_page(page, "open")["locked"] is True
        asked = {"at": "镇5", "now": NOW.isoformat()}
        locked = in_page(page, "nearest", asked)
        assert (locked["sites"][0]["keeper"], locked["sites"][0]["phone"]) == ("", "")
        wrong = in_page(page, "unlock", PASSPHRASE + "x")["refused"]
        assert "口令不对" in wrong["message"]
        assert in_page(page, "nearest", asked)["sites"][0]["phone"] == ""
        assert in_page(page, "unlock", f"  {PASSPHRASE} ")["sites"] == 5
        opened_ = in_page(page, "nearest", asked)
        assert differences(opened_, in_python(ground, "nearest", {"at": "镇5"})) == []
        assert opened_["sites"][0]["phone"] == "13800000005"
        assert in_page(page, "health")["locked"] is False


def test_without_webcrypto_all_but_the_contacts_works(browser: Any, ground: Ground, tmp_path: Path) -> None:
    path = deskoffline.bare(vault.sealed(bundle(ground, made_at=NOW), PASSPHRASE), tmp_path / "desk.html")
    with opened(browser, path) as page:
        in_page(page, "open")
        page.evaluate("Object.defineProperty(globalThis, 'crypto', { value: {} })")
        assert "WebCrypto" in in_page(page, "unlock", PASSPHRASE)["refused"]["message"]
        assert len(in_page(page, "nearest", {"at": "镇5"})["sites"]) == 4


def test_a_vault_that_was_changed_stays_shut(browser: Any, ground: Ground, tmp_path: Path) -> None:
    sealed = vault.sealed(bundle(ground, made_at=NOW), PASSPHRASE)
    changed = {**sealed, "vault": {**sealed["vault"], "about": hashlib.sha256(b"x").hexdigest()}}
    greedy = {**sealed, "vault": {**sealed["vault"], "iterations": 10**12}}
    broken = {**sealed, "vault": {**sealed["vault"], "salt": "no base64!"}}
    for one in (changed, greedy, broken):
        with opened(browser, deskoffline.bare(one, tmp_path / "desk.html")) as page:
            in_page(page, "open")
            assert in_page(page, "unlock", PASSPHRASE)["refused"]["code"].startswith("vault-")


def test_a_mark_of_the_data_that_is_younger_than_that_of_the_device_counts(page: Any) -> None:
    first = in_page(page, "nearest", {"at": "镇5", "k": 3})["sites"][0]
    made = in_page(page, "mark", "warehouse", first["id"], {"state": "空"})
    assert datetime.fromisoformat(made["until"]) - datetime.fromisoformat(made["at"]) == timedelta(days=1)
    script = (
        "(at) => { boai.local.data().bundle.marks = at ? [{ kind: 'warehouse', id: '%s', state: '可用',"
        " note: '', who: '', at, until: '' }] : []; }"
    )
    for at, state in (("2020-01-01T00:00:00+08:00", "空"), ("2999-01-01T00:00:00+08:00", "可用")):
        page.evaluate(script % first["id"], at)
        assert in_page(page, "marks")["marks"][0]["state"] == state
    page.evaluate(script % first["id"], "")
    page.evaluate(
        "localStorage.setItem('boai-marks', localStorage.getItem('boai-marks').replace('五号库', '别处的库'))"
    )
    assert in_page(page, "marks")["marks"] == []
    in_page(page, "unmark", "warehouse", first["id"])


def test_a_closure_that_has_ended_meanwhile_is_told(browser: Any, ground: Ground, tmp_path: Path) -> None:
    whole = bundle(ground, made_at=NOW)
    closure = {"number": 1, "what": "道路 G60", "speed": 0, "until": (NOW + timedelta(hours=1)).isoformat()}
    whole |= {"closures": [closure], "closure_lines": [{}], "usual_left_out": True}
    with opened(browser, deskoffline.bare(whole, tmp_path / "desk.html")) as page:
        in_page(page, "open")
        for hours, told in ((0, False), (2, True)):
            asked = {"at": "镇5", "persons": 9, "now": (NOW + timedelta(hours=hours)).isoformat()}
            for method in ("nearest", "need"):
                answer = in_page(page, method, asked)
                assert ("已过预计结束" in "".join(answer["notes"])) is told
                assert "没有平时" in "".join(answer["notes"])
        early = in_page(page, "nearest", {"at": "镇5", "now": (NOW - timedelta(days=1)).isoformat()})
        nearest = in_page(page, "nearest", {"at": "镇5", "now": NOW.isoformat()})
    assert ["时钟" in "".join(one["notes"]) for one in (early, nearest)] == [True, False]
    assert nearest["changes"] is None
    assert nearest["sites"][0]["delta_min"] is None


def test_names_of_the_language_stay_data(browser: Any, ground: Ground, tmp_path: Path) -> None:
    """Keys that JavaScript knows, separators of lines, and huge numbers are what they are in Python."""
    whole = bundle(ground, made_at=NOW)
    odd = {"__proto__": 7, "constructor": 5, "toString": 10**15, "z": 3}
    name = "库\u2028\u2029</script><script>alert(1)</script><!--"
    whole["sites"][1] = {**whole["sites"][1], "stock": odd, "name": name}
    with opened(browser, deskoffline.bare(whole, tmp_path / "desk.html")) as page:
        in_page(page, "open")
        card = in_page(page, "nearest", {"at": "镇5"})["sites"][0]
        listed = page.evaluate(
            "boai.local.sites('warehouse').then((all) => JSON.stringify(all.features[1].properties.stock))"
        )
        items = page.evaluate(
            "(text) => boai.local.need({ at: '镇5', items: JSON.parse(text) })"
            ".then((one) => JSON.stringify(one.plans.first.stores[0].takes))",
            '{"__proto__": 7, "toString": 3}',
        )
        assert page.evaluate("({}).polluted === undefined && Object.keys(Object.prototype).length === 0")
    assert card["name"] == name
    assert json.loads(listed) == odd
    assert json.loads(items) == {"__proto__": 7, "toString": 3}


@pytest.mark.slow
def test_answers_on_the_demo_are_those_of_the_server(
    browser: Any, workspace_folder: Path, tmp_path: Path
) -> None:
    ground = open_ground(workspace_folder, warm=False)
    with opened(browser, deskoffline.bare(bundle(ground, made_at=NOW), tmp_path / "desk.html")) as page:
        in_page(page, "open")
        compare(page, ground, questions(ground, near(ground, 300, 7), 8))
        for lon, lat, wide in ((115.9, 28.68, 0.08), (114.9, 25.85, 0.3), (117.2, 28.3, 0.15)):
            ring = [
                [lon - wide, lat - wide],
                [lon + wide, lat - wide],
                [lon + wide / 2, lat + wide],
                [lon, lat + wide],
            ]
            here, there = (
                ask("need", {"area": ring}) for ask in (partial(in_page, page), partial(in_python, ground))
            )
            assert here["residents"] == pytest.approx(there["residents"], rel=0.05)
