"""The nearest sites of every node in one pass: the first, the second, the first k, and each site lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...geodata.network import Network
from .arrays import borders, by_label
from .inputs import arcs_of, limit_of, of_nodes, rows_of, seeds_of, shift_of
from .kernels import spread
from .ranking import rank
from .results import KNearest, Lost, Nearest


def to_nearest(
    network: Network,
    nodes: ArrayLike,
    *,
    offset_cs: ArrayLike | None = None,
    label: ArrayLike | None = None,
    within_cs: int | None = None,
    direction: str = "from",
) -> Nearest:
    """Find the nearest site of every node in one pass.

    Parameters
    ----------
    network
        Open edges take at least 1 centisecond; closed ones are passed over.
    nodes
        (s,) nodes of the sites; several may share a node.
    offset_cs
        (s,) time added at each site, such as its way to the node or its readiness; at least 0. Default 0.
    label
        (s,) number of the site, where one has several nodes, such as both ends of its road. Default 0 … s-1.
    within_cs
        The longest time to look for, inclusive. Default any.
    direction
        ``from``: help drives from the sites to the nodes; ``to``: from the nodes to the sites.

    Raises
    ------
    ValueError
        A site lies outside the network, or an offset, label, limit or edge time is negative.
    """
    limit, rows = limit_of(within_cs), rows_of(network, direction)
    node, offset, number = seeds_of(network, nodes, offset_cs, label)
    no_edge, barred = np.full(len(node), -1, np.int32), np.empty(0, np.int32)
    found = spread(rows, (node, offset, number, no_edge), barred, limit, shift_of(rows[2]))
    return Nearest(*found, direction)


def to_second_nearest(
    network: Network,
    nodes: ArrayLike,
    first: Nearest,
    *,
    offset_cs: ArrayLike | None = None,
    label: ArrayLike | None = None,
    within_cs: int | None = None,
) -> Nearest:
    """Find the second nearest site of every node, given the nearest.

    The second label of v comes in along an edge (u, v) as the first label of u where that is not v's own,
    else as the second label of u. So the first labels seed one more pass, in which no node takes its own
    first label again. The parameters are those that ``first`` was found with. For ways, use `k_nearest`: they
    change between first and second labels.
    """
    of_nodes(network, first.centiseconds, first.site)
    limit, rows = limit_of(within_cs), rows_of(network, first.direction)
    node, offset, number = seeds_of(network, nodes, offset_cs, label)
    own = (node, offset, number, np.full(len(node), -1, np.int32))
    over = borders(rows, first.centiseconds, first.site, limit)
    a, b, c, d = (np.concatenate(parts) for parts in zip(own, over, strict=True))
    return Nearest(*spread(rows, (a, b, c, d), first.site, limit, shift_of(rows[2])), first.direction)


def k_nearest(
    network: Network,
    nodes: ArrayLike,
    k: int,
    *,
    offset_cs: ArrayLike | None = None,
    label: ArrayLike | None = None,
    within_cs: int | None = None,
    direction: str = "from",
) -> KNearest:
    """Find the k nearest sites of every node in one pass; the parameters are those of `to_nearest`.

    Each node keeps its k least (time, label) of different labels. That is enough: if k other labels were
    better at a node that the way of a label passes, they would be better at its end, too.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    limit, arcs = limit_of(within_cs), arcs_of(network, direction)
    seeds = seeds_of(network, nodes, offset_cs, label)
    return KNearest(*rank(arcs, seeds, k, limit, shift_of(network.centiseconds)), direction)


def without_each(
    network: Network,
    nodes: ArrayLike,
    *,
    offset_cs: ArrayLike | None = None,
    label: ArrayLike | None = None,
    within_cs: int | None = None,
    direction: str = "from",
    first: Nearest | None = None,
) -> Lost:
    """Find for each site what its loss changes: its nodes, and who is nearest to them then.

    One more pass answers for all sites, since a node that loses its nearest falls to its second nearest. The
    parameters are those of `to_nearest`; ``first`` is what that found with them, where it is known.

    Raises
    ------
    ValueError
        As `to_nearest`, or ``first`` was found with other sites or in the other direction.
    """
    if first is None:
        first = to_nearest(
            network, nodes, offset_cs=offset_cs, label=label, within_cs=within_cs, direction=direction
        )
    count = int(seeds_of(network, nodes, offset_cs, label)[2].max(initial=-1)) + 1
    if first.direction != direction or first.site.max(initial=-1) >= count:
        raise ValueError("the nearest were found with other sites or in the other direction")
    second = to_second_nearest(network, nodes, first, offset_cs=offset_cs, label=label, within_cs=within_cs)
    indptr, node = by_label(first.site, count)
    return Lost(first, indptr, node, second.centiseconds[node], second.site[node])
