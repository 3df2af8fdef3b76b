"""Drivers: the only rooms that speak a field protocol; found by entry point."""
