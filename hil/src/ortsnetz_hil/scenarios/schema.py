"""A scenario: one file that says what a run is, what goes wrong in it and how it is judged."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_hil.scenarios.devices import Devices, Profiles, Share, StationRecords
from ortsnetz_hil.scenarios.durations import Seconds, seconds
from ortsnetz_hil.scenarios.events import Event
from ortsnetz_hil.scenarios.faults import Fault

FORMAT = "ortsnetz.scenario/1"
Name = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\Z", max_length=60)]
Text = Annotated[str, Meta(min_length=1)]


class VoltageDependence(Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of the customers' power: constant impedance, current and power; they add up to 1."""

    z: Share = 0.0
    i: Share = 0.0
    p: Share = 0.0


class Tie(Struct, frozen=True, forbid_unknown_fields=True):
    """A further line, open at the beginning; events close it by its name.

    Attributes:
        start, end: names of the nodes that it connects (`from` and `to` in the file).
        like: name of the line whose cable it is.
        length: length over that of this line; network files state no lengths.
    """

    name: Text
    start: Text = field(name="from")
    end: Text = field(name="to")
    like: Text
    length: Annotated[float, Meta(gt=0.0, le=100.0)] = 1.0


class Network(Struct, frozen=True, forbid_unknown_fields=True):
    """The network.

    Attributes:
        source: SimBench code, `ieee-european-lv`, `cigre-lv`, or the path of a network or
            pandapower file, relative to the scenario file.
        transformer_kva: another rating of the transformer; its impedance in per cent stays.
    """

    source: Text
    transformer_kva: Annotated[float, Meta(gt=0.0, le=10_000.0)] | None = None
    customers: VoltageDependence = VoltageDependence(p=1.0)
    ties: tuple[Tie, ...] = ()


class Time(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the run is and how its time passes.

    Attributes:
        mode: `stepped`, or `real` for the wall clock.
        begin: the calendar's instant at which the run begins.
        seconds: length in plant seconds.
        calendar_factor: calendar seconds a plant second.
        step_s: length of a step of the simulation.
        factor: highest number of plant seconds a wall second in stepped time; None for no limit.
    """

    begin: Annotated[datetime, Meta(tz=True)]
    seconds: Seconds
    mode: Literal["stepped", "real"] = "stepped"
    calendar_factor: Annotated[float, Meta(gt=0.0, le=3600.0)] = 1.0
    step_s: Seconds = Seconds(0.2)
    factor: Annotated[float, Meta(gt=0.0)] | None = None


class ParameterOverlay(Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that replace those of the derived parameter set; the reader checks their names."""

    limits: dict[str, Any] = field(default_factory=dict)
    timing: dict[str, Any] = field(default_factory=dict)
    mode: dict[str, Any] = field(default_factory=dict)
    voltage: dict[str, Any] = field(default_factory=dict)

    def laid_over(self, derived: ParameterSet) -> ParameterSet:
        """The parameter set with the replaced fields."""
        replaced = {}
        for name in self.__struct_fields__:
            section = getattr(derived, name)
            whole = {**msgspec.to_builtins(section), **getattr(self, name)}
            replaced[name] = msgspec.convert(whole, type(section))
        return msgspec.structs.replace(derived, **replaced)


class Connected(Struct, frozen=True, forbid_unknown_fields=True):
    """What takes part besides the plant.

    Attributes:
        device_under_test: the project's `agent`, or something `external` at an address.
        namespace: whether the agent runs in a network namespace of its own.
        address: where the device servers listen.
        protocols: a Modbus server for each device, or a `mixed` substation: a DNP3 RTU at the
            feeders and an OPC UA server before the charge points.
        parameters: laid over the derived parameter set.
        journal_max_bytes: size of the agent's journal, None for its default.
    """

    device_under_test: Literal["agent", "external"] = "agent"
    cockpit: bool = True
    namespace: bool = False
    address: Text = "127.0.0.1"
    protocols: Literal["modbus", "mixed", "iec61850"] = "modbus"
    parameters: ParameterOverlay = ParameterOverlay()
    journal_max_bytes: Annotated[int, Meta(ge=1)] | None = None


class Proof(Struct, frozen=True, forbid_unknown_fields=True):
    """A sabotage: with this change the scenario has to fail, at least in these criteria.

    Attributes:
        change: new values by path, e.g. `connected.parameters.mode.limiting`.
        fails: sentences of the scenario's criteria.
    """

    name: Text
    change: Annotated[dict[str, Any], Meta(min_length=1)]
    fails: Annotated[tuple[str, ...], Meta(min_length=1)]


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A scenario as it was understood.

    Attributes:
        criteria: sentences, see `ortsnetz_hil.verdict.criteria`; whitespace is normalised.
    """

    format: str
    name: Name
    title: Text
    about: str
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    network: Network
    time: Time
    criteria: Annotated[tuple[str, ...], Meta(min_length=1)]
    station: StationRecords = StationRecords()
    devices: Devices = Devices()
    profiles: Profiles = Profiles()
    connected: Connected = Connected()
    events: tuple[Event, ...] = ()
    faults: tuple[Fault, ...] = ()
    proofs: tuple[Proof, ...] = ()

    def happenings(self) -> list[str]:
        """What criteria may refer to: faults and events, by the names they are called."""
        return [fault.name for fault in self.faults] + [event.called for event in self.events]


def decode(payload: bytes) -> Scenario:
    """The counterpart of `encode`.

    Raises:
        InputError: it is not the JSON of a scenario.
    """
    try:
        return msgspec.json.decode(payload, type=Scenario, dec_hook=_decoded)
    except msgspec.MsgspecError as error:
        raise InputError(f"not a scenario as it was understood: {error}") from error


def converted(document: Any) -> Scenario:
    """A scenario from plain values.

    Raises:
        msgspec.ValidationError: a field is wrong.
    """
    return msgspec.convert(document, Scenario, dec_hook=_decoded)


def _decoded(kind: type, value: object) -> Seconds:
    if kind is not Seconds:
        raise NotImplementedError
    return seconds(value)


def encode(scenario: Scenario) -> bytes:
    """The scenario as JSON: `scenario.json` of a run."""
    return msgspec.json.format(msgspec.json.encode(scenario, enc_hook=float), indent=1)
