"""What is wrong with a call, in one Chinese sentence; typer's own words are English."""

from __future__ import annotations

import re
from typing import Any

from ..geodata.errors import Problem

_WORDS = {
    "NoSuchOption": "没有这个选项",
    "MissingParameter": "缺少参数",
    "BadOptionUsage": "选项缺少值或用法不对",
}
_KINDS = {"integer": "整数", "int": "整数", "float": "数字", "boolean": "yes 或 no"}


def sentence(error: Any) -> str:
    """Say where a call is wrong, what was given, and what may be given.

    Parameters
    ----------
    error
        A usage error of typer's: with ``param``, ``option_name`` and ``ctx`` as far as they apply.
    """
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "boai"
    parameter = getattr(error, "param", None)
    name = getattr(error, "option_name", "") or (
        "" if parameter is None else (parameter.opts or [parameter.name])[0]
    )
    message = str(error.format_message())
    if parameter is not None and type(error).__name__ == "BadParameter":
        fix = f"{_allowed(parameter.type)}请看 {command} --help"
        return str(Problem(name, "参数值不对", _given(str(error.message)), fix))
    what = _WORDS.get(type(error).__name__, "没有这个命令, 或参数太多")
    got = name or " ".join(re.findall(r"'([^']*)'", message))
    return str(Problem("命令", what, got, f"请看 {command} --help"))


def _given(message: str) -> str:
    """Find the value in typer's sentence: quoted, or the number before the range that it is not in."""
    found = re.search(r"'([^']*)'", message) or re.search(r"(\S+) is not in the range", message)
    return found[1] if found else ""


def _allowed(kind: Any) -> str:
    """Name what a parameter takes, with "; " at the end; "" where that is not a matter of a sentence."""
    if choices := getattr(kind, "choices", None):
        return f"可选: {'、'.join(map(str, choices))}; "
    least, most = getattr(kind, "min", None), getattr(kind, "max", None)
    bounds = [
        f"{'大于' if getattr(kind, 'min_open', False) else '不小于'} {least:.15g}"
        if least is not None
        else "",
        f"{'小于' if getattr(kind, 'max_open', False) else '不大于'} {most:.15g}" if most is not None else "",
    ]
    said = "、".join(bound for bound in bounds if bound)
    word = _KINDS.get(str(getattr(kind, "name", "")).removesuffix(" range"), "")
    return f"应为{said} 的{word or '数'}; " if said else f"应为{word}; " if word else ""
