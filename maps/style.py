"""The one place of colours, classes, markers and words: every page, sheet and table takes them from here.

Pale blue is well served, rust is out of reach: lightness (CIELAB L*) falls from class to class by at least
ten, so a grey print keeps the order, and blue against orange stays apart for the colour-blind (a test
simulates them).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..geodata.layers import EXAMPLE, KIND_NAMES, Kind
from ..geodata.network import APPROXIMATE

if TYPE_CHECKING:
    from ..coverage.standards import Standard

REACH = ("#dcebf2", "#9cc3da", "#dd8c3a", "#93401f")
"""Best to worst: within the first limit … beyond the last."""
SPARSE = "#f3f1eb"
"""Cells too thinly settled for a walking standard to count them as gaps."""

ACCENT = "#c8102e"
"""Red of the society: accents only (a line, the numbers of the gaps), never an area."""
INK, QUIET = "#1b2733", "#5b6875"
SITE, NEW, BORDER = "#17324d", "#00705a", "#6f7c88"

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


Shape = Literal["circle", "square", "triangle", "star", "pentagon"]


@dataclass(frozen=True)
class Swatch:
    """One class of an area: its words and its colour (#rrggbb)."""

    text: str
    colour: str


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


def title(kind: Kind) -> str:
    """Title of the map of a resource type.

    Examples
    --------
    >>> title("warehouse"), title("aed")
    ('江西省备灾仓库覆盖图', '江西省 AED 覆盖图')
    """
    return f"江西省{spaced(KIND_NAMES[kind])}覆盖图"


def spaced(name: str) -> str:
    """Set a Latin name off from the Chinese around it with blanks."""
    return f" {name} " if name.isascii() else name


def ramp(count: int) -> tuple[str, ...]:
    """Colours of ``count`` classes from best to worst; the first and the last are always the same."""
    if count == len(REACH):
        return REACH
    stops = np.linspace(0, len(REACH) - 1, max(count, 2))
    rgb = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in REACH], float)
    mixed = np.column_stack([np.interp(stops, np.arange(len(REACH)), rgb[:, band]) for band in range(3)])
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
