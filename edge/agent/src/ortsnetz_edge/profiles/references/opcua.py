"""References of OPC UA: node ids as in OPC UA part 6, 5.3.1.10: `ns=2;s=CP1.Limit`, `i=2258`.

`nsu=urn:example:park;s=CP1.Limit` names the namespace by its URI: its number may be another one
after the server has restarted, so profiles use this form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeReference:
    """One node.

    Attributes:
        namespace: its URI, or its number.
        kind: `s` text, `i` number, `g` GUID, `b` opaque (base64), as in part 6.
    """

    namespace: str | int
    kind: str
    identifier: str

    def __str__(self) -> str:
        rest = f"{self.kind}={self.identifier}"
        if self.namespace == 0:
            return rest
        if isinstance(self.namespace, str):
            return f"nsu={self.namespace};{rest}"
        return f"ns={self.namespace};{rest}"


_FORM = re.compile(
    r"((ns=(?P<number>[0-9]{1,5})|nsu=(?P<uri>[^;]+));)?(?P<kind>[sigb])=(?P<identifier>.+)",
    re.DOTALL,
)
_LAST_NAMESPACE = 65535
_LAST_NUMBER = 2**32 - 1
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_EXAMPLE = "09087e75-8e5e-499b-954f-f2a9603db28a"  # as part 6 writes it
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


class OpcUaSyntax:
    """References of OPC UA; fulfils `references.Syntax`."""

    def parse(self, text: str) -> NodeReference:
        """A reference from its text. Raises ValueError."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not a node id such as nsu=urn:park;s=CP1.Limit")
        namespace: str | int = match["uri"] or int(match["number"] or 0)
        if isinstance(namespace, int) and namespace > _LAST_NAMESPACE:
            raise ValueError(f"'{text}': namespaces are numbered up to {_LAST_NAMESPACE}")
        kind, identifier = match["kind"], match["identifier"]
        if kind == "i" and not (identifier.isascii() and identifier.isdigit()):
            raise ValueError(f"'{text}': i= needs a number")
        if kind == "i" and int(identifier) > _LAST_NUMBER:
            raise ValueError(f"'{text}': numbers go up to {_LAST_NUMBER}")
        if kind == "g" and not _GUID.fullmatch(identifier):
            raise ValueError(f"'{text}': g= needs a GUID such as {_EXAMPLE}")
        if kind == "b" and not _BASE64.fullmatch(identifier):
            raise ValueError(f"'{text}': b= needs base64")
        return NodeReference(namespace, kind, identifier)

    def shifted(self, reference: NodeReference, by: int) -> NodeReference:
        """Nodes are not counted: bays are in their names. Raises ValueError unless `by` is 0."""
        if by:
            raise ValueError(f"{reference}: nodes have no stride; use {{bay}} in the node's name")
        return reference
