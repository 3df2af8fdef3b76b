"""Limiting: the least curtailment that keeps the network inside its limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import VERIFIED, Constraints
from ortsnetz_grid.functions.congestion.curtailment import Box, eased, hopeless
from ortsnetz_grid.functions.congestion.explanation import Explanation
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point
from ortsnetz_grid.functions.congestion.problem import (
    ControlledDevice,
    Fairness,
    Infeasible,
    LimitSet,
    Offsets,
    Settings,
    check_devices,
)
from ortsnetz_grid.functions.congestion.result import (
    Binding,
    DeviceSetting,
    LimitResult,
    Status,
)
from ortsnetz_grid.functions.congestion.search import Learned, Search, first_point
from ortsnetz_grid.functions.congestion.steps import given_back, rounded_down, step_factors
from ortsnetz_grid.network.model import Network

_DEFAULTS = Settings()


def decide(
    network: Network,
    devices: tuple[ControlledDevice, ...],
    limits: LimitSet,
    *,
    bias: Offsets | None = None,
    margin: Offsets | None = None,
    settings: Settings = _DEFAULTS,
) -> LimitResult:
    """Find the least curtailment that keeps all limits: `model + bias + margin <= limit`.

    One factor k per device acts on its request in all phases; the sum of the weighted squares of
    1 - k is minimised. An answer with status ok or limited has been verified by a three-phase power
    flow. Where the margins cannot be kept they are given up, the limits are not; what is given up
    is named.

    Args:
        network: all that is not a device stands at its specified power; sensors are ignored.
        devices: who may be limited, and to what.
        limits: band of LV voltages, and highest loading.
        bias: what the present has more than the model of it (None is nothing).
        margin: distance to keep from the limits (None is nothing).
        settings: how to search.

    Returns:
        `ok` if the requests keep all limits; `limited`; or `infeasible`, with devices at their
        floors (see `Settings.infeasible`) and the limits named that are violated there. Also a
        network in which no power flow converges even at the floors is infeasible.

    Raises:
        InputError: names the device or element whose data cannot be used.
    """
    check_devices(network, devices)
    lowest = np.array([device.lowest_factor for device in devices], dtype=np.float64)
    asked = np.array([sum(abs(watts) for watts in device.request_w) for device in devices])
    box = Box(
        lowest,
        np.ones(len(devices)),
        _weights(asked, settings.fairness),
        power=asked / max(float(asked.sum()), 1.0),
    )
    flows = DeviceFlows(network, devices)
    constraints = Constraints.of(network, flows, limits, bias=bias, margin=margin)
    start = first_point(flows, box)
    if start is None:
        return _without_power_flow(network, flows, devices)
    decision = _Decision(network, flows, devices, limits, constraints, box, settings)
    if (start.factors == 1).all() and constraints.worst(start.phasors) <= VERIFIED:
        return decision.result(Status.OK, start, None, constraints)
    return decision.limited(start)


def _weights(asked: NDArray[np.float64], fairness: Fairness) -> NDArray[np.float64]:
    """Weights of the devices' curtailments, about 1 on average."""
    if fairness is Fairness.EQUAL or not asked.any():
        return np.ones(len(asked))
    return np.asarray(np.maximum(asked / asked.mean(), 1e-3))  # every device keeps some weight


def _without_power_flow(
    network: Network, flows: DeviceFlows, devices: tuple[ControlledDevice, ...]
) -> LimitResult:
    """Everybody at the floor, because no power flow converges anywhere."""
    reason = "at its floor: the power flow does not converge"
    sources = network.data["source"]["id"]
    return LimitResult(
        status=Status.INFEASIBLE,
        devices=tuple(
            DeviceSetting(
                device.id,
                device.lowest_factor,
                device.power_at(device.lowest_factor),
                reason if device.lowest_factor < 1 else "",
            )
            for device in devices
        ),
        binding=(
            Binding(
                None,
                f"network supplied by {network.label(int(sources[0]))}",
                f"power flow does not converge ({flows.failure})",
                None,
                None,
            ),
        ),
        worst_loading=None,
        lowest_voltage=None,
        highest_voltage=None,
        verified=False,
        reserve_given_up=(),
        without_supply=_without_supply(network, flows, devices),
        power_flows=flows.computed,
    )


def _without_supply(
    network: Network, flows: DeviceFlows, devices: tuple[ControlledDevice, ...]
) -> tuple[int, ...]:
    """Devices at dead nodes."""
    if flows.live_nodes.all():
        return ()
    dead = set(network.data["node"]["id"][~flows.live_nodes].tolist())
    node_of = {
        element: node
        for component in ("asym_load", "asym_gen")
        if component in network.data
        for element, node in network.data[component][["id", "node"]].tolist()
    }
    return tuple(device.id for device in devices if node_of[device.id] in dead)


@dataclass(frozen=True, slots=True)
class _Decision:
    """What is fixed during one decision."""

    network: Network
    flows: DeviceFlows
    devices: tuple[ControlledDevice, ...]
    limits: LimitSet
    constraints: Constraints
    box: Box
    settings: Settings

    def limited(self, start: Point) -> LimitResult:
        """Curtail; with the reserve if that is possible, without it if not."""
        constraints = self.constraints
        search = self._search(constraints)
        found = search.run(start)
        for reserve in self._smaller_reserves(search):
            if found is not None:
                break
            constraints = self.constraints.with_reserve(reserve)
            search = self._search(constraints)
            found = search.run(start)
        if found is None:
            return self._infeasible(search, start)
        answer = self._in_steps(found, search, constraints)
        status = Status.OK if (answer.factors == 1).all() else Status.LIMITED
        return self.result(status, answer, search.learned, constraints, optimum=found)

    def _search(self, constraints: Constraints, box: Box | None = None) -> Search:
        return Search(self.flows, constraints, box or self.box, self.settings)

    def _smaller_reserves(self, search: Search) -> Iterator[NDArray[np.float64]]:
        """Reserves to try when the full one cannot be kept.

        First without that of the rows which alone make it impossible, then none at all.
        """
        reserve = self.constraints.reserve
        if not reserve.any():
            return
        if search.learned is not None:
            without = hopeless(search.learned.model, self.constraints, self.box)
            if without.any():
                yield np.where(without, 0.0, reserve)
        yield np.zeros_like(reserve)

    def _in_steps(self, found: Point, search: Search, constraints: Constraints) -> Point:
        """The answer on the steps of the setpoints; a verified point.

        Where rounding down breaks a limit (consumption that supported a voltage), the other devices
        are decided again; where that fails, the steps are left to the devices.
        """
        steps = step_factors(self.devices)
        target = rounded_down(found.factors, steps, self.box)
        if search.learned is None or (target == found.factors).all():
            return found
        rounded = search.compute(target)
        if rounded is None:
            return found
        if constraints.worst(rounded.phasors) > VERIFIED:
            fixed = steps > 0
            box = Box(
                np.where(fixed, target, self.box.lowest),
                np.where(fixed, target, self.box.highest),
                self.box.weight,
                self.box.power,
            )
            again = self._search(constraints, box).run(rounded)
            return found if again is None else again
        return given_back(self.flows, constraints, steps, search.learned.model, rounded)

    def _infeasible(self, search: Search, start: Point) -> LimitResult:
        """Everybody at the floor or the least excess, and the limits that are violated there."""
        constraints = self.constraints.with_reserve(np.zeros_like(self.constraints.reserve))
        if self.settings.infeasible is Infeasible.LEAST_EXCESS and search.learned is not None:
            bounds = eased(search.learned.model, constraints, self.box)
            relieved = self._search(bounds)
            found = relieved.run(start)
            if found is not None:
                answer = self._in_steps(found, relieved, bounds)
                return self.result(Status.INFEASIBLE, answer, relieved.learned, constraints)
            if relieved.nearest is not None:  # what each row could attain, all together cannot
                return self.result(
                    Status.INFEASIBLE, relieved.nearest, relieved.learned, constraints
                )
        floors = search.compute(self.box.lowest)
        if floors is None:
            return _without_power_flow(self.network, self.flows, self.devices)
        return self.result(Status.INFEASIBLE, floors, search.learned, constraints)

    def result(
        self,
        status: Status,
        point: Point,
        learned: Learned | None,
        constraints: Constraints,
        *,
        optimum: Point | None = None,
    ) -> LimitResult:
        """Put an answer into words.

        Args:
            status: of the answer.
            point: the answer.
            learned: what the search knows.
            constraints: the bounds that it keeps.
            optimum: the answer before it was put on setpoint steps: it reaches limits that the
                answer only comes close to.
        """
        explanation = Explanation(self.network, self.flows, self.limits, constraints)
        reached = []
        if status is not Status.OK:
            reached = explanation.reached(
                (optimum or point).phasors, point.phasors, violated=status is Status.INFEASIBLE
            )
        loading, lowest, highest = explanation.extremes(point.phasors)
        return LimitResult(
            status=status,
            devices=explanation.settings(self.devices, point, reached, learned),
            binding=tuple(one.binding for one in reached),
            worst_loading=loading,
            lowest_voltage=lowest,
            highest_voltage=highest,
            verified=status is not Status.INFEASIBLE,
            reserve_given_up=explanation.given_up(self.constraints.reserve),
            without_supply=_without_supply(self.network, self.flows, self.devices),
            power_flows=self.flows.computed,
        )
