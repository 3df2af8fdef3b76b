"""Alarms and the audit trail."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.requests import Request

from ortsnetz_cockpit.core.access.accounts import Session
from ortsnetz_cockpit.core.alarms.desk import NothingToAcknowledgeError
from ortsnetz_cockpit.core.alarms.lifecycle import OPEN, State
from ortsnetz_cockpit.core.api.context import context_of, node_of
from ortsnetz_cockpit.core.api.guard import ADMIN, OPERATOR, VIEWER
from ortsnetz_cockpit.core.api.models import AlarmInfo, AuditEntry, AuditTrail
from ortsnetz_cockpit.core.api.present import alarm_info
from ortsnetz_cockpit.core.audit import chain

ROUTER = APIRouter(prefix="/api/v1", tags=["alarms"])


@ROUTER.get("/alarms", dependencies=[Depends(VIEWER)])
def alarms(request: Request, state: str | None = None, node: str | None = None) -> list[AlarmInfo]:
    """Open alarms first, then by priority and time."""
    context = context_of(request)
    if node is not None:
        node_of(context, node)
    found = context.desk.alarms(_states(state), node)
    return [alarm_info(alarm) for alarm in found]


def _states(state: str | None) -> tuple[State, ...]:
    if state is None:
        return tuple(State)
    if state == "open":
        return OPEN
    try:
        return (State(state),)
    except ValueError:
        names = ", ".join(known.value for known in State)
        raise HTTPException(422, f"state '{state}' is unknown: open, {names}") from None


@ROUTER.post("/alarms/{number}/acknowledge")
def acknowledge(
    request: Request, number: int, session: Annotated[Session, Depends(OPERATOR)]
) -> AlarmInfo:
    """Acknowledge an alarm; who and when is kept."""
    try:
        alarm = context_of(request).desk.acknowledge(number, session.user)
    except NothingToAcknowledgeError:
        raise HTTPException(409, f"alarm {number} has nothing to acknowledge") from None
    if alarm is None:
        raise HTTPException(404, f"there is no alarm {number}")
    return alarm_info(alarm)


@ROUTER.get("/audit", dependencies=[Depends(ADMIN)], tags=["audit"])
def audit(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> AuditTrail:
    """Newest entries first, and whether the whole chain holds."""
    engine = context_of(request).engine
    broken_at = chain.verify(engine)
    return AuditTrail(
        intact=broken_at is None,
        broken_at=broken_at,
        entries=[
            AuditEntry(
                id=entry.id,
                time_ns=str(entry.time_ns),
                actor=entry.actor,
                action=entry.action,
                target=entry.target,
                detail=entry.detail,
                hash=entry.hash,
            )
            for entry in chain.entries(engine, limit)
        ],
    )
