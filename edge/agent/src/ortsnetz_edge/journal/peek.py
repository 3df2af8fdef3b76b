"""Looks into a journal beside the agent that writes it; changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from ortsnetz_edge.journal.journal import FILE
from ortsnetz_edge.journal.layout import JournalError

_PATIENCE_S = 5.0


def records_in(directory: Path) -> Iterator[bytes]:
    """Records that the cockpit has not committed yet, or that are not deleted yet, oldest first.

    Args:
        directory: the node's data directory.

    Raises:
        JournalError: there is no journal, or it cannot be read.
    """
    path = directory / FILE
    if not path.exists():
        raise JournalError(f"{path}: there is no journal; has the agent ever run here?")
    try:
        address = f"file:{quote(str(path.resolve()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE_S)) as database:
            for (payload,) in database.execute("SELECT payload FROM record ORDER BY row"):
                yield bytes(payload)
    except sqlite3.Error as error:
        raise JournalError(f"{path}: {error}") from error
