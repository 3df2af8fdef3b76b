"""Whether all that a scenario plans took place; judged in every run, asked for or not."""

from __future__ import annotations

from collections import Counter

from ortsnetz_hil.verdict.criteria_values import Judgement, unjudged
from ortsnetz_hil.verdict.recording import CannotJudgeError, Recording

SENTENCE = "everything took place"


def everything_took_place(recording: Recording) -> Judgement:
    """Passed if each fault and event of the scenario took place and none failed.

    A run in which less goes wrong than planned shows less than it says, whether or not a
    criterion speaks of what is missing.
    """
    try:
        happened = Counter(one.name for one in recording.happened())
    except CannotJudgeError as error:
        return unjudged(SENTENCE, error)
    planned = Counter(recording.scenario.happenings())
    failed = [
        f"{entry.what} failed at {entry.at_s:.1f} s" + (f": {entry.detail}" if entry.detail else "")
        for entry in recording.timeline or ()
        if entry.state == "failed"
    ]
    absent = [f"'{name}' did not take place" for name in sorted((planned - happened).elements())]
    found = [*failed, *absent]
    if found:
        return Judgement(SENTENCE, passed=False, words="; ".join(found))
    count = planned.total()
    words = f"{count} faults and events" if count else "nothing was planned"
    return Judgement(SENTENCE, passed=True, words=words)
