"""The clock of an agent's process, set at will while it runs: see `set_clock.c`."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

COMPILER = shutil.which("cc")


@dataclass
class SetClock:
    """Compiled and mapped in a directory of its own.

    Attributes:
        environment: of the process whose clock it is.
    """

    directory: Path

    def __post_init__(self) -> None:
        assert COMPILER is not None
        self.directory.mkdir(parents=True, exist_ok=True)
        library = self.directory / "set_clock.so"
        source = Path(__file__).with_suffix(".c")
        command = [COMPILER, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True, timeout=60)
        self._file = self.directory / "clock"
        self._file.write_bytes(bytes(16))
        self.environment = {"LD_PRELOAD": str(library), "SET_CLOCK": str(self._file)}

    def set(self, *, ahead_s: float = 0.0, kept: bool = True) -> None:
        """Set it.

        Args:
            ahead_s: of the machine's clock.
            kept: whether the system says that it is synchronised.
        """
        with self._file.open("r+b") as file:
            file.write(struct.pack("=qq", round(ahead_s * 1e9), not kept))
