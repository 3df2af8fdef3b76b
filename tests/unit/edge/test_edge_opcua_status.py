"""Status codes become quality: each of the standard's severities, and each code that says more."""

from __future__ import annotations

import pytest
from asyncua.ua.status_codes import StatusCodes

from ortsnetz_common.measurement.quality import Quality, Validity, is_usable, validity
from ortsnetz_edge.drivers.opcua.status import QUALITIES, is_bad, quality, words

GOOD, DOUBTFUL, INVALID = Validity.GOOD, Validity.QUESTIONABLE, Validity.INVALID

# numbers from OPC UA part 6, annex A (StatusCode.csv) and part 8, 5.4.3.2, not from the library
TABLE = [
    (0x00000000, GOOD, Quality.GOOD),
    (0x00960000, GOOD, Quality.SUBSTITUTED),  # GoodLocalOverride
    (0x002E0000, GOOD, Quality.GOOD),  # GoodCompletesAsynchronously
    (0x00300000, DOUBTFUL, Quality.OUT_OF_RANGE),  # GoodClamped
    (0x40000000, DOUBTFUL, Quality.GOOD),  # Uncertain
    (0x408F0000, DOUBTFUL, Quality.OLD_DATA),  # UncertainNoCommunicationLastUsableValue
    (0x40900000, DOUBTFUL, Quality.OLD_DATA),  # UncertainLastUsableValue
    (0x40910000, DOUBTFUL, Quality.SUBSTITUTED),  # UncertainSubstituteValue
    (0x40920000, DOUBTFUL, Quality.OLD_DATA),  # UncertainInitialValue
    (0x40930000, DOUBTFUL, Quality.INACCURATE),  # UncertainSensorNotAccurate
    (0x40940000, DOUBTFUL, Quality.OUT_OF_RANGE),  # UncertainEngineeringUnitsExceeded
    (0x40950000, DOUBTFUL, Quality.INCONSISTENT),  # UncertainSubNormal
    (0x42090000, DOUBTFUL, Quality.TEST),  # UncertainSimulatedValue
    (0x80000000, INVALID, Quality.FAILURE),  # Bad
    (0x80050000, INVALID, Quality.FAILURE | Quality.OLD_DATA),  # BadCommunicationError
    (0x808A0000, INVALID, Quality.FAILURE | Quality.OLD_DATA),  # BadNotConnected
    (0x80310000, INVALID, Quality.FAILURE | Quality.OLD_DATA),  # BadNoCommunication
    (0x80320000, INVALID, Quality.FAILURE | Quality.OLD_DATA),  # BadWaitingForInitialData
    (0x80340000, INVALID, Quality.BAD_REFERENCE),  # BadNodeIdUnknown
    (0x80330000, INVALID, Quality.BAD_REFERENCE),  # BadNodeIdInvalid
    (0x803A0000, INVALID, Quality.BAD_REFERENCE),  # BadNotReadable
    (0x808B0000, INVALID, Quality.FAILURE),  # BadDeviceFailure
    (0x808C0000, INVALID, Quality.FAILURE),  # BadSensorFailure
    (0x808D0000, INVALID, Quality.OPERATOR_BLOCKED),  # BadOutOfService
    (0xC0000000, INVALID, Quality.FAILURE),  # reserved: to be treated as bad (part 4, 7.39.1)
]


@pytest.mark.parametrize(("code", "valid", "said"), TABLE, ids=lambda value: f"{value!r:.20}")
def test_a_status_code_has_a_quality(code: int, valid: Validity, said: Quality) -> None:
    found = quality(code)
    assert validity(found) is valid
    assert found & ~int(Quality.QUESTIONABLE) == int(said)


def test_flags_in_the_lower_half_change_nothing_about_the_code() -> None:
    overflow, low_limited = 0x0480, 0x0500
    assert quality(0x40900000 | overflow) == quality(0x40900000)
    assert quality(low_limited) == 0


def test_a_value_whose_meaning_has_changed_is_not_used() -> None:
    semantics_changed = 0x4000
    assert not is_usable(quality(semantics_changed))
    assert validity(quality(0x80050000 | semantics_changed)) is INVALID


@pytest.mark.parametrize("code", QUALITIES)
def test_no_code_that_is_not_good_is_used(code: int) -> None:
    good = code & 0xC0000000 == 0 and code != StatusCodes.GoodClamped
    assert is_usable(quality(code)) == (good and code != StatusCodes.GoodNoData)
    assert is_bad(code) == (code >= 0x80000000)


def test_status_codes_are_said_in_words() -> None:
    assert words(0x803C0000).startswith("BadOutOfRange")
    assert "out of range" in words(0x803C0480)
    assert words(0x9FFF0000)  # one that nobody has defined
