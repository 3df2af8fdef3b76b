"""MMS client: connection, browsing, reading, reports, control, and the driver process."""
