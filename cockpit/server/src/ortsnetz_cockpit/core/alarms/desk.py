"""Alarms and interventions in the registry: derived from the log, acknowledged by people.

The registry remembers up to which position of the log it has followed, in the same transaction as
what it derived: records that come again change nothing, and after a crash it goes on where it was.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Row, case, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ortsnetz_cockpit.core.alarms.lifecycle import OPEN, AlarmRow, State, acknowledge, follow
from ortsnetz_cockpit.core.audit import chain
from ortsnetz_cockpit.core.registry.database import reading
from ortsnetz_cockpit.core.registry.log_cursor import LogCursor
from ortsnetz_cockpit.core.registry.tables import ALARMS, INTERVENTIONS
from ortsnetz_cockpit.core.timeseries.store import Store
from ortsnetz_common.link.messages import (
    Alarm,
    BindingElement,
    Cause,
    Intervention,
    SourceTotal,
)
from ortsnetz_common.measurement.time import now_ns

LIST_LIMIT = 1000
CURSOR = "alarms"
_RECORDS = msgspec.json.Decoder(Alarm | Intervention)
_LISTS = {
    "binding": tuple[str, ...],
    "limits": tuple[tuple[int, float], ...],
    "causes": tuple[Cause, ...],
    "sources": tuple[SourceTotal, ...],
    "elements": tuple[BindingElement, ...],
}
"""Columns of an intervention that hold JSON, and what is in it."""


@dataclass(frozen=True, slots=True)
class NumberedAlarm:
    """An alarm with its number in the registry."""

    id: int
    row: AlarmRow


class NothingToAcknowledgeError(Exception):
    """The alarm is acknowledged already, or over."""


class Desk:
    """Alarms and interventions as operators see them."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._log = LogCursor(engine, store, CURSOR, ("alarm", "intervention"))
        self._lock = threading.Lock()
        self._version = 0

    @property
    def version(self) -> int:
        """Rises with every change of an alarm."""
        return self._version

    def catch_up(self) -> int:
        """Follow the log to its end; returns the number of records followed."""
        with self._lock:
            followed = self._log.follow(
                lambda connection, node, body: self._derive(connection, node, _RECORDS.decode(body))
            )
            self._version += bool(followed)
        return followed

    def _derive(self, connection: Connection, node: str, record: Alarm | Intervention) -> None:
        if isinstance(record, Intervention):
            _keep_intervention(connection, node, record)
            return
        here = (ALARMS.c.node == node) & (ALARMS.c.key == record.key)
        found = connection.execute(select(ALARMS).where(here)).first()
        before = None if found is None else _numbered(found).row
        after = follow(before, node, record)
        if after is None or after == before:
            return
        if before is None:
            connection.execute(insert(ALARMS).values(asdict(after)))
        else:
            connection.execute(update(ALARMS).where(here).values(asdict(after)))

    def alarms(self, states: tuple[State, ...], node: str | None = None) -> list[NumberedAlarm]:
        """Alarms in one of the states: open ones first, then by priority and time."""
        where: ColumnElement[bool] = ALARMS.c.state.in_([state.value for state in states])
        if node is not None:
            where &= ALARMS.c.node == node
        is_over = case((ALARMS.c.state.in_([state.value for state in OPEN]), 0), else_=1)
        query = (
            select(ALARMS)
            .where(where)
            .order_by(is_over, ALARMS.c.priority.desc(), ALARMS.c.raised_ns.desc(), ALARMS.c.id)
            .limit(LIST_LIMIT)
        )
        with reading(self._engine) as connection:
            return [_numbered(row) for row in connection.execute(query)]

    def acknowledge(self, number: int, user: str) -> NumberedAlarm | None:
        """Acknowledge an alarm; None when there is no such alarm.

        Raises:
            NothingToAcknowledgeError: it is acknowledged already, or over.
        """
        with self._lock, self._engine.begin() as connection:
            found = connection.execute(select(ALARMS).where(ALARMS.c.id == number)).first()
            if found is None:
                return None
            after = acknowledge(_numbered(found).row, user, now_ns())
            if after is None:
                raise NothingToAcknowledgeError
            connection.execute(update(ALARMS).where(ALARMS.c.id == number).values(asdict(after)))
            chain.append(
                connection, user, "alarm acknowledged", f"{after.node}: {after.key}", after.cause
            )
            self._version += 1
        return NumberedAlarm(number, after)

    def interventions(
        self, node: str, start_ns: int, end_ns: int, *, limit: int
    ) -> list[Intervention]:
        """Interventions of a node that began in a span, its end not included; newest first."""
        began = INTERVENTIONS.c.start_ns
        query = (
            select(INTERVENTIONS)
            .where(INTERVENTIONS.c.node == node, began >= start_ns, began < end_ns)
            .order_by(INTERVENTIONS.c.start_ns.desc(), INTERVENTIONS.c.id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [_intervention(row) for row in rows]


def _keep_intervention(connection: Connection, node: str, record: Intervention) -> None:
    values = msgspec.structs.asdict(record)  # a column for each field
    for name in _LISTS:
        values[name] = msgspec.json.encode(values[name]).decode()
    statement = upsert(INTERVENTIONS).values(node=node, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["node", "id"], set_=values))


def _intervention(row: Row[tuple[object, ...]]) -> Intervention:
    fields = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's documented way to names
    fields.pop("node")
    for name, kind in _LISTS.items():
        fields[name] = msgspec.json.decode(fields[name], type=kind)
    return Intervention(**fields)


def _numbered(row: Row[tuple[object, ...]]) -> NumberedAlarm:
    fields = dict(row._mapping)  # noqa: SLF001
    number = fields.pop("id")
    fields["state"] = State(fields["state"])
    return NumberedAlarm(number, AlarmRow(**fields))
