"""Writers of a registry that run in processes of their own, some to be killed; quick to import."""

from __future__ import annotations

from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Event

import numpy as np
import pandas as pd
from boai.geodata.registry import Change, open_registry, registry  # noqa: F401 (imported once, before the fork)
from boai.geodata.registry.frames import titles_of_types

titles_of_types()  # reads the schema once, before the fork


def table(*ids: str, **columns: object) -> pd.DataFrame:
    """Sites with a name and a place."""
    n = len(ids)
    base = {"id": list(ids), "name": [f"名称 {each}" for each in ids], "lon": 115.5 + np.arange(n) / 10_000}
    return pd.DataFrame({**base, "lat": 28.5, **columns})


def processes() -> BaseContext:
    """Give a way to start processes quickly, from one that has imported this module and nothing else."""
    import multiprocessing

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def count_up(target: str, times: int, name: str) -> None:
    """Add one to a counter and one site of one's own, so many times."""
    with open_registry(target, wait_s=60) as opened:
        for number in range(times):

            def prepare(present: pd.DataFrame, number: int = number) -> Change:
                counter = present[present["id"] == "counter"]
                more = counter.assign(capacity=counter["capacity"] + 1)
                return Change(pd.concat([more, table(f"{name}-{number}")]))

            opened.update("aed", prepare, who=name)


def write_for_ever(target: str, ids: list[str], ready: Event) -> None:
    """Change all sites from one state to the next until the process is killed."""
    with open_registry(target, wait_s=60) as opened:
        state = int(opened.sites("aed", limit=1)["capacity"].iloc[0])
        while True:
            state += 1
            opened.apply("aed", pd.DataFrame({"id": ids, "capacity": state}), who="x")
            ready.set()
