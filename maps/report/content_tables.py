"""Tables of a report's pages: their figures are cells of the workbook, and their notes say which sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .facts import DASH, Cell
from .model import Span, Table
from .trace import TRACE

if TYPE_CHECKING:
    from .facts import Row
    from .model import Align, Block, Ref

Cells = tuple[Span, ...]

Columns = list[tuple[str, "Align", float]]
"""Header, alignment and relative width of each column."""


def _table(title: str, columns: Columns, rows: Sequence[Cells], note: str = "") -> list[Block]:
    """Make a table; nothing where it has no rows."""
    if not rows:
        return []
    headers, aligns, widths = zip(*columns, strict=True)
    return [Table(title, headers, tuple(rows), aligns, widths, note)]


def _where(sheet: str) -> str:
    return f"数字出处：附表“{sheet}”"


def _share(cell: Cell) -> Span:
    return cell.span("share")


def _name(text: object, *, bold: bool = False) -> Span:
    return Span(str(text) if text not in (None, "") else DASH, bold=bold)


def reach(rows: Sequence[Row]) -> list[Block]:
    """Say for each layer who is reached today, and where it is worst."""
    columns: Columns = [
        ("图层", "left", 2.0),
        ("怎样算够得着", "left", 2.3),
        ("站点", "right", 1.2),
        ("够得着", "right", 1.4),
        ("够不着的居民", "right", 2.3),
        ("有后备", "right", 1.4),
        ("最弱的市", "left", 2.0),
        ("够得着", "right", 1.4),
        ("最弱的县", "left", 2.2),
        ("够得着", "right", 1.4),
    ]
    made = [
        (
            row.kind.name(),
            row.within.span("said"),
            row.sites.span("count"),
            _bold(_share(row.share)),
            row.unserved.span("people"),
            _share(row.second_share),
            row.worst_city.name(),
            _share(row.worst_city_share),
            _worst(row.worst_county, row.worst_alike),
            _share(row.worst_county_share),
        )
        for row in rows
    ]
    bare = "、".join(str(row.kind.value) for row in rows if not row.sites)
    told = f"{bare}没有登记站点。" if bare else ""
    note = f"{told}有后备：最近的一处不能用时仍够得着的居民；步行的图层不算。{_where('概况')}"
    return _table("现状各图层的覆盖", columns, made, note)


def _bold(span: Span) -> Span:
    return Span(span.text, span.ref, True, span.quiet)


def _worst(name: Cell, alike: Cell) -> Span:
    """Say the worst county, the first of those that are as badly off."""
    many = isinstance(alike.value, int) and alike.value > 1
    return Span(f"{name.value}等") if name.known and many else name.name()


def gaps(rows: Sequence[Row], numbers: Mapping[Ref, int]) -> list[Block]:
    """List the largest gaps; those on the map carry its numbers."""
    columns: Columns = [
        ("图层", "left", 1.6),
        ("位置", "left", 5.0),
        ("够不着的居民", "right", 2.0),
        ("占该县", "right", 1.2),
        ("最近的站点", "left", 4.4),
        ("相距", "right", 2.0),
    ]
    made = [
        (
            row.kind.name(),
            Span(f"{_mark(numbers.get(row.name.ref))}{_place(row)}"),
            row.residents.span("people"),
            _share(row.of_county),
            row.nearest_site.name() if row.nearest_site else _name("没有站点到得了"),
            row.cost_text.span("said"),
        )
        for row in rows
    ]
    note = f"{'带圈的号码是地图上的号码；' if numbers else ''}相距从缺口的中部算起。{_where('缺口')}"
    return _table("最大的缺口", columns, made, note)


_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩"


def _mark(number: int | None) -> str:
    return "" if number is None else f"{_CIRCLED[number - 1]} "


def _place(row: Row) -> str:
    city, name = str(row.city.value or ""), str(row.name.value or "")
    return name if name.startswith(city) else f"{city}{name}"


def options(rows: Sequence[tuple[str, Row]], left_out: int) -> list[Block]:
    """Compare the options layer by layer: (who, row) each, layer by layer."""
    columns: Columns = [
        ("图层", "left", 1.7),
        ("方案", "left", 3.6),
        ("新增站点", "right", 1.6),
        ("新覆盖", "right", 1.9),
        ("失去", "right", 1.6),
        ("现状覆盖", "right", 1.6),
        ("方案覆盖", "right", 1.6),
        ("现状后备", "right", 1.6),
        ("方案后备", "right", 1.6),
        ("平均每处", "right", 1.7),
    ]
    made = [
        (
            row.kind.name(),
            _name(who),
            row.opened.span("count"),
            row.gained.span("people") if row.gained else _nobody(row.gained),
            _bold(row.lost.span("people")) if row.lost else _nobody(row.lost),
            _share(row.share_before),
            _bold(_share(row.share)),
            _share(row.second_before),
            _share(row.second_share),
            row.per_site.span("people"),
        )
        for who, row in rows
    ]
    rest = f"另有 {left_out} 行变化较小，见附表。" if left_out else ""
    if any(not row.share_before.known for _, row in rows):
        rest += "上限与现状不同的，不能与现状比（–）。"
    return _table("各方案与现状相比（在各图层的主要上限以内）", columns, made, f"{rest}{_where('方案')}")


def _nobody(cell: Cell) -> Span:
    return Span("无", cell.ref) if cell.known else cell.span("people")


def standards(rows: Sequence[Row]) -> list[Block]:
    """State how far is near enough, and who says so."""
    columns: Columns = [
        ("图层", "left", 1.6),
        ("主要上限", "left", 1.8),
        ("各档", "left", 3.6),
        ("量什么", "left", 3.2),
        ("可信度", "center", 1.2),
        ("来源", "left", 6.0),
        ("假设的取值", "right", 1.9),
    ]
    made = [
        (
            row.kind.name(),
            row.within.span("said"),
            row.limits.span("said"),
            row.measure.span("said"),
            row.grade.name(),
            row.source.span("said"),
            row.assumed.span("count"),
        )
        for row in rows
    ]
    note = f"假设的取值：可信度为 C 的取值个数，逐项列在附表“标准取值”。{_where('标准')}"
    return _table("各图层的标准", columns, made, note)


def targets(rows: Sequence[Row], scenario: str) -> list[Block]:
    """List the targets with what there is, and what a scenario reaches where one is named."""
    planned: Columns = [("方案达到", "right", 1.6)] if scenario else []
    columns: Columns = [
        ("目标", "left", 4.4),
        ("读法", "left", 3.8),
        ("单位", "left", 1.2),
        ("计划", "right", 1.4),
        ("已有", "right", 1.2),
        *planned,
        ("还差", "right", 1.4),
        ("说明", "left", 5.0),
    ]
    made = [
        (
            row.name.span("said"),
            row.reading.span("said") if row.reading else Span(""),
            row.unit.name(),
            row.plan.span("said"),
            row.built.span("count"),
            *([row.reached.span("count")] if scenario else []),
            row.left.span("count"),
            row.state.span("said"),
        )
        for row in rows
    ]
    told = f"方案：「{scenario}」，各方案中达到目标最多。" if scenario else ""
    return _table("计划目标（合并各年）", columns, made, f"{told}{_where('目标')}")


def sources(rows: Sequence[Row]) -> list[Block]:
    """List where the data come from; of the notes on a scenario the first, which describes it."""
    told: set[object] = set()
    made = []
    for row in rows:
        item = str(row.item.value)
        if item.endswith((" 标准", " 口径")) or (item.startswith("方案 ") and item in told):
            continue
        told.add(item)
        made.append((row.item.span("said"), row.content.span("said")))
    note = f"{_where('数据来源')}，各方案的其他说明也在那里"
    return _table("来源", [("项目", "left", 2), ("内容", "left", 8)], made, note)


def keys(rows: Sequence[Row]) -> list[Block]:
    """List the numbers of the results."""
    made = [(row.title.span("said"), row.key.span("said")) for row in rows]
    return _table("结果", [("方案", "left", 3), ("编号", "left", 7)], made, _where("结果编号"))


def trace(first: Sequence[Span]) -> list[Block]:
    """Say where the numbered figures of the text stand; two lists side by side."""
    lines = [
        (
            Span(str(one.number), quiet=True),
            Span(one.text, one.ref),
            Span(f"{one.ref.sheet}!{one.ref.cell}", quiet=True),
        )
        for one in first
        if one.ref is not None
    ]
    half = (len(lines) + 1) // 2
    blank = (Span(""), Span(""), Span(""))
    right = [*lines[half:], *([blank] * (2 * half - len(lines)))]
    three: Columns = [
        ("序号", "right", 1.0),
        ("数字", "left", 2.4),
        ("工作表和单元格", "left", 3.0),
    ]
    made = [(*own, *other) for own, other in zip(lines[:half], right, strict=True)]
    return _table(TRACE, [*three, *three], made)
