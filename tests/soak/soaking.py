"""All drivers at once, and the judgement."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modbus_peers.processes import free_port

from soak.held import Held, settled
from soak.peers import Peer
from soak.subjects import KINDS, prepare, subject
from soak.watch import Ledger, Watch

OCTETS_A_FAULT = 1500
"""Growth a fault that counts as none: less than a hundredth of a connection's own buffers."""


@dataclass(frozen=True)
class Soaked:
    """How it went.

    Attributes:
        early: what was held once every device had been lost in each way, and all code was loaded.
        late: the same at the end.
        faults: between the two.
    """

    ledgers: dict[str, Ledger]
    early: Held
    late: Held
    faults: int

    @property
    def octets_a_fault(self) -> float:
        """How much memory each fault has left behind."""
        return (self.late.octets - self.early.octets) / max(1, self.faults)


async def soak(
    folder: Path,
    seconds: float,
    *,
    kinds: Sequence[str] = KINDS,
    seed: int = 1,
    patience: float = 1.0,
) -> Soaked:
    """Disturb every driver's device at random for so long.

    Args:
        folder: for certificates and logs.
        seconds: wall time, without starting, warming up and settling.
        kinds: of drivers.
        seed: of faults and instants.
        patience: deadlines are multiplied by it.
    """
    prepare(folder)
    watches = [
        Watch(subject(kind, folder, port), Peer(kind, folder / kind, port), seed, patience)
        for kind, port in ((kind, free_port()) for kind in kinds)
    ]
    tracemalloc.start()
    try:
        await asyncio.gather(*[watch.begin() for watch in watches])
        await asyncio.gather(*[watch.warm_up() for watch in watches])
        early = await settled(_pids(watches))
        before = _faults(watches)
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*[watch.disturb(until) for watch in watches])
        late = await settled(_pids(watches), early)
        for watch in watches:  # each still takes a limit, and each write is one that was asked for
            await watch.write()
        ledgers = {watch.subject.kind: watch.ledger for watch in watches}
        return Soaked(ledgers, early, late, _faults(watches) - before)
    finally:
        tracemalloc.stop()
        ended = await asyncio.gather(*[watch.end() for watch in watches], return_exceptions=True)
        for watch, trouble in zip(watches, ended, strict=True):
            if trouble is not None:
                raise RuntimeError(f"{watch.subject.kind}: does not end") from trouble


def _pids(watches: Sequence[Watch]) -> list[int]:
    sessions = [watch.subject.remote.session for watch in watches if watch.subject.remote]
    return [session.pid for session in sessions if session.pid is not None]


def _faults(watches: Sequence[Watch]) -> int:
    return sum(sum(watch.ledger.faults.values()) for watch in watches)


def complaints(soaked: Soaked) -> list[str]:
    """What is wrong, in words; nothing if nothing is."""
    found = []
    for kind, ledger in soaked.ledgers.items():
        if not ledger.answers or not ledger.faults or not ledger.failures:
            found.append(f"{kind}: was not disturbed, or never answered")
        found += [f"{kind}: a scan took {words}" for words in ledger.slow_scans]
        found += [f"{kind}: recovery after {words}" for words in ledger.slow_recoveries]
        if ledger.unwanted_writes:
            found.append(f"{kind}: {ledger.unwanted_writes} writes that nobody asked for")
    early, late = soaked.early, soaked.late
    for what, before, after in (
        ("tasks", early.tasks, late.tasks),
        ("files", early.files, late.files),
        ("files of driver processes", early.process_files, late.process_files),
    ):
        if after > before:
            found.append(f"{what}: {before} before, {after} after {soaked.faults} faults")
    if soaked.octets_a_fault > OCTETS_A_FAULT:
        found.append(f"memory: {soaked.octets_a_fault:.0f} octets a fault")
    return found


def table(soaked: Soaked) -> str:
    """For people, Markdown."""
    head = "| driver | disconnections | scans answered, failed | longest scan | longest recovery |"
    rows = [head, "|---|---|---|---|---|"]
    for kind, ledger in soaked.ledgers.items():
        ways = ", ".join(f"{number} {fault}" for fault, number in sorted(ledger.faults.items()))
        rows.append(
            f"| {kind} | {ledger.faults.total()} ({ways}) | {ledger.answers:,}, "
            f"{ledger.failures.total():,} | {ledger.longest_scan_s:.2f} s | "
            f"{ledger.longest_recovery_s:.1f} s |"
        )
    return "\n".join(rows)


def run(folder: Path, seconds: float, *, patience: float = 1.0, seed: int = 1) -> Soaked:
    """Soak, in bounded time and without the log, whose records would count as growth."""
    logging.disable(logging.CRITICAL)
    try:
        whole_s = seconds + 300.0
        soaking = soak(folder, seconds, patience=patience, seed=seed)
        return asyncio.run(asyncio.wait_for(soaking, whole_s))
    finally:
        logging.disable(logging.NOTSET)
