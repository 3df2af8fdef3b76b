"""Lowering that only shares out anew can wait; lowering that the network needs cannot."""

from __future__ import annotations

from itertools import cycle, pairwise

import pytest
from feeder_loop import AMPERES, EV, Feeder, Played, crowd

from ortsnetz_common.link.messages import SetpointSource
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.hosting.calls import DeviceLimit, LimitingResult

CROWD = 4


class Whims(Feeder):
    """A decision that gives one ampere to another car each second, and always the same in all."""

    whims = cycle(range(CROWD))
    kept = True
    ampere = 10

    def _once(self, deaf: frozenset[str], may_draw: object) -> LimitingResult:  # noqa: ARG002
        favoured = next(self.whims)
        limits = tuple(
            DeviceLimit(name, 690.0 * (self.ampere + (place == favoured)), "full", ("T1",))
            for place, name in enumerate(self.played)
        )
        if may_draw:  # the question about the present
            return LimitingResult("ok" if self.kept else "infeasible", self.kept, 0.98, ())
        return LimitingResult("limited", True, 0.98, limits)


def street() -> Whims:
    feeder = Whims([Played(d, AMPERES, lambda _now: EV.rated_w) for d in crowd(CROWD)], 60e3)
    feeder.kept = False
    feeder.seconds(30)
    return feeder


def changes(feeder: Feeder, seconds: int) -> int:
    log = []
    for _ in range(seconds):
        feeder.second()
        log.append(sum(feeder.amounts().values()))
    return sum(early != late for early, late in pairwise(log))


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "not kept"])
def test_a_lower_share_waits_only_where_the_present_limits_keep_everything(kept: bool) -> None:
    feeder = street()
    feeder.ampere, feeder.kept = 13, True
    feeder.seconds(60)
    assert min(feeder.amounts().values()) >= 13.0
    feeder.ampere, feeder.kept = 8, kept
    feeder.second()
    assert (min(feeder.amounts().values()) >= 13.0) == kept
    feeder.seconds(6)
    assert max(feeder.amounts().values()) <= 9.0


def test_whims_of_the_decision_do_not_move_limits_that_keep_everything() -> None:
    feeder = street()
    feeder.kept = True
    assert changes(feeder, 60) <= CROWD
    assert sum(feeder.amounts().values()) >= 10.0 * CROWD


def test_what_else_protects_the_network_waits_for_nothing() -> None:
    feeder = street()
    feeder.kept = True
    feeder.seconds(20)
    claim = Claim(SetpointSource.SAFETY, 8 * 690.0, "the voltage is high")
    feeder.external = {"ev-00": (claim,)}
    feeder.second()
    assert feeder.amounts()["ev-00"] == 8.0
