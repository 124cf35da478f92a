"""The report on an intake: a workbook with the problems, the verdict, the headers and the rows marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from ..errors import InputError, Problem
from ..store import replacing
from .cells import as_text
from .codes import CODES
from .model import Finding, Intake, RawTable, Severity

SEVERITY_NAMES: Mapping[Severity, str] = {"error": "错误", "warning": "警告", "note": "提示"}
"""Chinese names of the severities."""

STATUS_NAMES = {
    "none": "没有坐标",
    "stated": "已写明, 检验相符",
    "tested": "检验确定",
    "confirmed": "用户确认",
    "doubtful": "无法判定",
    "contradicted": "写明的与检验不符",
}
"""Chinese names of the verdict's statuses."""

WHOLE_ROWS = 20_000
"""Tables up to this size are repeated whole; of larger ones only the rows with problems."""

_MOST_TEXT = 32_000
_MOST_ROWS = 1_000_000
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_FILLS: Mapping[str, PatternFill] = {
    "error": PatternFill("solid", start_color="FFFF9999"),
    "warning": PatternFill("solid", start_color="FFFFE699"),
    "row": PatternFill("solid", start_color="FFFCE4E4"),
    "head": PatternFill("solid", start_color="FFE7E6E6"),
}


def write_report(intake: Intake, path: Path) -> None:
    """Write the report; it appears whole or not at all.

    Sheets: 问题 (one line per finding), 坐标判定 (evidence), 表头对应, and each table as it was read, its bad
    cells and rows coloured and its problems in the last column. Every text is written as text, never as a
    formula.

    Raises
    ------
    InputError
        The folder does not exist or cannot be written.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(Problem(str(path), "无法写入报告", fix="请写已有文件夹里的文件名"))
    book = openpyxl.Workbook(write_only=True)
    _write_problems(book, intake)
    _write_verdicts(book, intake)
    _write_mappings(book, intake)
    names = {"问题", "坐标判定", "表头对应"}
    for table in intake.tables:
        _write_table(book, intake, table, names)
    with replacing(path) as temporary:
        book.save(temporary)


def safe_text(value: Any) -> str:
    """Write a value as text that a workbook can hold, without control characters.

    Examples
    --------
    >>> safe_text("a" + chr(0) + "b"), safe_text(None), safe_text(3.0)
    ('ab', '', '3')
    """
    return _ILLEGAL.sub("", as_text(value))[:_MOST_TEXT]


def _cell(page: Any, value: Any, fill: str = "", *, bold: bool = False, wrap: bool = False) -> Any:
    """Make a cell: numbers stay numbers, everything else is text, whatever it begins with."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
    cell = WriteOnlyCell(page, value if number else safe_text(value))
    if not number:
        cell.data_type = "s"
        cell.quotePrefix = True
    if fill:
        cell.fill = _FILLS[fill]
    if bold:
        cell.font = Font(bold=True)
    if wrap:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell


def _sheet(book: Any, title: str, headers: Sequence[str], widths: Sequence[int], lines: int) -> Any:
    """Begin a sheet with a frozen header and filters."""
    page = book.create_sheet(title)
    page.freeze_panes = "A2"
    for number, width in enumerate(widths, 1):
        page.column_dimensions[get_column_letter(number)].width = width
    page.auto_filter.ref = f"A1:{get_column_letter(max(len(headers), 1))}{lines + 1}"
    page.append([_cell(page, header, "head", bold=True) for header in headers])
    return page


def _write_problems(book: Any, intake: Intake) -> None:
    headers = ("程度", "文件", "工作表", "行", "列", "问题", "得到", "怎么办", "类别", "代码")
    page = _sheet(book, "问题", headers, (6, 24, 14, 7, 16, 60, 24, 40, 16, 20), len(intake.findings))
    for found in intake.findings[:_MOST_ROWS]:
        title = CODES[found.code][1] if found.code in CODES else ""
        cells = (
            found.file,
            found.sheet,
            found.row,
            found.column,
            found.what,
            found.got,
            found.fix,
            title,
            found.code,
        )
        fill = found.severity if found.severity != "note" else ""
        first = _cell(page, SEVERITY_NAMES[found.severity], fill)
        page.append([first, *(_cell(page, value, wrap=len(str(value)) > 60) for value in cells)])


def _write_verdicts(book: Any, intake: Intake) -> None:
    headers = (
        "部分",
        "判定",
        "状态",
        "坐标系",
        "概率",
        "写明县区的点",
        "在所写县区内",
        "在省内",
        "离地名(米)",
        "离道路(米)",
        "说明",
    )
    page = _sheet(book, "坐标判定", headers, (24, 12, 16, 12, 10, 12, 12, 10, 10, 10, 80), 0)
    verdicts = dict(intake.verdicts) or {"全部": intake.verdict}
    for label, verdict in verdicts.items():
        fill = "error" if verdict.refused else ""
        reasons = "; ".join(verdict.reasons)
        head = (label, verdict.system, STATUS_NAMES[verdict.status])
        lines: list[tuple[Any, ...]] = [
            (
                each.system,
                each.probability,
                each.points,
                each.in_county,
                each.in_province,
                each.place_shift_m,
                each.road_distance_m,
            )
            for each in verdict.evidence
        ] or [("",) * 7]
        for number, line in enumerate(lines):
            first = [_cell(page, value, fill) for value in (head if number == 0 else ("", "", ""))]
            page.append(
                [
                    *first,
                    *(_cell(page, v) for v in line),
                    _cell(page, reasons if number == 0 else "", wrap=True),
                ]
            )


def _write_mappings(book: Any, intake: Intake) -> None:
    headers = ("文件", "工作表", "表头", "对应属性", "说明")
    page = _sheet(book, "表头对应", headers, (24, 16, 24, 16, 30), 0)
    for each in intake.mappings:
        for header, name in each.attributes.items():
            page.append([_cell(page, value) for value in (each.file, each.sheet, header, name, "")])
        for header in each.extras:
            page.append([_cell(page, v) for v in (each.file, each.sheet, header, "-", "留作附加列")])


# The tables


def _write_table(book: Any, intake: Intake, table: RawTable, names: set[str]) -> None:
    """Repeat a table with its problems marked; nothing where it has none."""
    marks, texts = _marks(intake, table)
    if not texts:
        return
    wanted = range(table.n_rows)
    note = ""
    if table.n_rows > WHOLE_ROWS:
        wanted_rows = [at for at, row in enumerate(table.row) if int(row) in texts]
        note = f"原表 {table.n_rows} 行, 只列出有问题的 {len(wanted_rows)} 行"
        lines: Iterable[int] = wanted_rows
    else:
        lines = wanted
    headers = list(table.columns)
    page = _sheet(
        book, _sheet_name(table, names), ["行", *headers, "问题"], [7, *[14] * len(headers), 60], table.n_rows
    )
    if note:
        page.append([_cell(page, note)])
    for at in lines:
        page.append(_row(page, table, at, marks, texts))


def _marks(intake: Intake, table: RawTable) -> tuple[dict[tuple[int, str], str], dict[int, list[str]]]:
    """Colours of the cells, (row, header) → severity, and texts of the rows with problems."""
    marks: dict[tuple[int, str], str] = {}
    texts: dict[int, list[str]] = {}
    for found in intake.findings:
        if (
            found.row is None
            or (found.file, found.sheet) != (table.file, table.sheet)
            or found.severity == "note"
        ):
            continue
        texts.setdefault(found.row, []).append(_line(found))
        for header in (found.column, *found.column.split(", ")):
            if marks.get((found.row, header)) != "error":
                marks[found.row, header] = found.severity
    bad = intake.quarantine
    if len(bad):
        own = bad[(bad["file"] == table.file) & (bad["sheet"] == table.sheet)]
        for row, problems in zip(own["row"], own["problems"], strict=True):
            marks[int(row), ""] = "row"
            texts.setdefault(int(row), [f"错误: {text}" for text in str(problems).split("\n")])
    return marks, texts


def _line(found: Finding) -> str:
    where = f"{found.column}: " if found.column else ""
    return f"{SEVERITY_NAMES[found.severity]}: {where}{found.what}" + (f"; {found.fix}" if found.fix else "")


def _row(
    page: Any,
    table: RawTable,
    at: int,
    marks: Mapping[tuple[int, str], str],
    texts: Mapping[int, Sequence[str]],
) -> list[Any]:
    """Write one row of a table with its problems."""
    number = int(table.row[at])
    base = "row" if marks.get((number, "")) == "row" else ""
    cells = [
        _cell(page, column[at], marks.get((number, header), base)) for header, column in table.columns.items()
    ]
    told = "\n".join(texts.get(number, ()))
    return [_cell(page, number, base), *cells, _cell(page, told, base, wrap=bool(told))]


def _sheet_name(table: RawTable, names: set[str]) -> str:
    """Make a name that a workbook allows and that is not taken."""
    text = re.sub(
        r"[\[\]:*?/\\'\x00-\x1f]", " ", f"原表 {table.sheet or table.file.rpartition('/')[2]}"
    ).strip()[:26]
    name, number = text, 2
    while name.lower() in {each.lower() for each in names}:
        name, number = f"{text} {number}", number + 1
    names.add(name)
    return name
