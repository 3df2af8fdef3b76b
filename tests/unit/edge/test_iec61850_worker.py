"""The thread of a connection: its calls come back, or it is given up. Numbers of reports."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_iec61850.mms.sequence import missed
from ortsnetz_iec61850.mms.worker import Worker


def test_a_call_returns_or_raises_what_its_function_does() -> None:
    async def work() -> None:
        worker = Worker("test")
        assert await worker.call(lambda: 7, 5.0) == 7
        with pytest.raises(ZeroDivisionError):
            await worker.call(lambda: 1 // 0, 5.0)
        worker.last(lambda: None)

    asyncio.run(work())


def test_a_call_that_does_not_come_back_leaves_the_worker_stuck() -> None:
    async def work() -> None:
        worker, for_ever = Worker("test"), threading.Event()
        with pytest.raises(TimeoutError):
            await worker.call(for_ever.wait, 0.05)
        assert worker.stuck
        with pytest.raises(TimeoutError):
            await worker.call(lambda: 7, 5.0)
        for_ever.set()

    asyncio.run(work())


def test_waiting_for_others_is_no_time_of_its_own() -> None:
    async def work() -> None:
        worker, first = Worker("test"), threading.Event()
        slow = asyncio.create_task(worker.call(first.wait, 30.0))
        quick = asyncio.create_task(worker.call(lambda: 7, 0.01))
        await asyncio.sleep(0.1)
        assert not worker.stuck
        first.set()
        assert await quick == 7
        await slow
        worker.last(lambda: None)

    asyncio.run(work())


def test_a_command_that_nobody_waits_for_any_more_is_not_sent() -> None:
    async def work() -> None:
        worker, first = Worker("test"), threading.Event()
        sent: list[str] = []
        slow = asyncio.create_task(worker.call(first.wait, 30.0))
        command = asyncio.create_task(worker.call(lambda: sent.append("operate"), 30.0))
        await asyncio.sleep(0.01)
        command.cancel()
        await asyncio.gather(command, return_exceptions=True)
        first.set()
        await slow
        await worker.call(lambda: sent.append("next"), 30.0)
        assert sent == ["next"]
        worker.last(lambda: None)

    asyncio.run(work())


@pytest.mark.parametrize(
    ("before", "now", "buffered", "count"),
    [
        (0, 1, True, 0),
        (65535, 0, True, 0),
        (255, 256, True, 0),
        (255, 0, False, 0),
        (254, 1, False, 2),
        (65534, 1, True, 2),
        (7, 7, True, 65535),
    ],
)
def test_reports_that_are_missing_are_counted_over_the_wrap(
    before: int, now: int, count: int, *, buffered: bool
) -> None:
    assert missed(before, now, buffered=buffered) == count


@given(st.integers(0, 65535), st.integers(0, 200))
def test_as_many_are_missing_as_were_lost(before: int, lost: int) -> None:
    assert missed(before, (before + lost + 1) % 65536, buffered=True) == lost
    short = before % 256
    assert missed(short, (short + lost + 1) % 256, buffered=False) == lost
