"""Drivers in a process of their own: real processes, real signals. The agent is never hurt."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from toy_device import ToyDevice, environment, hosted, install, source, toy_device, until

from ortsnetz_common.errors import InputError
from ortsnetz_common.link import driver_process as say
from ortsnetz_common.link import frames
from ortsnetz_edge.acquisition.image import NextImage
from ortsnetz_edge.acquisition.scanner import Scanner
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.contract import Driver, DriverError, FailureKind, Scan
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.remote.process import MEGABYTE, Limits
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol

T = TypeVar("T")
QUICK = Limits(beat_s=0.05, hung_after_s=2.5)
MISBEHAVING = hosted("misbehaving_drivers:Protocol")


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)


def run(work: Callable[[], Awaitable[T]], deadline_s: float = 30.0) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(work(), deadline_s)

    return asyncio.run(bounded())


def toy(limits: Limits = QUICK) -> RemoteProtocol:
    return RemoteProtocol("toy-meter", hosted("toy-meter"), environment(), limits)


def misbehaving(limits: Limits = QUICK) -> RemoteProtocol:
    return RemoteProtocol("misbehaving", MISBEHAVING, Environment(), limits)


async def answered(driver: Driver, deadline_s: float = 20.0) -> Scan:
    """The next scan that comes to something."""
    end = time.monotonic() + deadline_s
    while True:
        try:
            return await driver.scan()
        except DriverError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.05)


async def failed(driver: Driver) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await driver.scan()
    return caught.value


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def device() -> Iterator[ToyDevice]:
    with toy_device() as found:
        yield found


def test_a_device_is_read_limited_and_named_through_the_socket(device: ToyDevice) -> None:
    async def work() -> None:
        driver = toy().open(source("ev-1", device.port))
        scan = await driver.scan()
        values = dict(zip((p.point.name for p in driver.points), scan.values, strict=True))
        assert values["ev-1/MMXU1.PhV.phsB"] == 231.5
        assert values["ev-1/MMXU1.W.phsA"] == pytest.approx(2300)
        assert scan.limit_in_force == 16
        await driver.write(10.0, None)
        assert (await driver.scan()).limit_in_force == 10
        assert (await driver.identify()).maker == "Toyworks"
        assert driver.diagnose().answers == 2
        await driver.stop()

    run(work)
    assert device.asked.count("set limit 10") == 1


def test_nothing_is_connected_before_the_first_scan(device: ToyDevice) -> None:
    async def work() -> None:
        protocol = toy()
        assert protocol.validate(source("ev-1", device.port)) == ()
        driver = protocol.open(source("ev-1", device.port))
        assert len(driver.points) == 7
        assert driver.resolution is not None
        assert driver.resolution.smallest == 6
        await driver.stop()

    run(work)
    assert device.connections == 0


def test_a_wrong_configuration_is_said_in_the_words_of_the_driver() -> None:
    protocol = toy()
    try:
        (complaint,) = protocol.validate(source("ev-1", 99_999))
        assert "99999" in complaint
        with pytest.raises(InputError, match="toy-nothing"):
            protocol.open(replace(source("ev-1", 1502), profile="toy-nothing"))
    finally:
        protocol.close()


def test_a_command_that_is_no_driver_is_refused_in_words() -> None:
    for command in (("/nonexistent/driver",), (sys.executable, "-c", "pass"), hosted("no-such")):
        protocol = RemoteProtocol("lost", command, environment())
        with pytest.raises(InputError, match="driver process 'lost' does not work"):
            protocol.open(source("ev-1", 1502))


def test_a_device_that_refuses_or_is_silent_is_not_the_process_s_fault(device: ToyDevice) -> None:
    async def work() -> None:
        protocol = toy()
        driver = protocol.open(source("ev-1", device.port, 0.2))
        await driver.scan()
        device.mood = "silent"
        error = await failed(driver)
        assert error.kind is FailureKind.TIMEOUT
        assert (await failed(driver)).kind is FailureKind.WAITING
        device.mood = "well"
        await answered(driver)
        assert protocol.counters["restarts"] == 0
        assert driver.diagnose().failures[FailureKind.TIMEOUT] == 1
        await driver.stop()

    run(work)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
def test_a_process_that_dies_or_hangs_comes_back_and_disturbs_no_other(
    device: ToyDevice, blow: signal.Signals
) -> None:
    """The other source is behind another process and read through the same scanner."""

    async def work() -> None:
        hit, spared = toy(), toy()
        drivers = {
            "ev-1": hit.open(source("ev-1", device.port)),
            "ev-2": spared.open(source("ev-2", device.port)),
        }
        image = NextImage({n: d.points for n, d in drivers.items()}, stale_after_s=2.0)
        scanner = Scanner(drivers, image)
        await scanner.scan(20.0)
        before = image.freeze(1, 0, now=time.monotonic())
        assert [name for name, _ in before.fresh] in (["ev-1", "ev-2"], ["ev-2", "ev-1"])
        pid = hit.session.pid
        assert pid is not None
        os.kill(pid, blow)
        cycle = 1
        while hit.session.pid in {pid, None} or not hit.session.ready:
            cycle += 1
            await scanner.scan(0.3)
            seen = image.freeze(cycle, 0, now=time.monotonic())
            assert "ev-2" in [name for name, _ in seen.fresh]
            await asyncio.sleep(0.02)
        await answered(drivers["ev-1"])
        assert gone(pid)
        assert hit.counters["restarts"] >= 1
        assert hit.counters["hung"] == (blow is signal.SIGSTOP)
        assert spared.counters["restarts"] == 0
        await scanner.drain(5.0)
        for driver in drivers.values():
            await driver.stop()

    run(work)


def test_a_call_that_hangs_ends_at_its_deadline_and_the_others_go_on() -> None:
    async def work() -> None:
        protocol = misbehaving()
        hanging = protocol.open(source("waiting-1", 1, timeout_s=0.01))
        fine = protocol.open(source("fine-1", 1))
        waiting = asyncio.create_task(failed(hanging))
        while not waiting.done():
            assert (await fine.scan()).values == (230.0,)
            await asyncio.sleep(0.01)
        assert waiting.result().kind is FailureKind.TIMEOUT
        assert protocol.counters["restarts"] == 0
        await hanging.stop()
        await fine.stop()

    run(work)


def test_a_driver_that_holds_its_process_up_is_ended_by_the_heart_beat() -> None:
    async def work() -> None:
        protocol = misbehaving()
        fine = protocol.open(source("fine-1", 1))
        blocking = protocol.open(source("blocking-1", 1))
        await fine.scan()
        pid = protocol.session.pid
        error = await failed(blocking)
        assert error.kind is FailureKind.DISCONNECTED
        assert "no sign of life" in str(error)
        await answered(fine)
        assert protocol.session.pid != pid
        assert protocol.counters["hung"] == 1
        await blocking.stop()
        await fine.stop()

    run(work)


def test_a_mistake_in_a_driver_costs_its_source_a_reading() -> None:
    async def work() -> None:
        protocol = misbehaving()
        mistaken, fine = protocol.open(source("mistaken-1", 1)), protocol.open(source("fine-1", 1))
        error = await failed(mistaken)
        assert error.kind is FailureKind.WRONG_ANSWER
        assert "ZeroDivisionError" in str(error)
        assert (await fine.scan()).values == (230.0,)
        await mistaken.stop()
        await fine.stop()

    run(work)


@pytest.mark.parametrize(("kind", "reason"), [("short", "1 values"), ("nan", "no number")])
def test_a_scan_that_does_not_fit_the_points_is_refused(kind: str, reason: str) -> None:
    async def work() -> None:
        protocol = misbehaving()
        driver = protocol.open(source(f"{kind}-1", 1))
        error = await failed(driver)
        assert error.kind is FailureKind.WRONG_ANSWER
        assert reason in str(error)
        assert until(lambda: protocol.counters["broke_contract"] == 1)
        await driver.stop()

    run(work)


def test_a_process_that_grows_too_large_is_started_again() -> None:
    async def work() -> None:
        protocol = misbehaving(replace(QUICK, memory_bytes=150 * MEGABYTE))
        leaking = protocol.open(source("leaking-1", 1))
        for _ in range(200):
            try:
                await leaking.scan()
            except DriverError:
                break
            await asyncio.sleep(0.02)
        assert protocol.counters["too_large"] == 1
        await answered(leaking)
        assert protocol.session.generation == 2
        await leaking.stop()

    run(work)


GARBAGE = {
    "text": b"hello, I am a driver\n" * 10,
    "a frame that announces four gigabytes": b"\xff\xff\xff\xff",
    "a frame of nothing": b"\0\0\0\0",
    "no message": frames.pack(b"\xc1\xff\x00"),
    "half a frame": frames.pack(b"x" * 1000)[:100],
    "a welcome of another version": say.pack(say.Welcome(99, "future")),
    "a reply before the welcome": say.pack(say.Reply(1, say.Done())),
    "a second welcome": say.pack(say.Welcome(say.VERSION, "double")) * 2,
    "an answer to another question": say.pack(say.Welcome(say.VERSION, "x"))
    + b"".join(say.pack(say.Reply(n, say.Done())) for n in range(1, 5)),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_from_a_process_is_an_error_in_words(what: str, tmp_path: Path) -> None:
    script = tmp_path / "garbage.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, socket
        end = socket.socket(fileno=int(os.environ["{say.SOCKET_VARIABLE}"]))
        end.sendall({GARBAGE[what]!r})
        end.shutdown(socket.SHUT_WR)
        while end.recv(65536):
            pass
        """)
    )
    protocol = RemoteProtocol("garbage", (sys.executable, str(script)), Environment(), QUICK)
    with pytest.raises(InputError, match="driver process 'garbage'"):
        protocol.open(source("fine-1", 1))


@pytest.mark.parametrize(
    "nonsense",
    [
        'b"\\0\\0\\0\\4junk" * 1000',
        "say.pack(say.Reply(call.number, say.Done()))",
        'say.pack(say.Reply(call.number, say.Misconfigured("no")))',
        'say.pack(say.Refused("no"))',
        'say.pack(say.Report("fine-1", Scan((), (), 0, 0, 0)))',
    ],
)
def test_nonsense_in_the_middle_of_the_work_ends_the_process_not_the_agent(
    nonsense: str, tmp_path: Path
) -> None:
    """The first process opens the source and then babbles; the next one is well."""
    script = tmp_path / "turns.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, pathlib, socket, struct, sys
        from misbehaving_drivers import Fine
        from ortsnetz_common.drivers.values import Scan
        from ortsnetz_common.link import driver_process as say
        from ortsnetz_edge.drivers.remote.host import main
        mark = pathlib.Path({str(tmp_path / "mark")!r})
        if mark.exists():
            main("misbehaving_drivers:Protocol")
            sys.exit()
        mark.touch()
        end = socket.socket(fileno=int(os.environ["{say.SOCKET_VARIABLE}"]))
        def receive():
            size = struct.unpack(">I", end.recv(4, socket.MSG_WAITALL))[0]
            return say.to_process(end.recv(size, socket.MSG_WAITALL))
        receive()
        end.sendall(say.pack(say.Welcome(say.VERSION, "turns")))
        while True:
            call = receive()
            if isinstance(call.ask, say.Open):
                opened = say.Opened(Fine(call.ask.source).points, None, False)
                end.sendall(say.pack(say.Reply(call.number, opened)))
            else:
                end.sendall({nonsense})
        """)
    )

    async def work() -> None:
        protocol = RemoteProtocol("turns", (sys.executable, str(script)), Environment(), QUICK)
        driver = protocol.open(source("fine-1", 1))
        await failed(driver)
        assert (await answered(driver)).values == (230.0,)
        assert protocol.counters["restarts"] == 1
        await driver.stop()

    run(work)


def test_a_process_dies_with_its_agent(tmp_path: Path, device: ToyDevice) -> None:
    """Even a stopped one: it cannot notice that nobody holds the other end of its socket."""
    script = tmp_path / "agent.py"
    script.write_text(
        textwrap.dedent(f"""
        import asyncio, sys
        from toy_device import environment, hosted, source
        from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol
        async def main():
            protocol = RemoteProtocol("toy-meter", hosted("toy-meter"), environment())
            driver = protocol.open(source("ev-1", {device.port}))
            await driver.scan()
            print(protocol.session.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
        """)
    )
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True
    ) as agent:
        assert agent.stdout is not None
        pid = int(agent.stdout.readline())
        os.kill(pid, signal.SIGSTOP)
        agent.kill()
    assert until(lambda: gone(pid))


def test_stopping_the_last_source_ends_the_process_and_leaves_nothing(device: ToyDevice) -> None:
    async def work() -> int:
        protocol = toy()
        first = protocol.open(source("ev-1", device.port))
        second = protocol.open(source("ev-2", device.port))
        await first.scan()
        await second.scan()
        pid = protocol.session.pid
        assert pid is not None
        await first.stop()
        assert (await second.scan()).limit_in_force == 16
        await second.stop()
        assert len(asyncio.all_tasks()) == 2  # this one, and the one that waits for it
        return pid

    before = descriptors()
    pid = run(work)
    assert gone(pid)
    assert descriptors() <= before


def test_a_technician_probes_through_the_socket(device: ToyDevice) -> None:
    async def work() -> None:
        protocol = toy()
        probe = protocol.probe(source("x", device.port).connection)
        assert (await probe.identify()).serial == "0042"
        assert "voltage/2" in [found.reference for found in await probe.browse("", 100)]
        voltage, nothing = await probe.read(("voltage/2", "nonsense"))
        assert voltage.value == 231.5
        assert nothing.value is None
        assert "no value" in nothing.why
        assert "now 8.0" in await probe.write("limit", 8)
        with pytest.raises(InputError, match="not of the form"):
            await probe.read(("???",))
        seen: list[float | str | None] = []
        async for observation in probe.watch(("voltage/1",), 0.01):
            seen.append(observation.value)
            if len(seen) == 3:
                break
        assert seen == [230.5] * 3
        await probe.close()

    run(work)


def test_what_a_device_reports_arrives_unasked() -> None:
    async def work() -> None:
        protocol = misbehaving()
        driver = protocol.open(source("flooding-1", 1))
        reported: list[Scan] = []
        enough = asyncio.Event()

        def take(scan: Scan) -> None:
            reported.append(scan)
            if len(reported) == 2000:
                enough.set()

        assert driver.subscribe(take)
        await driver.scan()
        await asyncio.wait_for(enough.wait(), 20)
        numbers = [scan.values[0] for scan in reported]
        assert numbers[:1500] == [float(n % 400) for n in range(1, 1501)]
        assert (await driver.scan()).values == (230.0,)
        await driver.stop()

    run(work)


def test_in_stepped_time_the_process_lives_by_the_time_of_the_calls(device: ToyDevice) -> None:
    class Stepped:
        stepped = True
        time_ns = 1_790_000_000_000_000_000

        def now_ns(self) -> int:
            return self.time_ns

        def monotonic(self) -> float:
            return self.time_ns / 1e9

        def patience(self, seconds: float) -> float:
            return max(seconds, 30.0)

    async def work() -> None:
        clock = Stepped()
        protocol = RemoteProtocol("toy-meter", hosted("toy-meter"), environment(clock), QUICK)
        driver = protocol.open(source("ev-1", device.port))
        for _ in range(3):
            clock.time_ns += 1_000_000_000
            assert (await driver.scan()).received_ns == clock.time_ns
        await driver.stop()

    run(work)


def test_in_stepped_time_nothing_is_subscribed() -> None:
    class Stepped(WallClock):
        stepped = True

    async def work() -> None:
        around = Environment(clock=Stepped())
        driver = RemoteProtocol("misbehaving", MISBEHAVING, around, QUICK).open(
            source("flooding-1", 1)
        )
        reported: list[Scan] = []
        assert not driver.subscribe(reported.append)
        await driver.scan()
        await driver.scan()
        assert reported == []
        await driver.stop()

    run(work)


def test_restarts_are_counted_where_the_agent_s_health_looks() -> None:
    async def work() -> None:
        around = Environment()
        protocol = RemoteProtocol("misbehaving", MISBEHAVING, around, QUICK)
        driver = protocol.open(source("fine-1", 1))
        await driver.scan()
        os.kill(protocol.session.pid or 0, signal.SIGKILL)
        await failed(driver)
        await answered(driver)
        assert around.counters["driver_process_misbehaving_restarts"] == 1
        assert around.counters["driver_process_misbehaving_ended"] == 1
        await driver.stop()

    run(work)


def test_a_process_that_comes_back_with_other_points_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHANGING", str(tmp_path / "starts"))

    async def work() -> None:
        protocol = misbehaving()
        changing = protocol.open(source("changing-1", 1))
        fine = protocol.open(source("fine-1", 1))
        assert (await changing.scan()).values == (230.0,)
        os.kill(protocol.session.pid or 0, signal.SIGKILL)
        await failed(fine)
        await answered(fine)
        error = await failed(changing)
        assert error.kind is FailureKind.WRONG_ANSWER
        assert "restart the agent" in str(error)
        await changing.stop()
        await fine.stop()

    run(work)


def test_many_restarts_leave_no_task_no_descriptor_and_no_process_behind() -> None:
    async def work() -> None:
        protocol = misbehaving(replace(QUICK, stable_after_s=0.0))
        driver = protocol.open(source("fine-1", 1))
        await driver.scan()
        pids = [protocol.session.pid or 0]
        open_before, tasks_before = descriptors(), len(asyncio.all_tasks())
        for _ in range(6):
            os.kill(pids[-1], signal.SIGKILL)
            await failed(driver)
            await answered(driver)
            pids.append(protocol.session.pid or 0)
        assert len(set(pids)) == 7
        assert all(gone(pid) for pid in pids[:-1])
        assert descriptors() <= open_before
        assert len(asyncio.all_tasks()) <= tasks_before
        await driver.stop()
        assert gone(pids[-1])

    run(work)


def test_a_question_that_is_too_long_is_refused_and_hurts_nobody(device: ToyDevice) -> None:
    async def work() -> None:
        protocol = toy()
        probe = protocol.probe(source("x", device.port).connection)
        with pytest.raises(InputError, match="too much is asked"):
            await probe.read(["voltage/1"] * 1_000_000)
        (seen,) = await probe.read(["voltage/1"])
        assert seen.value == 230.5
        await probe.close()

    run(work)


def test_a_process_that_says_nothing_is_given_up_before_anything_runs() -> None:
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    quick = replace(QUICK, consult_s=0.3)
    protocol = RemoteProtocol("mute", command, Environment(), quick)
    with pytest.raises(InputError, match="driver process 'mute' does not work"):
        protocol.validate(source("fine-1", 1))


def test_a_process_that_hangs_at_its_second_start_is_ended_and_started_again(
    tmp_path: Path,
) -> None:
    script = tmp_path / "second.py"
    script.write_text(
        textwrap.dedent(f"""
        import pathlib, time
        from ortsnetz_edge.drivers.remote.host import main
        starts = pathlib.Path({str(tmp_path / "starts")!r})
        number = len(starts.read_text()) + 1 if starts.exists() else 1
        starts.write_text("x" * number)
        if number == 2:
            time.sleep(60)
        main("misbehaving_drivers:Protocol")
        """)
    )

    async def work() -> None:
        quick = replace(QUICK, start_s=3.0)
        protocol = RemoteProtocol("second", (sys.executable, str(script)), Environment(), quick)
        driver = protocol.open(source("fine-1", 1))
        await driver.scan()
        os.kill(protocol.session.pid or 0, signal.SIGKILL)
        await failed(driver)
        assert (await answered(driver)).values == (230.0,)
        assert protocol.counters["restarts"] >= 2
        await driver.stop()

    run(work)
    assert len((tmp_path / "starts").read_text()) >= 3
