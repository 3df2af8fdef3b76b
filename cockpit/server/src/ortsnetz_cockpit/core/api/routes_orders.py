"""Orders to a node: give, list, revoke. Each one is in the audit trail with who gave it and why."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from fastapi.requests import Request

from ortsnetz_cockpit.core.access.accounts import Session
from ortsnetz_cockpit.core.api.context import Context, context_of, node_of
from ortsnetz_cockpit.core.api.guard import OPERATOR, VIEWER
from ortsnetz_cockpit.core.api.models_orders import LONGEST_S, NewOrder, OrderInfo, order_info
from ortsnetz_cockpit.core.orders.desk import OrderConflictError
from ortsnetz_cockpit.core.orders.lifecycle import OrderRow
from ortsnetz_cockpit.core.registry.site import Site
from ortsnetz_common.errors import InputError
from ortsnetz_common.link.messages import Order, SetpointSource
from ortsnetz_common.measurement.time import NS_PER_S, now_ns

ROUTER = APIRouter(prefix="/api/v1/nodes/{node}/orders", tags=["orders"])
MOST_ORDERS = 1000


@ROUTER.get("", dependencies=[Depends(VIEWER)])
def orders(
    request: Request,
    node: str,
    only_open: Annotated[bool, Query(alias="open")] = False,  # noqa: FBT002  a query parameter
    limit: Annotated[int, Query(ge=1, le=MOST_ORDERS)] = 100,
) -> list[OrderInfo]:
    """Orders of a node, newest first, with what became of them."""
    context = context_of(request)
    node_of(context, node)
    return [order_info(row) for row in context.orders.orders(node, limit, only_open=only_open)]


@ROUTER.post("", status_code=201)
def give(
    request: Request, node: str, body: NewOrder, session: Annotated[Session, Depends(OPERATOR)]
) -> OrderInfo:
    """Give an order: it is kept, sent when the node is there, and answered by the node."""
    context = context_of(request)
    node_of(context, node)
    order = _order(node, body, session.user)
    _check_targets(context, order)
    try:
        return order_info(context.orders.give(order))
    except OrderConflictError as error:
        raise HTTPException(409, str(error)) from error


@ROUTER.get("/{order}", dependencies=[Depends(VIEWER)])
def one(request: Request, node: str, order: str) -> OrderInfo:
    """One order."""
    context = context_of(request)
    node_of(context, node)
    return order_info(_found(context.orders.order(node, order), node, order))


@ROUTER.delete("/{order}", status_code=202)
def revoke(
    request: Request,
    *,
    response: Response,
    node: str,
    order: str,
    session: Annotated[Session, Depends(OPERATOR)],
    reason: Annotated[str, Query(max_length=300)] = "",
) -> OrderInfo:
    """End an order; 202 while the node has yet to confirm it, 200 where it was never sent."""
    context = context_of(request)
    node_of(context, node)
    try:
        row = _found(context.orders.revoke(node, order, session.user, reason), node, order)
    except OrderConflictError as error:
        raise HTTPException(409, str(error)) from error
    if not row.is_open:
        response.status_code = 200
    return order_info(row)


def _found(row: OrderRow | None, node: str, order: str) -> OrderRow:
    if row is None:
        raise HTTPException(404, f"node '{node}' has no order '{order}'")
    return row


def _order(node: str, body: NewOrder, user: str) -> Order:
    """The order as it goes to the node.

    Raises:
        HTTPException: 422, says what is missing or too much.
    """
    contents = (body.limit_w, body.share, body.mode, body.armed)
    if sum(value is not None for value in contents) != 1:
        raise HTTPException(422, "give exactly one of limit_w, share, mode and armed")
    if (body.expires_ns is None) == (body.duration_s is None):
        raise HTTPException(422, "give either expires_ns or duration_s")
    issued_ns = now_ns()
    if body.duration_s is not None:
        expires_ns = issued_ns + round(body.duration_s * NS_PER_S)
    else:
        expires_ns = int(body.expires_ns or "0")
    if not issued_ns < expires_ns <= issued_ns + round(LONGEST_S * NS_PER_S):
        raise HTTPException(422, "the order must end in the future, within 31 days")
    source = SetpointSource[body.source.upper()]
    if body.mode is not None and source is not SetpointSource.OPERATOR:
        raise HTTPException(422, "only an operator changes a mode")
    if body.armed is not None and source is SetpointSource.MARKET:
        raise HTTPException(422, "a market arms no responses")
    return Order(
        id=body.id or f"{body.source}-{secrets.token_hex(6)}",
        node=node,
        source=source,
        issued_by=user,
        issued_ns=issued_ns,
        expires_ns=expires_ns,
        reason=body.reason,
        targets=tuple(dict.fromkeys(body.targets)),
        limit_w=body.limit_w,
        share=body.share,
        mode=body.mode,
        armed=body.armed,
    )


def _check_targets(context: Context, order: Order) -> None:
    """Refuse what the node does not have, as far as it has told; it judges by itself anyhow."""
    try:
        site = context.sites.of(order.node)
    except InputError:
        return
    known = None if site is None else _known(site, order)
    if known is None:
        return
    unknown = [f"'{name}'" for name in order.targets if name not in known]
    if unknown:
        kind = "device or group"
        if order.mode is not None:
            kind = "group"
        elif order.armed is not None:
            kind = "prepared response"
        raise HTTPException(422, f"node '{order.node}' has no {kind} {', '.join(unknown[:5])}")


def _known(site: Site, order: Order) -> frozenset[str] | None:
    """What an order may name; None where the node has not told."""
    if site.groups is None or site.responses is None or site.station is None:
        return None
    groups = frozenset(group.name for group in site.groups)
    if order.mode is not None:
        return groups
    if order.armed is not None:
        return frozenset(response.name for response in site.responses)
    return groups | {device.name for device in site.station.devices}
