"""What the node did to its devices, as far as it still has the records."""
