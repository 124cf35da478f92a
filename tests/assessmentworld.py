"""An assessment of its own to hold every figure of the topics about cover against: loops over costs.

It knows costs (networkx on the roads, h3 and haversine on foot) and the definitions of the methods page; it
adds fractions, sorts and loops, and shares no code with the measures. Every column of a table is looked at:
one that is not, fails.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise, product
from typing import Any

import gridworld
import h3.api.numpy_int as h3
import networkx as nx
import numpy as np
import pandas as pd
import shapeworld
from boai.coverage import snap
from boai.coverage.assessment import Assessment, Place, Question, Table
from boai.coverage.opening import open_at
from boai.coverage.people import GROUPS, people
from boai.coverage.standards import Rule, Standard
from boai.coverage.topics import answer
from boai.geodata.crs import haversine_m
from boai.geodata.demand import Demand
from boai.geodata.layers import Kind, Layer
from boai.geodata.network import NODE_JUNCTION, Network

NONE = math.inf
STATES = ("served", "no_capacity", "closed_now", "too_far", "no_road", "cut_off", "no_site")
UNIT = ["level", "code", "name", "city"]


class Seen:
    """A table whose columns are looked at one by one."""

    def __init__(self, table: Table) -> None:
        self.frame, self.open = table.frame, set(table.frame.columns)
        assert set(table.shown) <= self.open

    def is_(self, name: str, expected: Iterable[Any]) -> None:
        """Hold a column against what it should be; floats up to the noise of sums."""
        self.open.discard(name)
        got, wanted = self.frame[name].tolist(), list(expected)
        assert len(got) == len(wanted), (name, len(got), len(wanted))
        for row, (a, b) in enumerate(zip(got, wanted, strict=True)):
            assert _same(a, b), (name, row, a, b)

    def close(self, name: str, expected: Iterable[float], rel: float) -> None:
        """Hold figures that are kept in single precision."""
        self.open.discard(name)
        np.testing.assert_allclose(self.frame[name], list(expected), rtol=rel)

    def whole(self, name: str, exact: Sequence[Fraction]) -> None:
        """Hold whole persons against exact sums: equal where these are whole, else near.

        Counties and zones in them are rounded below one away, cities add up two of them, and the figure
        may be a difference of two such.
        """
        self.open.discard(name)
        assert self.frame[name].dtype == np.int64, name
        assert len(self.frame) == len(exact)
        for row, (a, b) in enumerate(zip(self.frame[name].tolist(), exact, strict=True)):
            assert a == b if Fraction(b).denominator == 1 else abs(a - b) < 4, (name, row, a, float(b))

    def skip(self, *names: str) -> None:
        """Leave out columns that another test looks at."""
        self.open -= set(names)

    def done(self) -> None:
        """Hold that every column was looked at."""
        assert not self.open, self.open


def _same(got: Any, wanted: Any) -> bool:
    if wanted is None or isinstance(wanted, (str, bool, np.bool_)):
        return bool(got is wanted or got == wanted)
    if math.isnan(wanted):
        return bool(math.isnan(got))
    return bool(got == wanted or math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-12))


def over(part: Any, whole: Any) -> float:
    """Divide, NaN by 0."""
    return float(Fraction(part) / Fraction(whole)) if whole else math.nan


@dataclass
class Own:
    """The costs of a world in hundredths, ``NONE`` where there is no way, and what follows from them."""

    a: Assessment
    cost: list[list[float]]
    """By row and site."""
    cell: list[int]
    """Cell of each row."""
    part: Fraction
    centre: list[list[float]]
    """By cell and site: those of the rows for driving."""
    met: list[bool]
    between: list[list[float]] = field(default_factory=list)
    """From site to site, where they resupply each other."""

    @property
    def demand(self) -> Demand:
        return self.a.demand

    @property
    def standard(self) -> Standard:
        return self.a.standard

    @property
    def n_sites(self) -> int:
        return len(self.a.layer.table)

    @property
    def main(self) -> int:
        return self.standard.main * 100

    @cached_property
    def folk(self) -> list[int]:
        return people(self.demand, self.a.question.group).tolist()

    def units(self, seen: Seen, times: int = 1) -> None:
        """Look at the columns of the zones."""
        table = self.a.zones.table
        for name in [*UNIT, "county"]:
            if name in seen.frame:
                seen.is_(name, [each for each in table[name] for _ in range(times)])

    def zoned(self, worth: Callable[[int], Any], folk: Sequence[int] | None = None) -> list[Fraction]:
        """Sum the residents of the rows of each zone, each times what the row is worth."""
        folk, member = self.folk if folk is None else folk, self.a.zones.member.tolist()
        sums = [Fraction(0)] * len(self.a.zones)
        worths: dict[int, Fraction] = defaultdict(Fraction)
        for row, cell in enumerate(self.cell):
            if folk[cell] and (value := worth(row)):
                worths[cell] += Fraction(value)
        for cell, value in worths.items():
            sums[member[cell]] += value * folk[cell] * self.part
        return sums

    def totals(self, folk: Sequence[int] | None = None) -> list[Fraction]:
        return self.zoned(lambda row: 1, folk)

    def near(self, row: int, limit: float) -> list[int]:
        return [j for j, cost in enumerate(self.cost[row]) if cost <= limit]

    def money(self, cost: float) -> float:
        """Minutes or metres of hundredths."""
        return cost / 6000 if self.a.drive else cost / 100

    def first(self, cell: int) -> tuple[float, int]:
        """Cost and row of the nearest site to the centre of a cell."""
        return min(((cost, j) for j, cost in enumerate(self.centre[cell])), default=(NONE, -1))

    def text(self, cost: float) -> str:
        return self.standard.cost_text_up(cost / 100)


def quantile(pairs: Iterable[tuple[float, int]], share: Fraction) -> float:
    """Return the least cost within which a share of the residents is."""
    ordered = sorted((cost, weight) for cost, weight in pairs if weight)
    whole, running = sum(weight for _, weight in ordered), 0
    for cost, weight in ordered:
        running += weight
        if running >= share * whole:
            return cost
    return math.nan


def hamilton(total: int, exact: Sequence[Fraction]) -> list[int]:
    """Share a total out in proportion, by largest remainder, ties to the first."""
    whole = sum(exact)
    quota = [each * total / whole if whole else Fraction(0) for each in exact]
    floor = [math.floor(each) for each in quota]
    rest = sorted(range(len(quota)), key=lambda i: (floor[i] - quota[i], i))
    for i in rest[: total - sum(floor) if whole else 0]:
        floor[i] += 1
    return floor


# --- the topics ------------------------------------------------------------------------------------------


def needs(own: Own) -> list[int]:
    """(cells,) persons to be supplied."""
    share = own.a.question.need_share
    share = Fraction(str(own.standard.need_share if share is None else share))
    county, codes = own.demand.county.tolist(), range(len(own.demand.county_code))
    lived = [sum(Fraction(f) for f, c in zip(own.folk, county, strict=True) if c == code) for code in codes]
    counties = hamilton(round(share * sum(own.folk)), lived)
    found = [0] * len(county)
    for code in codes:
        cells = [i for i, c in enumerate(county) if c == code]
        amounts = hamilton(counties[code], [Fraction(own.folk[i]) for i in cells])
        for i, amount in zip(cells, amounts, strict=True):
            found[i] = amount
    return found


def assigned(
    own: Own, persons: Sequence[int]
) -> tuple[dict[tuple[int, int], Fraction], list[Fraction], list[Fraction]]:
    """Match the cheapest pair of all again and again: flows, need left by row, capacity left."""
    need = needs(own)
    lack = [need[cell] * own.part for cell in own.cell]
    left = [Fraction(int(each)) for each in persons]
    flow: dict[tuple[int, int], Fraction] = {}
    pairs = [(own.cost[i][j], i, j) for i in range(len(own.cell)) for j in own.near(i, own.main)]
    for _, i, j in sorted(pairs):
        amount = min(lack[i], left[j])
        if amount:
            flow[i, j] = amount
            lack[i] -= amount
            left[j] -= amount
    return flow, lack, left


def capacities(own: Own) -> list[int]:
    """Return what each site can serve: stated, else by level, else nothing."""
    levels = dict(own.standard.capacity_by_level)
    table = own.a.layer.table
    return [
        int(levels.get(level, 0)) if math.isnan(stated) else int(stated)
        for stated, level in zip(table["capacity"], table["level"], strict=True)
    ]


def row_states(own: Own) -> list[dict[str, Fraction]]:
    """Shares of each row by state."""
    question = own.a.question
    opened = [True] * own.n_sites
    if question.at is not None:
        opened = open_at(own.a.layer, own.standard, day=question.at[0], minute=question.at[1]).tolist()
    room = [p if o else 0 for p, o in zip(capacities(own), opened, strict=True)]
    counted = question.capacity and own.a.layer.kind != "aed"
    need = needs(own) if counted else []
    _, lack, left = assigned(own, room) if counted else ({}, [], [])
    found = []
    for row, cell in enumerate(own.cell):
        near = own.near(row, own.main)
        if any(opened[j] for j in near):
            share = Fraction(1)
            if counted and need[cell]:
                share = 1 - lack[row] / (need[cell] * own.part)
            elif counted:
                share = Fraction(any(left[j] > 0 for j in near))
            found.append({"served": share, "no_capacity": 1 - share})
        elif near:
            found.append({"closed_now": Fraction(1)})
        elif not own.n_sites:
            found.append({"no_site": Fraction(1)})
        elif not own.met[cell]:
            found.append({"no_road": Fraction(1)})
        else:
            far = own.first(cell)[0] < NONE
            found.append({"too_far" if far else "cut_off": Fraction(1)})
    return found


def check_states(own: Own) -> None:
    seen, far = (Seen(each) for each in answer(own.a, "states"))
    states = row_states(own)
    own.units(seen)
    seen.whole("residents", own.totals())
    for state in STATES:
        seen.whole(state, own.zoned(lambda row: states[row].get(state, 0)))  # noqa: B023 (used at once)
    assert (seen.frame[list(STATES)].sum(axis=1) == seen.frame["residents"]).all()
    served = own.zoned(lambda row: states[row].get("served", 0))
    seen.is_("share", map(over, served, own.totals()))
    seen.done()
    groups: dict[tuple[int, int], list[tuple[int, Fraction]]] = defaultdict(list)
    parts: dict[int, Fraction] = defaultdict(Fraction)
    for row, cell in enumerate(own.cell):
        parts[cell] += states[row].get("too_far", Fraction(0)) * own.part * own.folk[cell]
    for cell, amount in parts.items():
        if amount:
            groups[int(own.a.zones.member[cell]), own.first(cell)[1]].append((cell, amount))
    frame, ids = far.frame, own.a.layer.table["id"].tolist()
    assert frame["residents"].sum() == seen.frame["too_far"].sum()
    key = {code: zone for zone, code in enumerate(own.a.zones.table["code"])}
    found = {(key[code], ids.index(site)) for code, site in zip(frame["code"], frame["site_id"], strict=True)}
    assert len(found) == len(frame)
    assert {each for each, cells in groups.items() if sum(a for _, a in cells) >= 1} <= found <= set(groups)
    for row in frame.to_dict("records"):
        zone, site = key[row["code"]], ids.index(row["site_id"])
        cells = groups[zone, site]
        costs = [own.centre[cell][site] for cell, _ in cells]
        assert abs(row["residents"] - sum(amount for _, amount in cells)) < 1
        end = "min" if own.a.drive else "m"
        assert _same(row[f"least_{end}"], own.money(min(costs))), row
        assert _same(row[f"most_{end}"], own.money(max(costs))), row
        assert (row["least_text"], row["most_text"]) == tuple(
            "部分可及" if not own.a.drive and each <= own.main else own.text(each)
            for each in (min(costs), max(costs))
        )
        assert row["site_name"] == own.a.layer.table["name"][site]
        assert [row[name] for name in UNIT] == own.a.zones.table.loc[zone, UNIT].tolist()
    order = [(key[r["code"]], -r["residents"]) for r in frame.to_dict("records")]
    assert order == sorted(order)


def check_bands(own: Own) -> None:
    seen, goal = (Seen(each) for each in answer(own.a, "bands"))
    limits = list(own.standard.limits)
    edges = [0, *limits]
    band = []
    for row, cell in enumerate(own.cell):
        least = min(own.cost[row], default=NONE)
        within = next((b for b, limit in enumerate(limits) if least <= limit * 100), None)
        if within is None:
            within = len(limits) if own.first(cell)[0] < NONE else len(limits) + 1
        band.append(within)
    count = len(limits) + 2
    own.units(seen, count)
    per = [own.zoned(lambda row: band[row] == b) for b in range(count)]  # noqa: B023
    flat = [per[b][z] for z in range(len(own.a.zones)) for b in range(count)]
    whole = [each for each in own.totals() for _ in range(count)]
    seen.whole("residents", flat)
    seen.is_("share", map(over, flat, whole))
    zones, end, scale = len(own.a.zones), "min" if own.a.drive else "m", 60 if own.a.drive else 1
    seen.is_("band", list(range(count)) * zones)
    seen.is_(f"low_{end}", ([each / scale for each in edges] + [math.nan]) * zones)
    seen.is_(f"high_{end}", ([each / scale for each in limits] + [math.inf, math.nan]) * zones)
    say = own.standard.limit_text
    texts = [f"{say(limits[0])}内", *(f"{say(x)}-{say(y)}" for x, y in pairwise(limits)),
             f"{say(limits[-1])}以上", "无法到达"]  # fmt: skip
    seen.is_("band_text", texts * zones)
    seen.done()
    served, lived = own.zoned(lambda row: bool(own.near(row, own.main))), own.totals()
    own.units(goal)
    goal.whole("residents", lived)
    goal.whole("served", served)
    goal.is_("share", map(over, served, lived))
    target = own.standard.target_share
    if target is None:
        goal.is_("target_share", [math.nan] * zones)
        goal.is_("met", [None] * zones)
        goal.is_("short", [0] * zones)
    else:
        asked = Fraction(str(target))
        goal.is_("target_share", [target] * zones)
        goal.is_("met", [s >= asked * w if w else None for s, w in zip(served, lived, strict=True)])
        if all(each.denominator == 1 for each in served):
            goal.is_("short", [max(0, math.ceil(asked * w - s)) for s, w in zip(served, lived, strict=True)])
        goal.skip("short")
    goal.done()


def check_backup(own: Own) -> None:
    seen, far, worst = (Seen(each) for each in answer(own.a, "backup"))
    asked = own.standard.backup + 1
    counts = sorted({1, 2, 3, asked})
    zones, lived, group = len(own.a.zones), own.totals(), own.a.question.group
    near = [len(own.near(row, own.main)) for row in range(len(own.cell))]
    own.units(seen, len(counts))
    per = [own.zoned(lambda row: near[row] >= k) for k in counts]  # noqa: B023
    flat = [per[k][z] for z in range(zones) for k in range(len(counts))]
    whole = [each for each in lived for _ in counts]
    seen.is_("group", [group] * len(flat))
    seen.is_("group_text", [GROUPS[group]] * len(flat))
    seen.is_("at_least", counts * zones)
    seen.whole("residents", whole)
    seen.whole("served", flat)
    seen.is_("share", map(over, flat, whole))
    judged = [k == asked and own.standard.backup > 0 for k in counts] * zones
    seen.is_("asked", judged)
    target = Fraction(str(own.standard.target_share or 1))
    seen.is_(
        "met", [s >= target * w if j and w else None for s, w, j in zip(flat, whole, judged, strict=True)]
    )
    seen.done()
    _check_times(own, far)
    _check_worst(own, worst)


def _check_times(own: Own, far: Seen) -> None:
    zones, end = len(own.a.zones), "min" if own.a.drive else "m"
    ranks = max(3, own.standard.backup + 1)
    own.units(far, ranks)
    far.is_("nth", list(range(1, ranks + 1)) * zones)
    figures: dict[str, list[Any]] = defaultdict(list)
    for zone, rank in product(range(zones), range(ranks)):
        cells = np.flatnonzero(own.a.zones.member == zone).tolist()
        pairs = [(sorted(own.centre[c])[rank] if own.n_sites > rank else NONE, own.folk[c]) for c in cells]
        lived = [(cost, w) for cost, w in pairs if w]
        there = [(cost, w) for cost, w in lived if cost < NONE]
        figures["residents"].append(sum(w for _, w in pairs))
        figures["without"].append(sum(w for cost, w in lived if cost == NONE))
        figures["median"].append(quantile(lived, Fraction(1, 2)))
        figures["p90"].append(quantile(lived, Fraction(9, 10)))
        figures["mean"].append(sum(c * w for c, w in there) / sum(w for _, w in there) if there else math.nan)
        figures["longest"].append(max((c for c, _ in there), default=math.nan))
        figures["worst"].append(max((c for c, _ in lived), default=math.nan))
    far.is_("residents", figures["residents"])
    far.is_("without", figures["without"])
    for name in ("median", "p90", "mean", "longest", "worst"):
        values = figures[name]
        far.is_(f"{name}_{end}", map(own.money, values))
        say = own.standard.cost_text if name == "mean" else own.standard.cost_text_up
        texts = far.frame[f"{name}_text"].tolist()
        for value, text in zip(values, texts, strict=True):
            assert math.isnan(value) or text == say(value / 100), (name, value, text)
        far.skip(f"{name}_text")
    far.done()


def _check_worst(own: Own, worst: Seen) -> None:
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    zones = own.a.zones_at("乡镇")
    for cell, zone in enumerate(zones.member.tolist()):
        if own.folk[cell]:
            places[zones.table["county"][zone], zones.table["name"][zone]].append(cell)
    ranking = []
    for (county, name), cells in places.items():
        far = max(own.first(c)[0] for c in cells)
        ranking.append((far, sum(own.folk[c] for c in cells), county, name, cells))
    frame, top, end = worst.frame, own.a.question.top, "min" if own.a.drive else "m"
    ranking.sort(key=lambda each: (-each[0], -each[1]))
    assert len(frame) == min(top, len(ranking))
    assert frame["rank"].tolist() == list(range(1, len(frame) + 1))
    for row, found in zip(frame.to_dict("records"), ranking, strict=False):
        # as far and as many: any order
        key = row["county"], row["name"]
        far, lived, _, _, cells = next(each for each in ranking if each[2:4] == key)
        assert found[:2] == (far, lived)
        assert _same(row[f"cost_{end}"], own.money(far)), (row, far)
        assert row["residents"] == lived
        assert (row["lon"], row["lat"]) in {
            (own.demand.lon[c], own.demand.lat[c]) for c in cells if own.first(c)[0] == far
        }
        if own.a.drive:
            assert row["beyond"] == sum(own.folk[c] for c in cells if own.first(c)[0] > own.main)
        assert row["cost_text"] == (own.text(far) if far < NONE else "无法到达")
        sites = {own.first(c)[1] for c in cells if own.first(c)[0] == far}
        ids, names = own.a.layer.table["id"], own.a.layer.table["name"]
        assert row["nearest_id"] in ({ids[j] for j in sites} if far < NONE else {""})
        assert row["nearest_site"] in ({names[j] for j in sites} if far < NONE else {""})
        assert row["level"] == "乡镇"


def access_scores(own: Own, method: str, supply: Sequence[float], *, group: str | None = None) -> list[float]:
    """Return the supply per resident of each row by a floating catchment method within the main limit."""
    folk = own.folk if group is None else people(own.demand, group).tolist()  # type: ignore[arg-type]
    cut, rows = own.main, range(len(own.cell))

    def weigh(cost: float) -> float:
        third = cut / 3
        if cost > cut:
            return 0.0
        if method == "2sfca":
            return 1.0
        if method == "gravity":
            return (math.exp(-((cost / cut) ** 2) / 2) - math.exp(-0.5)) / (1 - math.exp(-0.5))
        if method == "3sfca":
            return next(weight for end, weight in WAN if cost <= end * cut + 1e-9)
        return 1.0 if cost <= third else 0.68 if cost <= 2 * third else 0.22

    weights = [[weigh(cost) for cost in own.cost[row]] for row in rows]
    if method == "3sfca":
        weights = [[w * w / sum(each) if sum(each) else 0.0 for w in each] for each in weights]
    asked = [
        sum(folk[own.cell[i]] * float(own.part) * weights[i][j] for i in rows) for j in range(own.n_sites)
    ]
    ratio = [s / d if d else 0.0 for s, d in zip(supply, asked, strict=True)]
    return [sum(w * r for w, r in zip(each, ratio, strict=True)) for each in weights]


WAN = ((1 / 6, 0.962), (1 / 3, 0.704), (1 / 2, 0.377), (1.0, 0.042))


def offered(own: Own) -> list[float]:
    """Return what the sites offer: devices, persons, or themselves where none says more."""
    stated = own.a.layer.table["capacity"].tolist()
    if own.standard.kind == "aed":
        return [1.0 if math.isnan(each) else each for each in stated]
    levels = set(dict(own.standard.capacity_by_level))
    known = any(not math.isnan(each) for each in stated) or levels & set(own.a.layer.table["level"])
    return [float(each) for each in capacities(own)] if known else [1.0] * own.n_sites


def check_access(own: Own) -> None:
    seen = Seen(answer(own.a, "access")[0])
    zones, names, lived = len(own.a.zones), list(dict.fromkeys(seen.frame["method"])), own.totals()
    assert [name.rsplit(" ", 1)[-1] for name in names][:2] == ["2SFCA", "E2SFCA"], names
    own.units(replace_frame(seen, seen.frame.iloc[:zones]))
    for method, name in zip(("2sfca", "e2sfca", "gravity", "3sfca"), names, strict=True):
        part = replace_frame(seen, seen.frame[seen.frame["method"] == name].reset_index(drop=True))
        score = access_scores(own, method, offered(own))
        total = [float(each) for each in own.zoned(lambda row: Fraction(score[row]))]  # noqa: B023
        mean = sum(total) / float(sum(lived)) if sum(lived) else math.nan
        part.whole("residents", lived)
        part.is_(
            "per_10k", [1e4 * t / float(w) if w else math.nan for t, w in zip(total, lived, strict=True)]
        )
        part.is_(
            "ratio",
            [t / float(w) / mean if w and mean else math.nan for t, w in zip(total, lived, strict=True)],
        )
        nothing = own.zoned(lambda row: not score[row] > 0)  # noqa: B023
        part.is_("without_share", map(over, nothing, lived))
        part.skip("text", "method", *UNIT, "county")
        part.done()


def replace_frame(seen: Seen, frame: pd.DataFrame) -> Seen:
    """Look at some rows of a table."""
    return Seen(Table("", "", frame, ()))


def weighted_gini(values: Sequence[float], weights: Sequence[float]) -> float:
    total, mean = sum(weights), sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)
    x, w = np.array(values), np.array(weights, float)
    return float((w[:, None] * w * abs(x[:, None] - x)).sum() / (2 * total**2 * mean)) if mean else math.nan


def theil_t(values: Sequence[float], weights: Sequence[float]) -> float:
    total = sum(weights)
    mean = sum(v * w for v, w in zip(values, weights, strict=True)) / total if total else 0
    if not mean:
        return math.nan
    return sum(
        w / total * v / mean * math.log(v / mean) for v, w in zip(values, weights, strict=True) if v and w
    )


def check_equity(own: Own) -> None:
    tables = {each.name: Seen(each) for each in answer(own.a, "equity")}
    _check_groups(own, tables["人群"], tables["城乡"])
    _check_inequality(own, tables)


def _check_groups(own: Own, seen: Seen, sides: Seen) -> None:
    frame, end = seen.frame, "min" if own.a.drive else "m"
    city = [code[:4] for code in own.demand.county_code[own.demand.county]]
    units = [
        ("360000", None),
        *((f"{code}00", code) for code in sorted({c[:4] for c in own.demand.county_code})),
    ]
    score = {group: access_scores(own, "2sfca", offered(own), group="all") for group in GROUPS}
    near = [bool(own.near(row, own.main)) for row in range(len(own.cell))]
    expected: dict[str, list[Any]] = defaultdict(list)
    for (code, prefix), group in product(units, GROUPS):
        folk = [
            f if prefix in (None, c) else 0
            for f, c in zip(people(own.demand, group).tolist(), city, strict=True)
        ]
        lived = sum(folk)
        served = sum((folk[own.cell[row]] * own.part for row in range(len(near)) if near[row]), Fraction(0))
        expected["code"].append(code)
        expected["group"].append(group)
        expected["group_text"].append(GROUPS[group])
        expected["residents"].append(lived)
        expected["served"].append(served)
        expected["share"].append(over(served, lived))
        costs = [(own.first(c)[0], f) for c, f in enumerate(folk)]
        expected["p50"].append(quantile(costs, Fraction(1, 2)))
        expected["p90"].append(quantile(costs, Fraction(9, 10)))
        total = sum(score[group][row] * folk[own.cell[row]] * float(own.part) for row in range(len(near)))
        expected["per_10k"].append(1e4 * total / lived if lived else math.nan)
    seen.is_("code", expected["code"])
    seen.is_("group", expected["group"])
    seen.is_("group_text", expected["group_text"])
    seen.is_("residents", expected["residents"])
    seen.whole("served", expected["served"])
    seen.is_("share", expected["share"])
    seen.is_("per_10k", expected["per_10k"])
    for name in ("p50", "p90"):
        seen.close(f"{name}_{end}", map(own.money, expected[name]), 1e-6)
        for value, text in zip(expected[name], frame[f"{name}_text"], strict=True):
            assert math.isnan(value) or text == own.text(value), (name, value, text)
    seen.skip("p50_text", "p90_text", "name", "city", "level")
    seen.done()
    for k, row in enumerate(sides.frame.to_dict("records")):
        block = frame.iloc[5 * k : 5 * k + 5].set_index("group")
        for side in ("urban", "rural"):
            for name in ("residents", "served", "share"):
                assert _same(row[f"{side}_{name}"], block.loc[side, name])
        assert _same(row["gap_points"], 100 * (block.loc["urban", "share"] - block.loc["rural", "share"]))
        assert row["code"] == block["code"].iloc[0]
        assert block.loc["urban", "served"] + block.loc["rural", "served"] == block.loc["all", "served"]


def _check_inequality(own: Own, tables: dict[str, Seen]) -> None:
    folk, part = own.folk, float(own.part)
    code = own.demand.county_code[own.demand.county]
    score = access_scores(own, "2sfca", offered(own))
    cells = [c for c in range(len(folk)) if folk[c]]
    reached = [c for c in cells if own.first(c)[0] < NONE]
    by_county: dict[str, list[float]] = {}
    for each in sorted(set(code)):
        rows = [row for row, cell in enumerate(own.cell) if code[cell] == each]
        lived = sum(folk[c] for c in cells if code[c] == each)
        if lived:
            got = sum(folk[own.cell[row]] * part for row in rows if own.near(row, own.main))
            by_county[each] = [got / lived, lived]
    mean_score: dict[int, float] = defaultdict(float)
    for row, cell in enumerate(own.cell):
        mean_score[cell] += score[row] * part
    rows_of = [(score[row], folk[cell] * part, code[cell]) for row, cell in enumerate(own.cell) if folk[cell]]
    rest = (
        {cell: 1 - part * own.cell.count(cell) for cell in cells} if part < 1 and len(own.cell) < 2000 else {}
    )
    assert not any(each > 1e-9 for each in rest.values())
    variables = {
        "cost": [(own.money(own.first(c)[0]), folk[c], code[c]) for c in reached],
        "access": [(s * 1e4, w, k) for s, w, k in rows_of],
        "cover": [(share, lived, k) for k, (share, lived) in by_county.items()],
    }
    summary, theil, units, lorenz = (
        tables[name].frame for name in ("均衡", "泰尔分解", "泰尔单位", "洛伦兹曲线")
    )
    assert summary["variable"].tolist() == list(variables)
    for row in summary.to_dict("records"):
        items = variables[row["variable"]]
        x, w = [each[0] for each in items], [each[1] for each in items]
        where = [each[2] for each in items]
        total = sum(w)
        assert _same(float(row["residents"]), round(total)), row
        lived = sum(folk)
        assert row["left_out"] == (lived - round(total) if row["variable"] == "cost" else 0), row
        if not total:
            assert math.isnan(row["gini"])
            continue
        mean = sum(v * u for v, u in zip(x, w, strict=True)) / total
        assert math.isclose(row["mean"], mean, rel_tol=1e-6), (row, mean)
        whole = theil_t(x, w)
        merged: dict[float, float] = defaultdict(float)
        for v, u in zip(x, w, strict=True):
            merged[float(f"{v:.12g}")] += u
        gini = weighted_gini(list(merged), list(merged.values()))
        assert math.isclose(row["gini"], gini, abs_tol=1e-7) or math.isnan(gini), (row, gini)
        assert math.isclose(row["theil"], whole, abs_tol=1e-7) or math.isnan(whole), (row, whole)
        if not mean:
            assert math.isnan(row["gini"])
            assert math.isnan(row["theil"])
            continue
        ordered = sorted(zip(x, w, strict=True))

        def least(share: float, ordered: list[tuple[float, float]] = ordered) -> float:
            """Value that the share of the residents with the least has."""
            open_, got = share * sum(u for _, u in ordered), 0.0
            for v, u in ordered:
                take = min(u, open_)
                got, open_ = got + take * v, open_ - take
            return got / sum(v * u for v, u in ordered)

        assert math.isclose(row["bottom_half"], least(0.5), abs_tol=1e-7), (row, least(0.5))
        assert math.isclose(row["top_tenth"], 1 - least(0.9), abs_tol=1e-7), (row, least(0.9))
        nothing = sum(u for v, u in ordered if v == 0) / total
        assert math.isclose(row["nothing_share"], nothing, abs_tol=1e-9), row
        curve = lorenz[lorenz["variable"] == row["variable"]]
        for p, v in zip(curve["people_share"], curve["value_share"], strict=True):
            assert math.isclose(v, least(p), abs_tol=1e-6), (row["variable"], p, v, least(p))
        assert curve.iloc[0, 2:].tolist() == [0, 0]
        assert np.allclose(curve.iloc[-1, 2:].to_numpy(float), 1)
        for level, digits in (("市", 4), ("县", 6)):
            if row["variable"] == "cover" and level == "县":
                continue
            groups = sorted({k[:digits] for k in where})
            between = within = 0.0
            table = units[(units["level"] == level) & (units["variable"] == row["variable"])].set_index(
                "code"
            )
            for each in groups:
                inside = [(v, u) for v, u, k in items if k[:digits] == each]
                size, worth = sum(u for _, u in inside), sum(v * u for v, u in inside)
                own_t = theil_t(*zip(*inside, strict=True))  # type: ignore[arg-type]
                s, p = worth / (mean * total), size / total
                b, i = (s * math.log(s / p) if s else 0.0), (s * own_t if s else 0.0)
                between, within = between + b, within + i
                got = table.loc[each.ljust(6, "0")]
                assert math.isclose(got["people_share"], p, abs_tol=1e-9)
                assert math.isclose(got["value_share"], s, abs_tol=1e-6)
                assert math.isclose(got["mean"], worth / size, rel_tol=1e-6, abs_tol=1e-9)
                assert math.isclose(got["within_part"], i, abs_tol=1e-7), (row["variable"], each, got, i)
                assert math.isclose(got["between_part"], b, abs_tol=1e-7)
                assert math.isnan(own_t) or math.isclose(got["theil"], own_t, abs_tol=1e-7)
            line = theil[(theil["level"] == level) & (theil["variable"] == row["variable"])].iloc[0]
            assert math.isclose(line["between"], between, abs_tol=1e-7)
            assert math.isclose(line["within"], within, abs_tol=1e-7)
            assert math.isclose(line["theil"], whole, abs_tol=1e-7)
            if whole > 1e-9:
                assert math.isclose(line["between_share"], between / whole, abs_tol=1e-6)
                if level == "市":
                    assert math.isclose(row["between_share"], between / whole, abs_tol=1e-6)


def check_rules(own: Own) -> None:
    tables = {each.name: Seen(each) for each in answer(own.a, "rules")}
    demand, sites = own.demand, own.a.layer.table
    folk = own.folk
    code_of = demand.county_code[demand.county]
    dense = tables["密度"]
    levels = [
        ("省", ["36"]),
        ("市", sorted({c[:4] for c in demand.county_code})),
        ("县", sorted(demand.county_code)),
    ]
    prefixes = [each for _, codes in levels for each in codes]
    dense.is_("level", [level for level, codes in levels for _ in codes])
    dense.is_("code", [each.ljust(6, "0") for each in prefixes])
    lived = [sum(f for f, c in zip(folk, code_of, strict=True) if c.startswith(each)) for each in prefixes]
    count = [sum(c.startswith(each) for c in sites["county_code"]) for each in prefixes]
    dense.is_("residents", lived)
    dense.is_("sites", count)
    dense.is_("per_10k", [1e4 * n / w if w else math.nan for n, w in zip(count, lived, strict=True)])
    dense.skip("name", "city")
    dense.done()
    failing = []
    for rule in own.a.place.rules or ():
        if rule.kind == own.a.layer.kind:
            digits = 4 if rule.unit == "市" else 6
            for each in sorted({c[:digits] for c in demand.county_code}):
                found = sum(
                    c.startswith(each) and (not rule.site_levels or level in rule.site_levels)
                    for c, level in zip(sites["county_code"], sites["level"], strict=True)
                )
                if found < rule.minimum:
                    failing.append((rule.text, rule.kind, rule.unit, each.ljust(6, "0"), found, rule.minimum))
    for name, column in zip(
        ("rule", "kind", "level", "code", "sites", "minimum"), zip(*failing, strict=True), strict=False
    ):
        tables["未满足单位"].is_(name, column)
    for row in tables["配置要求"].frame.to_dict("records"):
        bad = [each for each in failing if each[0] == row["rule"]]
        assert (row["failing"], row["met"]) == (len(bad), not bad)
        assert row["units"] == len({c[: 4 if row["level"] == "市" else 6] for c in demand.county_code})
    if own.standard.compliance:
        _check_compliance(own, tables, folk)


def _check_compliance(own: Own, tables: dict[str, Seen], folk: list[int]) -> None:
    sites, demand = own.a.layer.table, own.demand
    code_of = demand.county_code[demand.county]
    whole, late = [], []
    for level, limit in own.standard.compliance:
        rows = [j for j, each in enumerate(sites["level"]) if each == f"{level}级"]
        stated = sites["readiness_min"].tolist() if "readiness_min" in sites else [math.nan] * len(sites)
        ready = [
            own.standard.mobilisation_s * 100 if each == "" or math.isnan(each) else round(each * 6000)  # type: ignore[operator]
            for each in stated
        ]
        arrive = [min((ready[j] + own.cost[c][j] for j in rows), default=NONE) for c in range(len(folk))]
        digits = {"省": 2, "市": 4, "县": 6}[level]
        for prefix in ["", *sorted({c[:digits] for c in demand.county_code})]:
            cells = [c for c in range(len(folk)) if folk[c] and code_of[c].startswith(prefix)]
            lived = sum(folk[c] for c in cells)
            served = sum(folk[c] for c in cells if arrive[c] <= limit * 100)
            worst = max((arrive[c] for c in cells), default=math.nan) / 6000
            n = sum(sites["county_code"][j].startswith(prefix) for j in rows)
            met = served == lived if lived else None
            line = (
                level,
                prefix.ljust(6, "0"),
                limit / 60,
                n,
                lived,
                served,
                over(served, lived),
                worst,
                met,
            )
            if not prefix:
                whole.append(line)
            elif met is not True:
                late.append(line)
    total = tables["时限达标"]
    total.is_("level", [f"{each[0]}级" for each in whole])
    for k, name in (
        (2, "limit_min"),
        (3, "sites"),
        (4, "residents"),
        (5, "served"),
        (6, "share"),
        (7, "worst_min"),
    ):
        total.is_(name, [each[k] for each in whole])
    total.is_("readiness_min", [own.standard.mobilisation_s / 60] * len(whole))  # type: ignore[operator]
    total.done()
    names = ("level", "code", "limit_min", "sites", "residents", "served", "share", "worst_min", "met")
    for name, column in zip(names, zip(*late, strict=True), strict=False):
        tables["时限未达标"].is_(name, column)
    assert len(tables["时限未达标"].frame) == len(late)


def check_capacity(own: Own) -> None:
    tables = [Seen(each) for each in answer(own.a, "capacity")]
    persons, need = capacities(own), needs(own)
    if len(tables) == 1:  # nothing is known of any site: no shortfall is made up
        stated, levels = own.a.layer.table["capacity"], dict(own.standard.capacity_by_level)
        assert own.n_sites
        assert stated.isna().all()
        assert not any(level in levels for level in own.a.layer.table["level"])
        return
    lack, loads, *rest = tables
    flow, open_, left = assigned(own, persons)
    assert own.a.need.tolist() == need
    near = [bool(own.near(row, own.main)) for row in range(len(own.cell))]
    member = own.a.zones.member.tolist()
    sums: dict[str, list[Fraction]] = {name: [Fraction(0)] * len(own.a.zones) for name in "wrso"}
    for row, cell in enumerate(own.cell):
        wanted = need[cell] * own.part
        sums["w"][member[cell]] += wanted
        sums["r"][member[cell]] += wanted * near[row]
        sums["s"][member[cell]] += wanted - open_[row]
        sums["o"][member[cell]] += wanted * (not near[row])
    own.units(lack)
    lack.whole("need", sums["w"])
    lack.whole("in_reach", sums["r"])
    lack.whole("served", sums["s"])
    lack.whole("out_of_reach", sums["o"])
    lack.whole("no_capacity", [r - s for r, s in zip(sums["r"], sums["s"], strict=True)])
    lack.whole("shortfall", [w - s for w, s in zip(sums["w"], sums["s"], strict=True)])
    lack.is_("share", map(over, sums["s"], sums["w"]))
    lack.done()
    used = [sum((f for (_, site), f in flow.items() if site == j), Fraction(0)) for j in range(own.n_sites)]
    table, end = own.a.layer.table, "min" if own.a.drive else "m"
    for name in ("id", "name", "level", "city", "county"):
        loads.is_(name, table[name])
    loads.is_("capacity", persons)
    loads.whole("assigned", used)
    loads.whole("unused", left)
    loads.is_("used_share", [over(u, p) for u, p in zip(used, persons, strict=True)])
    mean = [
        float(sum(f * Fraction(own.cost[i][s]) for (i, s), f in flow.items() if s == j) / used[j]) if used[j]
        else math.nan for j in range(own.n_sites)
    ]  # fmt: skip
    loads.is_(f"mean_cost_{end}", map(own.money, mean))
    far = [max((own.cost[i][s] for i, s in flow if s == j), default=math.nan) for j in range(own.n_sites)]
    loads.is_(f"farthest_cost_{end}", map(own.money, far))
    loads.skip("origin")
    loads.done()
    if rest:
        _check_resupply(own, *rest)


_RANK = {"县级": 0, "市级": 1, "省级": 2}


def _check_resupply(own: Own, counties: Seen, stores: Seen, sent: Seen) -> None:
    got = Supplied(own)
    table, codes = own.a.layer.table, own.demand.county_code.tolist()
    names, persons = table["name"].tolist(), capacities(own)
    by = [
        [sum(n for s, c, _, n in got.lots if (s, c) == (step, code)) for code in range(len(codes))]
        for step in range(3)
    ]
    met = [sum(each) for each in zip(*by, strict=True)]
    on_time = [
        sum(n for s, c, j, n in got.lots if c == code and got.in_time(s, c, j)) for code in range(len(codes))
    ]
    counties.is_("code", codes)
    counties.is_("need", got.need)
    for name, row in zip(("own", "from_city", "from_province"), by, strict=True):
        counties.is_(name, row)
    counties.is_("unmet", [w - m for w, m in zip(got.need, met, strict=True)])
    counties.is_("met_share", map(over, met, got.need))
    counties.is_("in_time", on_time)
    counties.is_("in_time_share", map(over, on_time, got.need))
    for step, name in enumerate(("own_min", "city_min", "province_min")):
        counties.is_(name, [got.first_help(step, code) for code in range(len(codes))])
    counties.is_("via_hub_min", [got.by_hub(code) for code in range(len(codes))])
    counties.is_(
        "hub", [names[each[0]] if (each := got.order[1][code]) else "" for code in range(len(codes))]
    )
    counties.is_("deliver_to", [names[j] if j is not None else "居民中心所在网格" for j in got.main])
    for code, text in enumerate(counties.frame["late_text"]):
        late = {s for s, c, j, n in got.lots if c == code and not got.in_time(s, c, j)}
        assert bool(text) == bool(late)
        assert all(step in text for step in [("本县", "市级枢纽", "省级中心")[s] for s in late])
    counties.skip("level", "name", "city", "late_text")
    counties.done()
    given_ = [sum(n for _, _, each, n in got.lots if each == j) for j in range(own.n_sites)]
    stores.is_("id", table["id"])
    stores.is_("capacity", persons)
    stores.is_("sent", given_)
    stores.is_("unused", [p - g for p, g in zip(persons, given_, strict=True)])
    stores.is_("used_share", map(over, given_, persons))
    upper = [got.upper(j) for j in range(own.n_sites)]
    stores.is_("upper", ["" if k is None else names[k] for k, _ in upper])
    stores.is_("upper_text", [text for _, text in upper])
    stores.is_(
        "upper_min",
        [
            math.nan if k is None else (got.ready[k] + got.between[k][j]) / 6000
            for j, (k, _) in enumerate(upper)
        ],
    )
    stores.skip("name", "level", "city", "county", "origin")
    stores.done()
    limits = dict(own.standard.compliance)
    lots = sorted(
        got.lots, key=lambda lot: (lot[1], lot[0], got.arrive(lot[0], lot[1], lot[2]), table["id"][lot[2]])
    )
    sent.is_("code", [codes[c] for _, c, _, _ in lots])
    sent.is_("store_id", [table["id"][j] for _, _, j, _ in lots])
    sent.is_("step", [("本县", "市级枢纽", "省级中心")[s] for s, *_ in lots])
    sent.is_("persons", [n for *_, n in lots])
    sent.is_("minutes", [got.arrive(s, c, j) / 6000 for s, c, j, _ in lots])
    sent.is_("limit_min", [limits["县市省"[s]] / 60 for s, *_ in lots])
    sent.is_("in_time", [got.in_time(s, c, j) for s, c, j, _ in lots])
    sent.skip("level", "name", "city", "store")
    sent.done()


class Supplied:
    """The hub-and-spoke resupply in rounds, written down anew."""

    def __init__(self, own: Own) -> None:
        self.own, table, demand = own, own.a.layer.table, own.demand
        self.sites, codes = range(own.n_sites), demand.county_code.tolist()
        self.rank = [_RANK[level] for level in table["level"]]
        self.home = [codes.index(code) for code in table["county_code"]]
        self.city = [code[:4] for code in table["county_code"]]
        self.codes, self.ids = codes, table["id"].tolist()
        self.ready = [
            own.standard.mobilisation_s * 100 if math.isnan(each) else round(each * 6000)  # type: ignore[operator]
            for each in table["readiness_min"]
        ]
        self.between, need = own.between, needs(own)
        self.need = [
            sum(n for n, c in zip(need, demand.county, strict=True) if c == k) for k in range(len(codes))
        ]
        self.middle = [self._middle(k) for k in range(len(codes))]
        self.main = [
            min(
                (j for j in self.sites if self.home[j] == k and not self.rank[j]),
                key=lambda j: (own.cost[self.middle[k]][j], self.ids[j]),
                default=None,
            )
            for k in range(len(codes))
        ]
        self.order = [[self._order(step, k) for k in range(len(codes))] for step in range(3)]
        self.lots = self._rounds()

    def _middle(self, county: int) -> int:
        demand = self.own.demand
        cells = [i for i, c in enumerate(demand.county.tolist()) if c == county]
        weight = [int(demand.residents[i]) for i in cells]
        lived = any(weight)
        points = [
            (math.cos(b) * math.cos(a), math.cos(b) * math.sin(a), math.sin(b))
            for a, b in ((math.radians(demand.lon[i]), math.radians(demand.lat[i])) for i in cells)
        ]
        centre = [
            sum((w if lived else 1) * p[k] for w, p in zip(weight, points, strict=True)) for k in range(3)
        ]
        length = math.hypot(*centre)
        away = [
            round(
                6_371_008.8 * math.acos(min(1, sum(u * v for u, v in zip(p, centre, strict=True)) / length)),
                1,
            )
            for p in points
        ]
        return min((d, i) for d, i, w in zip(away, cells, weight, strict=True) if w or not lived)[1]

    def arrive(self, step: int, county: int, site: int) -> float:
        """Centiseconds from the order until a store's help is where it is delivered."""
        target = self.main[county]
        if step == 0 or target is None:
            return self.ready[site] + self.own.cost[self.middle[county]][site]
        return self.ready[site] + self.between[site][target]

    def in_time(self, step: int, county: int, site: int) -> bool:
        return self.arrive(step, county, site) <= dict(self.own.standard.compliance)["县市省"[step]] * 100

    def upper(self, site: int) -> tuple[int | None, str]:
        """Return the store that resupplies a store, and how that is known."""
        if self.rank[site] == 2:
            return None, "最上级"

        def near(some: list[int]) -> int | None:
            there = [(self.between[k][site], self.ids[k], k) for k in some if self.between[k][site] < NONE]
            return min(there)[2] if there else None

        hubs = [k for k in self.sites if self.rank[k] == 1]
        if self.rank[site] == 0:
            for some, text in (
                ([k for k in hubs if self.city[k] == self.city[site]], "本市枢纽"),
                (hubs, "外市最近枢纽"),
            ):
                if (k := near(some)) is not None:
                    return k, text
        k = near([k for k in self.sites if self.rank[k] == 2])
        return k, "无" if k is None else "省级中心"

    def _order(self, step: int, county: int) -> list[int]:
        come = sorted(
            (self.arrive(step, county, j), self.ids[j], j) for j in self.sites if self.rank[j] == step
        )
        able = [j for time, _, j in come if time < NONE]
        if step == 0:
            return [j for j in able if self.home[j] == county]
        if step == 1:
            own = [j for j in self.sites if self.home[j] == county and not self.rank[j]]
            above = {self.upper(j)[0] for j in own}
            return [j for j in able if j in above or self.city[j] == self.codes[county][:4]] or able[:1]
        return able

    def _rounds(self) -> list[tuple[int, int, int, int]]:
        lack, left, lots = list(self.need), capacities(self.own), []
        for step, turn in product(range(3), range(self.own.n_sites)):
            asked: dict[int, list[int]] = defaultdict(list)
            for county, order in enumerate(self.order[step]):
                if turn < len(order) and lack[county]:
                    asked[order[turn]].append(county)
            for site, counties in asked.items():
                give = min(left[site], sum(lack[c] for c in counties))
                for c, n in zip(counties, hamilton(give, [Fraction(lack[c]) for c in counties]), strict=True):
                    lack[c], left[site] = lack[c] - n, left[site] - n
                    if n:
                        lots.append((step, c, site, n))
        return lots

    def first_help(self, step: int, county: int) -> float:
        """Minutes until the first help of a step: no way is inf, no such store NaN."""
        if self.order[step][county]:
            return self.arrive(step, county, self.order[step][county][0]) / 6000
        there = [j for j in self.sites if self.rank[j] == step and (step or self.home[j] == county)]
        return NONE if there else math.nan

    def by_hub(self, county: int) -> float:
        centres = [j for j in self.sites if self.rank[j] == 2]
        hubs = self.order[1][county]
        if not centres or not hubs:
            return math.nan
        return (
            min(
                self.ready[a] + self.between[a][b] + self.arrive(1, county, b) - self.ready[b]
                for a, b in product(centres, hubs)
            )
            / 6000
        )


def check_hours(own: Own) -> None:
    week, hourly, alone, plan = (Seen(each) for each in answer(own.a, "hours"))
    table, zones = own.a.layer.table, len(own.a.zones)
    opened = [[bool(x) for x in row] for row in zip(*(
        open_at(own.a.layer, own.standard, day=h // 24, minute=h % 24 * 60).tolist() for h in range(168)
    ), strict=True)]  # fmt: skip
    near = [own.near(row, own.main) for row in range(len(own.cell))]
    kinds: dict[tuple[int, ...], list[bool]] = {}
    for js in near:
        if tuple(js) not in kinds:
            kinds[tuple(js)] = [any(opened[j][h] for j in js) for h in range(168)]
    lived = own.totals()
    by_hour = [own.zoned(lambda row: kinds[tuple(near[row])][h]) for h in range(168)]  # noqa: B023
    always = own.zoned(lambda row: bool(near[row]))
    own.units(week)
    week.whole("residents", lived)
    week.is_("limit_text", [own.standard.limit_text(own.standard.main)] * zones)
    week.whole("always_served", always)
    week.is_("always_share", map(over, always, lived))
    periods = {
        "week": list(range(168)),
        "day": [24 * d + h for d in range(5) for h in range(8, 18)],
        "night": [24 * d + h for d in range(7) for h in (22, 23, 0, 1, 2, 3, 4, 5)],
        "weekend": list(range(120, 168)),
    }
    for name, hours in periods.items():
        mean = [sum((by_hour[h][z] for h in hours), Fraction(0)) / len(hours) for z in range(zones)]
        week.whole(f"{name}_served", mean)
        week.is_(f"{name}_share", map(over, mean, lived))
        week.is_(
            f"{name}_loss", [1 - over(m, w) if w else math.nan for m, w in zip(mean, always, strict=True)]
        )
    for name, pick in (("best", max), ("worst", min)):
        ends = [pick(by_hour[h][z] for h in range(168)) for z in range(zones)]
        week.is_(f"{name}_share", map(over, ends, lived))
        for z, (end, text) in enumerate(zip(ends, week.frame[f"{name}_text"], strict=True)):
            same = [h for h in range(168) if by_hour[h][z] == end]
            if len(same) < 168 and lived[z]:
                day = f"周{'一二三四五六日'[same[0] // 24]} {same[0] % 24:02d}:00"
                assert text.startswith(day), (text, day)
                assert len(same) == 1 or f"{len(same)} 小时" in text, (text, len(same))
    week.skip("best_text", "worst_text", "loss_text")
    week.done()
    folk = own.folk
    total = [
        sum((folk[c] * own.part for row, c in enumerate(own.cell) if kinds[tuple(near[row])][h]), Fraction(0))
        for h in range(168)
    ]
    hourly.whole("served", total)
    hourly.is_("share", [over(each, sum(folk)) for each in total])
    hourly.is_("hour", range(168))
    gains, order, cumulative = _greedy(own, near, opened)
    frame = alone.frame
    assert frame["id"].tolist() == [
        table["id"][j] for j in sorted(range(own.n_sites), key=lambda j: (-gains[j], j))
    ]
    ids = {name: j for j, name in enumerate(table["id"])}
    for row in frame.to_dict("records"):
        j = ids[row["id"]]
        assert abs(row["gain_hours"] - gains[j]) < 1, (row, gains[j])
        assert abs(row["gain_mean"] - gains[j] / 168) <= 1
        assert row["hours_open"] == sum(opened[j])
    top = own.a.question.top
    assert plan.frame["id"].tolist() == [table["id"][j] for j, _ in order][:top]
    ceiling = sum((folk[c] * own.part for row, c in enumerate(own.cell) if near[row]), Fraction(0))
    mean = sum(total, Fraction(0)) / 168
    for row, (_, gain), gone in zip(plan.frame.to_dict("records"), order, cumulative, strict=False):
        assert abs(row["gain_hours"] - gain) < 1
        assert abs(row["cumulative_hours"] - gone) < 1
        assert abs(row["cumulative_mean"] - gone / 168) <= 1
        assert _same(row["share_after"], float((mean + gone / 168) / sum(folk)))
        assert _same(row["of_ceiling"], float(gone / 168 / (ceiling - mean)))


def _greedy(
    own: Own, near: list[list[int]], opened: list[list[bool]]
) -> tuple[list[Fraction], list[tuple[int, Fraction]], list[Fraction]]:
    """Gains of every site alone, and the best next one again and again."""

    def gain(j: int, chosen: list[int]) -> Fraction:
        found = Fraction(0)
        for row, c in enumerate(own.cell):
            if j in near[row] and not set(chosen) & set(near[row]):
                found += (
                    own.folk[c] * own.part * sum(not any(opened[k][h] for k in near[row]) for h in range(168))
                )
        return found

    alone = [gain(j, []) for j in range(own.n_sites)]
    chosen: list[tuple[int, Fraction]] = []
    while True:
        rest = [
            (-gain(j, [k for k, _ in chosen]), j)
            for j in range(own.n_sites)
            if j not in [k for k, _ in chosen]
        ]
        if not rest or not -min(rest)[0]:
            break
        chosen.append((min(rest)[1], -min(rest)[0]))
    return alone, chosen, [sum((g for _, g in chosen[: k + 1]), Fraction(0)) for k in range(len(chosen))]


CHECKS: dict[str, Callable[[Own], None]] = {
    "states": check_states,
    "bands": check_bands,
    "backup": check_backup,
    "equity": check_equity,
    "access": check_access,
    "rules": check_rules,
    "capacity": check_capacity,
    "hours": check_hours,
}


# --- the worlds ------------------------------------------------------------------------------------------


def drive_costs(
    network: Network, demand: Demand, layer: Layer, standard: Standard
) -> tuple[list[list[float]], list[list[float]]]:
    """Centiseconds by cell and site, and from site to site: cells stand at nodes, sites go to the nearest."""
    graph, table = gridworld.as_graph(network), layer.table
    ends = []
    for lon, lat in zip(table["lon"], table["lat"], strict=True):
        metres = haversine_m(lon, lat, network.lon, network.lat)
        node = int(np.argmin(metres))
        ends.append((node, round(float(metres[node]) * standard.detour / (standard.access_kmh / 3.6) * 100)))
    times = [gridworld.times_from(graph, node) for node, _ in ends]
    cost = [
        [extra + way.get(i, NONE) for way, (_, extra) in zip(times, ends, strict=True)]
        for i in range(len(demand.cell))
    ]
    between = [
        [0 if j == k else extra + way.get(node, NONE) + more for k, (node, more) in enumerate(ends)]
        for j, (way, (_, extra)) in enumerate(zip(times, ends, strict=True))
    ]
    return cost, between


HOURS = (
    "",
    "24小时",
    "周一至周五 08:00-17:30",
    "周六、周日 09:00-12:00",
    "周三 22:30-01:30",
    "周一至周日 06:00-20:00",
)
LEVEL = ("县级", "市级", "省级")
RULES = (
    Rule("warehouse", "市", 1, ("市级",), "每市一处枢纽", "测试"),
    Rule("warehouse", "县", 2, (), "每县两处", "测试"),
    Rule("team", "县", 1, (), "别的", "测试"),
)


def grid_own(seed: int, k: int, n_sites: int, question: Question, **of_standard: Any) -> Own:
    """Make a random grid: one-way and slow roads, an island, residents that are powers of two or none."""
    rng = np.random.default_rng(seed)
    base = gridworld.grid_network(k)
    tail = np.repeat(np.arange(base.n_nodes), np.diff(base.start))
    keep = rng.random(len(tail)) > 0.15
    island = {k * k - 1, k * k - 2}
    keep &= np.array([(a in island) == (b in island) for a, b in zip(tail, base.head, strict=True)])
    time = rng.choice([300, 600, 600, 600, 1200], len(tail)) * 100
    network = gridworld.make_network(tail[keep], base.head[keep], time[keep], lon=base.lon, lat=base.lat)
    folk = 2 ** (rng.permutation(k * k) % 20).astype(np.int64)
    folk[rng.random(k * k) < 0.15] = 0
    demand = gridworld.grid_demand(k, residents=folk)
    lon, lat = gridworld.at_nodes(network, rng.integers(0, k * k, n_sites).tolist())
    off = rng.choice([0.0, 0.0, 0.01], n_sites)
    layer = gridworld.make_layer(
        "warehouse", lon + off, lat, demand=demand, level=rng.choice(LEVEL, n_sites),
        capacity=rng.choice([np.nan, 0, 3, 100, 10.0**6], n_sites), hours=rng.choice(HOURS, n_sites),
        readiness_min=rng.choice([np.nan, 0, 30.5], n_sites),
    )  # fmt: skip
    fields: dict[str, Any] = {
        "compliance": (("县", 3600), ("市", 7200), ("省", 9000)),
        "mobilisation_s": 1800,
        "capacity_by_level": (("市级", 500),),
        "need_share": 0.03,
        **of_standard,
    }
    standard = gridworld.drive_standard(**fields)
    place = Place(demand, gridworld.make_gazetteer(demand), rules=RULES)
    a = Assessment(place, network, layer, standard, question)
    cost, between = drive_costs(network, demand, layer, standard)
    return Own(a, cost, list(range(k * k)), Fraction(1), cost, [True] * (k * k), between)


def walk_own(
    seed: int, n_sites: int, question: Question, *, ways: bool = False, kind: Kind = "aed", **of_standard: Any
) -> Own:
    """Make a town of hexagons, some empty, with sites in it; with ``ways`` on a lattice of footpaths."""
    rng = np.random.default_rng(seed)
    demand = gridworld.hex_demand(1)
    folk = rng.choice([0, 343 * 16, 343 * 64, 1000, 37, 5], len(demand.cell))
    demand = replace(demand, residents=folk, urban=folk // 2, age_60=folk // 4, age_65=folk // 8)
    at = rng.integers(0, len(folk), n_sites)
    lon, lat = (
        demand.lon[at] + rng.choice([0, 0.004], n_sites),
        demand.lat[at] + rng.choice([0, 0.003], n_sites),
    )
    layer = gridworld.make_layer(
        kind,
        lon,
        lat,
        demand=demand,
        capacity=rng.choice([np.nan, 0, 3, 40], n_sites),
        hours=rng.choice(HOURS, n_sites),
    )
    network = footpaths(rng, demand) if ways else gridworld.grid_network(2)
    fields: dict[str, Any] = {
        "limits": (300, 700, 1500),
        "main": 700,
        "detour": 1.3,
        "need_share": 0.1,
        **of_standard,
    }
    standard = replace(gridworld.walk_standard(**fields), kind=kind)
    a = Assessment(Place(demand, gridworld.make_gazetteer(demand)), network, layer, standard, question)
    children = [h3.cell_to_children(c, 10) for c in demand.cell.tolist()]
    points = [h3.cell_to_latlng(int(child)) for each in children for child in each]
    cell = [i for i, each in enumerate(children) for _ in each]
    far = foot_costs if ways else straight_costs
    rows = far(a, [x for _, x in points], [y for y, _ in points])
    centre = far(a, demand.lon.tolist(), demand.lat.tolist())
    return Own(a, rows, cell, Fraction(1, 343), centre, [True] * len(folk))


def straight_costs(a: Assessment, lon: Sequence[float], lat: Sequence[float]) -> list[list[float]]:
    """Centimetres as the crow flies, times the detour."""
    sites = list(zip(a.layer.table["lon"], a.layer.table["lat"], strict=True))
    x, y = np.array(lon), np.array(lat)
    columns = [np.rint(haversine_m(x, y, u, v) * a.standard.detour * 100) for u, v in sites]
    return np.column_stack(columns).tolist() if columns else [[] for _ in lon]


def footpaths(rng: np.random.Generator, demand: Demand) -> Network:
    """Lay a lattice of paths over the town, some of them missing, one way or in an island."""
    west, east, south, north = demand.lon.min(), demand.lon.max(), demand.lat.min(), demand.lat.max()
    x, y = np.meshgrid(np.linspace(west - 0.01, east + 0.01, 16), np.linspace(south - 0.01, north + 0.01, 16))
    x, y, node = x.ravel(), y.ravel(), np.arange(256).reshape(16, 16)
    a = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    b = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    tail, head = np.concatenate([a, b]), np.concatenate([b, a])
    keep = (rng.random(len(tail)) > 0.1) & ((tail % 16 < 3) == (head % 16 < 3))
    tail, head = tail[keep], head[keep]
    metres = haversine_m(x[tail], y[tail], x[head], y[head])
    network = gridworld.make_network(
        tail, head, np.full(len(tail), 100), lon=x, lat=y, metres=metres, kind=np.full(256, NODE_JUNCTION)
    )
    return replace(network, meta={"mode": "walk"})


def foot_costs(a: Assessment, lon: Sequence[float], lat: Sequence[float]) -> list[list[float]]:
    """Centimetres along the footpaths from the nearest nodes, by networkx."""
    network, found = a.network, []
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(network.n_nodes))
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.start)).tolist()
    for p, q, m in zip(tail, network.head.tolist(), network.metres.tolist(), strict=True):
        graph.add_edge(p, q, cm=max(round(m * 100), 1))

    def meet(x: float, y: float) -> tuple[int, int]:
        metres = haversine_m(x, y, network.lon, network.lat)
        node = int(np.argmin(metres))
        return node, round(float(metres[node]) * a.standard.detour * 100)

    ends = [meet(x, y) for x, y in zip(lon, lat, strict=True)]
    for x, y in zip(a.layer.table["lon"], a.layer.table["lat"], strict=True):
        node, extra = meet(x, y)
        way = nx.single_source_dijkstra_path_length(graph, node, weight="cm")
        found.append([way.get(end, NONE) + extra + more for end, more in ends])
    return [list(each) for each in zip(*found, strict=True)] if found else [[] for _ in lon]


def road_own(seed: int, question: Question, **of_standard: Any) -> Own:
    """Make bent roads with cells and sites beside them, some on one road, some far from every road."""
    rng = np.random.default_rng(seed)
    network, demand = shapeworld.random_roads(seed), gridworld.grid_demand(4)
    lon, lat = shapeworld.points_on_roads(network, seed, 16)
    lon, lat = lon.copy(), lat.copy()
    lon[[3, 14]] += 1.0
    demand = replace(demand, lon=lon, lat=lat)
    x, y = shapeworld.points_on_roads(network, seed + 1, 5)
    x, y = x.copy(), y.copy()
    x[4], y[4], y[3] = x[2], y[2], y[3] + 1.0
    layer = gridworld.make_layer(
        "warehouse", x, y, demand=demand, level=rng.choice(LEVEL, 5), hours=rng.choice(HOURS, 5),
        capacity=rng.choice([np.nan, 3, 100, 10.0**6], 5), readiness_min=rng.choice([np.nan, 1.0], 5),
    )  # fmt: skip
    fields: dict[str, Any] = {"limits": (30, 60, 90), "main": 60, **of_standard}
    standard = gridworld.drive_standard(**fields)
    a = Assessment(
        Place(demand, gridworld.make_gazetteer(demand), rules=RULES), network, layer, standard, question
    )
    sites, cells = (
        snap.attach(network, *points, detour=1.3, speed_kmh=20.0, limit_m=5000.0)
        for points in ((x, y), (lon, lat))
    )
    graph = shapeworld.split_graph(network, sites, cells)
    cost = shapeworld.times_between(graph, 5, 16).T.tolist()
    return Own(a, cost, list(range(16)), Fraction(1), cost, cells.met.tolist())
