"""Signs that a device may have started anew while the connection to what is before it stands."""

from __future__ import annotations

from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_edge.drivers.contract import Scan


class Lapses:
    """Watches the scans of one source.

    A server or RTU keeps its connection while a device behind it restarts, and that device may have
    forgotten its fall-back. All that shows from outside is that for a while there was nothing to
    say of it. A point that is bad for good is no lapse each time.

    Attributes:
        count: so often a usable point has turned bad, or the limit in force could not be read.
    """

    def __init__(self) -> None:
        self.count = 0
        self._qualities: tuple[int, ...] = ()

    def saw(self, scan: Scan) -> None:
        """Take in a scan of the source; each one, in their order."""
        before, self._qualities = self._qualities, scan.qualities
        if scan.limit_in_force is None:
            self.count += 1
        elif before != scan.qualities:
            turned = zip(before, scan.qualities, strict=False)  # there is none before the first
            self.count += any(is_usable(was) and not is_usable(now) for was, now in turned)
