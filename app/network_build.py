"""Building a network: from a file or the web to a folder of arrays."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..geodata.errors import InputError, Problem, WorkspaceError
from ..geodata.folders import put_back
from ..geodata.network import Network, load_network
from ..geodata.overlay import check_none_in_force, load_in_force, save_over
from ..geodata.store import MANIFEST as NETWORK_MANIFEST
from .network import info
from .workspace import MANIFEST, MORE, PARTS, PRODUCTS, Progress

_OSM = (".pbf", ".osm", ".osm.gz", ".osm.bz2", ".xml")
_LINES = (".shp", ".geojson", ".json", ".parquet", ".geoparquet")


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
    check_none_in_force(load_in_force(to, network), to)


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
