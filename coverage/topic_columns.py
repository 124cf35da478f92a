"""How the tables of topics name their columns: what is minutes or metres ends in ``_min`` or ``_m``."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from .assessment import Assessment

UNIT = ("name",)
"""Columns that name a unit on a screen."""
WHERE = ("city", "name")
"""The same where units of several cities stand in one table."""


def in_units(assessment: Assessment, frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Turn columns of seconds or metres into minutes or metres, named so: ``{old: new without suffix}``."""
    scale, suffix = (60.0, "min") if assessment.drive else (1.0, "m")
    converted = {old: frame[old] / scale for old in columns}
    return frame.assign(**converted).rename(columns={old: f"{new}_{suffix}" for old, new in columns.items()})


def named(a: Assessment, frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Name columns that are minutes or metres already after their unit."""
    return frame.rename(columns={name: f"{name}_{'min' if a.drive else 'm'}" for name in names})
