"""Siting against PySAL spopt 0.7, on spopt's own test data and on random instances, both solved to the end.

spopt's tests use a simulated street lattice (built here by the same recipe: ``network_instance`` in its
``conftest.py``) and 205 census tracts of San Francisco with 16 stores (``spopt_sf.csv``). Where its tests
name an objective, it is named here too. Its p-dispersion test on the 205 x 16 matrix is left out: the model
reads the first 16 tracts as if they were the stores.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from boai.coverage.siting import lscp, mclp, p_center, p_dispersion, p_median
from boai.coverage.siting.cover_backup import backup_cover
from scipy.spatial.distance import cdist

with warnings.catch_warnings():  # spaghetti announces that its next version drops some geometries
    warnings.filterwarnings("ignore", "The next major release of pysal/spaghetti", FutureWarning)
    import spaghetti
import pulp
from pulp.v4_migration import set_v4_migration_warnings
from spopt.locate import LSCP, LSCPB, MCLP, PCenter, PDispersion, PMedian
from spopt.locate.util import simulated_geo_points

NEAR = pytest.approx
"""CBC answers with six or seven digits."""


@pytest.fixture(autouse=True)
def quiet_pulp():
    """spopt calls PuLP 3 in ways that PuLP 4 will not know; PuLP says so once per variable."""
    set_v4_migration_warnings(False)
    yield
    set_v4_migration_warnings(True)


def cbc() -> pulp.LpSolver:
    """The solver of spopt's documentation and tests; without limits it stops only when proven."""
    return pulp.PULP_CBC_CMD(msg=False)


def found_by(model) -> float:
    """Objective of a spopt model that was proven optimal: PuLP's ``sol_status``, not its ``status``."""
    assert model.problem.sol_status == pulp.LpSolutionOptimal
    return float(model.problem.objective.value())


def rows(cost, radius: float):
    within = np.asarray(cost) <= radius
    return np.r_[0, np.cumsum(within.sum(axis=1))], np.nonzero(within)[1].astype(np.int32)


def asked(n: int, forced) -> np.ndarray | None:
    return np.isin(np.arange(n), forced).astype(int) if len(forced) else None


def check_mclp(cost, weight, radius: float, p: int, forced=()) -> float:
    n = cost.shape[1]
    theirs = MCLP.from_cost_matrix(cost, weight, radius, p, asked(n, forced)).solve(cbc(), results=False)
    plan = mclp(*rows(cost, radius), weight, n, p=p, forced=list(forced))
    assert plan.status == "optimal" and plan.objective == found_by(theirs)
    return plan.objective


def check_lscp(cost, radius: float, forced=()) -> float:
    n = cost.shape[1]
    theirs = LSCP.from_cost_matrix(cost, radius, asked(n, forced)).solve(cbc(), results=False)
    plan = lscp(*rows(cost, radius), np.ones(len(cost)), n, forced=list(forced))
    assert plan.status == "optimal" and plan.objective == found_by(theirs)
    return plan.objective


def check_backup(cost, radius: float, forced=()) -> float:
    """spopt's LSCP-B: with the fewest sites that cover all, the most clients that two of them cover.

    spopt counts clients with a single candidate in reach as backed up (their variable is in no constraint).
    """
    n = cost.shape[1]
    theirs = LSCPB.from_cost_matrix(cost, radius, cbc(), asked(n, forced)).solve(results=False)
    p, alone = round(theirs.lscp_obj_value), int((np.sum(cost <= radius, axis=1) == 1).sum())
    plan = backup_cover(*rows(cost, radius), np.ones(len(cost)), n, p=p, forced=list(forced)).plan
    assert plan.status == "optimal" and plan.objective == found_by(theirs) - alone
    return plan.objective


def check_median(cost, weight, p: int, forced=()) -> float:
    theirs = PMedian.from_cost_matrix(cost, weight, p, asked(cost.shape[1], forced))
    plan = p_median(cost, weight, p=p, forced=list(forced))
    assert plan.status == "optimal" and plan.objective == NEAR(found_by(theirs.solve(cbc(), results=False)))
    return plan.objective


def check_center(cost, p: int, forced=()) -> float:
    theirs = PCenter.from_cost_matrix(cost, p, asked(cost.shape[1], forced)).solve(cbc(), results=False)
    plan = p_center(cost, np.ones(len(cost)), p=p, forced=list(forced))
    assert plan.status == "optimal" and plan.objective == NEAR(found_by(theirs))
    return plan.objective


def check_dispersion(apart, p: int, forced=()) -> float:
    theirs = PDispersion.from_cost_matrix(apart, p, asked(len(apart), forced)).solve(cbc())
    plan = p_dispersion(apart, p=p, forced=list(forced))
    assert plan.status == "optimal" and plan.objective == NEAR(found_by(theirs))
    return plan.objective


@pytest.fixture(scope="module")
def lattice():
    """Cost matrix of 100 clients and 5 facilities over the streets, and their straight places."""
    with warnings.catch_warnings():  # spaghetti and spopt under newer pandas, geopandas and libpysal
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", "The inplace keyword in GeoDataFrame", UserWarning)
        streets = spaghetti.regular_lattice((0, 0, 10, 10), 9, exterior=True)
        network = spaghetti.Network(in_data=streets)
        arcs = spaghetti.element_as_gdf(network, arcs=True)
        space = arcs.buffer(0.2).union_all()
        for name, needed, seed in (("clients", 100, 5), ("facilities", 5, 6)):
            network.snapobservations(simulated_geo_points(space, needed=needed, seed=seed), name)
        clients, facilities = network.pointpatterns["clients"], network.pointpatterns["facilities"]
        over = [network.allneighbordistances(some, facilities) for some in (clients, facilities)]
        snapped = [
            spaghetti.element_as_gdf(network, pp_name=name, snapped=True)
            for name in ("clients", "facilities")
        ]
    places = [np.column_stack([some.geometry.x, some.geometry.y]) for some in snapped]
    return over[0], over[1], places[0], places[1]


@pytest.fixture(scope="module")
def city():
    """Metres from 205 tracts to 16 stores, residents of the tracts, degrees of the stores."""
    table = pd.read_csv(Path(__file__).with_name("spopt_sf.csv"), comment="#", index_col="tract")
    tracts = table.drop(index=["longitude", "latitude"])
    places = table.loc[["longitude", "latitude"]].drop(columns="residents").to_numpy(float).T
    return tracts.drop(columns="residents").to_numpy(float), tracts["residents"].to_numpy(int), places


def test_covering_on_the_lattice(lattice):
    cost, weight = lattice[0], np.random.default_rng(1).integers(1, 12, 100)
    assert weight.sum() - check_mclp(cost, weight, 7, 4) == weight[cost.min(axis=1) > 7].sum() > 0
    for p, forced in ((1, ()), (2, (4,)), (3, (0, 2))):
        check_mclp(cost, weight, 7, p, forced)
        check_mclp(cost, weight, 3, p, forced)
    for radius, forced in ((8, ()), (10, ()), (8, (4,)), (10, (0, 4))):
        check_lscp(cost, radius, forced)
        check_backup(cost, radius, forced)


def test_distances_on_the_lattice(lattice):
    cost, apart, clients, facilities = lattice
    weight = np.random.default_rng(2).integers(1, 12, 100)
    straight = cdist(clients, facilities)
    for p in (1, 3, 4):
        check_median(cost, weight, p)
        check_center(cost, p)
    assert check_center(straight, 3, (3, 4)) == NEAR(6.2520432)  # test_p_center.py
    assert check_dispersion(cdist(facilities, facilities), 3, (3, 4)) == NEAR(
        4.213464
    )  # test_p_dispersion.py
    np.random.seed(0)  # test_p_median.py
    assert check_median(straight, np.random.randint(1, 12, 100), 3, (3, 4)) > 0
    check_dispersion(apart, 2)


def test_covering_of_the_city(city):
    cost, weight, _ = city
    check_mclp(cost, weight, 5000, 4)
    check_mclp(cost, weight, 2500, 4)
    check_mclp(cost, weight, 5000, 4, (3, 11))
    check_lscp(cost, 5000)
    alone = int((np.sum(cost <= 5000, axis=1) == 1).sum())
    assert (check_backup(cost, 5000) + alone) / 205 == NEAR(0.8146341463414633)  # test_lscpb.py
    check_lscp(cost, 6000, (0,))


def test_distances_in_the_city(city):
    cost, weight, stores = city
    assert check_median(cost, weight, 4) / weight.sum() == NEAR(2982.1268579890657)  # test_p_median.py
    apart = cdist(stores, stores)
    check_dispersion(apart, 4)
    plan = p_dispersion(apart, p=4)
    assert min(apart[j, k] for j in (0, 2, 8, 14) for k in (0, 2, 8, 14) if j < k) == NEAR(plan.objective)


def test_what_spopt_calls_infeasible(city):
    cost, weight, _ = city
    with pytest.raises(RuntimeError, match="Infeasible"):
        PMedian.from_cost_matrix(cost, weight, 1000).solve(cbc())
    plan = p_median(cost, weight, p=1000)
    assert plan.status == "infeasible" and "1000" in plan.note
    with pytest.raises(RuntimeError, match="Infeasible"):
        LSCP.from_cost_matrix(cost, 20).solve(cbc())
    plan = lscp(*rows(cost, 20), weight, 16)
    assert plan.reductions["rows_without_candidate"] == 205 and "205" in plan.note


@pytest.mark.parametrize("seed", range(3))
def test_random_planes(seed):
    random = np.random.default_rng(seed)
    clients, sites = random.uniform(0, 10, (60, 2)), random.uniform(0, 10, (12, 2))
    cost, weight = cdist(clients, sites), random.integers(1, 101, 60)
    forced = random.choice(12, seed % 3, replace=False).tolist()
    check_mclp(cost, weight, 2.5, 3 + seed, forced)
    check_lscp(cost, float(cost.min(axis=1).max()) + 0.5, forced)
    check_backup(cost, float(cost.min(axis=1).max()) + 0.5, forced)
    check_median(cost, weight, 2 + seed, forced)
    check_center(cost, 2 + seed, forced)
    check_dispersion(cdist(sites, sites), 3 + seed // 2, forced)


@pytest.mark.slow
def test_the_p_center_of_the_city(city):
    for p in (3, 4, 5):
        check_center(city[0], p)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_more_random_planes(seed):
    random = np.random.default_rng(seed)
    clients, sites = random.uniform(0, 10, (150, 2)), random.uniform(0, 10, (30, 2))
    cost, weight = cdist(clients, sites), random.integers(1, 101, 150)
    check_mclp(cost, weight, 1.5, 6, [seed % 30])
    check_lscp(cost, float(cost.min(axis=1).max()) + 0.3)
    check_backup(cost, float(cost.min(axis=1).max()) + 0.3)
    check_median(cost, weight, 5, [seed % 30])
