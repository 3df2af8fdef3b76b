"""Derivatives of everything that is measured equal finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ortsnetz_grid.functions.state_estimation.jacobian import Frame, energised_matrix
from ortsnetz_grid.functions.state_estimation.places import Kind
from ortsnetz_grid.network.admittance import Admittance

STEP = 1e-6


@pytest.fixture(scope="module")
def frame(hamlet: Any) -> Frame:
    model = Admittance.of(hamlet.network)
    node = hamlet.truth["node"]
    rng = np.random.default_rng(3)
    voltage = node["u_pu"] * np.exp(1j * node["u_angle"])
    voltage = voltage * (1 + 0.01 * rng.normal(size=voltage.shape))
    return Frame.at(model, voltage, energised_matrix(model))


def moved(frame: Frame, step: np.ndarray) -> Frame:
    return Frame.at(frame.model, frame.moved(step), frame.matrix)


def difference(frame: Frame, measure: Any, direction: np.ndarray) -> np.ndarray:
    ahead, behind = (measure(moved(frame, sign * STEP * direction)) for sign in (1, -1))
    found: np.ndarray = (ahead - behind) / (2 * STEP)
    return found.ravel()


@pytest.fixture(scope="module")
def directions(frame: Frame) -> np.ndarray:
    return np.random.default_rng(4).normal(size=(5, 2 * frame.size))


def test_injections(frame: Frame, directions: np.ndarray) -> None:
    rows = frame.injection_rows()
    for direction in directions:
        expected = difference(frame, Frame.injected, direction)
        assert np.abs(rows @ direction - expected).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize(
    "kind",
    [
        Kind.BRANCH_FROM,
        Kind.BRANCH_TO,
        Kind.CURRENT_FROM,
        Kind.CURRENT_TO,
        Kind.LOCAL_CURRENT_FROM,
        Kind.LOCAL_CURRENT_TO,
    ],
)
def test_flows(frame: Frame, directions: np.ndarray, kind: Kind) -> None:
    places = np.arange(len(frame.model.branch_ids))
    rows = frame.flow_rows(kind, places)
    for direction in directions:
        expected = difference(frame, lambda at: at.flows(kind, places), direction)
        assert np.abs(rows @ direction - expected).max() < 1e-6 * np.abs(expected).max()


def test_a_step_moves_phasors_along_and_across_themselves(frame: Frame) -> None:
    step = np.zeros(2 * frame.size)
    step[4], step[frame.size + 7] = 0.01, 0.02
    moved = (frame.moved(step) - frame.voltage).ravel()
    turn = (frame.voltage / np.abs(frame.voltage)).ravel()
    assert moved[4] == pytest.approx(0.01 * turn[4])
    assert moved[7] == pytest.approx(0.02j * turn[7])
    assert np.count_nonzero(moved) == 2
