"""The comparison of scenarios for the office: an Excel workbook, CSV files, and the same tables as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..scenarios import compare as comparison
from ..scenarios.bills import PRICES
from ..scenarios.conclusion import conclusion
from ..scenarios.counts import actions_of
from ..scenarios.differences import changed, differences
from ..scenarios.dominance import dominance
from ..scenarios.ranks import ranks
from .tables import for_sheet, labelled, notes_of, save_tables

if TYPE_CHECKING:
    from ..scenarios.run import Result
    from ..scenarios.world import World

WORKBOOK = "方案对比.xlsx"

READ = (
    ("口径", "每个方案都与第一个 (基准) 比较; 覆盖以主要一档上限为准, 其他各档也列出。"),
    (
        "口径",
        "覆盖居民 = 基准覆盖居民 + 新覆盖 - 失去覆盖 + 居民增减带来的覆盖。新覆盖、失去覆盖逐个网格比较, "
        "按方案的居民数计; 居民增减带来的覆盖是居民在原已覆盖处的增减, 不是站点的功劳。",
    ),
    ("口径", "平均每处新增站点新覆盖 = 新覆盖 / 新增站点; 没有新增站点时为空。"),
    (
        "口径",
        "最弱的县: 覆盖比例最低的县, 并列时取代码在前的。达标线取标准写明的比例, 标准没写时取 90 % (假设)。",
    ),
    (
        "口径",
        "各县覆盖的基尼系数按居民加权, 0 为各县相同, 越接近 1 越不均 (Gini 1912; Lerman 和 Yitzhaki 1989); "
        "泰尔指数同样 0 为相同 (Theil 1967), 其中设区市之间的部分另列占比。",
    ),
    (
        "口径",
        "覆盖按站点全天开放计; 方案改动开放时间的图层另列一周各小时的平均 (所有方案都列出, 道路改动的除外)。",
    ),
    ("口径", "道路封闭、减速、受淹和居民增减是情景条件, 不是行动; 受淹停用的站点不算撤销。"),
    (
        "支配",
        "若另一方案在每个指标上都不比它差, 且至少一个更好, 该方案即被支配, 可以不选。指标: 各图层主要一档的"
        "覆盖居民、最弱的县覆盖比例、失去最近一处后仍覆盖的比例 (驾车的图层), "
        "以及改动站点数 (每项行动都给了价格时改用总价)。"
        "居民、道路、上限不同的方案之间不比较; 扩缩容和开放时间的效果不在这些指标内, "
        "有这类改动的方案也不与别的比较。",
    ),
)
"""How to read the tables: rows of the sheet 说明."""

PRICES_READ = (
    (
        "费用",
        "只用方案文件里写明的价格: 该项改动写明的优先于价目表; 没有写明的为空, 不按 0 计。情景条件不计价。",
    ),
    ("费用", "每新覆盖一万居民的费用 = 该图层费用 / 新覆盖 × 1 万, 只在该图层每项行动都有价格时给出。"),
)


def write_comparison(
    world: World,
    results: Sequence[Result],
    folder: Path,
    *,
    costs: bool = True,
    good_share: float | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> list[Path]:
    """Write a comparison as a workbook and CSV files (UTF-8 with a mark, as Excel expects).

    Parameters
    ----------
    world
        The baseline's, for its counties, sources and labels.
    results
        The baseline first.
    folder
        Made where it is missing; each file appears whole or not at all.
    costs
        False leaves every price and cost out.
    good_share
        See `scenarios.compare.compare`.
    tables
        What `build_comparison` made of the same results, where it is there already.

    Returns
    -------
    The workbook, then the CSV files.
    """
    if tables is None:
        tables = build_comparison(world, results, costs=costs, good_share=good_share)
    shown = {name: _for_people(name, table) for name, table in tables.items()}
    notes = _notes(world, results, costs=costs)
    return save_tables(notes, labelled(shown, world, results[0]), folder, WORKBOOK)


def build_comparison(
    world: World, results: Sequence[Result], *, costs: bool = True, good_share: float | None = None
) -> dict[str, pd.DataFrame]:
    """Make the tables of a comparison by their Chinese names, with English columns, as data for programs.

    Returns
    -------
    dict
        方案对比 (`compare`), 分县变化 and 分市变化 (`differences`, units where anything changes), 选址排序
        (`ranks`), 费用 or, without costs, 行动 (every action, `bills.action_table`), 支配关系 (`dominance`).
    """
    return {
        "方案对比": comparison.compare(results, good_share=good_share, costs=costs, world=world),
        "分县变化": changed(differences(results, world.demand, by="县")),
        "分市变化": changed(differences(results, world.demand, by="市")),
        "选址排序": _stack([ranks(result, costs=costs) for result in results]),
        "费用" if costs else "行动": _actions(results, costs=costs),
        "支配关系": dominance(results, costs=costs),
    }


def _actions(results: Sequence[Result], *, costs: bool) -> pd.DataFrame:
    """List the actions of all results."""
    table = _stack(
        [actions_of(result).assign(scenario=result.name, title=result.title) for result in results]
    )
    return table if costs else table.drop(columns=list(PRICES), errors="ignore")


def _stack(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def _for_people(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Leave and order the columns that people read."""
    if name == "方案对比":
        return for_sheet(table)
    if "number" in table.columns:
        table = table.assign(number=table["number"].where(table["number"] > 0, np.nan))
    lead = ["title", "kind"] if "kind" in table.columns else ["title"]
    hidden = {"scenario", "layer", *(["city"] if name == "分市变化" else [])}
    empty = {each for each in table.columns if len(table) and table[each].isna().all()}
    rest = [each for each in table.columns if each not in {*lead, *hidden, *empty}]
    return table[[*lead, *rest]]


def _notes(world: World, results: Sequence[Result], *, costs: bool) -> list[tuple[str, str]]:
    """Rows of the sheet 说明: the sentences first, then how to read the tables, then sources."""
    told = [*comparison.headlines(results, costs=costs, world=world), conclusion(results, costs=costs)]
    lines = zip(results[1:], comparison.layer_lines(results, world=world), strict=True)
    layers = [("分图层", f"{result.title}: {line}") for result, own in lines for line in own]
    read: Mapping[bool, Sequence[tuple[str, str]]] = {True: PRICES_READ, False: ()}
    stamp, *sources = notes_of(world, results)
    return [stamp, *(("结论", text) for text in told if text), *layers, *READ, *read[costs], *sources]
