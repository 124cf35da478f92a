"""Classes that agree with the words beside them, areas and names that follow first principles."""

from __future__ import annotations

import gridworld
import mapworld
import numpy as np
import pytest
import shapely
from boai.coverage.standards import load_standards
from boai.geodata.layers import KIND_NAMES, Kind
from boai.maps import labels, layers, style
from boai.maps.roads import main_roads
from boai.maps.sheets import signs
from boai.maps.words import county_values
from hypothesis import given
from hypothesis import strategies as st


def test_best_and_worst_are_always_the_same_colours() -> None:
    for count in range(2, 9):
        colours = style.ramp(count)
        assert len(set(colours)) == count
        assert (colours[0], colours[-1]) == (style.REACH[0], style.REACH[-1])


def test_words_of_driving_bands() -> None:
    texts = [swatch.text for swatch in style.reach_classes(load_standards()["warehouse"])]
    assert texts == ["1小时以内", "1小时–2小时", "2小时–3小时", "超过 3小时"]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_a_driving_cell_is_in_the_first_band_that_reaches_it(reached: list[int]) -> None:
    """``reached`` limits out of three reach the cell: the longer ones."""
    share = np.array([[limit >= 3 - count for limit in range(3)] for count in reached], float)
    index = style.reach_index(gridworld.drive_standard(), share, np.zeros(len(reached)))
    assert index.tolist() == [3 - count for count in reached]


@pytest.mark.parametrize(
    ("share", "density", "expected"),
    [
        (1.0, 0, 0),
        (0.5, 0, 0),
        (0.499, 0, 1),
        (0.1, 0, 1),
        (0.0999, 0, 2),
        (1e-9, 0, 2),
        (0, 99, 4),
        (0, 100, 3),
    ],
)
def test_walking_classes(share: float, density: float, expected: int) -> None:
    standard = gridworld.walk_standard(min_density=100.0)
    index = style.reach_index(standard, np.array([[share]]), np.array([density], float))
    assert index.tolist() == [expected]
    assert len(style.reach_classes(standard)) == 5
    assert len(style.reach_classes(gridworld.walk_standard())) == 4


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_county_limits_belong_to_the_better_class(kind: Kind) -> None:
    measure = style.county_measure(load_standards()[kind])
    edges = np.array(measure.edges)
    assert measure.index(edges).tolist() == list(range(len(edges)))
    assert measure.index(edges - 1e-9).tolist() == list(range(1, len(edges) + 1))
    assert measure.index(np.array([np.nan])).tolist() == [0]
    assert len(measure.classes) == len(edges) + 1


def test_county_figures_follow_first_principles() -> None:
    world = mapworld.make_world()
    result = mapworld.baseline(world)

    residents = np.bincount(world.demand.county, world.demand.residents)
    middle = world.demand.county[mapworld.middle_cell(world.demand)]
    aeds = county_values(world, result, "aed")
    assert aeds[middle] == pytest.approx(10_000 / residents[middle])
    assert np.delete(aeds, middle).tolist() == [0, 0, 0]
    served = county_values(world, result, "warehouse")
    assert served @ residents == pytest.approx(7 * 343 * 16)


def test_unknown_levels_are_drawn_as_the_lowest() -> None:
    found = style.marker_index("warehouse", np.array(["省级", "县级", "三级以上", ""]))
    assert found.tolist() == [0, 2, 2, 2]


@given(st.floats(0, 1, exclude_max=True))
def test_an_incomplete_share_is_never_called_all(share: float) -> None:
    assert style.share_text(share) != "100%"
    assert (style.share_text(share) == "0.0%") == (share == 0)


def test_class_areas_are_the_nearest_cells() -> None:
    """Any point of the province lies in the area of the class of its nearest cell: brute force."""
    world = mapworld.make_world()
    cover = mapworld.baseline(world).covers["warehouse"]
    outline = layers.outlines(world.units)
    index = layers.cover_index(world.demand, cover)
    assert np.bincount(index).tolist() == [7, 12, 18]
    cells = layers.cell_areas(world.demand, outline.province)
    areas = layers.class_areas(cells, index, 3, outline.province)
    assert sum(area.area for area in areas) == pytest.approx(outline.province.area)
    west, south, east, north = outline.province.bounds
    rng = np.random.default_rng(1)
    points = rng.uniform((west, south), (east, north), (400, 2))
    centres = layers.project(world.demand.lon, world.demand.lat)
    nearest = np.argmin(((points[:, None] - centres) ** 2).sum(axis=2), axis=1)

    inside = shapely.contains_xy(outline.province, points)
    for number, area in enumerate(areas):
        assert (
            shapely.contains_xy(area, points[inside]).tolist() == (index[nearest[inside]] == number).tolist()
        )


def test_outlines_have_no_slivers() -> None:

    outline = layers.outlines(mapworld.make_world().units)
    assert shapely.coverage_is_valid(outline.counties)
    assert sum(county.area for county in outline.counties) == pytest.approx(outline.province.area)
    assert len(outline.cities) == 2


def test_roads_are_collected_once_by_class() -> None:
    network = mapworld.make_world().network
    roads = main_roads(network)
    assert roads.fast.length > 0
    assert roads.other.is_empty
    assert (roads.fast_name, roads.other_name) == ("高速公路", "国道")
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
    points = layers.project(network.lon, network.lat)
    named = (network.road > 0) & (tail < network.head)
    lengths = np.hypot(*(points[tail[named]] - points[network.head[named]]).T)
    assert roads.fast.length == pytest.approx(lengths.sum())


BOXES = st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), min_size=1, max_size=25)


@given(BOXES, st.floats(1, 9), st.floats(1, 4), st.booleans())
def test_placed_names_never_overlap(
    spots: list[tuple[float, float]], width: float, height: float, on: bool
) -> None:
    points = np.array(spots)
    obstacles = labels.boxes(points[:3], 2.0, 2.0)
    sizes = np.full((len(points), 2), (width, height))
    centres = labels.place(points, sizes, obstacles, gap=1.0, rings=3, on_point=on, frame=(0, 0, 50, 50))
    placed = ~np.isnan(centres).any(axis=1)
    found = labels.boxes(centres[placed], width, height)
    for number, box in enumerate(found):
        assert not labels.overlap(box, obstacles).any()
        assert not labels.overlap(box, np.delete(found, number, axis=0)).any()
        assert (box >= 0).all()
        assert (box <= 50).all()


def test_a_free_spot_is_always_used() -> None:
    centres = labels.place(
        np.array([[5.0, 5.0]]), np.array([[2.0, 1.0]]), np.empty((0, 4)), gap=1.0, on_point=True
    )
    assert centres.tolist() == [[5, 5]]
    above = labels.place(np.array([[5.0, 5.0]]), np.array([[2.0, 1.0]]), np.empty((0, 4)), gap=1.0)
    assert above.tolist() == [[5, 6.5]]


def test_every_shape_has_a_sign_on_paper() -> None:
    assert {marker.shape for kind in KIND_NAMES for marker in style.markers(kind)} <= set(signs.SHAPES)
