"""The journal: what it has taken in is durable until the cockpit has committed it."""
