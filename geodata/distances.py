"""Hold a road network against published road distances and driving times."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from .crs import haversine_m
from .errors import InputError, PlaceError, Problem
from .expressways import choose_stop, split_end
from .gazetteer import Gazetteer, Place, find
from .names import SETTLEMENT
from .network import CLOSED, Network

SECTION = "expressway_section"
"""Value of ``kind`` for a section of an expressway: measured between interchanges of the road in ``note``."""

COLUMNS = ("kind", "from", "to", "km", "minutes")
"""Columns that a table of distances needs; ``note`` names the expressway of a section, others are ignored."""

Nodes = NDArray[np.intp]
"""(k,) positions of nodes."""

_TABLE = Path(__file__).with_name("tables") / "road_distances.csv"
_CHUNK = 64  # sources at once: 64 × 38 000 nodes × 12 bytes = 30 MB


@dataclass(frozen=True)
class Summary:
    """How far a network is from the published distances."""

    rows: int
    """Number of rows with a published distance."""
    median_pct: float
    """Median of the absolute errors, percent; NaN without rows."""
    bias_pct: float
    """Median of the signed errors, percent."""
    within_25: float
    """Share (0-1) of the rows with an absolute error of at most 25 %."""
    worst_pct: float
    """Largest absolute error, percent."""


def read_distances(path: Path | None = None) -> pd.DataFrame:
    """Read a table of published distances as text, UTF-8 or GB 18030; the table of the package where None.

    Raises
    ------
    InputError
        The file is missing, is no such table or is empty.
    """
    path = path or _TABLE
    try:
        raw = path.read_bytes()
        table = pd.read_csv(io.StringIO(_decode(raw)), dtype=str, keep_default_na=False)
    except OSError:
        raise InputError(Problem(str(path), "文件不存在或无法读取", fix="请核对路径")) from None
    except (ValueError, pd.errors.ParserError):
        raise InputError(
            Problem(path.name, "不是可读的 CSV 表", fix="请用 UTF-8 或 GB18030 编码另存为 CSV")
        ) from None
    _require_columns(table, path.name)
    return table


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030")


def _require_columns(table: pd.DataFrame, where: str) -> None:
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise InputError(Problem(where, f"缺少列 {'、'.join(missing)}", fix=f"表头应有 {'、'.join(COLUMNS)}"))
    if table.empty:
        raise InputError(Problem(where, "没有数据行", fix="每行写一对地点及其公里数或分钟数"))


def check_distances(
    network: Network, gaz: Gazetteer, table: pd.DataFrame, *, where: str = "距离表"
) -> pd.DataFrame:
    """Compare published distances and driving times with the network.

    Model distance and time are those of the fastest route. A place is a county (its seat), a city, a
    settlement or a settlement in brackets behind its county, and stands for the network node nearest to it.
    In a row of kind ``expressway_section`` whose ``note`` holds the full name of an expressway of the network
    both ends are stops of that expressway instead: the one named by the text in brackets; for a settlement
    that names none, the one nearest to it; for another text the crossing of the province border in that
    county; else the county's own interchange. Where the road has no stop in the county, or the row names no
    road, the end is the place itself.

    Parameters
    ----------
    table
        With the columns ``COLUMNS`` and perhaps ``note``, text or numbers.
    where
        Name of the table in messages.

    Returns
    -------
    DataFrame
        One row per row of the table: kind, from, to, km, model_km, error_pct, minutes, model_minutes,
        minutes_error_pct, shortest_km (of the shortest route), note (Chinese: which ends, what stands for
        an unknown place). Missing figures are NaN; without a route the model has inf.

    Raises
    ------
    InputError
        Of all rows at once: an unknown place, a figure that is no number above 0, or no figure at all.
    """
    _require_columns(table, where)
    rows = _understand(network, gaz, table, where)
    seconds, metres, shortest = route_lengths(network, rows["tail"].to_numpy(), rows["head"].to_numpy())
    model_km, model_minutes = metres / 1000, seconds / 60
    return pd.DataFrame(
        {
            **{name: table[name].astype(str).to_numpy() for name in ("kind", "from", "to")},
            "km": rows["km"],
            "model_km": model_km,
            "error_pct": (model_km / rows["km"] - 1) * 100,
            "minutes": rows["minutes"],
            "model_minutes": model_minutes,
            "minutes_error_pct": (model_minutes / rows["minutes"] - 1) * 100,
            "shortest_km": shortest / 1000,
            "note": rows["note"],
        }
    )


def summarise(checked: pd.DataFrame, column: str = "error_pct") -> Summary:
    """Sum up the errors of ``check_distances``, of distances or (``minutes_error_pct``) of times.

    Examples
    --------
    >>> summarise(pd.DataFrame({"error_pct": [-10.0, 20.0, 40.0, float("nan")]}))
    Summary(rows=3, median_pct=20.0, bias_pct=20.0, within_25=0.6666666666666666, worst_pct=40.0)
    """
    error = checked[column].dropna().to_numpy(float)
    if not len(error):
        return Summary(0, math.nan, math.nan, math.nan, math.nan)
    size = np.abs(error)
    return Summary(
        rows=len(error),
        median_pct=float(np.median(size)),
        bias_pct=float(np.median(error)),
        within_25=float(np.mean(size <= 25)),
        worst_pct=float(size.max()),
    )


def _understand(network: Network, gaz: Gazetteer, table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Turn every row into two nodes, kilometres, minutes and a remark; report all problems at once."""
    stops = _stops_by_road(network)
    problems: list[Problem] = []
    out = []
    for number, row in enumerate(table.to_dict("records"), start=2):
        line = f"{where} 第{number}行"
        km, minutes = (_figure(row[name], f"{line} {name}", problems) for name in ("km", "minutes"))
        if not _text(row["km"]) and not _text(row["minutes"]):
            problems.append(Problem(line, "km 和 minutes 都是空的", fix="至少填一项"))
        own = _road_stops(row, stops)
        nodes, notes = [], []
        for name in ("from", "to"):
            try:
                node, note = _end(network, gaz, _text(row[name]), own)
            except PlaceError as error:
                problems.extend(
                    replace(problem, where=f"{line} {problem.where}") for problem in error.problems
                )
                node, note = -1, ""
            nodes.append(node)
            notes.append(note)
        out.append((*nodes, km, minutes, "; ".join(dict.fromkeys(note for note in notes if note))))
    if problems:
        raise InputError(problems)
    return pd.DataFrame(out, columns=["tail", "head", "km", "minutes", "note"])


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value).strip()


def _figure(value: Any, where: str, problems: list[Problem]) -> float:
    """Read a positive number; NaN where the cell is empty or, with a problem noted, wrong."""
    text = _text(value)
    try:
        number = float(text or "nan")
    except ValueError:
        number = math.inf
    if text and not 0 < number < math.inf:
        problems.append(Problem(where, "应为大于0的数", text[:20], "请改正或留空"))
    return number


def _stops_by_road(network: Network) -> dict[str, Nodes]:
    """List the nodes of every expressway."""
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
    return {
        road: np.unique(tail[network.road == position])
        for position, road in enumerate(network.roads)
        if "高速" in road
    }


def _road_stops(row: Mapping[Any, Any], stops: Mapping[str, Nodes]) -> Nodes:
    """Find the stops of the expressway that a row is about; empty where it names none."""
    note = _text(row.get("note"))
    named = [road for road in stops if _text(row["kind"]) == SECTION and road in note]
    return stops[max(named, key=len)] if named else np.empty(0, np.intp)


def _end(network: Network, gaz: Gazetteer, text: str, own: Nodes) -> tuple[int, str]:
    """Find the node that one end of a row means, and say what was chosen; raises ``PlaceError``."""
    place = find(gaz, text)
    if not len(own):
        return _nearest(network, place, np.arange(network.n_nodes)), place.note
    inside = split_end(text)[1] or (place.name if place.level == SETTLEMENT else "")
    away = haversine_m(place.lon, place.lat, network.lon[own], network.lat[own])
    if place.county < 0:
        stop, exact = int(np.argmin(away)), True
    else:
        stop, exact = choose_stop(
            str(gaz.county_name[place.county]), inside, network.name[own].tolist(), away
        )
    if not exact and not place.note:
        stop, exact = int(np.argmin(away)), True
    if stop < 0:
        return _nearest(network, place, np.arange(network.n_nodes)), f"{text}不在这条高速上, 取该地"
    name = network.name[own[stop]]
    return int(own[stop]), f"{text}取{name}" if exact else f"地名表里没有 {inside}, 以{name}代替"


def _nearest(network: Network, place: Place, nodes: Nodes) -> int:
    """Find the nearest node; where nodes lie at the same place the last, so a seat before a cell."""
    away = haversine_m(place.lon, place.lat, network.lon[nodes], network.lat[nodes])
    return int(nodes[len(away) - 1 - np.argmin(away[::-1])])


def simple_edges(network: Network) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Leave the fastest of parallel edges, and no closed ones.

    Returns
    -------
    start, kept
        (n + 1,) first kept edge of each node, and positions of the kept edges by tail, then head.
    """
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
    order = np.lexsort((network.centiseconds, network.head, tail))
    order = order[np.asarray(network.centiseconds)[order] != CLOSED]
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(tail[order]) != 0) | (np.diff(network.head[order]) != 0)
    kept = order[first].astype(np.int64)
    start = np.zeros(network.n_nodes + 1, np.int64)
    np.cumsum(np.bincount(tail[kept], minlength=network.n_nodes), out=start[1:])
    return start, kept


def route_lengths(
    network: Network, tail: NDArray[np.integer[Any]], head: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Measure the fastest and the shortest route of pairs of nodes (SciPy's Dijkstra).

    Returns
    -------
    seconds, metres, shortest
        (k,) time and length of the fastest route, and length of the shortest; inf without a route.
    """
    start, kept = simple_edges(network)
    to, n = network.head[kept], network.n_nodes
    by_time, by_length = (
        csr_array((np.asarray(cost[kept], float), to, start), shape=(n, n))
        for cost in (network.centiseconds, network.metres)
    )
    seconds, metres, shortest = (np.full(len(tail), np.inf) for _ in range(3))
    sources = np.unique(tail)
    for first in range(0, len(sources), _CHUNK):
        chunk = sources[first : first + _CHUNK]
        cost, before = dijkstra(by_time, indices=chunk, return_predecessors=True)
        length = dijkstra(by_length, indices=chunk)
        for pair in np.flatnonzero(np.isin(tail, chunk)):
            row, end = int(np.searchsorted(chunk, tail[pair])), int(head[pair])
            seconds[pair], shortest[pair] = cost[row, end] / 100, length[row, end]
            if np.isfinite(cost[row, end]):
                metres[pair] = _along(before[row], end, by_length)
    return seconds, metres, shortest


def _along(before: NDArray[np.int32], end: int, by_length: csr_array) -> float:
    """Add up the lengths along a route, from its end back to its start."""
    total = 0.0
    while before[end] >= 0:
        tail = int(before[end])
        row = slice(by_length.indptr[tail], by_length.indptr[tail + 1])
        total += float(by_length.data[row][np.searchsorted(by_length.indices[row], end)])
        end = tail
    return total
