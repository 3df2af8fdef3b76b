"""One command for everything; what cannot be loaded says so."""

from __future__ import annotations

import subprocess
import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path

import click
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


@pytest.mark.parametrize("code", [0, 3])
def test_a_command_that_exits_with_a_code_exits_with_it(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command("leaves")
    @click.pass_context
    def leaves(context: click.Context) -> None:
        context.exit(code)

    module = types.ModuleType("a_module_that_leaves")
    module.leaves = leaves  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    point = EntryPoint("leaves", f"{module.__name__}:leaves", cli.GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda **_: [point])
    monkeypatch.setattr(sys, "argv", ["ortsnetz", "leaves"])
    if code == 0:
        cli.main()
        return
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == code
