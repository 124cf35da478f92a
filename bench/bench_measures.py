"""Every measure of one layer at the size of a province: 1.5 M road nodes, 2 M places, 120 stores.

    python bench/bench_measures.py                    # two minutes, the first time some more for the network
    python bench/bench_measures.py --nodes 200000 --places 200000
    python bench/bench_measures.py --only access      # one topic

Prints a Markdown table: wall and CPU seconds of each topic of `coverage.topics`, in the order in which they
are answered (what one needs, the next has for free), and the memory of the process at its peak. The first
call of a kernel, which compiles it, is not timed: a small layer is answered before. Peers in the same run:
PySAL access on the same pairs (2SFCA, E2SFCA), scipy's Dijkstra for the nearest store, a plain loop for the
assignment to the nearest with capacity, on as many pairs as a minute allows.
"""

from __future__ import annotations

import argparse
import resource
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import roads_graph
from boai.coverage import floating, topics, travel
from boai.coverage.assessment import Assessment, Place, Question
from boai.coverage.assignment import assign
from boai.coverage.matrix import Matrix
from boai.coverage.standards import load_standards
from boai.geodata.demand import Demand
from boai.geodata.gazetteer import Gazetteer
from boai.geodata.layers import COLUMNS, Layer
from boai.geodata.network import Network
from numpy.typing import NDArray

SEED, SITES, COUNTIES, CITIES = 20260301, 120, 100, 11
RESIDENTS = 45_188_635
MOST_PAIRS_OF_LOOP = 300_000


def make_demand(network: Network, places: int) -> Demand:
    """Scatter places about the junctions; counties are the parts of a 10 x 10 grid of equally many places."""
    rng = np.random.default_rng(SEED)
    at = rng.integers(0, network.n_nodes, places)
    lon, lat = (np.asarray(axis)[at] + rng.normal(0, 0.005, places) for axis in (network.lon, network.lat))
    column = np.searchsorted(np.quantile(lon, np.arange(1, 10) / 10), lon)
    county = column * 10
    for own in range(10):
        some = column == own
        county[some] += np.searchsorted(np.quantile(lat[some], np.arange(1, 10) / 10), lat[some])
    order = np.lexsort((lat, county))
    people = rng.multinomial(RESIDENTS, np.full(places, 1 / places)).astype(np.int64)
    city = np.arange(COUNTIES) * CITIES // COUNTIES + 1
    code = [f"36{city[i]:02d}{i - np.flatnonzero(city == city[i])[0] + 1:02d}" for i in range(COUNTIES)]
    return Demand(
        cell=np.arange(places, dtype=np.uint64),
        lon=lon[order],
        lat=lat[order],
        area_km2=np.full(places, 166_927 / places),
        county=county[order].astype(np.int32),
        residents=people,
        urban=people * 6 // 10,
        age_60=people * 17 // 100,
        age_65=people * 12 // 100,
        county_code=np.array(code),
        county_name=np.array([f"第{i}县" for i in range(COUNTIES)]),
        city_name=np.array([f"第{each}市" for each in city]),
    )


def make_gazetteer(demand: Demand) -> Gazetteer:
    """A settlement at every thousandth place, a seat at the first of each county."""
    seat = np.searchsorted(demand.county, np.arange(COUNTIES))
    town = np.arange(0, len(demand.cell), 1000)
    at = np.concatenate([seat[:1], seat, town])
    level = np.concatenate([[0], np.full(COUNTIES, 2), np.full(len(town), 3)]).astype(np.uint8)
    county = np.concatenate([[-1], np.arange(COUNTIES), demand.county[town]]).astype(np.int32)
    names = ["江西省", *demand.county_name.tolist(), *(f"镇{i}" for i in range(len(town)))]
    return Gazetteer(
        name=np.array(names), lon=demand.lon[at], lat=demand.lat[at], level=level, county=county,
        population=np.zeros(len(at), np.int64), alias=np.array([], "<U1"), alias_of=np.array([], np.int32),
        county_code=demand.county_code, county_name=demand.county_name, city_name=demand.city_name,
    )  # fmt: skip


def make_layer(demand: Demand, count: int) -> Layer:
    """Stores at places drawn by residents: one provincial, a hub in each city, the others of counties."""
    rng = np.random.default_rng(SEED + 1)
    at = np.sort(rng.choice(len(demand.cell), count, replace=False))
    county = demand.county[at]
    level = np.full(count, "县级", object)
    level[np.unique(np.asarray(demand.city_name)[county], return_index=True)[1]] = "市级"
    level[0] = "省级"
    table = pd.DataFrame({name: [""] * count for name in COLUMNS}).assign(
        id=[f"w{i:03d}" for i in range(count)],
        name=[f"仓库{i}" for i in range(count)],
        lon=demand.lon[at],
        lat=demand.lat[at],
        level=level,
        county_code=demand.county_code[county],
        county=demand.county_name[county],
        city=demand.city_name[county],
        hours="周一至周五 08:00-18:00",
        capacity=np.where(level == "县级", 5000.0, 40_000.0),
        readiness_min=60.0,
        members=np.nan,
    )
    return Layer("warehouse", table, example=True)


def measured(job: Callable[[], Any]) -> tuple[float, float, Any]:
    """Time a job: wall and CPU seconds, and what it gave."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = job()
    return time.perf_counter() - wall, time.process_time() - cpu, found


def peak_gb() -> float:
    """Most memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def assessment_of(network: Network, places: int, sites: int) -> Assessment:
    """Make everything that is asked about."""
    demand = make_demand(network, places)
    place = Place(demand, make_gazetteer(demand))
    return Assessment(
        place, network, make_layer(demand, sites), load_standards()["warehouse"], Question("县")
    )


def own_rows(assessment: Assessment, only: str | None) -> None:
    """Time every topic, in order, each with what the ones before have made."""
    print("| topic | wall s | CPU s | rows |\n|---|---|---|---|")
    begun = time.perf_counter()
    for code in topics.topics_of("warehouse"):
        if code == "flood" or (only and code != only):
            continue
        wall, cpu, tables = measured(lambda code=code: topics.answer(assessment, code))
        print(
            f"| {code} | {wall:.2f} | {cpu:.2f} | {sum(len(each.frame) for each in tables):,} |", flush=True
        )
    total = time.perf_counter() - begun
    pairs = len(assessment.matrix.site)
    print(f"\nall: {total:.1f} s, {pairs:,} pairs within the limit, peak {peak_gb():.2f} GB\n")


def peers(assessment: Assessment) -> None:
    """Time what others have, on the same input; the answers are compared."""
    print("| job | peer | peer s | boai s | ratio |\n|---|---|---|---|---|")
    for name, (theirs, ours) in (
        ("nearest store of every node", _scipy(assessment)),
        ("2SFCA", _pysal(assessment)),
        ("nearest with capacity", _loop(assessment)),
    ):
        print(f"| {name} | {theirs[0]} | {theirs[1]:.2f} | {ours:.3f} | {theirs[1] / ours:.0f} |", flush=True)


def _scipy(a: Assessment) -> tuple[tuple[str, float], float]:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    network, nodes = a.network, np.random.default_rng(SEED).choice(a.network.n_nodes, SITES, replace=False)
    own = min(measured(lambda: travel.to_nearest(network, nodes))[1] for _ in range(3))
    n = network.n_nodes
    graph = csr_array(
        (network.centiseconds.astype(np.float64), network.head, network.start), shape=(n, n), copy=True
    )
    _, cpu, times = measured(lambda: dijkstra(graph, indices=nodes, min_only=True))
    mine = travel.to_nearest(network, nodes).centiseconds
    reached = np.isfinite(times)
    assert np.array_equal(times[reached], mine[reached])
    return ("scipy min_only", cpu), own


def _pysal(a: Assessment) -> tuple[tuple[str, float], float]:
    matrix, supply = a.matrix, a.supply.persons.astype(np.float64)
    weight = matrix.weight(a.demand.residents)
    _, own, found = measured(lambda: floating.two_step(matrix, supply, weight))
    try:
        from access import Access
    except ImportError:
        return ("PySAL access (not installed)", float("nan")), own
    frames = _frames(matrix, weight, supply)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Access(**frames)
        _, cpu, score = measured(
            lambda: model.two_stage_fca(name="x", cost="cost", max_cost=matrix.limit * 100)
        )
    mine = found.score[weight > 0]
    assert np.allclose(np.nan_to_num(score.iloc[:, 0].to_numpy()), mine[: len(score)], rtol=1e-9)
    return ("PySAL access", cpu), own


def _frames(matrix: Matrix, weight: NDArray[np.float64], supply: NDArray[np.float64]) -> dict[str, Any]:
    """Write the pairs as PySAL access wants them."""
    rows = matrix.rows()
    keep = weight[rows] > 0
    demand = pd.DataFrame({"place": np.flatnonzero(weight > 0), "people": weight[weight > 0]})
    table = pd.DataFrame({"from": rows[keep], "to": matrix.site[keep], "cost": matrix.cost[keep]})
    store = pd.DataFrame({"store": np.arange(len(supply)), "persons": supply})
    return {
        "demand_df": demand, "demand_index": "place", "demand_value": "people", "supply_df": store,
        "supply_index": "store", "supply_value": ["persons"], "cost_df": table, "cost_origin": "from",
        "cost_dest": "to", "cost_name": "cost",
    }  # fmt: skip


def _loop(a: Assessment) -> tuple[tuple[str, float], float]:
    """Assign in plain Python: rate on the first pairs, scaled to all of them."""
    matrix, left, able = a.matrix, a.need.tolist(), a.supply.persons.tolist()
    own = measured(lambda: assign(matrix, a.need, a.supply.persons, limit=a.standard.main))[1]
    row, site, cost = matrix.rows().tolist(), matrix.site.tolist(), matrix.cost.tolist()
    some = min(len(row), MOST_PAIRS_OF_LOOP)

    def plain() -> None:
        for i in sorted(range(some), key=lambda i: (cost[i], row[i], site[i])):
            take = min(left[row[i]], able[site[i]])
            left[row[i]] -= take
            able[site[i]] -= take

    cpu = measured(plain)[1]
    return ("plain Python, scaled up", cpu / max(some, 1) * len(row)), own


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=roads_graph.NODES)
    parser.add_argument("--places", type=int, default=2_000_000)
    parser.add_argument("--only")
    parser.add_argument("--no-peers", action="store_true")
    wanted = parser.parse_args()
    small = assessment_of(roads_graph.province(30_000), 5_000, 30)
    for code in topics.topics_of("warehouse"):
        if code != "flood":
            topics.answer(small, code)  # compiles
    network = roads_graph.province(wanted.nodes)
    wall, cpu, assessment = measured(lambda: assessment_of(network, wanted.places, SITES))
    print(f"{network.n_nodes:,} nodes, {wanted.places:,} places, made in {wall:.1f} s ({cpu:.1f} s CPU)\n")
    own_rows(assessment, wanted.only)
    if not wanted.no_peers:
        peers(assessment)


if __name__ == "__main__":
    main()
