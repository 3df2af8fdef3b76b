"""The verdict on a demo run: from the plant's truth, the device servers' counters and the store."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from msgspec import Struct

from ortsnetz_hil.bench import rundir
from ortsnetz_hil.bench.rundir import RunDirectory
from ortsnetz_hil.demo import status
from ortsnetz_hil.demo.reported import Reported, StoredSample, compare
from ortsnetz_hil.demo.settings import DEFAULT_NETWORK, DemoSettings
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.protocols import MODBUS
from ortsnetz_hil.plant.station import EV_REACTION_S, PV_REACTION_S
from ortsnetz_hil.servers import counters as served
from ortsnetz_hil.servers import shown
from ortsnetz_hil.servers.counters import Counters
from ortsnetz_hil.verdict.floors import floor_violations
from ortsnetz_hil.verdict.replay import policy, replay
from ortsnetz_hil.verdict.run_truth import RunTruth, judge_directory

CYCLES_ALLOWED = 3
CYCLE_S = 1.0
LAST = 10
"""Samples of each reported point that are compared."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a run has left behind.

    Attributes:
        restarts: how often each process had to be started again.
        resources: CPU time and memory by process, see `demo.run`.
    """

    directory: RunDirectory
    settings: DemoSettings
    restarts: dict[str, int]
    resources: dict[str, dict[str, float]]


class Kind(Struct, frozen=True):
    """Energy of a kind of device, kWh; `fairness` is Jain's index of the served shares."""

    requested_kwh: float
    served_kwh: float
    fairness: float | None


class Outcome(Struct, frozen=True):
    """One run or replay, judged by the plant's truth."""

    worst_transformer_loading: float
    worst_cable_loading: float
    lowest_u_pu: float
    highest_u_pu: float
    seconds_outside: float
    longest_excursion_s: float
    requested_kwh: float
    served_kwh: float
    served_share: float | None
    ev: Kind
    pv: Kind
    floor_violations: int | None = None


class Samples(Struct, frozen=True):
    """Samples from the device to the store, of those devices that count what they serve.

    Attributes:
        devices: how many there are: those with a Modbus server of their own.
        acquired: values that the device servers served, by their own count.
        committed: values of these devices that the cockpit's store holds, queried from it.
        lost, doubled: by the devices' read counters, times the values of a read.
        lost_reads_per_device_at_most: most reads that one device lost.
        journal_lost: holes in the store below the node's watermark, in reads.
    """

    devices: int
    acquired: int
    committed: int
    lost: int
    doubled: int
    lost_reads_per_device_at_most: int
    journal_lost: int


class Setpoints(Struct, frozen=True):
    """Limits that were written, by protocol and in all.

    Attributes:
        accepted: by the devices' own count, by protocol.
        confirmed: all that the agent took for accepted; None if it was started again in between.
    """

    accepted: dict[str, int]
    confirmed: int | None


class OverloadToSetpoint(Struct, frozen=True):
    """Seconds from the first step outside a limit to the setpoint that lowered a device's limit."""

    excursions: int
    answered: int
    median_s: float | None
    longest_s: float | None


class Summary(Struct, frozen=True):
    """The last line of a demo run."""

    ok: bool
    failed: tuple[str, ...]
    network: str
    seed: int
    seconds: float
    calendar_factor: float
    slowest_reaction_s: float
    allowed_excursion_s: float
    with_limiter: Outcome
    without_limiter: Outcome
    uniform_scaling: Outcome
    overload_to_setpoint: OverloadToSetpoint | None
    protocols: str
    samples: Samples
    reported: Reported | None
    setpoints: Setpoints
    restarts: dict[str, int]
    resources: dict[str, dict[str, float]]


def summarise(recording: Recording) -> Summary:
    """Judge a run.

    Raises:
        OrtsnetzError: a file is missing or damaged; says which.
    """
    plant = recording.directory.root / "plant"
    configuration = files.read(plant)
    truth = judge_directory(plant)
    counters = served.read(plant)
    without, uniform = replay(plant, policy("none")), replay(plant, policy("uniform"))
    slowest = _slowest_reaction_s(configuration)
    summary = Summary(
        ok=False,
        failed=(),
        network=recording.settings.network,
        seed=recording.settings.seed,
        seconds=truth.seconds,
        calendar_factor=configuration.window.factor,
        slowest_reaction_s=slowest,
        allowed_excursion_s=slowest + CYCLES_ALLOWED * CYCLE_S,
        with_limiter=_outcome(truth, floor_violations(plant)),
        without_limiter=_outcome(without),
        uniform_scaling=_outcome(uniform),
        overload_to_setpoint=_reaction(truth),
        protocols=recording.settings.protocols,
        samples=_samples(recording.directory, counters),
        reported=_reported(recording.directory, counters),
        setpoints=_setpoints(recording, configuration, counters),
        restarts=recording.restarts,
        resources=recording.resources,
    )
    failed = tuple(_failed(summary))
    return msgspec.structs.replace(summary, ok=not failed, failed=failed)


def _failed(summary: Summary) -> list[str]:
    within, samples = summary.with_limiter, summary.samples
    found = []
    if summary.network == DEFAULT_NETWORK:
        found += _stress_failed(summary)
    if within.longest_excursion_s > summary.allowed_excursion_s:
        found.append(
            f"outside a limit for {within.longest_excursion_s:.1f} s, "
            f"{summary.allowed_excursion_s:.1f} s are allowed"
        )
    if within.floor_violations is None:
        found.append("no device was given a setpoint: nothing was controlled")
    elif within.floor_violations:
        found.append(f"{within.floor_violations} setpoints below a device's floor")
    if samples.lost or samples.doubled or samples.committed != samples.acquired:
        found.append(
            f"{samples.acquired} values acquired, {samples.committed} committed, "
            f"{samples.lost} lost, {samples.doubled} doubled"
        )
    if samples.acquired == 0:
        found.append("no sample was acquired")
    found += _reported_failed(summary.reported)
    accepted, confirmed = sum(summary.setpoints.accepted.values()), summary.setpoints.confirmed
    if confirmed is not None and confirmed > accepted:
        found.append(f"{confirmed} setpoints were taken for accepted, devices accepted {accepted}")
    return found


def _reported_failed(reported: Reported | None) -> list[str]:
    if reported is None:
        return []
    found = []
    if reported.different:
        found.append(
            f"{reported.different} of {reported.compared} reported values were not shown by the "
            f"device at their instant: {reported.worst}"
        )
    if reported.unheard:
        found.append(f"{reported.unheard} reported points have no value in the store at the end")
    return found


def _stress_failed(summary: Summary) -> list[str]:
    """What holds for the default network only, whose transformer and voltages are both overloaded.

    Where nothing but a transformer binds, every rule serves what it carries, and uniform scaling,
    which knows the truth and keeps no reserve, serves a little more than an agent may.
    """
    without = summary.without_limiter
    found = []
    if without.worst_transformer_loading <= 1.0 or without.highest_u_pu <= 1.05:
        found.append("without limits nothing was violated: the run shows nothing")
    served, uniform = summary.with_limiter.served_share, summary.uniform_scaling.served_share
    if served is None or uniform is None or served <= uniform:
        found.append("served no more than uniform scaling")
    return found


def _slowest_reaction_s(configuration: PlantConfiguration) -> float:
    stated = [EV_REACTION_S] if configuration.charge_points else []
    stated += [PV_REACTION_S] if configuration.inverters else []
    return max(stated, default=0.0)


def _outcome(truth: RunTruth, floors: int | None = None) -> Outcome:
    return Outcome(
        worst_transformer_loading=truth.transformer_loading.value,
        worst_cable_loading=truth.line_loading.value,
        lowest_u_pu=truth.u_min.value,
        highest_u_pu=truth.u_max.value,
        seconds_outside=truth.seconds_outside,
        longest_excursion_s=truth.longest_excursion_s,
        requested_kwh=round(truth.ev.requested_kwh + truth.pv.requested_kwh, 3),
        served_kwh=round(truth.ev.served_kwh + truth.pv.served_kwh, 3),
        served_share=truth.share,
        ev=Kind(truth.ev.requested_kwh, truth.ev.served_kwh, truth.ev.fairness),
        pv=Kind(truth.pv.requested_kwh, truth.pv.served_kwh, truth.pv.fairness),
        floor_violations=floors,
    )


def _reaction(truth: RunTruth) -> OverloadToSetpoint | None:
    found = truth.reaction
    if found is None:
        return None
    return OverloadToSetpoint(found.excursions, found.answered, found.median_s, found.longest_s)


def _samples(directory: RunDirectory, counters: Counters) -> Samples:
    devices = {name: each for name, each in counters.devices.items() if each.behind is None}
    stored = rundir.stored(directory)
    counted = {row["device"]: row for row in stored["read_counters"]}
    lost_reads = {
        name: device.reads - counted[name]["count"] + counted[name]["doubled"]
        if name in counted
        else device.reads
        for name, device in devices.items()
    }
    return Samples(
        devices=len(devices),
        acquired=sum(device.values for device in devices.values()),
        committed=sum(stored["samples_by_source"].get(name, 0) for name in devices),
        lost=sum(n * devices[name].points_per_read for name, n in lost_reads.items()),
        doubled=sum(
            row["doubled"] * devices[name].points_per_read
            for name, row in counted.items()
            if name in devices
        ),
        lost_reads_per_device_at_most=max(lost_reads.values(), default=0),
        journal_lost=stored["records_missing"],
    )


def _reported(directory: RunDirectory, counters: Counters) -> Reported | None:
    """Devices behind station servers; None where there are none."""
    names = [name for name, each in counters.devices.items() if each.behind is not None]
    if not names:
        return None
    by_source = rundir.stored(directory)["samples_by_source"]
    lines = rundir.last_stored(directory, names, LAST)
    return compare(
        shown.read(directory.root / "plant"),
        [msgspec.json.decode(line, type=StoredSample) for line in lines],
        sum(by_source.get(name, 0) for name in names),
    )


def _setpoints(
    recording: Recording, configuration: PlantConfiguration, counters: Counters
) -> Setpoints:
    protocols = {server.name: server.protocol for server in configuration.station_servers}
    accepted: dict[str, int] = {}
    for device in counters.devices.values():
        protocol = protocols[device.behind] if device.behind else MODBUS
        accepted[protocol] = accepted.get(protocol, 0) + device.writes
    said = status.agent(recording.directory)
    confirmed = said.get("counters", {}).get("setpoints_written")
    return Setpoints(accepted, None if recording.restarts.get("agent") else confirmed)
