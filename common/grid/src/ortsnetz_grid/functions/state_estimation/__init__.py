"""State estimation: the most probable three-phase state, how sure it is, and who contradicts it."""

from ortsnetz_grid.functions.state_estimation.advice import Advice, where_to_measure
from ortsnetz_grid.functions.state_estimation.estimator import Estimator, Solution, estimate
from ortsnetz_grid.functions.state_estimation.measurements import measurements_from
from ortsnetz_grid.functions.state_estimation.result import (
    Measurements,
    RemovedSensor,
    Settings,
    StateEstimate,
)

__all__ = [
    "Advice",
    "Estimator",
    "Measurements",
    "RemovedSensor",
    "Settings",
    "Solution",
    "StateEstimate",
    "estimate",
    "measurements_from",
    "where_to_measure",
]
