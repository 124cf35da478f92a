"""Which sheet is to be drawn: theme, layer, scenario, unit, paper, files; and what its files are called."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

from ...geodata.layers import KIND_NAMES, Kind

Theme = Literal["layer", "gaps", "scenario", "comparison"]
Size = Literal["A4", "A3", "A1", "A0"]
Format = Literal["png", "pdf", "svg"]

THEMES: dict[Theme, str] = {"layer": "覆盖", "gaps": "缺口", "scenario": "方案", "comparison": "对比"}
"""What each theme is called on sheets and in file names."""
SIZES: tuple[Size, ...] = get_args(Size)
FORMATS: tuple[Format, ...] = get_args(Format)

_LONGEST = 24


@dataclass(frozen=True)
class Job:
    """One sheet."""

    theme: Theme
    kind: Kind
    scenario: str
    """Name of the result that is drawn; a comparison sets it against the baseline."""
    unit: str = ""
    """Six-digit code of a city or a county, "" for the province."""
    size: Size = "A3"
    formats: tuple[Format, ...] = ("png", "pdf")
    unit_name: str = ""
    """Name of the unit, for the name of the files; without it they bear its code, or 全省."""


def stem(job: Job) -> str:
    """Name the files of a sheet without their suffix.

    Letters, figures and Chinese characters stay; a name that had anything else, or is cut, gets a hash, so
    that two names never meet in one file.

    Examples
    --------
    >>> stem(Job("gaps", "warehouse", "baseline", "360424", unit_name="修水县"))
    '修水县_备灾仓库_缺口_A3'
    >>> stem(Job("scenario", "aed", "plan_2022", size="A0"))
    '全省_AED_方案_plan_2022_A0'
    """
    place = _safe(job.unit_name or job.unit or "全省")
    scenario = () if job.scenario == "baseline" else (_safe(job.scenario),)
    return "_".join((place, _safe(KIND_NAMES[job.kind]), THEMES[job.theme], *scenario, job.size))


def _safe(name: str) -> str:
    """Leave letters, figures, _ and Chinese characters of a name."""
    kept = "".join(mark for mark in name if mark == "_" or (mark.isalnum() and mark.isprintable()))[:_LONGEST]
    return kept if kept == name else f"{kept}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".lstrip("-")
