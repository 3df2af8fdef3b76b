"""Switching, taps, source voltage and failures of lines, on a street small enough to reckon.

6 ==MV cable 10== 0 --transformer 20-- 1 --line 11-- 2 --line 12-- 3
                                       |             |             |
                                    link 30          '--line 13--- 4 --tie 14 (open)
                                       5
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.plant import network_file, relaxation
from ortsnetz_hil.plant.events import (
    ClockStep,
    FuseBlown,
    NetworkEvent,
    OpenNeutral,
    Repaired,
    SourceVoltage,
    Switching,
    WrongPhase,
)
from ortsnetz_hil.plant.grid_changes import validate
from ortsnetz_hil.plant.power_flow import GridState, Injections, PowerFlow

MV_CABLE, L1, L2, L3, TIE, TRANSFORMER, LINK = 10, 11, 12, 13, 14, 20, 30
LOADED = (2, 3, 4, 5)
TURNED = np.exp(-1j * np.radians(150)) * np.exp(1j * np.radians([0, -120, 120]))  # Dyn5


def _line(line: int, ends: tuple[int, int], *, closed: bool = True, ohm: float) -> dict[str, Any]:
    return {
        "id": line, "from_node": ends[0], "to_node": ends[1],
        "from_status": int(closed), "to_status": int(closed), "r1": ohm, "x1": ohm / 3,
        "c1": 0.0, "tan1": 0.0, "r0": 4 * ohm, "x0": ohm, "c0": 0.0, "tan0": 0.0, "i_n": 250.0,
    }  # fmt: skip


def street(kind: int = 0, ohm: float = 0.02) -> network_file.PlantNetwork:
    """The street; `kind` is the type of its loads, `ohm` the resistance of a line."""
    nodes = [{"id": node, "u_rated": 20e3 if node in {0, 6} else 400.0} for node in range(7)]
    transformer = {
        "id": TRANSFORMER, "from_node": 0, "to_node": 1, "from_status": 1, "to_status": 1,
        "u1": 20e3, "u2": 400.0, "sn": 400e3, "uk": 0.04, "pk": 4000.0, "i0": 0.0, "p0": 0.0,
        "winding_from": 2, "winding_to": 1, "clock": 5, "tap_side": 0, "tap_pos": 0,
        "tap_min": -2, "tap_max": 2, "tap_nom": 0, "tap_size": 500.0,
    }  # fmt: skip
    link = {"id": LINK, "from_node": 1, "to_node": 5, "from_status": 1, "to_status": 1}
    document = {
        "version": "1.0", "type": "input", "is_batch": False, "attributes": {},
        "data": {
            "node": nodes,
            "line": [
                _line(MV_CABLE, (6, 0), ohm=0.1),
                _line(L1, (1, 2), ohm=ohm),
                _line(L2, (2, 3), ohm=ohm),
                _line(L3, (4, 2), ohm=ohm),  # its "to" end is the supplied one
                _line(TIE, (4, 3), ohm=ohm, closed=False),
            ],
            "link": [link],
            "transformer": [transformer],
            "source": [{"id": 40, "node": 6, "status": 1, "u_ref": 1.0, "sk": 1e12}],
            "asym_load": [
                {"id": 50 + node, "node": node, "status": 1, "type": kind,
                 "p_specified": [0.0] * 3, "q_specified": [0.0] * 3}
                for node in LOADED
            ],
        },
    }  # fmt: skip
    return network_file.parse(json.dumps(document), "a street")


def drawing(watts: dict[int, list[float]]) -> Injections:
    """Loads of nodes, W per local phase."""
    power = np.array([watts.get(node, [0.0] * 3) for node in LOADED], float)
    none = np.empty((0, 3))
    return Injections(power, 0.2 * power, none, none)


EVERYBODY = drawing(
    {2: [3e3, 1e3, 2e3], 3: [5e3, 2e3, 4e3], 4: [1e3, 6e3, 0.0], 5: [2e3, 2e3, 2e3]}
)


def solved(
    *events: NetworkEvent, injections: Injections = EVERYBODY, flow: PowerFlow | None = None
) -> GridState:
    flow = flow or PowerFlow(street())
    for event in events:
        flow.apply(event, event.at_s)
    state = flow.solve(injections)
    assert state.balance < 1e-6
    return state


def test_a_blown_fuse_takes_its_phase_from_all_that_is_behind_and_from_nothing_else() -> None:
    state = solved(FuseBlown(0.0, L1, "b"))
    assert (state.u_pu[[2, 3, 4], 1] == 0).all()
    assert (state.u_pu[[0, 1, 5, 6]] > 0.9).all()
    assert (state.u_pu[[2, 3, 4]][:, [0, 2]] > 0.9).all()
    assert state.load_s[:, 1] == pytest.approx([0, 0, 0, 2e3 + 400j])  # node 5 is not behind
    assert abs(state.lines.i_from[1, 1]) < 1e-9


def test_the_phases_that_are_left_carry_what_they_carried_without_customers_on_the_lost_one() -> (
    None
):
    cut = solved(FuseBlown(0.0, L1, "b"))
    power = EVERYBODY.load_p.copy()
    power[:3, 1] = 0.0
    none = np.empty((0, 3))
    without = solved(injections=Injections(power, 0.2 * power, none, none))
    live = cut.u_pu > 0
    assert cut.u_pu[live] == pytest.approx(without.u_pu[live], abs=1e-12)


def test_fuses_of_several_lines_hold_together_until_each_is_repaired() -> None:
    flow = PowerFlow(street())
    first = solved(FuseBlown(0, L2, "a"), FuseBlown(1, L3, "c"), FuseBlown(2, L3, "b"), flow=flow)
    assert np.argwhere(first.u_pu == 0).tolist() == [[3, 0], [4, 1], [4, 2]]
    second = solved(Repaired(3, L3), flow=flow)
    assert np.argwhere(second.u_pu == 0).tolist() == [[3, 0]]
    third = solved(Repaired(4, L2), flow=flow)
    assert (third.u_v == solved().u_v).all()


def test_a_switch_over_to_the_tie_brings_the_phase_back() -> None:
    flow = PowerFlow(street())
    lost = solved(FuseBlown(0, L2, "a"), flow=flow)
    assert lost.u_pu[3, 0] == 0
    over = solved(Switching(5, L2, closed=False), Switching(6, TIE, closed=True), flow=flow)
    assert over.u_pu[3, 0] > 0.9
    assert abs(over.load_s[1, 0]) == pytest.approx(abs(5e3 + 1e3j))


def test_the_tie_cannot_close_a_loop_over_a_blown_fuse() -> None:
    flow = PowerFlow(street())
    before = solved(FuseBlown(0, L2, "a"), flow=flow)
    with pytest.raises(InputError, match=r"event switch at 9 s: line 12 lies in a loop"):
        flow.apply(Switching(9, TIE, closed=True), 9)
    assert (flow.solve(EVERYBODY).u_v == before.u_v).all()  # nothing has changed


@pytest.mark.parametrize("order", ["bac", "bca", "cab", "acb", "cba"])
@pytest.mark.parametrize("line", [L1, L3])
def test_behind_swapped_cores_everybody_is_on_another_phase(line: int, order: str) -> None:
    state = solved(WrongPhase(0, line, order))
    phases = ["abc".index(letter) for letter in order]
    behind = [2, 3, 4] if line == L1 else [4]
    power = EVERYBODY.load_p.copy()
    for row, node in enumerate(LOADED):
        if node in behind:
            power[row, phases] = EVERYBODY.load_p[row]
    none = np.empty((0, 3))
    rewired = solved(injections=Injections(power, 0.2 * power, none, none))
    assert state.u_v == pytest.approx(rewired.u_v, abs=1e-9)
    assert state.local_u_v[behind] == pytest.approx(rewired.u_v[behind][:, phases], abs=1e-9)
    others = [node for node in range(7) if node not in behind]
    assert (state.local_u_v[others] == state.u_v[others]).all()
    assert state.load_s == pytest.approx(EVERYBODY.load_p * (1 + 0.2j))  # as customers see it


def test_cores_swapped_twice_are_at_their_places_again() -> None:
    state = solved(WrongPhase(0, L1, "bca"), WrongPhase(0, L2, "cab"))
    assert (state.local_u_v[3] == state.u_v[3]).all()
    assert not (state.local_u_v[2] == state.u_v[2]).any()


def test_a_fuse_behind_swapped_cores_is_named_by_the_phase_on_its_own_line() -> None:
    state = solved(WrongPhase(0, L1, "bca"), FuseBlown(0, L2, "a"))
    assert np.argwhere(state.u_v == 0).tolist() == [[3, 1]]  # network phase b
    assert np.argwhere(state.local_u_v == 0).tolist() == [[3, 0]]
    assert state.load_s[1, 0] == 0


def test_an_open_neutral_leaves_the_star_point_where_the_admittances_put_it() -> None:
    # one customer of impedances behind a line without impedance worth mentioning
    watts, earth = np.array([6e3, 1e3, 2e3]), 40.0
    flow = PowerFlow(street(kind=1, ohm=1e-6))
    flow.apply(OpenNeutral(0, L2, earth), 0)
    power = drawing({3: list(watts)})
    state = flow.solve(power)
    admittance = watts * (1 - 0.2j) / 230.94**2  # P - jQ over U^2
    supply = state.u_v[2]  # before the line
    star = (supply * admittance).sum() / (admittance.sum() + 1 / earth)
    assert state.u_v[3] == pytest.approx(supply - star, abs=0.05)
    assert abs(star) > 50
    assert state.balance < 1e-6


def test_a_good_earth_is_nearly_as_good_as_a_neutral_and_repair_is_better() -> None:
    flow = PowerFlow(street())
    healthy = solved(flow=flow).u_pu
    bad = solved(OpenNeutral(0, L1, 50.0), flow=flow).u_pu
    earthed = solved(OpenNeutral(0, L1, 0.05), flow=flow).u_pu
    repaired = solved(Repaired(0, L1), flow=flow).u_pu
    spread = [float(np.ptp(u[3])) for u in (bad, earthed, healthy)]
    assert spread[0] > 5 * spread[1] > 5 * spread[2]
    assert (repaired == healthy).all()


def test_taps_switches_and_source_voltage_outlive_an_open_neutral() -> None:
    flow = PowerFlow(street())
    flow.set_tap(TRANSFORMER, -2)
    idle = drawing({})
    state = solved(
        SourceVoltage(0, 0.97), Switching(0, L3, closed=False), OpenNeutral(0, L2, 80.0),
        flow=flow, injections=idle,
    )  # fmt: skip
    assert state.u_pu[3] == pytest.approx(0.97 / 0.95)
    assert not state.energized[4]


def test_the_source_follows_a_ramp_and_a_second_one_begins_where_it_is() -> None:
    flow, idle, seen = PowerFlow(street()), drawing({}), []
    flow.apply(SourceVoltage(10.0, 0.90, ramp_s=10.0), 100.0)  # the caller's clock
    for now_s in (100.0, 105.0):
        flow.advance(now_s)
        seen.append(flow.solve(idle).u_pu[6, 0])
    flow.apply(SourceVoltage(15.0, 1.05, ramp_s=4.0), 105.0)
    for now_s in (107.0, 109.0, 500.0):
        flow.advance(now_s)
        seen.append(flow.solve(idle).u_pu[6, 0])
    assert seen == pytest.approx([1.0, 0.95, 1.0, 1.05, 1.05])


@pytest.mark.parametrize(("position", "u_pu"), [(-2, 1 / 0.95), (0, 1.0), (2, 1 / 1.05)])
def test_a_tap_changer_changes_the_ratio(position: int, u_pu: float) -> None:
    flow = PowerFlow(street())
    flow.set_tap(TRANSFORMER, position)
    state = solved(flow=flow, injections=drawing({}))
    assert state.u_pu[1] == pytest.approx(u_pu)
    assert state.u_v[1] / np.abs(state.u_v[1]) == pytest.approx(TURNED)  # Dyn5 lags by 150 degrees


def test_what_is_switched_off_has_no_voltage_and_draws_nothing() -> None:
    flow = PowerFlow(street())
    before = solved(flow=flow)
    off = solved(Switching(0, L1, closed=False, side=Side.TO), flow=flow)
    assert off.energized.tolist() == [True, True, False, False, False, True, True]
    assert (off.u_v[[2, 3, 4]] == 0).all()
    assert (off.load_s[:3] == 0).all()
    assert off.load_s[3] == pytest.approx([2e3 + 400j] * 3)
    again = solved(Switching(0, L1, closed=True, side=Side.TO), flow=flow)
    assert (again.u_v == before.u_v).all()


def test_links_and_transformers_can_be_switched_too() -> None:
    flow = PowerFlow(street())
    assert not solved(Switching(0, LINK, closed=False), flow=flow).energized[5]
    assert solved(Switching(0, LINK, closed=True), flow=flow).energized[5]
    dark = solved(Switching(0, TRANSFORMER, closed=False), flow=flow)
    assert dark.energized.tolist() == [True, False, False, False, False, False, True]
    assert dark.source_s == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("source", [0.5, 0.7, 0.9, 1.1, 1.3])
def test_outside_its_band_a_load_is_the_impedance_that_it_is_at_the_edge(
    kind: int, source: float
) -> None:
    flow = PowerFlow(street(kind))
    state = solved(SourceVoltage(0, source), flow=flow, injections=drawing({2: [900.0, 600, 300]}))
    u = state.u_pu[2]
    exponent = {0: 0, 1: 2, 2: 1}[kind]
    edge = np.clip(u, 0.75, 1.2)
    expected = np.array([900.0, 600, 300]) * edge**exponent * (u / edge) ** 2
    assert state.load_s[0].real == pytest.approx(expected, rel=1e-6)


def test_a_network_that_cannot_carry_its_loads_sinks_instead_of_vanishing() -> None:
    power = drawing({3: [550e3, 700e3, 650e3]})
    state = solved(injections=power)
    assert 0 < state.u_pu[3].max() < 0.75
    assert (state.load_s[1].real < power.load_p[1]).all()


def test_loads_that_settle_nowhere_are_an_error_and_not_a_wrong_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relaxation, "_ROUNDS", 2)
    with pytest.raises(OrtsnetzError, match=r"found no solution: loads settle at no voltage"):
        solved(injections=drawing({3: [150e3, 200e3, 180e3]}))


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (FuseBlown(3, 99, "a"), "event fuse_blown at 3 s: the network has no line 99"),
        (FuseBlown(3, TRANSFORMER, "a"), "has no line 20"),
        (FuseBlown(3, L1, "d"), "phase is 'd'; it is a, b or c"),
        (FuseBlown(3, L1, ""), "phase is ''"),
        (FuseBlown(3, MV_CABLE, "a"), "line 10 has a transformer behind it"),
        (OpenNeutral(3, L1, 0.0), "earthing_ohm is 0, it must be positive"),
        (OpenNeutral(3, 98), "event open_neutral at 3 s: the network has no line 98"),
        (WrongPhase(3, L1, "abc"), "order is 'abc'; it names a, b and c in another order"),
        (WrongPhase(3, L1, "aab"), "order is 'aab'"),
        (Repaired(3, L1), "line 11 has no failure that could be repaired"),
        (SourceVoltage(3, 0.0), "event source_voltage at 3 s: u_pu is 0"),
        (SourceVoltage(3, 1.0, -1.0), "ramp_s is -1"),
        (Switching(3, 50, closed=False), "has no line, link or transformer 50"),
    ],
)
def test_an_event_that_does_not_fit_is_refused_by_name(event: NetworkEvent, message: str) -> None:
    with pytest.raises(InputError) as refused:
        validate(street(), [event])
    assert message in str(refused.value)
    with pytest.raises(InputError):
        PowerFlow(street()).apply(event, 0.0)


def test_a_run_is_checked_in_the_order_of_its_events() -> None:
    blown, closing = FuseBlown(10, L2, "a"), Switching(20, TIE, closed=True)
    with pytest.raises(InputError, match=r"event switch at 20 s: line 12 lies in a loop"):
        validate(street(), [closing, blown])
    repaired = Repaired(15, L2)
    validate(street(), [closing, blown, repaired, ClockStep(1.0, 30.0)])


def test_a_neutral_interrupted_behind_a_blown_fuse_is_refused() -> None:
    with pytest.raises(InputError, match=r"neutral of line 12 lies behind the blown fuse of .* 11"):
        validate(street(), [FuseBlown(0, L1, "a"), OpenNeutral(1, L2)])
    validate(street(), [FuseBlown(0, L2, "a"), OpenNeutral(1, L1), OpenNeutral(2, L2)])


@pytest.mark.parametrize(
    ("transformer", "position"), [(TRANSFORMER, 3), (TRANSFORMER, -3), (99, 0)]
)
def test_a_tap_position_that_does_not_exist_is_refused(transformer: int, position: int) -> None:
    with pytest.raises(InputError, match=rf"transformer {transformer}"):
        PowerFlow(street()).set_tap(transformer, position)
