"""Places for names and numbers on a map: a greedy search for free boxes, deterministic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
"""(n, 4) left, bottom, right, top in the units of the map."""

_DIRECTIONS = np.array([(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)], float)


def boxes(
    points: NDArray[np.float64], widths: Sequence[float] | float, heights: Sequence[float] | float
) -> Boxes:
    """Make the boxes of the given sizes around points (n, 2)."""
    half = np.column_stack(np.broadcast_arrays(np.asarray(widths, float), np.asarray(heights, float))) / 2
    points = np.reshape(points, (-1, 2))
    return np.hstack((points - half, points + half))


def overlap(box: NDArray[np.float64], others: Boxes) -> NDArray[np.bool_]:
    """Tell which of the other boxes share area with a box; touching is no overlap."""
    return np.asarray(
        (box[0] < others[:, 2]) & (box[2] > others[:, 0]) & (box[1] < others[:, 3]) & (box[3] > others[:, 1])
    )


def place(
    points: NDArray[np.float64],
    sizes: NDArray[np.float64],
    obstacles: Boxes,
    *,
    gap: float,
    rings: int = 1,
    on_point: bool = False,
    frame: tuple[float, float, float, float] | None = None,
) -> NDArray[np.float64]:
    """Find a free centre for a box near each point, in the order of the points.

    Tried are, nearest first, the point itself (``on_point``), then above, below, right, left and the corners,
    on ``rings`` rings. Where nothing is free the centre is NaN: the caller leaves that text out or draws it.

    Parameters
    ----------
    points
        (n, 2) what is labelled, in map units.
    sizes
        (n, 2) width and height of the boxes.
    obstacles
        Boxes that must stay free.
    gap
        Distance between the point and the nearest side of its box on the first ring.
    frame
        Left, bottom, right, top of the area that the boxes must lie in.
    """
    taken = obstacles.reshape(-1, 4)
    centres = np.full((len(points), 2), np.nan)
    for number, (point, size) in enumerate(zip(points, sizes, strict=True)):
        for centre in _tries(point, size, gap, rings, on_point):
            box = np.concatenate((centre - size / 2, centre + size / 2))
            if not overlap(box, taken).any() and _inside(box, frame):
                centres[number] = centre
                taken = np.vstack((taken, box))
                break
    return centres


def _tries(
    point: NDArray[np.float64], size: NDArray[np.float64], gap: float, rings: int, on_point: bool
) -> NDArray[np.float64]:
    steps = [_DIRECTIONS * (size / 2 + gap * (ring + 1)) for ring in range(rings)]
    return point + np.vstack(([(0.0, 0.0)], *steps) if on_point else steps)


def _inside(box: NDArray[np.float64], frame: tuple[float, float, float, float] | None) -> bool:
    if frame is None:
        return True
    return bool(box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3])
