"""Limiting: the least curtailment of devices that keeps a network inside its limits."""
