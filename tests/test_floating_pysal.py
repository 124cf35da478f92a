"""Floating catchments equal those of PySAL ``access``.

``access`` brings no data: its Chicago examples are downloads. What it makes itself is used: the three
hospitals of its tests in four traffic scenarios, and its 5 x 5 grids; then random places.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pytest
from boai.coverage import decay
from boai.coverage.floating import (
    METHODS,
    accessibility,
    enhanced_two_step,
    gravity,
    potential,
    three_step,
    two_step,
)
from numpy.typing import NDArray
from pairworld import pairs, random_costs

INVERSE = decay.power(1, scale=1, at_least=0.01)


@contextmanager
def foreign() -> Iterator[Any]:
    """PySAL ``access``, whose use of pandas is deprecated; warnings are errors here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield pytest.importorskip("access")


def theirs(cost: Any, supply: Any, demand: Any, method: str, **how: Any) -> NDArray[np.float64]:
    """The scores of ``access`` by row, NaN where it has none; pairs that cost inf are not given."""
    table = np.asarray(cost, float)
    origin, dest = np.nonzero(np.isfinite(table))
    with foreign() as access:
        model = access.Access(
            demand_df=pd.DataFrame({"id": np.arange(len(table)), "people": np.asarray(demand, float)}),
            demand_index="id",
            demand_value="people",
            supply_df=pd.DataFrame({"id": np.arange(table.shape[1]), "beds": np.asarray(supply, float)}),
            supply_index="id",
            supply_value="beds",
            cost_df=pd.DataFrame({"origin": origin, "dest": dest, "cost": table[origin, dest]}),
            cost_origin="origin",
            cost_dest="dest",
            cost_name="cost",
        )
        model.log.setLevel("ERROR")
        found = getattr(model, method)(name="x", **how)
    return found["x_beds"].reindex(np.arange(len(table))).to_numpy(float)


def weights() -> Any:
    with foreign() as access:
        return access.weights


# Against PySAL access, on its own data


def hospitals() -> list[NDArray[np.float64]]:
    """The (residents, hospitals) minutes of its four traffic scenarios."""
    with foreign():
        module = importlib.import_module("access.tests.test_hospital_example")
        case = module.TestHospitalExample()
        case.setup_method()
    return [each.pivot(index="origin", columns="dest", values="cost").to_numpy(float) for each in case.costs]


def test_hospitals_of_pysal() -> None:
    people, doctors = [100, 50, 10], [15, 20, 100]
    inverse = weights().gravity(1, -1)
    for cost in hospitals():
        ours = gravity(pairs(cost, limit=61), doctors, people, decay=INVERSE)
        expected = theirs(cost, doctors, people, "two_stage_fca", weight_fn=inverse, max_cost=61)
        np.testing.assert_allclose(ours.score, expected, rtol=1e-14)
        near = np.where(cost <= 61, cost, np.inf)
        chosen = three_step(pairs(cost, limit=61), doctors, people, decay=INVERSE)
        expected = theirs(near, doctors, people, "three_stage_fca", weight_fn=inverse, max_cost=61)
        np.testing.assert_allclose(chosen.score, expected, rtol=1e-14)


def test_three_steps_of_pysal_choose_among_sites_beyond_the_limit() -> None:
    """Its weights are shared out over all pairs given, then those beyond ``max_cost`` are dropped.

    So residents 80 minutes from a hospital lose a part of their weight to it, although none of them goes. The
    sum of the paper runs over the sites within the catchment; so does ours.
    """
    people, doctors, cost = [100, 50, 10], [15, 20, 100], hospitals()[0]
    inverse = weights().gravity(1, -1)
    expected = theirs(cost, doctors, people, "three_stage_fca", weight_fn=inverse, max_cost=61)
    ours = three_step(pairs(cost, limit=61), doctors, people, decay=INVERSE).score
    assert not np.allclose(ours, expected, rtol=1e-4)
    w = np.where(cost <= 61, (1 / cost) ** 2 / (1 / cost).sum(axis=1, keepdims=True), 0)
    np.testing.assert_allclose(w @ (doctors / (np.array(people) @ w)), expected, rtol=1e-14)


def grid_of_pysal(*, random_values: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(25, 25) distances and 25 values of its grid; distances in 1/100 of a thousandth, as we hold costs."""
    with foreign():
        util = importlib.import_module("access.tests.util")
        grid = util.create_nxn_grid(5, random_values=random_values)
    x, y = grid["x"].to_numpy(float), grid["y"].to_numpy(float)
    cost = np.round(np.hypot(x[:, None] - x, y[:, None] - y) * 1000, 2)
    return cost, grid["value"].to_numpy(float)


def test_grid_of_pysal() -> None:
    cost, value = grid_of_pysal(random_values=True)
    demand = np.roll(value, 7)
    bands = ((1000, 1.0), (2000, 0.68), (3000, 0.22))
    step, bell = weights().step_fn(dict(bands)), weights().gaussian(1500)
    near = pairs(cost, limit=2000)
    found = theirs(cost, value, demand, "two_stage_fca", max_cost=2000)
    np.testing.assert_allclose(two_step(near, value, demand).score, found, rtol=1e-13)
    far = pairs(cost, limit=6000)
    np.testing.assert_allclose(two_step(far, value, demand, limit=2000).score, found, rtol=1e-13)
    found = theirs(cost, value, demand, "enhanced_two_stage_fca", weight_fn=step)
    np.testing.assert_allclose(enhanced_two_step(far, value, demand, steps=bands).score, found, rtol=1e-13)
    np.testing.assert_allclose(
        enhanced_two_step(pairs(cost, limit=3000), value, demand).score, found, rtol=1e-13
    )
    found = theirs(cost, value, demand, "three_stage_fca", weight_fn=step)
    np.testing.assert_allclose(three_step(far, value, demand, steps=bands).score, found, rtol=1e-13)
    found = theirs(cost, value, demand, "enhanced_two_stage_fca", weight_fn=bell)
    np.testing.assert_allclose(gravity(far, value, demand, decay=decay.bell(1500)).score, found, rtol=1e-13)
    found = theirs(cost, value, demand, "weighted_catchment", weight_fn=bell)
    np.testing.assert_allclose(potential(far, value, decay=decay.bell(1500)), found, rtol=1e-13)


def test_figures_that_pysal_states_in_its_tests() -> None:
    cost, value = grid_of_pysal(random_values=False)
    far, near = pairs(cost, limit=6000), pairs(cost, limit=900)
    growing = potential(far, value, decay=lambda each: each / 60_000)  # its gravity(scale=60, alpha=1)
    stated = [1.322340210, 1.322340210, 0.780985109, 0.925540119, 1.133733026]
    assert growing[[0, 4, 12, 18, 23]] == pytest.approx(stated, rel=1e-5)  # distances are rounded to 1e-5
    few = np.where(np.isin(np.arange(25), [3, 8, 11, 20, 24]), 1.0, 0.0)  # five of its places have residents
    for method in METHODS:
        assert accessibility(far, value, few, method).score[few > 0].sum() == pytest.approx(25)
    assert two_step(far, value, few).score[few > 0] == pytest.approx(5)
    assert two_step(near, value, few).score[few > 0] == pytest.approx(1)


def test_defaults_are_those_of_pysal() -> None:
    cost, value = grid_of_pysal(random_values=True)
    minutes, demand = np.round(cost / 100), np.roll(value, 5)
    found = theirs(minutes, value, demand, "enhanced_two_stage_fca")
    ours = enhanced_two_step(pairs(minutes, limit=30), value, demand)
    np.testing.assert_allclose(ours.score, found, rtol=1e-13)
    found = theirs(minutes, value, demand, "three_stage_fca")
    np.testing.assert_allclose(three_step(pairs(minutes, limit=60), value, demand).score, found, rtol=1e-13)


@pytest.mark.parametrize("seed", range(4))
def test_random_places_as_pysal(seed: int) -> None:
    cost, supply, demand = random_costs(seed)
    demand = demand + 1  # its sites whom only uninhabited places reach give infinity: see below
    step = weights().step_fn({20: 1, 40: 0.68, 60: 0.22})
    found = {
        "2sfca": theirs(cost, supply, demand, "two_stage_fca", max_cost=60),
        "e2sfca": theirs(cost, supply, demand, "enhanced_two_stage_fca", weight_fn=step),
        "3sfca": theirs(
            cost,
            supply,
            demand,
            "three_stage_fca",
            weight_fn=weights().step_fn(dict(decay.bands(decay.WAN, 60))),
        ),
    }
    matrix = pairs(cost, limit=60)
    for method, expected in found.items():
        ours = accessibility(matrix, supply, demand, method).score  # type: ignore[arg-type]
        np.testing.assert_allclose(ours, np.nan_to_num(expected), rtol=1e-13)


def test_where_pysal_gives_nan_or_infinity() -> None:
    inf = np.inf
    cost = np.array([[5, inf], [inf, 7], [inf, inf]])
    supply, demand = [2, 3], [10, 0, 4]
    assert theirs(cost, supply, demand, "two_stage_fca")[1] == inf
    assert np.isnan(theirs(cost, supply, demand, "two_stage_fca")[2])
    ours = two_step(pairs(cost, limit=60), supply, demand)
    assert ours.score.tolist() == [0.2, 0, 0]
    assert ours.unused.tolist() == [0, 3]
    assert ours.note == "1处站点的范围内没有居民, 其供给3(占全部的60.0%)无人使用, 未计入可得性"


def test_decays_are_those_of_pysal() -> None:
    cost = np.array([0.0, 15.0, 30.0, 60.0])
    for ours, theirs_ in (
        (decay.power(2, scale=30, at_least=15), weights().gravity(30, -2, 15)),
        (decay.bell(20), weights().gaussian(20)),
    ):
        np.testing.assert_allclose(ours(cost), [theirs_(each) for each in cost.tolist()], rtol=1e-15)
