"""What node and cockpit say to each other.

A node writes *records* into its journal, one sequence number each, and sends them in *batches*. The
cockpit commits a batch's records in one transaction together with the watermark (the highest
contiguous sequence of that node and epoch) and answers with it; the node may then forget them.
A record at or below the watermark is a repetition and changes nothing; one that leaves a gap is not
committed, and the watermark answered tells the node where to go on.
"""

from __future__ import annotations

from enum import IntEnum

from msgspec import Struct, field

from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import Point


class Catalogue(Struct, frozen=True, tag="catalogue", forbid_unknown_fields=True):
    """Names the points of an epoch; comes before any samples, and again when points are added.

    Attributes:
        first: index of the first point in `points`.
        points: further points, numbered on from `first`.
        parameters_hash: SHA-256 of the parameter set in force, hex.
        network: network file of the node (JSON text) or None when it has not changed.
        station: parameter set of the node (canonical JSON: station, limits, times), or its station
            alone; None when it has not changed.
    """

    first: int
    points: tuple[Point, ...]
    parameters_hash: str
    network: str | None = None
    station: str | None = None


class Samples(Struct, frozen=True, tag="samples", forbid_unknown_fields=True):
    """Samples of one cycle in columns; all columns have the same length.

    Attributes:
        points: indexes into the epoch's catalogue.
        values: in the point's unit; None where there is no value.
        qualities: quality bit strings.
        times_ns: source times, UTC nanoseconds.
        time_qualities: time quality flags.
        origin: one origin for the record.
    """

    origin: Origin
    points: tuple[int, ...]
    values: tuple[float | None, ...]
    qualities: tuple[int, ...]
    times_ns: tuple[int, ...]
    time_qualities: tuple[int, ...]


class SetpointSource(IntEnum):
    """Who asks for a setpoint. Numbers are on the wire and in stores: they never change.

    Which one is named where two ask for the same limit is `control.arbitration`'s rule.
    """

    SAFETY = 0
    FALLBACK = 1
    OPERATOR = 2
    MARKET = 3
    NONE = 4
    TSO = 5  # a request of the transmission system operator, as the DSO's cockpit split it up
    RESPONSE = 6  # a prepared response that its local trigger released


class Setpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit for one device.

    Attributes:
        device: name of the device.
        limit_w: magnitude of power the device may draw or feed in.
        source: who decided.
        reason: in words, for people.
        binding: elements that made it necessary, by name.
        until_ns: what asked for it ends by itself then (UTC); None for what is decided anew in each
            cycle.
    """

    device: str
    limit_w: float
    source: SetpointSource
    reason: str
    binding: tuple[str, ...] = ()
    until_ns: int | None = None


class Adjusted(Struct, frozen=True, forbid_unknown_fields=True):
    """A set point besides the limit, confirmed by the device that was told it.

    Attributes:
        device: name of a device or tap changer.
        quantity: `reactive_power`, in var, inductive consumption positive; `voltage`, in pu.
        reason: in words, for people.
    """

    device: str
    quantity: str
    value: float
    reason: str


class Decision(Struct, frozen=True, tag="decision", forbid_unknown_fields=True):
    """The setpoints that changed in a cycle, and the state they rest on.

    Attributes:
        time_ns: instant of the process image.
        status: ok, limited, infeasible, or blind (safe state).
        setpoints: those written in this cycle.
        adjusted: other set points that were written in this cycle and are new.
    """

    time_ns: int
    cycle: int
    status: str
    setpoints: tuple[Setpoint, ...]
    adjusted: tuple[Adjusted, ...] = ()


class Cause(Struct, frozen=True, forbid_unknown_fields=True):
    """What a limit rested on, from an instant until the next cause or the intervention's end.

    Attributes:
        time_ns: since when, UTC.
        source: who asked for it; `NONE` where nobody did: the limit was on its way back, or the
            device had it by itself. None where an earlier version has not recorded it.
        reason: in words, as it was measured at that instant.
        binding: elements that bound, by name.
    """

    time_ns: int
    source: SetpointSource | None
    reason: str
    binding: tuple[str, ...] = ()


class SourceTotal(Struct, frozen=True, forbid_unknown_fields=True):
    """What one source has had of an intervention, all its times together.

    Attributes:
        source: as in `Cause`.
        seconds: for how long its limit held.
        lowest_limit_w: its lowest limit, magnitude.
        reason: in words, when that was set.
        energy_wh: not served in its times, as far as that was measured.
        unknown_s: how much of `seconds` nobody has measured.
    """

    source: SetpointSource | None
    seconds: float
    lowest_limit_w: float
    reason: str
    energy_wh: float = 0.0
    unknown_s: float = 0.0


class BindingElement(Struct, frozen=True, forbid_unknown_fields=True):
    """An element that bound in the course of an intervention.

    Attributes:
        since_ns: when it first did, UTC.
        seconds: for how long, all its times together.
    """

    element: str
    since_ns: int
    seconds: float = 0.0


class Intervention(Struct, frozen=True, tag="intervention", forbid_unknown_fields=True):
    """Start, course or end of a curtailment at one device; without it no DSO may dim anybody.

    Records of earlier versions have nothing from `causes` on, or from `customer` on.

    Attributes:
        id: `<device>@<start, ns>`; all records of one intervention share it, the newest holds.
        start_ns: when the limit below the device's rating was first written.
        end_ns: when it was lifted, None while it lasts. Both by the node's clock, which may have
            been set in between: `duration_s` knows nothing of that.
        reason: measured reason in words, of the source that has held the device back for longest,
            when its limit was lowest.
        binding: all elements that bound in its course, as they came.
        lowest_limit_w: lowest limit so far, magnitude.
        floor_w: guaranteed floor of the device.
        rule: rule that guarantees the floor, e.g. `14a EnWG`.
        energy_not_served_wh: integral of what was wanted and not allowed; None when more of it is
            unknown than a few seconds. Then `energy_at_least_wh` is what was measured.
        customer: connection point, as the DSO names it; empty where the set does not say.
        contract: what entitles the DSO to it, of the device's group.
        limits: instant (UTC ns) and limit (magnitude, W) of each change.
        limits_left_out: changes after those in `limits`; the lowest limit knows of them.
        causes: what the limits rested on, one after the other.
        causes_left_out: causes after those; `sources` and `elements` know of them.
        sources: what each source has had of it, as they came.
        elements: those of `binding`, with their times.
        elements_left_out: how often an element began to bind that `elements` has no room for.
        energy_at_least_wh: the integral over the measured time: the least that was not served.
        unknown_s: time that nobody has measured.
        duration_s: by the clock that never jumps; the time in which the agent was down, which is
            in it, by the node's clock.
        down_s: that time.
        clock_sets: how often the node's clock was set by more than a second meanwhile.
        clock_set_s: by how much in sum, forward positive.
    """

    id: str
    device: str
    start_ns: int
    end_ns: int | None
    reason: str
    binding: tuple[str, ...]
    lowest_limit_w: float
    floor_w: float
    rule: str
    energy_not_served_wh: float | None
    customer: str = ""
    contract: str = ""
    limits: tuple[tuple[int, float], ...] = ()
    limits_left_out: int = 0
    causes: tuple[Cause, ...] = ()
    causes_left_out: int = 0
    sources: tuple[SourceTotal, ...] = ()
    elements: tuple[BindingElement, ...] = ()
    elements_left_out: int = 0
    energy_at_least_wh: float | None = None
    unknown_s: float | None = None
    duration_s: float | None = None
    down_s: float = 0.0
    clock_sets: int = 0
    clock_set_s: float = 0.0


class Order(Struct, frozen=True, tag="order", forbid_unknown_fields=True):
    """What the cockpit wants of a node until an instant. It never goes below a floor.

    Exactly one of `limit_w`, `share`, `mode`, `armed` and `revokes` is given.

    Attributes:
        id: unique; the same order sent again changes nothing.
        source: operator, market or TSO.
        issued_by: who, for the record.
        expires_ns: it ends by itself then, UTC.
        reason: in words, for people.
        targets: names of devices or groups; of prepared responses where `armed` is given.
        limit_w: limit of each target device, magnitude.
        share: limit of each target device as a share of its rating.
        mode: off, advisory or active, for the target groups.
        armed: whether the target responses are armed.
        revokes: id of an order that ends now.
    """

    id: str
    node: str
    source: SetpointSource
    issued_by: str
    issued_ns: int
    expires_ns: int
    reason: str
    targets: tuple[str, ...] = ()
    limit_w: float | None = None
    share: float | None = None
    mode: str | None = None
    armed: bool | None = None
    revokes: str | None = None


class OrderState(Struct, frozen=True, tag="order-state", forbid_unknown_fields=True):
    """What became of an order at the node.

    Attributes:
        state: accepted, in-force (all its devices have confirmed it), refused, expired or revoked.
        reason: in words; of a refusal: what is wrong and what to do.
    """

    id: str
    time_ns: int
    state: str
    reason: str


class AlarmState(IntEnum):
    """Whether a condition stands or has gone."""

    ACTIVE = 1
    CLEARED = 0


class Alarm(Struct, frozen=True, tag="alarm", forbid_unknown_fields=True):
    """A condition that asks for attention (IEC 62682): cause, consequence, action.

    Attributes:
        key: identifies the condition, e.g. `device-lost/ev-07`; one key is one alarm.
        priority: 1 low to 4 critical (EEMUA 191).
        worsened: it stands already and has become clearly worse: whoever acknowledged it has to
            look again. Said once; an active alarm that is said anew without it has other words.
    """

    key: str
    time_ns: int
    state: AlarmState
    priority: int
    cause: str
    consequence: str
    action: str
    worsened: bool = False


class Health(Struct, frozen=True, tag="health", forbid_unknown_fields=True):
    """How the agent is: its mode, its cycle, and everything it had to drop or count.

    Attributes:
        mode: starting, safe, active, blind.
        counters: monotonic counters since the process started, by name.
        cycle_ms: duration of the last cycle.
        state_age_s: age of the last verified state; None if there was none yet.
    """

    time_ns: int
    cycle: int
    mode: str
    reason: str
    cycle_ms: float
    state_age_s: float | None
    counters: dict[str, int] = field(default_factory=dict)


Record = Catalogue | Samples | Decision | Intervention | Alarm | Health | OrderState


class Batch(Struct, frozen=True, tag="batch", forbid_unknown_fields=True):
    """Consecutive records of one epoch of one node, `first` to `first + len(records) - 1`.

    Attributes:
        epoch: one incarnation of the node's journal.
        first: sequence number of the first record; the first of an epoch is 1.
        records: encoded records (msgpack): a journal forwards what it stored, byte for byte.
    """

    node: str
    epoch: str
    first: int
    records: tuple[bytes, ...]


class Watermark(Struct, frozen=True, tag="watermark", forbid_unknown_fields=True):
    """Highest contiguous sequence that the cockpit has committed for (node, epoch); 0 is none."""

    node: str
    epoch: str
    sequence: int


class Presence(Struct, frozen=True, tag="presence", forbid_unknown_fields=True):
    """Retained presence of a node; `offline` is its last will."""

    node: str
    online: bool
    epoch: str | None = None
