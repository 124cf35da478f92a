"""Words of the desk: durations, closed roads, sites that do not come."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import Any

from ...geodata.moments import shown
from ...geodata.overlay import Measure

MODES = {"heavy": "按重型车能走的道路和车速计算"}
"""What a reader must know of a network that is not the usual one."""


def whole_minutes(minutes: float) -> int:
    """Round minutes as all that is read out does: to the tenths that answers hold, then halves up.

    So a sentence, a card and the page, whose numbers are tenths, say the same; and a time late by a limit of
    whole minutes is late by what a reader subtracts.

    Examples
    --------
    >>> whole_minutes(29.46), whole_minutes(30.5), whole_minutes(29.44)
    (30, 31, 29)
    """
    return floor(round(minutes, 1) + 0.5)


def duration(minutes: float) -> str:
    """Say minutes as hours and minutes.

    Examples
    --------
    >>> duration(92.4), duration(59.6)
    ('1小时32分', '1小时')
    """
    hours, rest = divmod(whole_minutes(minutes), 60)
    return "".join([f"{hours}小时" if hours else "", f"{rest}分" if rest or not hours else ""])


def measure(one: Measure) -> dict[str, Any]:
    """List what is known of a closed or slowed road, without its edges."""
    return {**vars(one), "edges": len(one.edges)}


def measure_line(one: Mapping[str, Any]) -> str:
    """Say one closed or slowed road as the desk reads it out.

    Examples
    --------
    >>> measure_line({"number": 3, "speed": 0.5, "what": "道路 G105", "reason": "积水", "since": ""})
    '3号: 道路 G105 车速降为 50 % (积水)'
    """
    state = "封闭" if not one["speed"] else f"车速降为 {100 * one['speed']:.0f} %"
    since = one["since"] and f"{shown(one['since'])} 起"
    until = one.get("until") and f"至 {shown(one['until'])}"
    reporter = one.get("reporter") and f"{one['reporter']} 报告"
    more = "; ".join(text for text in (one["reason"], reporter, since, until) if text)
    return f"{one['number']}号: {one['what']} {state}" + (f" ({more})" if more else "")


def cut_off_line(what: str, metres: float) -> str:
    """Say that the road beside a point is closed, and how far it is to one that can be driven."""
    return (
        f"{what}旁边的道路已封闭, 最近能通行的道路在约 {metres / 1000:.1f} 公里外 (直线), "
        "这一段能否通过请先核实"
    )


def missing(found: int, k: int, able: int, registered: int, unreached: int) -> str:
    """Say when fewer sites than asked for come; empty where they are enough.

    Parameters
    ----------
    found
        Sites that can come and have something to send; where they are k or more, at least k.
    able
        Sites that have something to send.
    registered
        All sites that are asked for.
    unreached
        Those of them to which no way leads.

    Examples
    --------
    >>> missing(1, 3, 40, 41, 39), missing(3, 3, 5, 5, 2), missing(0, 3, 0, 2, 0)
    ('其余 39 处不可达 (道路中断或没有道路相连)', '', '没有可派的站点')
    """
    if not able:
        return "没有可派的站点" if registered else "登记库里没有在用的站点"
    if found >= min(k, able):
        return ""
    return f"{'其余 ' if found else ''}{unreached} 处不可达 (道路中断或没有道路相连)"
