"""Registry: nodes as the cockpit knows them, in a relational database."""
