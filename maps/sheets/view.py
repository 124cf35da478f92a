"""What one sheet shows of the results: its unit's residents, sites, gaps and changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...geodata.layers import KIND_NAMES, Kind
from ...scenarios import gains
from ...scenarios.differences import differences
from .. import style, words
from .ground import Ground, Place
from .job import THEMES, Job

if TYPE_CHECKING:
    from ...coverage.standards import Standard
    from ...scenarios.run import Result
    from ...scenarios.world import World

BELOW = {"省": "市", "市": "县", "县": "乡镇"}
"""The units into which a table divides the one of the sheet."""


@dataclass(frozen=True)
class View:
    """A job with what it refers to."""

    ground: Ground
    job: Job
    place: Place
    result: Result

    @classmethod
    def of(cls, ground: Ground, job: Job) -> View:
        """Look up the unit and the result of a job.

        Raises
        ------
        InputError
            There is no such unit or result.
        """
        return cls(ground, job, ground.place(job.unit), ground.result(job.scenario))

    @property
    def world(self) -> World:
        """Where everything is."""
        return self.ground.world

    @property
    def baseline(self) -> Result:
        """How things stand."""
        return self.ground.results[0]

    @property
    def kind(self) -> Kind:
        """The layer."""
        return self.job.kind

    @property
    def standard(self) -> Standard:
        """The standard by which the result measures."""
        return self.result.covers[self.kind].standard

    @property
    def drive(self) -> bool:
        """Tell whether sites are reached by car."""
        return self.standard.mode == "drive"

    @property
    def by_county(self) -> bool:
        """Tell whether counties are coloured: a reach on foot is invisible on a map of the province."""
        return not self.drive and self.place.level == "省"

    @property
    def measure_word(self) -> str:
        """Measure word of the sites."""
        return style.UNITS[self.kind]

    @property
    def name(self) -> str:
        """Name of the layer, set off from Chinese around it where it is Latin."""
        return style.spaced(KIND_NAMES[self.kind])

    @property
    def title(self) -> str:
        """Title of the sheet."""
        return f"{self.place.name}{self.name}{THEMES[self.job.theme]}图"

    @property
    def subtitle(self) -> str:
        """City, scenario, and what it is compared with."""
        parts = [self.place.city] if self.place.city else []
        title = words.one_line(self.result.title)
        if self.job.theme == "comparison":
            title = f"{title} 与 {words.one_line(self.baseline.title)} 对比"
        return " · ".join([*parts, title])

    @property
    def within(self) -> str:
        """The main limit: 1小时车程, or 步行270米."""
        return words.within(self.standard)

    @property
    def dense(self) -> str:
        """Where alone those out of reach on foot count as a gap; empty where they do everywhere."""
        return "密集处" if not self.drive and self.standard.min_density > 0 else ""

    def row(
        self, limit: float | None = None, *, result: Result | None = None, place: Place | None = None
    ) -> Any:
        """Row of a unit in the table of covers, for the main limit unless another is asked for.

        None where the result does not know the limit.
        """
        own, where = result or self.result, place or self.place
        rows = words.unit_rows(own, self.kind, where.level, self.standard.main if limit is None else limit)
        rows = rows[rows["code"].astype(str) == where.code]
        return rows.iloc[0] if len(rows) else None

    @cached_property
    def above(self) -> list[Place]:
        """The city, where there is one above, and the province."""
        if self.place.level == "省":
            return []
        province = self.ground.place("")
        if self.place.level == "市":
            return [province]
        units = self.world.units.counties
        code = units.loc[units["code"].astype(str) == self.place.code, "city_code"].iloc[0]
        return [self.ground.place(str(code)), province]

    @property
    def below_level(self) -> str:
        """Level of the units that this one consists of."""
        return BELOW[self.place.level]

    @property
    def approximate_below(self) -> bool:
        """Tell whether they are townships whose borders nobody stated."""
        return self.place.level == "县" and self.world.townships is None

    @cached_property
    def below(self) -> pd.DataFrame:
        """Rows of the units that this one consists of, within the main limit."""
        return self.rows_below(self.result)

    def rows_below(self, result: Result) -> pd.DataFrame:
        """Rows of these units in another result: code, name, residents, served, share."""
        level, limit = self.below_level, self.standard.main
        if level == "乡镇":
            table = self.ground.townships(result, self.kind)
            return table[(table["limit"] == limit) & (table["code"].str[:6] == self.place.code)]
        rows = words.unit_rows(result, self.kind, level, limit)
        return rows[rows["code"].astype(str).isin(self.place.codes)] if level == "县" else rows

    def _here(self, table: pd.DataFrame) -> pd.DataFrame:
        rows: pd.DataFrame = table[table["county_code"].astype(str).isin(self.place.codes)]
        return table if self.place.level == "省" else rows

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """Gaps of the unit, the largest first; ``number`` counts them, rank is that of the province."""
        rows = self._here(self.result.gaps[self.kind])
        return rows.assign(number=np.arange(1, len(rows) + 1))

    @cached_property
    def all_sites(self) -> pd.DataFrame:
        """All sites of the layer after the scenario, without the new ones."""
        table = self.result.layers[self.kind].table
        rows: pd.DataFrame = table[~table["id"].isin(self.added_anywhere["id"])]
        return rows

    @cached_property
    def sites(self) -> pd.DataFrame:
        """Sites of the unit that were there before."""
        return self._here(self.all_sites)

    @property
    def sites_count(self) -> int:
        """Number of the unit's sites after the scenario."""
        return len(self._here(self.result.layers[self.kind].table))

    @cached_property
    def added_anywhere(self) -> pd.DataFrame:
        """New sites of the layer by rank."""
        table = self.result.added
        rows: pd.DataFrame = table[table["kind"] == self.kind].sort_values("rank")
        return rows

    @cached_property
    def added(self) -> pd.DataFrame:
        """New sites of the unit by rank."""
        return self._here(self.added_anywhere)

    @cached_property
    def closed(self) -> pd.DataFrame:
        """Sites of the unit that the scenario gives up."""
        before, after = self.baseline.layers[self.kind].table, self.result.layers[self.kind].table
        gone = self._here(before[~before["id"].isin(after["id"])])
        return gone.sort_values("id")

    @cached_property
    def moved(self) -> pd.DataFrame:
        """Sites of the unit that the scenario moves: columns lon, lat, and lon_before, lat_before."""
        before, after = self.baseline.layers[self.kind].table, self.result.layers[self.kind].table
        both = after.merge(before[["id", "lon", "lat"]], on="id", suffixes=("", "_before"))
        off = (both["lon"] != both["lon_before"]) | (both["lat"] != both["lat_before"])
        return self._here(both[off])

    @cached_property
    def change(self) -> gains.Change | None:
        """Gains and losses by cell against the baseline; None where its limits are others."""
        return gains.by_cell(self.baseline, self.result, self.kind, self.standard.main)

    def differences(self, level: str) -> pd.DataFrame:
        """Gains and losses of the units of a level that are part of the sheet's, by code."""
        if self.result is self.baseline:
            return pd.DataFrame()

        def make() -> pd.DataFrame:
            return differences([self.baseline, self.result], self.world.demand, by=level)

        found = self.ground.keep(("differences", self.result.name, level), make)
        if found.empty:
            return found
        rows = found[found["kind"] == self.kind].sort_values("code")
        codes = rows["code"].astype(str)
        if level == "省" or self.place.level == "省":
            return rows
        if level == "市":
            return rows[codes == self.place.code]
        return rows[codes.isin(self.place.codes)]
