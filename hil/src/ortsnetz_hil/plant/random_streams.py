"""Randomness of the bench: everything from one seed, each purpose from its own stream."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for a purpose, so that a new purpose does not change the others.

    Args:
        seed: seed of the whole plant, not negative.
        purpose: what is drawn, e.g. `sessions` or `noise of ev-07`.
    """
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])
