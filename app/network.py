"""What the commands on networks answer: build, describe, close roads, measure a way, use in a workspace."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..geodata import polygons, selection
from ..geodata.errors import InputError, Problem, WorkspaceError
from ..geodata.folders import put_back
from ..geodata.network import Network, load_network
from ..geodata.overlay import (
    Overlay,
    check_none_in_force,
    editing,
    impose,
    lift,
    load_overlay,
    save_over,
    save_overlay,
    set_aside,
    under,
)
from ..geodata.road_names import edges_of_roads
from ..geodata.store import MANIFEST as NETWORK_MANIFEST
from ..geodata.store import stored_hash, write_text
from .console import jsonable
from .workspace import MANIFEST, MORE, PARTS, PRODUCTS, Progress, open_workspace, saved_network

if TYPE_CHECKING:
    from ..geodata.overlay import Measure

NETWORK = "network"
"""Folder of the network in a workspace."""

MODES = {"drive": "驾车", "walk": "步行", "heavy": "重型车"}
_OSM = (".pbf", ".osm", ".osm.gz", ".osm.bz2", ".xml")
_LINES = (".shp", ".geojson", ".json", ".parquet", ".geoparquet")
_REPORT = (
    "km", "class_names", "oneway_km", "components", "strong", "choices", "left_out", "closed_km", "closures",
)  # fmt: skip
"""What only the report of an import says, in a form that was checked."""
_PAIR = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d+)?)\s*[,，;；\s]\s*([+-]?\d{1,3}(?:\.\d+)?)\s*")


@dataclass(frozen=True)
class Building:
    """How a network is to be built: what the user says about the source and the vehicle."""

    file: Path | None = None
    place: str = ""
    mode: str = "drive"
    rules: str = "boai"
    reader: str = "auto"
    speeds: Path | None = None
    crs: str = ""
    layer: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    tolerance_m: float = 0.0
    weight_t: float | None = None
    height_m: float | None = None
    width_m: float | None = None
    ferries: bool = True
    overpass: str = ""
    nominatim: str = ""


def open_network(path: Path) -> tuple[Path, Network]:
    """Open the network of a folder or of a workspace: (its folder, the network without closures)."""
    folder = saved_network(path)
    return folder, load_network(folder, verify="once")


def info(path: Path) -> dict[str, Any]:
    """Describe a network: size, kilometres by class, components, what was decided on import, closures."""
    folder, network = open_network(path)
    meta = {
        f"own_{key}" if key in _REPORT else key: value  # the approximate network has facts of the same name
        for key, value in network.meta.items()
        if key not in ("report", "label")
    }
    report = dict(network.meta.get("report", {}))
    counts = {
        "nodes": network.n_nodes,
        "edges": network.n_edges,
        "shapes": 0 if network.shapes is None else len(network.shapes.edge),
        "named_roads": sum(1 for name in network.roads if name),
        "km_total": round(_road_metres(network) / 1000, 3),
    }
    overlay = load_overlay(folder, network)
    head = {"folder": str(folder), "label": network.label, "mode": network.mode, **counts}
    everything = {**report, **meta, **head, "closures": [measure_of(one) for one in overlay.measures]}
    return dict(jsonable(everything))


def _road_metres(network: Network) -> float:
    """Add up the length of the roads, each counted once."""
    metres = np.asarray(network.metres, np.float64)
    if network.shapes is None:
        return float(metres.sum()) / 2  # all links of the approximate network can be driven both ways
    pair = np.asarray(network.shapes.edge)
    return float(metres[np.where(pair[:, 0] >= 0, pair[:, 0], pair[:, 1])].sum())


def measure_of(one: Measure) -> dict[str, Any]:
    """Give a measure as plain values, without its edges."""
    return {
        "number": one.number,
        "speed": one.speed,
        "what": one.what,
        "reason": one.reason,
        "since": one.since,
        "edges": len(one.edges),
    }


def build(wanted: Building, to: Path, *, overwrite: bool, progress: Progress) -> dict[str, Any]:
    """Read roads from a file or the web, save the network, and describe it."""
    _check_target(to, overwrite)
    network = _read(wanted, progress)
    progress(f"保存路网: {network.n_nodes} 个节点, {network.n_edges} 条有向路段")
    save_over(network, to)
    return info(to)


def _check_target(to: Path, overwrite: bool) -> None:
    """Refuse, before hours of reading, to write over what is no network, or where one cannot write."""
    inside = to.resolve().parent / MANIFEST
    if (to / MANIFEST).exists() or (
        inside.exists() and (to.name in (*PARTS, *MORE, *PRODUCTS) or to.name.startswith("."))
    ):
        root = to if (to / MANIFEST).exists() else inside.parent
        fix = f"请写到别处, 再运行 boai network use 新路网 --workspace {root}"
        raise InputError(Problem(str(to), "这是工作区, 不能直接写成路网", fix=fix))
    if to.exists() and Path.cwd().is_relative_to(to.resolve()):
        raise InputError(Problem(str(to), "不能写成当前文件夹", fix="请给一个新文件夹的名字, 例如 roads"))
    put_back(to)
    if to.exists() and not (to.is_dir() and not any(to.iterdir())):
        _check_old(to, overwrite)
    near = next(folder for folder in to.absolute().parents if folder.exists())
    try:
        Path(tempfile.mkdtemp(dir=near, prefix=f".{to.name}.")).rmdir()
    except OSError as error:
        from ..geodata.web import plain_error  # noqa: PLC0415 (slow to import)

        fix = "请换一个位置或名字, 并检查权限和磁盘空间"
        raise InputError(Problem(str(to), f"这里不能写 ({plain_error(error)})", fix=fix)) from None


def _check_old(to: Path, overwrite: bool) -> None:
    if not (to.is_dir() and (to / NETWORK_MANIFEST).exists() and (to / "centiseconds.npy").exists()):
        raise InputError(Problem(str(to), "这里已有别的文件, 没有写出", fix="请换一个空文件夹"))
    if not overwrite:
        raise InputError(Problem(str(to), "这里已有路网, 没有写出", fix="确实要替换的, 加 --overwrite"))
    try:
        network = load_network(to, verify="once")
    except WorkspaceError:
        return  # a damaged network may be replaced
    check_none_in_force(load_overlay(to, network), to)


def _read(wanted: Building, progress: Progress) -> Network:
    from ..geodata import real_roads as roads  # noqa: PLC0415 (slow to import)

    if (wanted.file is None) == (not wanted.place):
        fix = "请给一个文件 (如 jiangxi-latest.osm.pbf), 或 --place 地名"
        raise InputError(Problem("来源", "文件和 --place 应给且只给一个", fix=fix))
    profile = roads.read_profile(
        wanted.mode,
        like=wanted.rules,
        overrides=wanted.speeds,
        weight_t=wanted.weight_t,
        height_m=wanted.height_m,
        width_m=wanted.width_m,
        ferries=wanted.ferries,
    )
    if wanted.file is None:
        return roads.read_place(
            wanted.place,
            overpass=wanted.overpass or None,
            nominatim=wanted.nominatim or None,
            profile=profile,
            progress=progress,
        )
    kind = source_kind(wanted.file)
    if kind == "osm":
        return roads.read_osm(wanted.file, reader=wanted.reader, profile=profile, progress=progress)
    if kind == "graph":
        return roads.read_graph(wanted.file, profile=profile, progress=progress)
    return roads.read_lines(
        wanted.file,
        crs=wanted.crs or None,
        layer=wanted.layer or None,
        columns=dict(wanted.columns) or None,
        tolerance_m=wanted.tolerance_m,
        profile=profile,
        progress=progress,
    )


def source_kind(path: Path) -> str:
    """Tell what a file of roads is by its name (a GeoPackage by its tables): osm, graph or lines."""
    name = path.name.lower()
    if name.endswith(".graphml"):
        return "graph"
    if name.endswith(".gpkg"):
        return "graph" if _is_graph(path) else "lines"
    if name.endswith(_LINES):
        return "lines"
    if name.endswith(_OSM):
        return "osm"
    fix = "支持 .osm.pbf、.osm、.osm.gz、.graphml、.gpkg、.shp、.geojson、.parquet"
    raise InputError(Problem(str(path), "不认识的路网文件", path.suffix or "没有后缀", fix))


def _is_graph(path: Path) -> bool:
    """Tell whether a GeoPackage holds the two layers that OSMnx writes."""
    import sqlite3  # noqa: PLC0415
    from contextlib import closing  # noqa: PLC0415

    from ..geodata.registry.reading import connect  # noqa: PLC0415

    try:
        with closing(connect(path, wait_s=1.0)) as base:
            rows = base.execute("SELECT table_name FROM gpkg_contents").fetchall()
            return {"nodes", "edges"} <= {str(name) for (name,) in rows}
    except (OSError, sqlite3.Error):
        return False


def is_point(text: str) -> bool:
    """Tell whether a text is written as ``longitude,latitude``."""
    return _PAIR.fullmatch(unicodedata.normalize("NFKC", text)[:100]) is not None


def point_of(text: str, where: str) -> tuple[float, float]:
    """Read ``longitude,latitude`` in WGS84 degrees; raises ``InputError``."""
    pair = _PAIR.fullmatch(unicodedata.normalize("NFKC", text)[:100])
    lon, lat = (float(pair[1]), float(pair[2])) if pair else (np.nan, np.nan)
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        swapped = abs(lon) <= 90 < abs(lat) <= 180
        fix = "经纬度可能写反了, 经度在前, 例如 115.86,28.69" if swapped else "例如 115.86,28.69"
        raise InputError(Problem(where, "应为 经度,纬度 (WGS84 十进制度数)", text[:40], fix))
    return lon, lat


@dataclass(frozen=True)
class Choice:
    """Which roads a measure concerns; all that is named counts together."""

    roads: Sequence[str] = ()
    ways: Sequence[int] = ()
    edges: Sequence[int] = ()
    one_way: bool = False
    near: str = ""
    within_m: float = 50.0
    polygon: str = ""
    """A file of polygons, or corners; see `polygons.area_of`."""


def close(path: Path, choice: Choice, *, speed: float = 0.0, reason: str = "") -> dict[str, Any]:
    """Close or slow roads of a saved network, and say what that concerns."""
    folder, network = open_network(path)
    edges, words = _chosen(network, choice)
    with editing(folder):
        _check_same(folder, network)
        overlay = impose(
            load_overlay(folder, network), edges, speed=speed, what="; ".join(words), reason=reason, at=_now()
        )
        save_overlay(overlay, folder)
    pairs = edges if network.shapes is None else np.unique(np.asarray(network.shapes.of)[edges] >> 1)
    made = measure_of(overlay.measures[-1])
    return {**made, "km": round(_length_km(network, edges), 3), "roads": len(pairs)}


def _check_same(folder: Path, network: Network) -> None:
    """Refuse to write edges of a network that was replaced since it was opened."""
    if stored_hash(folder, kind="network") != network.meta["hash"]:
        raise WorkspaceError(Problem(str(folder), "路网刚刚被替换", fix="请再试一次"))


def _length_km(network: Network, edges: Any) -> float:
    """Measure roads that some edges belong to, each once."""
    metres = np.asarray(network.metres, np.float64)[edges]
    if network.shapes is None:
        return float(metres.sum()) / 2000
    _, first = np.unique(np.asarray(network.shapes.of)[edges] >> 1, return_index=True)
    return float(metres[first].sum()) / 1000


def _chosen(network: Network, choice: Choice) -> tuple[Any, list[str]]:
    parts, words = [], []
    if choice.roads:
        found, names = edges_of_roads(network, choice.roads, where="--road")
        parts.append(found)
        words.append("道路 " + "、".join(names))
    if choice.ways:
        parts.append(selection.by_way(network, choice.ways, where="--way"))
        words.append("way " + "、".join(map(str, choice.ways)))
    if choice.edges:
        parts.append(selection.by_number(network, choice.edges, both=not choice.one_way, where="--edge"))
        words.append("路段 " + "、".join(map(str, choice.edges)) + (" (单向)" if choice.one_way else ""))
    if choice.near:
        lon, lat = point_of(choice.near, "--near")
        parts.append(selection.near(network, lon, lat, within_m=choice.within_m, where="--near"))
        words.append(f"{lon:g},{lat:g} 周围 {choice.within_m:g} 米")
    if choice.polygon:
        area = polygons.area_of(choice.polygon, where="--polygon")
        parts.append(selection.inside(network, area, where="--polygon"))
        words.append(f"范围 {polygons.name_of(choice.polygon)}")
    if not parts:
        fix = "请用 --road、--way、--edge、--near 或 --polygon 指定"
        raise InputError(Problem("命令", "没有说明哪条道路", fix=fix))
    return np.unique(np.concatenate(parts)), words


def reopen(path: Path, numbers: Sequence[int] | None, *, reason: str = "") -> dict[str, Any]:
    """Take measures back, all where none is named; a file that cannot be read is then put aside."""
    folder, network = open_network(path)
    aside = ""
    with editing(folder):
        _check_same(folder, network)
        try:
            before = load_overlay(folder, network)
        except WorkspaceError:
            if numbers is not None:
                raise
            aside = set_aside(folder)
            before = Overlay(str(network.meta["hash"]))
        after = lift(before, numbers, reason=reason, at=_now())
        save_overlay(after, folder)
    gone = [one for one in before.measures if one not in after.measures]
    return {
        "reopened": [measure_of(one) for one in gone],
        "in_force": [measure_of(one) for one in after.measures],
        "set_aside": aside,
    }


def closures(path: Path) -> dict[str, Any]:
    """List the measures in force and all that was ever done."""
    folder, network = open_network(path)
    overlay = load_overlay(folder, network)
    return {
        "in_force": [measure_of(one) for one in overlay.measures],
        "history": [vars(event) for event in overlay.events],
    }


def now(path: Path, *, ignore_closures: bool) -> tuple[Network, list[dict[str, Any]]]:
    """Open a network as it is now, with the measures that count."""
    folder, network = open_network(path)
    if ignore_closures:
        return network, []
    overlay = load_overlay(folder, network)
    return under(network, overlay), [measure_of(one) for one in overlay.measures]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def workspace_network(root: Path) -> Path:
    """Return the folder of a workspace's network."""
    return open_workspace(root).root / NETWORK


def save_geojson(feature: Mapping[str, Any], path: Path) -> None:
    """Write a GeoJSON feature to a new file."""
    import json  # noqa: PLC0415

    from .outputs import check_new  # noqa: PLC0415

    if path.is_file():
        raise InputError(Problem(str(path), "文件已存在, 没有写出", fix="请换一个文件名"))
    check_new(path, overwrite=False)
    write_text(path, json.dumps(jsonable(feature), ensure_ascii=False))
