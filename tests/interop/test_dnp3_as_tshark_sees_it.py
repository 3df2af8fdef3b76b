"""What our master and the bench's station say to each other, read by Wireshark's dissector."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from dnp3_bench import HOST, Bench, connection, ev, feeder
from py1815.link import build
from py1815.master.capture import Capture, Stream

from ortsnetz_common.drivers.values import DriverError, Watchdog
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]
FIELDS = ("dnp3.src", "dnp3.al.func")
WRONG = (
    "_ws.malformed || _ws.expert.severity >= 0x800000"  # errors; a refusal is a warning
    " || dnp3.hdr.CRC.incorrect || dnp3.data_chunk.CRC.incorrect"
)
MASTER, OUTSTATION = "1", "1024"


class Recorder:
    """A proxy that keeps what passes through it."""

    def __init__(self, target: int) -> None:
        self.capture = Capture()
        self._target = target
        self._connections = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._carry, HOST, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        stream = self.capture.stream(client=(HOST, 41000 + self._connections))
        stream.open()
        outwards, inwards = await asyncio.open_connection(HOST, self._target)
        await asyncio.gather(
            _pass(reader, inwards, stream, sent=True), _pass(outwards, writer, stream, sent=False)
        )
        stream.close()


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: Stream, *, sent: bool
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            (stream.sent if sent else stream.received)(data)
            writer.write(data)
    writer.close()


def _exchanges(directory: Path) -> Capture:
    """Everything that the driver knows to say."""

    async def test() -> Capture:
        bench = Bench(directory, options={"asks_for_time": True})
        await bench.station.start(HOST, 0)
        recorder = Recorder(bench.station.port or 0)
        port = await recorder.start()
        protocol = Dnp3Tcp()
        drivers = [protocol.open(feeder(port, 0)), protocol.open(ev(port))]
        for step in range(5):
            await asyncio.gather(*[driver.scan() for driver in drivers])
            bench.feeders[0].set(230.0 + step, 3000.0)
            bench.step()
        await drivers[1].write(16.0, Watchdog(30.0, 7.0))
        with pytest.raises(DriverError):
            await drivers[1].write(3.0, None)
        bench.station.announce_restart()
        await drivers[0].scan()
        await drivers[0].stop()
        probe = protocol.probe(connection(port))
        await probe.browse("", 100)
        await probe.write("analog-output/40:i32", 10)
        with pytest.raises(DriverError):
            await probe.write("binary-output/3:trip-close", 1)
        await probe.close()
        await bench.station.stop()
        return recorder.capture

    return asyncio.run(asyncio.wait_for(test(), 40))


def test_the_dissector_finds_nothing_malformed(tmp_path: Path) -> None:
    path = tmp_path / "dnp3.pcap"
    assert _exchanges(tmp_path).write(path) > 40
    rows = _tshark(
        path, "-Y", "dnp3", "-T", "fields", *[part for name in FIELDS for part in ("-e", name)]
    )
    said: dict[str, Counter[str]] = {MASTER: Counter(), OUTSTATION: Counter()}
    for row in rows:
        sources, _, functions = row.partition("\t")
        said[sources.split(",")[0]].update(each for each in functions.split(",") if each)
    # confirm, read, write, select, operate, direct operate, enable and disable unsolicited, record
    # current time (IEEE 1815-2012, table 4-3); responses and unsolicited responses
    assert set(said[MASTER]) == {"0", "1", "2", "3", "4", "5", "20", "21", "24"}
    assert set(said[OUTSTATION]) == {"129", "130"}
    assert _tshark(path, "-Y", WRONG) == []


def test_a_broken_frame_would_be_seen(tmp_path: Path) -> None:
    capture = Capture()
    stream = capture.stream()
    stream.open()
    frame = bytearray(build(0xC4, 1024, 1, bytes.fromhex("c0c0013c0206")))
    frame[12] ^= 0xFF
    stream.sent(bytes(frame))
    path = tmp_path / "broken.pcap"
    capture.write(path)
    assert len(_tshark(path, "-Y", WRONG)) == 1


def _tshark(path: Path, *options: str) -> list[str]:
    done = subprocess.run(
        ["tshark", "-r", str(path), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.strip()]
