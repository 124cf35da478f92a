"""Compliance: do first supplies arrive within the time that is asked of each level, from the order on?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...coverage.standards import Standard
from .roster import Roster
from .words import duration


def definition(standard: Standard) -> str:
    """Say what is checked; the rule is that of `coverage.summary.compliance_by_unit`."""
    if not standard.compliance:
        return ""
    limits = "、".join(f"{level}级 {duration(limit_s / 60)}" for level, limit_s in standard.compliance)
    return (
        f"达标: 从下令到第一批物资运抵 (含准备时间) 的时限为 {limits}; 按该级仓库中最先到的一处算, "
        "不论它在哪个县市, 与评估的达标检查同一口径"
    )


def compliance_at(standard: Standard, roster: Roster, eta_s: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Check each level that the standard asks a time of, at one place.

    A store counts for its own level, wherever it stands. The limit is inclusive.

    Parameters
    ----------
    roster
        Of the stores.
    eta_s
        (s,) seconds from the order to the arrival; inf where there is no way, or nothing to send.

    Returns
    -------
    list
        One entry per level, in the standard's order: level, limit_min, site, eta_min, met, late_min, text.
    """
    sites, levels = roster.sites, roster.level
    return [
        _entry(level, limit_s, sites, eta_s, levels == f"{level}级") for level, limit_s in standard.compliance
    ]


def _entry(
    level: str,
    limit_s: int,
    sites: Sequence[Mapping[str, Any]],
    eta_s: NDArray[np.float64],
    own: NDArray[np.bool_],
) -> dict[str, Any]:
    rows = np.flatnonzero(own)
    row = int(rows[np.argmin(eta_s[rows])]) if len(rows) else -1
    came = row >= 0 and bool(np.isfinite(eta_s[row]))
    late_s = float(eta_s[row]) - limit_s if came else 0.0
    entry = {
        "level": level,
        "limit_min": limit_s / 60,
        "site": {"id": sites[row]["id"], "name": sites[row]["name"]} if came else None,
        "eta_min": round(float(eta_s[row]) / 60, 1) if came else None,
        "met": came and late_s <= 0,
        "late_min": round(late_s / 60, 1) if came and late_s > 0 else None,
    }
    return {**entry, "text": _text(entry, bool(len(rows)))}


def _text(entry: Mapping[str, Any], some: bool) -> str:
    head = f"{entry['level']}级 {duration(entry['limit_min'])}内"
    if entry["site"] is None:
        return f"{head}: 不达标, " + (
            f"{entry['level']}级仓库不可达或已空" if some else f"没有{entry['level']}级仓库"
        )
    told = f"{head}: {entry['site']['name']} {duration(entry['eta_min'])}到达"
    if entry["met"]:
        return f"{told}, 达标"
    late = entry["late_min"] or 0.0
    return f"{told}, 不达标, 晚 {duration(late) if late >= 0.5 else '不到 1 分'}"
