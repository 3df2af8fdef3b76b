"""References of protocols that do not ship with the agent; their drivers bring them along."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from ortsnetz_edge.profiles.references import Syntax

GROUP = "ortsnetz.references"
"""Entry points: a name that profiles give in `references`, and the class of a `Syntax`."""


def installed_syntax(name: str) -> Syntax[Any]:
    """The references of a protocol.

    Raises:
        ValueError: no installed driver brings them; says which there are.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        have = ", ".join(sorted(found)) or "none"
        raise ValueError(f"no driver that knows the references '{name}' is installed ({have})")
    syntax: Syntax[Any] = found[name].load()()
    return syntax
