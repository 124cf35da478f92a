"""Cover programs: equal to brute force and to an independent MILP, with proofs."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting.program import CoverProgram, Outcome, ProgramBuilder, cover_of, open_sites
from boai.coverage.siting.program_compact import solve_compact
from boai.coverage.siting.program_proof import check_program
from boai.coverage.siting.program_search import solve_program
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array


def numbers(rng: np.random.Generator, shape: tuple[int, ...], *, whole: bool) -> np.ndarray:
    return rng.integers(0, 10, shape).astype(float) if whole else rng.random(shape) * 10


def random_program(seed: int, *, quantities: bool = False, most: int = 8) -> CoverProgram:
    """Random classes, steps, groups and side constraints of all kinds and signs on up to ``most`` sites."""
    rng = np.random.default_rng(seed)
    n, whole = int(rng.integers(1, most + 1)), bool(rng.random() < 0.5)
    builder, sites = ProgramBuilder(n), np.arange(n)
    t = [np.empty(0, np.int64)]
    for _ in range(int(rng.integers(0, 3))):
        k, length = int(rng.integers(0, 15)), int(rng.integers(1, 4))
        rows = csr_array((rng.random((k, n)) < rng.random() * 0.6).astype(float))
        steps = -np.sort(-numbers(rng, (k, length), whole=whole), axis=1)
        t.append(builder.add_classes(rows, steps, rng.integers(0, 4, k) if rng.random() < 0.5 else None))
    cover = np.concatenate(t)
    y = builder.add_quantities(numbers(rng, (int(rng.integers(1, 4)),), whole=whole)) if quantities else None
    for number in range(int(rng.integers(0, 5))):
        kind = int(rng.integers(0, 5 if quantities else 4))
        some = np.flatnonzero(rng.random(n) < 0.6)
        if kind == 0:
            builder.require(f"至多 {number}", float(rng.integers(0, n + 1)), x=(some, 1.0))
        elif kind == 1:
            builder.require(f"至少 {number}", -float(rng.integers(0, 4)), x=(some, -1.0))
        elif kind == 2:
            cost = numbers(rng, some.shape, whole=whole)
            builder.require(f"预算 {number}", float(rng.random() * 20), x=(some, cost))
        elif kind == 3 and len(cover):
            part = cover[rng.random(len(cover)) < 0.7]
            least = rng.random() < 0.6
            factor = -numbers(rng, part.shape, whole=whole) if least else rng.normal(size=len(part)) * 3
            limit = -rng.random() * 40 if (factor <= 0).all() else rng.normal() * 10
            sites_too = (some, rng.normal(size=len(some)) * 2) if rng.random() < 0.3 else None
            builder.require(f"覆盖 {number}", float(limit), t=(part, factor), x=sites_too)
        elif kind == 4:
            terms = {"y": (y, rng.normal(size=len(y)) * 2), "x": (some, rng.normal(size=len(some)) * 4)}
            if rng.random() < 0.4:
                terms["t"] = (cover, rng.normal(size=len(cover)))
            builder.require(f"数量 {number}", float(rng.normal() * 5), **terms)
    signs = -1.0 if rng.random() < 0.7 else 1.0
    x_value = (sites, signs * numbers(rng, (n,), whole=whole)) if rng.random() < 0.5 else None
    factor = rng.integers(0, 3, len(cover)) if rng.random() < 0.8 else rng.normal(size=len(cover))
    t_value = (cover, factor) if len(cover) and rng.random() < 0.8 else None
    y_value = (y, rng.normal(size=len(y))) if quantities and rng.random() < 0.7 else None
    return builder.build(x=x_value, t=t_value, y=y_value)


def plain(program: CoverProgram) -> bool:
    """All cover counts in the best plan, so that subsets of sites say all."""
    side = program.side[:, program.n_sites :].toarray()
    return not program.n_quantities and bool((program.t_value >= 0).all() and (side <= 0).all())


def best_of_all(program: CoverProgram) -> float:
    """Value the best of all subsets of sites; -inf where none keeps all constraints."""
    n = program.n_sites
    plans = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    count = np.rint(plans @ program.rows.toarray().T).astype(int)
    height = np.hstack([np.zeros((len(program.steps), 1)), np.cumsum(program.steps, axis=1)])
    phi = height[np.arange(len(height)), np.minimum(count, program.steps.shape[1])]
    one_hot = np.eye(program.n_groups)[program.group]
    cover = phi @ one_hot
    left = program.limit - np.hstack([plans, cover]) @ program.side.toarray().T
    fits = (left >= -1e-9).all(axis=1)
    value = plans @ program.x_value + cover @ program.t_value
    return float(value[fits].max(initial=-math.inf))


def milp_of(program: CoverProgram) -> float:
    """Solve the program as a MILP with a binary for every step of every class, kept in order."""
    n, m, groups = program.n_sites, program.n_quantities, program.n_groups
    k, length = program.steps.shape
    total = n + m + groups + k * length
    step = n + m + groups + np.arange(k * length).reshape(k, length)
    rows, limits = [], []
    for r in range(k):
        row = np.zeros(total)
        row[step[r]] = 1.0
        row[:n] = -program.rows[[r]].toarray()[0]
        rows.append(row)
        limits.append(0.0)
    for g in range(groups):
        row = np.zeros(total)
        row[n + m + g] = 1.0
        for r in np.flatnonzero(program.group == g):
            row[step[r]] = -program.steps[r]
        rows.append(row)
        limits.append(0.0)
    for q in range(len(program.limit)):
        row = np.zeros(total)
        row[: n + m + groups] = program.side[[q]].toarray()[0]
        rows.append(row)
        limits.append(program.limit[q])
    value = np.r_[program.x_value, program.y_value, program.t_value, np.zeros(k * length)]
    upper = np.r_[np.ones(n), program.y_upper, np.full(groups, np.inf), np.ones(k * length)]
    whole = np.r_[np.ones(n), np.zeros(m + groups), np.ones(k * length)]
    matrix = np.array(rows).reshape(-1, total)
    found = (
        milp(
            -value,
            constraints=LinearConstraint(matrix, -np.inf, np.array(limits)),
            integrality=whole,
            bounds=Bounds(np.zeros(total), upper),
            options={"mip_rel_gap": 1e-9},
        )
        if rows
        else milp(-value, integrality=whole, bounds=Bounds(np.zeros(total), upper))
    )
    return -float(found.fun) if found.status == 0 else -math.inf


def verdict(program: CoverProgram, outcome: Outcome) -> float:
    """Check plan and proof by the checker alone: the bound it proves."""
    sites = outcome.opened if outcome.objective > -math.inf else None
    found = check_program(program, sites, outcome.y, outcome.proof, cover=outcome.cover)
    assert found.problems == ()
    assert found.objective == pytest.approx(outcome.objective, rel=1e-12, abs=1e-12)
    assert found.bound <= outcome.bound + 1e-12 * max(1.0, abs(outcome.bound)) or found.bound == outcome.bound
    return found.bound


def agrees(program: CoverProgram, truth: float) -> None:
    outcome = solve_program(program, time_limit_s=30)
    proven = verdict(program, outcome)
    if truth == -math.inf:
        assert outcome.status == "infeasible" and proven == -math.inf
        assert not outcome.opened.any() and outcome.bound == -math.inf
        return
    near = 2e-6 * max(1.0, abs(truth))
    assert outcome.status == "optimal" and abs(outcome.objective - truth) <= near
    assert outcome.bound >= truth - 1e-9 * max(1.0, abs(truth)) and outcome.bound - outcome.objective <= near
    assert proven >= truth - 1e-9 * max(1.0, abs(truth))


@pytest.mark.parametrize("first", range(0, 240, 40))
def test_equals_brute_force_and_is_certified(first):
    for seed in range(first, first + 40):
        program = random_program(seed)
        agrees(program, best_of_all(program) if plain(program) else milp_of(program))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 5000, 500))
def test_equals_brute_force_on_thousands(first):
    for seed in range(first, first + 500):
        program = random_program(seed)
        agrees(program, best_of_all(program) if plain(program) else milp_of(program))


@pytest.mark.parametrize("first", [0, 25, pytest.param(1000, marks=pytest.mark.slow)])
def test_quantities_equal_an_independent_milp(first):
    for seed in range(first, first + (25 if first < 1000 else 600)):
        program = random_program(seed, quantities=True)
        agrees(program, milp_of(program))


def planar(
    seed: int, m: int = 400, n: int = 40, radius: float = 0.16, *, length: int = 1
) -> tuple[CoverProgram, int]:
    """Points around a unit square, quotas by four cities and a budget."""
    rng = np.random.default_rng(seed)
    demand, site = rng.random((m, 2)), rng.random((n, 2))
    near = np.linalg.norm(demand[:, None] - site[None], axis=2) <= radius
    weight = rng.integers(1, 101, m).astype(float)
    steps = np.column_stack([np.round(weight * 0.5**s) for s in range(length)])
    builder = ProgramBuilder(n)
    t = builder.add_classes(csr_array(near.astype(float)), steps)
    city = (site[:, 0] > 0.5) * 2 + (site[:, 1] > 0.5)
    builder.require("名额 8 处", 8, x=(np.arange(n), 1.0))
    for c in range(4):
        builder.require(f"{c} 市至少 1 处", -1, x=(np.flatnonzero(city == c), -1.0))
        builder.require(f"{c} 市至多 3 处", 3, x=(np.flatnonzero(city == c), 1.0))
    cost = rng.integers(5, 20, n).astype(float)
    builder.require("预算", float(np.sort(cost)[:14].sum()), x=(np.arange(n), cost))
    return builder.build(t=(t, 1.0)), n


@pytest.mark.parametrize("length", [1, 3])
def test_equals_the_compact_model_with_quotas_and_a_budget(length):
    program, _ = planar(1, length=length)
    outcome, other = solve_program(program), solve_compact(program)
    assert outcome.status == other.status == "optimal"
    assert outcome.objective == pytest.approx(other.objective, abs=1e-4)
    assert verdict(program, outcome) == outcome.bound == outcome.objective


def test_is_deterministic():
    program, _ = planar(2)
    first, second = solve_program(program), solve_program(program)
    assert (first.opened == second.opened).all() and first.counts == second.counts
    assert len(first.proof.records) == len(second.proof.records)


def test_order_of_classes_and_sites_changes_nothing():
    program, n = planar(3)
    rng = np.random.default_rng(0)
    rows, sites = rng.permutation(len(program.group)), rng.permutation(n)
    columns = np.r_[sites, n + np.arange(program.n_groups)]
    shuffled = replace(
        program,
        rows=csr_array(program.rows[rows][:, sites]),
        steps=program.steps[rows],
        group=program.group[rows],
        x_value=program.x_value[sites],
        side=csr_array(program.side[:, columns]),
    )
    assert solve_program(shuffled).objective == solve_program(program).objective


def test_looser_limits_are_never_worse():
    program, _ = planar(4)
    limits = [program.limit, program.limit + (program.limit > 0), program.limit + 2 * (program.limit > 0)]
    found = [solve_program(replace(program, limit=limit)).objective for limit in limits]
    assert found == sorted(found)


@pytest.mark.parametrize("seed", [5, 6])
def test_interrupted_at_every_progress_call(seed):
    program, _ = planar(seed, m=200, n=25) if seed == 5 else (random_program(6003, quantities=True), 0)
    calls, best = [0], solve_program(program)
    solve_program(program, progress=lambda *_: calls.__setitem__(0, calls[0] + 1))
    for stop in range(1, calls[0] + 1):
        seen: list[tuple[float, float, float, float]] = []

        def tell(*state: float, stop: int = stop, seen: list = seen) -> None:
            seen.append(state)
            if len(seen) == stop:
                raise KeyboardInterrupt

        outcome = solve_program(program, progress=tell)
        assert len(seen) == stop and outcome.objective >= seen[-1][0] and outcome.bound <= seen[-1][1]
        assert outcome.bound >= best.objective - 1e-9 * abs(best.objective)
        verdict(program, outcome)


def test_no_time_gives_a_valid_outcome():
    for seed in range(30):
        program = random_program(seed)
        outcome = solve_program(program, time_limit_s=0.0)
        verdict(program, outcome)
        truth = best_of_all(program) if plain(program) else milp_of(program)
        assert outcome.bound >= truth - 1e-9 * max(1.0, abs(truth))
        assert outcome.objective <= truth + 2e-6 * max(1.0, abs(truth)) or truth == outcome.objective


def test_starts_are_taken_and_wrong_ones_do_no_harm():
    program, n = planar(7)
    best = solve_program(program)
    wrong = np.ones(n, bool)
    again = solve_program(program, starts=[wrong, best.opened], time_limit_s=0.0)
    assert again.objective == best.objective


def test_stops_at_the_gap_asked_for():
    program, _ = planar(8)
    outcome = solve_program(program, gap=0.2)
    assert outcome.gap <= 0.2
    verdict(program, outcome)


def phased(seed: int) -> CoverProgram:
    """Two years of five sites: what is open stays open; cover of both years, a minimum in the second."""
    rng = np.random.default_rng(seed)
    builder, first, second = ProgramBuilder(10), np.arange(5), np.arange(5, 10)
    near = (rng.random((8, 5)) < 0.4).astype(float)
    nothing = np.zeros_like(near)
    weight = rng.integers(1, 9, 8).astype(float)
    t = np.r_[
        builder.add_classes(csr_array(np.hstack([near, nothing])), weight),
        builder.add_classes(csr_array(np.hstack([nothing, near])), weight),
    ]
    for early, late in zip(first, second, strict=True):
        builder.require("不撤站", 0.0, x=([early, late], [1.0, -1.0]), hard=True)
    for sites, number in ((first, rng.integers(0, 3)), (second, rng.integers(2, 5))):
        builder.require(f"名额 {number} 处", float(number), x=(sites, 1.0))
    builder.require("第一年至少", -float(rng.integers(0, 3)), x=(first[:3], -1.0))
    builder.require("第二年覆盖", -float(rng.random() * weight.sum()), t=([t[1]], -1.0))
    return builder.build(t=(t, [2.0, 1.0]))


@pytest.mark.parametrize("first", [0, 20])
def test_phases_equal_brute_force(first):
    for seed in range(first, first + 20):
        program = phased(seed)
        agrees(program, best_of_all(program))


def empty(n: int) -> CoverProgram:
    return ProgramBuilder(n).build()


def test_empty_programs():
    for n in (0, 3):
        outcome = solve_program(empty(n))
        assert outcome.status == "optimal" and outcome.objective == outcome.bound == 0.0
        verdict(empty(n), outcome)
    builder = ProgramBuilder(2)
    t = builder.add_classes(csr_array((0, 2)), np.empty(0))
    assert t.tolist() == [0]
    assert solve_program(builder.build(t=(t, 1.0))).objective == 0.0


def test_rows_nobody_reaches_and_no_weight():
    builder = ProgramBuilder(2)
    t = builder.add_classes(csr_array(np.array([[0, 0], [1, 0], [0, 1]])), [5.0, 0.0, 3.0])
    builder.require("名额", 1, x=([0, 1], 1.0))
    outcome = solve_program(builder.build(t=(t, 1.0)))
    assert outcome.objective == 3.0 and outcome.opened.tolist() == [False, True]
    assert outcome.counts["candidates_useless"] == 1


def test_a_row_without_terms_decides():
    for limit, status in ((0.0, "optimal"), (-1.0, "infeasible")):
        builder = ProgramBuilder(1)
        builder.require("空", limit)
        program = builder.build()
        outcome = solve_program(program)
        assert outcome.status == status
        verdict(program, outcome)


def test_duplicates_in_rows_count_once():
    rows = csr_array((np.ones(2), np.array([0, 0]), np.array([0, 2])), shape=(1, 1))
    builder = ProgramBuilder(1)
    t = builder.add_classes(rows, [[3.0, 2.0]])
    program = builder.build(t=(t, 1.0))
    assert cover_of(program, open_sites(program, [0])).tolist() == [3.0]
    assert solve_program(program).objective == 3.0


def test_floats_at_the_limit_are_allowed():
    builder = ProgramBuilder(2)
    t = builder.add_classes(csr_array(np.eye(2)), [1.0, 1.0])
    builder.require("预算 0.3", 0.3, x=([0, 1], [0.1, 0.2]))
    assert solve_program(builder.build(t=(t, 1.0))).objective == 2.0


def test_a_constraint_without_a_limit_is_none():
    builder = ProgramBuilder(2)
    builder.require("名额", np.inf, x=([0, 1], 1.0))
    assert builder.build().names == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.add_classes(csr_array((1, 3)), [1.0]), "do not fit"),
        (lambda b: b.add_classes(csr_array((1, 2)), [[1.0, 2.0]]), "never rise"),
        (lambda b: b.add_classes(csr_array((1, 2)), [-1.0]), ">= 0"),
        (lambda b: b.add_quantities(np.inf), "finite"),
        (lambda b: b.require("名额", math.nan), "名额 must be a number"),
        (lambda b: b.require("名额", 1, x=([0], np.nan)), "finite"),
        (lambda b: (b.require("名额", 1, x=([2], 1.0)), b.build()), "does not exist"),
        (lambda b: b.build(x=([0], np.inf)), "finite"),
    ],
)
def test_wrong_arrays_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        change(ProgramBuilder(2))
