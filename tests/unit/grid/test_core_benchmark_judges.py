"""The numerical core's benchmark: what counts as met, as fallen, and as not judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from core_targets import growth, ratios, regressions, verdicts, write


def line(network: str, nodes: int, solver: str, seconds: float | None) -> dict[str, Any]:
    found = {"network": network, "nodes": nodes, "solver": solver, "threads": 1}
    if seconds is None:
        return {**found, "failed": "does not converge"}
    return {**found, "seconds": seconds, "best_seconds": seconds}


def flows(ours: float | None, theirs: float | None) -> list[dict[str, Any]]:
    return [
        line("village", 97, "ours", ours),
        line("village", 97, "pgm iterative current", theirs),
    ]


def test_a_target_is_met_from_its_ratio_on() -> None:
    assert any(": met" in said for said in verdicts(flows(1e-5, 2.1e-4)))
    assert any("NOT MET" in said for said in verdicts(flows(1e-5, 1.9e-4)))


def test_a_solver_that_failed_is_not_judged_and_gives_no_ratio() -> None:
    for lines in (flows(None, 2e-4), flows(1e-5, None)):
        assert not ratios(lines)
        assert any("not judged" in said for said in verdicts(lines))


def test_a_large_network_has_to_be_estimated_within_a_second() -> None:
    said = list(verdicts([line("town", 5479, "estimation ours", 1.2)]))
    assert said[0].endswith("NOT MET")
    said = list(verdicts([line("town", 5479, "estimation ours", 0.2)]))
    assert said[0].endswith("0.200 s: met")


@pytest.mark.parametrize(("ours", "fallen"), [(1e-5, 0), (1.2e-5, 0), (1.3e-5, 1)])
def test_a_ratio_that_falls_by_more_than_a_fifth_is_named(
    tmp_path: Path, ours: float, fallen: int
) -> None:
    kept = tmp_path / "figures.json"
    write(flows(1e-5, 3e-4), kept)
    assert len(regressions(flows(ours, 3e-4), kept)) == fallen


def test_a_slower_machine_is_no_regression(tmp_path: Path) -> None:
    kept = tmp_path / "figures.json"
    write(flows(1e-5, 3e-4), kept)
    assert regressions(flows(1e-4, 3e-3), kept) == []


def test_a_figure_that_is_missing_is_named(tmp_path: Path) -> None:
    kept = tmp_path / "figures.json"
    write(flows(1e-5, 3e-4), kept)
    assert json.loads(kept.read_text())["ratios"]
    assert "is missing" in regressions(flows(None, 3e-4), kept)[0]


def test_growth_is_the_exponent_of_the_nodes() -> None:
    lines = [line(str(nodes), nodes, "ours", 1e-8 * nodes**1.5) for nodes in (100, 1000, 5000)]
    assert list(growth(lines)) == ["ours: nodes^1.50"]
