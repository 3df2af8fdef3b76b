"""The web application: routes of the core, of the apps given to it, and the page."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError

import ortsnetz_cockpit
from ortsnetz_cockpit.core.api import (
    routes_alarms,
    routes_live,
    routes_nodes,
    routes_operation,
    routes_orders,
    routes_requests,
    routes_session,
)
from ortsnetz_cockpit.core.api.context import Context
from ortsnetz_cockpit.core.api.feed import Feed
from ortsnetz_cockpit.core.api.shield import Shield
from ortsnetz_cockpit.core.registry import presence
from ortsnetz_cockpit.core.timeseries.store import StoreError

PAGE = Path(ortsnetz_cockpit.__file__).parent / "web"
SAVE_PERIOD_S = 5.0
_CORE = (
    routes_session.ROUTER,
    routes_nodes.ROUTER,
    routes_alarms.ROUTER,
    routes_orders.ROUTER,
    routes_requests.ROUTER,
    routes_operation.ROUTER,
    routes_live.ROUTER,
)


def create_application(
    context: Context | None, app_routers: Sequence[APIRouter] = (), page: Path = PAGE
) -> FastAPI:
    """The application.

    Args:
        context: parts of the running cockpit; None to document the API only.
        app_routers: routes of the apps.
        page: directory of the built page.
    """
    application = FastAPI(
        title="Ortsnetz cockpit",
        version="1",
        description="See docs/design/cockpit-api.md for conventions.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    application.state.context = context
    application.state.feed = None
    application.add_middleware(Shield)
    application.add_exception_handler(StoreError, _store_failed)
    application.add_exception_handler(RequestValidationError, _invalid)
    for router in (*_CORE, *app_routers):
        application.include_router(router)
    if (page / "index.html").is_file():
        application.mount("/", StaticFiles(directory=page, html=True), name="page")
    else:
        application.add_api_route("/", _page_missing, include_in_schema=False)
    return application


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """Say what is wrong with the input, without repeating it: it may hold a password."""
    if not isinstance(error, RequestValidationError):
        raise error
    reasons = [
        f"{'.'.join(str(part) for part in found['loc'][1:])}: {found['msg']}"
        for found in error.errors()
    ]
    return JSONResponse({"detail": "; ".join(reasons)}, status_code=422)


async def _store_failed(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=503)


def _page_missing() -> HTMLResponse:
    return HTMLResponse("The page is not built: run <code>make web</code>.", status_code=503)


@contextlib.asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncGenerator[None]:
    context = application.state.context
    if not isinstance(context, Context):
        yield
        return
    feed = Feed(context)
    application.state.feed = feed
    tasks = [asyncio.create_task(feed.run()), asyncio.create_task(_save_presence(context))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _save_presence(context: Context) -> None:
    while True:
        await asyncio.sleep(SAVE_PERIOD_S)
        try:
            await run_in_threadpool(presence.save, context.engine, context.board.states())
        except SQLAlchemyError:  # arrival times only; the next period writes them again
            context.metrics.projection_failures.inc()
