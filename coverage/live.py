"""Where help comes from first, asked again and again on a network that stays in memory.

The answers are those of `nearest.nearest_sites`, bit for bit, ways and ties included. A question is answered
at once by numpy, and in a millisecond as soon as the compiled search is there (see `live_engine`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geodata.network import Network
from .kept import Kept
from .live_engine import LABELS, Engine, roads_of
from .nearest import (
    NEVER,
    READINESS_MIN,
    Answer,
    Asked,
    Course,
    Help,
    Sites,
    answer_of,
    ask,
    course_of,
    help_of,
    help_without,
    readiness_of,
    search,
    ways_of,
)
from .snap import ACCESS_DETOUR, ACCESS_KMH, Access, attach

_FEW = 2 * LABELS
"""Sites found or left out up to which a search of all sites is quick; beyond, one of the others is kept."""


_First = tuple[Asked, NDArray[np.int64], int, Callable[[int], Course]]
"""A question, the (s,) driving times by which its first k are put in order, k, and their ways by row."""


class Times(NamedTuple):
    """When the help of each of s sites would arrive; seconds, inf where it cannot."""

    eta_s: NDArray[np.float64]
    """(s,) readiness + driving."""
    readiness_s: NDArray[np.float64]
    """(s,) readiness, also of those that cannot arrive."""
    drive_s: NDArray[np.float64]
    """(s,) driving, both ends' way to the road included."""


class Live:
    """Sites on a network, ready for questions; may be used by several threads.

    Parameters
    ----------
    network, sites, default_readiness_min
        As in `nearest.nearest_sites`; the sites are mappings that nobody changes.

    Raises
    ------
    ValueError
        A readiness is negative or no number, a coordinate is no finite number, or the network has no nodes.
    """

    def __init__(
        self,
        network: Network,
        sites: Sequence[Mapping[str, Any]],
        *,
        default_readiness_min: float = READINESS_MIN,
    ) -> None:
        self.network, self.sites = network, tuple(sites)
        self._ready, self._assumed = readiness_of(self.sites, default_readiness_min)
        self._roads, self._usual = roads_of(network), self
        self._targets = Kept[Access](most=4)
        self._meet()
        self._engine = Engine(self._roads, self._network, self._found.help)

    def under(self, now: Network) -> Live:
        """Give the same sites on the network under other closures, by what is known of this one.

        Raises
        ------
        ValueError
            The networks are not of the same roads.
        """
        if now is self.network:
            return self
        usual = self._usual
        if now is usual.network:
            return usual
        own = usual.network
        if now.head is not own.head and not (
            np.array_equal(now.head, own.head) and np.array_equal(now.start, own.start)
        ):
            raise ValueError("the network of now has other roads")
        made = object.__new__(Live)
        made.network, made.sites, made._usual = now, self.sites, usual
        made._ready, made._assumed, made._roads = self._ready, self._assumed, self._roads
        if now.shapes is None:  # points meet nodes, whatever is closed
            made._network, made._found = replace(now, into=self._roads.into(self.network)), usual._found
            made._targets = usual._targets
        else:
            made._targets = Kept[Access](most=4)
            made._meet()
        made._engine = Engine(made._roads, made._network, made._found.help, usual=usual._engine)
        return made

    def _meet(self) -> None:
        """Let the sites meet the roads."""
        self._network = replace(self.network, into=self._roads.into(self.network))
        points = [[site[axis] for site in self.sites] for axis in ("lon", "lat")]
        stops = self._attach(*points)
        self._found = Sites(self.sites, self._assumed, stops, help_of(stops, self._ready))

    def _attach(self, lon: Sequence[float], lat: Sequence[float], *, alone: bool = False) -> Access:
        """Let points meet the roads.

        numpy rounds the last bit of an array of one differently. So unless `nearest_sites` would look it up
        alone, a point comes twice.
        """
        twice = 1 if len(lon) == 1 and not alone else 0
        found = attach(
            self._network,
            [*lon, *lon[:twice]],
            [*lat, *lat[:twice]],
            detour=ACCESS_DETOUR,
            speed_kmh=ACCESS_KMH,
            cold=True,
            finder=self._roads.finder(self._network),
        )
        return found.take(slice(len(lon)))

    def nearest(self, lon: float, lat: float, *, k: int = 3, without: Collection[int] = ()) -> Answer:
        """Find whose help arrives first, as `nearest_sites`; sites whose row is in ``without`` send none.

        Raises
        ------
        ValueError
            k is below 1, or a coordinate is no finite number.
        """
        return answer_of(*self._first(lon, lat, k, without))

    def ways(
        self, lon: float, lat: float, *, k: int = 3, without: Collection[int] = ()
    ) -> dict[int, tuple[int, ...]]:
        """Find only the edges of the ways of `nearest`, by row, first arrival first."""
        found = ways_of(*self._first(lon, lat, k, without))
        return {row: tuple(way.edge.tolist()) for row, way in found.items()}

    def _first(self, lon: float, lat: float, k: int, without: Collection[int]) -> _First:
        """Search for the first arrivals: what `answer_of` takes. Raises ``ValueError`` where k is below 1."""
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        rows = frozenset(row for row in without if 0 <= row < len(self.sites))
        beside = len(rows) + k <= _FEW
        engine = self._engine if beside else self._engine.part(rows)
        quick = engine.search()
        helping = help_without(engine.help, rows) if quick is None else engine.help
        asked = self._ask(lon, lat, rows, helping)
        if quick is not None:
            drive, courses = quick.first(_seeds(asked), k, rows if beside else ())
            return asked, np.minimum(drive, asked.straight), k, courses.__getitem__
        front = search(asked, k)
        drive = np.minimum(helping.drive(front.time), asked.straight)
        return asked, drive, k, lambda row: course_of(asked, front, row)

    def times(self, lon: float, lat: float) -> Times:
        """Find when the help of every site would arrive at a point.

        The times are those that `nearest` gives. One search over the whole network (90 ms on 1.5 M nodes),
        and less than a millisecond as soon as there is a table of times.

        Raises
        ------
        ValueError
            A coordinate is no finite number.
        """
        quick = self._engine.whole_search()
        asked = self._ask(lon, lat, frozenset(), self._engine.help)
        if quick is not None:
            drive = quick.all(_seeds(asked))
        else:
            drive = asked.sites.help.drive(search(asked, len(self.sites) + 1).time)
        drive = np.minimum(drive, asked.straight)
        never = drive >= NEVER
        eta, own = (np.where(never, np.inf, time / 100) for time in (drive + self._ready, drive))
        return Times(eta, self._ready / 100, own)

    @property
    def site_metres(self) -> NDArray[np.float64]:
        """(s,) straight metres from each site to where it meets the roads."""
        return self._found.access.metres

    def metres(self, lon: float, lat: float) -> float:
        """Measure the straight metres from a point to where it meets the roads; inf where it meets none."""
        target = self._target(lon, lat)
        return float(target.metres[0]) if target.met[0] else inf

    def prepare(self) -> None:
        """Do now what else the first questions start in the background: some 5 s on 1.5 M nodes."""
        self._engine.prepare()

    def _ask(self, lon: float, lat: float, rows: frozenset[int], helping: Help) -> Asked:
        target = self._target(lon, lat, alone=len(rows) == len(self.sites))
        found = replace(self._found, help=helping)
        return ask(self._network, found, target, without=rows)

    def _target(self, lon: float, lat: float, *, alone: bool = False) -> Access:
        """Let a point meet the roads; one question asks several times for the same."""
        return self._targets.get(
            (self._roads,), (lon, lat, alone), lambda: self._attach([lon], [lat], alone=alone)
        )


def _seeds(asked: Asked) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Give the nodes by which the point is reached, and the time from them."""
    _, nodes, times = asked.target.entries()
    return nodes, times
