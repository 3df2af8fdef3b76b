"""An SCL file is read completely: as many of everything as a plain look at the XML counts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest

from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.reading.document import read_scl

ROOT = Path(__file__).resolve().parents[3]
MADE = sorted((ROOT / "tests/data/scl").iterdir())
SHARED = ROOT.parent / "shared" / "data" / "scl"
PUBLIC = [SHARED / "sclbasics.scd", SHARED / "with-104-mapping.scd"]
SCL = {"s": "http://www.iec.ch/61850/2003/SCL"}


def counted(document: Document) -> dict[str, int]:
    devices = [device for ied in document.ieds for device in ied.devices()]
    nodes = [node for device in devices for node in device.nodes]
    sets = [each for node in nodes for each in node.data_sets]
    points = [point for network in document.networks for point in network.access_points]
    return {
        "IED": len(document.ieds),
        "IED/s:AccessPoint": sum(len(ied.access_points) for ied in document.ieds),
        "LDevice": len(devices),
        "LN0": sum(node.node_class == "LLN0" for node in nodes),
        "LN": sum(node.node_class != "LLN0" for node in nodes),
        "DataSet": len(sets),
        "FCDA": sum(len(each.members) for each in sets),
        "ReportControl": sum(len(node.reports) for node in nodes),
        "GSEControl": sum(len(node.goose) for node in nodes),
        "SampledValueControl": sum(len(node.sampled_values) for node in nodes),
        "ExtRef": sum(len(node.inputs) for node in nodes),
        "DAI": sum(len(each.path) > 1 for node in nodes for each in node.values),
        "SubNetwork": len(document.networks),
        "ConnectedAP": len(points),
        "ConnectedAP/s:Address/s:P": sum(len(point.address) for point in points),
        "GSE": sum(len(point.goose) for point in points),
        "SMV": sum(len(point.sampled_values) for point in points),
        "LNodeType": len(document.node_types),
        "DO": sum(len(kind.objects) for kind in document.node_types),
        "EnumType": len(document.enumerations),
        "EnumVal": sum(len(kind.values) for kind in document.enumerations),
    }


def read(path: Path) -> Document:
    if not path.exists():
        pytest.skip("needs ../shared/data/scl")
    return read_scl(path.read_bytes(), path.name)


def plain(path: Path) -> ET.Element:
    """A file as the standard library reads it, without any of ours."""
    return ET.fromstring(path.read_bytes())  # noqa: S314 - files that we know


@pytest.mark.parametrize("path", MADE + PUBLIC, ids=lambda path: path.name)
def test_a_file_is_read_completely(path: Path) -> None:
    document = read(path)
    tree = plain(path)
    assert counted(document) == {
        name: len(tree.findall(f".//s:{name}", SCL)) for name in counted(document)
    }


@pytest.mark.parametrize("path", MADE + PUBLIC, ids=lambda path: path.name)
def test_private_elements_are_listed_with_their_lines(path: Path) -> None:
    document = read(path)
    private = [each for each in document.unread if each.what.startswith("Private")]
    assert sum(each.count for each in private) == len(plain(path).findall(".//s:Private", SCL))
    lines = path.read_text("iso-8859-1").splitlines()
    for each in private:
        assert all("<Private" in lines[line - 1] for line in each.lines)


@pytest.mark.parametrize("path", MADE + PUBLIC, ids=lambda path: path.name)
def test_a_file_read_twice_is_the_same_text_and_comes_back_from_it(path: Path) -> None:
    document = read(path)
    text = msgspec.json.encode(document)
    assert text == msgspec.json.encode(read(path))
    assert msgspec.json.decode(text, type=Document) == document


def test_what_does_not_fit_in_the_public_files_is_found() -> None:
    """Looked up in the files by hand."""
    basics, mapping = (read(path) for path in PUBLIC)
    assert [(each.line, each.words) for each in basics.findings] == [
        (393, "'type' is missing"),
        (462, "there is no EnumType 'OpenSCD_Originator'"),
    ]
    assert [(each.line, each.words) for each in mapping.findings] == [
        (27, "B2/LD0 has no logical node 'GGIO2'"),
        (68, "IED 'B2' has no access point 'AP2'"),
        (117, "IED 'B2' has no access point 'AP2'"),
    ]
