"""Print answers in a terminal: tables with Chinese headings, one sentence per error, or JSON for machines."""

from __future__ import annotations

import json
import math
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any

Row = Mapping[str, Any]

_DEGREES = ("lon", "lat")


def jsonable(value: Any) -> Any:
    """Turn numpy scalars, tuples and paths into what JSON holds; not-a-number and infinity become null."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, Sequence):
        return [jsonable(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if not isinstance(value, int | PurePath):
        raise TypeError(f"{type(value).__name__} is nothing that JSON holds")
    return value if isinstance(value, int) else str(value)


def print_json(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(jsonable(value), ensure_ascii=False, indent=1) + "\n")


def clean(text: object) -> str:
    """Text without control characters: a name from a file must not steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in str(text))


def marked(title: str, labels: Sequence[str]) -> str:
    """Put the labels of the data behind a title.

    Examples
    --------
    >>> marked("缺口", ["示例数据", "近似路网"]), marked("缺口", [])
    ('缺口 [示例数据、近似路网]', '缺口')
    """
    return f"{title} [{'、'.join(labels)}]" if labels else title


def stock(items: Mapping[str, int]) -> str:
    """Write a stock as a line.

    Examples
    --------
    >>> stock({"棉被": 1200, "帐篷": 30})
    '棉被 1,200、帐篷 30'
    """
    return "、".join(f"{item} {count:,}" for item, count in items.items())


def cell(value: Any) -> str:
    """Format one table cell: thousands separated, missing as a dash.

    Examples
    --------
    >>> cell(45188635), cell(float("nan")), cell("修水县")
    ('45,188,635', '—', '修水县')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "—"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return clean(value)


def degrees(value: Any) -> str:
    """Format a coordinate: five decimals are a metre.

    Examples
    --------
    >>> degrees(115.9), degrees(None)
    ('115.90000', '—')
    """
    return f"{value:.5f}" if isinstance(value, float) else cell(value)


def moment(text: str) -> str:
    """Write a time as the clock of this machine shows it.

    Examples
    --------
    >>> moment("2026-03-05T01:02:03+00:00")[:4], moment("?"), moment("9999-12-31T23:59:59-23:59")[:4]
    ('2026', '?', '9999')
    """
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # nothing vouches for a time in a file
        return text


def print_table(title: str, rows: Sequence[Row], headers: Mapping[str, str]) -> None:
    """Print rows under Chinese headings; ``headers`` maps the keys that are shown to their headings."""
    from rich import box  # noqa: PLC0415 (slow to import)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title=Text(clean(title)), box=box.SIMPLE, title_justify="left")
    plain = [{key: jsonable(row.get(key)) for key in headers} for row in rows]
    for key, heading in headers.items():
        numeric = any(isinstance(row[key], int | float) for row in plain)
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in plain:
        table.add_row(*(Text(degrees(row[key]) if key in _DEGREES else cell(row[key])) for key in headers))
    # A pipe or file gets whole rows: no terminal width cuts them.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def save_traceback(error: Exception) -> str:
    """Keep the traceback of a defect of boai in a file for its developers; returns the path."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="boai-error-", suffix=".txt", delete=False
    ) as file:
        traceback.print_exception(error, file=file)
    return file.name
