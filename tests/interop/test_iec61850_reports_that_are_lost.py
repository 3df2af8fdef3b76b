"""Reports that are lost or doubted between an IED and the driver; the wire between loses them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from iec61850_bench import SETTINGS, BenchIed, charge_point, plausible
from modbus_peers.processes import free_port
from report_wire import (
    DATA_CHANGE,
    INTEGRITY,
    INTERROGATION,
    ReportWire,
    SentReport,
    Treat,
    as_it_is,
    changed,
)

import ortsnetz_edge
from ortsnetz_common.drivers.values import DriverError, FailureKind, Scan, Source
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library
from ortsnetz_iec61850.ied.composing import composed
from ortsnetz_iec61850.mms import reported
from ortsnetz_iec61850.mms.driver import MmsDriver
from ortsnetz_iec61850.mms.protocol import Iec61850

pytestmark = pytest.mark.interop
BAY, POINTS = charge_point()
PHASE_A, PHASE_B = (f"CP1/MMXU1.PhV.phs{phase}.cVal.mag.f[MX]" for phase in "AB")
PROFILE = "iec61850-charge-point"


@dataclass
class Bench:
    """An IED, the wire, and a driver that has everything reported."""

    device: BenchIed
    wire: ReportWire
    driver: MmsDriver
    seen: list[Scan] = field(default_factory=list)

    async def show(self, reference: str, value: float) -> None:
        await asyncio.to_thread(self.device.show, {reference: value})

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait while the device is scanned, as the agent does."""
        while not true():
            await self.driver.scan()
            await asyncio.sleep(0.02)

    def reports(self, reasons: int) -> int:
        return sum(bool(one.reasons & reasons) for one in self.wire.seen)

    @property
    def all_reported(self) -> bool:
        return self.driver.polls == 0


@asynccontextmanager
async def bench(
    treat: Treat | None = None,
    *,
    integrity_s: float = 3600.0,
    scl: str = "",
    revision: int | None = None,
) -> AsyncIterator[Bench]:
    text = Path(ortsnetz_edge.__file__).parent / f"profiles/generic/{PROFILE}.yaml"
    options = f"integrity_s: {integrity_s}"
    if revision is not None:
        options += f', revisions: {{"CP{{bay}}/LLN0.brcbMeas": {revision}}}'
    own = f"{text.read_text()}iec61850: {{{options}}}\n"
    settings = () if scl else tuple(f"CP1/{one}" for one in SETTINGS)
    with BenchIed([] if scl else [BAY], POINTS, settings, scl=scl) as device:
        device.show(plausible(POINTS))
        wire, port = ReportWire(device.port, treat or as_it_is), free_port()
        await wire.listen(port)
        protocol = Iec61850(Environment(library=Library({PROFILE: own})))
        where = Connection("iec61850", "127.0.0.1", port, timeout_s=2.0, bay="1")
        driver = protocol.open(Source("cp", PROFILE, where, 1, 3, rated_w=22_000.0))
        there = Bench(device, wire, driver)
        driver.subscribe(there.seen.append)
        try:
            if revision is None:
                await driver.scan()
            if treat is None and revision is None:
                await there.until(lambda: there.all_reported)
            yield there
        finally:
            await driver.stop()
            wire.close()


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(40):
            await story()

    asyncio.run(bounded())


def losing(count: int, reasons: int) -> Treat:
    """Loses the next reports that have one of the reasons."""
    left = count

    def treat(report: SentReport, frame: bytes) -> bytes | None:
        nonlocal left
        if left and report.reasons & reasons:
            left -= 1
            return None
        return frame

    return treat


def test_reports_that_did_not_arrive_are_counted_and_what_they_said_is_asked_for() -> None:
    async def story() -> None:
        async with bench() as there:
            there.wire.seen.clear()
            there.wire.treat = losing(2, DATA_CHANGE)
            for number, value in enumerate((301.0, 302.0), start=1):
                await there.show(PHASE_A, value)
                await there.until(lambda number=number: there.reports(DATA_CHANGE) >= number)
            assert "lost_sequence" not in there.driver.diagnose().counters, "nobody can know yet"
            await there.show(PHASE_B, 303.0)
            await there.until(lambda: there.driver.diagnose().failures.get(FailureKind.GAP, 0) > 0)
            told = there.driver.diagnose()
            assert told.counters["lost_sequence"] == 2
            assert "2 reports did not arrive" in (told.last_failure or "")
            scan = await there.driver.scan()
            assert scan.values[0] == 302.0, "what the lost reports said is polled"
            assert all(one.values[0] != 301.0 for one in there.seen), "and nothing is made up"
            await there.until(lambda: there.all_reported)

    run(story)


def test_a_buffer_that_has_lost_reports_is_a_stated_gap_and_its_values_are_asked_for() -> None:
    async def story() -> None:
        async with bench() as there:

            def overflowed(report: SentReport, frame: bytes) -> bytes:
                there.wire.treat = as_it_is
                return changed(frame, report.overflow_at, 1)

            there.wire.treat = overflowed
            before = there.reports(INTERROGATION)
            await there.show(PHASE_A, 304.0)
            await there.until(lambda: there.driver.diagnose().failures.get(FailureKind.GAP, 0) > 0)
            told = there.driver.diagnose()
            assert told.counters["lost_overflow"] == 1
            assert "buffer has lost reports" in (told.last_failure or "")
            await there.until(lambda: there.reports(INTERROGATION) > before)
            await there.until(lambda: there.all_reported)

    run(story)


def test_until_an_interrogation_is_answered_its_values_are_polled_and_it_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reported, "ANSWER_S", 0.3)

    async def story() -> None:
        async with bench(losing(10**6, INTERROGATION)) as there:
            await there.until(lambda: there.reports(INTERROGATION) > 0)
            await there.show(PHASE_A, 305.0)
            await there.until(lambda: any(one.values[0] == 305.0 for one in there.seen))
            first = next(one for one in there.seen if one.values[0] == 305.0)
            assert first.held_s, "a buffer may hold it since long"
            assert (await there.driver.scan()).values[0] == 305.0, "polled"
            assert there.driver.polls == len(there.driver.points)
            there.wire.treat = as_it_is
            await there.until(lambda: there.all_reported)
            assert there.reports(INTERROGATION) > 1

    run(story)


def test_a_last_report_that_is_lost_is_made_good_by_the_integrity_period() -> None:
    """Nothing follows it whose number would tell."""

    async def story() -> None:
        async with bench(integrity_s=0.5) as there:
            there.wire.treat = losing(1, DATA_CHANGE)
            before = there.reports(DATA_CHANGE)
            await there.show(PHASE_A, 306.0)
            await there.until(lambda: there.reports(DATA_CHANGE) > before)
            while (await there.driver.scan()).values[0] != 306.0:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            assert there.driver.diagnose().counters["lost_sequence"] == 1

    run(story)


def test_a_block_without_a_buffer_says_all_at_each_integrity_period(tmp_path: Path) -> None:
    async def story() -> None:
        without = re.sub(
            r'<ReportControl [^>]*buffered="true".*?</ReportControl>',
            "",
            composed("BENCH", [BAY]).decode(),
            flags=re.DOTALL,
        )
        path = tmp_path / "unbuffered.cid"
        path.write_text(without)
        async with bench(integrity_s=0.3, scl=str(path)) as there:
            before = there.driver.diagnose().counters["reports"]
            there.wire.seen.clear()
            await there.until(lambda: there.reports(INTEGRITY) >= 4)
            await there.until(lambda: there.driver.diagnose().counters["reports"] >= before + 4)
            assert "lost_sequence" not in there.driver.diagnose().counters
            there.wire.treat = losing(1, DATA_CHANGE)
            await there.show(PHASE_A, 307.0)
            await there.until(lambda: any(one.values[0] == 307.0 for one in there.seen))

    run(story)


def test_a_report_of_another_configuration_is_not_taken_and_all_is_asked_for_again() -> None:
    async def story() -> None:
        async with bench() as there:

            def configured_anew(report: SentReport, frame: bytes) -> bytes:
                there.wire.treat = as_it_is
                return changed(frame, report.revision_at, 9)

            there.wire.treat = configured_anew
            generation = there.driver.session.generation
            await there.show(PHASE_A, 308.0)
            while there.driver.session.generation == generation:
                with suppress(DriverError):
                    await there.driver.scan()
                await asyncio.sleep(0.02)
            told = there.driver.diagnose()
            assert "confRev is 9 and was 1" in (told.last_failure or "")
            assert told.counters["lost_gap"] == 1
            assert (await there.driver.scan()).values[0] == 308.0
            await there.until(lambda: there.all_reported)

    run(story)


def test_a_device_of_another_configuration_than_the_profile_s_is_another_device() -> None:
    async def story() -> None:
        async with bench(revision=1) as there:
            await there.driver.scan()
        async with bench(revision=2) as there:
            for attempt in (there.driver.scan, lambda: there.driver.write(8.0, None)):
                with pytest.raises(DriverError, match="is for confRev 2") as caught:
                    await attempt()
                assert caught.value.kind is FailureKind.WRONG_DEVICE
            assert there.device.commands == []

    run(story)
