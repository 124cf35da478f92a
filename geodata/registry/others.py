"""The sites of the types that are no layer, such as host venues: read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Problem, WorkspaceError
from .reading import read_records
from .records import NUMBERS, Record, add_hashes, record_hash

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "id", "name", "lon", "lat", "county_code", "county", "city", "level", "host", "status", "year",
    "capacity", "example",
)  # fmt: skip
"""Columns of the tables: missing text is empty, a missing number NaN; example tells synthetic sites."""


class Others(Mapping[str, "pd.DataFrame"]):
    """Sites of every type of a registry that is no layer, by code: all of them, with their status.

    A province may register tens of thousands of schools and communities that a command never asks for, so a
    table is read when it is first used, and held against the hash that was stated when this was made: it is
    that of the same moment as the layers, or an error.

    Parameters
    ----------
    target
        Path of a registry's file, or the address of a server.
    stated
        Hash of the sites of each type that has any.
    """

    def __init__(self, target: Path | str, stated: Mapping[str, str]) -> None:
        self._target = target
        self._stated = dict(sorted(stated.items()))
        self._known: dict[str, pd.DataFrame] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._stated)

    def __len__(self) -> int:
        return len(self._stated)

    def __contains__(self, code: object) -> bool:
        return code in self._stated

    def __getitem__(self, code: str) -> pd.DataFrame:
        """Read a table; raises ``KeyError``, and ``WorkspaceError`` where its sites are others by now."""
        stated = self._stated[code]
        if code not in self._known:
            records = read_records(self._target, code)
            if add_hashes(*(record_hash(code, record) for record in records)) != stated:
                what = f"{code} 的站点在运行中被改动"
                raise WorkspaceError(Problem("登记库", what, fix="请再运行一次"))
            self._known[code] = _table(records)
        return self._known[code]


def _table(records: list[Record]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 (slow, and the emergency desk does without)

    rows = [[record.get(name) for name in COLUMNS] for record in records]
    table = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    texts = [name for name in COLUMNS if name not in (*NUMBERS, "example")]
    table[texts] = table[texts].fillna("")
    table["example"] = table["example"].notna()
    types = {
        name: "float64" if name in NUMBERS else "bool" if name == "example" else "str" for name in COLUMNS
    }
    return table.astype(types)
