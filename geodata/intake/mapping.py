"""A saved mapping of headers: a small YAML file that an office keeps and gives again next year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError, Problem
from ..store import write_text
from ..yamlfile import read_yaml
from .headers import EXTRA
from .model import HeaderMapping

_HEAD = (
    "# 表头对应: 表头: 属性. 属性写代码或中文标题; lonlat 表示一格内同时有经度和纬度; - 表示留作附加列.\n"
    "# 用法: boai layers import 文件 --as 类型 --mapping 本文件\n"
)


def save_mapping(mappings: Sequence[HeaderMapping], path: Path) -> None:
    """Write how headers were understood, to be changed by hand and read by `load_mapping`."""
    columns: dict[str, str] = {}
    for each in mappings:
        columns |= {header: name for header, name in each.attributes.items() if header not in columns}
    extras = dict.fromkeys(header for each in mappings for header in each.extras if header not in columns)
    content = {"headers": {**columns, **dict.fromkeys(extras, EXTRA)}}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, default_flow_style=False, width=1000)
    write_text(path, _HEAD + text)


def load_mapping(path: Path) -> dict[str, str]:
    """Read a saved mapping: header → attribute or ``-``.

    Raises
    ------
    InputError
        The file is missing, too large, no YAML, or not of the form ``headers: {表头: 属性}``.
    """
    return _checked(read_yaml(path), path.name)


_FORM = "应写成 headers: 下面每行 表头: 属性"


def _checked(parsed: Any, where: str) -> dict[str, str]:
    """Check the form; numbers and the like as headers are taken as text."""
    headers: Mapping[Any, Any] | None = parsed.get("headers") if isinstance(parsed, dict) else None
    if not isinstance(headers, dict) or set(parsed) != {"headers"}:
        raise InputError(Problem(where, "不是表头对应文件", fix=_FORM))
    wrong = [
        Problem(f"{where} {str(header)[:40]}", "应对应一个属性", str(name)[:40], _FORM)
        for header, name in headers.items()
        if not isinstance(name, str) and name is not None
    ]
    if wrong:
        raise InputError(wrong)
    return {str(header): EXTRA if name is None else str(name) for header, name in headers.items()}
