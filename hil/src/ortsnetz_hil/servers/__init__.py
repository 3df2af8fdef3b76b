"""The protocol servers through which the plant is seen, and the loop that keeps it alive."""
