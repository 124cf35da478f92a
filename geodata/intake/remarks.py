"""What there is to say of the rows besides their cells: what is missing, where they lie, doubles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..types import ResourceType
from . import checks
from .batches import Batch, batch
from .cells import as_text
from .identity import row_identity
from .judging import Judged
from .model import Cells
from .parts import Flags, Part
from .places import Context
from .rows import PlacedRows, Points, Rows, is_blank, text_of

_DATES = ("verified_on", "stock_date", "checked_on")
_SERIAL = frozenset({"序号", "行号", "no", "no.", "编号序号", "#", "№", "index", "fid", "objectid"})


def of_cells(rows: Rows) -> list[Batch]:
    """What was found when the cells were converted."""
    return [
        replace(one, rows=one.rows + first)
        for part, first in zip(rows.parts, rows.start, strict=False)
        for one in part.batches
    ]


def missing_values(rows: Rows, rtype: ResourceType) -> list[Batch]:
    """Rows without a required value; tables without its column are told once."""
    found: list[Batch] = []
    for attribute in rtype.attributes:
        if not attribute.required or attribute.name in ("lon", "lat"):
            continue
        without = ~_has_column(rows, attribute.name, *attribute.instead)
        blank = is_blank(rows.values[attribute.name])
        what = f"缺少 {attribute.title} 列, 无法登记"
        found += batch(
            "header_missing", without, what=what, fix="请补上这一列, 或用表头对应文件指定", summed=True
        )
        what = f"{attribute.title}为空"
        column = f"@{attribute.name}"
        found += batch("required_missing", blank & ~without, what=what, column=column, fix="请补填")
    return found


def positions(rows: Rows, missing: Flags, placed: PlacedRows) -> list[Batch]:
    """Rows without coordinates: those that are placed by what they name, and those that cannot be."""
    lost = missing & ~placed.found
    geometry = _per_row(rows, lambda part: part.table.x is not None)
    places = _has_column(rows, "county", "county_code", "township", "address")
    bare = lost & ~_has_column(rows, "lon", "lonlat") & ~geometry & ~places
    found = batch(
        "header_missing",
        bare,
        what="缺少经度、纬度列, 也没有可估计位置的地址或县区列",
        fix="请补上经度、纬度列, 或用表头对应文件指定",
        summed=True,
    )
    found += batch(
        "coordinate_missing",
        lost & ~bare,
        what="没有坐标, 也没有可识别的县区、乡镇或地址",
        column="@lon",
        fix="请补填经纬度, 或写明县区和乡镇",
    )
    names = np.array([*(place.name if place else "" for place in placed.places), ""], object)
    what = _texts("没有坐标, 按", names[placed.which], "的位置登记, 记为近似")
    return found + batch("position_approximate", placed.found, what=what, column="@lon", fix="请补填实测坐标")


def _texts(before: str, words: Cells, after: str = "") -> Cells:
    """Put texts around words."""
    return np.asarray(before + words + after, object)


def _has_column(rows: Rows, *names: str) -> Flags:
    """(n,) whether the table of each row has a column of one of the attributes."""
    return _per_row(rows, lambda part: any(name in part.columns for name in names))


def _per_row(rows: Rows, test: Callable[[Part], bool]) -> Flags:
    """(n,) whether the part of each row passes a test."""
    answers = np.array([test(part) for part in rows.parts], bool)
    return np.repeat(answers, np.diff(rows.start))


def unconvertible(rows: Rows, judged: Judged) -> list[Batch]:
    """Rows whose numbers cannot be of the system that their table has."""
    given = np.concatenate([*(np.isfinite(part.first) for part in rows.parts), np.zeros(0, bool)])
    lost = given & ~np.isfinite(judged.lon)
    what = np.where(judged.stray != "", judged.stray, "坐标的数值与判定的坐标系不符").astype(object)
    return batch("coordinate_invalid", lost, what=what, column="@lon", fix="请核对坐标和坐标系")


def units(rows: Rows, context: Context, here: NDArray[np.int32]) -> list[Batch]:
    """What the names and codes of counties need: former names, unknown ones, conflicts."""
    stated, county, code = rows.stated, text_of(rows, "county"), text_of(rows, "county_code")
    cities = np.array([*context.names.city_name, ""], object)
    found = _former_names(rows, context)
    found += batch(
        "county_unknown",
        stated.unknown,
        what="不是江西省现在或从前的县级单位",
        column="@county",
        got=county,
        fix="请写县、市、区的全名; 原文已留在附加列",
    )
    found += batch(
        "county_unknown",
        stated.bad_code,
        what="不是江西省的县级代码",
        column="@county_code",
        got=code,
        fix="请写 6 位行政区划代码; 原文已留在附加列",
    )
    found += _code_conflicts(rows, context, here)
    return found + batch(
        "city_conflict",
        stated.city_conflict,
        what=_texts("所写县区属于", cities[stated.city]),
        column="@city",
        got=text_of(rows, "city"),
        fix="已按县区填写设区市, 请核对",
    )


def _former_names(rows: Rows, context: Context) -> list[Batch]:
    """Counties that are written by a former name, one note for each name."""
    names = np.array([*context.names.county_name, ""], object)
    former, county = rows.stated.former, text_of(rows, "county")
    found: list[Batch] = []
    for name in sorted(set(former) - {""}):
        flags = former == name
        now = names[rows.stated.county[np.flatnonzero(flags)[0]]]
        what = f"{name}现为{now}, 已改"
        found += batch("former_name", flags, what=what, column="@county", got=county, summed=True)
    return found


def _code_conflicts(rows: Rows, context: Context, here: NDArray[np.int32]) -> list[Batch]:
    """Codes of another county than the name; a point in one of the two settles it."""
    stated, code = rows.stated, text_of(rows, "county_code")
    names = np.array([*context.names.county_name, ""], object)
    clash = (stated.county >= 0) & (stated.code >= 0) & (stated.county != stated.code)
    settled = clash & ((here == stated.county) | (here == stated.code))
    what = "代码是" + names[stated.code] + "的, 名称是" + names[stated.county]
    found = batch(
        "county_code_conflict",
        settled,
        what=what + ", 按坐标取" + names[here],
        column="@county_code",
        got=code,
        severity="warning",
        fix="请核对",
    )
    return found + batch(
        "county_code_conflict",
        clash & ~settled,
        what=what,
        column="@county_code",
        got=code,
        fix="请核对代码和名称",
    )


def identity_of(rows: Rows, points: Points) -> NDArray[np.uint64]:
    """Hash of all that each row says, without running numbers."""
    place = {"lon": points.lon.round(8).astype(object), "lat": points.lat.round(8).astype(object)}
    return row_identity({**rows.values, **place, "extras": _extras_text(rows)})


def doubles(rows: Rows, points: Points, identity: NDArray[np.uint64]) -> list[Batch]:
    """Rows, ids and sites that stand twice; with several tables across them."""
    marked = checks.Marked(text_of(rows, "id"), text_of(rows, "name"), identity, rows.where)
    return checks.check_doubles(marked, *points.own)


def _extras_text(rows: Rows) -> Cells:
    """(n,) the extras of each row as one text, without running numbers."""
    texts = []
    for part in rows.parts:
        headers = [header for header in part.mapping.extras if header.strip().casefold() not in _SERIAL]
        columns = [[as_text(cell) for cell in part.table.columns[header]] for header in headers]
        joined = ["\x1f".join(cells) for cells in zip(*columns, strict=True)]
        texts += joined if columns else [""] * part.n_rows
    return np.array([*texts, ""], object)[:-1]


def calendar(rows: Rows, today: date) -> list[Batch]:
    """Values against today."""
    found: list[Batch] = []
    for name in _DATES:
        if name in rows.values:
            stale = name == "verified_on"
            found += checks.check_dates(text_of(rows, name), today, column=f"@{name}", stale=stale)
    year = pd.to_numeric(pd.Series(rows.values["year"]), errors="coerce").to_numpy(float)
    return found + checks.check_years(year, text_of(rows, "status"), today, column="@year")
