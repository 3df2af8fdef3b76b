"""Ratings that depend on time, from cycle to cycle: not knowing makes nothing admissible."""

from __future__ import annotations

from ortsnetz_common.parameters.parameter_set import Limits
from ortsnetz_common.parameters.ratings import ThermalRating, TimeLimitedRating
from ortsnetz_edge.control.branch_ratings import BranchRatings

CABLE, TRANSFORMER = 7, 9
LIMITS = Limits(
    ratings=(TimeLimitedRating(CABLE, loading=1.2, for_s=600.0, rest_s=1_200.0),),
    thermal=(ThermalRating(TRANSFORMER, ambient_c=20.0, loss_ratio=6.0),),
)


def test_an_evening_uses_up_what_a_cold_transformer_and_a_cable_may_carry_for_a_while() -> None:
    branches = BranchRatings(LIMITS)
    for now in range(12 * 3_600):
        allowed = branches.step({CABLE: 0.4, TRANSFORMER: 0.3}, now=now)
    assert allowed == {CABLE: 1.2, TRANSFORMER: 1.5}
    evening = range(now, now + 4 * 3_600)
    seen = [branches.step({CABLE: 1.1, TRANSFORMER: 1.4}, now=second) for second in evening]
    assert seen[-1][CABLE] == 1.0
    assert seen[-1][TRANSFORMER] < 1.4
    hot = branches.temperatures[TRANSFORMER]
    assert hot.top_oil_c > 60


def test_after_a_start_nothing_is_cold() -> None:
    branches = BranchRatings(LIMITS)
    warm = branches.allowed()[TRANSFORMER]
    for now in range(6 * 3_600):
        branches.step({CABLE: 0.1, TRANSFORMER: 0.1}, now=now)
    assert warm < branches.allowed()[TRANSFORMER]


def test_a_lost_state_never_lifts_what_is_admissible() -> None:
    branches = BranchRatings(LIMITS)
    for now in range(3_600):
        known = branches.step({CABLE: 0.9, TRANSFORMER: 0.9}, now=now)
    blind = [branches.step({}, now=3_600 + second) for second in range(3_600)]
    for element, allowed in known.items():
        way = [each[element] for each in blind]
        assert max(way) <= allowed + 1e-9
    assert blind[-1][CABLE] == 1.0


def test_a_restart_gives_nobody_his_time_anew() -> None:
    branches = BranchRatings(LIMITS)
    for now in range(4 * 3_600):
        before = branches.step({CABLE: 1.1, TRANSFORMER: branches.allowed()[TRANSFORMER]}, now=now)
    anew = BranchRatings(LIMITS)
    assert anew.allowed()[CABLE] == before[CABLE] == 1.0
    assert anew.allowed()[TRANSFORMER] <= before[TRANSFORMER] + 1e-3
    # and it is no dead end: after its rest the cable may be used again
    rested = [anew.step({CABLE: 0.9, TRANSFORMER: 0.9}, now=now) for now in range(1_202)]
    assert rested[-1][CABLE] == 1.2
