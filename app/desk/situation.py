"""How things stand for a question: who has nothing to send, what is tried, how far the road is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from ...coverage.nearest import Answer
from ...geodata.errors import InputError, Problem
from ...geodata.layers import KIND_NAMES, Kind
from ...geodata.registry import check_kind
from .cards import EMPTY, has_nothing, mark_text
from .parts import CHINA, SENT, Mark, WhatIf
from .roster import Roster
from .words import cut_off_line, measure

if TYPE_CHECKING:
    from .ground import Ground
    from .trial import Trial

CUT_OFF_M = 100.0
"""A point that meets the open network so much farther away than the whole one is cut off (假设)."""


MOST_EMPTY = 10
"""Sites without anything to send that an answer lists at most."""


def kind_of(text: str) -> Kind:
    """Read a layer whose help is sent, by code or Chinese name; raises ``InputError``."""
    chosen = check_kind(text)
    if chosen not in SENT:
        names = " 或 ".join(f"{name}({KIND_NAMES[name]})" for name in SENT)
        raise InputError(Problem("图层", f"这里只能查 {names}", KIND_NAMES[chosen], "请改用其中之一"))
    return chosen


def empty_rows(
    ground: Ground, kind: Kind, roster: Roster, what_if: WhatIf
) -> tuple[dict[int, str], frozenset[int]]:
    """Find the sites that have nothing to send: by the trial, by a mark, by a stock list of zeros.

    A mark that a site was asked and can send (可用) outweighs its stock list.

    Returns
    -------
    tuple
        Row → reason; and the rows of those that have something by their stock list.
    """
    sites, tried_ids = roster.sites, frozenset(what_if.empty)
    noted = (mark.id for mark in ground.marks.values() if mark.kind == kind)
    rows = {row for id_ in (*tried_ids, *noted) if (row := roster.row.get(id_)) is not None}
    reasons = {}
    for row in sorted(rows | roster.bare):
        id_ = str(sites[row]["id"])
        if reason := reason_empty(sites[row], ground.mark(kind, id_), is_tried=id_ in tried_ids):
            reasons[row] = reason
    return reasons, frozenset(reasons.keys() - roster.bare)


def reason_empty(site: Mapping[str, Any], mark: Mark | None, *, is_tried: bool = False) -> str:
    """Say why a site has nothing to send; empty where it may have."""
    if is_tried:
        return "假设为空 (试算)"
    if mark is not None:
        return mark_text(mark) if mark.state == EMPTY else ""
    dated = f" ({site['stock_date']})" if site.get("stock_date") else ""
    return f"库存填报全部为零{dated}" if has_nothing(site) else ""


def heading(ground: Ground, kind: Kind, now: datetime) -> dict[str, Any]:
    """Give what each answer about a type says of itself: when it was asked, of what data, what is closed."""
    return {
        "asked_at": now.astimezone(CHINA).isoformat(timespec="seconds"),
        "version": ground.version,
        "labels": list(ground.labels_of(kind)),
        "mode": ground.network.mode,
        "closures": [measure(one) for one in ground.overlay.measures],
    }


def place_now(place: Mapping[str, Any], city: str, answer: Answer, usual_m: float | None) -> dict[str, Any]:
    """Add to a place how far the road is, and whether that beside it is closed.

    Parameters
    ----------
    usual_m
        Straight metres to the road when nothing is closed; None where nothing is.
    """
    met = isfinite(answer.off_road_m)
    cut_off = usual_m is not None and answer.off_road_m > usual_m + CUT_OFF_M
    odd = cut_off_line("该点", answer.off_road_m) if cut_off and met else answer.warning
    return {
        "note": "",
        **place,
        "city": city,
        "off_road_m": round(answer.off_road_m, 1) if met else None,
        "warning": "; ".join(one for one in (place.get("outside", ""), odd) if one),
        "cut_off": cut_off,
    }


def tried(trial: Trial, what_if: WhatIf) -> dict[str, Any] | None:
    """Say what was tried; None where nothing was."""
    if not what_if:
        return None
    names = {site["id"]: site["name"] for site in trial.live.sites}
    return {
        "empty": [{"id": id_, "name": names.get(id_, id_)} for id_ in what_if.empty],
        "closed": [{"what": one.what, "edges": len(one.edges)} for one in trial.closed],
        "roads": list(what_if.roads),
        "edges": list(what_if.edges),
        "areas": [[list(corner) for corner in ring] for ring in what_if.areas],
    }
