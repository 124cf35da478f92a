"""Standards written as a file that an office edits: every value, its unit, meaning and source beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from ..geodata.layers import KIND_NAMES
from ..geodata.yamlfile import shown
from .standard_file import CHANGED, StandardFile, read
from .standard_keys import KEYS, Key, title_of
from .standards import Cited, Reference, Rule, Standard

_HEAD = """\
# 服务标准: 每类资源"多远算够得着", 要覆盖多少人, 有没有备份。改好后:
#   boai standards check 本文件      看有没有问题、与默认有什么不同
#   boai standards use 本文件        让工作区改用它 (boai standards reset 恢复默认)
#
# 可信度: A 原文可查或实测; B 可靠的二手资料; C 草案、推断或假设。一切上限都含等号。
# 数值改了而不写出处的, 记为"本单位设定"; 要写出处, 写 {value: 60, source: 出处, confidence: B, note: 说明}。
# 没有写的保持默认; 行首带 # 的键可以加写。
"""
_RULES = "# 行政配置要求: 每个单位至少有几处; site_levels 为空表示任何级别都算, 否则只算这些级别的站点。"
_REFERENCES = """\
# 参考值: 不参与计算的对照数。topic: density 密度, venue 场所配置, effect 效果, size 规模, response 响应。"""

_KEYWORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""What YAML 1.1 takes for something else than a text."""


def to_yaml(content: StandardFile) -> str:
    """Write standards, rules and references as YAML with comments; read again it gives the same.

    Examples
    --------
    >>> text = to_yaml(read(None))
    >>> [line.strip() for line in text.splitlines() if "mobilisation_min:" in line][0]
    'mobilisation_min: 60  # C, 本项目的假设'
    """
    default = read(None).standards
    lines = [_HEAD, "standards:"]
    for kind, name in KIND_NAMES.items():
        lines += [f"  {kind}:  # {name}", *_standard(content.standards[kind], default[kind])]
    lines += ["", _RULES, *_rows("rules", content.rules)]
    lines += ["", _REFERENCES, *_rows("references", content.references)]
    return "\n".join(lines) + "\n"


def to_markdown(content: StandardFile) -> str:
    """Write every value with its source and confidence as a table for a document.

    Examples
    --------
    >>> [line for line in to_markdown(read(None)).splitlines() if "准备时间" in line][0]
    '| 备灾仓库 | 准备时间 | 60分钟 | 本项目的假设 | C |'
    """
    rows = [("图层", "项目", "值", "来源", "可信度"), ("---",) * 5]
    for kind, name in KIND_NAMES.items():
        merged: dict[tuple[str, str, str], list[str]] = {}
        for each in content.standards[kind].cited:
            merged.setdefault((title_of(each.key), each.source, each.confidence), []).append(each.value)
        rows += [
            (name, title, "、".join(values), source, confidence)
            for (title, source, confidence), values in merged.items()
        ]
    return (
        "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows) + "\n"
    )


def _standard(standard: Standard, default: Standard) -> Iterator[str]:
    """Write one resource type."""
    usual = set(default.cited) if default.mode == standard.mode else set()
    cited = {each.key: each for each in standard.cited}
    yield f"    name: {_text(standard.name)}"
    yield "    # 方式: walk 步行, drive 驾车"
    yield f"    mode: {_value(standard.mode, cited.get('mode'), usual)}"
    for key in KEYS:
        if standard.mode in key.modes:
            yield from _key(key, standard, cited, usual)
    yield f"    source: {_text(standard.source.partition(CHANGED)[0])}"
    yield f"    confidence: {standard.confidence}"
    of_values = {each.note for each in standard.cited}
    notes = [note for note in standard.notes if note not in of_values]
    yield "    notes:" if notes else "    notes: []"
    yield from (f"    - {_text(note)}" for note in notes)


def _key(key: Key, standard: Standard, cited: Mapping[str, Cited], usual: set[Cited]) -> Iterator[str]:
    """Write one key; what neither the file nor the default sets is a comment."""
    content = getattr(standard, key.field)
    unit = f" ({key.unit})" if key.unit and key.unit != "%" else ""
    about = f"{key.title}{unit}; {key.meaning}"
    stated = {path.partition(".")[0] for path in (*cited, *(each.key for each in usual))}
    if key.name not in stated and (cited or content in {None, ()}):
        yield f"    # {key.name}:  # {about}"
        return
    yield f"    # {about}"
    if key.shape == "one":
        yield f"    {key.name}: {_value(_back(key, content), cited.get(key.name), usual)}"
    elif not content:
        yield f"    {key.name}: {{}}"
    else:
        yield f"    {key.name}:"
        for item in content:
            name, value = item if key.shape == "map" else ("", item)
            value = _back(key, value)
            part = name or key.shown(value).removesuffix(key.unit)
            lead = f"      {_text(name)}:" if name else "    -"
            yield f"{lead} {_value(value, cited.get(f'{key.name}.{part}'), usual)}"


def _back(key: Key, value: Any) -> Any:
    """Bring a value of a field back to the unit of the file."""
    if value is None or key.scale == 1:
        return value
    return value // key.scale if value % key.scale == 0 else value / key.scale


def _value(value: Any, cited: Cited | None, usual: set[Cited]) -> str:
    """Write a value; its source as a comment where it is the default's, else as part of the value."""
    if cited is None:
        return _scalar(value)
    if cited in usual:
        return f"{_scalar(value)}  # {cited.confidence}, {shown(cited.source)}"
    note = f", note: {_text(cited.note)}" if cited.note else ""
    return f"{{value: {_scalar(value)}, source: {_text(cited.source)}, confidence: {cited.confidence}{note}}}"


def _rows(name: str, rows: tuple[Rule, ...] | tuple[Reference, ...]) -> Iterator[str]:
    """Write rules or references."""
    yield f"{name}:" if rows else f"{name}: []"
    for row in rows:
        lead = "-"
        for field in fields(row):
            value = getattr(row, field.name)
            if value or field.name not in {"note"}:
                yield f"{lead} {field.name}: {_scalar(value)}"
                lead = " "


def _scalar(value: Any) -> str:
    """Write a text, number, list of texts or nothing."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    # As decimals: YAML 1.1 takes 1e-07 for a text.
    return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")


def _text(text: str) -> str:
    """Write a text: words of letters as they are, all else in the quotes of JSON, which YAML reads."""
    plain = text.isalpha() and text.lower() not in _KEYWORDS
    return text if plain else json.dumps(text, ensure_ascii=False)
