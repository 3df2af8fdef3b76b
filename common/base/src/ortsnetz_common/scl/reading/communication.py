"""Reads the section Communication (IEC 61850-6, 9.4)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from ortsnetz_common.scl.network import (
    ISO_TRANSPORT_PORT,
    ConnectedAccessPoint,
    Multicast,
    Parameter,
    SubNetwork,
)
from ortsnetz_common.scl.reading.measures import measure
from ortsnetz_common.scl.reading.node_index import NodeIndex
from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.tree import Element

_MAC = re.compile(r"[0-9A-Fa-f]{2}([-:][0-9A-Fa-f]{2}){5}")
_LARGEST = {"APPID": 0xFFFF, "VLAN-ID": 0xFFF}
_HIGHEST_PRIORITY = 7
_LAST_PORT = 65535


def networks_in(section: Element, index: NodeIndex, notes: Notes) -> Iterator[SubNetwork]:
    """The subnetworks of the section."""
    section.get("desc")
    for element in section.each("SubNetwork"):
        yield SubNetwork(
            name=notes.required(element, "name"),
            kind=element.get("type") or "",
            line=element.line,
            description=element.get("desc") or "",
            bits_per_s=measure(element, "BitRate", "b/s", notes, multiplier="M"),
            access_points=tuple(
                _access_point(each, index, notes) for each in element.each("ConnectedAP")
            ),
        )


def _access_point(element: Element, index: NodeIndex, notes: Notes) -> ConnectedAccessPoint:
    address = _parameters(element, notes)
    ied, point = notes.required(element, "iedName"), notes.required(element, "apName")
    missing = index.missing_point(ied, point)
    if missing:
        notes.add(element, quoted(missing))
    _check_blocks(element, ied, index, notes)
    return ConnectedAccessPoint(
        ied=ied,
        access_point=point,
        line=element.line,
        ip=_ip(element, address, notes),
        port=_port(element, address, notes),
        address=address,
        goose=tuple(_multicast(each, notes) for each in element.each("GSE")),
        sampled_values=tuple(_multicast(each, notes) for each in element.each("SMV")),
        description=element.get("desc") or "",
    )


def _check_blocks(element: Element, ied: str, index: NodeIndex, notes: Notes) -> None:
    """Whether the control blocks that have an address are there."""
    for kind, of_it in (("GSE", "GSEControl"), ("SMV", "SampledValueControl")):
        for each in element.each(kind):
            device, name = each.attributes.get("ldInst", ""), each.attributes.get("cbName", "")
            if not index.has_block(ied, device, of_it, name):
                notes.add(each, f"{quoted(ied)}/{quoted(device)} has no {of_it} '{quoted(name)}'")


def _parameters(element: Element, notes: Notes) -> tuple[Parameter, ...]:
    found = []
    for address in element.each("Address"):
        address.get("desc")
        found += [
            Parameter(notes.required(each, "type"), each.text, each.line)
            for each in address.each("P")
        ]
    return tuple(found)


def _ip(element: Element, address: tuple[Parameter, ...], notes: Notes) -> str | None:
    texts = [each.value for each in address if each.kind == "IP"]
    if not texts:
        return None
    if len(texts) > 1:
        notes.add(element, "more than one IP address")
        return None
    try:
        return str(ipaddress.ip_address(texts[0]))
    except ValueError:
        notes.add(element, f"IP: '{quoted(texts[0])}' is no address")
        return None


def _port(element: Element, address: tuple[Parameter, ...], notes: Notes) -> int | None:
    for each in address:
        if each.kind == "MMS-Port":
            number = notes.number(element, "MMS-Port", each.value)
            if number is not None and not 0 < number <= _LAST_PORT:
                notes.add(element, f"MMS-Port: {number} is no port")
                return None
            return number
    return ISO_TRANSPORT_PORT


def _multicast(element: Element, notes: Notes) -> Multicast:
    address = _parameters(element, notes)
    said: dict[str, str] = {}
    for each in address:
        if each.kind in said:
            notes.add(element, f"'{quoted(each.kind)}' is there twice")
        said.setdefault(each.kind, each.value)
    shortest_s = measure(element, "MinTime", "s", notes, multiplier="m")
    longest_s = measure(element, "MaxTime", "s", notes, multiplier="m")
    return Multicast(
        device=notes.required(element, "ldInst"),
        block=notes.required(element, "cbName"),
        line=element.line,
        mac=_mac(element, said.get("MAC-Address"), notes),
        app_id=_hexadecimal(element, "APPID", said, notes),
        vlan_id=_hexadecimal(element, "VLAN-ID", said, notes),
        vlan_priority=_priority(element, said.get("VLAN-PRIORITY"), notes),
        shortest_ms=None if shortest_s is None else shortest_s * 1000,
        longest_ms=None if longest_s is None else longest_s * 1000,
        description=element.get("desc") or "",
    )


def _mac(element: Element, text: str | None, notes: Notes) -> str | None:
    if text is None:
        return None
    if not _MAC.fullmatch(text):
        notes.add(element, f"MAC-Address: '{quoted(text)}' is not of the form 01-0C-CD-01-00-01")
        return None
    if not int(text[:2], 16) & 1:
        notes.add(element, f"MAC-Address: {text} is no multicast address")
    return text.replace(":", "-").upper()


def _hexadecimal(element: Element, kind: str, said: dict[str, str], notes: Notes) -> int | None:
    if kind not in said:
        return None
    number = notes.number(element, kind, said[kind], 16)
    if number is not None and number > _LARGEST[kind]:
        notes.add(element, f"{kind}: {said[kind]} is larger than {_LARGEST[kind]:X}")
        return None
    return number


def _priority(element: Element, text: str | None, notes: Notes) -> int | None:
    number = None if text is None else notes.number(element, "VLAN-PRIORITY", text)
    if number is not None and number > _HIGHEST_PRIORITY:
        notes.add(element, f"VLAN-PRIORITY: {number} is more than {_HIGHEST_PRIORITY}")
        return None
    return number
