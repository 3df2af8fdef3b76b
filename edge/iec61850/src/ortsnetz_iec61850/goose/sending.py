"""The bench's publishers in a process: `python -m ortsnetz_iec61850.goose.sending IFACE FILE`.

Publishes all GOOSE control blocks of an SCL file (or of one IED of it: `--ied`), and takes lines of
JSON from its standard input (`Told`): values that changed, and what a publisher shall do wrong.
Says with a line of JSON when it has begun (`{"blocks": [...]}`), and at the end of its input with
another what it has sent. Ends with its input.

With `--add OUT` the file's data sets are multicast, and the file with their control blocks is
written to OUT, for those who listen; addresses and APPIDs count from `--first`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.object_reference import parse_reference
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_iec61850.goose.added import with_goose
from ortsnetz_iec61850.goose.from_scl import octets_of, publication_of, streams_of
from ortsnetz_iec61850.goose.interface import Interface
from ortsnetz_iec61850.goose.misbehaviour import Misbehaviour
from ortsnetz_iec61850.goose.publication import Value
from ortsnetz_iec61850.goose.publisher import Publisher

LONGEST_LINE = 256 * 1024


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of input.

    Attributes:
        ied: whom it concerns; "" for all.
        block: name of the control block that misbehaves; "" for all.
        values: by reference, `LD0/XCBR1.Pos.stVal[ST]`; qualities in the bits of
            `measurement.quality`, times in ns UTC.
        time_ns: when they changed; None for now.
        misbehaviour: from now on.
    """

    ied: str = ""
    block: str = ""
    values: dict[str, Value] = {}
    time_ns: int | None = None
    misbehaviour: Misbehaviour | None = None


class Sender:
    """All publishers of a file on one interface."""

    def __init__(self, interface: Interface, document: Document, ied: str | None) -> None:
        self._publishers = [
            (
                stream.ied,
                stream.control.name,
                Publisher(publication_of(stream), interface.send, interface.address),
            )
            for stream in streams_of(document, ied)
        ]
        if not self._publishers:
            raise InputError(f"{document.name}: there is no GOOSE control block")

    @property
    def blocks(self) -> list[str]:
        """IED and name of all control blocks."""
        return [f"{ied}/{name}" for ied, name, _ in self._publishers]

    @property
    def counts(self) -> dict[str, int]:
        """Frames that left, and that did not."""
        return {
            "sent": sum(each.sent for _, _, each in self._publishers),
            "failed": sum(each.failed for _, _, each in self._publishers),
        }

    def take(self, told: Told) -> None:
        """Do what a line says. Raises ValueError: a reference or value that is none."""
        values = {parse_reference(text): value for text, value in told.values.items()}
        for ied, name, publisher in self._publishers:
            if told.ied not in ("", ied):
                continue
            if told.misbehaviour is not None and told.block in ("", name):
                publisher.misbehaviour = told.misbehaviour
            publisher.update(values, told.time_ns)

    async def run(self, lines: asyncio.StreamReader) -> None:
        """Publish until the input ends. Raises InputError: a line that is none."""
        running = [asyncio.create_task(each.run()) for _, _, each in self._publishers]
        try:
            async for line in lines:
                try:
                    self.take(msgspec.json.decode(line, type=Told))
                except (msgspec.DecodeError, ValueError) as error:
                    raise InputError(f"what was told is wrong: {error}") from error
        finally:
            for task in running:
                task.cancel()


def _document(file: Path, added: Path | None, first: int) -> Document:
    """What is published. Raises InputError."""
    content = octets_of(file)
    if added is not None:
        content = with_goose(content, first)
        try:
            added.write_bytes(content)
        except OSError as error:
            raise InputError(f"{added}: cannot be written: {error.strerror}") from error
    return read_scl(content, str(file))


async def _send(interface: str, document: Document, ied: str | None) -> None:
    lines = asyncio.StreamReader(limit=LONGEST_LINE)
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    out = Interface(interface, ())
    sender = Sender(out, document, ied)
    _say({"blocks": sender.blocks})
    try:
        await sender.run(lines)
    finally:
        _say(sender.counts)
        out.close()


def _say(words: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(words) + b"\n")
    sys.stdout.flush()


def main() -> None:
    """Publish until standard input ends."""
    parser = argparse.ArgumentParser(prog="goose.sending", description=__doc__)
    parser.add_argument("interface")
    parser.add_argument("file", type=Path)
    parser.add_argument("--ied")
    parser.add_argument("--add", type=Path, metavar="OUT")
    parser.add_argument("--first", type=int, default=1, metavar="NUMBER")
    given = parser.parse_args()
    try:
        document = _document(given.file, given.add, given.first)
        asyncio.run(_send(given.interface, document, given.ied))
    except OrtsnetzError as error:
        sys.exit(f"goose.sending: {error}")


if __name__ == "__main__":
    main()
