"""What the registry gives and takes: a change, a revision, what a layer holds, and the errors of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Action = Literal["create", "import", "replace", "edit", "remove", "undo"]
"""What a revision did. create: the example layers of a new workspace."""


class Conflict(InputError):  # noqa: N818 (says what it is)
    """Somebody else changed the same sites since they were read; nothing was written."""


@dataclass(frozen=True)
class Change:
    """What is to become of one layer."""

    upserts: pd.DataFrame
    """Sites to add or to change, one row per id: common attributes and the type's own ones as columns, and if
    wanted ``extras`` (dict) and ``example`` (bool). A column that is not there leaves what is stored."""
    delete: Sequence[str] = ()
    """Ids of sites to remove."""
    facts: Mapping[str, int] = field(default_factory=dict)
    """Further counts for the revision, such as how many rows were matched by their name."""


@dataclass(frozen=True)
class Revision:
    """One change of the registry: when, who, why, from which file, and what it did."""

    number: int
    """1, 2, 3 …; 0 where nothing changed and therefore nothing was recorded."""
    time: str
    """UTC, ISO 8601."""
    who: str
    why: str
    action: str
    kind: str
    """Resource type; empty where several layers changed."""
    file: str
    file_hash: str
    counts: Mapping[str, int]
    """added, changed, unchanged, deleted, examples_removed, quarantined, and further facts of an import."""
    verdict: Any
    """The verdict on the coordinates as JSON data, None where there was none."""
    mapping: Any
    """How the headers were understood as JSON data, None where there were none."""
    undoes: int | None
    """Number of the revision that this one took back."""
    before: str
    """State hash of the registry before and after."""
    after: str


@dataclass(frozen=True)
class LayerInfo:
    """What one layer holds."""

    kind: str
    title: str
    sites: int
    examples: int
    """How many of the sites are 示例数据."""
    revision: int
    """The newest revision that changed this layer: what ``expect`` is compared with."""

    @property
    def example(self) -> bool:
        """Whether the layer must be labelled 示例数据: at least one of its sites is synthetic."""
        return self.examples > 0
