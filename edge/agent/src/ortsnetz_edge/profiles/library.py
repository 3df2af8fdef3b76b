"""Where profiles come from: those that ship with the agent, and those of a parameter set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.files import yaml_source
from ortsnetz_common.files.complaints import complaint
from ortsnetz_common.files.yaml_source import Source as File
from ortsnetz_edge.profiles.check import check
from ortsnetz_edge.profiles.schema import FORMAT, Profile


def parse_profile(text: str, name: str) -> Profile:
    """Read a profile strictly.

    Args:
        text: YAML.
        name: how errors call the file.

    Raises:
        InputError: names file, line and field, and says what is needed.
    """
    # a lone surrogate is nothing that UTF-8 can say: the reader refuses it, with its line
    file = yaml_source.load(text.encode("utf-8", "surrogatepass"), name)
    stated = file.document.get("format")
    if stated != FORMAT:
        raise file.error(("format",), f"'{FORMAT}' is needed, not '{stated}'")
    profile = _converted(file)
    check(profile, file)
    return profile


def _converted(file: File) -> Profile:
    try:
        return msgspec.convert(file.document, Profile)
    except msgspec.ValidationError as error:
        place, words = complaint(error, Profile, file.document)
        raise file.error(place, words) from error


@dataclass(frozen=True)
class Library:
    """Profiles by kind; each is read once.

    Attributes:
        own: texts of the parameter set, by kind; they come before those that ship with the agent.
    """

    own: Mapping[str, str] = field(default_factory=dict)
    _read: dict[str, Profile] = field(default_factory=dict)

    def load(self, kind: str) -> Profile:
        """A profile.

        Raises:
            InputError: there is none of this kind, or it is wrong: with file, line and reason.
        """
        if kind not in self._read:
            name, text = self._text(kind)
            profile = parse_profile(text, name)
            if profile.kind != kind:
                raise InputError(f"{name}: calls itself '{profile.kind}'")
            self._read[kind] = profile
        return self._read[kind]

    @property
    def kinds(self) -> tuple[str, ...]:
        """All kinds there are."""
        shipped = {item.name.removesuffix(".yaml") for item in _folder().iterdir()}
        return tuple(sorted(shipped | set(self.own)))

    def _text(self, kind: str) -> tuple[str, str]:
        if kind in self.own:
            return f"profile {kind} of the parameter set", self.own[kind]
        if kind not in self.kinds:
            raise InputError(
                f"there is no device profile '{kind}' (there are: {', '.join(self.kinds)})"
            )
        return f"profiles/{kind}.yaml", _folder().joinpath(f"{kind}.yaml").read_text("utf-8")


def _folder() -> Any:
    return files("ortsnetz_edge.profiles").joinpath("generic")
