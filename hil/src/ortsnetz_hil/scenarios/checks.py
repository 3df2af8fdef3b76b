"""What has to fit together in a scenario beyond the types of its fields."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase
from ipaddress import ip_address

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.files.complaints import complaint, did_you_mean
from ortsnetz_common.files.yaml_source import Place, Source
from ortsnetz_common.parameters.parameter_set import Limits, Mode, Timing
from ortsnetz_hil.scenarios import events
from ortsnetz_hil.scenarios.durations import words
from ortsnetz_hil.scenarios.faults import UPLINK, Wire
from ortsnetz_hil.scenarios.schema import Scenario
from ortsnetz_hil.verdict.criteria import Criterion, parse
from ortsnetz_hil.verdict.criteria_bench import Overruns

SHORTEST_S, LONGEST_S = 10.0, 86_400.0
SHORTEST_STEP_S, LONGEST_STEP_S = 0.1, 1.0
LIMITING = ("active", "advisory", "off")


def check(scenario: Scenario, source: Source, *, complete: bool = True) -> None:
    """Check a scenario against itself.

    Args:
        scenario: what was read.
        source: the file, for the lines.
        complete: whether criteria may only speak of what happens; not so in a changed scenario.

    Raises:
        InputError: names file, line and field.
    """
    _check_time(scenario, source)
    _check_shares(scenario, source)
    _check_address(scenario, source)
    _check_parameters(scenario, source)
    _check_events(scenario, source)
    _check_faults(scenario, source)
    _check_criteria(scenario, source, complete=complete)
    _check_files(scenario, source)
    _check_proofs(scenario, source)


def check_names(
    scenario: Scenario,
    source: Source,
    devices: AbstractSet[str],
    elements: AbstractSet[str],
    nodes: AbstractSet[str] | None = None,
    *,
    servers: AbstractSet[str] = frozenset(),
) -> None:
    """Check the names that only the prepared plant knows.

    Args:
        scenario: what was read.
        source: the file, for the lines.
        devices: names of meters and devices.
        elements: names of lines, links and transformers; ties of the scenario are known.
        nodes: names of nodes; None leaves them unchecked.
        servers: names of station servers: faults happen to them, criteria do not speak of them.

    Raises:
        InputError: names file, line and field, and the nearest name.
    """
    elements = elements | {tie.name for tie in scenario.network.ties}
    places = nodes if nodes is not None else frozenset[str]()
    _check_ties(scenario, source, elements, nodes)
    for i, event in enumerate(scenario.events):
        changed = events.element(event)
        if changed is not None:
            _known(source, ("events", i, event.key), changed, elements, "element")
    for i, fault in enumerate(scenario.faults):
        known = devices | servers | ({UPLINK} if isinstance(fault, Wire) else set())
        _known(source, ("faults", i, fault.key), fault.target, known, "device")
    for i, sentence in enumerate(scenario.criteria):
        criterion = parse(sentence)
        for name in criterion.devices:
            _known(source, ("criteria", i), name, devices, "device")
        if nodes is None and criterion.needs_voltages:
            continue
        for name in criterion.elements:
            _known(source, ("criteria", i), name, elements | places, "element")


def _check_ties(
    scenario: Scenario,
    source: Source,
    elements: AbstractSet[str],
    nodes: AbstractSet[str] | None,
) -> None:
    for i, tie in enumerate(scenario.network.ties):
        _known(source, ("network", "ties", i, "like"), tie.like, elements, "element")
        if nodes is not None:
            _known(source, ("network", "ties", i, "from"), tie.start, nodes, "node")
            _known(source, ("network", "ties", i, "to"), tie.end, nodes, "node")


def _known(source: Source, place: Place, name: str, known: AbstractSet[str], what: str) -> None:
    if not any(fnmatchcase(one, name) for one in known):
        hint = did_you_mean(name, sorted(known)) if len(known) < 20 else _near(name, known)
        raise source.error(place, f"there is no {what} '{name}'{hint}")


def _near(name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, sorted(known))
    return hint if "?" in hint else ""


def _check_time(scenario: Scenario, source: Source) -> None:
    time = scenario.time
    if not SHORTEST_S <= time.seconds <= LONGEST_S:
        raise source.error(("time", "seconds"), f"{SHORTEST_S:g} s to {LONGEST_S:g} s are possible")
    if not SHORTEST_STEP_S <= time.step_s <= LONGEST_STEP_S:
        raise source.error(("time", "step_s"), "0.1 s to 1 s are possible")
    if time.factor is not None and time.mode == "real":
        raise source.error(("time", "factor"), "only stepped time has a pace: mode: stepped")


def _check_shares(scenario: Scenario, source: Source) -> None:
    shares = scenario.network.customers
    total = shares.z + shares.i + shares.p
    if abs(total - 1.0) > 1e-6:
        raise source.error(("network", "customers"), f"z, i and p add up to {total:g}, not to 1")
    low, high = scenario.devices.charge_points.energy_kwh
    if low > high:
        raise source.error(("devices", "charge_points", "energy_kwh"), f"{low:g} is above {high:g}")
    tap = scenario.devices.tap_changer
    if tap is not None and (tap.delay_s < 0 or tap.step_s < 0):
        raise source.error(("devices", "tap_changer"), "times are not negative")
    for i, tie in enumerate(scenario.network.ties):
        if tie.name in [other.name for other in scenario.network.ties[:i]]:
            raise source.error(("network", "ties", i, "name"), f"'{tie.name}' is there already")


def _check_address(scenario: Scenario, source: Source) -> None:
    """The device under test is told this address: a name or `any` would lead it nowhere."""
    place: Place = ("connected", "address")
    try:
        address = ip_address(scenario.connected.address)
    except ValueError as error:
        what = f"'{scenario.connected.address}' is no IP address such as 127.0.0.1"
        raise source.error(place, what) from error
    if address.is_unspecified:
        raise source.error(
            place, f"{address} is every address of the machine; name one, such as 127.0.0.1"
        )


def _check_parameters(scenario: Scenario, source: Source) -> None:
    overlay = scenario.connected.parameters
    for section, kind in (("limits", Limits), ("timing", Timing), ("mode", Mode)):
        given = getattr(overlay, section)
        place: Place = ("connected", "parameters", section)
        try:
            msgspec.convert(given, kind)
        except msgspec.ValidationError as error:
            inner, what = complaint(error, kind, given)
            raise source.error((*place, *inner), what) from error
    limiting = overlay.mode.get("limiting", LIMITING[0])
    if limiting not in LIMITING:
        where = ("connected", "parameters", "mode", "limiting")
        raise source.error(where, f"'{limiting}' is none of {', '.join(LIMITING)}")


def _check_events(scenario: Scenario, source: Source) -> None:
    for i, event in enumerate(scenario.events):
        place: Place = ("events", i)
        _inside(source, (*place, "at"), event.at, scenario.time.seconds)
        if isinstance(event, events.ClockStep):
            if scenario.time.mode != "stepped":
                raise source.error((*place, "clock_step"), "the clock jumps in stepped time only")
            if event.clock_step == 0.0:
                raise source.error((*place, "clock_step"), "a step of nothing is no step")
        if isinstance(event, events.SourceVoltage) and event.ramp < 0:
            raise source.error((*place, "ramp"), "a ramp takes 0 s or more")
        if isinstance(event, events.ProcessEvent):
            _check_process(scenario, source, i, event)


def _check_process(
    scenario: Scenario, source: Source, number: int, event: events.ProcessEvent
) -> None:
    process = getattr(event, event.key)
    place: Place = ("events", number, event.key)
    if process == "cockpit" and not scenario.connected.cockpit:
        raise source.error(place, "no cockpit is connected: connected.cockpit: true")
    if process == "agent" and scenario.connected.device_under_test != "agent":
        raise source.error(place, "the bench cannot do this to a device under test of its own")


def _check_faults(scenario: Scenario, source: Source) -> None:
    seen: dict[str, int] = {}
    named = {event.name for event in scenario.events if event.name}
    for i, fault in enumerate(scenario.faults):
        place: Place = ("faults", i)
        if fault.name in seen or fault.name in named:
            where = source.line(("faults", seen[fault.name])) if fault.name in seen else None
            words_ = f" (line {where})" if where else ""
            raise source.error((*place, "name"), f"'{fault.name}' is the name of another{words_}")
        seen[fault.name] = i
        _inside(source, (*place, "from"), fault.start, scenario.time.seconds)
        if fault.end is not None:
            if fault.end <= fault.start:
                raise source.error((*place, "to"), "it ends before it begins")
            _inside(source, (*place, "to"), fault.end, scenario.time.seconds)
        if isinstance(fault, Wire):
            _check_wire(scenario, source, place, fault)


def _check_wire(scenario: Scenario, source: Source, place: Place, fault: Wire) -> None:
    if fault.delay < 0 or fault.jitter < 0:
        raise source.error(place, "delay and jitter are 0 s or more")
    needs = fault.needs_real_time
    if needs and scenario.time.mode == "stepped":
        raise source.error(
            (*place, needs), "in stepped time a request takes no time; use mode: real"
        )


def _inside(source: Source, place: Place, instant_s: float, seconds: float) -> None:
    if not 0.0 <= instant_s <= seconds:
        raise source.error(
            place, f"{words(instant_s)} is outside the run, which lasts {words(seconds)}"
        )


def _check_criteria(scenario: Scenario, source: Source, *, complete: bool) -> None:
    happenings = scenario.happenings()
    for i, sentence in enumerate(scenario.criteria):
        place: Place = ("criteria", i)
        try:
            criterion = parse(sentence)
        except InputError as error:
            raise source.error(place, str(error)) from error
        if sentence in scenario.criteria[:i]:
            raise source.error(place, "this criterion is there already")
        if isinstance(criterion, Overruns) and scenario.time.mode == "stepped":
            raise source.error(
                place, "in stepped time no step is ever late; use mode: real or leave it out"
            )
        if complete:
            _check_references(criterion, happenings, source, place)


def _check_references(
    criterion: Criterion, happenings: list[str], source: Source, place: Place
) -> None:
    for name in criterion.happenings:
        count = happenings.count(name)
        if count == 0:
            hint = did_you_mean(name, happenings)
            raise source.error(place, f"no fault or event is called '{name}'{hint}")
        if count > 1:
            raise source.error(place, f"{count} events are called '{name}': give them a name")


def _check_files(scenario: Scenario, source: Source) -> None:
    if source.folder is None:
        return
    for field in ("loads", "sun"):
        wanted = getattr(scenario.profiles, field)
        if not isinstance(wanted, str) and not (source.folder / wanted.csv).is_file():
            raise source.error(("profiles", field), f"there is no file '{wanted.csv}' beside it")


def _check_proofs(scenario: Scenario, source: Source) -> None:
    for i, proof in enumerate(scenario.proofs):
        if proof.name in [other.name for other in scenario.proofs[:i]]:
            raise source.error(("proofs", i, "name"), f"'{proof.name}' is the name of another")
        for k, sentence in enumerate(proof.fails):
            if sentence not in scenario.criteria:
                hint = did_you_mean(sentence, scenario.criteria)
                words_ = hint if "?" in hint else ""
                raise source.error(
                    ("proofs", i, "fails", k), f"no criterion of this scenario{words_}"
                )
