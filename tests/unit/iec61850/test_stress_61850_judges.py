"""What `make stress-61850` calls wrong: an operate that nobody can account for, and what grows."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from stress_61850.judging import Operate, Truth, accounted, grown
from stress_61850.sampling import Sample, growth

from ortsnetz_common.link.bench_ied import Counts

MIB = 2**20
SAID = (
    Operate(1, "confirmed", 0),
    Operate(2, "refused", 9),
    Operate(3, "failed", 3),
    Operate(4, "failed", 20),
)


def truth(executed: Mapping[int, int], taken: int | None = None) -> Truth:
    carried_out = sum(executed.values())
    counts = Counts(taken=carried_out if taken is None else taken)
    return Truth(executed, {2: 9}, {"taken": carried_out}, counts)


def test_an_operate_without_an_answer_may_have_been_carried_out_once() -> None:
    found, table = accounted(SAID, 4, truth({1: 1, 4: 1}))
    assert found == []
    assert table["failed, carried out"] == table["failed, not carried out"] == 1


@pytest.mark.parametrize(
    ("executed", "words"),
    [
        ({}, "operate 1: confirmed (0), carried out 0 times"),
        ({1: 2}, "operate 1: confirmed (0), carried out 2 times"),
        ({1: 1, 2: 1}, "operate 2: refused (9), carried out 1 times"),
        ({1: 1, 3: 2}, "operate 3: failed (3), carried out 2 times"),
        ({1: 1, 7: 1}, "1 operates were carried out that no client has sent"),
    ],
)
def test_what_clients_and_plant_say_must_not_contradict(
    executed: dict[int, int], words: str
) -> None:
    assert accounted(SAID, 4, truth(executed))[0] == [words]


def test_what_was_sent_and_never_noted_is_missed() -> None:
    assert accounted(SAID, 5, truth({1: 1}))[0] == ["of 5 operates 4 are accounted for"]


def test_the_ied_has_to_count_what_the_plant_has_said() -> None:
    found, _ = accounted(SAID, 4, truth({1: 1}, taken=2))
    assert found == ["the IED counts 2 taken, the plant 1"]


def test_an_operate_that_is_noted_twice_is_none() -> None:
    found, _ = accounted((*SAID, SAID[0]), 5, truth({1: 1}))
    assert found == ["operate 1 was noted twice"]


def sampled(memory: list[int]) -> list[Sample]:
    return [Sample(float(at), each * MIB, 20, 5) for at, each in enumerate(memory)]


def test_what_fills_its_buffers_in_the_first_quarter_does_not_grow() -> None:
    assert grown("ied", growth(sampled([20, 25, 30, 35] + [40] * 12))) == []


def test_a_leak_grows() -> None:
    (words,) = grown("ied", growth(sampled(list(range(20, 52, 2)))))
    assert words.startswith("ied: memory grew by 16")


def test_files_left_open_grow() -> None:
    samples = [Sample(float(at), 20 * MIB, 20 + at, 5) for at in range(40)]
    (words,) = grown("clients", growth(samples))
    assert words.startswith("clients: files grew by")
