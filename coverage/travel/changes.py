"""Closures, slow-downs and reopenings: mend an answer instead of searching the whole network again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...geodata.compiled import plain
from ...geodata.network import Network
from ...geodata.overlay import changed_edges
from .arrays import sound
from .inputs import both_rows, is_from, limit_of, of_nodes, seeds_of, shift_of
from .mending import cut, finish, forget, offer, put_back, read, reseed, settle, state_of
from .nearest import to_nearest
from .queue import Array
from .results import Nearest

_MOST_SHARE = 0.2
"""Share of the nodes from which on a new search is quicker than mending."""


@dataclass(frozen=True)
class Change:
    """The nodes whose answer is another one now, ascending."""

    node: NDArray[np.int32]
    """(c,) the nodes."""
    centiseconds: NDArray[np.int32]
    """(c,) as in `Nearest`."""
    site: NDArray[np.int32]
    """(c,) as in `Nearest`."""
    edge: NDArray[np.int32]
    """(c,) as in `Nearest`."""

    def applied(self, nearest: Nearest) -> Nearest:
        """Return the whole answer of now."""
        time, site, edge = (np.array(part) for part in (nearest.centiseconds, nearest.site, nearest.edge))
        time[self.node], site[self.node], edge[self.node] = self.centiseconds, self.site, self.edge
        return Nearest(time, site, edge, nearest.direction)


class Repairer:
    """Answers what changes when roads are closed, slowed or sped up, one overlay after the other.

    The nodes whose way came over an edge that got worse, and all behind them, lose their times and are
    reached anew from their neighbours; edges that got better make offers (Ramalingam and Reps 1996, *Journal
    of Algorithms* 21:267). Times, sites and edges are those of a new search, ties included. It keeps work
    arrays of the network's size: make one per thread, and use it again.

    Parameters
    ----------
    network
        Of before.
    nodes, offset_cs, label, within_cs, direction
        As in `to_nearest`.
    nearest
        What `to_nearest` found with these; by default it is searched.
    """

    def __init__(
        self,
        network: Network,
        nodes: ArrayLike,
        *,
        offset_cs: ArrayLike | None = None,
        label: ArrayLike | None = None,
        within_cs: int | None = None,
        direction: str = "from",
        nearest: Nearest | None = None,
    ) -> None:
        self._network, self._forward = network, is_from(direction)
        self._shift = shift_of(network.centiseconds)
        self._asked: dict[str, Any] = {
            "offset_cs": offset_cs,
            "label": label,
            "within_cs": within_cs,
            "direction": direction,
        }
        self._nodes, self._limit = nodes, limit_of(within_cs)
        if nearest is None:
            nearest = to_nearest(network, nodes, **self._asked)
        of_nodes(network, nearest.centiseconds, nearest.site, nearest.edge)
        self.nearest = nearest
        node, offset, number = seeds_of(network, nodes, offset_cs, label)
        order = np.argsort(node, kind="stable")
        self._seeds = node[order], offset[order], number[order]
        self._onward, self._back = both_rows(network, direction)
        self._state = state_of(nearest.centiseconds, nearest.site, nearest.edge)
        n = network.n_nodes
        self._log = np.empty(n, np.int32), np.empty((n, 3), np.int32)

    def change(self, after: Network, *, changed: ArrayLike | None = None) -> Change:
        """Find what is different on a network of the same roads with other times.

        Parameters
        ----------
        changed
            The edges whose times differ from those of before; by default all times are compared.

        Raises
        ------
        ValueError
            The network has other roads, or a changed edge does not exist or takes less than 1 centisecond.
        """
        edges = self._changed(after, changed)
        count = self._mend(after, edges)
        if count < 0:
            return _difference(self.nearest, to_nearest(after, self._nodes, **self._asked))
        node = np.sort(finish(self._state, self._log, count))
        found = Change(node, *read(self._state, node))
        put_back(self._state, self._log, count)
        return found

    def _changed(self, after: Network, changed: ArrayLike | None) -> tuple[Array, Array, Array]:
        """Give the changed edges with the nodes where they begin and end in the direction of the search."""
        own = self._network
        if after.n_nodes != own.n_nodes or after.n_edges != own.n_edges:
            raise ValueError("the network of after has other roads")
        edge = changed_edges(own, after) if changed is None else np.unique(np.asarray(changed, np.int64))
        if len(edge) and not 0 <= edge[0] <= edge[-1] < own.n_edges:
            raise ValueError(f"an edge lies outside the {own.n_edges} edges of the network")
        if not sound(plain(after.centiseconds[edge])):
            raise ValueError("every open edge of the network must take at least 1 centisecond")
        tail = (np.searchsorted(own.start, edge, side="right") - 1).astype(np.int64)
        head = np.asarray(own.head[edge], np.int64)
        return (edge, tail, head) if self._forward else (edge, head, tail)

    def _mend(self, after: Network, changed: tuple[Array, Array, Array]) -> int:
        """Bring the state to the network of now and note what changed: how many nodes, -1 where too many."""
        cost, state, log, limit = plain(after.centiseconds), self._state, self._log, self._limit
        most = int(after.n_nodes * _MOST_SHARE)
        count = cut(self._onward, cost, changed, state, log, most)
        if count > most:
            put_back(state, log, count)
            return -1
        reseed(self._back, cost, self._seeds, limit, state, log[0][:count])
        count = offer(cost, changed, limit, state, log, count)
        count = settle(self._onward, cost, limit, self._shift, state, log, count)
        return int(count)

    def into(self, after: Network, *, changed: ArrayLike | None = None) -> Nearest:
        """Do as `change`, and return the whole answer of now; the repairer answers for it from then on."""
        count = self._mend(after, self._changed(after, changed))
        if count < 0:
            found = to_nearest(after, self._nodes, **self._asked)
            self._state = state_of(found.centiseconds, found.site, found.edge)
        else:
            node = np.sort(finish(self._state, self._log, count))
            found = Change(node, *read(self._state, node)).applied(self.nearest)
            forget(self._state, self._log[0][:count])
        self._network, self.nearest = after, found
        return found


def repair(
    network_before: Network,
    network_after: Network,
    nearest: Nearest,
    nodes: ArrayLike,
    *,
    offset_cs: ArrayLike | None = None,
    label: ArrayLike | None = None,
    within_cs: int | None = None,
    changed: ArrayLike | None = None,
) -> Nearest:
    """Bring the answer of `to_nearest` to a network of the same roads with other times.

    Equal to ``to_nearest(network_after, …)``, but only where ways changed is it searched. For several
    overlays on one network, keep a `Repairer`. The parameters are those that ``nearest`` was found with;
    ``changed`` are the edges whose times differ, where they are known.
    """
    own = Repairer(
        network_before,
        nodes,
        offset_cs=offset_cs,
        label=label,
        within_cs=within_cs,
        direction=nearest.direction,
        nearest=nearest,
    )
    return own.change(network_after, changed=changed).applied(nearest)


def _difference(before: Nearest, after: Nearest) -> Change:
    pairs = [
        (before.centiseconds, after.centiseconds),
        (before.site, after.site),
        (before.edge, after.edge),
    ]
    node = np.flatnonzero(np.logical_or.reduce([a != b for a, b in pairs])).astype(np.int32)
    return Change(node, *(after_part[node] for _, after_part in pairs))
