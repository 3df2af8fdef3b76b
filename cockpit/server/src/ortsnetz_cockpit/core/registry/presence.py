"""First and last sight of the nodes, kept over restarts."""

from __future__ import annotations

from sqlalchemy import Engine, select
from sqlalchemy.dialects.sqlite import insert

from ortsnetz_cockpit.core.registry.board import NodeState
from ortsnetz_cockpit.core.registry.database import reading
from ortsnetz_cockpit.core.registry.tables import NODES


def save(engine: Engine, states: list[NodeState]) -> None:
    """Write arrival times and presence of the nodes that were ever seen."""
    rows = [
        {
            "name": state.node,
            "online": state.online,
            "first_seen_ns": state.first_seen_ns,
            "last_seen_ns": state.last_seen_ns,
        }
        for state in states
        if state.last_seen_ns is not None
    ]
    if not rows:
        return
    statement = insert(NODES)
    statement = statement.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "online": statement.excluded.online,
            "last_seen_ns": statement.excluded.last_seen_ns,
        },
    )
    with engine.begin() as connection:
        connection.execute(statement, rows)


def load(engine: Engine) -> dict[str, NodeState]:
    """States by node: arrival times and presence only."""
    with reading(engine) as connection:
        rows = connection.execute(select(NODES)).all()
    return {
        row.name: NodeState(
            node=row.name,
            online=row.online,
            first_seen_ns=row.first_seen_ns,
            last_seen_ns=row.last_seen_ns,
        )
        for row in rows
    }
