"""Judging a run from the plant's truth."""
