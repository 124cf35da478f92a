"""Keep an order and the times of a network in a folder of mapped files, opened in milliseconds."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Literal

import numpy as np

from ...geodata.errors import Problem, UnavailableError, WorkspaceError
from ...geodata.network import Network
from ...geodata.store import load_arrays, save_arrays
from .arrays import Array
from .customization import Hierarchy, customize
from .order import Order, stamp_of

KIND = "hierarchy"
_FIX = "请重新生成路网的加速数据"
_ARRAYS = tuple(field.name for field in fields(Order) if field.name != "stamp")
_TIMES = ("up", "down")


def save(hierarchy: Hierarchy, folder: Path) -> str:
    """Save to a folder of ``.npy`` files with the hash of the network; return the hash of the content."""
    arrays = {name: getattr(hierarchy.order, name) for name in _ARRAYS}
    arrays |= {name: getattr(hierarchy, name) for name in _TIMES}
    meta = {"stamp": hierarchy.order.stamp, "network": str(hierarchy.network.meta.get("hash", ""))}
    return save_arrays(folder, arrays, kind=KIND, meta=meta)


def load(
    folder: Path, network: Network, *, verify: bool | Literal["once"] = True, threads: int | None = None
) -> Hierarchy:
    """Open what was saved, as read-only memory maps, for the network that it was made from.

    Where the roads are the same but not the times, as under closures, it is customized again. ``verify`` is
    that of `store.load_arrays`; without it, numbers are not looked at either.

    Raises
    ------
    UnavailableError
        It was made from other roads.
    WorkspaceError
        Something is missing, truncated, changed, or no hierarchy.
    """
    arrays, meta = load_arrays(folder, kind=KIND, verify=verify, names=(*_ARRAYS, *_TIMES))
    times = tuple(arrays.pop(name) for name in _TIMES)
    order = Order(**arrays, stamp=str(meta.get("stamp", "")))
    same = bool(meta.get("network")) and meta["network"] == network.meta.get("hash")
    if not same and order.stamp != stamp_of(network):
        raise UnavailableError(Problem(str(folder), "加速数据不是由这个路网生成的", fix=_FIX))
    if not _fits(order, network, times) or (verify and not _sound(order, network)):
        raise WorkspaceError(Problem(str(folder), "加速数据已损坏", fix=_FIX))
    return Hierarchy(order, network, *times) if same else customize(order, network, threads=threads)


def _fits(order: Order, network: Network, times: tuple[Array, ...]) -> bool:
    """Tell whether the arrays have the types and lengths that belong together."""
    n, a, m = network.n_nodes, len(order.head), len(order.edge)
    lengths = {
        **dict.fromkeys(("node", "rank", "depth"), n),
        **dict.fromkeys(("first", "below", "edge_first"), n + 1),
        **dict.fromkeys(("head", "slot", "tail", "lower"), a),
        **dict.fromkeys(("edge", "edge_arc"), m),
    }
    loose = {"depth", "slot"}
    if order.depth.dtype != order.slot.dtype or order.depth.dtype not in (np.uint16, np.int32):
        return False
    return all(
        getattr(order, name).shape == (length,) and (name in loose or getattr(order, name).dtype == np.int32)
        for name, length in lengths.items()
    ) and all(time.shape == (a,) and time.dtype == np.uint32 for time in times)


def _sound(order: Order, network: Network) -> bool:
    """Tell whether every number points at something that there is, and every arc upward."""
    n, a, m = order.n_nodes, order.n_arcs, len(order.edge)
    starts = (order.first, a), (order.below, a), (order.edge_first, m)
    if not all(start[0] == 0 and start[-1] == end and (np.diff(start) >= 0).all() for start, end in starts):
        return False
    within = (order.node, n), (order.rank, n), (order.head, n), (order.tail, n), (order.lower, a)
    depths = (order.depth, n + 1), (order.slot, order.height), (order.edge, network.n_edges)
    if not all(
        0 <= array.min(initial=0) <= array.max(initial=0) < max(end, 1) for array, end in within + depths
    ):
        return False
    size = np.diff(order.first)
    row, edges = np.repeat(np.arange(n, dtype=np.int32), size), np.repeat(size, np.diff(order.edge_first))
    return bool(
        (order.head > row).all() and ((order.edge_arc >> 1) < edges).all() and (order.edge_arc >= 0).all()
    )
