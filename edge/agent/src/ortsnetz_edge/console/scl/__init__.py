"""`ortsnetz edge scl`: what an SCL file says, for a technician, and a device profile from it."""
