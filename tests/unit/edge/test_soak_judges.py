"""The soak of field protocols: what it complains of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from soak.field import Writes
from soak.held import Held
from soak.soaking import OCTETS_A_FAULT, Soaked, complaints, table
from soak.subjects import CAP_S, CAPS_S, KINDS
from soak.watch import Ledger

from ortsnetz_edge.drivers.dnp3 import station
from ortsnetz_edge.drivers.modbus import link
from ortsnetz_edge.drivers.opcua import session as opcua_session
from ortsnetz_edge.drivers.registry import installed
from ortsnetz_edge.drivers.remote import session as remote_session

HELD = Held(tasks=20, files=30, octets=1_000_000, process_files=8)


def ledger(**of: object) -> Ledger:
    lived = Ledger(answers=100, failures=Counter(timeout=5), faults=Counter(reset=5))
    return replace(lived, **of)  # type: ignore[arg-type]


def soaked(lived: Ledger, late: Held = HELD) -> Soaked:
    return Soaked({"dnp3": lived}, HELD, late, faults=100)


def test_nothing_is_said_of_drivers_that_recover_and_leave_nothing() -> None:
    assert complaints(soaked(ledger())) == []
    assert "| dnp3 | 5 (5 reset) | 100, 5 |" in table(soaked(ledger()))


@pytest.mark.parametrize(
    ("lived", "words"),
    [
        (ledger(unwanted_writes=1), "writes that nobody asked for"),
        (ledger(slow_scans=["9.0 s"]), "a scan took 9.0 s"),
        (ledger(slow_recoveries=["cut: not within 30 s"]), "recovery after cut"),
        (ledger(answers=0), "never answered"),
        (ledger(faults=Counter()), "was not disturbed"),
        (ledger(failures=Counter()), "was not disturbed"),
    ],
)
def test_a_driver_that_is_late_or_writes_is_named(lived: Ledger, words: str) -> None:
    (said,) = complaints(soaked(lived))
    assert said.startswith("dnp3: ")
    assert words in said


@pytest.mark.parametrize(
    "late",
    [
        replace(HELD, tasks=21),
        replace(HELD, files=31),
        replace(HELD, process_files=9),
        replace(HELD, octets=HELD.octets + 101 * OCTETS_A_FAULT),
    ],
)
def test_growth_of_any_kind_is_named(late: Held) -> None:
    assert len(complaints(soaked(ledger(), late))) == 1


def test_less_than_before_is_no_growth() -> None:
    assert complaints(soaked(ledger(), Held(0, 0, 0, 0))) == []


def test_every_driver_that_ships_is_soaked_with_the_cap_that_it_keeps() -> None:
    elsewhere = {"iec61850", "goose", "sampled-values"}  # make stress-61850, make bench-61850
    assert set(installed()) <= set(KINDS) | elsewhere
    assert {link.BACKOFF_CAP_S, station.BACKOFF_CAP_S, opcua_session.BACKOFF_CAP_S} == {CAP_S}
    assert CAPS_S["remote"] == remote_session.BACKOFF_CAP_S


def test_writes_are_told_from_reads_on_the_wire(tmp_path: Path) -> None:
    writes, noted = Writes(tmp_path), tmp_path / "writes"
    requests = [
        bytes.fromhex("0001 0000 0006 01") + bytes([function]) + b"\0\0\0\1"
        for function in (3, 4, 43, 6, 16, 5)
    ]
    writes.modbus(b"".join(requests))
    assert noted.read_text() == "function 6\nfunction 16\nfunction 5\n"
    noted.write_text("")
    # 2 clears the restart, 20 and 21 set reporting, 0 confirms
    writes.dnp3(b"".join(dnp3_frame(function) for function in (1, 2, 20, 21, 0, 3, 4, 5)))
    assert noted.read_text() == "function 3\nfunction 4\nfunction 5\n"


def dnp3_frame(function: int) -> bytes:
    """Twenty octets of data, in two blocks with a CRC each."""
    data = b"\xc0\xc1" + bytes([function]) + bytes(17)
    header = b"\x05\x64" + bytes([5 + len(data), 0xC4, 0, 4, 1, 0, 0, 0])
    return header + data[:16] + b"\0\0" + data[16:] + b"\0\0"
