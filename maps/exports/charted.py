"""Workbooks of tables with charts, for the office and for the tables behind a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ...geodata.store import replacing
from .. import tables
from ..tables import Written
from ..workbook_charts import Chart

__all__ = ["Chart", "Written", "write_charted"]


def write_charted(
    path: Path,
    notes: Sequence[tuple[str, str]],
    frames: Mapping[str, pd.DataFrame | Written],
    charts: Sequence[Chart] = (),
) -> Path:
    """Write tables by their Chinese names as one workbook, with notes in front and charts on a sheet 图表.

    Parameters
    ----------
    path
        The file, which appears whole or not at all; its folder must be there.
    notes
        Rows of the sheet 说明: what it is about, and the text. That of 用途 stands on every printed page.
    frames
        Columns get their Chinese headers and formats by their English names; others keep theirs (see
        `columns`). Row r of a table (from 0) is line r + 2 of its sheet.
    charts
        They name sheets and columns as they are written, in Chinese; see `workbook_charts.Chart`.

    Raises
    ------
    ValueError
        A chart of a sheet or column that is not there.
    """
    written = [
        each if isinstance(each, Written) else tables.as_written(name, each) for name, each in frames.items()
    ]
    content = tables.workbook_of(notes, written, charts)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path
