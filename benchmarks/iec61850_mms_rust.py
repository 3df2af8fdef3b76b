"""The Rust client's side of `iec61850_mms`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from statistics import median
from typing import Any

import iec61850

DOMAIN = "BENCHFD1"
CLOSE = True
BLOCK = f"{DOMAIN}/LLN0.RP.urcbMeas02"
MX = iec61850.FC.MX


async def serve(port: int) -> None:
    client = await iec61850.IedConnection.connect(f"127.0.0.1:{port}", timeout_ms=5000)
    breaker = client.create_control_object(
        f"{DOMAIN}/XCBR1.Pos", iec61850.ControlModel.SBO_ENHANCED
    )
    blocking = client.create_control_object(
        f"{DOMAIN}/XCBR1.BlkOpn", iec61850.ControlModel.DIRECT_NORMAL
    )

    async def read() -> None:
        await client.read_float(f"{DOMAIN}/MMXU1.PhV.phsA.cVal.mag.f", MX)

    async def read_set() -> None:
        assert len(await client.get_data_set_values(f"{DOMAIN}/LLN0.dsMeas")) == 12

    async def direct() -> None:
        while not (await blocking.operate(CLOSE)).success:  # the last one is still under way
            pass

    async def select() -> None:
        assert (await breaker.select_with_value(CLOSE)).success
        assert (await breaker.operate(CLOSE)).success

    async def reports(seconds: float) -> dict[str, object]:
        got: list[Any] = []
        block = await client.get_rcb_values(BLOCK)
        await client.install_report_handler(BLOCK, got.append, rpt_id=block.rpt_id)
        for name in ("resv", "rpt_ena"):
            setattr(block, name, True)
            await client.set_rcb_values(block, iec61850.RcbWriteMask.fields(name))
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            await client.poll_reports(20)
        lasted, count = time.monotonic() - began, len(got)
        block.rpt_ena = False
        await client.set_rcb_values(block, iec61850.RcbWriteMask.fields("rpt_ena"))
        await client.uninstall_report_handler(BLOCK)
        numbers = [report.sequence_number for report in got[:count]]
        gaps = sum((b - a) % 256 != 1 for a, b in pairwise(numbers))
        return {"count": count, "seconds": lasted, "median_s": 0.0, "lost": gaps}

    singly = {"reads": read, "sets": read_set, "direct": direct, "select": select}
    print(json.dumps({"ready": True}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        what, seconds = line.split()
        said = (
            await reports(float(seconds))
            if what == "reports"
            else await timed(singly[what], float(seconds))
        )
        print(json.dumps(said), flush=True)
    await client.disconnect()


async def timed(once: Callable[[], Awaitable[None]], seconds: float) -> dict[str, object]:
    each: list[float] = []
    began = last = time.monotonic()
    while last - began < seconds:
        await once()
        now = time.monotonic()
        each.append(now - last)
        last = now
    return {"count": len(each), "seconds": last - began, "median_s": median(each)}


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
