"""Read who reaches whom from an ``.npz`` file: the arrays of a siting request, checked."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geodata.errors import InputError, Problem
from .reduce import Floats, Positions

_NAMES = {
    "indptr": ("indptr", "arr_0"),
    "indices": ("indices", "arr_1"),
    "weight": (
        "weight", "weights", "demand", "demands", "demand_weight", "demand_weights", "population", "w",
        "arr_2",
    ),
    "n_candidates": (
        "n_candidates", "n_sites", "num_sites", "nsites", "number_of_sites", "num_candidates", "sites", "n",
        "arr_3",
    ),
    "cost": ("cost", "costs", "data"),
    "site_cost": ("site_cost", "site_costs"),
    "capacity": ("capacity", "capacities"),
    "group": ("group", "groups"),
    "shape": ("shape",),
    "format": ("format",),
}  # fmt: skip
"""Names under which each array may stand, ours first; ``data``, ``shape`` and ``format`` are scipy's,
``arr_…`` those of arrays that were saved without a name, in our order."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_MOST_BYTES = 12_000_000_000
_MOST_CANDIDATES = 100_000
_MOST_VALUE = 1e15
"""Numbers add up to no more than this: beyond, whole numbers are not exact, and sums may overflow."""

_FIX = "应有 indptr、indices、weight 和 n_sites (CSR: 每行需求点能到达它的候选点)"


@dataclass(frozen=True)
class ReachFile:
    """m rows of demand and the candidates within reach of each."""

    indptr: Positions
    """(m + 1,)."""
    indices: Positions
    """(entries,) candidates."""
    weight: Floats
    """(m,) residents of each row; 1 where the file states none."""
    n_candidates: int
    cost: Floats | None
    """(entries,) cost of each pair, where the file has it."""
    site_cost: Floats | None
    """(n,) cost of opening each candidate, where the file has it."""
    capacity: Floats | None
    """(n,) residents that each candidate can serve, where the file has it."""
    group: Positions | None
    """(m,) county of each row, numbered anew from 0 in ascending order, where the file has it."""
    notes: tuple[str, ...]
    """What was taken for granted, in Chinese."""


def read_reach(path: str | Path) -> ReachFile:
    """Read a file written by ``numpy.savez`` or ``scipy.sparse.save_npz``; nothing in it is run.

    Raises
    ------
    InputError
        The file is not of this form; every problem found is named.
    """
    source = Path(path)
    arrays = _arrays(source)
    problems: list[Problem] = []
    missing = [name for name in ("indptr", "indices") if name not in arrays]
    if missing:
        got = ", ".join("n_sites" if name == "n_candidates" else name for name in arrays)
        raise InputError(Problem(source.name, f"缺少 {'、'.join(missing)}", got[:80], _FIX))
    kind = arrays["format"].ravel().tolist() if "format" in arrays else []
    if kind not in ([], [b"csr"], ["csr"]):
        raise InputError(Problem(source.name, "应为 CSR 格式", str(kind)[:40], "请用 tocsr()"))
    indptr = _whole(source, arrays, "indptr", problems)
    indices = _whole(source, arrays, "indices", problems)
    if problems:
        raise InputError(problems)
    rows, notes = len(indptr) - 1, list[str]()
    if rows < 0 or indptr[0] != 0 or (np.diff(indptr) < 0).any() or indptr[-1] != len(indices):
        got = f"{len(indptr)} 个, 末项 {indptr[-1] if len(indptr) else '无'}, indices {len(indices)} 个"
        raise InputError(Problem(source.name, "indptr 应从 0 开始、不减, 末项等于 indices 的个数", got))
    if len(arrays.get("shape", ())) == 2 and int(arrays["shape"][0]) != rows:
        got = f"shape 有 {int(arrays['shape'][0])} 行, indptr 有 {rows} 行"
        problems.append(Problem(source.name, "矩阵的行数不一致", got))
    n = _count(source, arrays, indices, problems, notes)
    if "weight" not in arrays:
        notes.append("文件没有 weight, 每行按 1 计")
    weight = _numbers(source, arrays, "weight", rows, problems)
    found = ReachFile(
        indptr=indptr,
        indices=indices,
        weight=np.ones(rows) if weight is None else weight,
        n_candidates=n,
        cost=_numbers(source, arrays, "cost", len(indices), problems),
        site_cost=_numbers(source, arrays, "site_cost", n, problems),
        capacity=_numbers(source, arrays, "capacity", n, problems, infinite=True),
        group=_groups(source, arrays, rows, problems),
        notes=tuple(notes),
    )
    if problems:
        raise InputError(problems)
    return found


def _arrays(source: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays by our names; objects are refused, they could run code."""
    try:
        with zipfile.ZipFile(source) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MOST_BYTES:
            raise InputError(
                Problem(source.name, "文件解压后太大", f"{size / 1e9:.1f} GB", "请先合并相同的需求点")
            )
        with np.load(source, allow_pickle=False) as stored:
            known = {alias: name for name, aliases in _NAMES.items() for alias in aliases}
            given = [name for name in stored.files if name in known]
            twice = sorted(
                {known[name] for name in given if [known[one] for one in given].count(known[name]) > 1}
            )
            if twice:
                raise InputError([Problem(source.name, "同一数组有两个名称", name) for name in twice])
            _refuse_oversized(source, stored.zip, {known[name]: name for name in given})
            return {known[name]: stored[name] for name in given}
    except InputError:  # a ValueError, too
        raise
    except OSError as error:
        what = "文件不存在" if isinstance(error, FileNotFoundError) else "文件无法读取"
        raise InputError(Problem(source.name, what, str(error.strerror or ""), "请检查路径和权限")) from None
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError, NotImplementedError, RuntimeError):
        raise InputError(Problem(source.name, "不是完好的 .npz 文件", fix=_FIX)) from None
    except MemoryError:
        raise InputError(Problem(source.name, "数组大到内存装不下", fix="请先合并相同的需求点")) from None


def _refuse_oversized(source: Path, archive: zipfile.ZipFile, members: Mapping[str, str]) -> None:
    """Refuse arrays that say of themselves that they have more numbers than there are rows, pairs or sites.

    Only their headers are read: a few kilobytes of packed zeros may be some gigabytes of array.
    """
    sizes = {name: _stated_size(archive, f"{member}.npy") for name, member in members.items()}
    most = max(sizes.get("indptr", 0), sizes.get("indices", 0), _MOST_CANDIDATES)
    problems = [
        Problem(source.name, f"{name} 比 indptr、indices 还长, 未读取", f"{size:,} 个数")
        for name, size in sizes.items()
        if size > most
    ]
    if problems:
        raise InputError(problems)


def _stated_size(archive: zipfile.ZipFile, member: str) -> int:
    """Read how many numbers an array has from its header; 0 where `numpy.load` shall judge it."""
    if member not in archive.namelist():
        return 0
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            return 0
        shape, _, _ = _HEADERS[version](file)
    return math.prod(shape)


def _whole(source: Path, arrays: dict[str, NDArray[Any]], name: str, problems: list[Problem]) -> Positions:
    array = np.asarray(arrays[name])
    if array.ndim != 1 or array.dtype.kind not in "iu" or (array.size and int(array.max()) > 2**62):
        got = f"{array.dtype}, {array.ndim} 维"
        problems.append(Problem(source.name, f"{name} 应是一列整数", got))
        return np.zeros(1, np.int64)
    return array.astype(np.int64)


def _count(
    source: Path,
    arrays: dict[str, NDArray[Any]],
    indices: Positions,
    problems: list[Problem],
    notes: list[str],
) -> int:
    """Tell the number of candidates: stated, the width of a matrix, or as many as occur."""
    most = int(indices.max()) + 1 if len(indices) else 0
    if len(indices) and int(indices.min()) < 0:
        problems.append(Problem(source.name, "候选点的序号不能为负", str(int(indices.min()))))
    if "n_candidates" in arrays or "shape" in arrays:
        given = np.ravel(arrays["n_candidates" if "n_candidates" in arrays else "shape"])
        if len(given) != (1 if "n_candidates" in arrays else 2) or given.dtype.kind not in "iu":
            got = f"{given.dtype}, {len(given)} 个数"
            problems.append(Problem(source.name, "n_sites 应是一个整数 (矩阵的 shape 是两个)", got))
            return most
        n = int(given[-1])
        if n < most:
            problems.append(Problem(source.name, f"n_sites 应不小于 {most}", str(n), "indices 从 0 编号"))
        return _few(source, max(n, most), problems)
    notes.append(f"文件没有 n_sites, 按出现的最大序号计 {most} 个候选点")
    return _few(source, most, problems)


def _few(source: Path, n: int, problems: list[Problem]) -> int:
    """Give a number of candidates that arrays can be made for."""
    if n > _MOST_CANDIDATES:
        what = f"候选点应不多于 {_MOST_CANDIDATES:,} 个"
        problems.append(Problem(source.name, what, f"{n:,}", "请先去掉无人可达或重复的候选点"))
        return 0
    return n


def _numbers(
    source: Path,
    arrays: dict[str, NDArray[Any]],
    name: str,
    size: int,
    problems: list[Problem],
    *,
    infinite: bool = False,
) -> Floats | None:
    if name not in arrays:
        return None
    array = np.asarray(arrays[name])
    if array.shape != (size,) or array.dtype.kind not in "iufb":
        got = "文字" if array.dtype.kind in "US" else str(array.dtype)
        problems.append(Problem(source.name, f"{name} 应是 {size} 个数字", f"{got}, 形状 {array.shape}"))
        return None
    with np.errstate(over="ignore"):  # a number of long double may be too large
        numbers = array.astype(np.float64)
    wrong = np.flatnonzero((numbers < 0) | np.isnan(numbers) | (np.isinf(numbers) & (not infinite)))
    if len(wrong):
        got = f"第{wrong[0] + 1}个是 {numbers[wrong[0]]:g}, 共 {len(wrong)} 个"
        problems.append(Problem(source.name, f"{name} 应为不小于 0 的有限数", got))
        return numbers
    most = float(np.where(np.isinf(numbers), 0.0, np.minimum(numbers, 2 * _MOST_VALUE)).sum())
    if most > _MOST_VALUE:
        what = f"{name} 合计应不超过 {_MOST_VALUE:g}"
        problems.append(Problem(source.name, what, f"最大的数是 {numbers.max():g}", "请换较大的单位"))
    return numbers


def _groups(
    source: Path, arrays: dict[str, NDArray[Any]], rows: int, problems: list[Problem]
) -> Positions | None:
    if "group" not in arrays:
        return None
    array = np.asarray(arrays["group"])
    if array.shape != (rows,) or array.dtype.kind not in "iu" or (rows and int(array.min()) < 0):
        got = f"{array.dtype}, 形状 {array.shape}"
        problems.append(Problem(source.name, f"group 应有 {rows} 个不小于 0 的整数", got))
        return None
    return np.unique(array, return_inverse=True)[1].astype(np.int64)  # models make arrays of all numbers
