"""A function that crashes, hangs or babbles costs its result, never the agent."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ortsnetz_common.parameters.parameter_set import SCHEMA, ParameterSet
from ortsnetz_common.parameters.station import SourcePseudo, Station
from ortsnetz_edge.hosting.calls import (
    BranchState,
    EstimationCall,
    EstimationResult,
    LimitingCall,
    NodeState,
    encode,
    estimation_call,
    estimation_result,
    limiting_call,
)
from ortsnetz_edge.hosting.protocol import Setup
from ortsnetz_edge.hosting.supervisor import (
    FIRST_START_S,
    LONGEST_START_S,
    Failure,
    FunctionFailedError,
    FunctionHost,
)

SETUP = Setup(
    "the network",
    ParameterSet(SCHEMA, "ons-1", 1, "0" * 64, Station((), (), (), SourcePseudo(1, 1.0, 0.01))),
)
WORKER = """
import os, sys, time
from ortsnetz_common.errors import InputError
from ortsnetz_edge.hosting.worker import serve

class Echo:
    def __init__(self, setup):
        self.network = setup.network
        print("a library prints to standard output while it starts")

    def call(self, body):
        print("and again during a call", flush=True)
        if body == b"crash": os._exit(3)
        if body == b"raise": raise ValueError("a bug")
        if body == b"hang": time.sleep(60)
        if body == b"babble": os.write(real_stdout, b"hello, world, how are you")
        if body == b"refuse": raise InputError("node 7 is not observable")
        if body == b"who": return str(os.getpid()).encode()
        if body == b"network": return self.network.encode()
        return body

real_stdout = os.dup(1)
serve(Echo)
"""
STUBBORN = "import time; time.sleep(60)"
HANGS_ONCE = """
import pathlib, sys, time
begun = pathlib.Path(sys.argv[1])
if not begun.exists():
    begun.touch()
    time.sleep(60)
"""
REFUSING = """
from ortsnetz_common.errors import InputError
from ortsnetz_edge.hosting.worker import serve
def build(setup): raise InputError("the network has no transformer")
serve(build)
"""


def hosted(
    check: Callable[[FunctionHost], Awaitable[None]],
    code: str = WORKER,
    *arguments: str,
    start_s: float = FIRST_START_S,
) -> None:
    async def life() -> None:
        command = (sys.executable, "-c", code, *arguments)
        host = FunctionHost("echo", SETUP, command, start_s=start_s)
        host.start()
        try:
            await check(host)
        finally:
            await host.stop()

    asyncio.run(asyncio.wait_for(life(), 30))


async def until(condition: Callable[[], bool]) -> None:
    """Poll, at most 20 s."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def failure_of(host: FunctionHost, body: bytes, deadline_s: float = 5.0) -> Failure:
    with pytest.raises(FunctionFailedError) as caught:
        await host.call(body, deadline_s)
    return caught.value.failure


def test_a_worker_answers_and_its_prints_do_not_break_the_contract() -> None:
    async def check(host: FunctionHost) -> None:
        assert await host.wait_ready(20)
        assert await host.call(b"network", 5) == b"the network"
        large = b"x" * 3_000_000
        assert await host.call(large, 5) == large

    hosted(check)


def test_a_worker_that_cannot_be_started_is_tried_again() -> None:
    async def life() -> None:
        host = FunctionHost("echo", SETUP, ("no-such-command-anywhere",))
        host.start()
        try:
            await until(lambda: host.counters["function_echo_restarts"] >= 1)
            with pytest.raises(FunctionFailedError, match="no worker can be started"):
                await host.call(b"x", 5)
        finally:
            await host.stop()

    asyncio.run(asyncio.wait_for(life(), 30))


def test_before_it_is_ready_a_call_fails_at_once() -> None:
    async def check(host: FunctionHost) -> None:
        assert await failure_of(host, b"x") is Failure.STARTING

    hosted(check)


def test_a_refusal_keeps_the_worker() -> None:
    async def check(host: FunctionHost) -> None:
        assert await host.wait_ready(20)
        before = await host.call(b"who", 5)
        with pytest.raises(FunctionFailedError, match="node 7 is not observable"):
            await host.call(b"refuse", 5)
        assert await host.call(b"who", 5) == before
        assert host.counters["function_echo_refused"] == 1

    hosted(check)


@pytest.mark.parametrize(
    ("body", "failure", "deadline_s"),
    [
        (b"crash", Failure.CRASHED, 5.0),
        (b"raise", Failure.CRASHED, 5.0),
        (b"hang", Failure.DEADLINE, 0.3),
        (b"babble", Failure.GARBAGE, 5.0),
    ],
)
def test_a_failed_worker_is_replaced_and_the_failure_counted(
    body: bytes, failure: Failure, deadline_s: float
) -> None:
    async def check(host: FunctionHost) -> None:
        assert await host.wait_ready(20)
        before = await host.call(b"who", 5)
        begun = time.monotonic()
        assert await failure_of(host, body, deadline_s) is failure
        assert time.monotonic() - begun < deadline_s + 1.0
        assert not host.ready
        assert await host.wait_ready(20)
        assert await host.call(b"who", 5) != before
        assert host.counters[f"function_echo_{failure.value}"] == 1
        assert host.counters["function_echo_restarts"] == 1

    hosted(check)


def test_a_worker_that_cannot_start_says_why() -> None:
    async def check(host: FunctionHost) -> None:
        await until(lambda: host.counters["function_echo_restarts"] > 0)
        with pytest.raises(FunctionFailedError, match="the network has no transformer"):
            await host.call(b"x", 1)

    hosted(check, REFUSING)


def test_a_worker_that_hangs_at_its_start_is_replaced(tmp_path: Path) -> None:
    """The first one hangs: the next is started after the deadline of a start, and works."""

    async def check(host: FunctionHost) -> None:
        await until(lambda: host.counters["function_echo_restarts"] > 0)
        with pytest.raises(FunctionFailedError, match="was not ready within 2 s"):
            await host.call(b"x", 1)
        assert await host.wait_ready(20)
        assert await host.call(b"network", 5) == b"the network"

    hosted(check, HANGS_ONCE + WORKER, str(tmp_path / "begun"), start_s=2.0)


def test_a_machine_that_needs_longer_for_a_start_gets_longer() -> None:
    async def check(host: FunctionHost) -> None:
        assert await host.wait_ready(20)
        assert host.counters["function_echo_restarts"] >= 1
        assert host.start_s >= 2 * 1.0  # it will need as long the next time

    hosted(check, "import time; time.sleep(1.0)" + WORKER, start_s=0.3)


def test_a_start_is_given_up_well_before_a_minute_and_never_later_than_after_one() -> None:
    assert FIRST_START_S <= 20.0  # the grace in which a function that starts is no alarm
    assert LONGEST_START_S <= 60.0


def test_a_worker_that_ignores_the_end_of_its_input_is_ended_all_the_same() -> None:
    async def check(host: FunctionHost) -> None:
        await until(lambda: host.pid is not None)

    begun = time.monotonic()
    hosted(check, STUBBORN)
    assert time.monotonic() - begun < 10


def test_calls_and_results_survive_the_wire() -> None:
    call = EstimationCall(18.25, {})
    assert estimation_call(encode(call)) == call
    result = EstimationResult(
        (NodeState(1, (230.0, 231.0, 229.5)),),
        (BranchState(9, 0.5), BranchState(10, 1.25, (1.0, 2.0, 3.0))),
        ("voltage of meter-3",),
        b"\x00\xff",
    )
    assert estimation_result(encode(result)) == result
    limiting = LimitingCall(result.state, {})
    assert limiting_call(encode(limiting)) == limiting
