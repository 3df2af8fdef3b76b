"""Commands of the cockpit: `ortsnetz cockpit ...`."""
