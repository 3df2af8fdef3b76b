"""From readings to sensors: who measures what, what is assumed and how wide."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
from power_grid_model import PowerGridModel

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    PseudoMeasurement,
    Side,
    SourcePseudo,
    Station,
)
from ortsnetz_grid.functions.state_estimation import (
    Estimator,
    Measurements,
    Settings,
    measurements_from,
)
from ortsnetz_grid.network.model import Network

NOWHERE = Connection(protocol="none", host="localhost", port=1)
LOAD, GENERATOR, TO_END, FROM_END = 4, 5, 1, 0


@dataclass(frozen=True)
class Street:
    """The hamlet with a charger and an inverter, its station, and what everybody really draws."""

    network: Network
    station: Station
    truth: dict[str, Any]

    def row(self, component: str, element: int) -> int:
        return self.network.row(component, element)

    def phases(self, component: str, element: int, name: str) -> np.ndarray:
        found: np.ndarray = self.truth[component][name][self.row(component, element)]
        return found

    def readings(self) -> dict[str, Reading]:
        """What exact meters and devices say."""
        found = {}
        for meter in self.station.meters:
            if meter.role is MeterRole.CUSTOMER:
                node = meter.element
                element = self.load_at(node)
                p, q = (self.phases("asym_load", element, name) for name in ("p", "q"))
            else:
                component = self.network.components[meter.element]
                side = meter.side.value if meter.side else ""
                p, q = (
                    self.phases(component, meter.element, f"{name}_{side}") for name in ("p", "q")
                )
                row = self.row(component, meter.element)
                node = int(self.network.data[component][f"{side}_node"][row])
            found[meter.name] = at_terminals(
                meter.phases, self.phases("node", node, "u"), p, q, None
            )
        for device in self.station.devices:
            component = self.network.components[device.element]
            sign = -1 if component == "asym_gen" else 1
            node = int(self.network.data[component]["node"][self.row(component, device.element)])
            found[device.name] = at_terminals(
                device.phases or "b",
                self.phases("node", node, "u"),
                sign * self.phases(component, device.element, "p"),
                sign * self.phases(component, device.element, "q"),
                device.rated_w,
            )
        return found

    def load_at(self, node: int) -> int:
        devices = {device.element for device in self.station.devices}
        loads = self.network.data["asym_load"]
        return next(
            int(each) for each in loads["id"][loads["node"] == node] if int(each) not in devices
        )


def at_terminals(
    phases: str, u: np.ndarray, p: np.ndarray, q: np.ndarray, limit: float | None
) -> Reading:
    order = ["abc".index(letter) for letter in phases]

    def seen(values: np.ndarray) -> Any:
        shown = [float(values[phase]) for phase in order]
        return tuple([*shown, None, None][:3])

    return Reading(seen(u), seen(p), seen(q), limit_w=limit, available_w=limit)


def device(name: str, kind: DeviceKind, element: int, phases: str | None, rated: float) -> Device:
    return Device(
        name=name,
        kind=kind,
        profile="none",
        connection=NOWHERE,
        element=element,
        phase_count=1 if phases is None else len(phases),
        phases=phases,
        rated_w=rated,
        floor_w=0.0,
        floor_rule="none",
        reaction_s=5.0,
        fallback_w=0.0,
        u_sigma=0.002,
        p_sigma=20.0,
    )


def meter(name: str, role: MeterRole, element: int, phases: str, side: Side | None = None) -> Meter:
    return Meter(
        name=name,
        role=role,
        profile="none",
        connection=NOWHERE,
        element=element,
        phases=phases,
        u_sigma=0.002,
        p_sigma=25.0,
        side=side,
        guards=role is MeterRole.TRANSFORMER,
    )


@pytest.fixture(scope="module")
def street(hamlet: Any) -> Street:
    document = json.loads(hamlet.network.to_json())
    data = document["data"]
    loads = [load for load in data["asym_load"] if load["status"] == 1]
    single = next(each for each in loads if sum(p != 0 for p in each["p_specified"]) == 1)
    three = next(each for each in loads if all(each["p_specified"]))
    first = max(max(each["id"] for each in elements) for elements in data.values()) + 1
    home = {"status": 1, "type": 0, "q_specified": [0.0, 0.0, 0.0]}
    data["asym_load"] += [
        {**home, "id": first, "node": three["node"], "p_specified": [7000.0, 7100.0, 6900.0]},
        {**home, "id": first + 1, "node": single["node"], "p_specified": [0.0, 4600.0, 0.0]},
    ]
    data["asym_gen"].append(
        {**home, "id": first + 2, "node": three["node"], "p_specified": [3000.0, 3000.0, 3000.0]}
    )
    network = Network.from_json(json.dumps(document), "street")
    only = "abc"[[p != 0 for p in single["p_specified"]].index(True)]
    known = {three["id"], single["id"]}
    line = data["line"][0]
    station = Station(
        meters=(
            meter(
                "transformer", MeterRole.TRANSFORMER, data["transformer"][0]["id"], "abc", Side.TO
            ),
            meter("feeder", MeterRole.FEEDER, line["id"], "bca", Side.FROM),
            meter("bakery", MeterRole.CUSTOMER, three["node"], "cab"),
            meter("widow", MeterRole.CUSTOMER, single["node"], only),
        ),
        devices=(
            device("charger", DeviceKind.EV, first, "cab", 22_080.0),
            device("socket", DeviceKind.EV, first + 1, None, 4600.0),
            device("roof", DeviceKind.PV, first + 2, "abc", 15_000.0),
        ),
        pseudo=tuple(
            PseudoMeasurement(
                each["id"], tuple([sum(each["p_specified"])] * 24), tuple([300.0] * 24)
            )
            for each in loads
            if each["id"] not in known
        ),
        source=SourcePseudo(node=hamlet.mv_node, u_pu=1.02, sigma_pu=0.01),
    )
    flow = PowerGridModel(dict(network.data)).calculate_power_flow(symmetric=False)
    return Street(network, station, {str(getattr(k, "value", k)): v for k, v in flow.items()})


def sensor_at(measurements: Measurements, target: int) -> Any:
    array = measurements.sensors["asym_power_sensor"]
    (row,) = np.flatnonzero(array["measured_object"] == target)
    return array[row]


def voltages_at(measurements: Measurements, node: int) -> Any:
    array = measurements.sensors["asym_voltage_sensor"]
    return array[array["measured_object"] == node]


def measured(street: Street, **changes: Reading | None) -> Measurements:
    readings = street.readings()
    for name, reading in changes.items():
        readings.pop(name)
        if reading is not None:
            readings[name] = reading
    return measurements_from(street.station, street.network, readings, 12.0)


def test_meters_and_devices_measure_their_own_elements_in_the_network_s_phases(
    street: Street,
) -> None:
    found = measured(street)
    transformer, feeder = street.station.meters[0].element, street.station.meters[1].element
    assert sensor_at(found, transformer)["measured_terminal_type"] == TO_END
    assert sensor_at(found, feeder)["measured_terminal_type"] == FROM_END
    for target, component, name in (
        (transformer, "transformer", "p_to"),
        (feeder, "line", "p_from"),
        (street.load_at(street.station.meters[2].element), "asym_load", "p"),
        (street.station.devices[0].element, "asym_load", "p"),
        (street.station.devices[2].element, "asym_gen", "p"),
    ):
        shown = sensor_at(found, target)["p_measured"]
        assert shown == pytest.approx(street.phases(component, target, name)), target
    assert sensor_at(found, transformer)["p_sigma"].tolist() == [25.0] * 3
    assert sensor_at(found, street.station.devices[0].element)["p_sigma"].tolist() == [20.0] * 3


def test_a_generator_s_sensor_counts_feed_in_positive(street: Street) -> None:
    roof = sensor_at(measured(street), street.station.devices[2].element)
    assert roof["measured_terminal_type"] == GENERATOR
    assert roof["p_measured"].tolist() == pytest.approx([3000.0] * 3)


def test_voltages_are_measured_in_the_phases_of_their_meters(street: Street) -> None:
    found = measured(street)
    bakery, widow = street.station.meters[2].element, street.station.meters[3].element
    shown = voltages_at(found, bakery)
    words = {found.words[int(each["id"])] for each in shown}
    assert words >= {f"voltage of '{name}'" for name in ("bakery", "charger", "roof")}
    for each in shown:
        assert each["u_measured"] == pytest.approx(street.phases("node", bakery, "u"))
        assert each["u_sigma"] == pytest.approx(0.002 * 400 / 3**0.5)
    (single,) = voltages_at(found, widow)
    phase = "abc".index(street.station.meters[3].phases)
    assert single["u_measured"][phase] == pytest.approx(street.phases("node", widow, "u")[phase])
    assert np.isnan(np.delete(single["u_measured"], phase)).all()


def test_a_single_phase_customer_draws_nothing_on_the_other_phases(street: Street) -> None:
    customer = street.station.meters[3]
    sensor = sensor_at(measured(street), street.load_at(customer.element))
    phase = "abc".index(customer.phases)
    others = [each for each in range(3) if each != phase]
    assert sensor["p_sigma"][phase] == 25.0
    assert sensor["p_measured"][others].tolist() == [0.0, 0.0]
    assert (sensor["p_sigma"][others] <= 5.0).all()


def test_a_device_on_an_unknown_phase_is_on_each_with_a_third(street: Street) -> None:
    sensor = sensor_at(measured(street), street.station.devices[1].element)
    assert sensor["p_measured"].tolist() == pytest.approx([4600 / 3] * 3)
    all_or_nothing = np.std([4600.0, 0.0, 0.0])
    assert sensor["p_sigma"].tolist() == pytest.approx([all_or_nothing] * 3, rel=1e-3)


def test_a_silent_device_draws_anything_up_to_its_limit(street: Street) -> None:
    limited = Reading(limit_w=6900.0)
    sensor = sensor_at(measured(street, charger=limited), street.station.devices[0].element)
    assert sensor["p_measured"].sum() == pytest.approx(3450.0)
    total = np.sqrt(np.square(sensor["p_sigma"]).sum())
    assert total == pytest.approx(6900 / 12**0.5)
    silent = sensor_at(measured(street, charger=None), street.station.devices[0].element)
    assert silent["p_measured"].sum() == pytest.approx(22_080 / 2)
    dark = sensor_at(measured(street, roof=None), street.station.devices[2].element)
    assert dark["p_measured"].sum() == pytest.approx(7500.0)


def test_a_missing_terminal_is_assumed_and_the_others_stay_measured(street: Street) -> None:
    said = street.readings()["charger"]
    partly = msgspec.structs.replace(said, active_w=(None, said.active_w[1], said.active_w[2]))
    sensor = sensor_at(measured(street, charger=partly), street.station.devices[0].element)
    assert sensor["p_sigma"][[0, 1]].tolist() == [20.0, 20.0]  # terminals 2, 3 are a, b
    assert sensor["p_sigma"][2] > 1000


def test_a_missing_reactive_power_is_assumed_from_the_active_one(street: Street) -> None:
    said = street.readings()["charger"]
    quiet = msgspec.structs.replace(said, reactive_var=(None, None, None))
    sensor = sensor_at(measured(street, charger=quiet), street.station.devices[0].element)
    assert sensor["p_sigma"].tolist() == [20.0] * 3
    assert (sensor["q_sigma"] > 0.25 * sensor["p_measured"]).all()


def test_what_nobody_measures_is_assumed_for_the_hour(street: Street) -> None:
    pseudo = street.station.pseudo[0]
    hours = tuple(float(hour) for hour in range(24))
    changed = replace_pseudo(street.station, hours)
    found = [
        sensor_at(
            measurements_from(changed, street.network, street.readings(), hour), pseudo.element
        )["p_measured"].sum()
        for hour in (12.5, 13.0, 0.0, 24.0)
    ]
    # 12.5 is the middle of hour 12; midnight lies between hour 23 and hour 0
    assert found == pytest.approx([12.0, 12.5, 11.5, 11.5])


def replace_pseudo(station: Station, hourly: tuple[float, ...]) -> Station:
    first = msgspec.structs.replace(station.pseudo[0], hourly_w=hourly)
    return msgspec.structs.replace(station, pseudo=(first, *station.pseudo[1:]))


def test_a_silent_customer_without_pseudo_is_anything_up_to_the_file_s_power(
    street: Street,
) -> None:
    customer = street.station.meters[3]
    load = street.load_at(customer.element)
    stated = street.network.data["asym_load"]["p_specified"][street.row("asym_load", load)].sum()
    sensor = sensor_at(measured(street, widow=None), load)
    assert sensor["p_measured"].sum() == pytest.approx(stated / 2)
    assert sensor["p_measured"]["abc".index(customer.phases)] == pytest.approx(stated / 2)


def test_a_guard_that_says_not_everything_is_reported_and_its_flow_is_not_made_up(
    street: Street,
) -> None:
    said = street.readings()["transformer"]
    partly = msgspec.structs.replace(said, active_w=(said.active_w[0], None, said.active_w[2]))
    found = measured(street, transformer=partly)
    assert found.missing_guards == ("transformer",)
    targets = found.sensors["asym_power_sensor"]["measured_object"]
    assert street.station.meters[0].element not in targets
    assert measured(street, transformer=None).missing_guards == ("transformer",)
    assert measured(street).missing_guards == ()


def test_the_mv_voltage_is_assumed_as_the_station_says(street: Street) -> None:
    found = measured(street)
    (sensor,) = voltages_at(found, street.station.source.node)
    rated = street.network.data["node"]["u_rated"][street.row("node", street.station.source.node)]
    assert sensor["u_measured"] == pytest.approx(1.02 * rated / 3**0.5)
    assert sensor["u_sigma"] == pytest.approx(0.01 * rated / 3**0.5)
    assert int(sensor["id"]) in found.pseudo
    assert "assumed voltage" in found.words[int(sensor["id"])]


def test_the_street_is_estimated_and_its_doubt_is_true(street: Street) -> None:
    state = Estimator.of(street.network).estimate(measured(street), Settings())
    assert state.problems == ()
    error = (state.u_pu - street.truth["node"]["u_pu"]) / state.u_sigma_pu
    assert np.abs(error).max() < 3


def test_lost_readings_widen_the_doubt_and_never_end_the_estimate(street: Street) -> None:
    estimator = Estimator.of(street.network)
    full = estimator.estimate(measured(street), Settings())
    nothing = measurements_from(street.station, street.network, {}, 12.0)
    blind = estimator.estimate(nothing, Settings())
    assert (blind.u_sigma_pu > full.u_sigma_pu).all()
    assert blind.u_sigma_pu.mean() > 2 * full.u_sigma_pu.mean()
    transformer = full.branch_ids.tolist().index(street.station.meters[0].element)
    assert blind.loading_sigma[transformer] > 5 * full.loading_sigma[transformer]
    assert "the meter 'transformer', which guards the limits, says nothing usable" in blind.problems


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"element": 4711}, "'bakery': node 4711 is not in the network"),
        ({"phases": "aab"}, "'bakery': phases 'aab'"),
        ({"phases": ""}, "'bakery': phases ''"),
        ({"role": MeterRole.FEEDER}, "meter 'bakery': element"),
    ],
)
def test_a_station_that_does_not_fit_the_network_is_refused(
    street: Street, change: dict[str, Any], words: str
) -> None:
    meters = tuple(
        msgspec.structs.replace(each, **change) if each.name == "bakery" else each
        for each in street.station.meters
    )
    station = msgspec.structs.replace(street.station, meters=meters)
    with pytest.raises(InputError) as error:
        measurements_from(station, street.network, street.readings(), 12.0)
    assert words in str(error.value)


def test_a_device_that_is_not_in_the_network_is_refused(street: Street) -> None:
    lost = msgspec.structs.replace(street.station.devices[0], element=4711)
    station = msgspec.structs.replace(street.station, devices=(lost,))
    with pytest.raises(InputError, match="device 'charger': element 4711"):
        measurements_from(station, street.network, {}, 12.0)


def test_an_hour_that_is_in_no_day_is_refused(street: Street) -> None:
    with pytest.raises(InputError, match="hour 25"):
        measurements_from(street.station, street.network, street.readings(), 25.0)
