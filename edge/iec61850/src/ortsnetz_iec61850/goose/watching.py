"""Listens for a while: `python -m ortsnetz_iec61850.goose.watching IFACE`; started by the console.

Says what it heard as one line of JSON (`observed.Report`), each second and at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_common.measurement.time import now_ns
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_iec61850.goose.frames import Frame
from ortsnetz_iec61850.goose.from_scl import octets_of, streams_of, subscription_of
from ortsnetz_iec61850.goose.listening import Listening
from ortsnetz_iec61850.goose.observed import Observation, Report
from ortsnetz_iec61850.goose.subscription import Subscription

EACH_S = 1.0


def expected_of(file: Path) -> tuple[dict[str, Subscription], list[str]]:
    """What a file expects, by control block, and what it does not say clearly enough.

    Raises:
        InputError: there is no such file, or it is no SCL.
    """
    found: dict[str, Subscription] = {}
    unclear = []
    for stream in streams_of(read_scl(octets_of(file), str(file))):
        try:
            found[stream.block] = subscription_of(stream)
        except InputError as error:
            unclear.append(str(error))
    return found, unclear


async def _watch(name: str, seconds: float, expected: dict[str, Subscription] | None) -> None:
    loop = asyncio.get_running_loop()
    observation = Observation(expected)

    def hear(frame: Frame) -> None:
        observation.take(frame, loop.time(), now_ns())

    listening = Listening(name, everything=hear)
    listening.open()
    if listening.why is not None:
        raise OrtsnetzError(listening.why)
    begin = loop.time()
    while True:
        left_s = begin + seconds - loop.time()
        await asyncio.sleep(max(0.0, min(EACH_S, left_s)))
        if listening.why is not None:
            raise OrtsnetzError(listening.why)
        now_s = loop.time()
        report = Report(
            interface=name,
            seconds=round(now_s - begin, 3),
            streams=observation.streams(now_s),
            malformed=listening.malformed,
            dropped=listening.dropped,
            beyond=observation.beyond,
        )
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.flush()
        if left_s <= EACH_S:
            break
    listening.close()


def main() -> None:
    """Listen, and say what was heard."""
    parser = argparse.ArgumentParser(prog="goose.watching", description=__doc__)
    parser.add_argument("interface")
    parser.add_argument("--scl", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    try:
        expected = None
        if given.scl is not None:
            expected, unclear = expected_of(given.scl)
            for words in unclear:
                print(words, file=sys.stderr)
        asyncio.run(_watch(given.interface, given.seconds, expected))
    except OrtsnetzError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
