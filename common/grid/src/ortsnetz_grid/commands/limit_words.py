"""The answer of `ortsnetz limit --explain`, in words."""

from __future__ import annotations

from ortsnetz_grid.functions.congestion.checks import checked_table
from ortsnetz_grid.functions.congestion.controls import Asked
from ortsnetz_grid.functions.congestion.problem import ControlledDevice
from ortsnetz_grid.functions.congestion.result import LimitResult, Stage, Status
from ortsnetz_grid.network.model import Network

_STAGES = {
    Stage.REQUESTS: "everybody gets what was asked for",
    Stage.REACTIVE: "other reactive power is enough, nobody is held back",
    Stage.ACTIVE: "reactive power first where devices take it, then active power",
    Stage.EXHAUSTED: "nothing within the floors keeps all limits",
}
_ROUNDING = 1e-9


def explanation(
    result: LimitResult,
    devices: tuple[ControlledDevice, ...],
    warnings: list[str],
    network: Network,
) -> str:
    """The answer in words, several lines."""
    asked = sum(abs(sum(device.request_w)) for device in devices) / 1e3
    given = sum(abs(sum(setting.p_w)) for setting in result.devices) / 1e3
    held = [setting for setting in result.devices if setting.reason]
    worst = (result.worst_loading, result.lowest_voltage, result.highest_voltage)
    violated = result.status is Status.INFEASIBLE
    told = [setting for setting in result.devices if setting.q_var is not None]
    lines = [
        f"{result.status}: {_heading(result, devices)}",
        f"Stage: {_STAGES[result.stage]}",
        f"Granted: {given:.2f} of {asked:.2f} kW; {len(held)} of {len(devices)} devices held back.",
        *(f"{'Violated' if violated else 'Reached'}: {one.words}" for one in result.binding),
        *(f"Missing: {one.words}" for one in result.shortfall),
        *(f"{network.label(one.id)}: {one.reason}" for one in held),
        *(
            f"{network.label(one.id)}: told {sum(one.q_var or ()) / 1e3:.2f} kvar (inductive "
            f"consumption positive)"
            for one in told
        ),
        *(f"Extreme: {one.words}" for one in worst if one is not None),
        *(f"Warning: {warning}" for warning in warnings),
        f"Verified: {'yes' if result.verified else 'no'} ({result.power_flows} power flows)",
    ]
    return "\n".join(lines)


def _heading(result: LimitResult, devices: tuple[ControlledDevice, ...]) -> str:
    if result.status is Status.OK:
        return "All requests are granted; no limit is reached."
    if result.status is Status.LIMITED:
        return "All limits are kept; some devices get another setpoint than they asked."
    if not devices:
        return "Limits are violated, and there is no device that could be held back."
    lowest = Asked.of(checked_table(devices)).lowest.tolist()
    at_floors = all(
        setting.k <= floor + _ROUNDING
        for setting, floor in zip(result.devices, lowest, strict=True)
    )
    if any(one.element is None for one in result.binding):
        return "No power flow converges; devices are at their floors."
    if at_floors:
        return "No setting keeps all limits; devices are at their floors."
    return "No setting keeps all limits; this one exceeds them least."
