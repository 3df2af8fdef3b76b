"""Numbers in registers: bounds, what is not measured, and what equipment sees at its terminals."""

from __future__ import annotations

import math
import struct
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_hil.faults.specs import Missing
from ortsnetz_hil.plant.configuration import MeterClass, PlantMeter
from ortsnetz_hil.servers import registers, silence
from ortsnetz_hil.servers.instrument import Instrument
from ortsnetz_hil.servers.meter_device import MeterDevice
from ortsnetz_hil.servers.scene import Scene

FORMS = {
    "u16": (registers.u16, ">H", 0, 0xFFFE, 0xFFFF),
    "i16": (registers.i16, ">h", -0x7FFF, 0x7FFF, -0x8000),
    "u32": (registers.u32, ">I", 0, 0xFFFF_FFFE, 0xFFFF_FFFF),
    "i32": (registers.i32, ">i", -0x7FFF_FFFF, 0x7FFF_FFFF, -0x8000_0000),
}


def _read(form: str, words: list[int]) -> int:
    (value,) = struct.unpack(form, struct.pack(f">{len(words)}H", *words))
    return int(value)


@pytest.mark.parametrize("kind", FORMS)
@given(value=st.floats(allow_nan=False))
def test_a_value_is_rounded_and_stands_at_the_end_of_its_range_beyond_it(
    kind: str, value: float
) -> None:
    encode, form, lowest, highest, _ = FORMS[kind]
    shown = _read(form, encode([value]))
    assert lowest <= shown <= highest
    if lowest <= value <= highest:
        assert abs(shown - value) <= 0.5
    else:
        assert shown == (lowest if value < lowest else highest)


@pytest.mark.parametrize("kind", FORMS)
def test_what_is_not_measured_is_neither_zero_nor_any_other_value(kind: str) -> None:
    encode, form, _, _, absent = FORMS[kind]
    assert _read(form, encode([math.nan])) == absent
    assert math.isnan(struct.unpack(">f", struct.pack(">2H", *registers.f32([math.nan])))[0])


def _meter(phases: str, u_v: list[complex], load_s: list[complex]) -> MeterDevice:
    state = SimpleNamespace(
        u_v=np.array([[230.0, 230.0, 230.0]]), local_u_v=np.array([u_v]), load_s=np.array([load_s])
    )
    scene = Scene(step=cast("Any", SimpleNamespace(now_s=0.0, state=state)))
    spec = PlantMeter("m", "meter-customer", 0, 0, None, (0,), phases)
    return MeterDevice(spec, Instrument("m", phases, MeterClass("any", 0, 0), 1), scene, 0, [0])


def test_a_customer_meter_sees_the_phases_that_are_at_its_house() -> None:
    # cores swapped on the way: what the network calls phase b is at the house's terminal a
    shown = _meter("abc", [231.0, 229.0, 230.0], [10.0, 20.0, 30.0]).measured()
    assert shown.u == pytest.approx([231.0, 229.0, 230.0])
    turned = _meter("bca", [231.0, 229.0, 230.0], [10.0, 20.0, 30.0]).measured()
    assert turned.u == pytest.approx([229.0, 230.0, 231.0])
    assert turned.p == pytest.approx([20.0, 30.0, 10.0])


def test_a_house_without_supply_has_no_voltage_and_no_current() -> None:
    shown = _meter("abc", [complex(math.nan)] * 3, [0.0] * 3).measured()
    assert shown.u == pytest.approx([0.0] * 3)
    assert shown.i == pytest.approx([0.0] * 3)


def test_silence_on_the_command_line_is_a_missing_device() -> None:
    fault = silence.parse("ev-01@5-7.5", {"ev-01"})
    assert isinstance(fault, Missing)
    assert (fault.device, fault.first_s, fault.last_s) == ("ev-01", 5.0, 7.5)


@pytest.mark.parametrize("text", ["ev-01", "ev-01@7-5", "ev-01@5-5", "ev-99@5-7", "ev-01@a-b"])
def test_silence_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--silent"):
        silence.parse(text, {"ev-01"})
