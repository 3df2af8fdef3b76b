"""The file format of device profiles, the same for all protocols. Strict, versioned.

A *reference* names one value of a device in the words of its protocol, e.g. `input/118:u32`,
`analog-input/4`, `nsu=urn:park;s=CP{bay}.Limit`, `LD0/MMXU1.W.phsA.cVal.mag.f[MX]`.
`docs/guides/device-profiles.md` lists them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ortsnetz_common.measurement.point import Unit
from ortsnetz_edge.drivers.contract import LimitUnit, Quantity

FORMAT = "ortsnetz.profile/2"
Reference = Annotated[str, Meta(min_length=1, max_length=500)]
Positive = Annotated[float, Meta(gt=0)]
Beginning = Annotated[str, Meta(min_length=1)]
ThreeReferences = tuple[Reference, Reference, Reference]


class ProtocolFamily(StrEnum):
    """Which protocol's references a profile is written in."""

    MODBUS = "modbus"
    DNP3 = "dnp3"
    OPCUA = "opcua"
    IEC61850 = "iec61850"
    SAMPLED_VALUES = "sampled_values"
    OTHER = "other"  # of a driver that does not ship with the agent; see `Profile.references`


class Direction(StrEnum):
    """Which way of power the device counts as positive."""

    CONSUMPTION = "consumption"
    FEED_IN = "feed-in"
    AWAY_FROM_BUSBAR = "away-from-busbar"
    TOWARDS_LOW_VOLTAGE = "towards-low-voltage"


class Value(Struct, frozen=True, forbid_unknown_fields=True):
    """One value: `(raw * 10^raw_of(scale_at)) * scale + offset`.

    Attributes:
        at: reference.
        scale: value of one count, in the quantity's unit.
        offset: added after scaling.
        scale_at: reference of a power of ten that multiplies as well (SunSpec's scale factors).
        absent: raw value that means "not present"; numbers of whole registers count unsigned.
        group: scan group; empty is the fast one.
    """

    at: Reference
    scale: float = 1.0
    offset: float = 0.0
    scale_at: Reference | None = None
    absent: int | None = None
    group: str = ""


class Terminals(Struct, frozen=True, forbid_unknown_fields=True):
    """One quantity at terminals 1, 2, 3; scale, absent and group as in `Value`.

    Attributes:
        range: plausible range of a terminal's value, in the quantity's unit; in the device's own
            direction.
        at: one reference for each terminal.
        total: reference of the sum of the terminals instead, for devices that say no more.
        share: `equal` says that a total is spread equally over the connected terminals: true of
            three-phase inverters and charge points, not of meters.
    """

    range: tuple[float, float]
    at: ThreeReferences | None = None
    total: Reference | None = None
    share: Literal["equal"] | None = None
    scale: float = 1.0
    scale_at: Reference | None = None
    absent: int | None = None
    group: str = ""


class Enable(Struct, frozen=True, forbid_unknown_fields=True):
    """A raw value that switches something on (SunSpec's `WMaxLim_Ena`: 1)."""

    at: Reference
    value: int


class LimitValue(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit that is read back, in the device's own unit.

    Attributes:
        enabled: what has to stand where for the limit to be in force; with anything else there the
            device is not limited, whatever its limit says. None where a limit always counts.
    """

    value: Value
    unit: LimitUnit
    enabled: Enable | None = None


class AvailableValue(Struct, frozen=True, forbid_unknown_fields=True):
    """What the device would draw or feed in without limit: amperes per phase, or watts in all.

    Attributes:
        both_ways: whether it has a sign: negative where a store would feed in.
    """

    value: Value
    unit: Literal["A", "W"]
    both_ways: bool = False


class Further(Struct, frozen=True, forbid_unknown_fields=True):
    """A value that is recorded and used by no decision.

    Attributes:
        name: data object after IEC 61850-7-4, e.g. `MMTR1.TotWh`.
    """

    name: Annotated[str, Meta(pattern=r"^[A-Z]{4}[0-9]*\.[A-Za-z0-9]+(\.[A-Za-z0-9]+)*$")]
    value: Value
    unit: Unit
    range: tuple[float, float]


class Fallback(Struct, frozen=True, forbid_unknown_fields=True):
    """What the device does by itself when nobody writes to it any more.

    Attributes:
        time_at: takes the seconds without a write after which it acts.
        limit_at: takes the limit it then has; unit and scale of the setpoint.
        enable: what has to be written after these so that they count.
    """

    time_at: Reference | None = None
    limit_at: Reference | None = None
    enable: Enable | None = None


class SetpointKind(StrEnum):
    """How a device takes its limit."""

    CONTINUOUS = "continuous"
    STEPS = "steps"
    ON_OFF = "on-off"


class Setpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """Through which the device is limited.

    Attributes:
        at: reference that takes the limit.
        kind: continuous: any multiple of `step`; steps: zero or `smallest` to the rating in
            multiples of `step`; on-off: zero or the rating, `step` is 1 and the unit `share`.
        unit: of `step`, `smallest` and the limit.
        step: value of one count of the setpoint, in `unit`.
        scale_at: reference of a power of ten that one count is multiplied with.
        smallest: lowest limit above zero that the device takes, in `unit`.
        ramp_per_s: rate at which the device follows, as a share of its rating; None for at once.
        reaction_s: longest time until it follows, ramp included.
        acknowledged_s: longest time until it says that it has taken the limit, where the answer to
            the write itself says nothing (a control box behind a smart-meter gateway).
        select: whether the device wants to be selected before it is operated (DNP3).
        enable: what has to be written after each limit so that it counts.
        off, on: raw values of an on-off setpoint, for devices that count otherwise than 0 and 1.
        hold_s: so long after it was lowered the limit is not raised: a compressor must not be
            switched on and off all the time. Lowering knows no such time.
    """

    at: Reference
    kind: SetpointKind
    unit: LimitUnit
    step: Positive
    reaction_s: Annotated[float, Meta(gt=0, le=3600)]
    smallest: Annotated[float, Meta(ge=0)] = 0.0
    scale_at: Reference | None = None
    ramp_per_s: Positive | None = None
    acknowledged_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    select: bool = False
    enable: Enable | None = None
    off: Annotated[int, Meta(ge=0, le=65535)] = 0
    on: Annotated[int, Meta(ge=0, le=65535)] = 1
    hold_s: Annotated[float, Meta(ge=0, le=7200)] = 0.0
    fallback: Fallback = Fallback()


class SetpointUnit(StrEnum):
    """Unit of a set point besides the limit."""

    VAR = "var"  # in all
    SHARE = "share"  # of the device's rated power
    PER_UNIT = "pu"  # of nominal voltage


class FurtherSetpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """A set point besides the limit; reactive power counts in the device's own direction.

    Attributes:
        at: reference that takes it.
        step: value of one count, in `unit`.
        range: what may be written, in `unit`; anything beyond is refused.
        read_back: the set point as the device states it, in `unit`.
        scale_at: reference of a power of ten that one count is multiplied with.
        enable: what has to be written after each set point so that it counts, in this order.
        enabled: what has to stand where for the set point to be in force; None where it always is.
        select: whether the device wants to be selected before it is operated (DNP3).
    """

    quantity: Quantity
    at: Reference
    unit: SetpointUnit
    step: Positive
    range: tuple[float, float]
    read_back: Value
    scale_at: Reference | None = None
    enable: tuple[Enable, ...] = ()
    enabled: Enable | None = None
    select: bool = False


class SourceTime(Struct, frozen=True, forbid_unknown_fields=True):
    """The device's clock: milliseconds in one number, or seconds and a fraction.

    Attributes:
        milliseconds: since 1970, UTC.
        seconds, fraction_ms: the same in two parts; a device without fraction states seconds only.
    """

    milliseconds: Reference | None = None
    seconds: Reference | None = None
    fraction_ms: Reference | None = None


class IdentityPlaces(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the device says what it is, and what it has to say.

    Attributes:
        maker_at, model_at, serial_at: references of texts, or what the protocol offers by itself
            (`docs/guides/device-profiles.md`).
        maker, model: beginnings that the texts must have; None takes any.
    """

    maker_at: Reference | None = None
    model_at: Reference | None = None
    serial_at: Reference | None = None
    maker: Beginning | None = None
    model: Beginning | None = None


class ModbusOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How a Modbus device wants to be asked.

    Attributes:
        registers: most registers a request (MODBUS application protocol 1.1b3, 6.3: 125).
        gap: so many registers that nobody asked for may be read in between, to save a request.
        whole: blocks `holding/1000+25` that are read as they are, at once and never split.
        write_multiple: whether single registers are written with function 16, not 6.
        base: `1` for makers that count registers from one.
    """

    registers: Annotated[int, Meta(ge=1, le=125)] = 125
    gap: Annotated[int, Meta(ge=0, le=124)] = 8
    whole: tuple[Reference, ...] = ()
    write_multiple: bool = False
    base: Annotated[int, Meta(ge=0, le=1)] = 0


class Dnp3Options(Struct, frozen=True, forbid_unknown_fields=True):
    """How a DNP3 outstation is asked.

    Attributes:
        integrity_s: an integrity poll this often, besides one after each connection, s; at most a
            minute, for a point in no event class is up to so old and counts as fresh all the same.
        unsolicited: whether the outstation is asked to report by itself.
        synchronise: whether its clock is set when it asks for it.
    """

    integrity_s: Annotated[float, Meta(gt=0, le=60)] = 60.0
    unsolicited: bool = True
    synchronise: bool = True


class OpcUaOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How an OPC UA server is asked.

    Attributes:
        subscribe: whether values come by subscription; else each scan reads them.
        publishing_s: publishing interval of the subscription.
        deadband: absolute deadband in raw counts; 0 reports every change.
    """

    subscribe: bool = True
    publishing_s: Positive = 1.0
    deadband: Annotated[float, Meta(ge=0)] = 0.0


class GooseStream(Struct, frozen=True, forbid_unknown_fields=True):
    """What travels in the messages of one GOOSE control block (`protocol: iec61850`).

    A source whose connection is `goose` takes its values from these messages, by the same
    references as one that is asked over MMS.

    Attributes:
        block: the control block, its logical device by instance: `LD0/LLN0.gcbStates`.
        data_set: the data set, `LD0/LLN0.States`.
        id: its goID; `{ied}` stands for the name of the IED.
        members: of the data set, and of each the values that travel for it, in their order, each
            with its basic type of SCL: `LD0/XCBR1.Pos.stVal[ST] Dbpos`.
        revision: confRev; None takes any.
    """

    block: Reference
    data_set: Reference
    id: Annotated[str, Meta(min_length=1, max_length=129)]
    members: Annotated[
        tuple[Annotated[tuple[Reference, ...], Meta(min_length=1)], ...], Meta(min_length=1)
    ]
    revision: Annotated[int, Meta(ge=0, lt=2**32)] | None = None


class SampledValuesOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """A stream of Sampled Values, and the place that it measures.

    Attributes:
        rate: samples a second, at which smpCnt begins again.
        asdus: samples in each frame.
        revision: confRev of the stream; frames of another are not taken.
        channels: of the data set, in its order, eight octets each (value and quality); `-` for one
            that is not wanted. 9-2LE has currents a, b, c, n, then voltages a, b, c, n.
        current_scale, voltage_scale: A and V of one count, primary; 9-2LE has 1 mA and 10 mV. The
            current's is negative where its transformers are mounted the other way round.
        voltage_v: declared voltage, phase to neutral, primary.
        nominal_hz: of the grid.
        utc: whether a source that is synchronised to a local clock (smpSynch 1) is in step with
            UTC: true of those after 9-2LE, which say 1 for every clock.
        reports_per_s: synchrophasors a second; class P.
        current_jump_a: a change of a current against one cycle before that records its wave; None:
            only dips, swells and interruptions do.
        solidly_earthed: whether the zero sequence tells where an earth fault is; not so with a
            Petersen coil or without earthing.
    """

    rate: Annotated[int, Meta(ge=800, le=65530, multiple_of=10)] = 4000
    asdus: Annotated[int, Meta(ge=1, le=32)] = 1
    revision: Annotated[int, Meta(ge=0, le=4294967295)] = 1
    channels: tuple[Annotated[str, Meta(pattern="^([iu]_[abcn]|-)$")], ...] = (
        *("i_a", "i_b", "i_c", "i_n"),
        *("u_a", "u_b", "u_c", "u_n"),
    )
    current_scale: float = 0.001
    voltage_scale: Positive = 0.01
    voltage_v: Positive = 230.0
    nominal_hz: Literal[50, 60] = 50
    utc: bool = False
    reports_per_s: Literal[10, 25, 50, 100] = 50
    current_jump_a: Positive | None = None
    solidly_earthed: bool = True


ReportBlock = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_{}]+/[A-Za-z0-9_]+\.[A-Za-z][A-Za-z0-9_]*$")
]
"""A report control block, without the number of its instance."""


class Iec61850Options(Struct, frozen=True, forbid_unknown_fields=True):
    """How an IED is asked.

    Attributes:
        reports: whether values come by the report control blocks that it has; else each scan reads
            them.
        integrity_s: so often everything is asked for once more, besides what is reported, s.
        termination_s: longest time from an operate to the termination, with enhanced security, s;
            at most eight time-outs of the connection, for the agent gives a command up after ten.
        test, interlock, synchro: flags of each command: for test only, with interlocking checked,
            with the synchrocheck.
        revisions: configuration (confRev) of report control blocks, `LD0/LLN0.brcbMeas` for all of
            its instances: a device that says another is another one.
    """

    reports: bool = True
    integrity_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    termination_s: Annotated[float, Meta(gt=0, le=300)] = 10.0
    test: bool = False
    interlock: bool = True
    synchro: bool = False
    revisions: dict[ReportBlock, Annotated[int, Meta(ge=1, le=0xFFFF_FFFF)]] = {}


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of device.

    Attributes:
        kind: name of the profile, the file's name.
        version: counts up with each change.
        describes: what it fits, for people.
        references: entry point of `ortsnetz.references` that reads those of protocol `other`.
        groups: scan groups besides the fast one, name and interval in s.
        bay_stride: the references of bay `n` lie `n` times so much further.
        frozen_after_s: measurements that repeat to the last bit for so long are old data; None
            where the device may well do so.
        state: of a charge point, after IEC 61851: 1 A to 6 F.
        tap_position: of a tap changer; each change is an operation.
        further_setpoints: what the device may be told besides its limit.
        goose: what its GOOSE messages hold, for sources that listen instead of asking.
    """

    format: str
    kind: Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
    version: Annotated[int, Meta(ge=1)]
    describes: Annotated[str, Meta(min_length=1)]
    protocol: ProtocolFamily
    direction: Direction
    voltage: Terminals | None = None
    current: Terminals | None = None
    active_power: Terminals | None = None
    reactive_power: Terminals | None = None
    time: SourceTime = SourceTime()
    read_count: Value | None = None
    limit: LimitValue | None = None
    available: AvailableValue | None = None
    state: Value | None = None
    further: tuple[Further, ...] = ()
    setpoint: Setpoint | None = None
    tap_position: Value | None = None
    further_setpoints: tuple[FurtherSetpoint, ...] = ()
    identity: IdentityPlaces | None = None
    groups: dict[str, Positive] = {}
    bay_stride: Annotated[int, Meta(ge=0)] = 0
    frozen_after_s: Annotated[float, Meta(ge=30)] | None = None
    modbus: ModbusOptions = ModbusOptions()
    dnp3: Dnp3Options = Dnp3Options()
    opcua: OpcUaOptions = OpcUaOptions()
    iec61850: Iec61850Options = Iec61850Options()
    sampled_values: SampledValuesOptions = SampledValuesOptions()
    references: str = ""
    goose: tuple[GooseStream, ...] = ()
