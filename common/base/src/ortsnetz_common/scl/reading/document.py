"""Reads an SCL file: `read_scl`."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.document import Document, Edition, Header
from ortsnetz_common.scl.reading.communication import networks_in
from ortsnetz_common.scl.reading.devices import DeviceReader
from ortsnetz_common.scl.reading.node_index import NodeIndex
from ortsnetz_common.scl.reading.notes import Notes, quoted, unread
from ortsnetz_common.scl.reading.substation import places_in
from ortsnetz_common.scl.reading.templates import Templates
from ortsnetz_common.scl.reading.tree import NAMESPACE, Element, parse_tree

_AMENDED_RELEASE = 4  # 2007B4 is IEC 61850-6:2009 with amendment 1


def read_scl(payload: bytes, name: str) -> Document:
    """Read an SCL file.

    Args:
        payload: the file's bytes.
        name: how errors call the file.

    Raises:
        InputError: not XML, no SCL, or beyond the bounds; names the line.
    """
    root = parse_tree(payload, name)
    if root.name != "SCL" or root.namespace != NAMESPACE:
        found = f"'{quoted(root.name)}' of '{quoted(root.namespace)}'"
        raise InputError(f"{name}:{root.line}: {found} is no SCL file: SCL of {NAMESPACE} is")
    root.is_read = True
    return _read(root, name, Notes())


def _read(root: Element, name: str, notes: Notes) -> Document:
    edition, version = _edition(root, notes)
    sections = root.each("DataTypeTemplates")
    for second in sections[1:]:
        notes.add(second, "a second section DataTypeTemplates: it is not read")
        second.is_read = False
    templates = Templates(sections[0] if sections else None, notes)
    ieds = root.each("IED")
    index = NodeIndex(ieds, templates.node_types)
    places = tuple(places_in(root, index, notes))
    networks = tuple(
        network
        for each in root.each("Communication")
        for network in networks_in(each, index, notes)
    )
    reader = DeviceReader(index, templates.presets, notes)
    devices = tuple(reader.ied(each) for each in _once(ieds, notes))
    header = _header(root, notes)
    left = unread(root)
    return Document(
        name=name,
        edition=edition,
        version=version,
        header=header,
        places=places,
        networks=networks,
        ieds=devices,
        node_types=templates.node_types,
        enumerations=templates.enumerations,
        findings=notes.findings(),
        unread=left,
        dropped_findings=notes.dropped,
    )


def _edition(root: Element, notes: Notes) -> tuple[Edition | None, str]:
    """The edition by version, revision and release (IEC 61850-6:2009/AMD1:2018, 9.1)."""
    version, revision = root.get("version") or "", root.get("revision") or ""
    release = notes.whole(root, "release")
    written = f"{version}{revision}{'' if release is None else release}"
    if version in ("", "2003"):
        return Edition.FIRST, written
    if version == "2007" and revision in ("A", "B"):
        is_amended = revision == "B" and (release or 0) >= _AMENDED_RELEASE
        return (Edition.SECOND_AMENDED if is_amended else Edition.SECOND), written
    notes.add(root, f"version '{quoted(written)}' is unknown: read like edition 2.1")
    return None, written


def _header(root: Element, notes: Notes) -> Header | None:
    found = root.each("Header")
    if not found:
        notes.add(root, "there is no Header")
        return None
    element = found[0]
    structure = element.get("nameStructure") or "IEDName"
    if structure != "IEDName":
        notes.add(element, f"nameStructure '{quoted(structure)}': names by IED are read only")
    identifier = element.get("id")
    if identifier is None:
        notes.add(element, "'id' is missing")
    return Header(
        id=identifier or "",
        version=element.get("version") or "",
        revision=element.get("revision") or "",
        tool=element.get("toolID") or "",
        line=element.line,
    )


def _once(ieds: list[Element], notes: Notes) -> Iterator[Element]:
    seen: dict[str, int] = {}
    for element in ieds:
        name = element.attributes.get("name", "")
        line = seen.setdefault(name, element.line)
        if line != element.line:
            notes.add(element, f"IED '{quoted(name)}' is already in line {line}: not read")
            element.is_read = False
        else:
            yield element
