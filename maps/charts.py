"""Charts of results: figures to put into reports and slides, the numbers that they draw, and their files.

Every chart is drawn inside ``fonts.drawing`` at the size that it is given, from 85 x 60 mm (half a page of a
report) to A4 landscape and beyond, and looks the same in all products: colours, markers and dashes are those
of `style`, the same for a scenario in all of its charts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from ..geodata.layers import KIND_NAMES, Kind, shown_kinds
from ..geodata.store import replacing
from . import charts_data as data
from . import style, tables, words
from .charts_axes import share_range
from .charts_data import in_chinese
from .charts_lines import bases, minutes
from .charts_lorenz import lorenz
from .charts_rows import cities, costs, progress
from .charts_series import series_of
from .charts_sheet import ALONE, HALF, Foot, foot_of
from .fonts import derive_font, drawing
from .public import Release
from .workbook_charts import Chart, ChartKind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..scenarios.run import Result
    from ..scenarios.world import World

__all__ = [
    "ALL", "ALONE", "HALF", "WORKBOOK", "Entry", "Foot", "bases", "bases_table", "cities", "cities_table",
    "costs", "costs_table", "foot_of", "lorenz", "lorenz_table", "minutes", "minutes_table", "progress",
    "progress_table", "write", "write_all",
]  # fmt: skip

Of = Literal["layer", "result", "all"]

WORKBOOK = "图表数据.xlsx"
DPI = 200


def bases_table(results: Sequence[Result], kind: Kind) -> pd.DataFrame:
    """List the numbers of `bases`; see `charts_data.bases`."""
    return in_chinese(data.bases(results, kind))


def minutes_table(world: World, results: Sequence[Result], kind: Kind) -> pd.DataFrame:
    """List the numbers of `minutes`; see `charts_data.minutes`."""
    return in_chinese(data.minutes(world, results, kind))


def lorenz_table(
    world: World, results: Sequence[Result], kind: Kind, *, variable: data.Variable = "cover"
) -> pd.DataFrame:
    """List the numbers of `lorenz`; see `charts_data.lorenz_rows`."""
    return in_chinese(data.lorenz_rows(world, results, kind, variable=variable))


def cities_table(results: Sequence[Result], kind: Kind) -> pd.DataFrame:
    """List the numbers of `cities`; see `charts_data.cities`."""
    return in_chinese(data.cities(results, kind))


def progress_table(result: Result) -> pd.DataFrame:
    """List the numbers of `progress`; see `charts_data.progress`."""
    return in_chinese(data.progress(result))


def costs_table(results: Sequence[Result]) -> pd.DataFrame:
    """List the numbers of `costs`; see `charts_data.costs`."""
    return in_chinese(data.costs(results))


@dataclass(frozen=True)
class Entry:
    """One of the charts, with the same way to call it whatever it is drawn from."""

    name: str
    title: str
    """What its files are called."""
    of: Of
    """Drawn of all results for one layer, of all results at once, or of one result."""
    table: Callable[[World, Sequence[Result], Kind], pd.DataFrame]
    """Its numbers; columns have their English names (`charts_data.HEADERS`)."""
    draw: Callable[..., Figure]
    """Called as ``draw(world, results, kind, width_mm, height_mm, foot=…, titled=…)``."""
    native: tuple[ChartKind, str, str] | None = None
    """Kind of the chart in a workbook, and the columns along x and y."""


ALL = (
    Entry(
        "bases", "累计覆盖与站点数", "layer",
        lambda _, results, kind: data.bases(results, kind),
        lambda _, results, kind, *size, **look: bases(results, kind, *size, **look),
        ("scatter", "rank", "share_after"),
    ),
    Entry("minutes", "覆盖与时间", "layer", data.minutes, minutes, ("scatter", "cost_min", "share")),
    Entry(
        "lorenz", "覆盖均匀程度", "layer", data.lorenz_rows, lorenz,
        ("scatter", "people_share", "value_share"),
    ),
    Entry(
        "cities", "各市前后对比", "layer",
        lambda _, results, kind: data.cities(results, kind),
        lambda _, results, kind, *size, **look: cities(results, kind, *size, **look),
        ("dumbbell", "name", "share"),
    ),
    Entry(
        "progress", "目标进度", "result",
        lambda _, results, __: data.progress(results[0]),
        lambda _, results, __, *size, **look: progress(results[0], *size, **look),
    ),
    Entry(
        "costs", "费用", "all",
        lambda _, results, __: data.costs(results),
        lambda _, results, __, *size, **look: costs(results, *size, **look),
        ("bar", "title", "cost"),
    ),
)  # fmt: skip
"""All charts, in the order in which they are written."""


def write(
    figure: Figure, stem: Path, formats: Sequence[str] = ("png", "pdf", "svg"), *, title: str = ""
) -> list[Path]:
    """Save a chart, each file whole or not at all; the same chart gives the same bytes.

    An SVG holds its letters as outlines, since no file of that form can carry a font along; in a PDF they
    stay text.

    Parameters
    ----------
    stem
        The files without their suffix; the folder must be there.
    title
        Stands in the files' own descriptions.
    """
    import matplotlib as mpl  # noqa: PLC0415 (slow to import)
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.backends.backend_pdf import FigureCanvasPdf  # noqa: PLC0415
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415

    canvases: dict[str, Any] = {"png": FigureCanvasAgg, "pdf": FigureCanvasPdf, "svg": FigureCanvasSVG}
    maker = {"Title": title, "Creator": "boai"}
    facts: dict[str, dict[str, Any]] = {
        "png": {"Title": title, "Software": "boai"},
        "pdf": {**maker, "Producer": "boai (matplotlib)", "CreationDate": None},
        "svg": {**maker, "Date": None},
    }
    paths = []
    for form in formats:
        canvases[form](figure)
        path = stem.with_name(f"{stem.name}.{form}")
        with replacing(path) as temporary, mpl.rc_context({"svg.hashsalt": "boai", "svg.fonttype": "path"}):
            figure.savefig(temporary, format=form, dpi=DPI, metadata=facts[form])
        paths.append(path)
    return paths


@dataclass(frozen=True)
class _Made:
    """One chart of a set: its entry and what it is drawn from."""

    entry: Entry
    results: Sequence[Result]
    kind: Kind
    name: str
    """Of its files and its table."""


def write_all(
    world: World,
    results: Sequence[Result],
    folder: Path,
    *,
    kinds: Sequence[Kind] = (),
    formats: Sequence[str] = ("png", "pdf"),
    release: Release = Release(),  # noqa: B008 (frozen)
    size: tuple[float, float] = ALONE,
    fonts: Path | None = None,
) -> list[Path]:
    """Write all charts that have something to show, and a workbook with their numbers, into a folder.

    Parameters
    ----------
    results
        The baseline first.
    kinds
        Layers; by default all that are shown.
    release
        For whom: its stamp and its note stand on every chart.
    size
        Width and height in millimetres.
    fonts
        Cache folder of the derived font, by default one of the user's.

    Returns
    -------
    The files, the workbook last.
    """
    chosen = list(kinds) or shown_kinds(result.layers for result in results)
    made = [(each, table) for each in _listed(results, chosen) if _says(each, table := _table(world, each))]
    font = derive_font(_texts(world, results), folder=fonts)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with drawing(font):
        for each, _ in made:
            own = None if each.entry.of != "layer" else each.kind
            foot = _foot(world, each.results, own, release)
            figure = each.entry.draw(world, each.results, each.kind, *size, foot=foot)
            paths += write(figure, folder / each.name, formats, title=each.name)
    return [*paths, _write_workbook(world, results, made, folder / WORKBOOK, release)]


def _listed(results: Sequence[Result], kinds: Sequence[Kind]) -> Iterator[_Made]:
    """List the charts of results and layers, each with a name of its own."""
    layers = [kind for kind in kinds if kind in results[0].covers]
    for entry in ALL:
        if entry.of == "layer":
            for kind in layers:
                yield _Made(entry, results, kind, f"{KIND_NAMES[kind]}_{entry.title}")
        elif entry.of == "all":
            yield _Made(entry, results, "warehouse", entry.title)
        else:
            for result, title in zip(results, _safe(data.titles(results)), strict=True):
                yield _Made(entry, [result], "warehouse", f"{entry.title}_{title}")


def _safe(titles: Sequence[str], *, longest: int = 16) -> list[str]:
    """Leave letters, figures and Chinese characters of titles; what is cut or no longer unique gets a hash.

    Examples
    --------
    >>> _safe(["现状", "2022-2024 年计划", "a/b", "A:b"])
    ['现状', '20222024年计划', 'ab-c14cdd', 'Ab-2613e5']
    """
    kept = ["".join(mark for mark in title if mark.isalnum() and mark.isprintable()) for title in titles]
    times = Counter(name.casefold() for name in kept)
    hashes = [hashlib.sha256(title.encode()).hexdigest()[:6] for title in titles]
    return [
        name
        if 0 < len(name) <= longest and times[name.casefold()] == 1
        else f"{name[:longest]}-{own}".lstrip("-")
        for name, own in zip(kept, hashes, strict=True)
    ]


def _table(world: World, made: _Made) -> pd.DataFrame:
    return made.entry.table(world, made.results, made.kind)


def _says(made: _Made, table: pd.DataFrame) -> bool:
    """Tell whether a chart has anything to show: new sites, prices, targets, anybody who is covered."""
    if table.empty:
        return False
    if made.entry.name == "lorenz":
        return bool(table["gini"].notna().any())
    return "share" not in table.columns or bool((table["share"] > 0).any())


def _foot(world: World, results: Sequence[Result], kind: Kind | None, release: Release) -> Foot:
    foot = foot_of(world, results, kind, release.stamp)
    return Foot(foot.stamp, foot.labels, (release.note, *foot.sources)) if release.note else foot


def _texts(world: World, results: Sequence[Result]) -> Iterator[str]:
    """All texts with names, for the characters that the font must have."""
    yield from data.titles(results)
    for result in results:
        yield from result.units["name"].astype(str)
        yield from result.targets.get("name", pd.Series(dtype=str)).astype(str)
        yield from result.targets.get("reading", pd.Series(dtype=str)).astype(str)
        for kind in result.covers:
            yield from words.sources(world, result, kind)


_FORMATS = {"change": "+0.0;-0.0;0.0", "cost": "#,##0.0"}


def _write_workbook(
    world: World,
    results: Sequence[Result],
    made: Sequence[tuple[_Made, pd.DataFrame]],
    path: Path,
    release: Release,
) -> Path:
    """Write the numbers of all charts as sheets, with native charts of those that a spreadsheet can draw."""
    written = [_written(each.name, table) for each, table in made]
    looks = series_of(results)
    charts = [chart for each, table in made for chart in _native(each, table, looks)]
    notes = [("用途", release.stamp)]
    notes += [("公开版", release.note)] if release.note else []
    notes += [note for note in tables.notes_of(world, results) if note[0] != "用途"]
    with replacing(path) as temporary:
        temporary.write_bytes(tables.workbook_of(notes, written, charts))
    return path


def _written(name: str, table: pd.DataFrame) -> tables.Written:
    """Write a table with the headers and formats of charts."""
    made = tables.as_written(name, table)
    names = list(map(str, table.columns))
    headers = [data.HEADERS[each] for each in names]
    formats = [_FORMATS.get(each, form) for each, form in zip(names, made.formats, strict=True)]
    return made._replace(headers=headers, formats=formats)


def _native(made: _Made, table: pd.DataFrame, looks: Mapping[str, style.Series]) -> Iterator[Chart]:
    """Make the chart of a sheet for a spreadsheet; none on foot, where points at the limits are no line."""
    if made.entry.native is None or made.entry.native[1] not in table.columns:
        return
    form, x, y = made.entry.native
    shown = dict.fromkeys(table["title"])
    colours = (
        tuple(looks[title].colour for title in shown if title in looks) if form != "bar" else (style.BAR,)
    )
    ends = {"value_share": (0.0, 1.0), "cost": (0.0, None)}.get(y) or share_range(table[y].tolist())
    yield Chart(
        made.name.replace("_", ": "),
        form,
        made.name,
        data.HEADERS[x],
        (data.HEADERS[y],),
        by=data.HEADERS["title"] if form != "bar" else "",
        x_range=(0.0, 1.0 if y == "value_share" else None),
        y_range=ends,
        colours=colours,
    )
