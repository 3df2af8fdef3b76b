"""Says in the log once that something has failed, and once that it is well again."""

from __future__ import annotations

import logging


class Notices:
    """What has been said of each name.

    A device that is away for a month costs two lines, not one a second; how often it was asked in
    vain is counted elsewhere.
    """

    def __init__(self, log: logging.Logger, failed: str, well: str) -> None:
        """Begin with everything well.

        Args:
            log: takes the lines.
            failed: a line with places for name and reason.
            well: a line with a place for the name.
        """
        self._log, self._failed_line, self._well_line = log, failed, well
        self._failed: set[str] = set()

    def failed(self, name: str, reason: str) -> None:
        """Something has failed; what is known to fail is not said again."""
        if name not in self._failed:
            self._failed.add(name)
            self._log.warning(self._failed_line, name, reason)

    def well(self, name: str) -> None:
        """Something works; said only after it had failed."""
        if name in self._failed:
            self._failed.discard(name)
            self._log.info(self._well_line, name)
