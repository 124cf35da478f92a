"""The workspace: whole or says what it lacks; built once, reused, rebuilt when its sources change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from boai.app import workspace
from boai.app.desk import question as desk
from boai.geodata.errors import InputError, WorkspaceError


def test_the_demo_workspace_holds_the_census_exactly(world) -> None:
    assert len(world.units.counties) == 100
    assert int(world.demand.residents.sum()) == 45_188_635
    assert world.network.label == "近似路网"
    assert set(world.hashes) >= {"boundaries", "gazetteer", "demand", "network", "layers", "boai"}


def test_a_second_init_reuses_what_is_there(workspace_folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in workspace_folder.rglob("*") if path.is_file()}
    steps: list[str] = []
    workspace.init(workspace_folder, progress=steps.append)
    assert steps == []
    assert before == {path: path.stat().st_mtime_ns for path in workspace_folder.rglob("*") if path.is_file()}


def test_other_sources_or_a_broken_part_are_rebuilt(
    own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(workspace, "_build", lambda root, progress: steps.append("built") or {"demand": "x"})
    shutil.rmtree(own_workspace / "demand")
    with pytest.raises(WorkspaceError, match="缺少这一部分"):
        workspace.init(
            own_workspace
        )  # the replaced builder makes nothing, so the check at the end must say so
    assert steps == ["built"]


def test_a_failed_build_leaves_no_manifest_and_can_be_built_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(root: Path, progress: object) -> dict[str, str]:
        (root / "demand").mkdir()
        raise RuntimeError("killed")

    monkeypatch.setattr(workspace, "_build", fail)
    with pytest.raises(RuntimeError):
        workspace.init(tmp_path / "w")
    with pytest.raises(WorkspaceError, match="没有 boai 工作区"):
        workspace.open_workspace(tmp_path / "w")
    with pytest.raises(RuntimeError, match="killed"):
        shutil.rmtree(tmp_path / "w" / "demand")
        workspace.init(tmp_path / "w")  # tries again rather than refusing the folder


def test_foreign_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "important.txt").write_text("x")
    with pytest.raises(WorkspaceError, match="不是 boai 工作区"):
        workspace.init(tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["important.txt"]
    with pytest.raises(WorkspaceError, match="是一个文件"):
        workspace.init(tmp_path / "important.txt")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"format": 1}', '{"format": 99, "hashes": {}, "source_key": ""}']
)
def test_a_damaged_manifest_is_one_sentence(own_workspace: Path, content: str) -> None:
    (own_workspace / "boai.json").write_text(content, encoding="utf-8")
    with pytest.raises(WorkspaceError) as caught:
        workspace.open_workspace(own_workspace)
    assert len(caught.value.problems) == 1
    assert "boai init --force" in str(caught.value)


@pytest.mark.parametrize(
    "part",
    ["boundaries.gpkg", "layers.gpkg", "demand/residents.npy", "network/head.npy", "gazetteer/name.npy"],
)
def test_a_half_written_part_is_one_sentence(own_workspace: Path, part: str) -> None:
    path = own_workspace / part
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WorkspaceError) as caught:
        workspace.load_world(workspace.open_workspace(own_workspace))
    assert part.split("/", maxsplit=1)[0] in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_missing_parts_are_named_together(own_workspace: Path) -> None:
    (own_workspace / "layers.gpkg").unlink()
    shutil.rmtree(own_workspace / "network")
    with pytest.raises(WorkspaceError) as caught:
        workspace.open_workspace(own_workspace)
    assert len(caught.value.problems) == 2


@pytest.mark.slow
def test_two_builds_are_equal(workspace_folder: Path, tmp_path: Path) -> None:
    first = json.loads((workspace_folder / "boai.json").read_text(encoding="utf-8"))
    assert workspace.init(tmp_path / "again").manifest == first


@pytest.mark.parametrize(
    "part", ["network/head.npy", "demand/residents.npy", "outline/lon.npy", "gazetteer/lat.npy"]
)
def test_changed_bytes_are_found_and_init_mends_them(own_workspace: Path, part: str, monkeypatch) -> None:
    path = own_workspace / part
    data = bytearray(path.read_bytes())
    data[-8:] = bytes(8) if any(data[-8:]) else b"\1" * 8
    path.write_bytes(bytes(data))
    with pytest.raises(WorkspaceError, match="与清单不符"):
        if part.startswith("outline"):
            desk.nearest(own_workspace, "115.86,28.69")
        else:
            workspace.load_world(workspace.open_workspace(own_workspace))
    if part.startswith("outline"):
        return
    monkeypatch.setattr(workspace, "_build", lambda root, progress: {"rebuilt": "yes"})
    with pytest.raises(WorkspaceError):  # the replaced builder mends nothing, but it was asked to
        workspace.init(own_workspace)
    assert json.loads((own_workspace / "boai.json").read_text(encoding="utf-8"))["hashes"] == {
        "rebuilt": "yes"
    }


def test_a_part_of_another_workspace_is_refused(own_workspace: Path) -> None:
    manifest = json.loads((own_workspace / "boai.json").read_text(encoding="utf-8"))
    manifest["hashes"]["network"] = "0" * 64
    (own_workspace / "boai.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="network: 与工作区清单不符"):
        workspace.open_workspace(own_workspace)


@pytest.mark.parametrize("sweep", [True, False])
def test_roads_of_a_writer_killed_between_two_renames_come_back(own_workspace: Path, sweep: bool) -> None:
    (own_workspace / "network").rename(own_workspace / ".network.old")
    (own_workspace / ".network.abcdefgh").mkdir()
    if sweep:
        with workspace.writing(own_workspace):
            pass
        assert not (own_workspace / ".network.abcdefgh").exists()
    workspace.load_world(workspace.open_workspace(own_workspace))
    assert not (own_workspace / ".network.old").exists()


def test_force_builds_over_parts_without_a_manifest(own_workspace: Path, monkeypatch) -> None:
    (own_workspace / "boai.json").unlink()
    with pytest.raises(WorkspaceError, match="不是 boai 工作区"):
        workspace.init(own_workspace)
    steps: list[str] = []
    monkeypatch.setattr(workspace, "_build", lambda root, progress: steps.append("built") or {})
    with pytest.raises(WorkspaceError):
        workspace.init(own_workspace, force=True)
    assert steps == ["built"]


def test_two_writers_are_kept_apart_and_old_rests_are_swept(own_workspace: Path) -> None:
    (own_workspace / ".network.abc").mkdir()
    (own_workspace / ".maps.abc").mkdir()
    with workspace.writing(own_workspace):
        assert not list(own_workspace.glob(".network.*")) + list(own_workspace.glob(".maps.*"))
        with pytest.raises(WorkspaceError, match="另一个 boai"), workspace.writing(own_workspace):
            pass
    with workspace.writing(own_workspace):
        pass


def test_a_wrong_network_is_told_before_a_workspace_is_made(tmp_path: Path) -> None:
    (tmp_path / "jiangxi.osm.pbf").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    words = {"jiangxi.osm.pbf": "network build jiangxi.osm.pbf", "empty": "没有路网", "no": "没有路网"}
    for name, word in words.items():
        with pytest.raises(InputError, match=word):
            workspace.init(tmp_path / "new", network=tmp_path / name)
        assert not (tmp_path / "new").exists()
