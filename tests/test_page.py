"""The page: complete in itself, deaf to hostile names, the same bytes every time, figures that add up."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import mapworld
import numpy as np
import pytest
from boai.geodata import store
from boai.maps import page_data, words
from boai.maps.page import TITLE, write_page
from boai.maps.sheet import write_sheet
from boai.maps.tables import write_tables
from boai.scenarios.compare import compare
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon


@pytest.fixture(scope="module")
def small() -> tuple[Any, list[Any]]:
    world = mapworld.make_world()
    return world, mapworld.make_results(world)


class Reader(HTMLParser):
    """Collects the tags, and the text of the data element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data, self.styles, self._inside = "", "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") or tag

    def handle_data(self, data: str) -> None:
        if self._inside == "boai-data":
            self.data += data
        elif self._inside == "style":
            self.styles += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


def read(path: Path) -> tuple[Reader, dict[str, Any]]:
    reader = Reader(path.read_text(encoding="utf-8"))
    return reader, json.loads(reader.data)


def rings(flat: list[int]) -> np.ndarray:
    return np.cumsum(np.reshape(flat, (-1, 2)), axis=0) / page_data.SCALE


def area(parts: list[list[list[int]]]) -> float:
    """Area in square degrees of encoded polygons."""
    return float(sum(Polygon(rings(part[0]), [rings(hole) for hole in part[1:]]).area for part in parts))


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
    policy = next(
        attrs["content"] for _, attrs in reader.tags if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in str(policy)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.findall(r"url\(|@import", reader.styles)
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


def test_classes_fill_the_province(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    _, data = read(write_page(*small, tmp_path / "page.html"))
    whole = area(data["outline"]["province"])
    assert sum(map(area, data["outline"]["counties"])) == pytest.approx(whole, rel=1e-6)
    for scenario in data["scenarios"]:
        for layer in scenario["layers"]:
            assert sum(map(area, data["pool"][layer["areas"]])) == pytest.approx(whole, rel=1e-4)
    reach = data["pool"][data["scenarios"][0]["layers"][2]["areas"]]
    inner = area(reach[0]) / 7
    assert area(reach[1]) / 12 == pytest.approx(inner, rel=0.03)  # the two inner rings are whole hexagons


def test_what_scenarios_share_is_kept_once(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    _, data = read(write_page(*small, tmp_path / "page.html"))
    before, after = (scenario["layers"] for scenario in data["scenarios"])
    assert before[0]["areas"] == after[0]["areas"]
    assert before[2]["areas"] != after[2]["areas"]
    assert before[2]["sites"] == after[2]["sites"]  # suggested sites are listed apart
    assert len({json.dumps(piece) for piece in data["pool"]}) == len(data["pool"])


def test_suggested_sites_and_gaps_have_cards(small: tuple[Any, list[Any]], tmp_path: Path) -> None:
    _, data = read(write_page(*small, tmp_path / "page.html"))
    layer = data["scenarios"][1]["layers"][2]
    added = data["pool"][layer["added"]]["rows"]
    assert [row[2] for row in added] == [1, 2]
    assert [row[3] for row in added] == ["新库0", "新库1"]
    gaps = data["pool"][data["scenarios"][0]["layers"][2]["gaps"]]["rows"]
    assert [row[2] for row in gaps] == [1, 2, 3, 4]
    assert gaps[0][5] == "4.4万人"
    sites = data["pool"][layer["sites"]]
    assert "棉被 1,200、帐篷 30" in sites["rows"][0]
    assert "000-1" in sites["rows"][0]
    assert data["stamp"] == "内部使用 不得公开"


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
    names = {
        row[3]
        for piece in data["pool"]
        if isinstance(piece, dict) and "rows" in piece
        for row in piece["rows"]
    }
    assert set(mapworld.HOSTILE[:5]) <= names
    assert "修水县 仓库" in names
    assert max(map(len, names)) <= 80
    assert "\u2028" not in hostile.data
    assert data["title"] == title


@given(st.recursive(st.text() | st.integers() | st.booleans(), st.lists))
def test_json_survives_a_script_element(value: Any) -> None:
    text = page_data.dump(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


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
    served = [words.province_row(result, "warehouse", 600)["served"] for result in small[1]]
    assert f"新增 2 座备灾仓库后, 10分钟车程覆盖由 18.9% 升至 {served[1] / (37 * 343 * 16):.1%}" in plan
    assert len(words.headlines(small[1][:1])) == 2


@pytest.mark.slow
def test_the_demo_page_is_small_and_quick(world: Any, tmp_path: Path) -> None:
    world, results = mapworld.demo(world)
    start = time.perf_counter()
    path = write_page(world, results, tmp_path / "page.html")
    assert time.perf_counter() - start < 20
    assert path.stat().st_size < 12e6
    _, data = read(path)
    assert data["title"] == TITLE
    assert len(data["outline"]["counties"]) == 100
    assert sum(data["counties"]["residents"]) == 45_188_635


def test_layers_without_sites_are_drawn(tmp_path: Path) -> None:
    world = mapworld.make_world(names=("甲",))
    empty = {kind: replace(layer, table=layer.table.iloc[:0]) for kind, layer in world.layers.items()}
    world = replace(world, layers=empty)
    results = mapworld.make_results(world)
    _, data = read(write_page(world, results[:1], tmp_path / "page.html"))
    assert [layer["site_count"] for layer in data["scenarios"][0]["layers"]] == [0, 0, 0, 0]
    assert "没有可到达的站点" in data["headlines"][1]
    for kind in empty:
        assert len(write_sheet(world, results[0], kind, tmp_path)) == 2
    assert write_tables(world, results[:1], compare(results[:1]), tmp_path)
