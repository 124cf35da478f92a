"""The data for working without a network: made once for each version, kept in memory and on disk."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from ...geodata.errors import Problem
from ...geodata.store import replacing
from ..desk.bundle import FORMAT, bundle
from ..desk.drawing import FOLDER
from ..desk.ground import Ground
from .errors import Refusal

_LOG = logging.getLogger(__name__)
_MAKING = threading.Lock()
_KEPT: dict[Path, tuple[str, bytes]] = {}
_MOST_FILES = 3
_MOST_BYTES = 1 << 26
_WAIT_S = 20.0


def bundle_of(ground: Ground, at: datetime) -> bytes:
    """Return the bundle of a ground as JSON; one is made at a time.

    Raises
    ------
    Refusal
        503 where another version is being made for too long.
    """
    kept = _KEPT.get(ground.root)
    if kept is not None and kept[0] == ground.version:
        return kept[1]
    if not _MAKING.acquire(timeout=_WAIT_S):
        problem = Problem("离线数据", "正在生成", fix="请稍后再试")
        raise Refusal(503, problem, headers={"Retry-After": "10"})
    try:
        kept = _KEPT.get(ground.root)
        if kept is None or kept[0] != ground.version:
            kept = ground.version, _read(ground) or _make(ground, at)
            _KEPT[ground.root] = kept
        return kept[1]
    finally:
        _MAKING.release()


def _path(ground: Ground) -> Path:
    return ground.root / FOLDER / f"offline-{FORMAT}-{ground.version}.json"


def _read(ground: Ground) -> bytes | None:
    """Read what another worker has made; a file that is not whole is made anew."""
    path = _path(ground)
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        text = path.read_bytes()
        return text if json.loads(text).get("version") == ground.version else None
    except (OSError, ValueError, AttributeError):
        return None


def _make(ground: Ground, at: datetime) -> bytes:
    text = json.dumps(bundle(ground, made_at=at), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    made = text.encode("utf-8", "replace")
    path = _path(ground)
    try:
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(made)
        path.chmod(0o600)  # it names people and their telephones
        _sweep(path.parent)
    except OSError as error:
        _LOG.warning("the bundle cannot be kept: %s", error)
    return made


def _sweep(folder: Path) -> None:
    """Remove the bundles of data that have changed since."""
    with suppress(OSError):
        found = sorted(folder.glob("offline-*.json"), key=lambda path: path.stat().st_mtime)
        for path in found[:-_MOST_FILES]:
            path.unlink(missing_ok=True)
