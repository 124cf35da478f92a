"""The flows of open sites by linear programming: the cheapest, or the most and of those the cheapest."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from .program import CoverProgram
from .reduce import Floats, Mask


def settle(program: CoverProgram, opened: Mask, price: Floats, worth: Floats | None = None) -> Floats | None:
    """Find the best quantities of some open sites (m,); None where none are found.

    Parameters
    ----------
    price
        (m,) cost of each quantity.
    worth
        (m,) what each is worth: then the most worth, and of all ways to it the cheapest.
    """
    n = program.n_sites
    rows = csr_array(program.side[:, n : n + program.n_quantities])
    limit = program.limit - program.side[:, :n] @ opened.astype(np.float64)
    bounds = np.column_stack([np.zeros(len(price)), program.y_upper])
    if not len(price):
        return np.zeros(0)
    if worth is not None:
        most = linprog(-worth, rows, limit, bounds=bounds)
        if most.status != 0:
            return None
        rows = csr_array(vstack([rows, csr_array(-worth[None, :])], format="csr"))
        limit = np.r_[limit, most.fun]
    for slack in (0.0, 1e-9):  # all of the most, or where rounding forbids that nearly all
        if slack and worth is not None:
            limit[-1] += slack * abs(limit[-1])
        least = linprog(price / max(float(np.abs(price).max()), 1e-300), rows, limit, bounds=bounds)
        if least.status == 0:
            return np.asarray(np.clip(least.x, 0.0, program.y_upper), np.float64)
    return None
