"""World: everything that a result is made from; immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..coverage.standards import Reference, Rule, Standard
from ..geodata.boundaries import Units
from ..geodata.demand import Demand
from ..geodata.gazetteer import Gazetteer
from ..geodata.layers import Kind, Layer
from ..geodata.network import Network

if TYPE_CHECKING:
    import pandas as pd

    from ..geodata.townships import Townships
    from .areas import Area


@dataclass(frozen=True)
class World:
    """The state of today: places, residents, roads, sites and how far is near enough."""

    units: Units
    demand: Demand
    network: Network
    gazetteer: Gazetteer
    layers: Mapping[Kind, Layer]
    standards: Mapping[Kind, Standard]
    hashes: Mapping[str, str]
    """Hash of the content of each part, and the version of boai (key ``boai``)."""
    rules: tuple[Rule, ...] | None = None
    """Administrative requirements; None: those of the project."""
    references: tuple[Reference, ...] = ()
    """Figures to compare with, which enter no calculation."""
    townships: Townships | None = None
    """The office's own; None: approximate ones."""
    walk: Network | None = None
    """Ways for walking; None: distances on foot are straight lines x detour."""
    resources: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Sites of every other type in the registry, such as host venues of new sites, by its code.

    Columns id, name, lon, lat (NaN where unknown), county_code, county, city, level, host, status, year,
    capacity, example; sites of every status. A workspace's are read when they are first asked for.
    """
    flooded: tuple[Area, ...] = ()
    """Areas under water, where no new site may go."""

    def roads(self, standard: Standard) -> Network:
        """Return the network on which a standard is measured: that for walking, where there is one."""
        return self.walk if standard.mode == "walk" and self.walk is not None else self.network

    def follows_ways(self, standard: Standard) -> bool:
        """Tell whether distances on foot follow ways: not where there are none, or the limit is a radius."""
        return standard.mode == "walk" and self.walk is not None and standard.detour != 1
