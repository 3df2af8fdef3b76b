"""The IEC 61850 driver before an IED of libiec61850 in a process of its own.

The driver's process is the agent's real one, where a test is about processes; else the driver runs
here, so that a failing test shows where.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from iec61850_bench import SETTINGS, BenchIed, charge_point, feeder, plausible
from modbus_peers.processes import free_port, need, process, wait_for_port
from soak.wire import Wire

from ortsnetz_common.drivers.values import (
    DriverError,
    FailureKind,
    Scan,
    Source,
    Watchdog,
)
from ortsnetz_common.link.bench_ied import OLD_DATA, Bay, Command
from ortsnetz_common.measurement.quality import Quality, is_usable
from ortsnetz_common.parameters.station import Connection
from ortsnetz_common.trust.authority import Authority
from ortsnetz_edge.drivers.contract import Driver
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.remote.process import Limits
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol, command_of
from ortsnetz_edge.profiles.library import Library
from ortsnetz_iec61850.ied.composing import composed
from ortsnetz_iec61850.library.connection import associated
from ortsnetz_iec61850.library.errors import LibraryError
from ortsnetz_iec61850.library.reports import Changes, write_block
from ortsnetz_iec61850.mms import reporting
from ortsnetz_iec61850.mms.driver import MmsDriver
from ortsnetz_iec61850.mms.protocol import Iec61850

pytestmark = pytest.mark.interop
BAY, POINTS = charge_point()
PHASE_A = "CP1/MMXU1.PhV.phsA.cVal.mag.f[MX]"
IN_FORCE = "CP1/DECP1.ALim.mxVal.f[MX]"
QUICK = Limits(hung_after_s=2.5)
QUESTIONABLE = 3
TICK_NS = 60
"""A time travels as a 24-bit fraction of a second: 59.6 ns."""


@contextmanager
def ied(bay: Bay = BAY, port: int = 0) -> Iterator[BenchIed]:
    settings = tuple(f"CP1/{one}" for one in SETTINGS)
    with BenchIed([bay], POINTS, settings, port) as running:
        running.show(plausible(POINTS))
        yield running


def source(port: int, *, credentials: str | None = None, timeout_s: float = 1.0) -> Source:
    where = Connection(
        "iec61850", "127.0.0.1", port, timeout_s=timeout_s, bay="1", credentials=credentials
    )
    return Source("cp", "iec61850-charge-point", where, 1, 3, rated_w=22_000.0)


def opened(port: int, *, timeout_s: float = 1.0) -> MmsDriver:
    return Iec61850(Environment()).open(source(port, timeout_s=timeout_s))


def own_profile(options: str = "reports: true") -> str:
    """The shipped profile, with options of its own."""
    folder = Path(sys.modules["ortsnetz_edge"].__path__[0]) / "profiles/generic"
    text = (folder / "iec61850-charge-point.yaml").read_text()
    return f"{text}iec61850: {{{options}}}\n"


def run(work: Callable[[], Awaitable[None]], deadline_s: float = 60.0) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(deadline_s):
            await work()

    asyncio.run(bounded())


async def until(true: Callable[[], bool], deadline_s: float = 20.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not true():  # noqa: ASYNC110 - what is waited for is elsewhere
            await asyncio.sleep(0.01)


async def reported(driver: Driver, true: Callable[[], bool], deadline_s: float = 20.0) -> None:
    """Wait for a report while the device is scanned, as the agent does."""
    async with asyncio.timeout(deadline_s):
        while not true():
            await answered(driver)
            await asyncio.sleep(0.05)


async def answered(driver: Driver, deadline_s: float = 30.0) -> Scan:
    """The first scan that succeeds."""
    async with asyncio.timeout(deadline_s):
        while True:
            try:
                return await driver.scan()
            except DriverError:
                await asyncio.sleep(0.05)


def states(pid: int) -> set[str]:
    """States of a process's threads: a signal that stops it reaches one after the other."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {(task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks}


async def failing(work: Awaitable[object]) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await work
    return caught.value


def voltage(scan: Scan) -> tuple[float | None, int, int]:
    assert scan.value_times_ns is not None
    return scan.values[0], scan.qualities[0], scan.value_times_ns[0]


@asynccontextmanager
async def wired(server_port: int) -> object:
    wire, port = Wire(server_port, lambda _: None), free_port()
    await wire.listen(port)
    try:
        yield wire, port
    finally:
        wire.reset()
        await asyncio.sleep(0.05)


def test_each_value_comes_with_its_own_quality_and_time() -> None:
    async def work() -> None:
        with ied() as device:
            earlier = 1_790_000_000_123_456_789
            await asyncio.to_thread(device.show, {PHASE_A: 12.5}, QUESTIONABLE | OLD_DATA, earlier)
            driver = opened(device.port)
            scan = await driver.scan()
            value, quality, time_ns = voltage(scan)
            assert value == 12.5
            assert quality == Quality.QUESTIONABLE | Quality.OLD_DATA
            assert abs(time_ns - earlier) <= TICK_NS
            assert scan.values[1] == 231.0
            assert scan.qualities[1] == 0
            await driver.stop()

    run(work)


def test_what_the_ied_does_not_have_is_missing_and_the_rest_is_there() -> None:
    async def work() -> None:
        own = (
            own_profile()
            .replace("MMXU1.A.phsB", "MMXU9.A.phsB")
            .replace("AReq.mag.f", "AReq.mag.i")
        )
        library = Library({"iec61850-charge-point": own})
        with ied() as device:
            driver = Iec61850(Environment(library=library)).open(source(device.port))
            scan = await driver.scan()
            lost = [n for n, value in enumerate(scan.values) if value is None]
            names = [driver.points[n].point.name for n in lost]
            assert names == ["cp/MMXU1.A.phsB", "cp/DGEN1.WAvl"]
            assert all(not is_usable(scan.qualities[n]) for n in lost)
            await driver.stop()

    run(work)


def test_a_change_arrives_unasked_in_the_driver_s_own_process() -> None:
    async def work() -> None:
        with ied() as device:
            protocol = RemoteProtocol(
                "iec61850", command_of("ortsnetz_iec61850.mms.process"), Environment(), QUICK
            )
            driver = protocol.open(source(device.port))
            seen: list[Scan] = []
            assert driver.subscribe(seen.append)
            await answered(driver)
            await answered(driver)
            await asyncio.to_thread(device.show, {PHASE_A: 241.25})
            await reported(driver, lambda: any(scan.values[0] == 241.25 for scan in seen))
            assert (await driver.scan()).values[0] == 241.25
            await driver.stop()

    run(work)


def test_what_a_device_reported_while_nobody_was_connected_arrives_afterwards() -> None:
    async def work() -> None:
        with ied() as device:
            async with wired(device.port) as (wire, port):
                driver = opened(port)
                seen: list[Scan] = []
                driver.subscribe(seen.append)
                await answered(driver)
                await asyncio.to_thread(device.show, {PHASE_A: 1.0})
                await reported(driver, lambda: any(scan.values[0] == 1.0 for scan in seen))
                wire.reset()
                told = []
                for number in range(40):
                    time_ns = time.time_ns()
                    told.append((float(300 + number), time_ns))
                    await asyncio.to_thread(device.show, {PHASE_A: told[-1][0]}, 0, time_ns)
                    await asyncio.sleep(0.03)  # longer than the block gathers changes
                await answered(driver)
                await reported(driver, lambda: any(scan.values[0] == told[-1][0] for scan in seen))
                found = [voltage(scan) for scan in seen if (scan.values[0] or 0) >= 300]
                for value, time_ns in told:
                    (place,) = [n for n, one in enumerate(found) if one[0] == value][:1]
                    assert abs(found[place][2] - time_ns) <= TICK_NS
                values = [one[0] for one in found]
                assert values == sorted(values), "in the order in which it happened"
                assert FailureKind.GAP not in driver.diagnose().failures
                old = [scan.held_s for scan in seen if scan.values[0] == 300.0]
                assert old[0] > 0, "what was true before the break is not taken for new"
                await driver.stop()

    run(work)


def test_what_the_buffer_no_longer_holds_is_a_stated_gap() -> None:
    async def work() -> None:
        with ied() as device:
            async with wired(device.port) as (wire, port):
                driver = opened(port)
                driver.subscribe(lambda _: None)
                await answered(driver)
                await asyncio.to_thread(device.show, {PHASE_A: 1.0})
                await until(lambda: driver.received > 0)
                wire.reset()

                def fill() -> None:
                    for number in range(5000):  # of 1 MiB (ied/serving.py), at 0.3 KiB each
                        values = {one: float(number) for one in POINTS[:12]}
                        device.show(values, wait=number % 500 == 0)
                    device.show({PHASE_A: 1.0})

                await asyncio.to_thread(fill)
                await answered(driver)
                await until(lambda: driver.diagnose().failures.get(FailureKind.GAP, 0) > 0)
                assert "buffer" in (driver.diagnose().last_failure or "")
                await driver.stop()

    run(work)


def test_an_ied_that_has_restarted_is_gone_on_with_and_what_it_forgot_is_a_stated_gap() -> None:
    async def work() -> None:
        port = free_port()
        with ied(port=port) as device:
            driver = opened(port)
            driver.subscribe(lambda _: None)
            await answered(driver)
            await asyncio.to_thread(device.show, {PHASE_A: 1.0})
            await until(lambda: driver.received > 1)
        with ied(port=port) as device:
            await answered(driver)
            await asyncio.to_thread(device.show, {PHASE_A: 2.0})
            await until(lambda: driver.diagnose().failures.get(FailureKind.GAP, 0) > 0)
            while (await answered(driver)).values[0] != 2.0:  # noqa: ASYNC110 - reported in a moment
                await asyncio.sleep(0.01)
            await driver.stop()

    run(work)


def test_a_block_that_somebody_else_holds_is_waited_for_then_another_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reporting, "PATIENT_S", 0.5)

    async def work() -> None:
        with ied() as device:
            async with wired(device.port) as (wire, port):
                driver = opened(port, timeout_s=0.1)
                seen: list[Scan] = []
                driver.subscribe(seen.append)
                await answered(driver)
                await asyncio.to_thread(device.show, {PHASE_A: 1.0})
                await reported(driver, lambda: any(scan.values[0] == 1.0 for scan in seen))
                wire.reset()
                other, _ = associated("127.0.0.1", device.port, connect_s=5, request_s=5)
                block = "BENCHCP1/LLN0.BR.brcbMeas01"
                async with asyncio.timeout(20):  # until the IED has heard of the reset
                    while True:
                        with contextlib.suppress(LibraryError):
                            write_block(other, block, Changes(reserved_s=60))
                            break
                        await asyncio.sleep(0.05)
                write_block(other, block, Changes(enabled=True))
                assert (await answered(driver)).values[0] == 1.0, "polled meanwhile"

                async def has_come(value: float) -> bool:
                    await asyncio.to_thread(device.show, {PHASE_A: value})
                    await asyncio.sleep(0.1)
                    await answered(driver)
                    return any(scan.values[0] == value for scan in seen)

                value = 2.0
                while "held by another" not in (driver.diagnose().last_failure or ""):
                    value += 1.0
                    await has_come(value)
                before = driver.received
                await has_come(1000.0)
                await reported(driver, lambda: driver.received > before)
                other.close()
                await driver.stop()

    run(work)


def test_a_block_that_was_disabled_is_enabled_again_and_what_it_did_not_report_is_a_gap() -> None:
    async def work() -> None:
        with ied() as device:
            driver = opened(device.port)
            seen: list[Scan] = []
            driver.subscribe(seen.append)
            await reported(driver, lambda: driver.polls == 0)
            block = "BENCHCP1/LLN0.BR.brcbMeas01"
            await driver.session.call(
                lambda life: write_block(life.association, block, Changes(enabled=False))
            )
            await asyncio.to_thread(device.show, {PHASE_A: 55.5})
            scan = await driver.scan()
            assert scan.values[0] == 55.5, "what was reported before is not taken for what holds"
            assert "was disabled" in (driver.diagnose().last_failure or "")
            await answered(driver)
            await asyncio.to_thread(device.show, {PHASE_A: 99.5})
            await reported(driver, lambda: any(scan.values[0] == 99.5 for scan in seen))
            await driver.stop()

    run(work)


def test_a_command_without_a_termination_is_not_known_and_its_connection_is_given_up() -> None:
    async def work() -> None:
        library = Library({"iec61850-charge-point": own_profile("termination_s: 0.3")})
        with ied() as device:
            driver = Iec61850(Environment(library=library)).open(source(device.port))
            await driver.scan()
            held = threading.Event()

            def decide(command: Command) -> int:
                if command.step == "operate":
                    held.wait(20)
                return 0

            device.decide = decide
            error = await failing(driver.write(8.0, None))
            held.set()
            assert error.kind is FailureKind.TIMEOUT
            assert "not known" in str(error)
            assert not driver.diagnose().connected
            device.decide = lambda _: 0
            await answered(driver)
            await driver.write(9.0, None)
            operated = [one.value for one in device.commands if one.step == "operate"]
            assert operated == [8.0, 9.0], "what was not confirmed is not repeated"
            await driver.stop()

    run(work)


def test_a_command_that_nobody_waits_for_any_more_ends_its_connection() -> None:
    async def work() -> None:
        with ied() as device:
            driver = opened(device.port)
            await driver.scan()
            held = threading.Event()

            def decide(command: Command) -> int:
                if command.step == "operate":
                    held.wait(20)
                return 0

            device.decide = decide
            writing = asyncio.create_task(driver.write(8.0, None))
            await until(lambda: any(one.step == "operate" for one in device.commands))
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            held.set()
            assert not driver.diagnose().connected
            await answered(driver)
            await driver.stop()

    run(work)


def test_a_connect_that_nobody_waits_for_any_more_leaves_no_connection() -> None:
    """An IED of libiec61850 serves five."""

    async def work() -> None:
        with ied() as device:
            for number in range(8):
                driver = opened(device.port)
                scanning = asyncio.create_task(driver.scan())
                await asyncio.sleep(0.001 * number)
                scanning.cancel()
                await asyncio.gather(scanning, return_exceptions=True)
                await driver.stop()

            def left() -> bool:
                return device.show({PHASE_A: 1.0}).connections == 0

            async with asyncio.timeout(20):
                while not await asyncio.to_thread(left):  # noqa: ASYNC110 - what is waited for is elsewhere
                    await asyncio.sleep(0.05)

    run(work)


def test_without_a_buffer_what_happens_is_reported_all_the_same(tmp_path: Path) -> None:
    """The values' parts are members of their own, and the block is an unbuffered one."""

    async def work() -> None:
        document = composed("BENCH", [BAY]).decode()
        whole = re.compile(r'<(ns0:)?FCDA ([^>]*)doName="PhV.phsA" fc="MX" ?/>')
        found = whole.search(document)
        assert found is not None
        parts = "".join(
            found[0].replace("/>", f' daName="{part}"/>') for part in ("cVal.mag.f", "q", "t")
        )
        without = re.sub(
            r'<ReportControl [^>]*buffered="true".*?</ReportControl>',
            "",
            whole.sub(parts, document, count=1),
            flags=re.DOTALL,
        )
        assert 'buffered="true"' not in without
        path = tmp_path / "unbuffered.cid"
        path.write_text(without)
        with BenchIed([], POINTS, scl=str(path)) as device:
            device.show(plausible(POINTS))
            driver = opened(device.port)
            seen: list[Scan] = []
            driver.subscribe(seen.append)
            await answered(driver)
            time_ns = time.time_ns()
            await asyncio.to_thread(device.show, {PHASE_A: 77.5}, QUESTIONABLE, time_ns)
            await reported(driver, lambda: any(scan.values[0] == 77.5 for scan in seen))
            await reported(driver, lambda: voltage(seen[-1])[1] == Quality.QUESTIONABLE)
            # the time of the report, for that of the value does not travel with each change
            assert 0 <= voltage(seen[-1])[2] - time_ns // 1_000_000 * 1_000_000 < 2e9
            assert driver.diagnose().counters["reports"] > 0
            await driver.stop()

    run(work)


def test_a_limit_is_selected_and_operated_once_and_its_refusal_says_why() -> None:
    async def work() -> None:
        with ied() as device:
            driver = opened(device.port)
            await driver.write(10.0, Watchdog(60.0, 7.0))
            steps = [(one.step, one.reference, one.value) for one in device.commands]
            operated = [one for one in steps if one[0] == "operate"]
            assert operated == [("operate", "CP1/DECP1.ALim", 10.0)]
            assert steps[:2] == [
                ("setting", "CP1/DECP1.FalALim.setMag.f[SP]", 7.0),
                ("setting", "CP1/DECP1.FalTms.setVal[SP]", 60),
            ]
            device.commands.clear()
            device.decide = lambda _: 10
            error = await failing(driver.write(8.0, None))
            assert error.kind is FailureKind.REFUSED
            assert "blocked by interlocking (10)" in str(error)
            assert [one.step for one in device.commands] == ["check"]
            await driver.stop()

    run(work)


def test_a_command_that_ends_badly_says_so_with_its_cause() -> None:
    async def work() -> None:
        with ied() as device:
            driver = opened(device.port)
            await driver.scan()
            device.decide = lambda command: 13 if command.step == "operate" else 0
            error = await failing(driver.write(8.0, None))
            assert error.kind is FailureKind.REFUSED
            assert "blocked by health (13)" in str(error)
            assert [one.step for one in device.commands].count("operate") == 1
            await driver.stop()

    run(work)


def test_another_device_at_the_address_gives_no_value_and_gets_no_limit() -> None:
    async def work() -> None:
        with ied(Bay("CP", "CP1", "pv-inverter", "serial-1")) as device:
            driver = opened(device.port)
            for attempt in (driver.scan(), driver.write(10.0, None)):
                error = await failing(attempt)
                assert error.kind is FailureKind.WRONG_DEVICE
                assert "ev-controller" in str(error)
            assert device.commands == []
            await driver.stop()

    run(work)


def test_nothing_is_commanded_that_nobody_asked_for() -> None:
    async def work() -> None:
        with ied() as device:
            async with wired(device.port) as (wire, port):
                driver = opened(port)
                driver.subscribe(lambda _: None)
                await answered(driver)
                wire.reset()
                await answered(driver)
                assert device.commands == []
                await driver.stop()

    run(work)


def test_a_silent_ied_is_given_up_at_its_deadline_and_recovers() -> None:
    async def work() -> None:
        with ied() as device:
            driver = opened(device.port, timeout_s=0.1)
            await driver.scan()
            device.process.send_signal(signal.SIGSTOP)
            await until(lambda: states(device.process.pid) == {"T"})
            error = await failing(driver.scan())
            assert error.kind is FailureKind.TIMEOUT
            assert (await failing(driver.scan())).kind in {
                FailureKind.WAITING,
                FailureKind.TIMEOUT,
                FailureKind.UNREACHABLE,
            }
            device.process.send_signal(signal.SIGCONT)
            assert (await answered(driver)).values[0] == 230.0
            await driver.stop()

    run(work)


def test_a_device_that_is_not_there_is_unreachable_and_backs_off() -> None:
    async def work() -> None:
        driver = opened(free_port())
        assert (await failing(driver.scan())).kind is FailureKind.UNREACHABLE
        kinds = {(await failing(driver.scan())).kind for _ in range(5)}
        assert FailureKind.WAITING in kinds
        await driver.stop()

    run(work)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_a_driver_process_that_dies_or_hangs_costs_its_device_only_a_while(
    blow: signal.Signals,
) -> None:
    async def work() -> None:
        with ied() as device:
            protocol = RemoteProtocol(
                "iec61850", command_of("ortsnetz_iec61850.mms.process"), Environment(), QUICK
            )
            driver = protocol.open(source(device.port))
            driver.subscribe(lambda _: None)
            await answered(driver)
            pid = protocol.session.pid
            assert pid is not None
            os.kill(pid, blow)
            await until(lambda: protocol.session.pid not in {pid, None}, 30)
            assert (await answered(driver)).values[0] == 230.0
            await driver.write(9.0, None)
            assert [one.value for one in device.commands if one.step == "operate"] == [9.0]
            await driver.stop()

    run(work)


def test_connections_cut_at_random_lose_nothing_while_the_buffer_lasts() -> None:
    """Some seconds of changes over a wire that is cut again and again."""

    async def work() -> None:
        with ied() as device:
            async with wired(device.port) as (wire, port):
                driver = opened(port)
                seen: list[Scan] = []
                driver.subscribe(seen.append)
                await answered(driver)
                await answered(driver)
                last = 1000.0

                def change() -> None:
                    nonlocal last
                    last += 1.0
                    device.show({PHASE_A: last})

                for number in range(120):
                    await asyncio.to_thread(change)
                    if number % 20 == 10:
                        wire.reset()
                    if number % 5 == 0:
                        with contextlib.suppress(DriverError):  # the next one comes
                            await driver.scan()
                    await asyncio.sleep(0.03)
                async with asyncio.timeout(20):
                    while not any(scan.values[0] == last for scan in seen):
                        await answered(driver)
                        await asyncio.sleep(0.05)
                got = {scan.values[0] for scan in seen}
                lost = [n for n in range(1001, int(last) + 1) if float(n) not in got]
                gaps = driver.diagnose().failures.get(FailureKind.GAP, 0)
                assert not lost or gaps, f"lost without a word: {lost}"
                assert not lost, f"the buffer held them: {lost}"
                await driver.stop()

    run(work)


def test_over_tls_only_with_certificates_that_fit(tmp_path: Path) -> None:
    """OpenSSL stands before the IED: it wants a certificate of ours and shows one."""
    need("socat")
    ours, strangers = Authority("ours"), Authority("strangers")

    def folder(name: str, ca: Authority, own: Authority, *, server: bool = False) -> Path:
        path = tmp_path / name
        path.mkdir()
        identity = own.issue(name, server=server)
        (path / "ca.pem").write_bytes(ca.certificate)
        (path / "certificate.pem").write_bytes(identity.certificate)
        (path / "key.pem").write_bytes(identity.key)
        return path

    at = folder("device", ours, ours, server=True)
    folder("good", ours, ours)
    folder("other", ours, ours)
    folder("unknown", ours, strangers)
    folder("distrusting", strangers, ours)
    port = free_port()
    listen = (
        f"OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,verify=1,"
        f"cert={at}/certificate.pem,key={at}/key.pem,cafile={at}/ca.pem"
    )

    async def work(device: BenchIed) -> None:
        environment = Environment(credentials_dir=tmp_path)
        protocol = Iec61850(environment)
        good = protocol.open(source(port, credentials="good"))
        assert (await good.scan()).values[0] == 230.0
        await good.stop()
        for name in ("unknown", "distrusting"):
            driver = protocol.open(source(port, credentials=name))
            error = await failing(driver.scan())
            assert error.kind is FailureKind.INSECURE, error
            assert "certificates" in str(error)
            said = f"{error} {driver.diagnose()}"
            assert "key" not in said
            assert str(tmp_path) not in said
            await driver.stop()
        # of several devices with certificates of one authority, only the one that is named
        (tmp_path / "good" / "peer.pem").write_bytes((at / "certificate.pem").read_bytes())
        named = Iec61850(environment).open(source(port, credentials="good"))
        assert (await named.scan()).values[0] == 230.0
        await named.stop()
        other = (tmp_path / "other/certificate.pem").read_bytes()
        (tmp_path / "good" / "peer.pem").write_bytes(other)
        stranger = Iec61850(environment).open(source(port, credentials="good"))
        assert (await failing(stranger.scan())).kind is FailureKind.INSECURE
        await stranger.stop()
        plain = opened(port)
        error = await failing(plain.scan())
        assert error.kind is FailureKind.UNREACHABLE
        assert "may want TLS" in str(error)
        assert device.commands == []
        await plain.stop()
        assert protocol.validate(source(port, credentials="none")) != ()

    with ied() as device, process("socat", listen, f"TCP:127.0.0.1:{device.port}"):
        wait_for_port(port)
        run(lambda: work(device))


def test_sources_behind_one_ied_share_a_connection() -> None:
    async def work() -> None:
        bay, points = feeder(2)
        with BenchIed([BAY, bay], [*POINTS, *points]) as device:
            device.show(plausible([*POINTS, *points]))
            protocol = Iec61850(Environment())
            first = protocol.open(source(device.port))
            where = Connection("iec61850", "127.0.0.1", device.port, timeout_s=1.0, bay="2")
            second = protocol.open(Source("fd", "iec61850-feeder", where, 2, 3))
            one, two = await asyncio.gather(first.scan(), second.scan())
            assert one.values[0] == 230.0
            assert two.values[0] == 230.0 + len(POINTS)
            assert device.show({PHASE_A: 1.0}).connections == 1
            await first.stop()
            assert (await second.scan()).values[0] == 230.0 + len(POINTS)
            await second.stop()

    run(work)


def test_what_a_given_up_connection_still_enables_keeps_no_block_from_the_next() -> None:
    async def work() -> None:
        with ied() as device:
            driver = opened(device.port)
            reporting = driver._reporting
            assert reporting is not None
            driver.subscribe(lambda _: None)
            await answered(driver)
            await until(lambda: any(one.complete for one in reporting._blocks.values()))
            late = [one.enabled for one in reporting._blocks.values()]
            generation = driver.session.generation
            driver.session.give_up(FailureKind.TIMEOUT, "as after a command", generation)
            scan = await answered(driver)
            assert scan.values[0] == 230.0
            for one in late:  # its thread was in the midst of a set-up
                reporting._enabled(one)
            async with asyncio.timeout(40):
                while not any(
                    one.complete and one.enabled.generation == driver.session.generation
                    for one in reporting._blocks.values()
                ):
                    await asyncio.sleep(0.1)
                    await answered(driver)
            assert {one.enabled.generation for one in reporting._blocks.values()} == {
                driver.session.generation
            }
            await driver.stop()

    run(work)


def test_a_report_that_could_not_be_taken_is_counted_and_its_values_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work() -> None:
        with ied() as device:
            driver = opened(device.port)
            reporting = driver._reporting
            assert reporting is not None
            driver.subscribe(lambda _: None)
            await answered(driver)
            await until(lambda: any(one.complete for one in reporting._blocks.values()))
            before = dict(reporting.lost)

            def mistaken(*_: object) -> None:
                raise ZeroDivisionError("of ours")

            with monkeypatch.context() as patch:
                patch.setattr(reporting, "_arrived", mistaken)
                await asyncio.to_thread(device.show, {PHASE_A: 77.5})
                await until(lambda: dict(reporting.lost) != before)
            assert driver.diagnose().counters["lost_dropped"] == 1
            assert (await answered(driver)).values[0] == 77.5
            await driver.stop()

    run(work)
