"""Columns of cells → values of an attribute, each unique cell converted once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..types import Attribute, normal
from .batches import Batch
from .cells import Value, invalid, is_empty, tidy_code, tidy_text
from .codes import CODES
from .dates import read_date, read_year
from .figures import read_number
from .hours import read_hours
from .model import Cells, Severity
from .phones import read_phone
from .stocks import read_stock_text

LONGEST = 2000
"""Characters of a free text that the registry keeps."""

_YES = frozenset({
    "是", "有", "对", "能", "可", "可以", "已", "已有", "已配", "已配备", "已联网", "同意", "愿意",
    "√", "✓", "✔", "☑", "○", "y", "yes", "true", "t", "1", "1.0", "on", "真", "正确", "需要", "具备",
    "开放", "支持",
})  # fmt: skip
_NO = frozenset({
    "否", "无", "没有", "没", "不", "不是", "不能", "不可", "不可以", "未", "未有", "未配", "未配备",
    "未联网", "不同意", "不愿意", "×", "✗", "✘", "✕", "x", "n", "no", "false", "f", "0", "0.0", "off",
    "假", "错", "不需要", "不具备", "不开放", "不支持", "暂无",
})  # fmt: skip


@dataclass(frozen=True)
class Column:
    """The values of one column."""

    values: Cells
    """(n,) text, float, bool, or None where there is no value."""
    batches: tuple[Batch, ...]
    keep: NDArray[np.bool_]
    """(n,) whether the cell goes to the extras as it was read."""


def factorize(cells: Cells) -> tuple[NDArray[np.int64], list[Any]]:
    """Number the different cells: (n,) positions in the list of unique cells, -1 for empty ones.

    1, 1.0 and True are different cells, as they may mean different things.

    Examples
    --------
    >>> factorize(np.array(["a", None, True, "a", 1], object))
    (array([ 0, -1,  1,  0,  2]), ['a', True, 1])
    """
    if pd.api.types.infer_dtype(cells, skipna=True) == "string":
        numbers, unique = pd.factorize(cells)
        return numbers.astype(np.int64), list(unique)
    known: dict[tuple[type, Any], int] = {}
    numbers = np.fromiter(
        (
            -1 if empty else known.setdefault((cell.__class__, cell), len(known))
            for cell, empty in zip(cells, pd.isna(cells), strict=True)
        ),
        np.int64,
        len(cells),
    )
    return numbers, [cell for _, cell in known]


def convert_column(cells: Cells, attribute: Attribute, *, header: str = "", factor: float = 1.0) -> Column:
    """Convert one column to the values of an attribute.

    What cannot be converted is an error where the attribute is required; otherwise the value is empty, a
    warning tells what stood there, and the cell is to be kept among the extras.

    Parameters
    ----------
    cells
        (n,) cells as read.
    header
        Header as it stands in the file, for the findings.
    factor
        From the unit that the header names to the attribute's unit.

    Examples
    --------
    >>> area = Attribute("area_m2", "面积(平方米)", "number", "面积", unit="平方米")
    >>> column = convert_column(np.array(["1,200㎡", "3亩", "很大"], object), area, header="面积")
    >>> column.values, [found.code for found in column.batches]
    (array([1200.0, 2000.0, None], dtype=object), ['value_cleaned', 'unit_converted', 'value_invalid'])
    """
    codes, unique = factorize(cells)
    read = reader(attribute, factor)
    values = [_in_range(read(cell), attribute) for cell in unique]
    made = np.empty(len(values) + 1, object)
    made[:-1], made[-1] = [value.value for value in values], None
    keep = np.array([*(value.keep for value in values), False])
    return Column(made[codes], tuple(_batches(cells, codes, values, attribute, header)), keep[codes])


def reader(attribute: Attribute, factor: float = 1.0) -> Callable[[Any], Value]:
    """Choose how cells of an attribute are read."""
    if attribute.name == "year":
        return read_year
    if attribute.type in ("integer", "number"):
        whole = attribute.type == "integer"
        return lambda cell: read_number(cell, unit=attribute.unit, factor=factor, whole=whole)
    if attribute.type == "choice":
        return lambda cell: read_choice(cell, attribute)
    plain: Mapping[str, Callable[[Any], Value]] = {
        "phone": read_phone,
        "date": read_date,
        "bool": read_bool,
        "hours": read_hours,
        "stock": read_stock_text,
    }
    return plain.get(attribute.type, read_text)


def read_text(cell: Any) -> Value:
    """Read free text; one that is too long is cut, and kept as it was among the extras."""
    text = tidy_text(cell)
    if len(text) > LONGEST:
        return Value(text[:LONGEST], "value_cleaned", f"文字过长, 只登记前 {LONGEST} 字", keep=True)
    return Value(text or None)


def read_bool(cell: Any) -> Value:
    """Read yes and no.

    Examples
    --------
    >>> [read_bool(cell).value for cell in ("是", "√", "×", "Y", 0, True, "", "也许")]
    [True, True, False, True, False, True, None, None]
    """
    if isinstance(cell, bool):
        return Value(cell)
    text = tidy_code(cell).casefold()
    if text in _YES or text in _NO:
        return Value(text in _YES)
    if found := re.fullmatch(r"(\d{1,4})[台个处套部]", text, re.ASCII):
        return Value(int(found[1]) > 0, "value_cleaned", keep=True)
    return Value() if is_empty(text) else invalid("应填 是 或 否", "请填 是 或 否")


def read_choice(cell: Any, attribute: Attribute) -> Value:
    """Read one of several values by its spellings."""
    shown, text = tidy_text(cell), tidy_code(cell).casefold()
    if value := attribute.choices.get(normal(text)):
        return Value(value, "" if value == shown else "value_cleaned")
    if is_empty(text) or (not attribute.allowed and not shown):
        return Value()
    known = "、".join(attribute.allowed)
    if attribute.open or not attribute.allowed:
        what = f"{attribute.title}不在常用值之内, 照原样登记" if known else ""
        return Value(
            shown[:LONGEST], "value_other" if known else "", what, f"常用值: {known}"[:200] if known else ""
        )
    return invalid(f"{attribute.title}应为 {known} 之一"[:120], "请改用其中之一")


def _in_range(value: Value, attribute: Attribute) -> Value:
    """Refuse a number outside the limits of its attribute."""
    number = value.value
    if not isinstance(number, float) or attribute.type not in ("integer", "number"):
        return value
    low, high = attribute.minimum, attribute.maximum
    if (low is None or number >= low) and (high is None or number <= high):
        return value
    limits = " 且".join(
        [f"不小于 {low:g}" for low in (low,) if low is not None]
        + [f"不大于 {high:g}" for high in (high,) if high is not None]
    )
    return Value(None, "value_range", f"{attribute.title}应{limits}", "请核对", keep=True)


def _batches(
    cells: Cells, codes: NDArray[np.int64], values: list[Value], attribute: Attribute, header: str
) -> list[Batch]:
    """Group the remarks on the unique cells by what they say."""
    kinds: dict[tuple[str, str, str], list[int]] = {}
    for number, value in enumerate(values):
        if value.code:
            kinds.setdefault((value.code, value.what, value.fix), []).append(number)
    batches = []
    for (code, what, fix), numbers in kinds.items():
        rows = np.flatnonzero(np.isin(codes, numbers))
        bad = code in ("value_invalid", "value_range")
        severity: Severity = "error" if bad and attribute.required else CODES[code][0]
        kept = "原文已留在附加列" if bad and not attribute.required else ""
        if kept and attribute.default is not None:
            kept = f"暂按 {attribute.default} 登记, {kept}"
        advice = "; ".join(text for text in (fix, kept) if text)
        batches.append(
            Batch(code, rows, what, header, cells[rows], advice, severity, summed=severity == "note")
        )
    return batches


def empty_value(attribute: Attribute) -> Any:
    """Value that stands for none in a table of sites: NaN for numbers, None for yes/no, else empty text."""
    if attribute.type in ("integer", "number", "longitude", "latitude"):
        return np.nan
    return None if attribute.type == "bool" else ""
