"""The grid: three-phase network model and the pure functions that edge and cockpit host."""
