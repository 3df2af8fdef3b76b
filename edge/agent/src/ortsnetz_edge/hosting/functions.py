"""The two functions of the agent's cycle, each in a worker of its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol

from ortsnetz_edge.hosting.calls import (
    CallError,
    EstimationCall,
    EstimationResult,
    LimitingCall,
    LimitingResult,
    encode,
    estimation_result,
    limiting_result,
)
from ortsnetz_edge.hosting.protocol import Setup
from ortsnetz_edge.hosting.supervisor import Failure, FunctionFailedError, FunctionHost

ESTIMATION = "state_estimation"
LIMITING = "congestion"


class Functions(Protocol):
    """What the cycle asks of the grid."""

    def start(self) -> None:
        """Begin to have workers."""

    async def estimate(self, call: EstimationCall, deadline_s: float) -> EstimationResult:
        """The state; raises `FunctionFailedError`."""

    async def limit(self, call: LimitingCall, deadline_s: float) -> LimitingResult:
        """The limits; raises `FunctionFailedError`."""

    async def wait_ready(self, timeout_s: float) -> bool:
        """Wait until both can be asked; whether they can, within the deadline."""

    async def stop(self) -> None:
        """End the workers."""

    def counted(self) -> Counter[str]:
        """Everything counted."""


class HostedFunctions:
    """Fulfils `Functions` with supervised worker processes."""

    def __init__(self, setup: Setup) -> None:
        self._estimation = FunctionHost(ESTIMATION, setup)
        self._limiting = FunctionHost(LIMITING, setup)

    def start(self) -> None:
        """Begin to have workers."""
        self._estimation.start()
        self._limiting.start()

    async def estimate(self, call: EstimationCall, deadline_s: float) -> EstimationResult:
        """The state; see `Functions.estimate`."""
        body = await self._estimation.call(encode(call), deadline_s)
        try:
            return estimation_result(body)
        except CallError as error:
            raise FunctionFailedError(Failure.GARBAGE, f"{ESTIMATION}: {error}") from error

    async def limit(self, call: LimitingCall, deadline_s: float) -> LimitingResult:
        """The limits; see `Functions.limit`."""
        body = await self._limiting.call(encode(call), deadline_s)
        try:
            return limiting_result(body)
        except CallError as error:
            raise FunctionFailedError(Failure.GARBAGE, f"{LIMITING}: {error}") from error

    async def wait_ready(self, timeout_s: float) -> bool:
        """Wait until both can be asked; see `Functions.wait_ready`."""
        both = (self._estimation, self._limiting)
        return all(await asyncio.gather(*(host.wait_ready(timeout_s) for host in both)))

    async def stop(self) -> None:
        """End the workers."""
        await self._estimation.stop()
        await self._limiting.stop()

    def counted(self) -> Counter[str]:
        """Everything counted."""
        return self._estimation.counters + self._limiting.counters
