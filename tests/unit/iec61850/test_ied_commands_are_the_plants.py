"""A client operates the bench's IED: the plant takes each command, or refuses it, and says why.

The client is the library's, in this process; the IED is a process of its own.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from ortsnetz_common.link.bench_ied import TAKEN, VERSION, Bay, Begin, Command
from ortsnetz_hil.servers.ied_process import IedProcess, started
from ortsnetz_iec61850.library.connection import Association, associated
from ortsnetz_iec61850.library.control import Checks, ControlObject, ControlRefusedError
from ortsnetz_iec61850.library.errors import LibraryError

HOST = "127.0.0.1"
LIMIT, SHOWN = "CP1/DECP1.ALim", "CP1/DECP1.ALim.mxVal.f[MX]"
SETTING = "CP1/DECP1.FalTms.setVal[SP]"
MODE, PROCESS, TIME_LIMIT, NOT_SUPPORTED = 8, 9, 16, 1
DEADLINE_S = 20.0


@dataclass
class Plant:
    """Answers as told, and remembers what came.

    Attributes:
        says: by step and value; what is not there is taken. None leaves the command open.
    """

    says: dict[tuple[str, float], int | None] = field(default_factory=dict)
    came: list[tuple[str, object]] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    left_open: asyncio.Event = field(default_factory=asyncio.Event)

    def decide(self, command: Command) -> int | None:
        self.came.append((command.step, command.value))
        number = command.value if isinstance(command.value, int | float) else 0.0
        answer = self.says.get((command.step, float(number)), TAKEN)
        if answer is None:
            self.open.append(command.number)
            self.left_open.set()
        return answer


Story = Callable[[IedProcess, Plant], Awaitable[None]]


def play(story: Story, **says: int | None) -> None:
    """Run a story before an IED; `says` as `operate_16=9`."""

    async def told() -> None:
        words = {tuple(key.split("_")): answer for key, answer in says.items()}
        plant = Plant({(step, float(value)): answer for (step, value), answer in words.items()})
        bays = (Bay("CP", "CP1", "ev-controller", "0042"), Bay("FD", "FD1", "meter", "7"))
        begin = Begin(VERSION, "B1", HOST, 0, (SHOWN,), bays, (SETTING,))
        ied = await started(begin, plant.decide)
        try:
            async with asyncio.timeout(DEADLINE_S):
                await story(ied, plant)
        finally:
            await ied.end()

    asyncio.run(told())


class Client:
    """A connection and the control of the limit; blocking."""

    def __init__(self, port: int) -> None:
        self.association: Association
        self.association, _ = associated(HOST, port, connect_s=5.0, request_s=5.0)
        self._kind = self.association.type_of("B1CP1", "DECP1$CO$ALim$Oper$ctlVal")
        self._control = ControlObject(self.association, "B1CP1/DECP1.ALim")

    def operate(self, value: float) -> ControlRefusedError | None:
        ended: queue.SimpleQueue[ControlRefusedError | None] = queue.SimpleQueue()
        try:
            self._control.operate(self._kind, value, Checks(), ended.put)
        except ControlRefusedError as refusal:
            return refusal
        return ended.get(timeout=DEADLINE_S)

    def shown(self) -> float:
        ((value,),) = self.association.read("B1CP1", ["DECP1$MX$ALim$mxVal"])  # type: ignore[misc]
        return float(value)  # type: ignore[arg-type]

    def close(self) -> None:
        self._control.close()
        self.association.close()


async def client_of(ied: IedProcess) -> Client:
    return await asyncio.to_thread(Client, ied.port)


def test_a_limit_is_checked_at_select_and_at_operate_and_then_taken() -> None:
    async def story(ied: IedProcess, plant: Plant) -> None:
        client = await client_of(ied)
        assert await asyncio.to_thread(client.operate, 16.0) is None
        assert plant.came == [("check", 16.0), ("check", 16.0), ("operate", 16.0)]
        await ied.show((0,), (16.0,), (0,), (10**18,))
        assert await asyncio.to_thread(client.shown) == 16.0
        assert (ied.counts.selects, ied.counts.operates, ied.counts.taken) == (1, 1, 1)
        client.close()

    play(story)


def test_what_a_check_refuses_is_never_operated() -> None:
    async def story(ied: IedProcess, plant: Plant) -> None:
        client = await client_of(ied)
        refusal = await asyncio.to_thread(client.operate, 99.0)
        assert refusal is not None
        assert not refusal.operated
        assert [step for step, _ in plant.came] == ["check"]
        assert await asyncio.to_thread(client.operate, 16.0) is None, "the next one is free"
        client.close()

    play(story, check_99=MODE)


def test_what_fails_while_it_is_carried_out_ends_with_its_cause() -> None:
    async def story(ied: IedProcess, plant: Plant) -> None:
        client = await client_of(ied)
        refusal = await asyncio.to_thread(client.operate, 13.0)
        assert refusal is not None
        assert refusal.operated
        assert refusal.cause == PROCESS
        await ied.show((), (), (), ())
        assert (ied.counts.taken, ied.counts.refused) == (0, 1)
        client.close()

    play(story, operate_13=PROCESS)


def test_others_are_served_while_a_command_takes_its_time() -> None:
    async def story(ied: IedProcess, plant: Plant) -> None:
        client, other = await client_of(ied), await client_of(ied)
        operating = asyncio.create_task(asyncio.to_thread(client.operate, 20.0))
        await plant.left_open.wait()
        for _ in range(5):
            await asyncio.to_thread(other.shown)
        assert not operating.done()
        ied.answer(plant.open[0], TAKEN)
        assert await operating is None
        client.close()
        other.close()

    play(story, operate_20=None)


def test_a_plant_that_does_not_answer_is_given_up() -> None:
    async def story(ied: IedProcess, plant: Plant) -> None:
        client = await client_of(ied)
        refusal = await asyncio.to_thread(client.operate, 21.0)
        assert refusal is not None
        assert refusal.cause == TIME_LIMIT
        await ied.show((), (), (), ())
        assert ied.counts.unanswered == 1
        client.close()

    play(story, operate_21=None)


def test_a_command_whose_client_is_gone_does_not_answer_for_the_next_one() -> None:
    async def story(ied: IedProcess, plant: Plant) -> None:
        gone = await client_of(ied)
        threading.Thread(target=_left_alone, args=(gone, 22.0), daemon=True).start()
        await plant.left_open.wait()
        gone.association.close()
        while ied.counts.connections or not ied.counts.connected:
            await ied.show((), (), (), ())
        ied.answer(plant.open[0], TAKEN)
        client = await client_of(ied)
        refusal = await asyncio.to_thread(client.operate, 13.0)
        assert refusal is not None, "it is the first one that was taken"
        assert refusal.cause == PROCESS
        assert plant.came[-1] == ("operate", 13.0)
        await ied.show((), (), (), ())
        assert (ied.counts.taken, ied.counts.refused) == (1, 1)
        client.close()

    play(story, operate_22=None, operate_13=PROCESS)


def _left_alone(client: Client, value: float) -> None:
    with suppress(LibraryError, queue.Empty):
        client.operate(value)


def test_an_object_that_the_plant_does_not_have_says_so() -> None:
    async def story(ied: IedProcess, plant: Plant) -> None:
        association, _ = await asyncio.to_thread(
            lambda: associated(HOST, ied.port, connect_s=5.0, request_s=5.0)
        )
        kind = association.type_of("B1FD1", "XCBR1$CO$BlkOpn$Oper$ctlVal")
        control = ControlObject(association, "B1FD1/XCBR1.BlkOpn")
        with pytest.raises(ControlRefusedError) as refusal:
            await asyncio.to_thread(control.operate, kind, 1, Checks(), print)
        assert refusal.value.cause == NOT_SUPPORTED
        assert plant.came == [("check", True)], "normal security: refused before it is operated"
        control.close()
        association.close()

    play(story, check_1=NOT_SUPPORTED)


def test_the_ied_ends_with_its_plant() -> None:
    async def story(ied: IedProcess, _: Plant) -> None:
        ied.writer.close()
        assert await ied.process.wait() == 0

    play(story)
