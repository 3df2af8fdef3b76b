"""Numerical cases as data: folders of `tests/cases`, each with its truth and its tolerances."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ortsnetz_grid.functions.state_estimation import Estimator, Measurements, Settings
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow import Appliances, PowerFlow
from ortsnetz_grid.network.power_flow.result_set import additions_of, output_of

CASES = Path(__file__).parents[2] / "cases"
Values = dict[str, dict[str, dict[str, Any]]]
"""By component, id and quantity."""


def folders(kind: str) -> list[Any]:
    return [pytest.param(each, id=each.name) for each in sorted((CASES / kind).glob("*/"))]


@pytest.fixture(params=["required", "none"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ORTSNETZ_KERNELS", request.param)
    return str(request.param)


def content(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def network_in(folder: Path) -> Network:
    return Network.from_json((folder / "network.json").read_text(encoding="utf-8"), folder.name)


def solved(network: Network) -> Values:
    """Our power flow as the result file has it; loading is the project's."""
    flow, appliances = PowerFlow.of(network), Appliances.of(network)
    flows = flow.solve(appliances.injections())
    assert flows.converged.all()
    assert not flows.by_library.any()
    powers = appliances.power[None]
    output = output_of(flow, appliances, powers, flows, 0)
    found: Values = {
        component: {
            str(row["id"]): {name: row[name].tolist() for name in array.dtype.names or ()}
            for row in array
        }
        for component, array in output.items()
    }
    rated = RatedBranches.of(network)
    for branch, loading in zip(rated.ids.tolist(), rated.loading(output).tolist(), strict=True):
        found[network.components[branch]][str(branch)]["loading"] = loading
    for component, rows in additions_of(flow, appliances, powers, flows, 0).items():
        found[component] = {str(row["id"]): row for row in rows}
    return found


def estimated(network: Network) -> tuple[Values, list[int]]:
    """Our estimate, and the sensors that it left out."""
    state = Estimator.of(network).estimate(Measurements.of_case(network), Settings())
    nodes = {
        str(node): {"u_pu": u.tolist(), "u_angle": angle.tolist()}
        for node, u, angle in zip(state.node_ids, state.u_pu, state.u_angle, strict=True)
    }
    return {"node": nodes}, sorted(each.sensor for each in state.removed)


def stated(expected: Values) -> Iterator[tuple[str, str, str, Any]]:
    for component, elements in expected.items():
        for element, quantities in elements.items():
            for quantity, value in quantities.items():
                yield component, element, quantity, value


def differences(found: Values, expected: Values, tolerance: dict[str, float]) -> list[str]:
    """What is not within its tolerance, in words."""
    words = []
    for component, element, quantity, value in stated(expected):
        theirs = np.array(value, dtype=float)  # null is not a number
        ours = np.array(found[component][element][quantity], dtype=float)
        allowed = tolerance[quantity.removesuffix("_from").removesuffix("_to")]
        apart = np.abs(ours - theirs)
        if quantity == "u_angle":
            apart = np.abs(np.angle(np.exp(1j * (ours - theirs))))
        same_phases = (np.isnan(ours) == np.isnan(theirs)).all()
        if ours.shape != theirs.shape or not same_phases or (apart > allowed).any():
            words.append(f"{component} {element} {quantity}: {ours} where {theirs} is expected")
    return words


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("folder", folders("power_flow"))
def test_power_flow_is_the_independent_solvers(folder: Path) -> None:
    case = content(folder, "case")
    found = solved(network_in(folder))
    assert differences(found, content(folder, "expected"), case["tolerance"]) == [], case["about"]
    assert differences(found, case.get("by_hand", {}), case["tolerance"]) == [], case["about"]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("folder", folders("state_estimation"))
def test_estimate_is_that_of_exact_least_squares(folder: Path) -> None:
    case = content(folder, "case")
    found, removed = estimated(network_in(folder))
    assert removed == case["wrong"], case["about"]
    assert differences(found, content(folder, "expected"), case["tolerance"]) == [], case["about"]


def test_every_kind_has_its_cases_and_every_case_states_its_numbers() -> None:
    for kind, least in (("power_flow", 8), ("state_estimation", 4)):
        found = [param.values[0] for param in folders(kind)]
        assert len(found) >= least
        for folder in found:
            assert len(list(stated(content(folder, "expected")))) >= 4
