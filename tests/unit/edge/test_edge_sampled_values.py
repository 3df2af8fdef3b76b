"""A stream of Sampled Values as a source: what it is asked for, and what becomes of its blocks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.sample_blocks import (
    VERSION,
    Accepted,
    Block,
    Counters,
    SampleFlag,
    Silent,
    pack,
)
from ortsnetz_common.measurement.quality import Quality, is_usable
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.contract import FailureKind, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.sampled_values.driver import SampledValuesDriver
from ortsnetz_edge.drivers.sampled_values.link import Link
from ortsnetz_edge.drivers.sampled_values.place import Place
from ortsnetz_edge.drivers.sampled_values.protocol import SampledValues
from ortsnetz_edge.drivers.sampled_values.recordings import Recordings
from ortsnetz_edge.drivers.sampled_values.stream import Reader, stream_of
from ortsnetz_edge.drivers.sampled_values.values import Values
from ortsnetz_edge.profiles.references.sampled_values import SampledValuesSyntax
from ortsnetz_edge.profiles.schema import SampledValuesOptions
from ortsnetz_grid.functions.power_quality.aggregation import TEN_MINUTES_NS, Interval
from ortsnetz_grid.functions.power_quality.comtrade_reader import read, split_combined
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.events import EventKind
from ortsnetz_grid.functions.power_quality.recording import Recording
from ortsnetz_grid.functions.power_quality.samples import Samples, channels_of_feeder
from ortsnetz_grid.functions.power_quality.synchrophasors import Reporting
from ortsnetz_grid.functions.power_quality.trigger import RecorderSettings
from ortsnetz_grid.functions.power_quality.unbalance import Unbalance
from ortsnetz_grid.functions.power_quality.window import Quantities

RATE = 4000
START_NS = 1_700_000_000 * 10**9
CONNECTION = Connection("sampled-values", "01-0c-cd-04-00-01", 0x4000, path="MU01")
DECLARED = Declared(voltage_v=230.0)


def block(begin_s: float, *, flags: int = 0, lost: tuple[int, ...] = ()) -> Block:
    """A tenth of a second of 230 V and 10 A, in counts of 9-2LE."""
    t = begin_s + np.arange(RATE // 10) / RATE
    rows = []
    for size in (10.0 * 1000, 230.0 * 100):
        angles = (2 * np.pi * (50 * t - k / 3) for k in range(3))
        phases = [np.sqrt(2) * size * np.cos(angle) for angle in angles]
        rows += [*phases, np.zeros(len(t))]
    marks = np.full(len(t), flags, dtype=np.uint8)
    marks[list(lost)] |= SampleFlag.LOST.value
    return Block(
        stream=0,
        first=0,
        start_ns=START_NS + round(begin_s * 1e9),
        values=np.rint(rows).astype("<i4").tobytes(),
        flags=marks.tobytes(),
        qualities=(0,) * 8,
        newest_ns=0,
        counters=Counters(),
        rate_proven=True,
    )


def place(blocks: list[Block], **options: bool) -> Place:
    found = Place(DECLARED, Reporting(), None)
    reader = Reader(SampledValuesOptions(**options))  # type: ignore[arg-type]
    for each in blocks:
        found.take(reader.samples(each))
    return found


def value(
    text: str, of: Place, qualities: tuple[int, ...] = (0,) * 8
) -> tuple[float | None, int, int]:
    channels = Reader(SampledValuesOptions()).channels
    reference = SampledValuesSyntax().parse(text)
    found = Values(channels).value(reference, of.newest, Counters(lost=3), qualities)
    return found.value, found.quality, found.time_quality


def blocks(number: int, **others: int) -> list[Block]:
    return [block(0.1 * k, **others) for k in range(number)]  # type: ignore[arg-type]


def test_counts_become_volts_amperes_and_watts() -> None:
    measured = place(blocks(8))
    for text, expected in (
        ("200ms/rms.u_b", 230.0),
        ("200ms/rms.i_c", 10.0),
        ("200ms/active_power.a", 2300.0),
        ("200ms/reactive_power.a", 0.0),
        ("200ms/frequency", 50.0),
        ("200ms/events", 0.0),
        ("pmu/u_a.re", 230.0),
        ("pmu/rocof", 0.0),
        ("200ms/harmonic.u_a.1", 230.0),
        ("stream/lost", 3.0),
    ):
        number, quality, off = value(text, measured)
        assert number == pytest.approx(expected, abs=0.05), text
        assert (quality, off) == (0, 0)


@pytest.mark.parametrize(
    "text", ["3s/rms.u_a", "10s/frequency", "10min/pst.a", "2h/plt.a", "200ms/harmonic.u_a.50"]
)
def test_what_is_not_measured_yet_or_cannot_be_is_missing_and_not_zero(text: str) -> None:
    number, quality, _ = value(text, place(blocks(8)))
    assert number is None
    assert not is_usable(quality)


@pytest.mark.parametrize(("covered", "there"), [(1.0, True), (0.91, True), (0.89, False)])
def test_an_interval_that_was_hardly_measured_has_no_value(covered: float, there: bool) -> None:
    measured = place(blocks(8))
    interval = ten_minutes()
    measured.newest.intervals["10min"] = replace(interval, covered=covered)
    assert (value("10min/rms.u_a", measured)[0] is not None) == there


@pytest.mark.parametrize("flag", [SampleFlag.LOST, SampleFlag.INVALID, SampleFlag.TEST])
def test_a_sample_that_is_lost_invalid_or_a_test_leaves_its_window_without_value(
    flag: SampleFlag,
) -> None:
    good = blocks(8)
    marks = bytearray(good[3].flags)
    marks[7] = flag.value
    reader = Reader(SampledValuesOptions())
    measured = Place(DECLARED, Reporting(), None)
    seen = set()
    for each in [*good[:3], structs.replace(good[3], flags=bytes(marks)), *good[4:]]:
        measured.take(reader.samples(each))
        if measured.newest.window is not None:
            seen.add((measured.newest.window.end_ns, value("200ms/rms.u_a", measured)[0] is None))
    assert sum(missing for _, missing in seen) == 1
    assert len(seen) >= 2


@pytest.mark.parametrize(
    ("flag", "utc", "expected"),
    [
        (0, False, 0),
        (SampleFlag.UNSYNCHRONISED, True, TimeQuality.CLOCK_NOT_SYNCHRONISED),
        (SampleFlag.LOCAL_CLOCK, False, TimeQuality.CLOCK_NOT_SYNCHRONISED),
        (SampleFlag.LOCAL_CLOCK, True, 0),
    ],
)
def test_a_clock_that_is_not_that_of_utc_is_said_with_each_value(
    flag: int, utc: bool, expected: int
) -> None:
    measured = place(blocks(8, flags=int(flag)), utc=utc)
    assert value("200ms/rms.u_a", measured)[2] == expected
    assert value("pmu/frequency", measured)[2] == expected


def test_what_the_source_says_of_a_channel_is_said_of_its_values_only() -> None:
    said = (0, 0, 0, 0, int(Quality.QUESTIONABLE), 0, 0, 0)
    measured = place(blocks(8))
    assert value("200ms/rms.u_a", measured, said)[1] == Quality.QUESTIONABLE
    assert value("200ms/rms.u_b", measured, said)[1] == 0


def test_a_block_that_contradicts_the_last_begins_anew_and_is_counted() -> None:
    measured = place([*blocks(5), *(block(0.2 + 0.1 * k) for k in range(8))])
    assert measured.restarts == 1
    assert value("200ms/rms.u_a", measured)[0] == pytest.approx(230.0, abs=0.01)


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"host": "10.0.0.7"}, "MAC address"),
        ({"host": "01-0C-CD-04-00-0G"}, "MAC address"),
        ({"port": 65536}, "APPID"),
        ({"path": ""}, "svID"),
    ],
)
def test_a_connection_that_names_no_stream_is_refused_in_words(
    others: dict[str, object], words: str
) -> None:
    source = Source("feeder-1", "sampled-values-feeder", CONNECTION, 3, 3)
    wrong = Source("feeder-1", source.profile, structs.replace(CONNECTION, **others), 3, 3)
    protocol = SampledValues(Environment())
    assert protocol.validate(source) == ()
    (complaint,) = protocol.validate(wrong)
    assert words in complaint
    assert "feeder-1" in complaint


@pytest.mark.parametrize(
    ("counter", "kind", "words"),
    [
        ("conf_rev_mismatch", FailureKind.WRONG_DEVICE, "another confRev"),
        ("simulated", FailureKind.WRONG_DEVICE, "is simulated"),
        ("malformed", FailureKind.WRONG_ANSWER, "another form"),
    ],
)
def test_a_stream_of_which_nothing_is_taken_says_why_for_as_long_as_it_is_so(
    counter: str, kind: FailureKind, words: str
) -> None:
    source = Source("feeder-1", "sampled-values-feeder", CONNECTION, 3, 3)
    driver = SampledValues(Environment()).open(source)
    driver._link.trouble, driver._link.interface = None, "eth1"
    for counted, expected, said in ((0, FailureKind.TIMEOUT, "silent"), (5, kind, words)):
        driver._take(Silent(0, 1.0, Counters(**{counter: counted})))
        reason = driver._reason()
        assert reason is not None
        assert reason.kind is expected
        assert said in str(reason)
    driver._take(Silent(0, 2.0, Counters(**{counter: 5})))
    assert "stream 'MU01' on eth1 is silent" in str(driver._reason())


def listening() -> SampledValuesDriver:
    """A driver that has its receiver."""
    source = Source("feeder-1", "sampled-values-feeder", CONNECTION, 3, 3)
    driver = SampledValues(Environment()).open(source)
    driver._link.trouble, driver._link.interface = None, "eth1"
    return driver


def test_a_window_of_before_a_break_is_none_of_now() -> None:
    driver = listening()
    for k in range(10):
        driver._take(block(0.1 * k))
    assert driver._reason() is None
    driver._take(block(60.0))
    reason = driver._reason()
    assert reason is not None
    assert reason.kind is FailureKind.WAITING
    assert value("200ms/rms.u_a", driver.place)[0] is None


@pytest.mark.parametrize(
    ("text", "doubted"),
    [
        ("200ms/active_power.a", True),
        ("200ms/active_power.b", False),
        ("200ms/reactive_power.a", True),
        ("200ms/frequency", False),
        ("pmu/i_a.re", True),
        ("200ms/u2", False),
    ],
)
def test_a_value_is_as_good_as_the_worst_channel_that_it_rests_on(text: str, doubted: bool) -> None:
    said = (int(Quality.QUESTIONABLE), *(0,) * 7)  # of i_a
    quality = value(text, place(blocks(8)), said)[1]
    assert (quality == Quality.QUESTIONABLE) == doubted


def test_one_doubtful_block_makes_its_three_seconds_doubtful_and_no_other() -> None:
    driver = listening()
    places = [str(reference) for reference in driver._map.references]
    at = places.index("3s/thd.u_a")
    said = []
    for k in range(100):
        good = block(0.1 * k)
        doubted = (0, 0, 0, 0, int(Quality.QUESTIONABLE), 0, 0, 0)
        driver._take(structs.replace(good, qualities=doubted) if k == 45 else good)
        interval = driver.place.newest.intervals.get("3s")
        if interval is not None and (not said or said[-1][0] != interval.end_ns):
            reference = driver._map.references[at]
            found = driver._values.value(
                reference, driver.place.newest, Counters(), driver._said["3s"]
            )
            said.append((interval.end_ns, found.quality))
    assert [quality for _, quality in said] == [0, int(Quality.QUESTIONABLE), 0]


def test_counters_go_on_when_the_receiver_begins_anew() -> None:
    driver = listening()
    for frames, lost, total in ((100, 7, 7), (200, 9, 9), (10, 1, 10), (20, 2, 11)):
        driver._take(Silent(0, 1.0, Counters(frames=frames, lost=lost)))
        assert driver._total.lost == total


def test_a_technician_sees_each_counter_of_the_receiver() -> None:
    driver = listening()
    counted = {name: number for number, name in enumerate(Counters.__struct_fields__, start=1)}
    driver._take(Silent(0, 1.0, Counters(**counted)))
    said = driver.diagnose().counters
    assert said == {f"sv_{name}": number for name, number in counted.items()}
    assert {"sv_lost", "sv_out_of_range", "sv_malformed", "sv_reordered"} <= said.keys()


def test_a_transformer_mounted_the_other_way_round_turns_the_power() -> None:
    reader = Reader(SampledValuesOptions(current_scale=-0.001))
    turned = Place(DECLARED, None, None)
    for each in blocks(8):
        turned.take(reader.samples(each))
    assert value("200ms/active_power.a", turned)[0] == pytest.approx(-2300.0, abs=0.5)
    with pytest.raises(InputError, match="current_scale"):
        stream_of(CONNECTION, SampledValuesOptions(current_scale=0.0))


def test_channels_that_are_not_wanted_are_not_asked_for() -> None:
    options = SampledValuesOptions(channels=("i_a", "-", "u_a", "-"))
    stream = stream_of(CONNECTION, options)
    assert [(c.value_at, c.quality_at) for c in stream.channels] == [(0, 4), (16, 20)]
    assert stream.octets == 32
    with pytest.raises(InputError, match="twice"):
        stream_of(CONNECTION, SampledValuesOptions(channels=("u_a", "u_a")))
    with pytest.raises(InputError, match="voltages"):
        stream_of(CONNECTION, SampledValuesOptions(channels=("i_a", "-")))


def recording(second: int, reason: str = "dip begins, phases a") -> Recording:
    samples = Samples.whole(
        START_NS + second * 10**9, 4000.0, channels_of_feeder(), np.ones((8, 400))
    )
    return Recording(samples, samples.start_ns, "feeder/1", "MU01", reason)


def test_the_oldest_recordings_make_room_and_are_counted(tmp_path: Path) -> None:
    kept = Recordings(tmp_path, most_files=3)
    paths = [kept.keep(recording(k)) for k in range(5)]
    assert sorted(tmp_path.glob("*.cff")) == paths[2:]
    assert len(list(tmp_path.glob("*.json"))) == 3
    assert (kept.kept, kept.removed, kept.failed) == (5, 2, 0)
    assert paths[4] is not None
    assert "feeder-1" in paths[4].name
    again = read(*split_combined(paths[4].read_bytes(), "written"), "written")
    assert again.samples.count == 400
    small = Recordings(tmp_path, most_octets=paths[4].stat().st_size * 2)
    small.keep(recording(9))
    assert len(list(tmp_path.glob("*.cff"))) == 2


def test_a_disk_that_takes_nothing_costs_the_recording_and_is_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = Recordings(tmp_path / "file" / "folder")
    assert kept.keep(recording(1)) is None
    assert kept.failed == 1


MONDAY_NS = 1_700_438_400 * 10**9  # 20 November 2023, 0:00 UTC


def ten_minutes() -> Interval:
    """What the place says at the end of the first ten minutes of Monday."""
    rms = np.array([10.0] * 3 + [0.0] + [230.0] * 3 + [0.0])
    harmonics = np.zeros((8, 41))
    harmonics[:, 1] = rms
    quantities = Quantities(rms, harmonics, np.zeros((8, 40)), Unbalance(0.001, 0.0))
    return Interval(
        MONDAY_NS, MONDAY_NS + TEN_MINUTES_NS, quantities, 3000, 0, 1.0, EventKind.NONE, True
    )


@pytest.mark.parametrize(("sign", "expected"), [(1.0, 1.0), (-1.0, 2.0)])
def test_a_recorded_fault_says_its_direction(sign: float, expected: float) -> None:
    """Phase a: the voltage falls to a half, ten times the current lags it by 60 degrees."""
    profile = Environment().library.load("sampled-values-feeder")
    jumping = structs.replace(
        profile, sampled_values=structs.replace(profile.sampled_values, current_jump_a=50.0)
    )
    source = Source("feeder-1", "sampled-values-feeder", CONNECTION, 3, 3)
    driver = SampledValuesDriver(source, jumping, WallClock(), None)
    driver.place = Place(DECLARED, None, RecorderSettings(current_jump_a=50.0))
    for k in range(20):
        good = block(0.1 * k)
        values = np.frombuffer(good.values, dtype="<i4").reshape(8, -1).copy()
        t = 0.1 * k + np.arange(RATE // 10) / RATE
        fault = t >= 0.5
        current = sign * np.sqrt(2) * 100_000 * np.cos(2 * np.pi * (50 * t - 1 / 6))
        values[0, fault] = np.rint(current[fault])
        values[3] = values[:3].sum(axis=0)
        values[4, fault] //= 2
        driver._take(structs.replace(good, values=values.astype("<i4").tobytes()))
    number, _, _ = value("recording/direction", driver.place)
    assert number == expected
    assert driver.place.newest.fault is not None
    assert driver.place.newest.fault[0] == pytest.approx(START_NS + 500_000_000, abs=20_000_000)


@pytest.mark.parametrize(("later_s", "there"), [(0.0, True), (1150.0, True), (1250.0, False)])
def test_an_interval_counts_until_the_next_should_have_ended(later_s: float, there: bool) -> None:
    measured = place(blocks(8))
    interval = ten_minutes()
    measured.newest.intervals["10min"] = interval
    measured.newest.end_ns = interval.end_ns + round(later_s * 1e9)
    assert (value("10min/rms.u_a", measured)[0] is not None) == there


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200ms/active_power.a", Quality.QUESTIONABLE),
        ("200ms/reactive_power.a", Quality.QUESTIONABLE),
        ("200ms/active_power.b", Quality.GOOD),
        ("200ms/frequency", Quality.OUT_OF_RANGE),
        ("200ms/u2", Quality.OUT_OF_RANGE),
        ("pmu/frequency", Quality.OUT_OF_RANGE),
        ("pmu/i_a.re", Quality.QUESTIONABLE),
    ],
)
def test_what_rests_on_several_channels_is_as_good_as_the_worst(text: str, expected: int) -> None:
    i_a, u_c = int(Quality.QUESTIONABLE), int(Quality.OUT_OF_RANGE)
    said = (i_a, 0, 0, 0, 0, 0, u_c, 0)
    assert value(text, place(blocks(8)), said)[1] == expected


def test_a_technician_is_not_shown_a_stream_that_has_ended() -> None:
    probe = SampledValues(Environment()).probe(CONNECTION)
    for each in blocks(8):
        probe._take(each)
    assert probe._is_fresh()
    probe._take(block(60.0))
    assert not probe._is_fresh()


def test_a_mistake_with_a_block_is_said_and_the_link_goes_on(tmp_path: Path) -> None:
    async def work() -> None:
        path = tmp_path / "receiver.sock"
        said = pack(Accepted(VERSION, "eth1")) + pack(Silent(0, 1.0, Counters()))

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(said)

        def mistaken(_: object) -> None:
            raise ZeroDivisionError("of ours")

        stream = stream_of(CONNECTION, SampledValuesOptions())
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ORTSNETZ_SAMPLED_VALUES", str(path))
            async with await asyncio.start_unix_server(serve, path):
                link = Link(stream, Environment().clock, mistaken)
                link.keep()
                async with asyncio.timeout(20):
                    while link.trouble is None or "of ours" not in str(link.trouble):  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                assert link._keeping is not None
                assert not link._keeping.done()
                await link.stop()

    asyncio.run(work())


def test_nothing_of_a_stream_counts_until_it_has_shown_its_rate() -> None:
    driver, probe = listening(), SampledValues(Environment()).probe(CONNECTION)
    for k in range(8):
        for listener in (driver, probe):
            listener._take(structs.replace(block(0.1 * k), rate_proven=False))
    reason = driver._reason()
    assert reason is not None
    assert reason.kind is FailureKind.WAITING
    assert "stream 'MU01' on eth1 has not yet shown its rate" in str(reason)
    assert driver.place.newest.window is None
    assert not probe._is_fresh()
    for k in range(8, 16):
        driver._take(block(0.1 * k))
    assert driver._reason() is None
