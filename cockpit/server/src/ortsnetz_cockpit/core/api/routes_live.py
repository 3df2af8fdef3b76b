"""The WebSocket of the live feed: who may open it, and how it is served."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

import msgspec
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.concurrency import run_in_threadpool

from ortsnetz_cockpit.core.api.context import context_of
from ortsnetz_cockpit.core.api.feed import SESSION_ENDED, TOO_SLOW, Client, Feed
from ortsnetz_cockpit.core.api.guard import COOKIE

LOGGER = logging.getLogger("ortsnetz.cockpit.feed")
ROUTER = APIRouter()
FIRST_MESSAGE_S = 5.0
SEND_S = 10.0
FOREIGN_ORIGIN = 4403
UNKNOWN_NODE = 4404


class TokenMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """First message of a client without cookie."""

    token: str


@ROUTER.websocket("/ws/live")
async def live(websocket: WebSocket, node: str = "") -> None:
    """Serve one client until it leaves, is too slow or its session ends."""
    context = context_of(websocket)
    feed = websocket.app.state.feed
    await websocket.accept()
    if not isinstance(feed, Feed):
        await websocket.close(TOO_SLOW)
        return
    cookie = websocket.cookies.get(COOKIE)
    if not _origin_is_own(websocket, needed=cookie is not None):
        await websocket.close(FOREIGN_ORIGIN)
        return
    token = cookie or await _first_message(websocket)
    if not token or await run_in_threadpool(context.accounts.session, token) is None:
        await websocket.close(SESSION_ENDED)
        return
    if context.board.state(node) is None:
        await websocket.close(UNKNOWN_NODE)
        return
    client = Client(node, token, websocket.close)
    if not await feed.join(client):
        await websocket.close(TOO_SLOW)
        return
    try:
        await _serve(websocket, client)
    finally:
        feed.leave(client)


def _origin_is_own(websocket: WebSocket, *, needed: bool) -> bool:
    """Browsers name the page's origin; a foreign page must not ride on the cookie."""
    origin = websocket.headers.get("origin")
    if origin is None:
        return not needed
    return urlsplit(origin).netloc.lower() == websocket.headers.get("host", "").lower() != ""


async def _first_message(websocket: WebSocket) -> str | None:
    try:
        text = await asyncio.wait_for(websocket.receive_text(), FIRST_MESSAGE_S)
        return msgspec.json.decode(text, type=TokenMessage).token
    except (TimeoutError, WebSocketDisconnect, msgspec.MsgspecError, KeyError):
        return None


async def _serve(websocket: WebSocket, client: Client) -> None:
    tasks = {
        asyncio.create_task(_send(websocket, client)),
        asyncio.create_task(_drain(websocket)),
    }
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # `wait`, not `gather`: an outer cancellation passes through it unchanged
        done, _ = await asyncio.wait(tasks)
    for task in done:
        error = None if task.cancelled() else task.exception()
        if error is not None:  # the client is gone or too slow: that is the end of its feed
            LOGGER.debug("a live feed ended: %r", error)


async def _send(websocket: WebSocket, client: Client) -> None:
    while True:
        message = await client.waiting.get()
        await asyncio.wait_for(websocket.send_text(message), SEND_S)


async def _drain(websocket: WebSocket) -> None:
    """Clients have nothing more to say; reading shows when they are gone."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
