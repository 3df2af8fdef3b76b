"""What is remembered of meters from cycle to cycle."""

from __future__ import annotations

import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_grid.functions.state_estimation.pseudo.ageing import FORGOTTEN_S, LastKnown
from ortsnetz_grid.functions.state_estimation.pseudo.memory import Memory

FULL = Reading((230.0, 231.0, 229.0), (100.0, 200.0, 300.0), (10.0, 20.0, 30.0))
NEWER = Reading((228.0, 228.0, 228.0), (110.0, 210.0, 310.0), (11.0, 21.0, 31.0))
ONE_SILENT = Reading((230.0, None, 229.0), (100.0, None, 300.0), (10.0, None, 30.0))


def test_the_newest_complete_reading_is_remembered() -> None:
    memory = Memory().after({"meter": FULL}, 10.0).after({"meter": NEWER}, 11.0)
    assert memory.last(15.0) == {"meter": LastKnown(NEWER, 4.0)}


def test_a_silent_meter_is_remembered_as_long_as_it_is_silent() -> None:
    memory = Memory().after({"meter": FULL}, 10.0)
    for second in range(11, 100):
        memory = memory.after({}, float(second))
        memory = memory.after({"meter": Reading()}, float(second))
    assert memory.last(100.0) == {"meter": LastKnown(FULL, 90.0)}


def test_a_meter_that_lost_a_terminal_is_remembered_with_all_of_them() -> None:
    memory = Memory().after({"meter": FULL}, 10.0).after({"meter": ONE_SILENT}, 11.0)
    assert memory.last(12.0) == {"meter": LastKnown(FULL, 2.0)}
    back = memory.after({"meter": NEWER}, 13.0)
    assert back.last(13.0) == {"meter": LastKnown(NEWER, 0.0)}


def test_what_is_forgotten_makes_room_for_less() -> None:
    memory = Memory().after({"meter": FULL}, 0.0)
    assert memory.after({"meter": ONE_SILENT}, FORGOTTEN_S).readings["meter"] is FULL
    later = memory.after({"meter": ONE_SILENT}, FORGOTTEN_S + 1)
    assert later.readings["meter"] is ONE_SILENT


def test_who_never_said_anything_is_not_remembered() -> None:
    assert Memory().after({"meter": Reading(limit_w=4200.0)}, 1.0).last(2.0) == {}


def test_a_clock_that_goes_back_is_refused() -> None:
    memory = Memory().after({"meter": FULL}, 10.0)
    with pytest.raises(InputError, match="'meter' was remembered 1 s after"):
        memory.after({"meter": NEWER}, 9.0)
    with pytest.raises(InputError, match="a last reading is -1"):
        memory.last(9.0)
