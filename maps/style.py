"""The one place of colours, classes, markers and words: all that is drawn takes them from here.

Pale blue is well served, rust is out of reach: lightness (CIELAB L*) falls from class to class by at least
ten, so a grey print keeps the order, and blue against orange stays apart for the colour-blind (a test
simulates them). The colours themselves are in `palette`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..geodata.layers import EXAMPLE, Kind
from ..geodata.network import APPROXIMATE
from ..scenarios.ledger import lights

# isort: off
from .palette import (
    ACCENT, BADGE, BADGE_EDGE, BADGE_INK, BAR, BORDER, BORDERS, CHART_SIZES, DISPATCH_NAMES,
    DISPATCH_ROADS, EDGE, FAINT, FULL, GAIN, GAIN_INK, GRID, GROUND, HAIR, INK, KEPT, LAND, LOSS,
    LOSS_INK, MET, MISSED, NAMES, NEW, OPEN, OUT, PAPER, QUIET, REACH, ROADS, ROUTES, SEA,
    SERIES, SERVED, SITE, SPARSE, TRACK, UNJUDGED, Series, css_variables, page_looks, readable, rgb,
)  # fmt: skip
# isort: on

if TYPE_CHECKING:
    from ..coverage.standards import Standard

STAMP = "内部使用 不得公开"
LABELS = {
    EXAMPLE: "站点为合成的示例, 不是真实位置, 不得用于决策",
    APPROXIMATE: "路网由公开的公路走向和城镇位置近似, 行车时间为估计值",
}
"""What the two labels mean, in one sentence each."""

CELL_EDGES = (0.5, 0.1)
"""Class limits of the share of a cell's residents within walking reach. Display choice (假设)."""

UNITS: dict[Kind, str] = {"aed": "台", "home": "个", "warehouse": "座", "team": "支", "training": "个"}
"""Measure words of the resource types."""


__all__ = [
    "ACCENT", "BADGE", "BADGE_EDGE", "BADGE_INK", "BAR", "BORDER", "BORDERS", "CELL_EDGES",
    "CHART_SIZES", "DIFFERENCE", "DISPATCH_NAMES", "DISPATCH_ROADS", "EDGE", "FAINT", "FULL", "GAIN",
    "GAIN_INK", "GRID", "GROUND", "HAIR", "INK", "KEPT", "LABELS", "LAND", "LIGHT", "LOSS",
    "LOSS_INK", "MET", "MISSED", "NAMES", "NEW", "OPEN", "OUT", "PAPER", "QUIET", "REACH",
    "ROADS", "ROUTES", "SEA", "SERIES", "SERVED", "SITE", "SPARSE", "STAMP", "STATE", "STATE_OF",
    "TRACK", "UNITS", "UNJUDGED", "Light", "Marker", "Measure", "Series", "Shape", "Swatch",
    "county_measure", "css_variables", "marker_index", "markers", "page_looks", "people_text", "ramp",
    "reach_classes", "reach_index", "readable", "rgb", "share_text", "spaced", "year_text",
]  # fmt: skip


Shape = Literal["circle", "square", "triangle", "star", "pentagon"]


@dataclass(frozen=True)
class Swatch:
    """One class of an area: its words and its colour (#rrggbb)."""

    text: str
    colour: str


STATE = (Swatch("已覆盖", SERVED), Swatch("够得着但没有余量", FULL), Swatch("够不着", OUT))
"""The three states of residents, from best to worst."""
STATE_OF = {
    "served": 0, "no_capacity": 1, "closed_now": 1, "too_far": 2, "no_road": 2, "cut_off": 2, "no_site": 2,
}  # fmt: skip
"""Which of them each of ``coverage.states.STATES`` is."""
DIFFERENCE = (Swatch("增加", GAIN), Swatch("不变", KEPT), Swatch("减少", LOSS))
"""What a scenario gains, leaves as it is and loses against the baseline."""


@dataclass(frozen=True)
class Light:
    """How a light of a target is drawn: name, short words, colour, and a sign that needs no colour."""

    name: str
    text: str
    colour: str
    sign: str


LIGHT = {
    lights.GREEN: Light(lights.GREEN, "已达到", MET, "●"),
    lights.YELLOW: Light(lights.YELLOW, "未达到, 还有可能", OPEN, "◆"),
    lights.RED: Light(lights.RED, "未达到, 期限已过", MISSED, "■"),
    lights.GREY: Light(lights.GREY, "不能判定", UNJUDGED, "○"),
}
"""Lights of the target ledger by name; ``lights.MEANINGS`` says what each means."""


@dataclass(frozen=True)
class Marker:
    """How sites of one level are drawn: shape and diameter in millimetres of paper."""

    level: str
    shape: Shape
    size: float


_MARKERS: dict[Kind, tuple[Marker, ...]] = {
    "warehouse": (
        Marker("省级", "star", 6.2),
        Marker("市级", "square", 3.6),
        Marker("县级", "square", 2.3),
    ),
    "team": (
        Marker("国家级", "star", 6.2),
        Marker("省级", "triangle", 5.4),
        Marker("市级", "triangle", 4.2),
        Marker("县级", "triangle", 2.8),
    ),
    "home": (Marker("", "circle", 1.7),),
    "aed": (Marker("", "circle", 1.3),),
    "training": (
        Marker("国家级", "star", 6.2),
        Marker("省级", "pentagon", 5.2),
        Marker("市级", "pentagon", 4.2),
        Marker("县级", "pentagon", 2.8),
    ),
}


def markers(kind: Kind) -> tuple[Marker, ...]:
    """Markers of a resource type, from the highest level down."""
    return _MARKERS[kind]


def marker_index(kind: Kind, levels: NDArray[np.str_]) -> NDArray[np.intp]:
    """Position in ``markers(kind)`` of each site's level; an unknown level is drawn as the lowest."""
    known = [marker.level for marker in _MARKERS[kind]]
    lookup = {level: position for position, level in enumerate(known)}
    return np.array([lookup.get(str(level), len(known) - 1) for level in levels], np.intp)


def spaced(name: str) -> str:
    """Set a Latin name off from the Chinese around it with blanks."""
    return f" {name} " if name.isascii() else name


def ramp(count: int) -> tuple[str, ...]:
    """Colours of ``count`` classes from best to worst; the first and the last are always the same."""
    if count == len(REACH):
        return REACH
    stops = np.linspace(0, len(REACH) - 1, max(count, 2))
    known = np.array([rgb(colour) for colour in REACH], float)
    mixed = np.column_stack([np.interp(stops, np.arange(len(REACH)), known[:, band]) for band in range(3)])
    return tuple("#{:02x}{:02x}{:02x}".format(*map(round, row)) for row in mixed.tolist())


def reach_classes(standard: Standard) -> tuple[Swatch, ...]:
    """Classes of the cells for a standard, in the order of ``reach_index``."""
    if standard.mode == "walk":
        texts = [swatch.text for swatch in _swatches(CELL_EDGES, 100, "%")]
        texts = [*texts[:-1], f"{texts[-1]} (大于 0)", "步行范围外"]
        dense = tuple(map(Swatch, texts, ramp(len(texts))))
        if standard.min_density <= 0:
            return dense
        return (*dense, Swatch(f"人口稀疏 (每平方公里不足 {standard.min_density:g} 人, 不计缺口)", SPARSE))
    limits = [standard.limit_text(limit) for limit in standard.limits]
    bands = [f"{low}–{high}" for low, high in pairwise(limits)]
    texts = [f"{limits[0]}以内", *bands, f"超过 {limits[-1]}"]
    return tuple(map(Swatch, texts, ramp(len(texts))))


def reach_index(
    standard: Standard, share: NDArray[np.float64], density: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Class of each cell, a position in ``reach_classes(standard)``.

    Parameters
    ----------
    share
        (n, limits) share of the cell's residents within each limit; by driving a cell is within a limit or
        not, and half of it decides.
    density
        (n,) residents per km².
    """
    if standard.mode == "drive":
        return np.asarray((share < 0.5).sum(axis=1), np.uint8)
    main = share[:, standard.limits.index(standard.main)]
    index = np.select([main >= CELL_EDGES[0], main >= CELL_EDGES[1], main > 0], [0, 1, 2], 3)
    sparse = (main <= 0) & (density < standard.min_density)
    return np.where(sparse, 4, index).astype(np.uint8)


@dataclass(frozen=True)
class Measure:
    """The figure that colours counties: a share of residents, or sites per so many residents."""

    title: str
    edges: tuple[float, ...]
    """Lower limits of all classes but the last, best first; a limit belongs to its class."""
    classes: tuple[Swatch, ...]
    per: int = 0
    """Sites are counted per so many residents; 0 for a share of residents served."""
    note: str = ""
    """Where the limits come from."""

    def index(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Class of each value, a position in ``classes``; NaN counts as the best: nobody is left out."""
        return np.asarray((values[:, None] < np.array(self.edges)[None, :]).sum(axis=1), np.uint8)


def county_measure(standard: Standard) -> Measure:
    """Choose how counties are coloured.

    A reach on foot is so much smaller than a county that shares of a few percent say little: there counties
    show sites per residents, with class limits from published figures. Driving shows the share served.
    """
    density = _DENSITIES.get(standard.kind)
    if standard.mode == "walk" and density is not None:
        return density
    title_text = f"各县{standard.limit_text(standard.main)}以内的居民比例"
    return Measure(title_text, _SHARE_EDGES, _swatches(_SHARE_EDGES, 100, "%"), note="分档为显示选择 (假设)")


def _swatches(edges: tuple[float, ...], factor: float, unit: str) -> tuple[Swatch, ...]:
    limits = [f"{edge * factor:g}{unit}" for edge in edges]
    between = [f"{low}–{high}" for high, low in pairwise(limits)]
    return tuple(map(Swatch, (f"{limits[0]}及以上", *between, f"不足 {limits[-1]}"), ramp(len(edges) + 1)))


_SHARE_EDGES = (0.9, 0.7, 0.4)
_DENSITIES: dict[Kind, Measure] = {
    "aed": Measure(
        "各县每万居民 AED 台数",
        (1.0, 0.4, 0.2),
        _swatches((1.0, 0.4, 0.2), 1, "台"),
        per=10_000,
        note="每万人 1 台是全省目标, 0.4 台是 2024 年初水平 (省内新闻); 0.2 台为显示选择 (假设)",
    ),
    "home": Measure(
        "各县每10万居民博爱家园个数",
        (2.0, 1.0, 0.5),
        _swatches((2.0, 1.0, 0.5), 1, "个"),
        per=100_000,
        note="一个15分钟生活圈服务 5-10 万人 (TD/T 1062-2021), 即每10万人 1-2 个; 0.5 个为显示选择 (假设)",
    ),
}


def share_text(share: float) -> str:
    """Write a share with one decimal, never rounding an incomplete cover up to all.

    Examples
    --------
    >>> share_text(0.76523), share_text(0.99999), share_text(1.0), share_text(0.00001)
    ('76.5%', '99.9%', '100%', '<0.1%')
    """
    if not np.isfinite(share):
        return "–"
    if 0 < share < 0.001:
        return "<0.1%"
    if share < 1:
        return f"{min(share * 100, 99.9):.1f}%"
    return "100%"


def year_text(year: float) -> str:
    """Write a year, or nothing where there is none."""
    return f"{year:.0f}" if np.isfinite(year) else ""


def people_text(count: float) -> str:
    """Write a number of residents as a Chinese reader says it: 万 from ten thousand on.

    Examples
    --------
    >>> people_text(45188635), people_text(9876)
    ('4518.9万人', '9,876人')
    """
    return f"{count / 1e4:.1f}万人" if abs(count) >= 1e4 else f"{count:,.0f}人"
