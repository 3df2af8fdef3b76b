"""Writing set points besides limits: one that hangs, refuses or errs costs nobody else anything."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import cast

from ortsnetz_edge.acquisition.notices import Notices
from ortsnetz_edge.control.adjusting import Begun, adjust_all, adjust_notices
from ortsnetz_edge.control.adjustment import UNCONFIRMED_S, Adjustment, AdjustmentControl
from ortsnetz_edge.drivers.contract import (
    Adjustable,
    Driver,
    DriverError,
    FailureKind,
    LimitOnly,
    Quantity,
)

Q = Quantity.REACTIVE_POWER
DEADLINE_S = 0.2


class Takes:
    """Takes what it is told."""

    def __init__(self) -> None:
        self.told: list[float] = []

    async def adjust(self, quantity: Quantity, value: float) -> None:
        assert quantity is Q
        self.told.append(value)


class Hangs(Takes):
    async def adjust(self, quantity: Quantity, value: float) -> None:
        await super().adjust(quantity, value)
        await asyncio.sleep(60)


class Refuses(Takes):
    async def adjust(self, quantity: Quantity, value: float) -> None:
        raise DriverError(FailureKind.REFUSED, f"{quantity}: not {value}")


class Errs(Takes):
    async def adjust(self, quantity: Quantity, value: float) -> None:
        del quantity
        self.told.append(value / 0)


def written(
    drivers: Mapping[str, object], busy: tuple[str, ...] = ()
) -> tuple[set[str], Counter[str]]:
    """Who has confirmed, and what was counted."""
    counters: Counter[str] = Counter()
    due = [Adjustment(name, Q, 100.0, "because") for name in drivers]
    notices: Notices = adjust_notices()
    confirmed = asyncio.run(
        adjust_all(
            due,
            cast("Mapping[str, Driver]", drivers),
            counters,
            deadline_s=DEADLINE_S,
            notices=notices,
            busy=busy,
        )
    )
    return {one.device for one in confirmed}, +counters


def test_what_is_confirmed_is_said_and_the_rest_is_counted() -> None:
    drivers = {"a": Takes(), "hangs": Hangs(), "refuses": Refuses(), "errs": Errs(), "b": Takes()}
    confirmed, counters = written(drivers)
    assert confirmed == {"a", "b"}
    assert counters == {"adjustments_late": 1, "adjustments_failed": 2, "adjustments_written": 2}


def test_a_device_with_a_limit_on_its_way_is_left_alone() -> None:
    busy, free = Takes(), Takes()
    confirmed, _ = written({"busy": busy, "free": free}, busy=("busy",))
    assert (confirmed, busy.told, free.told) == ({"free"}, [], [100.0])


def test_behind_a_driver_that_does_not_let_go_nothing_piles_up() -> None:
    class Clings(Takes):
        async def adjust(self, quantity: Quantity, value: float) -> None:
            await super().adjust(quantity, value)
            until = asyncio.get_running_loop().time() + 3 * DEADLINE_S
            while asyncio.get_running_loop().time() < until:
                try:
                    await asyncio.sleep(3 * DEADLINE_S)
                except asyncio.CancelledError:
                    continue

    async def cycles() -> list[float]:
        clings, unended = Clings(), dict[str, Begun]()
        for _ in range(2):
            await adjust_all(
                [Adjustment("x", Q, 1.0, "because")],
                cast("Mapping[str, Driver]", {"x": clings}),
                Counter(),
                deadline_s=DEADLINE_S,
                notices=adjust_notices(),
                unended=unended,
            )
        before = list(clings.told)
        await asyncio.wait([one.task for one in unended.values()])
        return before

    assert asyncio.run(cycles()) == [1.0]


def test_a_device_slower_than_its_share_of_a_cycle_is_told_all_the_same() -> None:
    """Identity, scale, value and switch are four answers over a slow line."""

    class Slow(Takes):
        async def adjust(self, quantity: Quantity, value: float) -> None:
            for _ in range(4):
                await asyncio.sleep(DEADLINE_S / 2)
            await super().adjust(quantity, value)

    async def cycles() -> list[str]:
        slow, unended, confirmed = Slow(), dict[str, Begun](), list[str]()
        async with asyncio.timeout(20):
            while not confirmed:
                found = await adjust_all(
                    [Adjustment("x", Q, 1.0, "because")],
                    cast("Mapping[str, Driver]", {"x": slow}),
                    Counter(),
                    deadline_s=DEADLINE_S,
                    notices=adjust_notices(),
                    unended=unended,
                )
                confirmed += [one.device for one in found]
                await asyncio.sleep(DEADLINE_S / 10)
        assert slow.told == [1.0]
        return confirmed

    assert asyncio.run(cycles()) == ["x"]


def test_what_is_never_confirmed_is_said_so() -> None:
    one = AdjustmentControl("x", Adjustable(Q, 10.0, -1e4, 1e4), 0, None, follows_s=4.0)
    for second in range(60):
        adjustment = one.due(3_000.0, "because", now=float(second))
        assert adjustment is not None
        assert one.unconfirmed(now=float(second)) == (second > UNCONFIRMED_S)
    one.written(adjustment, now=60.0)
    assert not one.unconfirmed(now=60.0)


def test_with_nothing_due_nothing_is_waited_for() -> None:
    assert written({}) == (set(), Counter())


def test_a_driver_that_takes_only_limits_says_so() -> None:
    confirmed, counters = written({"ev": LimitOnly()})
    assert confirmed == set()
    assert counters == {"adjustments_failed": 1}
