"""The live feed: once a second what changed, to every client that keeps up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi.concurrency import run_in_threadpool

from ortsnetz_cockpit.core.alarms.lifecycle import OPEN
from ortsnetz_cockpit.core.api.context import Context
from ortsnetz_cockpit.core.api.feed_messages import (
    alarms_message,
    health_message,
    live_message,
    setpoints_message,
)

LOGGER = logging.getLogger("ortsnetz.cockpit.feed")
PERIOD_S = 1.0
CLIENT_MESSAGES = 32
MAX_CLIENTS = 200
SESSION_CHECK_PERIODS = 10
TOO_SLOW = 1013
SESSION_ENDED = 4401


@dataclass(eq=False, slots=True)
class Client:
    """One open feed.

    Attributes:
        token: its session, checked again while it is open.
        close: ends it with a code.
        waiting: messages not yet sent.
        has_picture: whether it was given the whole picture, to which changes can be added.
    """

    node: str
    token: str
    close: Callable[[int], Awaitable[None]]
    waiting: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(CLIENT_MESSAGES))
    has_picture: bool = False


@dataclass(slots=True)
class _Seen:
    """Versions that were sent to everybody."""

    live: int = -1
    health: tuple[int, int | None] = (-1, None)
    setpoints: int = -1


class Feed:
    """Makes each message once and hands it to all clients of a node."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._clients: set[Client] = set()
        self._seen = {state.node: _Seen() for state in context.board.states()}
        self._alarms = -1
        # a picture and the changes after it come in this order: nothing newer is overtaken
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Push until cancelled."""
        periods = 0
        while True:
            await asyncio.sleep(PERIOD_S)
            periods += 1
            try:
                await self._push()
                if periods % SESSION_CHECK_PERIODS == 0:
                    await self._check_sessions()
            except Exception:  # one bad period must not end the feed for everybody
                LOGGER.exception("the live feed failed for one period")

    async def join(self, client: Client) -> bool:
        """Add a client and give it the whole picture; False when there are too many."""
        if len(self._clients) >= MAX_CLIENTS:
            return False
        self._clients.add(client)
        self._context.metrics.feed_clients.set(len(self._clients))
        async with self._one_at_a_time:
            for message in await run_in_threadpool(self._picture, client.node):
                self._offer(client, message)
            client.has_picture = True
        return True

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self._clients.discard(client)
        self._context.metrics.feed_clients.set(len(self._clients))

    def _picture(self, node: str) -> list[str]:
        context = self._context
        state = context.board.state(node)
        if state is None:
            return []
        return [
            health_message(state),
            live_message(node, context.latest.values(node)[1], full=True),
            setpoints_message(state),
            alarms_message(context.desk.alarms(OPEN)),
        ]

    async def _push(self) -> None:
        async with self._one_at_a_time:
            for node in {client.node for client in self._clients}:
                messages = await run_in_threadpool(self._changes, node)
                self._hand_out(messages, node)
            version = self._context.desk.version
            if self._clients and version != self._alarms:
                self._alarms = version
                alarms = await run_in_threadpool(self._context.desk.alarms, OPEN)
                self._hand_out([alarms_message(alarms)], None)

    def _changes(self, node: str) -> list[str]:
        messages: list[str] = []
        seen, state = self._seen[node], self._context.board.state(node)
        if state is None:
            return messages
        seen.live, values = self._context.latest.values(node, since=seen.live)
        if values:
            messages.append(live_message(node, values, full=False))
        health = (state.version, state.last_seen_ns)
        if health != seen.health:
            seen.health = health
            messages.append(health_message(state))
        if state.setpoints_version != seen.setpoints:
            seen.setpoints = state.setpoints_version
            messages.append(setpoints_message(state))
        return messages

    def _hand_out(self, messages: list[str], node: str | None) -> None:
        clients = [c for c in self._clients if c.has_picture and node in (None, c.node)]
        for client in clients:
            for message in messages:
                self._offer(client, message)

    def _offer(self, client: Client, message: str) -> None:
        try:
            client.waiting.put_nowait(message)
        except asyncio.QueueFull:
            if client in self._clients:
                self._context.metrics.feed_dropped.inc()
                self._end(client, TOO_SLOW)

    async def _check_sessions(self) -> None:
        for client in list(self._clients):
            session = await run_in_threadpool(self._context.accounts.session, client.token)
            if session is None:
                self._end(client, SESSION_ENDED)

    def _end(self, client: Client, code: int) -> None:
        self.leave(client)
        task: asyncio.Task[Any] = asyncio.ensure_future(client.close(code))
        _CLOSING.add(task)
        task.add_done_callback(_CLOSING.discard)


_CLOSING: set[asyncio.Task[Any]] = set()
"""Keeps tasks alive until they are done: the loop holds only weak references."""
