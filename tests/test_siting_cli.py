"""`boai siting solve`: the contract with other programs, and files that are wrong or hostile."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from boai.app import cli
from boai.coverage.siting.reach_file import read_reach
from boai.geodata.errors import InputError
from scipy.sparse import csr_array, save_npz

PMED = Path(__file__).resolve().parents[2] / "shared" / "data" / "bench" / "pmed"

INDPTR, INDICES = np.array([0, 1, 3, 4, 4]), np.array([0, 0, 1, 2])
WEIGHT = np.array([4.0, 2.0, 8.0, 16.0])
COST = np.array([1.0, 3.0, 2.0, 5.0])


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(["siting", "solve", *arguments])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture
def reach(tmp_path: Path) -> str:
    path = tmp_path / "reach.npz"
    np.savez(path, indptr=INDPTR, indices=INDICES, weight=WEIGHT, n_sites=3, cost=COST)
    return str(path)


def test_mclp_answers_with_all_that_is_promised(capsys, reach: str) -> None:
    code, out, _ = run(capsys, "--model", "mclp", "--reach", reach, "--p", "2", "--json")
    found = json.loads(out)
    assert code == 0
    assert {"objective", "bound", "status", "sites", "seconds", "reductions"} <= found.keys()
    assert (found["objective"], found["bound"], found["status"]) == (14.0, 14.0, "optimal")
    assert sorted(found["sites"]) == [0, 2]
    assert found["reductions"]["rows"] == 4
    assert (found["rows"], found["candidates"], found["weight"]) == (4, 3, 30.0)


@pytest.mark.parametrize(
    ("more", "sites", "objective"),
    [
        (["--model", "mclp", "--p", "1"], [2], 8.0),
        (["--model", "mclp", "--p", "2", "--forced", "1"], [1, 2], 10.0),
        (["--model", "mclp", "--p", "2", "--forbidden", "2"], [0], 6.0),
        (["--model", "mclp", "--budget", "1"], [2], 8.0),
        (["--model", "lscp"], [0, 2], 2.0),
        (["--model", "partial", "--share", "20"], [2], 1.0),
        (["--model", "partial", "--share", "25"], [2], 1.0),
    ],
)
def test_the_models_of_cover(capsys, reach: str, more: list[str], sites: list[int], objective: float) -> None:
    code, out, _ = run(capsys, *more, "--reach", reach, "--json")
    found = json.loads(out)
    assert (code, sorted(found["sites"]), found["objective"], found["status"]) == (
        0,
        sites,
        objective,
        "optimal",
    )


def test_the_models_of_distance(capsys, tmp_path: Path) -> None:
    path = tmp_path / "pairs.npz"
    cost = np.array([[1, 5, 9], [4, 1, 9], [9, 6, 2.0]])
    rows, columns = np.nonzero(cost)
    np.savez(path, indptr=[0, 3, 6, 9], indices=columns, weight=[1, 2, 4], n_sites=3, cost=cost.ravel())
    for model, total in (
        ("p-median", lambda some: (np.array([1, 2, 4]) * cost[:, some].min(axis=1)).sum()),
        ("p-center", lambda some: cost[:, some].min(axis=1).max()),
    ):
        for p in (1, 2, 3):
            found = json.loads(
                run(capsys, "--model", model, "--reach", str(path), "--p", str(p), "--json")[1]
            )
            best = min(total(list(some)) for some in itertools.combinations(range(3), p))
            assert (found["objective"], found["bound"], found["status"]) == (best, best, "optimal")
            assert total(found["sites"]) == best
    assert len(rows) == 9


@pytest.mark.parametrize(
    ("more", "objective"),
    [
        (["--model", "backup", "--p", "3"], 2.0),
        (["--model", "k-cover", "--p", "2", "--times", "2"], 2.0),
        (["--model", "expected", "--p", "2", "--failure", "50"], 7.0),
        (["--model", "expected", "--p", "2", "--failure", "50", "--forced", "0,1"], 3.5),
        (["--model", "fair", "--p", "1"], 8.0),
        (["--model", "capacitated-mclp", "--p", "2"], 8.0),
        (["--model", "lscp", "--times", "2"], 3.0),
    ],
)
def test_more_models_of_cover(capsys, tmp_path: Path, more: list[str], objective: float) -> None:
    path = tmp_path / "reach.npz"
    arrays = {"indptr": INDPTR, "indices": INDICES, "weight": WEIGHT, "n_sites": 3}
    np.savez(path, **arrays, capacity=[5.0, 1.0, 3.0], group=np.arange(4))
    code, out, _ = run(capsys, *more, "--reach", str(path), "--json")
    found = json.loads(out)
    assert (code, found["status"], found["objective"]) == (0, "optimal", objective)


def test_arrays_without_names_are_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "plain.npz"
    np.savez(path, INDPTR, INDICES, WEIGHT, 7)
    found = read_reach(path)
    assert (found.n_candidates, found.indices.tolist(), found.weight.tolist()) == (
        7,
        [0, 0, 1, 2],
        WEIGHT.tolist(),
    )


def test_a_matrix_of_scipy_is_read(tmp_path: Path) -> None:
    path = tmp_path / "matrix.npz"
    save_npz(path, csr_array((np.ones(4), INDICES, INDPTR), shape=(4, 5)))
    found = read_reach(path)
    assert (found.n_candidates, found.indices.tolist(), found.weight.tolist()) == (5, [0, 0, 1, 2], [1.0] * 4)
    assert "按 1 计" in found.notes[0]


@pytest.mark.skipif(not PMED.is_dir(), reason="OR-Library 的文件不在这里")
def test_an_orlib_file_is_solved_to_its_published_optimum(capsys) -> None:
    optimum = dict(line.split(",")[:2] for line in (PMED / "optima.csv").read_text().splitlines()[1:])
    code, out, _ = run(capsys, "--model", "p-median", "--orlib", str(PMED / "pmed1.txt"), "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["objective"], found["bound"]) == (float(optimum["pmed1"]),) * 2
    assert (found["status"], len(found["sites"]), found["p"]) == ("optimal", 5, 5)
    code, out, _ = run(capsys, "--model", "p-median", "--orlib", str(PMED / "pmed1.txt"), "--p", "2")
    assert code == 0 and "已证明最优" in out and "开设 2 处" in out


def test_the_answer_in_words(capsys, reach: str) -> None:
    code, out, _ = run(capsys, "--model", "mclp", "--reach", reach, "--p", "9")
    assert code == 0
    assert "无可行方案" in out and "可选的候选点只有 3 个" in out
    code, out, _ = run(capsys, "--model", "lscp", "--reach", reach)
    assert "已证明最优" in out and "1 处居民任何候选点都到不了" in out


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        (["--model", "mclpp", "--p", "1"], ["没有这个模型", "p-median(总路程最短)"]),
        (["--model", "mclp"], ["应给出 --p 或 --budget; 例如 --p 10"]),
        (["--model", "k-cover", "--p", "2"], ["应给出 --times; 例如 --times 2"]),
        (["--model", "expected", "--p", "2"], ["应给出 --failure; 例如 --failure 10"]),
        (["--model", "partial"], ["应给出 --share; 例如 --share 90"]),
        (["--model", "mclp", "--p", "1", "--budget", "2"], ["只能给一个"]),
        (["--model", "partial"], ["--share"]),
        (["--model", "partial", "--share", "120"], ["至多 100"]),
        (["--model", "mclp", "--p", "1", "--forced", "7,x"], ["没有这个候选点, 得到 7, x", "最大 2"]),
        (["--model", "mclp", "--budget", "nan"], ["应是不小于 0 的数"]),
        (["--model", "mclp", "--p", "1", "--time-limit", "nan"], ["--time-limit: 应是不小于 0 的数"]),
        (["--model", "expected", "--p", "1", "--failure", "100"], ["--failure: 应小于 100"]),
        (["--model", "mclp", "--p", "1", "--share", "5", "--limit", "3"], ["--share", "--limit", "不用这个"]),
    ],
)
def test_wrong_requests(capsys, reach: str, more: list[str], parts: list[str]) -> None:
    code, out, err = run(capsys, *more, "--reach", reach)
    assert (code, out) == (1, "")
    assert all(part in err for part in parts), err
    assert "Traceback" not in err


def test_one_file_has_to_be_given(capsys, reach: str) -> None:
    assert "其中一个文件" in run(capsys, "--model", "lscp")[2]
    assert "其中一个文件" in run(capsys, "--model", "lscp", "--reach", reach, "--orlib", reach)[2]


def _stored(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{"indptr": INDPTR, "indices": INDICES, "weight": WEIGHT, "n_sites": 3, **arrays})
    return file.getvalue()


def _bomb() -> bytes:
    """A zip file that claims more than it has."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "indptr.npy",
            b"\x93NUMPY\x01\x00"
            + b"v\x00"
            + b"{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999,), }".ljust(117)
            + b"\n",
        )
        archive.writestr("indices.npy", b"")
    return file.getvalue()


def _boaster(name: str, numbers: int) -> bytes:
    """A good file but for one array, which says that it has more numbers and ends after its header."""
    file = io.BytesIO(_stored())
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({numbers},), }}".ljust(117) + "\n"
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00v\x00" + header.encode())
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "不是完好的 .npz"),
        (_boaster("site_cost", 400_000_000), "site_cost 比 indptr、indices 还长, 未读取"),
        (_boaster("site_cost", 1_000), "不是完好的 .npz"),
        (b"PK\x03\x04 nothing", "不是完好的 .npz"),
        (_stored()[:200], "不是完好的 .npz"),
        (_bomb(), ""),
        (_stored(weight=np.array([object()] * 4)), "不是完好的 .npz"),
        (_stored(indptr=np.array([0, 3, 1, 4, 4])), "不减"),
        (_stored(indptr=np.array([0, 9])), "末项"),
        (_stored(indptr=np.array([0.0, 1.0])), "indptr 应是一列整数"),
        (_stored(indices=np.array([0, 0, 1, -2])), "不能为负"),
        (_stored(n_sites=2), "n_sites 应不小于 3"),
        (_stored(n_sites=2.5), "n_sites 应是一个整数"),
        (_stored(weight=WEIGHT[:3]), "weight 应是 4 个数字"),
        (_stored(weight=-WEIGHT), "不小于 0"),
        (_stored(weight=WEIGHT * np.nan), "不小于 0"),
        (_stored(weight=np.array(["a"] * 4)), "weight 应是 4 个数字"),
        (_stored(cost=COST[:2]), "cost 应是 4 个数字"),
        (_stored(demand=WEIGHT), "两个名称"),
        (_stored(weight=WEIGHT * 1e300), "合计应不超过"),
        (_stored(weight=np.array([1e308] * 4)), "合计应不超过"),
        (_stored(n_sites=2**31 - 1), "候选点应不多于"),
        (_stored(n_sites=[9, 3]), "一个整数"),
        (_stored(format=["csr", "csr"]), "CSR"),
    ],
)  # fmt: skip
def test_wrong_files(capsys, tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    code, out, err = run(capsys, "--model", "mclp", "--reach", str(path), "--p", "1")
    assert (code, out) == (1, "")
    assert part in err and "bad.npz" in err
    assert "Traceback" not in err and "程序内部错误" not in err


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(_stored(weight=-WEIGHT, n_sites=1, cost=COST[:1]))
    with pytest.raises(InputError) as error:
        read_reach(path)
    assert len(error.value.problems) == 3


def test_a_missing_file_is_told(capsys, tmp_path: Path) -> None:
    code, _, err = run(capsys, "--model", "mclp", "--reach", str(tmp_path / "none.npz"), "--p", "1")
    assert (code, "文件不存在" in err) == (1, True)
    code, _, err = run(capsys, "--model", "p-median", "--orlib", str(tmp_path / "none.txt"))
    assert (code, "none.txt" in err) == (1, True)


def test_numbers_of_counties_are_made_small(tmp_path: Path) -> None:
    path = tmp_path / "reach.npz"
    path.write_bytes(_stored(group=np.array([2**62, 7, 7, 300_000_000])))
    assert read_reach(path).group.tolist() == [2, 0, 0, 1]


def test_a_matrix_whose_shape_differs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reach.npz"
    np.savez(path, indptr=INDPTR, indices=INDICES, shape=[40, 5])
    with pytest.raises(InputError, match="行数不一致"):
        read_reach(path)
