"""The proofs of plans that are about distances; the ``certify_…`` functions follow them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .certificate import Certificate
from .reduce import Floats, Mask, Positions

Whole = NDArray[np.int64]
Levels = NDArray[np.floating[Any]]


def _none() -> Whole:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Step:
    """One step of a p-median's proof, for the plans with the sites opened and closed on the way to it."""

    level: Levels
    """(k,) a level for each row of ``MedianProof.rows``."""
    price: Floats
    """(q,) a price for each rule."""
    column: int = -1
    """Candidate that the next two steps close and open; -1 where the search went on without splitting."""
    following: tuple[int, ...] = ()
    """Steps that follow: none, one, or two (closed, opened)."""


@dataclass(frozen=True)
class PartialProof:
    """A budget that is too small for a share of the residents, and the proof: a maximal covering's."""

    budget: float
    sites: tuple[int, ...]
    """The best plan for the budget, on which the certificate rests."""
    certificate: Certificate


@dataclass
class MedianProof:
    """What is needed to prove, without any search, that no plan costs less than ``least``.

    It takes 4 bytes per row and node of the search, where single precision proves as much, else 8.
    """

    rows: Positions = field(default_factory=_none)
    """(k,) rows of demand that stand for all; equal ones are counted at the first."""
    weight: Floats = field(default_factory=lambda: np.empty(0))
    """(k,) weight of each."""
    steps: list[Step] = field(default_factory=list)
    least: float = 0.0


@dataclass(frozen=True)
class Branch:
    """One step of a proof in whole numbers, for the plans with some sites opened and others closed."""

    price: Whole
    """(rows,) what each row pays to whoever reaches it, or each clique to its site, >= 0."""
    column: int = -1
    """Candidate that the next two steps open and close; -1 where the prices end the case."""
    following: tuple[int, ...] = ()
    """Numbers of the two steps: opened, closed."""
    toll: Whole = field(default_factory=_none)
    """(q,) price of each rule, >= 0; none where there are no rules."""


@dataclass
class Tree:
    """The proof that no ``p`` candidates reach all ``rows``."""

    rows: Positions
    """Rows of the demand."""
    steps: list[Branch] = field(default_factory=list)


@dataclass(frozen=True)
class CenterProof:
    """Why no plan has a smaller radius."""

    radius: float
    """No ``p`` candidates reach all demand at costs below this."""
    tree: Tree | None
    """None where a single row of demand is that far from every candidate."""


@dataclass(frozen=True)
class DispersionProof:
    """Why no plan keeps its sites farther apart."""

    distance: float
    """No ``p`` candidates are all farther apart than this."""
    cliques: Mask
    """(cliques, n) candidates of which no two are farther apart."""
    steps: list[Branch]
    """Empty where the forced sites or the largest distance decide."""
