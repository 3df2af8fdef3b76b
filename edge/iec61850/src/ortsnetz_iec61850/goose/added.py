"""Adds GOOSE to an SCL file that has none: data sets of an LLN0 are multicast (for the bench)."""

from __future__ import annotations

from xml.etree import ElementTree

from ortsnetz_common.errors import InputError

NAMESPACE = "http://www.iec.ch/61850/2003/SCL"
SHORTEST_MS, LONGEST_MS = 4, 1000
_MOST = 0x200  # addresses that IEC 61850-8-1, annex B, recommends: 01-0C-CD-01-00-00 to -01-FF
_VLAN, _PRIORITY = "000", "4"


def with_goose(content: bytes, first: int = 1) -> bytes:
    """The file, with a control block for each data set of each LLN0, and an address for each.

    Args:
        content: an SCL file of our own making: it is parsed without suspicion.
        first: number of the first address and APPID; files on one network need others.

    Raises:
        InputError: there is nothing to multicast, or more than there are addresses.
    """
    ElementTree.register_namespace("", NAMESPACE)
    root = ElementTree.fromstring(content)  # noqa: S314 - see above
    communication = ElementTree.Element(_tag("Communication"))
    network = ElementTree.SubElement(communication, _tag("SubNetwork"), name="Bench", type="8-MMS")
    following = first
    for ied in root.iter(_tag("IED")):
        for point in ied.iter(_tag("AccessPoint")):
            connected = ElementTree.SubElement(
                network,
                _tag("ConnectedAP"),
                iedName=ied.get("name", ""),
                apName=point.get("name", ""),
            )
            for device in point.iter(_tag("LDevice")):
                following += _publish(ied.get("name", ""), device, connected, following)
    if following == first:
        raise InputError("there is no data set to multicast")
    if not 0 < first <= following <= _MOST:
        raise InputError(f"addresses {first} to {following - 1}: there are 1 to {_MOST - 1}")
    root.insert(1, communication)  # behind the header
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _publish(
    ied: str, device: ElementTree.Element, connected: ElementTree.Element, following: int
) -> int:
    """Add the control blocks of a logical device; how many."""
    first = device.find(_tag("LN0"))
    names = [] if first is None else [each.get("name", "") for each in first.iter(_tag("DataSet"))]
    for number, name in enumerate(names, following):
        block, instance = f"gcb{name}", device.get("inst", "")
        control = ElementTree.Element(
            _tag("GSEControl"),
            name=block,
            datSet=name,
            appID=f"{ied}/{instance}/{name}",
            confRev="1",
        )
        if first is not None:
            first.insert(_behind_reports(first), control)
        address = ElementTree.SubElement(connected, _tag("GSE"), ldInst=instance, cbName=block)
        _address(address, number)
    return len(names)


def _behind_reports(node: ElementTree.Element) -> int:
    """Where a GSEControl stands in an LN0 (IEC 61850-6: before settings, behind reports)."""
    before = {_tag(name) for name in ("Text", "Private", "DataSet", "ReportControl", "LogControl")}
    before |= {_tag(name) for name in ("DOI", "Inputs", "Log", "GSEControl")}
    return max((place + 1 for place, each in enumerate(node) if each.tag in before), default=0)


def _address(gse: ElementTree.Element, number: int) -> None:
    address = ElementTree.SubElement(gse, _tag("Address"))
    for kind, text in (
        ("MAC-Address", f"01-0C-CD-01-{number >> 8:02X}-{number & 0xFF:02X}"),
        ("APPID", f"{number:04X}"),
        ("VLAN-ID", _VLAN),
        ("VLAN-PRIORITY", _PRIORITY),
    ):
        ElementTree.SubElement(address, _tag("P"), type=kind).text = text
    for name, value in (("MinTime", SHORTEST_MS), ("MaxTime", LONGEST_MS)):
        ElementTree.SubElement(gse, _tag(name), unit="s", multiplier="m").text = str(value)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
