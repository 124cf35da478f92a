"""Answers of siting requests, kept by content: an interrupted run goes on at the request it was at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from .asked import Lot
from .cache import Cache, hash_of
from .packing import text_array
from .placing import staying
from .solved import Answer, Task

_COLUMNS = ("id", "name", "level", "host", "county_code", "lon", "lat")
"""Columns of sites and candidates on which an answer may depend."""


def kept_answer(cache: Cache, task: Task, solve: Callable[[Task], Answer]) -> Answer:
    """Return the answer to a request, solved only where the same was not asked of the same board before.

    The time limit is part of what is asked; a search that it ended is not begun again under the same limit.
    """
    return _answer(cache.value("plan", _parts(task, solve), lambda: _values(solve(task))))


def _parts(task: Task, solve: Callable[[Task], Answer]) -> list[object]:
    """List all that an answer depends on."""
    board, matrix = task.board, task.board.matrix
    arrays = (matrix.indptr, matrix.site, matrix.cost, matrix.cell, matrix.part, board.weight, board.county)
    table = board.layer.table
    sites = [text_array([str(value) for value in table[name].tolist()]) for name in _COLUMNS]
    rules = text_array([repr(task.rules), repr(task.forbidden), repr(staying(task.ask, board))])
    return [
        solve.__name__,
        list(task.job.numbers),
        task.job.request.model_dump(mode="json"),
        [asdict(lot) for lot in task.lots],
        repr(task.ask),
        [repr(board.standard), board.limit, board.n_existing, board.residents, board.note],
        hash_of(*arrays, *sites, rules),
    ]


def _values(found: Answer) -> dict[str, Any]:
    """Write an answer as values of JSON; rows as pairs, so that their columns keep their order."""
    return {
        "opened": [[asdict(lot), [int(site) for site in sites]] for lot, sites in found.opened],
        "closed": [[int(year), int(site)] for year, site in found.closed],
        "plan": list(found.plan.items()),
        "schedules": [list(row.items()) for row in found.schedules],
        "notes": list(found.notes),
    }


def _answer(values: dict[str, Any]) -> Answer:
    return Answer(
        opened=[(Lot(**lot), sites) for lot, sites in values["opened"]],
        closed=[(year, site) for year, site in values["closed"]],
        plan=dict(values["plan"]),
        schedules=[dict(row) for row in values["schedules"]],
        notes=tuple(values["notes"]),
    )
