"""Progress, time limits and interruptions at any moment: the best plan, with a gap that is proven."""

from __future__ import annotations

import itertools
import os
import signal
import threading

import numpy as np
import pytest
from boai.coverage.siting import saddle
from boai.coverage.siting.certificate import check, request
from boai.coverage.siting.incumbent import Incumbent
from boai.coverage.siting.models import lscp, mclp


def planar(m: int, n: int, radius: float, seed: int):
    random = np.random.default_rng(seed)
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    near = ((demand[:, None] - candidate[None]) ** 2).sum(-1) <= radius**2
    return np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1], random.integers(1, 101, m).astype(float), n


def holds(plan, arrays, *, maximal: bool, budget: float = np.inf) -> None:
    """Follow the certificate: it proves what the plan says, whenever the search ended."""
    found = check(request(*arrays, maximal=maximal, budget=budget), plan.sites, plan.certificate)
    assert not found.problems
    assert found.objective == plan.objective
    assert found.bound <= plan.bound if maximal else found.bound >= plan.bound
    assert (plan.status == "optimal") == (plan.bound == plan.objective)


@pytest.fixture(autouse=True)
def heard():
    """A shell that starts the tests in the background has them ignore interruptions."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def hard():
    """Not proven within seconds; the kernels are compiled before, however long that takes."""
    small = planar(900, 70, 0.14, 12)
    mclp(*small, p=10), lscp(*small)
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
    """Solve, with a real SIGINT so many seconds after the first word of progress, then again till it ends.

    Python drops an interruption that arrives while it collects garbage, so one signal may not be enough.
    """
    begun, ended = threading.Event(), threading.Event()

    def send() -> None:
        begun.wait()
        pause = wait
        while not ended.wait(pause):
            os.kill(os.getpid(), signal.SIGINT)
            pause = 3.0

    sender = threading.Thread(target=send)
    sender.start()
    try:
        return solve(lambda *_: begun.set())
    finally:
        ended.set()
        begun.set()
        sender.join()


def test_an_interruption_at_any_moment_gives_a_certified_plan(hard):
    """From right after the first plan to deep in the tree."""
    for wait in np.random.default_rng(1).uniform(0.001, 0.8, 5):
        plan = interrupted(lambda tell: mclp(*hard, p=30, time_limit_s=60.0, progress=tell), wait)
        assert plan.status == "feasible" and 0 < plan.gap <= 1
        assert plan.seconds < 60.0  # it ends by the interruption, not by the limit
        holds(plan, hard, maximal=True, budget=30)


def test_an_interrupted_cover_covers_all(hard):
    for wait in (0.001, 0.05, 0.6):
        plan = interrupted(lambda tell: lscp(*hard, time_limit_s=20.0, progress=tell), wait)
        holds(plan, hard, maximal=False)


def told_until(solve, calls: int):
    """Solve, interrupted by the word of progress of that number; true where it came so far."""
    left = [calls]

    def stop(*_: float) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    return solve(stop), left[0] <= 0


@pytest.mark.parametrize("fractional", [False, True])
def test_every_word_of_progress_may_interrupt(fractional):
    indptr, indices, weight, n = planar(900, 70, 0.14, 12)
    arrays = (indptr, indices, weight / 7 if fractional else weight, n)
    stopped = []
    for calls in range(1, 200):
        plan, came = told_until(lambda tell: mclp(*arrays, p=10, progress=tell), calls)
        stopped.append((plan.bound, plan.objective))
        if not came:
            break
        found = check(request(*arrays, maximal=True, budget=10), plan.sites, plan.certificate)
        assert not found.problems and found.bound <= plan.bound * (1 + (2e-6 if fractional else 0.0))
    assert len(stopped) > 5 and plan.status == "optimal"
    assert [bound for bound, _ in stopped] == sorted((bound for bound, _ in stopped), reverse=True)
    for calls in range(1, 200):
        plan, came = told_until(lambda tell: lscp(*arrays, progress=tell), calls)
        holds(plan, arrays, maximal=False)
        if not came:
            break
    assert plan.status == "optimal"


def test_an_interruption_anywhere_in_the_search_gives_a_certified_plan(monkeypatch):
    """At any line of the search, not only where signals happen to be heard."""
    arrays = planar(400, 40, 0.17, 3)
    whole = mclp(*arrays, p=6)
    for name in ("take", "lower", "layer"):
        for calls in range(1, 12):
            left, plain = [calls], getattr(Incumbent, name)

            def stop(self, *given, left=left, plain=plain):
                left[0] -= 1
                if not left[0]:
                    raise KeyboardInterrupt
                return plain(self, *given)

            monkeypatch.setattr(Incumbent, name, stop)
            plan = mclp(*arrays, p=6)
            monkeypatch.setattr(Incumbent, name, plain)
            holds(plan, arrays, maximal=True, budget=6)
            assert plan.objective <= whole.objective <= plan.bound


@pytest.mark.parametrize("limit", [0.0, 0.2, 1.0])
def test_out_of_time_is_never_called_optimal(hard, limit):
    plan = mclp(*hard, p=30, time_limit_s=limit)
    assert plan.status == "feasible" and plan.bound > plan.objective
    holds(plan, hard, maximal=True, budget=30)
    holds(lscp(*hard, time_limit_s=limit), hard, maximal=False)


@pytest.mark.parametrize("model", ["mclp", "lscp"])
def test_an_interruption_inside_a_compiled_loop_is_one(hard, model, monkeypatch):
    """There it arrives as the cause of a SystemError."""
    plain, left = saddle.advance, [3]

    def stop(*given):
        left[0] -= 1
        if not left[0]:
            raise SystemError("returned a result with an exception set") from KeyboardInterrupt()
        return plain(*given)

    monkeypatch.setattr(saddle, "advance", stop)
    plan = mclp(*hard, p=30) if model == "mclp" else lscp(*hard)
    assert left[0] == 0 and plan.status == "feasible"
    holds(plan, hard, maximal=model == "mclp", budget=30 if model == "mclp" else np.inf)


def test_other_system_errors_are_not_swallowed(hard, monkeypatch):
    def fail(*_):
        raise SystemError("broken")

    monkeypatch.setattr(saddle, "advance", fail)
    with pytest.raises(SystemError, match="broken"):
        mclp(*hard, p=30)
