"""The driver in its process: the agent runs `python -m ortsnetz_iec61850.mms.process`."""
