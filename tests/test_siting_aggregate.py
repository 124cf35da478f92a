"""Merging of demand by its set of candidates, against plain Python sets."""

from __future__ import annotations

import numpy as np
import pytest
from boai.coverage.siting import aggregate, lscp, mclp
from boai.coverage.siting.aggregate import PointStream, aggregate_points, aggregate_rows
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st


def as_sets(classes) -> dict[frozenset[int], tuple[float, int]]:
    rows = zip(classes.indptr[:-1], classes.indptr[1:], strict=True)
    found = {}
    for (a, b), weight, points in zip(rows, classes.weight, classes.points, strict=True):
        row = classes.indices[a:b].tolist()
        assert row and row == sorted(set(row)) and frozenset(row) not in found
        found[frozenset(row)] = (weight, points)
    return found


def expected(sets, weight) -> dict[frozenset[int], tuple[float, int]]:
    total: dict[frozenset[int], tuple[float, int]] = {}
    for own, w in zip(sets, weight, strict=True):
        before = total.get(frozenset(own), (0.0, 0))
        total[frozenset(own)] = (before[0] + float(w), before[1] + 1)
    return total


def sets_of(x, y, candidates, radius):
    """Plain arithmetic, one point at a time; <= on the squares, as the kernels."""
    return [
        {j for j, (a, b) in enumerate(candidates.tolist()) if (p - a) ** 2 + (q - b) ** 2 <= radius * radius}
        for p, q in zip(x.tolist(), y.tolist(), strict=True)
    ]


def same(classes, sets, weight) -> None:
    wanted = expected(sets, weight)
    lost = wanted.pop(frozenset(), (0.0, 0))
    assert as_sets(classes) == wanted
    assert classes.without_candidate == (lost[1], lost[0]) and classes.seen == len(weight)
    counts = classes.counts
    merged = counts["points_merged"] + counts["classes"] + counts["points_without_candidate"]
    assert merged == counts["points"] == len(weight)


@settings(max_examples=many(200), deadline=None)
@given(st.data())
def test_rows_equal_sets(data):
    n = data.draw(st.integers(1, 8))
    rows = data.draw(st.lists(st.sets(st.integers(0, n - 1)), max_size=20))
    weight = data.draw(st.lists(st.integers(0, 9), min_size=len(rows), max_size=len(rows)))
    indptr = np.cumsum([0, *map(len, rows)])
    indices = np.array([j for row in rows for j in sorted(row)], np.int32)
    same(aggregate_rows(indptr, indices, np.array(weight, float), n), rows, weight)


@settings(max_examples=many(200), deadline=None)
@given(st.data())
def test_points_on_a_lattice_equal_sets(data):
    """Whole coordinates and radii: many points lie exactly on the limit, on cell edges and on candidates."""
    whole = st.integers(-6, 6)
    candidates = np.array(data.draw(st.lists(st.tuples(whole, whole), max_size=6)), float).reshape(-1, 2)
    points = np.array(data.draw(st.lists(st.tuples(whole, whole), max_size=40)), float).reshape(-1, 2)
    radius = float(data.draw(st.integers(1, 5)))
    weight = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(points), max_size=len(points))))
    classes = aggregate_points(points[:, 0], points[:, 1], weight, candidates, radius)
    same(classes, sets_of(points[:, 0], points[:, 1], candidates, radius), weight)


@pytest.mark.parametrize("shift", [0.0, 3.6e6])
@pytest.mark.parametrize("radius", [0.05, 0.4, 3.0])
def test_points_anywhere_equal_sets(shift, radius, monkeypatch):
    monkeypatch.setattr(aggregate, "_MOST_CELLS", 500)  # coarse cells too
    random = np.random.default_rng(2)
    candidates = random.uniform(0, 2, (30, 2)) + shift
    x, y = random.uniform(-0.5, 2.5, (2, 3000)) + shift
    weight = random.integers(0, 100, 3000)
    same(aggregate_points(x, y, weight, candidates, radius), sets_of(x, y, candidates, radius), weight)


def test_a_stream_equals_one_array_however_it_is_cut():
    random = np.random.default_rng(3)
    candidates = random.uniform(0, 30, (100, 2))
    x, y = random.uniform(0, 30, (2, 200_000))
    weight = random.integers(1, 101, 200_000)
    whole = aggregate_points(x, y, weight, candidates, 4.0)
    stream = PointStream(candidates, 4.0, threads=3)
    for a, b in zip(edges := [0, 0, 1, 70_000, *range(80_000, 200_001, 5000)], edges[1:], strict=False):
        stream.add(x[a:b].astype(np.float32) if a == b else x[a:b], y[a:b], weight[a:b])
    cut = stream.classes()
    assert as_sets(cut) == as_sets(whole) and cut.seen == 200_000
    assert cut.weight.sum() + cut.without_candidate[1] == weight.sum()
    assert stream.strangers(x[:20_000], y[:20_000]) == 0
    assert stream.strangers(np.array([15.0]), np.array([15.0])) in (0, 1)
    stream.add(x[:1], y[:1], weight[:1])  # the stream may go on
    assert stream.classes().seen == 200_001


def test_strangers_are_counted():
    stream = PointStream(np.array([[0.0, 0.0], [10.0, 0.0]]), 1.0)
    stream.add(np.array([0.5]), np.array([0.0]), np.array([1.0]))
    assert stream.strangers(np.array([0.25, 9.5]), np.zeros(2)) == 1


def test_colliding_hashes_are_refused(monkeypatch):
    monkeypatch.setattr(aggregate, "_keys", lambda n: np.ones((2, n), np.uint64))
    with pytest.raises(RuntimeError, match="same hash"):
        aggregate_rows(np.array([0, 1, 2]), np.array([0, 1]), np.ones(2), 2)
    assert len(aggregate_rows(np.array([0, 1, 2]), np.array([0, 0]), np.ones(2), 2).weight) == 1


def test_nothing_is_merged_to_nothing():
    empty = np.empty(0)
    for candidates in (np.empty((0, 2)), np.array([[0.0, 0.0]])):
        assert len(aggregate_points(empty, empty, empty, candidates, 1.0).weight) == 0
        lost = aggregate_points(np.array([5.0]), np.array([5.0]), np.array([3.0]), candidates, 1.0)
        assert lost.without_candidate == (1, 3.0) and lost.indptr.tolist() == [0]
    assert PointStream(np.array([[0.0, 0.0]]), 1.0).classes().counts["classes"] == 0
    assert len(aggregate_rows(np.array([0]), np.empty(0, int), empty, 3).weight) == 0


@pytest.mark.parametrize(
    ("candidates", "radius"),
    [([[0.0, np.nan]], 1.0), ([0.0, 1.0], 1.0), ([[0.0, 0.0]], 0.0), ([[0.0, 0.0]], np.inf)],
)
def test_what_is_no_plane_is_refused(candidates, radius):
    with pytest.raises(ValueError, match=r"candidates|radius"):
        PointStream(np.array(candidates), radius)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="same length"):
        PointStream(np.zeros((1, 2)), 1.0).add(np.zeros(2), np.zeros(2), np.zeros(1))


def test_plans_are_the_same_on_classes_and_on_points():
    random = np.random.default_rng(5)
    candidates, (x, y) = random.uniform(0, 10, (40, 2)), random.uniform(0, 10, (2, 4000))
    weight = random.integers(1, 101, 4000)
    sets = [sorted(own) for own in sets_of(x, y, candidates, 1.5)]
    rows = np.cumsum([0, *map(len, sets)]), np.array([j for own in sets for j in own])
    classes = aggregate_points(x, y, weight, candidates, 1.5)
    merged = classes.indptr, classes.indices, classes.weight
    plain, fast = mclp(*rows, weight, 40, p=8), mclp(*merged, 40, p=8)
    assert fast.objective == plain.objective and fast.status == plain.status == "optimal"
    assert lscp(*merged, 40).objective == lscp(*rows, weight, 40).objective
