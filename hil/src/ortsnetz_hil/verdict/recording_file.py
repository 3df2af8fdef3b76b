"""Reads what a run has left in its directory; the verdict needs nothing else."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import SignedParameters
from ortsnetz_hil.faults import timeline
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant import network_file
from ortsnetz_hil.scenarios.schema import Scenario, decode
from ortsnetz_hil.servers import counters, setpoint_log
from ortsnetz_hil.verdict import observed, truth_file
from ortsnetz_hil.verdict.criteria import parse
from ortsnetz_hil.verdict.recording import Elements, Recording, Stated, StoreCount
from ortsnetz_hil.verdict.replay import policy
from ortsnetz_hil.verdict.replay import rows as replayed
from ortsnetz_hil.verdict.truth import Row

SCENARIO_FILE = "scenario.json"
STORE_FILE = "store.json"
VERSIONS_FILE = "versions.json"
PACKAGES = {"ortsnetz": "ortsnetz-hil", "power-grid-model": "power-grid-model", "numpy": "numpy"}


def read(run: Path) -> Recording:
    """Read a run.

    What is missing besides scenario, plant and truth stays None; criteria that need it fail.

    Args:
        run: the run directory.

    Raises:
        InputError: scenario, plant or truth is missing, or a file is damaged; names it.
    """
    scenario = _scenario(run / SCENARIO_FILE)
    plant = run / "plant"
    criteria = [parse(sentence) for sentence in scenario.criteria]
    replays = any(criterion.needs_replay for criterion in criteria)
    voltages = any(criterion.needs_voltages for criterion in criteria)
    return Recording(
        scenario=scenario,
        configuration=files.read(plant),
        rows=truth_file.read(plant, voltages=voltages),
        elements=elements(plant),
        stated=_stated(run / "agent" / "parameters.json"),
        writes=setpoint_log.read(plant),
        counters=counters.read(plant) if (plant / counters.FILE).exists() else None,
        timeline=timeline.read(plant) if (plant / timeline.FILE).exists() else None,
        observed=observed.read(run / observed.FILE) if (run / observed.FILE).exists() else None,
        store=_optional(run / STORE_FILE, StoreCount),
        unlimited=unlimited(plant) if replays else None,
        versions=_optional(run / VERSIONS_FILE, dict[str, str]) or versions(),
    )


def unlimited(plant: Path) -> list[Row]:
    """The truth of the same plant and seed without limits."""
    return replayed(plant, policy("none"))


def write_store(run: Path, store: StoreCount) -> None:
    """Keep what the cockpit's store held at the end of the run."""
    (run / STORE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(store), indent=1))


def write_versions(run: Path) -> None:
    """Keep what the run was made with."""
    (run / VERSIONS_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(versions())))


def versions() -> dict[str, str]:
    """Versions of what makes a run."""
    found = {name: version(package) for name, package in PACKAGES.items()}
    return {**found, "python": platform.python_version()}


def elements(plant: Path) -> Elements:
    """Names of the plant's elements in the order of the truth; unnamed ones by kind and id."""
    path = plant / files.NETWORK_FILE
    try:
        network = network_file.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error

    def names(component: str) -> tuple[str, ...]:
        return tuple(
            str(element.get("name") or f"{component} {element['id']}")
            for element in network.elements(component)
        )

    return Elements(names("line"), names("transformer"), names("node"))


def _scenario(path: Path) -> Scenario:
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _stated(path: Path) -> dict[str, Stated] | None:
    signed = _optional(path, SignedParameters)
    if signed is None:
        return None
    try:
        devices = signed.unverified().station.devices
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}: not a parameter set: {error}") from error
    return {device.name: Stated(device.reaction_s, device.fallback_w) for device in devices}


def _optional(path: Path, kind: Any) -> Any:
    """A JSON file's contents, None where there is none."""
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}: damaged: {error}") from error
