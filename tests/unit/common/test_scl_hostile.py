"""SCL files come from elsewhere: made to harm or broken on the way, they are refused in words."""

from __future__ import annotations

import contextlib
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.controls import controls_of
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_common.scl.units import units_of

FILE = Path(__file__).resolve().parents[2] / "data/scl/substation-edition-2-1.scd"
PAYLOAD = FILE.read_bytes()
BEGIN = '<SCL xmlns="http://www.iec.ch/61850/2003/SCL"><Header id="x"/>'


def read(text: str) -> Document:
    return read_scl(text.encode(), "made.scd")


def words_of(text: str) -> list[str]:
    return [f"{each.line}: {each.words}" for each in read(text).findings]


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
REFUSED = {
    "billion laughs": (f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>{BEGIN}&l9;</SCL>', "DOCTYPE"),
    "a file of the node": (
        f'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>{BEGIN}&f;</SCL>',
        "DOCTYPE",
    ),
    "a document type elsewhere": (
        f'<!DOCTYPE SCL SYSTEM "http://127.0.0.1:9/x">{BEGIN}</SCL>',
        "DOCTYPE",
    ),
    "an entity that nobody declared": (f"{BEGIN}&f;</SCL>", "undefined entity"),
    "deep nesting": (BEGIN + "<a>" * 5000, "deeper than 40"),
    "a huge attribute": (f'{BEGIN}<IED name="{"a" * 20_000}"/></SCL>', "attribute longer than"),
    "a huge text": (f"{BEGIN}<Private>{'a' * 70_000}</Private></SCL>", "text longer than"),
    "many attributes": (
        BEGIN + "<IED " + " ".join(f"a{n}=''" for n in range(100)) + "/></SCL>",
        "more than 64 attributes",
    ),
    "many elements": (BEGIN + "<a/>" * 400_001, "more than 400000 elements"),
    "another root": ('<SCL xmlns="urn:other"/>', "no SCL file"),
    "nothing": ("", "not XML"),
    "no XML": ("SCL:\n  IED: 1\n", "not XML"),
    "cut off": (BEGIN, "not XML: no element found"),
    "an encoding that nobody has": ('<?xml version="1.0" encoding="x-none"?><SCL/>', "encoding"),
    "an encoding of several bytes": ('<?xml version="1.0" encoding="gb2312"?><SCL/>', "UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_made_to_harm_is_refused_with_its_line(name: str) -> None:
    text, words = REFUSED[name]
    with pytest.raises(InputError, match=rf"^made\.scd:[0-9]+: .*{words}"):
        read(text)


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(InputError, match="larger than 32 MiB"):
        read_scl(b" " * (33 << 20), "large.scd")


def types(text: str) -> str:
    return f"{BEGIN}<DataTypeTemplates>{text}</DataTypeTemplates></SCL>"


def test_types_that_stand_for_billions_of_values_are_found_and_left_out() -> None:
    """Ten of ten of ten ..., which no document type is needed for."""
    parts = [
        f'\n<DAType id="t{n}">'
        + "".join(f'<BDA name="b{m}" bType="Struct" type="t{n - 1}"/>' for m in range(10))
        + "</DAType>"
        for n in range(1, 10)
    ]
    text = types(
        '<LNodeType id="L" lnClass="GGIO"><DO name="Ind" type="D"/></LNodeType>'
        '<DOType id="D" cdc="SPS"><DA name="x" bType="Struct" type="t9" fc="ST"/></DOType>'
        '<DAType id="t0"><BDA name="v" bType="INT8"/></DAType>' + "".join(parts)
    )
    found = words_of(text)
    assert any("stands for 1000000000 values" in each for each in found)
    assert len(msgspec.json.encode(read(text))) < 10_000


@pytest.mark.parametrize(
    "text",
    [
        '<DAType id="a"><BDA name="x" bType="Struct" type="a"/></DAType>',
        (
            '<DOType id="a" cdc="WYE"><SDO name="x" type="b"/></DOType>'
            '<DOType id="b" cdc="WYE"><SDO name="x" type="a"/></DOType>'
        ),
    ],
)
def test_types_that_contain_themselves_are_found(text: str) -> None:
    assert any("contains itself" in each for each in words_of(types(text)))


def test_types_of_very_many_parts_are_cut_and_said() -> None:
    parts = "".join(f'<DA name="a{n}" bType="INT8" fc="ST"/>' for n in range(2500))
    document = read(types(f'<DOType id="d" cdc="SPS">{parts}</DOType>'))
    assert "has 2500 parts" in document.findings[0].words
    assert [(each.what, each.count) for each in document.unread] == [("DA", 500)]


def test_many_data_sets_of_everything_do_not_fill_the_memory() -> None:
    harmonics = '<FCDA ldInst="LD0" lnClass="MHAI" lnInst="1" doName="HPhV" fc="MX"/>'
    payload = PAYLOAD.replace(harmonics.encode(), harmonics.encode() * 8000)
    document = read_scl(payload, "large.scd")
    assert "more than 100000 values" in document.findings[0].words


MISTAKES = {
    'lnType="MHAI_a"': ('lnType="MHAI_b"', "no LNodeType 'MHAI_b' of MHAI"),
    'doName="Hz" fc="MX"': ('doName="Hz" fc="ST"', r"'MMXU1\.Hz' has no values with ST"),
    'datSet="States" appID': ('datSet="Stages" appID', "there is no data set 'Stages'"),
    'iedName="MU1" ldInst': ('iedName="MU2" ldInst', "there is no IED 'MU2'"),
    'type="Unit_a"': ('type="Unit_b"', "no usable DAType 'Unit_b'"),
    'type="CMV_a"': ('type="CMV_b"', "no usable DOType 'CMV_b'"),
    'type="HealthKind"': ('type="Kind"', "no EnumType 'Kind'"),
    '<IED name="MU1"': ('<IED name="PV1"', "IED 'PV1' is already in line"),
    '"gcbStates">': ('"gcb">', "PV1/LD0 has no GSEControl 'gcb'"),
    "01-0C-CD-01-00-01": ("01-0C-CD-01-00", "is not of the form 01-0C"),
    "10.10.0.8": ("10.10.0.800", "is no address"),
    'buffered="true"': ('buffered="yes"', "neither true nor false"),
    'smpRate="4800"': ('smpRate="-1"', "a whole number is needed"),
    'name="scaleFactor"><': ('name="scale"><', r"'AmpSv\.sVC\.scale' is not in its type"),
    "<Val>0.001</Val>": ("<Val>much</Val>", "'much' is no number"),
    "<Val>20000</Val>": ("<Val>2e4</Val>", "'2e4' is no whole number"),
    "<Val>k</Val>": ("<Val>kilo</Val>", "'kilo' is not in EnumType 'MultiplierKind'"),
    "<Val>1</Val>": ("<Val>9</Val>", "'9' is not in EnumType 'CtlModelKind'"),
    'release="4"': ('release="four"', "a whole number is needed"),
    'version="2007"': ('version="2040"', "is unknown"),
    'bType="Dbpos"': ('bType="Dpos"', "is no type of IEC 61850-6"),
    'lnClass="MMXU" inst="2"': ('lnClass="MMXU" inst="1"', "'MMXU1' of LD0 is already in line"),
}


@pytest.mark.parametrize("right", MISTAKES)
def test_a_mistake_is_a_finding_with_its_line(right: str) -> None:
    wrong, words = MISTAKES[right]
    text = PAYLOAD.decode()
    assert right in text
    found = read(text.replace(right, wrong, 1)).findings
    fitting = [each for each in found if re.search(words, each.words)]
    assert fitting
    assert all(each.path and 1 <= each.line <= text.count("\n") for each in fitting)


def read_or_refused(payload: bytes) -> None:
    """Read to the last unit, or refused with a line: nothing else may come of it."""
    try:
        document = read_scl(payload, "changed.scd")
    except InputError as error:
        said = str(error)
    else:
        use(document, payload)
        return
    assert re.match(r"changed\.scd:[0-9]+: ", said)


def use(document: Document, payload: bytes) -> None:
    assert msgspec.json.encode(document) == msgspec.json.encode(read_scl(payload, "changed.scd"))
    lookup = Lookup(document)
    for ied in document.ieds:
        for device in ied.devices():
            for node in device.nodes:
                list(controls_of(lookup, node))
                for value in node.values:
                    with contextlib.suppress(ValueError):  # what the file does not say
                        units_of(lookup, node, value.path[:1])


@settings(max_examples=150)
@given(data=st.data())
def test_a_file_with_changed_bytes_is_read_or_refused(data: st.DataObject) -> None:
    payload = bytearray(PAYLOAD)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(payload) - 1))
        until = min(len(payload), at + data.draw(st.integers(0, 40)))
        payload[at:until] = data.draw(
            st.one_of(st.binary(max_size=8), st.sampled_from([b"", b'"', b"<", b"/>", b"&lt;"]))
        )
        payload = payload or bytearray(b" ")
    read_or_refused(bytes(payload))


def parsed(payload: bytes) -> ET.Element:
    return ET.fromstring(payload)  # noqa: S314 - the file is ours


TREE = ET.tostring(parsed(PAYLOAD))


@settings(max_examples=150)
@given(data=st.data())
def test_a_file_with_moved_elements_and_words_is_read_or_refused(data: st.DataObject) -> None:
    """Still XML: elements are lost, doubled or elsewhere, attributes lost or those of others."""
    root = parsed(TREE)
    every = list(root.iter())
    words = [text for element in every for text in element.attrib.values()]
    for _ in range(data.draw(st.integers(1, 6))):
        one, other = (every[data.draw(st.integers(0, len(every) - 1))] for _ in range(2))
        match data.draw(st.sampled_from(["lose", "double", "forget", "swap"])):
            case "lose":
                one[:] = one[1:]
            case "double" if other not in list(one.iter()) and one not in list(other.iter()):
                other.append(parsed(ET.tostring(one)))
            case "forget" if one.attrib:
                del one.attrib[data.draw(st.sampled_from(sorted(one.attrib)))]
            case "swap" if one.attrib:
                name = data.draw(st.sampled_from(sorted(one.attrib)))
                one.attrib[name] = data.draw(st.sampled_from(words))
    read_or_refused(ET.tostring(root))
