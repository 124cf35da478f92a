"""The dispatch sheet (调度单): A4, who brings what to which place, by when and by which way, for signature.

Drawn on figures without any global state of matplotlib but the font settings, so one lock lets the threads of
a server take turns. The same order gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from numpy.typing import NDArray

from ..geodata.store import replacing
from . import style
from .dispatch_layout import LEFT, RIGHT, Flow, rows_height
from .dispatch_map import Backdrop, draw
from .fonts import all_characters, dispatch_font, drawing, printable
from .paper import measure

_MAP = (126.0, 70.0)
"""Left side of the map and its length of side, millimetres."""
_DRAWING = Lock()
_LONGEST = 300
"""Characters of a text that are drawn at most: four lines hold fewer."""
_ITEMS = 8
"""Rows of the table of needs on the first page; what is beyond is named in words below it."""


@dataclass(frozen=True)
class Sender:
    """One store or team that is sent; all texts as they shall be read."""

    name: str
    what: str
    """Level and place: 市级 九江市修水县."""
    arrives: str
    """预计 16:05 到达, or 不可达."""
    takes: str
    """2小时11分 = 准备 1小时 (默认值) + 行车 1小时11分, 84.2 公里."""
    rows: tuple[tuple[str, str], ...]
    """(label, text) in the order of reading: 调出, 库存, 保管员, 路线, 途经, 注意 …"""
    lon: float
    lat: float
    line: NDArray[np.float64] = field(compare=False, repr=False)
    """(points, 2) its way, degrees; empty where there is none."""


@dataclass(frozen=True)
class Order:
    """All that a dispatch sheet says."""

    title: str
    """备灾物资调度单 or 救援队调度单."""
    number: str
    at: str
    """Date and time of the order in words: 2026年11月22日 14:05."""
    place: str
    lon: float
    lat: float
    place_rows: tuple[tuple[str, str], ...]
    """(label, text): 坐标, 高德, 百度, 注意 …"""
    need_rows: tuple[tuple[str, str], ...]
    """(label, text): 人数, 说明 …"""
    items: tuple[tuple[str, str, str, str], ...]
    """(item, needed, sent by this order, short) as texts; short is empty where nothing is."""
    senders: tuple[Sender, ...]
    circumstances: tuple[tuple[str, str, bool], ...]
    """(label, text, whether in red): closures counted, what they change, compliance."""
    labels: tuple[str, ...]
    facts: str
    """Data version, date of the network … for the last line."""
    closed: tuple[NDArray[np.float64], ...] = field(default=(), compare=False, repr=False)
    """Lines of closed roads, degrees."""


def write_sheet(order: Order, ground: Backdrop, path: Path, *, fonts: Path | None = None) -> Path:
    """Write the sheet of an order as PDF, whole or not at all; arguments as `to_bytes`."""
    content = to_bytes(order, ground, fonts=fonts)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path


def to_bytes(order: Order, ground: Backdrop, *, fonts: Path | None = None) -> bytes:
    """Draw the sheet of an order as a PDF: one page for up to three senders, more where there are more.

    Parameters
    ----------
    order
        What it says; names may hold anything, they are drawn as text and shortened where they must be.
    ground
        Boundaries, roads and names of the map.
    fonts
        Cache folder of the derived font, by default one of the user's.
    """
    font, order = dispatch_font(folder=fonts), _drawable(order)
    with _DRAWING, drawing(font):
        flow = Flow(order.title, order.number, order.labels, _notes(order))
        _draw_first(flow, order, ground)
        for rank, sender in enumerate(order.senders):
            _draw_sender(flow, rank, sender)
        _draw_circumstances(flow, order)
        _draw_signatures(flow, order)
        return _saved(flow, f"{order.title} {order.number}")


def _drawable(value: Any) -> Any:
    """Replace what the font lacks in all texts of an order."""
    if isinstance(value, str):
        return printable(value[:_LONGEST], known=all_characters())
    if isinstance(value, tuple):
        return tuple(_drawable(one) for one in value)
    if isinstance(value, Order | Sender):
        return replace(value, **{part.name: _drawable(getattr(value, part.name)) for part in fields(value)})
    return value


def _saved(flow: Flow, title: str) -> bytes:
    flow.number_pages()
    facts = {"Title": title, "Creator": "boai", "Producer": "boai (matplotlib)", "CreationDate": None}
    file = io.BytesIO()
    with PdfPages(file, metadata=facts) as pdf:
        for paper in flow.pages:
            pdf.savefig(paper.figure)
    return file.getvalue()


def _draw_first(flow: Flow, order: Order, ground: Backdrop) -> None:
    """Write the place and the need at the left of the first page, the map at the right."""
    top = flow.y
    x, side = _MAP
    sites = [(sender.lon, sender.lat) for sender in order.senders]
    ways = [sender.line for sender in order.senders]
    frame = (x, top - side, side, side)
    place = (order.lon, order.lat)
    draw(flow.paper, frame, ground, place=place, sites=sites, ways=ways, closed=order.closed)
    width = x - LEFT - 5
    flow.row("下达", order.at, width=width)
    flow.heading("送往", width=width)
    flow.text(order.place, 12.5, width=width, lines=3, bold=True)
    flow.rows(order.place_rows, width=width)
    flow.heading("需要", width=width)
    flow.rows(order.need_rows, width=width)
    _draw_items(flow, order.items, width)
    flow.y = min(flow.y, top - side) - 2


def _draw_items(flow: Flow, items: Sequence[tuple[str, str, str, str]], width: float) -> None:
    """Write the table of items: needed, sent, short (in red)."""
    if not items:
        return
    columns = (width - 37, width - 18, width)
    flow.room(4.6)
    for at, text in zip(columns, ("需要", "本单调出", "缺口"), strict=True):
        flow.paper.text(LEFT + at, flow.y - 3.4, text, 7.5, colour=style.QUIET, align="right")
    flow.paper.text(LEFT, flow.y - 3.4, "物品", 7.5, colour=style.QUIET)
    flow.y -= 4.6
    for name, *amounts in items[:_ITEMS]:
        flow.room(4.4)
        flow.paper.text(LEFT, flow.y - 3.4, name, 9, width=width - 52)
        for at, amount, colour in zip(columns, amounts, (style.INK, style.INK, style.ACCENT), strict=True):
            flow.paper.text(LEFT + at, flow.y - 3.4, amount, 9, align="right", colour=colour, width=17)
        flow.y -= 4.4
    if items[_ITEMS:]:
        rest = "、".join(f"{name} {needed}" for name, needed, *_ in items[_ITEMS:])
        flow.row("另需", rest, width=width)


def _draw_sender(flow: Flow, rank: int, sender: Sender) -> None:
    """Write one store or team: its number as on the map, arrival, and what the person on the phone needs."""
    flow.room(13 + rows_height(sender.rows, RIGHT - LEFT))
    paper, y, colour = flow.paper, flow.y, style.ROUTES[rank % len(style.ROUTES)]
    paper.line((LEFT, RIGHT), (y, y), color=style.INK, linewidth=0.8)
    paper.rectangle(LEFT, y - 7.2, 6, 6, facecolor=colour, edgecolor="none")
    paper.text(LEFT + 3, y - 5.6, str(rank + 1), 11, colour=style.PAPER, align="center")
    arrival = paper.text(RIGHT, y - 5.8, sender.arrives, 13, align="right", bold=True, width=70)
    paper.text(LEFT + 8.5, y - 5.6, sender.name, 12.5, bold=True, width=RIGHT - LEFT - arrival - 14)
    used = measure(sender.takes, 8.5)
    paper.text(RIGHT, y - 10.6, sender.takes, 8.5, colour=style.QUIET, align="right", width=120)
    paper.text(
        LEFT + 8.5, y - 10.6, sender.what, 8.5, colour=style.QUIET, width=max(RIGHT - LEFT - used - 14, 40)
    )
    flow.y -= 11.8
    flow.rows(sender.rows, width=RIGHT - LEFT)
    flow.y -= 0.8


def _draw_circumstances(flow: Flow, order: Order) -> None:
    if not order.circumstances:
        return
    flow.heading("道路与时限", width=RIGHT - LEFT)
    for label, text, red in order.circumstances:
        flow.row(label, text, width=RIGHT - LEFT, colour=style.ACCENT if red else style.INK)


_SIGNED = ("接令人", "接令时间", "出库(出发)时间", "到达时间", "现场接收签字")
_ROW_MM = 6.5


def _draw_signatures(flow: Flow, order: Order) -> None:
    """Draw the fields that are filled in by hand: one row per sender, then who gave the order."""
    height = 16 + _ROW_MM * len(order.senders)
    flow.room(height)
    paper, first = flow.paper, LEFT + 42
    step = (RIGHT - first) / len(_SIGNED)
    top = flow.y - 2
    for number, text in enumerate(_SIGNED):
        paper.text(first + (number + 0.5) * step, top - 3.8, text, 8, colour=style.QUIET, align="center")
    for rank, sender in enumerate(order.senders):
        y = top - 5.5 - _ROW_MM * rank
        paper.text(LEFT + 1, y - 4.6, f"{rank + 1} {sender.name}", 8.5, width=40)
        paper.line((LEFT, RIGHT), (y, y), color=style.BORDER, linewidth=0.5)
    low = top - 5.5 - _ROW_MM * len(order.senders)
    for x in (LEFT, *(first + number * step for number in range(len(_SIGNED))), RIGHT):
        paper.line((x, x), (top, low), color=style.BORDER, linewidth=0.5)
    for y in (top, low):
        paper.line((LEFT, RIGHT), (y, y), color=style.BORDER, linewidth=0.8)
    for x, text in ((LEFT, "下达人签字:"), (LEFT + 62, "审批人签字:"), (LEFT + 124, "单位文号:")):
        used = paper.text(x, low - 7.4, text, 9)
        paper.line((x + used + 2, x + 56), (low - 8.2, low - 8.2), color=style.BORDER, linewidth=0.6)
    flow.y = low - 10


def _notes(order: Order) -> list[str]:
    """Write what the footer says: what the labels mean, then where the figures come from."""
    meanings = [style.LABELS[label] for label in order.labels if label in style.LABELS]
    warning = "时间为估计, 出发前请电话核实路况和库存"
    return ["; ".join([*meanings, warning]), order.facts, "编号是 boai 的流水号, 不是公文文号"]
