"""Findings by the column: one kind in many rows, told one by one up to a limit, then summed up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..shown import shown
from .codes import CODES, finding
from .model import Cells, Finding, RawTable, Severity

MOST = 1000
"""Findings of one kind in one column that are told one by one."""

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """One kind of finding in some rows of a table."""

    code: str
    rows: Positions
    """(m,) positions of the rows, ascending."""
    what: str | Cells = ""
    """Chinese text for all rows, or (m,) texts; empty: the code's title."""
    column: str = ""
    got: Cells | None = None
    """(m,) cells as they were read."""
    fix: str = ""
    severity: Severity | None = None
    """None: the usual one of the code."""
    summed: bool = False
    """Whether one finding with the number of rows says all (notes on tidied cells)."""

    @property
    def level(self) -> Severity:
        """Severity that holds."""
        return self.severity or CODES[self.code][0]

    def text(self, position: int) -> str:
        """Text for the row at a position of ``rows``."""
        text = self.what if isinstance(self.what, str) else str(self.what[position])
        return text or CODES[self.code][1]


def moved(batch: Batch, positions: Positions) -> Batch:
    """Give a batch of a part of the rows the positions that these rows have in the whole."""
    return replace(batch, rows=positions[batch.rows])


def batch(
    code: str,
    flags: NDArray[np.bool_],
    *,
    what: str | Cells = "",
    column: str = "",
    got: Cells | None = None,
    fix: str = "",
    severity: Severity | None = None,
    summed: bool = False,
) -> list[Batch]:
    """Make a batch of the flagged rows, none where there are none; texts and cells are those of all rows."""
    rows = np.flatnonzero(flags)
    if not len(rows):
        return []
    text = what if isinstance(what, str) else what[rows]
    return [Batch(code, rows, text, column, None if got is None else got[rows], fix, severity, summed)]


def findings_of(batches: Sequence[Batch], table: RawTable) -> list[Finding]:
    """Write batches of one table as findings, in the order of its rows."""
    found = [each for one in batches for each in _tell(one, table)]
    return sorted(found, key=lambda each: each.row if each.row is not None else -1)


def _tell(one: Batch, table: RawTable) -> Iterator[Finding]:
    """Tell a batch row by row; what is beyond ``MOST`` in one finding with its number."""
    count = len(one.rows)
    for position in range(1 if one.summed else min(count, MOST)):
        what = one.text(position)
        if one.summed and count > 1:
            what += f", 共 {count} 行, 例如第 {table.row[one.rows[0]]} 行"
        yield finding(
            one.code,
            what,
            severity=one.level,
            file=table.file,
            sheet=table.sheet,
            row=None if one.summed and count > 1 else int(table.row[one.rows[position]]),
            column=one.column,
            got="" if one.got is None else shown(one.got[position]),
            fix=one.fix,
        )
    if count > MOST and not one.summed:
        what = f"{CODES[one.code][1]}: 另有 {count - MOST} 行同样的问题, 不再逐行列出"
        yield finding(
            one.code,
            what,
            severity=one.level,
            file=table.file,
            sheet=table.sheet,
            column=one.column,
            fix=one.fix,
        )
