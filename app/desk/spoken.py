"""An answer as the desk reads it out: the lines of `boai nearest`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...coverage.nearest import OFF_ROAD_M
from ...geodata.layers import KIND_NAMES
from ..console import marked, stock
from ..roadbook import legs, sentence
from .cards import UNASKED
from .words import MODES, cut_off_line, duration, measure_line

_MOST_MEASURES = 6
_MOST_LEGS = 6
_MOST_PLACES = 12


def lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """Write an answer as the desk reads it out."""
    place = answer["place"]
    where = f"{place['name']} ({place['lon']:.4f}, {place['lat']:.4f})"
    yield marked(f"{where} 最近的{KIND_NAMES[answer['kind']]}", answer["labels"])
    shut = cut_off_line("该点", answer["off_road_m"]) if answer["cut_off"] else ""
    notes = [
        place["note"],
        place["outside"],
        place["water"],
        shut or answer["warning"],
        MODES.get(answer["mode"], ""),
    ]
    if answer["closed_roads"]:
        notes.append("已按中断处理: " + "、".join(answer["closed_roads"]))
    notes += [*counted_lines(answer["measures"]), *answer.get("notes", ())]
    yield from (f"  注意: {note}" for note in notes if note)
    for card in answer["sites"]:
        yield from _card_lines(card, answer["kind"])
    if answer["unreached"]:
        yield f"  {answer['unreached']}" if answer["sites"] else f"  没有可达的站点: {answer['unreached']}"
    yield from (f"  时限 {one['text']}" for one in answer.get("compliance", ()))


def counted_lines(measures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which closed and slowed roads an answer counts, the latest first where there are many."""
    shown = measures if len(measures) <= _MOST_MEASURES else list(measures)[:-_MOST_MEASURES:-1]
    rest = len(measures) - len(shown)
    said = ["已计入 " + measure_line(one) for one in shown]
    return said + ([f"另计入 {rest} 条封闭或减速, 见 boai network closures"] if rest else [])


def _card_lines(card: Mapping[str, Any], kind: str) -> Iterator[str]:
    ready = duration(card["readiness_min"]) + ("(默认值)" if card["readiness_assumed"] else "")
    across = "  (跨市)" if card["crosses_city"] else ""
    yield f"{card['rank']}. {card['name']}  {card['level']}  {card['city']}{card['county']}{across}"
    yield (
        f"   预计 {duration(card['eta_min'])}后到达 = 准备 {ready} + 行车 {duration(card['drive_min'])}, "
        f"{card['km']:.1f} 公里"
    )
    yield from (f"   注意: {warning}" for warning in _warnings(card))
    if card["status"] != UNASKED:
        yield f"   状态: {card['status']} ({card['status_why']})"
    yield from _goods(card, kind)
    if card["hours"]:
        yield f"   开放: {card['open_text']}"
    keeper = f"{card['keeper']} " if card["keeper"] else ""
    yield f"   电话: {keeper}{card['phone'] or '未填'}" + (" (示例号码, 打不通)" if card["example"] else "")
    if card["deputy"] or card["deputy_phone"]:
        yield f"   副保管人: {' '.join(text for text in (card['deputy'], card['deputy_phone']) if text)}"
    if card["passes"]:
        shown = card["passes"]
        middle = shown if len(shown) <= _MOST_PLACES else [*shown[:6], "…", *shown[-5:]]
        yield "   途经: " + " → ".join(middle)
    roads = legs((part["name"], part["metres"]) for part in card["stretches"])
    yield "   道路: " + (sentence(roads, most=_MOST_LEGS) if card["roads"] else "县乡道路")


def _warnings(card: Mapping[str, Any]) -> Iterator[str]:
    """Say why the times of a site may be wrong."""
    if card["position"] == "近似":
        yield "登记的位置只是所在乡镇或县城的一点, 时间和里程不准, 请先电话核实"
    if card["cut_off"]:
        yield cut_off_line("站点", card["off_road_m"])
    elif card["off_road_m"] > OFF_ROAD_M:
        away = f"登记的位置距最近的道路约 {card['off_road_m'] / 1000:.1f} 公里 (直线)"
        yield f"{away}, 时间和里程不准, 请先电话核实"


def _goods(card: Mapping[str, Any], kind: str) -> Iterator[str]:
    """Say what a site has, since when that is known, and whom it serves."""
    if card["stock"]:
        dated = card["stock_date"] or "日期未填"
        old = ", 请先核实" if card["stock_old"] else ""
        yield f"   库存 ({dated}{old}): {stock(card['stock'])}"
    elif kind == "warehouse":
        yield "   库存: 未填"
    if card["persons"]:
        yield f"   可保障: {card['persons']:,} 人 ({card['persons_origin']})"
    if card["speciality"]:
        yield f"   专业: {card['speciality']}"
