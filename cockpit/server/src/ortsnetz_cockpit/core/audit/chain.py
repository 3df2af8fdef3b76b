"""The audit trail: append-only, each row holds the hash of the one before.

Whoever alters, removes or inserts a row breaks the chain at that row; `verify` names it. Cutting
rows off the end is seen by whoever kept an earlier head (`head` is logged at each start).
"""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, insert, select

from ortsnetz_cockpit.core.registry.database import reading
from ortsnetz_cockpit.core.registry.tables import AUDIT
from ortsnetz_common.measurement.time import now_ns

GENESIS = "0" * 64


class Entry(Struct, frozen=True):
    """Who did what to what, when.

    Attributes:
        previous: hash of the entry before, `GENESIS` for the first.
        hash: SHA-256 over all other fields.
    """

    id: int
    time_ns: int
    actor: str
    action: str
    target: str
    detail: str
    previous: str
    hash: str


def _sealed(entry: Entry, previous: str) -> str:
    """Hash that the entry must have when it follows `previous`."""
    content = msgspec.structs.astuple(msgspec.structs.replace(entry, previous=previous, hash=""))
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def append(
    connection: Connection, actor: str, action: str, target: str = "", detail: str = ""
) -> Entry:
    """Add an entry inside the caller's transaction: act and trace stand or fall together."""
    last = connection.execute(
        select(AUDIT.c.id, AUDIT.c.hash).order_by(AUDIT.c.id.desc()).limit(1)
    ).first()
    number, previous = (last.id + 1, last.hash) if last else (1, GENESIS)
    draft = Entry(number, now_ns(), actor, action, target, detail, previous, "")
    entry = msgspec.structs.replace(draft, hash=_sealed(draft, previous))
    connection.execute(insert(AUDIT).values(msgspec.structs.asdict(entry)))
    return entry


def entries(engine: Engine, limit: int) -> list[Entry]:
    """The newest entries, newest first."""
    with reading(engine) as connection:
        rows = connection.execute(select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit)).all()
    return [Entry(*row) for row in rows]


def verify(engine: Engine) -> int | None:
    """Follow the chain; returns the id of the first entry that does not fit, None if all do."""
    previous, expected = GENESIS, 1
    with reading(engine) as connection:
        for row in connection.execute(select(AUDIT).order_by(AUDIT.c.id)):
            entry = Entry(*row)
            fits = entry.id == expected and entry.previous == previous
            if not fits or entry.hash != _sealed(entry, previous):
                return entry.id
            previous, expected = entry.hash, expected + 1
    return None


def head(engine: Engine) -> str:
    """Hash of the newest entry."""
    newest = entries(engine, 1)
    return newest[0].hash if newest else GENESIS
