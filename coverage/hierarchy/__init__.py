"""Customizable contraction hierarchy: prepared once, answers in milliseconds.

After Dibbelt, Strasser and Wagner (2016), *ACM Journal of Experimental Algorithmics* 21:1.5. `prepare` orders
the nodes whatever the times, `customize` gives the times (again, under closures), and the questions are
answered exactly as by ``travel``, bit for bit.

Examples
--------
>>> import numpy as np
>>> from boai.geodata.network import Network
>>> network = Network(  # 0 -> 1 -> 2 -> 0 in 5, 7 and 9 seconds
...     lon=np.array([114.0, 114.1, 114.2]), lat=np.full(3, 27.0), kind=np.zeros(3, np.uint8),
...     name=np.full(3, ""), start=np.arange(4), head=np.array([1, 2, 0], np.int32),
...     centiseconds=np.array([500, 700, 900], np.int32), metres=np.ones(3, np.float32),
...     road=np.zeros(3, np.int32), roads=("",),
... )
>>> made = customize(prepare(network), network)
>>> to_nearest(made, [0]).centiseconds.tolist(), distance(made, [2], [1]).tolist()
([0, 500, 1200], [1400])
>>> path(made, 2, 1).edges.tolist()
[2, 0]
"""

from __future__ import annotations

from .customization import Hierarchy, customize, recustomize
from .order import Order, prepare
from .queries import (
    Found,
    Sites,
    distance,
    k_nearest,
    nearest_of,
    path,
    place_sites,
    to_nearest,
    trees,
    ways_of,
    with_edges,
)
from .store import load, save

__all__ = [
    "Found",
    "Hierarchy",
    "Order",
    "Sites",
    "customize",
    "distance",
    "k_nearest",
    "load",
    "nearest_of",
    "path",
    "place_sites",
    "prepare",
    "recustomize",
    "save",
    "to_nearest",
    "trees",
    "ways_of",
    "with_edges",
]
