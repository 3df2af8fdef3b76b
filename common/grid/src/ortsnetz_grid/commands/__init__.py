"""The grid's sub-commands of `ortsnetz`, one module each."""
