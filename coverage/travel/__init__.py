"""Shortest travel times on the arrays of a Network: exact, in integer centiseconds.

Whole networks: `to_nearest`, `to_second_nearest`, `k_nearest`, `without_each` (one pass for all nodes),
`within` and `trees` (one search per source, in threads). One question: `Finder`, `Router`, `route`. Stored
answers: `path`, `nearest_ways`. Closures, slow-downs, reopenings: `repair`, `Repairer`.

In all of them a limit is inclusive; a closed edge is passed over; of equally near sites the lowest number
counts, and of equally short ways the lowest edge at each node. ``direction`` says who drives: ``from`` the
sites (help to the residents) or ``to`` them. Times that would pass 2^31 - 2 centiseconds (248 days) count as
unreached. Compiled by numba at the first call and kept on disk; the GIL is released.
"""

from __future__ import annotations

from ...geodata.network import edge_tails
from .bounded import trees, within
from .changes import Change, Repairer, repair
from .nearest import k_nearest, to_nearest, to_second_nearest, without_each
from .query import Finder, Router, route
from .queue import UNREACHED
from .results import Centiseconds, KNearest, Lost, Nearest, Nodes, Way, Within
from .ways import nearest_ways, path

__all__ = [
    "UNREACHED",
    "Centiseconds",
    "Change",
    "Finder",
    "KNearest",
    "Lost",
    "Nearest",
    "Nodes",
    "Repairer",
    "Router",
    "Way",
    "Within",
    "edge_tails",
    "k_nearest",
    "nearest_ways",
    "path",
    "repair",
    "route",
    "to_nearest",
    "to_second_nearest",
    "trees",
    "within",
    "without_each",
]
