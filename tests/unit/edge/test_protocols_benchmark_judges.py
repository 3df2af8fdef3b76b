"""The benchmark of field protocols: what counts as met, and what its figures mean."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from protocols import CASES, judge
from protocols_figures import Line, all_met, figures, table, verdicts
from protocols_timing import Measured

from ortsnetz_edge.drivers.registry import installed

MS = 1e-3
SECONDS = [1 * MS] * 98 + [9 * MS] * 2


def measured(*cpu_s: float, brings: int = 10, others_s: float = 0.0) -> Measured:
    """CPU seconds a read of each round; `others_s` is what a further process takes."""
    return Measured(
        brings=brings,
        apart=others_s > 0,
        cpu_s=list(cpu_s),
        all_cpu_s=[own + others_s for own in cpu_s],
        seconds=SECONDS,
    )


def line(ours: float, plain: float) -> Line:
    return judge("dnp3", measured(ours), measured(plain))


@pytest.mark.parametrize(("ours", "met"), [(1.49 * MS, True), (1.5 * MS, True), (1.51 * MS, False)])
def test_a_driver_takes_at_most_one_and_a_half_times_a_plain_loop(ours: float, met: bool) -> None:
    found = line(ours, 1 * MS)
    assert found.met is met
    assert verdicts([found])[0].endswith(": met" if met else ": NOT MET")
    assert all_met([found], ["dnp3"]) is met


def test_one_disturbed_round_decides_nothing_and_is_shown() -> None:
    found = judge("opcua", measured(1 * MS, 1 * MS, 8 * MS), measured(1 * MS, 1 * MS, 1 * MS))
    assert found.met
    assert (found.ratio, found.ratio_most) == (1, 8)
    assert "1.00 (1.00 to 8.00)" in verdicts([found])[0]


def test_a_round_in_which_the_machine_was_slow_for_both_changes_no_ratio() -> None:
    found = judge("opcua", measured(1 * MS, 4 * MS), measured(1 * MS, 4 * MS))
    assert (found.ratio_least, found.ratio_most) == (1, 1)


def test_a_process_of_its_own_counts() -> None:
    apart, plain = measured(1 * MS, others_s=3 * MS), measured(1 * MS, others_s=1 * MS)
    found = judge("remote", apart, plain)
    assert found.ratio == 2
    assert not found.met
    assert found.agent_cpu_us == pytest.approx(100)
    assert "100.0 us a point of it are the agent's own process" in verdicts([found])[0]


def test_a_plain_loop_that_brings_less_is_no_comparison() -> None:
    with pytest.raises(SystemExit, match="not the same work"):
        judge("dnp3", measured(1 * MS, brings=10), measured(1 * MS, brings=9))


def test_a_driver_that_was_not_measured_is_not_met() -> None:
    assert not all_met([line(1 * MS, 1 * MS)], ["dnp3", "opcua"])


def test_every_driver_that_ships_is_measured() -> None:
    elsewhere = {"iec61850", "goose", "sampled-values"}  # make bench-61850
    assert set(installed()) <= set(CASES) | elsewhere


def test_figures_are_those_of_a_point() -> None:
    found = figures(10, [2 * MS, 1 * MS, 3 * MS], SECONDS)
    assert found.cpu_us == pytest.approx(200)
    assert (found.cpu_us_least, found.cpu_us_most) == pytest.approx((100, 300))
    assert found.points_per_s == pytest.approx(2500)  # 0.5 s of 200 us each
    assert found.cpu_per_1000 == pytest.approx(20)  # per cent of a core
    assert found.p50_ms == pytest.approx(1)
    assert found.p99_ms == pytest.approx(9)


def test_people_and_machines_are_told_the_same() -> None:
    found = replace(line(1.2 * MS, 1 * MS), driver="modbus-tcp")
    said = json.loads(json.dumps(found.as_json()))
    assert (said["driver"], said["ratio"], said["met"]) == ("modbus-tcp", found.ratio, True)
    row = table([found]).splitlines()[2]
    assert row.startswith("| modbus-tcp | 10 | 4,167 |")
    assert "| 1.20 (1.20 to 1.20) |" in row
