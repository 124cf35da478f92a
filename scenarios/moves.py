"""Moves: by how much demand, speeds, limits and numbers are moved to see which sites stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..geodata.demand import Demand
from .placing import Ask


@dataclass(frozen=True, eq=False)
class Move:
    """One change of what a plan rests on; several at once are a joint move."""

    title: str
    """In Chinese, such as 南昌市居民 +10 %."""
    group: str
    """居民, 车速, 上限, 数量, 随机 or 联合."""
    demand: NDArray[np.float64] | None = field(default=None, repr=False)
    """(cells,) factor of the residents of each cell; None: as they are."""
    speed: float = 1.0
    """Factor of all speeds: times are divided by it."""
    limit: float = 1.0
    """Factor of the limit."""
    number: int = 0
    """New sites more, or fewer."""

    @property
    def reach(self) -> float:
        """A way counts where it takes at most so many times the limit today."""
        return self.limit * self.speed


def standard_moves(
    demand: Demand,
    ask: Ask,
    *,
    people: float = 10.0,
    speeds: Sequence[float] = (10.0, 20.0),
    limits: Sequence[float] = (10.0, 30.0),
    runs: int = 8,
    seed: int = 1,
    by: str = "city",
    walking: bool = False,
) -> tuple[Move, ...]:
    """List moves one at a time, random ones and joint ones.

    One at a time: the residents of each unit, all speeds, the limit, each by so many percent up and down,
    and the number of new sites by 1 and by 10 and 20 %. (Residents of all units by the same percent change
    no plan and are left out.) Random: in every run each county's residents are multiplied by a number drawn
    evenly from 1 - p to 1 + p. Joint: speeds and limit each up and down by their first percent, all four
    pairs, and in each the residents at random as well (a full factorial design with noise). On foot there
    are no speeds.

    Parameters
    ----------
    people
        Percent of the residents; 0: not moved.
    speeds, limits
        Percent; empty: not moved.
    runs
        Random draws.
    seed
        Of the random numbers.
    by
        city or county.
    walking
        The layer is measured on foot.

    Examples
    --------
    >>> [move.title for move in _factors("车速", (10.0,))]
    ['车速 -10 %', '车速 +10 %']
    """
    random = np.random.default_rng(seed)
    names = np.asarray(demand.city_name if by == "city" else demand.county_name).astype(str)
    unit = names[np.asarray(demand.county)]
    moves = []
    for name in dict.fromkeys(names.tolist()) if people else ():
        for percent in (-people, people):
            factor = np.where(unit == name, 1.0 + percent / 100.0, 1.0)
            moves.append(Move(f"{name}居民 {percent:+g} %", "居民", factor))
    moves += [] if walking else _factors("车速", speeds)
    moves += _factors("上限", limits)
    moves += [Move(f"新设数量 {step:+d} 处", "数量", number=step) for step in _steps(ask.number or 0)]

    def draw() -> NDArray[np.float64]:
        share = people / 100.0
        return random.uniform(1.0 - share, 1.0 + share, len(demand.county_code))[np.asarray(demand.county)]

    each = f"各县居民随机 ±{people:g} %"
    moves += [Move(f"{each}, 第 {run + 1} 次", "随机", draw()) for run in range(runs if people else 0)]
    pairs = [
        (first, second) for first in (() if walking else _both(speeds)) or (0.0,) for second in _both(limits)
    ]
    for speed, limit in pairs if walking or speeds else ():
        told = [f"车速 {speed:+g} %"] if speed else []
        told += [f"上限 {limit:+g} %", *([each] if people else [])]
        moves.append(
            Move(
                "、".join(told),
                "联合",
                draw() if people else None,
                1.0 + speed / 100.0,
                1.0 + limit / 100.0,
            )
        )
    return tuple(moves)


def _both(percents: Sequence[float]) -> tuple[float, ...]:
    """Give the first percent down and up."""
    return (-percents[0], percents[0]) if percents else ()


def _factors(what: str, percents: Sequence[float]) -> list[Move]:
    """Move speeds or the limit down and up."""
    return [
        Move(f"{what} {percent:+g} %", what, speed=1.0 + percent / 100.0)
        if what == "车速"
        else Move(f"{what} {percent:+g} %", what, limit=1.0 + percent / 100.0)
        for size in percents
        for percent in (-size, size)
    ]


def _steps(number: int) -> list[int]:
    """List by how many the number of sites is moved: 1, and 10 and 20 % of it, down and up."""
    sizes = sorted({1, round(0.1 * number), round(0.2 * number)} - {0})
    return [sign * size for size in sizes for sign in (-1, 1) if number + sign * size > 0]
