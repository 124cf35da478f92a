"""The facts that the project carries are those that were gathered, and add up."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest
import yaml

TABLES = files("boai.geodata") / "tables"


@pytest.mark.parametrize(
    "name", ["counties_2020.csv", "expressways.yaml", "national_highways.yaml", "road_distances.csv"]
)
def test_carried_tables_are_unchanged(shared: Path, name: str) -> None:
    assert (TABLES / name).read_bytes() == (shared / "data" / "facts" / name).read_bytes()


def test_every_road_names_counties_of_the_census() -> None:
    census = pd.read_csv(str(TABLES / "counties_2020.csv"), dtype={"adcode": str})
    names = set(census["name"])
    roads = yaml.safe_load((TABLES / "expressways.yaml").read_text(encoding="utf-8"))["expressways"]
    roads += yaml.safe_load((TABLES / "national_highways.yaml").read_text(encoding="utf-8"))[
        "national_highways"
    ]
    assert len(roads) > 30
    assert not {county for road in roads for county in road["counties"]} - names


def test_every_published_distance_has_its_source() -> None:
    table = pd.read_csv(str(TABLES / "road_distances.csv"))
    assert table["source"].str.contains("http").all()
    assert table[["km", "minutes"]].notna().any(axis=1).all()
