"""The grid cockpit of a distribution system operator: one process that loses nothing."""
