"""Ground: all that an answer is made of, opened once and kept; a new one is made when its files change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...coverage.live import Live
from ...geodata import gazetteer, outline
from ...geodata.edge_runs import runs_of
from ...geodata.errors import WorkspaceError
from ...geodata.layers import EXAMPLE, Kind
from ...geodata.moments import instant
from ...geodata.network import Network, load_network
from ...geodata.overlay import Measure, Overlay, in_force, load_overlay, under
from ...geodata.registry import read_sites, stored_hash
from ...geodata.store import stored_hash as folder_hash
from ..standards import OWN_FILE, office_standards
from ..workspace import Workspace, open_workspace
from .cards import MORE_COLUMNS
from .marks import key, marks_or_note
from .parts import CHINA, SENT, Mark

if TYPE_CHECKING:
    from ...coverage.standard_file import StandardFile
    from ...coverage.standards import Standard

_DIGITS = 12
_Data = TypeVar("_Data", gazetteer.Gazetteer, Network)


@dataclass(frozen=True)
class Ground:
    """The data of a workspace in memory or memory-mapped; never changed, so threads may share it."""

    root: Path
    gazetteer: gazetteer.Gazetteer
    outline: dict[str, NDArray[np.float64]]
    network: Network
    """Without measures."""
    overlay: Overlay
    """The measures in force at ``at``."""
    now: Network
    """Under the measures."""
    live: Mapping[Kind, Live]
    """Warehouses and teams under the measures."""
    usual: Mapping[Kind, Live]
    """The same without measures."""
    office: StandardFile
    """The office's standards, rules and references."""
    marks: Mapping[str, Mark]
    """{``kind/id``: mark} of those that hold at ``at``; see `mark`."""
    version: str
    """12 hex digits of the hashes of all data: equal where, and only where, all data are."""
    labels: tuple[str, ...]
    """近似路网, 示例数据, as far as they hold for any layer; an answer bears those of `labels_of`."""
    as_of: str
    """When the youngest of the data was written, ISO 8601, China's time."""
    at: datetime
    """For which time the measures and marks were chosen."""
    changes_at: datetime | None
    """When the next of them ends by itself."""
    notes: tuple[str, ...] = ()
    """What every answer has to say: data that could not be read, and what stands in for them."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Hash of each part."""

    def labels_of(self, kind: Kind) -> tuple[str, ...]:
        """Return the labels of an answer about one resource type: examples of another type are not in it."""
        return _labels(self.network, self.usual[kind])

    @property
    def standards(self) -> Mapping[Kind, Standard]:
        """The office's standard of each layer."""
        return self.office.standards

    def mark(self, kind: str, id_: str) -> Mark | None:
        """Return what a desk noted about a site; None where nothing."""
        return self.marks.get(key(kind, id_))

    def site(self, kind: Kind, id_: str) -> Mapping[str, Any] | None:
        """Return a warehouse or team by its id."""
        return next((site for site in self.usual[kind].sites if site["id"] == id_), None)


def open_ground(
    root: Path, *, warm: bool = True, before: Ground | None = None, at: datetime | None = None
) -> Ground:
    """Open all that an answer is made of; nothing is built, and nothing written.

    Parameters
    ----------
    root
        Workspace.
    warm
        Ask a first question of each layer, which reads the network and compiled code into memory.
    before
        A ground of the same workspace: its parts are taken over where their data are the same.
    at
        For which time measures and marks count; by default now.

    Raises
    ------
    WorkspaceError
        Something is missing or damaged, in one Chinese sentence each.
    """
    at, workspace = at or datetime.now(CHINA), open_workspace(root)
    hashes = _hashes(workspace)
    same = {name for name, text in hashes.items() if before is not None and before.hashes.get(name) == text}
    gaz = before.gazetteer if before and "gazetteer" in same else _plain(gazetteer.load(root / "gazetteer"))
    area = before.outline if before and "outline" in same else _outline(root)
    network = before.network if before and "network" in same else _network(root)
    office = before.office if before and "standards" in same else office_standards(root)
    usual = before.usual if before and {"network", "layers", "standards"} <= same else None
    if usual is None:
        usual = {kind: _live(workspace, network, kind, office) for kind in SENT}
    overlay, overlay_ends = _overlay(root, network, at)
    told = json.dumps([_words(one) for one in overlay.measures], ensure_ascii=False)
    hashes["overlay"] = hashlib.sha256(told.encode()).hexdigest()
    if (
        before
        and {"network", "layers", "standards"} <= same
        and hashes["overlay"] == before.hashes["overlay"]
    ):
        now, live = before.now, before.live
    else:
        now = under(network, overlay)
        live = usual if now is network else {kind: one.under(now) for kind, one in usual.items()}
    marks, notes = marks_or_note(root, at)
    hashes["marks"] = hashlib.sha256(repr(sorted(map(repr, marks.values()))).encode()).hexdigest()
    ends = [*overlay_ends, *(end for one in marks.values() if (end := instant(one.until)) is not None)]
    ground = Ground(
        root=root,
        gazetteer=gaz,
        outline=area,
        network=network,
        overlay=overlay,
        now=now,
        live=live,
        usual=usual,
        office=office,
        marks=marks,
        version=_version(hashes),
        labels=_labels(network, *usual.values()),
        as_of=_as_of(root),
        at=at,
        changes_at=min(ends, default=None),
        notes=notes,
        hashes=hashes,
    )
    if warm:
        warm_up(ground)
    return ground


def warm_up(ground: Ground) -> None:
    """Ask a first question of each layer, so that what is read or compiled once is there for the next."""
    middle = float(np.median(ground.network.lon)), float(np.median(ground.network.lat))
    for live in ground.live.values():
        live.nearest(*middle, k=1)


def _hashes(workspace: Workspace) -> dict[str, str]:
    root, stated = workspace.root, workspace.manifest["hashes"]
    found = {name: str(stated[name]) for name in ("outline", "gazetteer", "network", "demand")}
    own = root / OWN_FILE
    found["standards"] = hashlib.sha256(own.read_bytes()).hexdigest() if own.is_file() else ""
    found["layers"] = stored_hash(workspace.layers)
    found["water"] = _water_hash(root)
    return found


def _water_hash(root: Path) -> str:
    """Return the hash of the layer of water; empty where there is none, or it cannot be read."""
    try:
        return folder_hash(root / "water", kind="water")
    except WorkspaceError:
        return ""


def _outline(root: Path) -> dict[str, NDArray[np.float64]]:
    return {name: np.asarray(array) for name, array in outline.load_outline(root / "outline").items()}


def _network(root: Path) -> Network:
    return _plain(load_network(root / "network", verify="once"))


def _plain(data: _Data) -> _Data:
    """Take memory-mapped arrays as plain ones: numpy's own class for them spends 2 us on every slice."""
    arrays = {one.name: getattr(data, one.name) for one in fields(data)}
    mapped: dict[str, Any] = {
        name: np.asarray(array) for name, array in arrays.items() if isinstance(array, np.memmap)
    }
    return replace(data, **mapped)


def _live(workspace: Workspace, network: Network, kind: Kind, office: StandardFile) -> Live:
    ready_min = (office.standards[kind].mobilisation_s or 0) / 60
    sites = read_sites(workspace.layers, kind, more=MORE_COLUMNS)
    return Live(network, sites, default_readiness_min=ready_min)


def _overlay(root: Path, network: Network, at: datetime) -> tuple[Overlay, list[datetime]]:
    """Read the measures in force, and when each ends."""
    overlay = in_force(load_overlay(root / "network", network), at)
    return overlay, [end for one in overlay.measures if (end := instant(one.until)) is not None]


def _words(measure: Measure) -> dict[str, Any]:
    return {**vars(measure), "edges": runs_of(measure.edges)}


def _labels(network: Network, *layers: Live) -> tuple[str, ...]:
    example = any(site["example"] for live in layers for site in live.sites)
    return tuple(text for text in (network.label, EXAMPLE if example else "") if text)


def _version(hashes: Mapping[str, str]) -> str:
    text = json.dumps(dict(sorted(hashes.items())))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def files_of(root: Path) -> Sequence[Path]:
    """List the files by which a change of the data is noticed (marks aside)."""
    parts = ("outline", "gazetteer", "network", "demand", "water")
    manifests = [root / part / "manifest.json" for part in parts]
    layers = [root / name for name in ("layers.gpkg", "layers.gpkg-journal", "layers.gpkg-wal")]
    return [root / "boai.json", root / OWN_FILE, root / "network" / "closures.json", *manifests, *layers]


def _as_of(root: Path) -> str:
    times = [path.stat().st_mtime for path in files_of(root) if path.exists()]
    return datetime.fromtimestamp(max(times), UTC).astimezone(CHINA).isoformat(timespec="seconds")
