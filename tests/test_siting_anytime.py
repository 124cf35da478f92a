"""Progress, time limits and interruptions at any moment: the best plan, with a gap that is proven."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time

import numpy as np
import pytest
from boai.coverage.siting import lscp, mclp
from boai.coverage.siting.certificate import check, request


def planar(m: int, n: int, radius: float, seed: int):
    random = np.random.default_rng(seed)
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    near = ((demand[:, None] - candidate[None]) ** 2).sum(-1) <= radius**2
    return np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1], random.integers(1, 101, m).astype(float), n


def holds(plan, arrays, *, maximal: bool, budget: float = np.inf, interrupted: bool = False) -> None:
    """Follow the certificate; an interruption between a bound and its record leaves it one node behind."""
    found = check(request(*arrays, maximal=maximal, budget=budget), plan.sites, plan.certificate)
    assert not found.problems
    assert found.objective == plan.objective
    if interrupted:
        assert found.bound >= plan.objective if maximal else found.bound <= plan.objective
    else:
        assert found.bound <= plan.bound if maximal else found.bound >= plan.bound
    assert (plan.status == "optimal") == (plan.bound == plan.objective)


@pytest.fixture(scope="module")
def hard():
    """Not proven within seconds."""
    return planar(6000, 300, 0.11, 12)


@pytest.mark.parametrize("model", ["mclp", "lscp"])
def test_progress_only_gets_better_and_ends_where_the_plan_is(model):
    arrays = planar(3000, 150, 0.12, 4)
    told: list[tuple[float, float, float, float]] = []
    if model == "mclp":
        plan = mclp(*arrays, p=15, progress=lambda *now: told.append(now))
    else:
        plan = lscp(*arrays, progress=lambda *now: told.append(now))
    sign = 1 if model == "mclp" else -1
    assert told and told[-1][0] == plan.objective and told[-1][1] == pytest.approx(plan.bound, abs=1 - 1e-9)
    for (found, bound, gap, seconds), (later, lower, smaller, after) in itertools.pairwise(told):
        assert sign * later >= sign * found and sign * lower <= sign * bound
        assert smaller <= gap + 1e-12 and after >= seconds
        assert sign * lower >= sign * plan.objective and 0 <= smaller <= 1


def interrupted(solve, wait: float):
    """Solve, with a real SIGINT so many seconds after the first word of progress."""
    stop = threading.Timer(wait, os.kill, (os.getpid(), signal.SIGINT))

    def begin(*_: float) -> None:
        if not stop.is_alive() and not stop.finished.is_set():
            stop.start()

    plan = solve(begin)
    stop.cancel()
    if stop.ident is not None:
        stop.join()
    return plan


def test_an_interruption_at_any_moment_gives_a_certified_plan(hard):
    """From right after the first plan to deep in the tree."""
    for wait in np.random.default_rng(1).uniform(0.001, 0.8, 8):
        started = time.monotonic()
        plan = interrupted(lambda tell: mclp(*hard, p=30, time_limit_s=20.0, progress=tell), wait)
        assert time.monotonic() - started < 15.0
        assert plan.status == "feasible" and 0 < plan.gap <= 1
        holds(plan, hard, maximal=True, budget=30, interrupted=True)


def test_an_interrupted_cover_covers_all(hard):
    for wait in (0.001, 0.05, 0.6):
        plan = interrupted(lambda tell: lscp(*hard, time_limit_s=20.0, progress=tell), wait)
        holds(plan, hard, maximal=False, interrupted=True)


@pytest.mark.parametrize("calls", [1, 2, 4, 7])
def test_who_is_told_may_interrupt(hard, calls):
    left = [calls]

    def stop(*_: float) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    plan = mclp(*hard, p=30, progress=stop, time_limit_s=3.0)
    holds(plan, hard, maximal=True, budget=30, interrupted=True)
    left = [calls]
    holds(lscp(*hard, progress=stop, time_limit_s=3.0), hard, maximal=False, interrupted=True)


@pytest.mark.parametrize("limit", [0.0, 0.2, 1.0])
def test_out_of_time_is_never_called_optimal(hard, limit):
    plan = mclp(*hard, p=30, time_limit_s=limit)
    assert plan.status == "feasible" and plan.bound > plan.objective
    holds(plan, hard, maximal=True, budget=30)
    holds(lscp(*hard, time_limit_s=limit), hard, maximal=False)
