"""Each driver says how good it is; what it says is true, and the guide says the same."""

from __future__ import annotations

import pytest
from named_tests import ROOT, complaint

from ortsnetz_edge.drivers.assessment import (
    LEVELS,
    Assessment,
    Held,
    Level,
    NotApplicable,
    NotYet,
    Rule,
    held,
    level,
)
from ortsnetz_edge.drivers.assessment_table import assessment_of, renewed, rooms

GUIDE = ROOT / "docs" / "guides" / "writing-a-driver.md"
RENEW = f"python -m ortsnetz_edge.drivers.assessment_table {GUIDE.relative_to(ROOT)}"


def test_a_driver_answers_each_question_of_the_scale() -> None:
    for room in rooms():
        assessment = assessment_of(room)
        assert set(assessment) == set(Rule), room
        for rule, answer in assessment.items():
            match answer:
                case Held(tests):
                    assert tests, f"{room}, {rule}: held by nothing"
                case NotApplicable(why):
                    assert len(why) > 10, f"{room}, {rule}: why does it not apply?"
                case NotYet(missing):
                    assert len(missing) > 10, f"{room}, {rule}: what is missing?"


def test_the_tests_that_a_driver_names_exist() -> None:
    for room in rooms():
        answers = assessment_of(room).values()
        named = [test for answer in answers if isinstance(answer, Held) for test in answer.by]
        assert [words for test in named if (words := complaint(test))] == [], room


def test_the_guide_shows_the_levels_that_the_code_has() -> None:
    page = GUIDE.read_text("utf-8")
    assert page == renewed(page), f"out of date; renew it with: {RENEW}"


def test_each_question_belongs_to_one_level() -> None:
    asked = [rule for rules in LEVELS.values() for rule in rules]
    assert sorted(asked) == sorted(Rule)


def everything(but: dict[Rule, Held | NotApplicable | NotYet]) -> Assessment:
    return dict.fromkeys(Rule, held("tests/x.py::test_y")) | but


@pytest.mark.parametrize(
    ("but", "reached"),
    [
        ({}, Level.PLATINUM),
        ({Rule.SOAKED: NotYet("a soak")}, Level.GOLD),
        ({Rule.SECURED: NotYet("TLS"), Rule.SOAKED: NotYet("a soak")}, Level.SILVER),
        ({Rule.RECOVERS: NotYet("a reconnection")}, Level.BRONZE),
        ({Rule.DEADLINES: NotYet("a deadline")}, Level.NONE),
        ({Rule.SECURED: NotApplicable("a serial line")}, Level.PLATINUM),
    ],
)
def test_a_level_needs_all_its_rules_and_those_below(
    but: dict[Rule, Held | NotApplicable | NotYet], reached: Level
) -> None:
    assert level(everything(but)) is reached
    assert level({}) is Level.NONE


def test_a_test_that_does_not_exist_is_noticed() -> None:
    here = "tests/unit/edge/test_drivers_assess_themselves.py"
    assert complaint(f"{here}::test_a_test_that_does_not_exist_is_noticed") is None
    assert complaint("make test") is None
    for wrong in (
        f"{here}::test_nothing_of_the_kind",
        f"{here}::complaint",
        here,
        "tests/unit/edge/test_missing.py::test_x",
        "make coffee",
    ):
        assert complaint(wrong)
