"""The emergency desk's question, from text to answer; numpy and the standard library only: a quick start."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..coverage.nearest import OFF_ROAD_M, Answer, Arrival, nearest_sites
from ..coverage.snap import ACCESS_DETOUR, ACCESS_KMH, attach
from ..geodata import gazetteer, outline
from ..geodata.errors import InputError, PlaceError, Problem
from ..geodata.layers import EXAMPLE, KIND_NAMES, Kind
from ..geodata.names import CITY, PROVINCE
from ..geodata.network import Network, load_network
from ..geodata.overlay import Measure, load_overlay, under
from ..geodata.registry import check_kind, read_sites, read_stock
from ..geodata.road_names import edges_of_roads
from .console import marked, moment, stock
from .roadbook import legs, sentence
from .standards import office_standards
from .workspace import open_workspace

_PAIR = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d+)?)\s*[,，;；\s]\s*([+-]?\d{1,3}(?:\.\d+)?)\s*")
_NUMBERS = re.compile(r"\d+\.\d|\d\s*[°度]|[东西]经|[南北]纬")
_CARD = (
    "id", "name", "level", "city", "county", "status", "position", "keeper", "phone", "speciality",
)  # fmt: skip
_SENT: tuple[Kind, ...] = ("warehouse", "team")
_MOST_MEASURES = 6
_MOST_LEGS = 6
_DIGITS = 7
_CUT_OFF_M = 100.0
"""A point that meets the open network so much farther away than the whole one is cut off (假设)."""
_MODES = {"heavy": "按重型车能走的道路和车速计算"}


def nearest(
    root: Path, at: str, *, kind: str = "warehouse", k: int = 3, avoid: Sequence[str] = ()
) -> dict[str, Any]:
    """Answer which k sites' help arrives first at a place.

    Parameters
    ----------
    root
        Workspace.
    at
        ``longitude,latitude`` in WGS84 degrees, or the name of a place.
    kind
        ``warehouse`` or ``team``, or the Chinese name.
    k
        How many sites.
    avoid
        Roads that are closed, by code or name: G60, 沪昆高速.

    Returns
    -------
    dict
        place, labels, closures that count, and one card per site; ``features`` are the ways of the cards as
        GeoJSON features, in the same order.

    Raises
    ------
    InputError
        Unknown layer, place or road, or a point outside the province, in one Chinese sentence each.
    """
    if k < 1:
        raise InputError(Problem("-k", "至少列出 1 处", str(k)))
    chosen = check_kind(kind)
    if chosen not in _SENT:
        names = " 或 ".join(f"{name}({KIND_NAMES[name]})" for name in _SENT)
        raise InputError(Problem("图层", f"这里只能查 {names}", KIND_NAMES[chosen], "请改用其中之一"))
    workspace = open_workspace(root)
    gaz = gazetteer.load(workspace.root / "gazetteer")
    place = _where(workspace.root, gaz, at)
    folder = workspace.root / "network"
    network = load_network(folder, verify="once")
    measures = load_overlay(folder, network)
    sites = read_sites(workspace.layers, chosen)
    closed, closed_names = edges_of_roads(network, avoid, where="--avoid")
    ready_s = office_standards(workspace.root).standards[chosen].mobilisation_s or 0
    answer = nearest_sites(
        under(network, measures),
        sites,
        lon=place["lon"],
        lat=place["lat"],
        k=k,
        closed=closed.tolist(),
        default_readiness_min=ready_s / 60,
    )
    changed = bool(measures.measures or len(closed))
    example = EXAMPLE if any(site["example"] for site in sites) else ""
    return {
        "place": place,
        "kind": chosen,
        "labels": [text for text in (network.label, example) if text],
        "mode": network.mode,
        "closed_roads": closed_names,
        "measures": [_measure(one) for one in measures.measures],
        **_told(answer, gaz, _cut_off(network, place, answer) if changed else [False] * (k + 1)),
        "unreached": _unreached(answer, sites, k),
    }


def _told(answer: Answer, gaz: gazetteer.Gazetteer, shut: Sequence[bool]) -> dict[str, Any]:
    """Write what was found; ``shut`` says of the point and each site that the road beside it is closed."""
    ranked = list(enumerate(answer.arrivals, 1))
    return {
        "off_road_m": answer.off_road_m,
        "cut_off": shut[0],
        "warning": answer.warning,
        "sites": [{**_card(rank, arrival, gaz), "cut_off": shut[rank]} for rank, arrival in ranked],
        "features": [_feature(rank, arrival) for rank, arrival in ranked],
    }


def _cut_off(network: Network, place: Mapping[str, Any], answer: Answer) -> list[bool]:
    met_m = [answer.off_road_m, *(arrival.off_road_m for arrival in answer.arrivals)]
    ends = [(place["lon"], place["lat"]), *((one.site["lon"], one.site["lat"]) for one in answer.arrivals)]
    return cut_off(network, ends, met_m)


def cut_off(network: Network, points: Sequence[tuple[float, float]], met_m: Sequence[float]) -> list[bool]:
    """Tell of which points the road beside them is closed: they now meet the network farther away.

    Parameters
    ----------
    network
        The network without closures.
    points
        (longitude, latitude), WGS84 degrees.
    met_m
        Straight metres at which each meets the network that is open.
    """
    lon, lat = zip(*points, strict=True)
    free = attach(network, lon, lat, detour=ACCESS_DETOUR, speed_kmh=ACCESS_KMH, cold=True)
    return [bool(now > before + _CUT_OFF_M) for now, before in zip(met_m, free.metres.tolist(), strict=True)]


def cut_off_line(what: str, metres: float) -> str:
    """Say that the road beside a point is closed, and how far it is to one that can be driven."""
    return (
        f"{what}旁边的道路已封闭, 最近能通行的道路在约 {metres / 1000:.1f} 公里外 (直线), "
        "这一段能否通过请先核实"
    )


def _where(root: Path, gaz: gazetteer.Gazetteer, text: str) -> dict[str, Any]:
    """Read coordinates or a place name; raises ``PlaceError`` for what lies outside or is unknown."""
    pair = _PAIR.fullmatch(unicodedata.normalize("NFKC", text)[:100])
    if pair is None:
        return named(gaz, text, where="--at")
    lon, lat = float(pair[1]), float(pair[2])
    area = outline.load_outline(root / "outline")
    if not outline.contains(area, lon, lat):
        swapped = outline.contains(area, lat, lon)
        fix = "经纬度可能写反了, 请按 经度,纬度 填写" if swapped else "请检查坐标, 经度在前, 纬度在后 (WGS84)"
        raise PlaceError(Problem("--at", f"该点不在{gaz.name[0]}范围内", f"{lon},{lat}", fix))
    label = str(gazetteer.label_points(gaz, np.array([lon]), np.array([lat]))[0])
    return {"name": label, "lon": lon, "lat": lat, "note": ""}


def named(gaz: gazetteer.Gazetteer, text: str, *, where: str) -> dict[str, Any]:
    """Find a named place that is small enough to drive to; raises ``PlaceError``."""
    if _NUMBERS.search(unicodedata.normalize("NFKC", text)[:100]):
        fix = "请按 经度,纬度 写两个十进制度数, 例如 115.86,28.69"
        raise PlaceError(Problem(where, "看不懂这个坐标", text[:40], fix))
    found = gazetteer.find_nearby(gaz, text)
    if found.level == PROVINCE:
        raise PlaceError(
            Problem(where, "范围太大, 请写到县或乡镇", found.name, "例如 修水县 或 修水县黄坳乡")
        )
    notes = [found.note]
    if found.level == CITY:
        notes.append(f"以{found.name}城区一点代表全市, 写到县区或乡镇更准")
    note = "; ".join(text for text in notes if text)
    return {"name": found.full_name, "lon": found.lon, "lat": found.lat, "note": note}


def _measure(one: Measure) -> dict[str, Any]:
    return {
        "number": one.number,
        "speed": one.speed,
        "what": one.what,
        "reason": one.reason,
        "since": one.since,
        "edges": len(one.edges),
    }


def measure_line(one: Mapping[str, Any]) -> str:
    """Say one closed or slowed road as the desk reads it out.

    Examples
    --------
    >>> measure_line({"number": 3, "speed": 0.5, "what": "道路 G105", "reason": "积水", "since": ""})
    '3号: 道路 G105 车速降为 50 % (积水)'
    """
    state = "封闭" if not one["speed"] else f"车速降为 {100 * one['speed']:.0f} %"
    since = one["since"] and f"{moment(one['since'])} 起"
    more = "; ".join(text for text in (one["reason"], since) if text)
    return f"{one['number']}号: {one['what']} {state}" + (f" ({more})" if more else "")


def _card(rank: int, arrival: Arrival, gaz: gazetteer.Gazetteer) -> dict[str, Any]:
    site = arrival.site
    passes = arrival.places or gazetteer.along(gaz, arrival.line)  # junctions of real roads have no names
    return {
        "rank": rank,
        **{key: site[key] or "" for key in _CARD},
        "lon": site["lon"],
        "lat": site["lat"],
        "eta_min": round(arrival.eta_s / 60, 1),
        "readiness_min": round(arrival.readiness_s / 60, 1),
        "readiness_assumed": arrival.readiness_assumed,
        "drive_min": round(arrival.drive_s / 60, 1),
        "km": round(arrival.metres / 1000, 1),
        "off_road_m": round(arrival.off_road_m, 1),
        "stock": read_stock(site["stock"]),
        "stock_date": site["stock_date"] or "",
        "passes": list(passes),
        "roads": list(arrival.roads),
        "stretches": [
            {"name": part.name, "metres": round(part.metres, 1), "class": part.road_class}
            for part in arrival.stretches
        ],
        "example": site["example"],
    }


def _feature(rank: int, arrival: Arrival) -> dict[str, Any]:
    """Draw the way of a site as a GeoJSON line, from road to road (RFC 7946: WGS84 degrees)."""
    site = arrival.site
    return {
        "type": "Feature",
        "geometry": {
            "type": "LineString",
            "coordinates": [[round(x, _DIGITS), round(y, _DIGITS)] for x, y in arrival.line.tolist()],
        },
        "properties": {
            "rank": rank,
            "id": site["id"],
            "name": site["name"],
            "eta_min": round(arrival.eta_s / 60, 1),
            "drive_min": round(arrival.drive_s / 60, 1),
            "metres": round(arrival.metres, 1),
            "roads": list(arrival.roads),
        },
    }


def _unreached(answer: Answer, sites: Sequence[Any], k: int) -> str:
    """Say in words when fewer sites than asked for can be reached."""
    if not sites:
        return "登记库里没有在用的站点"
    found = len(answer.arrivals)
    if found >= min(k, len(sites)):
        return ""
    return f"其余 {min(k, len(sites)) - found} 处不可达 (道路中断或没有道路相连)"


def duration(minutes: float) -> str:
    """Say minutes as hours and minutes.

    Examples
    --------
    >>> duration(92.4), duration(59.6)
    ('1小时32分', '1小时')
    """
    hours, rest = divmod(round(minutes), 60)
    return "".join([f"{hours}小时" if hours else "", f"{rest}分" if rest or not hours else ""])


def lines(answer: dict[str, Any]) -> Iterator[str]:
    """Write an answer as the desk reads it out."""
    place = answer["place"]
    where = f"{place['name']} ({place['lon']:.4f}, {place['lat']:.4f})"
    yield marked(f"{where} 最近的{KIND_NAMES[answer['kind']]}", answer["labels"])
    shut = cut_off_line("该点", answer["off_road_m"]) if answer["cut_off"] else ""
    notes = [place["note"], shut or answer["warning"], _MODES.get(answer["mode"], "")]
    if answer["closed_roads"]:
        notes.append("已按中断处理: " + "、".join(answer["closed_roads"]))
    notes += counted_lines(answer["measures"])
    yield from (f"  注意: {note}" for note in notes if note)
    for card in answer["sites"]:
        yield from _card_lines(card, answer["kind"])
    if answer["unreached"]:
        yield f"  {answer['unreached']}" if answer["sites"] else f"  没有可达的站点: {answer['unreached']}"


def counted_lines(measures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which closed and slowed roads an answer counts, the latest first where there are many."""
    shown = measures if len(measures) <= _MOST_MEASURES else list(measures)[:-_MOST_MEASURES:-1]
    rest = len(measures) - len(shown)
    said = ["已计入 " + measure_line(one) for one in shown]
    return said + ([f"另计入 {rest} 条封闭或减速, 见 boai network closures"] if rest else [])


def _card_lines(card: dict[str, Any], kind: str) -> Iterator[str]:
    ready = duration(card["readiness_min"]) + ("(默认值)" if card["readiness_assumed"] else "")
    yield f"{card['rank']}. {card['name']}  {card['level']}  {card['city']}{card['county']}"
    yield (
        f"   预计 {duration(card['eta_min'])}后到达 = 准备 {ready} + 行车 {duration(card['drive_min'])}, "
        f"{card['km']:.1f} 公里"
    )
    if card["position"] == "近似":
        yield "   注意: 登记的位置只是所在乡镇或县城的一点, 时间和里程不准, 请先电话核实"
    if card["cut_off"]:
        yield "   注意: " + cut_off_line("站点", card["off_road_m"])
    elif card["off_road_m"] > OFF_ROAD_M:
        yield (
            f"   注意: 登记的位置距最近的道路约 {card['off_road_m'] / 1000:.1f} 公里 (直线), "
            "时间和里程不准, 请先电话核实"
        )
    if card["stock"]:
        yield f"   库存 ({card['stock_date'] or '日期未填'}): {stock(card['stock'])}"
    elif kind == "warehouse":
        yield "   库存: 未填"
    if card["speciality"]:
        yield f"   专业: {card['speciality']}"
    keeper = f"{card['keeper']} " if card["keeper"] else ""
    yield f"   电话: {keeper}{card['phone'] or '未填'}" + (" (示例号码, 打不通)" if card["example"] else "")
    if card["passes"]:
        shown = card["passes"]
        middle = shown if len(shown) <= 12 else [*shown[:6], "…", *shown[-5:]]
        yield "   途经: " + " → ".join(middle)
    roads = legs((part["name"], part["metres"]) for part in card["stretches"])
    yield "   道路: " + (sentence(roads, most=_MOST_LEGS) if card["roads"] else "县乡道路")
