"""Keeps recordings as COMTRADE files in a folder that does not grow without end."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.comtrade_writer import DataFormat, combined
from ortsnetz_grid.functions.power_quality.on_recordings import Finding
from ortsnetz_grid.functions.power_quality.recording import Recording

log = logging.getLogger(__name__)

FOLDER_VARIABLE = "ORTSNETZ_RECORDINGS"
"""Environment: folder of recordings; without it nothing is recorded."""
MOST_FILES, MOST_OCTETS = 500, 512 * 1024 * 1024
SUFFIX = ".cff"


class Recordings:
    """A folder of recordings; the oldest make room.

    Attributes:
        kept, removed, failed: files since the start.
    """

    def __init__(
        self, folder: Path, most_files: int = MOST_FILES, most_octets: int = MOST_OCTETS
    ) -> None:
        self.folder = folder
        self.kept = self.removed = self.failed = 0
        self._most_files, self._most_octets = most_files, most_octets

    @classmethod
    def configured(cls) -> Recordings | None:
        """As the environment says; None for none."""
        folder = os.environ.get(FOLDER_VARIABLE)
        return cls(Path(folder)) if folder else None

    def keep(self, recording: Recording, found: Sequence[Finding] = ()) -> Path | None:
        """Write a recording, and beside it what functions have found in it.

        None, counted and logged, where the disk does not take it.
        """
        began = datetime.fromtimestamp(recording.trigger_ns / 1e9, tz=UTC)
        safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in recording.station)
        path = self.folder / f"{began:%Y%m%dT%H%M%S}.{began.microsecond:06d}Z-{safe}{SUFFIX}"
        try:
            octets = combined(recording, DataFormat.BINARY32)
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room(len(octets))
            new = path.with_suffix(".part")
            new.write_bytes(octets)
            new.replace(path)
            beside = {"reason": recording.reason, "findings": [asdict(each) for each in found]}
            path.with_suffix(".json").write_text(json.dumps(beside, indent=1) + "\n", "utf-8")
        except (OSError, InputError) as error:
            self.failed += 1
            log.warning("a recording of %s is not kept: %s", recording.station, error)
            return None
        self.kept += 1
        return path

    def _make_room(self, octets: int) -> None:
        """Names begin with the time, so the first is the oldest."""
        files = [(path, path.stat().st_size) for path in sorted(self.folder.glob(f"*{SUFFIX}"))]
        total = sum(size for _, size in files) + octets
        while files and (len(files) >= self._most_files or total > self._most_octets):
            path, size = files.pop(0)
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
            total -= size
            self.removed += 1
