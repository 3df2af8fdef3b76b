"""The process image: one instant, every answer once, nothing guessed for who does not answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.measurement.quality import Quality, Validity, validity
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.acquisition.image import NextImage
from ortsnetz_edge.acquisition.plausibility import judge
from ortsnetz_edge.acquisition.readings import ReadingLayout, readings
from ortsnetz_edge.acquisition.scanner import Scanner
from ortsnetz_edge.drivers.contract import (
    Diagnosis,
    DriverError,
    FailureKind,
    LimitResolution,
    Role,
    Scan,
    SourcePoint,
    Watchdog,
)

NOW_NS = 1_790_000_000_000_000_000
POINTS = (
    SourcePoint(Point("m/MMXU1.PhV.phsA", Unit.VOLT), Role.VOLTAGE, 1, 0.0, 460.0),
    SourcePoint(Point("m/MMXU1.W.phsA", Unit.WATT), Role.ACTIVE_POWER, 1, -1e5, 1e5),
    SourcePoint(Point("m/LPHD1.RdCnt", Unit.COUNT), Role.READ_COUNT, None, 0.0, 1e12),
)
LAYOUT = {"m": ReadingLayout.of(POINTS)}


def scan(count: int, volts: float | None = 230.0, time_ns: int = NOW_NS) -> Scan:
    missing = int(Quality.INVALID | Quality.FAILURE) if volts is None else 0
    return Scan((volts, 1000.0, float(count)), (missing, 0, 0), time_ns, 0, NOW_NS, count)


def image_of(*names: str) -> NextImage:
    return NextImage(dict.fromkeys(names, POINTS), stale_after_s=2.0)


def test_every_answer_is_fresh_in_exactly_one_image() -> None:
    image = image_of("m")
    image.place("m", scan(1), now=10.0)
    first = image.freeze(1, NOW_NS, now=10.1)
    second = image.freeze(2, NOW_NS, now=11.1)
    assert (first.monotonic_s, second.monotonic_s) == (10.1, 11.1)
    image.place("m", scan(2), now=11.5)
    image.place("m", scan(3), now=12.0)
    third = image.freeze(3, NOW_NS, now=12.1)
    counts = [[s.read_count for _, s in i.fresh] for i in (first, second, third)]
    assert counts == [[1], [], [2, 3]]
    assert image.counters["reads"] == 3


def test_a_frozen_image_does_not_change_when_the_next_answer_arrives() -> None:
    image = image_of("m")
    image.place("m", scan(1, 230.0), now=10.0)
    frozen = image.freeze(1, NOW_NS, now=10.1)
    image.place("m", scan(2, 100.0), now=10.2)
    assert readings(frozen, LAYOUT)["m"].voltage_v[0] == 230.0


def test_a_value_older_than_its_time_is_not_used_any_more() -> None:
    image = image_of("m")
    image.place("m", scan(1), now=10.0)
    assert "m" in readings(image.freeze(1, NOW_NS, now=11.9), LAYOUT)
    assert "m" not in readings(image.freeze(2, NOW_NS, now=12.1), LAYOUT)


def reported(volts: float, held_s: float = 0.0) -> Scan:
    """What a device says that reports changes, each with the instant of the change."""
    times = (NOW_NS, NOW_NS - 10**9, NOW_NS)
    return Scan(
        (volts, 1000.0, None),
        (0, 0, int(Quality.INVALID | Quality.FAILURE)),
        NOW_NS,
        0,
        NOW_NS,
        value_times_ns=times,
        value_time_qualities=(0, 0, 0),
        held_s=held_s,
    )


def test_what_is_held_is_as_old_as_the_last_proof_that_it_holds() -> None:
    image = image_of("m")
    for second in range(4):  # the server published at 10.0 and says nothing any more
        image.place("m", reported(230.0, held_s=float(second)), now=10.0 + second)
        frozen = image.freeze(second, NOW_NS, now=10.1 + second)
        assert frozen.sources["m"].valid is (second < 2)


def test_a_scan_that_repeats_the_report_of_its_cycle_is_not_recorded_again() -> None:
    image = image_of("m")
    image.place("m", reported(230.0), now=10.0, reported=True)
    image.place("m", reported(230.0), now=10.5)
    assert len(image.freeze(1, NOW_NS, now=10.6).fresh) == 1
    assert image.counters["scans_unchanged"] == 1
    image.place("m", reported(230.0), now=11.5)  # the next cycle says again that it holds
    image.place("m", reported(231.0), now=11.6, reported=True)
    assert len(image.freeze(2, NOW_NS, now=11.7).fresh) == 2


def test_a_lost_source_is_marked_once_and_returns_by_itself() -> None:
    image = image_of("m")
    image.place("m", scan(1), now=10.0)
    image.freeze(1, NOW_NS, now=10.1)
    image.fail("m", DriverError(FailureKind.TIMEOUT, "no answer within 2 s"))
    lost = image.freeze(2, NOW_NS, now=13.0)
    assert lost.lost == ("m",)
    assert lost.sources["m"].failure == "no answer within 2 s"
    assert image.freeze(3, NOW_NS, now=14.0).lost == ()
    image.place("m", scan(2), now=14.5)
    back = image.freeze(4, NOW_NS, now=14.6)
    assert back.sources["m"].valid
    assert back.sources["m"].failure is None


def test_a_source_that_never_answered_is_lost_and_has_no_reading() -> None:
    frozen = image_of("m").freeze(1, NOW_NS, now=0.0)
    assert frozen.lost == ("m",)
    assert readings(frozen, LAYOUT) == {}


def test_backing_off_does_not_hide_why_the_source_failed() -> None:
    image = image_of("m")
    image.fail("m", DriverError(FailureKind.UNREACHABLE, "no connection"))
    image.fail("m", DriverError(FailureKind.WAITING, "next attempt in 3 s"))
    assert image.freeze(1, NOW_NS, now=1.0).sources["m"].failure == "no connection"


def test_an_implausible_voltage_is_kept_for_people_and_not_used() -> None:
    image = image_of("m")
    image.place("m", scan(1, 4600.0), now=10.0)
    frozen = image.freeze(1, NOW_NS, now=10.1)
    quality = frozen.fresh[0][1].qualities[0]
    assert validity(quality) is Validity.QUESTIONABLE
    assert quality & Quality.OUT_OF_RANGE
    reading = readings(frozen, LAYOUT)["m"]
    assert reading.voltage_v[0] is None
    assert reading.active_w[0] == 1000.0


def test_a_device_that_repeats_an_old_answer_gives_old_data_and_goes_stale() -> None:
    image = image_of("m")
    image.place("m", scan(7), now=10.0)
    image.place("m", scan(7), now=11.0)
    frozen = image.freeze(1, NOW_NS, now=11.1)
    repeated = frozen.fresh[1][1]
    assert all(validity(q) is Validity.INVALID for q in repeated.qualities)
    assert all(q & Quality.OLD_DATA for q in repeated.qualities)
    image.place("m", scan(7), now=12.5)
    assert not image.freeze(2, NOW_NS, now=12.6).sources["m"].valid


def test_a_wrong_device_clock_leaves_the_value_good_and_takes_our_time() -> None:
    found = judge(scan(1, time_ns=NOW_NS - 3600 * 10**9), None, POINTS)
    assert found.clock_error_s == pytest.approx(-3600.0)
    assert found.scan.time_ns == NOW_NS
    assert found.scan.time_quality & TimeQuality.CLOCK_NOT_SYNCHRONISED
    assert found.scan.time_quality & TimeQuality.SET_BY_RECEIVER
    assert found.scan.qualities == (0, 0, 0)


def test_answers_that_the_device_counted_and_we_never_saw_are_counted() -> None:
    image = image_of("m")
    image.place("m", scan(1), now=1.0)
    image.place("m", scan(4), now=2.0)
    image.place("m", scan(1), now=3.0)
    assert image.counters["reads_missed"] == 2
    assert image.counters["device_restarts"] == 1


def test_a_missing_value_is_none_and_never_zero() -> None:
    image = image_of("m")
    image.place("m", scan(1, None), now=1.0)
    assert readings(image.freeze(1, NOW_NS, now=1.1), LAYOUT)["m"].voltage_v[0] is None


class Device:
    """A driver whose answers are released by the test."""

    points = POINTS
    resolution: LimitResolution | None = None

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: DriverError | None = None

    async def scan(self) -> Scan:
        self.asked += 1
        count = self.asked
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return replace(scan(count), received_ns=NOW_NS)

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        raise NotImplementedError

    def diagnose(self) -> Diagnosis:
        raise NotImplementedError

    async def stop(self) -> None:
        return


def test_a_silent_device_delays_one_scan_and_then_nobody() -> None:
    async def check() -> None:
        good, silent = Device(), Device()
        image = image_of("good", "silent")
        scanner = Scanner({"good": good, "silent": silent}, image)
        await scanner.scan(5.0)
        silent.gate.clear()
        begun = time.monotonic()
        await scanner.scan(0.2)
        assert 0.19 < time.monotonic() - begun < 1.0
        for _ in range(20):
            await scanner.scan(5.0)
        assert time.monotonic() - begun < 2.0
        assert (good.asked, silent.asked) == (22, 2)
        assert image.counters["scans_skipped"] == 20
        silent.gate.set()
        await scanner.drain(1.0)
        frozen = image.freeze(1, NOW_NS, now=0.0)
        served = [s.read_count for name, s in frozen.fresh if name == "silent"]
        assert served == [1, 2]

    asyncio.run(asyncio.wait_for(check(), 10))


def test_a_device_that_comes_back_is_waited_for_again() -> None:
    async def check() -> None:
        device = Device()
        image = image_of("m")
        scanner = Scanner({"m": device}, image)
        device.error = DriverError(FailureKind.TIMEOUT, "no answer")
        await scanner.scan(1.0)
        assert image.freeze(1, NOW_NS, now=0.0).sources["m"].failure == "no answer"
        device.error = None
        await scanner.scan(1.0)
        await scanner.drain(1.0)
        await scanner.scan(1.0)
        assert len(image.freeze(2, NOW_NS, now=0.0).fresh) == 2

    asyncio.run(asyncio.wait_for(check(), 5))


def test_what_is_invalid_and_out_of_range_stays_invalid() -> None:
    """Or-ing questionable onto invalid would read as questionable."""
    image = image_of("m")
    lost = int(Quality.INVALID | Quality.OLD_DATA)
    image.place("m", replace(scan(1, 4600.0), qualities=(lost, 0, 0)), now=10.0)
    quality = image.freeze(1, NOW_NS, now=10.1).fresh[0][1].qualities[0]
    assert validity(quality) is Validity.INVALID
    assert quality & Quality.OUT_OF_RANGE
    assert quality & Quality.OLD_DATA
