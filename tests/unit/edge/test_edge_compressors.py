"""Compressors under limits: shortest times on and off, starts a day, and safety above both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from feeder_loop import EV, PUMP, WATTS, Feeder, Played
from msgspec.structs import replace

from ortsnetz_common.link.messages import SetpointSource
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.control.compressor import DAY_S, Compressor
from ortsnetz_edge.control.compressor_memory import recall, remembered
from ortsnetz_edge.control.memory import Memory, load_memory, save_memory
from ortsnetz_edge.drivers.contract import LimitResolution, LimitUnit

KEPT = replace(PUMP, min_on_s=300.0, min_off_s=180.0, starts_per_day=3)
ON_OFF = LimitResolution(LimitUnit.SHARE, 1.0, reaction_s=5.0)
NEED = Claim(SetpointSource.SAFETY, 4200.0, "the feeder is full")
WISH = Claim(SetpointSource.MARKET, 4200.0, "the market asks")


def running(device: Device = KEPT, since: float = -1e6) -> Compressor:
    """A compressor that has been running at its rating since an instant."""
    compressor = Compressor(device)
    compressor.observe(0.0, now=since - 1.0)
    for second in range(2):
        compressor.observe(device.rated_w, now=since + second)
    return compressor


def heated(base_w: float, device: Device = KEPT, resolution: LimitResolution = WATTS) -> Feeder:
    """A heat pump of fixed speed that always wants to run, at a feeder of 15 kW."""
    played = Played(device, resolution, lambda _now: device.rated_w, least_w=device.rated_w)
    return Feeder([played], 15e3, lambda now: base_w if 600 <= now < 660 else 1e3)


def test_a_limit_that_switches_it_off_is_kept_for_its_time_off() -> None:
    feeder = heated(10e3)
    stopped, ran = [], []
    for _ in range(1200):
        feeder.second()
        (stopped if feeder.draws["pump"] == 0 else ran).append(feeder.now)
    assert 600 <= stopped[0] <= 610
    assert 180 <= len(stopped) <= 180 + 30  # one minute of peak; its ramp and reaction come on top
    assert ran[-1] == 1200


def test_without_such_a_time_it_comes_back_when_the_peak_is_over() -> None:
    feeder = heated(10e3, replace(KEPT, min_off_s=0.0))
    feeder.seconds(690)
    assert feeder.draws["pump"] == PUMP.rated_w


@pytest.mark.parametrize("resolution", [WATTS, ON_OFF], ids=["watts", "on or off"])
def test_a_swinging_feeder_starts_it_only_as_often_as_it_may(resolution: LimitResolution) -> None:
    device = replace(KEPT, min_on_s=0.0, min_off_s=60.0, starts_per_day=4)
    played = Played(device, resolution, lambda _now: device.rated_w, least_w=device.rated_w)
    feeder = Feeder([played], 15e3, lambda now: 10e3 if now % 300 < 60 else 1e3)
    starts, before = 0, 0.0
    for second in range(6000):
        feeder.second()
        starts += second > 10 and before == 0.0 and feeder.draws["pump"] > 0
        before = feeder.draws["pump"]
    assert 2 <= starts <= 4
    over = sum(watts > 15e3 for watts in feeder.drawn_w[10:])
    assert over <= 20 * (3 + 2)  # in each peak it is off as soon as it can be


def test_a_wish_does_not_stop_it_within_its_time_on_and_need_does() -> None:
    compressor = running(since=1000.0)
    kept = compressor.softened(WISH, 9000.0, now=1299.0)
    assert kept.limit_w == pytest.approx(9000.0)
    assert "kept running: it has to run for 300 s" in kept.reason
    assert compressor.softened(WISH, 9000.0, now=1301.0) == WISH
    needed = compressor.softened(NEED, 9000.0, now=1299.0)
    assert needed.limit_w == 4200.0
    assert "stopped although it has to run for 300 s" in needed.reason


def stopped_and_started(compressor: Compressor, times: int, *, now: float) -> None:
    for number in range(times):
        compressor.changed(9000.0, 4200.0, now=now + number)
        compressor.changed(4200.0, 9000.0, now=now + number + 0.5)


def test_when_its_starts_are_used_up_only_safety_stops_it() -> None:
    compressor = running()
    stopped_and_started(compressor, 3, now=0.0)
    kept = compressor.softened(WISH, 9000.0, now=100.0)
    assert kept.limit_w == pytest.approx(9000.0)
    assert "its 3 starts of the day are used up" in kept.reason
    assert compressor.softened(NEED, 9000.0, now=100.0).limit_w == 4200.0
    assert compressor.softened(WISH, 9000.0, now=DAY_S + 10.0) == WISH


def test_beyond_its_starts_it_waits_longer_and_is_not_left_off_for_good() -> None:
    compressor = running()
    stopped_and_started(compressor, 3, now=0.0)
    compressor.changed(9000.0, 4200.0, now=100.0)
    assert not compressor.may_restart(4200.0, 9000.0, now=100.0 + 180.0)
    assert compressor.may_restart(4200.0, 9000.0, now=2.5 + DAY_S / 3)
    compressor.changed(4200.0, 9000.0, now=2.5 + DAY_S / 3)
    assert compressor.starts_beyond == 1


def test_no_starts_at_all_a_day_is_one_a_day_after_safety_has_stopped_it() -> None:
    compressor = running(replace(KEPT, starts_per_day=0))
    compressor.changed(9000.0, 4200.0, now=100.0)
    assert not compressor.may_restart(4200.0, 9000.0, now=50_000.0)
    assert compressor.may_restart(4200.0, 9000.0, now=100.0 + DAY_S)


def test_a_limit_that_stops_one_that_stands_anyhow_costs_no_start() -> None:
    compressor = Compressor(KEPT)
    compressor.observe(0.0, now=0.0)
    stopped_and_started(compressor, 10, now=1.0)
    assert compressor.softened(WISH, 9000.0, now=100.0) == WISH
    assert compressor.starts_beyond == 0


def test_a_modulating_one_goes_on_running_at_what_it_has_been_seen_running_at() -> None:
    compressor = running()
    for second in range(3):
        compressor.observe(4000.0, now=10.0 + second)
    compressor.changed(9000.0, 4200.0, now=20.0)
    assert compressor.may_restart(4200.0, 9000.0, now=21.0)  # it never stopped
    assert compressor.softened(WISH, 9000.0, now=21.0) == WISH


def test_what_is_read_while_it_stops_is_no_operating_point() -> None:
    compressor = running()
    for second, drawn_w in enumerate((9000.0, 6000.0, 3000.0, 0.0)):
        compressor.observe(drawn_w, now=10.0 + second)
    assert not compressor.runs_with(6000.0)


def test_silence_changes_nothing_that_is_known() -> None:
    compressor = running(since=1000.0)
    compressor.observe(None, now=1100.0)
    assert compressor.softened(WISH, 9000.0, now=1200.0).limit_w == pytest.approx(9000.0)


def test_a_device_without_such_times_has_none_to_keep() -> None:
    assert Compressor.of(PUMP) is None
    assert Compressor.of(KEPT) is not None


def test_a_car_that_charges_is_stopped_below_its_smallest_current_only() -> None:
    car = Compressor(replace(EV, min_off_s=60.0), smallest_w=6 * 690.0)
    car.observe(11_000.0, now=0.0)
    car.changed(11_000.0, 6 * 690.0, now=1.0)
    assert car.may_restart(6 * 690.0, 11_000.0, now=2.0)
    car.changed(6 * 690.0, 0.0, now=3.0)
    assert not car.may_restart(0.0, 6 * 690.0, now=62.0)
    assert car.may_restart(0.0, 6 * 690.0, now=63.0)


DOWN_S = 40.0


def after_restart(
    feeder: Feeder, path: Path, *, down_s: float = DOWN_S, jump_s: float = 0.0, kept: bool = True
) -> Compressor:
    """The compressor as a new agent knows it: its monotonic clock begins at 5 s."""
    now_ns = 1_795_255_200 * NS_PER_S
    said = remembered(feeder.controller.controls.values(), now_ns=now_ns, now=feeder.now)
    save_memory(path / "control.json", Memory(compressors=said))
    again = heated(10e3)
    recall(
        again.controller.controls,
        load_memory(path / "control.json").compressors,
        now_ns=now_ns + round((down_s + jump_s) * NS_PER_S),
        now=5.0,
        clock_kept=kept,
    )
    compressor = again.controller.controls["pump"].pace.compressor
    assert compressor is not None
    return compressor


def used_up(path: Path, **restart: Any) -> Compressor:
    """One whose three starts of the day were used up, the last 2.5 s ago, before a restart."""
    feeder = heated(10e3)
    feeder.seconds(5)
    compressor = feeder.controller.controls["pump"].pace.compressor
    assert compressor is not None
    stopped_and_started(compressor, 3, now=0.0)
    return after_restart(feeder, path, **restart)


def test_its_starts_of_the_day_outlive_a_restart_of_the_agent(tmp_path: Path) -> None:
    compressor = used_up(tmp_path)
    assert "its 3 starts of the day are used up" in compressor.softened(WISH, 9e3, now=5.0).reason
    first = 5.0 - DOWN_S - 4.5  # the first of them, by the new agent's clock
    assert compressor.softened(WISH, 9e3, now=first + DAY_S - 1.0) != WISH
    assert compressor.softened(WISH, 9e3, now=first + DAY_S + 1.0) == WISH


def test_a_clock_that_nothing_keeps_gives_it_no_further_starts(tmp_path: Path) -> None:
    assert used_up(tmp_path, jump_s=2 * DAY_S, kept=False).softened(WISH, 9e3, now=5.0) != WISH
    assert used_up(tmp_path, jump_s=2 * DAY_S, kept=True).softened(WISH, 9e3, now=5.0) == WISH
    assert used_up(tmp_path, jump_s=-2 * DAY_S, kept=True).softened(WISH, 9e3, now=5.0) != WISH


def test_one_that_was_stopped_before_a_restart_is_kept_off_for_its_time(tmp_path: Path) -> None:
    feeder = heated(10e3)
    while feeder.draws.get("pump") != 0:
        feeder.second()
    stopped = feeder.controller.controls["pump"].pace.compressor
    assert stopped is not None
    assert stopped.cut_at is not None
    since_s = feeder.now - stopped.cut_at
    compressor = after_restart(feeder, tmp_path)
    began = 5.0 - DOWN_S - since_s
    assert not compressor.may_restart(4200.0, 9000.0, now=began + 179.0)
    assert compressor.may_restart(4200.0, 9000.0, now=began + 181.0)
    compressor.changed(4200.0, 9000.0, now=began + 181.0)
    assert compressor.starts == (began + 181.0,)


def test_of_one_that_no_limit_has_touched_nothing_is_remembered() -> None:
    feeder = heated(1e3)
    feeder.seconds(5)
    assert remembered(feeder.controller.controls.values(), now_ns=0, now=5.0) == ()
