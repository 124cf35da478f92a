"""From a cold start to the quickest search, without anybody waiting for it.

An engine answers on one network for the sites that may help. At first there is only numpy (`frontier`), which
takes 10 ms on 38 000 nodes and some 100 ms on 1.5 M. With the first question a thread loads the compiled
search; then it finds the nearest sites of every node, which lead the search straight ahead; and where times
of all sites are asked for, their times to all gates (`live_table`). Under closures the engine of the
usual roads leads, until one that is asked often knows the roads of now as well. All steps give the same
answers, bit for bit.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Collection
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from ..geodata.network import Incoming, Network, incoming
from .kept import Kept
from .near_nodes import NodeFinder
from .nearest import Help, help_without

if TYPE_CHECKING:
    from .live_search import Search, Works
    from .live_table import Cells

LABELS = 4
"""Sites known of every node: the third of three is found with the bound that leaves out two; one more is for
a store that is empty."""

_FEW_LABELS = 2
_PATIENCE = 8
"""Questions after which an engine under closures, or for a part of the sites, is worth labels of its own."""
_PARTS = 4
_LARGE = 500_000
"""Edges from which on numpy takes longer to search them all than the compiled search to load."""
_MOST_WAIT_S = 2.0
_LOG = logging.getLogger(__name__)
_LOADED = Event()
"""Set as soon as the compiled search is loaded: on a new installation that takes half a minute, once."""
_TURN = Lock()
"""Labels are found one engine after the other, so that answers keep their processor."""


class Roads:
    """What all networks of the same roads share, whatever is closed; made when it is first needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._finder: NodeFinder | None = None
        self._into: Incoming | None = None
        self._works: Works | None = None
        self._cells: Cells | None = None

    def finder(self, network: Network) -> NodeFinder | None:
        """Give the finder of the nearest node; None on a network with shapes."""
        if network.shapes is not None and network.grid is not None:
            return None
        with self._lock:
            self._finder = self._finder or NodeFinder(network)
            return self._finder

    def into(self, network: Network) -> Incoming:
        """Give the rows turned round."""
        with self._lock:
            self._into = self._into or incoming(network)
            return self._into

    def works(self, network: Network) -> Works:
        """Give the work arrays of the compiled search."""
        from .live_search import Works  # noqa: PLC0415 (numba is slow to load)

        with self._lock:
            self._works = self._works or Works(network.n_nodes)
            return self._works

    def cells(self, network: Network) -> Cells:
        """Give the cells of the table of times."""
        from .live_table import cells_of  # noqa: PLC0415 (numba is slow to load)

        with self._lock:
            self._cells = self._cells or cells_of(network)
            return self._cells


_ROADS = Kept[Roads](most=4)


def roads_of(network: Network) -> Roads:
    """Give what networks of the same roads share; it keeps none of them alive."""
    return _ROADS.get((network.lon, network.head), None, Roads)


class Engine:
    """The search for some sites on one network, as quick as it is by now; may be used by several threads."""

    def __init__(self, roads: Roads, network: Network, helping: Help, *, usual: Engine | None = None) -> None:
        """Take the network and the ways out of sites.

        ``usual`` is the engine for the same sites on the roads without closures.
        """
        self._roads, self._network, self.help, self._usual = roads, network, helping, usual
        self._search: Search | None = None
        self._asked, self._is_part = 0, False
        self._started, self._labelled = set[str](), Event()
        self._parts: OrderedDict[frozenset[int], Engine] = OrderedDict()
        self._lock = Lock()

    def search(self) -> Search | None:
        """Give the compiled search; None as long as it is not there."""
        self._asked += 1
        if self._search is None and _LOADED.is_set():
            made = self._made()
            with self._lock:  # what was made ready in between is better
                self._search = self._search or made
        first = self._usual is None and not self._is_part
        if first or self._asked > _PATIENCE:
            self._start(self._label)
        elif self._usual is not None:
            self._usual.search()
        return self._search

    def whole_search(self) -> Search | None:
        """Do as `search`, for a search over the whole network: on a large one it waits a little."""
        found = self.search()
        if found is None and self._network.n_edges > _LARGE and _LOADED.wait(_MOST_WAIT_S):
            found = self.search()
        if self._started:
            self._start(self._tabulate)
        return found

    def part(self, without: Collection[int]) -> Engine:
        """Give the engine without some sites; the last few are kept."""
        rows = frozenset(without)
        if not rows:
            return self
        with self._lock:
            found = self._parts.pop(rows, None)
        if found is None:
            usual = None if self._usual is None else self._usual.part(rows)
            found = Engine(self._roads, self._network, help_without(self.help, rows), usual=usual)
            found._is_part = True
        with self._lock:
            self._parts[rows] = found
            while len(self._parts) > _PARTS:
                self._parts.popitem(last=False)
        return found

    def prepare(self) -> None:
        """Do now what else is done in the background."""
        self._started |= {self._label.__name__, self._tabulate.__name__}
        self._label()
        self._tabulate()

    def _label(self) -> None:
        """Load the search, and find the sites nearest to every node."""
        from .live_search import with_labels  # noqa: PLC0415 (numba is slow to load)

        try:
            made = self._search or self._made()
            if made is None:
                return
            if not _LOADED.is_set():
                made.rehearse()
            self._search = made
            _LOADED.set()
            with _TURN:  # of what is there by now: it may have a table
                made = with_labels(self._search, _FEW_LABELS if self._is_part else LABELS)
                made.rehearse()
                self._search = made
        finally:
            self._labelled.set()

    def _tabulate(self) -> None:
        """Make the table of times."""
        from .live_search import with_table  # noqa: PLC0415 (numba is slow to load)

        self._labelled.wait()
        with _TURN:
            if self._search is not None and not self._is_part:
                self._search = with_table(self._search, self._roads.cells(self._network))

    def _made(self) -> Search | None:
        """Make the search, led by what is known of the usual roads; None: it cannot tell times so long."""
        from .live_search import fits, search_on  # noqa: PLC0415 (numba is slow to load)

        if not fits(self.help):
            return None
        usual = self._usual._search if self._usual is not None else None
        roads, network = self._roads, self._network
        known = None if usual is None else usual.known
        return search_on(network, roads.into(network), self.help, roads.works(network), known)

    def _start(self, work: Callable[[], None]) -> None:
        """Go on in the background, once."""
        with self._lock:
            if work.__name__ in self._started:
                return
            self._started.add(work.__name__)
        Thread(target=_run, args=(work,), name="boai-live", daemon=True).start()


def _run(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # the slow way still answers
        _LOG.exception("the quick search could not be made ready")
