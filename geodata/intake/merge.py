"""Rows of an intake and the sites that are stored: which row is which site, and what is to be written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..registry.model import Change
from .checks import NEAR_M
from .evidence import plane
from .headers import ORIGINAL
from .model import Cells

_PLACE = ("lon", "lat", "orig_x", "orig_y", "orig_crs", "position", "county", "county_code", "city")
_ELSEWHERE = frozenset({"crs", "file", "sheet", "row", "given", "made", "revision"})
_APPROXIMATE = "近似"
_NEIGHBOURS = 8

Positions = NDArray[np.int64]


def plan_merge(present: pd.DataFrame, incoming: pd.DataFrame, *, replace: bool = False) -> Change:
    """Match the rows of an intake with the stored sites of their layer and say what is to be written.

    A row with an id of its own is the site of that id. A row whose id was made of its content is, one to one,
    the site that an earlier import made of the same content; else the nearest site of its name within
    ``NEAR_M``; else, where one of the two positions is only approximate, the site of its name in its county
    whose address does not differ. All others are new. What the file has no column for stays as it is stored,
    and a position that is only approximate never replaces an exact one in the same county.

    Parameters
    ----------
    present
        As ``Registry.sites`` returns them.
    incoming
        ``Intake.sites``.
    replace
        Whether sites that the file does not have are removed.

    Returns
    -------
    Change with the facts matched_id, matched_name and new.
    """
    stored = present.reset_index(drop=True)
    rows = incoming.reset_index(drop=True)
    match, by_id = _match(stored, rows)
    fresh = match < 0
    final = rows["id"].astype(str).to_numpy(object).copy()
    if len(stored):
        final = np.where(fresh, final, stored["id"].astype(str).to_numpy(object)[match])
    upserts = _merged(stored, rows, match)
    upserts["id"] = pd.Series(_unique(final, fresh, stored), dtype=object)
    kept = set(upserts["id"])
    delete = [str(each) for each in stored["id"] if str(each) not in kept] if replace and len(stored) else []
    facts = {
        "matched_id": int(by_id.sum()),
        "matched_name": int((~fresh & ~by_id).sum()),
        "new": int(fresh.sum()),
    }
    return Change(upserts, delete, facts)


def _unique(ids: Cells, fresh: NDArray[np.bool_], stored: pd.DataFrame) -> Cells:
    """Number the made ids of new rows that are taken by sites of other content."""
    taken = set(stored["id"].astype(str)) if len(stored) else set()
    final = ids.copy()
    for row in np.flatnonzero(fresh):
        turn = 2
        while final[row] in taken:
            final[row], turn = f"{ids[row]}-{turn}", turn + 1
        taken.add(final[row])
    return final


# Matching


def _match(stored: pd.DataFrame, rows: pd.DataFrame) -> tuple[Positions, NDArray[np.bool_]]:
    """Position of the stored site of each row, -1 for new ones, and which were found by their own id."""
    match = np.full(len(rows), -1, np.int64)
    if not len(stored) or not len(rows):
        return match, np.zeros(len(rows), bool)
    made = rows["made"].to_numpy(bool) if "made" in rows else np.zeros(len(rows), bool)
    place = pd.Series(np.arange(len(stored)), index=stored["id"].astype(str))
    known = rows["id"].astype(str).map(place).fillna(-1).to_numpy(np.int64)
    match[~made] = known[~made]
    by_id = match >= 0
    names = stored["name"].astype(str).to_numpy(object)[known] == rows["name"].astype(str).to_numpy(object)
    again = made & (known >= 0) & names & ~np.isin(known, match[by_id])
    match[again] = known[again]
    free = ~stored["example"].to_numpy(bool) | bool(rows["example"].any())
    for step in (_same_place, _near, _approximate):
        step(stored, rows, match, made, free)
    return match, by_id


def _open(
    match: Positions, wanted: NDArray[np.bool_], free: NDArray[np.bool_]
) -> tuple[Positions, Positions]:
    """Rows that still look for their site, and sites that no row has."""
    taken = np.zeros(len(free), bool)
    taken[match[match >= 0]] = True
    return np.flatnonzero(wanted & (match < 0)), np.flatnonzero(free & ~taken)


def _by_key(left: Sequence[pd.Series[Any]], right: Sequence[pd.Series[Any]]) -> pd.DataFrame:
    """Pair rows with equal keys, the first with the first, the second with the second."""
    a = pd.DataFrame({str(number): column.to_numpy() for number, column in enumerate(left)})
    b = pd.DataFrame({str(number): column.to_numpy() for number, column in enumerate(right)})
    keys = list(a.columns)
    for frame in (a, b):
        frame["turn"] = frame.groupby(keys, dropna=False).cumcount()
        frame["at"] = np.arange(len(frame))
    return a.merge(b, on=[*keys, "turn"], suffixes=("_row", "_site"))


def _same_place(stored: pd.DataFrame, rows: pd.DataFrame, match: Positions, wanted: Any, free: Any) -> None:
    """Match sites of one name at exactly one point."""
    row, site = _open(match, wanted, free)
    keys = [
        [frame["name"].astype(str), frame["lon"].round(7), frame["lat"].round(7)]
        for frame in (rows.iloc[row], stored.iloc[site])
    ]
    pairs = _by_key(*keys)
    match[row[pairs["at_row"].to_numpy()]] = site[pairs["at_site"].to_numpy()]


def _near(stored: pd.DataFrame, rows: pd.DataFrame, match: Positions, wanted: Any, free: Any) -> None:
    """Match sites of one name within ``NEAR_M``, the nearest pairs first."""
    row, site = _open(match, wanted & _exact(rows), free & _exact(stored))
    if not len(row) or not len(site):
        return
    names = pd.factorize(np.concatenate([rows["name"].astype(str).to_numpy(object)[row],
                                         stored["name"].astype(str).to_numpy(object)[site]]))[0]  # fmt: skip
    here, there = _spots(rows, row, names[: len(row)]), _spots(stored, site, names[len(row) :])
    first = ~pd.DataFrame(there).duplicated().to_numpy()
    site, there = site[first], there[first]
    gap, other = cKDTree(there).query(here, k=min(_NEIGHBOURS, len(site)), distance_upper_bound=NEAR_M)
    gap, other = gap.reshape(len(row), -1), other.reshape(len(row), -1)
    pairs = np.argwhere(np.isfinite(gap))
    used: set[int] = set()
    for at, nth in pairs[np.argsort(gap[pairs[:, 0], pairs[:, 1]], kind="stable")]:
        if match[row[at]] < 0 and int(other[at, nth]) not in used:
            match[row[at]] = site[other[at, nth]]
            used.add(int(other[at, nth]))


def _spots(frame: pd.DataFrame, at: Positions, names: NDArray[Any]) -> NDArray[np.float64]:
    """Points in metres, those of each name on a plane of their own."""
    lon, lat = frame["lon"].to_numpy(float)[at], frame["lat"].to_numpy(float)[at]
    return np.column_stack((plane(lon, lat), names * 1e6))


def _exact(frame: pd.DataFrame) -> NDArray[np.bool_]:
    lon = np.isfinite(frame["lon"].to_numpy(float)) & np.isfinite(frame["lat"].to_numpy(float))
    return np.asarray(lon & (frame["position"].astype(str) != _APPROXIMATE).to_numpy())


def _approximate(stored: pd.DataFrame, rows: pd.DataFrame, match: Positions, wanted: Any, free: Any) -> None:
    """Match sites of one name in one county where a position is approximate and no address differs."""
    for with_address in (True, False):
        row, site = _open(match, wanted, free)
        names = ["name", "county_code", *(["address"] if with_address else [])]
        keys = [[frame[name].astype(str) for name in names] for frame in (rows.iloc[row], stored.iloc[site])]
        pairs = _by_key(*keys)
        at, to = row[pairs["at_row"].to_numpy()], site[pairs["at_site"].to_numpy()]
        vague = ~_exact(rows)[at] | ~_exact(stored)[to]
        texts = (
            rows["address"].astype(str).to_numpy(object)[at],
            stored["address"].astype(str).to_numpy(object)[to],
        )
        fits = vague & ((texts[0] == texts[1]) | (texts[0] == "") | (texts[1] == ""))
        match[at[fits]] = to[fits]


# What is written


def _merged(stored: pd.DataFrame, rows: pd.DataFrame, match: Positions) -> pd.DataFrame:
    """Put each row over its site: what the file has no column for stays."""
    found = np.flatnonzero(match >= 0)
    site = match[found]
    given = rows["given"].to_numpy(object) if "given" in rows else np.full(len(rows), None, object)
    kinds = {id(each): each for each in given}
    place = _keeps_place(stored, rows, found, site)
    result = {}
    for name in rows.columns:
        if name in _ELSEWHERE:
            continue
        values = rows[name].to_numpy(object).copy()
        if name == "extras":
            for at, to in zip(found, site, strict=True):
                values[at] = _extras(stored["extras"].iloc[to], values[at], given[at])
        elif name in stored.columns and name not in ("id", "example"):
            has = {key: each is None or name in each for key, each in kinds.items()}
            absent = np.array([not has[id(given[at])] for at in found], bool)
            keep = place if name in _PLACE else absent
            values[found[keep]] = stored[name].to_numpy(object)[site[keep]]
        result[str(name)] = _typed(values, rows[name])
    return pd.DataFrame(result)


def _keeps_place(
    stored: pd.DataFrame, rows: pd.DataFrame, found: Positions, site: Positions
) -> NDArray[np.bool_]:
    """Whether a site keeps its position: it is exact, the row's is not, and the county is the same."""
    here, there = _exact(rows)[found], _exact(stored)[site]
    county = rows["county_code"].astype(str).to_numpy(object)[found]
    same = county == stored["county_code"].astype(str).to_numpy(object)[site]
    return np.asarray(there & ~here & (same | (county == "")), bool)


def _extras(old: Any, new: Any, given: Any) -> dict[str, str]:
    """Extras of the site with those of the row over them; kept originals of columns that came again go."""
    headers = given or frozenset()
    kept = {
        key: value
        for key, value in (old or {}).items()
        if not (key.endswith(ORIGINAL) and key.removesuffix(ORIGINAL) in headers)
    }
    return {**kept, **(new or {})}


def _typed(values: NDArray[np.object_], like: pd.Series[Any]) -> Any:
    """Bring values to the type of a column."""
    if pd.api.types.is_float_dtype(like):
        return values.astype(float)
    if pd.api.types.is_bool_dtype(like):
        return values.astype(bool)
    return pd.Series(values, dtype=object)
