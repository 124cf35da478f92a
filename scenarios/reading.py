"""Files that people write: YAML read safely, checked against a closed model, every problem in Chinese.

Nothing of a file is executed; aliases, deep nesting, double keys and large files are refused.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from ..geodata import yamlfile
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES

_SHOWN = 60
_FIX = "请对照 docs 里的说明和示例修改"
_MOST = 200
"""Problems of one file that are told."""

_KEYS = {
    "名称": "name", "标题": "title", "说明": "description", "继承": "extends", "改动": "changes",
    "选址": "siting", "标准": "standards", "价格": "costs", "费用": "cost",
    "新设": "open", "新增": "open", "撤销": "close",
    "迁移": "move", "封闭": "block", "减速": "slow", "受淹": "flood", "类型": "kind", "图层": "kind",
    "编号": "id", "经度": "lon", "纬度": "lat", "年份": "year", "级别": "level", "数量": "number",
    "预算": "budget", "容量": "capacity", "库存": "stock", "开放时间": "hours", "范围": "area",
    "道路": "road", "单位": "unit",
    **{name: kind for kind, name in KIND_NAMES.items()},
}  # fmt: skip
"""Keys by the Chinese words that people write for them."""


PLAIN, TABLE = "\ue000plain", "\ue000table"
"""Tags of a value that may be written plainly or as a table; no part of the path of a key."""

M = TypeVar("M", bound=BaseModel)


class Model(BaseModel):
    """A closed, frozen part of a file: unknown keys and values of another type are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def parse_yaml(text: str, where: str) -> Any:
    """Parse YAML into plain values only; raises ``InputError``."""
    return yamlfile.parse_yaml(text, where, fix=_FIX)


def validate(model: type[M], content: Any, where: str, *, context: Mapping[str, Any] | None = None) -> M:
    """Check plain values against a model; raises ``InputError`` with every problem.

    Parameters
    ----------
    context
        For the validators of the model, such as the folder whose files may be read.
    """
    try:
        return model.model_validate({} if content is None else content, context=dict(context or {}))
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems = [_problem(model, detail, where) for detail in details[:_MOST]]
        if len(details) > _MOST:
            problems.append(Problem(where, f"另有 {len(details) - _MOST:,} 个问题", fix="请先修改以上各项"))
        raise InputError(problems) from None
    except RecursionError:
        raise InputError(Problem(where, "嵌套过深", fix=_FIX)) from None


_WHAT = {
    "missing": "缺少必填项",
    "literal_error": "不在可选的值之中",
    "string_type": "应为文字",
    "int_type": "应为整数",
    "int_from_float": "应为整数",
    "float_type": "应为数字",
    "finite_number": "应为有限的数",
    "greater_than_equal": "应不小于 {ge:g}",
    "greater_than": "应大于 {gt:g}",
    "less_than_equal": "应不大于 {le:g}",
    "less_than": "应小于 {lt:g}",
    "string_too_short": "不能为空",
    "string_too_long": "最多 {max_length} 个字",
    "too_long": "最多 {max_length} 项",
    "too_short": "至少 {min_length} 项",
    "tuple_type": "应为列表",
    "list_type": "应为列表",
    "dict_type": "应为键值对",
    "model_type": "应为键值对",
    "model_attributes_type": "应为键值对",
    "bool_type": "应为 true 或 false",
}


def _problem(model: type[BaseModel], detail: Any, where: str) -> Problem:
    """Say one of pydantic's errors in Chinese, with the path of the key."""
    kind = detail["type"]
    location = tuple(part for part in detail["loc"] if part not in (PLAIN, TABLE, "[key]"))
    if kind == "extra_forbidden":
        fix = _near(str(location[-1]), sorted(_fields(model, location[:-1])))
        return Problem(_path(where, location[:-1]), "未知的键", _shown(location[-1]), fix)
    if kind == "invalid_key":
        return Problem(_path(where, location[:-1]), "键应为文字", _shown(location[-1]), _FIX)
    got = "" if kind == "missing" else _shown(detail["input"])
    context = detail.get("ctx", {})
    if kind == "value_error":
        return Problem(_path(where, location), str(context["error"]), got if location else "", _FIX)
    if kind == "string_pattern_mismatch":
        slug = location[0] == "extends" or location == ("name",)
        what = "应为小写字母、数字、_ 或 -, 最多48个字符" if slug else "应为一行不空的文字"
        return Problem(_path(where, location), what, got, _FIX)
    if detail["input"] is None and kind != "missing":
        return Problem(_path(where, location), "没有写内容", fix="请写上内容, 或删去这一行")
    what = _WHAT.get(kind, "格式不对").format(**context)
    return Problem(_path(where, location), what, got, _mend(kind, detail["input"], context, location))


def _near(key: str, known: list[str]) -> str:
    """Tell which key is meant by one that is not known: misspelt, Chinese, or run into its value."""
    word = unicodedata.normalize("NFKC", key).strip(" '\"“”‘’-")
    if ":" in word and _KEYS.get(word.split(":")[0], word.split(":")[0]) in known:
        return "冒号请用半角 (英文) 的, 后面空一格"
    close = difflib.get_close_matches(_KEYS.get(word, word), known, n=1, cutoff=0.5)
    return f"是否想写 {close[0]}?" if close else f"可用的键: {', '.join(known)}"


def _mend(kind: str, value: Any, context: Mapping[str, Any], location: tuple[Any, ...]) -> str:
    """Tell how to mend a value that does not fit."""
    if kind == "literal_error":
        codes = [text.strip("' ") for text in context["expected"].replace(" or ", ", ").split(",")]
        names: Mapping[str, str] = {code: f"{name} ({code})" for code, name in KIND_NAMES.items()}
        return f"可选: {', '.join(names.get(code, code) for code in codes)}"
    if kind in ("int_type", "float_type") and isinstance(value, str) and any(map(str.isdigit, value)):
        return "只写数字, 不带引号、单位、千分位和 %"
    if kind.endswith("than_equal") and location[-1:] in (("lon",), ("lat",)):
        return "经度 (lon) 在 73 到 136 之间, 纬度 (lat) 在 3 到 54 之间; 是否写反了?"
    return _FIX


def _path(where: str, location: tuple[int | str, ...]) -> str:
    """Write the path of a key: ``plan.yaml siting 第2项.number``."""
    text = ""
    for part in location:
        if isinstance(part, int) and not 2000 <= part <= 2100:  # years are keys
            text += f" 第{part + 1}项"
        else:
            text += ("." if text else "") + _shown(part)
    return f"{where} {text.strip()}" if text else where


def _fields(model: type[BaseModel], location: tuple[int | str, ...]) -> set[str]:
    """Find the keys that are known at a path."""
    found: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, str) and found is not None:
            field = found.model_fields.get(part)
            found = None if field is None else _model_in(field.annotation)
    return set() if found is None else set(found.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside an annotation such as ``tuple[Change, ...]`` or ``Open | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [_model_in(each) for each in get_args(annotation)]
    return next((each for each in inner if each is not None), None)


def _shown(value: Any) -> str:
    """Show a value in short, on one line."""
    if isinstance(value, Mapping | list) and len(value) > 5:
        return f"{len(value)} 项的{'键值对' if isinstance(value, Mapping) else '列表'}"
    return yamlfile.shown(value, _SHOWN)
