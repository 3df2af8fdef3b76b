"""The station as a whole: what guards its limits, and what stands in for missing meters. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import Limits, ParameterSet
from ortsnetz_common.parameters.station import PseudoMeasurement, SourcePseudo
from ortsnetz_edge.console.checking.findings import Finding, attention, wrong
from ortsnetz_edge.network_index import NetworkIndex

_U_PU = (0.85, 1.15)  # EN 50160, 5.2: medium voltage keeps within 10 %, and 15 % at the worst


def station_rules(parameters: ParameterSet, network: NetworkIndex | None) -> Iterator[Finding]:
    """What is wrong with a station as a whole."""
    station = parameters.station
    active = parameters.mode.limiting == "active"
    if station.devices and active and not any(meter.guards for meter in station.meters):
        yield attention(
            "station",
            "guards",
            "no meter guards the limits",
            "at least one, usually the transformer's",
            "as it is, limits may be raised while the transformer's meter is silent",
        )
    yield from _twice(parameters)
    for pseudo in station.pseudo:
        yield from _pseudo(pseudo, network)
    yield from _source(station.source, network)
    yield from _ratings(parameters.limits, network)
    yield from _tap_changers(parameters, network)
    yield from _groups(parameters)


def _ratings(limits: Limits, network: NetworkIndex | None) -> Iterator[Finding]:
    if network is None:
        return
    try:
        network.check_ratings(limits, "parameters")
    except InputError as error:
        yield wrong(
            "parameters",
            "ratings",
            str(error),
            "branches of the network",
            "the agent refuses to start: correct the element, or take the network of this set",
        )


def _tap_changers(parameters: ParameterSet, network: NetworkIndex | None) -> Iterator[Finding]:
    """Tap control without anything that it could move."""
    changers = parameters.station.tap_changers
    if parameters.voltage.tap is None:
        return
    if not changers:
        yield attention(
            "parameters",
            "voltage.tap",
            "the station has no tap changer",
            "one in 'tap_changers'",
            "as it is, tap control does nothing: add the tap changer, or remove voltage.tap",
        )
    for changer in changers:
        if network is not None and changer.element not in network.tap_steps_pu:
            yield wrong(
                changer.name,
                "element",
                f"transformer {changer.element} has no taps in the network file",
                "tap_size, tap_min and tap_max of its transformer",
                "the agent refuses to start: complete the network file, or remove voltage.tap",
            )


def _groups(parameters: ParameterSet) -> Iterator[Finding]:
    """Groups that nobody belongs to: what is said of them has no effect."""
    used = {device.group for device in parameters.station.devices}
    for group in parameters.groups:
        if group.name not in used:
            yield attention(
                "parameters",
                f"group {group.name}",
                "no device belongs to it",
                "'group' of its devices",
                "as it is, its mode and its contract hold for nobody",
            )


def _twice(parameters: ParameterSet) -> Iterator[Finding]:
    """Devices at one element, and elements that are assumed twice."""
    station = parameters.station
    seen: dict[int, str] = {}
    for device in station.devices:
        if device.element in seen:
            yield wrong(
                device.name,
                "element",
                f"{device.element}, as {seen[device.element]}",
                "each device its own load or generator",
                "correct one of them: their powers would be added up at one place",
            )
        seen.setdefault(device.element, device.name)
    assumed = [pseudo.element for pseudo in station.pseudo]
    for element in dict.fromkeys(assumed):
        if assumed.count(element) > 1:
            yield wrong(
                "station",
                f"pseudo-measurement {element}",
                f"there {assumed.count(element)} times",
                "once",
                "remove the others",
            )


def _pseudo(pseudo: PseudoMeasurement, network: NetworkIndex | None) -> Iterator[Finding]:
    what = f"pseudo-measurement {pseudo.element}"
    if network is not None and pseudo.element not in network.appliances:
        yield wrong(
            "station",
            what,
            "the network has no such load or generator",
            "one of its loads or generators",
            "take the network file that belongs to this set",
        )
    if any(not sigma > 0 for sigma in pseudo.sigma_w):
        yield wrong(
            "station",
            what,
            "a deviation of zero or less",
            "above zero in each hour",
            "what nobody measures is not known exactly",
        )


def _source(source: SourcePseudo, network: NetworkIndex | None) -> Iterator[Finding]:
    if network is not None and source.node not in network.nodes:
        yield wrong(
            "station",
            "source",
            f"the network has no node {source.node}",
            "the medium-voltage node",
            "correct the station",
        )
    if not _U_PU[0] <= source.u_pu <= _U_PU[1] or not source.sigma_pu > 0:
        yield wrong(
            "station",
            "source",
            f"{source.u_pu:g} pu with a deviation of {source.sigma_pu:g} pu",
            f"{_U_PU[0]:g} to {_U_PU[1]:g} pu, with a deviation above zero",
            "it is relative to nominal",
        )
