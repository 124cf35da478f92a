"""The OR-Library p-median files: the reader, and the published optima."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from boai.coverage.siting.center import certify_center, p_center
from boai.coverage.siting.certificate import Checked
from boai.coverage.siting.median import p_median
from boai.coverage.siting.median_bounds import certify_median, median_cost
from boai.coverage.siting.orlib import read_pmed
from boai.geodata.errors import InputError

FILES = Path(__file__).parents[2] / "shared" / "data" / "bench" / "pmed"
SMALL = ["pmed1", "pmed3", "pmed5", "pmed7", "pmed9", "pmed11", "pmed13"]
CENTERS = {"pmed1": 127, "pmed3": 93, "pmed5": 48, "pmed7": 64, "pmed9": 37, "pmed11": 59, "pmed13": 36}
"""Radii in the literature on the vertex p-center, as in Elloumi, Labbé and Pochet 2004."""

needs_files = pytest.mark.skipif(not FILES.is_dir(), reason="../shared is missing")


def optima() -> dict[str, int]:
    if not FILES.is_dir():
        return {}
    with (FILES / "optima.csv").open(encoding="utf-8") as file:
        return {row["instance"]: int(row["optimum"]) for row in csv.DictReader(file)}


def check_median(name: str) -> None:
    instance = read_pmed(FILES / f"{name}.txt")
    ones = np.ones(len(instance.cost))
    plan = p_median(instance.cost, ones, p=instance.p)
    assert (plan.status, plan.objective, plan.bound) == ("optimal", optima()[name], optima()[name])
    assert len(plan.sites) == instance.p and median_cost(instance.cost, ones, plan.sites) == plan.objective
    found = certify_median(instance.cost, ones, plan, p=instance.p)
    assert found == Checked(plan.objective, plan.objective, ())


@needs_files
@pytest.mark.parametrize("name", SMALL)
def test_median_equals_the_published_optimum(name):
    check_median(name)


@needs_files
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(optima()) - set(SMALL)))
def test_median_equals_the_published_optimum_of_the_large_files(name):
    check_median(name)


@needs_files
@pytest.mark.parametrize("name", SMALL)
def test_center_equals_the_published_radius(name):
    instance = read_pmed(FILES / f"{name}.txt")
    ones = np.ones(len(instance.cost))
    plan = p_center(instance.cost, ones, p=instance.p)
    assert (plan.status, plan.objective, plan.bound) == ("optimal", CENTERS[name], CENTERS[name])
    found = certify_center(instance.cost, ones, plan, p=instance.p)
    assert found == Checked(plan.objective, plan.objective, ())


@needs_files
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(optima()) - set(SMALL)))
def test_center_of_the_large_files_is_proven(name):
    instance = read_pmed(FILES / f"{name}.txt")
    ones = np.ones(len(instance.cost))
    plan = p_center(instance.cost, ones, p=instance.p)
    assert plan.status == "optimal" and plan.bound == plan.objective
    found = certify_center(instance.cost, ones, plan, p=instance.p)
    assert found == Checked(plan.objective, plan.objective, ())


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "net.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_shortest_paths_and_the_last_of_equal_edges(tmp_path):
    instance = read_pmed(write(tmp_path, " 4 5 2 \r\n1 2 9\n2 3 4\n\n2 1 3\n1 3 20\n3 3 5\n"))
    assert instance.p == 2
    assert instance.cost[:3, :3].tolist() == [[0, 3, 7], [3, 0, 4], [7, 4, 0]]
    assert np.isinf(instance.cost[3, :3]).all() and instance.cost[3, 3] == 0


def test_the_last_edge_counts_even_where_it_is_longer(tmp_path):
    assert read_pmed(write(tmp_path, "2 2 1\n1 2 3\n1 2 9\n")).cost[0, 1] == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "文件是空的"),
        ("2 1\n1 2 3\n", "第1行: 应为三个非负整数, 得到 2 1"),
        ("2 1 1\n1 2 x\n", "第2行: 应为三个非负整数"),
        ("2 1 1\n1 2 -3\n", "第2行: 应为三个非负整数"),
        ("2 1 1\n1 2 3.5\n", "第2行: 应为三个非负整数"),
        ("2 1 1\n1 2 1e9\n", "第2行: 应为三个非负整数"),
        (b"\x00\xff\xfe 1 2\n", "第1行: 应为三个非负整数"),
        ("2 1 1\n1 2 9999999999999999999999\n", "第2行: 应为三个非负整数"),
        ("2 2 1\n1 2 3\n", "应有 2 条边, 得到 1 条"),
        ("2 1 1\n1 3 3\n", "节点应在 1-2 之间, 得到 1 3"),
        ("2 1 1\n0 1 3\n", "节点应在 1-2 之间"),
        ("2 1 1\n1 2 0\n", "边长应在"),
        ("2 1 3\n1 2 1\n", "p 应在 1-2 之间, 得到 3"),
        ("2 1 0\n1 2 1\n", "p 应在"),
        ("99999999 1 1\n1 2 1\n", "节点数应在"),
        ("0 0 0\n", "节点数应在"),
    ],
)
def test_hostile_files_are_refused_in_chinese(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_pmed(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none.txt: 文件无法读取"):
        read_pmed(tmp_path / "none.txt")


def test_all_problems_are_named(tmp_path):
    with pytest.raises(InputError) as caught:
        read_pmed(write(tmp_path, "3 2 1\n1 9 3\n1 2 0\n"))
    assert len(caught.value.problems) == 2
