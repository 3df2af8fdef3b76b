"""IEC 61850 in processes of their own: the node's driver and the bench's IED."""
