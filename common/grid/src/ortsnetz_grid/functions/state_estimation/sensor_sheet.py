"""Sensors while they are being collected, and their conversion to power-grid-model's signs.

That library counts a generator's power positive where it feeds in; everything else here is
consumption or flow into the branch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from power_grid_model import MeasuredTerminalType, initialize_array

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import PhaseValues, Reading
from ortsnetz_common.parameters.station import Device, Meter, Side, SourcePseudo
from ortsnetz_grid.functions.state_estimation.beliefs import Belief
from ortsnetz_grid.functions.state_estimation.lately import aged_words, flow, voltage
from ortsnetz_grid.functions.state_estimation.pseudo.ageing import LastKnown
from ortsnetz_grid.functions.state_estimation.result import Measurements
from ortsnetz_grid.network.model import Network

Real = NDArray[np.float64]

_BRANCHES = ("transformer", "line", "asym_line")


@dataclass(frozen=True, slots=True)
class _Voltage:
    node: int
    volts: Real
    sigma: float
    words: str
    pseudo: bool = False
    common_sigma: float = 0.0


@dataclass(frozen=True, slots=True)
class _Power:
    target: int
    terminal: int
    values: tuple[Real, Real, Real, Real]  # P, Q and their standard deviations, (3,) each
    words: str
    pseudo: bool = False


@dataclass(slots=True)
class SensorSheet:
    """Collects sensors for one network."""

    network: Network
    _volts: Mapping[int, float]
    _voltages: list[_Voltage] = field(default_factory=list)
    _powers: list[_Power] = field(default_factory=list)

    @classmethod
    def of(cls, network: Network) -> SensorSheet:
        """An empty sheet."""
        nodes = network.data["node"]
        rated = (nodes["u_rated"] / np.sqrt(3)).tolist()
        return cls(network, dict(zip(nodes["id"].tolist(), rated, strict=True)))

    def add_source(self, source: SourcePseudo) -> None:
        """The assumed MV voltage, the same in all phases.

        Its angles are not stated here: the MV node is the reference, whose phases lie symmetrically
        within `Settings.reference_angle_sigma`. As a phasor it would make power-grid-model crawl:
        the magnitudes of all other nodes hold on to the angles of its last iteration.
        """
        nominal = self._nominal(source.node, "the station's source")
        words = f"assumed voltage of {self.network.label(source.node)}"
        sigma = source.sigma_pu * nominal
        volts = np.full(3, source.u_pu * nominal)
        self._voltages.append(_Voltage(source.node, volts, sigma, words, pseudo=True))

    def add_voltage(
        self,
        node: int,
        owner: Meter | Device,
        said: PhaseValues,
        last: LastKnown | None = None,
    ) -> None:
        """The voltage that a meter or device measures, in the phases where it says one.

        What it does not say is taken from what it said last, with the deviation that belongs to the
        age. Phases that are not known at all are NaN: nothing is made up for them.
        """
        nominal = self._nominal(node, f"'{owner.name}'")
        if owner.phases is None:
            return
        found = voltage(owner, owner.phases, nominal, said, last)
        known = ~np.isnan(found.volts)
        if known.any():
            words = aged_words(f"voltage of '{owner.name}'", found.age_s)
            self._voltages.append(
                _Voltage(
                    node,
                    found.volts,
                    found.sigma,
                    words,
                    pseudo=found.age_s is not None,
                    common_sigma=found.common_sigma,
                )
            )

    def add_flow(self, meter: Meter, said: Reading, last: LastKnown | None = None) -> int:
        """The flow that a branch meter measures, if it says all of it, or said it lately.

        Returns:
            The node at the meter's end of the branch.

        Raises:
            InputError: there is no such branch, or no side is stated; names the meter.
        """
        component = self.network.components.get(meter.element)
        if component not in _BRANCHES or meter.side is None:
            raise InputError(
                f"meter '{meter.name}': element {meter.element} with side {meter.side} is no end "
                "of a branch of the network"
            )
        found = flow(meter, said, last)
        if found is not None:
            end = MeasuredTerminalType.branch_from
            if meter.side is Side.TO:
                end = MeasuredTerminalType.branch_to
            power, sigma, age_s = found
            words = aged_words(f"power of '{meter.name}'", age_s)
            values = (power.real, power.imag, sigma, sigma)
            pseudo = age_s is not None
            self._powers.append(_Power(meter.element, int(end), values, words, pseudo=pseudo))
        row = self.network.row(component, meter.element)
        return int(self.network.data[component][f"{meter.side.value}_node"][row])

    def add_power(
        self, component: str, element: int, belief: Belief, owner: Meter | Device | None
    ) -> None:
        """The power of a load or generator."""
        generates = component.endswith("gen")
        sign = -1.0 if generates else 1.0
        terminal = MeasuredTerminalType.generator if generates else MeasuredTerminalType.load
        values = (sign * belief.p_w, sign * belief.q_var, belief.p_sigma_w, belief.q_sigma_var)
        name = f"'{owner.name}'" if owner is not None else self.network.label(element)
        words = f"assumed power of {name}" if belief.assumed else f"power of {name}"
        words = aged_words(words, belief.age_s)
        self._powers.append(_Power(element, int(terminal), values, words, pseudo=belief.assumed))

    def measurements(self, missing_guards: tuple[str, ...]) -> Measurements:
        """The sheet's sensors as power-grid-model's arrays; their ids follow the network's."""
        first = max(self.network.components, default=-1) + 1
        voltage = initialize_array("input", "asym_voltage_sensor", len(self._voltages))
        voltage["id"] = np.arange(first, first + len(voltage))
        voltage["measured_object"] = [each.node for each in self._voltages]
        voltage["u_sigma"] = self._voltage_sigmas()
        voltage["u_measured"] = np.array([each.volts for each in self._voltages]).reshape(-1, 3)
        power = initialize_array("input", "asym_power_sensor", len(self._powers))
        power["id"] = np.arange(first + len(voltage), first + len(voltage) + len(power))
        power["measured_object"] = [each.target for each in self._powers]
        power["measured_terminal_type"] = [each.terminal for each in self._powers]
        for place, name in enumerate(("p_measured", "q_measured", "p_sigma", "q_sigma")):
            power[name] = np.array([each.values[place] for each in self._powers]).reshape(-1, 3)
        every: list[_Voltage | _Power] = [*self._voltages, *self._powers]
        return Measurements(
            sensors={"asym_voltage_sensor": voltage, "asym_power_sensor": power},
            words={first + place: each.words for place, each in enumerate(every)},
            pseudo=frozenset(first + place for place, each in enumerate(every) if each.pseudo),
            missing_guards=missing_guards,
        )

    def _voltage_sigmas(self) -> Real:
        """Deviations of the voltages, V.

        Old voltages are wrong together when the medium voltage moves, but sensors are independent:
        a hundred of them would make the estimate ten times too sure. So each also has the
        covariance with all others in its variance.
        """
        nominal = np.array([self._volts[each.node] for each in self._voltages])
        own = np.array([each.sigma for each in self._voltages])
        common = np.array([each.common_sigma for each in self._voltages]) / nominal
        return np.asarray(np.sqrt(own**2 + nominal**2 * common * common.sum()))

    def _nominal(self, node: int, owner: str) -> float:
        """Nominal phase-to-neutral voltage, V.

        Raises:
            InputError: there is no such node; names the owner.
        """
        if node not in self._volts:
            raise InputError(f"{owner}: node {node} is not in the network")
        return self._volts[node]
