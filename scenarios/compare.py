"""Compare results with the baseline: one tidy table, and one sentence per scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..coverage.inequality import gini, theil
from ..coverage.standards import Standard
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind, shown_kinds
from . import gains, sentences, sides
from .counts import circumstances
from .hours import open_shares
from .run import Result
from .sides import At, Side
from .world import World

GOOD_SHARE = 0.9
"""A county counts as well served from this share of its residents on, where its standard sets none (a display
choice, 假设)."""

HEADERS = {
    "scenario": "方案代码",
    "title": "方案",
    "kind": "图层",
    "layer": "图层名称",
    "limit": "上限(秒或米)",
    "limit_text": "上限",
    "main": "主要一档",
    "residents": "居民",
    "served": "覆盖居民",
    "share": "覆盖比例",
    "points": "比基准(百分点)",
    "gained": "新覆盖",
    "lost": "失去覆盖",
    "growth": "居民增减带来的覆盖",
    "per_site": "平均每处新增站点新覆盖",
    "worst_county": "最弱的县",
    "worst_share": "最弱的县覆盖比例",
    "counties_good": "达标的县",
    "counties": "县数",
    "good_share": "达标线",
    "good_from": "达标线来源",
    "second_served": "有第二处可达的居民",
    "second_share": "失去最近一处后仍在上限内的比例",
    "gini": "各县覆盖的基尼系数",
    "theil": "各县覆盖的泰尔指数",
    "between_share": "其中设区市之间的差异占比",
    "p90_text": "九成居民在此以内",
    "p90_min": "九成居民在此以内(分)",
    "p90_m": "九成居民在此以内(米)",
    "open_share": "按开放时间全周平均覆盖比例",
    "open_points": "同上, 比基准(百分点)",
    "opened": "新增站点",
    "closed": "撤销站点",
    "moved": "迁移站点",
    "resized": "扩缩容站点",
    "retimed": "调整开放时间站点",
    "actions": "改动站点合计",
    "out_of_service": "受淹停用站点",
    "roads": "道路改动(全方案, 项)",
    "grown": "居民改动(全方案, 项)",
    "cost": "费用",
    "unpriced": "未给价格(项)",
    "cost_unit": "费用单位",
    "cost_per_10k": "每新覆盖一万居民的费用",
    "all_cost": "全方案费用",
    "all_unpriced": "全方案未给价格(项)",
    "in_time_county": "县级仓库按时可到居民占比",
    "in_time_city": "市级仓库按时可到居民占比",
    "in_time_province": "省级仓库按时可到居民占比",
    "admin_failing": "未满足配置要求的单位",
    "targets_met": "已达到的目标",
    "targets": "目标数(该图层)",
}
"""Columns of the comparison and their Chinese headers."""

COLUMNS = list(HEADERS)

COST_COLUMNS = ("cost", "unpriced", "cost_unit", "cost_per_10k", "all_cost", "all_unpriced")
"""Columns that go where costs are switched off."""

_STORES = {"县级": "in_time_county", "市级": "in_time_city", "省级": "in_time_province"}


def compare(
    results: Sequence[Result],
    *,
    good_share: float | None = None,
    costs: bool = True,
    world: World | None = None,
) -> pd.DataFrame:
    """Compare results with the first of them, the baseline.

    Parameters
    ----------
    results
        All made from the same data; those that grow the demand have their own residents.
    good_share
        Counties with at least this share of their residents served are counted in ``counties_good``. None:
        the share that the standard sets (``target_share``), else ``GOOD_SHARE``.
    costs
        False leaves ``COST_COLUMNS`` out.
    world
        The baseline's; without it nothing is told of opening hours.

    Returns
    -------
    pd.DataFrame
        ``COLUMNS``, one row per scenario, kind and limit.

        residents of the province and those served, whole; share; points, share less that of the baseline.
        gained and lost: residents newly served and no longer served, counted cell by cell on the residents
        of the scenario; growth: residents that are more or fewer where the baseline serves them. They add up:
        served = served of the baseline + gained - lost + growth (`gains.Change`). NaN where the baseline does
        not know the limit. per_site: gained per opened site (NaN where none is).

        worst_county has the lowest share, the first by code; empty where all are served. counties_good of the
        counties with residents. second_served, second_share: within the main limit of a second site (driving
        and the main limit, else NaN). gini: of the counties' shares among residents (`coverage.inequality`, 0
        is the same for all); theil of them, and between_share, the part of it between cities. p90_min or
        p90_m: minutes or metres within which 90 % of the residents are, whatever the limit; inf where fewer
        reach any. open_share: mean share within the main limit of a site that is open, over the hours of the
        week, of layers whose hours a scenario changes (`hours.open_shares`; else NaN), and its open_points.

        opened to retimed: sites that the actions on the layer touch, and their sum; out_of_service: sites
        that a flood takes. roads, grown: changes that belong to no layer, the same in all rows of a scenario.

        cost: of the actions on the layer, 0 where there is nothing to pay for, NaN where nobody stated any
        price; unpriced: actions without a price, which ``cost`` lacks; cost_per_10k: cost for each 10 000
        gained, only where every action has its price; all_cost, all_unpriced: of the scenario.

        in_time_…: share of the residents whom stores of the level reach in the time asked of them;
        admin_failing: units that fail a requirement on the layer; targets_met of the targets of its ledger.

    Raises
    ------
    InputError
        There is no result, or the results are not made from the same data.
    """
    rows = [row for own in _tables(results, good_share, world) for row in own]
    return pd.DataFrame(rows, columns=[name for name in COLUMNS if costs or name not in COST_COLUMNS])


def headlines(
    results: Sequence[Result], *, costs: bool = True, world: World | None = None
) -> tuple[str, ...]:
    """Write one sentence per result: the baseline's cover, then what each scenario changes and for whom."""
    tables = _tables(results, None, world)
    first = sentences.of_baseline(results[0], tables[0])
    others = zip(results[1:], tables[1:], strict=True)
    return (first, *(sentences.of_scenario(one, rows, tables[0], costs=costs) for one, rows in others))


def layer_lines(results: Sequence[Result], *, world: World | None = None) -> tuple[tuple[str, ...], ...]:
    """Tell of each result but the first, by layer, what its headline leaves out; empty where nothing."""
    tables = _tables(results, None, world)
    lines = [sentences.layer_lines(*own, tables[0]) for own in zip(results[1:], tables[1:], strict=True)]
    return tuple(own if len(own) > sentences.MOST_LAYERS else () for own in lines)


def check_comparable(results: Sequence[Result]) -> None:
    """Check that results are made from the same data: raises ``InputError`` with every one that is not."""
    if not results:
        raise InputError(Problem("方案对比", "没有可比较的结果"))
    base, problems = results[0], []
    for result in results[1:]:
        same = np.array_equal(result.residents, base.residents)
        grown = len(result.residents) == len(base.residents) and circumstances(result)["grown"]
        if not (same or grown or circumstances(base)["grown"]):
            problems.append(Problem(f"方案 {result.title}", "与基准的居民数据不同, 不能比较"))
        elif result.provenance.get("world") != base.provenance.get("world"):
            fix = "请用现在的数据重新运行 boai scenario run"
            problems.append(Problem(f"方案 {result.title}", "与基准不是同一份数据算出的, 不能比较", fix=fix))
    if problems:
        raise InputError(problems)


def _tables(
    results: Sequence[Result], good_share: float | None, world: World | None
) -> list[list[dict[str, Any]]]:
    """Make the rows of each result."""
    check_comparable(results)
    kinds = shown_kinds(result.layers for result in results)
    found = [sides.read(result) for result in results]
    if world is not None:
        hours = open_shares(world, results)
        found = [replace(side, opened=own) for side, own in zip(found, hours, strict=True)]
    return [
        [
            row
            for kind in kinds
            if kind in side.result.covers
            for row in _rows(found[0], side, kind, good_share)
        ]
        for side in found
    ]


def _rows(base: Side, side: Side, kind: Kind, good_share: float | None) -> list[dict[str, Any]]:
    """Make the rows of a layer of a result, one per limit."""
    result, bill, whole_bill = side.result, side.bills[kind], side.bills[""]
    shared = {
        "scenario": result.name,
        "title": result.title,
        "kind": kind,
        "layer": KIND_NAMES[kind],
        **circumstances(result),
        **sides.touched(base, side, kind),
        **_of_layer(side, kind),
        "cost": bill.cost,
        "unpriced": bill.unpriced,
        "cost_unit": whole_bill.unit,
        "all_cost": whole_bill.cost,
        "all_unpriced": whole_bill.unpriced,
    }
    rows = []
    for limit in result.covers[kind].standard.limits:
        row = shared | _at_limit(side, kind, limit, good_share) | _difference(base, side, kind, limit)
        paid = row["actions"] > 0 and row["gained"] > 0
        row["per_site"] = row["gained"] / row["opened"] if row["opened"] else np.nan
        row["cost_per_10k"] = bill.whole / row["gained"] * 10_000 if paid else np.nan
        opened = (one.opened.get(kind, np.nan) if row["main"] else np.nan for one in (base, side))
        before, row["open_share"] = opened
        row["open_points"] = 100 * (row["open_share"] - before)
        rows.append(row)
    return rows


def _of_layer(side: Side, kind: Kind) -> dict[str, Any]:
    """Collect the figures of a layer that are the same at every limit."""
    standard, cost = side.result.covers[kind].standard, sides.p90(side.result, kind)
    minutes, metres = (cost / 60, np.nan) if standard.mode == "drive" else (np.nan, cost)
    met, tracked = side.targets.get(kind, (0, 0))
    return {
        **{name: side.in_time.get((kind, level), np.nan) for level, name in _STORES.items()},
        "p90_text": "" if np.isnan(cost) else standard.cost_text_up(cost),
        "p90_min": minutes,
        "p90_m": metres,
        "admin_failing": side.failing.get(kind, 0),
        "targets_met": met,
        "targets": tracked,
    }


def _at_limit(side: Side, kind: Kind, limit: int, good_share: float | None) -> dict[str, Any]:
    """Collect the cover of a layer at a limit."""
    standard, at = side.result.covers[kind].standard, side.at[kind, limit]
    main = limit == standard.main
    second = side.second.get(kind, np.nan) if main else np.nan
    good, good_from = _good(standard, good_share)
    worst = int(at.shares.argmin()) if len(at.shares) else -1
    return {
        "limit": limit,
        "limit_text": standard.limit_text(limit),
        "main": main,
        "residents": at.residents,
        "served": at.served,
        "share": at.share,
        "worst_county": "" if worst < 0 or at.shares[worst] >= 1 else str(at.name[worst]),
        "worst_share": np.nan if worst < 0 else float(at.shares[worst]),
        "counties_good": int((at.shares >= good).sum()),
        "counties": len(at.shares),
        "good_share": good,
        "good_from": good_from,
        "second_served": float(np.rint(second * at.residents)),
        "second_share": second,
        **_evenness(at),
    }


def _good(standard: Standard, good_share: float | None) -> tuple[float, str]:
    """Say from which share on a county is good, and who says so."""
    if good_share is not None:
        return good_share, "本次指定"
    if standard.target_share is not None:
        return standard.target_share, "标准"
    return GOOD_SHARE, "展示取值 (假设)"


def _evenness(at: At) -> dict[str, float]:
    """Measure how evenly the residents of the counties are covered, and what of it lies between cities."""
    city, member = np.unique(at.code.astype("<U4"), return_inverse=True)
    parts = theil(at.shares, at.people, member, len(city))
    between = parts.between / parts.total if parts.total else np.nan
    return {"gini": gini(at.shares, at.people), "theil": parts.total, "between_share": between}


def _difference(base: Side, side: Side, kind: Kind, limit: int) -> dict[str, float]:
    """Take the difference to the baseline apart; NaN where the baseline does not know the limit."""
    change = gains.by_cell(base.result, side.result, kind, limit)
    if change is None:
        return dict.fromkeys(("points", "gained", "lost", "growth"), np.nan)
    before, after = base.at[kind, limit], side.at[kind, limit]
    found = gains.whole(change, after.served - before.served)
    return {"points": 100 * (after.share - before.share), **found._asdict()}
