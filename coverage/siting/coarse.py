"""Where the relaxation of a large maximal covering begins: at that of a sample of its classes.

A step on all pairs of a province costs a tenth of a second, and the first hundred steps do little more than
find the columns that matter. A sample of the classes finds them for a twentieth of the price. Nothing rests
on the sample but the point at which the relaxation of all classes begins.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from .pair_kernels import sums
from .reduce import Floats, Instance, Mask
from .saddle import Relaxation
from .search_model import MAXIMAL, Judged
from .sifting import far_columns

_PAIRS = 1_000_000
"""About so many pairs has the first sample, and ``_FINER`` times as many the next one."""

_FINER = 4

_STEPS = 400
_LEFT = 2e-3
"""A sample is solved until bound and value differ by this share, which is about what the sample is off by, or
for so many steps."""

_SPARE = 0.5
"""As many closed columns are not laid idle at first as this share of the open ones."""


class Start(NamedTuple):
    """A point of the whole relaxation."""

    fraction: Floats
    """(n,) openings, and (k,) multipliers as shares."""
    share: Floats
    primal_weight: float
    idle: Mask
    """(n,) columns that a sample keeps closed, and that may be left out for now."""


def sampled(instance: Instance, classes: int) -> Instance:
    """Draw classes by their weights, at even distances, with the weight of what they stand for.

    Systematic sampling with probabilities proportional to size (Madow 1949); a heavy class that is drawn
    several times is one with that many times the weight.
    """
    total = float(instance.weight.sum())
    at = np.searchsorted(np.cumsum(instance.weight), (np.arange(classes) + 0.5) / classes * total)
    drawn, times = np.unique(np.minimum(at, instance.n_rows - 1), return_counts=True)
    rows = csr_array(instance.rows[drawn])
    return replace(
        instance,
        rows=rows,
        columns=csr_array(rows.T.tocsr()),
        weight=(times * (total / classes)).astype(np.float64),
        base=0.0,
        origin=np.arange(len(drawn)),
    )


def coarse_start(instance: Instance, fraction: Floats, primal_weight: float, deadline: float) -> Start:
    """Solve the relaxation of ever larger samples of a maximal covering, each from the last one's solution.

    Parameters
    ----------
    fraction, primal_weight
        (n,) openings where the first begins, and its primal weight.
    deadline
        On the clock ``time.monotonic``.
    """
    classes = max(1, int(instance.n_rows * (_PAIRS / max(1, instance.rows.nnz))))
    idle = np.zeros(instance.n_columns, bool)
    while classes * _FINER <= instance.n_rows and time.monotonic() < deadline:
        sample = sampled(instance, classes)
        relaxation = Relaxation(sample, maximal=True)
        relaxation.primal_weight = primal_weight
        relaxation.start(fraction, shares_at(sample, fraction))
        fraction, judged = _solved(relaxation, deadline)
        relaxation.keep_weight()
        idle = far_columns(fraction, judged, np.inf, _SPARE)
        primal_weight, classes = relaxation.primal_weight, classes * _FINER
    return Start(fraction, shares_at(instance, fraction), primal_weight, idle)


def _solved(relaxation: Relaxation, deadline: float) -> tuple[Floats, Judged]:
    """Take steps until bound and value are near each other: the openings (n,), and what is proven last."""
    instance, nothing = relaxation.instance, np.zeros(relaxation.instance.n_columns, bool)
    bound, value, steps = np.inf, -np.inf, 0
    while True:
        fraction, share, reaches = relaxation.advance()
        steps += relaxation.steps
        judged = MAXIMAL.judge(instance, share, nothing, nothing)
        bound, value = min(bound, judged.bound), max(value, reaches)
        if bound - value <= _LEFT * bound or steps >= _STEPS or time.monotonic() >= deadline:
            return fraction, judged


def shares_at(instance: Instance, fraction: Floats) -> Floats:
    """Give the multipliers, as shares (k,), that fit some openings: 1 where they cover less than the class.

    0 where they cover more, one half where they cover it just.
    """
    over = sums(instance.rows.indptr, instance.rows.indices, fraction) - 1.0
    return np.where(np.abs(over) <= 1e-3, 0.5, (over < 0.0).astype(np.float64))
