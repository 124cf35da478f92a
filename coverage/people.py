"""Groups of residents that are counted as a demand of their own."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..geodata.demand import Demand

Group = Literal["all", "urban", "rural", "age_60", "age_65"]

GROUPS: dict[Group, str] = {
    "all": "全部居民",
    "urban": "城镇",
    "rural": "乡村",
    "age_60": "60岁以上",
    "age_65": "65岁以上",
}
"""Chinese names of the groups, in the order in which they are listed."""


def people(demand: Demand, group: Group = "all") -> NDArray[np.int64]:
    """Return the (n,) residents of a group in each cell; rural residents are those who are not urban."""
    if group == "all":
        return demand.residents
    if group == "rural":
        return demand.residents - demand.urban
    return {"urban": demand.urban, "age_60": demand.age_60, "age_65": demand.age_65}[group]
