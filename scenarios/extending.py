"""Scenarios that extend others: every file counts once, parents first; contradictions are refused."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ..geodata.errors import InputError, Problem
from ..geodata.yamlfile import read_text
from .costs import OTHER, Costs
from .schema import (
    MOST_CHANGES,
    MOST_SITING,
    PRESETS,
    Scenario,
    from_text,
    remembering,
    standard_values,
)
from .standard_changes import Standards

_MOST_FILES = 50
_BETWEEN = "\x00"
"""Between the keys of a path to a price, whose names may hold dots."""


@dataclass(frozen=True)
class _Source:
    """A preset or a file."""

    path: Path | Traversable
    where: str
    """As messages name it."""
    folder: Path | None
    """Where its areas and parents lie; None for presets."""

    @property
    def identity(self) -> str:
        return str(self.path.resolve() if isinstance(self.path, Path) and self.folder else self.where)


@dataclass
class _Reading:
    """What was read so far."""

    found: dict[str, Scenario | None] = field(default_factory=dict)
    """By the identity of the source, parents first; None where a file has problems."""
    order: list[tuple[str, Scenario]] = field(default_factory=list)
    """(file as messages name it, scenario) in the order in which they count."""
    problems: list[Problem] = field(default_factory=list)


def load(source: str | Path) -> Scenario:
    """Load a scenario with all that it extends; see `schema.load_scenario`."""
    reading = _Reading()
    _collect(_source(source), (), reading)
    own = reading.order[-1][1] if reading.order and not reading.problems else None
    if own is not None and source not in PRESETS and own.name in PRESETS:
        reading.problems.append(Problem(f"{source} name", "这是预设方案的名称", own.name, "请换一个名称"))
    if reading.problems or own is None:
        raise InputError(reading.problems)
    return own if len(reading.order) == 1 else _joined(reading.order)


def _preset(name: str) -> _Source:
    return _Source(files("boai.scenarios") / "presets" / f"{name}.yaml", name, None)


def _source(source: str | Path) -> _Source:
    """Find the preset or file that a user named; raises ``InputError``."""
    if source in PRESETS:
        return _preset(str(source))
    path = Path(source)
    if not path.is_file():
        close = difflib.get_close_matches(str(source)[:80], PRESETS, n=1, cutoff=0.5)
        fix = f"是否指 {close[0]}?" if close else f"可用的预设: {', '.join(PRESETS)}; 或写 YAML 文件的路径"
        raise InputError(Problem("方案", "没有这个预设, 也没有这个文件", str(source)[:80], fix))
    if path.suffix.lower() not in (".yaml", ".yml"):
        # What other files hold is not to be repeated in a message.
        raise InputError(Problem("方案", "方案文件的名称应以 .yaml 结尾", path.name[:80], "请检查路径"))
    return _Source(path, str(path), path.parent)


def _collect(source: _Source, chain: tuple[tuple[str, str], ...], reading: _Reading) -> None:
    """Read a source and, before it counts, all that it extends; ``chain``: (identity, name) of its heirs."""
    if source.identity in reading.found:
        return
    reading.found[source.identity] = None
    if len(reading.found) > _MOST_FILES:
        reading.problems.append(Problem(source.where, f"继承的方案太多, 最多 {_MOST_FILES} 个"))
        return
    try:
        text = read_text(source.path, source.where)
        scenario = from_text(text, source.where, source.folder, file=source.where)
    except InputError as error:
        reading.problems += error.problems
        return
    heirs = (*chain, (source.identity, scenario.name))
    for name in scenario.extends:
        parent = _parent(name, source)
        if isinstance(parent, Problem):
            reading.problems.append(parent)
        elif parent.identity in [identity for identity, _ in heirs]:
            round_trip = " → ".join([*(own for _, own in heirs), name])
            reading.problems.append(Problem(f"{source.where} extends", "方案互相继承成环", round_trip))
        else:
            _collect(parent, heirs, reading)
    reading.found[source.identity] = scenario
    reading.order.append((source.where, scenario))


def _parent(name: str, heir: _Source) -> _Source | Problem:
    if name in PRESETS:
        return _preset(name)
    where, folder = f"{heir.where} extends", heir.folder
    path = None if folder is None else folder / f"{name}.yaml"
    if path is None or folder is None or not path.is_file():
        close = difflib.get_close_matches(name, _names_in(folder), n=1, cutoff=0.6)
        near = f"是否指 {close[0]}? " if close else ""
        fix = f"{near}可用的预设: {', '.join(PRESETS)}; 或在同一文件夹放 {name}.yaml"
        return Problem(where, "找不到要继承的方案", name, fix)
    if not path.resolve().is_relative_to(folder.resolve()):
        return Problem(where, "文件是指向别处的链接, 不能继承", name, "请把文件复制到同一文件夹")
    return _Source(path, str(path), folder)


def _names_in(folder: Path | None) -> list[str]:
    """List what a scenario in a folder may extend."""
    return [*PRESETS, *sorted(one.stem for one in (folder.glob("*.yaml") if folder else ()))][:1000]


def _joined(order: Sequence[tuple[str, Scenario]]) -> Scenario:
    """Put the content of all files together under the name of the last; raises ``InputError``."""
    file, own = order[-1]
    standards, standards_from, problems = _merged(
        [(name, "standards.{}", standard_values(one.standards)) for name, one in order]
    )
    costs, _, wrong = _merged([(name, "costs.{}", _price_values(one.costs)) for name, one in order])
    problems += wrong
    for part, most in (("changes", MOST_CHANGES), ("siting", MOST_SITING)):
        count = sum(len(getattr(one, part)) for _, one in order)
        if count > most:
            what = f"连同继承的方案最多 {most} 项"
            problems.append(Problem(f"{file} {part}", what, f"{count} 项", "请拆成几个方案"))
    problems += _same_twice(order)
    if problems:
        raise InputError(problems)
    origins = {
        part: tuple(origin for _, one in order for origin in one._origins.get(part, ()))
        for part in ("changes", "siting")
    }
    found = own.model_copy(
        update={
            "extends": (),
            "changes": tuple(change for _, one in order for change in one.changes),
            "siting": tuple(request for _, one in order for request in one.siting),
            "standards": Standards.model_validate(_nested(standards, ".")),
            "costs": Costs.model_validate(_nested(costs, _BETWEEN)),
        }
    )
    return remembering(found, origins, standards_from)


def _same_twice(order: Sequence[tuple[str, Scenario]]) -> list[Problem]:
    """Tell what two files ask for in the same words, new sites or siting requests: it would count twice."""
    known: dict[str, tuple[str, str]] = {}
    problems = []
    for file, one in order:
        opens = [(one.place("changes", i), each.open) for i, each in enumerate(one.changes) if each.open]
        asked = [(one.place("siting", i), each) for i, each in enumerate(one.siting)]
        for place, entry in (*opens, *asked):
            own = type(entry).__name__ + entry.model_dump_json()
            if known.setdefault(own, (file, place))[0] != file:
                what = f"与 {known[own][1]} 完全相同, 会重复计算"
                problems.append(Problem(place, what, fix="请只继承其中一个, 或删去其中一项"))
    return problems


def _price_values(costs: Costs) -> dict[str, Any]:
    """List the prices that are stated, and their unit, by the path of the key."""
    content = costs.model_dump(exclude_defaults=True)
    if not content:
        return {}
    return _leaves({**content, "unit": costs.unit})


def _leaves(content: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """List the values of nested mappings by their path."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        here = f"{path}{_BETWEEN}{name}" if path else str(name)
        found |= _leaves(value, here) if isinstance(value, Mapping) else {here: value}
    return found


def _nested(values: Mapping[str, Any], separator: str) -> dict[str, Any]:
    """Turn values by path into nested mappings again."""
    found: dict[str, Any] = {}
    for path, value in values.items():
        *above, name = path.split(separator)
        inner = found
        for part in above:
            inner = inner.setdefault(part, {})
        inner[name] = value
    return found


def _merged(
    listed: Sequence[tuple[str, str, Mapping[str, Any]]],
) -> tuple[dict[str, Any], dict[str, str], list[Problem]]:
    """Put values together: (values by path, file of each, two different values of one thing).

    Parameters
    ----------
    listed
        (file, how a path is written, values by path) of each file.
    """
    values: dict[str, Any] = {}
    source: dict[str, str] = {}
    problems = []
    for file, form, own in listed:
        for path, value in own.items():
            place = form.format(path.replace(_BETWEEN, ".").removesuffix(f".{OTHER}"))
            if path in values and values[path] != value:
                what = f"与 {source[path]} {place} 的 {_shown(values[path])} 冲突"
                problems.append(Problem(f"{file} {place}", what, _shown(value), "请只在一处写明"))
            elif path not in values:
                values[path], source[path] = value, file
    return values, source, problems


def _shown(value: Any) -> str:
    several = value if isinstance(value, tuple) else (value,)
    return "、".join(f"{each:g}" if isinstance(each, float) else str(each) for each in several)
