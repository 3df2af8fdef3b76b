"""A single ampere is not worth a change of a limit, unless it lasts; less is never waited for."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from feeder_loop import AMPERES, EV, Feeder, Played, crowd

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_edge.control.amounts import Amounts

AMPERE_W = 690.0
CARS = 6
CAPACITY_W = 60e3


def asking(amperes: float) -> Reading:
    return Reading((230.0,) * 3, (0.0,) * 3, (0.0,) * 3, None, amperes * AMPERE_W)


@pytest.mark.parametrize(
    ("allowed", "present", "told"),
    [
        (10.9, 10.0, 10.0),  # not even one
        (11.9, 10.0, 10.0),  # one is not worth it
        (12.1, 10.0, 12.0),  # two are
        (9.9, 10.0, 9.0),  # less is never waited for
        (16.0, 15.0, 16.0),  # no limit at all is worth it
    ],
)
def test_a_raise_is_worth_two_amperes_and_a_lowering_one(
    allowed: float, present: float, told: float
) -> None:
    amounts = Amounts.of(EV, AMPERES)
    assert amounts.amount(allowed * AMPERE_W, asking(16.0), present) == told


def test_one_ampere_is_worth_it_where_the_car_asks_for_no_more() -> None:
    amounts = Amounts.of(EV, AMPERES)
    assert amounts.amount(11.5 * AMPERE_W, asking(10.8), 10.0) == 11.0
    assert amounts.amount(11.5 * AMPERE_W, asking(9.8), 10.0) == 10.0  # it has what it asks for


def street(base_w: float, swing_w: float, period_s: float) -> Feeder:
    """Cars on a feeder of which others draw a little more and a little less."""
    return Feeder(
        [Played(device, AMPERES, lambda _now: EV.rated_w) for device in crowd(CARS)],
        CAPACITY_W,
        lambda now: base_w + swing_w * math.sin(2 * math.pi * now / period_s),
    )


def test_cars_do_not_change_by_single_amperes_with_each_breath_of_the_street() -> None:
    feeder = street(10e3, 2.4e3, 24.0)  # about half an ampere of each car up and down
    feeder.seconds(120)
    log = []
    for _ in range(240):
        feeder.second()
        log.append(feeder.amounts())
    for name in log[0]:
        assert sum(early[name] != late[name] for early, late in pairwise(log)) <= 2
    assert max(feeder.drawn_w[120:]) <= CAPACITY_W


def test_an_ampere_that_is_free_for_long_is_given() -> None:
    feeder = street(14e3, 0.0, 1.0)
    feeder.seconds(60)
    before = feeder.amounts()
    feeder.base_w = lambda _now: 14e3 - 0.6 * CARS * AMPERE_W
    feeder.seconds(20)
    assert feeder.amounts() == before
    feeder.seconds(100)
    assert all(amount == before[name] + 1.0 for name, amount in feeder.amounts().items())
    assert max(feeder.drawn_w[60:]) <= CAPACITY_W


def test_what_the_street_takes_is_taken_from_the_cars_at_once() -> None:
    feeder = street(10e3, 0.0, 1.0)
    feeder.seconds(120)
    before = sum(feeder.amounts().values())
    feeder.base_w = lambda _now: 10e3 + 8 * AMPERE_W
    feeder.seconds(2)
    assert sum(feeder.amounts().values()) <= before - 6.0
