"""`ortsnetz estimate`: the state of a case, without the sensors that contradict the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from power_grid_model import CalculationType, DatasetType
from power_grid_model.utils import json_serialize

from ortsnetz_common.errors import InputError
from ortsnetz_grid.commands.case_file import read_case
from ortsnetz_grid.commands.output import refuse_overwriting, write_together
from ortsnetz_grid.functions.state_estimation import (
    Advice,
    Estimator,
    Measurements,
    Settings,
    Solution,
    where_to_measure,
)
from ortsnetz_grid.network.library_coverage import require_library_covers
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.output import Output
from ortsnetz_grid.network.validation import require_valid

_FILE = click.Path(path_type=Path)
_NUMBERS = {
    *("u_pu", "u_angle", "u", "p", "q", "i"),
    *(f"{what}_{end}" for what in ("p", "q", "i") for end in ("from", "to")),
}
"""What must come out as a number for every element; a loading needs a rating."""


@click.command()
@click.argument("case", type=_FILE)
@click.option("-o", "--output", type=_FILE, required=True, help="RESULT file to write.")
@click.option("--bad-data", type=_FILE, help="List of the sensors that were left out to write.")
@click.option(
    "--advise",
    is_flag=True,
    help="Say where one more meter would help most (some seconds on large networks).",
)
def estimate(case: Path, output: Path, bad_data: Path | None, *, advise: bool) -> None:
    """Estimate the state of CASE, a power-grid-model input data set with sensors.

    Only sensors count as measurements, and nothing is added to them: what they leave unobservable
    is refused. RESULT is power-grid-model's asymmetric output, after the removal of sensors that
    contradict the others.
    """
    refuse_overwriting([output, bad_data] if bad_data is not None else [output], [case])
    network = read_case(case)
    require_library_covers(network, "the state estimation", str(case))
    require_valid(network, CalculationType.state_estimation, str(case))
    try:
        solution, answer = _solved(network)
    except InputError as error:
        raise InputError(f"{case}: {error}") from error
    texts = {output: _output_text(answer)}
    if bad_data is not None:
        texts[bad_data] = _bad_data_text(solution)
    write_together(texts)
    for note in (*solution.problems, *_notes(network, answer)):
        click.echo(f"note: {note}", err=True)
    for better in _advice(network) if advise else ():
        click.echo(better.words)


def _advice(network: Network) -> tuple[Advice, ...]:
    """Deviations of voltages alone where a branch has no rating."""
    measurements = Measurements.of_case(network)
    rated = all(
        np.isfinite(network.data[each]["i_n"]).all()
        for each in ("line", "asym_line")
        if each in network.data
    )
    return where_to_measure(Estimator.of(network), measurements, Settings(loading=rated))


def _solved(network: Network) -> tuple[Solution, Output]:
    """Estimate.

    Raises:
        InputError: names the element and the reason, without the file.
    """
    measurements = Measurements.of_case(network)
    if not measurements.sensors:
        raise InputError("the case has no sensor")
    settings = Settings(largest_removals=sum(map(len, measurements.sensors.values())))
    try:
        with np.errstate(all="ignore"):  # what overflows is found where numbers are required
            solution = Estimator.of(network).solve(measurements, settings)
            answer = solution.output()
    except (ArithmeticError, LookupError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"the state cannot be computed: {reason}") from error
    _require_numbers(network, answer)
    return solution, answer


def _require_numbers(network: Network, output: Output) -> None:
    """No result that is not a number leaves here.

    Raises:
        InputError: names the element.
    """
    for component, array in output.items():
        for name in set(array.dtype.names or ()) & _NUMBERS:
            good = np.isfinite(array[name]).reshape(len(array), -1).all(axis=1)
            if not good.all():
                label = network.label(int(array["id"][np.flatnonzero(~good)[0]]))
                raise InputError(f"{label}: its {name} comes out as not a number ({component})")


def _output_text(output: Output) -> str:
    return json_serialize(dict(output), DatasetType.asym_output, indent=1)


def _bad_data_text(solution: Solution) -> str:
    return json.dumps(
        [
            {"sensor": each.sensor, "normalised_residual": each.normalised_residual}
            for each in solution.removed
        ]
    )


def _notes(network: Network, output: Output) -> Iterator[str]:
    """What the output leaves out, so that it is not left out in silence."""
    for component in ("line", "asym_line"):
        array = output.get(component)
        if array is None:
            continue
        for element in array["id"][~np.isfinite(array["loading"])].tolist():
            yield f"{network.label(element)} has no rating i_n: its loading is left out"
    node = output["node"]
    dead = node["id"][node["energized"] == 0].tolist()
    if dead:
        more = f" and {len(dead) - 1} more nodes" if len(dead) > 1 else ""
        yield f"{network.label(dead[0])}{more} without supply: voltages and flows are 0 there"
