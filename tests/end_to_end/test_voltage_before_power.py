"""A running agent against over-voltage: reactive power and taps first, and few operations.

A short form of the scenario `over-voltage-at-noon`, which `make scenarios` plays in full.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ortsnetz_hil.bench.judging import judged
from ortsnetz_hil.bench.options import Options, Ports
from ortsnetz_hil.bench.run import play
from ortsnetz_hil.scenarios import library, reader
from ortsnetz_hil.verdict import truth_file

pytestmark = [pytest.mark.end_to_end, pytest.mark.stepped, pytest.mark.timeout(300)]

BASE_PORT = 29_400
SHORT = {
    "time.seconds": 55,
    "events": [{"at": "0 s", "source_voltage": 1.04, "name": "high medium voltage"}],
    "devices.inverters.count": 8,
    "devices.tap_changer.delay_s": 4,
    "connected.parameters.voltage.tap.delay_s": 5,
    "criteria": [
        "without limits voltage above 1.05",
        "voltage between 0.95 and 1.035 after 45 s",
        "tap operations at most 3 per day",
        "no alarm adjustment-ignored/*",
        "nothing lost",
    ],
}


def test_reactive_power_and_taps_keep_what_limits_would_have_to_keep(tmp_path: Path) -> None:
    _, source = reader.read(library.find("over-voltage-at-noon"))
    scenario = reader.apply_change(source, SHORT)
    options = Options(tmp_path / "run", Ports(BASE_PORT), networks=tmp_path / "networks")
    directory = play(scenario, source, options, lambda _: None)
    verdict = judged(directory)
    assert [f"{one.sentence}: {one.words}" for one in verdict.criteria if not one.passed] == []
    rows = truth_file.read(directory.root / "plant")
    drawn = [float(row.device_var.sum()) for row in rows]
    assert max(drawn) > 0.2 * 8 * 15_000.0 * 0.436, "the inverters drew no reactive power"
    assert {float(row.tap[0]) for row in rows} >= {0.0, 1.0}, "the tap has not moved"
