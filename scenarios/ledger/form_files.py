"""Files that cities send back: any bytes → the cells of the sheets that are asked for, nothing executed."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...geodata.intake.archive import Archive
from ...geodata.intake.grid import Grid, column_letters
from ...geodata.intake.limits import MB, RefusedError, check_size, megabytes, read_bytes, refuse
from ...geodata.intake.markup import parse_xml
from ...geodata.intake.ods import read_ods
from ...geodata.intake.ole import MAGIC as OLE
from ...geodata.intake.xls import read_xls
from ...geodata.intake.xlsx import read_xlsx
from ...geodata.shown import clean_name

MOST_BYTES = 20 * MB
"""Largest form that is opened; an empty one has some 20 kB."""

MOST_UNPACKED = 30 * MB
"""Most bytes that come out of one; an empty form unpacks to some 200 kB."""

_MOST_FORMULAS = 10_000
_SAVE = "请用 Excel 或 WPS 打开原来的填报表, 另存为 xlsx 再发"


@dataclass(frozen=True)
class Page:
    """One sheet: what its cells hold, by row (from 1) and column (from 0)."""

    name: str
    cells: dict[tuple[int, int], Any]
    merges: tuple[tuple[int, int, int, int], ...] = ()
    """First row, first column, last row, last column, both ends included."""
    formulas: frozenset[str] = frozenset()
    """Cells that are formulas, such as ``K5``; what they hold is what was calculated last."""

    @property
    def rows(self) -> list[int]:
        """Row numbers with content, ascending."""
        return sorted({row for row, _ in self.cells})


@dataclass(frozen=True)
class FormFile:
    """The sheets of one file."""

    name: str
    """Name without folder, fit to be shown."""
    pages: dict[str, Page]
    has_macros: bool = False


def cell_name(row: int, column: int) -> str:
    """Name a cell as spreadsheet programs do.

    Examples
    --------
    >>> cell_name(4, 10)
    'K4'
    """
    return f"{column_letters(column)}{row}"


def read_form_file(path: Path, wanted: Collection[str]) -> FormFile:
    """Read the wanted sheets of a workbook (xlsx, xlsm, xls, ods), hidden ones as well.

    Raises
    ------
    RefusedError
        No workbook, too large, encrypted, damaged, a zip bomb: in one Chinese sentence.
    """
    name = clean_name(path.name)
    content = read_bytes(path, file=name)
    check_size(len(content), file=name, most=MOST_BYTES)

    def is_wanted(title: str, _: bool) -> bool:
        return title.strip() in wanted

    if content.startswith(OLE):
        return FormFile(name, _pages(read_xls(content, file=name, wanted=is_wanted), {}))
    if not content.startswith(b"PK"):
        raise refuse("unsupported_format", "这不是 Excel 工作簿", file=name, fix=_SAVE)
    archive = Archive(content, file=name)
    if sum(archive.size(part) for part in archive.names) > MOST_UNPACKED:
        what = f"解压后的内容超过 {megabytes(MOST_UNPACKED)}"
        raise refuse("unsafe_archive", what, file=name, fix="请核对文件来源; 去掉图片等附件后再发")
    grids, formulas = _read_archive(archive, name, is_wanted)
    has_macros = any(part.lower().endswith("vbaproject.bin") for part in archive.names)
    return FormFile(name, _pages(grids, formulas), has_macros)


def _read_archive(
    archive: Archive, name: str, wanted: Callable[[str, bool], bool]
) -> tuple[list[Grid], dict[str, frozenset[str]]]:
    if archive.find("xl/workbook.xml") is not None:
        return read_xlsx(archive, file=name, wanted=wanted), _formulas(archive, name, wanted)
    if archive.find("content.xml") is not None:
        return read_ods(archive, file=name, wanted=wanted), {}
    raise refuse("unsupported_format", "这不是 Excel 工作簿", file=name, fix=_SAVE)


def _pages(grids: Collection[Grid], formulas: dict[str, frozenset[str]]) -> dict[str, Page]:
    pages = {}
    for grid in grids:
        cells = {
            (number, column): value
            for number, row in zip(grid.numbers, grid.rows, strict=True)
            for column, value in enumerate(row)
            if value is not None and value != ""
        }
        title = grid.sheet.strip()
        pages[title] = Page(title, cells, grid.merges, formulas.get(title, frozenset()))
    return pages


def _formulas(archive: Archive, file: str, wanted: Callable[[str, bool], bool]) -> dict[str, frozenset[str]]:
    """Find the cells that are formulas, by sheet: the reader of cells gives their last results only."""
    sheets: dict[str, str] = {}
    targets: dict[str, str] = {}

    def sheet(element: str, attributes: dict[str, str]) -> None:
        if element == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            sheets[relation] = attributes.get("name", "").strip()

    def relation(element: str, attributes: dict[str, str]) -> None:
        if element == "Relationship":
            target = attributes.get("Target", "").replace("\\", "/")
            inside = target.lstrip("/") if target.startswith("/") else posixpath.join("xl", target)
            targets[attributes.get("Id", "")] = posixpath.normpath(inside)

    for part, start in (("xl/workbook.xml", sheet), ("xl/_rels/workbook.xml.rels", relation)):
        there = archive.find(part)
        if there is not None:
            parse_xml(archive.stream(there), start=start, end=_nothing, text=None, file=file)
    found = {}
    for key, title in sheets.items():
        there = archive.find(targets.get(key, ""))
        if there is not None and wanted(title, False):
            found[title] = _formula_cells(archive, there, file)
    return found


def _formula_cells(archive: Archive, part: str, file: str) -> frozenset[str]:
    cells: set[str] = set()
    here = ""

    def start(element: str, attributes: dict[str, str]) -> None:
        nonlocal here
        if element == "c":
            here = attributes.get("r", "")
        elif element == "f":
            cells.add(here)
            if len(cells) > _MOST_FORMULAS:
                raise refuse("file_too_large", "工作簿里的公式太多", file=file, fix=_SAVE)

    parse_xml(archive.stream(part), start=start, end=_nothing, text=None, file=file)
    return frozenset(cells)


def _nothing(_: str) -> None:
    """Close an element that is of no interest."""


__all__ = ["FormFile", "Page", "RefusedError", "cell_name", "read_form_file"]
