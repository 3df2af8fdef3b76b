"""The socket contract: every message survives the way, and nothing else is taken for one."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import socket
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.drivers.server import serve
from ortsnetz_common.drivers.values import (
    Adjustable,
    Diagnosis,
    DriverError,
    FailureKind,
    Found,
    Identity,
    LimitResolution,
    LimitUnit,
    Observation,
    Quantity,
    Role,
    Scan,
    Source,
    SourcePoint,
    Watchdog,
)
from ortsnetz_common.link import driver_process as say
from ortsnetz_common.link import frames
from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.parameters.station import Connection, SerialLine, Side

LINE = Connection("modbus-rtu", unit=3, serial=SerialLine("/dev/ttyUSB0", 9600, "N", 2), bay="2")
SOURCE = Source("m", "meter-feeder", LINE, 7, 3, Side.FROM, 15_000.0)
POINT = SourcePoint(Point("m/A.B", Unit.CELSIUS, 7), Role.FURTHER, None, -math.inf, math.inf)
SCAN = Scan((230.0, None), (0, 4097), 2**62, 4, 2**62, 5, 16.0, (1, 2), (0, 4), 0.0, (1.5, None))
VOLTAGE = Adjustable(Quantity.VOLTAGE, 0.001, 0.9, 1.1)
ASKS: list[say.Ask] = [
    say.Validate(SOURCE),
    say.Open(SOURCE, subscribe=True),
    say.Read("m"),
    say.WriteLimit("m", 6.5, Watchdog(60.0, 6.0)),
    say.Adjust("m", Quantity.REACTIVE_POWER, -1500.0),
    say.WhoIs("m"),
    say.Close("m"),
    say.Beat(),
    say.OpenProbe(1, LINE),
    say.ProbeWho(1),
    say.Browse(1, "holding/", 100),
    say.ReadValues(1, ("holding/4", "coil/3")),
    say.WriteValue(1, "holding/4", -0.5),
    say.Watch(1, ("holding/4",), 0.5),
    say.CloseProbe(1),
]
ANSWERS: list[say.Answer] = [
    say.Validated(("too short",)),
    say.Opened((POINT,), LimitResolution(LimitUnit.SHARE, 0.1, 0.2, 300.0), True, (VOLTAGE,)),
    say.Scanned(SCAN),
    say.Identified(Identity("maker", None, "Größe 7")),
    say.Beaten({"m": Diagnosis(True, 7, {FailureKind.BUSY: 2}, "busy")}, 3),
    say.Browsed((Found("holding/4", "register", 7.0, True), Found("a", "folder", folder=True))),
    say.Observed((Observation("a", "text", 0, 1, 4), Observation("b", None, 17, 1, 4, "why"))),
    say.Said("is 7 now"),
    say.Done(),
    say.Failed(FailureKind.WRONG_DEVICE, "another"),
    say.Misconfigured("no such unit"),
]
TO: list[say.ToProcess] = [
    say.Hello(say.VERSION, stepped=False, credentials_dir="/tmp/c", profiles={"a": "b: 1"}),
    say.GiveUp(7),
    *(say.Call(number, 2**62, 1.5, ask) for number, ask in enumerate(ASKS)),
]
FROM: list[say.FromProcess] = [
    say.Welcome(say.VERSION, "modbus 1.0"),
    say.Refused("no library"),
    *(say.Reply(number, answer) for number, answer in enumerate(ANSWERS)),
    say.Report("m", SCAN),
    say.Watched(3, Observation("a", 1.5, 0, 1, 4)),
]


def payload(message: Any) -> bytes:
    return say.pack(message)[frames.HEADER.size :]


def test_every_message_of_the_contract_arrives_as_it_was_sent() -> None:
    for to_process in TO:
        assert say.to_process(payload(to_process)) == to_process
    for from_process in FROM:
        assert say.from_process(payload(from_process)) == from_process


def test_no_kind_of_message_is_left_out_above() -> None:
    for union, samples in (
        (say.Ask, ASKS),
        (say.Answer, ANSWERS),
        (say.ToProcess, TO),
        (say.FromProcess, FROM),
    ):
        assert {type(sample) for sample in samples} == set(get_args(union))


def test_a_frame_larger_than_a_message_may_be_is_refused_before_it_is_read() -> None:
    with pytest.raises(frames.FrameError, match="at most"):
        say.length(frames.HEADER.pack(say.MAX_MESSAGE_BYTES + 1))
    with pytest.raises(frames.FrameError, match="exceeds"):
        say.pack(say.Said("x" * say.MAX_MESSAGE_BYTES))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_message_or_refused(data: bytes) -> None:
    for decode in (say.to_process, say.from_process):
        with contextlib.suppress(frames.FrameError):
            decode(data)


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Some bytes changed, cut off, doubled or put in."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(found) + 1)
        match chance.randrange(4):
            case 0 if place < len(found):
                found[place] = chance.randrange(256)
            case 1:
                del found[place:]
            case 2:
                found[place:place] = found[place : place + chance.randint(1, 30)]
            case _:
                found[place:place] = chance.randbytes(chance.randint(1, 5))
    return bytes(found)


@given(st.integers(0, 2**32))
def test_a_message_that_was_garbled_is_a_message_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    for samples, decode in ((TO, say.to_process), (FROM, say.from_process)):
        for sample in samples:
            with contextlib.suppress(frames.FrameError):
                decode(mutated(chance, payload(sample)))


class Nothing:
    """A protocol without devices: everything that it is asked ends in words."""

    def validate(self, source: Source) -> tuple[str, ...]:
        return (source.name,)

    def open(self, source: Source) -> Any:
        raise DriverError(FailureKind.UNREACHABLE, source.name)

    def probe(self, connection: Connection) -> Any:
        raise DriverError(FailureKind.UNREACHABLE, connection.address)


async def served(sent: bytes) -> bytes:
    """What a process says to what it is sent, until it hangs up."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    serving = asyncio.create_task(serve(theirs, "nothing", lambda _hello, _time: Nothing()))
    reader, writer = await asyncio.open_connection(sock=ours)
    writer.write(sent)
    writer.write_eof()
    said = await reader.read()
    with contextlib.suppress(frames.FrameError, asyncio.IncompleteReadError):
        await serving
    writer.close()
    return said


def messages(said: bytes) -> list[say.FromProcess]:
    found = []
    while said:
        size = frames.HEADER.size + say.length(said[: frames.HEADER.size])
        found.append(say.from_process(said[frames.HEADER.size : size]))
        said = said[size:]
    return found


def test_a_process_answers_what_it_is_asked_with_the_number_of_the_call() -> None:
    calls = [say.Call(9, 0, 0.0, say.Validate(SOURCE)), say.Call(4, 0, 0.0, say.Beat())]
    sent = b"".join(map(say.pack, [TO[0], *calls]))

    async def asked() -> list[say.FromProcess]:
        return messages(await asyncio.wait_for(served(sent), 10))

    welcome, *replies = asyncio.run(asked())
    assert welcome == say.Welcome(say.VERSION, "nothing")
    assert say.Reply(9, say.Validated(("m",))) in replies
    assert say.Reply(4, say.Beaten({}, 0)) in replies


def test_a_process_refuses_an_agent_of_another_version_in_words() -> None:
    hello = say.pack(say.Hello(say.VERSION + 1, False, "", {}))

    async def asked() -> list[say.FromProcess]:
        return messages(await asyncio.wait_for(served(hello), 10))

    (refusal,) = asyncio.run(asked())
    assert isinstance(refusal, say.Refused)
    assert f"version {say.VERSION} of the contract, not {say.VERSION + 1}" in refusal.reason


@given(st.integers(0, 2**32))
def test_whatever_a_process_is_sent_it_says_messages_and_ends(seed: int) -> None:
    chance = random.Random(seed)
    sent = say.pack(TO[0]) if chance.random() < 0.9 else b""
    for _ in range(chance.randint(1, 6)):
        frame = say.pack(chance.choice(TO))
        sent += mutated(chance, frame) if chance.random() < 0.5 else frame

    async def asked() -> list[say.FromProcess]:
        return messages(await asyncio.wait_for(served(sent), 10))

    asyncio.run(asked())
