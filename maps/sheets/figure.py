"""The key figures of a sheet: one large, what stands beside it, and where in the province the unit is."""

from __future__ import annotations

from typing import Any

import shapely

from .. import palette, style
from ..words import one_line
from .block import Block
from .canvas import Canvas, width_of
from .frame import Frame
from .view import View

_LOCATOR = (34.0, 40.0)
"""Width and height of the small map of the province, millimetres."""
_PLAIN, _TALL = 19.0, 42.0


def figure(view: View) -> Block:
    """Make the block of the key figures."""
    small = view.place.level != "省"

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, _: int) -> None:
        x, y = corner
        if small:
            draw_locator(canvas, view, (x + width - _LOCATOR[0], y - _LOCATOR[1] + 1, *_LOCATOR))
        room = width - (_LOCATOR[0] + 5 if small else 0)
        _write(canvas, view, (x, y), room)

    return Block(_TALL if small else _PLAIN, 0.0, 0, 0, draw, firm=True)


def _write(canvas: Canvas, view: View, corner: tuple[float, float], room: float) -> None:
    """Write the large figure, two lines beside it, and the further ones below or at the right."""
    x, y = corner
    large, lines, colour = _headline(view)
    size = next(
        (
            each
            for each in (40.0, 34.0, 29.0, 25.0)
            if width_of(large, each) <= room * (0.5 if view.place.level != "省" else 0.4)
        ),
        22.0,
    )
    base = y - 13
    beside = x + canvas.text(x, base, large, size, kind="figure", bold=True, colour=colour) + 4
    left = room - (beside - x)
    small = view.place.level != "省"
    facts = _facts(view)
    sizes = (12.0, 10.5)
    wide = max((width_of(text, each) for (text, _), each in zip(facts, sizes, strict=False)), default=0.0)
    own = left if small else left - min(46.0, wide + 4)
    for number, (text, big) in enumerate(zip(lines, (12.5, 10.5), strict=True)):
        letters = next(
            (each for each in (big, big - 1.2, big - 2.4, 8.0, 7.2) if width_of(text, each) <= own), 6.6
        )
        quiet = palette.INK if number == 0 else palette.QUIET
        canvas.text(beside, base + 6.2 - 6.2 * number, text, letters, kind="figure", colour=quiet, width=own)
    if small:
        _fact_lines(canvas, facts, (x, base - 9.5), room)
        return
    for number, (text, fact_colour) in enumerate(facts[:2]):
        canvas.text(
            x + room, base + 6.2 - 6.2 * number, text, sizes[number], kind="figure", colour=fact_colour,
            align="right", width=46,
        )  # fmt: skip


def _fact_lines(canvas: Canvas, facts: list[tuple[str, str]], spot: tuple[float, float], room: float) -> None:
    for number, (text, colour) in enumerate(facts[:3]):
        size = next((each for each in (10.0, 9.0, 8.2) if width_of(text, each) <= room), 7.4)
        canvas.text(spot[0], spot[1] - 6.4 * number, text, size, kind="figure", colour=colour, width=room)


def _headline(view: View) -> tuple[str, tuple[str, str], str]:
    """The one figure of the sheet, two lines that explain it, and its colour."""
    row = view.row()
    people = f"{style.people_text(row['served'])} / {style.people_text(row['residents'])}"
    if view.job.theme == "gaps":
        without = (
            float(row["residents"] - row["served"]) if view.drive else float(view.gaps["residents"].sum())
        )
        share = style.share_text(without / max(float(row["residents"]), 1.0))
        return (
            style.people_text(without),
            (f"{view.dense}在{view.within}以外", f"占{view.place.word}居民 {share}"),
            palette.INK,
        )
    if view.job.theme == "layer":
        return style.share_text(float(row["share"])), (f"居民在{view.within}以内", people), palette.INK
    before = view.row(result=view.baseline)
    if before is None or view.change is None:
        lines = (f"居民在{view.within}以内", "现状没有这一档上限, 不能比较")
        return style.share_text(float(row["share"])), lines, palette.INK
    shares = [style.share_text(float(each["share"])) for each in (before, row)]
    then = "由 {} 升至 {}" if row["share"] > before["share"] else "由 {} 降至 {}"
    text = "仍为 {1}".format(*shares) if shares[0] == shares[1] else then.format(*shares)
    if view.job.theme == "scenario":
        return shares[1], (f"居民在{view.within}以内", text), palette.INK
    gained, lost = _gained(view)
    if gained >= lost:
        lines = (
            f"新在{view.within}以内",
            f"覆盖{text}" + (f"; 失去 {style.people_text(lost)}" if lost else ""),
        )
        return f"+{style.people_text(gained)}", lines, palette.GAIN_INK
    lines = (
        f"不再在{view.within}以内",
        f"覆盖{text}" + (f"; 新增 {style.people_text(gained)}" if gained else ""),
    )
    return f"−{style.people_text(lost)}", lines, palette.LOSS_INK


def _gained(view: View) -> tuple[int, int]:
    table = view.differences(view.place.level)
    own = table[table["code"].astype(str) == view.place.code] if len(table) else table
    return (int(own["gained"].iloc[0]), int(own["lost"].iloc[0])) if len(own) else (0, 0)


def _facts(view: View) -> list[tuple[str, str]]:
    """Sites, gaps, and the shares of the city and the province to compare with."""
    count, unit = view.sites_count, view.measure_word
    text = f"{view.name.strip()} {count:,} {unit}"
    new = len(view.added)
    facts = []
    if view.place.level == "省":
        facts.append((text, palette.INK))
        if new:
            facts.append((f"其中建议新增 {new:,} {unit}", palette.NEW))
        return facts
    facts.append(
        (text + (f", 其中建议新增 {new:,} {unit}" if new else ""), palette.NEW if new else palette.INK)
    )
    rank = view.gaps["residents"].sum()
    facts.append((f"缺口 {len(view.gaps):,} 处, {style.people_text(float(rank))}", palette.INK))
    shares = [
        f"{one_line(place.name)} {style.share_text(float(view.row(place=place)['share']))}"
        for place in view.above
    ]
    facts.append((f"{view.within}以内: " + "、".join(shares), palette.QUIET))
    return facts


def draw_locator(canvas: Canvas, view: View, rectangle: tuple[float, float, float, float]) -> None:
    """Draw the province small, the city shaded and the unit in the red of the society."""
    outline = view.ground.outlines
    x, y, width, height = rectangle
    west, south, east, north = shapely.bounds(outline.province).tolist()
    scale = max((east - west) / width, (north - south) / height)
    frame = Frame(
        x, y, width, height, scale, (west + east - width * scale) / 2, (south + north - height * scale) / 2
    )
    look: dict[str, Any] = {"edgecolor": palette.INK, "linewidth": 0.6}
    canvas.area(frame.shape(outline.province, detail=0.08), facecolor=palette.GROUND, **look)
    for place in view.above[:-1]:
        canvas.area(frame.shape(place.shape, detail=0.08), facecolor=palette.GRID)
    _, cities, _ = view.ground.borders
    canvas.lines(frame.shape(cities, detail=0.08), color=palette.FAINT, linewidth=0.35)
    own = frame.shape(view.place.shape, detail=0.05)
    canvas.area(own, facecolor=palette.ACCENT, edgecolor=palette.ACCENT, linewidth=0.4)
    if float(shapely.area(own)) < 4.0:  # a spot that nobody would find
        middle = shapely.get_coordinates(shapely.centroid(own))[0]
        ring = shapely.Point(*middle).buffer(2.6)
        canvas.area(ring, facecolor="none", edgecolor=palette.ACCENT, linewidth=1.0)
