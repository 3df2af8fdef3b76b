"""The node's data directory: room for the journal, and what the agent remembers there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_edge.bootstrap import VERSION, Bootstrap
from ortsnetz_edge.console.checking.findings import Finding, attention, ok, wrong
from ortsnetz_edge.journal.journal import FILE

_GIBI = 1024.0**3


def data_directory(bootstrap: Bootstrap, parameters: ParameterSet | None) -> Iterator[Finding]:
    """What is to be said of the data directory, and of a bench's clock."""
    place = _nearest(bootstrap.data_dir)
    if not os.access(place, os.W_OK):
        yield wrong(
            "agent",
            "data directory",
            f"{place} cannot be written to by this user",
            "a directory of the agent's own",
            "run the check as the agent's user, or correct the owner",
        )
    else:
        yield _room(bootstrap, place)
    if parameters is not None:
        yield from _version(bootstrap, parameters)
    if bootstrap.bench_clock is not None:
        yield attention(
            "agent",
            "bench_clock",
            f"time comes from {bootstrap.bench_clock.host}:{bootstrap.bench_clock.port}",
            "none on a node in the field",
            "remove it unless this node is on a bench",
        )


def _nearest(path: Path) -> Path:
    """The directory, or where it would be made."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _room(bootstrap: Bootstrap, place: Path) -> Finding:
    free = shutil.disk_usage(place).free
    journal = bootstrap.data_dir / FILE
    used = journal.stat().st_size if journal.exists() else 0
    sees = f"{free / _GIBI:.1f} GiB free, the journal may take {_size(bootstrap)}"
    if free + used < bootstrap.journal_max_bytes:
        return attention(
            "agent",
            "data directory",
            sees,
            "room for the whole journal",
            "make room, or lower journal_max_bytes: with a full disk, samples are lost and counted",
        )
    return ok("agent", "data directory", sees)


def _size(bootstrap: Bootstrap) -> str:
    return f"{bootstrap.journal_max_bytes / _GIBI:.1f} GiB"


def _version(bootstrap: Bootstrap, parameters: ParameterSet) -> Iterator[Finding]:
    try:
        known = int((bootstrap.data_dir / VERSION).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    if parameters.version < known:
        yield wrong(
            "parameters",
            "version",
            str(parameters.version),
            f"at least {known}, which has been in force on this node",
            "the agent refuses an older set: have a newer one issued",
        )
