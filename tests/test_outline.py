"""Point in province without a GIS library equals shapely."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from boai.geodata.outline import contains, load_outline, save_outline
from hypothesis import given
from hypothesis import strategies as st

AREA = shapely.MultiPolygon(
    [
        shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(4, 4), (6, 4), (6, 6), (4, 6)]]),
        shapely.Polygon([(20, 0), (25, 5), (20, 10)]),
    ]
)


def test_equals_shapely_on_random_points(tmp_path: Path) -> None:
    save_outline(AREA, tmp_path / "o")
    outline = load_outline(tmp_path / "o")
    rng = np.random.default_rng(1)
    for x, y in rng.uniform(-2, 28, (500, 2)):
        assert contains(outline, x, y) == AREA.contains(shapely.Point(x, y))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=3, max_size=8, unique=True))
def test_equals_shapely_on_random_hulls(points: list[tuple[int, int]]) -> None:
    hull = shapely.convex_hull(shapely.multipoints(points))
    if hull.geom_type != "Polygon":
        return
    x, y = shapely.get_coordinates(hull.exterior).T
    outline = {"lon": x, "lat": y, "ring": np.zeros(len(x))}
    for px, py in [(25.3, 25.7), (1.1, 2.9), (49.6, 0.4)]:
        assert contains(outline, px, py) == hull.contains(shapely.Point(px, py))
