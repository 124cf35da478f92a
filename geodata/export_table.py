"""The columns of an exported file: registry values as cells that an import reads back as they were."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .intake.headers import KEPT, understand
from .intake.items import may_be_item
from .intake.stocks import format_stock
from .types import Attribute, ResourceType

if TYPE_CHECKING:
    import pandas as pd

RESERVED = frozenset({"fid", "ogc_fid", "geom", "geometry", "wkb_geometry", "rowid"})
"""Names of columns that geographic formats keep for themselves."""

_FORMULA = re.compile(r"[=+\-@|\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NUMBERS = ("integer", "number", "longitude", "latitude")
_CODES = ("id", "county_code", "serial")


@dataclass(frozen=True)
class Column:
    """One column: its header, and a cell per site: text, int, float or None."""

    name: str
    """Name of the attribute, empty for an extra."""
    header: str
    cells: list[Any]
    is_number: bool = False
    is_code: bool = False
    """Whether a spreadsheet program should show it as text: ids, codes, phones."""


def make_columns(
    sites: pd.DataFrame,
    rtype: ResourceType,
    *,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    system: str,
    example: str,
) -> tuple[Column, ...]:
    """Make the columns of all attributes of a type, with x and y as 经度 and 纬度, and of the extras.

    Parameters
    ----------
    x, y
        (n,) coordinates in ``system``, NaN where a site has none.
    example
        Label that the source of an example site carries.
    """
    given: dict[str, list[Any]] = {
        "lon": [_plain(value) for value in x.tolist()],
        "lat": [_plain(value) for value in y.tolist()],
        "crs": [None if np.isnan(value) else system for value in x.tolist()],
    }
    if "source" in sites and "example" in sites:
        pairs = zip(_values(sites["source"]), sites["example"].tolist(), strict=True)
        given["source"] = [_label(source, bool(mark), example) for source, mark in pairs]
    columns = [_attribute_column(sites, attribute, given) for attribute in rtype.attributes]
    extras = sites["extras"].tolist() if "extras" in sites else []
    return (*columns, *_extra_columns(extras, rtype))


def neutral(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet program would take for a formula.

    Plain numbers stay: they compute nothing.

    Examples
    --------
    >>> neutral("=1+1"), neutral("-5.2"), neutral("社区")
    ("'=1+1", '-5.2', '社区')
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def printable(text: str) -> str:
    """Drop control characters and broken surrogates, which no format holds."""
    return _UNPRINTABLE.sub("", text)


def _label(source: Any, mark: bool, example: str) -> Any:
    if not mark or (source and example in str(source)):
        return source
    return f"{example}; {source}" if source else example


def _attribute_column(sites: pd.DataFrame, attribute: Attribute, given: dict[str, list[Any]]) -> Column:
    name = attribute.name
    if name in given:
        cells = given[name]
    elif name in sites:
        write = _writer(attribute)
        cells = [None if cell is None else write(cell) for cell in _values(sites[name])]
    else:
        cells = [None] * len(sites)
    code = attribute.type == "phone" or name in _CODES
    return Column(name, attribute.title, cells, is_number=attribute.type in _NUMBERS, is_code=code)


def _writer(attribute: Attribute) -> Callable[[Any], Any]:
    """How a value of an attribute is written."""
    if attribute.type == "bool":
        return lambda cell: cell if isinstance(cell, str) else "是" if cell else "否"
    if attribute.type == "stock":
        return lambda cell: format_stock(str(cell))
    if attribute.type in _NUMBERS:
        return lambda cell: cell
    return str


def _values(series: pd.Series[Any]) -> list[Any]:
    """List the values of a column of a table, whatever stands for missing in it."""
    missing = series.isna().tolist()
    return [None if gone else _plain(cell) for cell, gone in zip(series.tolist(), missing, strict=True)]


def _plain(cell: Any) -> Any:
    """Turn a value of a table into text, int, float or bool; anything missing into None."""
    if cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return int(cell)
    if isinstance(cell, str):
        return printable(cell) or None
    return cell if isinstance(cell, (bool, int, float)) else printable(str(cell))


def _extra_columns(extras: list[Any], rtype: ResourceType) -> Iterable[Column]:
    """Make a column of every key that any site has, in the order of their first appearance."""
    rows = [extra if isinstance(extra, dict) else {} for extra in extras]
    taken = {*RESERVED, *rtype.headers}
    for key in dict.fromkeys(str(key) for row in rows for key in row):
        header = _extra_header(printable(key), rtype, taken)
        taken.add(header.casefold())
        yield Column("", header, [_extra_cell(row.get(key)) for row in rows])


def _extra_header(key: str, rtype: ResourceType, taken: set[str]) -> str:
    """Write a key as a header that no import takes for an attribute and that is unique whatever the case."""
    meant = bool(understand(key, rtype).attribute) or may_be_item(key, rtype)
    plain = key.casefold() not in taken and not key.startswith(KEPT) and not meant
    header = key if plain and key.strip() else KEPT + key
    while header.casefold() in taken:
        header += "_"
    return header


def _extra_cell(cell: Any) -> Any:
    value = _plain(cell)
    return ("是" if value else "否") if isinstance(value, bool) else value
