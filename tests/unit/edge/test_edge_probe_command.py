"""`ortsnetz edge probe`: what a technician types before a device, and what he then knows.

The device speaks the small protocol of `line_protocol`; the real ones have tests of their own in
`tests/interop/test_technician_tools.py`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from line_protocol import Device, installed

from ortsnetz_common import cli
from ortsnetz_edge.console.advice import with_advice
from ortsnetz_edge.drivers.address import parse_address
from ortsnetz_edge.drivers.contract import DriverError, FailureKind

PROFILE = """
format: ortsnetz.profile/2
kind: toy-meter
version: 1
describes: a meter for tests
protocol: modbus
direction: feed-in
voltage: {at: [holding/0, holding/1, holding/2], scale: 0.1, range: [0, 400]}
active_power: {at: ["holding/3:i16", "holding/4:i16", "holding/5:i16"], scale: 10,
               absent: 32768, range: [-10000, 10000]}
identity: {maker_at: "holding/6:text4", serial_at: "holding/8:text4", maker: Toys}
"""
VALUES: dict[str, float | str] = {
    "holding/0": 2301.0,
    "holding/1": 2299.0,
    "holding/2": 4567.0,
    "holding/3:i16": 120.0,
    "holding/4:i16": -3.0,
    "holding/5:i16": -32768.0,
    "holding/6:text4": "Toys & Co",
    "holding/8:text4": "S-77",
    "holding/10": 16.0,
}


@dataclass
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def one_line(self) -> str:
        """The error, which has to be one line."""
        assert self.err.startswith("ortsnetz: ")
        assert self.err.count("\n") == 1
        return self.err


@dataclass
class Terminal:
    """Types commands."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def type(self, *words: str) -> Said:
        self.monkeypatch.setattr(sys, "argv", ["ortsnetz", "edge", "probe", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = self.capsys.readouterr()
        return Said(code, said.out, said.err)

    def answers(self, text: str) -> None:
        """Sit before a terminal, and type this when asked."""
        os.write(self.sits_down(), text.encode())

    def sits_down(self) -> int:
        """Sit before a terminal; where to type."""
        leader, follower = os.openpty()
        self.monkeypatch.setattr(sys, "stdin", os.fdopen(follower, encoding="utf-8"))
        return leader


@pytest.fixture
def device() -> Iterator[Device]:
    with Device(dict(VALUES)).serving() as found:
        yield found


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    installed(monkeypatch)
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "toy-meter.yaml"
    path.write_text(PROFILE)
    return str(path)


def test_an_address_alone_says_who_is_there_and_what_it_holds(
    terminal: Terminal, device: Device
) -> None:
    said = terminal.type(device.url)
    assert said.code == 0
    assert "maker 'Toys', model 'T1', serial number 'S-1'" in said.out
    assert re.search(r"^holding/0\s+2301\s+no\s+register$", said.out, re.MULTILINE)
    assert re.search(r"^holding/10\s+16\s+yes\s+register$", said.out, re.MULTILINE)
    assert device.written == []


def test_the_same_for_scripts(terminal: Terminal, device: Device) -> None:
    found = json.loads(terminal.type(device.url, "--json").out)
    assert found["identity"] == {"maker": "Toys", "model": "T1", "serial": "S-1"}
    assert found["holds"][0]["value"] == 2301.0


def test_a_value_is_read_with_its_quality_and_time(terminal: Terminal, device: Device) -> None:
    said = terminal.type(device.url, "read", "holding/0", "holding/99")
    assert said.code == 0
    first, second = said.out.splitlines()[1:]
    assert re.fullmatch(
        r"holding/0\s+2301\s+good\s+\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \(arrival\)", first
    )
    assert re.match(r"holding/99\s+-\s+invalid \(bad reference\)", second)
    assert second.endswith("there is none")


def test_where_nothing_has_a_value_the_exit_code_says_so(
    terminal: Terminal, device: Device
) -> None:
    assert terminal.type(device.url, "read", "holding/99").code == 1


def test_through_a_profile_values_have_units_and_signs_beside_the_raw(
    terminal: Terminal, device: Device, profile: str
) -> None:
    said = terminal.type(device.url, "read", "--profile", profile)
    assert said.code == 0
    assert re.search(
        r"MMXU1\.PhV\.phsA\s+230\.1\s+V\s+good\s+holding/0=2301$", said.out, re.MULTILINE
    )
    assert re.search(
        r"MMXU1\.W\.phsA\s+-1200\s+W\s+good\s+holding/3:i16=120$", said.out, re.MULTILINE
    )
    assert re.search(r"phsC\s+456\.7\s+V\s+good\s+outside 0 to 400\s", said.out)


def test_a_raw_value_that_means_not_present_is_no_value_of_the_point(
    terminal: Terminal, device: Device, profile: str
) -> None:
    said = terminal.type(device.url, "read", "--profile", profile, "--json")
    power = json.loads(said.out)["points"][5]
    assert power["point"] == "MMXU1.W.phsC"
    assert power["value"] is None
    assert power["quality"].startswith("invalid")
    assert power["raw"] == {"holding/5:i16": -32768.0}


def test_of_a_profile_only_the_points_asked_for(
    terminal: Terminal, device: Device, profile: str
) -> None:
    said = terminal.type(device.url, "read", "holding/1", "--profile", profile)
    assert len(said.out.splitlines()) == 2
    assert "MMXU1.PhV.phsB" in said.out
    strange = terminal.type(device.url, "read", "holding/7", "--profile", profile)
    assert strange.code == 2
    assert "does not read 'holding/7'; it reads holding/0, " in strange.one_line


def test_a_profile_that_is_wrong_is_refused_with_file_and_line(
    terminal: Terminal, device: Device, tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(PROFILE.replace("scale: 10", "scale: 0"))
    said = terminal.type(device.url, "read", "--profile", str(path))
    assert said.code == 2
    assert "x.yaml:9" in said.one_line
    assert device.lines == []


def test_watching_shows_values_as_they_come_and_says_how_many(
    terminal: Terminal, device: Device, profile: str
) -> None:
    said = terminal.type(
        device.url,
        "watch",
        "holding/0",
        "--period",
        "0.05",
        "--seconds",
        "0.5",
        "--profile",
        profile,
    )
    assert said.code == 0
    lines = said.out.splitlines()
    assert len(lines) >= 2
    assert all(line.endswith("= MMXU1.PhV.phsA 230.1 V") for line in lines)
    assert re.fullmatch(rf"{len(lines)} values in 0\.\d s\n", said.err)


def test_ctrl_c_ends_watching_cleanly(terminal: Terminal, device: Device) -> None:
    def press() -> None:
        deadline = time.monotonic() + 10
        while len(device.lines) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    said = terminal.type(device.url, "watch", "holding/0", "--period", "0.05", "--json")
    pressing.join()
    assert said.code == 0
    came = [json.loads(line) for line in said.out.splitlines()]
    assert len(came) >= 2
    assert {item["value"] for item in came} == {2301.0}
    assert said.err.startswith(f"{len(came)} values in ")


def test_a_write_shows_who_is_there_and_what_would_change_and_reads_back(
    terminal: Terminal, device: Device
) -> None:
    terminal.answers("yes\n")
    said = terminal.type(device.url, "write", "holding/10", "10")
    assert said.code == 0
    assert "serial number 'S-1'" in said.err
    assert re.search(r"^reference +holding/10$", said.err, re.MULTILINE)
    assert re.search(r"^present +16$", said.err, re.MULTILINE)
    assert re.search(r"^new +10$", said.err, re.MULTILINE)
    assert said.out == "holding/10: is now 10.0\n"
    assert device.written == ["W holding/10 10.0"]


@pytest.mark.parametrize("typed", ["no\n", "y\n", "\n", "\x04"])
def test_anything_but_yes_writes_nothing(terminal: Terminal, device: Device, typed: str) -> None:
    terminal.answers(typed)
    said = terminal.type(device.url, "write", "holding/10", "10")
    assert said.code == 1
    assert said.err.endswith("not agreed: nothing was written\n")
    assert device.written == []


def test_a_device_that_is_exchanged_while_somebody_decides_is_not_written_to(
    terminal: Terminal, device: Device
) -> None:
    leader = terminal.sits_down()

    def exchange_and_agree() -> None:
        deadline = time.monotonic() + 20
        while not any("holding/10" in line for line in device.lines):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        device.who = ("Toys", "T1", "S-2")
        os.write(leader, b"yes\n")

    thread = threading.Thread(target=exchange_and_agree)
    thread.start()
    said = terminal.type(device.url, "write", "holding/10", "10")
    thread.join()
    assert said.code == 1
    assert "you agreed to write to" in said.err
    assert "serial number 'S-2' is there: nothing was written" in said.err
    assert device.written == []


def test_a_device_that_does_not_say_what_it_is_takes_more_than_a_yes(
    terminal: Terminal, device: Device
) -> None:
    device.who = None
    terminal.answers("yes\n")
    said = terminal.type(device.url, "write", "holding/10", "10")
    assert "Nobody knows whether this is the device you mean" in said.err
    assert device.written == []
    terminal.answers(f"127.0.0.1:{device.port}/1\n")
    assert terminal.type(device.url, "write", "holding/10", "10").code == 0
    assert device.written == ["W holding/10 10.0"]


def test_without_a_terminal_nothing_is_written(
    terminal: Terminal, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(os.devnull).open(encoding="ascii") as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        said = terminal.type(device.url, "write", "holding/10", "10")
        alone = terminal.type(device.url, "write", "holding/10", "10", "--yes")
    assert (said.code, alone.code) == (2, 2)
    assert "--yes and --identity SERIAL" in said.one_line
    assert "which device it writes to" in alone.one_line
    assert device.lines == []


def test_a_script_writes_to_the_device_that_it_names_only(
    terminal: Terminal, device: Device
) -> None:
    words = (device.url, "write", "holding/10", "-5", "--yes", "--identity")
    other = terminal.type(*words, "S-2")
    assert other.code == 1
    assert "'S-2' is expected, the device says 'S-1': nothing was written" in other.one_line
    assert device.written == []
    assert terminal.type(*words, "S-1").code == 0
    assert device.written == ["W holding/10 -5.0"]


def test_the_identity_may_stand_where_a_profile_says(
    terminal: Terminal, device: Device, profile: str
) -> None:
    device.who = None
    said = terminal.type(
        device.url, "write", "holding/10", "9", "--yes", "--identity", "S-77", "--profile", profile
    )
    assert said.code == 0
    assert device.written == ["W holding/10 9.0"]


def test_a_device_of_another_maker_than_the_profile_says_is_not_written_to(
    terminal: Terminal, device: Device, profile: str
) -> None:
    device.values["holding/6:text4"] = "Others"
    terminal.answers("yes\n")
    said = terminal.type(device.url, "write", "holding/10", "9", "--profile", profile)
    assert said.code == 1
    assert (
        "maker 'Toys' is expected, the device says 'Others': nothing was written" in said.one_line
    )
    assert device.written == []


def test_units_that_answer_are_listed(terminal: Terminal, device: Device) -> None:
    said = terminal.type(device.url, "units", "--first", "3", "--last", "4")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()] == ["3", "4"]
    assert "serial number 'S-1'" in said.out
    assert said.err == "2 of 2 answered\n"
    assert len(json.loads(terminal.type(device.url, "units", "--last", "2", "--json").out)) == 2
    device.silent = True
    nobody = terminal.type(device.url, "units", "--last", "2", "--patience", "0.1")
    assert (nobody.code, nobody.out, nobody.err) == (1, "", "0 of 2 answered\n")


def test_a_silent_device_ends_in_one_line_and_exit_code_1(
    terminal: Terminal, device: Device
) -> None:
    device.silent = True
    for words in ((), ("browse",), ("read", "holding/0"), ("watch", "holding/0")):
        said = terminal.type(device.url, *words)
        assert said.code == 1
        last = said.err.splitlines()[-1]
        assert last.startswith("ortsnetz: 127.0.0.1:")
        assert "no answer within 0.3 s; check the unit or link address" in last


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("http://x",), "the address begins with one of dnp3://"),
        (("modbus-tcp://h:1/x",), "'x' has to be a whole number"),
        (("dnp3://h:1/1",), "the driver 'dnp3', which is not installed (installed: modbus-tcp)"),
        (("opc.tcp://h:1/x", "units"), "an OPC UA server has no units"),
        (("modbus-tcp://h:1/1", "units", "--first", "9", "--last", "3"), "the first comes first"),
        (("modbus-tcp://h:1/1", "read"), "which values? Name references"),
        (("modbus-tcp://h:1/1", "read", "--profile", "none-such"), "no device profile 'none-such'"),
        (("modbus-tcp://h:1/1", "read", "x", "--side", "to"), "belong to --profile"),
        (("modbus-tcp://h:1/1", "read", "foo/1"), "'foo' is not a table"),
        (
            ("modbus-tcp://h:1/1", "write", "holding/1", "many", "--yes", "--identity", "x"),
            "'many' is no number",
        ),
        (
            ("modbus-tcp://h:1/1", "write", "holding/1", "nan", "--yes", "--identity", "x"),
            "'nan' is no number",
        ),
    ],
)
def test_a_mistake_ends_in_one_line_and_exit_code_2(
    terminal: Terminal, words: tuple[str, ...], reason: str
) -> None:
    said = terminal.type(*words)
    assert said.code == 2
    assert reason in said.one_line


def test_on_a_serial_line_nobody_is_sent_to_a_firewall() -> None:
    line = parse_address("modbus-rtu:///dev/ttyUSB9?unit=3")
    words = with_advice(line, DriverError(FailureKind.UNREACHABLE, "no such line"))
    assert words.startswith("/dev/ttyUSB9")
    assert "ls /dev/serial/by-id" in words
    assert "firewall" not in words
    assert "parity" in with_advice(line, DriverError(FailureKind.TIMEOUT, "no answer"))
    host = parse_address("modbus-tcp://10.0.0.7")
    assert "firewall" in with_advice(host, DriverError(FailureKind.UNREACHABLE, "no route"))


def test_what_a_device_says_does_not_move_the_cursor(terminal: Terminal, device: Device) -> None:
    device.who = ("Toys\x1b[2J", "T1", "S-1")
    assert "\x1b" not in terminal.type(device.url).out
