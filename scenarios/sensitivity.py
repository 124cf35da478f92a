"""Sensitivity: which chosen sites stay when demand, speeds, limits and numbers move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage.siting import cover
from ..coverage.siting.marginals import CUT_SHORT
from ..coverage.siting.models import covered_weight
from ..coverage.siting.plan import Plan
from ..coverage.siting.rules import broken
from ..geodata.errors import InputError, Problem
from .break_even import break_even_table
from .fronts import options_of
from .moves import Move, standard_moves
from .placed_models import Request
from .placing import Ask, Board, rules_of, set_up
from .sentences import people_text
from .world import World

__all__ = ["Move", "Sensitivity", "sensitivity", "standard_moves"]

MOVES = [
    "run", "group", "move", "stays", "of", "left", "entered", "residents", "kept", "regret", "regret_at_most",
    "share", "status",
]  # fmt: skip
ENTERING = ["name", "city", "county", "runs", "share", "moves"]
_NAMED = 3

Arrays = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], int]


@dataclass(frozen=True)
class Sensitivity:
    """What stays of a plan when the world moves."""

    plan: Plan
    board: Board
    moves: pd.DataFrame
    """One row per move: ``MOVES``. left, entered: names; residents: of the best plan after the move; kept: of
    the plan of today after the move; regret: residents lost by keeping it (NaN where the number moved), at
    most ``regret_at_most``; share: regret as a share of all residents."""
    sites: pd.DataFrame
    """One row per new site: rank, name, city, county, runs (in which it is chosen), share, leaves (moves that
    drop it), and the columns of `break_even.break_even_table`."""
    entering: pd.DataFrame
    """Sites that enter: ``ENTERING``, the most frequent first."""
    sentences: tuple[str, ...]


def sensitivity(
    world: World,
    ask: Ask,
    moves: Sequence[Move] | None = None,
    *,
    runs: int = 8,
    seed: int = 1,
    break_evens: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Sensitivity:
    """Place new sites today, and again after every move; ways are computed once.

    Ways are listed up to the farthest limit of any move, then cut: a speed that rises by a tenth divides
    every time by 1.1, which is a limit of 1.1 times today's; residents are weights. Only the siting is
    solved again (`coverage.siting.mclp`, exact). Of plans that are as good the one nearest to today's counts:
    where keeping today's plan loses nobody all its sites stay, else sites are taken back one by one where
    that loses nobody.

    Parameters
    ----------
    ask
        Maximal covering with a number of new sites, and any rules.
    moves
        `standard_moves` with ``runs`` and ``seed`` where nothing is given.
    break_evens
        Also find the break-even of every site.

    Returns
    -------
    Sensitivity
        After Ctrl-C with the moves solved by then, and told so. The share of a site counts the moves that
        leave the number of sites as it is; where it falls, some site must go.

    Raises
    ------
    InputError
        The request makes no sense or cannot be met; a factor is not above 0.
    """
    if ask.model != "mclp" or ask.number is None:
        raise InputError(Problem("命令", "稳定性分析只对最大覆盖 (mclp) 计算, 并应给出 --number"))
    drawn = moves is None
    walking = world.standards[ask.kind].mode == "walk"
    chosen = (
        standard_moves(world.demand, ask, runs=runs, seed=seed, walking=walking)
        if moves is None
        else tuple(moves)
    )
    if any(not move.reach > 0 or (move.demand is not None and (move.demand < 0).any()) for move in chosen):
        raise InputError(Problem("变动", "车速和上限的系数应大于 0, 居民的系数不小于 0"))
    setting = _Setting.of(world, ask, chosen, say)
    base = setting.solve(Move("", ""))
    if base.status == "infeasible" or not np.isfinite(base.objective):
        raise InputError(Problem("选址", base.note or "时限内没有找到方案", fix="请放宽名额、间距或上限再试"))
    told = _solved(setting, chosen, base, say)
    stopped = [] if len(told) == len(chosen) else [f"已中断: {len(chosen)} 次变动只完成 {len(told)} 次。"]
    chosen, break_evens = chosen[: len(told)], break_evens and not stopped
    table = pd.DataFrame([row for row, _ in told], columns=MOVES)
    plans = [sites for _, sites in told]
    sites = _sites(setting, base, chosen, plans)
    if break_evens:
        say("各站点的保本点")
        more = break_even_table(setting.request, base)
        sites = sites.merge(more, on="rank", how="left")
    entering = _entering(setting, base, chosen, plans)
    sentences = [*stopped, *_told(base, table, sites, entering), *sites.get("sentence", ())]
    sentences += [f"随机变动的随机数种子为 {seed}, 同一种子结果相同。"] if drawn and runs else []
    return Sensitivity(base, setting.request.board, table, sites, entering, tuple(sentences))


def _solved(
    setting: _Setting, moves: Sequence[Move], base: Plan, say: Callable[[str], None]
) -> list[tuple[dict[str, Any], set[int]]]:
    """Solve after every move: rows of the table and new sites; Ctrl-C ends with what is done."""
    told, limit = list[tuple[dict[str, Any], set[int]]](), setting.request.ask.time_limit_s
    try:
        for at, move in enumerate(moves, 1):
            if at % 10 == 1:
                say(f"第 {at}/{len(moves)} 次变动: {move.title}")
            plan = setting.solve(move)
            if plan.status == "feasible" and plan.seconds < CUT_SHORT * limit:
                break  # Ctrl-C within
            told.append(setting.row(at, move, plan, base))
    except KeyboardInterrupt:
        pass
    return told


@dataclass(frozen=True)
class _Setting:
    """A request and the ways up to the farthest limit of all moves."""

    request: Request
    """As it is today."""
    wide: Board
    """With the ways up to the farthest limit."""
    demand: NDArray[np.float64]
    """(cells,) residents."""

    @staticmethod
    def of(world: World, ask: Ask, moves: Sequence[Move], say: Callable[[str], None]) -> _Setting:
        limit = world.standards[ask.kind].main if ask.limit is None else ask.limit
        far = max([1.0, *(move.reach for move in moves)])
        wide = set_up(world, replace(ask, limit=int(np.ceil(limit * far))), distances=False, progress=say)
        matrix = wide.matrix.up_to(limit)
        board = replace(wide, limit=limit, matrix=matrix, weight=matrix.weight(world.demand.residents))
        request = Request(ask, board, *rules_of(world, ask, board), None)
        return _Setting(request, wide, world.demand.residents.astype(np.float64))

    @property
    def board(self) -> Board:
        return self.request.board

    def arrays(self, move: Move) -> Arrays:
        """Give who reaches whom after a move, and the residents; the last row is of those whom nobody can."""
        matrix = self.wide.matrix
        farthest = int(np.floor(self.board.limit * 100 * move.reach * (1.0 + 1e-12)))
        near = matrix.cost <= farthest
        indptr = np.r_[0, np.cumsum(near)][matrix.indptr]
        people = self.demand if move.demand is None else self.demand * move.demand
        if move.demand is not None:
            people = np.rint(people)  # whole residents: bounds are exact
        weight = matrix.weight(people)
        missing = max(0.0, float(people.sum() - weight.sum()))
        return np.r_[indptr, indptr[-1]], matrix.site[near], np.r_[weight, missing], self.board.n_all

    def solve(self, move: Move) -> Plan:
        """Place the new sites after a move."""
        room = self.board.n_all - len(self.request.forbidden)
        number = min(room, self.request.number + move.number)
        return cover.mclp(
            *self.arrays(move),
            p=number,
            time_limit_s=self.request.ask.time_limit_s,
            **options_of(self.request),
        )

    def names(self, sites: Sequence[int]) -> str:
        table = self.board.layer.table["name"].astype(str)
        return "、".join(table.iloc[list(sites)])

    def new(self, plan: Plan) -> list[int]:
        """List the new sites of a plan."""
        return [site for site in plan.sites if site >= self.board.n_existing]

    def row(self, at: int, move: Move, plan: Plan, base: Plan) -> tuple[dict[str, Any], set[int]]:
        """Give the row of the table of a move with its plan, and the new sites then."""
        arrays = self.arrays(move)
        found = np.isfinite(plan.objective)
        kept = covered_weight(*arrays[:3], base.sites)
        same = move.number == 0
        mine = set(base.sites)
        sites = set(plan.sites) if found else set()
        if found:
            sites = (
                mine
                if same and kept >= plan.objective - _slack(arrays[2])
                else self._back(arrays, sites, mine)
            )
        old, now = ({site for site in some if site >= self.board.n_existing} for some in (mine, sites))
        regret = max(0.0, plan.objective - kept) if found and same else np.nan
        row = {
            "run": at,
            "group": move.group,
            "move": move.title,
            "stays": len(old & now),
            "of": len(old),
            "left": self.names(sorted(old - now)),
            "entered": self.names(sorted(now - old)),
            "residents": round(plan.objective) if found else None,
            "kept": round(kept),
            "regret": np.rint(regret),
            "regret_at_most": np.rint(max(0.0, plan.bound - kept)) if found and same else np.nan,
            "share": regret / max(1.0, float(arrays[2].sum())),
            "status": {"optimal": "已证明", "infeasible": "无解"}.get(plan.status, "未证明"),
        }
        return row, now

    def _back(self, arrays: Arrays, sites: set[int], mine: set[int]) -> set[int]:
        """Take sites of today's plan back for others where that loses nobody and keeps the rules."""
        best, slack = covered_weight(*arrays[:3], list(sites)), _slack(arrays[2])
        for site in sorted(mine - sites):
            for other in sorted(sites - mine):
                tried = (sites - {other}) | {site}
                if broken(self.request.rules, tried):
                    continue
                if covered_weight(*arrays[:3], list(tried)) >= best - slack:
                    sites = tried
                    break
        return sites


def _slack(weight: NDArray[np.float64]) -> float:
    """Residents that are no difference: rounding."""
    return 1e-9 * float(weight.sum()) + 1e-6


def _counted(moves: Sequence[Move], plans: Sequence[set[int]]) -> list[tuple[Move, set[int]]]:
    """Take the moves that leave the number of sites, and for which a plan was found."""
    return [(move, sites) for move, sites in zip(moves, plans, strict=True) if move.number == 0 and sites]


def _sites(setting: _Setting, base: Plan, moves: Sequence[Move], plans: Sequence[set[int]]) -> pd.DataFrame:
    """Make the table of the sites: in how many runs each is chosen, and which moves drop it."""
    counted, new = _counted(moves, plans), setting.new(base)
    table = setting.board.layer.table.iloc[new][["name", "city", "county"]].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(new) + 1))
    chosen = [sum(site in sites for _, sites in counted) for site in new]
    drops = ["、".join(move.title for move, sites in counted if site not in sites) for site in new]
    share = [count / len(counted) if counted else np.nan for count in chosen]
    return table.assign(runs=chosen, share=share, leaves=drops)


def _entering(
    setting: _Setting, base: Plan, moves: Sequence[Move], plans: Sequence[set[int]]
) -> pd.DataFrame:
    """List the sites that enter, the most frequent first."""
    counted, mine = _counted(moves, plans), set(base.sites)
    count: dict[int, list[str]] = {}
    for move, sites in counted:
        for site in sorted(sites - mine):
            count.setdefault(site, []).append(move.title)
    order = sorted(count, key=lambda site: (-len(count[site]), site))
    table = setting.board.layer.table.iloc[order][["name", "city", "county"]].reset_index(drop=True)
    runs = [len(count[site]) for site in order]
    found = table.assign(
        runs=runs,
        share=[number / len(counted) for number in runs],
        moves=["、".join(count[site]) for site in order],
    )
    return found[ENTERING]


def _told(base: Plan, table: pd.DataFrame, sites: pd.DataFrame, entering: pd.DataFrame) -> list[str]:
    """Say what stays, what keeping the plan costs at most, and who enters."""
    same = table[table["regret"].notna()]
    sure = "" if base.status == "optimal" and (table["status"] == "已证明").all() else "; 有的方案未证明最优"
    stable = int((same["stays"] == same["of"]).sum())
    stay = f"; {stable} 次全部站点不变" if len(same) else ""
    told = [f"稳定性: 共重算 {len(table)} 次, 其中 {len(same)} 次数量不变{stay}{sure}。"]
    for site in sites.to_dict("records") if len(same) else ():
        told.append(f"{site['name']}: {site['runs']}/{len(same)} 次仍选中 ({site['share']:.0%})。")
    if len(same) and same["regret"].max() > 0:
        worst = same.iloc[int(same["regret"].to_numpy().argmax())]
        told.append(
            f"坚持现方案的损失最大是在“{worst['move']}”时: 比当时最好的方案少覆盖 "
            f"{people_text(worst['regret'])} ({worst['share']:.2%}); "
            f"平均 {people_text(same['regret'].mean())}。"
        )
    elif len(same):
        told.append("各次变动下坚持现方案都不少覆盖居民。")
    for one in entering.head(_NAMED).to_dict("records"):
        told.append(f"常替换进来的: {one['name']}, {one['runs']} 次 ({one['share']:.0%})。")
    return [*told, "全省居民同比例增减不改变选址, 未列为变动; 出行时间只计算一次, 车速变动按全程同比例折算。"]
