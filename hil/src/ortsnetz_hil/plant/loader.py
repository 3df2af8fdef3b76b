"""Builds a plant from its directory."""

from __future__ import annotations

from pathlib import Path

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant import network_file, profiles
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.core import Plant


def load(directory: Path, configuration: PlantConfiguration | None = None) -> Plant:
    """A plant at the beginning of its window.

    Args:
        directory: the plant directory.
        configuration: its configuration, where it has been read already.

    Raises:
        InputError: names the file and the reason.
    """
    configuration = configuration or files.read(directory)
    path = directory / files.NETWORK_FILE
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    network = network_file.parse(text, str(path))
    return Plant(configuration, network, profiles.read(directory / files.PROFILES_FILE))
