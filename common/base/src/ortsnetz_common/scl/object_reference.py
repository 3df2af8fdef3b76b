"""References of IEC 61850 to one value: `LD0/MMXU1.PhV.phsA.cVal.mag.f[MX]`.

As IEC 61850-7-2 (22.2) writes them, with the functional constraint behind: logical device, node,
data object down to the attribute, elements of arrays as `phsAHar(3)`.

The logical device is named by its instance (`LD0`), which is the same in all devices of a kind, or
by its whole name on the wire (`B1LD0`), which begins with the IED's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ortsnetz_common.scl.types import FunctionalConstraint

LONGEST = 140
"""Of a text: an object reference has at most 129 characters (IEC 61850-7-2, 6.1.2.3)."""


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """One value of a device.

    Attributes:
        device: logical device, its instance or its whole name.
        node: logical node with prefix and number, `MMXU1`.
        path: from the data object down to the attribute.
    """

    device: str
    node: str
    path: tuple[str, ...]
    constraint: FunctionalConstraint

    @property
    def is_control(self) -> bool:
        """Whether it is the value of a control: operated, never read or written by itself."""
        return self.constraint is FunctionalConstraint.CO

    @property
    def is_writable(self) -> bool:
        """Whether its constraint lets a client change it."""
        return self.constraint in WRITABLE

    @property
    def control_object(self) -> tuple[str, ...]:
        """Path of the data object that a control operates; empty for what is no control."""
        return self.path[: self.path.index("Oper")] if self.is_control else ()

    def __str__(self) -> str:
        return f"{self.device}/{self.node}.{'.'.join(self.path)}[{self.constraint}]"


WRITABLE = frozenset(
    {
        FunctionalConstraint.CO,
        FunctionalConstraint.SP,
        FunctionalConstraint.SV,
        FunctionalConstraint.CF,
    }
)
_FORM = re.compile(
    r"(?P<device>[A-Za-z0-9_]{1,64})/(?P<node>[A-Za-z][A-Za-z0-9_]*)\.(?P<path>[^\[\]/]+)"
    r"(\[(?P<constraint>[A-Za-z]*)\])?"
)
_NODE = re.compile(r"LLN0|[A-Za-z0-9_]*?[A-Z]{4}[0-9]*")
_STEP = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\([0-9]{1,5}\))?")


def parse_reference(text: str) -> ObjectReference:
    """A reference from its text.

    Raises:
        ValueError: it is none; says what is wrong with it.
    """
    match = _FORM.fullmatch(text)
    if match is None or len(text) > LONGEST:
        raise ValueError(f"'{text[:LONGEST]}' is not of the form LD0/MMXU1.PhV.phsA.cVal.mag.f[MX]")
    if not _NODE.fullmatch(match["node"]):
        raise ValueError(f"'{text}': '{match['node']}' is no logical node such as MMXU1")
    path = tuple(match["path"].split("."))
    for step in path:
        if not _STEP.fullmatch(step):
            raise ValueError(f"'{text}': '{step}' is no name of an object or attribute")
    if len(path) < 2:
        raise ValueError(f"'{text}' names a whole data object: an attribute of it is needed")
    constraint = _constraint(text, match["constraint"])
    if constraint is FunctionalConstraint.CO and not _is_operated(path):
        raise ValueError(f"'{text}': a control is written as Pos.Oper.ctlVal[CO]")
    return ObjectReference(match["device"], match["node"], path, constraint)


def _constraint(text: str, word: str | None) -> FunctionalConstraint:
    known = ", ".join(FunctionalConstraint)
    if not word:
        raise ValueError(f"'{text}': the functional constraint is missing: [MX], one of {known}")
    try:
        return FunctionalConstraint(word)
    except ValueError:
        raise ValueError(f"'{text}': [{word}] is none of {known}") from None


def _is_operated(path: tuple[str, ...]) -> bool:
    """Whether it is the value of an operate, or a part of it (`f` or `i` of a set point)."""
    if "Oper" not in path[1:]:
        return False
    rest = path[path.index("Oper", 1) + 1 :]
    return rest[:1] == ("ctlVal",) and rest[1:] in ((), ("f",), ("i",))
