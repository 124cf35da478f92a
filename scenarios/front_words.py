"""Say in Chinese what a front shows: its ends, where further sites add little, what may be missing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..coverage.siting.front import Front
from ..coverage.siting.front_equity import EquityFront
from .boards import Board
from .sentences import people_text

_MOST_NAMED = 4
"""Intervals that are named one by one."""


def proven_text(proven: bool) -> str:
    """Say whether a plan is proven to be on the front."""
    return "已证明" if proven else "未证明"


def cost_sentences(
    found: Front,
    table: pd.DataFrame,
    board: Board,
    price: tuple[float, str],
    given: pd.DataFrame,
    *,
    priced: bool,
) -> list[str]:
    """Say what the front of cost and cover shows."""
    if not len(table):
        return [f"{found.note or '时限内没有找到方案'}。"]
    first, last = table.iloc[0], table.iloc[-1]
    limit = board.standard.limit_text(board.limit)
    certain = "全部方案都已列出并证明" if found.complete else "时限内没有算完"
    told = [
        f"费用与覆盖的前沿: {len(table)} 个互不占优的方案, {certain}。",
        f"{limit}以内的居民: 新设 {first['number']} 处 {people_text(first['residents'])} "
        f"({first['share']:.2%}), "
        f"新设 {last['number']} 处 {people_text(last['residents'])} ({last['share']:.2%})。",
    ]
    told += [] if priced else _knee(table)
    if np.isfinite(price[0]):
        told.append(f"费用按每处 {price[0]:g} {price[1]} 计 (由用户给出)。")
    inner = int((~table["supported"]).sum())
    if inner:
        told.append(
            f"其中 {inner} 个方案按“覆盖减去费用乘以权数”求不出来, 无论权数多大 (表中 supported 为否)。"
        )
    told += _missing(found, board, priced=priced)
    return told + [f"{text}。" for text in given["text"]]


def _knee(table: pd.DataFrame) -> list[str]:
    """Tell from where on a further site adds less than half of what the first one did."""
    step = table["number"].diff()
    gain = (table["residents"].diff() / step).to_numpy(float)
    if len(gain) < 2 or not gain[1] > 0:
        return []
    less = np.flatnonzero(gain[1:] < gain[1] / 2)
    start = f"第一处新增 {people_text(gain[1])}"
    if not len(less):
        return [f"{start}; 到 {table['number'].iloc[-1]} 处为止, 每多一处的新增都不低于它的一半。"]
    at = int(less[0]) + 1
    number = int(table["number"].iloc[at - 1]) + 1
    return [f"{start}; 从第 {number} 处起, 每多一处新增 {people_text(gain[at])}, 不到第一处的一半。"]


def _missing(found: Front, board: Board, *, priced: bool) -> list[str]:
    """Name the intervals in which plans may be missing."""
    told = []
    for one in found.missing[:_MOST_NAMED]:
        low, high = (
            f"{cost - (0 if priced else board.n_existing):g}" for cost in (one.cost_from, one.cost_to)
        )
        span = low if low == high else f"{low}-{high}"
        where = f"费用 {span} 之间" if priced else f"新设 {span} 处"
        more = "" if one.cover_above <= 0 else f"多于 {people_text(one.cover_above)}, "
        told.append(f"{where}可能还有未列出的方案, 覆盖{more}至多 {people_text(one.cover_at_most)}。")
    rest = len(found.missing) - _MOST_NAMED
    return [*told, f"另有 {rest} 段也可能有未列出的方案。"] if rest > 0 else told


def equity_sentences(found: EquityFront, table: pd.DataFrame, by: str) -> list[str]:
    """Say what the front of cover and the lowest share shows."""
    if not len(table):
        return [f"{found.note or '时限内没有找到方案'}。"]
    unit = "设区市" if by == "city" else "县(市、区)"
    first, last = table.iloc[0], table.iloc[-1]
    certain = "全部方案都已列出并证明" if found.complete else "时限内没有算完"
    told = [f"覆盖与公平的前沿: {len(table)} 个互不占优的方案, {certain}。"]
    told.append(
        f"只求覆盖最多: {people_text(first['residents'])}, 覆盖最低的{unit} {first['lowest_unit']} "
        f"{first['lowest_share']:.1%}。"
    )
    if len(table) > 1:
        given_up = first["residents"] - last["residents"]
        told.append(
            f"最照顾最低的{unit}: {last['lowest_unit']} {last['lowest_share']:.1%}, "
            f"为此少覆盖 {people_text(given_up)}。"
        )
    fixed = [name for name, counts in zip(found.names, found.counted, strict=True) if not counts]
    if fixed:
        named = "、".join(fixed[:5]) + ("等" if len(fixed) > 5 else "")
        told.append(f"{len(fixed)} 个{unit}的覆盖率任何候选点都改变不了, 不计入最低 ({named})。")
    for one in found.missing[:_MOST_NAMED]:
        told.append(
            f"最低覆盖率高于 {one.lowest_above:.1%}、不超过 {one.lowest_to:.1%} 的方案可能还有未列出的, "
            f"覆盖至多 {people_text(one.cover_at_most)}。"
        )
    return [*told, "覆盖与基尼系数的前沿不作计算: 它不能精确求解; 每个方案的基尼系数列在表中。"]
