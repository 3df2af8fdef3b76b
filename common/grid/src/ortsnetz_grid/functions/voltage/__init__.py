"""What voltages ask of inverters and tap changers: characteristics and tap control. No numerics."""
