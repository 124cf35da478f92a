"""The page: complete in itself, deaf to hostile names, the same bytes every time, figures that add up."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mappage
import mapworld
import numpy as np
import pytest
from boai.coverage.assessment import Assessment, Place
from boai.coverage.states import by_state, classify
from boai.coverage.zones import zones_of
from boai.geodata import store
from boai.maps import page_layers, page_pack, style, words
from boai.maps.page import TITLE, write_page
from boai.maps.public import Release
from boai.maps.sheets.draw import draw
from boai.maps.sheets.ground import Ground
from boai.maps.sheets.job import Job
from boai.maps.tables import write_tables
from boai.scenarios.compare import compare
from hypothesis import given
from hypothesis import strategies as st
from mappage import read


@pytest.fixture(scope="module")
def small() -> tuple[Any, list[Any]]:
    world = mapworld.make_world()
    return world, mapworld.make_results(world)


def test_nothing_is_loaded_from_outside(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    reader, _ = read(write_page(*small, tmp_path / "page.html"))
    links = [
        value
        for _, attrs in reader.tags
        for name, value in attrs.items()
        if name in {"src", "href", "action"}
    ]
    assert all(value is not None and value.startswith(("#", "data:")) for value in links)
    assert not [tag for tag, _ in reader.tags if tag in {"iframe", "object", "embed", "base"}]
    assert "default-src 'none'" in reader.policy and "unsafe" not in reader.policy
    assert "img-src data:; base-uri 'none'; form-action 'none'" in reader.policy
    for part in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(reader.inside[part].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in reader.policy
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.findall(r"url\(|@import", reader.inside["style"])
    assert "sourceMappingURL" not in text
    assert "jquery" not in text.lower()
    assert "Volodymyr Agafonkin" in text


def test_pinching_is_allowed_and_the_language_is_said(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    reader, _ = read(write_page(*small, tmp_path / "page.html"))
    viewports = [attrs["content"] for tag, attrs in reader.tags if attrs.get("name") == "viewport"]
    assert viewports == ["width=device-width, initial-scale=1"]
    assert ("html", {"lang": "zh-CN"}) in reader.tags


def test_same_data_same_bytes(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    first, second = (write_page(*small, tmp_path / name) for name in ("a.html", "b.html"))
    assert first.read_bytes() == second.read_bytes()


def test_figures_are_those_of_the_results(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    world, results = small
    _, data = read(write_page(world, results, tmp_path / "page.html"))
    kinds = [kind["kind"] for kind in data["kinds"]]
    residents = 343 * 16
    for scenario, result in zip(data["scenarios"], results, strict=True):
        layer = scenario["layers"][kinds.index("warehouse")]
        assert layer["province"]["residents"] == 37 * residents
        assert layer["site_count"] == len(result.layers["warehouse"].table)
        served = data["pool"][layer["served"]]
        assert np.sum(served, axis=0).tolist() == layer["province"]["served"]
        assert np.sum(layer["cities"], axis=0).tolist() == layer["province"]["served"]
    assert data["scenarios"][0]["layers"][2]["province"]["served"] == [7 * residents, 19 * residents]


def test_outlines_fill_the_province(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    _, data = read(write_page(*small, tmp_path / "page.html"))
    (whole,) = mappage.areas(data["outline"]["province"])
    counties = mappage.areas(data["outline"]["counties"])
    assert len(counties) == 4
    assert sum(counties) == pytest.approx(whole, rel=1e-6)


def test_cells_have_the_class_and_time_of_their_cover(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    world, results = small
    _, data = read(write_page(world, results, tmp_path / "page.html"))
    assert data["cells"]["county"] == world.demand.county.tolist()
    assert 0.4 * data["cells"]["spacing"] < data["cells"]["inner"] <= data["cells"]["spacing"] / 2
    for scenario, result in zip(data["scenarios"], results, strict=True):
        assert data["pool"][scenario["people"]] == result.residents.tolist()
        for kind, layer in zip(data["kinds"], scenario["layers"], strict=True):
            cover = result.covers[kind["kind"]]
            served = (cover.main_share >= 0.5).tolist()
            assert [state == 0 for state in data["pool"][layer["state"]]] == served
            if kind["drive"]:
                limit = cover.standard.main
                assert [time <= limit for time in data["pool"][layer["times"]]] == served
                first = np.array(data["pool"][layer["classes"][0]])
                assert first.tolist() == (cover.share < 0.5).sum(axis=1).tolist()
            else:
                assert len(layer["classes"]) == len(cover.standard.limits)


def test_two_states_are_those_of_the_tables_and_said_to_be_two(
    small: tuple[Any, list[Any]], tmp_path: Path
) -> None:
    world, results = small
    _, data = read(write_page(world, results, tmp_path / "page.html"))
    layer = data["scenarios"][0]["layers"][2]
    inside, full, outside = np.array(data["pool"][layer["states"]]).T
    rows = words.unit_rows(results[0], "warehouse", "县", 600)
    assert not layer["room"]
    assert inside.tolist() == rows["served"].tolist() and not full.any()
    assert (inside + outside).tolist() == rows["residents"].tolist()


def test_three_states_are_those_of_the_table(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    """Each store has room for as many as live in three cells: the other four of the seven have none."""
    world, results = small
    layer = results[0].layers["warehouse"]
    place = Place(world.demand, world.gazetteer)
    room = np.where(results[0].covers["warehouse"].cost == 0, 1.0, 0.0)
    made = Assessment(place, world.network, layer, results[0].covers["warehouse"].standard)
    states = classify(made.matrix, made.ranked, served_share=room[made.matrix.cell])
    path = write_page(world, results, tmp_path / "page.html", states={("baseline", "warehouse"): states})
    _, data = read(path)
    shown = data["scenarios"][0]["layers"][2]
    table = by_state(world.demand, states, zones_of(world.demand, "县"))
    whole = table["residents"].to_numpy().reshape(4, -1)
    assert shown["room"] and not data["scenarios"][1]["layers"][2]["room"]
    counted = np.array(data["pool"][shown["states"]])
    assert counted.sum(axis=0).tolist() == [343 * 16, 6 * 343 * 16, 30 * 343 * 16]
    assert counted[:, 0].tolist() == whole[:, 0].tolist()
    assert counted.sum(axis=1).tolist() == whole.sum(axis=1).tolist()
    index = np.array(data["pool"][shown["state"]])
    assert np.bincount(index).tolist() == [1, 6, 30]
    assert [state["text"] for state in data["states"]] == [swatch.text for swatch in style.STATE]


def test_what_scenarios_share_is_kept_once(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    _, data = read(write_page(*small, tmp_path / "page.html"))
    before, after = (scenario["layers"] for scenario in data["scenarios"])
    assert before[0]["classes"] == after[0]["classes"]
    assert before[3]["times"] == after[3]["times"]
    assert before[2]["times"] != after[2]["times"]
    assert before[2]["sites"] == after[2]["sites"]  # suggested sites are listed apart
    assert data["scenarios"][0]["people"] == data["scenarios"][1]["people"]
    assert len({json.dumps(piece) for piece in data["pool"]}) <= len(data["pool"])


def test_suggested_sites_and_gaps_have_cards(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    _, data = read(write_page(*small, tmp_path / "page.html"))
    layer = data["scenarios"][1]["layers"][2]
    added = mappage.rows(data["pool"][layer["added"]])
    assert [row[2] for row in added] == [1, 2]
    assert [row[3] for row in added] == ["新库0", "新库1"]
    gaps = mappage.rows(data["pool"][data["scenarios"][0]["layers"][2]["gaps"]])
    assert [row[2] for row in gaps] == [1, 2, 3, 4]
    assert gaps[0][5] == "4.4万人"
    sites = mappage.rows(data["pool"][layer["sites"]])
    assert "棉被 1,200、帐篷 30" in sites[0]
    assert "000-1" in sites[0]
    assert data["stamp"] == "内部使用 不得公开"


def test_a_public_page_carries_its_number(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    path = write_page(*small, tmp_path / "page.html", release=Release("赣S(2024)001号"))
    _, data = read(path)
    assert data["stamp"] == "审图号: 赣S(2024)001号"
    assert any(note.startswith("公开版") for note in data["notes"])


def test_places_are_found_by_former_names_and_pinyin(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    world, results = small
    gaz = replace(world.gazetteer, alias=np.array(["老县"]), alias_of=np.array([3], np.int32))
    _, data = read(write_page(replace(world, gazetteer=gaz), results, tmp_path / "page.html"))
    places = data["places"]
    assert len(places["sound"]) == len(places["name"])
    assert places["sound"][places["name"].index("甲县")] == "jiaxian jx"
    named = {places["name"][int(row)]: also for row, also in places["also"].items()}
    assert named == {str(world.gazetteer.name[3]): ["老县"]}


def test_labels_are_shown_where_they_are_true(tmp_path: Path) -> None:
    for example, label in ((True, "近似路网"), (False, "")):
        world = mapworld.make_world(example=example, label=label)
        _, data = read(write_page(world, [mapworld.baseline(world)], tmp_path / "page.html"))
        shown = [layer["labels"] for layer in data["scenarios"][0]["layers"]]
        own = ["示例数据"] if example else []
        road = [label] if label else []
        assert shown == [own, own, *[own + road] * 3]


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    world = mapworld.make_world(names=mapworld.HOSTILE)
    results = mapworld.make_results(world, title="</title><script>alert(3)</script>{{7*7}}")
    calm = mapworld.make_world(names=tuple("甲" * len(mapworld.HOSTILE)))
    title = "</title><script>{{ 1 }}"
    hostile, data = read(write_page(world, results, tmp_path / "a.html", title=title))
    usual, _ = read(write_page(calm, mapworld.make_results(calm), tmp_path / "b.html"))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in usual.tags]
    tables = [piece for piece in data["pool"] if isinstance(piece, dict) and "texts" in piece]
    names = {name for table in tables for name in table["texts"][0]}
    assert set(mapworld.HOSTILE[:5]) <= names
    assert "修水县 仓库" in names
    assert max(map(len, names)) <= 80
    assert "\u2028" not in hostile.inside["boai-data"]
    assert data["title"] == title


@given(st.recursive(st.text() | st.integers() | st.booleans(), st.lists))
def test_json_survives_a_script_element(value: Any) -> None:
    text = page_pack.dump(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


@pytest.mark.parametrize(("kind", "low", "high"), [("u1", 0, 255), ("u2", 0, 65535), ("u4", 0, 2**32 - 1)])
def test_packed_numbers_come_back(kind: str, low: int, high: int) -> None:
    values = np.random.default_rng(3).integers(low, high, 500, endpoint=True)
    for given_values in (values, values[:1], values[:0], np.array([low, high, low])):
        found = page_pack.unpack(page_pack.pack(given_values, kind))
        assert found.tolist() == given_values.tolist()
    with pytest.raises(ValueError, match="do not fit"):
        page_pack.pack(np.array([high + 1]), kind)


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))))
def test_packed_texts_come_back(texts: list[str]) -> None:
    assert page_pack.unpack(page_pack.pack_texts(texts)).tolist() == texts


def test_times_are_rounded_up_so_that_limits_stay_true() -> None:
    cost = np.array([0, 0.01, 599.99, 600, 600.01, 65534, 65534.5, 70000, np.inf], np.float32)
    cover = SimpleNamespace(cost=cost)
    assert page_layers.seconds(cover).tolist() == [0, 1, 600, 600, 601, 65534, 65535, 65535, 65535]


def test_a_failing_write_keeps_the_old_page(
    small: tuple[Any, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_page(*small, tmp_path / "page.html")
    old = path.read_bytes()

    def stop(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(store.Path, "replace", stop)
    with pytest.raises(OSError, match="disk full"):
        write_page(*small, path, headlines=["别的"])
    assert path.read_bytes() == old
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]


def test_headlines_tell_who_where_and_what(small: tuple[Any, list[Any]]) -> None:
    reached, gap, plan = words.headlines(small[1])
    assert reached.startswith("现状: 全省 20.3万人中, 18.9% 在备灾仓库10分钟车程以内")
    assert "乙县大部 (镇16附近), 4.4万人" in gap
    assert "warehouse站, 到其中部约 20分钟" in gap
    row = words.province_row(small[1][1], "warehouse", 600)
    assert f"仍有 {style.people_text(row['residents'] - row['served'])}在10分钟车程以外" in plan
    served = [words.province_row(result, "warehouse", 600)["served"] for result in small[1]]
    assert f"新增 2 座备灾仓库后, 10分钟车程覆盖由 18.9% 升至 {served[1] / (37 * 343 * 16):.1%}" in plan
    assert len(words.headlines(small[1][:1])) == 2


@pytest.mark.slow
def test_the_demo_page_is_small_and_quick(world: Any, tmp_path: Path) -> None:
    world, results = mapworld.demo(world)
    start = time.perf_counter()
    path = write_page(world, results, tmp_path / "page.html")
    assert time.perf_counter() - start < 20
    assert path.stat().st_size < 3e6
    _, data = read(path)
    assert data["title"] == f"江西省{TITLE}"
    assert len(data["outline"]["counties"]["parts"]) == 100
    assert sum(data["counties"]["residents"]) == 45_188_635


def test_layers_without_sites_are_drawn(tmp_path: Path) -> None:
    world = mapworld.make_world(names=("甲",))
    empty = {kind: replace(layer, table=layer.table.iloc[:0]) for kind, layer in world.layers.items()}
    units = replace(world.units, province=world.units.province.assign(name="丙省"))
    world = replace(world, layers=empty, units=units)
    results = mapworld.make_results(world)
    _, data = read(write_page(world, results[:1], tmp_path / "page.html"))
    assert data["title"] == f"丙省{TITLE}"
    assert [layer["site_count"] for layer in data["scenarios"][0]["layers"]] == [0, 0, 0, 0]
    assert "没有可到达的站点" in data["headlines"][1]
    for kind in empty:
        drawn = draw(Ground(world, tuple(results)), Job("layer", kind, "baseline", formats=()), tmp_path)
        assert "丙省" in " ".join(each.text for each in drawn.texts)
    assert write_tables(world, results[:1], compare(results[:1]), tmp_path)
