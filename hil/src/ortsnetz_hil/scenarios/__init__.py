"""Scenario files: what is played, what goes wrong, what the device under test has to show."""
