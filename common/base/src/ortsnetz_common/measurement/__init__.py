"""Points, samples, quality, origin and time: what travels with every value."""
