"""Whether the arrays of a stored network are a network: no kernel may be led outside them.

Checksums tell that a folder is as it was written, not who wrote it. The compiled loops look up without
bounds, so an edge that ends at node -7 would read foreign memory or crash the process. The forms of the
arrays are cheap to check and always are; their values are where a folder is opened for the first time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .shapes import STEPS

if TYPE_CHECKING:
    from .network import Incoming, Network
    from .shapes import Grid, Shapes

_MOST = int(np.iinfo(np.int32).max) // 2
_LABELS = ("", "近似路网")
_MODES = ("drive", "walk", "heavy")
_SIDES_DEG = (1e-9, 360.0)
_LARGEST = 1e15
_WRONG = "数组不成立: "

_Array = NDArray[Any]


def problems_of(network: Network, *, deep: bool = True, kinds: int = 6, classes: int = 27) -> list[str]:
    """Say in Chinese what is wrong with the arrays of a network; nothing where they are sound.

    Values are looked at where the forms are right and ``deep`` is set. ``kinds`` and ``classes`` are how many
    values `Network.kind` and `Network.road_class` may take.
    """
    wrong = [*_forms(network), *_meta(network.meta)]
    if wrong or not deep:
        return wrong
    found = [*_nodes(network, kinds), *_edges(network, classes)]
    if network.into is not None and not found:
        found += _into(network, network.into)
    if network.shapes is not None:
        found += _shapes(network.shapes, network.n_edges)
        if network.grid is not None and not found:
            found += _grid(network.grid, network.shapes)
    return found


def _forms(network: Network) -> list[str]:
    """Check types and lengths: microseconds."""
    n, m = _length(network.lon), _length(network.head)
    wanted: dict[str, tuple[Any, type[np.generic], tuple[int | None, ...]]] = {
        "lon": (network.lon, np.float64, (n,)), "lat": (network.lat, np.float64, (n,)),
        "kind": (network.kind, np.uint8, (n,)), "name": (network.name, np.str_, (n,)),
        "start": (network.start, np.int64, (n + 1,)), "head": (network.head, np.int32, (m,)),
        "centiseconds": (network.centiseconds, np.int32, (m,)), "metres": (network.metres, np.float32, (m,)),
        "road": (network.road, np.integer, (m,)),
    }  # fmt: skip
    roads: Any = network.roads
    if hasattr(roads, "encoded"):
        wanted["roads_start"] = (roads.start, np.int64, (None,))
        wanted["roads_bytes"] = (roads.encoded, np.uint8, (None,))
    if network.road_class is not None:
        wanted["road_class"] = (network.road_class, np.uint8, (m,))
    if network.source_id is not None:
        wanted["source_id"] = (network.source_id, np.int64, (n,))
    for group, shape in (("into", (n, m)), ("shapes", (m,)), ("grid", ())):
        if (found := getattr(network, group)) is not None:
            wanted |= {f"{group}_{name}": one for name, one in _group(group, found, shape).items()}
    wrong = [
        f"{_WRONG}{name} 的类型或长度"
        for name, (array, kind, shape) in wanted.items()
        if not _has_form(array, kind, shape)
    ]
    return wrong or ([] if 0 < n <= _MOST and m <= _MOST else ["路网里没有节点, 或太大"])


def _group(
    group: str, found: Any, sizes: tuple[int, ...]
) -> dict[str, tuple[Any, Any, tuple[int | None, ...]]]:
    if group == "into":
        n, m = sizes
        return {
            "start": (found.start, np.int64, (n + 1,)), "tail": (found.tail, np.int32, (m,)),
            "edge": (found.edge, np.int32, (m,)),
        }  # fmt: skip
    if group == "grid":
        return {
            "frame": (found.frame, np.float64, (5,)), "start": (found.start, np.int64, (None,)),
            "piece": (found.piece, np.int32, (None,)),
        }  # fmt: skip
    k = _length(found.edge)
    return {
        "of": (found.of, np.int32, sizes), "edge": (found.edge, np.int32, (k, 2)),
        "start": (found.start, np.int64, (k + 1,)), "x": (found.x, np.int32, (None,)),
        "y": (found.y, np.int32, (_length(found.x),)), "way_start": (found.way_start, np.int64, (k + 1,)),
        "way": (found.way, np.int64, (None,)), "snap": (found.snap, np.bool_, (k,)),
    }  # fmt: skip


def _length(array: Any) -> int:
    return int(array.shape[0]) if getattr(array, "ndim", 0) else 0


def _has_form(array: Any, kind: type[np.generic], shape: tuple[int | None, ...]) -> bool:
    if not isinstance(array, np.ndarray) or array.ndim != len(shape):
        return False
    same = np.issubdtype(array.dtype, kind) and array.dtype.isnative and array.dtype.itemsize > 0
    return bool(same) and all(size in (None, own) for size, own in zip(shape, array.shape, strict=True))


def _meta(meta: Mapping[str, Any]) -> list[str]:
    """Check what is known of the network's description: it is printed, and written on maps."""
    wrong = []
    if str(meta.get("label", "")) not in _LABELS or str(meta.get("mode", "drive")) not in _MODES:
        wrong.append("路网的标注或出行方式不认识")
    report = meta.get("report", {})
    parts = report.get("components", {}) if isinstance(report, dict) else None
    if not isinstance(parts, dict) or not _is_report({**report, **_known(parts)}):
        wrong.append("路网的导入报告已损坏")
    return wrong


def _known(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: parts[key] for key in ("others_count", "others_km") if key in parts}


def _is_report(report: Mapping[str, Any]) -> bool:
    numbers = ("nodes", "edges", "shapes", "km_total", "oneway_km", "others_count", "others_km")
    counted = [report.get(key, {}) for key in ("choices", "left_out")]
    km = report.get("km", {})
    if not isinstance(km, dict) or not all(isinstance(one, dict) for one in counted):
        return False
    rows = [row for one in counted for row in one.values()]
    return (
        all(is_number(report[key]) for key in numbers if key in report)
        and all(map(is_number, km.values()))
        and all(isinstance(row, dict) and isinstance(row.get("text"), str) for row in rows)
        and all(is_number(value) for row in rows for key, value in row.items() if key != "text")
    )


def is_number(value: Any) -> bool:
    """Tell whether a value from JSON is a number of a size that can be printed."""
    return type(value) in (int, float) and abs(value) < _LARGEST  # false also for what is not a number


def _nodes(network: Network, kinds: int) -> Iterator[str]:
    for name, array, most in (("lon", network.lon, 180), ("lat", network.lat, 90)):
        if not _within(array, -most, most):  # false also for what is not a number
            yield f"{_WRONG}{name} 不是经纬度"
    if network.kind.max() >= kinds:
        yield f"{_WRONG}kind 有不认识的节点"
    if not _are_texts(network.name):
        yield f"{_WRONG}name 不是文字"


def _are_texts(names: _Array) -> bool:
    """Tell whether all are Unicode: numpy stores anything, and fails when such a text is read."""
    codes = np.ascontiguousarray(names).view(np.ndarray).view(np.uint32)
    high = codes[codes > 0xD7FF]
    return not ((high < 0xE000) | (high > 0x10FFFF)).any()


def _edges(network: Network, classes: int) -> Iterator[str]:
    n, m = network.n_nodes, network.n_edges
    if not _rows(network.start, m):
        yield f"{_WRONG}start 应从 0 升到路段数"
    if not _within(network.head, 0, n - 1):
        yield f"{_WRONG}head 不在节点之内"
    times = network.centiseconds
    if not _within(times, -1, None) or (times == 0).any():
        yield f"{_WRONG}centiseconds 应大于 0 (封闭为 -1)"
    if not _within(network.metres, 0, _LARGEST):
        yield f"{_WRONG}metres 应为不小于 0 的数"
    names: Any = network.roads
    if hasattr(names, "encoded") and not (len(names.start) and _rows(names.start, len(names.encoded))):
        yield f"{_WRONG}roads_start 应从 0 升到文字长度"
    elif not _within(network.road, 0, len(names) - 1):
        yield f"{_WRONG}road 不在道路名称之内"
    if network.road_class is not None and not _within(network.road_class, 0, classes - 1):
        yield f"{_WRONG}road_class 有不认识的等级"


def _into(network: Network, into: Incoming) -> Iterator[str]:
    """Compare with the rows themselves: what the searches against the edges find is then the same."""
    n, m = network.n_nodes, network.n_edges
    if not (_rows(into.start, m) and _within(into.edge, 0, m - 1)):
        yield f"{_WRONG}into 不在路段之内"
        return
    node = np.repeat(np.arange(n, dtype=np.int32), np.diff(into.start))
    tail = np.repeat(np.arange(n, dtype=np.int32), np.diff(network.start))
    edge = np.asarray(into.edge)
    ascending = (edge[1:] > edge[:-1]) | (node[1:] != node[:-1])
    same = (np.asarray(network.head)[edge] == node).all() and (tail[edge] == into.tail).all()
    if not (same and ascending.all()):
        yield f"{_WRONG}into 与路段不符"


def _shapes(shapes: Shapes, m: int) -> Iterator[str]:
    k = len(shapes.edge)
    if not (_rows(shapes.start, len(shapes.x), least=2) and _rows(shapes.way_start, len(shapes.way))):
        yield f"{_WRONG}shapes 的起点应升到点数, 每条线至少两点"
    if not (_within(shapes.x, -180 * STEPS, 180 * STEPS) and _within(shapes.y, -90 * STEPS, 90 * STEPS)):
        yield f"{_WRONG}shapes 的点不是经纬度"
    edge, of = np.asarray(shapes.edge), np.asarray(shapes.of)
    if not (_within(of, 0, 2 * k - 1) and _within(edge, -1, m - 1)):
        yield f"{_WRONG}shapes 不在路段之内"
    elif not (
        np.array_equal(edge.reshape(-1)[of], np.arange(m))
        and np.count_nonzero(edge >= 0) == m
        and (edge.max(axis=1, initial=-1) >= 0).all()
    ):
        yield f"{_WRONG}shapes 与路段不符"


def _grid(grid: Grid, shapes: Shapes) -> Iterator[str]:
    west, south, side, columns, rows = np.asarray(grid.frame).tolist()
    framed = abs(west) <= 180 and abs(south) <= 90 and _SIDES_DEG[0] <= side <= _SIDES_DEG[1]
    squares = len(grid.start) - 1
    counted = all(1 <= one <= squares and one == int(one) for one in (columns, rows))
    if not (framed and counted and columns * rows == squares and _rows(grid.start, len(grid.piece))):
        yield f"{_WRONG}grid 的方格"
        return
    goes_on = np.ones(len(shapes.x), bool)
    goes_on[np.asarray(shapes.start)[1:] - 1] = False  # the last point of a shape begins no piece
    if not (_within(grid.piece, 0, len(goes_on) - 1) and goes_on[grid.piece].all()):
        yield f"{_WRONG}grid 不在道路之内"


def _rows(start: _Array, total: int, *, least: int = 0) -> bool:
    """Tell whether rows begin at 0, end at the total, and have so many entries at least."""
    first = np.asarray(start)
    if first[0] != 0 or first[-1] != total:
        return False
    return bool((first[1:] - first[:-1] >= least).all()) and _within(first, 0, total)


def _within(array: _Array, low: float, high: float | None) -> bool:
    if not len(array):
        return True
    return bool(array.min() >= low and (high is None or array.max() <= high))
