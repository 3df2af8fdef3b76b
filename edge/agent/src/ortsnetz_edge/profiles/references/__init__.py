"""References: how profiles, the command line and messages name one value of a device."""

from __future__ import annotations

from typing import Protocol, TypeVar

R = TypeVar("R")


class Syntax(Protocol[R]):
    """The references of one protocol."""

    def parse(self, text: str) -> R:
        """A reference from its text.

        Raises:
            ValueError: it is none; says what is wrong with it.
        """

    def shifted(self, reference: R, by: int) -> R:
        """The same value of a bay that lies so much further.

        Raises:
            ValueError: there is nothing there.
        """
