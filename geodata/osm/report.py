"""The report of an import: what was read, chosen, left out and kept, in numbers that JSON can hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import CLASSES
from .rules import CODES

BUILD_CODES: Mapping[str, str] = {
    "way_split": "道路引用了文件中没有的节点 (多在文件范围边缘), 在此断开",
    "speed_by_direction": "两个方向的速度不同, 分别计时",
    "too_slow": "通行时间长得不合理, 按一周计",
    "no_length": "起点和终点是同一点的路段, 未采用",
}
"""Choices made while the graph is built, beside the rules' own ``CODES``."""

CLASS_NAMES: Mapping[str, str] = {
    "": "未知等级",
    "motorway": "高速公路",
    "motorway_link": "高速公路匝道",
    "trunk": "国道、快速路",
    "trunk_link": "国道、快速路匝道",
    "primary": "主干路",
    "primary_link": "主干路匝道",
    "secondary": "次干路",
    "secondary_link": "次干路匝道",
    "tertiary": "乡道/支路",
    "tertiary_link": "乡道/支路匝道",
    "unclassified": "村道",
    "residential": "居住区道路",
    "living_street": "生活街道",
    "service": "内部道路",
    "track": "土路、机耕路",
    "road": "未分级道路",
    "busway": "公交专用路",
    "pedestrian": "步行街",
    "footway": "人行道",
    "path": "小路",
    "cycleway": "自行车道",
    "bridleway": "马道",
    "steps": "台阶",
    "corridor": "通道",
    "ferry": "轮渡",
    "other": "其他",
}
"""Names of ``network.CLASSES`` in the report and, at most six characters, in the legends of maps."""

MOST_LISTED = 20
"""Components that are left out and listed one by one."""


def ways_by_code(rows: Iterable[tuple[str, int, float]]) -> dict[str, Any]:
    """Sum (code, ways, metres) by code: text, ways and kilometres, in the order of the codes."""
    total: dict[str, tuple[int, float]] = {}
    for code, ways, metres in rows:
        before = total.get(code, (0, 0.0))
        total[code] = (before[0] + ways, before[1] + metres)
    return {
        code: {"text": text_of(code), "ways": int(ways), "km": km(metres)}
        for code, (ways, metres) in sorted(total.items())
        if ways
    }


def nodes_by_code(rows: Iterable[tuple[str, int]]) -> dict[str, Any]:
    """Sum (code, nodes) by code: text and nodes, in the order of the codes."""
    total: dict[str, int] = {}
    for code, nodes in rows:
        total[code] = total.get(code, 0) + nodes
    return {code: {"text": text_of(code), "nodes": int(nodes)} for code, nodes in sorted(total.items())}


def text_of(code: str) -> str:
    """Say in Chinese what a code means."""
    return BUILD_CODES.get(code) or CODES.get(code, code)


def km(metres: float) -> float:
    """Turn metres into kilometres with three decimals."""
    return round(float(metres) / 1000, 3)


def by_class(metres: NDArray[np.float64]) -> dict[str, float]:
    """List the kilometres of each class that there is, from metres by position in ``CLASSES``."""
    return {CLASSES[at]: km(metres[at]) for at in np.flatnonzero(metres).tolist()}
