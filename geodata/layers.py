"""Layer: the sites of one resource type, and the resource types that boai knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE = "示例数据"
"""The label that every product of the example layers carries."""

Kind = Literal["aed", "home", "warehouse", "team", "training"]

KIND_NAMES: dict[Kind, str] = {
    "aed": "AED",
    "home": "博爱家园",
    "warehouse": "备灾仓库",
    "team": "救援队",
    "training": "培训基地",
}
"""Chinese names of the resource types, in the order in which they are listed."""

MAIN_KINDS: tuple[Kind, ...] = ("aed", "home", "warehouse", "team")
"""Resource types that are shown also where there is no site of them: that none is there is a finding."""

COLUMNS = {
    "id": "编号",
    "name": "名称",
    "county_code": "县级代码",
    "county": "县区",
    "city": "设区市",
    "lon": "经度",
    "lat": "纬度",
    "level": "级别",
    "host": "场所",
    "hours": "开放时间",
    "status": "状态",
    "year": "年份",
    "readiness_min": "响应准备(分)",
    "capacity": "容量",
    "stock": "库存",
    "stock_date": "库存日期",
    "parent": "上级仓库",
    "speciality": "专业",
    "members": "人数",
    "keeper": "保管人",
    "phone": "电话",
    "position": "位置精度",
    "source": "来源",
}
"""Attributes of a site and their Chinese headers. Missing text is empty, a missing number NaN.

hours is canonical text (see ``intake.hours``); capacity counts what its type says (AED: devices; store:
persons whom its goods supply; team: persons in one mission); parent is the name or id of the store that
refills a store.
"""

NUMBERS = ("lon", "lat", "year", "readiness_min", "capacity", "members")
"""Those of ``COLUMNS`` that are numbers (float64); all others are text."""


@dataclass(frozen=True)
class Layer:
    """The sites of one resource type, one row each, with the columns ``COLUMNS`` and WGS84 coordinates."""

    kind: Kind
    table: pd.DataFrame
    example: bool
    """True where the sites are synthetic: everything made of them is then marked 示例数据."""

    left_out: Mapping[str, int] = field(default_factory=dict)
    """Sites that are stored and do not count, by the reason (停用, 规划, 近似 …)."""

    @property
    def note(self) -> str:
        """What is stored and does not count, in a sentence; empty where all counts."""
        reasons = "、".join(f"{reason} {count}" for reason, count in self.left_out.items())
        return f"另有 {sum(self.left_out.values())} 处未计入 ({reasons})" if reasons else ""

    @property
    def label(self) -> str:
        """示例数据 where the layer is synthetic, else empty."""
        return EXAMPLE if self.example else ""


def shown_kinds(several: Iterable[Mapping[Kind, Layer]]) -> list[Kind]:
    """List the resource types to show, in order: the main ones, and others that any state has a site of.

    Parameters
    ----------
    several
        The layers of each state that is shown or compared, such as those of each result. Types that none of
        them knows are left out; sites that are stored and do not count (``left_out``) count here.
    """
    there = {kind for layers in several for kind, layer in layers.items() if _is_shown(layer)}
    return [kind for kind in KIND_NAMES if kind in there]


def _is_shown(layer: Layer) -> bool:
    return layer.kind in MAIN_KINDS or not layer.table.empty or bool(layer.left_out)
