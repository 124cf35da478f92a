"""The desk's HTTP interface: an application made of a workspace."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from fastapi import Depends, FastAPI

from ...geodata.errors import WorkspaceError
from ..desk.store import Store
from ..workspace import boai_version
from . import errors, routes_admin, routes_ask, routes_data, routes_page, routes_share
from .api_page import check_query, describe
from .log import QuestionLog
from .rates import Rates
from .security import Gate
from .settings import Settings, from_text
from .state import Clock, Desk, china_clock
from .warm import Warmer
from .watch import Keeper

SETTINGS = "BOAI_DESK_SETTINGS"
"""Environment variable by which a worker process is told its settings."""


def create_app(
    root: Path | str, *, settings: Settings | None = None, clock: Clock = china_clock, warm: bool = True
) -> FastAPI:
    """Make the application of a workspace.

    Parameters
    ----------
    root
        Workspace.
    settings
        Limits and names of hosts; by default those of a server that only this machine calls.
    clock
        Gives the time, with its offset.
    warm
        Make ready behind the first answers what later ones need.

    Raises
    ------
    WorkspaceError
        The workspace is missing or damaged.
    """
    chosen = settings or Settings(str(root))
    store = Store(Path(root))
    keeper = Keeper(Path(root), clock=clock)
    with suppress(WorkspaceError):  # without it nothing is written, and /health says so
        store.make()
    desk = Desk(chosen, keeper, store, clock, _rates(chosen), QuestionLog(store))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        keeper.start()
        desk.questions.start()
        warmer = Warmer(keeper.ground, app.openapi) if warm else None
        if warmer is not None:
            warmer.start()
        try:
            yield
        finally:
            if warmer is not None:
                warmer.stop()
            desk.questions.stop()
            keeper.stop()

    app = FastAPI(
        title="boai 应急值班台",
        version=boai_version(),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_url="/openapi.json",
    )
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    app.state.desk = desk
    errors.handle(app)
    for routes in (routes_data, routes_ask, routes_share, routes_admin, routes_page):
        app.include_router(routes.router, dependencies=[Depends(check_query)])
    app.add_middleware(Gate, desk=desk)
    return app


def _rates(settings: Settings) -> Rates:
    return Rates({"read": settings.reads, "write": settings.writes, "wrong": settings.wrong_tokens})


def from_environment() -> FastAPI:
    """Make the application of a worker process."""
    settings = from_text(os.environ[SETTINGS])
    return create_app(settings.folder, settings=settings)
