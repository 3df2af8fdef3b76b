"""The parameter set of a node: schema, canonical form, hash."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct, field

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.topics import check_name
from ortsnetz_common.parameters.floors import FloorRule, check_floors
from ortsnetz_common.parameters.plausible import (
    check_reserves,
    check_sources,
    check_timing,
    check_units,
)
from ortsnetz_common.parameters.ratings import (
    ThermalRating,
    TimeLimitedRating,
    check_ratings,
)
from ortsnetz_common.parameters.refusal import in_words
from ortsnetz_common.parameters.responses import Response, check_responses
from ortsnetz_common.parameters.station import Station
from ortsnetz_common.parameters.voltage import VoltageControl, check_voltage
from ortsnetz_common.trust.signature import sign, verify

SCHEMA = "ortsnetz.parameters/1"
MODES = frozenset({"off", "advisory", "active"})
OBJECTIVES = frozenset({"least-squares", "max-min", "energy"})


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits the node keeps.

    Attributes:
        u_pu: band of the phase-to-neutral voltage at LV nodes, lower and upper.
        loading: highest loading of a line or transformer (1.0 is the rating).
        loading_margin: reserve below `loading` that decisions aim for.
        u_margin_pu: reserve inside `u_pu` that decisions aim for.
        sigmas: standard deviations of the estimate added to the margins.
        objective: what limiting minimises: `least-squares` (of the relative curtailment), `max-min`
            (the worst served is served best) or `energy` (priced energy not served).
        unbalance: highest negative over positive sequence voltage (EN 50160: 0.02); None for none.
        ratings: time-limited ratings of single branches.
        thermal: transformers that are limited by their temperatures.
    """

    u_pu: tuple[float, float] = (0.95, 1.05)
    loading: float = 1.0
    loading_margin: float = 0.02
    u_margin_pu: float = 0.002
    sigmas: float = 1.0
    objective: str = "least-squares"
    unbalance: float | None = None
    ratings: tuple[TimeLimitedRating, ...] = ()
    thermal: tuple[ThermalRating, ...] = ()


class Timing(Struct, frozen=True, forbid_unknown_fields=True):
    """Times of the cycle and of the fail-safe.

    Attributes:
        cycle_s: period of acquisition and decision.
        function_deadline_s: a function that takes longer counts as failed for this cycle.
        stale_after_s: age at which a value turns invalid (two scan intervals).
        blind_fallback_s: after this long without a verified state, limits ramp to the fallback.
        blind_ramp_s: duration of that ramp.
        release_per_s: highest rate at which a limit is raised, as a share of the rating.
        refresh_s: a setpoint in force is written again this often, to feed device watchdogs.
        hold_s: so long a limit has to be allowed before it is raised that far; longer than
            measurements and setpoints are late, or limits swing.
        changes_per_hour: a device's limit is raised only as long as it has changed less often
            within an hour; it is lowered whatever this says.
    """

    cycle_s: float = 1.0
    function_deadline_s: float = 0.8
    stale_after_s: float = 2.0
    blind_fallback_s: float = 30.0
    blind_ramp_s: float = 60.0
    release_per_s: float = 0.1
    refresh_s: float = 10.0
    hold_s: float = 5.0
    changes_per_hour: int = 360


class Mode(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether decisions are written to devices (`active`) or only computed and reported."""

    limiting: str = "active"  # active | advisory | off


class Group(Struct, frozen=True, forbid_unknown_fields=True):
    """Devices that are treated alike.

    Attributes:
        mode: off (not part of any decision), advisory (computed and reported, nothing is written)
            or active; never more than the node's own mode.
        contract: what entitles the DSO to limit them, for the record, e.g. `14a EnWG module 1`.
    """

    name: str
    mode: str = "active"
    contract: str = ""


class Calendar(Struct, frozen=True, forbid_unknown_fields=True):
    """Bench only: the calendar runs `factor` times faster than real time from a start instant.

    Attributes:
        wall_start_ns: wall-clock instant at which the calendar showed `calendar_start_ns`.
        factor: calendar seconds per wall second.
    """

    wall_start_ns: int
    calendar_start_ns: int
    factor: float

    def at(self, wall_ns: int) -> int:
        """Calendar instant (UTC ns) that belongs to a wall-clock instant."""
        return self.calendar_start_ns + round((wall_ns - self.wall_start_ns) * self.factor)


class ParameterSet(Struct, frozen=True, forbid_unknown_fields=True):
    """All that makes one node behave as it does. Nobody edits a node by hand.

    Attributes:
        schema: always `ortsnetz.parameters/1`.
        node: name of the node.
        version: counts up; a node refuses a lower one than it has.
        network_sha256: hash of the network file that belongs to this set.
        calendar: offset and rate that map wall time to the calendar of pseudo-measurements, see
            `Calendar`.
        profiles: texts of device profiles by kind; they come before those that ship with the agent.
        groups: of devices, by name; a device without a group follows `mode` alone.
        voltage: local voltage control.
        responses: prepared responses.
        floor_rules: further rules that devices' floors may rest on, by name.
    """

    schema: str
    node: str
    version: int
    network_sha256: str
    station: Station
    limits: Limits = field(default_factory=Limits)
    timing: Timing = field(default_factory=Timing)
    mode: Mode = field(default_factory=Mode)
    calendar: Calendar | None = None
    profiles: dict[str, str] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    voltage: VoltageControl = field(default_factory=VoltageControl)
    responses: tuple[Response, ...] = ()
    floor_rules: tuple[FloorRule, ...] = ()


def canonical(parameters: ParameterSet) -> bytes:
    """Canonical JSON of a set: sorted keys, no spaces. What is hashed and signed."""
    return msgspec.json.encode(parameters, order="sorted")


def sha256(payload: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(payload).hexdigest()


def parse(payload: bytes, source: str) -> ParameterSet:
    """Read a parameter set strictly.

    Raises:
        InputError: names the file, the field and the reason.
    """
    try:
        parameters = msgspec.json.decode(payload, type=ParameterSet)
    except msgspec.MsgspecError as error:
        words = in_words(error, payload, ParameterSet)
        raise InputError(f"{source}: not a parameter set: {words}") from error
    if parameters.schema != SCHEMA:
        raise InputError(f"{source}: schema is '{parameters.schema}', this agent reads '{SCHEMA}'")
    try:
        check_name(parameters.node)
    except ValueError as error:
        raise InputError(f"{source}: node: {error}") from error
    _check(parameters, source)
    return parameters


def _check(parameters: ParameterSet, source: str) -> None:
    _check_station(parameters.station, source)
    check_sources(parameters.station, source)
    check_floors(parameters.station.devices, parameters.floor_rules, source)
    limits = parameters.limits
    low, high = limits.u_pu
    if not 0 < low < high:
        raise InputError(f"{source}: limits.u_pu: {low} .. {high} is no band")
    if limits.loading <= 0:
        raise InputError(f"{source}: limits.loading must be positive")
    margins = (limits.loading_margin, limits.u_margin_pu, limits.sigmas)
    check_units(limits.u_pu, {"loading": limits.loading}, limits.unbalance, source)
    check_reserves(limits.u_pu, limits.loading, margins, source)
    timing = parameters.timing
    check_timing(timing, source)
    if timing.changes_per_hour < 2:
        raise InputError(
            f"{source}: timing.changes_per_hour: {timing.changes_per_hour}: a limit that is "
            f"lowered and raised again has changed twice"
        )
    if parameters.mode.limiting not in MODES:
        raise InputError(
            f"{source}: mode.limiting: '{parameters.mode.limiting}' is unknown, take one of "
            f"{', '.join(sorted(MODES))}"
        )
    if limits.objective not in OBJECTIVES:
        raise InputError(
            f"{source}: limits.objective: '{limits.objective}' is unknown, take one of "
            f"{', '.join(sorted(OBJECTIVES))}"
        )
    check_ratings(limits.ratings, limits.thermal, source)
    _check_groups(parameters, source)
    check_voltage(parameters.voltage, source)
    groups = frozenset(group.name for group in parameters.groups)
    check_responses(parameters.responses, parameters.station, groups, source)


def _check_groups(parameters: ParameterSet, source: str) -> None:
    seen: set[str] = set()
    for group in parameters.groups:
        if group.name in seen:
            raise InputError(f"{source}: group '{group.name}': the name is used twice")
        seen.add(group.name)
        if group.mode not in MODES:
            raise InputError(
                f"{source}: group '{group.name}': mode '{group.mode}' is unknown, take one of "
                f"{', '.join(sorted(MODES))}"
            )
        if not group.name or group.name in {one.name for one in parameters.station.devices}:
            raise InputError(
                f"{source}: group '{group.name}': a group needs a name that no device has: orders "
                f"and responses name both"
            )
    for device in parameters.station.devices:
        if device.group and device.group not in seen:
            raise InputError(
                f"{source}: device '{device.name}': the set has no group '{device.group}'"
            )
        if not (0 < device.weight < float("inf") and 0 <= device.price < float("inf")):
            raise InputError(
                f"{source}: device '{device.name}': weight must be a positive number and price "
                f"must not be negative"
            )


def _check_station(station: Station, source: str) -> None:
    seen: set[str] = set()
    names = [meter.name for meter in station.meters] + [one.name for one in station.devices]
    for name in names + [changer.name for changer in station.tap_changers]:
        if name in seen:
            raise InputError(f"{source}: station: the name '{name}' is used twice")
        seen.add(name)
    for device in station.devices:
        if not 0 <= device.floor_w <= device.fallback_w <= device.rated_w:
            raise InputError(
                f"{source}: device '{device.name}': floor {device.floor_w} W, fallback "
                f"{device.fallback_w} W and rating {device.rated_w} W must rise in this order"
            )
        if device.step_w is not None and not 0 < device.step_w <= device.rated_w:
            raise InputError(
                f"{source}: device '{device.name}': step_w is {device.step_w:g} W, it must be "
                f"above 0 and at most the rating"
            )
    for pseudo in station.pseudo:
        if len(pseudo.hourly_w) != 24 or len(pseudo.sigma_w) != 24:
            raise InputError(
                f"{source}: pseudo-measurement of element {pseudo.element}: 24 hours needed"
            )


class SignedParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """File format of a parameter set on its way to a node.

    Attributes:
        parameters: as they were signed. A later version of the schema has more fields: what is
            signed is what stands in the file, not what the present schema makes of it.
    """

    parameters: msgspec.Raw
    signature: str

    def body(self) -> bytes:
        """What is signed: canonical JSON of what stands in the file. Raises MsgspecError."""
        return msgspec.json.encode(msgspec.json.decode(self.parameters), order="sorted")

    def unverified(self) -> ParameterSet:
        """The contents, whoever signed them. Raises MsgspecError."""
        return msgspec.json.decode(self.parameters, type=ParameterSet)


def read_signed(payload: bytes, public_pem: bytes, source: str) -> ParameterSet:
    """Read a signed set: schema, signature and contents are checked before anything is used.

    Raises:
        InputError: names the file, the field and the reason.
    """
    try:
        signed = msgspec.json.decode(payload, type=SignedParameters)
        body = signed.body()
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputError(f"{source}: not a signed parameter set: {error}") from error
    verify(body, signed.signature, public_pem, source)
    return parse(body, source)


def write_signed(parameters: ParameterSet, private_pem: bytes) -> bytes:
    """Sign a set; the counterpart of `read_signed`."""
    body = canonical(parameters)
    return msgspec.json.encode(
        SignedParameters(msgspec.Raw(body), sign(body, private_pem)), order="sorted"
    )
