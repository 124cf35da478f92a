"""Units that a scenario names: the whole province, a city, a county."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geodata.errors import InputError, Problem
from ..geodata.gazetteer import find
from ..geodata.names import CITY, COUNTY, PROVINCE
from .world import World

ALL = ("全省", "全部", "省")
_FIX = "应是全省、设区市或县区, 例如 南昌市、修水县"


class Unit(NamedTuple):
    """A unit and the counties in it."""

    name: str
    county: NDArray[np.int64]
    """Positions of its counties in the demand, ascending."""
    city: str
    """Name of the city, of which it is all or a part; empty for the province."""


def unit_of(world: World, text: str, where: str) -> Unit:
    """Find the unit of a name, as people write it.

    Raises
    ------
    InputError
        It is unknown (with the names that come near), ambiguous, or smaller than a county.
    """
    demand = world.demand
    if text.strip() in ALL:
        return Unit("全省", np.arange(len(demand.county_code)), "")
    try:
        place = find(world.gazetteer, text)
    except InputError as error:
        raise InputError(
            [Problem(where, one.what, text[:40], one.fix or _FIX) for one in error.problems]
        ) from None
    if place.level == PROVINCE:
        return Unit("全省", np.arange(len(demand.county_code)), "")
    if place.level == CITY:
        own = np.flatnonzero(np.asarray(demand.city_name).astype(str) == place.name)
        return Unit(place.name, own, place.name)
    if place.level != COUNTY:
        raise InputError(Problem(where, "不是全省、设区市或县区", place.full_name, _FIX))
    code = str(np.asarray(world.gazetteer.county_code)[place.county])
    own = np.flatnonzero(np.asarray(demand.county_code).astype(str) == code)
    return Unit(place.name, own, str(np.asarray(demand.city_name)[own[0]]) if len(own) else "")
