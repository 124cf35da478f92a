"""The document of a report, before it is HTML, PDF or Word: blocks of text, tables and charts.

Writers know these few blocks and nothing of results; what is said is made elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Align = Literal["left", "right", "center"]


@dataclass(frozen=True)
class Ref:
    """Where a figure stands in the workbook that comes with the report."""

    sheet: str
    cell: str
    """Such as C5."""


@dataclass(frozen=True)
class Span:
    """A stretch of text; a figure carries where it stands."""

    text: str
    ref: Ref | None = None
    bold: bool = False
    quiet: bool = False
    number: int = 0
    """Of a figure in running text: its row in the table 数字出处. Printed behind the figure, small, raised
    and in square brackets: 8 with a bare 30 above it would be a power of 8."""


Spans = tuple[Span, ...]


@dataclass(frozen=True)
class Heading:
    """A heading: level 1 for parts of the report, 2 below."""

    text: str
    level: Literal[1, 2] = 1


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    spans: Spans


@dataclass(frozen=True)
class Bullets:
    """A list, one line of spans each."""

    items: tuple[Spans, ...]
    numbered: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a header row; the first row of every page repeats it."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Span, ...], ...]
    aligns: tuple[Align, ...]
    widths: tuple[float, ...]
    """Relative widths of the columns."""
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart or map: drawn by whoever writes the document, at the size that it has room for."""

    title: str
    draw: Callable[[float, float], Figure]
    """Called with width and height in millimetres, inside ``fonts.drawing``."""
    width_mm: float
    height_mm: float
    text: str
    """What it shows, for those who do not see it."""
    note: str = ""
    half: bool = False
    """Two half charts that follow each other stand side by side."""


@dataclass(frozen=True)
class Callout:
    """A box that must not be overlooked: what the data are not good for."""

    spans: Spans


@dataclass(frozen=True)
class PageBreak:
    """The next block begins on a new page."""


Block = Heading | Paragraph | Bullets | Table | Chart | Callout | PageBreak


@dataclass(frozen=True)
class Document:
    """A report."""

    title: str
    subtitle: str
    stamp: str
    """内部使用 不得公开, or the number of the map review: on every page."""
    labels: tuple[str, ...]
    """示例数据, 近似路网 …: on every page."""
    date: str
    """Printed where it is not empty."""
    blocks: Sequence[Block]
    footer: str = ""
    """Version and results, on every page."""
