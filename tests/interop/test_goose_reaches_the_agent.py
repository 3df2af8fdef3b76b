"""What a bay multicasts reaches the agent at once, and is invalid when nobody repeats it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from goose_bench import (
    DEADLINE_S,
    POSITION,
    POSITION_QUALITY,
    STATES,
    TRIP,
    Bay,
    Listener,
    bay,
    listener,
    until,
)
from private_network import private_network, set_down, set_up

from ortsnetz_common.drivers.values import DriverError, FailureKind
from ortsnetz_common.measurement.quality import Quality, Validity, is_usable, validity

pytestmark = pytest.mark.interop
INVALID_REFERENCE = Quality.INVALID | Quality.BAD_REFERENCE | Quality.FAILURE


@pytest.fixture
def cable() -> Iterator[tuple[str, str]]:
    with private_network() as ends:
        yield ends


def test_what_the_bay_says_arrives_with_its_quality_and_time(cable: tuple[str, str]) -> None:
    async def listen() -> None:
        with bay(cable[1]) as made:
            async with listener(cable[0]) as agent:
                await until(lambda: agent.last.get("XCBR1.Pos") == (2.0, 0), "closed")
                scan = await agent.driver.scan()
                seen = agent.of(scan)
                assert [seen[f"voltage{n}"] for n in (1, 2, 3)] == [
                    (230.5, 0),
                    (231.25, 0),
                    (229.75, 0),
                ]
                assert seen["active_power1"] == (500.0, 0)
                assert seen["PTRC1.Tr"] == (0.0, 0)
                assert seen["XCBR1.OpCnt"] == (17.0, 0)
                assert seen["MMXU1.Hz"] == (None, INVALID_REFERENCE), "it does not travel"
                assert scan.held_s < 1.0
                made.tell(values={POSITION: 1}, time_ns=1_795_000_000_250_000_000)
                await until(lambda: agent.last["XCBR1.Pos"] == (1.0, 0), "open")
                scan = await agent.driver.scan()
                assert scan.value_times_ns is not None
                stamp = scan.value_times_ns[agent.names.index("XCBR1.Pos")]
                assert abs(stamp - 1_795_000_000_250_000_000) < 60, "one count is 60 ns"
                quality = Quality.QUESTIONABLE | Quality.OSCILLATORY | Quality.TEST
                made.tell(values={POSITION: 3, POSITION_QUALITY: int(quality)})
                await until(lambda: agent.last["XCBR1.Pos"] == (3.0, quality), "bad position")
                assert not is_usable(quality)

    asyncio.run(listen())


def test_a_publisher_that_is_killed_makes_its_points_invalid_until_it_is_back(
    cable: tuple[str, str],
) -> None:
    async def listen() -> None:
        with bay(cable[1]) as made:
            async with listener(cable[0]) as agent:
                await until(lambda: agent.last.get("PTRC1.Tr") == (0.0, 0), "good states")
                await until(lambda: agent.last.get("voltage1") == (230.5, 0), "good measurements")
                made.process.kill()
                await until(
                    lambda: all(
                        value is None and validity(quality) is Validity.INVALID
                        for value, quality in agent.last.values()
                    ),
                    "all invalid",
                )
                with pytest.raises(DriverError, match=r"no message within the \d+ ms") as failed:
                    await agent.driver.scan()
                assert failed.value.kind is FailureKind.TIMEOUT
                await until(
                    lambda: agent.driver.diagnose().counters.get("goose_expired") == 2,
                    "both streams counted as lost",
                )
                with bay(cable[1]):
                    await until(lambda: agent.last["PTRC1.Tr"] == (0.0, 0), "states believed again")
                    await until(lambda: agent.last["voltage1"] == (230.5, 0), "measured again")

    asyncio.run(listen())


def test_a_stream_that_is_lost_is_logged_once_and_so_is_its_return(
    cable: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    async def listen() -> None:
        with bay(cable[1]) as made:
            async with listener(cable[0]) as agent:
                for closed in (2, 1, 2):
                    made.tell(values={POSITION: closed})
                    await until(
                        lambda want=closed: agent.last.get("XCBR1.Pos") == (want, 0), "heard"
                    )
                made.tell(block="gcbStates", misbehaviour="stop")
                await until(lambda: agent.last["XCBR1.Pos"][0] is None, "lost")
                made.tell(misbehaviour="none")
                await until(lambda: agent.last["XCBR1.Pos"] == (2.0, 0), "back")

    asyncio.run(listen())
    said = capfd.readouterr().err
    lost, back = said.count(f"{STATES}: no message within"), said.count(f"{STATES} is back")
    assert lost == back >= 1, said


def test_an_interface_that_goes_down_and_comes_back_is_listened_to_again(
    cable: tuple[str, str],
) -> None:
    async def listen() -> None:
        with bay(cable[1]):
            async with listener(cable[0]) as agent:
                await until(lambda: agent.last.get("XCBR1.Pos") == (2.0, 0), "closed")
                set_down(cable[0])
                await until(lambda: agent.last["XCBR1.Pos"][0] is None, "lost")
                set_up(cable[0])
                await until(lambda: agent.last["XCBR1.Pos"] == (2.0, 0), "closed again")

    asyncio.run(listen())


WRONG = {
    "wrong-revision": "configuration revision 4 is sent, 3 expected",
    "needs-commissioning": "needs commissioning",
    "wrong-types": r"LD0/XCBR1.Pos.stVal\[ST\]: 1 values are sent, 3 expected",
    "stop": "no message within",
    "short-life": "no message within the 1 ms",
    "simulation": "no message within",
    "replay": "no message within",
}


def test_what_a_publisher_does_wrong_costs_its_points_alone(cable: tuple[str, str]) -> None:
    async def one(agent: Listener, made: Bay, misbehaviour: str, *, trip: bool) -> None:
        made.tell(block="gcbStates", misbehaviour=misbehaviour)
        await until(lambda: agent.last["XCBR1.Pos"][0] is None, f"invalid states: {misbehaviour}")
        await until(lambda: agent.last["voltage1"] == (230.5, 0), "measurements that go on")
        made.tell(block="gcbMeasured", misbehaviour="stop")
        await until(lambda: agent.last["voltage1"][0] is None, "invalid measurements")
        with pytest.raises(DriverError, match=WRONG[misbehaviour]):
            await _scan_until_it_fails(agent)
        made.tell(misbehaviour="none")
        made.tell(values={TRIP: trip})
        await until(lambda: agent.last["PTRC1.Tr"] == (float(trip), 0), "believed again")
        await until(lambda: agent.last["voltage1"] == (230.5, 0), "measured again")

    async def listen() -> None:
        with bay(cable[1]) as made:
            async with listener(cable[0]) as agent:
                await until(lambda: agent.last.get("voltage1") == (230.5, 0), "good measurements")
                await until(lambda: agent.last.get("XCBR1.Pos") == (2.0, 0), "closed")
                for number, misbehaviour in enumerate(WRONG):
                    await one(agent, made, misbehaviour, trip=number % 2 == 0)
                made.tell(block="gcbStates", misbehaviour="sequence-jump")
                await until(
                    lambda: agent.driver.diagnose().counters.get("goose_lost_messages", 0) >= 10,
                    "messages counted as lost",
                )
                await until(lambda: agent.last["XCBR1.Pos"] == (2.0, 0), "still closed")

    asyncio.run(listen())


def test_messages_of_a_test_set_count_where_the_station_says_so(cable: tuple[str, str]) -> None:
    async def listen() -> None:
        with bay(cable[1]) as made:
            made.tell(misbehaviour="simulation")
            async with listener(cable[0], "B1 simulation") as agent:
                await until(lambda: agent.last.get("XCBR1.Pos") == (2.0, 0), "simulated values")
                made.tell(misbehaviour="none")  # the device itself is not heard any more
                await until(lambda: agent.last["XCBR1.Pos"][0] is None, "lost")

    asyncio.run(listen())


async def _scan_until_it_fails(agent: Listener) -> None:
    """A message with a life of 1 ms is alive now and then."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            await agent.driver.scan()
