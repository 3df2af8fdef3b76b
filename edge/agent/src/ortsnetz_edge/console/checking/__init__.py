"""`ortsnetz edge check`: a node's whole configuration, off-line and on-line, point by point."""
