"""Break-even of each new site of a plan: how far demand around it may fall, how dear it may be."""

from __future__ import annotations

import math

import pandas as pd

from ..coverage.siting.break_even import BreakEven, break_even
from ..coverage.siting.plan import Plan
from .fronts import options_of
from .placed_models import Request
from .sentences import people_text

COLUMNS = [
    "rank", "may_fall", "instead", "loss", "places", "verified", "proven", "sentence",
]  # fmt: skip


def break_even_table(request: Request, plan: Plan) -> pd.DataFrame:
    """Find the break-even of every new site of a plan of maximal covering.

    Returns
    -------
    pandas.DataFrame
        rank (order in the plan), may_fall (share by which the residents within the site's reach may fall
        before another plan is better, 0..1; 1: whatever happens), instead (names of what the other plan
        opens and this one does not), loss (residents fewer without the site today, all others free; NaN where
        the rules cannot be kept without it), places
        (the site may cost so many times the price of one), verified, proven, sentence. The definitions are
        those of `coverage.siting.break_even`.
    """
    board = request.board
    names = board.layer.table["name"].astype(str).tolist()
    rows, options = [], options_of(request)
    new = [site for site in plan.sites if site >= board.n_existing]
    for rank, site in enumerate(new, 1):
        found = break_even(
            *request.cover,
            site,
            p=request.number,
            forced=options["forced"],
            forbidden=options["forbidden"],
            rules=options["rules"],
            time_limit_s=request.ask.time_limit_s,
        )
        instead = "、".join(names[one] for one in found.instead if one not in set(plan.sites))
        fall = 1.0 - found.factor if math.isfinite(found.factor) else 0.0
        rows.append(
            {
                "rank": rank,
                "may_fall": min(1.0, max(0.0, fall)),
                "instead": instead,
                "loss": math.nan if found.needed else max(0.0, round(found.loss)),
                "places": found.places,
                "verified": found.verified,
                "proven": found.proven,
                "sentence": _sentence(names[site], found, instead),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _sentence(name: str, found: BreakEven, instead: str) -> str:
    """Say a break-even in words."""
    if found.needed:
        told = "不设在这里就做不到各项要求 (名额等)"
    elif found.factor <= 0:
        told = "它周边的居民无论减少多少, 本方案仍选它"
    elif found.factor > 1:
        told = "不选它的方案更好"
    else:
        within = math.floor(1000 * (1 - found.factor) + 1e-9) / 10  # down: so much is sure
        told = f"它周边的居民减少 {within:.1f} % 以内仍选它"
        told += f", 再少则改选 {instead}" if instead else ""
    lost = "" if found.needed else f"; 如不能设在这里, 至少少覆盖 {people_text(max(0.0, found.loss))}"
    dear = f"; 造价为其他点的 {found.places} 倍以内仍值得选" if found.places > 1 else ""
    return f"{name}: {told}{lost}{dear}{'' if found.proven else ' (未全部证明)'}。"
