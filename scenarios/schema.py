"""Scenarios: what is different from today, as a YAML file → frozen `Scenario`."""

from __future__ import annotations

import difflib
import hashlib
import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ..geodata.errors import InputError, Problem
from ..geodata.layers import Kind
from ..geodata.yamlfile import read_text
from .reading import Model, parse_yaml, validate

PRESETS = ("baseline", "plan_2022_2024", "every_county")
"""Ready scenarios, in the order in which they are shown."""


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


class Open(Model):
    """A new site at a given place (WGS84)."""

    kind: Kind
    name: Line
    lon: Longitude
    lat: Latitude
    year: Year
    id: Line | None = None
    """By default made from the kind and a running number."""
    level: Annotated[str, Field(max_length=20), AfterValidator(_printable)] = ""


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
    limit: Annotated[int, Field(ge=1, le=100_000)] | None = None
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

    aed: Annotated[int, Field(ge=1, le=100_000)] | None = None
    home: Annotated[int, Field(ge=1, le=100_000)] | None = None
    warehouse: Annotated[int, Field(ge=1, le=100_000)] | None = None
    team: Annotated[int, Field(ge=1, le=100_000)] | None = None


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
    if not path.is_file():
        close = difflib.get_close_matches(str(source), PRESETS, n=1, cutoff=0.5)
        fix = f"是否指 {close[0]}?" if close else f"可用的预设: {', '.join(PRESETS)}; 或写 YAML 文件的路径"
        raise InputError(Problem("方案", "没有这个预设, 也没有这个文件", str(source)[:80], fix))
    if path.suffix.lower() not in (".yaml", ".yml"):
        # What other files hold is not to be repeated in a message.
        raise InputError(Problem("方案", "方案文件的名称应以 .yaml 结尾", path.name[:80], "请检查路径"))
    scenario = _load(path, str(path), path.parent, ())
    if scenario.name in PRESETS:
        raise InputError(Problem(f"{path} name", "这是预设方案的名称", scenario.name, "请换一个名称"))
    return scenario


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
