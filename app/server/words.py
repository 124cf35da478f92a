"""What pydantic finds wrong with a request, in Chinese: where, what, got, fix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...geodata.errors import Problem

_PLACES = {"query": "参数", "path": "地址", "body": "内容", "header": "请求头"}
_WHAT = {
    "missing": "没有填写",
    "extra_forbidden": "没有这一项",
    "json_invalid": "不是有效的 JSON",
    "model_attributes_type": "应为 JSON 对象",
    "dict_type": "应为 JSON 对象",
    "list_type": "应为列表",
    "tuple_type": "应为列表",
    "string_type": "应为文字",
    "string_unicode": "不是有效的文字",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "int_parsing_size": "数字太大",
    "float_type": "应为数字",
    "float_parsing": "应为数字",
    "finite_number": "应为有限的数字",
    "datetime_parsing": "应为时间",
    "datetime_from_date_parsing": "应为时间",
    "datetime_type": "应为时间",
    "timezone_aware": "时间应带时区",
    "value_error": "不对",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "不能小于 {}"),
    "greater_than": ("gt", "应大于 {}"),
    "less_than_equal": ("le", "不能大于 {}"),
    "less_than": ("lt", "应小于 {}"),
    "string_too_long": ("max_length", "最多 {} 个字"),
    "string_too_short": ("min_length", "至少 {} 个字"),
    "too_long": ("max_length", "最多 {} 项"),
    "too_short": ("min_length", "至少 {} 项"),
    "literal_error": ("expected", "应为 {} 之一"),
    "enum": ("expected", "应为 {} 之一"),
    "string_pattern_mismatch": ("", "格式不对"),
}
_FIX = {
    "extra_forbidden": "请删去, 或核对拼写",
    "json_invalid": "请检查括号和引号是否成对",
    "datetime_parsing": "例如 2026-11-22T18:00:00+08:00",
    "datetime_from_date_parsing": "例如 2026-11-22T18:00:00+08:00",
}
_SHOWN = 40


def said(error: Mapping[str, Any]) -> Problem:
    """Say one error of pydantic.

    Examples
    --------
    >>> print(said({"type": "missing", "loc": ("query", "lon"), "input": None}))
    参数 lon: 没有填写
    >>> print(said({"type": "less_than_equal", "loc": ("query", "k"), "input": "99", "ctx": {"le": 20}}))
    参数 k: 不能大于 20, 得到 99
    """
    first, *path = [str(part) for part in error.get("loc", ())] or ["请求"]
    where = " ".join([_PLACES.get(first, first), ".".join(path)]).strip()
    kind = str(error.get("type", ""))
    bound, form = _BOUNDS.get(kind, ("", ""))
    limit = str(error.get("ctx", {}).get(bound, "")).replace(" or ", "、")
    what = form.format(limit) if form else _WHAT.get(kind, "不对")
    got = error.get("input")
    shown = "" if kind == "missing" or got is None or isinstance(got, dict | list) else str(got)[:_SHOWN]
    return Problem(where, what, "".join(c if c.isprintable() else " " for c in shown), _FIX.get(kind, ""))
