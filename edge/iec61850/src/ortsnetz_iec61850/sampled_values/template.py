"""The quick way through many frames of one stream: they differ from each other in few octets.

A template is made from a frame that the parser has taken. A frame that equals it in every octet
but those of smpCnt, smpSynch, refrTm and the values (and the sender's address) is as well formed as
that one; its fields are taken from their places, for all frames of a block at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.link.sample_blocks import Stream
from ortsnetz_iec61850.sampled_values.frames import Frame

Octets = NDArray[np.uint8]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """Samples of many frames, in the order in which they came.

    Attributes:
        frame: number of the frame of each sample.
        counts, synch: smpCnt and smpSynch of each.
        values: their 32 bits, shape (samples, channels), in this machine's order.
        qualities: as the messages have them, shape (samples, channels); 0 where there is none.
    """

    frame: Whole
    counts: Whole
    synch: Octets
    values: NDArray[np.int32]
    qualities: NDArray[np.uint32]


class Template:
    """How the frames of a stream look."""

    def __init__(self, frame: Frame, octets: bytes, stream: Stream | None) -> None:
        """From a frame that `misfit` has nothing against; without stream only to know others."""
        self.octets = len(octets)
        mask = np.full(self.octets, 0xFF, dtype=np.uint8)
        mask[6:12] = 0
        for asdu in frame.asdus:
            mask[asdu.count_at : asdu.count_at + 2] = 0
            mask[asdu.synch_at] = 0
            mask[asdu.samples_at : asdu.samples_at + len(asdu.samples)] = 0
            if asdu.refresh_at is not None:
                mask[asdu.refresh_at : asdu.refresh_at + 8] = 0
        mask[14 + int.from_bytes(octets[16:18], "big") :] = 0  # what pads a short frame
        self._mask = mask
        self._wanted = np.frombuffer(octets, dtype=np.uint8) & mask
        places = () if stream is None else stream.channels
        four = np.arange(4)
        self._counts = np.array([[a.count_at, a.count_at + 1] for a in frame.asdus])
        self._synch = np.array([a.synch_at for a in frame.asdus])
        self._values = np.array(
            [[a.samples_at + p.value_at + four for p in places] for a in frame.asdus]
        )
        self._has_quality = np.array([p.quality_at is not None for p in places])
        self._qualities = np.array(
            [[a.samples_at + (p.quality_at or 0) + four for p in places] for a in frame.asdus]
        )

    def fits(self, frames: Octets) -> NDArray[np.bool_]:
        """Which frames look like it; none if they are of another length."""
        if frames.shape[1] != self.octets:
            return np.zeros(len(frames), dtype=np.bool_)
        fitting: NDArray[np.bool_] = ((frames & self._mask) == self._wanted).all(axis=1)
        return fitting

    def take(self, frames: Octets) -> Taken:
        """The samples of frames that fit."""
        many, asdus = len(frames), len(self._synch)
        counts = frames[:, self._counts].astype(np.int64)
        values = np.ascontiguousarray(frames[:, self._values]).view(">i4")[..., 0]
        qualities = np.ascontiguousarray(frames[:, self._qualities]).view(">u4")[..., 0]
        channels = values.shape[-1]
        return Taken(
            frame=np.repeat(np.arange(many), asdus),
            counts=(counts[..., 0] * 256 + counts[..., 1]).reshape(-1),
            synch=frames[:, self._synch].reshape(-1),
            values=values.astype(np.int32).reshape(-1, channels),
            qualities=np.where(self._has_quality, qualities, 0)
            .astype(np.uint32)
            .reshape(-1, channels),
        )


def misfit(frame: Frame, stream: Stream) -> str:
    """Which counter of `Counters` a frame of this APPID and address belongs to; "" if it fits."""
    if frame.simulation != stream.simulated:
        return "simulated"
    for asdu in frame.asdus:
        if asdu.conf_rev != stream.conf_rev:
            return "conf_rev_mismatch"
        if len(asdu.samples) != stream.octets:
            return "malformed"
        if asdu.mode == 1 and asdu.rate not in {None, stream.rate}:
            return "malformed"
    return "" if len(frame.asdus) == stream.asdus else "malformed"
