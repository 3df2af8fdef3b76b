"""The table of docs/fail-safe.md: every row has a test, and names alarms that exist."""

from __future__ import annotations

import re

import msgspec
import pytest
from named_tests import ROOT, complaint, functions_of

from ortsnetz_common.parameters.parameter_set import Timing

PAGE = ROOT / "docs" / "fail-safe.md"
HERE = "tests/chaos/test_fail_safe.py"
COLUMNS = 6
CONTROL = ROOT / "edge" / "agent" / "src" / "ortsnetz_edge" / "control"
ALARM = re.compile(r"`([a-z-]+)(?:/(?:<[a-z]+>|[a-z_]+))?`")
COUNTERS_AND_COMMANDS = re.compile(r"counters? `[a-z_*]+`|`edge status`")


def rows() -> list[list[str]]:
    """Cells of the table, without its head."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def named_by(row: list[str]) -> list[str]:
    named = re.findall(r"`([^`]+)`", row[-1])
    return [name if "::" in name else f"{HERE}::{name}" for name in named]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_row_has_all_its_cells_and_a_test_that_there_is(row: list[str]) -> None:
    assert len(row) == COLUMNS
    assert all(row)
    assert named_by(row), "a row without a test is a promise"
    assert [complaint(test) for test in named_by(row) if complaint(test)] == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_alarm_of_a_row_can_be_raised(row: list[str]) -> None:
    sources = "".join(path.read_text("utf-8") for path in CONTROL.glob("*.py"))
    named = ALARM.findall(COUNTERS_AND_COMMANDS.sub("", row[4]))
    assert [key for key in named if not re.search(rf'key=f?"{key}[/"]', sources)] == []


def test_every_test_of_a_loss_is_on_the_page() -> None:
    there = {name for name in functions_of(ROOT / HERE) if name.startswith("test_")}
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text("utf-8")))
    assert there - named == {"test_everything_was_played"}


def test_everything_that_issue_and_design_name_has_a_row() -> None:
    lost = " ".join(row[0] for row in rows())
    for what in (
        "one meter",
        "all meters",
        "the transformer meter",
        "a device",
        "all devices of a protocol",
        "the cockpit",
        "the broker",
        "the clock",
        "the network file",
        "solver",
        "a function process",
        "the agent",
        "the journal",
    ):
        assert what in lost, what


def test_times_in_brackets_are_the_defaults() -> None:
    said = re.findall(r"`(\w+_s)` \((\d+(?:\.\d+)?) s\)", PAGE.read_text("utf-8"))
    defaults = msgspec.structs.asdict(Timing())
    assert {"stale_after_s", "blind_fallback_s", "blind_ramp_s", "refresh_s"} <= {
        n for n, _ in said
    }
    assert [name for name, seconds in said if defaults[name] != float(seconds)] == []
