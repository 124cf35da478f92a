"""Rosters: what of a layer's sites is the same for every question, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...coverage.kept import Kept
from ...coverage.live import Live
from .cards import has_nothing

UNSTATED = "未填"
"""Speciality under which teams that state none are found."""


@dataclass(frozen=True)
class Roster:
    """What is often asked of s sites."""

    sites: Sequence[Mapping[str, Any]]
    row: Mapping[str, int]
    """Row by id."""
    bare: frozenset[int]
    """Rows whose stock list holds nothing at all."""
    level: NDArray[np.str_]
    """(s,) level."""
    speciality: NDArray[np.str_]
    """(s,) speciality, ``UNSTATED`` where there is none."""

    def of_other(self, speciality: str) -> frozenset[int]:
        """Return the rows of another speciality; none where none is asked for."""
        return (
            frozenset(np.flatnonzero(self.speciality != speciality).tolist()) if speciality else frozenset()
        )

    @property
    def specialities(self) -> list[dict[str, Any]]:
        """Count the sites of each speciality, most first; those that state none last."""
        names, counts = (each.tolist() for each in np.unique(self.speciality, return_counts=True))
        order = sorted(zip(names, counts, strict=True), key=lambda one: (one[0] == UNSTATED, -one[1], one[0]))
        return [{"name": name, "count": count} for name, count in order]


_ROSTERS = Kept[Roster](most=8)


def roster_of(live: Live) -> Roster:
    """Read the sites of a layer; what was read is kept as long as they are."""
    return _ROSTERS.get((live,), None, lambda: read_roster(live.sites))


def read_roster(sites: Sequence[Mapping[str, Any]]) -> Roster:
    """Read sites."""
    level = [str(site.get("level") or "") for site in sites]
    speciality = [str(site.get("speciality") or "").strip() or UNSTATED for site in sites]
    return Roster(
        sites,
        {str(site["id"]): row for row, site in enumerate(sites)},
        frozenset(row for row, site in enumerate(sites) if has_nothing(site)),
        np.array(level, str),
        np.array(speciality, str),
    )
