"""Power quality of streams of Sampled Values, in a process of its own.

Frames are received by a process of another distribution (`ortsnetz_iec61850.sampled_values`), the
only one that may listen on the network; here its blocks of samples become values.
"""
