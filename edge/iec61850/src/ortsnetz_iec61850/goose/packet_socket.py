"""Packet sockets of Linux for GOOSE (packet(7)): opened here, or handed over by the opener.

Opening one takes CAP_NET_RAW. A process without it gets an open one from a service that does
nothing else (`opener`), so that what reads the frames of strangers has no capability at all.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from pathlib import Path

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_iec61850.goose.frames import ETHER_TYPE, VLAN_ETHER_TYPE

FOLDER_VARIABLE = "ORTSNETZ_GOOSE"
"""Environment: folder of the openers' sockets, `IFACE.sock` each."""
DEFAULT_FOLDER = "/run/ortsnetz-goose"
RECEIVE_BYTES = 4 * 1024 * 1024
"""Asked of the kernel: some thousand frames, should the process not get to run for a while."""
ASK_S = 1.0

_ETH_P_ALL = 0x0003  # linux/if_ether.h
SOL_PACKET, AUXDATA = 263, 8  # linux/socket.h, linux/if_packet.h
_SO_ATTACH_FILTER, _SO_LOCK_FILTER = 26, 44  # asm-generic/socket.h
SO_TIMESTAMPNS = 35
_FILTER = (
    (0x28, 0, 0, 0xFFFFF004),  # ldh packet type (SKF_AD_PKTTYPE)
    (0x15, 6, 0, 4),  # PACKET_OUTGOING: not what we send ourselves
    (0x28, 0, 0, 12),  # ldh ether type
    (0x15, 3, 0, ETHER_TYPE),
    (0x15, 0, 3, VLAN_ETHER_TYPE),  # a tag that the kernel has not taken off
    (0x28, 0, 0, 16),
    (0x15, 0, 1, ETHER_TYPE),
    (0x06, 0, 0, 0xFFFF),  # accept
    (0x06, 0, 0, 0),  # drop
)
"""Of classic BPF: code, jump if true, jump if false, operand (linux/filter.h)."""


def packet_socket(name: str) -> socket.socket:
    """A socket that gets the GOOSE frames of an interface and nothing else; its filter is locked.

    Raises:
        PermissionError: the process has not the capability.
        OSError: there is no such interface.
    """
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        # filter first, bind last: nothing else must come in between
        code = b"".join(struct.pack("@HBBI", *step) for step in _FILTER)
        kept = ctypes.create_string_buffer(code)
        program = struct.pack("@HP", len(_FILTER), ctypes.addressof(kept))
        end.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        end.setsockopt(socket.SOL_SOCKET, _SO_LOCK_FILTER, 1)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        end.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        end.setsockopt(SOL_PACKET, AUXDATA, 1)
        # all protocols: bound to GOOSE's own, the kernel hides the tags of VLANs
        end.bind((name, _ETH_P_ALL))
    except OSError:
        end.close()
        raise
    return end


def opened(name: str) -> socket.socket:
    """A packet socket, opened here or by the opener.

    Raises:
        OrtsnetzError: there is no such interface, or the process may not; says what to do.
    """
    try:
        socket.if_nametoindex(name)
        return packet_socket(name)
    except PermissionError:
        return _handed_over(name)
    except AttributeError as error:
        raise OrtsnetzError(f"{name}: this system has no packet sockets") from error
    except OSError as error:
        raise OrtsnetzError(f"interface '{name}': {error.strerror or error}") from error


def _handed_over(name: str) -> socket.socket:
    path = opener_path(name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(ASK_S)
        try:
            line.connect(str(path))
            said, numbers, _, _ = socket.recv_fds(line, 1024, 1)
        except OSError as error:
            raise OrtsnetzError(
                f"{name}: this process must not open packet sockets (CAP_NET_RAW), and the opener "
                f"at {path} does not answer: {error.strerror or error}"
            ) from error
    if not numbers:
        words = said.decode(errors="replace") or "the opener ended the connection"
        raise OrtsnetzError(f"interface '{name}': {words}")
    return socket.socket(fileno=numbers[0])


def opener_path(name: str) -> Path:
    """Where the opener of an interface listens."""
    return Path(os.environ.get(FOLDER_VARIABLE, DEFAULT_FOLDER)) / f"{name}.sock"
