"""Most meters are hidden, or have fallen silent: the estimate still says how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
from studies.hidden_meters import NOWHERE, HiddenMeters, hidden_meters
from studies.pseudo_measurements import Outcome, estimate, outcome

from ortsnetz_common.measurement.reading import NOTHING, Reading
from ortsnetz_common.parameters.station import Device, DeviceKind, Meter, MeterRole, Station
from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.state_estimation.measurements import measurements_from
from ortsnetz_grid.functions.state_estimation.pseudo.ageing import (
    CUSTOMER_S,
    FORGOTTEN_S,
    LastKnown,
)
from ortsnetz_grid.functions.state_estimation.pseudo.customers import beliefs_about

SMALL = "1-LV-rural1--0-sw"
NETWORKS = (SMALL, "1-LV-rural2--0-sw", "1-LV-semiurb4--0-sw")
SEEDS = range(100, 116)


def outcomes(*, substation: bool, silent_quarters: int = 0) -> list[Outcome]:
    return [
        outcome(
            code,
            hidden_meters(
                code,
                seed,
                remaining=0.2,
                substation=substation,
                silent_quarters=silent_quarters,
            ),
        )
        for code in NETWORKS
        for seed in SEEDS
    ]


def share(parts: list[np.ndarray]) -> float:
    return float(np.mean(np.concatenate(parts)))


@pytest.mark.parametrize("substation", [True, False])
def test_with_four_of_five_meters_hidden_the_truth_lies_where_the_estimate_says(
    substation: bool,
) -> None:
    found = outcomes(substation=substation)
    assert 0.90 <= share([each.u_inside for each in found]) <= 0.995
    assert 0.90 <= share([each.loading_inside for each in found]) <= 0.995
    assert sum(each.removed for each in found) <= 2  # no meter is wrong


def test_a_quarter_of_an_hour_after_all_meters_fell_silent_the_doubt_is_still_true() -> None:
    found = outcomes(substation=True, silent_quarters=1)
    # the medium voltage jumps or does not, so that the deviation of all these cases is not normal
    assert 0.85 <= share([each.u_inside for each in found]) <= 0.995
    assert 0.90 <= share([each.loading_inside for each in found]) <= 0.995


@pytest.mark.parametrize("code", NETWORKS)
def test_fewer_meters_widen_the_doubt_and_never_end_the_estimate(code: str) -> None:
    doubts = []
    for remaining, substation in ((0.8, True), (0.2, True), (0.0, True), (0.0, False)):
        case = hidden_meters(code, 7, remaining=remaining, substation=substation)
        state = estimate(code, case)
        assert np.isfinite(state.u_pu).all()
        assert (state.u_sigma_pu > 0).all()
        assert (state.loading_sigma > 0).all()
        doubts.append((state.u_sigma_pu.mean(), state.loading_sigma.mean()))
    assert doubts == sorted(doubts)
    assert doubts[-1][0] > 3 * doubts[0][0]


@dataclass(frozen=True)
class Silence:
    """A street in which meters have fallen silent.

    Attributes:
        case: five minutes ago all of them said something.
        customer: one of the three-phase customers' meters.
        load: what it measures.
    """

    case: HiddenMeters
    customer: Meter
    load: int

    def last(self, age_s: float) -> dict[str, LastKnown]:
        return {name: LastKnown(each.reading, age_s) for name, each in self.case.last.items()}

    def measured(
        self, last: dict[str, LastKnown] | None, station: Station | None = None, **now: Reading
    ) -> Measurements:
        case = self.case
        return measurements_from(
            station or case.station,
            case.network,
            {name.replace("_", " "): reading for name, reading in now.items()},
            case.hour,
            last=last,
            believed=beliefs_about(case.customers, case.utc_s),
        )

    def power(self, found: Measurements, element: int) -> Any:
        array = found.sensors["asym_power_sensor"]
        (row,) = np.flatnonzero(array["measured_object"] == element)
        return array[row]

    def volts(self, found: Measurements, node: int) -> Any:
        array = found.sensors["asym_voltage_sensor"]
        return array[array["measured_object"] == node]


@pytest.fixture(scope="module")
def street() -> Silence:
    case = hidden_meters(SMALL, 5, remaining=0.5, substation=True, silent_quarters=1)
    customer = next(
        each
        for each in case.station.meters
        if each.role is MeterRole.CUSTOMER and len(each.phases) == 3
    )
    loads = case.network.data["asym_load"]
    return Silence(case, customer, int(loads["id"][loads["node"] == customer.element][0]))


def test_without_last_values_nothing_is_remembered(street: Silence) -> None:
    nothing, never = street.measured(None), street.measured({})
    for name, array in nothing.sensors.items():
        for column in array.dtype.names:
            np.testing.assert_array_equal(array[column], never.sensors[name][column])
    assert not any("old" in words for words in nothing.words.values())


def test_a_silent_customer_moves_from_its_last_value_to_its_class(street: Silence) -> None:
    last = sum(street.case.last[street.customer.name].reading.active_w)  # type: ignore[arg-type]
    profile = street.power(street.measured(None), street.load)["p_measured"].sum()
    found = [
        street.power(street.measured(street.last(age)), street.load)
        for age in (0.0, CUSTOMER_S, 50 * CUSTOMER_S)
    ]
    totals = [each["p_measured"].sum() for each in found]
    assert totals == pytest.approx([last, profile + (last - profile) / np.e, profile])
    doubts = [each["p_sigma"].sum() for each in found]
    assert doubts == sorted(doubts)


def test_what_is_old_is_called_so_and_counts_as_assumed(street: Silence) -> None:
    found = street.measured(street.last(300.0))
    sensor = int(street.power(found, street.load)["id"])
    assert found.words[sensor] == f"assumed power of '{street.customer.name}', 300 s old"
    assert sensor in found.pseudo
    for each in street.volts(found, street.customer.element):
        assert found.words[int(each["id"])] == f"voltage of '{street.customer.name}', 300 s old"
        assert int(each["id"]) in found.pseudo


def test_what_is_said_now_is_not_old(street: Silence) -> None:
    name = street.customer.name
    now = {name.replace(" ", "_"): street.case.last[name].reading}
    found = street.measured(street.last(300.0), **now)
    sensor = street.power(found, street.load)
    assert found.words[int(sensor["id"])] == f"power of '{name}'"
    assert sensor["p_sigma"].tolist() == [street.customer.p_sigma] * 3
    (volts,) = street.volts(found, street.customer.element)
    assert volts["u_sigma"] == pytest.approx(street.customer.u_sigma * 400 / 3**0.5)


def test_only_the_silent_terminal_is_old(street: Silence) -> None:
    name = street.customer.name
    said = street.case.last[name].reading
    partly = msgspec.structs.replace(said, active_w=(None, *said.active_w[1:]))
    found = street.measured(street.last(300.0), **{name.replace(" ", "_"): partly})
    sensor = street.power(found, street.load)
    silent = "abc".index(street.customer.phases[0])
    others = [each for each in range(3) if each != silent]
    assert sensor["p_sigma"][others].tolist() == [street.customer.p_sigma] * 2
    assert sensor["p_sigma"][silent] > street.customer.p_sigma
    assert sensor["p_measured"][silent] != pytest.approx(said.active_w[0])
    assert "300 s old" in found.words[int(sensor["id"])]


def test_old_voltages_widen_and_drop_out_and_many_of_them_are_not_surer_than_one(
    street: Silence,
) -> None:
    name, node = street.customer.name, street.customer.element
    minute, ten = (
        street.volts(street.measured(street.last(age)), node)["u_sigma"][0] for age in (60.0, 600.0)
    )
    assert street.customer.u_sigma * 400 / 3**0.5 < minute < ten
    alone = street.measured({name: street.last(600.0)[name]})
    assert street.volts(alone, node)["u_sigma"][0] < ten
    assert len(street.volts(street.measured(street.last(FORGOTTEN_S + 1)), node)) == 0


def test_only_the_silent_phase_of_a_voltage_is_old(street: Silence) -> None:
    name, node = street.customer.name, street.customer.element
    before = street.case.last[name].reading.voltage_v
    now = Reading(voltage_v=(None, 228.0, 229.0))
    (sensor,) = street.volts(
        street.measured({name: street.last(300.0)[name]}, **{name.replace(" ", "_"): now}), node
    )
    at = ["abc".index(phase) for phase in street.customer.phases]
    assert sensor["u_measured"][at].tolist() == [before[0], 228.0, 229.0]
    assert sensor["u_sigma"] > street.customer.u_sigma * 400 / 3**0.5


def test_only_the_silent_phase_of_a_flow_is_old(street: Silence) -> None:
    case = street.case
    meter, before = case.station.meters[0], case.last["transformer"].reading
    now = Reading(active_w=(1e3, None, 3e3), reactive_var=(10.0, 20.0, 30.0))
    sensor = street.power(street.measured(street.last(300.0), transformer=now), meter.element)
    assert sensor["p_measured"].tolist() == [1e3, before.active_w[1], 3e3]
    assert sensor["q_measured"].tolist() == [10.0, before.reactive_var[1], 30.0]
    assert sensor["p_sigma"][[0, 2]].tolist() == [meter.p_sigma] * 2
    assert sensor["p_sigma"][1] > meter.p_sigma


def test_an_old_flow_widens_and_drops_out_and_its_guard_stays_missing(street: Silence) -> None:
    case = street.case
    guard = msgspec.structs.replace(case.station.meters[0], guards=True)
    station = msgspec.structs.replace(case.station, meters=(guard, *case.station.meters[1:]))
    young, old, gone = (
        street.measured(street.last(age), station) for age in (60.0, 600.0, FORGOTTEN_S + 1)
    )
    doubts = [street.power(each, guard.element)["p_sigma"].min() for each in (young, old)]
    assert guard.p_sigma < doubts[0] < doubts[1]
    assert guard.element not in gone.sensors["asym_power_sensor"]["measured_object"]
    for each in (young, old, gone):
        assert each.missing_guards == ("transformer",)
    sensor = street.power(young, guard.element)
    assert young.words[int(sensor["id"])] == "power of 'transformer', 60 s old"
    assert int(sensor["id"]) in young.pseudo


def test_a_silent_device_is_not_believed_to_draw_more_than_a_new_limit_allows(
    street: Silence,
) -> None:
    unmetered = next(
        each.element
        for each in street.case.customers
        if each.kind == "household" and each.element != street.load
    )
    charger = Device(
        "charger", DeviceKind.EV, "none", NOWHERE, unmetered, 3, "abc", 11_000.0, 4200.0, "none",
        5.0, 4200.0, 0.004, 20.0,
    )  # fmt: skip
    case = street.case
    metered = tuple(
        each for each in case.station.meters if each.element != _node_of(case, unmetered)
    )
    station = msgspec.structs.replace(case.station, meters=metered, devices=(charger,))
    full = Reading(active_w=(3600.0, 3600.0, 3600.0), reactive_var=(0.0, 0.0, 0.0))
    last = {"charger": LastKnown(full, 60.0)}
    free = street.power(street.measured(last, station), unmetered)["p_measured"].sum()
    limited = street.measured(last, station, charger=Reading(limit_w=4200.0))
    assert free > 10_000
    assert street.power(limited, unmetered)["p_measured"].sum() <= 4200.0 * (1 + 1e-9)


def _node_of(case: HiddenMeters, element: int) -> int:
    loads = case.network.data["asym_load"]
    return int(loads["node"][loads["id"] == element][0])


def test_one_phase_of_a_voltage_counts_without_the_others(street: Silence) -> None:
    name, node = street.customer.name, street.customer.element
    said = street.case.last[name].reading
    single = Reading(voltage_v=(said.voltage_v[0], None, None), active_w=NOTHING)
    now = {name.replace(" ", "_"): single}
    (sensor,) = street.volts(street.measured(None, **now), node)
    phase = "abc".index(street.customer.phases[0])
    assert sensor["u_measured"][phase] == said.voltage_v[0]
    assert np.isnan(np.delete(sensor["u_measured"], phase)).all()
