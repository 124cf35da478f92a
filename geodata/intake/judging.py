"""The coordinate systems of an intake: which rows are judged together, and their points in WGS84."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..names import SETTLEMENT
from . import coordinates
from .codes import finding
from .counties import Positions, Stated
from .model import Cells, Finding, Status, Verdict
from .parts import Numbers, Part
from .places import Context, find_places
from .verdict import judge

PLACES = 3000
"""Rows whose named place is looked up at most, evenly spaced, to judge a table."""

STRAY = 0.1
"""Share of a file's rows up to which rows whose system nobody can tell are quarantined, not all rows."""

_STRAY = "这一行没有写明坐标系, 与其他行不同, 无法判定"
_STRAY_FLAT = "这一行是平面坐标 (米), 与其他行不同, 没有写明投影"

_WORST: tuple[Status, ...] = ("contradicted", "doubtful", "confirmed", "tested", "stated", "none")


_DECIMALS = 9
"""Decimals of a stored degree (0.1 mm): an export to any system and its import give the very same number."""


@dataclass(frozen=True)
class Judged:
    """Points in WGS84 and how their systems were found."""

    lon: Numbers
    """(n,) WGS84, NaN where there is none."""
    lat: Numbers
    system: Cells
    """(n,) system that each row was converted from, empty where it has no coordinates."""
    verdict: Verdict
    """The least sure one."""
    verdicts: Mapping[str, Verdict]
    stray: Cells
    """(n,) Chinese: why a row among others is not converted, empty where nothing hinders it."""


@dataclass(frozen=True)
class _Group:
    label: str
    rows: NDArray[np.int64]
    stated: str
    stated_by: str
    share: float
    """Of the rows with coordinates of its file."""


def judge_parts(
    parts: Sequence[Part], context: Context, stated: Stated, towns: Sequence[Cells], *, confirm: bool
) -> Judged:
    """Judge the coordinates: of each file the rows without a stated system together, the others by system.

    Parameters
    ----------
    stated
        Counties and cities of all rows.
    towns
        (n,) texts that name places: townships, then addresses.
    confirm
        Whether the user insists on the stated or the most probable system.
    """
    first = np.concatenate([*(part.first for part in parts), np.zeros(0)])
    second = np.concatenate([*(part.second for part in parts), np.zeros(0)])
    county = np.where(stated.county >= 0, stated.county, stated.code).astype(np.int32)
    county[(stated.county >= 0) & (stated.code >= 0) & (stated.county != stated.code)] = -1
    lon, lat = np.full(len(first), np.nan), np.full(len(first), np.nan)
    system = np.full(len(first), "", object)
    stray = np.full(len(first), "", object)
    verdicts: dict[str, Verdict] = {}
    for group in _groups(parts, first, second):
        rows = group.rows
        place = _places(context, towns, county, rows)
        verdict = judge(
            first[rows],
            second[rows],
            units=context.units,
            gaz=context.gaz,
            county=county[rows],
            city=stated.city[rows],
            place=place,
            roads=context.road_points,
            stated=group.stated,
            stated_by=group.stated_by,
            confirmed=confirm,
            borders=context.borders,
        )
        if verdict.status == "doubtful" and group.share <= STRAY:
            flat = not coordinates.fits(first[rows[:1]], second[rows[:1]], "WGS84")[0]
            stray[rows] = _STRAY_FLAT if flat else _STRAY
            continue
        verdicts[group.label] = verdict
        if verdict.system:
            x, y = coordinates.to_wgs84(first[rows], second[rows], verdict.system)
            lon[rows], lat[rows] = np.round(x, _DECIMALS), np.round(y, _DECIMALS)
            system[rows] = verdict.system
    return Judged(lon, lat, system, _worst(verdicts), verdicts, stray)


def _groups(parts: Sequence[Part], first: Numbers, second: Numbers) -> list[_Group]:
    """Rows that are judged together: of one file, one stated system, and numbers of one kind."""
    stated = np.concatenate([*(part.stated for part in parts), np.empty(0, object)])
    by = np.concatenate([*(part.stated_by for part in parts), np.empty(0, object)])
    file = np.repeat(np.arange(len(parts)), [part.n_rows for part in parts])
    names = list(dict.fromkeys(part.table.file for part in parts))
    number = (
        np.array([names.index(part.table.file) for part in parts], np.int64)[file] if len(parts) else file
    )
    valid = np.isfinite(first) & np.isfinite(second)
    degrees = coordinates.fits(first, second, "WGS84") if len(first) else valid
    rows = np.flatnonzero(valid)
    keys: dict[tuple[int, str, str, bool], list[int]] = {}
    for row, *key in zip(rows, number[rows], stated[rows], by[rows], degrees[rows], strict=True):
        keys.setdefault((int(key[0]), str(key[1]), str(key[2]), bool(key[3])), []).append(int(row))
    labels = _labels(list(keys), names)
    count = np.bincount(number[rows], minlength=1)
    return [
        _Group(label, np.array(own, np.int64), key[1], key[2], len(own) / count[key[0]])
        for label, (key, own) in zip(labels, keys.items(), strict=True)
    ]


def _labels(keys: Sequence[tuple[int, str, str, bool]], names: Sequence[str]) -> list[str]:
    """Name the groups: the file, with what tells it from the others of that file."""
    labels = []
    for number, stated, by, degrees in keys:
        others = [key for key in keys if key[0] == number]
        parts = [names[number]]
        if len({key[1:3] for key in others}) > 1:
            parts.append(f"{by} {stated}" if stated else "未写明坐标系")
        if len({key[3] for key in others}) > 1:
            parts.append("经纬度" if degrees else "平面坐标")
        labels.append(" ".join(parts))
    return labels


def _places(
    context: Context, towns: Sequence[Cells], county: Positions, rows: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Township that each row names, (n, 2) WGS84 with NaN where none; a sample of a large table."""
    step = max(1, -(-len(rows) // PLACES))
    wanted = np.zeros(len(county), bool)
    wanted[rows[::step]] = True
    places, which = find_places(context, towns, county, wanted, seats=False)
    lonlat = np.array(
        [
            (p.lon, p.lat) if p is not None and p.level == SETTLEMENT else (np.nan, np.nan)
            for p in (*places, None)
        ]
    )
    found = lonlat[which[rows]]
    return found if np.isfinite(found).any() else None


def _worst(verdicts: Mapping[str, Verdict]) -> Verdict:
    """Choose the least sure verdict; of equal ones that on most points."""
    if not verdicts:
        return Verdict("", "none", reasons=("没有坐标",))
    ranked = sorted(verdicts.values(), key=lambda verdict: _WORST.index(verdict.status))
    worst = ranked[0]
    others = {verdict.system for verdict in verdicts.values()} - {worst.system}
    if len(verdicts) > 1:
        told = "; ".join(
            f"{label}: {verdict.system} ({verdict.status})" for label, verdict in verdicts.items()
        )
        more = f"分 {len(verdicts)} 部分判定: {told}"
        worst = replace(worst, reasons=(*worst.reasons, more[:400])) if others or len(verdicts) > 1 else worst
    return worst


def verdict_findings(verdicts: Mapping[str, Verdict], parts: Sequence[Part]) -> list[Finding]:
    """Say of each part that is refused why, and of the others which system was taken."""
    found = []
    files = {part.table.file for part in parts}
    for label, verdict in verdicts.items():
        file = max((name for name in files if label.startswith(name)), key=len, default=label)
        where = f"{label.removeprefix(file).strip()}: " if label != file else ""
        reasons = "; ".join(verdict.reasons)[:300]
        if verdict.status == "doubtful":
            likely = max((each.probability for each in verdict.evidence), default=0.0) > 0.5
            guess = f", 最可能是 {verdict.system}" if likely else ""
            what = f"{where}坐标系无法判定{guess}. {reasons}"
            fix = "请问清坐标取自哪种地图或设备, 用 --crs 写明 (WGS84、GCJ-02、BD-09 或 CGCS2000)"
            found.append(finding("crs_doubtful", what, file=file, fix=fix))
        elif verdict.status == "contradicted":
            what = f"{where}写明的是 {verdict.stated} ({verdict.stated_by}), 检验结果不符. {reasons}"
            fix = "请核对坐标系; 确认无误可加 --confirm"
            found.append(finding("crs_contradicted", what, file=file, got=verdict.stated, fix=fix))
        elif verdict.status == "confirmed":
            what = f"{where}坐标系按用户确认采用 {verdict.system}. {reasons}"
            found.append(finding("crs_confirmed", what, file=file))
        elif verdict.status == "tested":
            what = f"{where}坐标系检验为 {verdict.system}. {reasons}"
            found.append(finding("crs_tested", what, file=file))
    return found
