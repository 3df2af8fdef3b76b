"""A prepared plant of the default network; what changes it works on a copy."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ORTSNETZ = Path(sys.executable).with_name("ortsnetz")
NETWORK = "1-LV-rural2--0-sw"
SECONDS = 120


def _ortsnetz(*arguments: object) -> None:
    done = subprocess.run(
        [str(ORTSNETZ), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def default_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default network, as the product imports it."""
    path = tmp_path_factory.mktemp("network") / "network.json"
    _ortsnetz("network", "import", NETWORK, "-o", path)
    return path


@pytest.fixture(scope="session")
def prepared_run(default_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory prepared from the command line; not to be changed."""
    out = tmp_path_factory.mktemp("prepared")
    _ortsnetz(
        *("plant", "prepare", default_network, "--out", out, "--seed", 1),
        *("--seconds", SECONDS, "--base-port", 20000),
    )
    return out


@pytest.fixture
def run_copy(prepared_run: Path, tmp_path: Path) -> Path:
    """A copy of the prepared run for tests that write into it."""
    out = tmp_path / "run"
    shutil.copytree(prepared_run, out)
    return out
