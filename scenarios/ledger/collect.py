"""Collect the returned forms of the cities: what counts, what is doubtful, which cities are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...geodata.demand import Demand
from ...geodata.errors import InputError, Problem
from ...geodata.intake.limits import MOST_FILES
from ...geodata.shown import clean_name
from .form import COVER_FIELDS
from .form_files import RefusedError
from .form_lines import Finding, Value
from .returns import Return, read_return
from .stock import unit_codes, unit_names
from .sums import REPEATED, matrix_table, recorded_by_city, summary_table, value_table
from .targets import Ledger

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".et", ".ods", ".xltx", ".csv", ".zip", ".pdf", ".doc", ".docx", ".wps")
"""Files of a folder that are taken for returned forms; others are left out, and told."""


@dataclass(frozen=True)
class Collection:
    """What the cities have reported for a year."""

    year: int
    summary: pd.DataFrame
    """One row per target and reading: the province's figure, the sum reported, the registry, light."""
    matrix: pd.DataFrame
    """One row per target and city; state says 已报, 未报, 部分县未报 or 存疑."""
    values: pd.DataFrame
    """Every line of every file, by county where it was asked so; doubt is empty where it counts."""
    covers: pd.DataFrame
    """One row per file: city, who filled it in, phone, date, and why it does not count, if so."""
    findings: pd.DataFrame
    """Every problem: file, sheet, cell, what, got, fix, counts."""
    missing: tuple[str, ...]
    """Cities of which no file counts."""


def list_files(paths: Sequence[Path]) -> list[Path]:
    """List the files to read, ordered by name: those given, and the workbooks of a given folder.

    Raises ``InputError``: nothing there, or too much.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.is_file() and not each.is_symlink())
            found += [
                each for each in inside if each.suffix.lower() in SUFFIXES and each.name[:1] not in ".~"
            ]
        elif path.exists():
            found.append(path)
        else:
            raise InputError(Problem(str(path), "文件不存在", fix="请检查路径"))
    if not found:
        raise InputError(
            Problem("、".join(map(str, paths))[:200], "这里没有填报表", fix="请给出文件或所在的文件夹")
        )
    if len(found) > MOST_FILES:
        raise InputError(Problem("填报表", f"文件不能超过 {MOST_FILES} 个", str(len(found))))
    return sorted(dict.fromkeys(found), key=lambda path: (path.name, str(path)))


def collect(
    paths: Sequence[Path],
    ledger: Ledger,
    demand: Demand,
    layers: Mapping[Any, Any],
    *,
    year: int | None = None,
    as_of: int | None = None,
    resources: Mapping[str, pd.DataFrame] | None = None,
    say: Callable[[str], None] | None = None,
) -> Collection:
    """Read returned forms and put them together.

    Parameters
    ----------
    paths
        Files, or folders of files.
    year
        Year of the report; by default that of all the files.
    as_of
        Year at which the lights are judged.

    Raises
    ------
    InputError
        No file at all, or the files are of several years and ``year`` does not say which counts.
    """
    returns, findings = _read_all(list_files(paths), ledger, demand, say or (lambda _: None))
    chosen = _year(returns) if year is None else year
    returns, more = _of_year(returns, chosen)
    returns, twice = _once(returns, ledger, demand)
    findings = [*findings, *(found for each in returns for found in each.findings), *more, *twice]
    names = unit_names(demand)
    values = value_table(returns, ledger, names)
    recorded = {
        target.id: recorded_by_city(target, chosen, demand, layers, resources)
        for target in ledger.asked(chosen)
    }
    matrix = matrix_table(ledger.asked(chosen), values, demand, recorded)
    there = {each.city for each in returns if each.city and not each.doubt}
    return Collection(
        year=chosen,
        summary=summary_table(ledger, chosen, matrix, recorded, as_of),
        matrix=matrix,
        values=values,
        covers=_covers(returns, names),
        findings=_findings(findings),
        missing=tuple(names[code][0] for code in unit_codes(demand, 4) if code not in there),
    )


def _read_all(
    files: Sequence[Path], ledger: Ledger, demand: Demand, say: Callable[[str], None]
) -> tuple[list[Return], list[Finding]]:
    returns, refused = [], []
    for path in files:
        say(f"读 {clean_name(path.name)}")
        try:
            returns.append(read_return(path, ledger, demand))
        except RefusedError as error:
            name = clean_name(path.name)
            refused += [Finding(name, "", "", p.what, p.got, p.fix) for p in error.problems]
            returns.append(Return(name, doubt="文件读不出"))
    return returns, refused


def _year(returns: Iterable[Return]) -> int:
    years = sorted({each.year for each in returns if each.year is not None and not each.doubt})
    if len(years) == 1:
        return years[0]
    if not years:
        raise InputError(
            Problem(
                "填报表", "没有一个文件能用, 不知道是哪一年的", fix="请用 --year 写明年度, 看各文件的问题"
            )
        )
    got = "、".join(map(str, years))
    raise InputError(Problem("填报表", "各文件的年度不同", got, "请用 --year 写明收哪一年的"))


def _of_year(returns: Sequence[Return], year: int) -> tuple[list[Return], list[Finding]]:
    """Doubt the files of other years."""
    kept, findings = [], []
    for each in returns:
        if each.year in (year, None) or each.doubt:
            kept.append(each)
            continue
        what = f"这是 {each.year} 年的表, 现在收 {year} 年"
        findings.append(Finding(each.file, "", "", what, fix=f"请市里填 {year} 年的表再发"))
        kept.append(_doubted(each, what))
    return kept, findings


def _doubted(one: Return, why: str) -> Return:
    values = tuple(replace(value, doubt=value.doubt or why) for value in one.values)
    return replace(one, doubt=why, values=values)


def _once(returns: Sequence[Return], ledger: Ledger, demand: Demand) -> tuple[list[Return], list[Finding]]:
    """Where a city sent several files: what they agree on counts once, what they differ on does not."""
    by_city: dict[str, list[int]] = {}
    for at, each in enumerate(returns):
        if each.city and not each.doubt:
            by_city.setdefault(each.city, []).append(at)
    found, findings = list(returns), []
    for city, places in by_city.items():
        if len(places) == 1:
            continue
        name, files = unit_names(demand)[city][0], "、".join(returns[at].file for at in places)
        what = f"{name}有 {len(places)} 个文件; 各文件一致的数计一次, 不一致的都没有计入"
        findings.append(Finding(files, "", "", what, fix="请问清哪一个是最后的, 只留一个再收"))
        said = [{(v.target, v.code): v for v in returns[at].values if not v.doubt} for at in places]
        for value in returns[places[0]].values:
            here = [own.get((value.target, value.code)) for own in said]
            if not value.doubt and not _agree(here):
                target = ledger.target(value.target)
                what = f"{name}的几个文件里“{target.name if target else value.target}”不一致"
                got = " / ".join("未读出" if one is None else one.got or "空" for one in here)
                findings.append(Finding(files, value.sheet, value.cell, what, got, "请核实; 没有计入"))
        for order, at in enumerate(places):
            found[at] = replace(
                returns[at], values=tuple(_checked(value, said, order) for value in returns[at].values)
            )
    return found, findings


def _agree(values: Sequence[Value | None]) -> bool:
    """Whether several files say the same, all of them."""
    return len({one and (one.reported, one.required) for one in values}) == 1 and None not in values


def _checked(value: Value, said: Sequence[Mapping[tuple[str, str], Value]], order: int) -> Value:
    """Doubt a value on which the files of a city differ, and the repetition of one on which they agree."""
    if value.doubt:
        return value
    if not _agree([own.get((value.target, value.code)) for own in said]):
        return replace(value, doubt="同一市的几个文件不一致")
    return replace(value, doubt=REPEATED) if order else value


def _covers(returns: Iterable[Return], names: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    rows = [
        {"file": one.file, "city": names[one.city][0] if one.city else "", **one.cover, "doubt": one.doubt}
        for one in returns
    ]
    return pd.DataFrame(rows, columns=["file", "city", *COVER_FIELDS, "doubt"]).fillna("")


def _findings(findings: Iterable[Finding]) -> pd.DataFrame:
    columns = ["file", "sheet", "cell", "what", "got", "fix", "counts"]
    rows = [[getattr(found, name) for name in columns] for found in findings]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(counts=["已计入" if counts else "没有计入" for counts in table["counts"]])
