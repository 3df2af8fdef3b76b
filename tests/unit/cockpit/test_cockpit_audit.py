"""The audit trail names the row that was touched."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from ortsnetz_cockpit.core.access.roles import Role
from ortsnetz_cockpit.core.audit import chain
from ortsnetz_cockpit.core.registry.tables import AUDIT


@pytest.fixture
def trail(bench: Any) -> Any:
    engine = bench.cockpit.context.engine
    for number in range(1, 8):
        with engine.begin() as connection:
            chain.append(connection, "olga", "acted", f"target {number}", "detail")
    assert chain.verify(engine) is None
    return engine


@pytest.mark.parametrize("column", ["time_ns", "actor", "action", "target", "detail", "hash"])
def test_an_altered_row_is_named(trail: Any, column: str) -> None:
    with trail.begin() as connection:
        value = 5 if column == "time_ns" else "f" * 64
        connection.execute(update(AUDIT).where(AUDIT.c.id == 4).values({column: value}))
    assert chain.verify(trail) == 4


def test_a_removed_row_is_seen(trail: Any) -> None:
    with trail.begin() as connection:
        connection.execute(delete(AUDIT).where(AUDIT.c.id == 4))
    assert chain.verify(trail) == 5


def test_a_row_that_was_replaced_with_a_fitting_hash_breaks_the_next_one(trail: Any) -> None:
    with trail.begin() as connection:
        row = connection.execute(select(AUDIT).where(AUDIT.c.id == 4)).one()
        forged = chain.Entry(*row[:5], "another detail", row.previous, "")
        sealed = chain._sealed(forged, row.previous)
        connection.execute(
            update(AUDIT).where(AUDIT.c.id == 4).values(detail="another detail", hash=sealed)
        )
    assert chain.verify(trail) == 5


def test_an_inserted_row_is_seen(trail: Any) -> None:
    with trail.begin() as connection:
        row = connection.execute(select(AUDIT).where(AUDIT.c.id == 7)).one()
        values = {**row._mapping, "id": 8}
        connection.execute(insert(AUDIT).values(values))
    assert chain.verify(trail) == 8


def test_an_act_that_fails_leaves_no_trace_and_one_that_holds_does(trail: Any) -> None:
    count = len(chain.entries(trail, 100))

    def fail_half_way() -> None:
        with trail.begin() as connection:
            chain.append(connection, "olga", "acted", "nothing")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert len(chain.entries(trail, 100)) == count


def test_admins_see_the_trail_and_whether_it_holds(bench: Any) -> None:
    bench.account("ada", Role.ADMIN)
    client = bench.client()
    client.headers["Authorization"] = f"Bearer {bench.token('ada')}"
    answer = client.get("/api/v1/audit").json()
    assert answer["intact"] is True
    assert [entry["action"] for entry in answer["entries"]][:2] == ["log-in", "log-in"]
    engine = bench.cockpit.context.engine
    with engine.begin() as connection:
        connection.execute(update(AUDIT).where(AUDIT.c.id == 2).values(actor="eve"))
    answer = client.get("/api/v1/audit").json()
    assert (answer["intact"], answer["broken_at"]) == (False, 2)
