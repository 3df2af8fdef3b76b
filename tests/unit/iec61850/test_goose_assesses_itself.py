"""The GOOSE driver is a package of its own, and says how good it is all the same."""

from __future__ import annotations

from named_tests import ROOT, complaint

from ortsnetz_edge.drivers.assessment import Held, Rule, level
from ortsnetz_edge.drivers.assessment_table import missing_for, word
from ortsnetz_iec61850.goose.assessment import ASSESSMENT

GUIDE = ROOT / "docs" / "guides" / "writing-a-driver.md"


def test_it_answers_each_question_with_tests_that_exist() -> None:
    assert set(ASSESSMENT) == set(Rule)
    named = [test for one in ASSESSMENT.values() if isinstance(one, Held) for test in one.by]
    assert [words for test in named if (words := complaint(test))] == []


def test_the_guide_shows_the_level_that_it_has() -> None:
    missing = "; ".join(f"{rule}: {what}" for rule, what in missing_for(ASSESSMENT))
    row = f"| `goose` | {word(level(ASSESSMENT))} | {missing or '-'} |"
    assert row in GUIDE.read_text("utf-8").splitlines(), f"the row has to be: {row}"
