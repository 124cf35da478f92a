"""Small reports for tests: scenarios that open stores, and what a document says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from boai.maps.report.model import Document, Heading, Table
from boai.maps.report.trace import running
from boai.scenarios.run import Result, run
from boai.scenarios.schema import parse_scenario

AT = "{kind: warehouse, id: n%d, name: 新库%d, lon: %.6f, lat: %.6f, level: 县级, year: 2022}"


def said(report: Document) -> str:
    """All running text and headings."""
    headings = [block.text for block in report.blocks if isinstance(block, Heading)]
    return "\n".join([*headings, "".join(span.text for span in running(report.blocks))])


def table(report: Document, title: str) -> Table:
    return next(block for block in report.blocks if isinstance(block, Table) and title in block.title)


def column(found: Table, header: str) -> list[str]:
    at = found.headers.index(header)
    return [row[at].text for row in found.rows]


def opening(
    world: Any, name: str, cells: Sequence[int], *, title: str = "", more: str = "", costs: str = ""
) -> Any:
    """A scenario that opens stores at cells."""
    demand = world.demand
    lines = [f"- open: {AT % (cell, cell, demand.lon[cell], demand.lat[cell])}" for cell in cells]
    changes = "\n".join([*lines, more]).strip()
    text = f"name: {name}\ntitle: {title or name}\n{costs}\nchanges:\n{changes}\n"
    return parse_scenario(text)


def real(world: Any) -> Any:
    """Take the sites for real ones."""
    layers = {kind: replace(layer, example=False) for kind, layer in world.layers.items()}
    return replace(world, layers=layers)


def plans(world: Any, today: Result, *scenarios: Any) -> list[Result]:
    return [today, *(run(world, each, reuse=today) for each in scenarios)]
