"""The bench's IED: a server whose model comes from an SCL file."""
