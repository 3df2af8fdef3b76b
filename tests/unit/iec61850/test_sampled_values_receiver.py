"""The receiver's rounds: who ends in one costs nobody else anything."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ortsnetz_common.link import frames
from ortsnetz_common.link import sample_blocks as say
from ortsnetz_iec61850.sampled_values.packet_filter import Instruction
from ortsnetz_iec61850.sampled_values.receiver import Receiver, listen
from ortsnetz_iec61850.sampled_values.ring import Received

STREAM = say.Stream(
    *("MU01", "01-0C-CD-04-00-01", 0x4000, 1, 4000, 1, 64), (say.ChannelPlace(0, 4),)
)


class QuietRing:
    """In the place of the network's: wakes the receiver, and has no frame."""

    interface = "eth1"

    def __init__(self) -> None:
        self._woken, self._waking = socket.socketpair()
        self._woken.setblocking(False)

    def fileno(self) -> int:
        return self._woken.fileno()

    def wake(self) -> None:
        self._waking.send(b".")

    def received(self) -> Iterator[Received]:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(1)
        return iter(())

    def check(self) -> None:
        pass

    def count_drops(self) -> int:
        return 0

    def filter(self, program: tuple[Instruction, ...]) -> None:
        del program


def subscriber(receiver: Receiver, path: Path) -> socket.socket:
    end = socket.socket(socket.AF_UNIX)
    end.settimeout(10)
    end.connect(str(path))
    receiver.serve_round()
    end.sendall(say.pack(say.Subscribe(say.VERSION, (STREAM,))))
    receiver.serve_round()
    size = frames.length(end.recv(frames.HEADER.size, socket.MSG_WAITALL))
    accepted = say.from_receiver(end.recv(size, socket.MSG_WAITALL))
    assert isinstance(accepted, say.Accepted)
    return end


def test_a_subscriber_that_goes_away_while_frames_come_ends_nobody_else(tmp_path: Path) -> None:
    ring, path = QuietRing(), tmp_path / "receiver.sock"
    receiver = Receiver(ring, listen(path))  # type: ignore[arg-type]
    stays, goes = subscriber(receiver, path), subscriber(receiver, path)
    receiver.serve_round()  # nothing is left to do: what comes next comes in its order
    for each in receiver.subscribers:
        assert each.hand_on(say.Silent(0, 1.0, say.Counters()))
    ring.wake()
    goes.close()  # the same round has frames, words for it, and its end
    receiver.serve_round()
    assert len(receiver.subscribers) == 1
    assert stays.recv(frames.HEADER.size)


def test_who_asks_for_nothing_makes_room_and_who_has_asked_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "receiver.sock"
    receiver = Receiver(QuietRing(), listen(path))  # type: ignore[arg-type]
    stays = subscriber(receiver, path)
    with socket.socket(socket.AF_UNIX) as idle:
        idle.settimeout(10)
        idle.connect(str(path))
        receiver.serve_round()
        receiver.tick()
        assert len(receiver.subscribers) == 2
        monkeypatch.setattr("ortsnetz_iec61850.sampled_values.receiver.REQUEST_S", 0.0)
        receiver.tick()
        assert idle.recv(1) == b""
    assert len(receiver.subscribers) == 1
    stays.close()
