"""Guaranteed floors: what a rule leaves to a device whatever the network needs. Pure.

Three kinds of rules:

* `14a EnWG`: the German one for consumption, BNetzA BK6-22-300 of 27 November 2023, Anlage 1. All
  numbers below are from its sections 2.4 and 4.5.
* `none`: nothing is guaranteed, e.g. to feed-in without a contract.
* rules of the parameter set itself (`FloorRule`): a name with watts or a share of the rating, for
  other countries, for contracts, and for the minimum generation that a TSO needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V, Device, DeviceKind, Unit

SECTION_14A = "14a EnWG"
NO_FLOOR = "none"
BUILT_IN = (SECTION_14A, NO_FLOOR)

MINIMUM_W = 4200.0
"""Grid draw that each controllable device keeps (4.5.1); a device is controllable above the same
power (2.4.1)."""
SCALED_ABOVE_W = 11_000.0
SCALING = 0.4
"""Heat pumps and cooling above 11 kW keep 40 % of their rating (4.5.1, sentences 2 and 3)."""
SIMULTANEITY = {2: 0.80, 3: 0.75, 4: 0.70, 5: 0.65, 6: 0.60, 7: 0.55, 8: 0.50, 9: 0.45}
"""By the number of controllable devices behind one energy manager; the last for more (4.5.2)."""
SMALLEST_A = 6.0
"""Lowest current that a charge point can offer a car (IEC 61851-1: a duty cycle of 10 %)."""

_SCALED = {DeviceKind.HEAT_PUMP, DeviceKind.LOAD}  # a load under 14a is one for cooling (2.4.1 c)
_ROUNDING = 1e-9  # of a step: what floating point may have added to a whole number
_TOLERANCE_W = 0.5


class FloorRule(Struct, frozen=True, forbid_unknown_fields=True):
    """A floor by name and value; the larger one where both are given.

    Attributes:
        name: by which devices refer to it.
        watts: guaranteed power of each device, magnitude.
        share: guaranteed share of each device's rating, 0 to 1.
        kinds: kinds of devices it is made for; empty for all.
        source: where it is written, for the record: law, contract, request of the TSO.
    """

    name: str
    watts: float = 0.0
    share: float = 0.0
    kinds: tuple[DeviceKind, ...] = ()
    source: str = ""


def guaranteed_w(device: Device, rules: Iterable[FloorRule] = ()) -> float:
    """What a device's rule guarantees, W, magnitude: never more than its rating.

    All heat pumps behind one connection are one controllable device under section 14a (2.4.2), and
    so is all cooling; nobody tells the node which ones share a connection. So each by itself keeps
    0.4 of its rating as soon as that is more than 4.2 kW, which is from 10.5 kW on and not only
    above 11 kW. Then the sum of their floors is never less than what they are guaranteed together,
    and one that is alone gets 0.2 kW more than its rule at the most.

    Args:
        device: with the name of its rule.
        rules: of the parameter set.

    Raises:
        InputError: there is no such rule, or it is not made for such a device; names the device.
    """
    if device.floor_rule == NO_FLOOR:
        return 0.0
    if device.floor_rule == SECTION_14A:
        return min(device.rated_w, _section_14a(device))
    known = {rule.name: rule for rule in rules}
    rule = known.get(device.floor_rule)
    if rule is None:
        raise InputError(
            f"device '{device.name}': floor rule '{device.floor_rule}' is unknown, take one of "
            f"{', '.join([*BUILT_IN, *known])}"
        )
    if rule.kinds and device.kind not in rule.kinds:
        raise InputError(
            f"device '{device.name}': floor rule '{rule.name}' is made for "
            f"{', '.join(rule.kinds)} and not for {device.kind}"
        )
    return min(device.rated_w, max(rule.watts, rule.share * device.rated_w))


def guaranteed_floor_w(device: Device, rules: Iterable[FloorRule] = ()) -> float:
    """The floor to write into a parameter set, W: `guaranteed_w` rounded up to the device's steps.

    Amperes count at nominal voltage, as ratings do: 4.2 kW are 19 A on one phase and 7 A on three.

    Raises:
        InputError: as `guaranteed_w`.
    """
    watts = guaranteed_w(device, rules)
    if device.step_a is None or watts == 0:
        return watts
    per_ampere = NOMINAL_PHASE_V * device.phase_count
    steps = math.ceil(watts / per_ampere / device.step_a - _ROUNDING)
    return min(device.rated_w, max(steps * device.step_a, SMALLEST_A) * per_ampere)


def check_floors(devices: Iterable[Device], rules: tuple[FloorRule, ...], source: str) -> None:
    """Refuse rules without meaning, and floors below what their rule guarantees.

    Raises:
        InputError: names the file, the rule or the device, and what is guaranteed.
    """
    _check_rules(rules, source)
    for device in devices:
        try:
            floor_w = guaranteed_floor_w(device, rules)
        except InputError as error:
            raise InputError(f"{source}: {error}") from error
        if not device.floor_w >= floor_w - _TOLERANCE_W:
            raise InputError(
                f"{source}: device '{device.name}': floor_w is {device.floor_w:g} W, and floor "
                f"rule '{device.floor_rule}' guarantees {_words(device, floor_w)}"
            )


def _check_rules(rules: tuple[FloorRule, ...], source: str) -> None:
    seen = set(BUILT_IN)
    for rule in rules:
        where = f"{source}: floor rule '{rule.name}'"
        if rule.name in seen:
            raise InputError(f"{where}: the name is used twice or built in")
        seen.add(rule.name)
        if not 0 <= rule.watts < math.inf:
            raise InputError(f"{where}: watts is {rule.watts:g}, give a number that is not below 0")
        if not 0 <= rule.share <= 1:
            raise InputError(f"{where}: share {rule.share:g} is not between 0 and 1")
        if not (rule.watts or rule.share):
            raise InputError(
                f"{where}: give watts or share; a rule without a floor is '{NO_FLOOR}'"
            )


def _words(device: Device, floor_w: float) -> str:
    if device.step_a is None:
        return f"{floor_w:g} W"
    amperes = floor_w / (NOMINAL_PHASE_V * device.phase_count)
    return f"{floor_w:g} W ({amperes:g} A on {device.phase_count} of the phases)"


def _section_14a(device: Device) -> float:
    if device.kind is DeviceKind.PV:
        raise InputError(
            f"device '{device.name}': floor rule '{SECTION_14A}' is about consumption; feed-in has "
            f"'{NO_FLOOR}' or a rule of the set's own"
        )
    if device.kind is not DeviceKind.ENERGY_MANAGER:
        return _own_minimum(device.kind, device.rated_w)
    if not device.behind:
        raise InputError(
            f"device '{device.name}': floor rule '{SECTION_14A}' needs to know what an energy "
            f"manager manages; fill in 'behind'"
        )
    return _behind_a_manager(device)


def _own_minimum(kind: DeviceKind, rated_w: float) -> float:
    """Of a device with a control of its own (4.5.1), which may be one of several (2.4.2).

    The sum of min(r, max(4.2 kW, 0.4 r)) over several ratings r is at least 0.4 of their sum, and
    at least 4.2 kW or all of them: whichever holds for them together.
    """
    return max(MINIMUM_W, SCALING * rated_w) if kind in _SCALED else MINIMUM_W


def _behind_a_manager(device: Device) -> float:
    """Of all devices behind one energy manager together (4.5.2).

    All heat pumps are one controllable device with the sum of their ratings, and so is all cooling
    (2.4.2). With one of these two above 11 kW: the larger of 0.4 times either sum, plus
    (n - 1) x simultaneity x 4.2 kW; else 4.2 kW plus the same.
    """
    counted = _controllable(device)
    if not counted:
        return device.rated_w  # nothing there may be dimmed
    scaled = [one.rated_w for one in counted if one.kind in _SCALED]
    first_w = SCALING * max(scaled) if max(scaled, default=0.0) > SCALED_ABOVE_W else MINIMUM_W
    number = len(counted)
    further_w = (number - 1) * MINIMUM_W
    return first_w + further_w * SIMULTANEITY.get(min(number, max(SIMULTANEITY)), 1.0)


def _controllable(device: Device) -> list[Unit]:
    """What counts as a controllable device (2.4.1, 2.4.2): more than 4.2 kW of grid draw."""
    units = [
        Unit(kind, sum(unit.rated_w for unit in device.behind if unit.kind is kind))
        for kind in (DeviceKind.HEAT_PUMP, DeviceKind.LOAD)
    ]
    for unit in device.behind:
        if unit.kind is DeviceKind.ENERGY_MANAGER or not 0 < unit.rated_w < math.inf:
            raise InputError(
                f"device '{device.name}': behind: {unit.kind} with {unit.rated_w:g} W cannot be "
                f"counted; state single devices with a positive rating"
            )
        if unit.kind in {DeviceKind.EV, DeviceKind.STORAGE}:
            units.append(unit)
    return [unit for unit in units if unit.rated_w > MINIMUM_W]
