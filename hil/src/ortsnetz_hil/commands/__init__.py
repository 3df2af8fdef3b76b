"""Sub-commands of `ortsnetz` that the bench adds."""
