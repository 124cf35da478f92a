"""What `boai scenario sensitivity` answers: which chosen sites stay when the world moves, as plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES
from ..geodata.registry import check_kind
from .answers import rows_of
from .assessments import labels_of, notes_of
from .fronts import save, shown
from .outputs import check_folder
from .planning import Wanted, ask_of
from .workspace import Progress, load_world, open_workspace

if TYPE_CHECKING:
    import pandas as pd

WORKBOOK = "稳定性.xlsx"

MOVES = {
    "run": "序号",
    "group": "类别",
    "move": "变动",
    "stays": "不变(处)",
    "of": "共(处)",
    "left": "退出站点",
    "entered": "换入站点",
    "residents": "当时最好的覆盖居民",
    "kept": "坚持现方案的覆盖居民",
    "regret": "少覆盖(人)",
    "regret_at_most": "至多少覆盖(人)",
    "share": "占全部居民",
    "status": "证明",
}

SITES = {
    "rank": "次序", "name": "站点", "city": "设区市", "county": "县区", "runs": "选中次数",
    "share": "选中比例", "leaves": "使它退出的变动", "may_fall": "周边居民可减少",
    "instead": "再少则改选", "loss": "不设则少覆盖(人)", "places": "造价倍数上限", "verified": "两侧已复核",
}  # fmt: skip

ENTERING = {
    "name": "站点", "city": "设区市", "county": "县区", "runs": "选中次数", "share": "选中比例",
    "moves": "变动",
}  # fmt: skip

_SHARES = ("share", "may_fall")
_MOST_RUNS = 200


def sensitivity(
    root: Path,
    wanted: Wanted,
    *,
    people: float = 10.0,
    speeds: Sequence[float] = (10.0, 20.0),
    limits: Sequence[float] = (10.0, 30.0),
    runs: int = 8,
    seed: int = 1,
    by: str = "city",
    break_evens: bool = True,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Place new sites, and again after every move of residents, speeds, limits and numbers.

    Parameters
    ----------
    wanted
        Layer, number, limit, candidates, quotas, spacing, relocations, time limit of each solution, ``out``.
    people, speeds, limits
        Per cent up and down; 0 or nothing: not moved.
    runs, seed
        Random draws of the residents by county.
    by
        ``city`` or ``county``: whose residents move one after the other.
    break_evens
        Also find each site's break-even.

    Returns
    -------
    dict
        title, labels, and headers, rows, shown for each of the tables ``sites``, ``moves`` and ``entering``;
        plan (status, objective, bound), sentences, files.
    """
    from ..scenarios.moves import standard_moves  # noqa: PLC0415 (pandas is slow to import)
    from ..scenarios.sensitivity import sensitivity as find  # noqa: PLC0415

    kind = check_kind(wanted.kind)
    _check(wanted, people, [*speeds, *limits], runs, by)
    world = load_world(open_workspace(root))
    ask = ask_of(replace(wanted, model="mclp"), world.standards[kind])
    moves = standard_moves(
        world.demand,
        ask,
        people=people,
        speeds=speeds,
        limits=limits,
        runs=runs,
        seed=seed,
        by=by,
        walking=world.standards[kind].mode == "walk",
    )
    found = find(world, ask, moves, break_evens=break_evens, say=progress or (lambda _: None))
    limit = found.board.standard.limit_text(found.board.limit)
    title = f"{KIND_NAMES[kind]}: 新设 {len(found.sites)} 处的稳定性, {limit}以内算覆盖"
    labels = labels_of(world, kind)
    seeded = [f"随机变动的随机数种子为 {seed}, 同一种子结果相同。"] if runs and people else []
    sentences = [*found.sentences, *seeded, *notes_of(world, kind)]
    sentences += [found.board.note] if found.board.note else []
    plan = {name: getattr(found.plan, name) for name in ("status", "objective", "bound")}
    tables = {
        "sites": ("站点", found.sites, SITES),
        "moves": ("变动", found.moves, MOVES),
        "entering": ("换入站点", found.entering, ENTERING),
    }
    answer: dict[str, Any] = {"title": title, "labels": labels, "plan": plan, "sentences": sentences}
    answer |= {key: _table(table, headers) for key, (_, table, headers) in tables.items()}
    answer["files"] = []
    if wanted.out is not None:
        ready = {name: (table, headers) for name, table, headers in tables.values()}
        answer["files"] = save(wanted.out / WORKBOOK, answer, ready)
    return answer


def _table(table: pd.DataFrame, headers: dict[str, str]) -> dict[str, Any]:
    rows = rows_of(table)
    kept = {name: text for name, text in headers.items() if name in table.columns}
    return {"headers": kept, "rows": rows, "shown": [shown(row, _SHARES) for row in rows]}


def _check(wanted: Wanted, people: float, percents: Sequence[float], runs: int, by: str) -> None:
    problems = []
    if not 0 <= people < 100:
        problems.append(Problem("--people", "应在 0 到 99 % 之间", f"{people:g}"))
    if any(not 0 < one < 100 for one in percents):
        problems.append(Problem("--speed 或 --limits", "应在 0 到 99 % 之间, 且大于 0"))
    if not 0 <= runs <= _MOST_RUNS:
        problems.append(Problem("--runs", f"应在 0 到 {_MOST_RUNS} 之间", str(runs)))
    if by not in ("county", "city"):
        problems.append(Problem("--by", "应为 county (县区) 或 city (设区市)", by[:30]))
    if problems:
        raise InputError(problems)
    if wanted.out is not None:
        check_folder(wanted.out)
