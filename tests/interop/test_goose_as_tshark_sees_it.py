"""What the bench publishes, read by Wireshark's dissector, is what our own decoder reads."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from goose_bench import GOOD, document

from ortsnetz_common.scl.object_reference import parse_reference
from ortsnetz_iec61850.goose.data import Bits, Kind, UtcTime, flat
from ortsnetz_iec61850.goose.frames import decoded_frame
from ortsnetz_iec61850.goose.from_scl import publication_of, streams_of
from ortsnetz_iec61850.goose.misbehaviour import Misbehaviour
from ortsnetz_iec61850.goose.publisher import Publisher

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]
SOURCE = b"\x02\x00\x00\x00\x00\x01"
TIME_NS = 1_795_000_000_250_000_000


def sent() -> list[bytes]:
    """Frames of both control blocks: states that change, repetitions, and faults."""
    frames: list[bytes] = []
    for stream in streams_of(document()):
        publisher = Publisher(publication_of(stream), frames.append, SOURCE, lambda: TIME_NS)
        for number in range(3):
            values = {parse_reference(text): value for text, value in GOOD.items()}
            values[parse_reference("LD0/XCBR1.Pos.stVal[ST]")] = number + 1
            values[parse_reference("LD0/MMXU1.TotW.mag.f[MX]")] = -12.5 * number
            values[parse_reference("LD0/XCBR1.OpCnt.stVal[ST]")] = -number
            publisher.update(values, TIME_NS + number)
            for misbehaviour in (Misbehaviour.NONE, Misbehaviour.SIMULATION):
                publisher.misbehaviour = misbehaviour
                publisher.repeat()
            publisher.misbehaviour = Misbehaviour.NONE
    return frames


def dissected(frames: list[bytes], folder: Path) -> list[dict[str, Any]]:
    """The layers of each frame, by tshark."""
    capture = folder / "goose.pcap"
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    records = (struct.pack("<IIII", 0, 0, len(each), len(each)) + each for each in frames)
    capture.write_bytes(head + b"".join(records))
    command = ["tshark", "-r", str(capture), "-T", "json", "--no-duplicate-keys"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]


def test_the_dissector_reads_every_field_as_it_was_meant(tmp_path: Path) -> None:
    frames = sent()
    packets = dissected(frames, tmp_path)
    assert len(packets) == len(frames) == 18
    for octets, layers in zip(frames, packets, strict=True):
        frame, said = decoded_frame(octets), layers["goose"]
        message, pdu = frame.message, said["goose.goosePdu_element"]
        assert layers["eth"]["eth.dst"].replace(":", "-").upper() == frame.destination
        assert int(said["goose.appid"], 16) == frame.app_id
        if frame.tag is not None:
            assert int(layers["vlan"]["vlan.id"]) == frame.tag.vlan == 10
            assert int(layers["vlan"]["vlan.priority"]) == frame.tag.priority == 4
        assert pdu["goose.gocbRef"] == message.block
        assert int(pdu["goose.timeAllowedtoLive"]) == message.time_allowed_to_live_ms
        assert pdu["goose.datSet"] == message.data_set
        assert pdu["goose.goID"] == message.id
        assert abs(_time_ns(pdu["goose.t"]) - message.time.time_ns) <= 1, "it cuts off, we round"
        assert int(pdu["goose.stNum"]) == message.state
        assert int(pdu["goose.sqNum"]) == message.sequence
        assert _flag(pdu["goose.simulation"]) == message.simulation == frame.simulated
        assert int(pdu["goose.confRev"]) == message.revision
        assert not _flag(pdu["goose.ndsCom"])
        assert int(pdu["goose.numDatSetEntries"]) == message.count == len(message.data)
        assert "malformed" not in json.dumps(layers).lower()


def test_the_dissector_reads_every_value_as_it_was_meant(tmp_path: Path) -> None:
    frames = sent()
    for octets, layers in zip(frames, dissected(frames, tmp_path), strict=True):
        said = list(_leaves(layers["goose"]["goose.goosePdu_element"]["goose.allData_tree"]))
        values = flat(decoded_frame(octets).message.data)
        assert len(said) == len(values)
        for (name, text), value in zip(said, values, strict=True):
            if value.kind is Kind.FLOAT:
                assert name == "goose.float_value"
                assert float(text) == pytest.approx(float(value.value), rel=1e-6)
            elif value.kind is Kind.INTEGER:
                assert (name, int(text)) == ("goose.integer", value.value)
            elif value.kind is Kind.BOOLEAN:
                assert (name, _flag(text)) == ("goose.boolean", value.value)
            elif isinstance(value.value, Bits):
                assert name == "goose.bit_string"
                octets_said = bytes.fromhex(text.replace(":", ""))
                unused = len(octets_said) * 8 - value.value.count
                assert int.from_bytes(octets_said) >> unused == value.value.number
            else:
                assert name == "goose.utc_time"
                assert isinstance(value.value, UtcTime)
                assert abs(_time_ns(text) - value.value.time_ns) <= 1


def _flag(text: object) -> bool:
    return str(text) in ("1", "True", "true")


def _time_ns(text: str) -> int:
    """`Nov 18, 2026 11:06:40.250000000 UTC` in ns since 1970."""
    whole, _, rest = text.partition(".")
    seconds = datetime.strptime(whole, "%b %d, %Y %H:%M:%S").replace(tzinfo=UTC).timestamp()
    return int(seconds) * 1_000_000_000 + int(rest.partition(" ")[0])


def _leaves(tree: Any) -> Any:
    """Names and texts of the values in a dissected tree, in their order."""
    if isinstance(tree, list):
        for each in tree:
            yield from _leaves(each)
    if not isinstance(tree, dict):
        return
    for name, inner in tree.items():
        if name in VALUES:
            yield from ((name, each) for each in (inner if isinstance(inner, list) else [inner]))
        else:
            yield from _leaves(inner)


VALUES = {
    "goose.float_value",
    "goose.integer",
    "goose.boolean",
    "goose.bit_string",
    "goose.utc_time",
}
