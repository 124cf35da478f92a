"""Summaries of a layer: one row of key figures, and the response times asked of stores by their level."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ..geodata.demand import Demand
from ..geodata.layers import Layer
from ..geodata.network import Network
from .measures import Cover, by_unit, cover_layer, percentile, second_cover
from .standards import Standard


def summarise(demand: Demand, network: Network, layer: Layer, cover: Cover) -> pd.DataFrame:
    """Sum up a layer in one row.

    Returns
    -------
    pd.DataFrame
        sites, limit_text (of the main limit), residents, served (whole), share, p90_text (cost within which
        90 % of the residents are), second_share (share within the main limit of a second site, what is left
        when any one site fails; NaN for walking, where it is not defined).
    """
    standard, people = cover.standard, float(demand.residents.sum())
    second = float("nan")
    if standard.mode == "drive" and people:
        spare = second_cover(demand, network, layer, standard)
        second = float(demand.residents @ spare.main_share) / people
    table = by_unit(demand, cover)
    whole = table[(table["level"] == "省") & (table["limit"] == standard.main)]
    columns = ["limit_text", "residents", "served", "share"]
    found = whole[columns].reset_index(drop=True)
    found.insert(0, "sites", len(layer.table))
    p90 = standard.cost_text_up(percentile(demand, cover)) if people else ""
    return found.assign(p90_text=p90, second_share=second)


def compliance(demand: Demand, network: Network, layer: Layer, standard: Standard) -> pd.DataFrame:
    """Check the times that are asked of stores by their level, from order to first supplies.

    A store of a level (县级, 市级, 省级) has the time that the standard asks of it, less the mobilisation.

    Returns
    -------
    pd.DataFrame
        level, limit_min, readiness_min, sites (of the level), residents, served (whole), share, worst_min
        (readiness and driving to the farthest resident; inf where one is out of reach). No row where the
        standard asks nothing.
    """
    ready_s = standard.mobilisation_s or 0
    rows = []
    for level, limit_s in standard.compliance:
        own = layer.table[layer.table["level"] == f"{level}级"]
        drive_s = limit_s - ready_s
        asked = replace(standard, limits=(drive_s,), main=drive_s)
        cover = cover_layer(demand, network, replace(layer, table=own), asked)
        exact = float(demand.residents @ cover.main_share)
        lived = demand.residents > 0
        worst_s = float(cover.cost[lived].max()) if lived.any() else float("nan")
        rows.append(
            {
                "level": f"{level}级",
                "limit_min": limit_s // 60,
                "readiness_min": ready_s // 60,
                "sites": len(own),
                "residents": int(demand.residents.sum()),
                "served": round(exact),
                "share": exact / demand.residents.sum() if lived.any() else float("nan"),
                "worst_min": (worst_s + ready_s) / 60,
            }
        )
    return pd.DataFrame(rows)
