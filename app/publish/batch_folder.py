"""The folder of a batch of sheets: which files are the batch's own, which are current, and their index.

A hidden journal lists every file that a batch has put here with its hash, before it is put here: so what a
person has laid beside the sheets, or written into one of them, is never overwritten, and a call that is
killed goes on where it was.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...geodata.errors import InputError, Problem
from ...geodata.folders import locked, remove
from ...geodata.store import file_hash, replacing
from ..workspace import MANIFEST

JOURNAL, LOCK = ".boai-sheets.jsonl", ".boai-sheets.lock"
INDEX = "目录"
_STAGING = ".boai-sheets."
_MOST_JOURNAL = 256 << 20

HEADERS = {
    "level": "级别",
    "city": "设区市",
    "unit": "范围",
    "theme": "主题",
    "kind": "图层",
    "scenario": "方案",
    "size": "纸张",
    "release": "用途",
    "date": "制图日期",
    "state": "状态",
    "files": "文件",
}
"""Columns of the index."""


@dataclass(frozen=True)
class Entry:
    """A sheet in the folder."""

    name: str
    """Name of its files without the suffix."""
    key: str
    """Hash of all that it was made from."""
    files: Mapping[str, str]
    """SHA-256 of each file."""
    before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """SHA-256 of what the batch had put there before: one killed while it renames leaves that."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What the index says of it."""


class SheetFolder:
    """The files of a batch in their folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """Hold the folder for one batch, and give a place inside for unfinished sheets.

        Raises
        ------
        InputError
            It is no folder, or a workspace itself.
        WorkspaceError
            Another batch is writing here.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(Problem(str(self.path), "这里不能放图纸: 它不是文件夹", fix="请换一个文件夹"))
        if (self.path / MANIFEST).exists():
            fix = "请换一个文件夹, 例如工作区里的 maps/sheets"
            raise InputError(Problem(str(self.path), "这里是工作区本身, 不能放图纸", fix=fix))
        self.path.mkdir(parents=True, exist_ok=True)
        with locked(self.path / LOCK, str(self.path)):
            for left in self.path.glob(f"{_STAGING}*.tmp"):  # of a batch that was killed
                remove(left)
            self.entries = dict(_read(self.path / JOURNAL))
            self._write_journal()
            staging = Path(tempfile.mkdtemp(dir=self.path, prefix=_STAGING, suffix=".tmp"))
            try:
                yield staging
            finally:
                shutil.rmtree(staging, ignore_errors=True)

    def is_current(self, name: str, key: str) -> bool:
        """Tell whether a sheet is there as it would be drawn again."""
        entry = self.entries.get(name)
        if entry is None or entry.key != key:
            return False
        paths = [(self.path / file, digest) for file, digest in entry.files.items()]
        return all(path.is_file() and file_hash(path) == digest for path, digest in paths)

    def check_own(self, names: Sequence[str]) -> None:
        """Refuse to write over files that the batch has not put here as they are; raises ``InputError``."""
        problems = []
        for name in names:
            path = self.path / name
            if not (path.exists() or path.is_symlink()):
                continue
            known = self._known(name)
            if not path.is_file() or path.is_symlink() or file_hash(path) not in known:
                what = "文件被改动过, 没有覆盖" if known else "已有同名文件, 不是这批图纸, 没有覆盖"
                fix = "请改名或移走, 或换一个文件夹; 确实要覆盖的, 加 --overwrite"
                problems.append(Problem(name, what, fix=fix))
        if problems:
            raise InputError(problems)

    def _known(self, name: str) -> set[str]:
        """List the hashes that a file of the batch may have."""
        found: set[str] = set()
        for entry in self.entries.values():
            found |= {entry.files[name]} if name in entry.files else set()
            found |= set(entry.before.get(name, ()))
        return found

    def put(self, entry: Entry, ready: Sequence[Path], *, overwrite: bool = False) -> list[Path]:
        """Put finished files in their places; raises ``InputError`` where a person's file is in the way."""
        names = [path.name for path in ready]
        if not overwrite:
            self.check_own(names)
        files = {path.name: file_hash(path) for path in ready}
        before = {name: tuple(sorted(self._known(name))) for name in names if (self.path / name).exists()}
        self._note(Entry(entry.name, entry.key, files, before, entry.about))
        for path in ready:
            path.replace(self.path / path.name)
        return [self.path / name for name in names]

    def _note(self, entry: Entry) -> None:
        self.entries[entry.name] = entry
        with (self.path / JOURNAL).open("a", encoding="utf-8") as file:
            file.write(_line(entry))
            file.flush()
            os.fsync(file.fileno())

    def _write_journal(self) -> None:
        """Write the journal anew, one line for each sheet."""
        with replacing(self.path / JOURNAL) as temporary:
            temporary.write_text("".join(map(_line, self.entries.values())), encoding="utf-8")

    def write_index(
        self, states: Mapping[str, str], failed: Sequence[tuple[str, str]], staging: Path
    ) -> list[Path]:
        """List all sheets that lie here as a workbook and as CSV, and those that could not be drawn."""
        rows = []
        for entry in sorted(self.entries.values(), key=_place):
            there = [name for name in entry.files if (self.path / name).is_file()]
            if entry.about and there:
                about = {**entry.about, "state": states.get(entry.name, "未核对"), "files": "、".join(there)}
                rows.append([about.get(name, "") for name in HEADERS])
        ready = [_write_workbook(staging / f"{INDEX}.xlsx", rows, failed)]
        ready.append(_write_csv(staging / f"{INDEX}.csv", rows))
        return self.put(Entry(INDEX, "", {}), ready)


def _place(entry: Entry) -> tuple[str, ...]:
    return (entry.about.get("order", ""), entry.about.get("theme", ""), entry.name)


def _line(entry: Entry) -> str:
    return json.dumps(asdict(entry), ensure_ascii=False, sort_keys=True) + "\n"


def _read(path: Path) -> Iterator[tuple[str, Entry]]:
    """Read a journal; lines that were cut or are no entries count for nothing."""
    if not path.is_file() or path.stat().st_size > _MOST_JOURNAL:
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            made = json.loads(line)
            files = {_plain(name): str(digest) for name, digest in made["files"].items()}
            before = {_plain(name): tuple(map(str, each)) for name, each in made["before"].items()}
            about = {str(name): str(text) for name, text in made["about"].items()}
            yield str(made["name"]), Entry(str(made["name"]), str(made["key"]), files, before, about)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue


def _plain(name: str) -> str:
    """Return the name of a file in the folder itself; raises ``ValueError``."""
    if name != Path(name).name or name in ("", ".", ".."):
        raise ValueError(name)
    return name


def _write_workbook(path: Path, rows: list[list[Any]], failed: Sequence[tuple[str, str]]) -> Path:
    from ...maps.tables import safe_text  # noqa: PLC0415 (pandas is slow to import)
    from ...maps.workbook import Sheet, workbook_bytes  # noqa: PLC0415

    def safe(each: Sequence[str]) -> list[str]:
        return [safe_text(text) for text in each]

    blank = [""] * len(HEADERS)
    sheets = [Sheet(INDEX, list(HEADERS.values()), [safe(row) for row in rows], blank)]
    if failed:
        sheets.append(Sheet("没有画成", ["图纸", "原因"], [safe(row) for row in failed], ["", ""], wrapped=1))
    path.write_bytes(workbook_bytes(sheets))
    return path


def _write_csv(path: Path, rows: list[list[Any]]) -> Path:
    from ...maps.tables import safe_text  # noqa: PLC0415 (pandas is slow to import)

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADERS.values())
    writer.writerows([safe_text(cell) for cell in row] for row in rows)
    path.write_bytes(text.getvalue().encode("utf-8-sig"))
    return path
