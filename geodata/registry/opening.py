"""Opening a registry, and making one with the layers of a new workspace."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, Problem, WorkspaceError
from ..folders import remove
from ..layers import Kind, Layer
from .reading import connect, stored_hash

if TYPE_CHECKING:
    import pandas as pd

    from .registry import Registry

ADDRESS = "应为 postgresql://用户:密码@主机:端口/数据库; 密码里的 @ : / 等应写成 %40 %3A %2F"
"""What the address of a server looks like."""

_SERVER = ("postgresql:", "postgres:", "postgresql+psycopg:")


def open_registry(target: Path | str, *, create: bool = False, wait_s: float = 15.0) -> Registry:
    """Open a registry: the path of a GeoPackage, or ``postgresql://user:password@host/database``.

    Parameters
    ----------
    target
        No message ever shows the user or the password of an address.
    create
        Make an empty registry where there is none.
    wait_s
        How long a writer waits for another one.

    Raises
    ------
    WorkspaceError
        Missing, damaged, not a registry, of a newer boai, or the server cannot be reached.

    Examples
    --------
    >>> import tempfile, pandas as pd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open_registry(f"{folder}/layers.gpkg", create=True) as registry:
    ...         sites = pd.DataFrame({"id": ["a1"], "name": ["某社区"], "lon": [115.9], "lat": [28.7]})
    ...         revision = registry.apply("aed", sites, who="张三", file="aed.xlsx")
    ...         print(revision.number, revision.counts["added"], len(registry.sites("aed")))
    ...         registry.undo(who="张三").why
    1 1 1
    '撤销第 1 次改动'
    """
    from .registry import Registry  # noqa: PLC0415 (SQLAlchemy and pandas are slow to import)

    if isinstance(target, str) and target.strip().lower().startswith(_SERVER):
        try:
            from .postgis import open_postgis  # noqa: PLC0415 (optional packages)
        except ImportError as error:
            fix = "请运行 pip install boai[postgis]"
            raise WorkspaceError(Problem("登记库", "使用 PostGIS 缺少程序包", str(error.name), fix)) from None
        return Registry(open_postgis(target.strip(), create=create, wait_s=wait_s))
    if isinstance(target, str) and target.strip().lower().startswith("postgres") and "@" in target:
        raise InputError(Problem("登记库", "看不懂这个地址", fix=ADDRESS))
    if isinstance(target, str) and "://" in target:
        scheme = target.split("://", maxsplit=1)[0][:20]
        raise InputError(Problem("登记库", "应为 .gpkg 文件的路径或 postgresql:// 地址", f"{scheme}://"))
    from .geopackage import open_geopackage  # noqa: PLC0415

    return Registry(open_geopackage(Path(target), create=create, wait_s=wait_s))


def save_layers(layers: Mapping[Kind, Layer], path: Path) -> str:
    """Make a new registry of these layers, whole or not at all, and return the hash of its content.

    A registry that is there is replaced.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".layers.") as folder:
        ready = Path(folder) / path.name
        with open_registry(ready, create=True) as registry:
            tables: dict[str, pd.DataFrame] = {
                kind: layer.table.assign(example=layer.example) for kind, layer in layers.items()
            }
            registry.create(tables, who="boai", action="create", why="新建工作区")
        _clear(path)
        ready.replace(path)
    return stored_hash(path)


def _clear(path: Path) -> None:
    """Settle what a killed writer left of the old file: its journal must never meet the new one."""
    if path.is_dir():
        remove(path)
    if path.is_file():
        with suppress(sqlite3.Error, WorkspaceError), closing(connect(path, wait_s=10)) as base:
            base.execute("SELECT count(*) FROM sqlite_master")
    for tail in ("-journal", "-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
