"""Find roads by what people call them: G60, 沪昆高速, 沪昆, 320国道."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, Problem
from .network import Network

_CLASSES = frozenset({"国道", "高速", "高速公路", "省道"})
_MOST_COMPARED = 20_000
_LONGEST = 300
"""Characters of a road's name beyond which it is none: to compare it with all others would take minutes."""


def edges_of_roads(
    network: Network, names: Sequence[str], *, where: str = "道路"
) -> tuple[NDArray[np.int64], list[str]]:
    """Find the edges of named roads: (edges ascending, names of the roads as the network has them).

    Raises
    ------
    InputError
        With every name that no road of the network has, and those that come near.
    """
    if not names:
        return np.empty(0, np.int64), []
    forms = {row: road_forms(name) for row, name in enumerate(network.roads) if name}
    rows: list[int] = []
    problems = []
    for text in names:
        wanted = road_text(text)
        if len(wanted) > _LONGEST:
            wanted = ""
        hits = [row for row, ways in forms.items() if wanted in ways] if wanted else []
        rows += hits
        if not hits:
            problems.append(Problem(where, "路网里没有这条道路", text[:40], _fix(wanted, forms.values())))
    if problems:
        raise InputError(problems)
    edges = np.flatnonzero(np.isin(network.road, rows))
    return edges, [network.roads[row] for row in dict.fromkeys(rows)]


def names_of(network: Network, edges: NDArray[np.int64]) -> list[str]:
    """List the names of the roads that some edges belong to, each once; nameless ones are left out."""
    rows = np.unique(np.asarray(network.road)[edges]).tolist()
    return [name for row in rows if (name := str(network.roads[row]))]


def _fix(wanted: str, forms: Any) -> str:
    words = list(dict.fromkeys(way for ways in forms for way in ways))
    close = [word for word in words if wanted and wanted in word][:3]
    if not close and len(words) <= _MOST_COMPARED:
        close = get_close_matches(wanted, words, 3, 0.4)
    return f"相近的有 {'、'.join(close)}" if close else "请写道路编号或名称, 例如 G45 或 大广高速"


def road_text(text: str) -> str:
    """Bring a road's name into one form: half width, upper case, no blanks.

    Examples
    --------
    >>> road_text(" ｇ60 沪昆高速")
    'G60沪昆高速'
    """
    return "".join(unicodedata.normalize("NFKC", text).upper().split())


def road_forms(name: str) -> list[str]:
    """List the ways to write a road; a class alone (国道) is none.

    Examples
    --------
    >>> road_forms("G45 大广高速")
    ['G45大广高速', 'G45', '大广高速', '大广']
    """
    words = [word for word in name.upper().replace("/", " ").split() if word not in _CLASSES]
    short = [word.removesuffix("高速公路").removesuffix("高速") for word in words]
    swapped = [f"{words[0][1:]}国道"] if name.endswith("国道") and words else []
    return [form for form in dict.fromkeys([road_text(name), *words, *short, *swapped]) if form]
