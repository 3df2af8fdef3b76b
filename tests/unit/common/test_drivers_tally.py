"""What a driver says of itself: answers, failures by kind, the last reason in words."""

from __future__ import annotations

from ortsnetz_common.drivers.tally import Tally
from ortsnetz_common.drivers.values import DriverError, FailureKind


def test_waiting_for_the_next_attempt_keeps_the_reason_of_the_last_one() -> None:
    tally = Tally()
    tally.answered()
    refused = DriverError(FailureKind.UNREACHABLE, "nobody listens")
    assert tally.noted(refused) is refused
    tally.noted(DriverError(FailureKind.WAITING, "next attempt in 2 s"))
    said = tally.diagnosis(connected=False)
    assert (said.connected, said.answers, said.last_failure) == (False, 1, "nobody listens")
    assert said.failures == {FailureKind.UNREACHABLE: 1, FailureKind.WAITING: 1}


def test_what_was_lost_on_its_way_counts_as_gaps_and_is_none_where_nothing_was() -> None:
    tally = Tally()
    assert tally.diagnosis(connected=True).failures == {}
    said = tally.diagnosis(connected=True, counters={"reports": 5}, gaps=2)
    assert said.failures == {FailureKind.GAP: 2}
    assert said.counters == {"reports": 5}
    assert tally.diagnosis(connected=True).failures == {}
