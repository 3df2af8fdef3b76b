"""The DNP3 driver: a master on py1815, over TCP and TLS (IEEE 1815-2012)."""
