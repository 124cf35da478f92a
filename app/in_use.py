"""Which roads a workspace uses: put a saved network into it, for vehicles or for walking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..geodata.errors import InputError, Problem
from ..geodata.folders import remove
from ..geodata.store import write_text
from .workspace import (
    MANIFEST,
    TOWNSHIPS,
    WALK,
    Progress,
    Workspace,
    network_folder,
    open_workspace,
    saved_network,
    writing,
)

if TYPE_CHECKING:
    from ..geodata.demand import Demand
    from ..geodata.network import Network

NEAR_ROAD_M = 5000.0
"""Straight metres within which a resident counts as near a road (an assumption, 假设)."""
ENOUGH = 0.99
"""Share of residents near a road below which a network is said to be perhaps incomplete (假设)."""
LEAST = 0.01
"""Share below which a network is taken for that of another place (假设)."""


def use_network(root: Path, network: Path | None, *, progress: Progress | None = None) -> dict[str, Any]:
    """Put a saved network (None: the approximate one) into a workspace; says whom it reaches.

    A network for walking lies beside the one for vehicles: distances on foot then follow its ways.

    Raises
    ------
    InputError
        The network lies elsewhere: hardly any resident is near its roads; or roads of another network in the
        workspace are closed.
    WorkspaceError
        The workspace or the network is damaged, or another process writes.
    """
    from ..geodata import demand, gazetteer, roads  # noqa: PLC0415 (slow to import)
    from ..geodata.network import load_network  # noqa: PLC0415
    from ..geodata.overlay import save_over  # noqa: PLC0415

    say = progress or (lambda _: None)
    open_workspace(root)
    residents = demand.load(root / "demand")
    if network is None:
        say("道路: 建立近似路网")
        chosen = roads.build_approximate(gazetteer.load(root / "gazetteer"), residents)
    else:
        say("道路: 检查路网是否覆盖本省居民")
        chosen = load_network(saved_network(network))
    share, part = _near_roads(chosen, residents, network), WALK if chosen.mode == "walk" else "network"
    with writing(root):
        opened = open_workspace(root)  # another process may have written meanwhile
        source = None if network is None else network_folder(network)
        found = save_over(chosen, root / part, source=source)
        _state(opened, {**opened.manifest["hashes"], part: found})
    return {
        "workspace": str(root),
        "hash": found,
        "mode": chosen.mode,
        "label": chosen.label,
        "share": share,
        "sentence": _sentence(root, chosen, part, share),
    }


def walk_straight(root: Path) -> dict[str, Any]:
    """Take the network for walking out of a workspace: walks are straight lines x detour again."""
    had = _without(root, WALK)
    sentence = "步行距离改回按直线乘绕行系数估算。" if had else "工作区里本来就没有步行路网。"
    return {"workspace": str(root), "mode": "walk", "removed": had, "sentence": sentence}


def use_townships(root: Path, file: Path, *, layer: str | None = None) -> dict[str, Any]:
    """Put an office's boundaries of townships into a workspace; raises ``InputError`` with every problem."""
    from ..geodata import boundaries, townships  # noqa: PLC0415 (geopandas is slow to import)

    open_workspace(root)
    found = townships.read_townships(file, boundaries.load(root / "boundaries.gpkg"), layer=layer)
    with writing(root):
        opened = open_workspace(root)
        own = townships.save(found, root / TOWNSHIPS)
        _state(opened, {**opened.manifest["hashes"], TOWNSHIPS: own})
    sentence = f"已改用 {found.source} 的 {len(found.table)} 个乡镇。"
    return {"workspace": str(root), "townships": len(found.table), "note": found.note, "sentence": sentence}


def approximate_townships(root: Path) -> dict[str, Any]:
    """Take an office's townships out of a workspace: they are approximate again."""
    had = _without(root, TOWNSHIPS)
    sentence = "已改回近似乡镇(按最近居民点划分)。" if had else "工作区里本来就没有乡镇边界, 用的是近似划分。"
    return {"workspace": str(root), "removed": had, "sentence": sentence}


def _without(root: Path, part: str) -> bool:
    """Take out a part that a workspace may have; tells whether it was there."""
    with writing(root):
        opened = open_workspace(root)
        had = part in opened.manifest["hashes"]
        _state(opened, {name: text for name, text in opened.manifest["hashes"].items() if name != part})
        remove(root / part)
    return had


def _state(opened: Workspace, hashes: dict[str, str]) -> None:
    """Write the manifest with other hashes."""
    manifest = {**opened.manifest, "hashes": hashes}
    write_text(opened.root / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))


def _sentence(root: Path, chosen: Network, part: str, share: float) -> str:
    from ..geodata.network import load_network  # noqa: PLC0415
    from ..geodata.overlay import load_in_force  # noqa: PLC0415

    name = chosen.label or ("步行路网, 步行距离将沿真实道路计算" if part == WALK else "真实路网")
    sentence = (
        f"工作区已改用{name}: {chosen.n_nodes:,} 个节点; {100 * share:.1f} % 的居民在道路 "
        f"{NEAR_ROAD_M / 1000:g} 公里以内。"
    )
    in_force = len(load_in_force(root / part, load_network(root / part, verify=False)).measures)
    if in_force:
        sentence += f"有 {in_force} 条封闭或减速在用, 见 boai network closures {root}。"
    if share < ENOUGH:
        sentence += "其余居民按不可达计算, 请确认这个路网是否完整。"
    return sentence


def _near_roads(network: Network, residents: Demand, source: Path | None) -> float:
    """Return the share of residents near a road; refuses a network of another place."""
    from ..coverage.snap import ACCESS_DETOUR, ACCESS_KMH, attach  # noqa: PLC0415 (slow to import)

    met = attach(
        network, residents.lon, residents.lat, detour=ACCESS_DETOUR, speed_kmh=ACCESS_KMH, limit_m=NEAR_ROAD_M
    )
    near = met.metres <= NEAR_ROAD_M  # not where it is not a number: no road was met
    share = float(residents.residents[near].sum() / residents.residents.sum())
    if share < LEAST:
        fix = "请确认文件是本省的, 例如 jiangxi-latest.osm.pbf"
        raise InputError(
            Problem(str(source), "这个路网不在本省", f"{100 * share:.2f} % 的居民在道路附近", fix)
        )
    return share
