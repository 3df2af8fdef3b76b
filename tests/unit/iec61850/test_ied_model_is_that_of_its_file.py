"""An IED serves what its SCL file says: counted from the plain XML, browsed by a client."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link.bench_ied import TAKEN, VERSION, Bay, Begin
from ortsnetz_hil.servers.ied_process import started
from ortsnetz_iec61850.ied.composing import composed
from ortsnetz_iec61850.library.connection import associated
from ortsnetz_iec61850.library.values import Bits

EXAMPLES = Path(__file__).parents[2] / "data" / "scl"
INVALID = 0b01
"""Validity as it travels (IEC 61850-8-1, 8.2): bit 0 first."""
NAMESPACE = "{http://www.iec.ch/61850/2003/SCL}"
KINDS = ("FD", "CP", "PV", "TC")
EVERY_KIND = tuple(Bay(kind, f"{kind}1", f"model {kind}", f"serial {kind}") for kind in KINDS)
BEGIN = Begin(version=VERSION, ied="B1", host="127.0.0.1", port=0, points=(), bays=EVERY_KIND)


class PlainFile:
    """Names of variables by domain, from the elements of the file alone."""

    def __init__(self, content: bytes) -> None:
        self.root = ElementTree.fromstring(content)  # noqa: S314 - our own
        self._types = {
            (each.tag.removeprefix(NAMESPACE), each.get("id")): each
            for each in self.root.iter()
            if each.get("id")
        }

    def leaves(self, device: ElementTree.Element) -> Iterator[str]:
        for node in [*device.iter(f"{NAMESPACE}LN0"), *device.iter(f"{NAMESPACE}LN")]:
            name = f"{node.get('prefix', '')}{node.get('lnClass')}{node.get('inst', '')}"
            for part in self._types["LNodeType", node.get("lnType")]:
                yield from self._object(part, name, [])

    def _object(self, part: ElementTree.Element, node: str, path: list[str]) -> Iterator[str]:
        deeper = [*path, part.get("name", "")]
        for inner in self._types["DOType", part.get("type")]:
            if inner.tag == f"{NAMESPACE}SDO":
                yield from self._object(inner, node, deeper)
            else:
                yield from self._attribute(inner, f"{node}${inner.get('fc')}", deeper)

    def _attribute(self, part: ElementTree.Element, stem: str, path: list[str]) -> Iterator[str]:
        deeper = [*path, part.get("name", "")]
        if part.get("bType") != "Struct":
            yield "$".join((stem, *deeper))
            return
        for inner in self._types["DAType", part.get("type")]:
            yield from self._attribute(inner, stem, deeper)


@contextmanager
def served(path: Path, *options: str) -> Iterator[int]:
    """An IED of a file at a port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ortsnetz_iec61850.ied", str(path), "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "listens at" in line
        yield int(line.rsplit(":", 1)[1])
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_every_attribute_of_the_file_is_served_and_nothing_else(tmp_path: Path) -> None:
    content = composed("B1", EVERY_KIND)
    (tmp_path / "b1.cid").write_bytes(content)
    plain = PlainFile(content)
    with served(tmp_path / "b1.cid") as port:
        association, domains = associated("127.0.0.1", port, connect_s=5.0, request_s=5.0)
        devices = {f"B1{d.get('inst')}": d for d in plain.root.iter(f"{NAMESPACE}LDevice")}
        assert set(domains) == set(devices)
        for domain, device in devices.items():
            found = [name for name in association.variables(domain) if _is_data(name)]
            inner = {name for name in found if any(o.startswith(f"{name}$") for o in found)}
            assert set(found) - inner == set(plain.leaves(device))
        association.close()


def _is_data(name: str) -> bool:
    parts = name.split("$")
    return len(parts) > 2 and parts[1] not in {"RP", "BR", "GO"}


def test_name_plates_say_which_device_is_behind_a_bay(tmp_path: Path) -> None:
    (tmp_path / "b1.cid").write_bytes(composed("B1", EVERY_KIND))
    with served(tmp_path / "b1.cid") as port:
        association, _ = associated("127.0.0.1", port, connect_s=5.0, request_s=5.0)
        for kind in KINDS:
            names = ["vendor", "model", "serNum"]
            said = association.read(f"B1{kind}1", [f"LPHD1$DC$PhyNam${name}" for name in names])
            assert list(said) == ["Ortsnetz bench", f"model {kind}", f"serial {kind}"]
        association.close()


def test_what_neither_file_nor_plant_has_said_is_invalid(tmp_path: Path) -> None:
    (tmp_path / "b1.cid").write_bytes(composed("B1", EVERY_KIND))
    with served(tmp_path / "b1.cid") as port:
        association, _ = associated("127.0.0.1", port, connect_s=5.0, request_s=5.0)
        unsaid = ["MMXU1$MX$PhV$phsA$q", "MMXU1$MX$TotW$q", "XCBR1$ST$Pos$q", "MMTR1$ST$DmdWh$q"]
        for quality in association.read("B1FD1", unsaid):
            assert isinstance(quality, Bits)
            assert quality.first_is_highest >> 11 == INVALID
        for quality in association.read("B1FD1", ["LLN0$ST$Beh$q", "LPHD1$ST$PhyHealth$q"]):
            assert isinstance(quality, Bits)
            assert quality.first_is_highest == 0
        association.close()


@pytest.mark.parametrize("file", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_files_of_all_editions_are_served_with_all_their_attributes(file: Path) -> None:
    plain = PlainFile(file.read_bytes())
    ied = next(each for each in plain.root.iter(f"{NAMESPACE}IED") if _has_server(each))
    with served(file, "--ied", ied.get("name", "")) as port:
        association, _ = associated("127.0.0.1", port, connect_s=5.0, request_s=5.0)
        for device in ied.iter(f"{NAMESPACE}LDevice"):
            domain = device.get("ldName") or f"{ied.get('name')}{device.get('inst')}"
            found = set(association.variables(domain))
            missing = {name for name in plain.leaves(device) if name not in found}
            assert missing == set()
        association.close()


def _has_server(ied: ElementTree.Element) -> bool:
    return next(ied.iter(f"{NAMESPACE}LDevice"), None) is not None


def refusal(begin: Begin) -> str:
    async def story() -> str:
        with pytest.raises(OrtsnetzError) as error:
            await started(begin, lambda _: TAKEN)
        return str(error.value)

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"points": ("FD1/MMXU1.Hz.mag.f[MX]",)}, "no point FD1/MMXU1.Hz.mag.f[MX]"),
        ({"points": ("FD1/LPHD1.PhyNam.vendor[ST]",)}, "no point"),
        ({"settings": ("FD1/DECP1.FalTms.setVal[SP]",)}, "no setting"),
        ({"bays": (Bay("XX", "XX1", "", ""),)}, "no kind of bay 'XX': one of FD, CP, PV, TC"),
        ({"bays": (EVERY_KIND[0], EVERY_KIND[0])}, "two bays are called 'FD1'"),
        ({"scl": "/no/such/file.scd"}, "/no/such/file.scd: cannot be read"),
        ({"host": "203.0.113.1"}, "port 0 on 203.0.113.1, wanted for an IED, cannot be had"),
    ],
)
def test_what_cannot_be_served_is_refused_in_words(change: dict[str, object], words: str) -> None:
    assert words in refusal(msgspec.structs.replace(BEGIN, **change))


def test_a_port_that_somebody_has_is_refused_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(msgspec.structs.replace(BEGIN, port=port))
    assert f"port {port} on 127.0.0.1" in said
