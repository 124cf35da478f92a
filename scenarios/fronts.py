"""Pareto fronts on the world: all plans that no other beats, of cost and cover, or of cover and equity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..coverage.matrix import Matrix, build_matrix
from ..coverage.siting.front import Front, cover_cost_front
from ..coverage.siting.front_equity import EquityFront, cover_equity_front
from ..coverage.siting.plan import Plan
from ..geodata.errors import InputError, Problem
from ..geodata.layers import Layer
from .costs import Costs
from .front_words import cost_sentences, equity_sentences, proven_text
from .placed_models import Request
from .placing import Ask, Board, rules_of, set_up
from .world import World

MOST = 30
"""New sites up to which a front of cost and cover is drawn, where nothing is asked."""

GIVEN = ["title", "number", "residents", "better", "fewer", "text"]


@dataclass(frozen=True)
class FrontResult:
    """A front and what to say about it."""

    against: Literal["cost", "equity"]
    front: Front | EquityFront
    board: Board
    table: pd.DataFrame
    """One row per plan, as `front` says."""
    given: pd.DataFrame
    """One row per scenario that was held against the front: ``GIVEN``; better: residents more for the same
    cost, fewer: sites fewer for the same cover."""
    sentences: tuple[str, ...]


def front(
    world: World,
    ask: Ask,
    *,
    against: Literal["cost", "equity"] = "cost",
    costs: Costs | None = None,
    level: str = "",
    prices: ArrayLike | None = None,
    most: float | None = None,
    by: Literal["county", "city"] = "county",
    given: Mapping[str, Layer] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> FrontResult:
    """List every plan of new sites that no other plan beats in both measures.

    Parameters
    ----------
    ask
        Layer, limit, candidates, quotas, spacing, relocations and time limit; for ``equity`` also the number
        of new sites. Its number does not count for ``cost``.
    against
        ``cost``: residents covered against what the new sites cost, or against their number, where there are
        no prices. ``equity``: against the covered share of the unit that is covered least.
    costs, level
        Prices, and the level of the new sites: one price for all, so that the number of sites decides.
    prices
        Instead: (candidates,) a price for each candidate, as `Board.places` lists them.
    most
        New sites at most (with ``prices``: what they may cost together); ``MOST`` without.
    by
        The units of ``equity``.
    given
        Layers of scenarios by their titles, to be held against the front of cost.

    Returns
    -------
    FrontResult
        Tables have the columns number (new sites, less those given up), cost (NaN without a price),
        residents, share (of all), more (than the plan before), lowest_unit, lowest_share, added and given_up
        (names, joined by 、), status and supported; for ``equity`` also gini.

    Raises
    ------
    InputError
        The request makes no sense or cannot be met; another model than maximal covering is asked.
    """
    _check(ask, against, costs, prices)
    board = set_up(world, ask, distances=False, progress=say)
    request = Request(ask, board, *rules_of(world, ask, board), None)
    if against == "equity":
        return _equity(world, request, by, say)
    say(f"费用与覆盖的前沿: {board.n_all:,} 个现有和候选点")
    found = _solved(request, prices, most)
    price, every = _price(ask, costs, level), board.n_all - len(request.forbidden)
    return _cost(world, board, found, price, dict(given or {}), every=every, priced=prices is not None)


def _check(ask: Ask, against: str, costs: Costs | None, prices: ArrayLike | None) -> None:
    problems = []
    if ask.model != "mclp":
        problems.append(Problem("--model", "前沿只对最大覆盖 (mclp) 计算", ask.model[:40]))
    if against not in ("cost", "equity"):
        problems.append(Problem("--against", "应为 cost (费用) 或 equity (公平)", against[:40]))
    if against == "equity" and ask.number is None:
        problems.append(Problem("命令", "覆盖与公平的前沿应给出 --number (新增几处)"))
    if prices is not None and (ask.relocations or costs is not None):
        problems.append(Problem("prices", "逐点价格不能与迁移或统一价格同时使用"))
    if problems:
        raise InputError(problems)


def _price(ask: Ask, costs: Costs | None, level: str) -> tuple[float, str]:
    """Find the price of one new site, NaN where nobody stated one, and its unit."""
    if costs is None:
        return float("nan"), ""
    price = None if ask.relocations else costs.price("open", ask.kind, level)
    return float("nan") if price is None else price, costs.unit


def options_of(request: Request) -> dict[str, Any]:
    """Give forced and forbidden candidates and rules of a request, as all cover models take them."""
    return {name: request.common[name] for name in ("forced", "forbidden", "rules")}


def _solved(request: Request, prices: ArrayLike | None, most: float | None) -> Front:
    """Find the front of cost and cover; costs are those of all open sites, existing ones counted or free."""
    board = request.board
    cost, limit = None, board.n_existing + (MOST if most is None else most)
    if prices is not None:
        each = np.asarray(prices, np.float64)
        if each.shape != (len(board.places),):
            raise InputError(Problem("prices", f"应有 {len(board.places):,} 个价格", str(each.shape)[:40]))
        cost, limit = np.r_[np.zeros(board.n_existing), each], float(each.sum()) if most is None else most
    seconds = request.ask.time_limit_s
    found = cover_cost_front(
        *request.cover, cost=cost, most=limit, time_limit_s=seconds, **options_of(request)
    )
    if not found.points and found.complete:
        raise InputError(Problem("前沿", found.note, fix="请放宽名额、间距或上限再试"))
    return found


def _cost(
    world: World,
    board: Board,
    found: Front,
    price: tuple[float, str],
    given: dict[str, Layer],
    *,
    every: int,
    priced: bool,
) -> FrontResult:
    table = plan_table(world, board, [point.plan for point in found.points])
    spent = [point.cost for point in found.points]
    table.insert(1, "cost", spent if priced else table["number"] * price[0])
    table["more"] = table["residents"].diff()
    table["status"] = [proven_text(point.proven) for point in found.points]
    table["supported"] = [point.supported for point in found.points]
    largest = np.inf if found.most >= every else found.most - board.n_existing  # all candidates: the end
    compared = pd.DataFrame(columns=GIVEN) if priced else _given(world, board, table, given, largest)
    sentences = cost_sentences(found, table, board, price, compared, priced=priced)
    return FrontResult("cost", found, board, table, compared, tuple(sentences))


def _equity(world: World, request: Request, by: str, say: Callable[[str], None]) -> FrontResult:
    ask, board = request.ask, request.board
    indptr, indices, weight, n = request.cover
    room = len(board.places) - len(request.forbidden)
    if (ask.number or 0) > room:
        raise InputError(Problem("--number", f"候选点只有 {room:,} 处", f"要新增 {ask.number:,} 处"))
    group, names, missing = units_of(world, board, by)
    say(f"覆盖与公平的前沿: {board.n_all:,} 个现有和候选点, {len(names)} 个单位")
    found = cover_equity_front(
        np.r_[indptr[:-1], np.full(len(names), indptr[-1])],
        indices,
        np.r_[weight[:-1], missing],
        n,
        group=np.r_[group, np.arange(len(names))],
        names=names,
        p=request.number,
        time_limit_s=ask.time_limit_s,
        **options_of(request),
    )
    if not found.points and found.complete:
        raise InputError(Problem("前沿", found.note, fix="请放宽名额、间距或上限再试"))
    table = plan_table(world, board, [point.plan for point in found.points])
    named = [_lowest(found, point.share, point.lowest) for point in found.points]
    table["lowest_unit"], table["lowest_share"] = named, [point.lowest for point in found.points]
    table["gini"] = [point.gini for point in found.points]
    table["more"] = table["residents"].diff()
    table["status"] = [proven_text(point.proven) for point in found.points]
    table["supported"] = [point.supported for point in found.points]
    compared = pd.DataFrame(columns=GIVEN)
    return FrontResult("equity", found, board, table, compared, tuple(equity_sentences(found, table, by)))


def _lowest(found: EquityFront, share: Sequence[float], lowest: float) -> str:
    """Name the first unit at the lowest share of those that count."""
    for name, counts, own in zip(found.names, found.counted, share, strict=True):
        if counts and own <= lowest + 1e-12:
            return name
    return ""


def units_of(
    world: World, board: Board, by: str
) -> tuple[NDArray[np.int64], tuple[str, ...], NDArray[np.float64]]:
    """Give (rows,) the unit of each row, the names, and (units,) residents who are in no row."""
    demand = world.demand
    county = np.asarray(demand.county, np.int64)
    names = np.asarray(demand.county_name).astype(str)
    if by == "city":
        cities, unit = np.unique(np.asarray(demand.city_name).astype(str), return_inverse=True)
        county, names = unit[county], cities
    group = county[board.matrix.cell]
    there = np.bincount(group, board.weight, minlength=len(names))
    whole = np.bincount(county, demand.residents.astype(np.float64), minlength=len(names))
    missing = np.where(whole - there > 1e-6, whole - there, 0.0)
    return group, tuple(names.tolist()), missing


def plan_table(world: World, board: Board, plans: Sequence[Plan]) -> pd.DataFrame:
    """Make one row per plan: number, residents, share, the lowest county and its share, sites by name."""
    names = board.layer.table["name"].astype(str).tolist()
    group, counties, missing = units_of(world, board, "county")
    whole = np.bincount(group, board.weight, minlength=len(counties)) + missing
    rows = []
    for plan in plans:
        opened = set(plan.sites)
        gone = [site for site in board.existing if site not in opened]
        new = [site for site in plan.sites if site >= board.n_existing]
        reached = board.weight * covered(board.matrix, plan.sites)
        share = np.bincount(group, reached, minlength=len(counties)) / np.where(whole > 0, whole, np.nan)
        low = int(np.nanargmin(share)) if np.isfinite(share).any() else -1
        rows.append(
            {
                "number": len(new) - len(gone),
                "residents": round(plan.objective),
                "share": plan.objective / board.residents if board.residents else 0.0,
                "lowest_unit": counties[low] if low >= 0 else "",
                "lowest_share": float(share[low]) if low >= 0 else np.nan,
                "added": "、".join(names[site] for site in new),
                "given_up": "、".join(names[site] for site in gone),
            }
        )
    columns = ["number", "residents", "share", "lowest_unit", "lowest_share", "added", "given_up"]
    return pd.DataFrame(rows, columns=columns)


def covered(matrix: Matrix, sites: Sequence[int]) -> NDArray[np.bool_]:
    """Tell which rows some sites of a matrix reach (rows,)."""
    hits = np.r_[0, np.cumsum(np.isin(matrix.site, np.asarray(sites, np.int64)))]
    found: NDArray[np.bool_] = hits[matrix.indptr[1:]] > hits[matrix.indptr[:-1]]
    return found


def _given(
    world: World, board: Board, table: pd.DataFrame, given: dict[str, Layer], largest: float
) -> pd.DataFrame:
    """Hold scenarios against the front: how many residents more for the same number, how many sites fewer.

    Parameters
    ----------
    largest
        New sites up to which the front was looked for.
    """
    rows = []
    for title, layer in given.items():
        matrix = build_matrix(
            world.demand, world.roads(board.standard), layer, board.standard, limit=board.limit
        )
        reached = float(matrix.weight(world.demand.residents)[np.diff(matrix.indptr) > 0].sum())
        number = len(layer.table) - board.n_existing
        same = table[table["number"] <= number]
        better = int(same["residents"].iloc[-1]) - round(reached) if len(same) and number <= largest else None
        enough = table[table["residents"] >= round(reached)]
        fewer = number - int(enough["number"].iloc[0]) if len(enough) else None
        rows.append(
            (title, number, round(reached), better, fewer, _text(title, number, better, fewer, largest))
        )
    return pd.DataFrame(rows, columns=GIVEN)


def _text(title: str, number: int, better: int | None, fewer: int | None, largest: float) -> str:
    same = f"覆盖同样多的居民可少设 {fewer} 处" if fewer and fewer > 0 else ""
    if number > largest:
        return f"{title}: 新设 {number} 处, 前沿只算到 {largest:g} 处{'; ' + same if same else ', 不能比较'}"
    if better is None:
        return f"{title}: 新设 {number} 处, 前沿上没有不多于这一数量的方案, 不能比较"
    if better < 0:
        return f"{title}: 新设 {number} 处, 比前沿上的方案多覆盖 {-better:,} 人 (它的站点不在候选点中)"
    if better == 0:
        return f"{title}: 新设 {number} 处, 与前沿上的方案覆盖一样多"
    return f"{title}: 新设 {number} 处, 同样数量可多覆盖 {better:,} 人{'; ' + same if same else ''}"
