"""RMS values between instants that lie between samples."""

from __future__ import annotations

import numpy as np

from ortsnetz_grid.functions.power_quality.samples import Real


def running_squares(values: Real) -> Real:
    """Sum of the squares up to each edge between samples, shape (..., samples + 1)."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(np.square(values), axis=-1, out=sums[..., 1:])
    return sums


def rms_between(sums: Real, start: Real, end: Real) -> Real:
    """RMS between places in samples, of `running_squares`.

    A sample stands for the stretch half a sample to either side, so the first and the last count in
    part: this keeps the error of an unsynchronised rate to the second order.
    """
    edges = np.arange(len(sums), dtype=np.float64) - 0.5
    squares = np.interp(end, edges, sums) - np.interp(start, edges, sums)
    result: Real = np.sqrt(np.maximum(squares, 0.0) / (end - start))
    return result


def edge_weights(start: float, end: float) -> tuple[int, Real]:
    """First sample of a window and the share of every sample that lies in it."""
    first, last = int(np.floor(start + 0.5)), int(np.ceil(end - 0.5))
    weights = np.ones(last - first + 1)
    weights[0] = first + 0.5 - start
    weights[-1] = end - (last - 0.5)
    return first, weights
