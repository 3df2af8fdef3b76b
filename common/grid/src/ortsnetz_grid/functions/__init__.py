"""Pure computations: (network, snapshot, settings) -> result. No I/O, no global state, no clock."""
