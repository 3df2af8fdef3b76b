"""Which faults a plant can have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ortsnetz_common.errors import InputError
from ortsnetz_hil.faults.specs import Delays, Fault, Ignores, Rejects, SwappedPhases, Wire
from ortsnetz_hil.faults.words import target
from ortsnetz_hil.servers.devices import Served

UPLINK = "uplink"


def require_possible(
    faults: Iterable[Fault],
    devices: Mapping[str, Served],
    *,
    with_uplink: bool,
    stepped: bool,
) -> None:
    """Make sure that every fault can be played.

    Args:
        faults: of the plant.
        devices: by name.
        with_uplink: whether a proxy carries the connection to the broker.
        stepped: whether plant time waits for the device under test.

    Raises:
        InputError: names the fault and what it lacks.
    """
    for fault in faults:
        if isinstance(fault, Wire):
            _check_wire(fault, with_uplink=with_uplink, stepped=stepped)
            if fault.link == UPLINK:
                continue
        whose = target(fault)
        if whose not in devices:
            raise InputError(f"fault '{fault.name}': the plant has no device '{whose}'")
        _check_fits(fault, devices[whose])


def _check_wire(fault: Wire, *, with_uplink: bool, stepped: bool) -> None:
    if fault.link == UPLINK and not with_uplink:
        raise InputError(
            f"fault '{fault.name}': nobody carries the uplink; give the plant the addresses of the "
            "broker and of the proxy before it"
        )
    takes_time = fault.delay_s > 0 or fault.jitter_s > 0 or fault.bytes_per_s is not None
    if stepped and takes_time:
        raise InputError(
            f"fault '{fault.name}': delay, jitter and bandwidth need real time; in stepped time a "
            "request takes none"
        )


def _check_fits(fault: Fault, device: Served) -> None:
    if isinstance(fault, Ignores | Delays | Rejects) and device.commands is None:
        raise InputError(f"fault '{fault.name}': '{device.name}' takes no setpoints")
    if isinstance(fault, SwappedPhases) and not all(
        1 <= terminal <= len(device.phases) for terminal in fault.terminals
    ):
        raise InputError(
            f"fault '{fault.name}': '{device.name}' has {len(device.phases)} terminal(s), not "
            f"{fault.terminals[0]} and {fault.terminals[1]}"
        )
