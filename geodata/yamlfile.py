"""YAML that people write, read safely: plain values, no aliases, deep nesting, double keys, large files."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from .errors import InputError, Problem

MOST_BYTES = 256 * 1024
"""Largest file that is read."""

_MOST_DEPTH = 20


def read_yaml(path: Path) -> Any:
    """Read a small YAML file of a user's into plain values.

    Raises
    ------
    InputError
        It is missing, no file, larger than ``MOST_BYTES``, not UTF-8, or no YAML; the text says which.
    """
    return parse_yaml(read_text(path, path.name), path.name)


def read_text(path: Path | Traversable, where: str) -> str:
    """Read a small text file in UTF-8; raises ``InputError``."""
    try:
        if isinstance(path, Path) and path.exists() and not path.is_file():  # a pipe would never end
            raise InputError(Problem(where, "不是文件", fix="请检查路径"))
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise InputError(Problem(where, f"文件过大, 不应超过 {MOST_BYTES // 1024} KB"))
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(Problem(where, "文件不存在", fix="请检查路径")) from None
    except OSError as error:
        raise InputError(Problem(where, "文件无法读取", str(error.strerror), "请检查路径")) from None
    except UnicodeDecodeError:
        raise InputError(Problem(where, "文件应为 UTF-8 编码", fix="请另存为 UTF-8")) from None


class _Loader(yaml.SafeLoader):
    """A safe loader without aliases (their expansion can fill the memory), deep nesting and double keys."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise self._refused("不允许使用别名 (*)")
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise self._refused("嵌套过深")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refused(self, what: str) -> yaml.MarkedYAMLError:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return yaml.composer.ComposerError(None, None, what, mark)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"重复的键 {key.value}", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, where: str, *, fix: str = "") -> Any:
    """Parse YAML into plain values only; raises ``InputError`` with the line.

    Examples
    --------
    >>> parse_yaml("aed: {经度: lon}", "x.yaml")
    {'aed': {'经度': 'lon'}}
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a subclass of yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = "" if mark is None else f" 第{mark.line + 1}行"
        near = [] if mark is None else text.splitlines()[max(mark.line - 1, 0) : mark.line + 1]
        advice = next(filter(None, map(_advice, reversed(near))), fix)
        said = _said(str(error.problem))
        raise InputError(Problem(f"{where}{line}", "不是有效的 YAML", said, advice)) from None
    except (yaml.YAMLError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(Problem(where, "不是有效的 YAML", shown(str(error)), fix)) from None


_SAID = {
    "found character '\\t' that cannot start any token": "缩进里有制表符",
    "mapping values are not allowed here": "这里不应有冒号",
    "could not find expected ':'": "缺少冒号",
    "expected ',' or '}'": "花括号里的各项应以英文逗号分开",
    "expected ',' or ']'": "方括号里的各项应以英文逗号分开",
    "but found '<block end>'": "缩进或括号对不上",
    "expected <block end>": "缩进或括号对不上",
    "could not determine a constructor": "不允许使用标签 (!)",
    "but found another document": "一个文件里只能有一份内容 (---)",
    "found unexpected end of stream": "引号或括号没有结束",
    "while scanning a quoted scalar": "引号没有结束",
    "found character": "有不能用在开头的符号",
}
"""What the parser says (a part of it), in Chinese."""

_WIDE = {
    "：": "冒号",
    "，": "逗号",
    "“": "引号",
    "”": "引号",
    "｛": "括号",
    "｝": "括号",
    "［": "括号",
    "］": "括号",
}


def _said(problem: str) -> str:
    """Say in Chinese what the parser found wrong; what is not known stays as it is."""
    return next((text for part, text in _SAID.items() if part in problem), shown(problem))


def _advice(line: str) -> str:
    """Tell what most often stands wrong in a line; empty where nothing of that does.

    Examples
    --------
    >>> _advice("\\t- close: {}"), _advice("  - close： {}")
    ('缩进请用空格, 不用制表符 (Tab)', '冒号请用半角 (英文) 的; 冒号、逗号后空一格')
    """
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "缩进请用空格, 不用制表符 (Tab)"
    wide = dict.fromkeys(name for char, name in _WIDE.items() if char in line)
    return f"{'、'.join(wide)}请用半角 (英文) 的; 冒号、逗号后空一格" if wide else ""


def shown(value: Any, most: int = 60) -> str:
    """Show a value in short, on one line, without control characters."""
    try:
        written = value if isinstance(value, str) else "" if value is None else repr(value)
    except (ValueError, RecursionError):  # Python refuses to write integers of thousands of digits
        written = "过大的数"
    text = "".join(char if char.isprintable() else " " for char in written[: 2 * most])
    return text if len(text) <= most else f"{text[: most - 1]}…"
