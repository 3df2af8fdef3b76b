"""Reads are coalesced into the fewest requests that the device's limits allow."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_edge.drivers.modbus.plan import Request, plan
from ortsnetz_edge.profiles.references.modbus import (
    Block,
    Kind,
    ModbusSyntax,
    RegisterReference,
    Table,
    parse_block,
)


def references(*texts: str) -> list[RegisterReference]:
    return [ModbusSyntax().parse(text) for text in texts]


def asked(found: tuple[Request, ...]) -> list[tuple[str, int, int]]:
    return [(request.table.value, request.address, request.count) for request in found]


def planned(
    *texts: str, limit: int = 125, gap: int = 8, whole: tuple[str, ...] = ()
) -> list[tuple[str, int, int]]:
    blocks = tuple(parse_block(text) for text in whole)
    found = references(*texts)
    return asked(plan(found, range(len(found)), limit=limit, gap=gap, whole=blocks))


def test_neighbours_are_read_together_with_the_registers_in_between() -> None:
    assert planned("input/10:f32", "input/20:u16") == [("input", 10, 11)]


def test_what_lies_further_apart_than_the_gap_is_read_by_itself() -> None:
    assert planned("input/10:f32", "input/21") == [("input", 10, 2), ("input", 21, 1)]


def test_a_device_that_takes_ten_registers_a_request_is_not_asked_for_more() -> None:
    texts = [f"holding/{address}:u32" for address in range(0, 24, 2)]
    assert planned(*texts, limit=10) == [
        ("holding", 0, 10),
        ("holding", 10, 10),
        ("holding", 20, 4),
    ]


def test_a_number_is_never_torn_apart_by_the_limit() -> None:
    assert planned("holding/0", "holding/1:u64", "holding/5:u64", limit=8) == [
        ("holding", 0, 5),
        ("holding", 5, 4),
    ]


def test_tables_are_never_mixed_and_bits_have_a_limit_of_their_own() -> None:
    found = planned("coil/0", "coil/500", "discrete/500", "holding/0", "input/0", gap=600, limit=20)
    assert found == [
        ("holding", 0, 1),
        ("input", 0, 1),
        ("coil", 0, 501),
        ("discrete", 500, 1),
    ]


def test_a_whole_block_is_read_as_it_is_and_serves_what_lies_in_it() -> None:
    found = planned("holding/1001", "holding/1030", whole=("holding/1000+25",))
    assert found == [("holding", 1000, 25), ("holding", 1030, 1)]


def test_a_whole_block_of_which_nothing_is_due_is_not_read() -> None:
    found = references("holding/1001", "input/5")
    requests = plan(found, [1], limit=125, gap=8, whole=(Block(Table.HOLDING, 1000, 25),))
    assert asked(requests) == [("input", 5, 1)]


def test_the_same_registers_in_two_meanings_are_read_once() -> None:
    found = references("holding/4:u32", "holding/4", "holding/5:bit3", "holding/0:text4")
    (request,) = plan(found, range(4), limit=125, gap=0)
    assert (request.address, request.count, request.places) == (0, 6, (0, 1, 2, 3))


SOME = st.lists(
    st.builds(
        lambda address, width: RegisterReference(Table.HOLDING, address, Kind.TEXT, width),
        st.integers(0, 24),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=7,
    unique=True,
)


def feasible(start: int, end: int, used: set[int], limit: int, gap: int) -> bool:
    """Whether a request keeps limit and gap: said of each register, not of intervals."""
    if end - start > limit or start not in used or end - 1 not in used:
        return False
    run = 0
    for register in range(start, end):
        run = 0 if register in used else run + 1
        if run > gap:
            return False
    return True


def fewest(found: list[RegisterReference], limit: int, gap: int) -> int:
    """Fewest requests, by trying all sets of them."""
    spans = [(r.address, r.address + r.width) for r in found]
    used = {register for first, after in spans for register in range(first, after)}
    windows = [
        {n for n, (first, after) in enumerate(spans) if start <= first and after <= end}
        for start in {first for first, _ in spans}
        for end in {after for _, after in spans}
        if start < end and feasible(start, end, used, limit, gap)
    ]
    everything = set(range(len(found)))
    for number in range(1, len(found) + 1):
        if any(set().union(*chosen) == everything for chosen in combinations(windows, number)):
            return number
    raise AssertionError("a request for each reference is always possible")


@given(found=SOME, limit=st.integers(4, 20), gap=st.integers(0, 6))
def test_no_other_choice_of_requests_needs_fewer(
    found: list[RegisterReference], limit: int, gap: int
) -> None:
    requests = plan(found, range(len(found)), limit=limit, gap=gap)
    assert len(requests) == fewest(found, limit, gap)


@given(found=SOME, limit=st.integers(4, 20), gap=st.integers(0, 6))
def test_every_reference_is_served_once_and_every_request_keeps_limit_and_gap(
    found: list[RegisterReference], limit: int, gap: int
) -> None:
    requests = plan(found, range(len(found)), limit=limit, gap=gap)
    used = {at for r in found for at in range(r.address, r.address + r.width)}
    assert sorted(place for request in requests for place in request.places) == list(
        range(len(found))
    )
    for request in requests:
        assert feasible(request.address, request.end, used, limit, gap)
        assert all(request.holds(found[place]) for place in request.places)


@pytest.mark.parametrize(
    "text",
    ["holding/1000", "holding/0+126", "holding/65535+2", "coil/0+2001", "bank/1+1", "holding/1+0"],
)
def test_a_block_that_no_request_can_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text[:4]):
        parse_block(text)
