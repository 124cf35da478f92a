"""One sentence per scenario: what changes, whom it gains, who is left, what it costs, what is proven."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..coverage.inequality import percent_text
from ..coverage.standards import Standard
from . import counts
from .result_tables import WORDS
from .run import Result

Row = Mapping[str, Any]

MOST_LAYERS = 2
"""Layers that one sentence tells in full."""

_SITES = {column: counts.WORDS[action] for action, column in counts.COUNTS.items()}
_SITES["out_of_service"] = "受淹停用"

_USUAL = ("mclp", "each_county", "each_city")
"""What siting requests seek that needs no word: most residents, or a site for each unit."""


def of_baseline(result: Result, rows: Sequence[Row]) -> str:
    """Say how far the sites of today reach."""
    parts = [
        f"{row['layer']}{limit_text(result, row)}覆盖 {share_text(row['share'])}"
        for row in rows
        if row["main"]
    ]
    return f"{result.title}: {', '.join(parts)}。"


def of_scenario(result: Result, rows: Sequence[Row], baseline: Sequence[Row], *, costs: bool) -> str:
    """Say what a scenario changes: its circumstances, layer by layer, its cost, and what is proven.

    Of more than ``MOST_LAYERS`` layers only the shares are told, and whom they gain and lose: the sentence is
    to be read out, and `layer_lines` tell the rest.

    Parameters
    ----------
    rows, baseline
        Of the comparison, those of the scenario and of the baseline.
    """
    layers = list(layer_lines(result, rows, baseline))
    if len(layers) > MOST_LAYERS:
        layers = [_sites(rows), ", ".join(_short(row, before) for row, before in _touched(rows, baseline))]
    paid = costs and any(row["actions"] for row in rows)
    words = [counts.by_word(result), *layers, bill_text(rows) if paid else "", _proof(result)]
    if not any((*layers, words[0])):
        return f"{result.title}: 站点没有变化。"
    return f"{result.title}: {'; '.join(word for word in words if word)}。"


def layer_lines(result: Result, rows: Sequence[Row], baseline: Sequence[Row]) -> tuple[str, ...]:
    """Say what happens to each layer that a scenario touches, one line each; see `of_scenario`."""
    return tuple(_layer(result, row, before) for row, before in _touched(rows, baseline))


def _touched(rows: Sequence[Row], baseline: Sequence[Row]) -> list[tuple[Row, Row | None]]:
    """Pair the rows of main limits where anything changes with those of the baseline, if it has them."""
    known = {(row["kind"], row["limit"]): row for row in baseline}
    pairs = [(row, known.get((row["kind"], row["limit"]))) for row in rows if row["main"]]
    return [
        (row, before)
        for row, before in pairs
        if row["actions"] or row["out_of_service"] or _people(row, "gained lost growth") or before is None
    ]


_MOVED = {"gained": "增加", "lost": "减少", "growth": "居民增减带来"}


def _people(row: Row, names: str) -> str:
    """Say whom a scenario gains and loses; empty where nobody."""
    numbers = ((_MOVED[name], row[name]) for name in names.split())
    told = (f"{word} {people_text(number)}" for word, number in numbers if number and not math.isnan(number))
    return "、".join(told)


def _short(row: Row, before: Row | None) -> str:
    """Say the share of a layer before and after, and whom it gains and loses."""
    was = "" if before is None else f"{share_text(before['share'])} → "
    people = _people(row, "gained lost")
    return f"{row['layer']}覆盖 {was}{share_text(row['share'])}" + (f" ({people})" if people else "")


def _sites(rows: Sequence[Row]) -> str:
    """Say the actions on the sites of all layers together."""
    main = [row for row in rows if row["main"]]
    return actions_text({name: sum(row[name] for row in main) for name in _SITES})


def _layer(result: Result, row: Row, before: Row | None) -> str:
    """Say what happens to a layer."""
    was = "" if before is None else f"{share_text(before['share'])} → "
    told = _people(row, "gained lost growth")
    people = f" ({told})" if told else " (覆盖不变)" if before is not None else ""
    cover = f"{limit_text(result, row)}覆盖 {was}{share_text(row['share'])}{people}"
    head = f"{row['layer']} {actions_text(row)}".strip()
    return ", ".join(part for part in (head, cover, _open_text(row), _left(result, row)) if part)


def _open_text(row: Row) -> str:
    """Say what the opening hours leave of the cover; empty where nothing is known."""
    if math.isnan(row["open_points"]):
        return ""
    before = percent_text(max(0.0, row["open_share"] - row["open_points"] / 100))
    return f"按开放时间全周平均 {before} → {percent_text(row['open_share'])}"


def _left(result: Result, row: Row) -> str:
    """Say who is still out of reach, and which county is the weakest."""
    left = row["residents"] - row["served"]
    if not left:
        return "人人够得着"
    told = f"仍有 {people_text(left)}够不着"
    if not row["worst_county"]:
        return told
    units = result.units
    own = units[(units["kind"] == row["kind"]) & (units["limit"] == row["limit"]) & (units["level"] == "县")]
    alike = int((own.loc[own["residents"] > 0, "share"] <= row["worst_share"]).sum())
    name = f"{row['worst_county']}等 {alike} 个县" if alike > 1 else row["worst_county"]
    return f"{told}, 最弱的是{name} {percent_text(row['worst_share'])}"


def actions_text(row: Row) -> str:
    """Say the actions on the sites of a layer: 新增 1 处、撤销 1 处.

    Examples
    --------
    >>> counts = dict.fromkeys(("closed", "moved", "resized", "retimed", "out_of_service"), 0)
    >>> actions_text({**counts, "opened": 1200, "out_of_service": 2})
    '新增 1,200 处、受淹停用 2 处'
    """
    return "、".join(f"{word} {row[name]:,} 处" for name, word in _SITES.items() if row[name])


def bill_text(rows: Sequence[Row]) -> str:
    """Say what a scenario costs, as far as it is known; empty where there is nothing to pay for, or no price.

    Examples
    --------
    >>> bill_text([{"all_cost": 180.0, "all_unpriced": 3, "cost_unit": "万元"}])
    '费用 180 万元 (另有 3 项未给价格)'
    """
    if not rows or math.isnan(rows[0]["all_cost"]) or not rows[0]["cost_unit"]:
        return ""
    row = rows[0]
    rest = f" (另有 {row['all_unpriced']:,} 项未给价格)" if row["all_unpriced"] else ""
    return f"费用 {number_text(row['all_cost'])} {row['cost_unit']}{rest}"


def _proof(result: Result) -> str:
    """Say of the siting requests whether they are proven best, and how far they may be from it."""
    plans = result.plans
    open_ = [plan for plan in plans if plan["status"] != "optimal"]
    if not plans:
        return ""
    if not open_:
        goals = dict.fromkeys(WORDS["rule"][plan["rule"]] for plan in plans if plan["rule"] not in _USUAL)
        return "选址每一步都已证明最优" + (f" (目标: {'、'.join(goals)})" if goals else "")
    gap = max(float(plan["gap"]) for plan in open_)
    far = f", 离最优至多相差 {percent_text(gap)}" if math.isfinite(gap) else ""
    return f"选址 {len(plans)} 步中 {len(open_)} 步未证明最优{far}"


def limit_text(result: Result, row: Row) -> str:
    """Say a limit and how it is travelled: 1小时车程 or 步行270米."""
    standard: Standard = result.covers[row["kind"]].standard
    text = standard.limit_text(row["limit"])
    return f"{text}车程" if standard.mode == "drive" else f"步行{text}"


def share_text(share: float) -> str:
    """Write a share of residents; where there are none it is no number."""
    return "无居民" if math.isnan(share) else percent_text(share)


def people_text(number: float) -> str:
    """Say a number of residents: 12.3 万人 from ten thousand on.

    Examples
    --------
    >>> people_text(9_999), people_text(-123_456)
    ('9,999 人', '-12.3 万人')
    """
    return f"{number / 10_000:,.1f} 万人" if abs(number) >= 10_000 else f"{number:,.0f} 人"


def number_text(number: float) -> str:
    """Write an amount without digits that say nothing.

    Examples
    --------
    >>> number_text(180.0), number_text(1234.56), number_text(7.8125), number_text(0.00126)
    ('180', '1,234.6', '7.81', '0.00126')
    """
    if number == round(number):
        return f"{number:,.0f}"
    return f"{number:,.1f}" if abs(number) >= 10 else f"{number:.3g}"
