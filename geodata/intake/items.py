"""A stock that stands in columns of its own items, 棉被 | 帐篷 | 折叠床, instead of in one cell."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types import ResourceType, normal
from .batches import Batch, batch
from .cells import Value, as_text, is_empty, tidy_text
from .figures import UNITS, read_number
from .model import Cells, RawTable
from .stocks import read_stock_text, write_stock
from .values import factorize

STOCK = "stock"
_UNIT = re.compile(r"[(\[【]\s*(?:单位[:：]?)?([^()\[\]【】]{1,4})[)\]】]\s*$")
_NO_ITEM = re.compile(
    "数量|品种|品名|名称|单位|日期|时间|备注|规格|型号|合计|小计|总|金额|单价|价值|序号|情况|说明|种类"
)
_GOOD_SHARE = 0.5
"""Share of the filled cells that must be numbers."""


def item_columns(table: RawTable, rtype: ResourceType, free: Mapping[str, bool]) -> dict[str, str]:
    """Find the columns that hold the number of one item each: header → item, with its measure if it has one.

    Parameters
    ----------
    free
        Headers that may be such columns; whether the user says so.

    Examples
    --------
    >>> from boai.geodata.types import load_types
    >>> cells = np.array([1200, None], object)
    >>> columns = {"物资库存/棉胎(床)": cells, "帐篷（顶）": cells, "大米(吨)": cells, "备注": cells}
    >>> table = RawTable("a.xlsx", "", "xlsx", columns, np.array([2, 3]))
    >>> item_columns(table, load_types()["warehouse"], dict.fromkeys(columns, False))
    {'物资库存/棉胎(床)': '棉胎', '帐篷（顶）': '帐篷', '大米(吨)': '大米(吨)'}
    """
    found = {}
    for header, told in free.items():
        name, unit = _named(_last(header))
        if (told and name) or (may_be_item(header, rtype) and _numbers(table.columns[header])):
            found[header] = name if UNITS.get(unit, "count") == "count" else f"{name}({unit})"
    return found


def may_be_item(header: str, rtype: ResourceType) -> bool:
    """Whether a header names an item of the type's stock: a known one, or one below 库存."""
    if STOCK not in {attribute.name for attribute in rtype.attributes}:
        return False
    known = {normal(text) for text in rtype.attribute(STOCK).items} if STOCK not in rtype.without else set()
    above = unicodedata.normalize("NFKC", tidy_text(header)).split("/")[:-1]
    name, _ = _named(_last(header))
    below = any(rtype.headers.get(normal(part)) == STOCK for part in above) and not _NO_ITEM.search(name)
    return bool(name) and (normal(name) in known or below)


def _last(header: str) -> str:
    """Last level of a header."""
    return unicodedata.normalize("NFKC", tidy_text(header)).rpartition("/")[2]


def _named(text: str) -> tuple[str, str]:
    """Item and unit of a header."""
    found = _UNIT.search(text)
    if not found:
        return text.strip(), ""
    return text[: found.start()].strip(), found[1].strip().lower()


def _numbers(cells: Cells) -> bool:
    """Whether most filled cells hold a number."""
    filled = [cell for cell in cells if cell is not None and not is_empty(as_text(cell).strip())][:200]
    good = sum(_count(cell, "", "x").value is not None for cell in filled)
    return bool(filled) and good >= _GOOD_SHARE * len(filled)


def _count(cell: Any, unit: str, item: str) -> Value:
    """Read the number of an item; the value is the JSON text of the item and its number."""
    text = tidy_text(cell)
    if is_empty(text) or isinstance(cell, bool):
        return Value()
    as_entry = read_stock_text(f"{item}:{text}") if not unit else Value()
    if as_entry.value and not as_entry.code:
        return Value(as_entry.value)
    read = read_number(cell, unit=unit or "件", whole=True)
    if read.value is None or read.value < 0:
        return replace(read, value=None, code="value_invalid", what=read.what or "不是数量", keep=True)
    name = f"{item}({unit})" if unit else item
    return replace(read, value=write_stock({name: int(read.value)}))


def read_items(
    table: RawTable, items: Mapping[str, str], stock: Cells | None
) -> tuple[Cells, list[Batch], dict[str, NDArray[np.bool_]]]:
    """Put the items of each row to the stock that the row has already.

    Returns
    -------
    Stock of each row, what is to be said, and of each header the rows that keep their cell as it was.
    """
    have: list[dict[str, int]] = [json.loads(text or "{}") for text in (stock if stock is not None else ())]
    rows = have or [{} for _ in range(table.n_rows)]
    batches: list[Batch] = []
    kept = {}
    for header, name in items.items():
        item, unit = _named(name)
        cells = table.columns[header]
        codes, unique = factorize(cells)
        values = [*(_count(cell, unit, item) for cell in unique), Value()]
        clash = np.zeros(table.n_rows, bool)
        entries = [
            next(iter(json.loads(value.value).items()), None) if value.value else None for value in values
        ]
        for row, code in enumerate(codes.tolist()):
            entry = entries[code]
            if entry is not None and rows[row].setdefault(*entry) != entry[1]:
                clash[row] = True
        batches += _told(header, cells, codes, values)
        what = "与库存一列里写的数量不同, 采用库存一列的"
        batches += batch(
            "value_invalid", clash, what=what, column=header, got=cells, fix="请核对; 原文已留在附加列"
        )
        kept[header] = np.array([value.keep for value in values])[codes] | clash
    made = np.array([*(write_stock(row) if row else None for row in rows), None], object)[:-1]
    return made, batches, kept


def _told(header: str, cells: Cells, codes: NDArray[np.int64], values: list[Value]) -> list[Batch]:
    """Say which cells were no numbers or only about one."""
    found: list[Batch] = []
    for code, text in (("value_invalid", "不是数量"), ("value_approximate", "写的是约数, 按其中的数字登记")):
        flags = np.array([value.code == code for value in values])[codes]
        fix = "请只写数字; 原文已留在附加列" if code == "value_invalid" else "请填写确切数字"
        found += batch(code, flags, what=text, column=header, got=cells, fix=fix)
    return found
