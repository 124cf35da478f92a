"""`boai page`: one page of one or more results, which can open in the comparison of two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...geodata.errors import InputError, Problem
from ..outputs import check_new
from . import material

HOW = {"difference": "差异", "swipe": "卷帘", "beside": "并排"}
"""Ways of comparing two scenarios."""


@dataclass(frozen=True)
class Asked:
    """What a page shall show first, and what lies under it when there is a network."""

    compare: tuple[str, str] | None = None
    """Names of two scenarios, left and right."""
    how: str = "差异"
    tiles: str = ""
    key: str = ""
    datum: str = "wgs84"
    title: str = ""


def write(order: material.Order, out: Path, asked: Asked) -> dict[str, Any]:
    """Write the page of the scenarios of an order to a file.

    Returns
    -------
    dict
        files, labels and notes.
    """
    from ...maps.page import write_page  # noqa: PLC0415 (folium is slow to import)
    from ...maps.page_tiles import tiles_of  # noqa: PLC0415

    if out.suffix.lower() != ".html":
        fix = "文件名请以 .html 结尾"
        raise InputError(Problem(str(out), "网页的文件名", out.suffix or "没有后缀", fix))
    check_new(out, overwrite=order.overwrite)
    material.check_line("--title", asked.title, longest=80)
    if asked.tiles and order.publishing.public:
        fix = "公开版请不带 --tiles: 审图号只管本图, 不管联网的底图"
        raise InputError(Problem("--tiles", "公开版不能带联网底图", fix=fix))
    how = material.one_of("--how", asked.how, HOW)
    tiles = tiles_of(asked.tiles, key=asked.key, datum=asked.datum) if asked.tiles else None
    order = replace(order, names=_with_compared(order.names, asked.compare))
    found = order.material()
    start = None
    if asked.compare is not None:
        known = {result.name: number for number, result in enumerate(found.results)}
        left, right = (known[_name(text)] for text in asked.compare)
        start = {"compare": how, "left": left, "right": right}
    order.say("网页: 离线地图")
    write_page(
        found.world,
        found.results,
        out,
        states=material.states_of(order.root, found, order.names),
        release=found.release,
        tiles=tiles,
        start=start,
        title=asked.title,
    )
    return {"files": [str(out)], **material.marks(found)}


def _with_compared(names: Sequence[str], compared: tuple[str, str] | None) -> list[str]:
    """Add the scenarios that are compared to those that are asked for; the baseline is always there."""
    more = [text for text in compared or () if text not in ("baseline", "现状")]
    return list(dict.fromkeys([*names, *more])) if names or compared else []


def _name(text: str) -> str:
    """Return the name of the result that a scenario's name or file gives."""
    from ...scenarios.schema import load_scenario  # noqa: PLC0415

    if text in ("baseline", "现状"):
        return "baseline"
    return Path(text).stem if not Path(text).is_file() else load_scenario(Path(text)).name
