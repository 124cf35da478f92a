"""Say in Chinese sentences what planning ahead gives up in early years and gains in late ones."""

from __future__ import annotations

from collections.abc import Sequence

from ..coverage.siting.phases import PhasedPlan, Schedule
from ..geodata.layers import KIND_NAMES, Kind


def years_text(years: Sequence[int]) -> str:
    """Name years in short.

    Examples
    --------
    >>> years_text([2022, 2023, 2024]), years_text([2022, 2024]), years_text([2025])
    ('2022-2024 年', '2022、2024 年', '2025 年')
    """
    if len(years) > 2 and years[-1] - years[0] == len(years) - 1:
        return f"{years[0]}-{years[-1]} 年"
    return f"{'、'.join(map(str, years))} 年"


def told_about(
    kind: Kind, years: Sequence[int], found: PhasedPlan, planning: str, base: float
) -> tuple[str, ...]:
    """Tell how the chosen order differs from the others, and what is proven."""
    name = f"{KIND_NAMES[kind]} {years_text(years)}"
    ahead, myopic, last = found.look_ahead, found.myopic, found.final_first
    if len(years) == 1 or ahead is None:
        return ()
    if myopic is None:
        return (f"{name}: 各年合起来安排{_proven(found, base * len(years))}; 逐年安排在时限内没有求出",)
    chosen, other = (ahead, myopic) if planning == "look_ahead" else (myopic, ahead)
    words = ("各年合起来安排", "逐年依次安排")
    mine, theirs = words if planning == "look_ahead" else words[::-1]
    said = [f"{name}: {_against(years, chosen, other, mine, theirs)}{_proven(found, base * len(years))}"]
    if _is_open(myopic):
        said.append(f"{name}: 逐年依次安排在时限内没有证明每一年都最优, 与它的比较只作参考")
    if last is not None and _differences(years, chosen, last):
        said.append(f"{name}: 若先定最后一年的布局再倒排各年, {_differences(years, last, chosen)}")
    return tuple(said)


def _against(years: Sequence[int], chosen: Schedule, other: Schedule, mine: str, theirs: str) -> str:
    """Compare the chosen order with the other one."""
    told = _differences(years, chosen, other)
    if not told:
        return f"{mine}与{theirs}各年覆盖的居民一样多, 早年没有为以后让步"
    more_by_year = [round(now - then) for now, then in zip(chosen.covered, other.covered, strict=True)]
    early = any(more < 0 < max(more_by_year[at:]) for at, more in enumerate(more_by_year))
    more = round(chosen.value - other.value)
    whole = f"各年合计{'多' if more >= 0 else '少'} {abs(more):,} 人次"
    lead = f"{mine}, 早年为以后让步" if early else mine
    return f"{lead}: 与{theirs}相比 {told}, {whole}"


def _is_open(schedule: Schedule) -> bool:
    """Tell whether an order may still be better in some year than what was found."""
    pairs = zip(schedule.covered, schedule.bounds, strict=True)
    return any(bound - covered > 1.0 + 1e-5 * covered for covered, bound in pairs)


def _differences(years: Sequence[int], one: Schedule, other: Schedule) -> str:
    """Tell by year how many residents more or fewer one order covers; empty where it is the same."""
    parts = [
        f"{year} 年{'多' if now > then else '少'}覆盖 {abs(round(now - then)):,} 人"
        for year, now, then in zip(years, one.covered, other.covered, strict=True)
        if round(now - then)
    ]
    return ", ".join(parts)


def _proven(found: PhasedPlan, base: float) -> str:
    plan = found.plan
    if plan.status == "optimal":
        return " (各年合计已证明最优)"
    more = max(0.0, plan.bound - plan.objective)
    share = more / max(plan.bound + base, 1.0)
    return f" (未证明最优: 各年合计最多再多 {more:,.0f} 人次, {share:.2%})"
