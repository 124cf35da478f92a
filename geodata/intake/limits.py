"""How much a file from outside may ask for, and the refusal when it asks for more."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import InputError
from .codes import as_problem, finding
from .model import Finding

MB = 1 << 20

MOST_BYTES = 200 * MB
"""Largest file that is opened."""

MOST_TEXT = 100 * MB
"""Largest KML, GPX, GeoJSON or HTML file: these become many small objects in memory."""

MOST_UNPACKED = 600 * MB
"""Most bytes that come out of one zip file (an Excel workbook is one), all members together."""

MOST_MEMBERS = 5_000
"""Most members of one zip file."""

MOST_FILES = 2_000
"""Most files of one folder, with those in its folders."""

MOST_DEPTH = 12
"""Deepest folder below the given one."""

MOST_ROWS = 1_048_576
"""Most rows of one table: what a sheet of Excel holds."""

MOST_COLUMNS = 2_000
"""Most columns of one table."""

MOST_CELLS = 20_000_000
"""Most cells of one file, rows × columns in use."""

MOST_RATIO, RATIO_FROM = 150, 64 * MB
"""Most that a member may grow when it is unpacked, once it is larger than the second figure. Sheets grow up
to some sixty times; only made-up content grows more."""

MOST_ELEMENTS = 5 * MOST_CELLS
"""Most elements of an XML file: bounds the time."""

LONGEST_TOKEN = 8 * MB
"""Longest tag with its attributes."""

MOST_NESTING = 200
"""Deepest nesting of elements in an XML file."""

MOST_SHEETS = 500
"""Most sheets or layers of one file."""

MOST_NAMED = 200
"""Findings of one kind that a table names one by one; the rest are counted in one more."""

LONGEST_CELL = 32_767
"""Most characters of a cell, as in Excel."""


class RefusedError(InputError):
    """Nothing is read; ``findings`` hold the reasons with their stable codes, ``finding`` is the first."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        super().__init__([as_problem(found) for found in findings])

    @property
    def finding(self) -> Finding:
        """The first reason."""
        return self.findings[0]


def refuse(
    code: str, what: str, *, file: str = "", sheet: str = "", got: object = "", fix: str = ""
) -> RefusedError:
    """Make the error with which a file, or a sheet of it, is refused.

    Examples
    --------
    >>> raise refuse("encrypted", "工作簿有打开密码", file="aed.xlsx", fix="请去掉密码后再导入")
    Traceback (most recent call last):
    boai.geodata.intake.limits.RefusedError: aed.xlsx: 工作簿有打开密码; 请去掉密码后再导入
    """
    return RefusedError(finding(code, what, severity="error", file=file, sheet=sheet, got=got, fix=fix))


def megabytes(size: int) -> str:
    """Write a size for a user.

    Examples
    --------
    >>> megabytes(314572800)
    '300 MB'
    """
    return f"{size / MB:.0f} MB"


def check_size(size: int, *, file: str, most: int = MOST_BYTES) -> None:
    """Refuse a file above ``most`` bytes."""
    if size > most:
        fix = "请拆成几个文件, 或去掉图片等附件后再导入"
        raise refuse(
            "file_too_large", f"文件不能超过 {megabytes(most)}", file=file, got=megabytes(size), fix=fix
        )


def check_shape(rows: int, columns: int, *, file: str, sheet: str = "") -> None:
    """Refuse a table with more rows, columns or cells than a table may have."""
    where = {"file": file, "sheet": sheet}
    if rows > MOST_ROWS:
        raise refuse(
            "file_too_large", f"表格不能超过 {MOST_ROWS} 行", got=f"{rows} 行", fix="请拆分后再导入", **where
        )
    if columns > MOST_COLUMNS:
        what = f"表格不能超过 {MOST_COLUMNS} 列"
        raise refuse("file_too_large", what, got=f"{columns} 列", fix="请删去多余的列后再导入", **where)
    if rows * columns > MOST_CELLS:
        what = f"表格不能超过 {MOST_CELLS // 10_000} 万个单元格"
        got = f"{rows} 行 × {columns} 列"
        raise refuse("file_too_large", what, got=got, fix="请拆分后再导入", **where)


def read_bytes(path: Path, *, file: str) -> bytes:
    """Read a regular file whole, or refuse it: too large, a pipe or a device, or not readable.

    The size is checked before the file is read, and again on what was read.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            fix = "请给出普通文件、文件夹或 zip 压缩包"
            raise refuse("file_unreadable", "不是普通文件 (是管道、设备等), 不读取", file=file, fix=fix)
        check_size(facts.st_size, file=file)
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise refuse("file_unreadable", "不是普通文件, 不读取", file=file)
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        what = f"文件无法读取 ({_why(error)})"
        raise refuse(
            "file_unreadable", what, file=file, fix="请确认文件没有被其他程序占用, 且有读取权限"
        ) from None
    check_size(len(content), file=file)
    return content


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "文件不存在"
    if isinstance(error, PermissionError):
        return "没有权限"
    return error.strerror or type(error).__name__
