"""The station: what is connected to a node, where it sits in the network and what it guarantees."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class DeviceKind(StrEnum):
    """Kinds of devices that take setpoints."""

    EV = "ev"
    PV = "pv"
    HEAT_PUMP = "heat_pump"
    STORAGE = "storage"
    LOAD = "load"  # a load that can be switched or limited, e.g. cooling
    ENERGY_MANAGER = "energy_manager"  # several devices behind one setpoint, see `Device.behind`


class MeterRole(StrEnum):
    """What a meter watches."""

    TRANSFORMER = "transformer"
    FEEDER = "feeder"
    CUSTOMER = "customer"


class Side(StrEnum):
    """Named end of a branch."""

    FROM = "from"
    TO = "to"


class SerialLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A serial line, shared by all units on it.

    Attributes:
        device: device file of the node, e.g. `/dev/ttyUSB0`; or `host:port` of a serial server that
            passes the line's bytes on as they are.
        parity: `N`, `E` or `O`; Modbus over serial line 1.02 asks for even parity by default.
    """

    device: str
    baud: int = 19200
    parity: str = "E"
    stop_bits: int = 1


class Connection(Struct, frozen=True, forbid_unknown_fields=True):
    """How a device is reached.

    Attributes:
        protocol: name of the driver entry point, e.g. `modbus-tcp`.
        host, port: where it listens; empty and 0 on a serial line.
        unit: Modbus unit identifier, or link address of a DNP3 outstation.
        timeout_s: deadline of one request.
        serial: the line of a protocol that speaks over one.
        path: what follows host and port in an OPC UA endpoint's address.
        own_address: link address of the node as a DNP3 master.
        credentials: folder of certificates on the node, for protocols with security.
        identity: serial number that the device has to say before anything is written to it; None
            where the profile's maker and model suffice.
        bay: place within the device, for devices that hold several alike: the feeder of an RTU, the
            charge point of a park.
    """

    protocol: str
    host: str = ""
    port: int = 0
    unit: int = 1
    timeout_s: float = 0.5
    serial: SerialLine | None = None
    path: str = ""
    own_address: int = 1
    credentials: str | None = None
    identity: str | None = None
    bay: str = ""

    @property
    def address(self) -> str:
        """The address in words: `127.0.0.1:502/1`, `/dev/ttyUSB0/3`, with its bay."""
        if self.serial is not None:
            place = f"{self.serial.device}/{self.unit}"
        elif self.path:
            place = f"{self.host}:{self.port}/{self.path.lstrip('/')}"
        else:
            place = f"{self.host}:{self.port}/{self.unit}"
        return f"{place} {self.bay}" if self.bay else place


class Meter(Struct, frozen=True, forbid_unknown_fields=True):
    """A meter and its place.

    Attributes:
        name: unique in the station.
        profile: register map, e.g. `meter-feeder`.
        element: id in the network file: a branch (transformer, line) for transformer and feeder
            meters, a node for customer meters.
        side: end of the branch; None for customers. Power counts positive into the branch at that
            end; a customer's power counts positive as consumption.
        phases: network phases at the meter's terminals 1, 2, 3, e.g. `abc` or `bca`.
        u_sigma: standard deviation of a phase voltage, relative to nominal.
        p_sigma: standard deviation of a phase power, W.
        guards: whether limits may only be raised while this meter is good.
    """

    name: str
    role: MeterRole
    profile: str
    connection: Connection
    element: int
    phases: str
    u_sigma: float
    p_sigma: float
    side: Side | None = None
    guards: bool = False


class Unit(Struct, frozen=True, forbid_unknown_fields=True):
    """A controllable device behind an energy manager."""

    kind: DeviceKind
    rated_w: float


class Device(Struct, frozen=True, forbid_unknown_fields=True):
    """A device that takes setpoints.

    Attributes:
        name: unique in the station.
        element: id of its asym_load (consumers) or asym_gen (generators) in the network file.
        phase_count: 1 or 3.
        phases: network phases at its terminals; None where nobody knows (single-phase devices of
            customers without a meter).
        rated_w: rated power, magnitude.
        floor_w: guaranteed minimum, magnitude, already rounded to the device's steps.
        floor_rule: the rule behind the floor, see `parameters.floors`: `14a EnWG`, `none`, or a
            rule of the set's own; a floor below what it guarantees is refused.
        step_a: current step of the setpoint in A; None for devices that take any value.
        reaction_s: longest time until the device follows a setpoint.
        fallback_w: limit to ramp to after a stated time blind, magnitude.
        watchdog_s: the device falls back by itself when not written for this long; None if never.
        u_sigma: standard deviation of its phase voltage, relative to nominal.
        p_sigma: standard deviation of its phase power, W.
        group: name of one of the set's groups; empty for none.
        customer: connection point whose interventions these are, as the DSO names it.
        weight: a device of weight 2 is held back half as much as one of weight 1.
        price: value of a watt served, relative to other devices; for the objective `energy`.
        reactive_var: most reactive power that it can be told to draw or give, magnitude.
        apparent_va: rating of its inverter; reactive power takes precedence over active power.
        min_on_s, min_off_s: shortest times in operation and out of it (compressors).
        starts_per_day: most starts that its limits may cause; None for any number.
        behind: what an energy manager manages.
        step_w: power between two states in which it can run, W: the rating of a compressor that
            runs at full power or not at all; None for devices that follow any value.
    """

    name: str
    kind: DeviceKind
    profile: str
    connection: Connection
    element: int
    phase_count: int
    phases: str | None
    rated_w: float
    floor_w: float
    floor_rule: str
    reaction_s: float
    fallback_w: float
    u_sigma: float
    p_sigma: float
    step_a: float | None = None
    watchdog_s: float | None = None
    group: str = ""
    customer: str = ""
    weight: float = 1.0
    price: float = 1.0
    reactive_var: float = 0.0
    apparent_va: float | None = None
    min_on_s: float = 0.0
    min_off_s: float = 0.0
    starts_per_day: int | None = None
    behind: tuple[Unit, ...] = ()
    step_w: float | None = None


class TapChanger(Struct, frozen=True, forbid_unknown_fields=True):
    """A tap changer with a voltage regulator of its own (ATCC, IEC 61850-7-4).

    Attributes:
        name: unique in the station.
        element: id of its transformer in the network file.
        setpoint_pu: voltage that it holds at the low-voltage busbar when nobody says otherwise.
        watchdog_s: it goes back to its own set point when not written for this long; None if never.
    """

    name: str
    profile: str
    connection: Connection
    element: int
    setpoint_pu: float
    watchdog_s: float | None = None


class PseudoMeasurement(Struct, frozen=True, forbid_unknown_fields=True):
    """What is assumed for a load or generator that nobody measures.

    Attributes:
        element: id of the asym_load or asym_gen.
        hourly_w: mean power per hour of the day (24 values, UTC, total of three phases), in load
            convention: generation is negative.
        sigma_w: standard deviation of the total for the same hours (24 values).
    """

    element: int
    hourly_w: tuple[float, ...]
    sigma_w: tuple[float, ...]


class SourcePseudo(Struct, frozen=True, forbid_unknown_fields=True):
    """A weak assumption on the MV voltage; without an MV meter the zero sequence needs one.

    Attributes:
        node: id of the MV node.
    """

    node: int
    u_pu: float
    sigma_pu: float


class Station(Struct, frozen=True, forbid_unknown_fields=True):
    """All meters and devices of a node, and what stands in for those that are missing."""

    meters: tuple[Meter, ...]
    devices: tuple[Device, ...]
    pseudo: tuple[PseudoMeasurement, ...]
    source: SourcePseudo
    tap_changers: tuple[TapChanger, ...] = ()


NOMINAL_PHASE_V = 230.0
"""Nominal phase-to-neutral voltage (IEC 60038); relates amperes and watts of ratings and floors."""
