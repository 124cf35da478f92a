"""The target ledger: what was planned, reached and left, by year; an ambiguity of the text stays visible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from ..geodata.demand import Demand
from ..geodata.layers import Kind, Layer
from ..geodata.yamlfile import read_text
from .fields import Line, Slug, Text, Year
from .reading import Model, parse_yaml, validate

NOT_TRACKED = "未纳入图层"
"""State of a target whose resource no layer holds yet."""

TOTAL = "合计"
NO_YEAR = "未写年份"
HEADERS = {
    "id": "代号",
    "name": "目标",
    "kind": "图层",
    "year": "年份",
    "scope": "范围",
    "level": "投放对象",
    "comparator": "比较",
    "planned": "计划",
    "planned_max": "计划上限",
    "unit": "单位",
    "binding": "约束性",
    "reached": "方案达到",
    "left": "还差",
    "state": "状态",
    "ambiguity": "原文歧义",
    "source": "来源",
}
"""Columns of the ledger and their Chinese headers."""

COLUMNS = list(HEADERS)


class Span(Model):
    """A figure that the text leaves open between two values."""

    least: Annotated[int, Field(ge=0)]
    most: Annotated[int, Field(ge=0)]


class Target(Model):
    """One target of a plan."""

    id: Slug
    name: Line
    kind: Kind | None = None
    """The layer that holds the resource; None where no layer does."""
    measure: Literal["new", "units", "none"] = "none"
    """``new``: sites of the year; ``units``: units of the scope with a site by then; ``none``: untracked."""
    levels: Annotated[tuple[str, ...], Field(strict=False)] | None = None
    """Levels of the sites that count; None for all."""
    scope: Literal["省", "设区市", "县", "医院", "省市县"]
    level: Text = ""
    """Where the resource goes, in the words of the plan."""
    comparator: Literal["=", ">=", "范围", "全部"]
    years: dict[Year, Annotated[int, Field(ge=0)] | Span] = Field(default_factory=dict)
    total: Annotated[int, Field(ge=0)] | Span | None = None
    unit: Line
    binding: Line
    ambiguity: Text = ""
    source: Line | None = None
    """Where it differs from the ledger's source."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.measure == "none") != (self.kind is None):
            raise ValueError("kind 与 measure 应同时写明或同时省略")
        if self.kind is not None and not self.years:
            raise ValueError("纳入图层的目标应写明 years")
        return self


class Ledger(Model):
    """The targets of a plan and where they are written."""

    source: Line
    targets: Annotated[tuple[Target, ...], Field(strict=False)]


def load_targets(path: Path | None = None) -> Ledger:
    """Load a ledger, by default that of the 2022-2024 plan of Jiangxi's Red Cross; raises ``InputError``."""
    file = files("boai.scenarios") / "presets" / "targets_2022_2024.yaml" if path is None else path
    where = "targets_2022_2024.yaml" if path is None else str(path)
    return validate(Ledger, parse_yaml(read_text(file, where), where), where)


def evaluate(ledger: Ledger, demand: Demand, layers: Mapping[Kind, Layer]) -> pd.DataFrame:
    """Hold the layers against the targets.

    Returns
    -------
    pd.DataFrame
        One row per target and year, then its total (year 合计): ``COLUMNS``. planned and planned_max differ
        where the text leaves a figure open, and are missing where it gives none; reached and left are missing
        where nothing is tracked; left counts from ``planned``; state is 已达到, 差 N 单位 (with
        the number of sites that state no year) or 未纳入图层.
    """
    rows = []
    for target in ledger.targets:
        shared = {
            "id": target.id,
            "name": target.name,
            "kind": target.kind or "",
            "scope": target.scope,
            "level": target.level,
            "comparator": target.comparator,
            "unit": target.unit,
            "binding": target.binding,
            "ambiguity": target.ambiguity,
            "source": target.source or ledger.source,
        }
        rows += [shared | row for row in _figures(target, demand, layers)]
    whole = dict.fromkeys(("planned", "planned_max", "reached", "left"), "Int64")
    return pd.DataFrame(rows, columns=COLUMNS).astype(whole)


def _figures(target: Target, demand: Demand, layers: Mapping[Kind, Layer]) -> list[dict[str, object]]:
    """Hold one target against the layers: a row per year, then the total."""
    years = sorted(target.years)
    figures: list[tuple[str, list[int], int | Span | None]] = [
        (str(year), [year], target.years[year]) for year in years
    ]
    if target.total is not None or not years:
        figures.append((TOTAL if years else NO_YEAR, years, target.total))
    rows: list[dict[str, object]] = []
    for label, span, figure in figures:
        least, most = (figure.least, figure.most) if isinstance(figure, Span) else (figure, figure)
        reached = _reached(target, demand, layers, span)
        left = None if reached is None or least is None else max(0, least - reached)
        state = NOT_TRACKED if left is None else f"差 {left} {target.unit}" if left else "已达到"
        undated = _undated(target, layers)
        if left and undated:
            state += f" (另有 {undated} 处未写年份)"
        rows.append(
            {
                "year": label,
                "planned": least,
                "planned_max": most,
                "reached": reached,
                "left": left,
                "state": state,
            }
        )
    return rows


def _undated(target: Target, layers: Mapping[Kind, Layer]) -> int:
    """Count the sites without a year, which count for no year's target."""
    if target.measure != "new" or target.kind is None or target.kind not in layers:
        return 0
    return int(pd.to_numeric(layers[target.kind].table["year"], errors="coerce").isna().sum())


def _reached(
    target: Target, demand: Demand, layers: Mapping[Kind, Layer], years: Sequence[int]
) -> int | None:
    """Count what there is of a target in some years, or by the last of them; None where it is not tracked."""
    if target.kind is None or target.kind not in layers:
        return None
    table = layers[target.kind].table
    if target.levels is not None:
        table = table[table["level"].isin(target.levels)]
    built = pd.to_numeric(table["year"], errors="coerce")
    if target.measure == "new":
        return int(built.isin(years).sum())
    there = table[built.isna() | (built <= max(years))]
    digits = 4 if target.scope == "设区市" else 6
    units = np.unique(np.asarray(demand.county_code).astype(f"<U{digits}"))
    return int(np.isin(units, there["county_code"].to_numpy(str).astype(f"<U{digits}")).sum())
