"""Nothing lost, nothing doubled: where a device counts anew, and where its wire spoils answers."""

from __future__ import annotations

import pytest

from ortsnetz_hil.faults.conditions import WireCounts
from ortsnetz_hil.faults.specs import Fault, Reboots
from ortsnetz_hil.plant.calendar import Window
from ortsnetz_hil.plant.configuration import FORMAT, PlantConfiguration
from ortsnetz_hil.scenarios import library
from ortsnetz_hil.scenarios.reader import parse as parse_scenario
from ortsnetz_hil.servers.counters import Counters, DeviceCounters
from ortsnetz_hil.verdict.criteria import parse
from ortsnetz_hil.verdict.observed import Observed, ReadCount, Totals
from ortsnetz_hil.verdict.recording import Recording, StoreCount

SECONDS = 60.0
RESTART = Reboots(name="restart", first_s=30.0, last_s=40.0, device="ev-01")
SERVED = 32  # 20 before a restart, 12 after it


def _recording(
    heard: ReadCount, faults: tuple[Fault, ...] = (), wires: dict[str, WireCounts] | None = None
) -> Recording:
    scenario, _ = parse_scenario(library.template("test").encode(), "x.yaml")
    plant = PlantConfiguration(
        format=FORMAT, node="n", seed=1, seconds=SECONDS, host="h",
        window=Window(0, 3600.0, 60.0, 1_700_000_000_000_000_000, repeats=False),
        u_pu=(0.95, 1.05), loading=1.0, meters=(), charge_points=(), inverters=(),
        meter_classes=(), assumptions=(), faults=faults,
    )  # fmt: skip
    devices = {"ev-01": DeviceCounters("p", 1, 1, reads=SERVED)}
    return Recording(
        scenario=scenario,
        configuration=plant,
        rows=(),
        counters=Counters("f", 0, devices, wires=wires or {}),
        observed=Observed((), (), (), totals=Totals(10, 0, 0, 1, {"ev-01": heard})),
        store=StoreCount({"ev-01": heard}, 0),
    )


def _verdicts(recording: Recording) -> tuple[bool, bool]:
    """Whether nothing was lost, whether nothing was doubled."""
    lost, doubled = (parse(f"nothing {what}").judge(recording) for what in ("lost", "doubled"))
    return lost.passed, doubled.passed


@pytest.mark.parametrize(
    ("heard", "verdicts"),
    [
        (ReadCount(20, 12), (True, True)),
        (ReadCount(20, 11), (False, True)),
        (ReadCount(19, 12), (False, True)),
        (ReadCount(20, 13), (True, False)),
    ],
)
def test_a_device_that_restarts_uses_its_numbers_again(
    heard: ReadCount, verdicts: tuple[bool, bool]
) -> None:
    assert _verdicts(_recording(heard, (RESTART,))) == verdicts


def test_without_a_restart_equal_numbers_are_the_same_read() -> None:
    assert _verdicts(_recording(ReadCount(20, 12))) == (False, False)


@pytest.mark.parametrize(
    "wire",
    [WireCounts(dropped=3), WireCounts(duplicated=2, corrupted=1), WireCounts(resets=3)],
)
@pytest.mark.parametrize(("missing", "passed"), [(3, True), (4, False)])
def test_the_agent_is_not_to_blame_for_what_a_wire_has_spoiled(
    wire: WireCounts, missing: int, passed: bool
) -> None:
    recording = _recording(ReadCount(SERVED - missing, 0), wires={"ev-01": wire})
    assert _verdicts(recording) == (passed, True)


@pytest.mark.parametrize("link", ["uplink", "ev-02"])
def test_another_wire_excuses_nothing(link: str) -> None:
    recording = _recording(ReadCount(SERVED - 1, 0), wires={link: WireCounts(dropped=1000)})
    assert _verdicts(recording) == (False, True)


@pytest.mark.parametrize(("corrupted", "passed"), [(1, True), (0, False)])
def test_a_changed_byte_may_show_the_number_of_another_read(corrupted: int, passed: bool) -> None:
    wire = WireCounts(dropped=1, corrupted=corrupted)
    recording = _recording(ReadCount(SERVED - 1, 1), wires={"ev-01": wire})
    assert _verdicts(recording) == (True, passed)
