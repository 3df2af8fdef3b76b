"""A power flow in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.kernels.native import in_words
from ortsnetz_grid.network.additions_loading import additional_loading
from ortsnetz_grid.network.admittance import BASE_PHASE_VA
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.output import Output
from ortsnetz_grid.network.power_flow import Flows, PowerFlow
from ortsnetz_grid.network.two_ports import Complex

PHASES = "abc"


def summary(flow: PowerFlow, flows: Flows, outputs: Sequence[Output]) -> Iterator[str]:
    """Lowest and highest voltage, largest loading, losses; over all scenarios that converged.

    Args:
        flow: of the network.
        flows: the result.
        outputs: the same as power-grid-model's output, for each scenario.
    """
    size = np.abs(flows.voltage)
    size[:, ~flow.admittance.energised] = np.nan
    if np.isnan(size).all():
        return
    many = len(size) > 1
    for word, at in (("lowest", np.nanargmin(size)), ("highest", np.nanargmax(size))):
        scenario, node, phase = (int(k) for k in np.unravel_index(at, size.shape))
        volts = size[scenario, node, phase] * flow.admittance.node_volts[node]
        label = flow.network.label(int(flow.admittance.node_ids[node]))
        where = f" in scenario {scenario}" if many else ""
        yield (
            f"{word} voltage: {size[scenario, node, phase]:.4f} pu ({volts:.1f} V) at {label}, "
            f"phase {PHASES[phase]}{where}"
        )
    yield _loading(flow, flows, outputs)
    losses = [_losses_w(flow, voltage) for voltage in flows.voltage[flows.converged]]
    if losses:
        yield f"losses: {max(losses) / 1e3:.3f} kW{' in the worst scenario' if many else ''}"
    dead = np.flatnonzero(~flow.admittance.energised)
    if len(dead):
        label = flow.network.label(int(flow.admittance.node_ids[dead[0]]))
        more = f" and {len(dead) - 1} more nodes" if len(dead) > 1 else ""
        yield f"without supply: {label}{more}; voltages and flows are 0 there"


def _loading(flow: PowerFlow, flows: Flows, outputs: Sequence[Output]) -> str:
    """The largest loading, as the architecture defines it."""
    try:
        rated = RatedBranches.of(flow.network)
    except InputError as error:
        return f"largest loading: not known, because {error}"
    added = additional_loading(flow.network, flow.admittance, flows.voltage)
    ids = np.concatenate([rated.ids, added.ids])
    best = (-1.0, 0, 0)
    for scenario, output in enumerate(outputs):
        with np.errstate(invalid="ignore"):  # what did not converge has no flow
            loading = np.concatenate([rated.loading(output), added.loading[scenario]])
        if np.isfinite(loading).any():
            row = int(np.nanargmax(loading))
            best = max(best, (float(loading[row]), scenario, row))
    if best[0] < 0:
        return "largest loading: not known, because no line or transformer has a valid flow"
    where = f" in scenario {best[1]}" if len(outputs) > 1 else ""
    label = flow.network.label(int(ids[best[2]]))
    return f"largest loading: {best[0]:.1%} at {label}{where}"


def _losses_w(flow: PowerFlow, voltage: Complex) -> float:
    """What all branches take in and do not give back."""
    at = np.where(np.isnan(voltage), 0, voltage)  # phases that do not exist meet only zeros
    return float(flow.admittance.branch_powers(at).real.sum() * BASE_PHASE_VA)


def explain(flow: PowerFlow, flows: Flows) -> Iterator[str]:
    """How the result came about."""
    model = flow.admittance
    yield (
        f"model: {np.count_nonzero(model.energised)} energised nodes in {len(flows.parts)} "
        f"part(s), {len(flow.sources.ids)} source(s); {in_words()}"
    )
    yield (
        f"iterations of the fixed point: {flows.iterations.min()} to {flows.iterations.max()}; "
        f"largest power mismatch of a phase: {np.nanmax(flows.mismatch_va, initial=0):.2g} VA"
    )
    count = np.count_nonzero(flows.by_library)
    if count:
        yield f"{count} scenario(s) by power-grid-model's Newton: the fixed point did not settle"


def failures(flow: PowerFlow, flows: Flows) -> Iterator[str]:
    """Which parts of which scenarios have no result, and which have."""
    for scenario in np.flatnonzero(~flows.converged)[:10].tolist():
        where = f"scenario {scenario}: " if len(flows.converged) > 1 else ""
        valid = [_part(flow, int(k)) for k in flows.parts[flows.part_converged[scenario]]]
        invalid = [_part(flow, int(k)) for k in flows.parts[~flows.part_converged[scenario]]]
        yield (
            f"{where}no power flow was found for {', '.join(invalid)}: the power asked there is "
            "probably more than the network can carry; "
            + (f"{', '.join(valid)} is valid" if valid else "nothing is valid")
        )
    more = np.count_nonzero(~flows.converged) - 10
    if more > 0:
        yield f"{more} more scenarios without a valid result in every part"


def _part(flow: PowerFlow, number: int) -> str:
    """A connected part by its sources and size."""
    model = flow.admittance
    sources = [
        flow.network.label(int(element))
        for element, node in zip(flow.sources.ids, flow.sources.nodes, strict=True)
        if model.island[node] == number
    ]
    count = np.count_nonzero(model.island == number)
    return f"the part fed by {' and '.join(sources)} ({count} nodes)"
