"""Traffic lights of the target ledger: what each means, in words as well as in colour.

====  ==========================================================================================
绿    已达到: built and recorded (or reported) sites reach the figure.
黄    未达到, 还有可能: the deadline has not passed, also where only planned sites would reach it; or it
      has passed, but sites without a year, or cities that have not reported, could fill the gap.
红    未达到: the deadline has passed, and nothing on record can fill the gap; planned sites cannot.
灰    不能判定: nobody has recorded the resource, or the plan gives no figure. Never green.
====  ==========================================================================================

A deadline is the end of the target's year; of a total, and of a target without a year, the end of the plan.
A light is empty where no figure applies (a province's number is not shared out among cities by the plan), or
where no date to judge at was given and the target is not reached.
"""

from __future__ import annotations

from dataclasses import dataclass

GREEN, YELLOW, RED, GREY = "绿", "黄", "红", "灰"

COLOURS = {GREEN: "C6EFCE", YELLOW: "FFEB9C", RED: "FFC7CE", GREY: "D9D9D9"}
"""Fill of a cell, as RRGGBB; the cell says the light in words as well."""

MEANINGS = {
    GREEN: "已达到: 已建成并登记(或各市上报)的数目达到计划",
    YELLOW: "未达到, 还有可能: 期限未过(含要靠尚未建成的方案); 或未写年份的站点、未报的市可能补足",
    RED: "未达到: 期限已过, 登记和上报的都补不足",
    GREY: "不能判定: 没有登记, 或计划没有给数目",
}
"""What each light means, for the foot of a table."""

NOT_TRACKED = "登记库没有登记"
"""State of a target whose resource the registry could hold, but of which it has none."""

REPORTED_ONLY = "不在登记库, 由各市上报"
"""State of a target that only cities report."""


@dataclass(frozen=True)
class Standing:
    """Where a target stands: what is asked, what there is, what could still count."""

    least: int | None
    most: int | None
    unit: str
    built: int
    reached: int
    """With the planned sites of a scenario."""
    undated: int = 0
    """Built sites that count for no year but may belong here."""
    why: str = "未写年份"
    """What is not known of those."""
    unreported: int = 0
    """Cities that have not reported."""
    aside: str = ""
    """What does not count and must be told, such as sites of another level."""


def judge(standing: Standing, *, due: int | None, as_of: int | None) -> tuple[str, str]:
    """Return light and state in words.

    Parameters
    ----------
    due
        Year at whose end the figure is to be reached.
    as_of
        Year at which it is judged; None: a figure that is not reached gets no light.

    Examples
    --------
    >>> judge(Standing(3, 3, "座", 2, 2), due=2022, as_of=2022)
    ('黄', '差 1 座, 期限 2022 年底未过')
    >>> judge(Standing(3, 3, "座", 2, 2), due=2022, as_of=2023)
    ('红', '未达到, 差 1 座')
    >>> judge(Standing(3, 3, "座", 4, 4), due=2022, as_of=2023)
    ('绿', '已达到, 比计划多 1 座')
    """
    light, state = _judge(standing, due, as_of)
    return light, f"{state} ({standing.aside})" if standing.aside else state


def _judge(s: Standing, due: int | None, as_of: int | None) -> tuple[str, str]:
    if s.least is None:
        return GREY, f"已有 {s.built} {s.unit}, 计划未给数目"
    if s.built >= s.least:
        more = s.built - (s.least if s.most is None else s.most)
        return GREEN, f"已达到, 比计划多 {more} {s.unit}" if more > 0 else "已达到"
    is_over = as_of is not None and due is not None and as_of > due
    if s.reached >= s.least and not is_over:
        return YELLOW, f"按方案可达到, 其中 {s.reached - s.built} {s.unit}尚未建成"
    return _short(s, due, as_of)


def _short(s: Standing, due: int | None, as_of: int | None) -> tuple[str, str]:
    """Say what is missing, and whether it may still come."""
    left = (s.least or 0) - s.built
    short, light = f"差 {left} {s.unit}", YELLOW
    planned = f"方案中 {s.reached - s.built} {s.unit}尚未建成" if s.reached > s.built else ""
    undated = f"另有 {s.undated} {s.unit}{s.why}" if s.undated else ""
    if s.unreported:
        told = [short, f"尚有 {s.unreported} 个市未报或存疑"]
    elif as_of is None or due is None:
        light, told = "", [short, planned, undated]
    elif as_of <= due:
        told = [short, f"期限 {due} 年底未过", planned, undated]
    elif s.undated >= left:
        told = [short, planned, undated, "补写后才能判定"]
    else:
        light, told = RED, ["未达到", short, planned, undated]
    return light, ", ".join(text for text in told if text)
