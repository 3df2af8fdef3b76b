"""From estimated voltages to the whole state: flows, loadings and standard deviations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_grid.functions.state_estimation.jacobian import Frame
from ortsnetz_grid.functions.state_estimation.linearisation import Linearisation
from ortsnetz_grid.functions.state_estimation.loading_deviation import loadings
from ortsnetz_grid.functions.state_estimation.result import StateEstimate
from ortsnetz_grid.network.admittance import BASE_PHASE_VA
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


def state_estimate(
    network: Network,
    rated: RatedBranches | None,
    voltage: Complex,
    linearisation: Linearisation,
) -> StateEstimate:
    """The whole state at voltages (n, 3), per unit.

    Args:
        network: the network.
        rated: branches whose loading is wanted; None for no branches.
        voltage: complex, per unit.
        linearisation: the least-squares problem near these voltages, for deviations.

    Returns:
        The state, with nothing removed and no problems.
    """
    model, live = linearisation.frame.model, linearisation.frame.model.energised
    frame = Frame.at(model, voltage, linearisation.frame.matrix)
    sigma, injected = np.zeros(voltage.shape), np.zeros(voltage.shape, dtype=np.complex128)
    radial = sparse.eye_array(frame.size, 2 * frame.size, format="csr")
    sigma[live] = np.sqrt(linearisation.fit.variances(radial)).reshape(-1, 3)
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
        loading, deviation = loadings(rated, columns, frame, linearisation.fit)
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
