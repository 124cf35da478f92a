"""Columns of the tables for the office: Chinese headers, words for codes, and how numbers are written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..coverage.opening import PERIODS
from ..coverage.states import STATES
from ..geodata.layers import COLUMNS, KIND_NAMES
from ..scenarios import compare, counts, differences, dominance, ranks, result_tables
from ..scenarios.ledger import targets

HEADERS: Mapping[str, str] = {
    **targets.HEADERS, **compare.HEADERS,
    "title": "方案", "scenario": "方案代码", "kind": "图层", "level": "级别", "code": "代码", "name": "名称",
    "city": "设区市", "county": "县区", "county_code": "县级代码", "limit": "上限(秒或米)",
    "limit_text": "上限", "rank": "次序", "cells": "网格数", "lon": "经度", "lat": "纬度",
    "nearest_site": "最近站点", "nearest_id": "最近站点编号", "cost": "相距(分钟或米)", "cost_text": "相距",
    "id": "编号", "gain": "新增覆盖居民", "cumulative": "累计新增覆盖", "share_after": "建成后全省比例",
    "sites": "站点数", "rule": "要求或规则", "minimum": "至少", "gap": "相对差距", "solver": "求解状态",
    "candidates": "候选地点数",
    "note": "备注", "p90_text": "九成居民在此以内", "second_share": "失去最近一处后仍在上限内的比例",
    "labels": "标注", "limit_min": "时限(分)", "readiness_min": "准备(分)",
    "worst_min": "最远到达(分, 含准备)",
    # Assessments
    **{code: text for code, text in STATES.items() if code != "served"},
    "site_id": "最近站点编号", "site_name": "最近站点", "least_text": "最近", "most_text": "最远",
    "band_text": "远近", "target_share": "应达到", "met": "是否达到", "short": "还差居民",
    "group_text": "人群", "without": "够不着的居民", "median_text": "半数居民在此以内",
    "mean_text": "平均", "longest_text": "最远", "beyond": "其中超出上限",
    "p50_text": "半数居民在此以内", "per_10k": "每万居民", "urban_residents": "城镇居民",
    "urban_served": "城镇已覆盖", "urban_share": "城镇覆盖率", "rural_residents": "乡村居民",
    "rural_served": "乡村已覆盖", "rural_share": "乡村覆盖率", "gap_points": "城乡差距(百分点)",
    "text": "说明", "topic": "类别", "variable_text": "指标", "left_out": "无法到达未计入", "mean": "平均",
    "gini": "基尼系数",
    "theil": "泰尔指数", "between_share": "单位间差异占比", "top_tenth": "最多一成所占",
    "bottom_half": "最少一半所占", "nothing_share": "为0的居民占比", "units": "单位数", "unit": "单位",
    "between": "单位之间", "within": "单位内部", "people_share": "居民累计占比",
    "value_share": "数值累计占比",
    "within_part": "对内部差异的贡献", "between_part": "对单位间差异的贡献", "ratio": "为全省平均的倍数",
    "without_share": "够不着的居民占比", "method": "方法", "need": "需求(人)", "in_reach": "其中够得着",
    "out_of_reach": "够不着", "shortfall": "缺口(人)", "origin": "容量来源", "capacity": "容量",
    "assigned": "已分配(人)", "unused": "剩余(人)", "used_share": "使用比例",
    "always_served": "全天开放时覆盖",
    "always_share": "全天开放时比例", "loss_text": "关门损失", "best_text": "覆盖最多的时刻",
    "best_share": "最多时比例", "worst_text": "最少或最差", "worst_share": "最少时比例", "hour": "周内小时",
    "hour_text": "时刻", "hours": "开放时间", "hours_open": "每周开放小时", "gain_hours": "每周多覆盖(人时)",
    "gain_mean": "平均多覆盖(人)", "cumulative_hours": "累计(人时)", "cumulative_mean": "累计多覆盖(人)",
    "of_ceiling": "占全部改造的比例", "site_county": "所在县区", "site_city": "所在设区市",
    "users": "以此为最近的居民", "users_served": "其中在上限内", "slower": "变远的居民",
    "added_mean": "平均增加", "added_max": "最多增加", "county_lost": "该县失去覆盖",
    "added_sum": "合计增加(人时)", "added_km": "合计增加(人公里)",
    "lost": "失去覆盖", "served_after": "之后覆盖", "own": "本县供给", "from_city": "市级枢纽供给",
    "from_province": "省级中心供给", "unmet": "未满足", "met_share": "满足比例", "in_time": "按时",
    "in_time_share": "按时比例", "hub": "枢纽", "deliver_to": "送到", "late_text": "迟到的",
    "upper": "上级仓库", "upper_text": "上级如何确定", "sent": "已发(人份)", "store": "仓库", "step": "环节",
    "store_id": "仓库编号", "persons": "人份", "minutes": "到达(分)", "label": "位置",
    "inside": "受淹区内居民",
    "inside_served": "其中原已覆盖", "outside": "区外居民", "road": "道路", "pieces": "段数",
    "at_least": "至少几处", "nth": "第几近", "failing": "未满足数", "names": "未满足的单位",
    "closing_rank": "撤点次序", "gross": "上限内居民", "sole": "只靠它的居民", "sole_share": "只靠它的比例",
    "by_one_other": "另有1处覆盖", "by_two_others": "另有2处覆盖", "by_more_others": "另有3处以上覆盖",
    "could_close": "可否撤", "loss_if_closed": "依次撤去时再失去", "lost_in_all": "累计失去",
    "sites_needed_low": "至少新建(处)", "sites_needed": "足够(处)", "one_reaches": "最佳一处可覆盖",
    "closes_share_of_one": "最佳一处占缺口比例", "best_place": "最佳地点", "best_lon": "最佳地点经度",
    "best_lat": "最佳地点纬度", "persons_to_supply": "需供给(人)", "unreached": "候选点都到不了的居民",
    "considered": "候选地点数", "places": "涉及地点", "barrier": "相邻而不相通的缺口",
    "reference": "参考", "figure": "数值", "confidence": "可信度",
    "other": "最好的替代点", "loss": "替代少覆盖", "fewer": "比最优少覆盖", "changed": "与本方案的不同",
    "length_km": "长度(公里)", "place": "位置", "person_hours": "合计增加(人时)",
}  # fmt: skip
"""Chinese headers of the tables' columns; a column that is not listed keeps its own name."""

_LOST_AT = {
    "county": "失去最多的县区", "city": "失去最多的设区市", "county_code": "失去最多的县级代码",
    "cut_off": "再没有站点可到的居民",
}  # fmt: skip
_ACTIONS = {
    "number": "改动序号(空: 选址)", "action": "动作", "sites": "站点数", "price": "单价", "unit": "费用单位",
    "source": "价格来源", "cost": "费用", "detail": "做法",
}  # fmt: skip
SOLVING = {{"status": "solver"}.get(name, name): text for name, text in result_tables.HEADERS["选址"].items()}
"""Columns that tell how the siting requests were solved, in their order; sites have a status, too."""
IN_TABLE: Mapping[str, Mapping[str, str]] = {
    "方案对比": compare.HEADERS,
    "分县变化": differences.HEADERS,
    "分市变化": differences.HEADERS,
    "选址排序": ranks.HEADERS,
    "选址求解": SOLVING,
    "改动": result_tables.HEADERS["改动"],
    "各年次序": result_tables.HEADERS["分期对照"],
    "支配关系": dominance.HEADERS,
    "费用": _ACTIONS,
    "行动": _ACTIONS,
    "分档": {"share": "占居民的比例"},
    "几处可达": {"met": "备份要求是否达到"},
    "远近": {"longest_text": "最远(到得了的)"},
    "人群": {"per_10k": "每万居民可得供给"},
    "泰尔单位": {"people_share": "占全省居民", "value_share": "占全省总量"},
    "可达性": {"per_10k": "每万居民可得供给"},
    "密度": {"per_10k": "每万居民站点数"},
    "配置要求": {"level": "单位级别"},
    "未满足单位": {"level": "单位级别", "sites": "现有站点数"},
    "时限达标": {"level": "仓库级别", "served": "时限内可到的居民", "share": "占居民的比例"},
    "时限未达标": {"served": "时限内可到的居民", "share": "占居民的比例", "worst_text": "最远到达(含准备)"},
    "保障缺口": {"served": "已保障(人)", "share": "保障比例", "no_capacity": "够得着但没有余量(人)"},
    "分级补给": {"in_time": "按时送到(人份)"},
    "发运清单": {"name": "送往", "persons": "数量(人份)"},
    "仓库发运": {"unused": "剩余(人份)"},
    "时段": {"worst_text": "覆盖最少的时刻"},
    "24小时柜次序": {"share_after": "改造后全周平均比例"},
    "失去站点": _LOST_AT,
    "最坏一处": {"share": "原覆盖比例", "share_after": "之后比例", "cut_off": _LOST_AT["cut_off"]},
    "要紧路段": _LOST_AT,
    "常用路段": _LOST_AT,
    "受淹影响": {"cut_off": _LOST_AT["cut_off"], "share_after": "之后比例"},
    "缺口": {"share": "占该县居民的比例"},
    "选址_新站点": {
        "label": "标注",
        "name": "建议位置",
        "twice": "新增两处可达居民",
        "mean": "平均多覆盖居民",
    },
    "选址_撤去": {"label": "标注"},
    "选址_其他方案": {"label": "标注"},
}
"""Headers that only hold in one table, by the name of the table."""

_COSTS: Mapping[str, str] = {
    "least": "最近", "most": "最远", "low": "自", "high": "至", "median": "半数居民在此以内",
    "p50": "半数居民在此以内", "p90": "九成居民在此以内", "mean": "平均", "longest": "最远(到得了的)",
    "worst": "最远", "cost": "相距", "mean_cost": "平均相距", "farthest_cost": "最远相距",
    "own": "本县最早到达", "city": "市级枢纽最早到达", "province": "省级中心最早到达",
    "via_hub": "省级经枢纽到达", "upper": "上级到达", "added_mean": "平均增加", "added_max": "最多增加",
}  # fmt: skip
_UNITS = {"min": "分", "m": "米"}
_PERIOD_COLUMNS = {"served": "覆盖", "share": "比例", "loss": "关门损失"}

WORDS: dict[str, dict[Any, str]] = {
    "action": counts.WORDS,
    **{name: dict(result_tables.WORDS[name]) for name in ("rule", "planning", "order")},
    "comparator": {"=": "等于", ">=": "不少于"},
    "solver": {"optimal": "最优 (已证明)", "feasible": "可行 (差距见左)", "infeasible": "无解"},
    "kind": dict(KIND_NAMES),
    "topic": {"density": "密度", "venue": "场所配置", "effect": "效果", "size": "规模", "response": "响应"},
}
"""Words for codes; ``=`` would otherwise be taken for a formula."""

HIDDEN = {"group", "variable", "band", "asked", "row", "edge"}
"""Columns for programs: not in the tables that people read."""

_HIDDEN_IN = {
    "远近": {"worst_min", "worst_m", "worst_text"},  # the farthest, or nothing where some reach no site
    "最远的地方": {"place", "label"},  # the name again
    "超出上限": {"least_m", "most_m"},  # from the centre of a cell that may be partly in reach
    "时限未达标": {"worst_text"},
}
_FIRST = ("rank", "closing_rank", "level", "code", "name", "city", "county")

NO_WAY = "无法到达"
"""What stands for an infinite cost."""

STATE_COLUMNS = frozenset(STATES) - {"served"}
"""Columns that count residents in a state."""

_SHARES = {
    "share", "share_after", "gap", "worst_share", "second_share", "target_share", "between_share",
    "top_tenth", "bottom_half", "nothing_share", "without_share", "used_share", "best_share", "of_ceiling",
    "met_share", "in_time_share", "sole_share", "closes_share_of_one",
    "people_share", "value_share", "urban_share", "rural_share", "good_share", "share_before", "open_share",
    "in_time_county", "in_time_city", "in_time_province",
    *(f"{kind}_{name}" for name in ("worst", "second") for kind in KIND_NAMES),
    "always_share", *(f"{period}_{each}" for period in PERIODS for each in ("share", "loss")),
}  # fmt: skip
_DEGREES = {"lon", "lat", "best_lon", "best_lat"}
_PLAIN = {"year", "rank", "closing_rank", "hour", "number"}
_FINE = {"gini", "theil", "between", "within", "within_part", "between_part", "per_10k", "ratio", "mean"}
_EXACT = _SHARES | _DEGREES | _FINE


def for_people(table: str, frame: pd.DataFrame, shown: Sequence[str]) -> pd.DataFrame:
    """Leave the columns that people read, units in front, then those of a screen, then the others.

    What is missing in all rows is left out, words for a number that stands there, and codes for programs.

    Examples
    --------
    >>> frame = pd.DataFrame({"row": [7], "p90_min": [3.2], "p90_text": ["4分钟"], "name": ["修水县"]})
    >>> list(for_people("远近", frame, ["p90_text"]))
    ['name', 'p90_min']
    """
    if "added_mean_m" in frame.columns:
        frame = frame.rename(columns={"added_sum": "added_km"})
    hidden = HIDDEN | _HIDDEN_IN.get(table, set())
    names = [name for name in frame.columns if name not in hidden]
    if len(frame):
        names = [name for name in names if not frame[name].isna().all()]
    if "target_share" in frame.columns and "target_share" not in names:
        names = [name for name in names if name != "short"]  # short of nothing
    numbers = {text: _number_of(text, names) for text in names if text.endswith("_text")}
    swapped = [numbers.get(name) or name for name in shown]
    own = IN_TABLE.get(table, {})
    first = [name for name in _FIRST if name in names and (name == "level" or name not in own)]
    order = dict.fromkeys((*first, *swapped, *names))
    return frame[[name for name in order if name in names and not numbers.get(name)]]


def _number_of(text: str, names: Collection[str]) -> str:
    """Find the column of numbers that a column of words repeats; empty where there is none."""
    stem = text.removesuffix("_text")
    if stem == "upper":  # how the upper store is found, not how far it is
        return ""
    return next((f"{stem}_{unit}" for unit in _UNITS if f"{stem}_{unit}" in names), "")


def header(name: str, table: str = "") -> str:
    """Give the Chinese header of a column (of a table); empty where it has none.

    Examples
    --------
    >>> header("share"), header("share", "分档")
    ('覆盖比例', '占居民的比例')
    >>> header("residents"), header("p90_min"), header("p90_m"), header("day_share"), header("x")
    ('居民', '九成居民在此以内(分)', '九成居民在此以内(米)', '工作时间比例', '')
    """
    if own := IN_TABLE.get(table, {}).get(name):
        return own
    stem, _, end = name.rpartition("_")
    if name in HEADERS or name in COLUMNS:
        return HEADERS.get(name) or COLUMNS[name]
    if stem in _COSTS and end in _UNITS:
        return f"{_COSTS[stem]}({_UNITS[end]})"
    if stem in PERIODS and end in _PERIOD_COLUMNS:
        return f"{PERIODS[stem].split(' ')[0]}{_PERIOD_COLUMNS[end]}"
    return ""


def number_format(name: str) -> str:
    """Give the format by which a spreadsheet writes the numbers of a column."""
    if name in _SHARES:
        return "0.0%"
    if name in _DEGREES:
        return "0.00000"
    if name in _FINE:
        return "#,##0.00"
    return "0" if name in _PLAIN else "#,##0"


def rounded(name: str, value: Any) -> int | float | None:
    """Round a number as its column needs it; nothing for NaN and infinity."""
    if not np.isfinite(value):
        return None
    if isinstance(value, int | np.integer) or name in _PLAIN:
        return int(value)
    return round(float(value), 6 if name in _EXACT else 2)


def is_cost(name: str) -> bool:
    """Tell whether a column holds minutes or metres to a site, infinite where there is no way.

    Examples
    --------
    >>> is_cost("p90_min"), is_cost("high_min"), is_cost("limit_min"), is_cost("share")
    (True, False, False, False)
    """
    stem, _, end = name.rpartition("_")
    return end in _UNITS and stem in _COSTS and stem not in ("low", "high")


def word(name: str, value: Any) -> str | None:
    """Give the word for a code; None where the column has no codes or the code no word."""
    return WORDS.get(name, {}).get(value) if pd.api.types.is_hashable(value) else None


def shown(name: str, value: Any) -> Any:
    """Prepare a value for a screen: shares as per cent, words for codes, numbers rounded.

    Examples
    --------
    >>> shown("share", 0.12345), shown("residents", 12), shown("kind", "aed"), shown("gini", 0.314159)
    ('12.3 %', 12, 'AED', '0.314')
    >>> shown("year", 2025.0)  # no thousands
    '2025'
    """
    said = word(name, value)
    if said is not None or isinstance(value, bool | np.bool_):
        return said or ("是" if value else "否")
    if isinstance(value, float | np.floating) and is_cost(name) and value == np.inf:
        return NO_WAY
    if isinstance(value, int | np.integer | float | np.floating):
        number = rounded(name, value)
        if number is None or isinstance(number, int):
            return str(number) if name == "year" and number is not None else number
        if name in _SHARES:
            return f"{100 * number:.1f} %"
        return f"{number:.3f}" if name in _FINE else number
    return value
