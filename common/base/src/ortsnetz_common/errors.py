"""Errors that are meant for people: what was wrong, where, and what to do."""

from __future__ import annotations


class OrtsnetzError(Exception):
    """Base of all errors that a user may see. Its text is one clear sentence, never a traceback."""

    exit_code = 1


class InputError(OrtsnetzError):
    """A file, a case or a parameter is not usable; the text names the element and the reason."""

    exit_code = 2


class MissingExtraError(OrtsnetzError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an extra that is not installed: pip install '{extra}'")
