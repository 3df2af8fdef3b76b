"""An example of a driver: devices that speak lines of text over TCP."""
