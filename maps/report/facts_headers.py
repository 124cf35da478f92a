"""Chinese headers and number formats of the report's own tables; others are those of all tables."""

from __future__ import annotations

from collections.abc import Mapping

from .. import columns

HEADERS: Mapping[str, str] = {
    "option": "方案序号(0: 现状)",
    "within": "怎样算够得着",
    "unserved": "够不着的居民",
    "unserved_share": "够不着的比例",
    "second_share": "失去最近一处后仍够得着的比例",
    "gaps": "缺口(片)",
    "gap_people": "缺口居民",
    "worst_city": "最弱的设区市",
    "worst_city_share": "最弱的设区市覆盖比例",
    "worst_county": "最弱的县",
    "worst_county_share": "最弱的县覆盖比例",
    "worst_alike": "同样弱的县(个)",
    "zero_counties": "无人够得着的县(个)",
    "served_before": "现状覆盖居民",
    "share_before": "现状覆盖比例",
    "points": "比现状(百分点)",
    "second_before": "现状失去最近一处后仍够得着的比例",
    "second_points": "同上, 比现状(百分点)",
    "touched": "有无变化",
    "plans": "选址(步)",
    "proven": "已证明最优(步)",
    "worst_gap": "离最优至多相差",
    "dominated": "是否被别的方案压倒",
    "by": "被哪些方案压倒",
    "apart": "未作比较的原因",
    "total": "新覆盖合计",
    "count": "新增站点",
    "first": "收益最大一处新覆盖",
    "last": "最后一处新覆盖",
    "last_share": "最后一处为最大一处的比例",
    "eighty": "前几处占新覆盖八成",
    "fading": "从第几处起不足最大一处的一成",
    "idle": "不带来新覆盖的站点",
    "less": "改动较少的方案",
    "more": "改动较多的方案",
    "more_sites": "多新增站点",
    "more_served": "多覆盖居民",
    "more_each": "多出的每处多覆盖",
    "all_cost": "费用合计",
    "all_unpriced": "未写明单价的行动",
    "priced": "写明单价的行动",
    "per_10k": "每新覆盖一万居民的费用",
    "targets": "目标(项)",
    "met": "已达到(项)",
    "split": "看怎么读(项)",
    "short": "还差(项)",
    "unknown": "不能判定(项)",
    "measure": "量什么",
    "limits": "各档上限",
    "grade": "可信度",
    "assumed": "属推断或假设的取值(项)",
    "values": "取值(项)",
    "item": "项目",
    "content": "内容",
    "key": "编号",
    "key_cited": "取值名称",
    "value_cited": "取值",
    "share_text": "最弱比例",
    "number": "序号",
    "figure": "数字",
    "where": "所在工作表",
    "at": "单元格",
    "runs": "重算次数",
    "same": "全部站点不变的次数",
    "regret": "坚持原方案至多少覆盖",
    "steadiest": "最稳的站点",
    "sentence": "说明",
    "worst_share": "最弱的县覆盖比例",
    "of_county": "占该县居民的比例",
    "cost": "费用",
    "cost_min": "路程(分)",
    "cost_m": "路程(米)",
}
"""Headers by the English name of a column."""

IN_SHEET: Mapping[str, Mapping[str, str]] = {
    "选址求解": columns.SOLVING,
    "目标": {"name": "目标", "plan": "计划要求", "planned": "计划下限"},
}
"""Headers that only hold in one sheet."""

FORMATS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "unserved_share", "second_before", "worst_city_share", "worst_county_share", "last_share",
            "worst_gap", "of_county",
        ),
        "0.0%",
    ),
    **dict.fromkeys(("points", "second_points"), "+0.0;-0.0;0.0"),
    **dict.fromkeys(("option", "number", "year"), "0"),
}  # fmt: skip
"""Number formats of columns that are not those of all tables."""


def header(name: str, sheet: str = "") -> str:
    """Give the header of a column; behind a colon stands a title that is the header.

    Examples
    --------
    >>> header("within"), header("served"), header("share:计划"), header("name", "目标")
    ('怎样算够得着', '覆盖居民', '计划', '目标')
    """
    column, _, title = name.partition(":")
    own = IN_SHEET.get(sheet, {}).get(column)
    return title or own or HEADERS.get(column) or columns.header(column) or column


def number_format(name: str) -> str:
    """Give the format by which a spreadsheet writes the numbers of a column."""
    column = name.partition(":")[0]
    return FORMATS.get(column) or columns.number_format(column)
