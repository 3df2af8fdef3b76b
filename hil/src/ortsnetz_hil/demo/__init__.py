"""The closed loop on one machine: prepares a run directory, starts everything, judges the run."""
