"""The worker's side of `congestion`: from a call's bytes to the grid function and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_common.parameters.station import Device, Station
from ortsnetz_edge.hosting.calls import (
    DeviceLimit,
    LimitingCall,
    LimitingResult,
    Missed,
    encode,
    limiting_call,
)
from ortsnetz_edge.hosting.combined import (
    both_directions,
    combined,
    reactive_for_both,
    until_reactive,
)
from ortsnetz_edge.hosting.protocol import Setup
from ortsnetz_edge.hosting.state_bytes import from_bytes
from ortsnetz_grid.functions.congestion.limiter import Limiter
from ortsnetz_grid.functions.congestion.present import Excess
from ortsnetz_grid.functions.congestion.problem import Infeasible, Objective, Settings
from ortsnetz_grid.functions.congestion.result import (
    Binding,
    DeviceSetting,
    LimitResult,
    Stage,
    Status,
)
from ortsnetz_grid.functions.congestion.situation import (
    Situation,
    limiter_of,
    situation_from,
)
from ortsnetz_grid.functions.congestion.transition import (
    CONSUMPTION,
    FEED_IN,
    at_limits,
    at_most_now,
    direction_of,
    is_mixed,
)
from ortsnetz_grid.functions.congestion.wishes import terminals
from ortsnetz_grid.functions.state_estimation.result import StateEstimate
from ortsnetz_grid.network.model import Network

INFEASIBLE = Infeasible.LEAST_EXCESS
"""What no device can mend puts only those at their floors who can ease it: not the inverters where
a transformer is overloaded by charging, and not the whole station for one house beyond reach."""
_JUST_BELOW = 0.999
"""A limit that is needed is never the whole rating, which would mean none: above nominal voltage a
device draws more than its rating."""


@dataclass(frozen=True)
class Limiting:
    """The limiting function of one station.

    Attributes:
        network: of the station.
        parameters: in force.
        limiter: prepared for the network, kept from cycle to cycle: only injections change.
    """

    network: Network
    parameters: ParameterSet
    limiter: Limiter

    def call(self, body: bytes) -> bytes:
        """Decide on one instant; see `worker.Function`."""
        call = limiting_call(body)
        state = from_bytes(call.state)

        def once(deaf: frozenset[str], may_draw: Mapping[str, float]) -> LimitingResult:
            return self._once(call, state, deaf, may_draw)

        def keeps(
            deaf: frozenset[str], at_w: Mapping[str, float], reactive: Mapping[str, float]
        ) -> bool:
            situation = self._situation(call, state, deaf, at_w)
            return all(self._keeps(each, reactive) for each in _corners(situation))

        return encode(combined(once, call, keeps))

    def _once(
        self,
        call: LimitingCall,
        state: StateEstimate,
        deaf: frozenset[str],
        may_draw: Mapping[str, float],
    ) -> LimitingResult:
        """One decision, see `combined` for why there may be several.

        Reactive power is told at once and comes in its own time. Where the present is beyond a
        limit it has come too late, and active power is what has to help: as if nobody's reactive
        power would ever change.
        """
        situation = self._situation(call, state, deaf, may_draw)
        excess = Excess.of(self.network, state, situation.limits)
        if not excess.is_any:
            return self._both(situation)
        margin = excess.ahead(situation.margin, self.limiter.branches, state)
        situation = dataclasses.replace(situation, margin=margin)
        result = self._both(situation)
        measured = self._measured_var(situation, call)
        if measured:
            result = until_reactive(result, self._both(situation, measured))
        return result

    def _measured_var(self, situation: Situation, call: LimitingCall) -> dict[str, float]:
        """Reactive power of devices that can be told it, as it is, var by name.

        Of one that does not say it at all its terminals it is in the estimated rest of its node,
        as in `participants`: then nothing comes on top of that.
        """
        devices = {device.name: device for device in self.parameters.station.devices}
        found = {}
        for name in (situation.names[one.id] for one in situation.devices if one.reactive_var > 0):
            said = terminals(call.readings[name].reactive_var, devices[name])
            found[name] = 0.0 if said is None else float(said.sum())
        return found

    def _both(
        self, situation: Situation, reactive: Mapping[str, float] | None = None
    ) -> LimitingResult:
        """One decision, found for each direction by itself, see `transition`: consumers first.

        Args:
            situation: of this cycle.
            reactive: that is as it is, var by name; None: it is decided.
        """
        if not is_mixed(situation):
            return self._decided(situation, reactive)
        present = at_most_now(situation, FEED_IN)
        consumers = self._decided(present, reactive)
        elements = {name: element for element, name in situation.names.items()}
        found = {elements[one.device]: one.limit_w for one in consumers.limits}
        feeding = at_most_now(situation, CONSUMPTION, found)
        feeders = self._decided(feeding, reactive)

        def keeps(told: Mapping[str, float]) -> bool:
            return self._keeps(at_limits(present, found), told)

        told = reactive_for_both(consumers, feeders, keeps) if reactive is None else None
        if told is not None:
            feeders = self._decided(feeding, told)
        names = {situation.names[d.id] for d in situation.devices if direction_of(d) == FEED_IN}
        return both_directions(consumers, feeders, frozenset(names), told)

    def _situation(
        self,
        call: LimitingCall,
        state: StateEstimate,
        deaf: frozenset[str],
        may_draw: Mapping[str, float],
    ) -> Situation:
        return situation_from(
            self.network,
            state,
            without_reactive(self.parameters.station, call.unadjusted),
            call.readings,
            self.parameters.limits,
            deaf=deaf,
            may_draw=may_draw,
            unspoken=frozenset(call.unspoken),
            loading_of=call.loading_of,
            limiter=self.limiter,
        )

    def _keeps(self, situation: Situation, reactive: Mapping[str, float]) -> bool:
        """Whether the requests keep all limits with that reactive power, var by name."""
        return self.limiter.keeps(
            situation.devices,
            situation.limits,
            network=situation.network,
            bias=situation.bias,
            margin=situation.margin,
            reactive_var=_by_element(situation, reactive),
        )

    def _decided(
        self, situation: Situation, reactive: Mapping[str, float] | None = None
    ) -> LimitingResult:
        """One answer of the grid function; with reactive power, var by name, if that is decided."""
        result = self.limiter.decide(
            situation.devices,
            situation.limits,
            network=situation.network,
            bias=situation.bias,
            margin=situation.margin,
            settings=Settings(
                objective=Objective(self.parameters.limits.objective), infeasible=INFEASIBLE
            ),
            reactive_var=None if reactive is None else _by_element(situation, reactive),
        )
        devices = {device.name: device for device in self.parameters.station.devices}
        idle = set(situation.idle)
        limits = tuple(
            _limit(
                devices[situation.names[setting.id]],
                setting,
                situation.used[setting.id],
                result.binding,
            )
            for setting in result.devices
            if setting.k < 1 and situation.names[setting.id] not in idle
        )
        worst = result.worst_loading
        infeasible = result.status is Status.INFEASIBLE
        return LimitingResult(
            status=result.status.value,
            verified=result.verified,
            worst_loading=float(worst.value) if worst and worst.value is not None else None,
            limits=limits,
            violated=tuple(one.words for one in result.binding) if infeasible else (),
            uncontrolled=situation.uncontrolled,
            reserve_given_up=result.reserve_given_up,
            reactive={
                situation.names[setting.id]: float(sum(setting.q_var))
                for setting in result.devices
                if setting.q_var is not None and result.stage is not Stage.REQUESTS
            },
            missed=_missed(result) if infeasible else (),
            margins_given_up=result.reserve_given_up,
        )


def _missed(result: LimitResult) -> tuple[Missed, ...]:
    """Limits that are violated, with the relief that is missing where it is known."""
    relief = {(one.element, one.what): one for one in result.shortfall}
    found = []
    for one in result.binding:
        missing = None if one.element is None else relief.get((one.element, one.what))
        found.append(
            Missed(
                element=one.label,
                words=one.words,
                what=one.what,
                value=_plain(one.value),
                limit=_plain(one.limit),
                relief_w=_plain(missing.relief_w) if missing else None,
                relief_var=_plain(missing.relief_var) if missing else None,
            )
        )
    return tuple(found)


def _plain(value: float | None) -> float | None:
    """A number that can be encoded: numpy's own kinds of float cannot."""
    return None if value is None else float(value)


def _corners(situation: Situation) -> tuple[Situation, ...]:
    """The situations that have to be kept, whichever direction comes first."""
    if not is_mixed(situation):
        return (situation,)
    return tuple(at_most_now(situation, direction) for direction in (FEED_IN, CONSUMPTION))


def _by_element(situation: Situation, by_name: Mapping[str, float]) -> dict[int, float]:
    return {element: by_name[name] for element, name in situation.names.items() if name in by_name}


def without_reactive(station: Station, unadjusted: Iterable[str]) -> Station:
    """The same with devices that can be told no reactive power."""
    names = frozenset(unadjusted)
    if not names:
        return station
    devices = (
        replace(device, reactive_var=0.0) if device.name in names else device
        for device in station.devices
    )
    return replace(station, devices=tuple(devices))


def _limit(
    device: Device, setting: DeviceSetting, used: float, binding: tuple[Binding, ...]
) -> DeviceLimit:
    """The limit of one device; its reason is the strongest of the elements that hold it back.

    It is the limit of all terminals, also where a share of them carries the power.
    """
    held_by = [binding[place] for place in setting.binding] or list(binding)
    return DeviceLimit(
        device=device.name,
        limit_w=min(abs(float(sum(setting.p_w))) / used, _JUST_BELOW * device.rated_w),
        reason=held_by[0].words if held_by else "the network's limits",
        binding=tuple(dict.fromkeys(one.label for one in held_by)),
    )


def build(setup: Setup) -> Limiting:
    """Set the function up for a station.

    Raises:
        InputError: the network cannot be used; names the element.
    """
    network = Network.from_json(setup.network, "network")
    return Limiting(network, setup.parameters, limiter_of(network))
