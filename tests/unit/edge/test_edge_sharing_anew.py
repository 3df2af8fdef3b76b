"""Lowering that only shares out anew can wait; lowering that the network needs cannot."""

from __future__ import annotations

from itertools import cycle, pairwise

from feeder_loop import AMPERES, EV, Feeder, Played, crowd

from ortsnetz_edge.hosting.calls import DeviceLimit, LimitingResult

CROWD = 4


class Whims(Feeder):
    """A decision that gives one ampere to another car each second, and always the same in all."""

    whims = cycle(range(CROWD))
    kept = True

    def _once(self, deaf: frozenset[str], may_draw: object) -> LimitingResult:  # noqa: ARG002
        favoured = next(self.whims)
        limits = tuple(
            DeviceLimit(name, 690.0 * (11 if place == favoured else 10), "full", ("T1",))
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


def test_limits_that_the_network_needs_are_lowered_at_once() -> None:
    feeder = street()
    assert set(feeder.amounts().values()) <= {10.0, 11.0}
    assert feeder.now == 30.0
    fresh = Whims([Played(d, AMPERES, lambda _now: EV.rated_w) for d in crowd(CROWD)], 60e3)
    fresh.kept = False
    fresh.seconds(1)
    assert max(fresh.amounts().values()) <= 11.0


def test_whims_of_the_decision_do_not_move_limits_that_keep_everything() -> None:
    feeder = street()
    feeder.kept = True
    assert changes(feeder, 60) <= CROWD
    assert sum(feeder.amounts().values()) >= 10.0 * CROWD


def test_a_lower_share_that_lasts_is_taken_after_the_hold() -> None:
    fresh = Whims([Played(d, AMPERES, lambda _now: EV.rated_w) for d in crowd(CROWD)], 60e3)
    fresh.seconds(1)
    before = max(fresh.amounts().values())
    fresh.seconds(20)
    assert before >= 11.0
    assert max(fresh.amounts().values()) <= 11.0
