"""Measures: how many residents are covered, by unit; second cover, density and administrative requirements.

Residents on foot are fractions of cells. They are rounded once, at the level of counties; cities and the
province are sums of counties, so tables add up exactly. Shares are made from the unrounded figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.demand import Demand
from ..geodata.layers import Kind, Layer
from ..geodata.network import Network
from . import meet, reach
from .people import GROUPS, Group, people
from .quantiles import ascending, by_zone
from .standards import Rule, Standard, load_rules
from .zones import Zones, exact_over, joined, share_of, sum_counties, sum_over, whole_over, zones_of

if TYPE_CHECKING:
    from ..geodata.gazetteer import Gazetteer
    from ..geodata.townships import Townships

LEVELS = ("省", "市", "县")
"""Levels that tables have by default, in the order of their rows; all are `zones.LEVELS`."""


@dataclass(frozen=True)
class Cover:
    """How the sites of a layer cover n cells under a standard."""

    standard: Standard
    share: NDArray[np.float64]
    """(n, limits) share of the cell's residents within each limit, inclusive (drive: 0 or 1)."""
    nearest: NDArray[np.int32]
    """(n,) row of the nearest site, the lowest of equally near ones; -1 where there is none."""
    cost: NDArray[np.float32]
    """(n,) seconds or metres to the nearest site, inf where there is none."""

    @property
    def main_share(self) -> NDArray[np.float64]:
        """(n,) share within the main limit."""
        return self.share[:, self.standard.main_index]


def cover_layer(demand: Demand, network: Network, layer: Layer, standard: Standard) -> Cover:
    """Measure how the sites of a layer cover the residents; see `reach` for the rules.

    An empty layer covers nobody.
    """
    lon, lat = meet.sites(layer)
    if standard.mode == "walk":
        return Cover(standard, *reach.walk_reach(demand, lon, lat, standard, network))
    return Cover(standard, *reach.drive_reach(demand, network, lon, lat, standard))


def second_cover(demand: Demand, network: Network, layer: Layer, standard: Standard) -> Cover:
    """Measure the cover by the second nearest site: what is left when any one site fails (drive only).

    Raises
    ------
    ValueError
        The standard is one of walking.
    """
    if standard.mode == "walk":
        raise ValueError("the second cover is defined for driving")
    return Cover(standard, *reach.second_drive_reach(demand, network, *meet.sites(layer), standard))


def by_unit(
    demand: Demand,
    cover: Cover,
    *,
    levels: Sequence[str] = LEVELS,
    group: Group = "all",
    gazetteer: Gazetteer | None = None,
    townships: Townships | None = None,
) -> pd.DataFrame:
    """Count residents within each limit by province, city and county, or other levels.

    Parameters
    ----------
    levels
        Of `zones.LEVELS`; 乡镇 needs ``townships`` or ``gazetteer``, see `zones.zones_of`.
    group
        Whose residents, see `people.GROUPS`.

    Returns
    -------
    pd.DataFrame
        One row per unit and limit: level, code, name, city, limit (seconds or metres), limit_text, residents,
        served (whole; all levels add up; never falls from a limit to the next), share (of the unrounded
        figures; NaN for a unit without residents). With 乡镇 or 网格 also county.
    """
    own = people(demand, group)
    served = np.asfortranarray(own[:, None] * cover.share)  # summed column by column
    tables = []
    for level in levels:
        zones = zones_of(demand, level, gazetteer=gazetteer, townships=townships)
        exact, total = exact_over(demand, zones, served), sum_over(zones, own)
        whole = whole_over(demand, zones, served)
        n, limits = len(zones), cover.standard.limits
        table = zones.repeated(len(limits)).assign(limit=np.tile(limits, n))
        table["limit_text"] = [cover.standard.limit_text(limit) for limit in limits] * n
        table["residents"] = np.repeat(np.rint(total).astype(np.int64), len(limits))
        tables.append(table.assign(served=whole.ravel(), share=share_of(exact, total[:, None]).ravel()))
    return joined(tables)


def percentile(demand: Demand, cover: Cover, *, quantile: float = 0.9) -> float:
    """Find the least cost within which a share of the residents is: "90 % are within X minutes".

    Returns
    -------
    float
        Seconds (drive) or metres from the centre of the cell (walk); inf where too few reach any site, NaN
        where there are no residents. With 1, 1 and 2 residents at 60, 120 and 180 s, the half is at 120 s.
    """
    everywhere = np.zeros(len(demand.cell), np.int32)
    return float(by_zone(everywhere, 1, cover.cost, demand.residents, (quantile,))[0][0])


def by_group(
    demand: Demand,
    cover: Cover,
    zones: Zones,
    *,
    groups: Sequence[Group] = tuple(GROUPS),
    quantile: float = 0.9,
) -> pd.DataFrame:
    """Count each group of residents within the main limit, as a demand of its own.

    Returns
    -------
    pd.DataFrame
        One row per zone and group: level, code, name, city, group, group_text, residents, served (whole; all
        levels add up; groups are rounded each by itself, so on foot urban and rural may miss the whole by
        one), share (NaN for a zone without such residents), p90 (seconds or metres within which the share
        ``quantile`` of them are, inf where too few reach), p90_text (rounded up).
    """
    tables, order = [], ascending(zones.member, cover.cost)
    for group in groups:
        own = people(demand, group)
        exact, total = exact_over(demand, zones, own * cover.main_share), exact_over(demand, zones, own)
        table = zones.units.assign(group=group, group_text=GROUPS[group])
        table["residents"] = np.rint(total).astype(np.int64)
        upto = cover.share[:, : cover.standard.main_index + 1]  # rounded from limit to limit, as in `by_unit`
        table["served"] = whole_over(demand, zones, own[:, None] * upto)[:, -1]
        p90 = by_zone(zones.member, len(zones), cover.cost, own, (quantile,), order=order)[0]
        table = table.assign(share=share_of(exact, total), p90=p90)
        table["p90_text"] = ["" if np.isnan(x) else cover.standard.cost_text_up(x) for x in p90.tolist()]
        tables.append(table)
    order = np.arange(len(zones) * len(tables)).reshape(len(tables), -1).T.ravel()
    return pd.concat(tables, ignore_index=True).iloc[order].reset_index(drop=True)


def density(demand: Demand, layer: Layer, *, group: Group = "all") -> pd.DataFrame:
    """Count sites per 10 000 residents, of all or of a group, by province, city and county.

    Returns
    -------
    pd.DataFrame
        level, code, name, city, residents, sites, per_10k (NaN for a unit without residents). Sites count in
        the county of their ``county_code``; those of another province in none.
    """
    own, lives, tables = sites_by_county(demand, layer.table), people(demand, group), []
    for level in LEVELS:
        zones = zones_of(demand, level)
        sites, residents = sum_counties(demand, zones, own), sum_over(zones, lives)
        table = zones.units.assign(
            residents=np.rint(residents).astype(np.int64), sites=sites.astype(np.int64)
        )
        tables.append(table.assign(per_10k=share_of(sites * 10_000.0, residents)))
    return joined(tables)


def admin_failures(
    demand: Demand, layers: Mapping[Kind, Layer], rules: Sequence[Rule] | None = None
) -> pd.DataFrame:
    """List the units that fail an administrative requirement, such as a team in every county.

    Parameters
    ----------
    layers
        A kind that is missing counts as a layer without sites.
    rules
        By default those of ``tables/standards.yaml``.

    Returns
    -------
    pd.DataFrame
        rule (text in Chinese), kind, level (市 or 县), code, name, city, sites (found), minimum; one row per
        failing unit, in the order of the rules, then of the codes.
    """
    tables = []
    for rule in load_rules() if rules is None else rules:
        zones = zones_of(demand, rule.unit)
        sites = sum_counties(demand, zones, sites_by_county(demand, _sites_that_count(layers, rule)))
        failing = sites < rule.minimum
        table = zones.units[failing].assign(sites=sites[failing].astype(np.int64), minimum=rule.minimum)
        table.insert(0, "kind", rule.kind)
        table.insert(0, "rule", rule.text)
        tables.append(table)
    columns = ["rule", "kind", "level", "code", "name", "city", "sites", "minimum"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def admin_summary(
    demand: Demand, layers: Mapping[Kind, Layer], rules: Sequence[Rule] | None = None
) -> pd.DataFrame:
    """Sum up the administrative requirements, one row per rule; the parameters are `admin_failures`'.

    Returns
    -------
    pd.DataFrame
        rule (text in Chinese), kind, level, minimum, units (of that level), failing (how many of them fail),
        met (whether none does), names (of those that fail, 丙县、丁县; "" for none).
    """
    rows = []
    for rule in load_rules() if rules is None else rules:
        failing = admin_failures(demand, layers, (rule,))
        rows.append(
            {
                "rule": rule.text,
                "kind": rule.kind,
                "level": rule.unit,
                "minimum": rule.minimum,
                "units": len(zones_of(demand, rule.unit)),
                "failing": len(failing),
                "met": not len(failing),
                "names": "、".join(failing["name"]),
            }
        )
    columns = ["rule", "kind", "level", "minimum", "units", "failing", "met", "names"]
    return pd.DataFrame(rows, columns=columns)


def sites_by_county(demand: Demand, sites: pd.DataFrame) -> NDArray[np.float64]:
    """Count the sites of each county by their ``county_code``: (counties,)."""
    codes = np.asarray(demand.county_code).astype(str)
    return np.array(sites["county_code"].astype(str).value_counts().reindex(codes, fill_value=0), np.float64)


def _sites_that_count(layers: Mapping[Kind, Layer], rule: Rule) -> pd.DataFrame:
    """Return the sites that a rule counts."""
    layer = layers.get(rule.kind)
    if layer is None:
        return pd.DataFrame({"county_code": []}, dtype=str)
    return layer.table[layer.table["level"].isin(rule.site_levels)] if rule.site_levels else layer.table
