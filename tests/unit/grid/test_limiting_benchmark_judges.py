"""What the benchmark of limiting hands to other solvers, and how it judges."""

from __future__ import annotations

import numpy as np
import pytest
from limiting_cases import SIZES, moments, place
from limiting_linear import Whole, linearised
from limiting_peers import PEERS
from limiting_table import verdicts
from studies.optimum_cases import LimitCase
from studies.optimum_judge import Judge
from studies.optimum_summary import summary


@pytest.fixture(scope="module")
def moment() -> tuple[LimitCase, Judge]:
    whole = place(SIZES[0])
    first = next(each for each in moments(whole, 20, 1) if each.binds)
    return first.case, first.judge


def test_the_linearised_problem_is_the_slope_of_the_power_flow(
    moment: tuple[LimitCase, Judge],
) -> None:
    case, judge = moment
    at = np.full(len(case.devices), 0.7)
    whole = linearised(case, judge, at)
    assert whole is not None
    step = 1e-4 * np.eye(len(at))
    ends = np.vstack([at + step, at - step])
    volts = judge.voltages(ends)
    low = np.abs(volts[:, judge.equations.low_voltage])
    sizes = np.concatenate([judge.equations.ratios(volts), low, -low], axis=1)
    slopes = ((sizes[: len(at)] - sizes[len(at) :]) / 2e-4).T
    assert whole.rows.toarray() == pytest.approx(slopes, abs=1e-6)
    size = np.abs(judge.voltages(at)[0])
    room = case.limits.loading - judge.equations.ratios(judge.voltages(at)[0])
    assert (whole.bounds - whole.rows @ at)[: len(room)] == pytest.approx(room, abs=1e-9)
    above = size[judge.equations.low_voltage] - case.limits.u_pu[0]
    assert (whole.bounds - whole.rows @ at)[-len(above) :] == pytest.approx(above, abs=1e-9)


@pytest.mark.parametrize("peer", PEERS)
def test_every_peer_finds_the_point_that_pencil_and_paper_find(peer: str) -> None:
    # nearest to (1, 1) with k0 + k1 <= 1 is (0.5, 0.5), a floor of 0.6 moves it to (0.6, 0.4)
    for floor, wanted in ((0.0, [0.5, 0.5]), (0.6, [0.6, 0.4])):
        whole = Whole.of(np.array([[1.0, 1.0]]), np.array([1.0]), np.array([floor, 0.0]))
        assert PEERS[peer](whole) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("peer", PEERS)
def test_every_peer_says_that_there_is_no_solution(peer: str) -> None:
    whole = Whole.of(np.array([[1.0, 1.0]]), np.array([1.0]), np.array([0.6, 0.6]))
    assert PEERS[peer](whole) is None


def line(**changed: object) -> dict[str, object]:
    return {"network": "n", "nodes": 97, "devices": 40, "solver": "ours", "median_ms": 0.9,
            "worst_ms": 9.0, "cpu_median_ms": 0.8, "cpu_worst_ms": 2.0, "not_kept": 0,
            **changed}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"median_ms": 1.1}, "median 1.10 ms, 0.80 ms of CPU, at most 1 by the clock: NOT MET"),
        ({"worst_ms": 11.0}, "worst 11.00 ms, 2.00 ms of CPU, at most 10 by the clock: NOT MET"),
        ({"not_kept": 1}, "1 answers MISS a limit"),
    ],
)
def test_a_missed_target_is_said(changed: dict[str, object], said: str) -> None:
    assert any(said in verdict for verdict in verdicts([line(**changed)]))
    assert not any("NOT" in verdict or "MISS" in verdict for verdict in verdicts([line()]))


def answer(who: str, served: float, **changed: object) -> dict[str, object]:
    return {"network": "n", "seed": 1, "reactive": False, "asked_inside": False,
            "objective": "energy", "who": who,
            "feasible": True, "status": "limited", "served": served, "jain": 1.0, "squares": 0.1,
            "least_factor": 0.5, "level": None, "loading_of_limit": 1.0, "u_low_pu": 1.0,
            "u_high_pu": 1.0, "kept": True, **changed}  # fmt: skip


@pytest.mark.parametrize(
    ("served", "kept", "met"), [(0.79, True, True), (0.788, True, True), (0.787, True, False),
                                (0.8, False, False)]
)  # fmt: skip
def test_the_share_of_the_optimum_decides(served: float, *, kept: bool, met: bool) -> None:
    lines = [answer("ours", served, kept=kept), answer("optimum", 0.8)]
    assert any(text.endswith(": met") for text in summary(lines)) is met
    assert any(text.endswith(": NOT MET") for text in summary(lines)) is not met
