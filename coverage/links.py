"""Roads that must not fail: how many residents drive on every link, and what its closure costs them.

A link is a road between two junctions, both directions together (both edges of a shape; on a network without
shapes all edges between the same two nodes). Its users are the residents whose shortest way from their
nearest site passes it or ends on it; of equally short ways the one that `travel.to_nearest` keeps counts.

The links whose closure takes the cover from most residents are found exactly (N-1): only residents whose way
passes a link, or who stand at it, can lose by its closure, so the served ones among them bound the loss; and
of these only those who have less time to spare than the detour takes (`detours`). Links are closed one by one
in the order of that bound (`closing.Closing`), until it is below the tenth worst loss found: no other link
can be worse. On the criticality of links: Jenelius, Petersen and Mattsson 2006,
*Transportation Research A* 40:537; ending a best-first search by a bound: Land and Doig 1960, *Econometrica*
28:497.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush, nsmallest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import plain
from ..geodata.demand import Demand
from ..geodata.network import Network, edge_tails
from .closing import Closing, Effect
from .link_kernels import NEVER, join_chains, pour
from .standards import Standard

SAME = 0.9
"""Share of its users who go on to the next link from which on both are one chain (an assumption, 假设)."""
SAME_ROAD = 0.5
"""The same share where both are pieces of one named road, and the least between any two of a chain (假设)."""


@dataclass(frozen=True)
class Links:
    """The l links of a network, and what drives on them; see `measure_links`."""

    of_edge: NDArray[np.int64]
    """(m,) link of each edge; on a network with shapes the shape."""
    ends: NDArray[np.int64]
    """(l, 2) nodes between which each link lies."""
    users: NDArray[np.int64]
    """(l,) residents whose shortest way from their nearest site passes the link or ends on it."""
    served: NDArray[np.int64]
    """(l,) of them within the main limit."""
    bound: NDArray[np.int64]
    """(l,) residents within the main limit who may lose it when the link is closed; no others can."""
    node: NDArray[np.int64]
    """(l,) node to which the ways drive on the whole link; -1 where none does."""
    through: NDArray[np.int64]
    """(l,) residents within the main limit who drive on the whole link, to that node and beyond."""
    chain: NDArray[np.int32]
    """(l,) number of the chain: links in series; only the worst of them is listed."""

    def edges(self, link: int) -> NDArray[np.int64]:
        """List the edges of a link, ascending."""
        return np.flatnonzero(self.of_edge == link)


@dataclass(frozen=True)
class Loss:
    """What the closure of one link costs."""

    link: int
    lost: int
    """Residents who lose the cover within the main limit."""
    hours: float
    """Person-hours added for those who are still reached."""

    @property
    def key(self) -> tuple[int, float, int]:
        """The order of the ranking: worst first."""
        return -self.lost, -self.hours, self.link


@dataclass(frozen=True)
class Worst:
    """The worst links, and how far that is proven."""

    losses: tuple[Loss, ...]
    """The worst of each chain, worst first; only those that take the cover from somebody."""
    proven: int
    """So many from the first on are proven: no link that was not closed can be worse."""
    closed: int
    """Links whose closure was computed."""
    complete: bool
    """Whether all are proven; False where the time was up."""


def measure_links(network: Network, demand: Demand, closing: Closing, standard: Standard) -> Links:
    """Count the residents who drive on every link from their nearest site.

    The ways form a tree per site; what stands at the nodes is added up along it, latest nodes first. Parts of
    a road between a site or residents and its end count as the whole link.
    """
    of_edge, ends = links_of(network)
    today, residents = closing.today, np.asarray(demand.residents, np.int64)
    reached = today.cost < NEVER
    amount = np.column_stack([residents * reached, residents * (today.cost <= standard.main * 100)])
    by_way = today.node >= 0
    weight = _sums(today.node[by_way], amount[by_way], network.n_nodes)
    flow, nearest = np.zeros((len(ends), 2), np.int64), today.nearest
    nodes = np.flatnonzero(nearest.site >= 0)
    order = nodes[np.argsort(nearest.centiseconds[nodes], kind="stable")[::-1]]
    tree = plain(nearest.edge), plain(edge_tails(network)), plain(of_edge)
    pour(order, tree, weight, flow)
    through = flow[:, 1].copy()
    own = nodes[nearest.edge[nodes] < 0]
    flow += _at_roads(today.sites.shape[nearest.site[own]], weight[own], len(ends))
    flow += _at_roads(today.cells.shape, amount, len(ends))
    both = by_way & (today.cells.shape >= 0) & (today.cells.shape == today.sites.shape[today.site])
    flow -= _at_roads(np.where(both, today.cells.shape, -1), amount, len(ends))
    bound = flow[:, 1] + _at_ends(closing, amount[:, 1:], len(ends))[:, 0]
    users, served = flow.T.copy()
    beyond, node = nodes[nearest.edge[nodes] >= 0], np.full(len(ends), -1, np.int64)
    node[of_edge[nearest.edge[beyond]]] = beyond
    chain = _chains(network, closing, of_edge, users)
    return Links(of_edge, ends, users, served, bound, node, through, chain)


def links_of(network: Network) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the links: (link of each edge, (l, 2) nodes at their ends)."""
    tail, head = edge_tails(network).astype(np.int64), np.asarray(network.head, np.int64)
    if network.shapes is not None:
        pair = np.asarray(network.shapes.edge)
        edge, turned = np.where(pair[:, 0] >= 0, pair[:, 0], pair[:, 1]), pair[:, 0] < 0
        ends = np.column_stack([tail[edge], head[edge]])
        ends[turned] = ends[turned, ::-1]
        return np.asarray(network.shapes.of, np.int64) >> 1, ends
    key = np.minimum(tail, head) * network.n_nodes + np.maximum(tail, head)
    pairs, of_edge = np.unique(key, return_inverse=True)
    return of_edge.astype(np.int64), np.column_stack(np.divmod(pairs, max(network.n_nodes, 1)))


def _sums(index: NDArray[Any], amount: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Sum the columns of an amount by index; residents are below 2^53, so the sums are exact."""
    columns = [np.bincount(index, weights=column, minlength=size) for column in amount.T]
    return np.column_stack(columns).astype(np.int64)


def _at_roads(road: NDArray[np.int32], amount: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Sum an amount by the link on which it stands; nothing where that is -1."""
    on = road >= 0
    return _sums(road[on], amount[on], size)


def _at_ends(closing: Closing, served: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Sum the residents who would meet another road, or whose site would, by the link at whose end it is."""
    today = closing.today
    by_site = _sums(today.site[today.site >= 0], served[today.site >= 0], len(closing.site_road))
    sites = np.where(today.sites.shape < 0, closing.site_road, -1)
    cells = np.where(today.cells.shape < 0, closing.cell_road, -1)
    return _at_roads(sites, by_site, size) + _at_roads(cells, served, size)


def _chains(
    network: Network, closing: Closing, of_edge: NDArray[np.int64], users: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Join each link to the one before it on the way where enough of that one's users go on to it.

    A link is followed by one other at most, and no link of a chain has fewer than ``SAME_ROAD`` of the users
    of any other: so links of one chain fail much the same residents, and no branch hides another.
    """
    nearest, tail, road = closing.today.nearest, edge_tails(network), np.asarray(network.road)
    node = np.flatnonzero(nearest.edge >= 0)
    node = node[np.argsort(nearest.centiseconds[node], kind="stable")]
    after = nearest.edge[node]
    before = nearest.edge[tail[after]]
    after, before = after[before >= 0], before[before >= 0]
    named = (road[after] == road[before]) & (road[after] > 0)
    a, b = of_edge[after], of_edge[before]
    same = np.flatnonzero((users[a] > 0) & (users[a] >= np.where(named, SAME_ROAD, SAME) * users[b]))
    most = same[np.lexsort((a[same], -users[a[same]], b[same]))]
    first = np.sort(most[np.flatnonzero(np.diff(b[most], prepend=-1))])  # each link's heaviest successor
    found = join_chains(plain(a[first]), plain(b[first]), plain(users), SAME_ROAD)
    return np.unique(found, return_inverse=True)[1].astype(np.int32)


def loss_of(demand: Demand, standard: Standard, effect: Effect, link: int) -> Loss:
    """Sum up what a closure costs."""
    residents = np.asarray(demand.residents, np.int64)[effect.cell]
    limit = standard.main * 100
    lost = int(residents[(effect.before <= limit) & (effect.after > limit)].sum())
    slower = (effect.after > effect.before) & (effect.after < NEVER)
    centiseconds = int((residents * (effect.after - effect.before))[slower].sum())
    return Loss(link, lost, centiseconds / 360_000)


def find_worst(
    demand: Demand,
    links: Links,
    closing: Closing,
    standard: Standard,
    bound: Callable[[int], int],
    *,
    top: int,
    seconds: float | None = None,
) -> Worst:
    """Close links in the order of their bounds until no other can be among the worst, or the time is up.

    Parameters
    ----------
    bound
        A closer bound of a link's loss than ``Links.bound``, such as `Detours.bound`; asked only where that
        is not close enough.
    """
    until = None if seconds is None else time.monotonic() + seconds
    first, edges = _edges_by_link(links)
    best: dict[int, Loss] = {}
    floor, closed = 1, 0
    for most, link in _by_bound(links, bound):
        if most < floor:
            break
        if until is not None and time.monotonic() >= until:
            return _stopped(best, top, closed, most)
        loss = loss_of(demand, standard, closing.effect(edges[first[link] : first[link + 1]]), link)
        closed += 1
        chain = int(links.chain[link])
        if loss.lost >= floor and (chain not in best or loss.key < best[chain].key):
            best[chain] = loss
            floor = _floor(best, top)
    return _stopped(best, top, closed, 0)


def _by_bound(links: Links, bound: Callable[[int], int]) -> Iterator[tuple[int, int]]:
    """Draw links by the closer bound, largest first: (bound, link); no more are bounded than is needed."""
    order = np.argsort(-links.bound, kind="stable")
    order = order[links.bound[order] > 0]
    ahead: list[tuple[int, int]] = []
    for link, rough in zip(order.tolist(), links.bound[order].tolist(), strict=True):
        while ahead and -ahead[0][0] > rough:
            least, near = heappop(ahead)
            yield -least, near
        heappush(ahead, (-min(bound(link), rough), link))
    while ahead:
        least, near = heappop(ahead)
        yield -least, near


def _edges_by_link(links: Links) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first = np.zeros(len(links.users) + 1, np.int64)
    np.cumsum(np.bincount(links.of_edge, minlength=len(links.users)), out=first[1:])
    return first, np.argsort(links.of_edge, kind="stable")


def _floor(best: dict[int, Loss], top: int) -> int:
    """Return the least loss with which a link can still be listed: that of the last, at least 1."""
    found = nsmallest(top, best.values(), key=lambda loss: loss.key)
    return found[-1].lost if len(found) == top else 1


def _stopped(best: dict[int, Loss], top: int, closed: int, bound: int) -> Worst:
    """End the search where no link that is left can lose more than a bound (0: none is left)."""
    losses = tuple(nsmallest(top, best.values(), key=lambda loss: loss.key))
    proven = sum(loss.lost > bound for loss in losses)
    return Worst(losses, proven, closed, bound == 0)
