"""Columns of sample records as Arrow batches, checked value by value."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ortsnetz_cockpit.core.timeseries.schema import SAMPLES
from ortsnetz_common.link.messages import Samples
from ortsnetz_common.measurement.quality import Quality

_VALIDITY = int(Quality.QUESTIONABLE)
_INVALID = int(Quality.INVALID)


class SampleError(ValueError):
    """A samples record that contradicts itself or its catalogue; the text says how."""


def sample_rows(
    record: Samples, stream: int, sequence: int, catalogue: Sequence[int]
) -> pa.RecordBatch:
    """Rows of one record.

    A value that is missing or not finite is stored as NULL and never as good: its validity
    becomes invalid.

    Args:
        record: columns of one cycle.
        stream: number of its stream.
        sequence: its sequence number.
        catalogue: point numbers by catalogue index.

    Raises:
        SampleError: no samples, columns of different length, an index without a point, a number
            out of range.
    """
    count = len(record.points)
    columns = (record.values, record.qualities, record.times_ns, record.time_qualities)
    if any(len(column) != count for column in columns):
        raise SampleError(f"columns of different length in a record of {count} points")
    if not count:
        raise SampleError("a record without samples")  # kept raw: every sequence leaves a trace
    if not 0 <= min(record.points) <= max(record.points) < len(catalogue):
        raise SampleError(f"a point index is outside the catalogue of {len(catalogue)} points")
    try:
        values = pa.array(record.values, pa.float64())
        qualities = pa.array(record.qualities, pa.uint16())
        times = pa.array(record.times_ns, pa.int64())
        time_qualities = pa.array(record.time_qualities, pa.uint8())
    except (pa.ArrowException, OverflowError) as error:
        raise SampleError(f"a number is out of range: {error}") from error
    values, qualities = _never_good_without_value(values, qualities)
    return pa.RecordBatch.from_arrays(
        [
            pa.repeat(pa.scalar(stream, pa.int32()), count),
            pa.repeat(pa.scalar(sequence, pa.int64()), count),
            pa.array([catalogue[index] for index in record.points], pa.int32()),
            times,
            values,
            qualities,
            pa.repeat(pa.scalar(int(record.origin), pa.uint8()), count),
            time_qualities,
        ],
        schema=SAMPLES,
    )


def _never_good_without_value(values: pa.Array, qualities: pa.Array) -> tuple[pa.Array, pa.Array]:
    finite = pc.fill_null(pc.is_finite(values), False)  # noqa: FBT003
    if pc.all(finite).as_py() is not False:
        return values, qualities
    nothing = pa.scalar(None, pa.float64())
    keep_details = pa.scalar(0xFFFF & ~_VALIDITY, pa.uint16())
    invalid = pc.bit_wise_or(
        pc.bit_wise_and(qualities, keep_details), pa.scalar(_INVALID, pa.uint16())
    )
    return pc.if_else(finite, values, nothing), pc.if_else(finite, qualities, invalid)
