"""Pieces: the road graph before folding, one piece between each two neighbouring points of a road."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pieces:
    """n points and p undirected pieces, each passable one way or both."""

    x: NDArray[np.int32]
    """(n,) WGS84 longitude in 1e-7 degrees."""
    y: NDArray[np.int32]
    """(n,) latitude in 1e-7 degrees."""
    source_id: NDArray[np.int64]
    """(n,) id of the point in the source, -1 where it has none."""
    a: NDArray[np.int32]
    """(p,) point where the piece begins."""
    b: NDArray[np.int32]
    """(p,) point where it ends."""
    metres: NDArray[np.float64]
    """(p,) length along the ground."""
    seconds: NDArray[np.float64]
    """(p, 2) time from a to b and from b to a; inf where nobody may go that way."""
    road_class: NDArray[np.uint8]
    """(p,) position in ``network.CLASSES``."""
    label: NDArray[np.int32]
    """(p,) position in ``labels``."""
    way: NDArray[np.int64]
    """(p,) id of the way, or number of the row, in the source; -1 where there is none."""
    snap: NDArray[np.bool_]
    """(p,) whether points may meet the road here."""
    labels: tuple[str, ...]
    """Names of the roads, such as "G60 沪昆高速"; the first is empty."""
