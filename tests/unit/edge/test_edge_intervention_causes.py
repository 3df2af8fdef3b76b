"""Who held a device back, for which elements, for how long: also where it changes meanwhile."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from small_node import charger

from ortsnetz_common.link.codec import MAX_BATCH_BYTES, encode_record
from ortsnetz_common.link.intervention_files import interventions_csv, interventions_json
from ortsnetz_common.link.messages import Intervention, Setpoint, SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_edge.control.intervention_course import MOST_CAUSES, MOST_ELEMENTS
from ortsnetz_edge.control.interventions import Following, InterventionLedger
from ortsnetz_edge.control.memory import Memory, load_memory, save_memory

S = 10**9
START_S = 1_795_291_200  # 2026-11-21T20:00:00Z
EV = charger()
DRAWN = Reading((230.0,) * 3, (2_300.0,) * 3, (0.0,) * 3, 6_900.0, 11_040.0)
MISSING_W = 11_040.0 - 6_900.0
SAFETY, MARKET, NONE = SetpointSource.SAFETY, SetpointSource.MARKET, SetpointSource.NONE


def at(name: str) -> str:
    return f"transformer {name} at 104 %"


@dataclass
class Evening:
    """A node's ledger and its two clocks."""

    ledger: InterventionLedger = field(default_factory=InterventionLedger)
    clock_s: float = START_S
    monotonic_s: float = 50.0
    records: list[Intervention] = field(default_factory=list)

    def second(
        self,
        source: SetpointSource,
        reason: str,
        binding: tuple[str, ...] = (),
        *,
        limit_w: float = 4_830.0,
        limited: bool = True,
        reading: Reading | None = DRAWN,
    ) -> None:
        """One cycle, and the second after it."""
        setpoint = Setpoint(EV.name, limit_w, source, reason, binding)
        self.records += self.ledger.step(
            [Following(EV, setpoint, limited, reading)],
            round(self.clock_s * S),
            now=self.monotonic_s,
        )
        self.clock_s += 1.0
        self.monotonic_s += 1.0

    def end(self) -> Intervention:
        self.second(NONE, "no limit needed", limit_w=11_040.0, limited=False)
        assert self.records[-1].end_ns is not None
        return self.records[-1]

    def restart(self, folder: Path, *, down_s: float, jump_s: float = 0.0) -> None:
        """The machine starts anew: its other clock begins at zero."""
        save_memory(folder / "control.json", Memory(self.ledger.open))
        self.ledger = InterventionLedger(load_memory(folder / "control.json").interventions)
        self.clock_s += down_s + jump_s
        self.monotonic_s = 3.0


@pytest.fixture
def evening() -> Evening:
    return Evening()


def market_then_safety(evening: Evening) -> Intervention:
    words = "limited to 8.0 of 11.0 kW: order o-1 of market pool: evening product"
    evening.second(MARKET, words, limit_w=8_000.0)
    for second in range(3_599):
        evening.second(
            SAFETY, f"limited to 4.8 of 11.0 kW: T1 loading at {104 + second % 3} %", ("T1",)
        )
    return evening.end()


def test_an_hour_of_safety_after_a_second_of_market_is_told_as_such(evening: Evening) -> None:
    end = market_then_safety(evening)
    assert end.reason == "limited to 4.8 of 11.0 kW: T1 loading at 104 %"
    assert end.binding == ("T1",)
    market, safety = end.sources
    assert (market.source, market.seconds, market.lowest_limit_w) == (MARKET, 1.0, 8_000.0)
    assert (safety.source, safety.seconds, safety.lowest_limit_w) == (SAFETY, 3_599.0, 4_830.0)
    assert market.energy_wh == pytest.approx(MISSING_W / 3600)
    assert safety.energy_wh == pytest.approx(MISSING_W * 3599 / 3600)
    assert [(cause.time_ns, cause.source, cause.binding) for cause in end.causes] == [
        (START_S * S, MARKET, ()),
        ((START_S + 1) * S, SAFETY, ("T1",)),
    ]
    assert [(one.element, one.since_ns, one.seconds) for one in end.elements] == [
        ("T1", (START_S + 1) * S, 3_599.0)
    ]


def test_the_cockpit_hears_of_another_source_at_once(evening: Evening) -> None:
    market_then_safety(evening)
    first, second, *_ = evening.records
    assert (len(first.sources), len(second.sources)) == (1, 2)
    assert second.duration_s == 1.0


def test_both_exports_say_who_held_it_back_and_where(evening: Evening) -> None:
    end = market_then_safety(evening)
    [row] = csv.DictReader(io.StringIO(interventions_csv([end])))
    assert row["sources"] == (
        "market: 1 s, lowest 8000 W, at least 1.1 Wh not served | "
        "safety: 3599 s, lowest 4830 W, at least 4138.8 Wh not served"
    )
    assert row["elements"] == "T1 since 2026-11-21T20:00:01.000Z, 3599 s in all"
    assert row["causes"].endswith(
        " | 2026-11-21T20:00:01.000Z safety: "
        "limited to 4.8 of 11.0 kW: T1 loading at 104 % [T1]"
    )  # fmt: skip
    [entry] = json.loads(interventions_json([end]))
    assert list(entry) == list(row), "one set of columns"
    assert [one["source"] for one in entry["causes"]] == ["market", "safety"]
    assert entry["elements"][0]["since"] == "2026-11-21T20:00:01.000Z"


def test_every_order_is_a_cause_of_its_own_and_the_way_back_is_nobodys(evening: Evening) -> None:
    for number in (1, 2, 1):
        for kilowatts in (8.0, 7.9):  # the limit alone makes no cause
            evening.second(
                MARKET,
                f"limited to {kilowatts} of 11.0 kW: order o-{number} of market pool",
                limit_w=kilowatts * 1e3,
            )
    for _ in range(60):
        evening.second(NONE, "limited to 9.0 of 11.0 kW: no limit needed", limit_w=9_000.0)
    end = evening.end()
    assert [cause.source for cause in end.causes] == [MARKET, MARKET, MARKET, NONE]
    assert [(one.source, one.seconds) for one in end.sources] == [(MARKET, 6.0), (NONE, 60.0)]
    assert end.reason == "limited to 7.9 of 11.0 kW: order o-1 of market pool"
    assert [one for one in evening.records if one.end_ns is None] == evening.records[:1]


def test_elements_that_take_turns_are_bounded_and_their_times_complete(evening: Evening) -> None:
    for second in range(1_000):
        name = ("T1", "L3")[second % 2]
        evening.second(SAFETY, at(name), (name,))
    end = evening.end()
    assert (len(end.causes), end.causes_left_out) == (MOST_CAUSES, 1_000 - MOST_CAUSES)
    assert [(one.element, one.seconds) for one in end.elements] == [("T1", 500.0), ("L3", 500.0)]
    assert end.elements[1].since_ns == (START_S + 1) * S


def test_more_elements_than_a_record_holds_are_counted(evening: Evening) -> None:
    evening.second(SAFETY, "many", tuple(f"node {n}" for n in range(MOST_ELEMENTS + 7)))
    end = evening.end()
    assert (len(end.elements), end.elements_left_out) == (MOST_ELEMENTS, 7)
    assert end.binding == tuple(f"node {n}" for n in range(MOST_ELEMENTS))


def test_the_fullest_record_is_small_beside_a_batch(evening: Evening) -> None:
    for second in range(MOST_CAUSES + 300):
        names = tuple(f"transformer {n} of street {second}" for n in range(10))
        evening.second(SAFETY, "x" * 500, names, limit_w=9_000.0 - second)
    assert len(encode_record(evening.end())) < MAX_BATCH_BYTES / 10


def test_a_few_seconds_without_measurement_leave_a_lower_bound_with_its_gap(
    evening: Evening,
) -> None:
    for second in range(7_200):
        evening.second(SAFETY, at("T1"), ("T1",), reading=None if 100 <= second < 106 else DRAWN)
    end = evening.end()
    assert end.energy_not_served_wh is None, "no sum that looks complete"
    assert end.energy_at_least_wh == pytest.approx(MISSING_W * 7_194 / 3600)
    assert (end.unknown_s, end.duration_s) == (6.0, 7_200.0)
    assert end.sources[0].unknown_s == 6.0
    [row] = csv.DictReader(io.StringIO(interventions_csv([end])))
    assert (row["energy_not_served_wh"], row["unknown_s"]) == ("", "6.0")
    assert float(row["energy_at_least_wh"]) == end.energy_at_least_wh
    assert "6 s of it unknown" in row["sources"]


def test_a_restart_leaves_the_energy_before_it_and_says_how_long_it_took(
    evening: Evening, tmp_path: Path
) -> None:
    for _ in range(600):
        evening.second(SAFETY, at("T1"), ("T1",))
    evening.restart(tmp_path, down_s=59.0)
    for _ in range(300):
        evening.second(SAFETY, at("T1"), ("T1",))
    end = evening.end()
    assert (end.duration_s, end.down_s, end.unknown_s) == (959.0, 60.0, 60.0)
    assert end.energy_at_least_wh == pytest.approx(MISSING_W * (599 + 300) / 3600)
    assert end.energy_not_served_wh is None
    assert (end.clock_sets, [one.seconds for one in end.elements]) == (0, [959.0])
    assert len(end.causes) == 1


@pytest.mark.parametrize("jump_s", [-3_600.0, 3_600.0])
def test_a_clock_that_is_set_changes_no_duration_and_is_said(
    evening: Evening, jump_s: float
) -> None:
    for second in range(2_000):
        if second == 600:
            evening.clock_s += jump_s
        evening.second(SAFETY, at("T1"), ("T1",))
    end = evening.end()
    assert end.end_ns is not None
    assert (end.end_ns - end.start_ns) / S == 2_000 + jump_s
    assert (end.duration_s, end.unknown_s) == (2_000.0, 0.0)
    assert (end.clock_sets, end.clock_set_s) == (1, pytest.approx(jump_s))
    assert end.energy_not_served_wh == pytest.approx(MISSING_W * 2_000 / 3600)
    renewed = [record.duration_s for record in evening.records]
    assert renewed == [0.0, 900.0, 1_800.0, 2_000.0], "recorded again by the same clock"


def test_a_clock_that_fell_back_over_a_restart_takes_no_time_away(
    evening: Evening, tmp_path: Path
) -> None:
    for _ in range(600):
        evening.second(SAFETY, at("T1"), ("T1",))
    evening.restart(tmp_path, down_s=59.0, jump_s=-3_600.0)
    evening.second(SAFETY, at("T1"), ("T1",))
    end = evening.end()
    assert (end.duration_s, end.down_s) == (600.0, 0.0)
    assert (end.clock_sets, end.clock_set_s) == (1, -3_540.0)


EARLIER_MEMORY = """{"interventions": [{"device": "ev-1", "start_ns": 1795291200000000000,
"reason": "transformer at 98 %", "binding": ["T1"], "lowest_limit_w": 4830.0, "energy_wh": 5.0,
"unknown_s": 0.0, "seen_ns": 1795291210000000000, "limits": [[1795291200000000000, 4830.0]],
"limits_left_out": 0, "recorded_ns": 1795291200000000000}]}"""


def test_an_intervention_in_the_memory_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    (tmp_path / "control.json").write_text(EARLIER_MEMORY)
    memory = load_memory(tmp_path / "control.json")
    evening = Evening(InterventionLedger(memory.interventions), clock_s=START_S + 12.0)
    for _ in range(3):
        evening.second(MARKET, "order o-1 of market pool")
    end = evening.end()
    assert (end.start_ns, end.duration_s, end.binding) == (START_S * S, 15.0, ("T1",))
    assert [(one.source, one.seconds) for one in end.sources] == [(None, 12.0), (MARKET, 3.0)]
    assert [cause.source for cause in end.causes] == [None, MARKET]
    assert end.energy_not_served_wh == pytest.approx(5.0 + MISSING_W * 5 / 3600)
    [row] = csv.DictReader(io.StringIO(interventions_csv([end])))
    assert row["sources"].startswith("unknown: 12 s")


def test_a_record_of_an_earlier_version_is_read_and_exported_with_what_it_has() -> None:
    earlier = {"type": "intervention", "id": "ev-1@1", "device": "ev-1", "start_ns": 1,
               "end_ns": 2, "reason": "why", "binding": ["T1"], "lowest_limit_w": 4830.0,
               "floor_w": 4200.0, "rule": "14a EnWG", "energy_not_served_wh": None}  # fmt: skip
    record = msgspec.convert(earlier, Intervention)
    [row] = csv.DictReader(io.StringIO(interventions_csv([record])))
    assert (row["causes"], row["duration_s"], row["unknown_s"]) == ("", "", "")
    [entry] = json.loads(interventions_json([record]))
    assert (entry["duration_s"], entry["energy_at_least_wh"], entry["sources"]) == (None, None, [])
