"""One printable sheet per layer: A3 landscape, PNG and PDF, to be hung on the wall."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..geodata.layers import KIND_NAMES, Kind
from . import done, layers, panel, style, words
from .fonts import derive_font, drawing
from .paper import Align, Paper, blank, measure, save, wrapped
from .roads import MainRoads, main_roads

if TYPE_CHECKING:
    from ..coverage.standards import Standard
    from ..scenarios.run import Result
    from ..scenarios.world import World

WIDTH, HEIGHT = 420.0, 297.0
"""A3 landscape, millimetres."""

_FRAME = (18.0, 25.0, 224.0, 243.0)
_SIDE, _RIGHT = 252.0, 408.0
_ROW, _LEGEND_ROW, _CITY_ROW = 7.3, 7.0, 7.2
_MOST_CHANGES, _CHANGES_MM, _SCALE_MM = 8, 66.0, 20.0
"""Lines of changes on a sheet, the width of their box, and the height that the scale bar takes below it."""
_HAIRLINE: dict[str, Any] = {"color": "#e1e6ea", "linewidth": 0.5}
_ROAD = "#8c969f"


@dataclass(frozen=True)
class _Job:
    """What one sheet shows, and the paper it goes on."""

    paper: Paper
    world: World
    result: Result
    kind: Kind
    outline: layers.Outlines
    roads: MainRoads | None
    """None on the sheet of a walking standard."""

    @property
    def standard(self) -> Standard:
        return self.result.covers[self.kind].standard

    @property
    def drive(self) -> bool:
        return self.standard.mode == "drive"

    @property
    def unit(self) -> str:
        return style.UNITS[self.kind]

    @property
    def gaps(self) -> pd.DataFrame:
        return self.result.gaps[self.kind]

    @property
    def sites(self) -> pd.DataFrame:
        return self.result.layers[self.kind].table

    @property
    def added(self) -> pd.DataFrame:
        table = self.result.added
        rows: pd.DataFrame = table[table["kind"] == self.kind].sort_values("rank")
        return rows


def write_sheet(
    world: World, result: Result, kind: Kind, folder: Path, *, date: str = "", fonts: Path | None = None
) -> list[Path]:
    """Write the sheet of one layer of a result as PNG and PDF.

    Parameters
    ----------
    world
        Boundaries, residents, network and gazetteer that the result was made from.
    result
        The state that is drawn; its suggested sites are marked.
    kind
        The layer.
    folder
        Where ``<scenario>_<kind>.png`` and ``.pdf`` go; made where it is missing.
    date
        Date of the map as it shall be printed; nothing is printed where it is empty.
    fonts
        Cache folder of the derived font, by default one of the user's.

    Returns
    -------
    The two files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    font = derive_font(_texts(world, result, kind), folder=fonts)
    with drawing(font):
        job = _job(world, result, kind)
        swatches = _draw_map(job)
        _draw_heading(job)
        _draw_side(job, swatches)
        _draw_footer(job, date)
        title = f"{style.title(kind)} {words.one_line(result.title)}"
        return save(job.paper, folder / f"{result.name}_{kind}", title=title)


def _job(world: World, result: Result, kind: Kind) -> _Job:
    outline = layers.outlines(world.units)
    drive = result.covers[kind].standard.mode == "drive"
    roads = main_roads(world.network, province=outline.province) if drive else None
    return _Job(blank(WIDTH, HEIGHT), world, result, kind, outline, roads)


def _texts(world: World, result: Result, kind: Kind) -> Iterable[str]:
    """All texts with names, for the characters that the font must have."""
    gaps, added = result.gaps[kind].head(panel.NUMBERED), result.added
    own = (gaps["name"], gaps["nearest_site"], added["city"], added["county"])
    lines = done.changes(world, result, kind=kind, most=_MOST_CHANGES)
    return map(str, chain([result.title], lines, world.gazetteer.name, world.units.counties["name"], *own))


def _draw_map(job: _Job) -> tuple[style.Swatch, ...]:
    outline = job.outline
    areas, swatches = panel.result_areas(job.world, job.result, job.kind, outline)
    chart = panel.open_panel(job.paper, _FRAME, outline.province)
    panel.draw_graticule(chart, job.paper, _FRAME)
    panel.draw_areas(chart, areas, swatches)
    if job.roads is not None:
        panel.draw_roads(chart, job.roads, _ROAD)
    panel.draw_borders(chart, outline)
    taken = panel.draw_sites(chart, job.kind, job.sites[~job.sites["id"].isin(job.added["id"])])
    new = panel.draw_added(chart, job.added)
    numbers = panel.draw_gaps(chart, job.gaps.head(panel.NUMBERED), np.vstack((new, taken)))
    panel.draw_names(chart, job.world, np.vstack((taken, new, numbers)))
    x, y, width, height = _FRAME
    panel.draw_scale(chart, job.paper, x + width - 62, y + 9)
    panel.draw_north(job.paper, x + 11, y + height - 22)
    _draw_changes(job)
    if credit := words.road_credit(job.world, job.standard):
        _draw_credit(job.paper, credit)
    return swatches


def _draw_changes(job: _Job) -> None:
    """List in the empty lower right corner of the map what the scenario changes; nothing for the baseline."""
    listed = done.changes(job.world, job.result, kind=job.kind, most=_MOST_CHANGES)
    width, size, step = _CHANGES_MM, 7.5, 3.9
    lines = [
        ("" if number else "·", line)
        for text in listed
        for number, line in enumerate(wrapped(text, size, width - 9, lines=2))
    ]
    if not lines:
        return
    height = step * len(lines) + 9.5
    x, y = _FRAME[0] + _FRAME[2] - width - 4, _FRAME[1] + _SCALE_MM
    look: dict[str, Any] = {"facecolor": "white", "edgecolor": style.INK, "linewidth": 0.6}
    job.paper.rectangle(x, y, width, height, **look)
    job.paper.text(x + 3, y + height - 5.6, done.TITLE, 9, bold=True)
    for number, (mark, line) in enumerate(lines):
        at = y + height - 10.4 - step * number
        job.paper.text(x + 3, at, mark, size)
        job.paper.text(x + 6, at, line, size)


def _draw_credit(paper: Paper, text: str) -> None:
    """Name whose roads are drawn in the lower left corner of the map: the licence asks for it there."""
    x, y = _FRAME[:2]
    paper.rectangle(
        x + 0.4, y + 0.4, measure(text, 7) + 3, 4, facecolor="white", edgecolor="none", alpha=0.85
    )
    paper.text(x + 1.8, y + 1.4, text, 7, colour=style.QUIET)


def _draw_heading(job: _Job) -> None:
    paper, x, standard = job.paper, _FRAME[0], job.standard
    paper.rectangle(x, 287, 12, 1.6, facecolor=style.ACCENT, edgecolor="none")
    used = paper.text(x, 275.5, style.title(job.kind), 27, bold=True)
    paper.text(x + used + 6, 275.5, job.result.title, 18, colour=style.QUIET, width=_SIDE - x - used - 6)
    limits = "、".join(standard.limit_text(limit) for limit in standard.limits)
    year = job.world.demand.meta.get("year")
    census = f"{year}年人口普查 " if year else ""
    demand, own = job.world.demand, words.residents_of(job.world, job.result)
    residents = f"常住居民 {census}{int(np.sum(demand.residents)):,}人"
    if own is not demand:
        residents = f"方案居民 {int(np.sum(own.residents)):,}人 ({census}{int(np.sum(demand.residents)):,}人)"
    measured = f"{words.measure_text(job.world, standard)} {limits}"
    for y, text in ((280.5, measured), (275.5, residents)):
        paper.text(_RIGHT, y, text, 9.5, colour=style.QUIET, align="right")


def _draw_side(job: _Job, swatches: tuple[style.Swatch, ...]) -> None:
    """Fill the right side from the top down: figure, legend, gaps, then new sites or the cities."""
    y = _draw_figure(job, 268)
    y = _draw_legend(job, swatches, y - 9)
    y = _draw_gaps(job, y - 9)
    if job.added.empty:
        _draw_cities(job, y - 9)
    elif len(job.added) > panel.MOST_NUMBERED:
        _draw_added_cities(job, y - 9)
    else:
        _draw_added(job, y - 9)


def _heading(job: _Job, y: float, text: str, note: str) -> float:
    used = job.paper.text(_SIDE, y, text, 11.5, bold=True)
    job.paper.text(_SIDE + used + 3, y, note, 8, colour=style.QUIET, width=_RIGHT - _SIDE - used - 3)
    job.paper.line((_SIDE, _RIGHT), (y - 2.2, y - 2.2), color=style.INK, linewidth=0.8)
    return y - 2.2


def _draw_figure(job: _Job, y: float) -> float:
    """Write the one figure of the sheet: the share of residents within the main limit."""
    paper, row = job.paper, words.province_row(job.result, job.kind, job.standard.main)
    x = _SIDE + paper.text(_SIDE, y - 12, style.share_text(float(row["share"])), 40, bold=True) + 5
    paper.text(x, y - 6, f"居民在{words.within(job.standard)}以内", 12.5)
    people = f"{style.people_text(row['served'])} / {style.people_text(row['residents'])}"
    paper.text(x, y - 12, people, 10.5, colour=style.QUIET)
    paper.text(_RIGHT, y - 6, f"{KIND_NAMES[job.kind]} {len(job.sites):,} {job.unit}", 12.5, align="right")
    if not job.added.empty:
        text = f"其中建议新增 {len(job.added):,} {job.unit}"
        paper.text(_RIGHT, y - 12, text, 10.5, colour=style.NEW, align="right")
    return y - 14


def _draw_legend(job: _Job, swatches: tuple[style.Swatch, ...], y: float) -> float:
    """Draw classes at the left with what each holds, signs and lines at the right."""
    paper = job.paper
    note = "到最近站点的驾车时间" if job.drive else style.county_measure(job.standard).title
    top = _heading(job, y, "图例", note)
    for number, (swatch, amount) in enumerate(zip(swatches, _class_amounts(job, len(swatches)), strict=True)):
        at = top - _LEGEND_ROW * (number + 1)
        paper.rectangle(_SIDE, at - 0.8, 9, 4.6, facecolor=swatch.colour, edgecolor="#6b7680", linewidth=0.4)
        paper.text(_SIDE + 12, at, swatch.text, 10)
        paper.text(_SIDE + 82, at, amount, 9.5, colour=style.QUIET, align="right")
    rows = _sign_rows(job)
    for number, (marker, size, options, text) in enumerate(rows):
        x, at = _SIDE + 92 + 36 * (number % 2), top - _LEGEND_ROW * (number // 2 + 1)
        if marker == "line":
            paper.line((x - 2.5, x + 2.5), (at + 1.3, at + 1.3), **options)
        else:
            paper.sign(x, at + 1.3, marker, size, **options)
        paper.text(x + 5, at, text, 9.5)
    return top - _LEGEND_ROW * max(len(swatches), (len(rows) + 1) // 2)


def _class_amounts(job: _Job, count: int) -> list[str]:
    """Residents of each driving class, or the number of counties of each walking class."""
    if not job.drive:
        index = style.county_measure(job.standard).index(words.county_values(job.world, job.result, job.kind))
        return [f"{number} 个县区" for number in np.bincount(index, minlength=count)]
    rows = [words.province_row(job.result, job.kind, limit) for limit in job.standard.limits]
    total = int(rows[0]["residents"])
    within = np.diff([0, *(int(row["served"]) for row in rows), total])
    return [f"{style.people_text(number)} · {style.share_text(number / max(total, 1))}" for number in within]


def _sign_rows(job: _Job) -> list[tuple[str, float, dict[str, Any], str]]:
    """Marker, size in mm, look and words of each sign of the legend."""
    site = {"color": style.SITE, "markeredgecolor": "white", "markeredgewidth": 0.5}
    ring = {"color": "white", "markeredgecolor": style.ACCENT, "markeredgewidth": 1.1}
    # Proposed sites have a sign of their own: their levels are not in the legend unless a site is there.
    there = set(job.sites.loc[~job.sites["id"].isin(job.added["id"]), "level"].astype(str))
    used = set(style.marker_index(job.kind, np.array(sorted(there), str)).tolist())
    rows: list[tuple[str, float, dict[str, Any], str]] = [
        (panel.MPL_SHAPES[marker.shape], marker.size, site, words.site_word(job.kind, marker.level, there))
        for number, marker in enumerate(style.markers(job.kind))
        if not marker.level or number in used
    ]
    rows.append(("o", 4.0, ring, "缺口 (编号见表)"))
    if not job.added.empty:
        rows.append(("D", 3.2, {"color": style.NEW, "markeredgecolor": "white"}, "建议新增"))
    if job.roads is not None:
        named = ((job.roads.fast_name, 1.2), (job.roads.other_name, 0.6))
        rows += [("line", 0, {"color": _ROAD, "linewidth": wide}, name) for name, wide in named if name]
    return rows


def _draw_heads(job: _Job, y: float, *columns: tuple[float, str, Align]) -> None:
    for x, text, align in columns:
        job.paper.text(_SIDE + x, y, text, 8, colour=style.QUIET, align=align)


def _draw_gaps(job: _Job, y: float) -> float:
    """Write the table of the largest gaps, with the numbers that the map shows."""
    paper, shown = job.paper, job.gaps.head(panel.NUMBERED)
    top = _heading(job, y, "最大的缺口", _gap_note(job.standard, len(job.gaps))) - 5
    _draw_heads(job, top, (8, "位置", "left"), (90, "居民", "right"), (95, "最近站点", "left"))
    _draw_heads(job, top, (156, "相距", "right"))
    for number, gap in enumerate(shown.to_dict("records")):
        at = top - _ROW * (number + 1)
        paper.sign(_SIDE + 2.6, at + 1.3, "o", 4.6, color="white", mec=style.ACCENT, mew=1.1)
        paper.text(_SIDE + 2.6, at, str(gap["rank"]), 8, colour=style.ACCENT, align="center")
        paper.text(_SIDE + 8, at, f"{gap['city']} {gap['name']}", 10, width=64)
        paper.text(_SIDE + 90, at, style.people_text(gap["residents"]), 10, align="right")
        paper.text(_SIDE + 95, at, str(gap["nearest_site"]) or "无", 10, width=41, colour=style.QUIET)
        paper.text(_RIGHT, at, str(gap["cost_text"]), 10, align="right")
        paper.line((_SIDE, _RIGHT), (at - 2.2, at - 2.2), **_HAIRLINE)
    if shown.empty:
        paper.text(_SIDE, top - _ROW, "没有缺口", 10, colour=style.QUIET)
    return top - _ROW * max(1, len(shown))


def _gap_note(standard: Standard, count: int) -> str:
    dense = f", 只看每平方公里 {standard.min_density:g} 人及以上的网格" if standard.min_density > 0 else ""
    return f"{words.within(standard)}以外的居民{dense}, 全省共 {count:,} 处"


def _draw_added(job: _Job, y: float) -> None:
    """Write the table of the suggested sites."""
    paper, added = job.paper, job.added
    shown = added.head(panel.NUMBERED)
    note = f"按建设次序, 前 {len(shown)} {job.unit}, 共 {len(added):,} {job.unit}"
    top = _heading(job, y, "建议新增", note) - 5
    _draw_heads(job, top, (8, "位置", "left"), (90, "年份", "right"), (122, "新增覆盖", "right"))
    _draw_heads(job, top, (156, "建成后全省", "right"))
    for number, site in enumerate(shown.to_dict("records")):
        at = top - _ROW * (number + 1)
        paper.sign(_SIDE + 2.6, at + 1.3, "D", 3.9, color=style.NEW, mec="white")
        paper.text(_SIDE + 2.6, at + 0.3, str(site["rank"]), 6.5, colour="white", align="center")
        paper.text(_SIDE + 8, at, f"{site['city']} {site['county']}", 10, width=64)
        paper.text(_SIDE + 90, at, style.year_text(site["year"]), 10, align="right")
        paper.text(_SIDE + 122, at, f"+{style.people_text(site['gain'])}", 10, align="right")
        paper.text(_RIGHT, at, style.share_text(float(site["share_after"])), 10, align="right")
        paper.line((_SIDE, _RIGHT), (at - 2.2, at - 2.2), **_HAIRLINE)


def _draw_added_cities(job: _Job, y: float) -> None:
    """Count the suggested sites by city where they are too many for a list."""
    paper = job.paper
    cities = job.added.groupby("city", as_index=False).agg(count=("id", "size"), gain=("gain", "sum"))
    cities = cities.sort_values(["gain", "city"], ascending=[False, True])
    note = f"共 {len(job.added):,} {job.unit}, 各市的数量和新增覆盖的居民"
    top = _heading(job, y, "建议新增", note)
    most = max(float(cities["gain"].max()), 1.0)
    for number, city in enumerate(cities.to_dict("records")):
        at = top - _CITY_ROW * (number + 1)
        paper.text(_SIDE, at, str(city["city"]), 10, width=24)
        paper.rectangle(_SIDE + 26, at - 0.3, 80, 3.6, facecolor="#eaeef1", edgecolor="none")
        length = 80 * max(float(city["gain"]), 0.0) / most
        paper.rectangle(_SIDE + 26, at - 0.3, length, 3.6, facecolor=style.NEW, edgecolor="none")
        paper.text(_SIDE + 126, at, f"{city['count']:,} {job.unit}", 10, align="right")
        people = f"+{style.people_text(city['gain'])}"
        paper.text(_RIGHT, at, people, 10, colour=style.QUIET, align="right")


def _draw_cities(job: _Job, y: float) -> None:
    """Draw the share of each city as a bar."""
    paper, table = job.paper, words.unit_rows(job.result, job.kind, "市", job.standard.main)
    cities = table.sort_values(["share", "code"], ascending=[False, True])
    note = f"{words.within(job.standard)}以内的居民"
    full = 1.0 if job.drive else max(float(cities["share"].max()), 1e-9)
    if not job.drive:
        note += f", 横条以最高的 {style.share_text(full)} 为满"
    top = _heading(job, y, "各设区市", note)
    for number, city in enumerate(cities.to_dict("records")):
        at, share = top - _CITY_ROW * (number + 1), float(city["share"])
        paper.text(_SIDE, at, str(city["name"]), 10, width=24)
        paper.rectangle(_SIDE + 26, at - 0.3, 80, 3.6, facecolor="#eaeef1", edgecolor="none")
        length = 80 * share / full if np.isfinite(share) else 0
        paper.rectangle(_SIDE + 26, at - 0.3, length, 3.6, facecolor="#4f86a8", edgecolor="none")
        paper.text(_SIDE + 122, at, style.share_text(share), 10, align="right")
        paper.text(_RIGHT, at, style.people_text(city["served"]), 10, colour=style.QUIET, align="right")


def _draw_footer(job: _Job, date: str) -> None:
    """Write the stamp at the lower left, the labels beside it, then sources, result and date."""
    paper, x, y = job.paper, _FRAME[0], 8.5
    width = measure(style.STAMP, 12) + 7
    paper.rectangle(x, y, width, 8, facecolor="none", edgecolor=style.ACCENT, linewidth=1.4)
    paper.text(x + width / 2, y + 2.4, style.STAMP, 12, colour=style.ACCENT, align="center", bold=True)
    x += width + 4
    for label in words.labels(job.world, job.result, job.kind):
        width = measure(label, 11) + 8
        paper.pill(x, y, width, 8, facecolor="#fff4d6", edgecolor="#b98a1d", linewidth=0.9)
        paper.text(x + width / 2, y + 2.5, label, 11, colour="#5c4300", align="center")
        x += width + 3
    text = "; ".join(words.sources(job.world, job.result, job.kind))
    for number, line in enumerate(wrapped(text, 7, _RIGHT - x - 4, lines=3)):
        paper.text(x + 2, y + 7.2 - 3.6 * number, line, 7, colour=style.QUIET)
    stock, version = words.data_date(job.result, job.kind), job.world.hashes.get("boai", "")
    facts = [f"库存日期 {stock}"] if stock else []
    facts += [f"结果编号 {job.result.key[:12]}", f"制图 boai {version}".strip()]
    facts += [f"制图日期 {date}"] if date else []
    paper.text(_RIGHT, 4.6, " · ".join(facts), 7, colour=style.QUIET, align="right")
