"""`ortsnetz powerflow` as a user meets it: files, exit codes, sentences."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from power_grid_model import PowerGridModel
from power_grid_model.utils import json_deserialize

from ortsnetz_common import cli

Case = dict[str, Any]
Run = Callable[..., tuple[int, str, str]]


def _line(element: int, one: int, other: int) -> dict[str, Any]:
    ends = {"from_node": one, "to_node": other, "from_status": 1, "to_status": 1}
    zero = {"r0": 0.2, "x0": 0.07, "c0": 1e-7, "tan0": 0.0}
    return {"id": element, **ends, "r1": 0.05, "x1": 0.02, "c1": 1e-7, "tan1": 0.0, **zero} | {
        "i_n": 100.0
    }


def _load(element: int, node: int, power_w: list[float]) -> dict[str, Any]:
    power = {"p_specified": power_w, "q_specified": [0.0, 0.0, 0.0]}
    return {"id": element, "node": node, "status": 1, "type": 0, **power}


@pytest.fixture
def case() -> Case:
    """Two streets, each with a source of its own."""
    data: Case = {
        "node": [{"id": k, "u_rated": 400.0, "name": f"house {k}"} for k in range(1, 6)],
        "source": [
            {"id": 10 + node, "node": node, "status": 1, "u_ref": 1.0, "sk": 1e8} for node in (1, 4)
        ],
        "line": [_line(20, 1, 2), _line(21, 2, 3), _line(22, 4, 5)],
        "asym_load": [_load(30, 3, [9e3, 2e3, 0.0]), _load(31, 5, [3e3, 3e3, 3e3])],
    }
    return {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}, "data": data}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(case: Case, *more: str) -> tuple[int, str, str]:
        path = tmp_path / "case.json"
        path.write_text(json.dumps(case))
        arguments = ["ortsnetz", "powerflow", str(path), "-o", str(tmp_path / "result.json"), *more]
        monkeypatch.setattr(sys, "argv", arguments)
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def read(path: Path) -> dict[str, np.ndarray]:
    found = json_deserialize((path / "result.json").read_text())
    return {str(getattr(name, "value", name)): array for name, array in found.items()}


def test_the_result_is_the_librarys(run: Run, case: Case, tmp_path: Path) -> None:
    code, said, _ = run(case, "--explain")
    assert code == 0
    expected = PowerGridModel(dict(json_deserialize(json.dumps(case)))).calculate_power_flow(
        symmetric=False, error_tolerance=1e-9
    )
    found = read(tmp_path)
    assert set(found) == {str(getattr(name, "value", name)) for name in expected}
    np.testing.assert_allclose(found["node"]["u"], expected["node"]["u"], rtol=1e-8)
    np.testing.assert_allclose(found["line"]["p_to"], expected["line"]["p_to"], atol=1e-2)
    low, high = np.min(expected["node"]["u_pu"]), np.max(expected["node"]["u_pu"])
    assert f"lowest voltage: {low:.4f} pu" in said
    assert "at node 3 'house 3', phase a" in said
    assert f"highest voltage: {high:.4f} pu" in said
    amperes = max(np.max(expected["line"]["i_from"]), np.max(expected["line"]["i_to"]))
    assert f"largest loading: {amperes:.1f}% at line 2" in said  # rated current 100 A
    losses = float(np.sum(expected["line"]["p_from"] + expected["line"]["p_to"]))
    assert f"losses: {losses / 1e3:.3f} kW" in said
    assert "iterations of the fixed point" in said


def test_a_part_that_does_not_converge_is_named_and_has_no_numbers(
    run: Run, case: Case, tmp_path: Path
) -> None:
    case["data"]["asym_load"][0]["p_specified"] = [9e6, 0.0, 0.0]
    code, _, error = run(case)
    assert code == 1
    assert "no power flow was found for the part fed by source 11 (3 nodes)" in error
    assert "the part fed by source 14 (2 nodes) is valid" in error
    node = read(tmp_path)["node"]
    for name in ("u", "u_pu", "u_angle", "p", "q"):
        assert np.isnan(node[name][:3]).all(), name
        assert np.isfinite(node[name][3:]).all(), name


def test_invalid_input_is_refused_by_name(run: Run, case: Case, tmp_path: Path) -> None:
    case["data"]["line"][1]["to_node"] = 77
    code, _, error = run(case)
    assert code == 2
    assert "line 21" in error
    assert not (tmp_path / "result.json").exists()


def _update(tmp_path: Path, element: int, powers: list[list[float]]) -> str:
    scenarios = [{"asym_load": [{"id": element, "p_specified": power}]} for power in powers]
    path = tmp_path / "update.json"
    header = {"version": "1.0", "type": "update", "is_batch": True, "attributes": {}}
    path.write_text(json.dumps({**header, "data": scenarios}))
    return str(path)


def test_a_batch_varies_the_powers(run: Run, case: Case, tmp_path: Path) -> None:
    powers = [[1e3, 0.0, 0.0], [0.0, 5e3, 0.0], [0.0, 0.0, 9e3]]
    code, said, error = run(case, "--batch", _update(tmp_path, 30, powers), "--threads", "2")
    assert code == 0, error
    assert "phase c in scenario 2" in said
    found = read(tmp_path)["node"]["u"]
    for scenario, power in enumerate(powers):
        case["data"]["asym_load"][0]["p_specified"] = power
        data = dict(json_deserialize(json.dumps(case)))
        expected = PowerGridModel(data).calculate_power_flow(symmetric=False, error_tolerance=1e-9)
        np.testing.assert_allclose(found[scenario], expected["node"]["u"], rtol=1e-8)


def test_a_batch_that_varies_something_unknown_is_refused(
    run: Run, case: Case, tmp_path: Path
) -> None:
    code, _, error = run(case, "--batch", _update(tmp_path, 99, [[1e3, 0.0, 0.0]]))
    assert code == 2
    assert "no asym_load 99" in error
