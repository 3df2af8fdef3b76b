"""Parameter sets: all that makes one node behave as it does; versioned and signed."""
