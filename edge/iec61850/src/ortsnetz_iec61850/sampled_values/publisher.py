"""Publishes a stream as a merging unit does; `publisher.c` keeps the time.

    python -m ortsnetz_iec61850.sampled_values.publisher --interface eth1 --rate 4000 --asdus 1

For the bench. The C program is compiled at its first use: a publisher in Python sends in bursts.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_iec61850.sampled_values.encoding import frame_octets, values_octets
from ortsnetz_iec61850.sampled_values.frames import Asdu, Frame, parse_frame
from ortsnetz_iec61850.sampled_values.packet_filter import mac_octets
from ortsnetz_iec61850.sampled_values.waveform import Change, Wave, counts

CHANNELS = 8
COUNTS_PER_AMPERE, COUNTS_PER_VOLT = 1000.0, 100.0
"""9-2LE, 7.1: 1 mA and 10 mV."""
_MAGIC = 0x53565031
_HEAD = struct.Struct("<12I2d")
_COMPILE_S = 60.0


@dataclass(frozen=True, slots=True)
class Orders:
    """What is published.

    Attributes:
        wave: counts, shape (samples, 8); begins anew when it ends. A whole number of cycles.
        rate, asdus: samples a second, and samples a frame.
        seconds: how long; `start` is the UTC second to begin at, 0 for the next.
        first_count: smpCnt of the first sample.
        synch: smpSynch.
        qualities: of the channels, all the time.
        skip: first frame and number of frames that are left out; (0, 0) for none.
        double, delay: frame that is sent twice, and one that is sent behind its successor; 0: none.
        form: what else the frames have.
    """

    wave: NDArray[np.int32]
    rate: int = 4000
    asdus: int = 1
    seconds: float = 1.0
    start: float = 0.0
    first_count: int = 0
    synch: int = 2
    qualities: tuple[int, ...] = (0,) * CHANNELS
    skip: tuple[int, int] = (0, 0)
    double: int = 0
    delay: int = 0
    sv_id: str = "ORTSNETZ-MU01"
    mac: str = "01-0C-CD-04-00-01"
    app_id: int = 0x4000
    conf_rev: int = 1
    simulation: bool = False
    data_set: str | None = None
    with_rate: bool = False

    def frame(self) -> Frame:
        """The frame that all others are made from."""
        asdu = Asdu(
            sv_id=self.sv_id,
            count=0,
            conf_rev=self.conf_rev,
            synch=self.synch,
            samples=values_octets((0,) * CHANNELS, self.qualities),
            data_set=self.data_set,
            rate=self.rate if self.with_rate else None,
            mode=1 if self.with_rate else None,
        )
        source = bytes.fromhex("020000000061")
        return Frame(
            mac_octets(self.mac), source, self.app_id, self.simulation, (asdu,) * self.asdus
        )

    def octets(self) -> bytes:
        """What the C program reads.

        Raises:
            InputError: the orders do not fit together.
        """
        if self.wave.ndim != 2 or self.wave.shape[1] != CHANNELS or not len(self.wave):
            raise InputError(f"a wave has the shape (samples, {CHANNELS}), not {self.wave.shape}")
        if self.rate % self.asdus:
            raise InputError(f"{self.rate} samples/s are no whole frames of {self.asdus} ASDUs")
        form = frame_octets(self.frame())
        places = b"".join(
            struct.pack("<2I", a.count_at, a.samples_at) for a in parse_frame(form).asdus
        )
        head = _HEAD.pack(
            *(_MAGIC, len(form), self.asdus, CHANNELS, self.rate, len(self.wave)),
            *(self.first_count, *self.skip, self.double, self.delay, int(self.synch > 0)),
            *(self.seconds, self.start),
        )
        return head + form + places + self.wave.astype(">i4").tobytes()


def compiled() -> Path:
    """The publisher's program, compiled if it is not there yet.

    Raises:
        OrtsnetzError: there is no compiler, or it fails; says what to install.
    """
    source = files("ortsnetz_iec61850.sampled_values").joinpath("publisher.c").read_bytes()
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ortsnetz"
    program = folder / f"sv-publisher-{hashlib.sha256(source).hexdigest()[:16]}"
    if program.exists():
        return program
    compiler = shlex.split(os.environ.get("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        raise OrtsnetzError(
            f"the publisher of Sampled Values needs a C compiler; there is no '{compiler[0]}'"
            " (Debian: apt install gcc libc6-dev)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    new = program.with_suffix(f".{os.getpid()}")
    done = subprocess.run(
        [*compiler, "-std=gnu11", "-O2", "-x", "c", "-", "-o", str(new)],
        input=source,
        capture_output=True,
        check=False,
        timeout=_COMPILE_S,
    )
    if done.returncode:
        raise OrtsnetzError(f"the publisher cannot be compiled: {done.stderr.decode()[:500]}")
    new.replace(program)
    return program


def publish(
    interface: str, orders: Orders, prefix: tuple[str, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start publishing; figures of its punctuality come on standard output at the end.

    Args:
        interface: to send from.
        orders: what to send.
        prefix: words before the command, such as `ip netns exec NAME`.
    """
    started = subprocess.Popen(
        [*prefix, str(compiled()), interface], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert started.stdin is not None  # noqa: S101  # it is a pipe
    with started.stdin as orders_to:
        orders_to.write(orders.octets())
    started.stdin = None  # closed: `communicate` would flush it
    return started


def main(arguments: list[str] | None = None) -> None:
    """Publish from the command line."""
    parser = argparse.ArgumentParser(description="Publishes Sampled Values of an analytic wave.")
    parser.add_argument("--interface", required=True)
    parser.add_argument("--rate", type=int, default=4000, help="samples a second")
    parser.add_argument("--asdus", type=int, default=1, help="samples a frame")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--voltage", type=float, default=230.0, help="RMS, V")
    parser.add_argument("--current", type=float, default=50.0, help="RMS, A")
    parser.add_argument("--frequency", type=float, default=50.0, help="Hz, in tenths")
    parser.add_argument("--harmonic", action="append", default=[], metavar="ORDER:SHARE")
    parser.add_argument("--dip", metavar="BEGIN:END:FACTOR", help="once each ten seconds")
    parser.add_argument("--sv-id", default="ORTSNETZ-MU01")
    parser.add_argument("--mac", default="01-0C-CD-04-00-01")
    parser.add_argument("--app-id", type=lambda text: int(text, 0), default=0x4000)
    options = parser.parse_args(arguments)
    try:
        harmonics = tuple(
            (int(order), float(share), 0.0)
            for order, _, share in (text.partition(":") for text in options.harmonic)
        )
        changes: tuple[Change, ...] = ()
        if options.dip:
            begin, end, factor = (float(x) for x in options.dip.split(":"))
            changes = (Change(begin, end, factor),)
        wave = Wave(
            voltage_v=(options.voltage,) * 3,
            current_a=(options.current,) * 3,
            frequency_hz=options.frequency,
            harmonics=harmonics,
            changes=changes,
        )
        values = wave.values(options.rate, 10.0)
        orders = Orders(
            counts(values, COUNTS_PER_AMPERE, COUNTS_PER_VOLT),
            rate=options.rate,
            asdus=options.asdus,
            seconds=options.seconds,
            sv_id=options.sv_id,
            mac=options.mac,
            app_id=options.app_id,
        )
        started = publish(options.interface, orders)
    except (OrtsnetzError, ValueError) as error:
        raise SystemExit(f"publisher: {error}") from error
    figures, _ = started.communicate()
    sys.stdout.write(figures.decode())
    raise SystemExit(started.returncode)


if __name__ == "__main__":
    main()
