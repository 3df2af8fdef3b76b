"""REST endpoints of the exchange: the profile's interfaces and their intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException

from ortsnetz_cockpit.apps.tso_exchange.aggregate import Aggregate
from ortsnetz_cockpit.apps.tso_exchange.messages import (
    AggregateInfo,
    InterfaceInfo,
    aggregate_info,
    interface_info,
)
from ortsnetz_cockpit.apps.tso_exchange.profile import Interface
from ortsnetz_cockpit.sdk.rest import Span, query_span
from ortsnetz_common.measurement.time import now_ns

MOST_INTERVALS = 1440


def make_router(
    interfaces: Mapping[str, Interface],
    compute: Callable[[Interface, Sequence[int]], list[Aggregate]],
    revision: Callable[[Interface, int], int],
    viewer: Callable[..., object],
) -> APIRouter:
    """Routes over a profile; only what it lists exists."""
    router = APIRouter(prefix="/api/v1/tso", tags=["tso"], dependencies=[Depends(viewer)])

    @router.get("/interfaces")
    def listed() -> list[InterfaceInfo]:
        """Interfaces of the profile and what is agreed about them."""
        return [interface_info(interface) for interface in interfaces.values()]

    @router.get("/interfaces/{name}/aggregates")
    def intervals(name: str, span: Annotated[Span, Depends(query_span)]) -> list[AggregateInfo]:
        """Intervals that lie in the span and are over, oldest first."""
        interface = interfaces.get(name)
        if interface is None:
            raise HTTPException(404, f"there is no interface '{name}' in the exchange profile")
        starts = complete_intervals(interface, span, now_ns())
        return [
            aggregate_info(interface, found, revision(interface, found.start_ns))
            for found in compute(interface, starts)
        ]

    return router


def complete_intervals(interface: Interface, span: Span, now: int) -> range:
    """Starts of the intervals that lie in the span and are over.

    Raises:
        HTTPException: 422, there are too many.
    """
    width = interface.interval_ns
    first = -(-span.start_ns // width) * width
    starts = range(first, min(span.end_ns, now) - width + 1, width)
    if len(starts) > MOST_INTERVALS:
        raise HTTPException(422, f"{len(starts)} intervals asked for, at most {MOST_INTERVALS}")
    return starts
