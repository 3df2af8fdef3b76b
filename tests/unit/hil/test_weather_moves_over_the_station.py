"""Clouds are one field that the wind carries; temperature is a wave about its mean."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import network_file
from ortsnetz_hil.plant.weather import KINDS, Sky, outdoor_c, positions_m

CLOUDY = ("scattered", "broken", "overcast")
ROOFS = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 300.0], [1500.0, 900.0]])


def hour(kind: str, seed: int, roofs: NDArray[np.float64] = ROOFS) -> NDArray[np.float64]:
    sky = Sky(kind, seed, roofs)
    return np.array([sky.shares(float(second)) for second in range(3600)])


def test_a_clear_sky_changes_nothing_at_all() -> None:
    assert np.array_equal(Sky("clear", 1, ROOFS).shares(17.0), np.ones(4))


def test_an_unknown_sky_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'foggy'.*scattered"):
        Sky("foggy", 1, ROOFS)


@given(
    kind=st.sampled_from(CLOUDY),
    seed=st.integers(0, 2**31),
    second=st.floats(-1e4, 1e5),
)
@settings(max_examples=50, derandomize=True)
def test_transmission_stays_between_a_dark_cloud_and_a_bright_edge(
    kind: str, seed: int, second: float
) -> None:
    shares = Sky(kind, seed, ROOFS).shares(second)
    assert shares.shape == (4,)
    assert np.all((shares >= 0.15) & (shares <= 1.05))


def test_the_sky_of_a_second_does_not_depend_on_who_asked_before() -> None:
    one, other = Sky("broken", 5, ROOFS), Sky("broken", 5, ROOFS)
    forwards = [one.shares(float(s)) for s in range(50)]
    backwards = [other.shares(float(s)) for s in reversed(range(50))]
    assert all(np.array_equal(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))


@given(seed=st.integers(0, 1000), second=st.floats(0, 3600), later=st.floats(0, 120))
@settings(max_examples=50, derandomize=True)
def test_a_roof_down_the_wind_sees_the_same_edge_later(
    seed: int, second: float, later: float
) -> None:
    wind = Sky("scattered", seed, ROOFS).wind_m_s
    downwind = Sky("scattered", seed, ROOFS + later * wind)
    upwind = Sky("scattered", seed, ROOFS)
    assert downwind.shares(second + later) == pytest.approx(upwind.shares(second), abs=1e-9)


def test_neighbours_see_nearly_the_same_and_distant_roofs_do_not() -> None:
    near, far = [], []
    for seed in range(10):
        seen = np.corrcoef(hour("broken", seed).T)
        near.append(seen[0, 1])
        far.append(seen[0, 3])
    assert min(near) > 0.98
    assert np.mean(far) < 0.5


@pytest.mark.parametrize(("kind", "cover"), [("scattered", 0.3), ("broken", 0.7)])
def test_clouds_cover_as_much_as_their_name_says(kind: str, cover: float) -> None:
    # forty skies over 40 km: the share of places darker than half-way into a cloud's edge
    wide = np.random.default_rng(1).uniform(-20_000.0, 20_000.0, (400, 2))
    seen = np.array([Sky(kind, seed, wide).shares(0.0) for seed in range(40)])
    shade = KINDS[kind]
    assert shade is not None
    assert np.mean(seen < (1.0 + shade.shade) / 2.0) == pytest.approx(cover, abs=0.04)


def test_an_overcast_sky_is_dark_and_quiet() -> None:
    seen = hour("overcast", 3)
    assert seen.max() < 0.35
    assert np.abs(seen[10:] - seen[:-10]).max() < 0.2


@pytest.mark.parametrize("kind", ["scattered", "broken"])
def test_edges_pass_as_fast_as_in_reality(kind: str) -> None:
    steepest = [np.abs(np.diff(hour(kind, seed)[::10], axis=0)).max() for seed in range(10)]
    # single plants lose up to about 60 % of their rating within ten seconds
    assert 0.45 < np.median(steepest) < 0.75
    assert max(steepest) < 0.85


def test_another_seed_kind_or_day_has_other_clouds() -> None:
    here = Sky("broken", 1, ROOFS).shares(100.0)
    assert not np.array_equal(here, Sky("broken", 2, ROOFS).shares(100.0))
    assert not np.array_equal(here, Sky("broken", 1, ROOFS, begin_ns=1).shares(100.0))


def test_the_day_is_coldest_at_six_and_has_its_mean() -> None:
    hours = [outdoor_c(3.0, h * 3_600_000_000_000) for h in range(24)]
    assert int(np.argmin(hours)) == 6
    assert (min(hours), max(hours)) == pytest.approx((-2.0, 8.0))
    assert np.mean(hours) == pytest.approx(3.0)


@pytest.fixture(scope="module")
def network(default_network: Path) -> network_file.PlantNetwork:
    return network_file.parse(default_network.read_bytes(), "network")


def moved(
    network: network_file.PlantNetwork, places: list[tuple[float, float] | None]
) -> network_file.PlantNetwork:
    """The network with its first nodes at these places, the others at the first one's."""
    document = network_file.extended(network, {})
    for i, node in enumerate(document["data"]["node"]):
        place = places[min(i, len(places) - 1)]
        node.pop("x"), node.pop("y")
        if place is not None:
            node["x"], node["y"] = place
    return network_file.PlantNetwork(document, network.data)


def distance(places: NDArray[np.float64]) -> float:
    return float(math.dist(places[0], places[1]))


def test_degrees_become_metres_on_the_ground(network: network_file.PlantNetwork) -> None:
    first, second = (int(node) for node in network.ids("node")[:2])
    # a thousandth of a degree of latitude is 111 m; of longitude at 60 degrees half of it
    north = moved(network, [(11.0, 60.0), (11.0, 60.001)])
    assert distance(positions_m(north, [first, second], 1)) == pytest.approx(111.2, rel=0.002)
    east = moved(network, [(11.0, 60.0), (11.001, 60.0)])
    assert distance(positions_m(east, [first, second], 1)) == pytest.approx(55.6, rel=0.002)


def test_metres_stay_metres(network: network_file.PlantNetwork) -> None:
    first, second = (int(node) for node in network.ids("node")[:2])
    gauss = moved(network, [(4_421_000.0, 5_650_000.0), (4_421_300.0, 5_650_400.0)])
    assert distance(positions_m(gauss, [first, second], 1)) == pytest.approx(500.0)


def test_nodes_without_places_are_scattered_by_the_seed(
    network: network_file.PlantNetwork,
) -> None:
    nodes = [int(node) for node in network.ids("node")]
    nowhere = moved(network, [None])
    places = positions_m(nowhere, nodes, 1)
    assert np.array_equal(places, positions_m(nowhere, nodes, 1))
    assert not np.array_equal(places, positions_m(nowhere, nodes, 2))
    assert 250.0 < np.ptp(places, axis=0).max() <= 300.0


def test_the_default_network_is_a_village(network: network_file.PlantNetwork) -> None:
    places = positions_m(network, [int(node) for node in network.ids("node")], 1)
    assert 300.0 < np.ptp(places, axis=0).max() < 3_000.0
