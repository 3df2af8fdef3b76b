"""Tables of the transactional log.

A *stream* is one epoch of one node; its watermark is the highest contiguous sequence. Everything
that a batch brings is written in one transaction together with the watermark of its stream.
"""

from __future__ import annotations

import pyarrow as pa

TABLES = """
CREATE TABLE IF NOT EXISTS streams (
    stream INTEGER PRIMARY KEY, node VARCHAR NOT NULL, epoch VARCHAR NOT NULL,
    watermark BIGINT NOT NULL, created_ns BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS points (
    point INTEGER PRIMARY KEY, node VARCHAR NOT NULL, name VARCHAR NOT NULL,
    unit VARCHAR NOT NULL, element BIGINT);
CREATE TABLE IF NOT EXISTS catalogue (
    stream INTEGER NOT NULL, idx INTEGER NOT NULL, point INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS facts (
    stream INTEGER NOT NULL, sequence BIGINT NOT NULL, parameters_hash VARCHAR NOT NULL,
    network VARCHAR, station VARCHAR);
CREATE TABLE IF NOT EXISTS samples (
    stream INTEGER NOT NULL, sequence BIGINT NOT NULL, point INTEGER NOT NULL,
    time_ns BIGINT NOT NULL, value DOUBLE, quality USMALLINT NOT NULL, origin UTINYINT NOT NULL,
    time_quality UTINYINT NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    position BIGINT NOT NULL, stream INTEGER NOT NULL, sequence BIGINT NOT NULL,
    kind VARCHAR NOT NULL, time_ns BIGINT NOT NULL, body VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS setpoints (
    position BIGINT NOT NULL, stream INTEGER NOT NULL, device VARCHAR NOT NULL,
    limit_w DOUBLE NOT NULL);
CREATE TABLE IF NOT EXISTS adjustments (
    position BIGINT NOT NULL, stream INTEGER NOT NULL, device VARCHAR NOT NULL,
    quantity VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS quarantine (
    stream INTEGER NOT NULL, sequence BIGINT NOT NULL, received_ns BIGINT NOT NULL,
    reason VARCHAR NOT NULL, raw BLOB NOT NULL);
CREATE OR REPLACE VIEW sample_log AS
    SELECT streams.node AS node, epoch, sequence, samples.point AS point, name, unit, time_ns,
           value, quality, origin, time_quality
    FROM samples JOIN streams USING (stream) JOIN points ON samples.point = points.point;
"""

SAMPLES = pa.schema(
    [
        ("stream", pa.int32()),
        ("sequence", pa.int64()),
        ("point", pa.int32()),
        ("time_ns", pa.int64()),
        ("value", pa.float64()),
        ("quality", pa.uint16()),
        ("origin", pa.uint8()),
        ("time_quality", pa.uint8()),
    ]
)
POINTS = pa.schema(
    [
        ("point", pa.int32()),
        ("node", pa.string()),
        ("name", pa.string()),
        ("unit", pa.string()),
        ("element", pa.int64()),
    ]
)
CATALOGUE = pa.schema([("stream", pa.int32()), ("idx", pa.int32()), ("point", pa.int32())])
EVENTS = pa.schema(
    [
        ("position", pa.int64()),
        ("stream", pa.int32()),
        ("sequence", pa.int64()),
        ("kind", pa.string()),
        ("time_ns", pa.int64()),
        ("body", pa.string()),
    ]
)
SETPOINTS = pa.schema(
    [
        ("position", pa.int64()),
        ("stream", pa.int32()),
        ("device", pa.string()),
        ("limit_w", pa.float64()),
    ]
)
ADJUSTMENTS = pa.schema(
    [
        ("position", pa.int64()),
        ("stream", pa.int32()),
        ("device", pa.string()),
        ("quantity", pa.string()),
    ]
)
