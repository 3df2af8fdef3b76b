"""Device profiles: what a maker's device holds where, as data; compiled for one source."""
