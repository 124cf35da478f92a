"""One sentence for a whole comparison: who covers most, who costs least, and what cannot be told apart."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..coverage.inequality import percent_text
from .compare import compare
from .dominance import apart_text, comparable, dominance, names_text
from .run import Result
from .sentences import limit_text, number_text


def conclusion(results: Sequence[Result], *, costs: bool = True) -> str:
    """Sum a comparison up in a sentence; empty where there are not two scenarios beside the baseline.

    The best are told layer by layer, among the scenarios with the residents, roads and limits of the baseline
    only; where scenarios change several layers, or different ones, it is said.
    """
    groups = comparable(results)
    own = [i for i in range(1, len(results)) if groups[i] == groups[0]]
    if len(results) < 3:
        return ""
    told = []
    if len(own) > 1 and results[0].covers:
        some = [results[0], *(results[i] for i in own)]
        table = compare(some)
        rows = table[table["main"]].assign(at=_places(table[table["main"]], len(some)))
        rows = rows[rows["at"] > 0]
        told += [*_covers(some, rows), *(_cheapest(rows) if costs else ()), _layers(rows)]
    worse = dominance(results, costs=costs)
    names = worse.loc[worse["dominated"], "title"].astype(str).tolist()
    told.append(f"{names_text(names)}各项都不优于另一方案, 可以不选" if names else "")
    told.append(f"另有 {apart_text(groups)}" if len(set(groups)) > 1 else "")
    sentence = "; ".join(text for text in told if text)
    return f"{len(results) - 1} 个方案: {sentence}。" if sentence else ""


def _places(main: pd.DataFrame, n: int) -> list[int]:
    """Number the result of each row of main limits: as many rows for each of n results."""
    each = len(main) // n
    return [i // each for i in range(len(main))]


def _covers(results: Sequence[Result], rows: pd.DataFrame) -> list[str]:
    """Say for each layer where the scenarios differ who covers most."""
    told, best = [], []
    for layer, own in rows.groupby("layer", sort=False):
        if own["served"].nunique() < 2:
            continue
        top = own[own["served"] == own["served"].max()]
        best.append(set(top["at"]))
        first = top.iloc[0]
        limit = limit_text(results[int(first["at"])], first)
        names = names_text(sorted(top["title"].astype(str)))
        told.append(f"{layer}{limit}覆盖最高的是{names} ({percent_text(first['share'])})")
    if len(best) > 1 and not set.intersection(*best):
        told.append("没有一个方案在各图层都最高")
    return told or ["主要时限内的覆盖人数都相同"]


def _cheapest(rows: pd.DataFrame) -> list[str]:
    """Say for each layer who gains residents for the least, where two scenarios at least state all prices."""
    told = []
    for layer, own in rows.groupby("layer", sort=False):
        priced = own.dropna(subset=["cost_per_10k"])
        if len(priced) < 2 or priced["cost_unit"].nunique() > 1:
            continue
        least = priced[priced["cost_per_10k"] == priced["cost_per_10k"].min()]
        names = names_text(sorted(least["title"].astype(str)))
        amount = f"{number_text(float(least['cost_per_10k'].iloc[0]))} {least['cost_unit'].iloc[0]}"
        told.append(f"{layer}每新覆盖一万人费用最低的是{names} ({amount})")
    return told


def _layers(rows: pd.DataFrame) -> str:
    """Say where scenarios change several layers at once, or different ones."""
    acted = rows[rows["actions"] > 0]
    layers = acted.groupby("at")["kind"].agg(frozenset)
    if not len(layers) or (layers.nunique() == 1 and len(layers.iloc[0]) == 1):
        return ""
    if layers.nunique() == 1:
        return "各方案同时改动几个图层, 费用和改动数是合计, 不能归于其中一个图层"
    return "各方案改动的图层不同, 应分图层比较"
