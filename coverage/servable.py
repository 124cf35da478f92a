"""How many persons one site can serve, from what it states; the standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .standards import Standard

STATED, STOCK, BY_LEVEL, UNKNOWN = ORIGINS = ("站点填报", "库存", "级别估计", "未填")
"""Where the persons of a site come from, the best known first."""

NOISE = 1e-9
"""Added before a sum of fractions is cut to whole persons."""


def persons_of(
    capacity: float | None, stock: Mapping[str, int], level: str, standard: Standard
) -> tuple[int | None, str]:
    """Find how many persons a site can serve, and where that comes from; the rules of `supply.supply_of`.

    The stated capacity goes first, then the stock by ``standard.persons_per_item``, then the estimate for the
    level. A capacity or amount that cannot be (negative, no finite number) counts as not stated.

    Returns
    -------
    tuple
        Whole persons, None where nothing is stated (未填); one of ``ORIGINS``.

    Examples
    --------
    >>> from boai.coverage.standards import load_standards
    >>> store = load_standards()["warehouse"]
    >>> persons_of(None, {"家庭包": 30, "棉被": 500}, "县级", store), persons_of(800.0, {}, "县级", store)
    ((120, '库存'), (800, '站点填报'))
    >>> persons_of(None, {"棉被": 500}, "县级", store), persons_of(None, {}, "乡镇级", store)
    ((5000, '级别估计'), (None, '未填'))
    """
    if capacity is not None and isfinite(capacity) and capacity >= 0:
        return floor(capacity + NOISE), STATED
    known = [(stock[item], each) for item, each in standard.persons_per_item if stock.get(item, -1) >= 0]
    if known:
        return floor(sum(n * each for n, each in known) + NOISE), STOCK
    estimate = level_persons(standard, level)
    return (estimate, BY_LEVEL) if estimate is not None else (None, UNKNOWN)


def level_persons(standard: Standard, level: str) -> int | None:
    """Look up the estimate for a level; 县 and 县级 are the same."""
    persons = {name.removesuffix("级"): each for name, each in standard.capacity_by_level}
    return persons.get(level.removesuffix("级"))
