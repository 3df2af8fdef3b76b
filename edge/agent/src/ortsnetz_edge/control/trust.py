"""What has to be known before a limit may be raised. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Meter
from ortsnetz_edge.hosting.calls import LimitingResult


def missing_guards(
    guards: Iterable[Meter], readings: Mapping[str, Reading], doubted: tuple[str, ...]
) -> tuple[str, ...]:
    """Guarding meters that say too little, or that the estimation did not believe, by name.

    Args:
        guards: meters without which no limit is raised.
        readings: usable values of this cycle, by meter.
        doubted: meters that contradict the rest.
    """
    return tuple(
        meter.name
        for meter in guards
        if meter.name in doubted or not _complete(readings.get(meter.name), meter)
    )


def _complete(reading: Reading | None, meter: Meter) -> bool:
    """Whether a meter says voltage and power of all its terminals.

    Active power alone is not enough: the estimation takes a flow only as a whole.
    """
    if reading is None:
        return False
    count = len(meter.phases)
    values = (reading.voltage_v, reading.active_w, reading.reactive_var)
    return all(value is not None for each in values for value in each[:count])


def keeps_everything(result: LimitingResult | None) -> bool:
    """Whether limits may be raised on an answer.

    One that gave up its reserve keeps the limits of an estimate that is too uncertain for them: a
    lost meter makes the reserve grow until it is given up, and that must lift nothing.
    """
    return result is not None and result.verified and not result.reserve_given_up
