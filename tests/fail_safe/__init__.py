"""A field of small substations whose agents are real processes, and what can be taken from them."""
