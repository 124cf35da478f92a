"""Every colour, line look, text size and font stack of maps, pages, charts and reports.

No other file names a colour; `style` hands them on beside its classes and words. Order is told by lightness
(CIELAB L*), so that a grey print keeps it; what has no order (gains and losses, lines of a chart) also has a
hatch, a marker or a dash of its own. A test simulates three kinds of colour blindness and a grey print.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# ---------- paper, text, fine lines ----------
INK, QUIET, FAINT = "#1b2733", "#5b6875", "#8c969f"
"""Text: what is read first, what goes with it, and signs that only guide the eye."""
PAPER, GROUND, LAND = "#ffffff", "#edf0f2", "#fffdf8"
"""Paper, the ground around a map, and the land of a map without classes."""
SEA, GRID, HAIR, TRACK = "#f7f9fa", "#d5dce2", "#e1e6ea", "#eaeef1"
"""Around the province on paper, meridians and grid lines, lines of a table, the empty part of a bar."""
BAR, EDGE = "#4f86a8", "#6b7680"
"""Bars of one value, and the thin edge of a box in a legend."""
ACCENT = "#c8102e"
"""Red of the society: accents only (a line, the numbers of the gaps), never an area."""
BADGE, BADGE_EDGE, BADGE_INK = "#fff4d6", "#b98a1d", "#5c4300"
"""Ground, edge and text of the labels 示例数据 and 近似路网."""

# ---------- signs ----------
SITE, NEW, BORDER = "#17324d", "#00705a", "#6f7c88"
"""Existing sites, proposed ones, and lines around areas."""
ROUTES = ("#17324d", "#b25a12", "#00705a", "#7a3b86", "#5b6875")
"""Ways of a dispatch sheet by rank; each ends at a number."""

# ---------- classes ----------
REACH = ("#cee3ed", "#98c1da", "#dd8c3a", "#93401f")
"""Best to worst: within the first limit … beyond the last."""
SPARSE = "#fbf9f5"
"""Cells too thinly settled for a walking standard to count them as gaps: lighter than what is served."""
SERVED, FULL, OUT = REACH[0], REACH[2], REACH[3]
"""The three states: the best and the worst are those of REACH."""
GAP_RAMP = ("#ecb986", "#d38f53", "#b25e20", "#762c0c")
"""Residents out of reach per km² on sheets of gaps, few to many."""
GAIN, LOSS, KEPT = "#4c9bd6", "#a50f2a", "#f1efe9"
"""Residents or areas that a scenario gains, loses, and leaves as they are."""
GAIN_INK, LOSS_INK = "#1c669f", LOSS
"""The same for text on paper (contrast at least 4.5 : 1)."""
STILL_OUT = "#c3c9ce"
"""Areas that a scenario leaves out of reach, beside KEPT for those that it leaves served."""
GAIN_RAMP = ("#b9d8ef", GAIN, GAIN_INK)
LOSS_RAMP = ("#ecc3c9", "#d0667a", LOSS)
"""Counties by what they gain or lose, from little to much; losses are hatched as well."""
MET, OPEN, MISSED, UNJUDGED = "#3d8f6b", "#e3b23c", "#a50f2a", "#dadfe3"
"""Lights of the targets: 绿, 黄, 红, 灰."""

Dash = Literal["solid"] | tuple[int, tuple[float, ...]]


@dataclass(frozen=True)
class Line:
    """How a line is drawn: colour, width in points of paper (or CSS pixels), dash as matplotlib writes it."""

    colour: str
    width: float
    dash: Dash = "solid"


@dataclass(frozen=True)
class Series:
    """How a line of a chart is drawn; any two differ in colour, marker (matplotlib's letter) and dash."""

    colour: str
    marker: str
    dash: Dash


SERIES = (
    Series("#6b7680", "o", (0, (4, 2))),
    Series("#17324d", "s", "solid"),
    Series("#e69539", "^", (0, (7, 1.6))),
    Series("#942d07", "D", (0, (1.6, 1.2))),
    Series("#0a8bcc", "v", (0, (6, 1.5, 1.2, 1.5))),
    Series("#993d99", "P", (0, (3, 3))),
    Series("#b28d62", "X", (0, (9, 2, 3, 2))),
    Series("#612f27", "p", (0, (1, 2.6))),
)
"""Lines of a chart: the baseline (grey, dashed) first, then the scenarios in their order."""

ROADS = (Line(FAINT, 0.9), Line(FAINT, 0.45))
"""Fast roads and the others, on sheets."""
DISPATCH_ROADS = (Line("#aab3bb", 1.0), Line("#aab3bb", 0.5))
"""The same under the ways of a dispatch sheet, which must stand out."""
PAGE_ROADS = (Line("#5d6873", 1.6), Line("#5d6873", 0.8))
"""The same on a page, half transparent."""
BORDERS = {
    "县": Line("#87929c", 0.35),
    "市": Line("#4a5661", 0.9),
    "省": Line(INK, 1.5),
}
"""Borders by level, on sheets."""
PAGE_BORDERS = {"县": Line("#7d8993", 0.5), "市": Line("#4d5965", 1.3), "省": Line("#46525e", 2.6)}
"""The same on a page."""
NAMES = {"市": INK, "县": "#4d5a66", "乡": QUIET}
"""Names of places by level, on sheets."""
DISPATCH_NAMES = {"市": INK, "县": "#35424e", "乡": QUIET}

# ---------- text ----------
CHART_SIZES = {"title": 10.0, "subtitle": 7.2, "label": 7.2, "tick": 6.6, "fine": 5.6}
"""Points of the texts of a chart that stands in a page of text, half an A4 page wide."""
PAGE_PX = {"title": 21, "heading": 16, "body": 14, "small": 13, "fine": 12.5}
"""CSS pixels of the texts of pages."""
FONTS = (
    "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", "Boai Hans", "sans-serif",
)  # fmt: skip
"""Fonts of pages and reports in a browser, the first that the machine has; files embed ``fonts.FAMILY``."""

_PAGE = {
    "ink": INK, "quiet": QUIET, "faint": FAINT, "paper": PAPER, "ground": GROUND, "line": "#dde3e8",
    "accent": ACCENT, "new": NEW, "site": SITE, "border": BORDER, "bar": BAR, "track": "#e8edf1",
    "soft": "#f5f7f8", "hover": "#e7ecf0", "hair": "#eef1f3", "field": "#c5ced6", "focus": "#2f7fc1",
    "edge": "#1b273347", "shadow": "#1b273333", "veil": "#ffffffeb", "glass": "#ffffffb3",
    "badge": BADGE, "badge-edge": BADGE_EDGE, "badge-ink": BADGE_INK,
    "name": "#33414e", "name-small": "#3c4853", "scale": "#4b5763", "road": PAGE_ROADS[0].colour,
    "served": SERVED, "full": FULL, "out": OUT, "sparse": SPARSE,
    "gain": GAIN, "loss": LOSS, "kept": KEPT, "gain-ink": GAIN_INK, "loss-ink": LOSS_INK,
    "met": MET, "open": OPEN, "missed": MISSED, "unjudged": UNJUDGED,
}  # fmt: skip
"""CSS variables of pages and reports by name; edge, shadow, veil and glass are half transparent."""


def css_variables() -> str:
    """Write all colours, sizes and the font stack as CSS variables, for the head of a page or a report.

    Examples
    --------
    >>> css_variables()[:25]
    ':root{--ink:#1b2733;--qui'
    """
    numbered = {f"reach-{number}": colour for number, colour in enumerate(REACH, 1)}
    numbered |= {f"series-{number}": each.colour for number, each in enumerate(SERIES)}
    sizes = {f"size-{name}": f"{size:g}px" for name, size in PAGE_PX.items()}
    fonts = ", ".join(f'"{name}"' if " " in name else name for name in FONTS)
    named = _PAGE | numbered | sizes | {"fonts": fonts}
    return f":root{{{';'.join(f'--{name}:{value}' for name, value in named.items())}}}"


def page_looks() -> dict[str, object]:
    """Give the colours and lines that a page's script draws with, as values of JSON.

    Returns
    -------
    dict
        Colours by name; ``roads`` (fast, others) and ``borders`` (县, 市, 省) as colour and weight.
    """
    names = (
        "paper",
        "ink",
        "quiet",
        "site",
        "new",
        "accent",
        "served",
        "full",
        "out",
        "sparse",
        "gain",
        "loss",
        "kept",
    )

    def stroke(line: Line) -> dict[str, object]:
        return {"color": line.colour, "weight": line.width}

    return {
        **{name: _PAGE[name] for name in names},
        "added": NEW,
        "roads": [stroke(line) for line in PAGE_ROADS],
        "borders": {level: stroke(line) for level, line in PAGE_BORDERS.items()},
    }


def rgb(colour: str) -> tuple[int, int, int]:
    """Read #rrggbb.

    Examples
    --------
    >>> rgb(REACH[0])
    (206, 227, 237)
    """
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def luminance(colour: str) -> float:
    """Compute the relative luminance of sRGB (WCAG 2.2), 0 to 1."""
    parts = [each / 255 for each in rgb(colour)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Compute the contrast of two colours (WCAG 2.2), 1 to 21.

    Examples
    --------
    >>> round(contrast(PAPER, INK), 1)
    15.2
    """
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable(colour: str, *, on: str = PAPER, least: float = 4.5) -> str:
    """Darken a colour until text in it reads on a light ground: contrast of 4.5 : 1 (WCAG 2.2, 1.4.3).

    Examples
    --------
    >>> readable(INK) == INK, contrast(readable(SERIES[2].colour), PAPER) >= 4.5
    (True, True)
    """
    while contrast(colour, on) < least:
        colour = "#{:02x}{:02x}{:02x}".format(*(int(each * 0.95) for each in rgb(colour)))
    return colour
