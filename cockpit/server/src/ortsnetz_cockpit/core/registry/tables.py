"""Tables of the registry. What derives from the log can be built again from it; the rest is own."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

USERS = Table(
    "users",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("password_hash", LargeBinary, nullable=False),
    Column("one_time", Boolean, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user", String(64), nullable=False, index=True),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
)

NODES = Table(
    "nodes",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("online", Boolean, nullable=False),
    Column("first_seen_ns", BigInteger, nullable=False),
    Column("last_seen_ns", BigInteger, nullable=False),
)

ALARMS = Table(
    "alarms",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("node", String(63), nullable=False),
    Column("key", Text, nullable=False),
    Column("state", String(24), nullable=False, index=True),
    Column("priority", Integer, nullable=False),
    Column("cause", Text, nullable=False),
    Column("consequence", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("raised_ns", BigInteger, nullable=False),
    Column("cleared_ns", BigInteger),
    Column("acknowledged_by", String(64)),
    Column("acknowledged_ns", BigInteger),
    Column("occurrences", Integer, nullable=False),
    UniqueConstraint("node", "key"),
)

INTERVENTIONS = Table(
    "interventions",
    METADATA,
    Column("node", String(63), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("device", Text, nullable=False),
    Column("start_ns", BigInteger, nullable=False, index=True),
    Column("end_ns", BigInteger),
    Column("reason", Text, nullable=False),
    Column("binding", Text, nullable=False),
    Column("lowest_limit_w", Float, nullable=False),
    Column("floor_w", Float, nullable=False),
    Column("rule", Text, nullable=False),
    Column("energy_not_served_wh", Float),
    Column("customer", Text, nullable=False, server_default=""),
    Column("contract", Text, nullable=False, server_default=""),
    Column("limits", Text, nullable=False, server_default="[]"),
    Column("limits_left_out", Integer, nullable=False, server_default="0"),
    Column("causes", Text, nullable=False, server_default="[]"),
    Column("causes_left_out", Integer, nullable=False, server_default="0"),
    Column("sources", Text, nullable=False, server_default="[]"),
    Column("elements", Text, nullable=False, server_default="[]"),
    Column("elements_left_out", Integer, nullable=False, server_default="0"),
    Column("energy_at_least_wh", Float),
    Column("unknown_s", Float),
    Column("duration_s", Float),
    Column("down_s", Float, nullable=False, server_default="0"),
    Column("clock_sets", Integer, nullable=False, server_default="0"),
    Column("clock_set_s", Float, nullable=False, server_default="0"),
)

ORDERS = Table(
    "orders",
    METADATA,
    Column("node", String(63), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("issued_ns", BigInteger, nullable=False, index=True),
    Column("expires_ns", BigInteger, nullable=False),
    Column("revokes", Text),
    Column("state", String(24), nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("state_ns", BigInteger),
    Column("sent", Integer, nullable=False),
    Column("last_sent_ns", BigInteger),
    Column("in_force_ns", BigInteger),
    Column("revoked_by", String(64)),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("time_ns", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

CURSORS = Table(
    "cursors",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("position", BigInteger, nullable=False),
)
