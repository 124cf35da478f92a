"""Scenarios: what is different from today, as a YAML file → frozen `Scenario`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr

from ..geodata.errors import InputError, Problem
from .actions import Change
from .areas import FOLDER
from .costs import Costs
from .fields import Line, Slug, Text, listed
from .reading import Model, parse_yaml, validate
from .requests import Siting
from .standard_changes import Standards

PRESETS = ("baseline", "plan_2022_2024", "every_county")
"""Ready scenarios, in the order in which they are shown."""

MOST_CHANGES, MOST_SITING = 2000, 200

Part = Literal["changes", "siting"]


class Origin(NamedTuple):
    """Where an entry was written."""

    file: str
    """As it is named in messages; empty for a scenario that comes from no file."""
    number: int
    """Of the entry in its file, from 1."""

    def place(self, part: Part) -> str:
        """Name the entry: ``plan.yaml changes 第2项``."""
        return f"{self.file} {part} 第{self.number}项".strip()


class Scenario(Model):
    """What is different from today: changes, requests for new sites, other standards, prices.

    Two scenarios are equal, and have the same key, where they ask for the same; from which files that comes
    is only remembered for messages.
    """

    model_config = ConfigDict(title="boai 方案")

    name: Slug = Field(description="方案的代号: 小写字母、数字、_ 和 -, 结果文件夹以此命名")
    title: Line = Field(description="标题, 显示在表格和地图上")
    description: Text = Field(default="", description="说明")
    extends: Annotated[
        tuple[Slug, ...],
        Field(strict=False, max_length=20),
        BeforeValidator(listed, json_schema_input_type=Slug | list[Slug]),
    ] = Field(
        default=(),
        description="先采用哪些方案的内容: 预设的名称, 或同一文件夹里文件的名称 (不写 .yaml), 一个或几个",
    )
    changes: Annotated[tuple[Change, ...], Field(strict=False, max_length=MOST_CHANGES)] = Field(
        default=(), description="改动, 依次写; 同一事物只能改动一次"
    )
    siting: Annotated[tuple[Siting, ...], Field(strict=False, max_length=MOST_SITING)] = Field(
        default=(), description="选址要求: 由模型建议新站点放在哪里"
    )
    standards: Standards = Field(default=Standards(), description="与现行不同的服务标准")
    costs: Costs = Field(default=Costs(), description="各项行动的价格; 没有写的不计价")

    _origins: dict[str, tuple[Origin, ...]] = PrivateAttr(default_factory=dict)
    _standards_from: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def key(self) -> str:
        """SHA-256 of the content: the same content has the same key, however the file is written."""
        content = self.model_dump(mode="json")
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def place(self, part: Part, position: int) -> str:
        """Name the entry at a position (from 0) of ``changes`` or ``siting`` with the file it comes from."""
        known = self._origins.get(part, ())
        return (known[position] if position < len(known) else Origin("", position + 1)).place(part)

    def standards_place(self, key: str) -> str:
        """Name a key of the standards, such as ``aed.main``, with the file it comes from."""
        file = self._standards_from.get(key, "")
        if not file:
            own = [name for path, name in self._standards_from.items() if path.startswith(f"{key}.")]
            file = own[0] if own else self._standards_from.get(key.partition(".")[0], "")
        return f"{file} standards.{key}".strip()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self.key)


def load_scenario(source: str | Path) -> Scenario:
    """Load a scenario: the name of a preset or the path of a YAML file, with all that it extends.

    Files that it extends, and areas that it names, lie in its own folder (areas also below it); what they
    hold becomes part of the scenario.

    Raises
    ------
    InputError
        Every problem of all the files at once: where, what, what was got, how to mend it.
    """
    from .extending import load  # noqa: PLC0415 (it makes scenarios)

    return load(source)


def parse_scenario(text: str, *, where: str = "", folder: Path | None = None) -> Scenario:
    """Parse the text of a scenario that extends nothing; raises ``InputError``.

    Parameters
    ----------
    where
        What messages name.
    folder
        Where the files lie that the text may name; None: it may name none.

    Examples
    --------
    >>> scenario = parse_scenario("{name: a, title: 人口, changes: [{grow: {unit: 全省, percent: 10}}]}")
    >>> scenario.changes[0].word, scenario.changes[0].action
    ('grow', Grow(unit='全省', percent=10.0, residents=None, age='all'))
    """
    scenario = from_text(text, where or "方案", folder, file=where)
    if scenario.extends:
        place = f"{where or '方案'} extends"
        raise InputError(Problem(place, "这里的方案不能继承别的方案", fix="请先存成文件"))
    return scenario


def from_text(text: str, where: str, folder: Path | None, *, file: str) -> Scenario:
    """Read one file of a scenario, not what it extends, and remember where its entries stand."""
    return from_content(parse_yaml(text, where), where, folder, file=file)


def from_content(content: Any, where: str, folder: Path | None, *, file: str) -> Scenario:
    """Check plain values as a scenario that extends nothing yet; raises ``InputError``."""
    scenario = validate(Scenario, content, where, context={FOLDER: folder})
    origins = {
        part: tuple(Origin(file, number) for number in range(1, len(getattr(scenario, part)) + 1))
        for part in ("changes", "siting")
    }
    named = dict.fromkeys(standard_values(scenario.standards), file)
    return remembering(scenario, origins, named)


def remembering(
    scenario: Scenario, origins: Mapping[str, tuple[Origin, ...]], standards: Mapping[str, str]
) -> Scenario:
    """Return the scenario with the files that its entries and standards come from."""
    found = scenario.model_copy()
    found._origins, found._standards_from = dict(origins), dict(standards)
    return found


def standard_values(standards: Standards) -> dict[str, Any]:
    """List what is set, by the path of its key: ``aed`` for a main limit alone, else ``aed.backup``."""
    content = standards.model_dump(exclude_none=True)
    values: dict[str, Any] = {}
    for kind, own in content.items():
        table = own if isinstance(own, Mapping) else {"main": own}
        values |= {f"{kind}.{name}": value for name, value in table.items()}
    return values
