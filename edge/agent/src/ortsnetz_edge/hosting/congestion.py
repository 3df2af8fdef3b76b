"""The worker's side of `congestion`: from a call's bytes to the grid function and back."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_edge.hosting.calls import DeviceLimit, LimitingResult, encode, limiting_call
from ortsnetz_edge.hosting.protocol import Setup
from ortsnetz_edge.hosting.state_bytes import from_bytes
from ortsnetz_grid.functions.congestion.decision import decide
from ortsnetz_grid.functions.congestion.result import Binding, DeviceSetting, Status
from ortsnetz_grid.functions.congestion.situation import situation_from
from ortsnetz_grid.network.model import Network


@dataclass(frozen=True)
class Limiting:
    """The limiting function of one station."""

    network: Network
    parameters: ParameterSet

    def call(self, body: bytes) -> bytes:
        """Decide on one instant; see `worker.Function`."""
        call = limiting_call(body)
        situation = situation_from(
            self.network,
            from_bytes(call.state),
            self.parameters.station,
            call.readings,
            self.parameters.limits,
        )
        result = decide(
            situation.network,
            situation.devices,
            situation.limits,
            bias=situation.bias,
            margin=situation.margin,
        )
        idle = set(situation.idle)
        limits = tuple(
            _limit(situation.names[setting.id], setting, result.binding)
            for setting in result.devices
            if setting.k < 1 and situation.names[setting.id] not in idle
        )
        worst = result.worst_loading
        infeasible = result.status is Status.INFEASIBLE
        return encode(
            LimitingResult(
                status=result.status.value,
                verified=result.verified,
                worst_loading=float(worst.value) if worst and worst.value is not None else None,
                limits=limits,
                violated=tuple(one.words for one in result.binding) if infeasible else (),
            )
        )


def _limit(name: str, setting: DeviceSetting, binding: tuple[Binding, ...]) -> DeviceLimit:
    """The limit of one device; its reason is the strongest of the elements that hold it back."""
    held_by = [binding[place] for place in setting.binding] or list(binding)
    return DeviceLimit(
        device=name,
        limit_w=abs(float(sum(setting.p_w))),
        reason=held_by[0].words if held_by else "the network's limits",
        binding=tuple(dict.fromkeys(one.label for one in held_by)),
    )


def build(setup: Setup) -> Limiting:
    """Set the function up for a station.

    Raises:
        InputError: the network cannot be used; names the element.
    """
    return Limiting(Network.from_json(setup.network, "network"), setup.parameters)
