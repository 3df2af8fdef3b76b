"""The contract of field drivers, for those within the agent and those in a process of their own."""
