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
from ortsnetz_grid.commands.limit_words import explanation
from ortsnetz_grid.commands.output import refuse_overwriting, write_atomically
from ortsnetz_grid.functions.congestion.checks import check_devices, check_limits
from ortsnetz_grid.functions.congestion.decision import decide
from ortsnetz_grid.functions.congestion.injections import power_flow_data
from ortsnetz_grid.functions.congestion.problem import (
    ControlledDevice,
    Infeasible,
    Objective,
    Settings,
)
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.validation import require_valid

_INFEASIBLE = {
    "least-excess": Infeasible.LEAST_EXCESS,
    "floors": Infeasible.FLOORS,
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
    "--infeasible",
    type=click.Choice([*_INFEASIBLE]),
    default="least-excess",
    show_default=True,
    help="Where no setting keeps all limits: what exceeds them least, as the agent does, or all "
    "devices at their floors.",
)
@click.option(
    "--explain", is_flag=True, help="Print which limits bind and who is held back by how much."
)
def limit(
    case: Path, devices: Path, output: Path, *, objective: str, infeasible: str, explain: bool
) -> None:
    """Limit DEVICES so that CASE stays inside its limits.

    CASE is a power-grid-model power-flow input; sensors in it are ignored. DEVICES lists limits and
    devices with request and floor; consumption is positive there and in SETPOINTS. What no setting
    within the floors keeps is reported as infeasible, with exit code 0. Input that makes no sense
    is refused with exit code 2 and one line that says what and where.

    \b
    DEVICES, powers in W per phase; docs/design/limiting.md has all fields:
      {"limits": {"u_pu": [0.95, 1.05], "loading": 1.0},
       "devices": [{"id": 31, "kind": "ev",
                    "request_w": [7360, 7360, 7360],
                    "floor_w": [1610, 1610, 1610]}]}
    """  # noqa: D301 - a backspace is what keeps the lines apart
    refuse_overwriting([output], [case, devices])
    network = read_case(case)
    limits, controlled = parse_devices(read(devices), str(devices))
    try:
        check_devices(network, controlled)
        check_limits(network, limits)
    except InputError as error:
        raise InputError(f"{devices}: {error}") from error
    _check_case(network, controlled, str(case))
    try:
        settings = Settings(Objective(objective), infeasible=_INFEASIBLE[infeasible])
        result = decide(network, controlled, limits, settings=settings)
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
