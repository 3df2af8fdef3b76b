"""Follows the log's events from where the registry left off, page by page, and never twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ortsnetz_cockpit.core.registry.database import reading
from ortsnetz_cockpit.core.registry.tables import CURSORS
from ortsnetz_cockpit.core.timeseries.store import Store

PAGE = 1000

Take = Callable[[Connection, str, str], None]
"""Takes an event's node and body, within the transaction that moves the cursor."""


@dataclass(frozen=True, slots=True)
class LogCursor:
    """A place in the log, kept in the registry under a name.

    Attributes:
        name: of the cursor.
        kinds: of events that are followed.
    """

    engine: Engine
    store: Store
    name: str
    kinds: tuple[str, ...]

    def follow(self, take: Take) -> int:
        """Go to the end of the log; returns how many events there were.

        A page's events and the new place of the cursor are one transaction: an event whose page
        failed comes again.
        """
        followed = 0
        while page := self._next_page():
            with self.engine.begin() as connection:
                for _, node, body in page:
                    take(connection, node, body)
                self._move(connection, page[-1][0])
            followed += len(page)
        return followed

    def _next_page(self) -> list[tuple[int, str, str]]:
        with reading(self.engine) as connection:
            done = connection.scalar(select(CURSORS.c.position).where(CURSORS.c.name == self.name))
        with self.store.reading() as cursor:
            rows: list[tuple[int, str, str]] = cursor.execute(
                """
                SELECT position, node, body FROM events JOIN streams USING (stream)
                WHERE position > ? AND list_contains(?, kind) ORDER BY position LIMIT ?
                """,
                [done or 0, list(self.kinds), PAGE],
            ).fetchall()
        return rows

    def _move(self, connection: Connection, position: int) -> None:
        statement = upsert(CURSORS).values(name=self.name, position=position)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"position": position})
        )
