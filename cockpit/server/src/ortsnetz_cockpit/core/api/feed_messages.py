"""Messages of the live feed, encoded once for all clients."""

from __future__ import annotations

from typing import Literal

from ortsnetz_cockpit.core.alarms.desk import NumberedAlarm
from ortsnetz_cockpit.core.api.models import (
    AdjustmentInForceInfo,
    AlarmInfo,
    Message,
    NodeInfo,
    SetpointInForceInfo,
    ValueInfo,
    ns,
)
from ortsnetz_cockpit.core.api.present import (
    adjustment_info,
    alarm_info,
    in_force_info,
    node_info,
    value_info,
)
from ortsnetz_cockpit.core.registry.board import NodeState
from ortsnetz_cockpit.core.timeseries.latest import LiveValue


class LiveMessage(Message):
    """Values: all of them when `full`, else those that changed."""

    type: Literal["live"] = "live"
    node: str
    time_ns: str | None
    full: bool
    points: dict[str, ValueInfo]


class HealthMessage(Message):
    """The node."""

    type: Literal["health"] = "health"
    node: NodeInfo


class SetpointsMessage(Message):
    """Last setpoint of each device, and what else devices were told last."""

    type: Literal["setpoints"] = "setpoints"
    node: str
    setpoints: list[SetpointInForceInfo]
    adjusted: list[AdjustmentInForceInfo]


class AlarmsMessage(Message):
    """All open alarms."""

    type: Literal["alarms"] = "alarms"
    alarms: list[AlarmInfo]


def live_message(node: str, values: list[LiveValue], *, full: bool) -> str:
    """Values for the feed."""
    return LiveMessage(
        node=node,
        time_ns=ns(max((value.time_ns for value in values), default=None)),
        full=full,
        points={value.name: value_info(value) for value in values},
    ).model_dump_json()


def health_message(state: NodeState) -> str:
    """A node for the feed."""
    return HealthMessage(node=node_info(state)).model_dump_json()


def setpoints_message(state: NodeState) -> str:
    """Setpoints for the feed."""
    return SetpointsMessage(
        node=state.node,
        setpoints=[in_force_info(entry) for entry in state.setpoints],
        adjusted=[adjustment_info(entry) for entry in state.adjusted],
    ).model_dump_json()


def alarms_message(alarms: list[NumberedAlarm]) -> str:
    """Alarms for the feed."""
    return AlarmsMessage(alarms=[alarm_info(alarm) for alarm in alarms]).model_dump_json()
