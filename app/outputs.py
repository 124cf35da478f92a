"""Files that the commands on layers leave behind: none may replace what a person has filled in or mended."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..geodata.errors import InputError, Problem
from ..geodata.registry.reading import connect
from ..geodata.store import write_text
from .workspace import MANIFEST

if TYPE_CHECKING:
    from ..geodata.intake.model import Intake


@dataclass(frozen=True)
class Reading:
    """How a file is to be read: what the user knows about it, and what to leave behind besides the answer."""

    file: Path
    kind: str
    crs: str = ""
    confirm: bool = False
    mapping: Path | None = None
    save_mapping: Path | None = None
    sheet: str | None = None
    report: Path | None = None
    types: Path | None = None
    overwrite: bool = False


def check_outputs(reading: Reading) -> None:
    """Refuse, before anything is read, what would be written over a file of the user's."""
    if reading.save_mapping is not None:
        check_apart(reading.save_mapping, reading.file)
        check_new(reading.save_mapping, overwrite=reading.overwrite)
    if reading.report is not None:
        check_report(reading.report, reading.file)


def leave(found: Intake, reading: Reading) -> None:
    """Write what the user asked for besides the answer."""
    from ..geodata.intake.mapping import save_mapping  # noqa: PLC0415 (slow to import; `nearest` needs it not)
    from ..geodata.intake.report import write_report  # noqa: PLC0415

    if reading.save_mapping is not None:
        save_mapping(found.mappings, reading.save_mapping)
    if reading.report is not None:
        write_report(found, reading.report)


def check_new(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that is there already, unless the user says to overwrite; raises ``InputError``.

    What is no plain file (a folder, a device) and what belongs to boai (a registry, a part of a workspace) is
    never overwritten.
    """
    if path.exists() and not path.is_file():
        raise InputError(Problem(str(path), "这里不能写文件: 它是文件夹或设备", fix="请换一个文件名"))
    if path.exists() and ((path.resolve().parent / MANIFEST).exists() or _is_registry(path)):
        raise InputError(Problem(str(path), "这是 boai 自己的文件, 不能覆盖", fix="请换一个位置"))
    if path.exists() and not overwrite:
        fix = "请换一个文件名; 确实要覆盖的, 加 --overwrite"
        raise InputError(Problem(str(path), "文件已存在, 没有写出", fix=fix))


def check_folder(path: Path) -> None:
    """Refuse a folder that is there already; raises ``InputError``."""
    if path.exists() or path.is_symlink():
        raise InputError(Problem(str(path), "已存在, 没有写出表格", fix="请写一个还没有的文件夹"))


def _is_registry(path: Path) -> bool:
    """Tell whether a file is a registry, also a damaged one or one of another version."""
    try:
        with path.open("rb") as file:
            if not file.read(16).startswith(b"SQLite format 3"):
                return False
        with closing(connect(path, wait_s=1.0)) as base:
            query = "SELECT count(*) FROM sqlite_master WHERE name = 'boai_format'"
            return bool(base.execute(query).fetchone()[0])
    except (OSError, sqlite3.Error):
        return True  # what cannot be looked at is not overwritten


def check_apart(path: Path, source: Path) -> None:
    """Refuse to write over what is read; raises ``InputError``."""
    there, read = path.resolve(), source.resolve()
    if there.exists() and (there == read or (read.is_dir() and there.is_relative_to(read))):
        raise InputError(Problem(str(path), "不能覆盖要读的文件", fix="请换一个文件名"))


def check_report(path: Path, source: Path) -> None:
    """Refuse a report that is no Excel file, or that would replace what is read; raises ``InputError``."""
    if path.suffix.lower() != ".xlsx":
        fix = "文件名请以 .xlsx 结尾"
        raise InputError(Problem(str(path), "问题报告是 Excel 文件", path.suffix or "没有后缀", fix))
    check_apart(path, source)
    check_new(path, overwrite=True)


def write_rows(rows: Sequence[Mapping[str, Any]], path: Path, systems: Mapping[int, str]) -> None:
    """Write quarantined rows with all their columns and what was wrong, as UTF-8 with a mark for Excel.

    ``systems`` tells the coordinate system of each import: a row that does not state its own gets that one,
    for the title or the other rows that told it stay behind.
    """
    from ..geodata.export_table import neutral  # noqa: PLC0415 (slow to import)

    columns = list(dict.fromkeys(header for row in rows for header in row["cells"]))
    own = any("坐标系" in header for header in columns)
    added = [] if own or not any(systems.get(row["revision"]) for row in rows) else ["坐标系"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*map(neutral, columns), *added, "问题(请改好后删去此列)"])
    for row in rows:
        cells = [neutral(str(row["cells"].get(header) or "")) for header in columns]
        cells += [neutral(systems.get(row["revision"], "")) for _ in added]
        writer.writerow([*cells, neutral(str(row["problems"]))])
    write_text(path, "\ufeff" + text.getvalue())
