"""Least squares by the compiled kernel: quantities in, the most probable state out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.state_estimation.block_residuals import block_residuals
from ortsnetz_grid.functions.state_estimation.covariance import BlockCovariance
from ortsnetz_grid.functions.state_estimation.driven import Driven
from ortsnetz_grid.functions.state_estimation.fitted import Fitted
from ortsnetz_grid.functions.state_estimation.places import Kind
from ortsnetz_grid.functions.state_estimation.plan import SOURCE_REACH, Circuits, Plan
from ortsnetz_grid.functions.state_estimation.quantities import Quantities
from ortsnetz_grid.kernels.estimation import BlockMeasurements, Report
from ortsnetz_grid.network.admittance import Admittance

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

MOST_STEPS = 60
LEFT_PU = 1e-5
"""What may be left of the way, judged by how the steps become shorter, at best tenfold. With
deviations, one more step follows."""
_MOVED_PU = 5.0
"""Movement of a voltage by the current of its own node, where nobody knows that."""


def needed_nodes(model: Admittance, quantities: Quantities) -> NDArray[np.bool_]:
    """Nodes (n,) that must remain: something is connected there, or measured."""
    needed = ~quantities.idle | np.isfinite(quantities.magnitude.variance).any(axis=1)
    needed |= np.isfinite(quantities.angle.variance).any(axis=1)
    shunts = quantities.branch_kinds == Kind.SHUNT
    needed[model.shunt_nodes[quantities.branch_places[shunts]]] = True
    needed[model.ends[quantities.branch_places[~shunts]].ravel()] = True
    needed[model.sources] = True
    return np.asarray(needed & model.energised)


def block_measurements(
    plan: Plan,
    model: Admittance,
    quantities: Quantities,
    *,
    references: NDArray[np.intp],
    angle_sigma: float,
    driven: Driven,
) -> BlockMeasurements:
    """Quantities in the kernel's order.

    Args:
        plan: the prepared network.
        model: its admittances.
        quantities: what is measured.
        references: row of the reference node of each connected part.
        angle_sigma: see `Settings.reference_angle_sigma`.
        driven: the network as its sources drive it.
    """
    order = plan.order
    injection, branch = quantities.injection, quantities.branch
    value, variance = injection.value[order], injection.variance[order]
    angle, angle_weight = _angles(plan, model, quantities, references, angle_sigma)
    circuits = _circuits_of(plan, model, quantities.branch_kinds, quantities.branch_places)
    return BlockMeasurements(
        injection=value[:, 0] + 1j * value[:, 1],
        injection_variance=variance,
        reach=_reach(plan, variance, driven),
        magnitude=quantities.magnitude.value[order],
        magnitude_weight=1 / quantities.magnitude.variance[order],
        angle=angle,
        angle_weight=angle_weight,
        kind=circuits.kind,
        at=circuits.at,
        other=circuits.other,
        link=circuits.link,
        flow_own=circuits.own,
        flow_mutual=circuits.mutual,
        flow=branch.value[:, 0] + 1j * branch.value[:, 1],
        flow_weight=1 / branch.variance,
    )


def _reach(plan: Plan, variance: Real, driven: Driven) -> Real:
    """Standard deviations (m,) of currents that nobody knows, per unit.

    Those of a source may be anything; others are such that they move their own voltage by more than
    any network stands. Larger ones would cost digits and say nothing more.
    """
    found = np.full(len(plan.order), SOURCE_REACH)
    unknown = np.flatnonzero(np.isinf(variance)) // 6
    for place in set(unknown.tolist()).difference(plan.sources.tolist()):
        impedance = max(driven.impedance(int(plan.order[place])), 1e-9)
        found[place] = min(_MOVED_PU / impedance, SOURCE_REACH)
    return found


def _angles(
    plan: Plan,
    model: Admittance,
    quantities: Quantities,
    references: NDArray[np.intp],
    angle_sigma: float,
) -> tuple[Real, Real]:
    """Angles (m, 3) and their weights: measured, and symmetrical at references without any."""
    if not np.isfinite(quantities.angle.variance).any():
        if angle_sigma not in plan.symmetrical:
            plan.symmetrical.clear()
            angle, weight = np.zeros((2, len(plan.order), 3))
            _put_symmetrical(angle, weight, plan.place[references], angle_sigma)
            angle.flags.writeable = weight.flags.writeable = False
            plan.symmetrical[angle_sigma] = angle, weight
        return plan.symmetrical[angle_sigma]
    weight = 1 / quantities.angle.variance
    with_angles = np.unique(model.island[weight.any(axis=1)])
    bare = references[~np.isin(model.island[references], with_angles)]
    angle, weight = quantities.angle.value[plan.order], weight[plan.order]
    _put_symmetrical(angle, weight, plan.place[bare], angle_sigma)
    return angle, weight


def _put_symmetrical(
    angle: Real, weight: Real, places: NDArray[np.intp], angle_sigma: float
) -> None:
    angle[places] = np.array([0, -2, 2]) * np.pi / 3
    weight[places] = angle_sigma**-2


def _circuits_of(
    plan: Plan, model: Admittance, kinds: NDArray[np.int64], places: NDArray[np.intp]
) -> Circuits:
    """Where flows are measured; sensors sit where they sat a second ago."""
    key = kinds.tobytes() + places.tobytes()
    if key not in plan.circuits:
        plan.circuits.clear()
        plan.circuits[key] = _circuits(plan, model, kinds, places)
    return plan.circuits[key]


def _circuits(
    plan: Plan, model: Admittance, kinds: NDArray[np.int64], places: NDArray[np.intp]
) -> Circuits:
    count = len(kinds)
    at, other = np.zeros(count, dtype=np.int32), np.full(count, -1, dtype=np.int32)
    link = np.full(count, -1, dtype=np.int32)
    own, mutual = np.zeros((2, count, 3, 3), dtype=np.complex128)
    shunt = kinds == Kind.SHUNT
    at[shunt] = plan.place[model.shunt_nodes[places[shunt]]]
    own[shunt] = model.shunt_blocks[places[shunt]]
    branch = np.flatnonzero(~shunt)
    mine = places[branch]
    side = np.array([Kind(kind).side for kind in kinds[branch].tolist()], dtype=np.intp)
    at[branch] = plan.place[model.ends[mine, side]]
    own[branch], mutual[branch] = model.blocks[mine, side, side], model.blocks[mine, side, 1 - side]
    # the far end of a branch that is open there has no part in what flows
    through = mutual[branch].any(axis=(1, 2))
    other[branch] = np.where(through, plan.place[model.ends[mine, 1 - side]], -1)
    link[branch] = np.where(through, plan.branch_link[mine], -1)
    return Circuits(kinds.astype(np.int32), at, other, link, own.copy(), mutual.copy())


@dataclass(frozen=True, slots=True)
class Settled:
    """What the kernel found.

    Attributes:
        voltage: (m, 3) of the nodes that remain.
        report: how it ended.
    """

    voltage: Complex
    report: Report


def settle(plan: Plan, measured: BlockMeasurements, no_load: Complex) -> Settled:
    """Most probable voltages.

    Args:
        plan: the prepared network.
        measured: see `block_measurements`.
        no_load: (n, 3) voltages without any load, symmetrical at the references.
    """
    start = no_load[plan.order]
    level = _level(plan, measured, start)
    voltage, report = plan.solver.solve(measured, level * start, MOST_STEPS, LEFT_PU)
    return Settled(voltage, report)


def _level(plan: Plan, measured: BlockMeasurements, no_load: Complex) -> float:
    """How much higher the measured voltages are on the mean than those without load.

    Those at the sources, if they are measured, for load does not lower them.
    """
    at = plan.sources
    magnitude, counts = measured.magnitude[at], measured.magnitude_weight[at] > 0
    if not counts.any():
        magnitude, counts = measured.magnitude, measured.magnitude_weight > 0
        if not counts.any():
            return 1.0
        at = np.arange(len(no_load))
    return float(magnitude[counts].sum() / np.abs(no_load[at][counts]).sum())


def fitted(plan: Plan, covariance: BlockCovariance, quantities: Quantities) -> Fitted:
    """The state at the plan's last solution.

    Args:
        plan: the prepared network.
        covariance: of the state.
        quantities: what was measured.
    """
    residuals, objective = block_residuals(plan, covariance.frame, quantities, covariance)
    return Fitted(covariance.frame, residuals, covariance, objective)
