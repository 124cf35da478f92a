"""HiGHS as every model uses it: silent, one thread.

A second instance with another number of threads in the same process fails silently.
"""

from __future__ import annotations

import highspy
import numpy as np
from numpy.typing import NDArray


def quiet_solver(**options: float | str) -> highspy.Highs:
    """Make a silent solver of one thread."""
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, setting in {"output_flag": False, "threads": 1, **options}.items():
        solver.setOptionValue(name, setting)
    return solver


def fewest_columns(share: NDArray[np.float64], *, time_limit_s: float) -> tuple[NDArray[np.int64], float]:
    """Choose the fewest columns of which each row sums to at least 1: min sum x, share x >= 1, x binary.

    Parameters
    ----------
    share
        (rows, columns) at least 0.

    Returns
    -------
    tuple
        Columns that the solver proposes, ascending, none where it has found no plan; what it takes for a
        lower bound of their number, -inf where it has none.
    """
    rows, columns = share.shape
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, rows
    model.col_cost_, model.col_lower_, model.col_upper_ = (
        np.ones(columns),
        np.zeros(columns),
        np.ones(columns),
    )
    model.row_lower_, model.row_upper_ = np.ones(rows), np.full(rows, highspy.kHighsInf)
    model.integrality_ = [highspy.HighsVarType.kInteger] * columns
    row, column = np.nonzero(share)
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))])
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_ = start.astype(np.int32), column.astype(np.int32)
    model.a_matrix_.value_ = share[row, column]
    solver = quiet_solver(time_limit=time_limit_s, mip_abs_gap=0.999, mip_rel_gap=0.0)
    solver.passModel(model)
    solver.run()
    value = np.array(solver.getSolution().col_value[:columns])
    bound = float(solver.getInfo().mip_dual_bound)
    return np.flatnonzero(value > 0.5).astype(np.int64), bound if np.isfinite(bound) else -np.inf
