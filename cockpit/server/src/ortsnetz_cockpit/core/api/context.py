"""What the API works with, and how a request reaches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import HTTPException
from fastapi.requests import HTTPConnection
from sqlalchemy import Engine

from ortsnetz_cockpit.core.access.accounts import Accounts
from ortsnetz_cockpit.core.access.throttle import Throttle
from ortsnetz_cockpit.core.alarms.desk import Desk
from ortsnetz_cockpit.core.metrics import Metrics
from ortsnetz_cockpit.core.orders.desk import OrderDesk
from ortsnetz_cockpit.core.registry.board import Board, NodeState
from ortsnetz_cockpit.core.registry.sites import Sites
from ortsnetz_cockpit.core.timeseries.latest import Latest
from ortsnetz_cockpit.core.timeseries.store import Store


@dataclass(frozen=True, slots=True)
class Context:
    """Parts of a running cockpit.

    Attributes:
        secure_cookies: browsers reach the page over TLS.
        reasons_not_ready: why the cockpit cannot do its work now; empty when it can.
    """

    engine: Engine
    store: Store
    latest: Latest
    board: Board
    sites: Sites
    desk: Desk
    orders: OrderDesk
    accounts: Accounts
    throttle: Throttle
    metrics: Metrics
    secure_cookies: bool
    reasons_not_ready: Callable[[], list[str]]


def context_of(connection: HTTPConnection) -> Context:
    """The context of a request or WebSocket."""
    found = getattr(connection.app.state, "context", None)
    if not isinstance(found, Context):
        raise HTTPException(503, "the cockpit is starting")
    return found


def node_of(context: Context, node: str) -> NodeState:
    """State of a configured node.

    Raises:
        HTTPException: 404, there is none of that name.
    """
    state = context.board.state(node)
    if state is None:
        raise HTTPException(404, f"there is no node '{node}'")
    return state
