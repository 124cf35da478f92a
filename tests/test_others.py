"""The sites of the types that are no layer: host venues, volunteers, stations; from a file and a server."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from boai.app import workspace
from boai.geodata.errors import WorkspaceError
from boai.geodata.registry import open_registry
from boai.geodata.registry.others import COLUMNS, Others
from boai.geodata.registry.reading import load_all

pytest_plugins = ["postgis"]

WHO = {"who": "张三", "file": "x.xlsx"}
SCHOOLS = pd.DataFrame(
    {
        "id": ["s1", "s2", "s3"],
        "name": ["一小", "=二小", "三小"],
        "lon": [115.9, np.nan, 116.0],
        "lat": [28.7, np.nan, 28.8],
        "county": ["甲县", "甲县", "乙县"],
        "county_code": ["360101", "360101", "360102"],
        "level": ["", "县级", ""],
        "status": ["已建", "", "停用"],
        "year": [2020, None, None],
        "capacity": [None, 120, None],
        "example": [False, False, True],
    }
)


@pytest.fixture(params=["geopackage", "postgis"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    address = str(tmp_path / "layers.gpkg")
    if request.param == "postgis":
        address = request.getfixturevalue("postgis_server").new_database()
    with open_registry(address, create=True) as registry:
        registry.apply("school", SCHOOLS, **WHO)
        registry.apply("aed", SCHOOLS.assign(status="已建"), **WHO)
        registry.apply("station", SCHOOLS.iloc[:1], **WHO)
        registry.apply("clinic", SCHOOLS.iloc[:1], **WHO)
        registry.apply("clinic", SCHOOLS.iloc[:0], delete=["s1"], **WHO)
    yield address


def others_of(target: str) -> Others:
    return Others(target, load_all(target)[1])


def test_every_site_of_the_other_types_with_its_status(target: str) -> None:
    others = others_of(target)
    assert list(others) == ["school", "station"]  # no layer, and no type that has lost its last site
    assert "aed" not in others
    table = others["school"]
    assert list(table.columns) == list(COLUMNS)
    assert table["name"].tolist() == ["一小", "=二小", "三小"]
    assert table["status"].tolist() == ["已建", "", "停用"]
    assert table["county_code"].tolist() == ["360101", "360101", "360102"]
    assert table["example"].tolist() == [False, False, True]
    np.testing.assert_array_equal(table["lon"], [115.9, np.nan, 116.0])
    np.testing.assert_array_equal(table["year"], [2020, np.nan, np.nan])
    np.testing.assert_array_equal(table["capacity"], [np.nan, 120, np.nan])
    assert (table["level"].tolist(), table["host"].tolist()) == (["", "县级", ""], ["", "", ""])
    assert others["school"] is table  # read once
    with pytest.raises(KeyError):
        others["hospital"]


def test_they_go_to_another_process(target: str) -> None:
    others = pickle.loads(pickle.dumps(others_of(target)))
    assert len(others["school"]) == 3


def test_sites_that_changed_meanwhile_are_refused(target: str) -> None:
    others = others_of(target)
    with open_registry(target) as registry:
        registry.apply("station", SCHOOLS.iloc[1:], **WHO)
    assert len(others["school"]) == 3
    with pytest.raises(WorkspaceError, match="station 的站点在运行中被改动; 请再运行一次"):
        others["station"]
    assert len(others_of(target)["station"]) == 3


def test_a_workspace_brings_them_and_its_hash_tells_them(own_workspace: Path) -> None:
    before = workspace.load_world(workspace.open_workspace(own_workspace))
    assert dict(before.resources) == {}
    with open_registry(own_workspace / "layers.gpkg") as registry:
        registry.apply("school", SCHOOLS, **WHO)
    after = workspace.load_world(workspace.open_workspace(own_workspace))
    assert after.resources["school"]["id"].tolist() == ["s1", "s2", "s3"]
    assert after.hashes["layers"] != before.hashes["layers"]
    assert after.layers["training"].table.empty  # a registry of before the fifth layer opens
