"""Native charts of a workbook: what they show, in the looks of `palette`, laid out to print two by two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from . import palette

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.chart import Chart as Drawn
    from xlsxwriter.worksheet import Worksheet

CHARTS = "图表"
"""Name of the sheet of the charts."""

ChartKind = Literal["line", "scatter", "bar", "stacked_bar", "column", "stacked_column", "dumbbell"]

MOST_SERIES = 255
"""Series that a chart of Excel holds (Microsoft, "Excel specifications and limits")."""
MOST_MARKED = 40
"""A line with more points is drawn without markers, which would run into each other."""

_KINDS = {
    "line": {"type": "line"},
    "scatter": {"type": "scatter", "subtype": "straight_with_markers"},
    "bar": {"type": "bar"},
    "stacked_bar": {"type": "bar", "subtype": "stacked"},
    "column": {"type": "column"},
    "stacked_column": {"type": "column", "subtype": "stacked"},
    "dumbbell": {"type": "line"},
}
_MARKERS = {
    "o": "circle", "s": "square", "^": "triangle", "D": "diamond", "v": "short_dash", "P": "plus", "X": "x",
    "p": "star",
}  # fmt: skip
_LEVEL = {"bar", "stacked_bar"}
"""Kinds whose categories run down the side."""
_FILLED = {"bar", "stacked_bar", "column", "stacked_column"}

# Two charts side by side in cells of their own: an automatic page break never cuts through a row.
_WIDTH, _HEIGHT, _GAP = 520, 340, 4
_CHARS, _ROW_POINTS = 75, 260

Cells = tuple[Sequence[str], Sequence[Sequence[Any]], Sequence[str]]
"""Headers, rows and number formats of a sheet."""


@dataclass(frozen=True)
class Chart:
    """A chart of the columns of one sheet, all of whose texts are safe to show.

    line and the bars have texts along x; scatter joins points of two numbers by lines; dumbbell shows two or
    more values of each text as signs joined by a line (before and after).
    """

    title: str
    kind: ChartKind
    sheet: str
    x: str
    """Header of the column along x: texts, for scatter numbers."""
    y: tuple[str, ...]
    """Headers of the columns that are drawn, one series each."""
    by: str = ""
    """Header of a column of texts: each run of rows with the same one is a series of its own."""
    x_title: str = ""
    """By default the header."""
    y_title: str = ""
    rows: tuple[int, int] | None = None
    """First row of the table that is drawn, from 0, and the one after the last; by default all."""
    x_range: tuple[float | None, float | None] = (None, None)
    """Ends of the axis where they are fixed (scatter)."""
    y_range: tuple[float | None, float | None] = (None, None)
    order: tuple[str, ...] = ()
    """Names of all series that any chart has: each looks the same in every chart of the same order."""
    colours: tuple[str, ...] = ()
    """Colours of the series where they are those of classes; by default the lines of `palette`."""


def add_charts(book: Workbook, page: Worksheet, charts: Sequence[Chart], sheets: Mapping[str, Cells]) -> None:
    """Draw charts on a sheet of their own, two abreast, four on a printed page.

    Raises
    ------
    ValueError
        A sheet or column that is not there, or more than ``MOST_SERIES`` series.
    """
    page.hide_gridlines(2)
    page.write_string(0, 0, CHARTS, book.add_format({"bold": True, "font_size": 14}))
    page.set_column(0, 1, _CHARS)
    for row in range((len(charts) + 1) // 2):
        page.set_row(1 + row, _ROW_POINTS)
    for number, chart in enumerate(charts):
        if chart.sheet not in sheets:
            raise ValueError(f"no sheet {chart.sheet!r} for the chart {chart.title!r}")
        drawn = _draw(book, chart, sheets[chart.sheet])
        place = {"x_offset": _GAP, "y_offset": _GAP, "description": chart.title, "object_position": 2}
        page.insert_chart(1 + number // 2, number % 2, drawn, place)


def _draw(book: Workbook, chart: Chart, cells: Cells) -> Drawn:
    """Make a chart with its series and axes."""
    headers, rows, formats = cells
    drawn = book.add_chart(_KINDS[chart.kind])
    x, columns = _place(chart, headers, chart.x), [_place(chart, headers, each) for each in chart.y]
    runs = _runs(chart, headers, rows)
    many = len(runs) * len(columns)
    if not 0 < many <= MOST_SERIES:
        raise ValueError(f"the chart {chart.title!r} has {many} series, not 1-{MOST_SERIES}")
    for number, ((first, last), y) in enumerate((run, y) for run in runs for y in columns):
        said = str(rows[first - 1][headers.index(chart.by)]) if chart.by else headers[y]
        name = [chart.sheet, 0, y] if not chart.by else [chart.sheet, first, headers.index(chart.by)]
        drawn.add_series(
            {
                "name": name,
                "categories": [chart.sheet, first, x, last, x],
                "values": [chart.sheet, first, y, last, y],
                **_look(chart, _number(chart, number, said), last - first + 1),
            }
        )
    _set_axes(drawn, chart, formats[x], formats[columns[0]])
    drawn.set_title({"name": _plain(chart.title), "name_font": {"size": 12, "color": palette.INK}})
    drawn.set_legend({"none": True} if many == 1 else {"position": "bottom"})
    drawn.set_size({"width": _WIDTH, "height": _HEIGHT})
    if chart.kind == "dumbbell":
        drawn.set_high_low_lines({"line": {"color": palette.FAINT, "width": 2}})
    return drawn


def _place(chart: Chart, headers: Sequence[str], header: str) -> int:
    if header not in headers:
        raise ValueError(f"no column {header!r} for the chart {chart.title!r}")
    return list(headers).index(header)


def _runs(chart: Chart, headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[tuple[int, int]]:
    """First and last line of each run in the sheet, where the header is line 0."""
    start, stop = chart.rows or (0, len(rows))
    if not chart.by:
        return [(start + 1, stop)] if stop > start else []
    at = _place(chart, headers, chart.by)
    runs, line = [], start + 1
    for _, run in groupby(rows[start:stop], key=lambda row: row[at]):
        long = len(list(run))
        runs.append((line, line + long - 1))
        line += long
    return runs


def _number(chart: Chart, number: int, name: str) -> int:
    """Give the number of a series among all, by which it looks as it does elsewhere."""
    return chart.order.index(name) if name in chart.order else number


def _look(chart: Chart, number: int, points: int) -> dict[str, Any]:
    """Colour, marker and dash of a series; a series of its own number looks the same in every chart."""
    series = palette.SERIES[number % len(palette.SERIES)]
    colour = chart.colours[number % len(chart.colours)] if chart.colours else series.colour
    edge = {"color": palette.INK, "width": 0.5}
    if chart.kind in _FILLED:
        return {"fill": {"color": colour}, "border": edge, "gap": 60}
    size = 8 if chart.kind == "dumbbell" else 5
    shown = points <= MOST_MARKED
    sign = {
        "type": _MARKERS[series.marker],
        "size": size,
        "fill": {"color": colour},
        "border": {"color": colour},
    }
    line = {"color": colour, "width": 1.75, "dash_type": _dash(series.dash)}
    return {
        "marker": sign if shown else {"type": "none"},
        "line": {"none": True} if chart.kind == "dumbbell" else line,
    }


def _dash(dash: palette.Dash) -> str:
    """Name the dash of Excel that is nearest to that of the charts in print.

    Examples
    --------
    >>> _dash("solid"), _dash((0, (4, 2))), _dash((0, (1, 2.6))), _dash((0, (6, 1.5, 1.2, 1.5)))
    ('solid', 'dash', 'round_dot', 'dash_dot')
    """
    if isinstance(dash, str):
        return dash
    strokes = dash[1]
    if len(strokes) > 2:
        return "dash_dot" if strokes[0] < 8 else "long_dash_dot"
    names = ((6, "long_dash"), (3, "dash"), (1.5, "square_dot"))
    return next((name for least, name in names if strokes[0] >= least), "round_dot")


def _set_axes(drawn: Drawn, chart: Chart, x_form: str, y_form: str) -> None:
    """Name both axes, and write their numbers as the tables do."""
    font = {"size": 9, "color": palette.QUIET, "bold": False}
    grid = {"visible": True, "line": {"color": palette.GRID, "width": 0.5}}
    line = {"color": palette.FAINT}
    common: dict[str, Any] = {"name_font": font, "num_font": font, "line": line}
    y = {
        **common,
        "name": _plain(chart.y_title or chart.y[0]),
        "num_format": _axis_form(y_form),
        "major_gridlines": grid,
        **_ends(chart.y_range),
    }
    x = {**common, "name": _plain(chart.x_title or chart.x), "label_position": "low"}
    if chart.kind == "scatter":
        x |= {"num_format": _axis_form(x_form), "major_gridlines": grid, **_ends(chart.x_range)}
    else:
        x |= {"interval_unit": 1}  # every text, also where they are many
    if chart.kind in _LEVEL:
        x |= {"reverse": True}  # the first row on top
        y |= {"label_position": "high"}
    drawn.set_x_axis(y if chart.kind in _LEVEL else x)  # x is the level axis there, too
    drawn.set_y_axis(x if chart.kind in _LEVEL else y)


def _axis_form(form: str) -> str:
    """Write the marks of an axis without the decimals of the cells: 20%, not 20.0%."""
    return {"0.0%": "0%", "": "General"}.get(form, form)


def _ends(ends: tuple[float | None, float | None]) -> dict[str, float]:
    return {name: end for name, end in zip(("min", "max"), ends, strict=True) if end is not None}


def _plain(text: str) -> str:
    """Keep a text of a chart from being taken for a reference to a cell."""
    return f"'{text}" if text.startswith("=") else text
