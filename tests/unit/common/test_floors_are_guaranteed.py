"""Floors are rules: what a rule guarantees, no parameter set takes away.

Truth: examples that others published. NIBE: a heat pump of 19.7 kW keeps 7.88 kW (Netzrechner).
Dimplex: 4.2 kW between 4.2 and 11 kW, the rating times 0.4 above. DVhub: charge point and store
behind one energy manager keep 7.56 kW, with a heat pump 10.5 kW. elexon: 0.45 from nine on. The
remaining factors are the table of BNetzA BK6-22-300, Anlage 1, 4.5.2.
"""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters import parameter_set as ps
from ortsnetz_common.parameters.floors import (
    NO_FLOOR,
    SECTION_14A,
    FloorRule,
    guaranteed_floor_w,
    guaranteed_w,
)
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    SourcePseudo,
    Station,
    Unit,
)

CHARGER = Unit(DeviceKind.EV, 11_000.0)
STORE = Unit(DeviceKind.STORAGE, 5_000.0)
TSO = FloorRule("TSO minimum", share=0.1, kinds=(DeviceKind.PV,), source="request of the TSO")
SWISS = FloorRule("half of it", watts=3_000.0, share=0.5)


def heat_pump(rated_w: float) -> Unit:
    return Unit(DeviceKind.HEAT_PUMP, rated_w)


def a_device(kind: DeviceKind, rated_w: float, **further: object) -> Device:
    base = Device(
        name="it", kind=kind, profile="x", connection=Connection("modbus-tcp", "127.0.0.1", 1),
        element=9, phase_count=3, phases="abc", rated_w=rated_w, floor_w=0.0,
        floor_rule=SECTION_14A, reaction_s=5.0, fallback_w=rated_w, u_sigma=0.01, p_sigma=10.0,
    )  # fmt: skip
    return msgspec.structs.replace(base, **further)


def manager(*behind: Unit) -> Device:
    return a_device(DeviceKind.ENERGY_MANAGER, 60_000.0, behind=behind)


@pytest.mark.parametrize(
    ("kind", "rated_w"),
    [
        (DeviceKind.EV, 11_000.0),
        (DeviceKind.STORAGE, 11_000.0),
        (DeviceKind.HEAT_PUMP, 4_300.0),
        (DeviceKind.HEAT_PUMP, 10_500.0),
        (DeviceKind.LOAD, 10_500.0),
    ],
)
def test_a_device_that_is_controlled_by_itself_keeps_four_point_two_kilowatts(
    kind: DeviceKind, rated_w: float
) -> None:
    assert guaranteed_w(a_device(kind, rated_w)) == 4_200.0


def owed_together(ratings_w: list[float]) -> float:
    """All heat pumps behind one connection are one of the sum of their ratings (2.4.2, 4.5.1)."""
    together_w = sum(ratings_w)
    if together_w <= 4_200.0:
        return together_w  # not controllable: nobody may limit it (2.4.1)
    return 0.4 * together_w if together_w > 11_000.0 else 4_200.0


@pytest.mark.parametrize(
    ("ratings_w", "floors_w"),
    [
        ((11_000.0, 11_000.0), (4_400.0, 4_400.0)),  # 0.4 x 22 kW, and not 2 x 4.2 kW
        ((10_800.0, 10_800.0, 10_800.0), (4_320.0,) * 3),  # 0.4 x 32.4 kW
        ((11_000.0, 6_000.0), (4_400.0, 4_200.0)),  # more than 0.4 x 17 kW
        ((3_000.0, 3_000.0), (3_000.0, 3_000.0)),  # more than 4.2 kW; never beyond the rating
        ((3_000.0, 20_000.0), (3_000.0, 8_000.0)),  # more than 0.4 x 23 kW
    ],
)
def test_heat_pumps_with_controls_of_their_own_keep_what_they_are_owed_together(
    ratings_w: tuple[float, ...], floors_w: tuple[float, ...]
) -> None:
    found = [guaranteed_w(a_device(DeviceKind.HEAT_PUMP, rated_w)) for rated_w in ratings_w]
    assert found == pytest.approx(floors_w)
    assert sum(found) >= owed_together(list(ratings_w)) - 1e-6


@pytest.mark.parametrize("kind", [DeviceKind.HEAT_PUMP, DeviceKind.LOAD])
def test_no_heat_pumps_of_one_connection_keep_less_than_their_rule(kind: DeviceKind) -> None:
    some = random.Random(14)
    for _ in range(1_000):
        spans = some.choices([(500.0, 30_000.0), (10_400.0, 11_100.0)], k=some.randint(1, 6))
        ratings_w = [some.uniform(*span) for span in spans]
        found = sum(guaranteed_w(a_device(kind, rated_w)) for rated_w in ratings_w)
        assert found >= owed_together(ratings_w) - 1e-6, ratings_w


def test_a_heat_pump_that_is_alone_gets_little_more_than_its_rule() -> None:
    for rated_w in range(500, 30_000, 50):
        found = guaranteed_w(a_device(DeviceKind.HEAT_PUMP, float(rated_w)))
        assert 0 <= found - owed_together([float(rated_w)]) <= 200.0 + 1e-6


@pytest.mark.parametrize("kind", [DeviceKind.HEAT_PUMP, DeviceKind.LOAD])
def test_heat_pumps_and_cooling_above_eleven_kilowatts_keep_two_fifths(kind: DeviceKind) -> None:
    assert guaranteed_w(a_device(kind, 19_700.0)) == pytest.approx(7_880.0)


def test_a_large_charge_point_keeps_no_more_than_a_small_one() -> None:
    assert guaranteed_w(a_device(DeviceKind.EV, 22_000.0)) == 4_200.0


def test_nobody_is_guaranteed_more_than_the_rating() -> None:
    assert guaranteed_w(a_device(DeviceKind.EV, 3_680.0)) == 3_680.0


@pytest.mark.parametrize(
    ("number", "factor"),
    [(2, 0.80), (3, 0.75), (4, 0.70), (5, 0.65), (6, 0.60), (7, 0.55), (8, 0.50), (9, 0.45)],
)
def test_devices_behind_one_energy_manager_share_by_the_simultaneity_table(
    number: int, factor: float
) -> None:
    expected = 4_200.0 + (number - 1) * factor * 4_200.0
    assert guaranteed_w(manager(*[CHARGER] * number)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("behind", "watts"),
    [
        ((CHARGER, STORE), 7_560.0),
        ((CHARGER, STORE, heat_pump(9_000.0)), 10_500.0),
        # a depot: 0.4 x 14 kW + 5 x 0.6 x 4.2 kW
        ((heat_pump(14_000.0), *[CHARGER] * 4, STORE), 18_200.0),
        # three heat pumps of 5 kW are one of 15 kW; two of 3 kW are one of 6 kW (2.4.2)
        ((heat_pump(5_000.0),) * 3, 6_000.0),
        ((heat_pump(3_000.0),) * 2, 4_200.0),
        # the larger of heating and cooling, each a controllable device of its own
        ((heat_pump(12_000.0), Unit(DeviceKind.LOAD, 20_000.0)), 8_000.0 + 0.8 * 4_200.0),
        # 10.8 kW is not above 11 kW: 4.2 kW and not 4.32 kW
        ((heat_pump(10_800.0),), 4_200.0),
        # what draws no more than 4.2 kW is not controllable and is not counted (2.4.1)
        ((CHARGER, Unit(DeviceKind.EV, 3_700.0)), 4_200.0),
        (tuple([CHARGER] * 12), 4_200.0 + 11 * 0.45 * 4_200.0),
    ],
)
def test_published_examples_of_energy_managers(behind: tuple[Unit, ...], watts: float) -> None:
    assert guaranteed_w(manager(*behind)) == pytest.approx(watts)


@given(st.lists(st.sampled_from([CHARGER, STORE, heat_pump(8_000.0)]), min_size=1, max_size=12))
def test_one_more_charge_point_never_lowers_what_a_manager_keeps(behind: list[Unit]) -> None:
    room = {"rated_w": 1e6}
    before = guaranteed_w(msgspec.structs.replace(manager(*behind), **room))
    after = guaranteed_w(msgspec.structs.replace(manager(*behind, CHARGER), **room))
    assert after > before - 1e-6


@pytest.mark.parametrize(
    ("phases", "amperes"),
    [(1, 19), (3, 7)],  # 4.2 kW: 18.26 A and 6.09 A at 230 V
)
def test_whole_amperes_round_up(phases: int, amperes: int) -> None:
    rated_w = 32 * 230.0 * phases
    device = a_device(DeviceKind.EV, rated_w, phase_count=phases, step_a=1.0)
    assert guaranteed_floor_w(device) == amperes * 230.0 * phases


def test_a_charge_point_cannot_offer_less_than_six_amperes() -> None:
    device = a_device(DeviceKind.EV, 22_080.0, step_a=1.0, floor_rule="half of it")
    device = msgspec.structs.replace(device, rated_w=8 * 690.0)
    rule = FloorRule("half of it", watts=1_000.0)
    assert guaranteed_floor_w(device, (rule,)) == 6 * 690.0


def test_a_rule_of_the_set_gives_watts_or_a_share_whichever_is_more() -> None:
    def floor(rated_w: float) -> float:
        return guaranteed_w(a_device(DeviceKind.EV, rated_w, floor_rule="half of it"), (SWISS,))

    assert (floor(2_000.0), floor(4_000.0), floor(22_000.0)) == (2_000.0, 3_000.0, 11_000.0)


def test_curtailment_never_goes_below_the_tso_minimum_of_generation() -> None:
    roof = a_device(DeviceKind.PV, 30_000.0, floor_rule="TSO minimum")
    assert guaranteed_floor_w(roof, (TSO,)) == 3_000.0
    assert guaranteed_floor_w(msgspec.structs.replace(roof, floor_rule=NO_FLOOR), (TSO,)) == 0.0


def parsed(device: Device, *rules: FloorRule) -> ps.ParameterSet:
    station = Station((), (device,), (), SourcePseudo(1, 1.02, 0.01))
    whole = ps.ParameterSet(ps.SCHEMA, "ons-1", 1, "00", station, floor_rules=rules)
    return ps.parse(ps.canonical(whole), "set.json")


REFUSED = [
    (a_device(DeviceKind.EV, 22_080.0, floor_w=4_199.0), (),
     r"set\.json: device 'it': floor_w is 4199 W, and floor rule '14a EnWG' guarantees 4200 W"),
    (a_device(DeviceKind.HEAT_PUMP, 9e3, floor_w=4_200.0, step_w=0.0), (), "step_w is 0 W"),
    (a_device(DeviceKind.EV, 22_080.0, floor_w=4_200.0, step_a=1.0), (),
     r"guarantees 4830 W \(7 A on 3 of the phases\)"),
    (a_device(DeviceKind.HEAT_PUMP, 20_000.0, floor_w=4_200.0), (), "guarantees 8000 W"),
    (a_device(DeviceKind.ENERGY_MANAGER, 60e3, floor_w=7_000.0, behind=(CHARGER, STORE)), (),
     "guarantees 7560 W"),
    (a_device(DeviceKind.PV, 15e3, floor_rule="TSO minimum"), (TSO,), "guarantees 1500 W"),
    (a_device(DeviceKind.EV, 11e3, floor_rule="14 EnWG"), (SWISS,),
     "'14 EnWG' is unknown, take one of 14a EnWG, none, half of it"),
    (a_device(DeviceKind.EV, 11e3, floor_rule="TSO minimum"), (TSO,), "is made for pv"),
    (a_device(DeviceKind.PV, 11e3), (), "'14a EnWG' is about consumption"),
    (a_device(DeviceKind.ENERGY_MANAGER, 11e3), (), "fill in 'behind'"),
    (a_device(DeviceKind.ENERGY_MANAGER, 11e3, behind=(heat_pump(-1.0),)), (), "positive rating"),
    (a_device(DeviceKind.PV, 11e3, floor_rule=NO_FLOOR), (FloorRule("none", watts=1.0),),
     "floor rule 'none': the name is used twice or built in"),
    (a_device(DeviceKind.PV, 11e3, floor_rule=NO_FLOOR), (FloorRule("x", share=1.1),), "share 1.1"),
    (a_device(DeviceKind.PV, 11e3, floor_rule=NO_FLOOR), (FloorRule("x", watts=-1.0),), "watts"),
    (a_device(DeviceKind.PV, 11e3, floor_rule=NO_FLOOR), (FloorRule("x"),), "give watts or share"),
]  # fmt: skip


@pytest.mark.parametrize(("device", "rules", "words"), REFUSED)
def test_a_set_below_its_rule_or_without_sense_is_refused_in_words(
    device: Device, rules: tuple[FloorRule, ...], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        parsed(device, *rules)


@given(
    kind=st.sampled_from([DeviceKind.EV, DeviceKind.STORAGE, DeviceKind.HEAT_PUMP]),
    rated_w=st.floats(1_380.0, 60_000.0),
    step_a=st.sampled_from([None, 0.1, 1.0, 2.0]),
    phases=st.sampled_from([1, 3]),
)
def test_a_set_that_is_written_by_the_rule_is_taken(
    kind: DeviceKind, rated_w: float, step_a: float | None, phases: int
) -> None:
    device = a_device(kind, rated_w, step_a=step_a, phase_count=phases, phases="abc"[:phases])
    floor_w = guaranteed_floor_w(device)
    assert math.isfinite(floor_w)
    rounding = 1 + 1e-9  # what floating point may add to a whole number of steps
    assert min(rated_w, guaranteed_w(device)) <= floor_w * rounding
    assert floor_w <= rated_w
    parsed(msgspec.structs.replace(device, floor_w=floor_w))
