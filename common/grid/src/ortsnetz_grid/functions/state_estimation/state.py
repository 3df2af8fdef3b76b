"""From estimated voltages to the whole state: flows, loadings and standard deviations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.state_estimation.fitted import Fitted
from ortsnetz_grid.functions.state_estimation.loading_deviation import loadings
from ortsnetz_grid.functions.state_estimation.result import StateEstimate
from ortsnetz_grid.network.admittance import BASE_PHASE_VA
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


def state_estimate(network: Network, rated: RatedBranches | None, fitted: Fitted) -> StateEstimate:
    """The whole state.

    Args:
        network: the network.
        rated: branches whose loading is wanted; None for no branches.
        fitted: where least squares settled.

    Returns:
        The state, with nothing removed and no problems.
    """
    frame = fitted.frame
    model, live, voltage = frame.model, frame.model.energised, frame.voltage
    sigma, injected = np.zeros(voltage.shape), np.zeros(voltage.shape, dtype=np.complex128)
    sigma[live] = np.sqrt(np.maximum(fitted.covariance.magnitudes()[live], 0.0))
    injected[live] = frame.injected().reshape(-1, 3) * BASE_PHASE_VA
    volts = np.where(live[:, None], voltage, 0)
    flows = model.branch_powers(volts) * BASE_PHASE_VA
    ids, rows = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.intp)
    loading, deviation = np.zeros(0), np.zeros(0)
    if rated is not None:
        ids = rated.ids.copy()
        order = np.argsort(model.branch_ids)
        rows = order[np.searchsorted(model.branch_ids[order], ids)]
        columns = _columns(network, volts, live, model.node_volts, flows)
        loading, deviation = loadings(rated, columns, fitted)
    return StateEstimate(
        node_ids=model.node_ids.copy(),
        energised=live.copy(),
        u_pu=np.abs(volts),
        u_angle=np.angle(volts),
        u_sigma_pu=sigma,
        p_w=-injected.real,
        q_var=-injected.imag,
        branch_ids=ids,
        loading=loading,
        loading_sigma=deviation,
        p_from_w=flows[rows, 0].real,
        q_from_var=flows[rows, 0].imag,
        p_to_w=flows[rows, 1].real,
        q_to_var=flows[rows, 1].imag,
        removed=(),
        problems=(),
    )


def _columns(
    network: Network, volts: Complex, live: NDArray[np.bool_], nominal: Real, flows: Complex
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Voltages and flows as power-grid-model's output has them, by component and attribute."""
    columns = {
        "node": {
            "u": np.abs(volts) * nominal[:, None],
            "u_angle": np.angle(volts),
            "energized": live.astype(float),
        }
    }
    start = 0
    for component in ("line", "link", "transformer", "asym_line"):  # the order of `Admittance`
        count = len(network.data.get(component, ()))
        mine = flows[start : start + count]
        start += count
        columns[component] = {
            f"{part}_{end}": values
            for place, end in enumerate(("from", "to"))
            for part, values in (("p", mine[:, place].real), ("q", mine[:, place].imag))
        }
    return columns
