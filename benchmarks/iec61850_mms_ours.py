# SPDX-License-Identifier: GPL-3.0-or-later
"""Our client's side of `iec61850_mms`: libiec61850 through ctypes."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

from ortsnetz_iec61850.library.connection import Association, associated
from ortsnetz_iec61850.library.control import Checks, ControlObject, ControlRefusedError
from ortsnetz_iec61850.library.reports import Changes, Handler, Report, write_block

DOMAIN = "BENCHFD1"
CLOSE = True
IN_EXECUTION = 12
BLOCK = f"{DOMAIN}/LLN0.RP.urcbMeas01"


def main() -> int:
    association, _ = associated("127.0.0.1", int(sys.argv[1]), connect_s=5.0, request_s=5.0)
    boolean = association.type_of(DOMAIN, "XCBR1$CO$Pos$Oper$ctlVal")
    breaker = ControlObject(association, f"{DOMAIN}/XCBR1.Pos")
    blocking = ControlObject(association, f"{DOMAIN}/XCBR1.BlkOpn")

    def read() -> None:
        association.read(DOMAIN, ["MMXU1$MX$PhV$phsA$cVal$mag$f"])

    def read_set() -> None:
        assert len(association.read_data_set(DOMAIN, "LLN0$dsMeas")) == 12

    def direct() -> None:
        """With normal security the answer comes before the end: the next may find it under way."""
        while True:
            try:
                blocking.operate(boolean, CLOSE, Checks(), lambda _: None)
            except ControlRefusedError as refusal:
                if refusal.cause != IN_EXECUTION:
                    raise
            else:
                return

    def select() -> None:
        ended: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        breaker.operate(boolean, CLOSE, Checks(), ended.put)
        assert ended.get(timeout=5.0) is None

    singly: dict[str, Callable[[], None]] = {
        "reads": read,
        "sets": read_set,
        "direct": direct,
        "select": select,
    }
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        what, seconds = line.split()
        said = (
            reports(association, float(seconds))
            if what == "reports"
            else timed(singly[what], float(seconds))
        )
        print(json.dumps(said), flush=True)
    breaker.close()
    blocking.close()
    association.close()
    return 0


def reports(association: Association, seconds: float) -> dict[str, object]:
    got: list[Report] = []
    handler = Handler(BLOCK, got.append)
    write_block(association, BLOCK, Changes(reserved=True))
    handler.install(association, f"{DOMAIN}/LLN0$RP$urcbMeas01")
    write_block(association, BLOCK, Changes(enabled=True))
    began = time.monotonic()
    threading.Event().wait(seconds)
    lasted, count = time.monotonic() - began, len(got)
    write_block(association, BLOCK, Changes(enabled=False))
    handler.uninstall(association)
    numbers = [report.sequence for report in got[:count] if report.sequence is not None]
    gaps = sum((b - a) % 256 != 1 for a, b in pairwise(numbers))
    return {"count": count, "seconds": lasted, "median_s": 0.0, "lost": gaps}


def timed(once: Callable[[], None], seconds: float) -> dict[str, object]:
    each: list[float] = []
    began = last = time.monotonic()
    while last - began < seconds:
        once()
        now = time.monotonic()
        each.append(now - last)
        last = now
    return {"count": len(each), "seconds": last - began, "median_s": median(each)}


if __name__ == "__main__":
    raise SystemExit(main())
