"""What a question at the desk is made of besides the data: marks on sites, and a trial of what if."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...geodata.layers import Kind
from ...geodata.moments import CHINA

__all__ = ["CHINA", "SENT", "Mark", "Ring", "State", "WhatIf"]

SENT: tuple[Kind, ...] = ("warehouse", "team")
"""Layers whose help is sent to a place."""

State = Literal["空", "可用"]
Ring = tuple[tuple[float, float], ...]
"""Corners of a polygon: (longitude, latitude), WGS84 degrees."""


@dataclass(frozen=True)
class Mark:
    """What somebody at a desk found out about a site by asking there."""

    kind: str
    """Layer: ``warehouse`` or ``team``."""
    id: str
    """Site."""
    state: State
    """``空``: it has nothing, or nobody, to send; ``可用``: it was asked and can send."""
    note: str = ""
    who: str = ""
    """Who says so."""
    at: str = ""
    """When, ISO 8601 with offset."""
    until: str = ""
    """When it ends by itself, ISO 8601 with offset; empty: when it is taken back."""


@dataclass(frozen=True)
class WhatIf:
    """A trial that counts for one question and is stored nowhere."""

    empty: tuple[str, ...] = ()
    """Ids of sites that send nothing."""
    roads: tuple[str, ...] = ()
    """Closed roads by code or name: G60, 沪昆高速."""
    edges: tuple[int, ...] = ()
    """Closed edges by position in the network, each with its way back."""
    areas: tuple[Ring, ...] = ()
    """Areas in which every road is closed."""

    def __bool__(self) -> bool:
        """Tell whether anything is tried."""
        return bool(self.empty or self.roads or self.edges or self.areas)
