"""Stored networks whose checksums are right and whose arrays lie: one sentence, never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapeworld
from boai.app.cli import main
from boai.coverage import travel
from boai.coverage.route import RouteError, route
from boai.geodata import store
from boai.geodata.errors import WorkspaceError
from boai.geodata.network import Network, load_network, save_network
from boai.geodata.network_check import problems_of
from examples import many
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NETWORK = shapeworld.random_roads(1)
BIG = np.iinfo(np.int64).max


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_network(NETWORK, tmp_path / "net")
    return tmp_path / "net"


def forge(folder: Path, **changed: Any) -> None:
    """Replace arrays, or the meta data, and make all checksums right again, as a forger would."""
    manifest = json.loads((folder / store.MANIFEST).read_text(encoding="utf-8"))
    manifest["meta"] |= changed.pop("meta", {})
    for name, array in changed.items():
        if callable(array):
            array(folder / f"{name}.npy")
        else:
            np.save(folder / f"{name}.npy", array)
    for name, facts in manifest["files"].items():
        path = folder / f"{name}.npy"
        facts |= {"bytes": path.stat().st_size, "sha256": store.file_hash(path)}
    manifest["hash"] = store._digest(manifest["files"], manifest["meta"])
    (folder / store.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    (folder / store.CHECKED).unlink(missing_ok=True)


def with_value(array: Any, value: Any, at: int = 0) -> Any:
    changed = np.array(array)
    changed.reshape(-1)[at] = value
    return changed


def part(name: str) -> Any:
    group, _, own = name.partition("_")
    return (
        getattr(getattr(NETWORK, group), own)
        if group in {"shapes", "into", "grid"}
        else getattr(NETWORK, name)
    )


VALUES = [
    ("start", -1, 0), ("start", BIG, 3), ("start", 0, -1), ("start", NETWORK.n_edges + 1, -1),
    ("head", -1, 0),
    ("head", NETWORK.n_nodes, 0), ("head", -(2**31), 3), ("centiseconds", 0, 0), ("centiseconds", -2, 0),
    ("metres", np.nan, 0), ("metres", -1, 0), ("metres", np.inf, 0), ("lon", np.nan, 0), ("lon", 181, 0),
    ("lat", np.inf, 1), ("lat", -91, 1), ("kind", 6, 0), ("road", 99, 0), ("road", -1, 0),
    ("shapes_of", -1, 0), ("shapes_of", 10_000, 0), ("shapes_of", 1, 0), ("shapes_edge", -2, 0),
    ("shapes_edge", 10_000, 1), ("shapes_start", 1, 0), ("shapes_start", -5, 2), ("shapes_start", BIG, -1),
    ("shapes_x", 2**31 - 1, 0), ("shapes_y", -(2**31), 0), ("shapes_way_start", -1, 1),
    ("shapes_way_start", BIG, 1), ("into_start", -3, 1), ("into_start", BIG, -1), ("into_edge", 10_000, 0),
    ("into_edge", -1, 0), ("into_tail", 0, -1), ("into_tail", 10_000, 0), ("grid_frame", np.nan, 0),
    ("grid_frame", 0.0, 2), ("grid_frame", 1e300, 2), ("grid_frame", 1e9, 3), ("grid_frame", -1, 4),
    ("grid_frame", 1.5, 3), ("grid_start", -1, 1), ("grid_start", BIG, -1), ("grid_piece", -1, 0),
    ("grid_piece", 2**31 - 1, 0), ("grid_piece", int(part("shapes_start")[1]) - 1, 0),
    ("roads_start", -1, 0), ("roads_start", BIG, 1), ("roads_start", 0, -1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "at"), VALUES)
def test_a_value_that_leads_outside_is_refused(folder: Path, name: str, value: Any, at: int) -> None:
    forge(folder, **{name: with_value(np.load(folder / f"{name}.npy"), value, at)})
    for verify in (True, "once"):
        with pytest.raises(WorkspaceError, match="数组不成立"):
            load_network(folder, verify=verify)  # type: ignore[arg-type]
    assert not (folder / store.CHECKED).exists()


def _npz(path: Path) -> None:
    np.savez(path.with_suffix(".npz"), x=np.arange(3))
    path.with_suffix(".npz").rename(path)


def _header(shape: str, kind: str = "<i4") -> Callable[[Path], None]:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(64)
    return lambda path: path.write_bytes(content) and None  # type: ignore[func-returns-value]


FORMS = [
    ("head", part("head").astype(np.int64)), ("head", part("head").astype(">i4")),
    ("head", part("head")[:-1]),
    ("head", part("head").reshape(-1, 1)), ("head", np.int32(3)), ("head", part("head").astype(float)),
    ("start", part("start")[:-1]), ("start", np.empty(0, np.int64)), ("lon", np.empty(0)),
    ("name", part("name").astype("S4")), ("shapes_edge", part("shapes_edge").T),
    ("shapes_x", part("shapes_x")[1:]),
    ("shapes_snap", part("shapes_snap").astype(np.uint8)), ("grid_frame", np.zeros(4)),
    ("roads_bytes", np.zeros(3, np.int8)), ("into_tail", part("into_tail")[1:]), ("head", _npz),
    ("head", _header("(1000000000000000000000000,)")), ("head", _header("(4611686018427387904,)")),
    ("head", _header("(2, 3000000000, 4000000000)")), ("head", _header("(-1,)")),
    ("head", _header("(True,)")),
    ("head", _header("(((((((((")), ("head", _header("(5,)", "|V0")), ("head", _header("()")),
    ("name", _header("(5,)", "<U0")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "array"), FORMS)
def test_another_form_is_refused_even_without_looking_at_values(folder: Path, name: str, array: Any) -> None:
    forge(folder, **{name: array})
    for verify in (True, "once", False):
        with pytest.raises(WorkspaceError, match=r"数组不成立|已损坏|没有节点"):
            load_network(folder, verify=verify)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", [0xD800, 0x110000, 0xFFFFFFFF])
def test_names_that_are_no_text_are_refused(folder: Path, code: int) -> None:
    names = np.full(NETWORK.n_nodes, "甲")
    names.view(np.uint32)[1] = code
    forge(folder, name=names)
    with pytest.raises(WorkspaceError, match="不是文字"):
        load_network(folder)


REPORTS: list[dict[str, Any]] = [
    {"report": []}, {"report": {"km": 3}}, {"report": {"km": {"trunk": "x"}}},
    {"report": {"km": {"a": 10**400}}},
    {"report": {"km": {"a": float("nan")}}}, {"report": {"oneway_km": "x"}}, {"report": {"components": 5}},
    {"report": {"components": {"others_km": []}}}, {"report": {"choices": {"a": 1}}},
    {"report": {"choices": {"a": {"text": 5}}}},
    {"report": {"left_out": {"a": {"text": "x", "ways": "9"}}}},
    {"label": "<script>"}, {"label": "官方路网"}, {"mode": "fly"},
]  # fmt: skip


@pytest.mark.parametrize("meta", REPORTS)
def test_a_description_that_lies_is_one_sentence(
    folder: Path, meta: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    forge(folder, meta=meta)
    with pytest.raises(SystemExit) as caught:
        main(["network", "info", str(folder)])
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert str(folder) in err


@pytest.mark.parametrize("key", ["choices", "left_out", "km", "components", "strong", "closures", "nodes"])
def test_facts_beside_the_report_do_not_stand_for_it(
    folder: Path, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in (["弋阳-南丰高速"], "x", 7, {"a": "x"}):
        forge(folder, meta={key: value})
        with pytest.raises(SystemExit) as caught:
            main(["network", "info", str(folder)])
        assert not caught.value.code
        assert capsys.readouterr().err == ""


def test_sound_networks_pass(folder: Path) -> None:
    for seed in range(8):
        assert problems_of(shapeworld.random_roads(seed)) == []
    assert load_network(folder, verify="once").meta["hash"]
    assert (folder / store.CHECKED).exists()


def test_a_file_changed_with_its_time_set_back_is_looked_at_again(folder: Path) -> None:
    import os

    load_network(folder, verify="once")
    path, before = folder / "head.npy", (folder / "head.npy").stat()
    content = bytearray(path.read_bytes())
    content[-1] = 0x7F
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(WorkspaceError, match="与清单不符"):
        load_network(folder, verify="once")


def _use(network: Network) -> None:
    """Run what reads the arrays without bounds."""
    lon, lat = shapeworld.random_points(3, 4)
    for i in range(0, 4, 2):
        try:
            route(network, (lon[i], lat[i]), (lon[i + 1], lat[i + 1]), limit_m=None)
        except RouteError:
            continue
    for direction in ("from", "to"):
        travel.to_nearest(network, [0, network.n_nodes - 1], direction=direction)
        travel.k_nearest(network, [0, 1], 2, direction=direction)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=many(150))
@given(st.data())
def test_what_passes_can_be_used(folder: Path, data: st.DataObject) -> None:
    """Any change of some values is refused, or the kernels run on it to their end."""
    save_network(NETWORK, folder)
    names = sorted(path.stem for path in folder.glob("*.npy") if path.stem != "name")
    name = data.draw(st.sampled_from(names))
    array = np.load(folder / f"{name}.npy")
    if not array.size:
        return
    at = data.draw(st.integers(0, array.size - 1))
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        edge = st.sampled_from([limits.min, limits.max, limits.max - 1, 0, 1, 2])
        near = st.integers(-2, 2).map(lambda step: int(array.reshape(-1)[at]) + step)
        value = int(np.clip(data.draw(edge | near), limits.min, limits.max))
    else:
        value = data.draw(st.sampled_from([0, 1, -1, 1e-300, 1e300, np.nan, np.inf]))
    with np.errstate(over="ignore"):
        forge(folder, **{name: with_value(array, value, at)})
    try:
        found = load_network(folder)
    except WorkspaceError:
        return
    _use(found)
