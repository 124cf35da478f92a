"""Training bases: shown where any compared state has one, and nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import mapworld
import pytest
from boai.app import assessments, layers
from boai.coverage.standard_file import parse, read
from boai.coverage.topics import TOPICS, topics_of
from boai.geodata.errors import InputError
from boai.geodata.layers import KIND_NAMES, MAIN_KINDS, Layer, shown_kinds
from boai.geodata.registry import check_kind, open_registry
from boai.maps import style, words
from boai.maps.page_data import page_json
from boai.maps.tables import build_tables, notes_of
from boai.scenarios.compare import compare, headlines
from boai.scenarios.run import Result, run
from boai.scenarios.schema import parse_scenario
from boai.scenarios.world import World

OPEN = "changes: [{open: {kind: training, id: t-1, name: 新基地, lon: 115.9, lat: 28.7, year: 2022}}]"


@pytest.fixture(scope="module")
def world() -> World:
    whole = mapworld.make_world()
    empty = Layer("training", whole.layers["training"].table.iloc[:0], example=False)
    return replace(whole, layers={**whole.layers, "training": empty})


@pytest.fixture(scope="module")
def results(world: World) -> list[Result]:
    texts = ("", f"\n{OPEN}")
    names = ("baseline", "bases")
    return [
        run(world, parse_scenario(f"name: {name}\ntitle: {name}{text}"))
        for name, text in zip(names, texts, strict=True)
    ]


def test_an_empty_main_layer_is_shown_and_an_empty_fifth_is_not(world: World) -> None:
    none = {kind: replace(layer, table=layer.table.iloc[:0]) for kind, layer in world.layers.items()}
    assert shown_kinds([none]) == shown_kinds([world.layers]) == list(MAIN_KINDS)
    stored = {**none, "training": replace(none["training"], left_out={"规划": 2})}
    assert shown_kinds([none, stored]) == list(KIND_NAMES)  # it is said that they do not count
    assert shown_kinds([]) == []
    assert shown_kinds([{"team": none["team"]}]) == ["team"]


def test_without_a_base_nothing_is_said_of_bases(world: World, results: list[Result]) -> None:
    alone = results[:1]
    comparison = compare(alone)
    assert list(dict.fromkeys(comparison["kind"])) == list(MAIN_KINDS)
    said = [*headlines(alone), *words.headlines(alone), *map(str, notes_of(world, alone))]
    assert not [text for text in said if "培训基地" in text]
    tables = build_tables(alone, comparison)
    for name in ("概要", "覆盖_省市县", "缺口", "方案对比", "站点"):
        assert "training" not in set(tables[name]["kind"]), name
    page = json.loads(page_json(world, alone, headlines=[], title="图"))
    assert [kind["kind"] for kind in page["kinds"]] == list(MAIN_KINDS)
    assert page["kinds"][page["first"]]["kind"] == "warehouse"


def test_where_a_scenario_opens_one_all_states_are_compared(world: World, results: list[Result]) -> None:
    comparison = compare(results)
    main = comparison[(comparison["kind"] == "training") & comparison["main"]]
    assert main["served"].iloc[0] == 0 < main["served"].iloc[1]
    assert "培训基地 新增 1 处" in headlines(results)[1]
    tables = build_tables(results, comparison)
    assert set(tables["概要"].query("kind == 'training'")["title"]) == {"baseline", "bases"}
    page = json.loads(page_json(world, results, headlines=[], title="图"))
    assert [kind["name"] for kind in page["kinds"]] == list(KIND_NAMES.values())
    assert [len(scenario["layers"]) for scenario in page["scenarios"]] == [5, 5]
    assert page["scenarios"][1]["layers"][4]["added_count"] == 1
    assert all(marker.shape in page["shapes"] for marker in style.markers("training"))


def test_it_is_known_by_code_and_by_name() -> None:
    assert check_kind("培训基地") == check_kind("Training") == "training"


def test_topics_that_make_no_sense_are_refused_with_a_reason() -> None:
    refused = set(TOPICS) - set(topics_of("training"))
    assert refused == {"capacity", "hours", "links", "flood"}
    assert all("培训" in TOPICS[code].not_for["training"] for code in refused)
    with pytest.raises(InputError, match="培训基地没有“时段”: 培训按期开班"):
        assessments.assess(Path("none"), "training", "hours", assessments.Wanted())


def test_an_office_file_of_before_still_holds() -> None:
    """Such a file lists four kinds; the fifth keeps its default."""
    text = "standards:\n  warehouse: {main_min: 120}\n  team: {main_min: 180}\n"
    found = parse(text, "own.yaml").standards
    assert found["training"] == read(None).standards["training"]
    assert found["warehouse"].main == 7200


@pytest.mark.slow
def test_layers_of_a_workspace_name_it_once_it_is_there(own_workspace: Path) -> None:
    assert [row["kind"] for row in layers.list_layers(own_workspace, None)] == list(MAIN_KINDS)
    with open_registry(own_workspace / "layers.gpkg") as registry:
        sites = registry.sites("team").iloc[:2].assign(id=["x1", "x2"], example=False)
        registry.apply("training", sites.drop(columns=["revision", "extras"]), who="张三")
    listed = {row["kind"]: row["in_service"] for row in layers.list_layers(own_workspace, None)}
    assert (list(listed), listed["training"]) == (list(KIND_NAMES), 2)
