"""Physical plausibility: numbers that no grid has, rule by rule."""
