"""Answers of the desk, as they come from ``answers.nearest``, made by hand: for what is built on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boai.app.desk.dispatch import Decision
from boai.app.desk.parts import CHINA

AT = datetime(2026, 11, 22, 14, 5, tzinfo=CHINA)


def make_card(number: int, **changed: Any) -> dict[str, Any]:
    """One store, fifteen minutes' driving further for each number."""
    card = {
        "rank": number,
        "id": f"w{number}",
        "kind": "warehouse",
        "name": f"第{number}仓库",
        "level": "县级",
        "city": "九江市",
        "county": "修水县",
        "township": "",
        "address": "东门路1号",
        "lon": 115.85 + 0.01 * number,
        "lat": 28.66,
        "eta_min": 60.0 + 15 * number,
        "readiness_min": 60.0,
        "readiness_assumed": False,
        "drive_min": 15.0 * number,
        "km": 10.0 * number,
        "off_road_m": 0.0,
        "cut_off": False,
        "crosses_city": False,
        "passes": ["甲镇", "乙互通", "丙乡"],
        "roads": ["G45 大广高速"],
        "stretches": [{"name": "G45 大广高速", "metres": 9000.0 * number, "class": ""}],
        "status": "可用",
        "status_why": "",
        "open_text": "开放至 18:00",
        "stock": {"家庭包": 352, "棉被": 704},
        "stock_date": "2026-10-01",
        "stock_old": False,
        "keeper": "王堃",
        "phone": f"1380000000{number}",
        "deputy": "李四",
        "deputy_phone": "0792-7220000",
        "speciality": "",
        "members": None,
        "vehicles": None,
        "position": "",
        "example": False,
        "delta_min": None,
    }
    return card | changed


def make_answer(count: int = 3, **changed: Any) -> dict[str, Any]:
    """Stores in a row east of a place in 南昌."""
    cards = [make_card(number) for number in range(1, count + 1)]
    lines = [[[card["lon"], card["lat"]], [115.86, 28.68], [115.85, 28.68]] for card in cards]
    answer = {
        "place": {
            "name": "江西省南昌市西湖区",
            "lon": 115.85,
            "lat": 28.68,
            "note": "",
            "city": "南昌市",
            "county": "西湖区",
            "system": "WGS84",
            "off_road_m": 0.0,
            "warning": "",
            "cut_off": False,
            "water": "",
        },
        "kind": "warehouse",
        "k": count,
        "asked_at": "2026-11-22T14:00:00+08:00",
        "version": "0123456789ab",
        "labels": [],
        "mode": "drive",
        "closures": [],
        "what_if": None,
        "sites": cards,
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "LineString", "coordinates": line},
                "properties": {"id": card["id"], "rank": card["rank"]},
            }
            for card, line in zip(cards, lines, strict=True)
        ],
        "unreached": {"count": 0, "names": []},
        "more": False,
        "compliance": [
            {"level": "县", "met": True, "text": "县级 6小时内: 第1仓库 1小时15分到达, 达标"},
            {"level": "省", "met": False, "text": "省级 10小时内: 不可达"},
        ],
        "changes": None,
        "notes": [],
    }
    return answer | changed


def make_decision(count: int = 3, **changed: Any) -> Decision:
    """The first stores are sent at once, each with the same."""
    chosen = tuple(f"w{number}" for number in range(1, count + 1))
    facts: dict[str, Any] = {
        "number": "20261122-001",
        "carry": {one: {"家庭包": 100} for one in chosen},
        "need": {"persons": 1200, "households": 300, "items": {"家庭包": 400, "帐篷": 20}},
        "who": "值班员赵六",
        "note": "先送家庭包",
    }
    return Decision(chosen, AT, **(facts | changed))
