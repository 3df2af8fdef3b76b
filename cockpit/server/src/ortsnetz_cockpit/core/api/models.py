"""What the API says, as documented in docs/design/cockpit-api.md. Instants are strings of ns."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ortsnetz_cockpit.core.access.passwords import MAX_CHARACTERS, MIN_CHARACTERS
from ortsnetz_common.measurement.time import NS_PER_S


class Message(BaseModel):
    """Base of all bodies: immutable, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LogIn(Message):
    """Credentials; `new_password` replaces the password."""

    user: str = Field(min_length=1, max_length=64)
    password: str = Field(max_length=MAX_CHARACTERS)
    new_password: str | None = Field(
        default=None, min_length=MIN_CHARACTERS, max_length=MAX_CHARACTERS
    )


class SessionInfo(Message):
    """Who is logged in; `expires` is RFC 3339."""

    user: str
    role: str
    expires: str


class NewSession(SessionInfo):
    """A session just opened; `token` goes into `Authorization: Bearer`."""

    token: str


class HealthInfo(Message):
    """Last health record of a node."""

    time_ns: str
    mode: str
    reason: str
    cycle: int
    cycle_ms: float
    state_age_s: float | None
    counters: dict[str, int]


class NodeInfo(Message):
    """One node as the cockpit sees it."""

    node: str
    online: bool
    last_seen: str | None
    epoch: str | None
    watermark: int
    health: HealthInfo | None


class BusInfo(Message):
    """Node of the network."""

    id: int
    name: str
    x: float | None
    y: float | None
    u_rated: float


class BranchInfo(Message):
    """Line, transformer or link."""

    id: int
    name: str
    kind: str
    from_node: int = Field(serialization_alias="from")
    to_node: int = Field(serialization_alias="to")
    rating_a: float | None


class DeviceInfo(Message):
    """Device that takes setpoints."""

    name: str
    kind: str
    element: int
    node: int | None
    rated_w: float
    floor_w: float


class MeterInfo(Message):
    """Meter and its place."""

    name: str
    role: str
    element: int
    side: str | None


class LimitsInfo(Message):
    """Limits that the node keeps."""

    u_pu: tuple[float, float]
    loading: float


class GroupInfo(Message):
    """Devices that are treated alike."""

    name: str
    mode: str
    contract: str
    devices: list[str]


class ResponseInfo(Message):
    """Prepared response of a node; `trigger` in words."""

    name: str
    trigger: str
    targets: list[str]
    share: float
    hold_s: float
    armed: bool


class NetworkInfo(Message):
    """What a node's catalogue told."""

    parameters_hash: str
    nodes: list[BusInfo]
    branches: list[BranchInfo]
    devices: list[DeviceInfo]
    meters: list[MeterInfo]
    limits: LimitsInfo | None
    groups: list[GroupInfo]
    responses: list[ResponseInfo]


class PointInfo(Message):
    """Point of a node."""

    name: str
    unit: str
    element: int | None


class ValueInfo(Message):
    """Last value of a point."""

    value: float | None
    quality: int
    quality_text: str
    origin: str
    time_ns: str


class LiveInfo(Message):
    """Last values of a node."""

    node: str
    time_ns: str | None
    points: dict[str, ValueInfo]


class SeriesInfo(Message):
    """One point over time; `t` in ms since 1970."""

    point: str
    unit: str
    origin: str | None
    bucket_ns: str
    t: list[float]
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]
    worst_quality: list[int]


class SeriesList(Message):
    """Series asked for, in the order asked."""

    series: list[SeriesInfo]


class SetpointInfo(Message):
    """Limit for a device; what asked for it ends by itself at `until_ns`, where there is one."""

    device: str
    limit_w: float
    source: str
    reason: str
    binding: list[str]
    until_ns: str | None


class SetpointInForceInfo(SetpointInfo):
    """Last limit for a device, with the time of its decision."""

    time_ns: str


class AdjustedInfo(Message):
    """Set point besides a limit: `reactive_power`, var, inductive positive, or `voltage`, pu."""

    device: str
    quantity: str
    value: float
    reason: str


class AdjustmentInForceInfo(AdjustedInfo):
    """The last one of a device and quantity, with the time of its decision."""

    time_ns: str


class DecisionInfo(Message):
    """Decision of a cycle."""

    time_ns: str
    cycle: int
    status: str
    setpoints: list[SetpointInfo]
    adjusted: list[AdjustedInfo]


class LimitInfo(Message):
    """A limit and when it was set."""

    time_ns: str
    limit_w: float


class CauseInfo(Message):
    """What an intervention's limits rested on, from an instant until the next cause."""

    time_ns: str
    source: str
    reason: str
    binding: list[str]


class SourceTotalInfo(Message):
    """What one source has had of an intervention, all its times together."""

    source: str
    seconds: float
    lowest_limit_w: float
    reason: str
    energy_at_least_wh: float
    unknown_s: float


class BindingElementInfo(Message):
    """An element that bound, since when, and for how long in all."""

    element: str
    since_ns: str
    seconds: float


class InterventionInfo(Message):
    """Curtailment at one device."""

    id: str
    device: str
    start_ns: str
    end_ns: str | None
    reason: str
    binding: list[str]
    lowest_limit_w: float
    floor_w: float
    rule: str
    energy_not_served_wh: float | None
    customer: str
    contract: str
    limits: list[LimitInfo]
    limits_left_out: int
    energy_at_least_wh: float | None
    unknown_s: float | None
    duration_s: float | None
    down_s: float
    clock_sets: int
    clock_set_s: float
    sources: list[SourceTotalInfo]
    elements: list[BindingElementInfo]
    elements_left_out: int
    causes: list[CauseInfo]
    causes_left_out: int


class WatermarkInfo(Message):
    """Watermark of the newest epoch."""

    node: str
    epoch: str | None
    sequence: int


class CommittedInfo(Message):
    """Rows of a node, counted in the store."""

    node: str
    epochs: int
    records: int
    samples: int
    samples_measured: int
    samples_estimated: int
    decisions: int
    interventions: int
    alarms: int
    health: int
    quarantined: int
    first_ns: str | None
    last_ns: str | None


class ReadCounterInfo(Message):
    """Whether a device's readings are complete in the store."""

    device: str
    count: int
    min: int | None
    max: int | None
    missing: int
    doubled: int
    out_of_order: int
    without_value: int


class AlarmInfo(Message):
    """Alarm with its state after IEC 62682."""

    id: int
    node: str
    key: str
    state: str
    priority: int
    cause: str
    consequence: str
    action: str
    raised_ns: str
    cleared_ns: str | None
    acknowledged_by: str | None
    acknowledged_ns: str | None
    occurrences: int


class AuditEntry(Message):
    """Entry of the audit trail."""

    id: int
    time_ns: str
    actor: str
    action: str
    target: str
    detail: str
    hash: str


class AuditTrail(Message):
    """Newest entries and whether the whole chain holds."""

    intact: bool
    broken_at: int | None
    entries: list[AuditEntry]


class Readiness(Message):
    """Whether the cockpit can do its work."""

    status: str
    reasons: list[str]


def ns(time_ns: int | None) -> str | None:
    """Instant for JSON: nanoseconds exceed 2^53, so they travel as text."""
    return None if time_ns is None else str(time_ns)


def ms(time_ns: int) -> float:
    """Instant for plotting."""
    return time_ns / (NS_PER_S / 1000)
