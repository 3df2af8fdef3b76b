"""`ortsnetz limit`: the least curtailment that keeps a case inside its limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from power_grid_model import CalculationType

from ortsnetz_common.errors import InputError
from ortsnetz_grid.commands.case_file import read, read_case
from ortsnetz_grid.commands.limit_files import parse_devices, setpoints
from ortsnetz_grid.commands.limit_warnings import warnings_of
from ortsnetz_grid.commands.output import write_atomically
from ortsnetz_grid.functions.congestion.checks import check_devices, check_limits
from ortsnetz_grid.functions.congestion.decision import decide
from ortsnetz_grid.functions.congestion.injections import power_flow_data
from ortsnetz_grid.functions.congestion.problem import (
    ControlledDevice,
    Objective,
    Settings,
)
from ortsnetz_grid.functions.congestion.result import LimitResult, Stage, Status
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.validation import require_valid

_STAGES = {
    Stage.REQUESTS: "everybody gets what was asked for",
    Stage.REACTIVE: "other reactive power is enough, nobody is held back",
    Stage.ACTIVE: "reactive power first where devices take it, then active power",
    Stage.EXHAUSTED: "nothing within the floors keeps all limits",
}

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("case", type=_FILE)
@click.argument("devices", type=_FILE)
@click.option("-o", "--output", type=_FILE, required=True, help="SETPOINTS file to write.")
@click.option(
    "--objective",
    type=click.Choice([str(objective) for objective in Objective]),
    default=str(Objective.LEAST_SQUARES),
    show_default=True,
    help="How curtailment is shared: least squares of the relative curtailment, the worst served "
    "served best, or most power served, weighted by the devices' price.",
)
@click.option(
    "--explain", is_flag=True, help="Print which limits bind and who is held back by how much."
)
def limit(case: Path, devices: Path, output: Path, *, objective: str, explain: bool) -> None:
    r"""Limit DEVICES so that CASE stays inside its limits.

    CASE is a power-grid-model power-flow input; sensors in it are ignored. DEVICES lists limits and
    devices with request and floor; consumption is positive there and in SETPOINTS. What cannot be
    kept even at the floors is reported as infeasible, with exit code 0. Input that makes no sense
    is refused with exit code 2 and one line that says what and where.

    \b
    DEVICES, powers in W per phase; docs/design/limiting.md has all fields:
      {"limits": {"u_pu": [0.95, 1.05], "loading": 1.0},
       "devices": [{"id": 31, "kind": "ev",
                    "request_w": [7360, 7360, 7360],
                    "floor_w": [1610, 1610, 1610]}]}
    """
    network = read_case(case)
    limits, controlled = parse_devices(read(devices), str(devices))
    try:
        check_devices(network, controlled)
        check_limits(network, limits)
    except InputError as error:
        raise InputError(f"{devices}: {error}") from error
    _check_case(network, controlled, str(case))
    try:
        result = decide(
            network, controlled, limits, settings=Settings(objective=Objective(objective))
        )
    except InputError as error:
        raise InputError(f"{case}: {error}") from error
    warnings = warnings_of(network, limits, controlled, result)
    write_atomically(output, setpoints(result, warnings, network, objective))
    if explain:
        click.echo(explanation(result, controlled, warnings, network))


def _check_case(network: Network, devices: tuple[ControlledDevice, ...], source: str) -> None:
    """Refuse a case that no power flow can use; requests stand in for the devices' own powers.

    Raises:
        InputError: names the file, the element and the reason.
    """
    try:
        data = power_flow_data(network, devices)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    require_valid(replace(network, data=data), CalculationType.power_flow, source)


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
    heading = {
        Status.OK: "All requests are granted; no limit is reached.",
        Status.LIMITED: "All limits are kept; some devices get another setpoint than they asked.",
        Status.INFEASIBLE: "No setting keeps all limits; devices are at their floors.",
    }[result.status]
    worst = (result.worst_loading, result.lowest_voltage, result.highest_voltage)
    violated = result.status is Status.INFEASIBLE
    told = [setting for setting in result.devices if setting.q_var is not None]
    lines = [
        f"{result.status}: {heading}",
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
