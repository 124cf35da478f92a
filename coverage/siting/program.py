"""Cover programs: one form for every siting model with side constraints, and what solving one answers.

Sites are columns ``x_j`` in {0, 1}; classes of demand are rows that count their open sites; the cover of
a group of classes is a column ``t_g``; other quantities (flows, stocks, a worst share) are ``y_i``::

    max   x_value @ x + y_value @ y + t_value @ t
    s.t.  t_g <= sum of phi_r(sum_j a_rj x_j) over the classes r of group g
          side @ (x, y, t) <= limit
          x in {0, 1},  0 <= y <= y_upper,  t >= 0

``phi_r(s)`` is the sum of the first ``s`` of the class's steps, which never rise: one step is maximal
covering (Church and ReVelle 1974); more value second and third sites (Hogan and ReVelle 1986; Daskin 1983).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from .plan import Status
from .reduce import Floats, Mask, Positions

if TYPE_CHECKING:
    from .program_proof import ProgramProof

Terms = tuple[ArrayLike, ArrayLike]
"""Positions and the coefficient of each; a single coefficient holds for all."""


@dataclass(frozen=True)
class CoverProgram:
    """What is asked, as arrays; n sites, m quantities, k classes in G groups, q side constraints."""

    rows: csr_array
    """(k, n) 1 where a site counts for a class."""
    steps: Floats
    """(k, L) what the first, second, … open site of a class adds, >= 0, never rising along a row."""
    group: Positions
    """(k,) group of each class, 0..G-1."""
    x_value: Floats
    """(n,) value of opening each site (a cost is negative)."""
    y_value: Floats
    """(m,) value of one unit of each quantity."""
    t_value: Floats
    """(G,) value of one unit of cover of each group."""
    y_upper: Floats
    """(m,) largest value of each quantity, finite; the smallest is 0."""
    side: csr_array
    """(q, n + m + G) coefficients of x, y and t in each side constraint ``<= limit``."""
    limit: Floats
    """(q,)."""
    names: tuple[str, ...]
    """(q,) what each side constraint is, in Chinese; constraints of one name belong together."""
    hard: Mask
    """(q,) part of the model's logic: never given up, nor told, where an infeasible request is explained."""

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return len(self.x_value)

    @property
    def n_quantities(self) -> int:
        """Number of further quantities."""
        return len(self.y_value)

    @property
    def n_groups(self) -> int:
        """Number of groups of classes."""
        return len(self.t_value)


@dataclass
class ProgramBuilder:
    """Put a cover program together: sites first, then quantities, classes, and constraints in any order."""

    n_sites: int
    _blocks: list[tuple[csr_array, Floats, Positions]] = field(default_factory=list)
    _terms: list[tuple[str, float, bool, list[tuple[str, Positions, Floats]]]] = field(default_factory=list)
    _y_upper: list[Floats] = field(default_factory=list)
    _t: int = 0

    def add_quantities(self, upper: ArrayLike) -> Positions:
        """Add quantities in ``0..upper``: their positions."""
        fresh = np.atleast_1d(np.asarray(upper, np.float64))
        if not np.isfinite(fresh).all() or (fresh < 0).any():
            raise ValueError("the largest value of a quantity must be finite and >= 0")
        first = sum(map(len, self._y_upper))
        self._y_upper.append(fresh)
        return np.arange(first, first + len(fresh), dtype=np.int64)

    def add_classes(self, rows: csr_array, steps: ArrayLike, group: ArrayLike | None = None) -> Positions:
        """Add classes of demand and their groups: the positions of the groups.

        Parameters
        ----------
        rows
            (k, n) 1 where a site counts for a class.
        steps
            (k,) or (k, L) what each further open site of a class adds; never rising.
        group
            (k,) group of each class, counted from 0; without it all belong to one.
        """
        value = np.asarray(steps, np.float64)
        value = value[:, None] if value.ndim == 1 else value
        if value.shape[0] != rows.shape[0] or rows.shape[1] != self.n_sites:
            raise ValueError("rows, steps and sites do not fit together")
        if not np.isfinite(value).all() or (value < 0).any() or (np.diff(value, axis=1) > 0).any():
            raise ValueError("steps must be finite, >= 0 and never rise")
        member = np.zeros(rows.shape[0], np.int64) if group is None else np.asarray(group, np.int64)
        size = int(member.max(initial=0)) + 1
        rows = csr_array(rows, copy=True)
        rows.sum_duplicates()  # a site counts once
        self._blocks.append((rows, value, member + self._t))
        self._t += size
        return np.arange(self._t - size, self._t, dtype=np.int64)

    def require(
        self,
        name: str,
        limit: float,
        *,
        x: Terms | None = None,
        y: Terms | None = None,
        t: Terms | None = None,
        hard: bool = False,
    ) -> None:
        """Add one constraint: the sum of the terms is at most ``limit``; without a limit (inf) it is none.

        Raises
        ------
        ValueError
            The limit is no number, or -inf, or a coefficient is not finite.
        """
        if not limit > -np.inf:
            raise ValueError(f"the limit of {name} must be a number")
        if limit == np.inf:
            return
        terms = []
        for letter, given in (("x", x), ("y", y), ("t", t)):
            if given is not None:
                position = np.atleast_1d(np.asarray(given[0], np.int64))
                coefficient = np.broadcast_to(np.asarray(given[1], np.float64), position.shape)
                if not np.isfinite(coefficient).all():
                    raise ValueError(f"the coefficients of {name} must be finite")
                terms.append((letter, position, coefficient))
        self._terms.append((name, float(limit), hard, terms))

    def build(
        self, *, x: Terms | None = None, y: Terms | None = None, t: Terms | None = None
    ) -> CoverProgram:
        """Give the program with these terms as its objective, to be maximised."""
        upper = np.concatenate([np.empty(0), *self._y_upper])
        sizes = {"x": self.n_sites, "y": len(upper), "t": self._t}
        values = {}
        for letter, given in (("x", x), ("y", y), ("t", t)):
            values[letter] = np.zeros(sizes[letter])
            if given is not None:
                position = np.atleast_1d(np.asarray(given[0], np.int64))
                coefficient = np.broadcast_to(np.asarray(given[1], np.float64), position.shape)
                np.add.at(values[letter], position, coefficient)
                if not np.isfinite(values[letter]).all():
                    raise ValueError(f"the values of {letter} must be finite")
        rows, steps, group = self._classes()
        offset = {"x": 0, "y": sizes["x"], "t": sizes["x"] + sizes["y"]}
        parts: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = [
            (np.full(len(position), row), position + offset[letter], coefficient)
            for row, (_, _, _, terms) in enumerate(self._terms)
            for letter, position, coefficient in terms
        ]
        row, column, value = (
            np.concatenate([np.empty(0, kind), *(part[i] for part in parts)])
            for i, kind in enumerate((np.int64, np.int64, np.float64))
        )
        if any(
            (at < 0).any() or (at >= sizes[letter]).any()
            for *_, some in self._terms
            for letter, at, _ in some
        ):
            raise ValueError("a constraint names a site, quantity or group that does not exist")
        shape = (len(self._terms), sum(sizes.values()))
        return CoverProgram(
            rows=rows,
            steps=steps,
            group=group,
            x_value=values["x"],
            y_value=values["y"],
            t_value=values["t"],
            y_upper=upper,
            side=csr_array((value, (row, column)), shape=shape),
            limit=np.array([limit for _, limit, _, _ in self._terms], np.float64),
            names=tuple(name for name, _, _, _ in self._terms),
            hard=np.array([hard for _, _, hard, _ in self._terms], bool),
        )

    def _classes(self) -> tuple[csr_array, Floats, Positions]:
        """Stack the blocks of classes; short steps are filled up with 0."""
        most = max((steps.shape[1] for _, steps, _ in self._blocks), default=1)
        steps = [np.pad(steps, ((0, 0), (0, most - steps.shape[1]))) for _, steps, _ in self._blocks]
        count = sum(rows.shape[0] for rows, _, _ in self._blocks)
        data, indices, length = (
            np.concatenate([np.empty(0, kind), *(one(rows) for rows, _, _ in self._blocks)])
            for kind, one in (
                (np.float64, lambda rows: np.ones(rows.nnz)),
                (np.int64, lambda rows: rows.indices),
                (np.int64, lambda rows: np.diff(rows.indptr)),
            )
        )
        rows = csr_array((data, indices, np.r_[0, np.cumsum(length)]), shape=(count, self.n_sites))
        group = np.concatenate([np.empty(0, np.int64), *(group for _, _, group in self._blocks)])
        return rows, np.concatenate([np.empty((0, most)), *steps]), group


def open_sites(program: CoverProgram, sites: Sequence[int]) -> Mask:
    """Turn positions of sites into a mask (n,).

    Examples
    --------
    >>> open_sites(ProgramBuilder(3).build(), [2, 0]).tolist()
    [True, False, True]
    """
    opened = np.zeros(program.n_sites, bool)
    opened[np.asarray(sites, np.int64)] = True
    return opened


def cover_of(program: CoverProgram, opened: Mask) -> Floats:
    """Give the cover of each group with some sites open (G,), from the arrays of the program.

    Examples
    --------
    >>> builder = ProgramBuilder(2)
    >>> t = builder.add_classes(csr_array(np.array([[1, 1], [0, 1]])), [[3.0, 1.0], [2.0, 0.0]], [0, 1])
    >>> cover_of(builder.build(), np.array([True, True])).tolist()
    [4.0, 2.0]
    """
    count = (program.rows @ opened.astype(np.float64)).astype(np.int64)
    height = np.hstack([np.zeros((len(program.steps), 1)), np.cumsum(program.steps, axis=1)])
    reached = height[np.arange(len(count)), np.minimum(count, program.steps.shape[1])]
    return np.bincount(program.group, reached, minlength=program.n_groups).astype(np.float64)


@dataclass(frozen=True)
class Outcome:
    """What solving a cover program found."""

    status: Status
    """``optimal`` only where the bound proves it; ``infeasible`` only where that is proven."""
    opened: Mask
    """(n,) sites; nothing open where no plan was found."""
    y: Floats
    """(m,) quantities."""
    cover: Floats
    """(G,) cover that the plan counts, at most `cover_of`."""
    objective: float
    """-inf where no plan was found."""
    bound: float
    """No plan is worth more; inf where nothing is proven."""
    gap: float
    """(bound - objective) as a share of the larger of both in size; 1 where no plan was found."""
    counts: dict[str, int]
    """What the reductions removed, and the nodes of the search."""
    seconds: float
    """Wall time."""
    proof: ProgramProof | None = None
    """What proves the bound; `program_proof.check_program` follows it."""
