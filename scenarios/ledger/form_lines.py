"""The lines of a returned form: found by their keys and headers, checked cell by cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...geodata.errors import Problem
from ...geodata.shown import shown
from .form import CHECKED, EVIDENCE, FILLED, HEADER_ROW, KEY, REMARK, REPORTED, REQUIRED
from .form_counts import parse_count, plain
from .form_files import Page, cell_name
from .targets import Target

MOST_TOLD = 300
"""Findings of one sheet that are told one by one; the rest are counted in one more."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong with a returned file."""

    file: str
    sheet: str
    cell: str
    what: str
    got: str = ""
    fix: str = ""
    counts: bool = False
    """Whether what was found there counts all the same."""

    def problem(self) -> Problem:
        """Say it in the house's form."""
        where = " ".join(part for part in (self.file, self.sheet, self.cell) if part)
        return Problem(where, self.what, self.got, self.fix)


@dataclass(frozen=True)
class Value:
    """What one line of a form says."""

    target: str
    code: str
    """City (four digits) or county (six)."""
    sheet: str
    cell: str
    got: str
    """The cell of the reported number as it stands."""
    reported: int | None = None
    """None: not filled in, or not understood."""
    required: int | None = None
    check: str = ""
    remark: str = ""
    evidence: str = ""
    doubt: str = ""
    """Why it does not count; empty where it counts."""


@dataclass(frozen=True)
class Wanted:
    """One line that a form must have."""

    key: str
    target: Target
    code: str
    """City (four digits) or county (six)."""
    texts: Mapping[str, str]
    """What stands in its locked cells, by header: whose line it is."""

    @property
    def name(self) -> str:
        """How the line is called in a message."""
        return " ".join(dict.fromkeys(self.texts[name] for name in ("县区", "目标") if name in self.texts))


class LineReader:
    """Reads the lines of one sheet; findings pile up in the order of the rows."""

    def __init__(self, file: str, page: Page, headers: Sequence[str], wanted: Sequence[Wanted]) -> None:
        self._file, self._page = file, page
        self._wanted = {each.key: each for each in wanted}
        self.findings: list[Finding] = []
        self._told = 0
        self._header, self._columns, self._edited = self._find_columns(headers)

    def _tell(self, cell: str, what: str, got: object = "", fix: str = "", *, counts: bool = False) -> None:
        self._told += 1
        if self._told > MOST_TOLD:
            what, cell, got, fix = (
                f"这张表另有 {self._told - MOST_TOLD} 处问题没有列出",
                "",
                "",
                "请先改好前面的",
            )
            del self.findings[MOST_TOLD:]
        self.findings.append(Finding(self._file, self._page.name, cell, what, shown(got), fix, counts))

    def _find_columns(self, headers: Sequence[str]) -> tuple[int, dict[str, int], frozenset[str]]:
        """Find the header row and the column of each header; where one was edited, its usual column.

        Returns the row, header → column, and the headers that were edited: their cells are doubtful.
        """
        page, row, columns = self._page, HEADER_ROW, dict[str, int]()
        names = {plain(header): header for header in headers}
        by_row: dict[int, dict[str, int]] = {}
        for (at, column), value in sorted(page.cells.items(), key=lambda item: item[0]):
            if at <= 30 and plain(value) in names:
                by_row.setdefault(at, {}).setdefault(names[plain(value)], column)
        for at, here in by_row.items():
            if len(here) > len(columns):
                row, columns = at, here
        edited = [header for header in headers if header not in columns]
        for header in edited:
            at = headers.index(header)
            told = "请不要改表头"
            if header in FILLED:
                told = f"这里应写“{header}”; 这一列的值列在存疑表里, 没有计入"
            got = page.cells.get((row, at))
            self._tell(
                cell_name(row, at), f"表头“{header}”被改或被删", got, told, counts=header not in FILLED
            )
            if at not in columns.values():
                columns[header] = at
        return row, columns, frozenset(edited)

    def read(self) -> Iterator[Value]:
        """Yield the value of every line of the form that is there."""
        page = self._page
        keys = {row: self._key(row) for row in page.rows if row > self._header}
        times = Counter(keys.values())
        self._tell_order([key for key in keys.values() if key in self._wanted])
        for row, key in keys.items():
            line = {name: page.cells.get((row, at)) for name, at in self._columns.items()}
            if key in self._wanted:
                doubt = self._doubt(row, self._wanted[key], line, times[key])
                yield self._value(row, self._wanted[key], line, doubt)
            else:
                self._tell_stray(row, line)
        for key, one in self._wanted.items():
            if key not in times:
                self._tell("", f"缺少一行: {one.name}", fix="这一行算未报; 请用原来的表补报")

    def _key(self, row: int) -> str:
        """Return the key of a line; where that column is gone, that of the line with the same texts."""
        cells = self._page.cells
        if KEY not in self._edited:
            return plain(cells.get((row, self._columns[KEY])))
        for one in self._wanted.values():
            there = {name: plain(cells.get((row, self._columns.get(name, -1)))) for name in one.texts}
            if there == {name: plain(text) for name, text in one.texts.items()}:
                return one.key
        return ""

    def _tell_order(self, got: Sequence[str]) -> None:
        there = list(dict.fromkeys(got))
        if there != [key for key in self._wanted if key in set(there)]:
            self._tell("", "各行的次序有变, 已按每行的标识对应", counts=True)

    def _tell_stray(self, row: int, line: Mapping[str, Any]) -> None:
        """List what stands in a line that is none of the form's."""
        written = [name for name in FILLED if plain(line.get(name)) not in ("", "—")]
        if not written:
            return
        name = plain(line.get("目标")) or plain(line.get(KEY))
        got = f"{name} {plain(line[written[0]])}".strip()
        fix = "请填进原有的行; 不要增加行或改标识"
        cell = cell_name(row, self._columns[written[0]])
        self._tell(cell, "这一行不是填报表里的行, 没有计入", got, fix)

    def _doubt(self, row: int, one: Wanted, line: Mapping[str, Any], times: int) -> str:
        """Say why a whole line does not count; empty where it counts."""
        if times > 1:
            fix, got = "请只留一行; 都没有计入", line.get(REPORTED)
            self._tell(
                cell_name(row, self._columns.get(KEY, 0)), f"{one.name} 这一行出现 {times} 次", got, fix
            )
            return "同一行出现多次"
        there = {name: text for name, text in one.texts.items() if name in self._columns}
        wrong = [name for name, text in there.items() if plain(line.get(name)) != plain(text)]
        if not wrong:
            return ""
        what = f"{wrong[0]}与这一行的标识 ({there[wrong[0]]}) 不符, 行可能移动或改过"
        fix = "请用原来的表重填这一行; 没有计入"
        self._tell(cell_name(row, self._columns[wrong[0]]), what, line.get(wrong[0]), fix)
        return "行的内容与标识不符"

    def _value(self, row: int, one: Wanted, line: Mapping[str, Any], doubt: str) -> Value:
        """Read the cells of a line."""
        numbers: dict[str, int | None] = {}
        for name in (REPORTED, REQUIRED):
            number, why = self._number(row, name, one.target.reported_unit)
            numbers[name], doubt = number, doubt or why
        return Value(
            target=one.target.id,
            code=one.code,
            sheet=self._page.name,
            cell=cell_name(row, self._columns.get(REPORTED, 0)),
            got=shown(plain(line.get(REPORTED))),
            reported=numbers[REPORTED],
            required=numbers[REQUIRED],
            check=plain(line.get(CHECKED))[:100],
            remark=plain(line.get(REMARK))[:500],
            evidence=plain(line.get(EVIDENCE))[:200],
            doubt=doubt,
        )

    def _number(self, row: int, name: str, unit: str) -> tuple[int | None, str]:
        """Read one number: the number, and why it does not count."""
        if name not in self._columns:
            return None, ""
        at = self._columns[name]
        cell, value = cell_name(row, at), self._page.cells.get((row, at))
        if name in self._edited:
            return parse_count(value, unit)[0], "表头被改" if plain(value) not in ("", "—") else ""
        merged = [m for m in self._page.merges if m[0] <= row <= m[2] and m[1] <= at <= m[3]]
        if merged:
            fix = "请取消合并, 每行各填各的; 没有计入"
            self._tell(cell, "单元格被合并, 不知道数属于哪一行", value, fix)
            return None, "单元格被合并"
        if cell in self._page.formulas:
            fix = "请把公式改成数 (复制, 选择性粘贴为数值); 没有计入"
            self._tell(cell, "这里是公式, 不是填写的数", value, fix)
            return None, "是公式"
        number, what, counts = parse_count(value, unit)
        if what:
            fix = "已按此计入, 请核对" if counts else "请填 0 或正整数, 不确定的写在说明栏; 没有计入"
            self._tell(cell, what, value, fix, counts=counts)
        return number, "" if counts else what
