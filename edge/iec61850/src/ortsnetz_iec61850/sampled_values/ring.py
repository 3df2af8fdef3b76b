"""Frames from the network: an AF_PACKET socket with a ring of blocks (Linux, TPACKET_V3).

The kernel writes frames into memory that is shared with this process, many to a block, and wakes
it once a block is full or a deadline has passed. So a frame costs no system call. The memory
belongs to the ring: no larger receive buffer is asked for, and NET_ADMIN is not needed.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_iec61850.sampled_values.frames import ETHERTYPE
from ortsnetz_iec61850.sampled_values.packet_filter import Instruction

BLOCK_OCTETS = max(1 << 15, mmap.PAGESIZE)
BLOCKS = 512
"""16 MiB. Many small blocks: each deadline uses one up, however few frames are in it, so their
number times the deadline is how long this process may not run and lose nothing: five seconds."""
RETIRE_MS = 10
"""A block that is not full is handed over after so long."""
_FRAME_OCTETS = 2048

# linux/if_packet.h, linux/filter.h
_SOL_PACKET, _ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION = 263, 1, 5, 6, 10
_TPACKET_V3, _MR_PROMISC = 2, 1
_SO_ATTACH_FILTER = 26
_REQUEST = struct.Struct("=7I")
_BLOCK = struct.Struct("=IIIII")  # version, offset to private, status, packets, offset to the first
_PACKET = struct.Struct("=6I2H")  # next, s, ns, captured, length, status, offset of the frame, ...
_USER = 1  # status of a block: it is ours
_STATUS_AT = 8


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """Frames of the same length out of a block.

    Attributes:
        frames: octets from the destination address on, without VLAN tag; shape (frames, octets).
        arrived_ns: of each, UTC ns by the kernel.
    """

    frames: NDArray[np.uint8]
    arrived_ns: NDArray[np.int64]


class Ring:
    """Receives frames of Sampled Values from one interface."""

    def __init__(self, interface: str) -> None:
        """Open the socket; nothing passes until a filter is set.

        Raises:
            OrtsnetzError: there is no such interface, or no permission; says what is needed.
        """
        self.interface = interface
        self._barrier = threading.Lock()
        self._next = 0
        self.drops = 0
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError as error:
            raise OrtsnetzError(
                "listening on the network needs the capability NET_RAW (systemd:"
                " AmbientCapabilities=CAP_NET_RAW; docker: --cap-add NET_RAW)"
            ) from error
        try:
            self.filter(())
            self._socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
            count = BLOCKS * BLOCK_OCTETS // _FRAME_OCTETS
            request = (BLOCK_OCTETS, BLOCKS, _FRAME_OCTETS, count, RETIRE_MS, 0, 0)
            self._socket.setsockopt(_SOL_PACKET, _RX_RING, _REQUEST.pack(*request))
            self._memory = mmap.mmap(self._socket.fileno(), BLOCKS * BLOCK_OCTETS)
            index = socket.if_nametoindex(interface)
            # all groups at once: which of them count is the filter's business
            membership = struct.pack("=iHH8s", index, _MR_PROMISC, 0, b"")
            self._socket.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, membership)
            self._socket.bind((interface, ETHERTYPE))
        except OSError as error:
            self._socket.close()
            raise OrtsnetzError(f"interface '{interface}': {error}") from error
        self._octets = np.frombuffer(self._memory, dtype=np.uint8)

    def fileno(self) -> int:
        """To wait on: readable when a block is ours."""
        return self._socket.fileno()

    def filter(self, program: tuple[Instruction, ...]) -> None:
        """Let only what this program says reach the ring; an empty one lets nothing pass."""
        program = program or (Instruction(0x06, 0, 0, 0),)
        code = b"".join(struct.pack("=HBBI", i.code, i.jt, i.jf, i.k) for i in program)
        kept = ctypes.create_string_buffer(code, len(code))
        self._socket.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("@HP", len(program), ctypes.addressof(kept)),
        )

    def received(self) -> Iterator[Received]:
        """What the blocks hold that are ours; each is given back when the next is asked for."""
        for _ in range(BLOCKS):
            begin = self._next * BLOCK_OCTETS
            _, _, status, packets, first = _BLOCK.unpack_from(self._memory, begin)
            if not status & _USER:
                return
            with self._barrier:  # what follows is read after the status, also on arm64
                pass
            yield from self._block(begin, packets, begin + first)
            with self._barrier:
                pass
            struct.pack_into("=I", self._memory, begin + _STATUS_AT, 0)
            self._next = (self._next + 1) % BLOCKS

    def count_drops(self) -> int:
        """Frames that the kernel had no room for, since the start."""
        _, drops, _ = struct.unpack("=3I", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12))
        self.drops += drops  # the kernel begins anew with each question
        return self.drops

    def check(self) -> None:
        """Raise what the socket has to say, such as that its interface has gone.

        Raises:
            OrtsnetzError: the interface is down or gone.
        """
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OrtsnetzError(f"interface '{self.interface}': {os.strerror(code)}")

    def close(self) -> None:
        """Give the ring back."""
        self._socket.close()

    def _block(self, begin: int, packets: int, at: int) -> Iterator[Received]:
        """Frames of a block, those of a length together."""
        end = begin + BLOCK_OCTETS
        by_length: dict[int, tuple[list[int], list[int]]] = {}
        for _ in range(packets):
            following, s, ns, captured, _, _, frame_at, _ = _PACKET.unpack_from(self._memory, at)
            if at + frame_at + captured > end:
                return  # the kernel does not do this
            places, times = by_length.setdefault(captured, ([], []))
            places.append(at + frame_at)
            times.append(s * 1_000_000_000 + ns)
            at += following
        for length, (places, times) in by_length.items():
            index = np.array(places)[:, None] + np.arange(length)
            yield Received(self._octets[index], np.array(times, dtype=np.int64))
