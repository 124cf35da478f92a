"""World: everything that a result is made from; immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..coverage.standards import Standard
from ..geodata.boundaries import Units
from ..geodata.demand import Demand
from ..geodata.gazetteer import Gazetteer
from ..geodata.layers import Kind, Layer
from ..geodata.network import Network


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
