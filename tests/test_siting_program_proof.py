"""Proofs of cover programs: what is tampered with proves nothing that is wrong, and is named."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting.program import CoverProgram, Outcome, ProgramBuilder
from boai.coverage.siting.program_proof import Layer, ProgramProof, check_program, slope_at
from boai.coverage.siting.program_search import solve_program
from scipy.sparse import csr_array


def hard(seed: int = 3, n: int = 30, p: int = 6) -> CoverProgram:
    """Uniform points; the search needs nodes and fixes sites."""
    rng = np.random.default_rng(seed)
    demand, site = rng.random((300, 2)), rng.random((n, 2))
    near = np.linalg.norm(demand[:, None] - site[None], axis=2) <= 0.2
    builder = ProgramBuilder(n + 1)
    rows = csr_array(np.hstack([near, np.zeros((300, 1))]).astype(float))
    t = builder.add_classes(rows, rng.integers(1, 50, 300).astype(float), rng.integers(0, 3, 300))
    builder.require(f"名额 {p} 处", p, x=(np.arange(n + 1), 1.0))
    builder.require("预算", 60.0, x=(np.arange(n), rng.integers(5, 20, n)))
    builder.require("西部至少 1 处", -1, x=(np.flatnonzero(site[:, 0] < 0.5), -1.0))
    return builder.build(t=(t, 1.0))


PROGRAM = hard()
OUTCOME = solve_program(PROGRAM)
PROOF = OUTCOME.proof
assert isinstance(PROOF, ProgramProof)


def changed(number: int, **what) -> ProgramProof:
    records = list(PROOF.records)
    records[number] = replace(records[number], **what)
    return replace(PROOF, records=tuple(records))


def bound_by(proof: ProgramProof, program: CoverProgram = PROGRAM, outcome: Outcome = OUTCOME):
    return check_program(program, outcome.opened, outcome.y, proof, cover=outcome.cover)


def test_the_search_needed_nodes_and_fixed_sites():
    assert OUTCOME.status == "optimal" and OUTCOME.counts["branch_nodes"] > 0
    assert any(record.floor > -math.inf for record in PROOF.records)
    assert {record.kind for record in PROOF.records} >= {"bound"} and PROOF.useless.tolist() == [30]
    assert bound_by(PROOF).bound == OUTCOME.objective and not bound_by(PROOF).problems


def test_a_plan_that_breaks_constraints_is_named():
    everything = np.ones(31, bool)
    found = check_program(PROGRAM, everything, OUTCOME.y, PROOF)
    assert found.problems == ("the plan does not keep 名额 6 处", "the plan does not keep 预算")
    nothing = check_program(PROGRAM, ~everything, OUTCOME.y, PROOF)
    assert nothing.problems == ("the plan does not keep 西部至少 1 处",)


def test_more_cover_than_there_is_is_named():
    found = check_program(PROGRAM, OUTCOME.opened, OUTCOME.y, PROOF, cover=OUTCOME.cover + 1.0)
    assert found.problems == ("more cover is counted than there is",)


def test_quantities_out_of_range_are_named():
    builder = ProgramBuilder(1)
    y = builder.add_quantities([2.0])
    program = builder.build(y=(y, 1.0))
    outcome = solve_program(program)
    assert outcome.objective == pytest.approx(2.0)
    assert not check_program(program, outcome.opened, outcome.y, outcome.proof).problems
    found = check_program(program, outcome.opened, np.array([3.0]), outcome.proof)
    assert found.problems == ("a quantity is out of its range",)


def test_fixing_more_than_is_proven_is_named():
    for number, record in enumerate(PROOF.records):
        plan = OUTCOME.opened & ~record.closed & ~record.opened
        if not plan.any():
            continue
        site = int(np.flatnonzero(plan)[0])
        at = np.arange(31) == site
        found = bound_by(changed(number, closed=record.closed | at))
        if record.parent < 0 or not found.problems:
            assert found.bound >= OUTCOME.objective
        if not number:
            assert found.problems == ("record 0 fixes more than is proven",)
        found = bound_by(changed(number, opened=record.opened | at))
        assert found.problems or found.bound >= OUTCOME.objective


def test_other_multipliers_prove_less_but_nothing_wrong():
    rng = np.random.default_rng(0)
    worse = 0
    for number, record in enumerate(PROOF.records):
        if record.kind != "bound":
            continue
        noise = rng.random(len(record.place)).astype(np.float32)
        for what in ({"place": noise}, {"price": record.price * rng.random()}, {"price": -record.price}):
            found = bound_by(changed(number, **what))
            assert found.problems or found.bound >= OUTCOME.objective
            worse += bool(found.problems) or found.bound > OUTCOME.objective
    assert worse


def test_a_higher_floor_proves_less():
    number = next(i for i, record in enumerate(PROOF.records) if record.floor > -math.inf)
    found = bound_by(changed(number, floor=OUTCOME.objective + 1000.0))
    assert found.problems or found.bound > OUTCOME.objective


def test_a_lower_floor_fixes_too_much():
    number = next(i for i, record in enumerate(PROOF.records) if record.floor > -math.inf)
    found = bound_by(changed(number, floor=-math.inf))
    assert found.problems or found.bound > OUTCOME.objective


def test_a_missing_node_counts_as_its_parent():
    for last in range(len(PROOF.records)):
        found = bound_by(replace(PROOF, records=PROOF.records[:last]))
        assert not found.problems and found.bound >= OUTCOME.objective
    assert found.bound > OUTCOME.objective or len(PROOF.records) < 3
    assert bound_by(replace(PROOF, records=())).bound == math.inf


@pytest.mark.parametrize(
    "what",
    [
        {"parent": 10**6},
        {"parent": -1},
        {"column": 31},
        {"column": -2},
        {"layer": 99},
        {"place": np.zeros(1, np.float32)},
        {"price": np.array([np.nan]), "side": np.array([0])},
        {"price": np.array([1.0, 1.0]), "side": np.array([0])},
        {"price": np.array([1.0]), "side": np.array([99])},
        {"floor": math.nan},
        {"opened": np.zeros(3, bool)},
    ],
)
def test_records_that_do_not_fit_are_named(what):
    found = bound_by(changed(1, **what))
    assert found.problems == ("record 1 does not fit the program",) and found.bound == math.inf


def test_a_parent_of_its_own_or_after_it_is_named():
    assert bound_by(changed(1, parent=1)).problems


def test_a_useful_site_called_useless_is_named():
    found = bound_by(replace(PROOF, useless=np.flatnonzero(OUTCOME.opened)[:1]))
    assert found.problems == ("a site was closed that may be of use",) and found.bound == math.inf


def test_a_false_proof_of_emptiness_proves_nothing():
    found = bound_by(changed(len(PROOF.records) - 1, kind="empty"))
    assert found.problems or found.bound >= OUTCOME.objective
    one = replace(PROOF, records=(replace(PROOF.records[0], kind="empty"),))
    assert bound_by(one).bound == math.inf


def test_wrong_layers_prove_nothing_wrong():
    rng = np.random.default_rng(1)
    for layer in PROOF.layers:
        mixed = Layer(rng.permutation(layer.member), layer.shift + 1, layer.most)
        found = bound_by(replace(PROOF, layers=(mixed,) * len(PROOF.layers)))
        assert found.problems or found.bound >= OUTCOME.objective


def test_a_proof_of_another_program_proves_nothing_wrong():
    richer = replace(PROGRAM, steps=PROGRAM.steps * 2.0)
    best = solve_program(richer)
    found = bound_by(PROOF, richer, best)
    assert found.problems or found.bound >= best.objective
    looser = replace(PROGRAM, limit=PROGRAM.limit + np.array([2.0, 40.0, 0.0]))
    best = solve_program(looser)
    found = bound_by(PROOF, looser, best)
    assert found.problems or found.bound >= best.objective


def test_infeasible_programs_are_proven():
    program = replace(PROGRAM, limit=np.array([6.0, 60.0, -7.0]))
    outcome = solve_program(program)
    assert outcome.status == "infeasible"
    found = check_program(program, None, outcome.y, outcome.proof)
    assert found.bound == -math.inf and found.objective == -math.inf and not found.problems
    assert check_program(PROGRAM, None, outcome.y, outcome.proof).bound >= OUTCOME.objective


def test_slopes_of_merged_classes_add_up():
    rng = np.random.default_rng(2)
    steps = -np.sort(-rng.random((50, 3)), axis=1)
    most, place = np.full(50, 3), np.full(50, rng.random() * 3)
    total = slope_at(steps.sum(axis=0)[None], np.array([3]), place[:1])
    assert slope_at(steps, most, place).sum() == pytest.approx(total[0])
