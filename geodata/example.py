"""The labelled example layers (示例数据): synthetic, deterministic, calibrated to the published totals."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from .layers import COLUMNS, EXAMPLE, NUMBERS, Kind, Layer
from .names import CITY

if TYPE_CHECKING:
    from .boundaries import Units
    from .demand import Demand
    from .gazetteer import Gazetteer

_JITTER_DEG = 0.006
"""Sites lie up to 0.6 km from their cell's centre, well inside the hexagon (inradius about 1.2 km)."""


def read_parameters() -> dict[str, Any]:
    """Read the counts and rules of the example layers, each with its source or the word assumption."""
    text = (files("boai.geodata") / "tables" / "example.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def build(gaz: Gazetteer, demand: Demand, units: Units) -> dict[Kind, Layer]:
    """Make the four example layers; the same inputs give the same rows.

    AEDs and 博爱家园 lie in cells drawn by their urban or all residents; stores and teams at the seats of
    their unit: one provincial centre and 11 hubs, 11 city teams, and a part of the counties drawn by lot.
    """
    rules = read_parameters()
    rng = np.random.Generator(np.random.PCG64(rules["seed"]))
    aed = _scattered(demand, units, rules["aed"], rng, "AED", weight=demand.urban)
    home = _scattered(demand, units, rules["home"], rng, "博爱家园", weight=demand.residents)
    stores, teams = _stores(gaz, demand, units, rules, rng), _teams(gaz, demand, units, rules, rng)
    # Lots of their own for what came later: sites stay where they were, and each attribute as it was.
    hours, above, members = (np.random.Generator(np.random.PCG64([rules["seed"], i])) for i in (1, 2, 3))
    return {
        "aed": _layer("aed", aed.assign(hours=_hours(aed["host"].to_list(), rules["aed"], hours))),
        "home": _layer("home", home),
        "warehouse": _layer("warehouse", stores.assign(parent=_parents(stores, rules["warehouse"], above))),
        "team": _layer("team", teams.assign(members=_members(teams, rules["team"], members))),
    }


def _layer(kind: Kind, table: pd.DataFrame) -> Layer:
    count = len(table)
    blank: dict[str, Any] = {name: [""] * count for name in COLUMNS}
    blank |= {name: [np.nan] * count for name in NUMBERS}
    full = pd.DataFrame({**blank, **{str(name): table[name].to_list() for name in table.columns}})
    full["id"] = [f"{kind}-{number:04d}" for number in range(1, count + 1)]
    full["status"] = "已建"
    full["source"] = EXAMPLE
    return Layer(kind, full[list(COLUMNS)], example=True)


def _unit_columns(demand: Demand, county: NDArray[np.int32]) -> dict[str, NDArray[np.str_]]:
    return {
        "county_code": demand.county_code[county],
        "county": demand.county_name[county],
        "city": demand.city_name[county],
    }


def _scattered(
    demand: Demand,
    units: Units,
    rule: dict[str, Any],
    rng: np.random.Generator,
    word: str,
    *,
    weight: NDArray[np.int64],
) -> pd.DataFrame:
    """Draw ``count`` sites: counties by weight and lot, cells in them by weight."""
    from .boundaries import locate  # noqa: PLC0415 (geopandas is slow to import, and only building needs it)

    n_counties = len(demand.county_code)
    spread = float(rule.get("spread", 0.0))
    by_county = np.bincount(demand.county, weights=weight, minlength=n_counties)
    lot = 1 - spread + 2 * spread * rng.random(n_counties)
    share = by_county * lot
    odds = weight * (share / np.maximum(by_county, 1))[demand.county]
    ladder = np.cumsum(odds)
    cell = np.searchsorted(ladder, rng.random(rule["count"]) * ladder[-1], side="right")
    cell = np.sort(cell)
    angle, radius = 2 * np.pi * rng.random(len(cell)), _JITTER_DEG * np.sqrt(rng.random(len(cell)))
    lon = demand.lon[cell] + radius * np.cos(angle)
    lat = demand.lat[cell] + radius * np.sin(angle)
    strayed = locate(units, lon, lat) != demand.county[cell]
    lon, lat = np.where(strayed, demand.lon[cell], lon), np.where(strayed, demand.lat[cell], lat)
    hosts = np.array(rule["hosts"])[rng.integers(0, len(rule["hosts"]), len(cell))]
    county = demand.county[cell]
    names = [
        f"示例{word}·{place}{host}" for place, host in zip(demand.county_name[county], hosts, strict=True)
    ]
    place = {"lon": lon.round(6), "lat": lat.round(6), "host": hosts}
    return pd.DataFrame({"name": names, **_unit_columns(demand, county), **place})


def _seats(gaz: Gazetteer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of the county seats in the order of the counties."""
    rows = np.flatnonzero(np.asarray(gaz.level) == 2)
    rows = rows[np.argsort(np.asarray(gaz.county)[rows], kind="stable")]
    return np.asarray(gaz.lon)[rows], np.asarray(gaz.lat)[rows]


def _city_seat(gaz: Gazetteer, units: Units) -> NDArray[np.int32]:
    """County that stands for each city, by code: the one that holds the city's place in the gazetteer."""
    from .boundaries import locate  # noqa: PLC0415 (geopandas is slow to import, and only building needs it)

    city = np.flatnonzero(np.asarray(gaz.level) == CITY)
    return np.sort(locate(units, np.asarray(gaz.lon)[city], np.asarray(gaz.lat)[city]))


def _hours(hosts: list[str], rule: dict[str, Any], rng: np.random.Generator) -> list[str]:
    """Draw the opening hours of each site among those of its kind of place; empty where not stated."""
    stated = rng.random(len(hosts)) >= rule["hours_unstated"]
    lot = rng.random(len(hosts))
    usual = [rule["hours"][host] for host in hosts]
    return [
        some[int(part * len(some))] if told else ""
        for some, part, told in zip(usual, lot.tolist(), stated.tolist(), strict=True)
    ]


def _parents(stores: pd.DataFrame, rule: dict[str, Any], rng: np.random.Generator) -> list[str]:
    """Name the hub of the city as the store above for a part of the county stores."""
    hubs = stores[stores["level"] == "市级"]
    hub = dict(zip(hubs["city"], hubs["name"], strict=True))
    stated = (stores["level"] == "县级") & (rng.random(len(stores)) < rule["parent_stated"])
    return [hub[city] if told else "" for city, told in zip(stores["city"], stated, strict=True)]


def _members(teams: pd.DataFrame, rule: dict[str, Any], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw how many people each team has."""
    least, most = np.array([rule["members"][level] for level in teams["level"]], np.int64).reshape(-1, 2).T
    return rng.integers(least, most, endpoint=True).astype(np.float64)


def _persons(rule: dict[str, Any], level: str, fill: float) -> float:
    """Persons for whom a store holds goods."""
    return float(rule["persons"][level] * rule["fill"] * fill)


def _stock(rule: dict[str, Any], persons: float) -> str:
    return json.dumps(
        {item: round(persons * each) for item, each in rule["items"].items()}, ensure_ascii=False
    )


def _stores(
    gaz: Gazetteer, demand: Demand, units: Units, rules: dict[str, Any], rng: np.random.Generator
) -> pd.DataFrame:
    rule = rules["warehouse"]
    hubs = _city_seat(gaz, units)
    rest = np.setdiff1d(np.arange(len(demand.county_code), dtype=np.int32), hubs)
    stores = np.sort(rng.permutation(rest)[: rule["county_stores"]])
    county = np.concatenate([hubs[:1], hubs, stores])
    lon, lat = (place[county] for place in _seats(gaz))
    # The provincial centre stands at the capital's own place, apart from the hub at the seat of its district.
    lon[0], lat[0] = gaz.lon[0], gaz.lat[0]
    level = ["省级"] + ["市级"] * len(hubs) + ["县级"] * len(stores)
    fill = 0.5 + rng.random(len(county))
    persons = [_persons(rule, name, amount) for name, amount in zip(level, fill.tolist(), strict=True)]
    names = _unit_columns(demand, county)
    whose = ["江西省", *names["city"][1 : len(hubs) + 1], *names["county"][len(hubs) + 1 :]]
    return pd.DataFrame(
        {
            "name": [f"示例{name}备灾仓库" for name in whose],
            **names,
            "lon": lon.round(6),
            "lat": lat.round(6),
            "level": level,
            "readiness_min": float(rule["readiness_min"]),
            "capacity": [float(round(each)) for each in persons],
            "stock": [_stock(rule, each) for each in persons],
            "stock_date": rules["stock_date"],
            "phone": rules["phone"],
        }
    )


def _teams(
    gaz: Gazetteer, demand: Demand, units: Units, rules: dict[str, Any], rng: np.random.Generator
) -> pd.DataFrame:
    rule = rules["team"]
    cities = _city_seat(gaz, units)
    rest = np.setdiff1d(np.arange(len(demand.county_code), dtype=np.int32), cities)
    counties = np.sort(rng.permutation(rest)[: rule["county_teams"]])
    county = np.concatenate([cities, counties])
    level = ["市级"] * len(cities) + ["县级"] * len(counties)
    lon, lat = _seats(gaz)
    names = _unit_columns(demand, county)
    whose = [*names["city"][: len(cities)], *names["county"][len(cities) :]]
    speciality = np.array(rule["specialities"])[rng.integers(0, len(rule["specialities"]), len(county))]
    return pd.DataFrame(
        {
            "name": [f"示例{name}{word}救援队" for name, word in zip(whose, speciality, strict=True)],
            **names,
            "lon": lon[county].round(6),
            "lat": lat[county].round(6),
            "level": level,
            "readiness_min": [float(rule["readiness_min"][name]) for name in level],
            "speciality": speciality,
            "phone": rules["phone"],
        }
    )
