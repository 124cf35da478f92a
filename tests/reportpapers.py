"""Made-up reports for the writers of PDF and Word: every block, hostile texts, long tables, a drawing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from boai.maps import style
from boai.maps.report.lines import clean
from boai.maps.report.model import (
    Block,
    Bullets,
    Callout,
    Chart,
    Document,
    Heading,
    PageBreak,
    Paragraph,
    Ref,
    Span,
    Table,
)
from boai.maps.report.setting import Look
from boai.maps.report.trace import TRACE
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

TITLE = "江西省红十字会救灾物资布局决策报告"
SHARE, PEOPLE, SITES = Ref("覆盖", "C5"), Ref("覆盖", "D5"), Ref("方案对比", "B12")
TOLD = {SHARE: 1, PEOPLE: 2, SITES: 3}
"""Rows of the table 数字出处."""
DESCRIBED = "居民比例随新增站点增加的折线图"
REMARK = "山区道路,雨季可能中断;到县城中部的时间"

HOSTILE = (
    "</script><script>alert(1)</script>",
    "修水\u202e县\u2066\u200b的\ufeff站点",
    "\x00\x01\x08\x0b\x1b[31m红\x7f\x85",
    "\ufffe\uffff\ufdd0",
    "\ud83d半个字\udc00",
    "\ue000\ue009私用",
    "😀👩‍👩‍👧🇨🇳",
    "مرحبا שלום",
    "e\u0301" + "\u0301" * 40,
    "& &amp; &#x202e; <b>粗</b> ]]> <!-- <w:p/> <?xml?>",
    "\"引号' \\) Tj ET \\(( \\n",
    '=HYPERLINK("http://example.org","点")',
    "{0} {name} %s %(x)s ${PATH} $x^2$ \\frac{1}{2}",
    "a" * 900,
    "9" * 900,
    "，。；：！？）》」』" * 60,
    "（《「『【" * 60,
    "很长的一段话，没有尽头" * 200,
    "一\t二\r\n三\u2028四\u2029五\u3000六",
    " 两端 有空格 ",
    "   ",
    "",
)


def figure_of(text: str, ref: Ref, *, bold: bool = False) -> Span:
    """A figure of running text with the number of its row."""
    return Span(text, ref, bold=bold, number=TOLD[ref])


def reached() -> Paragraph:
    """A paragraph of several lines, with figures that say where they stand."""
    return Paragraph(
        (
            Span("全省约 "),
            figure_of("4518.9 万人", PEOPLE),
            Span(" 中，"),
            figure_of("76.5%", SHARE, bold=True),
            Span("在备灾仓库1小时车程以内"),
            Span("（按近似路网计算，未计红绿灯和收费站的等候）", quiet=True),
            Span(
                "。其余居民多住在赣西北和赣南的山区，其中修水县、铜鼓县、寻乌县的缺口最大，雨季道路可能中断。"
            ),
            Span("新增 "),
            figure_of("3 座", SITES),
            Span("县级站点以后，「够得着」的居民预计再多 30 万人；这些站点都靠近高速公路出口，"),
            Span("平时由县红十字会代管，", bold=True),
            Span(
                "汛期前由省红十字会统一补足帐篷、棉被和家庭箱，并与应急管理部门的仓库共用运力，以免重复储备。"
            ),
            Span("各县所需的物资数量另见说明。"),
        )
    )


def source_table() -> Table:
    """The table that tells where figures come from: the links of figures lead to its three rows."""
    rows = (
        ("1", "76.5%", SHARE, "备灾仓库1小时以内的居民比例"),
        ("2", "4518.9 万人", PEOPLE, "第七次全国人口普查的常住人口"),
        ("3", "3 座", SITES, "推荐方案新增的站点"),
    )
    return Table(
        TRACE,
        ("编号", "数字", "工作表", "单元格", "说明"),
        tuple(
            (Span(number, ref), Span(text), Span(ref.sheet), Span(ref.cell), Span(meaning))
            for number, text, ref, meaning in rows
        ),
        ("left", "left", "left", "left", "left"),
        (1, 2, 2, 1.5, 5),
        "工作表都在随报告附上的工作簿里。",
    )


def gap_table() -> Table:
    """A table with rows of several lines."""
    rows = (
        ("1", "修水县", "31.2 万人", "1小时34分钟", "九江市市级备灾仓库"),
        ("2", "铜鼓县", "8.7 万人", "1小时52分钟", "宜春市市级备灾仓库"),
        ("3", "寻乌县", "17.4 万人", "2小时5分钟", "赣州市市级备灾仓库"),
    )
    remark = "县城以北只有一条山区道路,雨季可能中断;所列时间到县城中部为止，到最远的村还要再加半小时。"
    return Table(
        "最大的缺口",
        ("名次", "县", "够不着的居民", "相距", "最近的站点", "说明"),
        tuple((*(Span(text) for text in row), Span(remark * 2, quiet=True)) for row in rows),
        ("right", "left", "right", "right", "left", "left"),
        (1, 2, 2, 2, 3, 6),
        "只列前三名；时间按近似路网计算。",
    )


def long_table(count: int) -> Table:
    """A table of many rows, every seventh of several lines."""
    names = ("修水县", "井冈山市")
    rows = tuple(
        (
            Span(str(number)),
            Span(names[number % 2]),
            Span(f"{number / 10:.1f} 万人"),
            Span("九江市市级备灾仓库"),
            Span(REMARK if number % 7 == 0 else "", quiet=True),
        )
        for number in range(1, count + 1)
    )
    return Table(
        "全部缺口",
        ("序号", "县", "居民", "最近的站点", "说明"),
        rows,
        ("right", "left", "right", "left", "left"),
        (1, 2, 2, 3, 2),
        "时间按近似路网计算。",
    )


def draw(width: float, height: float) -> Figure:
    """Draw what a chart or a map may hold: hatches, a clip, an image, transparency, dashes, turned text."""
    figure = Figure(figsize=(width / 25.4, height / 25.4), facecolor=style.PAPER)
    axes = figure.add_axes((0.16, 0.2, 0.8, 0.72))
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 1)
    axes.bar([1, 2.4], [0.85, 0.6], width=1.2, color=style.REACH[0], edgecolor=style.INK)
    axes.bar([1], [0.45], width=0.8, color="none", edgecolor=style.INK, hatch="/")
    axes.bar([3.8], [0.3], width=0.8, color="none", edgecolor=style.ACCENT, hatch="x", linewidth=1.5)
    axes.axhspan(0.1, 0.35, color=style.ACCENT, alpha=0.4, linewidth=0)
    axes.add_patch(Ellipse((6, 0.3), 2, 0.5, facecolor=(0, 0, 0, 0.5), edgecolor=style.INK, linewidth=2))
    across, up = np.linspace(6.6, 9.8, 40), np.tile([0.55, 0.65, 0.75, 0.85], 10)
    clipped = axes.scatter(across, up, s=120, c=style.INK)
    clipped.set_clip_path(Ellipse((8.2, 0.7), 2.6, 0.34, transform=axes.transData))
    shades = np.linspace(0, 1, 64).reshape(8, 8)
    axes.imshow(shades, extent=(7.8, 9.4, 0.12, 0.42), aspect="auto", cmap="gray", interpolation="nearest")
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 1)
    steps = np.linspace(0, 10, 60)
    axes.plot(steps, 1 - np.exp(-steps / 3), color=style.INK, linewidth=2)
    axes.plot(steps, 0.5 + 0.4 * np.sin(steps), color=style.ACCENT, linewidth=1.5, linestyle="--", alpha=0.7)
    axes.fill_between(steps, 0.9, 1.2, color=style.INK, alpha=0.6, linewidth=0)  # beyond the axes
    axes.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"], fontsize=8)
    axes.set_xticks([0, 5, 10], ["0", "5", "10"], fontsize=8)
    axes.set_xlabel("新增站点(座)", fontsize=9)
    axes.set_ylabel("居民比例", fontsize=9)
    axes.text(5, 0.5, "现状", rotation=30, fontsize=10, fontweight="bold", color=style.INK)
    return figure


def every_block() -> tuple[Block, ...]:
    """All blocks, in the order of a report."""
    halves = [Chart(title, draw, 84, 62, DESCRIBED, "虚线为现状。", half=True) for title in ("仓库", "队伍")]
    return (
        Heading("一、谁够得着"),
        reached(),
        Callout((Span("示例站点只供演示，", bold=True), Span("不得用于决策。"))),
        Paragraph((Span("做法如下："),)),
        Bullets(
            (
                (Span("先补 "), figure_of("3 座", SITES), Span("县级站点，再谈市级仓库的扩建。")),
                (Span("使 "), figure_of("76.5%", SHARE, bold=True), Span("的居民在汛期也够得着。")),
                (Span("涉及 "), figure_of("4518.9 万人", PEOPLE), Span("，", quiet=True), Span("逐县核对。")),
            ),
            numbered=True,
        ),
        *halves,
        Heading("二、缺口在哪里"),
        reached(),
        Bullets(
            (
                (Span("赣西北："), figure_of("76.5%", SHARE), Span("以外的居民大多在这里。")),
                (Span("赣南：新增的 "), figure_of("3 座", SITES), Span("中有一座在寻乌县。")),
            )
        ),
        Chart("全省地图", draw, 174, 190, f"全省{DESCRIBED}", "审图号待定。"),
        PageBreak(),
        Heading("附录"),
        gap_table(),
        PageBreak(),
        Heading("每个数字从哪里来", 2),
        source_table(),
    )


def made_up(blocks: Sequence[Block] | None = None, title: str = TITLE) -> Document:
    """A report of some blocks, or with every block."""
    return Document(
        title,
        "现状与推荐方案的对比",
        style.STAMP,
        ("示例数据", "近似路网"),
        "2026年1月1日",
        every_block() if blocks is None else tuple(blocks),
        "boai 0.1 · 结果 3f2a9c",
    )


def hostile() -> Document:
    """A report whose texts come from somebody who means harm: each of them in every place."""
    blocks: list[Block] = []
    for place, text in enumerate(HOSTILE):
        ref = Ref(text, text)
        number = place + 1 if clean(text).strip() else 0  # a figure is never blank
        span = Span(text, ref, bold=place % 2 == 0, quiet=place % 3 == 0, number=number)
        blocks += [
            Heading(text[:600], 1 if place % 2 else 2),  # no page cuts a heading
            Paragraph((span,)),
            Paragraph((Span(text), Span("居民"), span, Span(text, quiet=True))),
            Bullets(((span,), (Span(text), span)), numbered=place % 2 == 0),
            Callout((span,)),
        ]
    cells = tuple((Span(text), Span(text, Ref(text, text)), Span("1小时34分钟")) for text in HOSTILE)
    blocks.append(Table(TRACE, HOSTILE[:3], cells, ("left", "right", "center"), (1, 0, 5), HOSTILE[0]))
    for text in HOSTILE:
        headers = (text, "县", text)
        blocks += [
            Table(text, headers, (), ("left", "left", "right"), (1, 1, 1), text),
            Table(text, headers, ((Span(text),) * 3,) * 3, ("left", "left", "right"), (0, 0, 0), text),
        ]
    for text in (HOSTILE[0], HOSTILE[2], HOSTILE[17]):
        blocks.append(Chart(text, draw, 84, 60, text, text, half=True))
    blocks += [Bullets(()), Paragraph(()), Callout(()), PageBreak(), PageBreak()]
    return Document(
        "\x00</title>\u202e" + HOSTILE[17][:300],
        HOSTILE[2] + HOSTILE[0],
        HOSTILE[9] * 3,
        (HOSTILE[0], HOSTILE[1], HOSTILE[13], HOSTILE[7]),
        HOSTILE[18],
        tuple(blocks),
        HOSTILE[10] + HOSTILE[4] + HOSTILE[3],
    )


def look() -> Look:
    """A look whose lines are easily reckoned: ten points for each character."""
    return Look(10, 15)
