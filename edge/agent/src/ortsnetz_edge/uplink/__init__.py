"""The uplink: sends the journal to the cockpit and forgets only what the cockpit has committed."""
