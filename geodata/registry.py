"""The stored layers: one GeoPackage of the workspace."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

from .errors import InputError, Problem, WorkspaceError
from .layers import COLUMNS, KIND_NAMES, Kind, Layer
from .store import REBUILD, remove

_NUMBERS = ("lon", "lat", "year", "readiness_min")
_SHOWN = 20


def check_kind(text: str) -> Kind:
    """Return the resource type of that code or Chinese name; raises ``InputError`` naming those that exist.

    Examples
    --------
    >>> check_kind("备灾仓库")
    'warehouse'
    """
    for kind, name in KIND_NAMES.items():
        if text.strip().lower() in (kind, name.lower()):
            return kind
    known = "、".join(f"{kind}({name})" for kind, name in KIND_NAMES.items())
    raise InputError(Problem("图层", f"没有这个图层, 可用的有 {known}", text[:40], "请改用其中之一"))


def save_layers(layers: Mapping[Kind, Layer], path: Path) -> str:
    """Write all layers to one GeoPackage, whole or not at all, and return the hash of their content."""
    import geopandas as gpd  # noqa: PLC0415 (slow, and the emergency desk only reads)

    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".layers.") as folder:
        ready = Path(folder) / path.name
        for kind, layer in layers.items():
            table = layer.table
            points = gpd.points_from_xy(table["lon"], table["lat"], crs="EPSG:4326")
            gpd.GeoDataFrame(table, geometry=points).to_file(
                ready, layer=kind, driver="GPKG", engine="pyogrio"
            )
        with closing(sqlite3.connect(ready)) as base, base:
            base.execute("CREATE TABLE boai_layers (kind TEXT PRIMARY KEY, example INTEGER, hash TEXT)")
            base.executemany(
                "INSERT INTO boai_layers VALUES (?, ?, ?)",
                [(kind, int(layer.example), layer_hash(layer)) for kind, layer in layers.items()],
            )
        if path.is_dir():
            remove(path)
        ready.replace(path)
    return stored_hash(path)


def layer_hash(layer: Layer) -> str:
    """SHA-256 of a layer's kind, label and rows."""
    text = layer.table[list(COLUMNS)].to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(f"{layer.kind} {layer.example}\n{text}".encode()).hexdigest()


def read_sites(path: Path, kind: Kind) -> list[dict[str, Any]]:
    """Read one layer's rows without any GIS library: a question of the emergency desk starts in no time.

    Raises
    ------
    WorkspaceError
        The file is missing, damaged, or has no such layer.
    """
    if kind not in get_args(Kind):
        raise InputError(Problem("图层", "没有这个图层", str(kind)[:40]))
    if not path.is_file():
        raise WorkspaceError(Problem(str(path), "图层文件不存在", fix=REBUILD))
    example, _ = _stated(path, kind)
    # A qualified name cannot be taken for a text, as SQLite takes an unknown "name".
    columns = ", ".join(f't."{name}"' for name in COLUMNS)
    rows = _fetch(path, f'SELECT {columns} FROM "{kind}" t ORDER BY t.fid')  # noqa: S608 (own names)
    sites = [{**dict(zip(COLUMNS, values, strict=True)), "example": example} for values in rows]
    _check_sites(sites, f"{path} {KIND_NAMES[kind]}")
    return sites


def _check_sites(sites: Sequence[Mapping[str, Any]], where: str) -> None:
    """Refuse values that no site can have; all are told at once."""
    problems, seen = [], set()
    for number, site in enumerate(sites, 1):
        wrong = [name for name, value in site.items() if name in COLUMNS and not _possible(name, value)]
        if site["id"] in seen:
            wrong.append("id")
        seen.add(site["id"])
        problems += [
            Problem(f"{where} 第{number}行", f"{COLUMNS[name]}不对", repr(site[name])[:40], REBUILD)
            for name in wrong
        ]
    if problems:
        more = [Problem(where, f"另有 {len(problems) - _SHOWN} 处问题")] if len(problems) > _SHOWN else []
        raise WorkspaceError([*problems[:_SHOWN], *more])


def _possible(name: str, value: Any) -> bool:
    """Tell whether a column can hold a value; coordinates are those of China."""
    if name in ("lon", "lat"):
        low, high = (73, 136) if name == "lon" else (3, 54)
        return isinstance(value, int | float) and low <= value <= high
    if name in _NUMBERS:
        return value is None or (isinstance(value, int | float) and 0 <= value < float("inf"))
    if name in ("id", "name"):
        return isinstance(value, str) and bool(value.strip())
    return value is None or isinstance(value, str)


def stored_hash(path: Path) -> str:
    """Return the hash of all layers that a file states; raises ``WorkspaceError``."""
    hashes = _fetch(path, "SELECT hash FROM boai_layers ORDER BY kind")
    return hashlib.sha256("".join(str(text) for (text,) in hashes).encode()).hexdigest()


def read_stock(text: str | None) -> dict[str, int]:
    """Read the stock of a site: items and their number; what is no such list is left out.

    Examples
    --------
    >>> read_stock('{"棉被": 1200, "帐篷": 30}'), read_stock("")
    ({'棉被': 1200, '帐篷': 30}, {})
    """
    try:
        stock = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    items = stock.items() if isinstance(stock, dict) else ()
    return {
        str(item): count for item, count in items if isinstance(count, int) and not isinstance(count, bool)
    }


def _stated(path: Path, kind: Kind) -> tuple[bool, str]:
    """Read whether a layer is synthetic and the hash that it was saved with; raises ``WorkspaceError``."""
    rows = _fetch(path, "SELECT example, hash FROM boai_layers WHERE kind = ?", kind)
    if not rows or rows[0][0] not in (0, 1):
        raise WorkspaceError(Problem(str(path), f"文件里没有图层 {KIND_NAMES[kind]}", fix=REBUILD))
    return bool(rows[0][0]), str(rows[0][1])


def _fetch(path: Path, query: str, *values: str) -> list[tuple[Any, ...]]:
    """Ask the file without ever writing to it; raises ``WorkspaceError`` where it is damaged."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
            return base.execute(query, values).fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise WorkspaceError(Problem(str(path), "图层文件已损坏", str(error)[:80], REBUILD)) from None


def load_layers(path: Path) -> dict[Kind, Layer]:
    """Read every layer; raises ``WorkspaceError``."""
    import pandas as pd  # noqa: PLC0415 (slow, and the emergency desk does without)

    layers: dict[Kind, Layer] = {}
    for kind in KIND_NAMES:
        rows = read_sites(path, kind)
        table = pd.DataFrame([[row[name] for name in COLUMNS] for row in rows], columns=list(COLUMNS))
        for name in COLUMNS:
            if name in _NUMBERS:
                table[name] = pd.to_numeric(table[name])
            else:
                table[name] = table[name].fillna("").astype(str)
        example, stated = _stated(path, kind)
        layers[kind] = Layer(kind, table, example)
        if layer_hash(layers[kind]) != stated:
            raise WorkspaceError(Problem(f"{path} {KIND_NAMES[kind]}", "图层内容与登记不符", fix=REBUILD))
    return layers
