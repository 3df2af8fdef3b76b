"""References of IEC 61850: `LD0/MMXU1.PhV.phsA.cVal.mag.f[MX]`.

Their form is that of `ortsnetz_common.scl.object_reference`, where the driver's own process has it.
"""

from __future__ import annotations

from ortsnetz_common.scl.object_reference import ObjectReference, parse_reference


class Iec61850Syntax:
    """References of IEC 61850; fulfils `references.Syntax`."""

    def parse(self, text: str) -> ObjectReference:
        """A reference from its text. Raises ValueError."""
        return parse_reference(text)

    def shifted(self, reference: ObjectReference, by: int) -> ObjectReference:
        """Nodes are not counted: bays are in their names. Raises ValueError unless `by` is 0."""
        if by:
            raise ValueError(f"{reference}: nodes have no stride; use {{bay}} in the node's name")
        return reference
