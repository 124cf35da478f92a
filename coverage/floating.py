"""Floating catchments: how much of the supply a resident can count on, when others share the same sites.

One formula, four weights. A site j shares its supply S_j among the residents P_i who can reach it, each
counted with the weight w_ij of the way; a resident adds up the shares of all sites in reach:

    R_j = S_j / sum_i P_i w_ij        A_i = sum_j R_j w_ij        sum_i P_i A_i = sum_j S_j of the sites used

- 2SFCA: w = 1 within the catchment (Luo & Wang 2003, Environment and Planning B 30(6) 865-884).
- E2SFCA: w falls by bands of the catchment (Luo & Qi 2009, Health & Place 15(4) 1100-1107).
- gravity: w falls with the cost (Hansen 1959, Journal of the American Institute of Planners 25(2) 73-76;
  shared among the demand: Joseph & Bantock 1982, Social Science & Medicine 16(1) 85-90); with the Gaussian
  of Dai 2010, Health & Place 16(5) 1038-1052, it is the Gaussian 2SFCA.
- 3SFCA: w_ij G_ij with the choice G_ij = w_ij / sum_k w_ik among the sites in the catchment (Wan, Zou &
  Sternberg 2012, International Journal of Geographical Information Science 26(6) 1073-1089).

Equal to PySAL ``access`` 1.1.10 up to 1e-13 (tests/test_floating_pysal.py) but for three rules of its own:
what reaches no site is NaN there and 0 here; a site in whose reach nobody lives gives infinity there, while
here its supply is unused; its 3SFCA shares the choice also among sites beyond the limit, where nobody goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from .decay import LUO_QI, WAN, Decay, Steps, bands, gaussian, weights_of
from .inequality import percent_text
from .matrix import Matrix
from .zones import Zones, share_of, sum_over

Method = Literal["2sfca", "e2sfca", "gravity", "3sfca"]

METHODS: dict[Method, str] = {
    "2sfca": "两步移动搜寻法 2SFCA",
    "e2sfca": "增强两步移动搜寻法 E2SFCA",
    "gravity": "高斯衰减引力模型",
    "3sfca": "三步移动搜寻法 3SFCA",
}
"""Chinese names of the methods, with the defaults of each function."""

_LEAST_ASKED = 1e-200
"""Weighted residents below which a site counts as reached by nobody: a smaller divisor would overflow."""


@dataclass(frozen=True)
class Accessibility:
    """What the residents of each row of a matrix can count on."""

    matrix: Matrix
    method: str
    """In Chinese."""
    score: NDArray[np.float64]
    """(rows,) supply per resident; of a row without residents, what one who moved there could count on."""
    supply: NDArray[np.float64]
    """(s,) what each site offers."""
    used: NDArray[np.float64]
    """(s,) of it shared among residents: all of it, or nothing where nobody in reach lives."""

    @property
    def unused(self) -> NDArray[np.float64]:
        """(s,) supply of the sites in whose reach nobody lives."""
        return self.supply - self.used

    @property
    def note(self) -> str:
        """What a reader must know about unused supply, in Chinese; empty where all is used."""
        if not len(self.supply):
            return "没有站点, 可得性全部为0"
        idle = int(np.count_nonzero(self.unused > 0))
        if not idle:
            return "" if self.supply.any() else "所有站点的供给都为0, 可得性全部为0"
        lost = self.unused.sum()
        share = f"{lost:g}(占全部的{percent_text(lost / self.supply.sum())})"
        return f"{idle}处站点的范围内没有居民, 其供给{share}无人使用, 未计入可得性"


def two_step(
    matrix: Matrix, supply: ArrayLike, demand: ArrayLike, *, limit: float | None = None
) -> Accessibility:
    """Share supply by the two-step floating catchment area method (2SFCA; Luo & Wang 2003).

    Parameters
    ----------
    matrix
        Pairs within at least ``limit``.
    supply
        (s,) what each site offers, such as persons whom its stock serves, or 1 per AED; 0 where it is closed.
    demand
        (rows,) residents of each row: ``matrix.weight(people(demand, group))``.
    limit
        Seconds or metres, inclusive; by default all pairs of the matrix.

    Raises
    ------
    ValueError
        Supply or demand of a wrong length, negative or not finite; a limit beyond that of the matrix.

    Examples
    --------
    Two villages of 30 and 10 residents share site 0 of 8 beds; the second also reaches site 1 of 3:

    >>> from boai.coverage.standards import load_standards
    >>> pairs = Matrix(
    ...     standard=load_standards()["warehouse"], limit=3600, n_sites=2,
    ...     indptr=np.array([0, 1, 3]), site=np.array([0, 0, 1], np.int32),
    ...     cost=np.array([60_000, 60_000, 360_000], np.int32),
    ...     cell=np.array([0, 1], np.int32), part=np.ones(2),
    ... )
    >>> two_step(pairs, [8, 3], [30, 10]).score.tolist()
    [0.2, 0.5]
    """
    if limit is not None and not 0 < limit <= matrix.limit:
        raise ValueError(f"limit {limit}: the matrix holds the pairs within {matrix.limit}")
    weight = np.ones(len(matrix.cost)) if limit is None else weights_of(matrix.cost, ((limit, 1.0),))
    return _share_out(matrix, supply, demand, weight, METHODS["2sfca"])


def enhanced_two_step(
    matrix: Matrix, supply: ArrayLike, demand: ArrayLike, *, steps: Steps | None = None
) -> Accessibility:
    """Share supply by the enhanced method, with weights by bands (E2SFCA; Luo & Qi 2009).

    Parameters
    ----------
    steps
        By default ``LUO_QI``: 1, 0.68 and 0.22 in the first, second and last third of the matrix's limit. A
        pair on the border of two bands belongs to the nearer one.

    Raises
    ------
    ValueError
        As `two_step`; limits do not ascend, or a weight is negative or not finite.
    """
    weight = weights_of(matrix.cost, _fitting(matrix, LUO_QI, steps))
    return _share_out(matrix, supply, demand, weight, METHODS["e2sfca"])


def gravity(
    matrix: Matrix, supply: ArrayLike, demand: ArrayLike, *, decay: Decay | None = None
) -> Accessibility:
    """Share supply by a gravity model: the weight falls with the cost (Joseph & Bantock 1982).

    Parameters
    ----------
    decay
        By default `gaussian` over the matrix's limit (Dai 2010), which has no parameter to calibrate; the
        exponent of a `power` is not known for Jiangxi.

    Raises
    ------
    ValueError
        As `two_step`; a weight is negative or not finite.
    """
    weight = weights_of(matrix.cost, gaussian(matrix.limit) if decay is None else decay)
    name = METHODS["gravity"] if decay is None else "引力模型"
    return _share_out(matrix, supply, demand, weight, name)


def three_step(
    matrix: Matrix,
    supply: ArrayLike,
    demand: ArrayLike,
    *,
    steps: Steps | None = None,
    decay: Decay | None = None,
) -> Accessibility:
    """Share supply after a choice among the sites in reach (3SFCA; Wan, Zou & Sternberg 2012).

    The first step gives each site the share of a resident's weights that it has, so that a resident who
    could go to many sites counts less at each.

    Parameters
    ----------
    steps, decay
        The weights, by bands or by cost; by default the bands ``WAN`` of the matrix's limit.

    Raises
    ------
    ValueError
        As `enhanced_two_step`; both steps and decay are given.
    """
    if steps is not None and decay is not None:
        raise ValueError("steps and decay exclude each other")
    weight = weights_of(matrix.cost, decay or _fitting(matrix, WAN, steps))
    total = _table(matrix, weight) @ np.ones(matrix.n_sites)
    weight *= weight
    weight *= np.repeat(_ratio(np.ones(len(total)), total), np.diff(matrix.indptr))
    return _share_out(matrix, supply, demand, weight, METHODS["3sfca"])


def accessibility(matrix: Matrix, supply: ArrayLike, demand: ArrayLike, method: Method) -> Accessibility:
    """Share supply by a method of ``METHODS`` with its defaults."""
    ways: dict[Method, Callable[[Matrix, ArrayLike, ArrayLike], Accessibility]] = {
        "2sfca": two_step,
        "e2sfca": enhanced_two_step,
        "gravity": gravity,
        "3sfca": three_step,
    }
    return ways[method](matrix, supply, demand)


def potential(matrix: Matrix, supply: ArrayLike, *, decay: Decay) -> NDArray[np.float64]:
    """Sum the weighted supply in reach of each row, shared with nobody (Hansen 1959): (rows,).

    Raises
    ------
    ValueError
        As `gravity`.
    """
    offered = _amounts("supply", supply, matrix.n_sites)
    found: NDArray[np.float64] = _table(matrix, weights_of(matrix.cost, decay)) @ offered
    return found


def access_by_cell(access: Accessibility, n: int) -> NDArray[np.float64]:
    """Average the scores of the rows over each of n cells: (n,) supply per resident.

    Walk: the mean of all sub-cells, those that no site reaches with 0.
    """
    matrix = access.matrix
    return np.bincount(matrix.cell, weights=access.score * matrix.part, minlength=n).astype(np.float64)


def by_zone(
    access: Accessibility, zones: Zones, people: NDArray[np.integer[Any]], *, unit: str = ""
) -> pd.DataFrame:
    """Average access over the residents of each zone.

    Parameters
    ----------
    people
        (n,) residents of each cell, of the group that is looked at.
    unit
        Of the supply, for the text: 台 (AED), 处, 人份.

    Returns
    -------
    pd.DataFrame
        One row per zone, in their order: level, code, name, city (and county below counties), residents,
        per_10k (supply per 10 000 residents), ratio (to the mean of all zones: the spatial access ratio, less
        dependent on the decay; Wan, Zhan, Zou & Chow 2012, Applied Geography 32(2) 291-299), without_share
        (share of the residents who can count on nothing), text (Chinese; "" for cells). NaN for a zone
        without residents.
    """
    weight, n = np.asarray(people, np.float64), len(people)
    score = access_by_cell(access, n)
    reached = np.bincount(access.matrix.cell, weights=access.matrix.part * (access.score > 0), minlength=n)
    residents = sum_over(zones, weight)
    mean = share_of(sum_over(zones, weight * score), residents)
    whole = share_of(np.array([weight @ score]), np.array([weight.sum()]))
    table = zones.units.assign(
        residents=np.rint(residents).astype(np.int64),
        per_10k=mean * 10_000,
        ratio=share_of(mean, np.full(len(mean), whole[0])),
        without_share=share_of(
            sum_over(zones, weight * np.where(reached < 1 - 1e-9, 1 - reached, 0)), residents
        ),
    )
    if zones.level == "网格":
        return table.assign(text="")
    told = table[["per_10k", "ratio", "without_share"]].to_numpy(float).tolist()
    return table.assign(text=[_zone_text(each, ratio, without, unit) for each, ratio, without in told])


def _zone_text(per_10k: float, ratio: float, without: float, unit: str) -> str:
    if np.isnan(per_10k):
        return "没有居民"
    if per_10k == 0:
        return "范围内没有可用的供给"
    rest = f"; {percent_text(without)}的居民够不着" if without > 0 else ""
    return f"每万居民可得{per_10k:.3g}{unit}, 为总平均的{ratio:.2f}倍{rest}"


def _share_out(
    matrix: Matrix, supply: ArrayLike, demand: ArrayLike, weight: NDArray[np.float64], method: str
) -> Accessibility:
    offered, wanted = _amounts("supply", supply, matrix.n_sites), _amounts("demand", demand, matrix.n_rows)
    table = _table(matrix, weight)
    asked = table.T @ wanted
    used = np.where(asked >= _LEAST_ASKED, offered, 0.0)
    return Accessibility(matrix, method, table @ _ratio(used, asked), offered, used)


def _table(matrix: Matrix, weight: NDArray[np.float64]) -> Any:
    """Lay the weights as a sparse (rows, s) matrix, sharing the arrays of the pairs."""
    small = len(weight) <= np.iinfo(np.int32).max  # then all indices are of one type, and nothing is copied
    indptr = matrix.indptr.astype(np.int32 if small else np.int64)
    return csr_array((weight, matrix.site, indptr), shape=(matrix.n_rows, matrix.n_sites), copy=False)


def _fitting(matrix: Matrix, shares: Steps, steps: Steps | None) -> Steps:
    """Take the bands that are asked for, by default shares of the matrix's limit; none may lie beyond it."""
    steps = bands(shares, matrix.limit) if steps is None else steps
    if steps and steps[-1][0] > matrix.limit + 1e-6:
        raise ValueError(f"limit {steps[-1][0]}: the matrix holds the pairs within {matrix.limit}")
    return steps


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide, 0 where nothing is asked."""
    out = np.zeros(len(part))
    np.divide(part, whole, out=out, where=whole >= _LEAST_ASKED)
    return out


def _amounts(name: str, amount: ArrayLike, n: int) -> NDArray[np.float64]:
    found = np.asarray(amount, np.float64)
    if found.shape != (n,) or not np.all((found >= 0) & (found < np.inf)):
        raise ValueError(f"{name}: expected {n} finite amounts of at least 0")
    return found
