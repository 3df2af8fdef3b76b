"""The SCL file of an IED of the plant: the template's logical devices, one for each bay."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from importlib.resources import files
from xml.etree import ElementTree

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.bench_ied import Bay

TEMPLATE = "substation.icd"
NAMESPACE = "http://www.iec.ch/61850/2003/SCL"


def composed(name: str, bays: Sequence[Bay]) -> bytes:
    """A CID file.

    Args:
        name: of the IED.
        bays: its logical devices.

    Raises:
        InputError: the template has no such kind of bay, or a name is taken twice.
    """
    ElementTree.register_namespace("", NAMESPACE)
    # the template is the distribution's own file
    text = files("ortsnetz_iec61850.ied").joinpath("templates", TEMPLATE).read_bytes()
    root = ElementTree.fromstring(text)  # noqa: S314 - see above
    ied, server = _only(root, "IED"), _only(root, "Server")
    ied.set("name", name)
    kinds = {device.get("inst", ""): device for device in root.iter(_tag("LDevice"))}
    for device in kinds.values():
        server.remove(device)
    taken: set[str] = set()
    for bay in bays:
        if bay.kind not in kinds:
            raise InputError(f"there is no kind of bay '{bay.kind}': one of {', '.join(kinds)}")
        if bay.instance in taken:
            raise InputError(f"two bays are called '{bay.instance}'")
        taken.add(bay.instance)
        server.append(_device(kinds[bay.kind], bay))
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _device(template: ElementTree.Element, bay: Bay) -> ElementTree.Element:
    device = copy.deepcopy(template)
    device.set("inst", bay.instance)
    for member in device.iter(_tag("FCDA")):
        member.set("ldInst", bay.instance)
    for node in device.iter(_tag("LN")):
        if node.get("lnClass") == "LPHD":
            plate = ElementTree.SubElement(node, _tag("DOI"), name="PhyNam")
            for name, value in (("model", bay.model), ("serNum", bay.serial)):
                attribute = ElementTree.SubElement(plate, _tag("DAI"), name=name)
                ElementTree.SubElement(attribute, _tag("Val")).text = value
    return device


def _only(root: ElementTree.Element, name: str) -> ElementTree.Element:
    found = root.find(f".//{_tag(name)}")
    if found is None:
        raise InputError(f"{TEMPLATE} has no {name}")
    return found


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
