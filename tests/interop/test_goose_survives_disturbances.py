"""Two hundred disturbances one after the other: each is counted, none leaves anything behind."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest
from goose_bench import GOOD, document, until
from private_network import FAR, NEAR, private_network, set_down, set_up

from ortsnetz_common.scl.object_reference import parse_reference
from ortsnetz_iec61850.goose.from_scl import publication_of, streams_of, subscription_of
from ortsnetz_iec61850.goose.interface import Interface
from ortsnetz_iec61850.goose.listening import Following, Listening
from ortsnetz_iec61850.goose.misbehaviour import Misbehaviour
from ortsnetz_iec61850.goose.publisher import Publisher
from ortsnetz_iec61850.goose.stream import Stream

pytestmark = pytest.mark.interop
ROUNDS = 200
HEADER = bytes.fromhex("010ccd010001 020000000009 88b8")
OF_A_PAGE = 2 * 1024 * 1024
"""Octets of memory that a process may have taken more at its end than after its first rounds."""


class Bench:
    """A listener, and a bay that is disturbed."""

    def __init__(self) -> None:
        expected = streams_of(document())[0]
        self.stream = Stream(subscription_of(expected))
        self.changes = 0
        self.listening = Listening(NEAR)
        self.listening.follow(Following(self.stream, self._changed))
        self.out = Interface(FAR, ())
        self.publication = publication_of(expected)
        self.done: Counter[str] = Counter()
        self.begin()

    def _changed(self) -> None:
        self.changes += 1
        if self.changes % 3 == 0:
            raise RuntimeError("who takes the changes makes a mistake now and then")

    def begin(self) -> None:
        """The bay starts anew."""
        self.publisher = Publisher(self.publication, self.out.send, self.out.address)

    def tell(self, number: int) -> None:
        """The bay's next state."""
        values = {parse_reference(text): value for text, value in GOOD.items()}
        values[parse_reference("LD0/XCBR1.OpCnt.stVal[ST]")] = number
        self.publisher.update(values)

    async def disturb(self, what: str, chance: random.Random) -> None:
        """One disturbance; the bay is well afterwards."""
        self.done[what] += 1
        if what == "garbage":
            self.out.send((HEADER + chance.randbytes(chance.randint(0, 400))).ljust(60, b"\x00"))
        elif what == "restart":
            self.begin()
        elif what == "interface":
            set_down(NEAR)
            await until(lambda: self.listening.why is not None, "down")
            set_up(NEAR)
            await until(lambda: self.listening.why is None, "up again")
        else:
            self.publisher.misbehaviour = Misbehaviour(what)
            self.publisher.repeat()
            self.publisher.misbehaviour = Misbehaviour.NONE

    async def close(self) -> None:
        self.listening.close()
        self.out.close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_disturbances_are_counted_and_leave_nothing_behind() -> None:
    chance = random.Random(7)
    kinds = ["garbage", "restart", *(each.value for each in Misbehaviour if each.value != "none")]

    async def story() -> None:
        bench = Bench()
        bench.listening.open()
        before, early = 0, 0
        for number in range(1, ROUNDS + 1):
            what = "interface" if number in (50, 150) else chance.choice(kinds)
            await bench.disturb(what, chance)
            bench.tell(number)
            await until(lambda want=number: bench.stream.held(5, 0).value == want, f"{what}, after")
            if number == ROUNDS // 4:
                before, early = descriptors(), resident()
        assert descriptors() == before
        assert resident() - early < OF_A_PAGE
        counts, done = bench.stream.counts, bench.done
        assert bench.listening.malformed == done["garbage"]
        assert counts.restarts >= 1
        assert counts.misconfigured == sum(
            done[what] for what in ("wrong-revision", "needs-commissioning", "wrong-types")
        )
        assert counts.simulated == done["simulation"]
        assert counts.doubled + counts.replayed >= done["replay"]
        changes = bench.changes
        await until(lambda: str(bench.stream.why).startswith("no message within"), "lost")
        assert bench.stream.held(5, 0).value is None
        assert bench.changes == changes + 1
        await bench.close()

    with private_network():
        at_first = descriptors()
        asyncio.run(story())
        assert descriptors() <= at_first
