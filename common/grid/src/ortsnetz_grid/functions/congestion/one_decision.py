"""Limiting: the least curtailment that keeps the network inside its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.attainable import eased, hopeless
from ortsnetz_grid.functions.congestion.constraints import VERIFIED, Constraints
from ortsnetz_grid.functions.congestion.controls import Asked, Controls
from ortsnetz_grid.functions.congestion.explanation import Explanation, pull, settings_of
from ortsnetz_grid.functions.congestion.objective import Box
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point
from ortsnetz_grid.functions.congestion.problem import (
    ControlledDevice,
    Infeasible,
    LimitSet,
    Settings,
)
from ortsnetz_grid.functions.congestion.result import (
    Binding,
    DeviceSetting,
    LimitResult,
    Stage,
    Status,
)
from ortsnetz_grid.functions.congestion.search import Learned, Search
from ortsnetz_grid.functions.congestion.shortfall import shortfall_of
from ortsnetz_grid.functions.congestion.steps import coarse, given_back, rounded_down
from ortsnetz_grid.functions.congestion.uniform import UniformScaling
from ortsnetz_grid.network.model import Network

_TROUBLE = (ArithmeticError, ValueError, IndexError, np.linalg.LinAlgError)
"""What numerical code raises; nothing of it may keep a verified point from being returned."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision: what is fixed in it."""

    network: Network
    flows: DeviceFlows
    devices: tuple[ControlledDevice, ...]
    asked: Asked
    controls: Controls
    limits: LimitSet
    constraints: Constraints
    box: Box
    settings: Settings

    def with_reactive(self, told_var: Mapping[int, float] | None) -> Decision:
        """The same with reactive power that is told already, var by device; None: it is decided."""
        if told_var is None:
            return self
        places = range(self.box.factors, len(self.box.wish))
        ids = [self.devices[self.controls.device[place]].id for place in places]
        most = self.asked.reactive_var[self.controls.device[self.box.factors :]]
        told = {
            place: told_var[element] / var
            for place, element, var in zip(places, ids, most.tolist(), strict=True)
            if element in told_var
        }
        return replace(self, box=self.box.with_reactive(told))

    def keeps(self) -> bool:
        """Whether the requests keep everything; nothing is searched."""
        return bool(UniformScaling(self.flows, self.box).excess(self.constraints)[0] <= VERIFIED)

    def made(self) -> LimitResult:
        """Decide."""
        scaling = UniformScaling(self.flows, self.box)
        if not scaling.converged.any():
            return self._without_power_flow()
        requests = scaling.requests
        if requests is not None and scaling.excess(self.constraints)[0] <= VERIFIED:
            return self._result(Status.OK, requests, None, self.constraints)
        return self._limited(scaling)

    def _limited(self, scaling: UniformScaling) -> LimitResult:
        """Curtail; with the reserve if that is possible, without it if not."""
        constraints = self.constraints
        search, trouble = self._searched(constraints, scaling)
        for reserve in self._smaller_reserves(search):
            if search.best is not None:
                break
            constraints = self.constraints.with_reserve(reserve)
            search, more = self._searched(constraints, scaling)
            trouble = trouble or more
        if search.best is None:
            return replace(self._infeasible(search, scaling), trouble=trouble)
        found = search.best
        try:
            answer = self._in_steps(found, search, constraints)
        except _TROUBLE as error:
            answer, trouble = found, trouble or _in_words(error)
        granted = (answer.controls[: self.box.factors] == 1).all()
        as_wished = granted and (answer.controls == self.box.wish).all()
        status = Status.OK if as_wished else Status.LIMITED
        result = self._result(status, answer, search.learned, constraints, optimum=found)
        return replace(result, trouble=trouble)

    def _searched(
        self, constraints: Constraints, scaling: UniformScaling, box: Box | None = None
    ) -> tuple[Search, str]:
        """A search that was run, and what went wrong in it: then it has what it found before."""
        search = Search(self.flows, constraints, box or self.box, self.settings)
        try:
            search.run(scaling)
        except _TROUBLE as error:
            return search, _in_words(error)
        return search, ""

    def _smaller_reserves(self, search: Search) -> Iterator[NDArray[np.float64]]:
        """Reserves to try when the full one cannot be kept.

        First without that of the rows which alone make it impossible, then none at all.
        """
        reserve = self.constraints.reserve
        if not reserve.any():
            return
        model = search.whole_model()
        if model is not None:
            without = hopeless(model, self.constraints, self.box)
            if without.any():
                yield np.where(without, 0.0, reserve)
        yield np.zeros_like(reserve)

    def _in_steps(self, found: Point, search: Search, constraints: Constraints) -> Point:
        """The answer on the steps of the setpoints; a verified point.

        Where rounding down breaks a limit (consumption that supported a voltage), the other devices
        are decided again; where that fails, the steps are left to the devices.
        """
        count = self.box.factors
        target = found.controls.copy()
        target[:count] = rounded_down(target[:count], self.asked)
        if (target == found.controls).all():
            return found
        rounded = search.compute(target)
        if rounded is None:
            return found
        if constraints.worst(rounded.phasors) > VERIFIED:
            fixed = np.zeros(len(target), dtype=np.bool_)
            fixed[:count] = coarse(self.asked)
            box = replace(
                self.box,
                lowest=np.where(fixed, target, self.box.lowest),
                highest=np.where(fixed, target, self.box.highest),
            )
            again = Search(self.flows, constraints, box, self.settings).run_from(rounded)
            return found if again is None else again
        return given_back(self.flows, constraints, self.asked, rounded, self.box.highest)

    def _infeasible(self, search: Search, scaling: UniformScaling) -> LimitResult:
        """Everybody at the floor or the least excess, and the limits that are violated there."""
        constraints = self.constraints.with_reserve(np.zeros_like(self.constraints.reserve))
        model = None
        if self.settings.infeasible is Infeasible.LEAST_EXCESS:
            model = search.whole_model()
        if model is not None:
            bounds = eased(model, self.constraints, self.box)
            relieved, _ = self._searched(bounds, scaling)
            # what each row could attain, all together perhaps cannot: then the least excess
            answer = relieved.best or relieved.nearest
            if answer is not None:
                if relieved.best is not None:
                    answer = self._in_steps(relieved.best, relieved, bounds)
                return self._result(Status.INFEASIBLE, answer, relieved.learned, constraints)
        floors = self.box.wish if search.nearest is None else search.nearest.controls
        floors = np.append(self.box.lowest[: self.box.factors], floors[self.box.factors :])
        at_floors = search.compute(floors)
        if at_floors is None:
            return self._without_power_flow()
        return self._result(Status.INFEASIBLE, at_floors, search.learned, constraints)

    def _result(
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
        inverters = tuple(
            self.devices[place].id for place in self.controls.device[self.box.factors :].tolist()
        )
        explanation = Explanation(
            self.network, self.flows.layout, self.limits, constraints, inverters
        )
        reached = []
        infeasible = status is Status.INFEASIBLE
        if status is not Status.OK:
            reached = explanation.reached(
                (optimum or point).phasors, point.phasors, violated=infeasible
            )
        loading, lowest, highest = explanation.extremes(point.phasors)
        pulls = pull(reached, learned, constraints, self.box.factors)
        return LimitResult(
            status=status,
            devices=settings_of(
                self.devices,
                self.asked,
                self.controls,
                point,
                reached=reached,
                pulls=pulls,
            ),
            binding=tuple(one.binding for one in reached),
            worst_loading=loading,
            lowest_voltage=lowest,
            highest_voltage=highest,
            verified=not infeasible,
            reserve_given_up=explanation.given_up(self.constraints.reserve),
            without_supply=_without_supply(self.network, self.flows, self.devices),
            power_flows=self.flows.computed,
            stage=self._stage(status, point),
            shortfall=(shortfall_of(explanation, self.flows, point, reached) if infeasible else ()),
        )

    def _stage(self, status: Status, point: Point) -> Stage:
        if status is Status.INFEASIBLE:
            return Stage.EXHAUSTED
        if status is Status.OK:
            return Stage.REQUESTS
        granted = (point.controls[: self.box.factors] == 1).all()
        return Stage.REACTIVE if granted else Stage.ACTIVE

    def _without_power_flow(self) -> LimitResult:
        """Everybody at the floor, because no power flow converges anywhere."""
        reason = "at its floor: the power flow does not converge"
        sources = self.network.data["source"]["id"]
        lowest = self.asked.lowest
        watts = self.asked.power_at(lowest).tolist()
        return LimitResult(
            status=Status.INFEASIBLE,
            devices=tuple(
                DeviceSetting(device.id, k, (a, b, c), instead=reason if k < 1 else "")
                for device, k, (a, b, c) in zip(self.devices, lowest.tolist(), watts, strict=True)
            ),
            binding=(
                Binding(
                    None,
                    f"network supplied by {self.network.label(int(sources[0]))}",
                    f"power flow does not converge ({self.flows.failure})",
                    None,
                    None,
                ),
            ),
            worst_loading=None,
            lowest_voltage=None,
            highest_voltage=None,
            verified=False,
            reserve_given_up=(),
            without_supply=_without_supply(self.network, self.flows, self.devices),
            power_flows=self.flows.computed,
            stage=Stage.EXHAUSTED,
        )


def _in_words(error: Exception) -> str:
    return f"the search ended early: {type(error).__name__}: {error}"


def _without_supply(
    network: Network, flows: DeviceFlows, devices: tuple[ControlledDevice, ...]
) -> tuple[int, ...]:
    """Devices at dead nodes."""
    live_nodes = flows.layout.live_nodes
    if live_nodes.all():
        return ()
    dead = set(network.data["node"]["id"][~live_nodes].tolist())
    node_of = {
        element: node
        for component in ("asym_load", "asym_gen")
        if component in network.data
        for element, node in network.data[component][["id", "node"]].tolist()
    }
    return tuple(device.id for device in devices if node_of[device.id] in dead)
