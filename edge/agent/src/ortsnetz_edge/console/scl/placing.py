"""Places of a substation in plain text, with the nodes that serve them."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.places import NodeLink, Place
from ortsnetz_edge.console.text_table import one_line


def place_lines(places: tuple[Place, ...], depth: int = 0) -> Iterator[str]:
    """One line a place: what it is, its voltage, who serves it."""
    for place in places:
        if depth == 0:
            yield ""
        said = [place.description, "" if place.voltage_v is None else f"{place.voltage_v:g} V"]
        said.append(", ".join(_link(each) for each in place.nodes))
        about = "; ".join(text for text in said if text)
        kind = f"{place.kind} {place.equipment}".rstrip()
        line = f"{'  ' * depth}{kind} {place.name}{': ' if about else ''}{about}"
        yield one_line(line)
        yield from place_lines(place.places, depth + 1)


def _link(link: NodeLink) -> str:
    name = f"{link.prefix}{link.node_class}{link.instance}"
    return f"{name} (planned)" if link.ied is None else f"{link.ied}/{link.device}/{name}"
