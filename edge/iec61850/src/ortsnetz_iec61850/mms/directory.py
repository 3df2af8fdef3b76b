"""What a device has, as far as it is needed: asked for once a connection.

Blocks, and is called in the connection's thread.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    """

    association: Association
    domains: tuple[str, ...]
    _types: dict[Variable, VariableType | None] = field(default_factory=dict)
    _places: dict[ObjectReference, Place | str] = field(default_factory=dict)

    def places(self, references: Iterable[ObjectReference]) -> dict[ObjectReference, Place | str]:
        """Where values stand, or in words why they do not.

        Raises:
            LibraryError: there is no answer.
        """
        return {reference: self._place(reference) for reference in references}

    def type_of(self, variable: Variable) -> VariableType | None:
        """A variable's type; None if the device has none of this name. Raises LibraryError."""
        if variable not in self._types:
            try:
                found = self.association.type_of(variable.domain, variable.item)
            except LibraryError as error:
                if ends_connection(error):
                    raise
                found = None
            self._types[variable] = found
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
