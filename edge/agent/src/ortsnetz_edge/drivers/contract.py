"""The contract of drivers, where the agent looks for it; it lives in `ortsnetz_common.drivers`.

There it can be had without the agent, by drivers in a process of their own.
"""

from __future__ import annotations

from ortsnetz_common.drivers.contract import Driver, DriverProtocol, LimitOnly, Listener, Probe
from ortsnetz_common.drivers.values import (
    Adjustable,
    Diagnosis,
    DriverError,
    FailureKind,
    Found,
    Identity,
    LimitResolution,
    LimitUnit,
    Observation,
    Quantity,
    Role,
    Scan,
    Source,
    SourcePoint,
    Watchdog,
)

__all__ = [
    "Adjustable",
    "Diagnosis",
    "Driver",
    "DriverError",
    "DriverProtocol",
    "FailureKind",
    "Found",
    "Identity",
    "LimitOnly",
    "LimitResolution",
    "LimitUnit",
    "Listener",
    "Observation",
    "Probe",
    "Quantity",
    "Role",
    "Scan",
    "Source",
    "SourcePoint",
    "Watchdog",
]
