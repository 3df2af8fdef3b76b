"""Requests of the TSO: what they would mean, and giving them as orders."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi.requests import Request
from pydantic import Field

from ortsnetz_cockpit.core.access.accounts import Session
from ortsnetz_cockpit.core.api.context import Context, context_of, node_of
from ortsnetz_cockpit.core.api.guard import OPERATOR
from ortsnetz_cockpit.core.api.models import Message
from ortsnetz_cockpit.core.api.models_orders import LONGEST_S, MOST_TARGETS, Name
from ortsnetz_cockpit.core.orders import requests
from ortsnetz_cockpit.core.orders.desk import MOST_OPEN, OrderConflictError
from ortsnetz_cockpit.core.registry.site import Site
from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import now_ns
from ortsnetz_common.parameters.station import Device
from ortsnetz_grid.functions.congestion import disaggregation

ROUTER = APIRouter(prefix="/api/v1/nodes/{node}/tso-requests", tags=["orders"])


class NewRequest(Message):
    """A request: a change of what the devices draw together, or the sum; consumption positive.

    `targets` are devices or groups, all devices without them. With `give` false nothing is ordered.
    """

    change_w: float | None = Field(default=None, ge=-1e9, le=1e9, allow_inf_nan=False)
    sum_w: float | None = Field(default=None, ge=-1e9, le=1e9, allow_inf_nan=False)
    least_feed_in_w: float | None = Field(default=None, ge=0, le=1e9, allow_inf_nan=False)
    targets: list[Name] = Field(default_factory=list, max_length=MOST_TARGETS)
    duration_s: float = Field(gt=0, le=LONGEST_S / 2, allow_inf_nan=False)
    spread_s: float = Field(default=300.0, ge=0, le=86_400, allow_inf_nan=False)
    reason: str = Field(min_length=1, max_length=300)
    give: bool = True


class PartInfo(Message):
    """What one device is told; `order` is None where nothing was ordered."""

    device: str
    setpoint_w: float
    change_w: float
    ends_after_s: float
    order: str | None


class RequestInfo(Message):
    """A request, divided. `fairness` is Jain's index of what the devices give of what they can.

    `said` is what was done with it, in words: how many orders were given, or why none was.
    `not_followed` are devices that nothing is written to, and why: the request does not count on
    them.
    """

    said: str
    asked_w: float
    given_w: float
    shortfall_w: float
    shortfall_reason: str
    fairness: float | None
    unknown: list[str]
    not_followed: dict[str, str]
    parts: list[PartInfo]


@ROUTER.post(
    "", status_code=201, responses={200: {"model": RequestInfo, "description": "Nothing ordered"}}
)
def ask(
    request: Request,
    response: Response,
    node: str,
    body: NewRequest,
    session: Annotated[Session, Depends(OPERATOR)],
) -> RequestInfo:
    """Divide a request among the devices of a node and order it; 200 where nothing was ordered."""
    context = context_of(request)
    node_of(context, node)
    time_ns = now_ns()
    _, values = context.latest.values(node)
    site, devices = _devices(context, node, body.targets)
    opened = [row.order for row in context.orders.orders(node, MOST_OPEN, only_open=True)]
    idle = requests.idle(devices, site.mode, site.groups or (), opened)
    try:
        found = disaggregation.disaggregate(
            disaggregation.Request(
                change_w=body.change_w,
                sum_w=body.sum_w,
                least_feed_in_w=body.least_feed_in_w,
                duration_s=body.duration_s,
                spread_s=body.spread_s,
            ),
            requests.contributors(devices, values, time_ns, idle),
        )
    except InputError as error:
        raise HTTPException(422, str(error)) from error
    name = f"tso-{secrets.token_hex(6)}"
    given = requests.orders(found, requests.Asker(name, node, session.user, body.reason, time_ns))
    if body.give:
        try:
            context.orders.give_all(given)
        except OrderConflictError as error:
            raise HTTPException(409, str(error)) from error
    if not (body.give and given):
        response.status_code = 200
    return RequestInfo(
        said="; ".join(filter(None, (_said(found, give=body.give), _left_out(idle)))),
        asked_w=found.asked_w,
        given_w=found.given_w,
        shortfall_w=found.shortfall_w,
        shortfall_reason=found.reason,
        fairness=found.fairness,
        unknown=list(found.unknown),
        not_followed=idle,
        parts=[
            PartInfo(
                device=part.name,
                setpoint_w=part.setpoint_w,
                change_w=part.change_w,
                ends_after_s=part.ends_after_s,
                order=order.id if body.give else None,
            )
            for part, order in zip(found.parts, given, strict=True)
        ],
    )


def _said(found: disaggregation.Disaggregation, *, give: bool) -> str:
    """What was done with a request, in words."""
    count = len(found.parts)
    devices = "1 device" if count == 1 else f"{count} devices"
    if not count:
        return f"nothing was ordered: {found.reason or 'nothing has to change'}"
    if not give:
        would = f"{devices} would give {found.given_w / 1e3:+.2f} kW"
        return f"nothing was ordered: 'give' is false; {would}"
    return "1 order was given" if count == 1 else f"{count} orders were given"


def _left_out(idle: Mapping[str, str]) -> str:
    """How many devices would not follow, in words; empty where all do."""
    if not idle:
        return ""
    return f"not counted on, as nothing is written to them: {len(idle)} (see not_followed)"


def _devices(context: Context, node: str, targets: list[str]) -> tuple[Site, list[Device]]:
    """What the node has told, and the devices that are named.

    Raises:
        HTTPException: the node has not told its station, or has no such device or group.
    """
    try:
        site = context.sites.of(node)
    except InputError as error:
        raise HTTPException(409, str(error)) from error
    if site is None or site.station is None:
        raise HTTPException(409, f"node '{node}' has not told its devices yet")
    devices = site.station.devices
    if not targets:
        return site, list(devices)
    groups = {device.group for device in devices if device.group}
    unknown = sorted(set(targets) - groups - {device.name for device in devices})
    if unknown:
        raise HTTPException(422, f"node '{node}' has no device or group '{unknown[0]}'")
    return site, [device for device in devices if {device.name, device.group} & set(targets)]
