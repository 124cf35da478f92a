"""Scenarios: what is different from today, as a YAML file → frozen `Scenario`."""

from __future__ import annotations

import difflib
import hashlib
import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ..geodata.errors import InputError, Problem
from ..geodata.yamlfile import read_text
from .actions import Change
from .costs import Costs
from .fields import Line, Slug, Text
from .reading import Model, parse_yaml, validate
from .requests import Siting

PRESETS = ("baseline", "plan_2022_2024", "every_county")
"""Ready scenarios, in the order in which they are shown."""


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
    costs: Costs = Costs()

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
            "costs": child.costs if child.costs != Costs() else parent.costs,
        }
    )
