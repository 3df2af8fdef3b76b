"""Time series: the transactional log of samples and events, and queries on it (DuckDB)."""
