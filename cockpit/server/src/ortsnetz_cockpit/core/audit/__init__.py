"""Audit: an append-only trail whose rows are chained by hashes."""
