"""What the searches are given: checked, and in the form that the compiled loops take."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...geodata.compiled import plain
from ...geodata.network import Network, incoming
from .arrays import packed, sound
from .queue import LABEL_MASK, UNREACHED, Arcs, Array, BareRows, Rows

DIRECTIONS = ("from", "to")

_SAMPLE = 4096
_NONE = np.empty(0, np.int32)
_NONE.flags.writeable = False


def is_from(direction: str) -> bool:
    """Tell whether sites are driven from.

    Raises
    ------
    ValueError
        The direction is neither ``from`` nor ``to``.
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {DIRECTIONS}, got {direction!r}")
    return direction == "from"


def rows_of(network: Network, direction: str) -> Rows:
    """Give the rows to search on: those of the edges that leave a node, or of those that come in.

    Raises
    ------
    ValueError
        The direction is unknown, or an open edge takes less than 1 centisecond.
    """
    cost = costs_of(network)
    if is_from(direction):
        return plain(network.start), plain(network.head), cost, _NONE
    into = incoming(network)
    return plain(into.start), plain(into.tail), plain(cost[into.edge]), plain(into.edge)


def arcs_of(network: Network, direction: str) -> Arcs:
    """Give the same, end and time in one number: worth the copy where an edge is looked at often."""
    start, other, number = _bare_rows(network, direction)
    return start, plain(packed(other, costs_of(network), number)), number


def costs_of(network: Network) -> Array:
    """Check the times of the edges."""
    cost = plain(network.centiseconds)
    if not sound(cost):
        raise ValueError("every open edge of the network must take at least 1 centisecond")
    return cost


def both_rows(network: Network, direction: str) -> tuple[BareRows, BareRows]:
    """Give the rows (start, other end, number) onward in the direction of the search, and those back."""
    return _bare_rows(network, direction), _bare_rows(network, "to" if is_from(direction) else "from")


def _bare_rows(network: Network, direction: str) -> BareRows:
    if is_from(direction):
        return plain(network.start), plain(network.head), _NONE
    into = incoming(network)
    return plain(into.start), plain(into.tail), plain(into.edge)


def seeds_of(
    network: Network, nodes: ArrayLike, offset_cs: ArrayLike | None, label: ArrayLike | None = None
) -> tuple[Array, Array, Array]:
    """Check seeds: (node, offset, label), each (s,).

    Raises
    ------
    ValueError
        A node lies outside the network, an offset or label is negative, too large, or missing, or something
        is no whole number.
    """
    node = _whole(nodes)
    offset = _fitting("offsets must be one per site, 0 or more centiseconds", offset_cs, np.zeros_like(node))
    number = _fitting("labels must be one per site, 0 or more", label, np.arange(len(node)))
    if len(node) and not 0 <= node.min() <= node.max() < network.n_nodes:
        raise ValueError(f"a site lies outside the {network.n_nodes} nodes of the network")
    return node.astype(np.int32), offset.astype(np.int32), number.astype(np.int32)


def _fitting(message: str, values: ArrayLike | None, default: Array) -> Array:
    found = default if values is None else _whole(values)
    if found.shape != default.shape or (len(found) and not 0 <= found.min() <= found.max() < LABEL_MASK):
        raise ValueError(message)
    return found


def _whole(values: ArrayLike) -> Array:
    found = np.asarray(values).reshape(-1)
    if len(found) and found.dtype.kind not in "iu":
        raise ValueError(f"nodes, offsets and labels must be whole numbers, got {found.dtype}")
    return found.astype(np.int64)


def of_nodes(network: Network, *answers: NDArray[Any]) -> None:
    """Check that stored answers have a row for every node; raises ``ValueError``."""
    if any(len(answer) != network.n_nodes for answer in answers):
        raise ValueError(f"the answer is not one for the {network.n_nodes} nodes of the network")


def limit_of(within_cs: int | None) -> int:
    """Check a limit; without one, the longest time that can be told."""
    if within_cs is None:
        return int(UNREACHED) - 1
    if within_cs < 0:
        raise ValueError(f"the limit must be 0 or more centiseconds, got {within_cs}")
    return min(int(within_cs), int(UNREACHED) - 1)


def shift_of(cost: Array) -> int:
    """Choose the width of the buckets, as log2 of centiseconds: few edges should begin and end in one.

    The twentieth part of the edges is shorter, by a sample; but at least 1/64 of the median, so that there
    are not too many empty buckets. On roads any width from 128 to 1 024 took the same time within 10 %.
    """
    sample = np.sort(np.asarray(cost[:: max(1, len(cost) // _SAMPLE)]))
    sample = sample[sample > 0]
    if not len(sample):
        return 0
    width = max(int(sample[len(sample) // 20]), int(sample[len(sample) // 2]) // 64, 1)
    return width.bit_length() - 1
