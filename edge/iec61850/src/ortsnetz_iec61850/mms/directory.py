"""What a device has, as far as it is needed: asked for once a connection.

Blocks, and is called in the connection's thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_iec61850.library.connection import Association
from ortsnetz_iec61850.library.errors import LibraryError
from ortsnetz_iec61850.library.types import VariableType
from ortsnetz_iec61850.mms.failures import ends_connection
from ortsnetz_iec61850.mms.places import Place, Variable, domain_of, place_of, variable_of


@dataclass
class Directory:
    """Types and places of one connection.

    Attributes:
        domains: logical devices, as on the wire.
        doubted: whether all is asked for again, because something was not where it has to be.
    """

    association: Association
    domains: tuple[str, ...]
    doubted: bool = False
    _types: dict[Variable, VariableType | None] = field(default_factory=dict)
    _places: dict[ObjectReference, Place | str] = field(default_factory=dict)

    def places(self, references: Iterable[ObjectReference]) -> dict[ObjectReference, Place | str]:
        """Where values stand, or in words why they do not.

        Raises:
            LibraryError: there is no answer.
        """
        if self.doubted:
            self.doubted = False
            self.domains = self.association.domains()
            self._types.clear()
            self._places.clear()
        return {reference: self._place(reference) for reference in references}

    def type_of(self, variable: Variable) -> VariableType | None:
        """A variable's type; None if the device has none of this name.

        A node is asked for all that it has under a functional constraint at once; where that is
        refused (too long an answer) or the variable is not in it, for the variable itself.

        Raises:
            LibraryError: there is no answer.
        """
        if variable not in self._types:
            node, *rest = variable.item.split("$")
            found = None
            if len(rest) > 1:
                whole = self._asked(Variable(variable.domain, f"{node}${rest[0]}"))
                found = None if whole is None else _below(whole, rest[1:])
            if found is None:
                found = self._asked(variable)
            self._types[variable] = found
        return self._types[variable]

    def _asked(self, variable: Variable) -> VariableType | None:
        if variable not in self._types:
            try:
                self._types[variable] = self.association.type_of(variable.domain, variable.item)
            except LibraryError as error:
                if ends_connection(error):
                    raise
                self._types[variable] = None
        return self._types[variable]

    def _place(self, reference: ObjectReference) -> Place | str:
        if reference not in self._places:
            self._places[reference] = self._sought(reference)
        return self._places[reference]

    def _sought(self, reference: ObjectReference) -> Place | str:
        domain = domain_of(reference, self.domains)
        if domain is None:
            have = ", ".join(self.domains) or "none"
            return f"no logical device {reference.device} (there are: {have})"
        variable = variable_of(reference, domain)
        kind = self.type_of(variable)
        if kind is None:
            return f"the device has no {variable}"
        return place_of(reference, variable, kind) or f"{variable} has no such part"


def _below(kind: VariableType, names: Sequence[str]) -> VariableType | None:
    for name in names:
        place = kind.part(name)
        if place is None:
            return None
        kind = kind.parts[place]
    return kind
