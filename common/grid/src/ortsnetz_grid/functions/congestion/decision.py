"""Limiting: the least curtailment that keeps the network inside its limits."""

from __future__ import annotations

from ortsnetz_grid.functions.congestion.checks import check_devices
from ortsnetz_grid.functions.congestion.limiter import Limiter
from ortsnetz_grid.functions.congestion.problem import (
    ControlledDevice,
    LimitSet,
    Offsets,
    Settings,
)
from ortsnetz_grid.functions.congestion.result import LimitResult
from ortsnetz_grid.network.model import Network

_DEFAULTS = Settings()


def decide(
    network: Network,
    devices: tuple[ControlledDevice, ...],
    limits: LimitSet,
    *,
    bias: Offsets | None = None,
    margin: Offsets | None = None,
    settings: Settings = _DEFAULTS,
) -> LimitResult:
    """Find the least curtailment that keeps all limits: `model + bias + margin <= limit`.

    One factor k per device acts on its request in all phases. An answer with status ok or limited
    has been verified by a three-phase power flow. Where the margins cannot be kept they are given
    up, the limits are not; what is given up is named.

    Who decides more than once about the same network keeps a `Limiter`.

    Args:
        network: all that is not a device stands at its specified power; sensors are ignored.
        devices: who may be limited, and to what.
        limits: to keep.
        bias: what the present has more than the model of it (None is nothing).
        margin: distance to keep from the limits (None is nothing).
        settings: how to search, and what for.

    Returns:
        `ok` if the requests keep all limits; `limited`; or `infeasible`, with devices at their
        floors (see `Settings.infeasible`) and the limits named that are violated there. Also a
        network in which no power flow converges even at the floors is infeasible.

    Raises:
        InputError: names the device or element whose data cannot be used.
    """
    check_devices(network, devices)
    return Limiter(network).decide(devices, limits, bias=bias, margin=margin, settings=settings)
