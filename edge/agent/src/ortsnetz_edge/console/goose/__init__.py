"""`ortsnetz edge goose`: what is multicast on an interface, for a technician."""
