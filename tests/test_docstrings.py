"""Every example in a docstring runs and gives what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

PACKAGES = (
    "app", "app.desk", "app.publish", "app.server",
    "coverage", "coverage.hierarchy", "coverage.siting", "coverage.travel", "geodata",
    "geodata.intake", "geodata.osm", "geodata.registry", "maps", "maps.exports", "maps.report",
    "maps.sheets", "scenarios",
    "scenarios.ledger",
)  # fmt: skip
MODULES = [
    module.name
    for package in (importlib.import_module(f"boai.{name}") for name in PACKAGES)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
