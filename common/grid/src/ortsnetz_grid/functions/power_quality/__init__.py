"""Power quality from samples: quantities, events, intervals and the weekly report. Pure, no clock.

Samples with their instants and flags go in, and the state of the last call; windows, events and the
new state come out. Missing samples make missing windows, never numbers.
"""
