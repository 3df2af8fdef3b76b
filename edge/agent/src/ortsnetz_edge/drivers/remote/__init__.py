"""Drivers in a process of their own, behind the socket contract of `link.driver_process`."""
