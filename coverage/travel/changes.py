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
from .mending import Answer, Edges, differing, mend, nothing_within, work_of
from .nearest import to_nearest
from .queue import LABEL_BITS, Array
from .results import Nearest

_MOST_SHARE = 0.7
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
        node, offset, number = seeds_of(network, nodes, offset_cs, label)
        order = np.argsort(node, kind="stable")
        self._seeds = node[order], ((offset.astype(np.int64) << LABEL_BITS) | number)[order]
        self._onward, self._back = both_rows(network, direction)
        self._nothing = nothing_within(self._limit)
        self._know(nearest)

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
        nodes = self._mend(after, self._changed(after, changed))
        if nodes is None:
            return _difference(self.nearest, to_nearest(after, self._nodes, **self._asked))
        return self._read(nodes, keep=False)

    def _read(self, nodes: Array, *, keep: bool) -> Change:
        """Read what is different off the state, and keep that or give it back what it had."""
        return Change(*differing(self._known, nodes, self._nothing, self._work, keep))

    def _know(self, nearest: Nearest) -> None:
        """Take an answer as the one that is mended."""
        self.nearest, self._known = nearest, _answer(nearest)
        self._work = work_of(self._known, self._nothing)

    def _changed(self, after: Network, changed: ArrayLike | None) -> Edges:
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

    def _mend(self, after: Network, changed: Edges) -> Array | None:
        """Bring the state to the network of now: the nodes that were touched; None: too many, as it was."""
        bounds = self._nothing, self._shift, int(after.n_nodes * _MOST_SHARE)
        rows, cost = (self._onward, self._back), plain(after.centiseconds)
        count, given_up = mend(*rows, cost, changed, self._seeds, bounds, self._work)
        nodes = self._work[1][:count]
        if given_up:
            self._read(nodes, keep=False)
        return None if given_up else nodes

    def into(self, after: Network, *, changed: ArrayLike | None = None) -> Nearest:
        """Do as `change`, and return the whole answer of now; the repairer answers for it from then on."""
        nodes = self._mend(after, self._changed(after, changed))
        if nodes is None:
            self._know(to_nearest(after, self._nodes, **self._asked))
        else:
            self.nearest = self._read(nodes, keep=True).applied(self.nearest)
            self._known = _answer(self.nearest)
        self._network = after
        return self.nearest


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


def _answer(nearest: Nearest) -> Answer:
    return plain(nearest.centiseconds), plain(nearest.site), plain(nearest.edge)


def _difference(before: Nearest, after: Nearest) -> Change:
    pairs = [
        (before.centiseconds, after.centiseconds),
        (before.site, after.site),
        (before.edge, after.edge),
    ]
    node = np.flatnonzero(np.logical_or.reduce([a != b for a, b in pairs])).astype(np.int32)
    return Change(node, *(after_part[node] for _, after_part in pairs))
