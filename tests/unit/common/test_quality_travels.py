"""Quality follows IEC 61850-7-3: validity in two bits, details beside it."""

from __future__ import annotations

import pytest

from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.quality import Quality, Validity, describe, is_usable, validity
from ortsnetz_common.measurement.sample import Sample


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (0b00, Validity.GOOD),
        (0b01, Validity.INVALID),
        (0b11, Validity.QUESTIONABLE),
        (0b10, Validity.INVALID),  # the reserved pattern is never trusted
    ],
)
def test_validity_takes_the_two_first_bits(bits: int, expected: Validity) -> None:
    assert validity(bits | Quality.OLD_DATA) is expected


@pytest.mark.parametrize(
    "quality",
    [Quality.INVALID, Quality.QUESTIONABLE, Quality.TEST, Quality.OPERATOR_BLOCKED, 0b10],
)
def test_only_good_values_enter_a_decision(quality: int) -> None:
    assert is_usable(Quality.GOOD)
    assert not is_usable(quality)


def test_a_sample_without_a_value_is_never_usable() -> None:
    assert not Sample(None, Quality.GOOD, Origin.MEASURED, 0, 0).usable
    assert Sample(0.0, Quality.GOOD, Origin.MEASURED, 0, 0).usable


def test_quality_is_described_in_words() -> None:
    assert describe(Quality.GOOD) == "good"
    assert describe(Quality.INVALID | Quality.OLD_DATA) == "invalid (old data)"
    assert (
        describe(Quality.QUESTIONABLE | Quality.FAILURE | Quality.TEST)
        == "questionable (failure, test)"
    )
