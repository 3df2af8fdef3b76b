"""What a branch meter alone tells about an overload, from a network file's ratings."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    Side,
    SourcePseudo,
    Station,
)
from ortsnetz_edge.control.overload import measured_overloads, watched_branches
from ortsnetz_edge.network_index import index_network

WIRE = Connection("modbus-tcp", "127.0.0.1", 1)
NETWORK = {
    "attributes": {"node": ["id", "u_rated"], "line": ["id", "from_node", "to_node", "i_n"]},
    "data": {
        "node": [[1, 20e3], [2, 400.0], [3, 400.0]],
        "line": [[10, 2, 3, 100.0], [11, 2, 3, None]],
        "transformer": [{"id": 20, "u1": 20e3, "u2": 400.0, "sn": 90e3}],
    },
}
TRAFO = Meter("t", MeterRole.TRANSFORMER, "x", WIRE, 20, "abc", 0.002, 9.0, Side.TO, guards=True)
FEEDER = Meter("f", MeterRole.FEEDER, "x", WIRE, 10, "bca", 0.002, 9.0, Side.FROM)
UNRATED = replace(FEEDER, name="u", element=11)
CUSTOMER = Meter("c", MeterRole.CUSTOMER, "x", WIRE, 3, "abc", 0.002, 9.0)
EV = Device(
    name="ev",
    kind=DeviceKind.EV,
    profile="x",
    connection=WIRE,
    element=5,
    phase_count=3,
    phases="abc",
    rated_w=11e3,
    floor_w=0.0,
    floor_rule="none",
    reaction_s=5.0,
    fallback_w=0.0,
    u_sigma=0.002,
    p_sigma=10.0,
)
PV = replace(EV, kind=DeviceKind.PV)
STORE = replace(EV, kind=DeviceKind.STORAGE)
STATION = Station((TRAFO, FEEDER, UNRATED, CUSTOMER), (EV,), (), SourcePseudo(1, 1.0, 0.01))
WATCHED = watched_branches(STATION, index_network(json.dumps(NETWORK), "network.json"))
VOLTS = (230.0,) * 3
NONE = (0.0,) * 3


def found(limit: float = 1.0, **readings: Reading) -> list[tuple[str, str, bool | None]]:
    overloads = measured_overloads(WATCHED, readings, limit)
    return [(one.meter.name, one.phase, one.importing) for one in overloads]


def test_only_meters_at_rated_branches_are_watched() -> None:
    assert [branch.meter.name for branch in WATCHED] == ["t", "f"]
    assert WATCHED[0].rating.ampere == pytest.approx(129.9, abs=0.1)
    assert WATCHED[0].rating.phase_va == 30e3


def test_power_out_of_the_low_voltage_end_of_a_transformer_is_import() -> None:
    over = Reading(VOLTS, (-31e3, -29e3, -20e3), NONE)
    assert found(t=over) == [("t", "a", True)]
    assert found(t=Reading(VOLTS, (31e3, 0.0, 0.0), NONE)) == [("t", "a", False)]
    assert found(limit=1.1, t=over) == []


def test_reactive_power_counts_and_leaves_the_direction_open_where_it_dominates() -> None:
    assert found(t=Reading(VOLTS, (-25e3,) * 3, (-20e3, 0.0, 0.0))) == [("t", "a", True)]
    assert found(t=Reading(VOLTS, NONE, (0.0, 40e3, 0.0))) == [("t", "b", None)]


def test_at_low_voltage_the_current_is_what_overloads() -> None:
    assert found(t=Reading((210.0,) * 3, (-28e3, 0.0, 0.0), NONE)) == [("t", "a", True)]


def test_a_feeder_is_judged_by_current_on_the_networks_phases() -> None:
    assert found(f=Reading(VOLTS, (0.0, 0.0, 24e3), NONE)) == [("f", "a", True)]
    assert found(f=Reading(VOLTS, (-24e3, 0.0, 0.0), NONE)) == [("f", "b", False)]
    assert found(f=Reading((None, None, None), (24e3,) * 3, NONE)) == []
    assert found(f=Reading((12e3,) * 3, (24e3,) * 3, NONE)) == []


def test_what_a_meter_does_not_say_is_neither_overload_nor_an_error() -> None:
    assert found() == []
    assert found(t=Reading()) == []
    assert found(t=Reading(VOLTS, (None, -31e3, None), (None, None, None))) == [("t", "b", True)]


def test_the_worst_overload_comes_first() -> None:
    over = Reading(VOLTS, (-31e3, -40e3, -35e3), NONE)
    assert [phase for _, phase, _ in found(t=over)] == ["b", "c", "a"]


def test_an_overload_concerns_those_who_can_relieve_it() -> None:
    (imported,) = measured_overloads(WATCHED, {"f": Reading(VOLTS, (24e3, 0.0, 0.0), NONE)}, 1.0)
    (exported,) = measured_overloads(WATCHED, {"f": Reading(VOLTS, (-24e3, 0.0, 0.0), NONE)}, 1.0)
    (unclear,) = measured_overloads(WATCHED, {"t": Reading(VOLTS, NONE, (40e3, 0.0, 0.0))}, 1.0)
    concerned = [[one.concerns(each) for each in (EV, PV, STORE)] for one in (imported, exported)]
    assert concerned == [[True, False, True], [False, True, True]]
    assert all(unclear.concerns(each) for each in (EV, PV, STORE))
