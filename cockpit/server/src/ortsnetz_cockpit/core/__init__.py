"""What belongs to every cockpit: ingest, registry, time series, alarms, access, audit, API."""
