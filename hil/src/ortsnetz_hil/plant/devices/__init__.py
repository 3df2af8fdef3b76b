"""Behaviour of the devices at the grid: pure models that are advanced step by step."""
