"""The technician's tools: probe a device that nobody has configured, check a node as a whole."""
