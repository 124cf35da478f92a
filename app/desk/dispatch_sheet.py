"""The dispatch sheet of an answer: its texts, and the map below it, made once for a workspace."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ...geodata import datums
from ...geodata.errors import InputError, Problem
from ...geodata.shown import shown
from ..console import stock
from ..roadbook import legs, sentence
from ..workspace import boai_version
from .dispatch import MOST_ITEMS, TITLES, Decision, arrival, cards_of, carried, day_and_time
from .words import cut_off_line, duration, measure_line, whole_minutes

if TYPE_CHECKING:
    from ...maps.dispatch import Order, Sender
    from ...maps.dispatch_map import Backdrop
    from .ground import Ground

_MOST_LEGS, _MOST_PASSED, _MOST_CLOSURES, _MOST_NOTES, _MOST_CHANGES = 8, 12, 6, 4, 2
_MOST_LINES = 200
"""Closed lines on the map; more would only darken it."""
_JUNCTION = re.compile(r"(互通|枢纽)\d*$")
"""Names that only repeat the road; a driver is told the road and the towns."""
_OF_THE_PAGE = "灰色"
"""Begin of a note that explains how the page looks: the sheet says of each stock how old it is."""
_OFFICES = (("高德坐标", "GCJ-02"), ("百度坐标", "BD-09"))
_backdrops: dict[tuple[str, str], Backdrop] = {}
_making = Lock()

Row = tuple[str, str]


def sheet(
    ground: Ground,
    answer: Mapping[str, Any],
    decision: Decision,
    *,
    closed: Sequence[Sequence[Sequence[float]]] = (),
    fonts: Path | None = None,
) -> bytes:
    """Draw the dispatch sheet of an answer as a PDF.

    Parameters
    ----------
    ground
        The data that the answer was made from.
    answer, decision
        What was answered, and what was chosen of it.
    closed
        Lines of closed roads, (longitude, latitude) in degrees, for the map.
    fonts
        Cache folder of the derived font, by default one of the user's.

    Raises
    ------
    InputError
        See `dispatch.cards_of`.
    """
    from ...maps.dispatch import to_bytes  # noqa: PLC0415 (matplotlib is slow to import)

    made = order(answer, decision, closed=closed, as_of=ground.as_of)
    return to_bytes(made, backdrop_of(ground), fonts=fonts)


def backdrop_of(ground: Ground) -> Backdrop:
    """Return what lies under the maps of a workspace; made once, within seconds."""
    from ...geodata import boundaries  # noqa: PLC0415 (slow to import)
    from ...maps.dispatch_map import backdrop  # noqa: PLC0415

    key = str(ground.root.resolve()), str(ground.network.meta.get("hash", ""))
    with _making:
        if key not in _backdrops:
            made = backdrop(
                boundaries.load(ground.root / "boundaries.gpkg"), ground.network, ground.gazetteer
            )
            _backdrops.clear()  # an old network is not drawn again
            _backdrops[key] = made
        return _backdrops[key]


def has_font() -> bool:
    """Tell whether the font of the sheets is there."""
    from ...maps.fonts import has_dispatch_font  # noqa: PLC0415 (matplotlib is slow to import)

    return has_dispatch_font()


def prepare_font() -> subprocess.Popen[bytes]:
    """Derive the font of the sheets in a process of its own: some 15 s, once on a machine."""
    code = "from boai.maps.fonts import dispatch_font; dispatch_font()"
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL, **quiet)  # noqa: S603


def order(
    answer: Mapping[str, Any],
    decision: Decision,
    *,
    closed: Sequence[Sequence[Sequence[float]]] = (),
    as_of: str = "",
) -> Order:
    """Put an answer and a decision into the words of the sheet; raises ``InputError`` (`cards_of`)."""
    from ...maps.dispatch import Order  # noqa: PLC0415 (matplotlib is slow to import)

    cards, place = cards_of(answer, decision.chosen), answer["place"]
    ways = {feature["properties"]["id"]: feature["geometry"]["coordinates"] for feature in answer["features"]}
    return Order(
        title=TITLES[answer["kind"]],
        number=decision.number,
        at=f"{day_and_time(decision.at)} {decision.who}".rstrip(),
        place=place["name"],
        lon=place["lon"],
        lat=place["lat"],
        place_rows=_place_rows(answer),
        need_rows=_need_rows(decision),
        items=_items(decision, cards),
        senders=tuple(_sender(card, decision, ways.get(card["id"], [])) for card in cards),
        circumstances=tuple(_circumstances(answer, [card["name"] for card in cards if card["name"]])),
        labels=tuple(answer["labels"]),
        facts=_facts(answer, as_of),
        closed=tuple(np.array(line, float).reshape(-1, 2) for line in closed[:_MOST_LINES]),
    )


def _place_rows(answer: Mapping[str, Any]) -> tuple[Row, ...]:
    place = answer["place"]
    unit = f"{place.get('city') or ''}{place.get('county') or ''}"
    rows = [("行政区", "" if unit in place["name"] else unit)]
    rows.append(("WGS84", f"{place['lon']:.6f}, {place['lat']:.6f}"))
    for label, system in _OFFICES:
        lon, lat = datums.from_wgs84([place["lon"]], [place["lat"]], system=system)
        rows.append((label, f"{lon[0]:.6f}, {lat[0]:.6f}"))
    warning = place.get("warning") or answer.get("warning") or ""
    if place.get("cut_off"):
        warning = cut_off_line("该点", place["off_road_m"] or 0.0)
    said = [place.get("note"), place.get("water"), warning]
    rows += [("注意", str(text)) for text in said if text]
    return tuple(row for row in rows if row[1])


def _need_rows(decision: Decision) -> tuple[Row, ...]:
    need = decision.need
    people = f"{need['persons']:,} 人" if need.get("persons") else ""
    if need.get("households"):
        people += f", 约 {need['households']:,} 户"
    rows = (("人数", people), ("说明", decision.note))
    found = tuple(row for row in rows if row[1])
    return found if people or need.get("items") else (("需求", "未填写, 请电话商定"), *found)


def _items(decision: Decision, cards: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str, str, str], ...]:
    """List what is needed and sent, item by item; what nobody stated is empty, not zero."""
    needed = dict(decision.need.get("items") or {})
    sent: dict[str, int] = {}
    for card in cards:
        for name, amount in decision.carry.get(str(card["id"]), {}).items():
            sent[name] = sent.get(name, 0) + amount
    names = list(dict.fromkeys([*needed, *sent]))[:MOST_ITEMS]
    rows = []
    for name in names:
        short = needed.get(name, 0) - sent.get(name, 0) if sent else 0
        amounts = [f"{table[name]:,}" if name in table else "" for table in (needed, sent)]
        rows.append((name, *amounts, f"{short:,}" if short > 0 else ""))
    return tuple(rows)


def _sender(card: Mapping[str, Any], decision: Decision, way: Sequence[Sequence[float]]) -> Sender:
    from ...maps.dispatch import Sender  # noqa: PLC0415

    reached = card["eta_min"] is not None
    where = "".join(str(card.get(key) or "") for key in ("city", "county", "township"))
    address, hours = str(card.get("address") or ""), str(card.get("open_text") or card.get("hours") or "")
    return Sender(
        name=card["name"],
        what=" ".join(text for text in (card.get("level") or "", where, address, hours) if text),
        arrives=f"预计 {arrival(decision.at, card['eta_min'])} 到达" if reached else "不可达",
        takes=_takes(card) if reached else "道路中断或没有道路相连",
        rows=tuple(row for row in _sender_rows(card, decision) if row[1]),
        lon=card["lon"],
        lat=card["lat"],
        line=np.array(way, float).reshape(-1, 2),
    )


def _takes(card: Mapping[str, Any]) -> str:
    ready = duration(card["readiness_min"]) + (" (默认值)" if card["readiness_assumed"] else "")
    times = f"{duration(card['eta_min'])} = 准备 {ready} + 行车 {duration(card['drive_min'])}"
    return f"{times}, {card['km']:.1f} 公里"


def _sender_rows(card: Mapping[str, Any], decision: Decision) -> list[Row]:
    is_store = card["kind"] == "warehouse"
    brought = carried(card, decision)
    roads = legs((part["name"], part["metres"]) for part in card["stretches"])
    passed = [str(name) for name in card["passes"] if not _JUNCTION.search(str(name))]
    middle = passed if len(passed) <= _MOST_PASSED else [*passed[:6], "…", *passed[-5:]]
    stretched = sentence(roads, most=_MOST_LEGS) if roads else ""
    return [
        ("本次调出", brought or ("电话商定: ________________________________" if is_store else "")),
        ("现有库存", _stock(card) if is_store else ""),
        ("专业人数", "" if is_store else _team(card)),
        ("电话", _phones(card)),
        ("路线", stretched),
        ("途经", " → ".join(middle)),
        ("注意", "; ".join(_site_notes(card))),
    ]


def _stock(card: Mapping[str, Any]) -> str:
    if not card["stock"]:
        return "未填"
    old = ", 超过 90 天未更新, 请先核实" if card.get("stock_old") else ""
    return f"{stock(card['stock'])} (截至 {card.get('stock_date') or '日期未填'}{old})"


def _team(card: Mapping[str, Any]) -> str:
    members = (
        f"{card['members']:,} 人" if isinstance(card.get("members"), int) else str(card.get("members") or "")
    )
    vehicles = str(card.get("vehicles") or "")
    return ", ".join(text for text in (str(card.get("speciality") or ""), members, vehicles) if text)


def _phones(card: Mapping[str, Any]) -> str:
    """Write who has the key, then who stands in."""
    pairs = (("keeper", "phone", ""), ("deputy", "deputy_phone", "副手 "))
    found = [
        f"{role}{card.get(name) or ''} {card.get(phone) or '电话未填'}".strip()
        for name, phone, role in pairs
        if card.get(name) or card.get(phone)
    ]
    example = " (示例号码, 打不通)" if card.get("example") and found else ""
    return (";  ".join(found) or "电话未填") + example


def _site_notes(card: Mapping[str, Any]) -> list[str]:
    notes = [str(card.get("status_why") or "")] if card.get("status") in ("空", "不可达", "未核实") else []
    if card.get("position") == "近似":
        notes.append("登记的位置是近似的, 时间和里程不准")
    if card.get("cut_off"):
        notes.append(cut_off_line("站点", card["off_road_m"]))
    if card.get("crosses_city"):
        notes.append("跨设区市调运")
    if card.get("usual_eta_min") is not None:
        late = whole_minutes(card["eta_min"]) - whole_minutes(card["usual_eta_min"])
        notes.append(f"比平时{'晚' if late > 0 else '早'} {duration(abs(late))}" if late else "")
    return [text for text in notes if text]


def _circumstances(answer: Mapping[str, Any], sent: Collection[str]) -> list[tuple[str, str, bool]]:
    """Say closures, what they change, limits and what else the reader must know; what is missed in red."""
    closures = list(answer["closures"])
    said = [("封路", measure_line(one), False) for one in closures[:_MOST_CLOSURES]]
    if closures[_MOST_CLOSURES:]:
        said.append(("", f"另计入 {len(closures) - _MOST_CLOSURES} 条封闭或减速", False))
    if not closures:
        said.append(("封路", "没有登记的封闭或减速", False))
    if answer.get("what_if"):
        said.append(("试算", _trial(answer["what_if"]), True))
    changes = answer.get("changes") or {}
    first, *rest = [str(text) for text in changes.get("sentences", [])] or [""]
    more = [text for text in rest if not any(name in text for name in sent)]  # those are said of each site
    said += [("变化", first, False), ("", "; ".join(more[:_MOST_CHANGES]), False)]
    limits = [(str(one["text"]), one["met"] is False) for one in answer.get("compliance", [])]
    said += [("时限", "; ".join(text for text, late in limits if not late), False)]
    said += [("时限", text, True) for text, late in limits if late]
    notes = [str(text) for text in answer.get("notes", []) if not str(text).startswith(_OF_THE_PAGE)]
    said += [("说明", text, False) for text in notes[:_MOST_NOTES]]
    return [row for row in said if row[1]]


def _trial(what_if: Mapping[str, Any]) -> str:
    """Say what was only supposed: whoever signs must know that it is no fact."""
    named = [f"{one['name']} 为空" for one in what_if.get("empty") or ()]
    named += [f"{one['what']} 封闭" for one in what_if.get("closed") or ()]
    return f"本单按假设计算: {'、'.join(named) or '假定空仓或封路'}; 没有登记为事实"


def _facts(answer: Mapping[str, Any], as_of: str) -> str:
    parts = [f"数据版本 {answer['version']}", f"数据截至 {as_of[:16].replace('T', ' ')}" if as_of else ""]
    parts += [f"查询时间 {str(answer['asked_at'])[:16].replace('T', ' ')}", f"制单 boai {boai_version()}"]
    return " · ".join(part for part in parts if part)


def check_amounts(carry: Any) -> dict[str, dict[str, int]]:
    """Check {site: {item: amount}} from outside; raises ``InputError``."""
    whole: dict[str, dict[str, int]] = {}
    fix = "请写成 {站点: {物品: 数量}}, 数量为 0 到 1 亿的整数"
    if not isinstance(carry, Mapping):
        raise InputError(Problem("调出数量", "看不懂调出数量", shown(carry), fix))
    for site, items in carry.items():
        if not isinstance(items, Mapping) or len(items) > MOST_ITEMS:
            raise InputError(
                Problem("调出数量", f"每处应是物品和数量, 至多 {MOST_ITEMS} 种", shown(items), fix)
            )
        for name, amount in items.items():
            if type(amount) is not int or not 0 <= amount <= 10**8:
                raise InputError(Problem(f"调出数量 {shown(name)}", "数量不对", shown(amount), fix))
        whole[str(site)] = {str(name): amount for name, amount in items.items()}
    return whole
