"""PySAL spopt and the textbook model, timed on the instances of the siting benchmark.

spopt calls a run that hit its time limit "optimal" (it looks at PuLP's ``status``, which is 1 with any plan),
so its status is taken here from what PuLP knows of the solver (``sol_status``) and from the clock.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csr_array, eye_array
from siting_instances import Arrays

Found = dict[str, Any]

SHORTEST_S = 20.0
"""A solver gets at least this much where building has used up the limit."""


def spopt(model: str, cost: NDArray[Any], weight: NDArray[Any], asked: dict[str, float], limit_s: float,
          *, highs: bool) -> Found:  # fmt: skip
    """Build and solve a model of spopt on a full matrix of costs; the limit counts from the start."""
    import pulp.v4_migration
    from spopt.locate import LSCP, MCLP, PCenter, PMedian

    # spopt 0.7 calls PuLP in ways that PuLP 3.3 warns of, once per variable: that would cost the peer time.
    pulp.v4_migration.set_v4_migration_warnings(False)
    started = time.perf_counter()
    p = int(asked.get("p", 0))
    if model == "mclp":
        problem = MCLP.from_cost_matrix(cost, weight, asked["radius"], p)
    elif model == "lscp":
        problem = LSCP.from_cost_matrix(cost, asked["radius"])
    elif model == "p-median":
        problem = PMedian.from_cost_matrix(cost, weight, p)
    else:
        problem = PCenter.from_cost_matrix(cost, p)
    built = time.perf_counter() - started
    left = max(SHORTEST_S, limit_s - built)
    # HiGHS is called through PuLP's own bridge, with one thread as everywhere in this benchmark.
    solver = pulp.HiGHS if highs else pulp.PULP_CBC_CMD
    try:
        problem.solve(solver(msg=False, timeLimit=left, threads=1), results=False)
    except RuntimeError as error:  # spopt: "Model is not solved"
        return {"status": f"no plan ({str(error).split('.')[0]})", "build_s": built}
    spent = time.perf_counter() - started - built
    proven = problem.problem.sol_status == pulp.LpSolutionOptimal and spent < left
    return {
        "objective": float(pulp.value(problem.problem.objective)),
        "status": "proven" if proven else "called optimal, not proven",
        "build_s": built,
    }


def textbook(model: str, arrays: Arrays, p: int, limit_s: float) -> Found:
    """The compact model without reductions, solved by scipy's HiGHS on sparse arrays."""
    indptr, indices, weight, n = arrays
    cover = csr_array((np.ones(len(indices)), indices, indptr), shape=(len(weight), n))
    if model == "lscp":
        return _solved(np.ones(n), LinearConstraint(cover[np.diff(indptr) > 0], 1, np.inf), n, limit_s, 1.0)
    m, scale = len(weight), 1e4 / weight.sum()
    matrix = block_array([[-cover, eye_array(m)], [csr_array(np.ones((1, n))), None]], format="csr")
    rows = LinearConstraint(matrix, -np.inf, np.r_[np.zeros(m), p])
    return _solved(np.r_[np.zeros(n), -weight * scale], rows, n, limit_s, -scale)


def _solved(cost: NDArray[Any], rows: LinearConstraint, n: int, limit_s: float, scale: float) -> Found:
    whole = np.r_[np.ones(n), np.zeros(len(cost) - n)]
    options = {"time_limit": limit_s}
    result = milp(cost, constraints=rows, integrality=whole, bounds=Bounds(0, 1), options=options)
    found: Found = {"status": "proven" if result.status == 0 else "time limit"}
    if result.fun is not None:
        found["objective"] = result.fun / scale
    if result.mip_dual_bound is not None:
        found["bound"] = result.mip_dual_bound / scale
    return found
