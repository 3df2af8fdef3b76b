"""Pseudo-measurements: what is believed about customers that nobody measures, or no longer."""
