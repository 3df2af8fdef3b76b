"""Acquisition: scans aligned to the clock, plausibility, and the process image frozen per cycle."""
