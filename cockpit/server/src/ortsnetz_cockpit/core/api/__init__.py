"""The REST API under /api/v1, the live feed, health and metrics."""
