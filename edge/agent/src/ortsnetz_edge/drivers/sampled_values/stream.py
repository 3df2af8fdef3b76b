"""A stream as a profile and a station describe it, and its blocks as samples."""

from __future__ import annotations

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.sample_blocks import Block, ChannelPlace, SampleFlag, Stream
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.profiles.schema import SampledValuesOptions
from ortsnetz_grid.functions.power_quality.samples import Channel, Kind, Samples

OCTETS_OF_VALUE = 8
"""Value and quality, 32 bits each (9-2LE, 7.1; IEC 61869-9, 6.903)."""
UNFIT = int(SampleFlag.LOST | SampleFlag.INVALID | SampleFlag.TEST)


def stream_of(connection: Connection, options: SampledValuesOptions) -> Stream:
    """What the receiver is asked for.

    A connection has the destination's MAC address as `host`, the APPID as `port` and the svID as
    `path`.

    Raises:
        InputError: says what is missing.
    """
    where = connection.host.replace(":", "-").upper()
    parts = where.split("-")
    if len(parts) != 6 or any(len(p) != 2 or not _is_hexadecimal(p) for p in parts):
        raise InputError(
            f"'host' is the destination's MAC address, such as 01-0C-CD-04-00-01, not"
            f" '{connection.host}'"
        )
    if not 0 <= connection.port <= 0xFFFF:
        raise InputError(f"'port' is the stream's APPID, 0 to 65535, not {connection.port}")
    if not connection.path or not connection.path.isascii():
        raise InputError("'path' is the stream's svID, and missing")
    wanted = [k for k, name in enumerate(options.channels) if name != "-"]
    if len({options.channels[k] for k in wanted}) < len(wanted):
        raise InputError("a channel is there twice in 'sampled_values: channels'")
    if not any(options.channels[k].startswith("u_") for k in wanted):
        raise InputError("power quality needs voltages among 'sampled_values: channels'")
    if not options.current_scale:
        raise InputError("'sampled_values: current_scale' of 0 makes every current zero")
    return Stream(
        sv_id=connection.path,
        mac=where,
        app_id=connection.port,
        conf_rev=options.revision,
        rate=options.rate,
        asdus=options.asdus,
        octets=OCTETS_OF_VALUE * len(options.channels),
        channels=tuple(ChannelPlace(OCTETS_OF_VALUE * k, OCTETS_OF_VALUE * k + 4) for k in wanted),
    )


def _is_hexadecimal(text: str) -> bool:
    return all(letter in "0123456789ABCDEF" for letter in text)


class Reader:
    """Makes samples of blocks."""

    def __init__(self, options: SampledValuesOptions) -> None:
        self.channels = tuple(
            Channel(name, Kind.VOLTAGE if name[0] == "u" else Kind.CURRENT, name[-1])
            for name in options.channels
            if name != "-"
        )
        self._rate = options.rate
        self._utc = options.utc
        self._scales = np.array(
            [
                options.voltage_scale if c.kind is Kind.VOLTAGE else options.current_scale
                for c in self.channels
            ]
        )

    def samples(self, block: Block) -> Samples:
        """The samples of a block; what a channel calls invalid or a test counts as lost.

        Raises:
            InputError: the block is not of this stream.
        """
        flags = np.frombuffer(block.flags, dtype=np.uint8)
        raw = np.frombuffer(block.values, dtype="<i4")
        if raw.size != flags.size * len(self.channels):
            raise InputError(f"a block of {raw.size} values for {len(self.channels)} channels")
        off = int(SampleFlag.UNSYNCHRONISED | (0 if self._utc else SampleFlag.LOCAL_CLOCK))
        return Samples(
            start_ns=block.start_ns,
            rate_hz=float(self._rate),
            channels=self.channels,
            values=raw.reshape(len(self.channels), -1) * self._scales[:, None],
            lost=(flags & UNFIT) != 0,
            unsynchronised=(flags & off) != 0,
        )
