"""One connection from its first answer to its end. Blocks: used in the connection's thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ortsnetz_iec61850.library.connection import Association
from ortsnetz_iec61850.library.control import ControlObject
from ortsnetz_iec61850.library.errors import LibraryError
from ortsnetz_iec61850.library.reports import Handler
from ortsnetz_iec61850.library.values import AccessError, Value
from ortsnetz_iec61850.mms.directory import Directory
from ortsnetz_iec61850.mms.failures import ends_connection
from ortsnetz_iec61850.mms.places import Variable
from ortsnetz_iec61850.mms.worker import Worker

MOST_IN_A_REQUEST = 32
NO_RESPONSE = AccessError(-2)


@dataclass
class Life:
    """A connection and what belongs to it.

    Attributes:
        generation: its number.
        handlers: of reports; the library calls them until the connection has ended.
        controls: objects that were operated, by reference.
        over: whether it was given up: nothing more is asked over it.
    """

    association: Association
    worker: Worker
    directory: Directory
    generation: int
    handlers: list[Handler] = field(default_factory=list)
    controls: dict[str, ControlObject] = field(default_factory=dict)
    over: bool = False

    def read(self, variables: Iterable[Variable]) -> dict[Variable, Value]:
        """Values of variables, in as few requests as a device answers.

        Raises:
            LibraryError: there is no answer.
        """
        found: dict[Variable, Value] = {}
        by_domain: dict[str, list[str]] = {}
        for variable in sorted(variables, key=str):
            by_domain.setdefault(variable.domain, []).append(variable.item)
        for domain, items in by_domain.items():
            for begin in range(0, len(items), MOST_IN_A_REQUEST):
                asked = items[begin : begin + MOST_IN_A_REQUEST]
                for item, value in zip(asked, self._read(domain, asked), strict=True):
                    found[Variable(domain, item)] = value
        return found

    def end(self) -> None:
        """Close the connection and free what belongs to it."""
        for control in self.controls.values():
            control.close()
        self.controls.clear()
        self.association.close()
        self.handlers.clear()

    def _read(self, domain: str, items: Sequence[str]) -> tuple[Value, ...]:
        try:
            return self.association.read(domain, items)
        except LibraryError as error:
            if ends_connection(error):
                raise
            if len(items) == 1:
                return (NO_RESPONSE,)
        # refused as a whole: too long an answer for the device, or one that it does not have
        half = len(items) // 2
        return (*self._read(domain, items[:half]), *self._read(domain, items[half:]))
