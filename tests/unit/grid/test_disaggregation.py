"""A request at the interface becomes setpoints that add up to it, fairly and without rebound."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.congestion.disaggregation import (
    TOLERANCE,
    Contributor,
    Disaggregation,
    Request,
    disaggregate,
)

AMPERE_W = 690.0


def heat_pump(name: str, present_w: float | None = 6000.0, weight: float = 1.0) -> Contributor:
    return Contributor(name, present_w, lowest_w=2000.0, highest_w=6000.0, weight=weight)


def charger(name: str, amperes: float = 16.0) -> Contributor:
    """Whole amperes; 7 A are the 4.2 kW of 14a EnWG, rounded up."""
    power = amperes * AMPERE_W
    return Contributor(name, power, 7 * AMPERE_W, power, step_w=AMPERE_W)


def roof(name: str, feeds_in_w: float = 8000.0) -> Contributor:
    return Contributor(name, -feeds_in_w, -feeds_in_w, 0.0)


def changes(found: Disaggregation) -> dict[str, float]:
    return {part.name: pytest.approx(part.change_w) for part in found.parts}


def test_alike_devices_give_alike_and_exactly_what_is_asked() -> None:
    found = disaggregate(Request(change_w=-3000.0), [heat_pump(n) for n in "abc"])
    assert changes(found) == {"a": -1000.0, "b": -1000.0, "c": -1000.0}
    assert [part.setpoint_w for part in found.parts] == pytest.approx([5000.0] * 3)
    assert (found.given_w, found.shortfall_w, found.reason) == (pytest.approx(-3000.0), 0.0, "")
    assert found.fairness == pytest.approx(1.0)


def test_the_sum_may_be_asked_for_instead_of_the_change() -> None:
    found = disaggregate(Request(sum_w=9000.0), [heat_pump("a"), heat_pump("b")])
    assert sum(part.setpoint_w for part in found.parts) == pytest.approx(9000.0)
    assert found.asked_w == pytest.approx(-3000.0)


def test_a_heavier_weight_gives_less_and_who_is_at_his_floor_leaves_the_rest_to_others() -> None:
    devices = [heat_pump("light"), heat_pump("heavy", weight=3.0)]
    assert changes(disaggregate(Request(change_w=-4000.0), devices)) == {
        "light": -3000.0,
        "heavy": -1000.0,
    }
    found = disaggregate(Request(change_w=-6000.0), devices)
    assert changes(found) == {"light": -4000.0, "heavy": -2000.0}
    assert found.shortfall_w == 0.0


def test_beyond_all_floors_the_shortfall_is_said_with_its_amount() -> None:
    found = disaggregate(Request(change_w=-20_000.0), [heat_pump("a"), heat_pump("b")])
    assert found.given_w == pytest.approx(-8000.0)
    assert found.shortfall_w == pytest.approx(12_000.0)
    assert found.reason == (
        "all devices together can give 8.0 kW of 20.0 kW: floors and ratings hold"
    )


def test_the_least_feed_in_of_the_tso_is_kept() -> None:
    roofs = [roof("a"), roof("b")]
    found = disaggregate(Request(change_w=12_000.0, least_feed_in_w=10_000.0), roofs)
    assert sum(part.setpoint_w for part in found.parts) == pytest.approx(-10_000.0)
    assert found.shortfall_w == pytest.approx(6000.0)
    assert found.reason == "the least feed-in of 10 kW is kept"
    free = disaggregate(Request(change_w=5000.0, least_feed_in_w=10_000.0), roofs)
    assert free.shortfall_w == 0.0


def test_a_device_that_nobody_measures_is_left_alone_and_named() -> None:
    found = disaggregate(Request(change_w=-2000.0), [heat_pump("a"), heat_pump("b", None)])
    assert changes(found) == {"a": -2000.0}
    assert found.unknown == ("b",)


def test_whole_amperes_add_up_within_one_percent() -> None:
    devices = [charger(f"ev-{n}") for n in range(40)]
    found = disaggregate(Request(change_w=-100_000.0), devices)
    assert abs(found.given_w + 100_000.0) <= TOLERANCE * 100_000.0
    assert all(
        math.isclose(part.setpoint_w / AMPERE_W, round(part.setpoint_w / AMPERE_W))
        for part in found.parts
    )
    assert found.fairness is not None
    assert found.fairness > 0.95


def test_steps_too_coarse_for_an_amount_are_a_shortfall_in_words() -> None:
    found = disaggregate(Request(change_w=-300.0), [charger("ev")])
    assert (found.parts, found.given_w, found.shortfall_w) == ((), 0.0, 300.0)
    assert found.reason == "the devices' steps are too coarse for the amount"


def test_the_ends_are_staggered_so_that_power_returns_evenly() -> None:
    request = Request(change_w=-16_000.0, duration_s=900.0, spread_s=400.0)
    found = disaggregate(request, [heat_pump(n) for n in "abcd"])
    ends = sorted(part.ends_after_s for part in found.parts)
    assert ends == pytest.approx([900.0, 1000.0, 1100.0, 1200.0])


@pytest.mark.parametrize(
    ("request_", "devices", "words"),
    [
        (Request(), [], "either change_w or sum_w"),
        (Request(change_w=1.0, sum_w=1.0), [], "either change_w or sum_w"),
        (Request(change_w=math.nan), [], "change_w is nan"),
        (Request(change_w=1.0, least_feed_in_w=-1.0), [], "not negative"),
        (Request(change_w=1.0), [heat_pump("a"), heat_pump("a")], "'a': it is named twice"),
        (Request(change_w=1.0), [Contributor("x", math.inf, 0, 1)], "device 'x'"),
        (Request(change_w=1.0), [Contributor("x", 1.0, 2.0, 1.0)], "is no range"),
        (Request(change_w=1.0), [Contributor("x", 1.0, 0, 1, weight=0.0)], "must be positive"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    request_: Request, devices: list[Contributor], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        disaggregate(request_, devices)


DEVICES = st.lists(
    st.tuples(
        st.floats(0, 10_000), st.floats(0, 10_000), st.floats(0, 1), st.floats(0.1, 10)
    ),
    min_size=1,
    max_size=30,
)  # fmt: skip


@given(DEVICES, st.floats(-50_000, 50_000))
def test_setpoints_are_within_their_ranges_and_add_up_or_say_what_is_missing(
    drawn: list[tuple[float, float, float, float]], change_w: float
) -> None:
    devices = [
        Contributor(f"d{n}", low + share * width, low, low + width, weight)
        for n, (low, width, share, weight) in enumerate(drawn)
    ]
    found = disaggregate(Request(change_w=change_w), devices)
    ranges = {one.name: one for one in devices}
    for part in found.parts:
        one = ranges[part.name]
        assert one.lowest_w - 1e-6 <= part.setpoint_w <= one.highest_w + 1e-6
        assert part.change_w * change_w >= 0
    given_w = sum(part.change_w for part in found.parts)
    assert given_w == pytest.approx(found.given_w)
    missing_w = abs(change_w - given_w)
    if found.shortfall_w:
        room_w = sum(
            (o.present_w or 0) - o.lowest_w if change_w < 0 else o.highest_w - (o.present_w or 0)
            for o in devices
        )
        assert found.reason
        assert found.shortfall_w == pytest.approx(missing_w)
        assert abs(given_w) == pytest.approx(room_w, abs=1e-3)
    else:
        assert missing_w <= TOLERANCE * abs(change_w) + 1e-6
