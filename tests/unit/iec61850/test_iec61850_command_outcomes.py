"""What a command that failed has come to: refused in words, or nobody knows."""

from __future__ import annotations

import pytest

from ortsnetz_iec61850.library.control import ControlRefusedError, outcome_of
from ortsnetz_iec61850.library.errors import LibraryError
from ortsnetz_iec61850.mms.failures import ends_connection

OBJECT = "CP1/DECP1.ALim"


@pytest.mark.parametrize("code", [0, 1, 3, 4, 5, 6, 13, 20, 34, 98, 99])
def test_an_operate_without_an_answer_is_not_refused_and_ends_its_connection(code: int) -> None:
    outcome = outcome_of("operate", OBJECT, code, 0, 0)
    assert isinstance(outcome, LibraryError)
    assert ends_connection(outcome), "its termination may come, and be taken for the next one's"


@pytest.mark.parametrize(
    ("step", "code", "error", "cause", "words"),
    [
        ("operate", 21, 0, 10, "blocked by interlocking (10)"),
        ("operate", 99, 1, 12, "command already in execution (12)"),
        ("operate", 21, 0, 0, "access denied"),
        ("select", 0, 0, 0, "access denied"),
        ("select", 21, 0, 19, "object already selected (19)"),
    ],
)
def test_a_device_that_says_no_has_refused(
    step: str, code: int, error: int, cause: int, words: str
) -> None:
    outcome = outcome_of(step, OBJECT, code, error, cause)
    assert isinstance(outcome, ControlRefusedError)
    assert str(outcome) == f"{step} {OBJECT}: refused: {words}"
