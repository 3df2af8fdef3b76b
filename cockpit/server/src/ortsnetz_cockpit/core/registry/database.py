"""The registry's database: SQLite through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateColumn

from ortsnetz_cockpit.core.registry.tables import METADATA
from ortsnetz_common.errors import OrtsnetzError

BUSY_TIMEOUT_MS = 5000
_READS = "ortsnetz_reads"


class RegistryError(OrtsnetzError):
    """The registry cannot be opened or written."""


def open_registry(path: Path) -> Engine:
    """Open or create the registry; every commit is synced to the disk.

    Raises:
        RegistryError: the file is damaged or not writable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)  # holds password hashes
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    try:
        METADATA.create_all(engine)
        _add_columns(engine)
    except SQLAlchemyError as error:
        raise RegistryError(f"{path} cannot be opened: {str(error).splitlines()[0]}") from error
    return engine


def _add_columns(engine: Engine) -> None:
    """Give tables of an earlier version the columns that came later; these have a default."""
    with engine.begin() as connection:
        for table in METADATA.sorted_tables:
            present = {column["name"] for column in inspect(connection).get_columns(table.name)}
            for column in table.columns:
                if column.name not in present:
                    words = CreateColumn(column).compile(dialect=engine.dialect)
                    connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {words}")


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's own BEGIN is the one in force
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    # IMMEDIATE: a reader that turns into a writer half-way would fail instead of waiting
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """A connection that only reads, and waits for no writer; `engine.begin()` is for writing."""
    with engine.connect().execution_options(**{_READS: True}) as connection:
        yield connection
