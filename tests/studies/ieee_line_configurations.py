"""Line configurations of the IEEE test feeders, for the OpenDSS files that refer to them.

Source: IEEE PES Distribution System Analysis Subcommittee, 'IEEE 34, 37 and 123 Node Test Feeder',
tables of the line configurations: phase impedance and susceptance matrices at 60 Hz. OpenDSS's
input of these feeders expects them in a file `IEEELineCodes.DSS`.
"""

from __future__ import annotations

import math
from pathlib import Path

Triangle = tuple[float, ...]

# lower triangles, row by row: ohm per mile, ohm per mile, microsiemens per mile
_PUBLISHED: dict[int, tuple[Triangle, Triangle, Triangle]] = {
    1: (
        (0.4576, 0.1560, 0.4666, 0.1535, 0.1580, 0.4615),
        (1.0780, 0.5017, 1.0482, 0.3849, 0.4236, 1.0651),
        (5.6765, -1.8319, 5.9809, -0.6982, -1.1645, 5.3971),
    ),
    7: ((0.4576, 0.1535, 0.4615), (1.0780, 0.3849, 1.0651), (5.1154, -1.0549, 5.1704)),
    9: ((1.3292,), (1.3475,), (4.5193,)),
    12: (
        (1.5209, 0.5198, 1.5329, 0.4924, 0.5198, 1.5209),
        (0.7521, 0.2775, 0.7162, 0.2157, 0.2775, 0.7521),
        (67.2242, 0, 67.2242, 0, 0, 67.2242),
    ),
    300: (
        (1.3368, 0.2101, 1.3238, 0.2130, 0.2066, 1.3294),
        (1.3343, 0.5779, 1.3569, 0.5015, 0.4591, 1.3471),
        (5.3350, -1.5313, 5.0979, -0.9943, -0.6212, 4.8880),
    ),
    301: (
        (1.9300, 0.2327, 1.9157, 0.2359, 0.2288, 1.9219),
        (1.4115, 0.6442, 1.4281, 0.5691, 0.5238, 1.4209),
        (5.1207, -1.4364, 4.9055, -0.9402, -0.5951, 4.7154),
    ),
    302: ((2.7995,), (1.4855,), (4.2251,)),
    304: ((1.9217,), (1.4212,), (4.3637,)),
    721: (
        (0.2926, 0.0673, 0.2646, 0.0337, 0.0673, 0.2926),
        (0.1973, -0.0368, 0.1900, -0.0417, -0.0368, 0.1973),
        (159.7919, 0, 159.7919, 0, 0, 159.7919),
    ),
    722: (
        (0.4751, 0.1629, 0.4488, 0.1234, 0.1629, 0.4751),
        (0.2973, -0.0326, 0.2678, -0.0607, -0.0326, 0.2973),
        (127.8306, 0, 127.8306, 0, 0, 127.8306),
    ),
    723: (
        (1.2936, 0.4871, 1.3022, 0.4585, 0.4871, 1.2936),
        (0.6713, 0.2111, 0.6326, 0.1521, 0.2111, 0.6713),
        (74.8405, 0, 74.8405, 0, 0, 74.8405),
    ),
    724: (
        (2.0952, 0.5204, 2.1068, 0.4926, 0.5204, 2.0952),
        (0.7758, 0.2738, 0.7398, 0.2123, 0.2738, 0.7758),
        (60.2483, 0, 60.2483, 0, 0, 60.2483),
    ),
}
# other phasings of the same conductors on the same poles: configuration, and which conductor of it
# each phase is
_PHASINGS = {
    2: (1, (1, 2, 0)),
    3: (1, (2, 0, 1)),
    4: (1, (2, 1, 0)),
    5: (1, (1, 0, 2)),
    6: (1, (0, 2, 1)),
    8: (7, (0, 1)),
    10: (9, (0,)),
    11: (9, (0,)),
    303: (302, (0,)),
}
_THOUSAND_FEET_PER_MILE = 5.28
_OMEGA = 2 * math.pi * 60


def write_line_codes(path: Path) -> None:
    """Write the OpenDSS file: ohm and nF per 1000 feet."""
    codes = {number: (number, tuple(range(_size(number)))) for number in _PUBLISHED} | _PHASINGS
    path.write_text("\n".join(_code(number, *codes[number]) for number in sorted(codes)) + "\n")


def _size(number: int) -> int:
    return {1: 1, 3: 2, 6: 3}[len(_PUBLISHED[number][0])]


def _code(number: int, published: int, order: tuple[int, ...]) -> str:
    scales = 1, 1, 1e3 / _OMEGA  # microsiemens to nF
    matrices = (
        f"{letter}matrix=({_rows(triangle, order, scale / _THOUSAND_FEET_PER_MILE)})"
        for letter, triangle, scale in zip("rxc", _PUBLISHED[published], scales, strict=True)
    )
    # only the file of the 34-node feeder says in which unit its lengths are
    units = " units=kft" if 300 <= number < 400 else ""
    return f"New linecode.{number} nphases={len(order)} basefreq=60{units} " + " ".join(matrices)


def _rows(triangle: Triangle, order: tuple[int, ...], scale: float) -> str:
    def value(i: int, j: int) -> float:
        row, column = max(order[i], order[j]), min(order[i], order[j])
        return triangle[row * (row + 1) // 2 + column] * scale

    return " | ".join(
        " ".join(f"{value(i, j):.9g}" for j in range(i + 1)) for i in range(len(order))
    )
