"""Who may ask for less, who is named for it, until when, and how a limit comes back afterwards."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from feeder_loop import AMPERES, EV, NS, Feeder, Played

from ortsnetz_common.link.messages import Setpoint, SetpointSource
from ortsnetz_edge.control.arbitration import PRECEDENCE, Claim, arbitrate

FIRST_TO_LAST = [
    SetpointSource.SAFETY,
    SetpointSource.FALLBACK,
    SetpointSource.RESPONSE,
    SetpointSource.OPERATOR,
    SetpointSource.TSO,
    SetpointSource.MARKET,
]


def order(source: SetpointSource, ampere: float, until_s: float | None = None) -> Claim:
    until_ns = None if until_s is None else round(until_s * NS)
    return Claim(source, ampere * 690.0, f"asked by {source.name}", until_ns=until_ns)


def alone(base_w: float = 0.0) -> Feeder:
    """One charge point at a feeder that carries it and 12 kW more."""
    feeder = Feeder([Played(EV, AMPERES, lambda _now: EV.rated_w)], 24e3, lambda _now: base_w)
    feeder.seconds(30)
    return feeder


def setpoint(feeder: Feeder) -> Setpoint:
    assert feeder.verdict is not None
    return feeder.verdict.setpoints[0]


def test_every_source_has_its_place() -> None:
    assert sorted(PRECEDENCE, key=PRECEDENCE.__getitem__) == [
        *FIRST_TO_LAST,
        SetpointSource.NONE,
    ]
    assert set(PRECEDENCE) == set(SetpointSource)


@pytest.mark.parametrize(("first", "second"), list(combinations(FIRST_TO_LAST, 2)))
def test_of_equal_limits_the_first_in_the_table_is_named(
    first: SetpointSource, second: SetpointSource
) -> None:
    claims = [order(second, 10.0, until_s=99.0), order(first, 10.0)]
    assert arbitrate(EV, claims).source is first
    assert arbitrate(EV, claims[::-1]).source is first


@pytest.mark.parametrize("source", FIRST_TO_LAST)
def test_the_lowest_limit_wins_whoever_asks_for_it(source: SetpointSource) -> None:
    others = [order(other, 12.0) for other in FIRST_TO_LAST if other is not source]
    winner = arbitrate(EV, [*others, order(source, 11.0)])
    assert (winner.source, winner.limit_w) == (source, 11 * 690.0)


def test_two_orders_below_the_floor_are_equal_and_the_floor_holds() -> None:
    winner = arbitrate(EV, [order(SetpointSource.MARKET, 0.0), order(SetpointSource.OPERATOR, 3.0)])
    assert (winner.source, winner.limit_w) == (SetpointSource.OPERATOR, EV.floor_w)


def test_an_override_is_seen_with_who_why_and_until_when() -> None:
    feeder = alone()
    feeder.external = {"ev": (order(SetpointSource.OPERATOR, 10.0, until_s=3600.0),)}
    feeder.second()
    seen = setpoint(feeder)
    assert seen.source is SetpointSource.OPERATOR
    assert seen.until_ns == 3600 * NS
    assert "asked by OPERATOR (until 1970-01-01T01:00:00" in seen.reason
    assert seen.limit_w == 10 * 690.0
    assert feeder.verdict is not None
    assert feeder.verdict.writes[0].setpoint == seen


def test_when_an_order_ends_the_limit_comes_back_by_the_rules() -> None:
    feeder = alone()
    feeder.external = {"ev": (order(SetpointSource.TSO, 7.0, until_s=60.0),)}
    feeder.seconds(29)
    assert feeder.amounts()["ev"] == 7.0
    feeder.external = {}
    amounts = []
    for _ in range(40):
        feeder.second()
        amounts.append(feeder.amounts()["ev"])
    assert amounts[:5] == [7.0] * 5
    assert amounts[-1] == 16.0
    assert max(late - early for early, late in pairwise(amounts)) <= 2.0
    assert setpoint(feeder).source is SetpointSource.NONE


def test_an_order_never_lifts_what_safety_asks_for() -> None:
    feeder = alone(base_w=17e3)
    safe = feeder.amounts()["ev"]
    assert safe < 16.0
    feeder.external = {"ev": (order(SetpointSource.OPERATOR, 16.0, until_s=3600.0),)}
    feeder.seconds(30)
    assert feeder.amounts()["ev"] == safe
    assert setpoint(feeder).source is SetpointSource.SAFETY


def test_an_order_lowers_without_a_verified_state_and_its_end_raises_nothing() -> None:
    feeder = alone()
    feeder.verified = False
    feeder.external = {"ev": (order(SetpointSource.MARKET, 8.0, until_s=45.0),)}
    feeder.second()
    assert feeder.amounts()["ev"] == 8.0
    feeder.external = {}
    feeder.seconds(20)
    assert feeder.amounts()["ev"] == 8.0
    feeder.verified = True
    feeder.seconds(30)
    assert feeder.amounts()["ev"] == 16.0


def test_an_order_at_the_start_is_written_before_the_first_verified_state() -> None:
    feeder = Feeder([Played(EV, AMPERES, lambda _now: EV.rated_w)], 24e3)
    feeder.verified = False
    feeder.seconds(2)
    assert feeder.verdict is not None
    assert not feeder.verdict.writes
    feeder.external = {"ev": (order(SetpointSource.OPERATOR, 9.0),)}
    feeder.second()
    assert [write.amount for write in feeder.verdict.writes] == [9.0]


def test_a_raise_that_the_device_did_not_take_is_not_tried_again_without_a_state() -> None:
    feeder = alone()
    feeder.external = {"ev": (order(SetpointSource.OPERATOR, 10.0),)}
    feeder.seconds(20)
    feeder.external, feeder.refuses = {}, True
    feeder.seconds(9)
    assert feeder.amounts()["ev"] > 10.0  # meant, and never taken
    feeder.verified = False
    for _ in range(25):
        feeder.second()
        assert feeder.verdict is not None
        assert all(write.amount <= 10.0 for write in feeder.verdict.writes)
    assert feeder.amounts()["ev"] == 10.0
