"""The door of the intake: a file in, sites, quarantine, findings and the verdict out; nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import datums
from ..errors import InputError, Problem
from ..types import ResourceType, find_type
from .assemble import Assembled, assemble
from .batches import MOST
from .codes import CODES, as_problem, finding
from .files import read_tables
from .judging import verdict_findings
from .mapping import load_mapping
from .model import SEVERITIES, Finding, Intake, RawTable, Verdict
from .parts import Part, make_part
from .places import Context, default_context

Progress = Callable[[str, float], None]


def read(
    path: Path | str,
    *,
    kind: str,
    crs: str = "",
    confirm: bool = False,
    mapping: Mapping[str, str] | Path | None = None,
    sheet: str | None = None,
    context: Context | None = None,
    today: date | None = None,
    progress: Callable[..., None] | None = None,
    types: Mapping[str, ResourceType] | None = None,
) -> Intake:
    """Read a file, a folder or an archive as one resource type.

    Parameters
    ----------
    path
        Excel, CSV, GeoPackage, GeoJSON, Shapefile, KML or GPX file, or a folder or zip of those.
    kind
        Resource type: code, Chinese title or synonym.
    crs
        Coordinate system that the user names, in any spelling; empty: as the file states it, else tested.
    confirm
        Whether the user insists on the stated system, or on the most probable one.
    mapping
        Header → attribute (``-``: an extra), or a file that `mapping.save_mapping` wrote.
    sheet
        Name of the only sheet to read.
    context
        Boundaries, places and roads; default: those that come with boai.
    today
        Day against which dates are checked; default: the present one.
    progress
        Called by the readers with what is done.
    types
        Resource types; default: the embedded ones.

    Raises
    ------
    InputError
        Nothing can be read at all, or an argument is wrong.
    """
    rtype = find_type(kind, types)
    system = named_system(crs)
    chosen = load_mapping(mapping) if isinstance(mapping, Path) else mapping
    fileset = read_tables(Path(path), sheet=sheet, progress=progress)
    context = context or default_context()
    parts = [make_part(table, rtype, chosen=chosen, crs=system) for table in fileset.tables]
    result = assemble(parts, rtype, context, confirm=confirm, today=today or date.today())
    return _intake(rtype, parts, result, fileset.findings, chosen)


def named_system(text: str) -> str:
    """Canonical name of a coordinate system that a user names, empty for none; raises ``InputError``.

    Examples
    --------
    >>> named_system("高德"), named_system("")
    ('GCJ-02', '')
    """
    if not text.strip():
        return ""
    system = datums.normal_system(text)
    if system is None:
        known = "、".join((*datums.SYSTEMS, datums.CGCS2000, *datums.PROJECTED))
        raise InputError(Problem("坐标系", "不认识这个坐标系", text[:40], f"可用的有 {known}"))
    return system


def _intake(
    rtype: ResourceType,
    parts: Sequence[Part],
    result: Assembled,
    files: Sequence[Finding],
    chosen: Mapping[str, str] | None,
) -> Intake:
    """Put the result together; what concerns whole files stands first."""
    tables = [part.table for part in parts]
    judged = result.judged
    findings = [
        *verdict_findings(judged.verdicts, parts),
        *files,
        *_unused(chosen, tables),
        *_mixed_examples(result.sites),
        *result.findings,
    ]
    own = [each for table in tables for each in table.findings]
    if not tables and not any(each.severity == "error" for each in files):
        findings.insert(0, finding("no_table", "没有找到数据表", fix="请检查表头和工作表"))
    blocking = [each for each in findings if each.code in ("crs_doubtful", "crs_contradicted")]
    rest = [each for each in (*findings, *own) if each not in blocking]
    return Intake(
        kind=rtype.code,
        sites=result.sites,
        quarantine=result.quarantine,
        findings=(*blocking, *_ordered(rest, tables)),
        verdict=judged.verdict,
        verdicts=judged.verdicts,
        mappings=tuple(part.mapping for part in parts),
        files=tuple(_file(table) for table in tables),
        rows_read=sum(table.n_rows for table in tables),
        tables=tuple(tables),
    )


def _ordered(findings: Sequence[Finding], tables: Sequence[RawTable]) -> list[Finding]:
    """Sort by file and sheet in the order in which they were read, then by row; the whole before its rows."""
    order = {("", ""): -1}
    for table in tables:
        order.setdefault((table.file, ""), len(order))
        order.setdefault((table.file, table.sheet), len(order))
    last = len(order)
    return sorted(findings, key=lambda each: (order.get((each.file, each.sheet), last), each.row or 0))


def _file(table: RawTable) -> dict[str, Any]:
    return {
        "name": table.file,
        "sheet": table.sheet,
        "format": table.format,
        "encoding": table.encoding,
        "hash": table.hash,
        "rows": table.n_rows,
    }


def _unused(chosen: Mapping[str, str] | None, tables: Sequence[RawTable]) -> list[Finding]:
    """Headers of a chosen mapping that no table has."""
    present = {header for table in tables for header in table.columns}
    return [
        finding("header_unknown", "表头对应里的这个表头不在文件中", column=header, fix="请核对表头的写法")
        for header in chosen or {}
        if header not in present
    ]


def _mixed_examples(sites: pd.DataFrame) -> list[Finding]:
    """Example rows among real ones, or alone: they must be told apart."""
    count = int(sites["example"].sum()) if len(sites) else 0
    if not count:
        return []
    mixed = count < len(sites)
    what = (
        f"{len(sites)} 行中有 {count} 行是示例数据, 与真实数据混在一起"
        if mixed
        else f"{count} 行都是示例数据"
    )
    return [
        finding(
            "example_rows",
            what,
            fix="请删去示例行, 只报真实数据" if mixed else "示例数据不能作为真实数据使用",
        )
    ]


# The contract


def check(path: Path | str, **options: Any) -> dict[str, Any]:
    """Read a file and return what came of it as plain values (`to_json`), also where nothing can be read.

    The arguments are those of `read`; a wrong argument (unknown type, system, mapping) raises ``InputError``
    only where the file does not matter: its problems are returned as those of a file are.
    """
    rtype = find_type(options["kind"], options.get("types"))
    named_system(options.get("crs", ""))
    try:
        return to_json(read(path, **options), rtype)
    except InputError as error:
        return _unreadable(Path(path), rtype, error)


def to_json(intake: Intake, rtype: ResourceType | None = None) -> dict[str, Any]:
    """Write an intake as plain values, ready for ``json.dumps``: what ``boai layers check --json`` prints."""
    rtype = rtype or find_type(intake.kind)
    told = summed_up(intake.findings)
    return {
        "file": _name_of(intake),
        "kind": intake.kind,
        "title": rtype.title,
        "ok": not intake.refused,
        "verdict": _verdict(intake.verdict),
        "verdicts": {label: _verdict(verdict) for label, verdict in intake.verdicts.items()},
        "rows": intake.rows,
        "mapping": [
            {
                "file": each.file,
                "sheet": each.sheet,
                "columns": dict(each.attributes),
                "extras": list(each.extras),
            }
            for each in intake.mappings
        ],
        "files": [dict(each) for each in intake.files],
        "counts": {name: sum(each.severity == name for each in intake.findings) for name in SEVERITIES},
        "problems": [_plain(each) for each in told],
    }


def _name_of(intake: Intake) -> str:
    names = list(dict.fromkeys(str(each["name"]) for each in intake.files))
    return names[0] if len(names) == 1 else names[0].split("/")[0] if names else ""


def _plain(found: Finding) -> dict[str, Any]:
    names = ("severity", "code", "file", "sheet", "row", "column", "what", "got", "fix")
    return {name: getattr(found, name) for name in names}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "system": verdict.system,
        "status": verdict.status,
        "refused": verdict.refused,
        "stated": verdict.stated,
        "stated_by": verdict.stated_by,
        "reasons": list(verdict.reasons),
        "evidence": [
            {
                "system": each.system,
                "probability": _number(each.probability),
                "points": int(each.points),
                "in_county": int(each.in_county),
                "in_province": int(each.in_province),
                "place_shift_m": _number(each.place_shift_m),
                "road_distance_m": _number(each.road_distance_m),
            }
            for each in verdict.evidence
        ],
    }


def _number(value: float | None) -> float | None:
    """A finite number, else None: JSON has no NaN."""
    return float(value) if value is not None and np.isfinite(value) else None


def summed_up(findings: Sequence[Finding]) -> list[Finding]:
    """Tell at most ``MOST`` findings of one code; the others in one finding with their number."""
    seen: dict[str, int] = {}
    told = []
    for each in findings:
        seen[each.code] = seen.get(each.code, 0) + 1
        if seen[each.code] <= MOST:
            told.append(each)
    for code, count in seen.items():
        if count > MOST:
            what = f"{CODES[code][1] if code in CODES else code}: 另有 {count - MOST} 处同样的问题, 不再列出"
            severity = next(each.severity for each in findings if each.code == code)
            told.append(finding("more", what, severity=severity))
    return told


def _unreadable(path: Path, rtype: ResourceType, error: InputError) -> dict[str, Any]:
    """Write what came of a file of which nothing can be read."""
    found = list(getattr(error, "findings", ())) or [
        Finding("error", "file_unreadable", each.what, each.where, got=each.got, fix=each.fix)
        for each in error.problems
    ]
    nothing = Intake(
        rtype.code,
        pd.DataFrame({"example": pd.Series([], dtype=bool)}),
        pd.DataFrame(),
        tuple(found),
        Verdict("", "none", reasons=("文件无法读取",)),
    )
    return {**to_json(nothing, rtype), "file": path.name, "ok": False}


def raise_all(findings: Sequence[Finding]) -> None:
    """Raise ``InputError`` with all errors among findings, for ``--strict``."""
    errors = [as_problem(each) for each in findings if each.severity == "error"]
    if errors:
        raise InputError(errors)


__all__ = ["check", "named_system", "raise_all", "read", "summed_up", "to_json"]
