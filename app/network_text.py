"""What a network is, and what was closed on it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..geodata.moments import shown
from . import console
from .desk.words import measure_line
from .network import MODES


def info_lines(found: Mapping[str, Any]) -> list[str]:
    """Say what a network is, line by line."""
    title = console.marked(f"路网 {found['folder']}", [found["label"]] if found["label"] else [])
    shown = [
        title,
        f"方式: {MODES.get(found['mode'], found['mode'])}    节点 {found['nodes']:,}    "
        f"有向路段 {found['edges']:,}    里程 {found['km_total']:,.1f} 公里    "
        f"有名道路 {found['named_roads']:,}",
    ]
    shown += [f"{word}: {found[key]}" for key, word in _FACTS.items() if found.get(key)]
    shown += _report_lines(found)
    shown += [f"封闭或减速 {measure_line(one)}" for one in found["closures"]]
    return shown


_COUNTED = {"ways": "条路", "nodes": "处", "edges": "个路段", "rows": "行"}
_SHOWN_PARTS = 3
_FACTS = {"source": "来源", "licence": "许可", "made": "数据日期", "parameters": "参数"}


def _report_lines(found: Mapping[str, Any]) -> list[str]:
    lines = _lengths("各等级里程 (公里)", found, "km")
    if found.get("oneway_km") is not None:
        lines.append(f"其中单行 {found['oneway_km']:,.1f} 公里")
    lines += _connection(found)
    for title, key in (("取舍", "choices"), ("没有收入", "left_out")):
        counted = sorted((found.get(key) or {}).values(), key=_size, reverse=True)
        lines += [f"{title}: {one['text']} ({_counts(one)})" for one in counted]
    return lines + _lengths("没有收入的等级 (公里; 需要的可用 --speeds 开放)", found, "closed_km")


def _lengths(title: str, found: Mapping[str, Any], key: str) -> list[str]:
    """Say the kilometres of each class by its Chinese name."""
    lengths, names = found.get(key), found.get("class_names")
    if not isinstance(lengths, dict) or not lengths:
        return []
    called = names if isinstance(names, dict) else {}
    parts = [f"{called.get(name, name)} {km:,.1f}" for name, km in lengths.items() if _is_number(km)]
    return [f"{title}: " + "; ".join(parts)]


def _connection(found: Mapping[str, Any]) -> list[str]:
    """Say what is cut off from the rest, and where the largest of it lies."""
    parts, strong = found.get("components") or {}, found.get("strong")
    lines = []
    if parts:
        lines.append(
            f"连通: 保留最大的一片; 另有 {parts.get('others_count', 0)} 片共 "
            f"{parts.get('others_km', 0):,.1f} 公里没有收入"
        )
    others = parts.get("others")
    numbers = [
        [one.get(key) for key in ("lon", "lat", "km")]
        for one in (others if isinstance(others, list) else [])[:_SHOWN_PARTS]
        if isinstance(one, dict)
    ]
    places = [f"{x:.4f},{y:.4f} ({km:,.1f} 公里)" for x, y, km in numbers if all(map(_is_number, (x, y, km)))]
    if places:
        lines.append("其中最大的在: " + "、".join(places))
    outside = strong.get("nodes_outside") if isinstance(strong, dict) else None
    if _is_number(outside) and outside:
        lines.append(f"能进不能出、或能出不能进的节点 {outside:,} 个 (多在范围边缘), 没有地点接到那里")
    return lines


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _size(one: Mapping[str, Any]) -> tuple[float, float]:
    """Order what was decided: most kilometres first, then what is counted at places."""
    return one.get("km", -1.0), max((one[key] for key in _COUNTED if key in one), default=0)


def _counts(one: Mapping[str, Any]) -> str:
    parts = [f"{one[key]:,} {word}" for key, word in _COUNTED.items() if key in one]
    return ", ".join([*parts, *([f"{one['km']:,.1f} 公里"] if "km" in one else [])])


def event_line(event: Mapping[str, Any]) -> str:
    """Say one line of the history of closures.

    Examples
    --------
    >>> event = {"at": "2026-07-01T10:00:00+00:00", "action": "close", "number": 3, "what": "道路 G105"}
    >>> event_line({**event, "reason": "", "who": "张三"})
    '2026-07-01 18:00  封闭 3号 道路 G105 (张三)'
    """
    words = {"close": "封闭", "slow": "减速", "reopen": "恢复", "expire": "到期恢复"}
    why = "; ".join(text for text in (event["reason"], event["who"]) if text)
    what = f"{words.get(event['action'], event['action'])} {event['number']}号 {event['what']}"
    return f"{shown(event['at'])}  {what}" + (f" ({why})" if why else "")
