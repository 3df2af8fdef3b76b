"""The closed loop through IEC 61850: measurements by reports, limits by select-before-operate.

The first part of the bundled scenario `substation-behind-ieds`; `make scenarios` plays all of it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ortsnetz_hil.bench.judging import judged
from ortsnetz_hil.bench.options import Options, Ports
from ortsnetz_hil.bench.run import play
from ortsnetz_hil.scenarios import library, reader

pytestmark = [pytest.mark.end_to_end, pytest.mark.stepped, pytest.mark.timeout(240)]

BASE_PORT = 30_700
LOST = "meter behind the IED lost"
CRITERIA = [
    "without limits loading of transformer above 1.0",
    "loading of transformer below 1.0 within 3 cycles",
    "no floor violated",
    "mode never blind",
    f"quality of meter-feeder-1 invalid within 2 scans of {LOST}",
    f"quality of meter-feeder-2 good while {LOST}",
    f"quality of meter-feeder-1 good within 3 scans after {LOST}",
]


def test_an_agent_reads_feeders_and_limits_charge_points_through_ieds(tmp_path: Path) -> None:
    _, source = reader.read(library.find("substation-behind-ieds"))
    fault = {"name": LOST, "missing": "meter-feeder-1", "from": "24 s", "to": "30 s"}
    scenario = reader.apply_change(
        source,
        {"time.seconds": 45, "faults": [fault], "criteria": CRITERIA, "proofs": []},
    )
    directory = play(scenario, source, Options(tmp_path / "run", Ports(BASE_PORT)), lambda _: None)
    verdict = judged(directory)
    assert [f"{c.sentence}: {c.words}" for c in verdict.criteria if not c.passed] == []
    plant = directory.root / "plant"
    taken = [json.loads(line) for line in (plant / "setpoints.jsonl").read_text().splitlines()]
    limited = {each["device"] for each in taken if each["value"] < each["before"]}
    assert any(name.startswith("ev-") for name in limited)
    assert (plant / "ied-der.cid").is_file(), "the file that an engineer would import"
