"""Between tables of sites (DataFrames) and records."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError, Problem
from ..layers import COLUMNS as TITLES
from ..layers import KIND_NAMES
from .records import COLUMNS, NUMBERS, OBJECTS, Record, dump, load_object, tidy

COMMON = tuple(name for name in COLUMNS if name not in (*OBJECTS, "example"))
"""The common attributes that have a column of their own."""

_ELSEWHERE = frozenset({"crs", "file", "sheet", "row", "revision", "geometry"})
"""Columns of an intake that say where a row came from; the registry keeps that per revision."""

_CHUNK = 20_000
_EXACT = 2.0**53


def patches(table: pd.DataFrame, kind: str) -> Iterator[list[dict[str, Any]]]:
    """Turn the rows of a table into what changes of each site, in chunks.

    Every column of the table is set, empty cells as None; ``attributes`` is a dict of the own attributes that
    the table has, so that the others stay. Raises ``InputError`` for a number column that holds no numbers.
    """
    names = [name for name in table.columns if name not in _ELSEWHERE]
    numeric = _own_attributes(kind) | {name: name in NUMBERS for name in COMMON}
    for start in range(0, len(table), _CHUNK):
        part = table.iloc[start : start + _CHUNK]
        columns = {str(name): _cells(str(name), part[name], numeric.get(name)) for name in names}
        own = {name: columns.pop(name) for name in list(columns) if name not in COLUMNS}
        if own:
            rows = zip(*own.values(), strict=True)
            columns["attributes"] = [dict(zip(own, values, strict=True)) for values in rows]
        yield [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _cells(name: str, column: pd.Series[Any], numeric: bool | None) -> list[Any]:
    """Turn one column into values that both stores can hold, None where there is nothing."""
    if numeric:
        numbers = _numbers(name, column)
        return numbers if name in NUMBERS else [_whole(number) for number in numbers]
    values = column.astype(object).to_list()
    if numeric is False:
        return _texts(values)
    if name == "example":
        return [True if plain(value) else None for value in values]
    if name == "extras":
        return [
            tidy(dump(plain(value))) if isinstance(value, Mapping) and value else None for value in values
        ]
    return [tidy(value) if isinstance(value, str) else plain(value) for value in values]


def _numbers(name: str, column: pd.Series[Any]) -> list[float | None]:
    try:
        values = pd.to_numeric(column.replace("", None), errors="raise").to_numpy("float64", na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(Problem(TITLES.get(name, name), "应为数字", str(error)[:60])) from None
    # Adding zero makes of -0.0 what SQLite makes of it.
    return [None if math.isnan(value) else value + 0.0 for value in values.tolist()]


def _whole(number: float | None) -> float | int | None:
    """Write whole numbers as such, whether or not other cells of their column are empty."""
    return int(number) if number is not None and number.is_integer() and abs(number) < _EXACT else number


def _texts(values: list[Any]) -> list[str | None]:
    texts = [value if type(value) is str else _text(value) for value in values]
    whole = "".join(text for text in texts if text)
    if tidy(whole) != whole:
        texts = [tidy(text) if text else text for text in texts]
    return [text or None for text in texts]


def _text(value: Any) -> str | None:
    simple = plain(value)
    if isinstance(simple, dict | list):
        return dump(simple) if simple else None
    return None if simple is None else str(simple)


def plain(value: Any) -> Any:
    """Turn a value into what JSON can hold: dataclasses and mappings into objects, dates into ISO text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str | bool | int):
        return value
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [plain(each) for each in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        value = value.date()
    return value.isoformat() if isinstance(value, date) else str(value)


def to_json(value: Any) -> str:
    """Write a value as JSON that both stores can hold."""
    return tidy(dump(plain(value)))


def table_of(records: Sequence[Record], revisions: Sequence[int], kind: str) -> pd.DataFrame:
    """Make the table of a layer: common attributes, own ones, ``extras``, ``example``, ``revision``.

    Missing text is empty, a missing number NaN; own attributes have the type that the schema gives them.
    """
    columns: dict[str, Any] = {}
    for name in COMMON:
        columns[name] = _column([record.get(name) for record in records], number=name in NUMBERS)
    own = [load_object(record.get("attributes")) for record in records]
    known = _own_attributes(kind)
    for name in [*known, *sorted({name for each in own for name in each} - set(known))]:
        values, number = [each.get(name) for each in own], known.get(name)
        columns[name] = pd.Series(values, dtype=object) if number is None else _column(values, number=number)
    columns["extras"] = pd.Series([load_object(record.get("extras")) for record in records], dtype=object)
    columns["example"] = pd.Series(["example" in record for record in records], dtype=bool)
    columns["revision"] = pd.Series(revisions, dtype="int64")
    return pd.DataFrame(columns)


def _column(values: list[Any], *, number: bool) -> pd.Series[Any]:
    if number:
        return pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").astype("float64")
    return pd.Series(["" if value is None else str(value) for value in values]).astype("str")


def titles_of_types() -> dict[str, str]:
    """Chinese names of all resource types by code, those that coverage is computed for first."""
    from ..types import load_types  # noqa: PLC0415 (reads YAML)

    titles: dict[str, str] = dict(KIND_NAMES.items())
    return titles | {code: each.title for code, each in load_types().items()}


def _own_attributes(kind: str) -> dict[str, bool | None]:
    """Name a type's own attributes in order: True for numbers, False for text, None for yes or no."""
    from ..types import load_types  # noqa: PLC0415 (reads YAML)

    known = load_types().get(kind)
    return {
        each.name: None if each.type == "bool" else each.type in ("integer", "number")
        for each in (known.own if known else ())
    }
