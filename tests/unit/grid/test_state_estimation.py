"""The estimate, its doubt, and who contradicts it; truth from power-grid-model's power flow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from power_grid_model import PowerGridModel, initialize_array

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation import (
    Estimator,
    Measurements,
    Settings,
    estimate,
)
from ortsnetz_grid.network.loading import RatedBranches

WITHOUT_LOADING = Settings(loading=False)


def quarter(place: Any) -> list[int]:
    """The MV node, the busbar and a quarter of the other nodes."""
    nodes = place.network.data["node"]["id"].tolist()
    return list(dict.fromkeys([place.mv_node, place.busbar, *nodes[::4]]))


def every(place: Any) -> list[int]:
    return place.network.data["node"]["id"].tolist()


def metered(place: Any, rng: np.random.Generator, *, lines: bool = False) -> Measurements:
    nodes = every(place) if lines else quarter(place)
    ids = place.network.data["line"]["id"].tolist() if lines else []
    return place.measurements(
        place.voltage_sensors(nodes, rng), place.power_sensors(rng, lines=ids)
    )


def test_exact_measurements_give_the_truth(town: Any, rng: np.random.Generator) -> None:
    voltage = town.voltage_sensors(every(town), rng)
    voltage["u_measured"] = town.truth["node"]["u"]
    power = town.power_sensors(rng, sigma=1e-3)
    power["p_sigma"] = power["q_sigma"] = 10.0
    state = estimate(town.network, town.measurements(voltage, power), Settings())
    assert np.abs(state.u_pu - town.truth["node"]["u_pu"]).max() < 1e-6
    assert np.abs(state.p_w + town.truth["node"]["p"]).max() < 0.1
    assert np.abs(state.q_var + town.truth["node"]["q"]).max() < 0.1
    rated = RatedBranches.of(town.network)
    assert state.branch_ids.tolist() == rated.ids.tolist()
    assert np.abs(state.loading - rated.loading(town.truth)).max() < 1e-5
    lines = town.truth["line"]
    assert np.abs(state.p_from_w[: len(lines)] - lines["p_from"]).max() < 1.0
    assert np.abs(state.q_to_var[: len(lines)] - lines["q_to"]).max() < 1.0


def test_voltages_and_loadings_lie_in_their_intervals_as_often_as_they_should(
    town: Any, rng: np.random.Generator
) -> None:
    estimator = Estimator.of(town.network)
    loading = RatedBranches.of(town.network).loading(town.truth)
    voltages, loadings = [], []
    for _ in range(25):
        state = estimator.estimate(metered(town, rng), Settings())
        error = (state.u_pu - town.truth["node"]["u_pu"]) / state.u_sigma_pu
        voltages.append(np.abs(error) < 1.96)
        loaded = loading > 0.02  # a magnitude near zero has no normal error
        deviation = (state.loading - loading) / state.loading_sigma
        loadings.append(np.abs(deviation[loaded]) < 1.96)
    assert 0.90 <= np.mean(voltages) <= 0.99
    assert 0.90 <= np.mean(loadings) <= 0.99


def test_the_step_of_least_squares_is_no_worse_than_power_grid_model_alone(
    town: Any, rng: np.random.Generator
) -> None:
    estimator = Estimator.of(town.network)
    ours, theirs = [], []
    for _ in range(15):
        measurements = metered(town, rng)
        state = estimator.estimate(measurements, WITHOUT_LOADING)
        alone = PowerGridModel(
            {**town.network.data, **measurements.sensors}
        ).calculate_state_estimation(symmetric=False, error_tolerance=1e-5, max_iterations=1000)
        ours.append(state.u_pu - town.truth["node"]["u_pu"])
        theirs.append(alone["node"]["u_pu"] - town.truth["node"]["u_pu"])
    assert np.sqrt(np.mean(np.square(ours))) <= 1.01 * np.sqrt(np.mean(np.square(theirs)))


@pytest.mark.parametrize("lines", [False, True])
def test_clean_cases_lose_no_sensor(hamlet: Any, rng: np.random.Generator, lines: bool) -> None:
    estimator = Estimator.of(hamlet.network)
    lost = sum(
        bool(estimator.solve(metered(hamlet, rng, lines=lines), Settings()).removed)
        for _ in range(100)
    )
    assert lost <= 2


@pytest.mark.parametrize("what", ["voltage", "transformer", "line"])
def test_a_gross_error_of_ten_deviations_is_found_at_a_redundant_sensor(
    hamlet: Any, rng: np.random.Generator, what: str
) -> None:
    estimator = Estimator.of(hamlet.network)
    found = 0
    for _ in range(20):
        measurements = metered(hamlet, rng, lines=True)
        voltage, power = (
            measurements.sensors["asym_voltage_sensor"],
            measurements.sensors["asym_power_sensor"],
        )
        kind, target = power["measured_terminal_type"], power["measured_object"]
        if what == "voltage":
            sensor = voltage[rng.integers(len(voltage))]
            sensor["u_measured"][rng.integers(3)] += 10 * sensor["u_sigma"] * rng.choice([-1, 1])
        else:
            of_kind = kind == 1 if what == "transformer" else (kind == 0) & (target >= 0)
            sensor = power[rng.choice(np.flatnonzero(of_kind))]
            sensor["p_measured"][rng.integers(3)] += 10 * sensor["p_sigma"][0]
        removed = estimator.solve(measurements, Settings()).removed
        found += [each.sensor for each in removed] == [int(sensor["id"])]
        assert all(each.normalised_residual > 4 for each in removed)
    assert found >= 17


def test_two_gross_errors_are_both_found_largest_first(
    hamlet: Any, rng: np.random.Generator
) -> None:
    measurements = metered(hamlet, rng, lines=True)
    voltage = measurements.sensors["asym_voltage_sensor"]
    voltage["u_measured"][3, 0] += 12 * voltage["u_sigma"][3]
    voltage["u_measured"][9, 2] -= 25 * voltage["u_sigma"][9]
    solution = Estimator.of(hamlet.network).solve(measurements, Settings())
    assert [each.sensor for each in solution.removed] == [10_009, 10_003]
    sizes = [each.normalised_residual for each in solution.removed]
    assert sizes == sorted(sizes, reverse=True)


def test_the_state_is_as_good_as_if_the_bad_sensor_had_never_been(
    hamlet: Any, rng: np.random.Generator
) -> None:
    measurements = metered(hamlet, rng, lines=True)
    without = measurements.without(frozenset({10_004}))
    voltage = measurements.sensors["asym_voltage_sensor"]
    voltage["u_measured"][4] *= 1.2
    state = estimate(hamlet.network, measurements, WITHOUT_LOADING)
    clean = estimate(hamlet.network, without, WITHOUT_LOADING)
    assert [each.sensor for each in state.removed] == [10_004]
    assert np.abs(state.u_pu - clean.u_pu).max() < 1e-9
    assert any("10004" in problem for problem in state.problems)


def test_a_critical_sensor_is_never_removed(hamlet: Any, rng: np.random.Generator) -> None:
    """As many measurements as unknowns: whatever they say is believed."""
    voltage = hamlet.voltage_sensors([hamlet.mv_node], rng)
    power = hamlet.power_sensors(rng)
    power = power[power["measured_terminal_type"] != 1]
    power["p_measured"][2] += 5000
    solution = Estimator.of(hamlet.network).solve(hamlet.measurements(voltage, power), Settings())
    assert solution.removed == ()
    assert solution.problems == ()


def test_two_sensors_that_only_check_each_other_are_named_and_both_kept(
    hamlet: Any, rng: np.random.Generator
) -> None:
    voltage = hamlet.voltage_sensors([hamlet.mv_node], rng)
    power = hamlet.power_sensors(rng)
    power = power[power["measured_terminal_type"] != 1]
    twin = power[4:5].copy()
    twin["id"], twin["p_measured"] = 30_000, twin["p_measured"] + 3000
    both = np.concatenate([power, twin])
    solution = Estimator.of(hamlet.network).solve(hamlet.measurements(voltage, both), Settings())
    assert solution.removed == ()
    assert "which one cannot be told" in solution.problems[0]
    assert "30000" in solution.problems[0]
    assert str(int(power["id"][4])) in solution.problems[0]


def test_a_third_sensor_of_the_same_load_settles_who_is_wrong(
    hamlet: Any, rng: np.random.Generator
) -> None:
    voltage = hamlet.voltage_sensors([hamlet.mv_node], rng)
    power = hamlet.power_sensors(rng)
    power = power[power["measured_terminal_type"] != 1]
    twins = np.concatenate([power[4:5], power[4:5]])
    twins["id"] = [30_000, 30_001]
    twins["p_measured"][0, 1] += 3000
    twins["p_measured"][1] += 50
    three = np.concatenate([power, twins])
    solution = Estimator.of(hamlet.network).solve(hamlet.measurements(voltage, three), Settings())
    assert [each.sensor for each in solution.removed] == [30_000]
    assert solution.removed[0].normalised_residual == pytest.approx(
        3000 / 100 * (2 / 3) ** 0.5, 0.05
    )


def test_voltages_alone_replace_the_meter_of_a_load(hamlet: Any, rng: np.random.Generator) -> None:
    """Voltages everywhere check a load's power; power-grid-model counts power sensors only."""
    voltage = hamlet.voltage_sensors(every(hamlet), rng, sigma=0.0002)
    power = hamlet.power_sensors(rng)
    power = power[power["measured_terminal_type"] != 1]
    power["p_measured"][2, :] += 40_000
    measurements = hamlet.measurements(voltage, power)
    bad = int(power["id"][2])
    without = measurements.without(frozenset({bad}))
    for case in (measurements, without):
        state = estimate(hamlet.network, case, WITHOUT_LOADING)
        assert np.abs(state.u_pu - hamlet.truth["node"]["u_pu"]).max() < 0.002
    state = estimate(hamlet.network, measurements, WITHOUT_LOADING)
    assert bad in [each.sensor for each in state.removed]


def test_power_sigma_counts_for_active_and_reactive_power_alike(
    hamlet: Any, rng: np.random.Generator
) -> None:
    measurements = metered(hamlet, rng)
    power = measurements.sensors["asym_power_sensor"].copy()
    power["power_sigma"] = power["p_sigma"][:, 0]
    power["p_sigma"] = power["q_sigma"] = np.nan
    again = hamlet.measurements(measurements.sensors["asym_voltage_sensor"], power)
    first = estimate(hamlet.network, measurements, Settings())
    second = estimate(hamlet.network, again, Settings())
    assert np.abs(first.u_sigma_pu - second.u_sigma_pu).max() < 1e-6
    assert np.abs(first.loading_sigma - second.loading_sigma).max() < 1e-6


def test_current_sensors_with_angles_count(hamlet: Any, rng: np.random.Generator) -> None:
    measurements = metered(hamlet, rng)
    line = hamlet.truth["line"]
    current = initialize_array("input", "asym_current_sensor", len(line))
    current["id"] = 40_000 + np.arange(len(line))
    current["measured_object"], current["measured_terminal_type"] = line["id"], 0
    current["angle_measurement_type"] = 0
    power = line["p_from"] + 1j * line["q_from"]
    current["i_sigma"], current["i_angle_sigma"] = 0.05, 0.001
    current["i_measured"] = line["i_from"] + 0.05 * rng.normal(size=power.shape)
    current["i_angle_measured"] = np.angle(power) + 0.001 * rng.normal(size=power.shape)
    more = Measurements({**measurements.sensors, "asym_current_sensor": current})
    without, with_them = (
        estimate(hamlet.network, each, Settings()) for each in (measurements, more)
    )
    assert with_them.removed == ()
    assert with_them.loading_sigma.sum() < 0.5 * without.loading_sigma.sum()
    current["i_measured"][5, 1] += 5.0
    assert [each.sensor for each in estimate(hamlet.network, more, Settings()).removed] == [40_005]


def test_voltage_phasors_count(hamlet: Any, rng: np.random.Generator) -> None:
    measurements = metered(hamlet, rng)
    voltage = measurements.sensors["asym_voltage_sensor"]
    rows = [hamlet.row(node) for node in voltage["measured_object"]]
    angle = hamlet.truth["node"]["u_angle"][rows]
    voltage["u_angle_measured"] = angle + 0.005 * rng.normal(size=angle.shape)
    state = estimate(hamlet.network, measurements, WITHOUT_LOADING)
    assert state.removed == ()
    away = np.angle(np.exp(1j * (state.u_angle - hamlet.truth["node"]["u_angle"])))
    assert np.abs(away).max() < 0.01
    voltage["u_angle_measured"][2, 0] += 0.1
    again = estimate(hamlet.network, measurements, WITHOUT_LOADING)
    assert [each.sensor for each in again.removed] == [int(voltage["id"][2])]


def test_symmetric_sensors_are_a_third_of_their_sum(hamlet: Any, rng: np.random.Generator) -> None:
    measurements = metered(hamlet, rng)
    balanced = initialize_array("input", "sym_power_sensor", 1)
    transformer = hamlet.truth["transformer"]
    balanced["id"], balanced["measured_object"] = 50_000, transformer["id"][0]
    balanced["measured_terminal_type"], balanced["power_sigma"] = 0, 30_000.0
    balanced["p_measured"] = transformer["p_from"].sum() + 400_000
    balanced["q_measured"] = transformer["q_from"].sum()
    more = Measurements({**measurements.sensors, "sym_power_sensor": balanced})
    removed = Estimator.of(hamlet.network).solve(more, Settings()).removed
    assert [each.sensor for each in removed] == [50_000]
    assert removed[0].normalised_residual == pytest.approx(400 / 30, rel=0.2)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"p_measured": np.nan}, "asym_power_sensor 20003: p_measured"),
        ({"q_sigma": np.nan}, "asym_power_sensor 20003: p_sigma and q_sigma"),
        ({"p_sigma": 0.0}, "asym_power_sensor 20003: p_sigma, q_sigma: must"),
        ({"p_sigma": -5.0}, "asym_power_sensor 20003: p_sigma, q_sigma: must"),
        ({"measured_object": 9999}, "asym_power_sensor 20003: measured_object 9999 is nothing"),
        ({"measured_terminal_type": 2}, "asym_power_sensor 20003: measured_object"),
    ],
)
def test_an_unusable_sensor_is_named(
    hamlet: Any, rng: np.random.Generator, spoil: dict[str, float], words: str
) -> None:
    measurements = metered(hamlet, rng)
    sensor = measurements.sensors["asym_power_sensor"][3:4]
    for name, value in spoil.items():
        column = sensor[name]
        if column.ndim == 2:
            column[0, 1] = value
        else:
            column[0] = value
    with pytest.raises(InputError, match=words):
        estimate(hamlet.network, measurements, Settings())


def test_a_disabled_sensor_is_as_good_as_none(hamlet: Any, rng: np.random.Generator) -> None:
    measurements = metered(hamlet, rng)
    voltage = measurements.sensors["asym_voltage_sensor"]
    voltage["u_sigma"][1], voltage["u_measured"][1] = np.inf, 1e6
    state = estimate(hamlet.network, measurements, WITHOUT_LOADING)
    without = measurements.without(frozenset({int(voltage["id"][1])}))
    clean = estimate(hamlet.network, without, WITHOUT_LOADING)
    assert np.abs(state.u_pu - clean.u_pu).max() < 1e-9


def test_what_no_measurement_sees_is_refused_by_name(hamlet: Any, rng: np.random.Generator) -> None:
    measurements = metered(hamlet, rng)
    power = measurements.sensors["asym_power_sensor"]
    loads = hamlet.network.data["asym_load"]
    blind = loads["id"][:6]
    less = hamlet.measurements(
        measurements.sensors["asym_voltage_sensor"][:1],
        power[~np.isin(power["measured_object"], blind) & (power["measured_terminal_type"] != 1)],
    )
    with pytest.raises(InputError) as error:
        estimate(hamlet.network, less, Settings())
    assert "not observable" in str(error.value)
    assert any(hamlet.network.label(int(node)) in str(error.value) for node in loads["node"][:6])


def test_the_delta_side_without_a_voltage_is_unobservable_in_zero_sequence(
    hamlet: Any, rng: np.random.Generator
) -> None:
    nodes = [node for node in every(hamlet) if node != hamlet.mv_node]
    blind = hamlet.measurements(hamlet.voltage_sensors(nodes, rng), hamlet.power_sensors(rng))
    with pytest.raises(InputError) as error:
        Estimator.of(hamlet.network).solve(blind, Settings())
    assert hamlet.network.label(hamlet.mv_node) in str(error.value)


def test_without_voltage_sensors_there_is_no_estimate(
    hamlet: Any, rng: np.random.Generator
) -> None:
    power = hamlet.power_sensors(rng)
    none = hamlet.measurements(hamlet.voltage_sensors([hamlet.mv_node], rng)[:0], power)
    with pytest.raises(InputError, match="no voltage sensor"):
        estimate(hamlet.network, none, Settings())


def test_nothing_is_ever_not_a_number(town: Any, rng: np.random.Generator) -> None:
    state = estimate(town.network, metered(town, rng), Settings())
    for name in ("u_pu", "u_angle", "u_sigma_pu", "p_w", "q_var", "loading", "loading_sigma"):
        assert np.isfinite(getattr(state, name)).all(), name
    assert (state.u_sigma_pu > 0).all()
    assert (state.loading_sigma > 0).all()


def current_sizes(place: Any, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Ammeters at the `from` ends of all lines: sizes without angles."""
    line = place.truth["line"]
    found = initialize_array("input", "asym_current_sensor", len(line))
    found["id"] = 40_000 + np.arange(len(line))
    found["measured_object"], found["measured_terminal_type"] = line["id"], 0
    found["angle_measurement_type"] = 0
    found["i_sigma"] = sigma
    found["i_measured"] = np.abs(line["i_from"] + sigma * rng.normal(size=line["i_from"].shape))
    return found


@pytest.mark.parametrize("kernels", ["", "none"])
def test_sizes_of_currents_count(
    hamlet: Any, rng: np.random.Generator, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORTSNETZ_KERNELS", kernels)
    voltage = hamlet.voltage_sensors(quarter(hamlet), rng)
    loads = hamlet.power_sensors(rng, sigma=1000.0)
    without = hamlet.measurements(voltage, loads)
    current = current_sizes(hamlet, rng, sigma=0.3)
    more = Measurements({**without.sensors, "asym_current_sensor": current})
    vague, sure = (estimate(hamlet.network, each, Settings()) for each in (without, more))
    assert sure.removed == ()
    true = RatedBranches.of(hamlet.network).loading(hamlet.truth)
    assert np.abs(sure.loading - true).mean() < 0.5 * np.abs(vague.loading - true).mean()
    lines = slice(0, len(hamlet.truth["line"]))
    inside = np.abs(sure.loading - true)[lines] < 3 * sure.loading_sigma[lines]
    assert inside.mean() > 0.8


def test_a_wrong_ammeter_is_found(hamlet: Any, rng: np.random.Generator) -> None:
    sensors = metered(hamlet, rng).sensors
    current = current_sizes(hamlet, rng, sigma=0.3)
    current["i_measured"][5, 1] += 9.0
    more = Measurements({**sensors, "asym_current_sensor": current})
    assert [each.sensor for each in estimate(hamlet.network, more, Settings()).removed] == [40_005]


def test_a_meter_of_one_phase_says_nothing_about_the_others(
    hamlet: Any, rng: np.random.Generator
) -> None:
    sensors = metered(hamlet, rng).sensors
    voltage = sensors["asym_voltage_sensor"].copy()
    everything = estimate(hamlet.network, Measurements(sensors), WITHOUT_LOADING)
    voltage["u_measured"][2:, 1:] = np.nan
    less = {**sensors, "asym_voltage_sensor": voltage}
    some = estimate(hamlet.network, Measurements(less), WITHOUT_LOADING)
    none = {**sensors, "asym_voltage_sensor": voltage[:2]}
    nothing = estimate(hamlet.network, Measurements(none), WITHOUT_LOADING)
    for first, second in ((everything, some), (some, nothing)):
        assert first.u_sigma_pu.mean() < second.u_sigma_pu.mean()
    voltage["u_measured"][3, 0] *= 1.05
    found = estimate(hamlet.network, Measurements(less), WITHOUT_LOADING)
    assert [each.sensor for each in found.removed] == [int(voltage["id"][3])]
