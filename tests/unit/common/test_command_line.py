"""One command for everything; what cannot be loaded says so."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from ortsnetz_common import cli

ORTSNETZ = Path(sys.executable).parent / "ortsnetz"


def test_all_sub_commands_are_found_and_can_be_loaded() -> None:
    done = subprocess.run([ORTSNETZ, "--help"], capture_output=True, text=True, check=True)
    for command in ("network", "estimate", "limit", "edge", "cockpit", "plant", "demo"):
        assert f"\n  {command} " in done.stdout
    assert "unavailable" not in done.stdout


def test_a_command_that_cannot_be_loaded_is_listed_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = EntryPoint("broken", "no_such_module:command", cli.GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda **_: [broken])
    monkeypatch.setattr(sys, "argv", ["ortsnetz", "broken"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    assert "no_such_module" in capsys.readouterr().err
