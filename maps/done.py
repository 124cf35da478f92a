"""What a scenario changes, in lines for page and sheet; nothing for the baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..geodata.layers import KIND_NAMES, Kind
from . import style
from .words import one_line

if TYPE_CHECKING:
    from ..scenarios.run import Result
    from ..scenarios.world import World

TITLE = "本方案的改动"
MOST = 12
"""So many lines are listed; the rest is counted, and all stand in the tables."""

_LONGEST = 120


def changes(
    world: World, result: Result, *, kind: Kind | None = None, most: int = MOST, listed: bool = True
) -> tuple[str, ...]:
    """List what a result changes beside the sites that it proposes, one line each; empty for the baseline.

    Parameters
    ----------
    world
        The baseline, whose main limits are compared.
    kind
        Leave what concerns sites of other layers; roads, floods and residents concern all.
    most
        At most so many lines; the last then counts the rest.
    listed
        Whether the product has a list of the new sites to refer to.

    Returns
    -------
    Roads, floods and residents first, then limits and sites. Sites that are opened are counted by layer: each
    is in the list of new sites.
    """
    lines = [*_done(result, kind, whole=True), *_limits(world, result, kind)]
    lines += [
        *_opened(result, kind, listed=listed),
        *_done(result, kind, whole=False),
        *_given_up(result, kind),
    ]
    if len(lines) <= most:
        return tuple(lines)
    return (*lines[: most - 1], f"另有 {len(lines) - most + 1:,} 项, 见表格")


def _done(result: Result, kind: Kind | None, *, whole: bool) -> list[str]:
    """List what was done to the whole world, or to sites; what is opened is counted elsewhere."""
    if result.done.empty:
        return []
    rows = result.done[result.done["action"] != "open"]
    rows = rows[(rows["kind"] == "") == whole]
    if kind is not None and not whole:
        rows = rows[rows["kind"] == kind]
    return [one_line(text, longest=_LONGEST) for text in rows["detail"]]


def _opened(result: Result, kind: Kind | None, *, listed: bool) -> list[str]:
    if result.done.empty:
        return []
    opened = result.done.loc[result.done["action"] == "open", "kind"]
    refer = ", 见“建议新增”" if listed else ""
    counts = {each: int((opened == each).sum()) for each in KIND_NAMES if kind in (None, each)}
    return [
        f"新设 {count:,} {style.UNITS[each]}{style.spaced(KIND_NAMES[each])}".rstrip() + refer
        for each, count in counts.items()
        if count
    ]


def _given_up(result: Result, kind: Kind | None) -> list[str]:
    """List the existing sites whose place a siting request gave up."""
    table = result.given_up
    if table.empty:
        return []
    names = zip(table["kind"], table["name"], table["county"], strict=True)
    return [
        f"选址时撤去 {KIND_NAMES[each]} {one_line(name, longest=40)} ({one_line(county)})"
        for each, name, county in names
        if kind in (None, each)
    ]


def _limits(world: World, result: Result, kind: Kind | None) -> list[str]:
    lines = []
    for each, cover in result.covers.items():
        now, before = cover.standard, world.standards.get(each)
        if kind in (None, each) and before is not None and now.main != before.main:
            text = f"{KIND_NAMES[each]}的主要上限改为{now.limit_text(now.main)}"
            lines.append(f"{text} (现状 {before.limit_text(before.main)})")
    return lines
