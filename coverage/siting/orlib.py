"""Read the p-median files of the OR-Library (Beasley 1990)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from ...geodata.errors import InputError, Problem
from .reduce import Floats

_MOST_NODES = 10_000
"""The matrix of all pairs then has 800 MB."""
_MOST_BYTES = 200_000_000
_LONGEST = 1_000_000_000
_SHOWN = 5


@dataclass(frozen=True)
class PMedian:
    """A network on which ``p`` nodes are chosen; every node is both demand and candidate."""

    cost: Floats
    """(n, n) lengths of the shortest paths, whole numbers; ``inf`` where there is none."""
    p: int


def read_pmed(path: str | Path) -> PMedian:
    """Read a file and compute the shortest paths between all pairs of nodes.

    The first line names nodes, edges and ``p``; every further one the two ends and the length of an edge,
    undirected. Of several edges between the same nodes the last one counts: so do the published optima.

    Raises
    ------
    InputError
        The file is not of this form; every problem found is named.
    """
    source = Path(path)
    name = source.name
    try:
        if source.stat().st_size > _MOST_BYTES:
            raise InputError(
                Problem(name, f"文件大于 {_MOST_BYTES // 1_000_000} MB, 不像 OR-Library 的 p-median 文件")
            )
        raw = source.read_bytes()
    except OSError as error:
        raise InputError(Problem(name, "文件无法读取", str(error.strerror), "请检查路径和权限")) from None
    rows = _numbers(name, raw)
    (nodes, count, p), edges = rows[0], np.array(rows[1:], np.int64).reshape(-1, 3)
    _check_head(name, nodes, count, p, len(edges))
    _check_edges(name, edges, nodes)
    return PMedian(_shortest(edges, nodes), p)


def _numbers(name: str, raw: bytes) -> list[list[int]]:
    """Split the file into lines of three whole numbers, empty lines left out."""
    rows, problems = [], []
    for number, line in enumerate(raw.split(b"\n"), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) == 3 and all(word.isdigit() and len(word) <= 12 for word in words):
            rows.append([int(word) for word in words])
            continue
        shown = line[:40].decode("ascii", "replace").strip()
        problems.append(Problem(f"{name} 第{number}行", "应为三个非负整数", shown))
        if len(problems) == _SHOWN:
            break
    if not rows and not problems:
        problems.append(Problem(name, "文件是空的", fix="第一行应为 节点数 边数 p"))
    if problems:
        raise InputError(problems)
    return rows


def _check_head(name: str, nodes: int, count: int, p: int, found: int) -> None:
    problems = []
    where = f"{name} 第1行"
    if not 1 <= nodes <= _MOST_NODES:
        problems.append(Problem(where, f"节点数应在 1-{_MOST_NODES} 之间", str(nodes)))
    if not 1 <= p <= max(nodes, 1):
        problems.append(Problem(where, f"p 应在 1-{nodes} 之间", str(p)))
    if count != found:
        problems.append(Problem(name, f"应有 {count} 条边", f"{found} 条", "文件可能不完整"))
    if problems:
        raise InputError(problems)


def _check_edges(name: str, edges: NDArray[np.int64], nodes: int) -> None:
    problems = []
    outside = ((edges[:, :2] < 1) | (edges[:, :2] > nodes)).any(axis=1)
    wrong = (edges[:, 2] < 1) | (edges[:, 2] > _LONGEST)
    for i in np.flatnonzero(outside | wrong)[:_SHOWN].tolist():
        where = f"{name} 第{i + 1}条边"
        if not (1 <= edges[i, 0] <= nodes and 1 <= edges[i, 1] <= nodes):
            problems.append(Problem(where, f"节点应在 1-{nodes} 之间", f"{edges[i, 0]} {edges[i, 1]}"))
        if not 1 <= edges[i, 2] <= _LONGEST:
            problems.append(Problem(where, f"边长应在 1-{_LONGEST} 之间", str(edges[i, 2])))
    if problems:
        raise InputError(problems)


def _shortest(edges: NDArray[np.int64], nodes: int) -> Floats:
    ends = np.sort(edges[:, :2] - 1, axis=1)
    pair = ends[:, 0] * nodes + ends[:, 1]
    kept = len(pair) - 1 - np.unique(pair[::-1], return_index=True)[1]
    graph = csr_array(
        (edges[kept, 2].astype(np.float64), (ends[kept, 0], ends[kept, 1])), shape=(nodes, nodes)
    )
    return np.asarray(dijkstra(graph, directed=False), np.float64)
