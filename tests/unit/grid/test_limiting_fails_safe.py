"""Whatever goes wrong in the search, a verified point is the answer."""

from __future__ import annotations

import numpy as np
import pytest
from limiting_feeder import WIDE, Feeder, Truth, factors

from ortsnetz_grid.functions.congestion import one_decision, programme
from ortsnetz_grid.functions.congestion.problem import Infeasible, Settings
from ortsnetz_grid.functions.congestion.result import Status
from ortsnetz_grid.functions.congestion.search import Search


@pytest.mark.parametrize("broken", ["solve", "slopes"])
def test_a_failing_search_still_gives_a_verified_point(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeder = Feeder(transformer_va=50e3)
    for node in (3, 4, 5):
        feeder.device(node, (9000.0,) * 3, (1400.0,) * 3)

    def fails(*_: object, **__: object) -> None:
        raise FloatingPointError("made up")

    if broken == "solve":
        monkeypatch.setattr(programme.daqp, "solve", fails)
    else:
        monkeypatch.setattr(Search, "_linearised", fails)
    result = feeder.decide(WIDE)
    assert result.status is Status.LIMITED
    assert result.verified
    assert "made up" in result.trouble
    assert Truth(feeder).room(factors(result), WIDE).min() >= -1e-7


def test_a_solver_that_gives_up_leaves_a_verified_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programme, "_daqp", lambda *_, **__: None)
    feeder = Feeder(transformer_va=50e3)
    feeder.device(4, (25e3,) * 3, (1400.0,) * 3)
    result = feeder.decide(WIDE)
    assert result.status is Status.LIMITED
    assert Truth(feeder).room(factors(result), WIDE).min() >= -1e-7


def test_trouble_with_steps_leaves_the_answer_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> None:
        raise np.linalg.LinAlgError("made up")

    monkeypatch.setattr(one_decision, "given_back", fails)
    feeder = Feeder(transformer_va=40e3)
    feeder.device(4, (25e3,) * 3, step_w=690.0)
    settings = Settings(infeasible=Infeasible.LEAST_EXCESS)
    result = feeder.decide(WIDE, settings=settings)
    assert result.verified
    assert "made up" in result.trouble
