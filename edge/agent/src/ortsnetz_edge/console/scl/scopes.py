"""Which logical nodes belong to one device of ours: one that a profile can describe."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ortsnetz_common.scl.devices import Ied, LogicalDevice, LogicalNode

Place = tuple[str, LogicalNode]
"""A node, with the instance of its logical device."""
TEMPLATE = "TEMPLATE"
"""Name of the IED in a file that describes a kind of device (ICD; IEC 61850-6, 8.2)."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Nodes of one device.

    Attributes:
        kind: name of its profile.
        describes: what it is, for people.
        nodes: with the instance of their logical device.
        left_out: nodes of which it is not clear to which measurement they belong.
    """

    kind: str
    describes: str
    nodes: tuple[Place, ...]
    left_out: tuple[str, ...] = ()

    def of(self, node_class: str) -> tuple[Place, ...]:
        """Its nodes of a class."""
        return tuple(pair for pair in self.nodes if pair[1].node_class == node_class)


def scopes_of(ied: Ied) -> Iterator[Scope]:
    """One for the whole IED where it measures at one place, else one for each measurement (MMXU).

    Of an IED that measures at several places nothing says which other nodes belong to which: they
    are left out where a logical device has more than one measurement.
    """
    about = " ".join(text for text in (ied.maker, ied.kind) if text) or f"IED {ied.name}"
    called = about if ied.name == TEMPLATE else ied.name
    everything = [(d.instance, node) for d in ied.devices() for node in d.nodes]
    if sum(node.node_class == "MMXU" for _, node in everything) <= 1:
        yield Scope(slug(called), about, tuple(everything))
        return
    for device in ied.devices():
        yield from _by_measurement(device, called, about)


def _by_measurement(device: LogicalDevice, called: str, about: str) -> Iterator[Scope]:
    measurements = [node for node in device.nodes if node.node_class == "MMXU"]
    others = [node for node in device.nodes if node.node_class != "MMXU"]
    shared = [node for node in others if node.node_class == "LPHD"]
    unclear = tuple(
        f"{device.instance}/{node.name}: it is not said to which measurement it belongs"
        for node in others
        if node.node_class not in ("LPHD", "LLN0")
    )
    for node in measurements:
        chosen = [node, *(others if len(measurements) == 1 else shared)]
        yield Scope(
            kind=slug(f"{called} {device.instance} {node.name}"),
            describes=f"{about}, {device.instance}/{node.name}",
            nodes=tuple((device.instance, each) for each in chosen),
            left_out=() if len(measurements) == 1 else unclear,
        )
    if not measurements:
        yield Scope(
            kind=slug(f"{called} {device.instance}"),
            describes=f"{about}, {device.instance}",
            nodes=tuple((device.instance, each) for each in others),
        )


def slug(text: str) -> str:
    """A name as profiles have it: a-z, 0-9 and single `-`; letters without their accents."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60].strip("-") or "device"
