"""`ortsnetz powerflow`: voltages and flows of a case from its loads and generators."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import numpy as np
from power_grid_model import CalculationType, DatasetType
from power_grid_model.utils import json_serialize

from ortsnetz_common.errors import InputError
from ortsnetz_grid.commands.case_file import read_case
from ortsnetz_grid.commands.output import refuse_overwriting, write_together
from ortsnetz_grid.commands.power_flow_batch import read_update
from ortsnetz_grid.commands.power_flow_words import explain, failures, summary
from ortsnetz_grid.network.additions_output import Rows
from ortsnetz_grid.network.output import Output
from ortsnetz_grid.network.power_flow import Appliances, PowerFlow, Settings
from ortsnetz_grid.network.power_flow.result_set import additions_of, output_of
from ortsnetz_grid.network.validation import require_valid

_FILE = click.Path(path_type=Path)
NOT_CONVERGED = 1
"""Exit code where a part of the case has no valid result."""


@click.command()
@click.argument("case", type=_FILE)
@click.option("-o", "--output", type=_FILE, required=True, help="RESULT file to write.")
@click.option("--batch", type=_FILE, help="UPDATE data set with the powers of many scenarios.")
@click.option("--threads", type=click.IntRange(1, 256), default=1, help="Threads for a batch.")
@click.option("--explain", "explained", is_flag=True, help="Say how the result came about.")
def powerflow(
    case: Path,
    *,
    output: Path,
    batch: Path | None,
    threads: int,
    explained: bool,
) -> None:
    """Compute the three-phase power flow of CASE, a power-grid-model input data set with loads.

    RESULT is power-grid-model's asymmetric output, with the results of additional elements in
    `ortsnetz.elements`. What did not converge has no numbers in it; the command then says which
    part that is and ends with exit code 1.
    """
    refuse_overwriting([output], [case] if batch is None else [case, batch])
    network = read_case(case)
    require_valid(network, CalculationType.power_flow, str(case))
    try:
        flow = PowerFlow.of(network)
        appliances = Appliances.of(network)
        appliances.require_powers(network)
        powers = (
            appliances.power[None] if batch is None else read_update(network, appliances, batch)
        )
        with np.errstate(all="ignore"):  # what overflows is found where numbers are required
            flows = flow.solve(appliances.injections(powers), Settings(threads=threads))
    except InputError as error:
        raise InputError(f"{case}: {error}") from error
    scenarios = range(len(flows.converged))
    outputs = [output_of(flow, appliances, powers, flows, k) for k in scenarios]
    text = _text(outputs, batch=batch is not None)
    if network.additions:
        added = [additions_of(flow, appliances, powers, flows, k) for k in scenarios]
        text = _with_additions(text, added if batch is not None else added[0])
    write_together({output: text})
    for line in summary(flow, flows, outputs):
        click.echo(line)
    for line in explain(flow, flows) if explained else ():
        click.echo(line)
    for line in failures(flow, flows):
        click.echo(f"{case}: {line}", err=True)
    if not flows.converged.all():
        sys.exit(NOT_CONVERGED)


def _text(outputs: list[Output], *, batch: bool) -> str:
    """The result file; a batch has the scenarios of all components stacked."""
    if not batch:
        return json_serialize(dict(outputs[0]), DatasetType.asym_output, indent=1)
    stacked = {name: np.stack([each[name] for each in outputs]) for name in outputs[0]}
    return json_serialize(dict(stacked), DatasetType.asym_output, indent=-1)


def _with_additions(text: str, added: Rows | list[Rows]) -> str:
    """The result file with the additional elements; of a batch a list of scenarios."""
    return json.dumps({**json.loads(text), "ortsnetz": {"elements": added}}, indent=1)
