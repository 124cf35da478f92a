"""What the searches find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Nodes = NDArray[np.int32]
Centiseconds = NDArray[np.int32]


@dataclass(frozen=True)
class Nearest:
    """For every node of a network the nearest of many sites; between equally near ones the lowest."""

    centiseconds: Centiseconds
    """(n,) time between site and node, the site's offset included; ``UNREACHED`` where there is none."""
    site: NDArray[np.int32]
    """(n,) the site's number (label), -1 where there is none."""
    edge: NDArray[np.int32]
    """(n,) edge by which the shortest way comes to the node (or leaves it, where sites are driven to).

    Of all edges that give the same time and site the lowest; -1 where the node is the site's own and where
    there is none.
    """
    direction: str = "from"
    """``from`` the sites or ``to`` them."""


@dataclass(frozen=True)
class KNearest:
    """For every node of a network the k nearest of many sites, in order; equally near ones by number."""

    centiseconds: Centiseconds
    """(n, k) as in `Nearest`, ascending."""
    site: NDArray[np.int32]
    """(n, k) as in `Nearest`; no site twice."""
    edge: NDArray[np.int32]
    """(n, k) as in `Nearest`."""
    direction: str = "from"
    """``from`` the sites or ``to`` them."""


@dataclass(frozen=True)
class Within:
    """All nodes within a limit of each of s sources: those of source i are ``indptr[i]:indptr[i + 1]``."""

    indptr: NDArray[np.int64]
    """(s + 1,) first entry of each source."""
    node: Nodes
    """(entries,) the nodes in reach, each once per source, in no particular order."""
    centiseconds: Centiseconds
    """(entries,) time between source and node, the source's offset included."""


@dataclass(frozen=True)
class Lost:
    """What changes when one site is lost, for each of s sites: entries ``indptr[i]:indptr[i + 1]``."""

    first: Nearest
    """With all sites."""
    indptr: NDArray[np.int64]
    """(s + 1,) first entry of each site."""
    node: Nodes
    """(entries,) the nodes whose nearest site it is, ascending."""
    centiseconds: Centiseconds
    """(entries,) their time without it; ``UNREACHED`` where no other site reaches them."""
    site: NDArray[np.int32]
    """(entries,) their nearest site without it, -1 where there is none."""


@dataclass(frozen=True)
class Way:
    """A shortest way in the direction of driving."""

    site: int
    """Number of the site at its end, -1 for a route between two points."""
    centiseconds: int
    """Its time, what the ends add included."""
    nodes: Nodes
    """The nodes that it passes; at least one."""
    edges: NDArray[Any]
    """The edges between them."""
