"""The references that a profile is written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ortsnetz_edge.profiles.references import Syntax
from ortsnetz_edge.profiles.references.dnp3 import Dnp3Syntax
from ortsnetz_edge.profiles.references.iec61850 import Iec61850Syntax
from ortsnetz_edge.profiles.references.installed import installed_syntax
from ortsnetz_edge.profiles.references.modbus import ModbusSyntax
from ortsnetz_edge.profiles.references.opcua import OpcUaSyntax
from ortsnetz_edge.profiles.references.sampled_values import SampledValuesSyntax
from ortsnetz_edge.profiles.schema import Profile, ProtocolFamily

_SHIPPED: Mapping[ProtocolFamily, Syntax[Any]] = {
    ProtocolFamily.MODBUS: ModbusSyntax(),
    ProtocolFamily.DNP3: Dnp3Syntax(),
    ProtocolFamily.OPCUA: OpcUaSyntax(),
    ProtocolFamily.IEC61850: Iec61850Syntax(),
    ProtocolFamily.SAMPLED_VALUES: SampledValuesSyntax(),
}


def syntax_of(profile: Profile) -> Syntax[Any]:
    """The references of a profile, as the protocol itself counts them.

    Raises:
        ValueError: they are those of a driver that is not installed.
    """
    syntax = _SHIPPED.get(profile.protocol) or installed_syntax(profile.references)
    if profile.protocol is ProtocolFamily.MODBUS and profile.modbus.base:
        return _Counted(syntax, profile.modbus.base)
    return syntax


@dataclass(frozen=True)
class _Counted:
    """References of a maker who counts from another number than 0."""

    syntax: Syntax[Any]
    base: int

    def parse(self, text: str) -> Any:
        """The reference as the protocol counts. Raises ValueError."""
        return self.syntax.shifted(self.syntax.parse(text), -self.base)

    def shifted(self, reference: Any, by: int) -> Any:
        """The same value so much further. Raises ValueError."""
        return self.syntax.shifted(reference, by)
