"""Types of what compiled loops are given."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Int = Any
"""A whole number of the machine; annotated so because Python's and numpy's meet in compiled loops."""

Graph = tuple[Array, Array]
"""(start (n + 1,), neighbour): both directions of every link, without loops and parallels, rows ascending."""
Work = tuple[Array, Array]
"""(order (n,), place (n,) scratch): of the nodes of a graph."""
Tree = tuple[Array, Array, Array, Array, Array]
"""(first, slot, depth, head, node) of an order, all but ``head`` as numbers without a sign."""
