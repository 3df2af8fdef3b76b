"""The scenario files that come with the bench, and the beginning of a new one."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from ortsnetz_common.errors import InputError
from ortsnetz_common.files.complaints import did_you_mean

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def folder() -> Path:
    """Where the files are."""
    return Path(str(files("ortsnetz_hil.scenarios") / "files"))


def names() -> list[str]:
    """Names of the files that come with the bench, in the order of the alphabet."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def find(name_or_path: str) -> Path:
    """The file of a scenario: a name from the library, or a path.

    Raises:
        InputError: neither; says which names there are.
    """
    if name_or_path in names():
        return folder() / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if path.is_file():
        return path
    hint = did_you_mean(name_or_path, names())
    raise InputError(f"'{name_or_path}' is neither a scenario of the bench nor a file{hint}")


def template(name: str) -> str:
    """A new scenario file with comments, ready to run under its name.

    Raises:
        InputError: the name is not made of a-z, 0-9 and single hyphens.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"'{name}' is no name of a scenario: a-z, 0-9 and single - are possible")
    text = (files("ortsnetz_hil.scenarios") / "template.yaml").read_text("utf-8")
    return text.replace("name: new-scenario", f"name: {name}")
