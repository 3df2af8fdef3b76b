"""The life of the agent process: one per data directory, cycles on the clock, a clean end."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_edge.agent import Agent
from ortsnetz_edge.assembly import assemble, open_journal
from ortsnetz_edge.bootstrap import Configuration, accept_version, read_configuration
from ortsnetz_edge.clock import BenchClock
from ortsnetz_edge.control import fallbacks
from ortsnetz_edge.drivers.contract import Driver

log = logging.getLogger(__name__)

DRAIN_DEADLINE_S = 10.0
FLUSH_DEADLINE_S = 5.0
WORKERS_DEADLINE_S = 60.0
BENCH_DRAIN_DEADLINE_S = 240.0
DRAIN_TURN_S = 0.5
DRIVERS_DEADLINE_S = 5.0


def run_agent(path: Path) -> None:
    """Run the agent of a bootstrap file until it is told to stop.

    Raises:
        OrtsnetzError: something it was told to use cannot be used; the text says what.
    """
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # the driver says it once, in words
    asyncio.run(_live(path))


async def _live(path: Path) -> None:
    configuration = read_configuration(path)
    with _alone(configuration.bootstrap.data_dir):
        accept_version(configuration)
        journal = open_journal(configuration)
        bench = await _bench_clock(configuration)
        agent = assemble(configuration, journal, clock=bench)
        for words in fallbacks.warnings(configuration.parameters.station.devices):
            log.warning("%s", words)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        agent.uplink.start()
        agent.functions.start()
        try:
            if bench is None:
                await run_cycles(agent, stopping)
            else:
                await run_stepped(agent, bench, stopping)
        finally:
            await shut_down(agent)


async def run_cycles(agent: Agent, stopping: asyncio.Event) -> None:
    """A cycle at each whole multiple of its period, until told to stop.

    What devices report by themselves in between is taken as it comes; in stepped time it is not: a
    run has to repeat itself.
    """
    agent.scanner.listen()
    watching = asyncio.create_task(agent.watch_triggers())
    try:
        await _cycle_on(agent, stopping)
    finally:
        watching.cancel()


async def _cycle_on(agent: Agent, stopping: asyncio.Event) -> None:
    period_s = agent.configuration.parameters.timing.cycle_s
    due = _next_instant(time.time(), period_s)
    while not await _told(stopping, due - time.time(), period_s):
        await agent.run_cycle()
        if agent.cycle == 1:
            _say_ready()
        now = time.time()
        following = _next_instant(now, period_s)
        missed = round((following - due) / period_s) - 1
        if 0 < missed < 3600:  # more is a clock that was set, or a machine that was suspended
            agent.counters["cycles_missed"] += missed
        due = following


async def _bench_clock(configuration: Configuration) -> BenchClock | None:
    address = configuration.bootstrap.bench_clock
    if address is None:
        return None
    log.warning("this node lives by the clock of a bench at %s:%d", address.host, address.port)
    clock = BenchClock()
    await clock.connect(address)
    return clock


async def run_stepped(agent: Agent, clock: BenchClock, stopping: asyncio.Event) -> None:
    """A cycle at each tick of the bench, until told to stop or the bench gives no time any more."""
    if not await agent.functions.wait_ready(WORKERS_DEADLINE_S):  # no cycle without functions
        raise OrtsnetzError(f"the functions were not ready within {WORKERS_DEADLINE_S:.0f} s")
    told = asyncio.create_task(stopping.wait())
    try:
        while True:
            tick = asyncio.create_task(clock.tick())
            await asyncio.wait({tick, told}, return_when=asyncio.FIRST_COMPLETED)
            if not tick.done():
                tick.cancel()
                return
            if not tick.result():
                await _hand_over(agent, stopping)
                await stopping.wait()
                return
            await agent.run_cycle()
            if agent.cycle == 1:
                _say_ready()
            await clock.done()
    finally:
        told.cancel()
        await clock.close()


async def _hand_over(agent: Agent, stopping: asyncio.Event) -> None:
    """The bench's time is over: let the cockpit take what the journal holds."""
    await agent.writer.flush(FLUSH_DEADLINE_S)
    end = time.monotonic() + BENCH_DRAIN_DEADLINE_S
    while not stopping.is_set() and time.monotonic() < end:
        if await asyncio.to_thread(agent.uplink.wait_drained, DRAIN_TURN_S):
            _say("agent: handed over")
            return


def _say_ready() -> None:
    _say("agent: ready")


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


async def shut_down(agent: Agent) -> None:
    """Stop acquiring, make everything durable, give the cockpit time to take it, end."""
    log.info("stopping: acquisition ends")
    await agent.finish()
    await stop_drivers(agent.drivers, DRIVERS_DEADLINE_S)
    await agent.functions.stop()
    await agent.writer.flush(FLUSH_DEADLINE_S)
    await asyncio.to_thread(agent.uplink.wait_drained, DRAIN_DEADLINE_S)
    left = agent.journal.store.backlog
    await agent.writer.stop(FLUSH_DEADLINE_S)
    await asyncio.to_thread(agent.uplink.stop, 3.0)
    agent.journal.store.close()
    log.info("stopped; %d records wait in the journal for the next start", left)


async def stop_drivers(drivers: Mapping[str, Driver], deadline_s: float) -> None:
    """Stop all drivers at once; one that cannot is left behind: what was read has to be saved."""
    stopping = {asyncio.create_task(driver.stop()): name for name, driver in drivers.items()}
    if not stopping:
        return
    done, late = await asyncio.wait(stopping, timeout=deadline_s)
    for task in late:
        task.cancel()
        log.warning("'%s' could not be stopped within %.0f s", stopping[task], deadline_s)
    for task in done:
        error = task.exception()
        if error is not None:
            log.error("'%s' could not be stopped", stopping[task], exc_info=error)


def _next_instant(now: float, period_s: float) -> float:
    return (now // period_s + 1) * period_s


async def _told(stopping: asyncio.Event, wait_s: float, period_s: float) -> bool:
    """Wait for the next instant, or for the end; never longer than a period (clocks are set)."""
    if wait_s > 0 and not stopping.is_set():
        try:
            async with asyncio.timeout(min(wait_s, period_s)):
                await stopping.wait()
        except TimeoutError:
            pass
    return stopping.is_set()


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """Hold the data directory: two agents on one journal would both number its records."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        opened = (data_dir / "agent.lock").open("w")
    except OSError as error:
        raise OrtsnetzError(f"{data_dir}: cannot be written to: {error.strerror}") from error
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OrtsnetzError(f"another agent is running on {data_dir}") from error
        yield
