"""Where SunSpec's models begin in a device: by its chain, never by a fixed address."""

from __future__ import annotations

import pytest

from ortsnetz_edge.profiles.references.modbus import ModbusSyntax
from ortsnetz_edge.profiles.references.sunspec import MOST_MODELS, ChainWalk, Model, resolved

SUNS = [0x5375, 0x6E53]  # SunSpec Information Model Specification 1.9, 6.2
END = [0xFFFF, 0]
MODBUS = ModbusSyntax()

Device = dict[int, int]


def device(base: int, *models: tuple[int, int], end: list[int] | None = None) -> Device:
    """Registers of a device: the marker, models of number and length, the end; bodies are zero."""
    words = list(SUNS)
    for number, length in models:
        words += [number, length, *([0] * length)]
    words += END if end is None else end
    return dict(enumerate(words, base))


def walked(registers: Device) -> tuple[ChainWalk, list[int]]:
    """The walk through a device that answers exception 2 where it has no registers."""
    walk, asked = ChainWalk(), []
    while walk.wanted is not None:
        at = walk.wanted
        asked.append(at)
        here = [registers[at + n] for n in (0, 1) if at + n in registers]
        walk.take(here if len(here) == 2 else None)
    return walk, asked


@pytest.mark.parametrize("base", [40000, 50000, 0])
def test_models_are_found_behind_the_marker_wherever_it_stands(base: int) -> None:
    walk, _ = walked(device(base, (1, 66), (103, 50), (123, 24)))
    # lengths of the published models: 1 has 66 registers after its header, 103 has 50, 123 has 24
    assert walk.models == {
        1: Model(1, base + 2, 68),
        103: Model(103, base + 70, 52),
        123: Model(123, base + 122, 26),
    }


def test_the_order_of_the_models_is_the_makers_choice() -> None:
    walk, _ = walked(device(40000, (1, 65), (160, 48), (123, 24), (103, 50)))
    # a common model of 65 registers, as older devices have it, moves all others by one
    assert walk.models[103].address == 40000 + 2 + 67 + 50 + 26


def test_each_address_is_asked_once_and_no_more_than_the_chain_needs() -> None:
    _, asked = walked(device(50000, (1, 66), (701, 153)))
    assert asked == [40000, 50000, 50002, 50070, 50225]


def test_of_two_models_alike_the_first_is_taken() -> None:
    walk, _ = walked(device(0, (1, 66), (103, 50), (103, 50)))
    assert walk.models[103].address == 70


def test_a_chain_may_end_with_a_single_register() -> None:
    walk, _ = walked(device(40000, (1, 66), (113, 60), end=[0xFFFF]))
    assert set(walk.models) == {1, 113}


def test_a_device_without_the_marker_does_not_speak_sunspec() -> None:
    with pytest.raises(ValueError, match="no 'SunS' at 40000, 50000, 0"):
        walked({40000: 1, 40001: 2})


@pytest.mark.parametrize("length", [0, 0xFFFF])
def test_a_chain_that_leads_nowhere_is_refused_with_its_address(length: int) -> None:
    broken = device(40000, (1, 66)) | {40070: 0, 40071: length}
    with pytest.raises(ValueError, match="broken at holding/40070: model 0"):
        walked(broken)
    beyond = device(40000, (1, 66)) | {40070: 103, 40071: 0xF000}
    with pytest.raises(ValueError, match="broken at holding/40070: model 103"):
        walked(beyond)


def test_an_endless_chain_is_given_up() -> None:
    endless = device(0, *[(64999, 0)] * (MOST_MODELS + 1))
    with pytest.raises(ValueError, match=f"after {MOST_MODELS} others"):
        walked(endless)


def test_a_reference_counts_from_the_models_identifier() -> None:
    walk, _ = walked(device(40000, (1, 66), (103, 50)))
    watts = MODBUS.parse("model103/14:i16")  # published table: W at 14, counted with ID and L
    assert str(resolved(watts, walk.models)) == "holding/40084:i16"
    maker = MODBUS.parse("model1/2:text16")
    assert str(resolved(maker, walk.models)) == "holding/40004:text16"


def test_what_a_device_does_not_have_is_not_there() -> None:
    walk, _ = walked(device(40000, (1, 66), (103, 50)))
    assert resolved(MODBUS.parse("model123/5"), walk.models) is None
    assert resolved(MODBUS.parse("model103/51"), walk.models) is not None
    # the last register of the model, and one that reaches beyond it into the next
    assert resolved(MODBUS.parse("model103/51:u32"), walk.models) is None


def test_other_references_are_left_as_they_are() -> None:
    plain = MODBUS.parse("input/118:u32,cdab")
    assert resolved(plain, {}) is plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model0/2", "models are numbered from 1"),
        ("model65535/2", "models are numbered from 1"),
        ("model103", "not of the form"),
        ("models/3", "or a SunSpec model: model103"),
    ],
)
def test_wrong_references_to_models_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MODBUS.parse(text)


def test_models_have_no_bays() -> None:
    reference = MODBUS.parse("model103/14:i16")
    assert MODBUS.shifted(reference, 0) == reference
    with pytest.raises(ValueError, match="models have no bays"):
        MODBUS.shifted(reference, 1)
