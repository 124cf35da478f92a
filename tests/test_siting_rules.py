"""Rules: builders, checks, reasons told without a solver."""

from __future__ import annotations

import numpy as np
import pytest
from boai.coverage.siting.cover_spacing import EARTH_RADIUS_KM
from boai.coverage.siting.program import ProgramBuilder
from boai.coverage.siting.rules import (
    Budget,
    Minimum,
    Quota,
    Rules,
    add_site_rules,
    broken,
    check,
    contradiction,
    quotas_by,
    spacing,
)
from siting_cover_cases import all_plans, random_case


def great_circle(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Kilometres between all points (haversine)."""
    x, y = np.radians(lon), np.radians(lat)
    half = (
        np.sin((y[:, None] - y) / 2) ** 2 + np.cos(y[:, None]) * np.cos(y) * np.sin((x[:, None] - x) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))


@pytest.mark.parametrize("seed", range(40))
def test_spacing_is_exactly_the_close_pairs(seed):
    random = np.random.default_rng(seed)
    n = int(random.integers(0, 40))
    lon, lat = 115 + 0.3 * random.random(n), 28 + 0.3 * random.random(n)
    lon[: n // 4] = lon[n // 4 : 2 * (n // 4)]  # some in the same place
    lat[: n // 4] = lat[n // 4 : 2 * (n // 4)]
    km = float(random.choice([0.5, 3.0, 10.0, 100.0]))
    sets = spacing(lon, lat, km)
    near = great_circle(lon, lat) < km
    found = np.zeros((n, n), bool)
    for group in sets:
        assert list(group) == sorted(set(group)) and len(group) > 1
        assert near[np.ix_(group, group)].all()  # a clique
        found[np.ix_(group, group)] = True
    np.fill_diagonal(found, False)
    np.fill_diagonal(near, False)
    assert (found == near).all()
    assert len(sets) <= near.sum() // 2


def test_spacing_at_exactly_the_distance_is_allowed():
    degrees = np.degrees(1.0 / EARTH_RADIUS_KM)  # one kilometre along the equator
    lon, lat = np.array([0.0, degrees]), np.zeros(2)
    assert spacing(lon, lat, 1.0) == () and spacing(lon, lat, 1.0 + 1e-6) == ((0, 1),)


def test_spacing_merges_a_cluster_into_one_set():
    random = np.random.default_rng(0)
    lon, lat = 115 + 0.001 * random.random(50), 28 + 0.001 * random.random(50)
    assert spacing(lon, lat, 1.0) == (tuple(range(50)),)
    assert spacing([179.999, -179.999], [10.0, 10.0], 1.0) == ((0, 1),)
    assert spacing([0.0, 180.0], [90.0, 90.0], 1.0) == ((0, 1),)
    assert spacing([0.0, 180.0], [0.0, 0.0], 30_000.0) == ((0, 1),)


@pytest.mark.parametrize(
    ("lon", "lat", "km"),
    [
        ([0, 1], [0], 1),
        ([0, np.nan], [0, 0], 1),
        ([0, 1], [0, 91], 1),
        ([0], [0], 0),
        ([0], [0], np.inf),
        ([0], [0], np.nan),
    ],
)
def test_wrong_spacing_is_refused(lon, lat, km):
    with pytest.raises(ValueError, match=r"lon and lat|km|inhomogeneous|same shape"):
        spacing(lon, lat, km)


def test_quotas_by_label():
    labels = ["甲县", "乙县", None, "甲县"]
    assert quotas_by(labels) == ()
    assert quotas_by(labels, at_most=1) == (Quota("甲县", (0, 3), 0, 1), Quota("乙县", (1,), 0, 1))
    assert quotas_by(labels, at_least=1, among=[1, 3]) == (Quota("甲县", (3,), 1), Quota("乙县", (1,), 1))
    assert quotas_by(labels, at_least={"丙县": 1}) == (Quota("丙县", (), 1),)
    assert contradiction(Rules(quotas=quotas_by(labels, at_least={"丙县": 1})), None) == (
        "丙县要求至少 1 处, 可选的候选点只有 0 个"
    )
    with pytest.raises(ValueError, match="丙县"):
        quotas_by(labels, at_most={"丙县": 1})


@pytest.mark.parametrize("seed", range(6))
def test_contradictions_told_are_contradictions(seed):
    random = np.random.default_rng(seed)
    told = 0
    for _ in range(300):
        case = random_case(random, 6)
        found = contradiction(case.rules, case.p, case.forced, case.forbidden)
        told += bool(found)
        assert not found or not len(all_plans(case, p=case.p)[0]), (found, case)
        free = contradiction(case.rules, None, case.forced, case.forbidden)
        assert not free or not len(all_plans(case, p=None)[0]), (free, case)
    assert told > 10


@pytest.mark.parametrize("seed", range(3))
def test_broken_rules_are_those_of_the_program(seed):
    random = np.random.default_rng(20 + seed)
    for _ in range(80):
        case = random_case(random, 6, "qbxe")
        builder = ProgramBuilder(case.n)
        add_site_rules(builder, case.rules)
        program = builder.build()
        stay = case.rules.forced()
        for number in range(2**case.n):
            opened = (number >> np.arange(case.n)) & 1
            kept = bool((program.side @ opened <= program.limit + 1e-9).all()) and opened[list(stay)].all()
            assert kept == (not broken(case.rules, np.flatnonzero(opened).tolist()))


@pytest.mark.parametrize(
    ("rules", "p", "forced", "forbidden", "told"),
    [
        (Rules(), 1, (0, 1), (), "必选点有 2 个, 多于要求的 1 个"),
        (Rules(), None, (0,), (0,), "1 个候选点既要求必选又要求禁选 (序号 0)"),
        (Rules(existing=(0,)), None, (), (0,), "1 个候选点既要求必选或保留又要求禁选 (序号 0)"),
        (Rules(existing=(0, 1), relocations=1), None, (), (0, 1), "现有站点中有 2 处禁选, 只允许迁移 1 处"),
        (
            Rules(existing=(0, 1), relocations=1),
            0,
            (),
            (),
            "保留现有站点至少 1 处, 共需 1 处, 多于允许的 0 处",
        ),
        (Rules(exclusive=((1, 2),)), None, (1, 2), (), "必选点中有互斥的 (序号 1, 2)"),
        (
            Rules(quotas=(Quota("甲县", (0, 1), 0, 1),)),
            None,
            (0, 1),
            (),
            "甲县要求至多 1 处, 必选点和现有站点已有 2 处",
        ),
        (
            Rules(quotas=(Quota("甲县", (0, 1), 2),)),
            None,
            (),
            (1,),
            "甲县要求至少 2 处, 可选的候选点只有 1 个",
        ),
        (
            Rules(quotas=(Quota("甲县", (0, 1), 1), Quota("学校", (0, 2), 1))),
            1,
            (),
            (),
            "",  # one site may serve both
        ),
        (
            Rules(quotas=(Quota("甲县", (0,), 1),)),
            1,
            (1,),
            (),
            "甲县至少 1 处, 其他必选点 1 处, 共需 2 处, 多于允许的 1 处",
        ),
        (
            Rules(budgets=(Budget("资金", np.array([4.0, 3, 9]), 10.0),), quotas=(Quota("甲县", (1, 2), 2),)),
            None,
            (),
            (),
            "甲县至少 2 处, 最少共需 12, 超出资金 10",
        ),
    ],
)
def test_reasons(rules, p, forced, forbidden, told):
    found = contradiction(rules, p, forced, forbidden)
    assert found.startswith(told) and bool(found) == bool(told)


@pytest.mark.parametrize(
    "wrong",
    [
        Rules(quotas=(Quota("甲", (0.5,)),)),  # type: ignore[arg-type]
        Rules(quotas=(Quota("甲", (0,), -1),)),
        Rules(quotas=(Quota("甲", (0,), 0, -1),)),
        Rules(budgets=(Budget("钱", np.array([1.0, np.nan, 1]), 1.0),)),
        Rules(budgets=(Budget("钱", np.ones(3), np.inf),)),
        Rules(minimums=(Minimum("县", np.array([5]), 0.5),)),
        Rules(minimums=(Minimum("县", np.array([0]), np.nan),)),
        Rules(exclusive=((3,),)),
        Rules(quotas=(Quota("甲", (0,), np.nan),)),  # type: ignore[arg-type]
        Rules(quotas=(Quota("甲", (0,), 1, 1.5),)),  # type: ignore[arg-type]
        Rules(relocations=-1),
        Rules(relocations=0.5),  # type: ignore[arg-type]
    ],
)
def test_wrong_rules_are_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        check(wrong, 3, 5)


def test_rules_that_ask_nothing_are_none():
    assert not Rules() and not Rules(existing=(1,)) and Rules(existing=(1,), relocations=1)
    assert (
        Rules(existing=(1, 4)).forced((2,)) == (1, 2, 4)
        and Rules(existing=(1,), relocations=1).forced() == ()
    )
    assert Rules(existing=(1, 1, 2), relocations=1).staying == 1
    check(Rules(existing=(1,)), 3, 5)
