"""From the cockpit's own types to what the API says."""

from __future__ import annotations

from ortsnetz_cockpit.core.access.accounts import Session
from ortsnetz_cockpit.core.alarms.desk import NumberedAlarm
from ortsnetz_cockpit.core.api import models
from ortsnetz_cockpit.core.api.models import ms, ns
from ortsnetz_cockpit.core.registry.board import AdjustmentInForce, NodeState, SetpointInForce
from ortsnetz_cockpit.core.registry.site import Site
from ortsnetz_cockpit.core.timeseries.latest import LiveValue
from ortsnetz_cockpit.core.timeseries.series import Series
from ortsnetz_common.link.intervention_files import source_name
from ortsnetz_common.link.messages import Adjusted, Decision, Health, Intervention, Setpoint
from ortsnetz_common.measurement.quality import describe
from ortsnetz_common.measurement.time import rfc3339
from ortsnetz_common.parameters.responses import Response


def session_info(session: Session) -> models.SessionInfo:
    """An open session."""
    return models.SessionInfo(
        user=session.user, role=session.role.text, expires=rfc3339(session.expires_ns)
    )


def _health(health: Health | None) -> models.HealthInfo | None:
    if health is None:
        return None
    return models.HealthInfo(
        time_ns=str(health.time_ns),
        mode=health.mode,
        reason=health.reason,
        cycle=health.cycle,
        cycle_ms=health.cycle_ms,
        state_age_s=health.state_age_s,
        counters=health.counters,
    )


def node_info(state: NodeState) -> models.NodeInfo:
    """A node."""
    return models.NodeInfo(
        node=state.node,
        online=state.online,
        last_seen=ns(state.last_seen_ns),
        epoch=state.epoch,
        watermark=state.watermark,
        health=_health(state.health),
    )


def _response(response: Response) -> models.ResponseInfo:
    trigger = response.trigger
    bound = f"above {trigger.above:g}" if trigger.above is not None else f"below {trigger.below:g}"
    return models.ResponseInfo(
        name=response.name,
        trigger=f"{trigger.meter} {trigger.quantity} {bound} for {trigger.for_s:g} s",
        targets=list(response.targets),
        share=response.share,
        hold_s=response.hold_s,
        armed=response.armed,
    )


def network_info(site: Site) -> models.NetworkInfo:
    """A node's network, devices, meters and limits."""
    devices = site.station.devices if site.station else ()
    meters = site.station.meters if site.station else ()
    limits = site.limits
    return models.NetworkInfo(
        parameters_hash=site.parameters_hash,
        nodes=[
            models.BusInfo(id=b.id, name=b.name, x=b.x, y=b.y, u_rated=b.u_rated_v)
            for b in site.buses
        ],
        branches=[
            models.BranchInfo(
                id=b.id,
                name=b.name,
                kind=b.kind,
                from_node=b.from_node,
                to_node=b.to_node,
                rating_a=b.rating_a,
            )
            for b in site.branches
        ],
        devices=[
            models.DeviceInfo(
                name=d.name,
                kind=d.kind.value,
                element=d.element,
                node=site.places.get(d.element),
                rated_w=d.rated_w,
                floor_w=d.floor_w,
            )
            for d in devices
        ],
        meters=[
            models.MeterInfo(
                name=m.name,
                role=m.role.value,
                element=m.element,
                side=None if m.side is None else m.side.value,
            )
            for m in meters
        ],
        limits=None
        if limits is None
        else models.LimitsInfo(u_pu=limits.u_pu, loading=limits.loading),
        groups=[
            models.GroupInfo(
                name=group.name,
                mode=group.mode,
                contract=group.contract,
                devices=[device.name for device in devices if device.group == group.name],
            )
            for group in site.groups or ()
        ],
        responses=[_response(response) for response in site.responses or ()],
    )


def value_info(value: LiveValue) -> models.ValueInfo:
    """A live value."""
    return models.ValueInfo(
        value=value.value,
        quality=value.quality,
        quality_text=describe(value.quality),
        origin=value.origin.name.lower(),
        time_ns=str(value.time_ns),
    )


def live_info(node: str, values: list[LiveValue]) -> models.LiveInfo:
    """Live values of a node."""
    newest = max((value.time_ns for value in values), default=None)
    return models.LiveInfo(
        node=node, time_ns=ns(newest), points={value.name: value_info(value) for value in values}
    )


def series_info(series: Series) -> models.SeriesInfo:
    """A series."""
    return models.SeriesInfo(
        point=series.point,
        unit=series.unit,
        origin=None if series.origin is None else series.origin.name.lower(),
        bucket_ns=str(series.bucket_ns),
        t=[ms(time_ns) for time_ns in series.t_ns],
        mean=list(series.mean),
        min=list(series.minimum),
        max=list(series.maximum),
        worst_quality=list(series.worst_quality),
    )


def setpoint_info(setpoint: Setpoint) -> models.SetpointInfo:
    """A setpoint of a decision."""
    return models.SetpointInfo(
        device=setpoint.device,
        limit_w=setpoint.limit_w,
        source=setpoint.source.name.lower(),
        reason=setpoint.reason,
        binding=list(setpoint.binding),
        until_ns=ns(setpoint.until_ns),
    )


def in_force_info(entry: SetpointInForce) -> models.SetpointInForceInfo:
    """A device's last setpoint."""
    return models.SetpointInForceInfo(
        **setpoint_info(entry.setpoint).model_dump(), time_ns=str(entry.time_ns)
    )


def _adjusted_info(adjusted: Adjusted) -> models.AdjustedInfo:
    return models.AdjustedInfo(
        device=adjusted.device,
        quantity=adjusted.quantity,
        value=adjusted.value,
        reason=adjusted.reason,
    )


def adjustment_info(entry: AdjustmentInForce) -> models.AdjustmentInForceInfo:
    """A device's last set point besides its limit."""
    return models.AdjustmentInForceInfo(
        **_adjusted_info(entry.adjusted).model_dump(), time_ns=str(entry.time_ns)
    )


def decision_info(decision: Decision) -> models.DecisionInfo:
    """A decision."""
    return models.DecisionInfo(
        time_ns=str(decision.time_ns),
        cycle=decision.cycle,
        status=decision.status,
        setpoints=[setpoint_info(setpoint) for setpoint in decision.setpoints],
        adjusted=[_adjusted_info(adjusted) for adjusted in decision.adjusted],
    )


def intervention_info(record: Intervention) -> models.InterventionInfo:
    """An intervention."""
    return models.InterventionInfo(
        id=record.id,
        device=record.device,
        start_ns=str(record.start_ns),
        end_ns=ns(record.end_ns),
        reason=record.reason,
        binding=list(record.binding),
        lowest_limit_w=record.lowest_limit_w,
        floor_w=record.floor_w,
        rule=record.rule,
        energy_not_served_wh=record.energy_not_served_wh,
        customer=record.customer,
        contract=record.contract,
        limits=[
            models.LimitInfo(time_ns=str(at), limit_w=limit_w) for at, limit_w in record.limits
        ],
        limits_left_out=record.limits_left_out,
        energy_at_least_wh=record.energy_at_least_wh,
        unknown_s=record.unknown_s,
        duration_s=record.duration_s,
        down_s=record.down_s,
        clock_sets=record.clock_sets,
        clock_set_s=record.clock_set_s,
        sources=[
            models.SourceTotalInfo(
                source=source_name(total.source),
                seconds=total.seconds,
                lowest_limit_w=total.lowest_limit_w,
                reason=total.reason,
                energy_at_least_wh=total.energy_wh,
                unknown_s=total.unknown_s,
            )
            for total in record.sources
        ],
        elements=[
            models.BindingElementInfo(
                element=one.element, since_ns=str(one.since_ns), seconds=one.seconds
            )
            for one in record.elements
        ],
        elements_left_out=record.elements_left_out,
        causes=[
            models.CauseInfo(
                time_ns=str(cause.time_ns),
                source=source_name(cause.source),
                reason=cause.reason,
                binding=list(cause.binding),
            )
            for cause in record.causes
        ],
        causes_left_out=record.causes_left_out,
    )


def alarm_info(alarm: NumberedAlarm) -> models.AlarmInfo:
    """An alarm."""
    row = alarm.row
    return models.AlarmInfo(
        id=alarm.id,
        node=row.node,
        key=row.key,
        state=row.state.value,
        priority=row.priority,
        cause=row.cause,
        consequence=row.consequence,
        action=row.action,
        raised_ns=str(row.raised_ns),
        cleared_ns=ns(row.cleared_ns),
        acknowledged_by=row.acknowledged_by,
        acknowledged_ns=ns(row.acknowledged_ns),
        occurrences=row.occurrences,
    )
