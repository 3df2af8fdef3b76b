"""A bare loop that receives Sampled Values: recv_into, one frame a call, counts gaps in smpCnt.

It does the least that a receiver can do: no block, no value, no check but that of the count. Prints
its CPU seconds, the frames and what it missed when nothing has come for a second.

    python benchmarks/iec61850_plain_receiver.py INTERFACE COUNT_AT ASDUS RATE
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time

_SO_RCVBUFFORCE = 33
_RECEIVE_OCTETS = 16 * 1024 * 1024
_SOL_PACKET, _STATISTICS = 263, 6


def main() -> None:
    interface, count_at, asdus, rate = sys.argv[1], *map(int, sys.argv[2:])
    listening = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88BA))
    listening.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_OCTETS)
    listening.bind((interface, 0x88BA))
    listening.settimeout(30.0)
    print("listens", flush=True)
    frame, last, frames, lost = bytearray(2048), None, 0, 0
    begin = None
    while True:
        try:
            listening.recv_into(frame)
        except TimeoutError:
            break
        if begin is None:
            begin = time.process_time()
            listening.settimeout(1.0)
        frames += 1
        count = frame[count_at] << 8 | frame[count_at + 1]
        if last is not None:
            lost += (count - last - asdus) % rate
        last = count
    used = time.process_time() - (begin or 0.0)
    _, drops = struct.unpack("=2I", listening.getsockopt(_SOL_PACKET, _STATISTICS, 8))
    print(json.dumps({"frames": frames, "lost": lost, "drops": drops, "cpu_s": used}))


if __name__ == "__main__":
    main()
