"""A network interface: GOOSE frames in and out, by a packet socket (`packet_socket`)."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.measurement.time import NS_PER_S, now_ns
from ortsnetz_iec61850.goose.frames import MAC_OCTETS, mac_octets
from ortsnetz_iec61850.goose.packet_socket import AUXDATA, SO_TIMESTAMPNS, SOL_PACKET, opened

LARGEST_FRAME = 1522
"""Octets of a frame with a tag, without its check sequence."""
AT_ONCE = 256
"""Frames that are taken before others get their turn."""

_ADD_MEMBERSHIP, _STATISTICS = 1, 6  # linux/if_packet.h
_MR_MULTICAST, _MR_ALLMULTI = 0, 2
_STATUS_VLAN_VALID = 1 << 4
_AUXDATA_FORM = struct.Struct("@IIIHHHH")  # struct tpacket_auxdata
_TIMESTAMP_FORM = struct.Struct("@qq")
_OLDEST_S = 10.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame as it came.

    Attributes:
        octets: of the frame, as much of it as fits `LARGEST_FRAME`.
        age_s: how long ago the kernel took it from the wire.
        tag_control: of the tag that the kernel took off; None for none.
    """

    octets: bytes
    age_s: float
    tag_control: int | None


class Interface:
    """Listens to an interface and sends on it.

    Args:
        name: of the interface, e.g. `eth1`.
        destinations: multicast addresses to listen to; None for all.

    Raises:
        OrtsnetzError: there is no such interface, or the process may not; says what to do.
    """

    def __init__(self, name: str, destinations: tuple[str, ...] | None) -> None:
        self.name = name
        self.dropped = 0
        self._socket = opened(name)
        self._socket.settimeout(0)
        try:
            self._join(destinations)
        except OSError as error:
            self._socket.close()
            raise OrtsnetzError(f"interface '{name}': {error.strerror or error}") from error

    @property
    def address(self) -> bytes:
        """The interface's own address."""
        octets: bytes = self._socket.getsockname()[4]
        return octets[:MAC_OCTETS].ljust(MAC_OCTETS, b"\x00")

    def fileno(self) -> int:
        """For an event loop that waits until there is a frame."""
        return self._socket.fileno()

    def arrivals(self, most: int = AT_ONCE) -> Iterator[Arrival]:
        """Frames that have come, without waiting, at most so many.

        Raises:
            OSError: the interface is gone or down.
        """
        for _ in range(most):
            try:
                octets, more, _, _ = self._socket.recvmsg(LARGEST_FRAME, 256)
            except (BlockingIOError, InterruptedError):
                return
            yield Arrival(octets, _age_s(more), _tag_control(more))

    def send(self, octets: bytes) -> None:
        """Send a frame. Raises OSError: it did not leave."""
        self._socket.send(octets)

    def count_dropped(self) -> int:
        """Frames that the kernel has dropped since the start, for want of room."""
        with contextlib.suppress(OSError):
            found = self._socket.getsockopt(SOL_PACKET, _STATISTICS, 8)
            self.dropped += struct.unpack("@II", found)[1]  # reading it sets it back
        return self.dropped

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _join(self, destinations: tuple[str, ...] | None) -> None:
        """Let the interface's own filter pass what is multicast there."""
        end, index = self._socket, socket.if_nametoindex(self.name)
        wanted = [(_MR_ALLMULTI, b"")]
        if destinations is not None:
            wanted = [(_MR_MULTICAST, mac_octets(each)) for each in dict.fromkeys(destinations)]
        for kind, address in wanted:
            request = struct.pack("@iHH8s", index, kind, len(address), address)
            end.setsockopt(SOL_PACKET, _ADD_MEMBERSHIP, request)


def is_down(error: OSError) -> bool:
    """Whether the interface is down or gone; it may come back."""
    return error.errno in {errno.ENETDOWN, errno.ENXIO, errno.ENODEV}


def _age_s(more: list[tuple[int, int, bytes]]) -> float:
    """How long a frame waited for us; nothing where the clock was set meanwhile."""
    for level, kind, content in more:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, rest = _TIMESTAMP_FORM.unpack_from(content)
            age = (now_ns() - seconds * NS_PER_S - rest) / NS_PER_S
            return age if 0 <= age <= _OLDEST_S else 0.0
    return 0.0


def _tag_control(more: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, content in more:
        if level == SOL_PACKET and kind == AUXDATA and len(content) >= _AUXDATA_FORM.size:
            status, *_, control, _ = _AUXDATA_FORM.unpack_from(content)
            return int(control) if status & _STATUS_VLAN_VALID else None
    return None
