"""A port that a device needs at any time of a run is tried before the run begins."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.faults.specs import ChangesAddress
from ortsnetz_hil.plant.calendar import Window
from ortsnetz_hil.plant.configuration import FORMAT, PlantConfiguration
from ortsnetz_hil.plant.devices.specs import ChargePoint
from ortsnetz_hil.servers.port_plan import ports
from ortsnetz_hil.servers.run import require_free_ports

HOST = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which another program listens."""
    with socket.create_server((HOST, 0)) as other:
        yield int(other.getsockname()[1])


def _free() -> int:
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


def _plant(own: int, *moves: int) -> PlantConfiguration:
    charge_point = ChargePoint("ev-01", 1, 0, own, "abc", 16, 7, 5.0, ())
    return PlantConfiguration(
        format=FORMAT, node="n", seed=1, seconds=60.0, host=HOST,
        window=Window(0, 3600.0, 60.0, 1_700_000_000_000_000_000, repeats=False),
        u_pu=(0.95, 1.05), loading=1.0, meters=(), charge_points=(charge_point,), inverters=(),
        meter_classes=(), assumptions=(),
        faults=tuple(
            ChangesAddress(name="moved", first_s=10.0, last_s=20.0, device="ev-01", port=port)
            for port in moves
        ),
    )  # fmt: skip


def test_a_device_cannot_have_a_port_that_is_taken(taken: int) -> None:
    with pytest.raises(OrtsnetzError, match=f"port {taken} .* 'ev-01', is taken"):
        require_free_ports(_plant(taken))


def test_nor_can_it_move_to_one(taken: int) -> None:
    with pytest.raises(OrtsnetzError, match=f"port {taken} .* 'ev-01', is taken"):
        require_free_ports(_plant(_free(), taken))


def test_free_ports_are_no_reason_to_complain() -> None:
    require_free_ports(_plant(_free(), _free()))


def test_a_device_has_one_port_of_its_own_wherever_it_moves() -> None:
    own = _free()
    assert ports(_plant(own, _free())) == [("ev-01", own)]
