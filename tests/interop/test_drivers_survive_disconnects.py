"""Every driver at once before servers that reset, fall silent, hang half-open and are killed.

The short form of `make soak-protocols`. Servers: asyncua, py1815, and a Modbus device after the
specification.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from soak.soaking import complaints, run, table
from soak.subjects import KINDS
from soak.watch import FAULTS

pytestmark = pytest.mark.interop
SECONDS = 15.0
PATIENCE = 4.0
"""The deadlines that drivers keep may be exceeded so many times on a busy machine."""


def test_drivers_survive_disconnects(tmp_path: Path) -> None:
    soaked = run(tmp_path, SECONDS, patience=PATIENCE)
    assert complaints(soaked) == [], table(soaked)
    assert set(soaked.ledgers) == set(KINDS)
    for kind, ledger in soaked.ledgers.items():
        assert set(ledger.faults) >= set(FAULTS), kind
        assert ledger.answers > ledger.faults.total(), kind
