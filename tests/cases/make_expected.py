"""Writes the `expected.json` of every case anew, from the solver that its `case.json` names.

    PYTHONPATH=tests .venv/bin/python -m cases.make_expected [NAME ...]

A case is a folder of `power_flow` or `state_estimation` with

* `network.json`: the network file; for an estimation with its sensors;
* `case.json`: what the case is about, the source of its truth, a tolerance for each quantity (per
  unit, rad, W, var, A), and what was computed `by_hand`, if anything was;
* `circuit.dss`: the same network written for OpenDSS, where OpenDSS is the source;
* `expected.json`: values by component, id and quantity; null where there is no such phase.

Nothing here asks our own power flow or estimator. The exact least squares (`studies.least_squares`)
share the network's admittances with the product, and nothing else.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from cases import truth_of_estimation, truth_of_power_flow
from cases.truth_of_power_flow import Values

HERE = Path(__file__).parent
DIGITS = {"u_pu": 10, "u_angle": 10}
"""Kept after the decimal point; of powers and currents six."""


def rounded(value: Any, digits: int) -> Any:
    """As JSON has it; numbers that are noise become 0."""
    if isinstance(value, list):
        return [rounded(each, digits) for each in value]
    if isinstance(value, int):
        return value
    return None if math.isnan(value) else round(value, digits) + 0.0


def written(values: Values) -> str:
    """A line for each quantity."""
    components = []
    for component, elements in values.items():
        rows = []
        for element, quantities in elements.items():
            lines = (
                f"      {json.dumps(name)}: {json.dumps(rounded(value, DIGITS.get(name, 6)))}"
                for name, value in quantities.items()
            )
            rows.append(f'    "{element}": {{\n' + ",\n".join(lines) + "\n    }")
        components.append(f'  "{component}": {{\n' + ",\n".join(rows) + "\n  }")
    return "{\n" + ",\n".join(components) + "\n}\n"


def main(names: list[str]) -> None:
    """Write the cases of these names, or all."""
    for kind, source in (
        ("power_flow", truth_of_power_flow),
        ("state_estimation", truth_of_estimation),
    ):
        for folder in sorted((HERE / kind).glob("*/")):
            if not names or folder.name in names:
                (folder / "expected.json").write_text(written(source.truth(folder)))
                sys.stdout.write(f"{kind}/{folder.name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
