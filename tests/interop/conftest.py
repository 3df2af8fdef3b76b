"""What takes seconds to prepare and is used by several modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mixed_substation import prepared_in

ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))


@pytest.fixture(scope="session")
def plant_behind_ieds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared plant whose feeders, charge points and inverters are behind IEDs."""
    folder = tmp_path_factory.mktemp("ieds")
    network = folder / "network.json"
    done = subprocess.run(
        [ORTSNETZ, "network", "import", "1-LV-rural2--0-sw", "-o", str(network)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return prepared_in(folder, network, "iec61850")
