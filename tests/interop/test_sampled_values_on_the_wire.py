"""Sampled Values on a cable: tshark and libiec61850 on the other end, losses on purpose."""

from __future__ import annotations

import ctypes
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from process_bus import DEADLINE_S, Heard, ProcessBus, Subscription, figures, process_bus, stream_of

from ortsnetz_common.link import sample_blocks as say
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_iec61850.library.loading import library
from ortsnetz_iec61850.sampled_values.encoding import frame_octets
from ortsnetz_iec61850.sampled_values.publisher import Orders
from ortsnetz_iec61850.sampled_values.waveform import Wave, counts

pytestmark = pytest.mark.interop

WAVE = Wave(current_a=(50.0, 40.0, 30.0))


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessBus]:
    with process_bus(tmp_path_factory.mktemp("bus")) as found:
        found.start_receiver()
        yield found


def orders(rate: int = 4000, **others: object) -> Orders:
    wave = counts(WAVE.values(rate, 1.0), 1000.0, 100.0)
    return Orders(wave, rate=rate, **others)  # type: ignore[arg-type]


def listened(bus: ProcessBus, published: Orders, **stream: object) -> Subscription:
    return Subscription(bus.socket, stream_of(published, **stream))


def captured(interface: str, number: int, published: Orders, bus: ProcessBus) -> list[bytes]:
    """Frames as they are on the cable."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003)) as listening:
        listening.bind((interface, 0))
        listening.settimeout(10.0)
        bus.publish(published)
        found: list[bytes] = []
        while len(found) < number:
            octets = listening.recv(2048)
            if octets[12:14] == b"\x88\xba":
                found.append(octets)
        return found


def dissected(frames: list[bytes], folder: Path) -> list[dict[str, list[str]]]:
    """What tshark reads in them."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    records = b"".join(struct.pack("<4I", k, 0, len(f), len(f)) + f for k, f in enumerate(frames))
    path = folder / "captured.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + records)
    names = (
        *("eth.dst", "sv.appid", "sv.reserve1.s_bit", "sv.noASDU", "sv.svID", "sv.datSet"),
        *("sv.smpCnt", "sv.confRev", "sv.smpSynch", "sv.smpRate", "sv.smpMod"),
        *("sv.meas_value", "sv.meas_quality.validity", "sv.meas_quality.test"),
        "_ws.malformed",
    )
    fields = [word for name in names for word in ("-e", name)]
    done = subprocess.run(
        [
            "tshark",
            "-r",
            str(path),
            "-o",
            "sv.decode_data_as_phsmeas:TRUE",
            "-T",
            "fields",
            *fields,
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    lines = done.stdout.splitlines()
    return [
        {name: cell.split(",") for name, cell in zip(names, line.split("\t"), strict=True)}
        for line in lines
    ]


def test_tshark_reads_what_the_publisher_sends(bus: ProcessBus, tmp_path: Path) -> None:
    published = orders(
        rate=4800,
        asdus=2,
        seconds=0.05,
        first_count=4700,
        synch=1,
        qualities=(0, 1, 3, 0x800, 0, 0, 0, 0),
        data_set="MU01LD0/LLN0$dsSV",
        with_rate=True,
        simulation=True,
    )
    frames = captured(bus.node, 120, published, bus)
    for number, seen in enumerate(dissected(frames, tmp_path)):
        assert seen["_ws.malformed"] == [""]
        assert seen["eth.dst"] == ["01:0c:cd:04:00:01"]
        assert seen["sv.appid"] == ["0x4000"]
        assert seen["sv.reserve1.s_bit"] == ["1"]
        assert seen["sv.noASDU"] == ["2"]
        assert seen["sv.svID"] == ["ORTSNETZ-MU01"] * 2
        assert seen["sv.datSet"] == ["MU01LD0/LLN0$dsSV"] * 2
        assert seen["sv.smpCnt"] == [str((2 * number + k + 4700) % 4800) for k in (0, 1)]
        assert seen["sv.confRev"] == ["1", "1"]
        assert seen["sv.smpSynch"] == ["1", "1"]
        assert seen["sv.smpRate"] == ["4800", "4800"]
        assert seen["sv.smpMod"] == ["1", "1"]
        sent = published.wave[2 * number : 2 * number + 2].reshape(-1)
        assert seen["sv.meas_value"] == [str(value) for value in sent]
        validity = ["0x00000000", "0x00000001", "0x00000003", *["0x00000000"] * 5]
        assert seen["sv.meas_quality.validity"] == validity * 2
        assert seen["sv.meas_quality.test"] == ["0", "0", "0", "1", "0", "0", "0", "0"] * 2


class Run(NamedTuple):
    """What was published, and what one and another subscriber heard of it."""

    published: dict[str, Orders]
    begin_ns: dict[str, int]
    one: dict[str, Heard]
    other: dict[str, Heard]


@pytest.fixture(scope="module")
def run(bus: ProcessBus) -> Run:
    """All streams at once, under one APPID as is usual; one of them is nobody's."""
    published = {
        "4000": orders(4000, seconds=0.6, sv_id="MU-4000"),
        "4800": orders(4800, asdus=2, seconds=0.6, sv_id="MU-4800", with_rate=True),
        "14400": orders(14400, asdus=6, seconds=0.6, sv_id="MU-14400"),
        "disturbed": orders(seconds=0.6, skip=(1000, 7), double=1500, delay=1700, sv_id="MU-D"),
    }
    wanted = {"one": ["4000", "4800", "14400"], "other": ["4000", "disturbed"]}
    subscriptions = {
        who: Subscription(bus.socket, *(stream_of(published[name]) for name in names))
        for who, names in wanted.items()
    }
    publishers = {name: bus.publish(one) for name, one in published.items()}
    bus.publish(orders(seconds=0.6, sv_id="MU-NOBODY"))
    found = {
        who: dict(zip(wanted[who], listening.heard(), strict=True))
        for who, listening in subscriptions.items()
    }
    begins = {name: figures(publisher)["begin_ns"] for name, publisher in publishers.items()}
    for listening in subscriptions.values():
        listening.close()
    return Run(published, begins, found["one"], found["other"])


@pytest.mark.parametrize("name", ["4000", "4800", "14400"])
def test_every_sample_arrives_as_it_was_sent(run: Run, name: str) -> None:
    published, heard = run.published[name], run.one[name]
    size = published.rate // 10
    assert len(heard.blocks) == 6
    for block in heard.blocks:
        first = round((block.start_ns - run.begin_ns[name]) * published.rate / 1e9)
        found = np.frombuffer(block.values, dtype="<i4").reshape(8, size)
        assert found.T.tolist() == published.wave[first : first + size].tolist()
        assert not any(block.flags)
        assert block.start_ns % 100_000_000 == 0
    expected = say.Counters(frames=6 * size // published.asdus, samples=6 * size)
    assert heard.counters == expected


def test_two_subscribers_of_a_stream_hear_the_same(run: Run) -> None:
    one, other = run.one["4000"], run.other["4000"]
    assert [b.values for b in one.blocks] == [b.values for b in other.blocks]
    assert one.counters == other.counters


def test_losses_doubles_and_disorder_on_the_cable_are_counted(run: Run) -> None:
    heard = run.other["disturbed"]
    lost = [np.flatnonzero(np.frombuffer(b.flags, np.uint8) & 1).tolist() for b in heard.blocks]
    found = heard.counters
    assert (found.lost, found.doubled, found.reordered, found.late) == (7, 1, 1, 0)
    assert [places for places in lost if places] == [list(range(200, 207))]


def test_another_revision_or_form_or_a_simulation_is_not_taken(bus: ProcessBus) -> None:
    wrong: dict[str, dict[str, object]] = {
        "conf_rev_mismatch": {"conf_rev": 2},
        "simulated": {"simulation": True},
        "malformed": {"data_set": "another", "asdus": 2},
    }
    wanted = [stream_of(orders(sv_id=f"MU-{counter}")) for counter in wrong]
    listening = Subscription(bus.socket, *wanted)
    for counter, others in wrong.items():
        bus.publish(orders(seconds=0.3, sv_id=f"MU-{counter}", **others))
    counted = dict.fromkeys(wrong, 0)
    end = time.monotonic() + DEADLINE_S
    while not all(counted.values()) and time.monotonic() < end:
        message = listening.message()
        assert isinstance(message, say.Silent)
        assert message.counters.samples == 0
        counter = list(wrong)[message.stream]
        counted[counter] = getattr(message.counters, counter)
    listening.close()
    assert all(counted.values()), counted


def test_libiec61850_publishes_and_nothing_is_lost(bus: ProcessBus) -> None:
    """With a tag of VLAN 5, values and qualities of its own encoder."""
    sent = _Libiec61850(bus.merging_unit)
    expected = orders(rate=1000, sv_id="libiec61850", conf_rev=7)
    channels = tuple(say.ChannelPlace(8 * k, 8 * k + 4) for k in range(2))
    listening = listened(bus, expected, octets=16, channels=channels)
    begin = time.monotonic()
    for number in range(400):
        while time.monotonic() < begin + number / 1000:
            time.sleep(0.0005)
        sent.publish(number, (1000 * number, -number))
    ((blocks, counters),) = listening.heard()
    listening.close()
    sent.close()
    assert counters == say.Counters(frames=400, samples=400)
    whole = np.concatenate([np.frombuffer(b.values, "<i4").reshape(2, 100) for b in blocks], axis=1)
    assert np.diff(whole[0]).tolist() == [1000] * (whole.shape[1] - 1)
    assert (whole[1] * -1000).tolist() == whole[0].tolist()
    assert {b.qualities for b in blocks} == {(0, int(Quality.TEST))}


class _CommParameters(ctypes.Structure):
    """libiec61850, sv_publisher.h."""

    _fields_ = (
        ("priority", ctypes.c_uint8),
        ("vlan", ctypes.c_uint16),
        ("app_id", ctypes.c_uint16),
        ("mac", ctypes.c_uint8 * 6),
    )


class _Libiec61850:
    """A stream of two values that libiec61850 encodes and sends."""

    def __init__(self, interface: str) -> None:
        self._library = library()
        for name in ("SVPublisher_create", "SVPublisher_addASDU"):
            self._library[name].restype = ctypes.c_void_p
        create, add = self._library.SVPublisher_create, self._library.SVPublisher_addASDU
        create.restype = add.restype = ctypes.c_void_p
        where = _CommParameters(4, 5, 0x4000, (ctypes.c_uint8 * 6)(1, 0x0C, 0xCD, 4, 0, 1))
        self._publisher = ctypes.c_void_p(create(ctypes.byref(where), interface.encode()))
        assert self._publisher.value
        self._asdu = ctypes.c_void_p(add(self._publisher, b"libiec61850", None, ctypes.c_uint32(7)))
        self._places = []
        for _ in range(2):
            value = self._library.SVPublisher_ASDU_addINT32(self._asdu)
            self._places.append((value, self._library.SVPublisher_ASDU_addQuality(self._asdu)))
        self._library.SVPublisher_setupComplete(self._publisher)
        self._library.SVPublisher_ASDU_setSmpSynch(self._asdu, ctypes.c_uint16(2))

    def publish(self, count: int, values: tuple[int, int]) -> None:
        for (value_at, quality_at), value, quality in zip(
            self._places, values, (0, 0x800), strict=True
        ):
            self._library.SVPublisher_ASDU_setINT32(self._asdu, value_at, ctypes.c_int32(value))
            self._library.SVPublisher_ASDU_setQuality(
                self._asdu, quality_at, ctypes.c_uint16(quality)
            )
        self._library.SVPublisher_ASDU_setSmpCnt(self._asdu, ctypes.c_uint16(count))
        self._library.SVPublisher_publish(self._publisher)

    def close(self) -> None:
        self._library.SVPublisher_destroy(self._publisher)


def test_broken_frames_are_counted_and_the_stream_goes_on(bus: ProcessBus) -> None:
    """Two thousand frames under the stream's own address, each with octets of another."""
    published = orders(seconds=0.6, sv_id="MU-GOOD")
    listening = listened(bus, published)
    publisher = bus.publish(published)
    good, random = frame_octets(published.frame()), np.random.default_rng(1)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as attacker:
        attacker.bind((bus.merging_unit, 0))
        for _ in range(2000):
            frame = bytearray(good)
            for at in random.integers(16, len(frame), 3):
                frame[at] = random.integers(0, 256)
            frame[40] ^= 0x80  # never the stream's own name: a good frame of an enemy is a good one
            attacker.send(bytes(frame))
            if publisher.poll() is None:
                time.sleep(0.0002)
    ((blocks, counters),) = listening.heard()
    listening.close()
    assert (counters.samples, counters.lost, counters.doubled) == (2400, 0, 0)
    assert len(blocks) == 6
    assert counters.malformed + counters.unexamined > 1000
    assert bus.processes[0].poll() is None


def test_subscribers_that_come_and_go_cost_the_others_nothing(bus: ProcessBus) -> None:
    published = orders(seconds=0.6, sv_id="MU-STAYS")
    listening = listened(bus, published)
    publisher = bus.publish(published)
    while publisher.poll() is None:
        leaving = listened(bus, published)
        time.sleep(0.01)
        leaving.close()
    ((_, counters),) = listening.heard()
    listening.close()
    assert (counters.samples, counters.lost) == (2400, 0)
    assert bus.processes[0].poll() is None


def test_a_receiver_that_was_stopped_for_a_second_finds_everything_in_its_ring(
    bus: ProcessBus,
) -> None:
    published = orders(seconds=1.4, sv_id="MU-STOP")
    listening = listened(bus, published)
    bus.publish(published)
    first = listening.message()
    assert isinstance(first, say.Block | say.Silent)
    bus.processes[0].send_signal(signal.SIGSTOP)
    time.sleep(1.0)
    bus.processes[0].send_signal(signal.SIGCONT)
    ((_, counters),) = listening.heard()
    listening.close()
    assert (counters.samples, counters.lost, counters.late) == (5600, 0, 0)


def test_the_receiver_keeps_no_capability(bus: ProcessBus) -> None:
    status = Path(f"/proc/{bus.processes[0].pid}/status").read_text()
    held = dict(line.split(":\t") for line in status.splitlines() if line.startswith("Cap"))
    assert {held[name] for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {"0" * 16}


def test_a_request_that_is_none_is_refused_in_words(bus: ProcessBus) -> None:
    wrong = Subscription(bus.socket, stream_of(orders(), rate=7))
    assert isinstance(wrong.answer, say.Refused)
    assert "rate of 7" in wrong.answer.reason
    wrong.close()
    assert bus.processes[0].poll() is None
