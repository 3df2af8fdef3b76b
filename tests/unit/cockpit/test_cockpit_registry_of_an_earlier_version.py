"""A registry that an earlier version made gets the columns that came later."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import select

from ortsnetz_cockpit.core.registry.database import open_registry, reading
from ortsnetz_cockpit.core.registry.tables import INTERVENTIONS

EARLIER = """
CREATE TABLE interventions (
    node VARCHAR(63) NOT NULL, id TEXT NOT NULL, device TEXT NOT NULL, start_ns BIGINT NOT NULL,
    end_ns BIGINT, reason TEXT NOT NULL, binding TEXT NOT NULL, lowest_limit_w FLOAT NOT NULL,
    floor_w FLOAT NOT NULL, rule TEXT NOT NULL, energy_not_served_wh FLOAT,
    PRIMARY KEY (node, id));
INSERT INTO interventions VALUES
    ('ons-1', 'ev-1@10', 'ev-1', 10, NULL, 'why', '[]', 6000.0, 4200.0, 'rule', NULL);
"""


def test_its_rows_stay_and_say_nothing_of_what_nobody_recorded(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(EARLIER)
    for _ in range(2):  # the second start finds nothing to do
        engine = open_registry(path)
        with reading(engine) as connection:
            (row,) = connection.execute(select(INTERVENTIONS)).all()
        engine.dispose()
    assert (row.id, row.lowest_limit_w) == ("ev-1@10", 6000.0)
    assert (row.customer, row.contract, row.limits, row.limits_left_out) == ("", "", "[]", 0)
    assert (row.causes, row.sources, row.elements) == ("[]", "[]", "[]")
    assert (row.energy_at_least_wh, row.unknown_s, row.duration_s) == (None, None, None)
