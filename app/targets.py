"""What the commands on targets answer: the ledger, the December forms, and what came back of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..coverage.measures import LEVELS
from ..geodata import demand as residents
from ..geodata.errors import InputError, Problem
from ..geodata.layers import EXAMPLE
from ..geodata.registry import read_sites
from ..geodata.types import load_types
from ..scenarios.ledger import progress
from ..scenarios.ledger.allotment_files import allotment_book
from ..scenarios.ledger.allotments import Allotments, load_allotments
from ..scenarios.ledger.book import write_collection, write_ledger
from ..scenarios.ledger.collect import collect as collect_forms
from ..scenarios.ledger.collect import list_files
from ..scenarios.ledger.form import build_form, lines
from ..scenarios.ledger.lights import MEANINGS
from ..scenarios.ledger.sheets import save_book
from ..scenarios.ledger.stock import stock_of, unit_codes, unit_names, unplaced
from ..scenarios.ledger.targets import NO_YEAR, TOTAL, Ledger, load_targets
from .console import jsonable
from .outputs import check_apart, check_new
from .workspace import Progress, Workspace, open_workspace

if TYPE_CHECKING:
    from ..geodata.demand import Demand

_COLUMNS = ["id", "county_code", "level", "status", "year"]


@dataclass(frozen=True)
class Given:
    """The office's own ledger and shares, and the year at which lights are judged."""

    as_of: int
    ledger: Path | None = None
    allotments: Path | None = None


@dataclass(frozen=True)
class _Ground:
    """What figures are held against: residents' units, sites, ledger, shares."""

    demand: Demand
    layers: Mapping[Any, Any]
    resources: Mapping[str, pd.DataFrame]
    ledger: Ledger
    allotments: Allotments | None
    labels: tuple[str, ...]
    title: str


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn a table into plain rows; what is missing becomes null."""
    plain = table.astype(object).where(table.notna(), None)
    return [{str(key): jsonable(value) for key, value in row.items()} for row in plain.to_dict("records")]


def registry_tables(workspace: Workspace) -> tuple[dict[str, pd.DataFrame], bool]:
    """Read every site of the registry as the ledger counts them, and whether any of them is synthetic."""
    tables, example = {}, False
    for code in load_types():
        rows = read_sites(workspace.layers, code, in_service=False)
        if rows:
            example = example or any(row["example"] for row in rows)
            tables[code] = pd.DataFrame([[row[name] for name in _COLUMNS] for row in rows], columns=_COLUMNS)
    return tables, example


def _ground(root: Path, scenario: str | None, given: Given, say: Progress) -> _Ground:
    """Open a workspace; with a scenario its sites take the place of the layers."""
    workspace = open_workspace(root)
    ledger = load_targets(given.ledger)
    demand = residents.load(workspace.root / "demand")
    resources, example = registry_tables(workspace)
    layers: Mapping[Any, Any] = {}
    title = "现状"
    if scenario is not None:
        from .answers import results_of  # noqa: PLC0415 (slow to import)

        baseline, *results = results_of(root, [scenario], say)
        result = results[-1] if results else baseline
        layers, title = result.layers, result.title
        for kind, layer in baseline.layers.items():
            # What the layers hold is the scenario's to change; the rest of the registry stays.
            if kind in resources:
                table = resources[kind]
                resources[kind] = table[~table["id"].isin(layer.table["id"])]
    cities = [unit_names(demand)[code][0] for code in unit_codes(demand, 4)]
    shares = None if given.allotments is None else load_allotments(given.allotments, ledger, cities)
    return _Ground(demand, layers, resources, ledger, shares, (EXAMPLE,) if example else (), title)


def show(
    root: Path,
    scenario: str | None,
    given: Given,
    *,
    by: str = "省",
    year: int | None = None,
    excel: Path | None = None,
    overwrite: bool = False,
    say: Progress | None = None,
) -> dict[str, Any]:
    """Hold registry or scenario against the targets; with ``excel`` all levels are written as well.

    Raises
    ------
    InputError
        Unknown level, scenario or year; a wrong ledger or wrong shares, with every problem.
    """
    if by not in LEVELS:
        raise InputError(Problem("--by", f"应为 {'、'.join(LEVELS)} 之一", by[:20]))
    if excel is not None:
        _check_output(excel, overwrite)
    ground = _ground(root, scenario, given, say or (lambda _: None))
    _check_year(ground.ledger, year)
    sites: dict[str, Any] = {"resources": ground.resources, "as_of": given.as_of}
    table = progress.progress(ground.ledger, ground.demand, ground.layers, **sites)
    units = {
        level: progress.by_unit(
            ground.ledger, ground.demand, ground.layers, level=level, allotments=ground.allotments, **sites
        )
        for level in ("市", "县")
        if by == level or excel is not None
    }
    table = _of_year(table, year)
    units = {level: _of_year(own, year) for level, own in units.items()}
    if excel is not None:
        write_ledger(excel, table, units, notes=_notes(ground, given.as_of))
    shown = table if by == "省" else units[by]
    return {
        "title": ground.title,
        "labels": list(ground.labels),
        "as_of": given.as_of,
        "source": ground.ledger.source,
        "by": by,
        "lights": progress.tally(table),
        "meanings": dict(MEANINGS),
        "notes": _unplaced(ground),
        "rows": rows_of(shown),
        "excel": None if excel is None else str(excel),
    }


def _notes(ground: _Ground, as_of: int) -> list[str]:
    notes = [
        f"内容: {ground.title}",
        f"目标来源: {ground.ledger.source}",
        f"灯按 {as_of} 年判定; 年度目标的期限是当年年底, 合计和未写年份的目标是计划期末",
        "原文有几种读法的目标, 每种读法一行, 并列计算; “已建成”只数登记库里状态为已建或没有写状态的",
        "全省的数没有分到各市的, 各市只列数目, 不判灯"
        + (f"; 各市分解数来源: {ground.allotments.source}" if ground.allotments else ""),
    ]
    return [*notes, *_unplaced(ground), *(f"标注: {label}" for label in ground.labels)]


def _unplaced(ground: _Ground) -> list[str]:
    """Tell which resources have sites whose county is unknown."""
    notes = []
    for kind in dict.fromkeys(target.kind for target in ground.ledger.targets if target.kind):
        stock = stock_of(kind, ground.layers, ground.resources)
        count = 0 if stock is None else unplaced(stock, ground.demand)
        if count:
            notes.append(
                f"{load_types()[kind].title}有 {count} 处不知道在哪个县区, 只计入全省, 不计入各市各县"
            )
    return notes


def _check_year(ledger: Ledger, year: int | None) -> None:
    known = sorted({each for target in ledger.targets for way in target.ways() for each in way.years})
    if year is not None and year not in known:
        raise InputError(
            Problem("--year", "台账里没有这一年", str(year), f"可用的有 {'、'.join(map(str, known))}")
        )


def _of_year(table: pd.DataFrame, year: int | None) -> pd.DataFrame:
    """Keep the rows of a year, with totals and what states no year."""
    return table if year is None else table[table["year"].isin([str(year), TOTAL, NO_YEAR])]


def _check_output(path: Path, overwrite: bool) -> None:
    if path.suffix.lower() != ".xlsx":
        raise InputError(
            Problem(str(path), "这是 Excel 文件", path.suffix or "没有后缀", "文件名请以 .xlsx 结尾")
        )
    check_new(path, overwrite=overwrite)


def city_code(demand: Demand, text: str) -> str:
    """Return the four digits of a city: from 赣州市, 赣州, 360700 or 3607; raises ``InputError``."""
    names = {code: unit_names(demand)[code][0] for code in unit_codes(demand, 4)}
    for code, name in names.items():
        if text.strip() in (name, name.removesuffix("市"), code, f"{code}00"):
            return code
    raise InputError(Problem("--city", "没有这个设区市", text[:20], f"可用的有 {'、'.join(names.values())}"))


def forms(
    root: Path,
    given: Given,
    *,
    year: int,
    out: Path,
    city: str | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the form of a city as a file, or without one those of all cities into a folder.

    Raises
    ------
    InputError
        An unknown city; a year without targets; files that are there already.
    """
    ground = _ground(root, None, given, lambda _: None)
    names = unit_names(ground.demand)
    if city is not None:
        wanted = {city_code(ground.demand, city): out}
    else:
        codes = unit_codes(ground.demand, 4)
        wanted = {code: out / f"{names[code][0]}_{year}年度目标填报表.xlsx" for code in codes}
        if out.exists() and not out.is_dir():
            raise InputError(Problem(str(out), "这是文件, 不是文件夹", fix="请换一个文件夹名"))
    if not ground.ledger.asked(year):
        raise InputError(Problem("--year", "台账里没有这一年要填报的目标", str(year)))
    for path in wanted.values():
        _check_output(path, overwrite)
    if city is None:
        out.mkdir(parents=True, exist_ok=True)
    for code, path in wanted.items():
        listed = lines(
            ground.ledger,
            ground.demand,
            ground.layers,
            city=code,
            year=year,
            resources=ground.resources,
            allotments=ground.allotments,
        )
        book = build_form(ground.ledger, listed, ground.demand, city=code, year=year, labels=ground.labels)
        save_book(book, path)
    return {"year": year, "labels": list(ground.labels), "files": [str(path) for path in wanted.values()]}


def collect(
    root: Path,
    paths: Sequence[Path],
    given: Given,
    *,
    out: Path,
    year: int | None = None,
    overwrite: bool = False,
    say: Progress | None = None,
) -> dict[str, Any]:
    """Read the forms that came back and write one workbook of the province.

    Raises
    ------
    InputError
        No form at all, several years without ``year``, or a wrong output file. What is wrong with a single
        file is told in the answer and in the workbook.
    """
    _check_output(out, overwrite)
    for path in paths:
        if path.is_file():
            check_apart(out, path)
    ground = _ground(root, None, given, lambda _: None)
    found = collect_forms(
        [path for path in list_files(paths) if path.resolve() != out.resolve()],
        ground.ledger,
        ground.demand,
        ground.layers,
        year=year,
        as_of=given.as_of,
        resources=ground.resources,
        say=say,
    )
    notes = [f"灯按 {given.as_of} 年判定", f"目标来源: {ground.ledger.source}"]
    write_collection(out, found, notes=[*notes, *(f"登记库一栏标注: {label}" for label in ground.labels)])
    return {
        "year": found.year,
        "labels": list(ground.labels),
        "excel": str(out),
        "missing": list(found.missing),
        "files": rows_of(found.covers),
        "summary": rows_of(found.summary),
        "matrix": rows_of(found.matrix),
        "problems": rows_of(found.findings),
        "lights": progress.tally(found.summary),
    }


def allot(root: Path, given: Given, *, out: Path, overwrite: bool = False) -> dict[str, Any]:
    """Write the workbook in which the office enters the shares of the cities; raises ``InputError``."""
    _check_output(out, overwrite)
    ledger = load_targets(given.ledger)
    demand = residents.load(open_workspace(root).root / "demand")
    names = unit_names(demand)
    save_book(allotment_book(ledger, [names[code][0] for code in unit_codes(demand, 4)]), out)
    return {"file": str(out)}


def check(file: Path, allotments: Path | None = None) -> dict[str, Any]:
    """Check a ledger of the office's own, and its shares; raises ``InputError`` with every problem."""
    ledger = load_targets(file)
    if allotments is not None:
        census = residents.read_census()
        load_allotments(allotments, ledger, list(dict.fromkeys(census["city"])))
    titles = {code: each.title for code, each in load_types().items()}
    rows = [
        {
            "id": target.id,
            "name": target.name,
            "kind": titles.get(target.kind or "", "只由各市上报"),
            "readings": len(target.ways()),
            "binding": target.binding,
        }
        for target in ledger.targets
    ]
    return {"file": str(file), "source": ledger.source, "key": ledger.key, "rows": rows}
