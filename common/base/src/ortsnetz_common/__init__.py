"""The shared language of Ortsnetz: what edge, cockpit and bench agree on.

No numerics, no I/O but files.
"""
