"""Graphs that OSMnx saved (GraphML or GeoPackage, simplified or not) to a Network.

The directed edges are kept as they stand: the maker of the graph has decided who may go where, so tags of
access and one-way are not judged again. The rules give the class, the speed where the graph has none, and
leave out classes that the mode does not use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..crs import haversine_m
from ..network import Network
from ..shapes import STEPS
from .graph_files import GraphTable, read_graph_file
from .graph_shapes import Drawing, chain, draw, twins
from .graph_tags import Judged, judge, seconds_of, true, values_of
from .pieces import Pieces
from .raw import OSM_LICENCE
from .report import km, text_of
from .rules import Profile, read_profile

Progress = Callable[[str], None]
_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


STORED = "graph_stored_times"
_STORED_TEXT = "采用文件中已有的通行时间或速度 (travel_time、speed_kph)"


def read_graph(
    path: Path | str,
    *,
    mode: str = "drive",
    like: str = "boai",
    stored_times: bool | None = None,
    profile: Profile | None = None,
    progress: Progress | None = None,
) -> Network:
    """Read a graph that OSMnx saved with ``save_graphml`` or ``save_graph_geopackage``.

    Edges in both directions over the same line of the same way become one shape. Of an edge with several
    values (OSMnx merges ways) the slowest class counts and the mean of the limits, as OSMnx takes it.

    Parameters
    ----------
    path
        The file; the first bytes tell the format.
    mode, like
        As for ``read_osm``; not looked at where ``profile`` is given.
    stored_times
        Take ``travel_time``, else ``speed_kph``, from the edges that have it. Where None, only to drive: the
        times of OSMnx are those of cars.
    profile
        A ``Profile`` with a vehicle or rules of its own.
    progress
        Called with a Chinese sentence before each step.

    Raises
    ------
    InputError
        The file cannot be read, is damaged, is no graph with places, or has no edge for the mode.
    """
    from .build import build  # noqa: PLC0415  (numba is slow to import)

    path = Path(path)
    say = progress or (lambda _: None)
    profile = profile or read_profile(mode, like=like)
    say(f"读入 {path.name}")
    table = read_graph_file(path)
    say(f"整理 {len(table.tail)} 条边")
    use_times = profile.mode == "drive" if stored_times is None else stored_times
    pieces, choices = to_pieces(table, profile, file=path.name, stored_times=use_times)
    say("建立路网")
    source = {"source": path.name, "kind": "graph", "licence": OSM_LICENCE, "like": profile.like}
    return build(pieces, mode=profile.mode, source={**source, "rules": profile.described()}, choices=choices)


def to_pieces(
    table: GraphTable, profile: Profile, *, file: str, stored_times: bool
) -> tuple[Pieces, dict[str, Any]]:
    """Turn the edges of a graph into pieces, and tell what was chosen on the way.

    Raises
    ------
    InputError
        The coordinates are no places on earth.
    """
    drawing = draw(table, file)
    judged = judge(table.columns, len(table.tail), profile)
    seconds, stored = seconds_of(table.columns, drawing.metres, judged.kmh, stored_times)
    return _pieces(table, drawing, seconds, judged), _choices(table, judged, drawing.metres, stored)


def _pieces(table: GraphTable, drawing: Drawing, seconds: _Floats, judged: Judged) -> Pieces:
    """Draw each shape once, from the edge that runs along it, with the times of both directions.

    Inner points belong to their shape alone: two edges that cross in a point of theirs do not meet.
    """
    along, against = twins(table, drawing)
    size = np.diff(drawing.start)[along]
    shape = np.repeat(np.arange(len(along)), size)
    at = drawing.start[along][shape] + np.arange(len(shape)) - (np.cumsum(size) - size)[shape]
    n = len(drawing.x)
    a, b, of = chain(table.tail[along], table.head[along], n + np.arange(len(at)), shape)
    x = np.concatenate((drawing.x, drawing.inner_x[at]))
    y = np.concatenate((drawing.y, drawing.inner_y[at]))
    share = _shares(x / STEPS, y / STEPS, (a, b), of)
    return Pieces(
        x=x.astype(np.int32),
        y=y.astype(np.int32),
        source_id=np.concatenate((_ids(table.node), np.full(len(at), -1, np.int64))),
        a=a.astype(np.int32),
        b=b.astype(np.int32),
        metres=drawing.metres[along][of] * share,
        seconds=_both_ways(table, seconds, along, against)[of] * share[:, None],
        road_class=judged.road_class[along][of],
        label=judged.label[along][of],
        way=_ids([next(iter(values_of(cell)), "") for cell in _column(table, "osmid")])[along][of],
        snap=judged.snap[along][of],
        labels=judged.labels,
    )


def _both_ways(table: GraphTable, seconds: _Floats, along: _Ints, against: _Ints) -> _Floats:
    """Return the time of each shape along its edge and against it, inf where nobody may go."""
    both = np.full((len(along), 2), np.inf)
    both[:, 0] = seconds[along]
    twin = against >= 0
    both[twin, 1] = seconds[against[twin]]
    if not table.directed:
        two_way = ~true(_column(table, "oneway"), len(seconds))[along]
        both[two_way, 1] = seconds[along[two_way]]
    return both


def _shares(lon: _Floats, lat: _Floats, ends: tuple[_Ints, _Ints], of: _Ints) -> _Floats:
    """Return the share of each piece in its shape by length; equal ones where all lie in one point."""
    a, b = ends
    drawn = haversine_m(lon[a], lat[a], lon[b], lat[b])
    whole, count = np.bincount(of, weights=drawn)[of], np.bincount(of)[of]
    return np.where(whole > 0, drawn / np.where(whole > 0, whole, 1.0), 1.0 / count)


def _column(table: GraphTable, name: str) -> Sequence[Any]:
    return table.columns.get(name, [None] * len(table.tail))


def _ids(texts: Sequence[str]) -> _Ints:
    """Read ids; -1 where they are no numbers."""
    plain = (text.removeprefix("-").isdecimal() and len(text) < 19 for text in texts)
    return np.array([int(text) if is_id else -1 for text, is_id in zip(texts, plain, strict=True)], np.int64)


def _choices(table: GraphTable, judged: Judged, metres: _Floats, stored: NDArray[np.bool_]) -> dict[str, Any]:
    """Sum by code what the rules noted and why edges are left out; edges count, not ways."""
    length = np.bincount(judged.kind, weights=metres, minlength=len(judged.passages)).astype(np.float64)
    edges = np.bincount(judged.kind, minlength=len(judged.passages))
    at = range(len(judged.passages))
    left = ((judged.passages[i].left_out, i) for i in at if judged.passages[i].left_out)
    notes = ((note, i) for i in at if not judged.passages[i].left_out for note in judged.passages[i].notes)
    used = [(note, i) for note, i in notes if not note.startswith("osmnx_")]
    choices = _sums(used, edges, length)
    if stored.any():
        facts = {"ways": int(stored.sum()), "km": km(metres[stored].sum())}
        choices[STORED] = {"text": _STORED_TEXT, **facts}
    read = {"nodes": len(table.node), "edges": len(table.tail)}
    return {"choices": choices, "left_out": _sums(left, edges, length), "read": read}


def _sums(pairs: Iterable[tuple[str, int]], edges: _Ints, length: _Floats) -> dict[str, Any]:
    total: dict[str, list[int]] = {}
    for code, kind in pairs:
        total.setdefault(code, []).append(kind)
    return {
        code: {"text": text_of(code), "ways": int(edges[kinds].sum()), "km": km(length[kinds].sum())}
        for code, kinds in sorted(total.items())
    }
