"""What is known of the nodes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from fastapi.requests import Request

from ortsnetz_cockpit.core.api.context import context_of, node_of
from ortsnetz_cockpit.core.api.guard import VIEWER
from ortsnetz_cockpit.core.api.instants import HIGHEST_NS, Span, parse_span, query_span
from ortsnetz_cockpit.core.api.models import (
    AdjustmentInForceInfo,
    CommittedInfo,
    DecisionInfo,
    InterventionInfo,
    LiveInfo,
    NetworkInfo,
    NodeInfo,
    PointInfo,
    ReadCounterInfo,
    SeriesList,
    SetpointInForceInfo,
    WatermarkInfo,
    ns,
)
from ortsnetz_cockpit.core.api.present import (
    adjustment_info,
    decision_info,
    in_force_info,
    intervention_info,
    live_info,
    network_info,
    node_info,
    series_info,
)
from ortsnetz_cockpit.core.timeseries import history
from ortsnetz_cockpit.core.timeseries.series import series
from ortsnetz_common.errors import InputError
from ortsnetz_common.link.intervention_files import interventions_csv

ROUTER = APIRouter(prefix="/api/v1/nodes", tags=["nodes"], dependencies=[Depends(VIEWER)])
MOST_SERIES = 20
MOST_INTERVENTIONS = 10_000


@ROUTER.get("")
def nodes(request: Request) -> list[NodeInfo]:
    """All nodes."""
    return [node_info(state) for state in context_of(request).board.states()]


@ROUTER.get("/{node}/network")
def network(request: Request, node: str) -> NetworkInfo:
    """The node's network, devices, meters and limits."""
    context = context_of(request)
    node_of(context, node)
    try:
        site = context.sites.of(node)
    except InputError as error:
        raise HTTPException(404, str(error)) from error
    if site is None:
        raise HTTPException(404, f"node '{node}' has not told its network yet")
    return network_info(site)


@ROUTER.get("/{node}/points")
def points(request: Request, node: str) -> list[PointInfo]:
    """The node's points."""
    context = context_of(request)
    node_of(context, node)
    return [
        PointInfo(name=row.name, unit=row.unit, element=row.element)
        for row in history.points(context.store, node)
    ]


@ROUTER.get("/{node}/live", response_model=LiveInfo)
def live(request: Request, node: str) -> Response:
    """Last value of each point."""
    context = context_of(request)
    node_of(context, node)
    _, values = context.latest.values(node)
    return _json(live_info(node, values))


@ROUTER.get("/{node}/series", response_model=SeriesList)
def series_of_points(
    request: Request,
    node: str,
    point: Annotated[list[str], Query(min_length=1, max_length=MOST_SERIES)],
    span: Annotated[Span, Depends(query_span)],
    max_points: Annotated[int, Query(ge=10, le=10_000)] = 1000,
) -> Response:
    """Points over time, raw or in buckets."""
    context = context_of(request)
    node_of(context, node)
    found = []
    for name in point:
        one = series(
            context.store,
            node,
            name,
            start_ns=span.start_ns,
            end_ns=span.end_ns,
            max_points=max_points,
        )
        if one is None:
            raise HTTPException(404, f"node '{node}' has no point '{name}'")
        found.append(series_info(one))
    return _json(SeriesList(series=found))


@ROUTER.get("/{node}/setpoints")
def setpoints(request: Request, node: str) -> list[SetpointInForceInfo]:
    """Last setpoint of each device."""
    return [in_force_info(entry) for entry in node_of(context_of(request), node).setpoints]


@ROUTER.get("/{node}/adjustments")
def adjustments(request: Request, node: str) -> list[AdjustmentInForceInfo]:
    """What devices and tap changers were told last besides limits."""
    return [adjustment_info(entry) for entry in node_of(context_of(request), node).adjusted]


@ROUTER.get("/{node}/decisions")
def decisions(
    request: Request, node: str, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[DecisionInfo]:
    """Newest decisions first."""
    context = context_of(request)
    node_of(context, node)
    return [decision_info(found) for found in history.decisions(context.store, node, limit)]


@ROUTER.get("/{node}/interventions", response_model=list[InterventionInfo])
def interventions(
    request: Request,
    node: str,
    form: Annotated[str, Query(alias="format", pattern="^(json|csv)$")] = "json",
    start: Annotated[str, Query(alias="from")] = "0",
    end: Annotated[str, Query(alias="to")] = str(HIGHEST_NS),
) -> list[InterventionInfo] | Response:
    """Interventions that began in a span, newest first, as JSON or CSV; never only a part."""
    context = context_of(request)
    node_of(context, node)
    span = parse_span(start, end)
    found = context.desk.interventions(
        node, span.start_ns, span.end_ns, limit=MOST_INTERVENTIONS + 1
    )
    if len(found) > MOST_INTERVENTIONS:
        raise HTTPException(
            422,
            f"more than {MOST_INTERVENTIONS} interventions: narrow 'from' and 'to'; an export that "
            f"leaves some out would not say so",
        )
    if form == "csv":
        headers = {"Content-Disposition": f'attachment; filename="interventions-{node}.csv"'}
        return Response(interventions_csv(found), media_type="text/csv", headers=headers)
    return [intervention_info(record) for record in found]


@ROUTER.get("/{node}/watermark")
def watermark(request: Request, node: str) -> WatermarkInfo:
    """Watermark of the newest epoch."""
    state = node_of(context_of(request), node)
    return WatermarkInfo(node=node, epoch=state.epoch, sequence=state.watermark)


@ROUTER.get("/{node}/committed")
def committed(request: Request, node: str) -> CommittedInfo:
    """Rows counted in the store."""
    context = context_of(request)
    node_of(context, node)
    return committed_info(node, history.committed(context.store, node))


@ROUTER.get("/{node}/audit-counter")
def audit_counter(
    request: Request,
    node: str,
    point_suffix: Annotated[str, Query(min_length=1, max_length=100)] = "LPHD1.RdCnt",
) -> list[ReadCounterInfo]:
    """Whether the devices' read counters are stored without gap or repetition."""
    context = context_of(request)
    node_of(context, node)
    return [
        ReadCounterInfo(
            device=found.device,
            count=found.count,
            min=found.minimum,
            max=found.maximum,
            missing=found.missing,
            doubled=found.doubled,
            out_of_order=found.out_of_order,
            without_value=found.without_value,
        )
        for found in history.read_counters(context.store, node, point_suffix)
    ]


def committed_info(node: str, found: history.Committed) -> CommittedInfo:
    """Counts for JSON."""
    return CommittedInfo(
        node=node,
        epochs=found.epochs,
        records=found.records,
        samples=found.samples,
        samples_measured=found.samples_measured,
        samples_estimated=found.samples_estimated,
        decisions=found.decisions,
        interventions=found.interventions,
        alarms=found.alarms,
        health=found.health,
        quarantined=found.quarantined,
        first_ns=ns(found.first_ns),
        last_ns=ns(found.last_ns),
    )


def _json(body: LiveInfo | SeriesList) -> Response:
    # past FastAPI's second validation: these bodies have thousands of numbers
    return Response(body.model_dump_json(by_alias=True), media_type="application/json")
