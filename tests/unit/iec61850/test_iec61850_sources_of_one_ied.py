"""Several sources behind one IED share its session, and what they want of its reports."""

from __future__ import annotations

from pathlib import Path

import pytest

import ortsnetz_edge
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library
from ortsnetz_iec61850.mms.driver import MmsDriver
from ortsnetz_iec61850.mms.protocol import Iec61850

GENERIC = Path(ortsnetz_edge.__path__[0]) / "profiles/generic/iec61850-charge-point.yaml"


def opened(*options: str) -> list[MmsDriver]:
    """A source for each of these options, all behind one IED."""
    text = GENERIC.read_text("utf-8")
    kinds = {f"charge-point-{n}": f"{text}iec61850: {{{each}}}\n" for n, each in enumerate(options)}
    texts = {
        kind: each.replace("kind: iec61850-charge-point", f"kind: {kind}")
        for kind, each in kinds.items()
    }
    protocol = Iec61850(Environment(library=Library(texts)))
    where = Connection("iec61850", "127.0.0.1", 10102, bay="1")
    return [protocol.open(Source(f"ev-{n}", n, where, 7, 3)) for n in texts]


@pytest.mark.parametrize("order", [(60.0, 5.0), (5.0, 60.0)])
def test_everything_is_asked_for_as_often_as_the_most_demanding_source_wants(
    order: tuple[float, float],
) -> None:
    drivers = opened(*(f"integrity_s: {each}" for each in order))
    shared = {driver._reporting for driver in drivers}
    assert len(shared) == 1
    (reporting,) = shared
    assert reporting is not None
    assert reporting._integrity_s == 5.0


def test_a_source_that_wants_no_reports_has_no_say_in_them() -> None:
    first, second = opened("reports: false, integrity_s: 1", "integrity_s: 30")
    assert first._reporting is None
    assert second._reporting is not None
    assert second._reporting._integrity_s == 30.0
