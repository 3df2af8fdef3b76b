"""A result never takes the place of an input, nor of another result of the same command."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ortsnetz_common.errors import InputError
from ortsnetz_grid.commands.estimate import estimate
from ortsnetz_grid.commands.limit import limit
from ortsnetz_grid.commands.network import network
from ortsnetz_grid.commands.power_flow import powerflow

INPUT = "an input that somebody has worked on"


def refused(folder: Path, command: click.Command, *arguments: str) -> str:
    """Run a command in a folder with inputs `a` and `b`; the reason of its refusal."""
    for name in "ab":
        (folder / name).write_text(INPUT)
    (folder / "link").symlink_to(folder / "a")
    runner = CliRunner()
    result = runner.invoke(command, list(arguments))
    assert isinstance(result.exception, InputError), result
    assert [(folder / name).read_text() for name in "ab"] == [INPUT, INPUT]
    return str(result.exception)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (limit, ("a", "b", "-o", "a")),
        (limit, ("a", "b", "-o", "b")),
        (limit, ("a", "b", "-o", "./a")),
        (limit, ("a", "b", "-o", "link")),
        (estimate, ("a", "-o", "a")),
        (estimate, ("a", "-o", "new", "--bad-data", "a")),
        (powerflow, ("a", "-o", "a")),
        (powerflow, ("a", "--batch", "b", "-o", "b")),
        (network, ("import", "a", "-o", "a")),
    ],
)
def test_an_output_that_names_an_input_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: click.Command,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = refused(tmp_path, command, *arguments)
    assert "it is an input of this command and would be overwritten" in words


def test_two_results_in_one_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = refused(tmp_path, estimate, "a", "-o", "new", "--bad-data", "./new")
    assert words == "new: it is named for two results; name another file for one"
