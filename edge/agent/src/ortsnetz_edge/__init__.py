"""The edge agent of a secondary substation: acquires, estimates, limits, and loses nothing."""
