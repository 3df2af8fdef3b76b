"""What passes between two peers, as a capture file that tshark reads."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import struct
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

_IPV4, _USER0 = 228, 147  # link types of pcap: bare IPv4 packets, and one for private use
MODBUS_PORT = 502


@dataclasses.dataclass
class Recording:
    """Segments in the order in which they passed; `ours` are those that we sent."""

    segments: list[tuple[bool, bytes]] = dataclasses.field(default_factory=list)

    def write_tcp(self, path: Path, port: int = MODBUS_PORT) -> None:
        """As TCP segments between port 40000, ours, and that of a server."""
        sent = {True: 1, False: 1}
        packets = []
        for ours, payload in self.segments:
            ports = (40000, port) if ours else (port, 40000)
            header = (*ports, sent[ours], sent[not ours], 5 << 4, 0x18, 65535, 0, 0)
            tcp = struct.pack(">HHIIBBHHH", *header) + payload
            hosts = (b"\x7f\0\0\1", b"\x7f\0\0\2")[:: 1 if ours else -1]
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0)
            packets.append(ip + b"".join(hosts) + tcp)
            sent[ours] += len(payload)
        _write(path, _IPV4, packets)

    def write_serial(self, path: Path) -> None:
        """As frames of a serial line."""
        _write(path, _USER0, [payload for _, payload in self.segments])


def _write(path: Path, link: int, packets: list[bytes]) -> None:
    raw = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)]
    for number, packet in enumerate(packets):
        raw += [struct.pack("<IIII", number, 0, len(packet), len(packet)), packet]
    path.write_bytes(b"".join(raw))


def dissected(path: Path, *options: str) -> list[dict[str, Any]]:
    """Each packet's layers as tshark understands them."""
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "json", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]


def field(layers: Any, name: str) -> list[Any]:
    """All values of a field, wherever it stands in the tree."""
    found: list[Any] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key == name:
                    found.extend(value if isinstance(value, list) else [value])
                walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(layers)
    return found


@asynccontextmanager
async def recorded(port: int) -> AsyncIterator[tuple[int, Recording]]:
    """A proxy before a port of the loopback that notes what passes."""
    found = Recording()

    async def pass_on(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ours: bool
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                found.segments.append((ours, data))
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, back, True), pass_on(there, writer, False))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], found
    finally:
        server.close()
