"""Status codes of OPC UA (part 4, 7.39) as quality, and in words.

The severity stands in the two highest bits, the code in the upper half, flags in the lower.
"""

from __future__ import annotations

from collections.abc import Mapping

from asyncua.ua.status_codes import StatusCodes, get_name_and_doc

from ortsnetz_common.measurement.quality import Quality

_SEVERITY = 0xC0000000
_UNCERTAIN = 0x40000000
_CODE = 0xFFFF0000
_SEMANTICS_CHANGED = 0x4000
"""What the value means has changed, its unit for one (part 4, table 181)."""

_DOUBTFUL = Quality.QUESTIONABLE
_LOST = Quality.INVALID | Quality.FAILURE
_AWAY = Quality.INVALID | Quality.FAILURE | Quality.OLD_DATA
_UNKNOWN = Quality.INVALID | Quality.BAD_REFERENCE

QUALITIES: Mapping[int, Quality] = {
    StatusCodes.GoodLocalOverride: Quality.SUBSTITUTED,
    StatusCodes.GoodClamped: _DOUBTFUL | Quality.OUT_OF_RANGE,
    StatusCodes.GoodNoData: _LOST,
    StatusCodes.UncertainNoCommunicationLastUsableValue: _DOUBTFUL | Quality.OLD_DATA,
    StatusCodes.UncertainLastUsableValue: _DOUBTFUL | Quality.OLD_DATA,
    StatusCodes.UncertainSubstituteValue: _DOUBTFUL | Quality.SUBSTITUTED,
    StatusCodes.UncertainInitialValue: _DOUBTFUL | Quality.OLD_DATA,
    StatusCodes.UncertainSensorNotAccurate: _DOUBTFUL | Quality.INACCURATE,
    StatusCodes.UncertainSensorCalibration: _DOUBTFUL | Quality.INACCURATE,
    StatusCodes.UncertainSubNormal: _DOUBTFUL | Quality.INCONSISTENT,
    StatusCodes.UncertainDataSubNormal: _DOUBTFUL | Quality.INCONSISTENT,
    StatusCodes.UncertainConfigurationError: _DOUBTFUL | Quality.INCONSISTENT,
    StatusCodes.UncertainEngineeringUnitsExceeded: _DOUBTFUL | Quality.OUT_OF_RANGE,
    StatusCodes.UncertainOverRange: _DOUBTFUL | Quality.OUT_OF_RANGE,
    StatusCodes.UncertainUnderRange: _DOUBTFUL | Quality.OUT_OF_RANGE,
    StatusCodes.UncertainSimulatedValue: _DOUBTFUL | Quality.TEST,
    StatusCodes.UncertainTransducerInManual: _DOUBTFUL | Quality.OPERATOR_BLOCKED,
    StatusCodes.BadCommunicationError: _AWAY,
    StatusCodes.BadNoCommunication: _AWAY,
    StatusCodes.BadNotConnected: _AWAY,
    StatusCodes.BadTimeout: _AWAY,
    StatusCodes.BadWaitingForInitialData: _AWAY,
    StatusCodes.BadDeviceFailure: _LOST,
    StatusCodes.BadSensorFailure: _LOST,
    StatusCodes.BadOutOfService: Quality.INVALID | Quality.OPERATOR_BLOCKED,
    StatusCodes.BadConfigurationError: Quality.INVALID | Quality.INCONSISTENT,
    StatusCodes.BadNodeIdUnknown: _UNKNOWN,
    StatusCodes.BadNodeIdInvalid: _UNKNOWN,
    StatusCodes.BadAttributeIdInvalid: _UNKNOWN,
    StatusCodes.BadIndexRangeNoData: _UNKNOWN,
    StatusCodes.BadNotReadable: _UNKNOWN,
    StatusCodes.BadUserAccessDenied: _UNKNOWN,
    StatusCodes.BadNotSupported: _UNKNOWN,
    StatusCodes.BadDataEncodingUnsupported: _UNKNOWN,
}
"""Codes that say more than their severity. Any other: good, questionable, or invalid by failure."""


def quality(code: int) -> int:
    """Quality of a value with this status code, bits of `measurement.quality`."""
    if code == 0:
        return 0
    found = QUALITIES.get(code & _CODE)
    if found is None:
        severity = code & _SEVERITY
        found = Quality.GOOD if not severity else _DOUBTFUL if severity == _UNCERTAIN else _LOST
    if code & _SEMANTICS_CHANGED and not found & Quality.INVALID:
        found |= _DOUBTFUL | Quality.INCONSISTENT
    return int(found)


def is_bad(code: int) -> bool:
    """Whether the code says that there is no value, or that nothing was done."""
    return code & 0x80000000 != 0


def words(code: int) -> str:
    """A status code for people: `BadOutOfRange: The value was out of range.`."""
    name, text = get_name_and_doc(code & _CODE)
    return f"{name}: {text}" if text and text != name else str(name)
