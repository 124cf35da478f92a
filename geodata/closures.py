"""Closing edges of a saved network for everybody: one way for the commands and for the desk's page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from numpy.typing import ArrayLike

from .errors import Problem, WorkspaceError
from .moments import written
from .network import Network
from .overlay import Measure, editing, expire, impose, load_overlay, save_overlay
from .store import stored_hash


@contextmanager
def changing(folder: Path, network: Network) -> Iterator[None]:
    """Hold the measures of a network for writing; refuse where it was replaced since it was opened.

    Raises
    ------
    WorkspaceError
        The network is another one now, or another program writes.
    """
    with editing(folder):
        if stored_hash(folder, kind="network") != network.meta["hash"]:
            raise WorkspaceError(Problem(str(folder), "路网刚刚被替换", fix="请再试一次"))
        yield


def close_edges(
    folder: Path,
    network: Network,
    edges: ArrayLike,
    *,
    at: datetime,
    what: str,
    speed: float = 0.0,
    reason: str = "",
    reporter: str = "",
    until: str = "",
) -> Measure:
    """Close edges of a saved network, or leave a share of their speed; what has ended leaves the file.

    Parameters
    ----------
    until
        When it ends, as `moments.read_end` writes it; empty: when it is taken back.

    Raises
    ------
    InputError
        The speed is wrong, or too much is in force; see `overlay.impose`.
    WorkspaceError
        As `changing`, or the file is damaged.
    """
    with changing(folder, network):
        overlay = impose(
            expire(load_overlay(folder, network), at),
            edges,
            speed=speed,
            what=what,
            reason=reason,
            at=written(at),
            reporter=reporter,
            until=until,
        )
        save_overlay(overlay, folder)
    return overlay.measures[-1]
