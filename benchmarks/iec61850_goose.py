"""GOOSE from a bay's change of state to a value in the agent, and what many messages cost.

A cable in a network namespace (needs root), the driver's process behind the agent's socket.

- latency: a breaker moves 20 times a second; time from the change to its value in the agent;
- repetitions and changes: messages at a steady rate; messages lost, CPU of the driver's process.
  Beside it libiec61850's own receiver (C, one process, no value taken out of a message).

    python benchmarks/iec61850_goose.py [--seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from goose_bench import GOOD, PATH, STATES, document, environment, source
from iec61850_sampled_values import Used, children
from private_network import private_network

from ortsnetz_common.scl.object_reference import parse_reference
from ortsnetz_edge.drivers.contract import Driver, DriverError, Scan
from ortsnetz_edge.drivers.registry import load_protocol
from ortsnetz_iec61850.goose.frames import Frame, decoded_frame, encoded_frame
from ortsnetz_iec61850.goose.from_scl import publication_of, streams_of
from ortsnetz_iec61850.goose.interface import Interface
from ortsnetz_iec61850.goose.publisher import Publisher
from ortsnetz_iec61850.library.loading import function

EVENTS = 200
EVENT_S = 0.05
RATES = (("repetitions", 1000), ("repetitions", 4000), ("changes", 500))
ROUND_S = 0.01
"""Messages are sent in rounds of so many seconds: a hundredth of a second's at once."""
MODULE = "ortsnetz_iec61850.goose.process"
_POINTER, _TEXT = ctypes.c_void_p, ctypes.c_char_p
POSITION = parse_reference("LD0/XCBR1.Pos.stVal[ST]")


class Agent:
    """The agent's side: a driver, and when it reported which position."""

    def __init__(self, near: str) -> None:
        protocol = load_protocol("goose", environment(), needed_by="the benchmark")
        self.driver: Driver = protocol.open(source(near, PATH))
        names = [point.point.name for point in self.driver.points]
        self._place = names.index("bay/XCBR1.Pos")
        self.position: float | None = None
        self.reports = 0
        self.heard = asyncio.Event()
        self.driver.subscribe(self._report)

    def _report(self, scan: Scan) -> None:
        self.position = scan.values[self._place]
        self.reports += 1
        self.heard.set()

    async def begin(self) -> None:
        """Until it has heard the bay."""
        while self.position is None:
            with contextlib.suppress(DriverError):
                await self.driver.scan()
            await asyncio.sleep(0.05)

    async def counters(self) -> dict[str, int]:
        """After the next heart-beat."""
        await asyncio.sleep(2.5)
        return dict(self.driver.diagnose().counters)


async def latency(near: str, far: str) -> dict[str, Any]:
    """Time from a change to its value in the agent, ms."""
    agent, out = Agent(near), Interface(far, ())
    publishers = [
        Publisher(publication_of(each), out.send, out.address) for each in streams_of(document())
    ]
    for each in publishers:
        each.update({parse_reference(text): value for text, value in GOOD.items()})
    running = [asyncio.create_task(each.run()) for each in publishers]
    await agent.begin()
    took: list[float] = []
    for number in range(EVENTS):
        position = 1 + number % 2
        begin = time.perf_counter()
        publishers[0].update({POSITION: position})
        while agent.position != position:
            agent.heard.clear()
            await agent.heard.wait()
        took.append(1000 * (time.perf_counter() - begin))
        await asyncio.sleep(EVENT_S)
    for task in running:
        task.cancel()
    await agent.driver.stop()
    out.close()
    return {f"p{p}_ms": round(float(np.percentile(took, p)), 3) for p in (50, 95, 99, 100)}


def numbered(kind: str) -> Iterator[bytes]:
    """Frames of the bay's states whose numbers go on: repetitions, or a change with each."""
    sent: list[bytes] = []
    publisher = Publisher(publication_of(streams_of(document())[0]), sent.append, bytes(6))
    publisher.update({parse_reference(text): value for text, value in GOOD.items()})
    frame: Frame = decoded_frame(sent[-1])
    message = replace(frame.message, time_allowed_to_live_ms=5000)
    number = 0
    while True:
        number += 1
        state, sequence = (1, number) if kind == "repetitions" else (number, 0)
        numbers = replace(message, state=state, sequence=sequence)
        yield encoded_frame(replace(frame, message=numbers))


async def send(far: str, kind: str, rate: int, seconds: float) -> int:
    """Send frames at a steady rate; how many."""
    out, frames = Interface(far, ()), numbered(kind)
    begin, count = time.perf_counter(), 0
    try:
        while (now := time.perf_counter() - begin) < seconds:
            while count < rate * now:
                out.send(next(frames))
                count += 1
            await asyncio.sleep(ROUND_S)
    finally:
        out.close()
    return count


async def steady(near: str, far: str, kind: str, rate: int, seconds: float) -> dict[str, Any]:
    """What the driver does with messages at a steady rate."""
    agent = Agent(near)
    warm = asyncio.create_task(send(far, kind, 100, 1.0))
    await agent.begin()
    await warm
    before = await agent.counters()
    (process,) = (Used(pid) for pid in children(os.getpid(), MODULE))
    process.look()
    sent = await send(far, kind, rate, seconds)
    share = process.share()
    after = await agent.counters()
    await agent.driver.stop()

    def since(name: str) -> int:
        return after.get(f"goose_{name}", 0) - before.get(f"goose_{name}", 0)

    # the numbers begin again with the sender: its first message is a replay to who knows the last
    refused = since("replayed") + since("doubled")
    return {
        "sent": sent,
        "taken": since("taken"),
        "lost": sent - since("taken") - refused,
        "dropped_by_kernel": since("dropped"),
        "reports": agent.reports,
        "cpu_percent": round(share, 1),
    }


def _receive(near: str, seconds: float, said: Any) -> None:
    """libiec61850's receiver in a process of its own; says what its share of a core was."""
    handle = function("GooseReceiver_create", _POINTER)()
    function("GooseReceiver_setInterfaceId", None, _POINTER, _TEXT)(handle, near.encode())
    subscriber = function("GooseSubscriber_create", _POINTER, _TEXT, _POINTER)(
        STATES.encode(), None
    )
    function("GooseReceiver_addSubscriber", None, _POINTER, _POINTER)(handle, subscriber)
    function("GooseReceiver_start", None, _POINTER)(handle)
    used = Used(os.getpid())
    used.look()
    said.put("ready")
    time.sleep(seconds)
    said.put(used.share())


async def beside(near: str, far: str, kind: str, rate: int, seconds: float) -> float:
    """Per cent of a core that libiec61850's receiver takes for the same messages."""
    context = multiprocessing.get_context("spawn")
    said: Any = context.Queue()
    process = context.Process(target=_receive, args=(near, seconds, said))
    process.start()
    await asyncio.to_thread(said.get, timeout=30.0)
    await send(far, kind, rate, seconds)
    share: float = await asyncio.to_thread(said.get, timeout=30.0)
    process.join(10)
    return round(share, 1)


def report(line: dict[str, Any], words: Callable[[dict[str, Any]], str]) -> bool:
    """Print a line for programs and one for people; whether it met what is asked."""
    print(json.dumps(line))
    print(f"# GOOSE: {words(line)}: {'met' if line['met'] else 'NOT MET'}", flush=True)
    return bool(line["met"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each rate")
    seconds = parser.parse_args().seconds
    met = True
    with private_network() as (near, far):
        found = asyncio.run(latency(near, far))
        line = {"what": "latency", **found, "met": found["p99_ms"] < 10.0}
        met &= report(
            line,
            lambda one: (
                f"change to value in the agent p50 {one['p50_ms']} ms, p99 {one['p99_ms']} ms "
                "(asked: below 10 ms)"
            ),
        )
        for kind, rate in RATES:
            found = asyncio.run(steady(near, far, kind, rate, seconds))
            other = asyncio.run(beside(near, far, kind, rate, seconds))
            line = {"what": kind, "rate": rate, **found, "libiec61850_cpu_percent": other}
            line["met"] = found["lost"] == 0
            met &= report(
                line,
                lambda one: (
                    f"{one['rate']} {one['what']}/s: lost {one['lost']} of {one['sent']}, "
                    f"{one['cpu_percent']} % of a core (libiec61850's receiver, "
                    f"{one['libiec61850_cpu_percent']} %)"
                ),
            )
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
