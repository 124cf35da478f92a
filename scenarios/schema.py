"""Scenario files: YAML → frozen `Scenario`; every problem at once, in Chinese, with the path of its key."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from ..geodata.errors import InputError, Problem
from ..geodata.layers import Kind

PRESETS = ("baseline", "plan_2022_2024", "every_county")
"""Ready scenarios, in the order in which they are shown."""

MOST_BYTES = 256 * 1024
"""Largest scenario file that is read."""

_MOST_DEPTH = 20
_SHOWN = 60
_FIX = "请对照 scenarios/presets 里的示例修改"


def _printable(text: str) -> str:
    if not all(char.isprintable() or char == "\n" for char in text):
        raise ValueError("含有控制字符")
    return text


Text = Annotated[str, Field(max_length=2000), AfterValidator(_printable)]
"""Any text for people: no control characters; whoever shows it neutralises markup."""

Line = Annotated[
    str, Field(min_length=1, max_length=80, pattern=r"^[^\n]*\S[^\n]*$"), AfterValidator(_printable)
]
"""One line of text that is not blank."""

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$")]
"""A name that is safe as a file name."""

Year = Annotated[int, Field(ge=2000, le=2100)]
Longitude = Annotated[float, Field(ge=73.0, le=136.0)]
Latitude = Annotated[float, Field(ge=3.0, le=54.0)]


class Model(BaseModel):
    """A closed, frozen part of a file: unknown keys and values of another type are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Open(Model):
    """A new site at a given place (WGS84)."""

    kind: Kind
    name: Line
    lon: Longitude
    lat: Latitude
    id: Line | None = None
    """By default made from the kind and a running number."""
    level: Annotated[str, Field(max_length=20), AfterValidator(_printable)] = ""
    year: Year | None = None


class Close(Model):
    """An existing site, or one opened earlier in the same scenario, that is given up."""

    kind: Kind
    id: Line


class Move(Model):
    """An existing site that moves to another place (WGS84) with all that it has."""

    kind: Kind
    id: Line
    lon: Longitude
    lat: Latitude


class Change(Model):
    """One action: exactly one of its keys."""

    open: Open | None = None
    close: Close | None = None
    move: Move | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(action is not None for action in (self.open, self.close, self.move)) != 1:
            raise ValueError("每项改动应恰好写 open、close、move 之一")
        return self


class Siting(Model):
    """A request to place new sites of a kind in a year."""

    kind: Kind
    year: Year
    rule: Literal["mclp", "each_county", "each_city"] = "mclp"
    """``mclp``: where they cover the most residents; ``each_…``: at the seat of every unit that lacks one."""
    number: Annotated[int, Field(ge=1, le=5000)] | None = None
    """Sites to place by ``mclp``."""
    level: Annotated[str, Field(max_length=20), AfterValidator(_printable)] = ""
    """Level that the new sites get."""
    candidates: Literal["settlements", "seats", "cells"] | None = None
    """Where sites may go; by default settlements for driving, populous cells for walking."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Limit that counts as covered, minutes (driving) or metres (walking); by default the main limit."""
    note: Text = ""

    @model_validator(mode="after")
    def _number(self) -> Self:
        if self.rule == "mclp" and self.number is None:
            raise ValueError("rule 为 mclp 时应写明 number (新增几处)")
        if self.rule != "mclp" and (self.number, self.candidates, self.limit) != (None, None, None):
            raise ValueError("rule 为 each_county 或 each_city 时不写 number、candidates、limit")
        return self


class Standards(Model):
    """Main limits that replace those of the standards: minutes (driving) or metres (walking)."""

    aed: Annotated[int, Field(ge=1)] | None = None
    home: Annotated[int, Field(ge=1)] | None = None
    warehouse: Annotated[int, Field(ge=1)] | None = None
    team: Annotated[int, Field(ge=1)] | None = None


class Scenario(Model):
    """What is different from today: changes of sites, requests for new ones, other main limits."""

    name: Slug
    title: Line
    description: Text = ""
    extends: Slug | None = None
    """A preset, or a file of that name in the same folder, whose content comes first."""
    changes: Annotated[tuple[Change, ...], Field(strict=False, max_length=2000)] = ()
    siting: Annotated[tuple[Siting, ...], Field(strict=False, max_length=200)] = ()
    standards: Standards = Standards()

    @property
    def key(self) -> str:
        """SHA-256 of the content: the same content has the same key, however the file is written."""
        content = self.model_dump(mode="json")
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def load_scenario(source: str | Path) -> Scenario:
    """Load a scenario: the name of a preset or the path of a YAML file, with all that it extends.

    Raises
    ------
    InputError
        Every problem of the file at once: where, what, what was got, how to mend it.
    """
    if source in PRESETS:
        return _load(files("boai.scenarios") / "presets" / f"{source}.yaml", str(source), None, ())
    path = Path(source)
    return _load(path, str(path), path.parent, ())


def parse_scenario(text: str, *, where: str = "方案") -> Scenario:
    """Parse the text of a scenario that extends nothing; raises ``InputError``."""
    return validate(Scenario, parse_yaml(text, where), where)


def _load(path: Path | Traversable, where: str, folder: Path | None, seen: tuple[str, ...]) -> Scenario:
    scenario = validate(Scenario, parse_yaml(read_text(path, where), where), where)
    if scenario.extends is None:
        return scenario
    chain = (*seen, scenario.name)
    if scenario.extends in chain:
        raise InputError(
            Problem(f"{where} extends", "方案互相继承成环", " → ".join([*chain, scenario.extends]))
        )
    return _extend(_parent(scenario.extends, where, folder, chain), scenario, where)


def _parent(name: str, where: str, folder: Path | None, seen: tuple[str, ...]) -> Scenario:
    if name in PRESETS:
        return _load(files("boai.scenarios") / "presets" / f"{name}.yaml", name, None, seen)
    path = None if folder is None else folder / f"{name}.yaml"
    if path is None or not path.is_file():
        fix = f"可用的预设: {', '.join(PRESETS)}; 或在同一文件夹放 {name}.yaml"
        raise InputError(Problem(f"{where} extends", "找不到要继承的方案", name, fix))
    return _load(path, str(path), folder, seen)


def _extend(parent: Scenario, child: Scenario, where: str) -> Scenario:
    """Put the content of the parent first; two values for one main limit are an error."""
    old, new = (each.standards.model_dump(exclude_none=True) for each in (parent, child))
    both = sorted(kind for kind in old.keys() & new.keys() if old[kind] != new[kind])
    if both:
        problems = [
            Problem(f"{where} standards.{kind}", f"与 {parent.name} 的 {old[kind]} 冲突", str(new[kind]))
            for kind in both
        ]
        raise InputError(problems)
    return child.model_copy(
        update={
            "extends": None,
            "changes": parent.changes + child.changes,
            "siting": parent.siting + child.siting,
            "standards": Standards(**(old | new)),
        }
    )


# Files: safe loading and readable errors; targets.py reads its ledger the same way.

M = TypeVar("M", bound=BaseModel)


def read_text(path: Path | Traversable, where: str) -> str:
    """Read a small text file in UTF-8; raises ``InputError``."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise InputError(Problem(where, f"文件过大, 方案文件不应超过 {MOST_BYTES // 1024} KB"))
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        fix = f"请检查路径; 可用的预设: {', '.join(PRESETS)}"
        raise InputError(Problem(where, "方案文件不存在", fix=fix)) from None
    except OSError as error:
        raise InputError(Problem(where, "方案文件无法读取", str(error.strerror), "请检查路径")) from None
    except UnicodeDecodeError:
        raise InputError(Problem(where, "方案文件应为 UTF-8 编码", fix="请另存为 UTF-8")) from None


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


def parse_yaml(text: str, where: str) -> Any:
    """Parse YAML into plain values only; raises ``InputError``."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a subclass of yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = "" if mark is None else f" 第{mark.line + 1}行"
        raise InputError(
            Problem(f"{where}{line}", "不是有效的 YAML", str(error.problem or ""), _FIX)
        ) from None
    except (yaml.YAMLError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(Problem(where, "不是有效的 YAML", _shown(str(error)), _FIX)) from None


def validate(model: type[M], content: Any, where: str) -> M:
    """Check plain values against a model; raises ``InputError`` with every problem."""
    try:
        return model.model_validate({} if content is None else content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise InputError([_problem(model, detail, where) for detail in details]) from None


_WHAT = {
    "missing": "缺少必填项",
    "literal_error": "不在可选的值之中",
    "string_type": "应为文字",
    "int_type": "应为整数",
    "int_from_float": "应为整数",
    "float_type": "应为数字",
    "finite_number": "应为有限的数",
    "greater_than_equal": "应不小于 {ge:g}",
    "less_than_equal": "应不大于 {le:g}",
    "string_too_short": "不能为空",
    "string_too_long": "最多 {max_length} 个字",
    "too_long": "最多 {max_length} 项",
    "tuple_type": "应为列表",
    "list_type": "应为列表",
    "dict_type": "应为键值对",
    "model_type": "应为键值对",
}


def _problem(model: type[BaseModel], detail: Any, where: str) -> Problem:
    """Say one of pydantic's errors in Chinese, with the path of the key."""
    kind, location = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        known = sorted(_fields(model, location[:-1]))
        close = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
        fix = f"是否想写 {close[0]}?" if close else f"可用的键: {', '.join(known)}"
        return Problem(_path(where, location[:-1]), "未知的键", _shown(location[-1]), fix)
    got = "" if kind == "missing" else _shown(detail["input"])
    context = detail.get("ctx", {})
    if kind == "value_error":
        return Problem(_path(where, location), str(context["error"]), got if location else "", _FIX)
    if kind == "string_pattern_mismatch":
        slug = location[-1] in ("name", "extends") and len(location) == 1
        what = "应为小写字母、数字、_ 或 -, 最多48个字符" if slug else "应为一行不空的文字"
        return Problem(_path(where, location), what, got, _FIX)
    what = _WHAT.get(kind, "格式不对").format(**context)
    fix = f"可选: {context['expected'].replace(' or ', ', ')}" if kind == "literal_error" else _FIX
    return Problem(_path(where, location), what, got, fix)


def _path(where: str, location: tuple[int | str, ...]) -> str:
    """Write the path of a key: ``plan.yaml siting 第2项.number``."""
    text = ""
    for part in location:
        if isinstance(part, int) and part < 2000:  # no list is longer, and years are keys
            text += f" 第{part + 1}项"
        else:
            text += ("." if text else "") + _shown(part)
    return f"{where} {text}" if text else where


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
    text = "".join(
        char if char.isprintable() else " " for char in (value if isinstance(value, str) else repr(value))
    )
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
