"""Dispatch: what an answer becomes once somebody decides: a message for a chat, a record, a number.

The sheet of paper is made in ``dispatch_sheet``. All is made from the answer that was shown, so that message,
sheet and log say the same as the screen did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from ...geodata.errors import InputError, Problem
from ...geodata.shown import shown
from ..console import stock
from .parts import CHINA
from .words import duration

MOST_SENT = 20
"""Sites on one order; also the most that an answer lists."""

MOST_ITEMS = 40
"""Items on one order, and per site."""

TITLES = {"warehouse": "备灾物资调度单", "team": "救援队调度单"}

_MOST_LINES = 19
_HEAD_LINES, _FOOT_LINES = 4, 2
_DAYS = ("", "次日 ", "第三日 ")
_Amounts = Mapping[str, int]


@dataclass(frozen=True)
class Decision:
    """What somebody decided on an answer."""

    chosen: tuple[str, ...]
    """Ids of the sites that are sent, in the order in which they shall be named."""
    at: datetime
    """Time of the order: arrivals count from here."""
    number: str = ""
    """Running number of the log; empty while nothing is recorded."""
    carry: Mapping[str, _Amounts] = field(default_factory=dict)
    """{site: {item: amount}}: what each brings."""
    need: Mapping[str, Any] = field(default_factory=dict)
    """persons, households, items {item: amount}, as far as they are known."""
    who: str = ""
    """Who gives the order."""
    note: str = ""


def number_of(day: date, running: int) -> str:
    """Make the number of a dispatch: boai's own running number of a day, which is no official numbering.

    Examples
    --------
    >>> number_of(date(2026, 11, 22), 7)
    '20261122-007'
    """
    return f"{day:%Y%m%d}-{running:03d}"


def next_number(at: datetime, taken: Iterable[str]) -> str:
    """Give the first number of a day (in China) after those that are taken; ask inside the transaction.

    Examples
    --------
    >>> late = datetime.fromisoformat("2026-11-22T17:30:00+00:00")  # already the 23rd in China
    >>> next_number(late, ["20261122-004", "20261123-001", "?"])
    '20261123-002'
    """
    day = at.astimezone(CHINA).date()
    start = f"{day:%Y%m%d}-"
    used = [int(text.removeprefix(start)) for text in taken if _is_number(text, start)]
    return number_of(day, 1 + max(used, default=0))


def _is_number(text: str, start: str) -> bool:
    rest = text.removeprefix(start)
    return text.startswith(start) and rest.isascii() and rest.isdigit() and len(rest) < 10


def cards_of(answer: Mapping[str, Any], chosen: Sequence[str]) -> list[Mapping[str, Any]]:
    """Find the cards of the chosen sites in an answer, in the order of the choice.

    Raises
    ------
    InputError
        None is chosen, one twice, more than ``MOST_SENT``, or one that the answer does not list.
    """
    if not 1 <= len(chosen) <= MOST_SENT:
        raise InputError(
            Problem("派出的站点", f"应选 1 到 {MOST_SENT} 处", str(len(chosen)), "请在结果中勾选")
        )
    if len(set(chosen)) < len(chosen):
        raise InputError(Problem("派出的站点", "同一站点选了两次", fix="请去掉重复的"))
    cards = {str(card["id"]): card for card in answer["sites"]}
    unknown = [one for one in chosen if one not in cards]
    if unknown:
        fix = "请重新查询, 在结果中勾选"
        raise InputError(
            [Problem("派出的站点", "没有这个站点, 或现在不可达", shown(one), fix) for one in unknown]
        )
    return [cards[one] for one in chosen]


def covering(
    ask: Callable[[int], Mapping[str, Any]], chosen: Sequence[str], *, k: int, most: int
) -> Mapping[str, Any]:
    """Answer a question so that all chosen sites are in it, also those that are now later than the k first.

    A road that another desk closes meanwhile puts others in front; what was decided is dispatched all the
    same, with the times of now. A site that cannot be reached any more stays out.

    Parameters
    ----------
    ask
        Answers the question for a number of sites.
    chosen
        Ids of the sites that are sent.
    k
        Number of sites that was asked for.
    most
        Number of all sites.
    """
    answer = ask(k)
    wanted = set(chosen)
    if most <= k or wanted <= {card["id"] for card in answer["sites"]}:
        return answer
    more = ask(most)
    there = {card["id"] for card in answer["sites"]} | wanted
    sites = [card for card in more["sites"] if card["id"] in there]
    features = [one for one in more["features"] if one["properties"]["id"] in there]
    return {**answer, "sites": sites, "features": features}


def of_plan(
    found: Mapping[str, Any], name: str = "first"
) -> tuple[dict[str, Any], dict[str, dict[str, int]], dict[str, Any]]:
    """Turn a plan for a need (`need.need`) into what is dispatched: (answer, carry, need).

    Parameters
    ----------
    found
        What is needed, and the plans for it.
    name
        ``first`` or ``fewest``.

    Raises
    ------
    InputError
        There is no such plan, or it has no store.
    """
    plan = found["plans"].get(name)
    if not plan or not plan["stores"]:
        raise InputError(Problem("方案", "没有可派的仓库", shown(name), "请改用 first 或 fewest, 或放宽需求"))
    answer = {**found, "kind": "warehouse", "sites": plan["stores"], "compliance": [], "changes": None}
    answer["notes"] = [plan["text"], *found["notes"]]
    carry = {str(store["id"]): dict(store["takes"]) for store in plan["stores"]}
    return answer, carry, {"persons": found["persons"], "items": dict(found["items"])}


def arrival(at: datetime, minutes: float | None) -> str:
    """Say when help arrives by the clock in China.

    Examples
    --------
    >>> night = datetime.fromisoformat("2026-11-22T23:10:00+08:00")
    >>> arrival(night, 45.2), arrival(night, 131), arrival(night, None)
    ('23:55', '次日 01:21', '不可达')
    """
    if minutes is None:
        return "不可达"
    begin = at.astimezone(CHINA)
    then = begin + timedelta(minutes=minutes)
    days = (then.date() - begin.date()).days
    day = _DAYS[days] if days < len(_DAYS) else f"{then.month}月{then.day}日 "
    return f"{day}{then:%H:%M}"


def day_and_time(at: datetime) -> str:
    """Write a moment in China's time as a document does.

    Examples
    --------
    >>> day_and_time(datetime.fromisoformat("2026-11-22T06:05:00+00:00"))
    '2026年11月22日 14:05'
    """
    local = at.astimezone(CHINA)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def need_line(need: Mapping[str, Any]) -> str:
    """Say what is needed in one line; empty where nothing was stated.

    Examples
    --------
    >>> need_line({"persons": 1200, "households": 300, "items": {"家庭包": 300}})
    '1,200 人, 约 300 户; 家庭包 300'
    """
    people = [f"{need['persons']:,} 人"] if need.get("persons") else []
    people += [f"约 {need['households']:,} 户"] if need.get("households") else []
    items = {shown(name): amount for name, amount in dict(need.get("items") or {}).items() if amount}
    return "; ".join(text for text in (", ".join(people), stock(items)) if text)


def text(answer: Mapping[str, Any], decision: Decision) -> str:
    """Write the dispatch as a message: plain text of fewer than 20 lines, telephone numbers on own lines.

    Parameters
    ----------
    answer
        What the desk answered (`answers.nearest`).
    decision
        What was chosen of it.

    Raises
    ------
    InputError
        See `cards_of`.
    """
    cards = cards_of(answer, decision.chosen)
    found = [*_head(answer, decision), *_senders(cards, decision), *_foot(answer)]
    return "\n".join(found)


def _head(answer: Mapping[str, Any], decision: Decision) -> list[str]:
    place, labels = answer["place"], answer["labels"]
    title = f"【{TITLES[answer['kind']]}】" + (f" 编号 {shown(decision.number)}" if decision.number else "")
    marks = f" ({'、'.join(map(shown, labels))})" if labels else ""
    needed = need_line(decision.need)
    lines = [
        f"{title}{marks}",
        f"送往: {shown(place['name'])} ({place['lon']:.5f}, {place['lat']:.5f}, WGS84)",
        f"需要: {needed}"[:200] if needed else "",
        f"下达: {day_and_time(decision.at)} {shown(decision.who)}".rstrip()
        + (f"; {shown(decision.note)}" if decision.note else ""),
    ]
    return [line for line in lines if line]


def _senders(cards: Sequence[Mapping[str, Any]], decision: Decision) -> list[str]:
    """Write as much of each site as the lines that are left allow; time, amounts and a number in any case."""
    room = _MOST_LINES - _HEAD_LINES - _FOOT_LINES
    for detail in (2, 1, 0):
        found = [line for rank, card in enumerate(cards, 1) for line in _sender(rank, card, decision, detail)]
        if len(found) <= room:
            return found
    kept = found[: room - 1]
    return [*kept, f"另有 {len(cards) - len(kept)} 处, 见调度单"]


def _sender(rank: int, card: Mapping[str, Any], decision: Decision, detail: int) -> list[str]:
    eta = card["eta_min"]
    line = f"{rank}. {shown(card['name'])}: "
    if eta is None:
        line += "不可达"
    else:
        line += f"预计 {arrival(decision.at, eta)} 到 ({duration(eta)}, {card['km']:.1f} 公里"
        roads = list(dict.fromkeys(shown(name) for name in card["roads"] if name))
        line += f", 经 {'、'.join(roads[:4])}" if roads and detail == 2 else ""
        line += ")"
    brought = carried(card, decision)
    if not detail:  # many sites: one line each, with what is sent and whom to call
        phone = shown(card.get("phone") or card.get("deputy_phone") or "")
        return ["; ".join([line, *([f"调出 {brought}"] if brought else []), *([phone] if phone else [])])]
    phones = [
        " ".join(part for part in (shown(card.get(name)), shown(card.get(phone))) if part)
        for name, phone in (("keeper", "phone"), ("deputy", "deputy_phone"))
        if card.get(phone)
    ]
    phones = phones[:detail] or ["电话未填"]
    return [line, *([f"   调出: {brought}"] if brought else []), *phones]


def carried(card: Mapping[str, Any], decision: Decision) -> str:
    """Say what a site brings; empty where that was not decided."""
    amounts = decision.carry.get(str(card["id"]), {})
    return stock({shown(name): amount for name, amount in list(amounts.items())[:MOST_ITEMS] if amount})[:200]


def _foot(answer: Mapping[str, Any]) -> list[str]:
    count = len(answer["closures"])
    roads = f"已计入封路或减速 {count} 条" if count else "未计入任何封路"
    trial = ", 含试算条件" if answer.get("what_if") else ""
    example = "; 号码为示例, 打不通" if any(card.get("example") for card in answer["sites"]) else ""
    return [f"{roads}{trial}; 时间为估计, 出发前请电话核实{example}", f"数据版本 {shown(answer['version'])}"]


def record(answer: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """Write what the log keeps of a dispatch: question, answer and decision, with the version of the data.

    Raises
    ------
    InputError
        See `cards_of`.
    """
    cards = cards_of(answer, decision.chosen)
    keys = (
        "id",
        "name",
        "rank",
        "eta_min",
        "readiness_min",
        "drive_min",
        "km",
        "status",
        "stock",
        "stock_date",
    )
    place = {key: answer["place"].get(key) for key in ("name", "lon", "lat", "system")}
    return {
        "at": decision.at.astimezone(CHINA).isoformat(timespec="seconds"),
        "number": decision.number,
        "who": decision.who,
        "note": decision.note,
        "place": place,
        "kind": answer["kind"],
        "asked_at": answer["asked_at"],
        "version": answer["version"],
        "labels": list(answer["labels"]),
        "need": dict(decision.need),
        "closures": [one["number"] for one in answer["closures"]],
        "what_if": answer.get("what_if"),
        "sites": [
            {
                **{key: card.get(key) for key in keys},
                "arrival": arrival(decision.at, card["eta_min"]),
                "carry": dict(decision.carry.get(str(card["id"]), {})),
            }
            for card in cards
        ],
        "listed": [
            {key: card.get(key) for key in ("id", "name", "eta_min", "status")} for card in answer["sites"]
        ],
    }
