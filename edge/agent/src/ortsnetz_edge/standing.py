"""Which conditions stand after a cycle, for the alarms."""

from __future__ import annotations

from collections.abc import Iterable

from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_edge.acquisition.image import ProcessImage
from ortsnetz_edge.asking import Findings
from ortsnetz_edge.control.alarms import Condition
from ortsnetz_edge.control.conditions import (
    bad_data,
    doubted_guards,
    fail_safe,
    function_failed,
    limits_unknown,
    lost_sources,
    overload_measured,
    setpoints_ignored,
)
from ortsnetz_edge.control.controller import Verdict
from ortsnetz_edge.control.device import DeviceControl
from ortsnetz_edge.control.network_conditions import network_limits
from ortsnetz_edge.hosting.functions import ESTIMATION, LIMITING


def of_cycle(
    parameters: ParameterSet,
    image: ProcessImage,
    found: Findings,
    verdict: Verdict,
    controls: Iterable[DeviceControl],
    *,
    now: float,
) -> list[Condition]:
    """Conditions of what was measured, found and decided.

    Args:
        parameters: the set in force.
        image: of the cycle.
        found: by the functions.
        verdict: of the controller.
        controls: of all devices.
        now: monotonic time, s.
    """
    controls = tuple(controls)
    mode = parameters.mode.limiting
    meters = {meter.name: meter for meter in parameters.station.meters}
    failed = {ESTIMATION, LIMITING} & found.failures.keys() if mode != "off" else set()
    return [
        *lost_sources(image, meters),
        *(limits_unknown(image, controls) if mode == "active" else ()),
        *(function_failed(function, found.failures[function]) for function in sorted(failed)),
        *bad_data(found.estimate.removed if found.estimate else ()),
        *doubted_guards(found.estimate.doubted_guards if found.estimate else ()),
        *fail_safe(verdict.mode, parameters.timing, verdict.reason),
        *overload_measured(verdict.overloads),
        *setpoints_ignored(controls, now=now),
        *network_limits(found.limits),
    ]
