"""Network: rows of directed edges, and a folder that can be trusted or is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import gridworld
import numpy as np
import pytest
from boai.geodata import store
from boai.geodata.errors import WorkspaceError
from boai.geodata.network import (
    APPROXIMATE,
    Network,
    edge_tails,
    from_edges,
    incoming,
    load_network,
    save_network,
)
from boai.geodata.shapes import Grid, Shapes, points_along
from boai.geodata.store import file_hash, save_arrays
from hypothesis import given
from hypothesis import strategies as st

ARRAYS = ("lon", "lat", "kind", "name", "start", "head", "centiseconds", "metres", "road")


@pytest.fixture
def network() -> Network:
    n = 16
    made = gridworld.grid_network(
        4, name=[f"点{i}" for i in range(n)], roads=("", "G60 沪昆高速"), road=np.arange(48) % 2
    )
    return replace(made, meta={"label": APPROXIMATE, "speed_kmh": {"local": 30}})


@pytest.fixture
def folder(network: Network, tmp_path: Path) -> Path:
    save_network(network, tmp_path / "network")
    return tmp_path / "network"


@given(
    st.integers(1, 9).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    )
)
def test_from_edges_against_a_naive_table(case: tuple[int, list[tuple[int, int]]]) -> None:
    n, edges = case
    tail, head = np.array(edges, np.int64).reshape(-1, 2).T
    start, order = from_edges(tail, head, n)
    assert start[0] == 0
    assert len(start) == n + 1
    for node in range(n):
        row = order[start[node] : start[node + 1]]
        assert [edges[k] for k in row] == sorted(edge for edge in edges if edge[0] == node)
    assert sorted(order.tolist()) == list(range(len(edges)))


def test_round_trip(network: Network, folder: Path) -> None:
    opened = load_network(folder, verify=True)
    for name in ARRAYS:
        saved, own = getattr(opened, name), getattr(network, name)
        assert saved.dtype == own.dtype
        np.testing.assert_array_equal(saved, own)
    assert opened.roads == network.roads
    assert opened.label == APPROXIMATE
    assert {key: value for key, value in opened.meta.items() if key != "hash"} == network.meta
    assert (opened.n_nodes, opened.n_edges) == (16, 48)


def test_the_hash_is_that_of_the_content(network: Network, tmp_path: Path) -> None:
    first = save_network(network, tmp_path / "a")
    assert load_network(tmp_path / "a").meta["hash"] == first
    assert save_network(load_network(tmp_path / "a"), tmp_path / "b") == first
    slower = replace(network, centiseconds=network.centiseconds + np.int32(1))
    assert save_network(slower, tmp_path / "c") != first
    assert save_network(replace(network, meta={}), tmp_path / "d") != first


def test_real_roads_come_back(network: Network, tmp_path: Path) -> None:
    m, n = network.n_edges, network.n_nodes
    count = np.arange(m, dtype=np.int32)
    shapes = Shapes(
        of=2 * count, edge=np.column_stack((count, np.full(m, -1, np.int32))), start=2 * np.arange(m + 1),
        x=np.arange(2 * m, dtype=np.int32), y=np.arange(2 * m, dtype=np.int32), way_start=np.arange(m + 1),
        way=np.arange(m), snap=np.ones(m, bool),
    )  # fmt: skip
    grid = Grid(np.array([0.0, 0.0, 1.0, 1.0, 1.0]), np.array([0, m]), 2 * count)
    real = replace(
        network, road_class=np.ones(m, np.uint8), source_id=np.arange(n), shapes=shapes, grid=grid,
        into=incoming(network),
    )  # fmt: skip
    save_network(real, tmp_path / "real")
    opened = load_network(tmp_path / "real")
    for group in ("shapes", "into", "grid"):
        for name, array in vars(getattr(real, group)).items():
            found = getattr(getattr(opened, group), name)
            assert isinstance(found, np.memmap)
            np.testing.assert_array_equal(found, array)
    assert opened.source_id is not None
    assert opened.road_class is not None
    assert load_network(tmp_path / "real").meta["hash"] != save_network(network, tmp_path / "plain")
    (tmp_path / "real" / "shapes_way.npy").unlink()
    assert len(refused(tmp_path / "real")) == 1


def test_the_rows_turned_round_lead_into_each_node(network: Network) -> None:
    into, tail = incoming(network), edge_tails(network)
    for node in range(network.n_nodes):
        edges = into.edge[into.start[node] : into.start[node + 1]]
        assert edges.tolist() == np.flatnonzero(network.head == node).tolist()
        assert into.tail[into.start[node] : into.start[node + 1]].tolist() == tail[edges].tolist()


def test_what_was_checked_once_is_not_hashed_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_network(folder, verify="once")
    monkeypatch.setattr(store, "file_hash", lambda _: pytest.fail("hashed again"))
    load_network(folder, verify="once")
    monkeypatch.undo()
    path = folder / "metres.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WorkspaceError, match="与清单不符"):
        load_network(folder, verify="once")


def test_arrays_cannot_be_changed(folder: Path) -> None:
    opened = load_network(folder)
    for name in ARRAYS:
        array = getattr(opened, name)
        assert isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]


def test_saving_over_a_folder_replaces_it_whole(network: Network, folder: Path) -> None:
    save_network(replace(network, meta={"label": ""}), folder)
    assert load_network(folder, verify=True).label == ""
    assert sorted(path.name for path in folder.parent.iterdir()) == ["network"]


def refused(folder: Path, *, verify: bool = True) -> list[str]:
    """Open a broken folder and return the sentences of the refusal, one per problem."""
    with pytest.raises(WorkspaceError) as caught:
        load_network(folder, verify=verify)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems)
    assert all("boai init" in line for line in lines)
    return lines


def test_missing_folder(tmp_path: Path) -> None:
    (line,) = refused(tmp_path / "nowhere")
    assert "文件不存在" in line


def test_missing_files_are_all_named(folder: Path) -> None:
    (folder / "head.npy").unlink()
    (folder / "metres.npy").unlink()
    lines = refused(folder)
    assert [("文件不存在" in line) for line in lines] == [True, True]
    assert "head.npy" in lines[0]
    assert "metres.npy" in lines[1]


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_truncated_file(folder: Path, kept: int) -> None:
    path = folder / "centiseconds.npy"
    path.write_bytes(path.read_bytes()[:kept])
    (line,) = refused(folder)
    assert "文件不完整" in line
    assert "centiseconds.npy" in line


def test_changed_file_of_the_same_length_is_found(folder: Path) -> None:
    path = folder / "centiseconds.npy"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    load_network(folder, verify=False)
    (line,) = refused(folder)
    assert "与清单不符" in line


def test_damaged_header(folder: Path) -> None:
    path = folder / "head.npy"
    path.write_bytes(b"\0" * path.stat().st_size)
    (line,) = refused(folder, verify=False)
    assert "文件已损坏" in line


def test_pickled_objects_are_never_loaded(folder: Path) -> None:
    path = folder / "name.npy"
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    manifest = folder / "manifest.json"
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    facts["files"]["name"] = {"bytes": path.stat().st_size, "sha256": file_hash(path)}
    content = [facts["files"], facts["meta"]]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    facts["hash"] = hashlib.sha256(text.encode()).hexdigest()  # a forger can do so, too
    manifest.write_text(json.dumps(facts), encoding="utf-8")
    (line,) = refused(folder)
    assert "文件已损坏" in line


def test_folder_of_another_kind(tmp_path: Path) -> None:
    save_arrays(tmp_path / "network", {"lon": np.zeros(3)}, kind="demand", meta={})
    (line,) = refused(tmp_path / "network")
    assert "应为 network" in line
    assert "demand" in line


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "network"}', '{"kind": 1, "files": 2}', "\xff"])
def test_broken_manifest(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_bytes(text.encode("latin-1"))
    (line,) = refused(folder)
    assert "清单文件已损坏" in line


def test_points_along_shapes() -> None:
    x = np.array([0, 10_000, 10_000, 500_000, 500_000], np.int32)  # 111 m, then another shape of 5.5 km
    y = np.array([0, 0, 0, 0, 0], np.int32)
    shapes = Shapes(
        of=np.zeros(2, np.int32), edge=np.zeros((2, 2), np.int32), start=np.array([0, 3, 5]), x=x, y=y,
        way_start=np.arange(3), way=np.arange(2), snap=np.ones(2, bool),
    )  # fmt: skip
    points = points_along(shapes, spacing_m=40)
    assert points[:, 1].tolist() == [0.0] * len(points)
    assert points[:, 0].tolist() == pytest.approx([0, 0.001 / 3, 0.002 / 3, 0.001, 0.001, 0.05, 0.05])
    assert len(points_along(shapes, spacing_m=1)) == 112 + 1 + 1 + 1 + 1
