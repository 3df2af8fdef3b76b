"""Operating points and slopes by the project's own power flow.

Slopes come from the factorised network. A control that draws dS more at a node injects the
current -conj(dS / v) there; rows answer to it linearly (`influence`). What the other loads draw
then changes with the voltage: this feedback is corrected once. What is left is of the second order
in the relative voltage drop, some tenths of a per cent of the slope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.controls import Controls
from ortsnetz_grid.functions.congestion.grid import PreparedGrid
from ortsnetz_grid.functions.congestion.influence import Single
from ortsnetz_grid.functions.congestion.operating_points import Point, Points
from ortsnetz_grid.functions.congestion.rows import Rows
from ortsnetz_grid.functions.congestion.snapshot import CURRENT, IMPEDANCE, POWER, Snapshot
from ortsnetz_grid.kernels.limiting import answers as compiled_answers
from ortsnetz_grid.kernels.limiting import kernels
from ortsnetz_grid.kernels.limiting_instant import Instant, instant_of
from ortsnetz_grid.network.admittance import BASE_PHASE_VA
from ortsnetz_grid.network.power_flow.injections import KINDS, Injections
from ortsnetz_grid.network.two_ports import Complex, Real

_AIMED_AT = 1e-9
"""Change of a voltage (pu) in the last step that the fixed point goes on to, if it can: where a
network has links, steps end in rounding noise above it."""

_ACCEPTED = 1e-8
"""Change of a voltage (pu) in the last step at which a power flow counts as converged."""

_MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows at computed voltages (s, n, 3); see `operating_points.Rows`."""

    rows: Rows
    own: Controls
    instant: Instant | None
    voltage: Complex
    controls: Real

    def at(self, lanes: slice) -> tuple[Complex, Complex | None]:
        """See `Rows.at`."""
        with np.errstate(all="ignore"):  # what did not converge holds no numbers
            values, phasors = self.rows.at(self.voltage[lanes])
        if len(self.own.active_share):
            apparent = self.own.apparent(self.controls[lanes])
            phasors = np.concatenate([phasors, apparent], axis=1)
        return phasors, values

    def worst(self, constraints: Constraints) -> Real:
        """See `Rows.worst`."""
        rows, bounds = self.rows.compiled, constraints.compiled
        if self.instant is None or rows is None or bounds is None:
            return constraints.worst(self.at(slice(None))[0])
        worst = self.instant.worst(rows, bounds, self.voltage)
        if len(self.own.active_share):
            size = np.abs(self.own.apparent(self.controls))
            beyond = size - constraints.upper[self.rows.layout.count :]
            worst = np.maximum(worst, beyond.max(axis=1))
        return worst


class CompiledFlows:
    """See `DeviceFlows`."""

    def __init__(
        self, grid: PreparedGrid, snapshot: Snapshot, controls: Controls, *, unbalance: bool
    ) -> None:
        """Nothing is computed yet.

        Args:
            grid: the network.
            snapshot: what stands beside the devices.
            controls: what can be set.
            unbalance: whether there are rows for it.
        """
        self._grid, self._snapshot, self._controls = grid, snapshot, controls
        self._unbalance = unbalance
        self._rows = grid.rows(unbalance=unbalance)
        self._engine = grid.engine(snapshot.nodes)
        self._idle = grid.idle(self._engine, snapshot.source_voltage)
        self._columns = controls.live, controls.place[controls.live]
        self._instant = instant_of(
            self._engine,
            grid.workspace,
            snapshot.nodes,
            kind=controls.kind,
            place=controls.place,
            power=controls.power,
            base=controls.base,
            idle=self._idle,
            unit=1 / BASE_PHASE_VA,
        )
        self.layout = self._rows.layout
        self.computed = 0
        self.failure = ""

    def at(self, controls: Real) -> Points:
        """See `DeviceFlows.at`."""
        self.computed += len(controls)
        voltage, change = self._settled(controls)
        converged = np.asarray((change <= _ACCEPTED).all(axis=1))
        if not converged.any():
            self._ask_library(self._controls.powers(controls), voltage, converged)
        rows = _Rows(self._rows, self._controls, self._instant, voltage, controls)
        return Points(controls, converged, voltage, rows)

    def _settled(self, controls: Real) -> tuple[Complex, Real]:
        """Voltages (s, n, 3), and their changes (s, islands) in the last step."""
        if self._instant is not None:
            return self._instant.flow(controls, _AIMED_AT, _MOST_STEPS)
        settled = self._engine.iterate(
            self._idle,
            self._snapshot.nodes,
            [*self._controls.powers(controls), None, None, None],
            unit=1 / BASE_PHASE_VA,
            scenarios=len(controls),
            tolerance=_AIMED_AT,
            most=_MOST_STEPS,
            threads=1,
        )
        return settled.voltage, settled.change

    def _ask_library(
        self, powers: list[Complex | None], voltage: Complex, converged: NDArray[np.bool_]
    ) -> None:
        """Newton's method where the fixed point finds nothing, in place."""
        self.failure = f"no solution within {_MOST_STEPS} steps"
        injections = Injections(
            self._snapshot.nodes,
            **{
                kind: power for kind, power in zip(KINDS, powers, strict=False) if power is not None
            },
            source_voltage=self._snapshot.source_voltage,
        )
        flows = self._grid.flow.solve(injections)
        good = flows.converged & np.isfinite(flows.voltage).all(axis=(1, 2))
        if len(good) == len(converged):
            voltage[good] = flows.voltage[good]
            converged[good] = True
        elif good.all():
            voltage[:], converged[:] = flows.voltage, True

    def driving_point(self, node: int) -> Complex | None:
        """See `DeviceFlows.driving_point`."""
        right = np.zeros((3, *self._idle.shape[1:]), dtype=np.complex128)
        right[np.arange(3), node, np.arange(3)] = 1.0
        return np.asarray(self._engine.solve(right)[:, node].T)

    def slopes(self, point: Point, rows: NDArray[np.intp]) -> Complex | None:
        """See `DeviceFlows.slopes`."""
        if point.voltage is None or point.values is None:
            return None
        count = self.layout.count
        inside = rows < count
        if len(rows) and inside.all():
            return self._slopes(point.voltage, point.values, rows, point.controls)
        found = np.zeros((len(rows), len(self._controls.device)), dtype=np.complex128)
        of_network = rows[inside]
        if len(of_network):
            found[inside] = self._slopes(point.voltage, point.values, of_network, point.controls)
        own = self._controls
        for place in np.flatnonzero(~inside).tolist():
            number = int(rows[place]) - count
            found[place, own.device[own.factors + number]] = own.active_share[number]
            found[place, own.factors + number] = 1j * own.reactive_share[number]
        return found

    def _slopes(
        self, voltage: Complex, values: Complex, rows: NDArray[np.intp], controls: Real
    ) -> Complex:
        second = self._rows.second[rows]
        double = second >= 0
        functionals = np.concatenate([rows, second[double]])
        compiled = self._rows.compiled
        if self._instant is not None and compiled is not None:
            influence = self._grid.influence(self._snapshot.nodes, unbalance=self._unbalance)
            columns, place = self._columns
            kept, slots = influence.kept(functionals)
            moved = influence.planes(place)
            if moved is not None:
                return self._instant.slopes(
                    compiled, rows, values, slots, kept, columns, moved, voltage, controls
                )
        answers = self._answers(voltage, functionals, controls)
        found = answers[: len(rows)]
        if double.any():
            other = answers[len(rows) :]
            first_value, second_value = values[rows[double], None], values[second[double], None]
            # terms of the loading are products, what comes after the voltages is a quotient
            is_product = (rows[double] < self.layout.voltages.start)[:, None]
            product = found[double] * np.conj(second_value) + first_value * np.conj(other)
            quotient = (found[double] - first_value / second_value * other) / second_value
            found[double] = np.where(is_product, product, quotient)
        return found

    def _answers(self, voltage: Complex, functionals: NDArray[np.intp], controls: Real) -> Complex:
        """Derivative (j, c) of functionals by the controls."""
        own = self._controls
        influence = self._grid.influence(self._snapshot.nodes, unbalance=self._unbalance)
        columns, place = self._columns
        at = voltage[self._snapshot.nodes]
        answers = influence.of(functionals)
        drawn = _drawn(own.kind[columns], own.power[columns] / BASE_PHASE_VA, at[place])
        injected = (-drawn).astype(np.complex64)
        alpha, beta = self._feedback(at, controls)
        slopes = _at_places(answers, place, injected)
        moved = influence.between(place)
        if moved is not None:
            change = np.matmul(injected[:, None, :], moved)[:, 0]  # (c, 3k) of the voltages
            more = np.conj(change) * beta
            if alpha is not None:
                more += change * alpha
            slopes -= answers @ more.T
        else:
            slopes -= np.conj(_at_places(influence.back(np.conj(answers * beta)), place, injected))
            if alpha is not None:
                slopes -= _at_places(influence.back(answers * alpha), place, injected)
        if len(columns) == len(own.device):
            return slopes.astype(np.complex128)
        found = np.zeros((len(functionals), len(own.device)), dtype=np.complex128)
        found[:, columns] = slopes
        return found

    def _feedback(self, at: Complex, controls: Real) -> tuple[Single | None, Single]:
        """Change (3k,) of what the loads draw by that of the voltage: alpha dv + beta conj(dv)."""
        power, current, impedance = (
            None if each is None else each[0] / BASE_PHASE_VA
            for each in self._controls.powers(controls[None])
        )
        alpha: Complex | None = None
        beta = np.zeros(at.shape, dtype=np.complex128) if power is None else -np.conj(power / at**2)
        if current is not None:
            drawn, size = np.conj(current) / 2, np.abs(at)
            alpha = drawn / size
            beta -= drawn * at**2 / size**3
        if impedance is not None:
            drawn = np.conj(impedance)
            alpha = drawn if alpha is None else alpha + drawn
        single = None if alpha is None else alpha.ravel().astype(np.complex64)
        return single, beta.ravel().astype(np.complex64)


def _at_places(weights: Single, place: NDArray[np.intp], currents: Single) -> Single:
    """Sum (j, c) over the phases of weights (j, 3k) times currents (c, 3)."""
    compiled = kernels()
    if compiled is not None:
        return compiled_answers(compiled, weights, place, currents)
    each = weights.reshape(len(weights), -1, 3)[:, place]
    return np.asarray(np.einsum("jcp,cp->jc", each, currents))


def _drawn(kind: NDArray[np.intp], power: Complex, voltage: Complex) -> Complex:
    """Currents (c, 3) that powers of the given kinds draw at voltages (c, 3)."""
    found = np.conj(power / voltage)
    if (kind != POWER).any():
        at_current = np.conj(power) * voltage / np.abs(voltage)
        found = np.where((kind == CURRENT)[:, None], at_current, found)
        found = np.where((kind == IMPEDANCE)[:, None], np.conj(power) * voltage, found)
    return np.asarray(found)
