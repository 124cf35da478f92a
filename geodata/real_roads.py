"""Real roads, the door: networks of OpenStreetMap files, places, saved graphs and line layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast, get_args

from .errors import InputError, Problem
from .network import Network
from .osm.raw import OSM_LICENCE
from .osm.rules import Profile, read_profile

Progress = Callable[[str], None]
"""Called with a Chinese sentence before each step of a long import."""

__all__ = ["OSM_LICENCE", "read_graph", "read_lines", "read_osm", "read_place", "read_profile"]


def read_osm(
    path: Path | str,
    *,
    mode: str = "drive",
    like: str = "boai",
    reader: str = "auto",
    profile: Profile | None = None,
    progress: Progress | None = None,
) -> Network:
    """Read the road network of an OpenStreetMap file (.osm.pbf, .osm, .osm.gz, .osm.bz2).

    The largest weakly connected component, folded to junctions as OSMnx does, along a space-filling curve;
    what was decided on the way is counted in ``meta["report"]``.

    Parameters
    ----------
    mode
        ``drive``, ``walk`` or ``heavy``.
    like
        ``boai``, or ``osmnx`` for exactly the roads and directions of OSMnx, to compare.
    reader
        ``auto``, ``fast`` (boai's own, PBF only) or ``osmium``.
    profile
        A vehicle or rules of one's own, from ``read_profile``; then ``mode`` and ``like`` are not looked at.
    progress
        Called before each step.

    Raises
    ------
    InputError
        The file cannot be read, or has no road for this mode; an argument is wrong.
    """
    from .compiled import telling  # noqa: PLC0415 (numba is slow to import)
    from .osm.assemble import to_pieces  # noqa: PLC0415
    from .osm.build import build  # noqa: PLC0415
    from .osm.reading import Reader, read_raw  # noqa: PLC0415

    path, say = Path(path), progress or (lambda _: None)
    profile = profile or read_profile(mode, like=like)
    if reader not in get_args(Reader):
        raise InputError(Problem("读取方式", f"应为 {'、'.join(get_args(Reader))} 之一", reader))
    with telling(lambda: say("首次使用, 正在编译计算程序, 约需半分钟; 以后不再需要")):
        raw = read_raw(path, reader=cast("Reader", reader), progress=progress)
        say(f"判断 {len(raw.way_id)} 条道路")
        pieces, facts = to_pieces(raw, profile)
        source = _osm_source(path, profile, raw.date)
        del raw
        say(f"建立路网: {len(pieces.a)} 段")
        return build(pieces, mode=profile.mode, source=source, choices=facts)


def _osm_source(path: Path, profile: Profile, date: str) -> dict[str, Any]:
    """Say where a network comes from; not when this copy was made, so that equal files have equal hashes."""
    made = {"made": date} if date else {}
    facts = {"source": path.name, "kind": "osm", "licence": OSM_LICENCE, **made}
    return {**facts, "like": profile.like, "rules": profile.described()}


def read_lines(
    path: Path | str,
    *,
    mode: str = "drive",
    crs: str | None = None,
    layer: str | None = None,
    columns: Mapping[str, str] | None = None,
    tolerance_m: float = 0.0,
    profile: Profile | None = None,
    progress: Progress | None = None,
) -> Network:
    """Read a layer of road lines (Shapefile, GeoPackage, GeoJSON, GeoParquet): see `osm.lines.read_lines`."""
    from .osm import lines  # noqa: PLC0415 (loads the readers of tables)

    return lines.read_lines(
        path,
        mode=mode,
        crs=crs,
        layer=layer,
        columns=columns,
        tolerance_m=tolerance_m,
        profile=profile,
        progress=progress,
    )


def read_graph(
    path: Path | str,
    *,
    mode: str = "drive",
    profile: Profile | None = None,
    progress: Progress | None = None,
) -> Network:
    """Read a graph that OSMnx saved (GraphML, GeoPackage): see `osm.graphs.read_graph`."""
    from .osm import graphs  # noqa: PLC0415

    return graphs.read_graph(path, mode=mode, profile=profile, progress=progress)


def read_place(
    place: str | tuple[float, float, float, float],
    *,
    mode: str = "drive",
    overpass: str | None = None,
    nominatim: str | None = None,
    cache: Path | None = None,
    profile: Profile | None = None,
    progress: Progress | None = None,
) -> Network:
    """Read the roads of a place, or of a box in degrees, from Overpass: see `osm.place.read_place`."""
    from .osm import place as places  # noqa: PLC0415

    return places.read_place(
        place,
        mode=mode,
        overpass=overpass,
        nominatim=nominatim,
        cache=cache,
        profile=profile,
        progress=progress,
    )
