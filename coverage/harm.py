"""Harm: what residents lose when the way from their nearest site gets longer or ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geodata.demand import Demand
from ..geodata.gazetteer import Gazetteer, label_points
from .closing import Effect
from .link_kernels import NEVER
from .standards import Standard


@dataclass(frozen=True)
class Harm:
    """What a failure costs the residents (driving)."""

    lost: int
    """Residents who lose the cover within the main limit, those cut off included."""
    slower: int
    """Residents who are still reached, but later."""
    added_mean_min: float
    """Minutes added for them on average; NaN without any."""
    added_max_min: float
    """Minutes added for those whom it hits hardest; NaN without any."""
    person_hours: float
    """Hours added for all of them."""
    cut_off: int
    """Residents who were reached and whom no site reaches any more."""
    county: int
    """Position of the county that loses most cover, the first of equals; -1 where none does."""
    county_lost: int
    """Residents of it who lose it."""

    def row(self, demand: Demand) -> dict[str, object]:
        """Give the harm as columns of a table, the county by code and name."""
        fields: dict[str, object] = dict(vars(self))
        own = self.county
        fields["county_code"] = str(demand.county_code[own]) if own >= 0 else ""
        fields["county"] = str(demand.county_name[own]) if own >= 0 else ""
        fields["city"] = str(demand.city_name[own]) if own >= 0 else ""
        return fields


def harm_of(demand: Demand, standard: Standard, effect: Effect) -> Harm:
    """Sum up what changes for whole cells."""
    residents = np.asarray(demand.residents, np.int64)[effect.cell]
    limit = standard.main * 100
    lost = np.where((effect.before <= limit) & (effect.after > limit), residents, 0)
    longer = (effect.after > effect.before) & (effect.after < NEVER) & (residents > 0)
    added, people = (effect.after - effect.before)[longer], residents[longer]
    slower, total = int(people.sum()), int((added * people).sum())
    by_county = _by_county(demand, effect.cell, lost)
    worst = int(by_county.argmax()) if lost.any() else -1
    return Harm(
        lost=int(lost.sum()),
        slower=slower,
        added_mean_min=total / slower / 6000 if slower else float("nan"),
        added_max_min=int(added.max()) / 6000 if slower else float("nan"),
        person_hours=total / 360_000,
        cut_off=int(residents[(effect.before < NEVER) & (effect.after >= NEVER)].sum()),
        county=worst,
        county_lost=int(by_county[worst]) if worst >= 0 else 0,
    )


def minutes_text(minutes: float) -> str:
    """Say added minutes.

    Examples
    --------
    >>> minutes_text(0.2), minutes_text(12.4)
    ('不到1分钟', '12分钟')
    """
    return "不到1分钟" if minutes < 1 else f"{minutes:,.0f}分钟"


def _by_county(demand: Demand, cell: NDArray[np.int64], amount: NDArray[np.int64]) -> NDArray[np.int64]:
    sums = np.bincount(demand.county[cell], weights=amount, minlength=len(demand.county_code))
    return np.asarray(np.rint(sums), np.int64)


def point_names(
    lon: NDArray[np.float64], lat: NDArray[np.float64], gazetteer: Gazetteer | None
) -> NDArray[np.str_]:
    """Name points by the nearest place, or by their coordinates where there is no gazetteer."""
    if gazetteer is None:
        return np.array([f"{x:.4f},{y:.4f}" for x, y in zip(lon.tolist(), lat.tolist(), strict=True)])
    return label_points(gazetteer, lon, lat)
