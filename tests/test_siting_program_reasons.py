"""Infeasible requests: a conflict of which each part is needed, and a nearest request that is feasible."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting.program import CoverProgram, ProgramBuilder
from boai.coverage.siting.program_plan import plan_of
from boai.coverage.siting.program_proof import ProgramProof
from boai.coverage.siting.program_reasons import Reason, explain
from boai.coverage.siting.program_search import solve_program
from scipy.sparse import csr_array
from test_siting_program import best_of_all, milp_of, plain, random_program


def only(program: CoverProgram, names: tuple[str, ...]) -> CoverProgram:
    """Keep the constraints of some names."""
    rows = [i for i, name in enumerate(program.names) if name in names or program.hard[i]]
    return replace(
        program,
        side=csr_array(program.side[rows]) if rows else csr_array((0, program.side.shape[1])),
        limit=program.limit[rows],
        names=tuple(program.names[i] for i in rows),
        hard=program.hard[rows],
    )


def has_plan(program: CoverProgram) -> bool:
    return (best_of_all(program) if plain(program) else milp_of(program)) > -math.inf


def relaxed(program: CoverProgram, reason: Reason) -> CoverProgram:
    """Change the limits as the reason says, by name and what was asked."""
    limit = program.limit.copy()
    for change in reason.nearest:
        for i, name in enumerate(program.names):
            sign = -1.0 if program.limit[i] < 0 else 1.0
            if name == change.name and sign * program.limit[i] == change.asked:
                limit[i] = sign * change.possible + 1e-7 * max(1.0, abs(change.possible))
    return replace(program, limit=limit)


def infeasible(count: int, first: int, *, quantities: bool = False) -> list[CoverProgram]:
    found = []
    seed = first
    while len(found) < count:
        program = random_program(seed, quantities=quantities, most=6)
        if len(program.limit) > 1 and not has_plan(program):
            found.append(program)
        seed += 1
    return found


@pytest.mark.parametrize("quantities", [False, True])
def test_conflict_is_minimal_and_the_nearest_request_feasible(quantities):
    for program in infeasible(12, 0, quantities=quantities):
        reason = explain(program, time_limit_s=30)
        assert reason.minimal and reason.conflict and reason.text
        assert not has_plan(only(program, reason.conflict))
        for name in reason.conflict:
            assert has_plan(only(program, tuple(other for other in reason.conflict if other != name)))
        if reason.nearest:
            assert has_plan(relaxed(program, reason)), reason
        else:
            assert not any(change.name for change in reason.nearest)


def quotas(p: int, *at_least: int) -> CoverProgram:
    builder = ProgramBuilder(10)
    builder.require(f"名额 {p} 处", p, x=(np.arange(10), 1.0))
    for city, least in zip(("赣州市", "吉安市"), at_least, strict=True):
        part = np.arange(5) + (5 if city == "吉安市" else 0)
        builder.require(f"{city}至少 {least} 处", -least, x=(part, -1.0))
    return builder.build()


def test_quotas_against_the_number():
    reason = explain(quotas(5, 3, 3))
    assert reason.conflict == ("名额 5 处", "赣州市至少 3 处", "吉安市至少 3 处")
    assert reason.minimal and reason.least
    assert [(change.name, change.asked, change.possible) for change in reason.nearest] == [
        ("名额 5 处", 5, 6)
    ]
    assert reason.text.startswith(
        "“名额 5 处” 与 “赣州市至少 3 处” 与 “吉安市至少 3 处” 不能同时满足; 若 “名额 5 处” 改为 6 即可"
    )


def test_what_is_not_part_of_the_conflict_is_not_told():
    reason = explain(quotas(2, 3, 1))
    assert reason.conflict == ("名额 2 处", "赣州市至少 3 处")


def test_one_requirement_alone():
    reason = explain(quotas(10, 6, 0))
    assert reason.conflict == ("赣州市至少 6 处",)
    assert reason.text == "“赣州市至少 6 处” 无法满足; 若 “赣州市至少 6 处” 改为 5 即可"


def covering() -> CoverProgram:
    builder = ProgramBuilder(3)
    t = builder.add_classes(csr_array(np.eye(4, 3)), [50.0, 30.0, 15.0, 5.0])
    builder.require("名额 2 处", 2, x=(np.arange(3), 1.0))
    builder.require("全省覆盖至少 90%", -90.0, t=(t, -1.0))
    return builder.build()


def test_a_minimum_of_cover_says_how_much_can_be_reached():
    reason = explain(covering())
    assert reason.conflict == ("名额 2 处", "全省覆盖至少 90%")
    assert "“全省覆盖至少 90%” 改为 80%" in reason.text and "“名额 2 处” 改为 3" in reason.text


def test_logic_of_the_model_is_neither_given_up_nor_told():
    builder = ProgramBuilder(3)
    builder.require("必选", -1, x=([0], -1.0), hard=True)
    builder.require("名额 0 处", 0, x=([0, 1, 2], 1.0))
    reason = explain(builder.build())
    assert reason.conflict == ("名额 0 处",) and reason.nearest[0].possible == 1.0
    builder.require("禁选", 0, x=([0], 1.0), hard=True)
    reason = explain(builder.build())
    assert reason.conflict == () and reason.text


def test_two_conflicts_are_relaxed_together():
    builder = ProgramBuilder(4)
    builder.require("甲至少 3 处", -3, x=([0, 1], -1.0))
    builder.require("乙至少 3 处", -3, x=([2, 3], -1.0))
    program = builder.build()
    reason = explain(program)
    assert len(reason.conflict) == 1 and {change.name for change in reason.nearest} == {
        "甲至少 3 处",
        "乙至少 3 处",
    }
    assert has_plan(relaxed(program, reason))


def test_a_large_limit_is_told_exactly_enough():
    builder = ProgramBuilder(1)
    builder.require("至少 1 处", -1, x=([0], -1.0))
    builder.require("预算不超过 1000000", 1e6, x=([0], [1234567.4]))
    assert "“预算不超过 1000000” 改为 1234568" in explain(builder.build()).text


def test_without_time_nothing_is_made_up():
    reason = explain(covering(), time_limit_s=0.0)
    assert (
        set(reason.conflict) <= {"名额 2 处", "全省覆盖至少 90%"} and not reason.nearest and not reason.least
    )
    assert "改为" not in reason.text


def test_is_deterministic():
    assert explain(quotas(5, 3, 3)) == explain(quotas(5, 3, 3))


def test_the_plan_holds_reason_and_proof():
    program = quotas(5, 3, 3)
    plan = plan_of(program, solve_program(program), sites=(), gains=())
    assert plan.status == "infeasible" and "名额 5 处" in plan.note and math.isnan(plan.objective)
    assert isinstance(plan.certificate, ProgramProof)
    short = plan_of(program, solve_program(program), sites=(), gains=(), explain_s=0.0)
    assert short.note == "各项要求不能同时满足"


def test_no_plan_in_time_is_not_called_infeasible():
    program = quotas(5, 2, 2)
    plan = plan_of(program, solve_program(program, time_limit_s=0.0), sites=(), gains=())
    assert plan.status != "infeasible"
