"""Scenarios in charts: their looks, their names, and which of them are drawn alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ..geodata.layers import Kind
from . import charts_data as data
from . import style

if TYPE_CHECKING:
    from ..scenarios.run import Result

MOST = len(style.SERIES)
"""Scenarios that one chart can tell apart; the tables hold the others, too."""


def series_of(results: Sequence[Result]) -> dict[str, style.Series]:
    """Give each result its look by its place: a scenario looks the same in every chart."""
    return dict(zip(data.titles(results), style.SERIES, strict=False))


def merged(lines: dict[str, pd.DataFrame], columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Group scenarios whose lines are the same: the first of them, and all names."""
    found: dict[bytes, list[str]] = {}
    for title, table in lines.items():
        found.setdefault(table[list(columns)].to_numpy(float).tobytes(), []).append(title)
    return {names[0]: tuple(names) for names in found.values()}


def by_title(table: pd.DataFrame, results: Sequence[Result]) -> dict[str, pd.DataFrame]:
    """Split a table by scenario, those that have a look of their own."""
    looks = series_of(results)
    return {str(title): own for title, own in table.groupby("title", sort=False) if title in looks}


def limited(results: Sequence[Result], kind: Kind) -> dict[str, str]:
    """Name each scenario, with its main limit where that is not the first result's."""
    mains = [result.covers[kind].standard if kind in result.covers else None for result in results]
    usual = results[0].covers[kind].standard.main
    return {
        title: title if own is None or own.main == usual else f"{title} ({own.limit_text(own.main)})"
        for title, own in zip(data.titles(results), mains, strict=True)
    }


def joined(names: Sequence[str], named: dict[str, str] | None = None) -> str:
    """Name scenarios that share a line, as `limited` names them where it is given."""
    return "、".join((named or {}).get(name, name) for name in names)


def dropped(results: Sequence[Result]) -> str:
    """Say how many scenarios a chart leaves to its table; nothing where it shows all."""
    rest = len(results) - MOST
    return f"; 另有 {rest} 个方案见数据表" if rest > 0 else ""
