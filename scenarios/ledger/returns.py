"""One returned form → its values: good ones count, doubtful ones are listed with what to do, none is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ...geodata.demand import Demand
from ...geodata.intake.dates import read_date
from ...geodata.shown import shown
from .form import (
    COUNTIES,
    COUNTY_HEADERS,
    COVER,
    COVER_FIELDS,
    ENTRY,
    ENTRY_HEADERS,
    FORM,
    MARKS,
    VERSION,
    is_by_county,
)
from .form_counts import plain
from .form_files import FormFile, cell_name, read_form_file
from .form_lines import Finding, LineReader, Value, Wanted
from .stock import unit_codes, unit_names
from .targets import Ledger

_AGAIN = "请省里重新发表, 把数填进新表再发"


@dataclass(frozen=True)
class Return:
    """One returned file."""

    file: str
    city: str = ""
    """Four digits of the code; empty where the file does not tell."""
    year: int | None = None
    cover: Mapping[str, str] = field(default_factory=dict)
    values: tuple[Value, ...] = ()
    findings: tuple[Finding, ...] = ()
    doubt: str = ""
    """Why nothing of the file counts; empty where it counts."""


class _Reader:
    """What is collected while one file is read."""

    def __init__(self, file: FormFile, ledger: Ledger, demand: Demand) -> None:
        self.file, self.ledger, self.demand = file, ledger, demand
        self.findings: list[Finding] = []

    def tell(
        self, sheet: str, cell: str, what: str, got: object = "", *, fix: str = "", counts: bool = False
    ) -> None:
        self.findings.append(Finding(self.file.name, sheet, cell, what, shown(got), fix, counts))


def read_return(path: Path, ledger: Ledger, demand: Demand) -> Return:
    """Read one returned form.

    Raises
    ------
    RefusedError
        The file is no workbook or unsafe.
    """
    file = read_form_file(path, (COVER, ENTRY, COUNTIES, MARKS))
    reader = _Reader(file, ledger, demand)
    if file.has_macros:
        fix = "宏没有运行; 请不要在省里的电脑上启用宏, 让市里另存为 xlsx 再发"
        reader.tell("", "", "文件里有宏", fix=fix, counts=True)
    marks = _marks(file)
    city, year, doubt = _whose(reader, marks)
    cover = _cover(reader, city, year)
    doubt = doubt or cover.pop("doubt", "")
    values: list[Value] = []
    if city and year is not None:
        wanted = list(_wanted(ledger, demand, city, year))
        for sheet, headers in ((ENTRY, ENTRY_HEADERS), (COUNTIES, COUNTY_HEADERS)):
            own = [one for one in wanted if ("@" in one.key) == (sheet == COUNTIES)]
            page = file.pages.get(sheet)
            if page is not None:
                lines = LineReader(file.name, page, headers, own)
                values += lines.read()
                reader.findings += lines.findings
            elif own:
                reader.tell(sheet, "", "缺少这张表", fix=_AGAIN)
    found = [replace(value, doubt=value.doubt or doubt) for value in values]
    return Return(file.name, city, year, cover, tuple(found), tuple(reader.findings), doubt)


def _marks(file: FormFile) -> dict[str, str]:
    page = file.pages.get(MARKS)
    if page is None:
        return {}
    rows = [(page.cells.get((row, 0)), page.cells.get((row, 1))) for row in page.rows[:50]]
    return {plain(key): plain(value) for key, value in rows if key is not None and value is not None}


def _whose(reader: _Reader, marks: Mapping[str, str]) -> tuple[str, int | None, str]:
    """Tell city and year of a form by its hidden marks, and why it does not count, if so."""
    if marks.get("form") != FORM:
        doubt = "这不是 boai 写的填报表, 或隐藏的标记表被删"
    elif marks.get("version") != VERSION:
        doubt = f"填报表的版本不对 (本版认识 {VERSION}, 文件是 {shown(marks.get('version', ''))[:10]})"
    elif marks.get("city_code", "") not in unit_codes(reader.demand, 4):
        doubt = "标记里的设区市代码不认识"
    elif not re.fullmatch(r"20\d\d", marks.get("year", "")):
        doubt = "标记里的年度不对"
    else:
        doubt = ""
        if marks.get("ledger") != reader.ledger.key:
            doubt = "填报表是按另一份目标台账写的"
            reader.tell("", "", doubt, fix="请用当时的台账 (--ledger) 收表, 或重新发表")
        return marks["city_code"], int(marks["year"]), doubt
    reader.tell("", "", doubt, fix=_AGAIN)
    return "", None, doubt


def _cover(reader: _Reader, city: str, year: int | None) -> dict[str, str]:
    """Read the cover; under ``doubt`` why nothing of the file counts, if cover and marks differ."""
    page = reader.file.pages.get(COVER)
    if page is None:
        reader.tell(COVER, "", "缺少封面", fix="请用原来的填报表", counts=True)
        return {}
    facts: dict[str, tuple[int, Any]] = {}
    for row in page.rows[:60]:
        label = plain(page.cells.get((row, 0))).rstrip("*")
        if label and label not in facts:
            facts[label] = (row, page.cells.get((row, 1)))
    found = {}
    for code, label in COVER_FIELDS.items():
        row, value = facts.get(label, (0, None))
        text = _date(value) if code == "date" else plain(value)[:200]
        found[code] = text
        if not text and code != "reviewer":
            reader.tell(COVER, cell_name(row, 1) if row else "", f"{label}没有填", fix="请补填", counts=True)
    if city and year is not None:
        name = unit_names(reader.demand)[city][0]
        said = (("设区市", name), ("年度", str(year)))
        for label, right in said:
            row, value = facts.get(label, (0, None))
            if plain(value).removesuffix("年").strip() != right:
                what = f"封面的{label}与表格的标记 ({right}) 不符"
                cell, fix = cell_name(row, 1) if row else "", "请确认是谁的表, 用自己的表重填"
                reader.tell(COVER, cell, what, value, fix=fix)
                found["doubt"] = what
    return found


def _date(value: Any) -> str:
    if value is None:
        return ""
    read = read_date(value.date() if isinstance(value, datetime) else value)
    return str(read.value) if read.value else plain(value)[:40]


def _wanted(ledger: Ledger, demand: Demand, city: str, year: int) -> Iterator[Wanted]:
    """Yield the lines that a city's form of that year has, in their order."""
    names = unit_names(demand)
    by_county = [target for target in ledger.asked(year) if is_by_county(target)]
    for target in ledger.asked(year):
        if not is_by_county(target):
            yield Wanted(target.id, target, city, {"目标": target.name})
    for code in sorted(code for code in unit_codes(demand, 6) if code.startswith(city)):
        for target in by_county:
            texts = {"目标": target.name, "县区": names[code][1], "县级代码": code}
            yield Wanted(f"{target.id}@{code}", target, code, texts)
