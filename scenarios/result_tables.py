"""Tables of a result for people: CSV with Chinese headers and labels, safe to open as a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..geodata.export_table import neutral
from ..geodata.layers import KIND_NAMES
from . import counts

if TYPE_CHECKING:
    import pandas as pd

    from .run import Result

LABELS = "数据标注"
"""Header of the last column of every table: 示例数据, 近似路网, or empty."""

_UNIT = {"kind": "图层", "level": "级别", "code": "代码", "name": "名称", "city": "设区市"}
_SITE = {"kind": "图层", "id": "编号", "name": "名称", "county": "县区", "city": "设区市"}
_PLACE = {"lon": "经度", "lat": "纬度"}

HEADERS: Mapping[str, Mapping[str, str]] = {
    "汇总": {
        "kind": "图层", "sites": "站点数", "limit_text": "上限", "residents": "居民", "served": "已覆盖居民",
        "share": "覆盖比例", "p90_text": "九成居民在此以内", "second_share": "失去最近一处后仍在上限内的比例",
    },
    "覆盖": {
        **_UNIT, "limit_text": "上限", "residents": "居民", "served": "已覆盖居民", "share": "覆盖比例",
    },
    "缺口": {
        "kind": "图层", "rank": "次序", "name": "位置", "county": "县区", "city": "设区市",
        "residents": "未覆盖居民", "nearest_site": "最近站点", "nearest_id": "最近站点编号",
        "cost_text": "相距", "share": "占该县居民的比例", "places": "涉及地点",
        "barrier": "相邻而不相通的缺口", **_PLACE,
    },
    "改动": {
        "number": "序号", "action": "动作", **_SITE, "detail": "做法", "edges": "路段数(有向)",
        "residents": "居民变化", "year": "年份", "cost": "该项写明的费用",
    },
    "新增站点": {
        "kind": "图层", "year": "年份", "rank": "次序", "id": "编号", "name": "名称", "county": "县区",
        "city": "设区市", **_PLACE, "level": "级别", "gain": "新增覆盖居民", "cumulative": "累计新增覆盖",
        "share_after": "建成后全省比例",
    },
    "让出站点": {**_SITE, "level": "级别", "year": "年份"},
    "选址": {
        "kind": "图层", "years": "年份", "rule": "要求或规则", "planning": "分期方式", "p": "请求数量",
        "opened": "新设", "closed": "让出", "counts": "目标值的含义", "objective": "目标值(解)",
        "bound": "目标值(界)", "gap": "相对差距", "status": "求解状态", "stopped": "因何停止",
        "candidates": "候选点数",
        "limit_text": "上限", "note": "备注",
    },
    "分期对照": {
        "kind": "图层", "year": "年份", "order": "安排方式", "opened": "新设", "covered": "覆盖居民",
        "bound": "已证明的上界", "chosen": "是否采用",
    },
    "目标": {
        "name": "目标", "kind": "图层", "year": "年份", "scope": "范围", "level": "级别",
        "comparator": "比较", "planned": "计划", "planned_max": "计划上限", "unit": "单位",
        "binding": "约束性", "reading": "理解", "built": "当年建成", "reached": "已有",
        "left": "还差", "light": "状态灯", "state": "进度", "missing": "尚缺的单位",
        "ambiguity": "不明之处", "source": "来源",
    },
    "配置要求": {"rule": "要求", **_UNIT, "sites": "现有站点数", "minimum": "至少"},
    "时限": {
        "kind": "图层", "level": "仓库级别", "limit_min": "时限(分)", "readiness_min": "准备(分)",
        "sites": "站点数", "residents": "居民", "served": "时限内可到的居民", "share": "占居民的比例",
        "worst_min": "最远到达(分, 含准备)",
    },
    "费用": {
        "number": "改动序号(0: 选址)", "action": "动作", **_SITE, "year": "年份", "level": "级别",
        "sites": "站点数", "price": "单价", "unit": "费用单位", "source": "价格来源", "cost": "费用",
    },
}  # fmt: skip
"""Columns of each table that people read, with their headers; others are in the arrays only."""

_TABLES = {
    "汇总": "summary", "覆盖": "units", "改动": "done", "新增站点": "added", "让出站点": "given_up",
    "分期对照": "schedules", "目标": "targets", "配置要求": "admin", "时限": "compliance", "费用": "costs",
}  # fmt: skip

WORDS: Mapping[str, Mapping[Any, str]] = {
    "kind": dict(KIND_NAMES),
    "action": counts.WORDS,
    "rule": {
        "mclp": "最大覆盖", "lscp": "最少站点全覆盖", "partial": "最少站点覆盖一定比例", "backup": "双重覆盖",
        "expected": "期望覆盖", "p-median": "总路程最短", "p-center": "最远路程最短",
        "each_county": "每县一处", "each_city": "每市一处",
    },
    "planning": {"look_ahead": "各年统筹", "myopic": "逐年依次"},
    "order": {"look_ahead": "各年统筹", "myopic": "逐年依次", "final_first": "末年优先"},
    "status": {"optimal": "最优 (已证明)", "feasible": "可行 (差距见表)", "infeasible": "无解"},
    "comparator": {"=": "等于", ">=": "不少于"},
    "chosen": {True: "是", False: "否"},
}  # fmt: skip
"""Words for the codes in a column."""


def tables_of(result: Result) -> Iterator[tuple[str, str]]:
    """Write the tables of a result that have rows: (name, text of the CSV without the mark of UTF-8)."""
    import pandas as pd  # noqa: PLC0415 (slow to import)

    found = {name: getattr(result, attribute) for name, attribute in _TABLES.items()}
    gaps = [table.assign(kind=kind) for kind, table in result.gaps.items() if len(table)]
    found["缺口"] = pd.concat(gaps, ignore_index=True) if gaps else pd.DataFrame()
    found["选址"] = pd.DataFrame(result.plans)
    label = "、".join(result.provenance.get("labels", ()))
    for name in HEADERS:
        if len(found[name]):
            yield name, _csv(found[name], HEADERS[name], label)


def _csv(table: pd.DataFrame, headers: Mapping[str, str], label: str) -> str:
    names = [name for name in headers if name in table.columns]
    columns = [[_cell(name, value) for value in table[name].tolist()] for name in names]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*(headers[name] for name in names), LABELS])
    writer.writerows((*row, label) for row in zip(*columns, strict=True))
    return text.getvalue()


def _cell(name: str, value: Any) -> str:
    """Write a cell: words for codes, missing as empty, nothing that a spreadsheet program would run."""
    words = WORDS.get(name, {})
    if isinstance(value, str | bool) and value in words:
        return words[value]
    if value is None or str(value) in ("nan", "<NA>"):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return neutral(str(value))
