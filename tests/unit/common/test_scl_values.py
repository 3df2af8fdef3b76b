"""What an SCL file of each edition says: addresses, data sets, reports, controls, units."""

from __future__ import annotations

from pathlib import Path

import pytest

from ortsnetz_common.scl.controls import controls_of
from ortsnetz_common.scl.devices import LogicalNode
from ortsnetz_common.scl.document import Document, Edition
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.object_reference import parse_reference
from ortsnetz_common.scl.reading.data_sets import member_leaves
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_common.scl.types import FunctionalConstraint
from ortsnetz_common.scl.units import Units, counts_of, units_of

FILES = Path(__file__).resolve().parents[2] / "data/scl"


def read(name: str) -> Document:
    return read_scl((FILES / name).read_bytes(), name)


METER = read("feeder-meter-edition-1.icd")
PLANT = read("plant-controller-edition-2.cid")
STATION = read("substation-edition-2-1.scd")


def node(document: Document, ied: str, device: str, name: str) -> LogicalNode:
    found = Lookup(document).node(ied, device, name)
    assert found is not None
    return found


def test_the_edition_is_that_of_version_revision_and_release() -> None:
    assert [each.edition for each in (METER, PLANT, STATION)] == [
        Edition.FIRST,
        Edition.SECOND,
        Edition.SECOND_AMENDED,
    ]


def test_files_in_order_have_no_findings() -> None:
    assert METER.findings == PLANT.findings == STATION.findings == ()


def test_what_was_not_read_is_listed_with_its_lines() -> None:
    assert [(each.what, each.lines) for each in METER.unread] == [("LogControl", (25,))]
    assert [(each.what, each.count) for each in STATION.unread] == [
        ("LN@{urn:example:tool}shown", 1),
        ("Private Example:Project", 1),
    ]


def test_texts_in_the_files_own_encoding() -> None:
    assert METER.ieds[0].maker == "Zählerbau"


def test_addresses_of_mms_goose_and_sampled_values() -> None:
    station, process = STATION.networks
    assert [(each.ied, each.ip) for each in station.access_points] == [
        ("PV1", "10.10.0.7"),
        ("REG1", "10.10.0.8"),
    ]
    assert station.bits_per_s == 100e6
    goose = station.access_points[0].goose[0]
    assert (goose.mac, goose.app_id, goose.vlan_id, goose.vlan_priority) == (
        "01-0C-CD-01-00-01",
        1,
        10,
        4,
    )
    assert (goose.shortest_ms, goose.longest_ms) == (4, 1000)
    stream = process.access_points[0].sampled_values[0]
    assert (stream.mac, stream.app_id, stream.vlan_id) == ("01-0C-CD-04-00-02", 0x4002, 0)
    assert process.access_points[0].ip is None


def test_the_port_is_the_usual_one_unless_the_file_says_another() -> None:
    usual = b'<P type="IP-GATEWAY">10.10.0.1</P>'
    other = usual + b'<P type="MMS-Port">10102</P>'
    moved = read_scl((FILES / PLANT.name).read_bytes().replace(usual, other), "moved.cid")
    ports = [each.networks[0].access_points[0].port for each in (PLANT, moved)]
    assert ports == [102, 10102]


def test_names_on_the_wire_are_the_ieds_and_the_devices_or_the_devices_own() -> None:
    domains = [device.domain for ied in STATION.ieds for device in ied.devices()]
    assert domains == ["PV1LD0", "ONS1_REG", "MU1MU"]


def test_a_place_has_its_voltage_and_its_nodes() -> None:
    level = STATION.places[0].places[1]
    assert (level.kind, level.name, level.voltage_v) == ("VoltageLevel", "LV", 400)
    links = level.places[0].nodes
    assert [(each.ied, each.node_class) for each in links] == [("PV1", "MMXU"), (None, "CILO")]


def test_a_member_without_attribute_is_all_of_the_object_with_its_constraint() -> None:
    members = node(PLANT, "PV1", "LD0", "LLN0").data_sets[0].members
    assert [[".".join(leaf) for leaf in each.leaves or ()] for each in members] == [
        ["W.phsA.cVal.mag.f", "W.phsA.cVal.ang.f", "W.phsA.q", "W.phsA.t"],
        ["W.phsB.cVal.mag.f"],
        ["Hz.mag.f", "Hz.q", "Hz.t"],
    ]


def test_values_travel_in_the_order_of_their_type_not_of_the_alphabet() -> None:
    lookup = Lookup(PLANT)
    kind = lookup.type_of(node(PLANT, "PV1", "LD0", "XCBR1"))
    assert kind is not None
    leaves = member_leaves(kind, ("Pos",), FunctionalConstraint.ST)
    assert list(leaves) == [("Pos", "stVal"), ("Pos", "q"), ("Pos", "t")]


def test_arrays_are_all_their_elements_or_the_one_that_is_named() -> None:
    one, whole = node(STATION, "REG1", "LD0", "LLN0").data_sets[0].members
    assert one.leaves == (("HPhV", "phsAHar(3)", "cVal", "mag", "f"),)
    assert whole.leaves is not None
    assert len(whole.leaves) == 5 * 4
    assert whole.leaves[4][:2] == ("HPhV", "phsAHar(1)")


@pytest.mark.parametrize(
    ("written", "leaves", "words"),
    [
        ('"HPhV" daName="phsAHar(3).cVal.mag.f" fc="MX" ix="3"', 1, None),
        ('"HPhV" daName="phsAHar(3).cVal" fc="MX"', 2, None),
        ('"HPhV" daName="phsAHar(3).cVal.mag.f" fc="MX" ix="4"', 1, "ix: 4 fits no array"),
        ('"HPhV.phsAHar" daName="cVal.mag.f" fc="MX" ix="5"', None, "has no values with MX"),
        ('"HPhV.phsAHar" daName="cVal.mag.f" fc="MX"', None, "has no values with MX"),
        ('"HPhV" daName="numHar" fc="CF" ix="1"', 1, "ix: 1 fits no array"),
    ],
)
def test_elements_of_arrays_as_tools_write_them(
    written: str, leaves: int | None, words: str | None
) -> None:
    usual = '"HPhV.phsAHar" daName="cVal.mag.f" fc="MX" ix="3"'
    payload = (FILES / STATION.name).read_bytes().replace(usual.encode(), written.encode())
    document = read_scl(payload, "made.scd")
    member = node(document, "REG1", "LD0", "LLN0").data_sets[0].members[0]
    assert (None if member.leaves is None else len(member.leaves)) == leaves
    assert len(document.findings) == (0 if words is None else 1)
    assert words is None or words in document.findings[0].words


def test_sampled_values_come_in_the_order_of_their_data_set() -> None:
    lln0 = node(STATION, "MU1", "MU", "LLN0")
    stream = lln0.sampled_values[0]
    assert (stream.rate, stream.mode, stream.asdus) == (4800, "SmpPerSec", 2)
    assert stream.options.sample_rate is True
    assert [each.node for each in lln0.data_sets[0].members] == [
        *("IATCTR1", "IATCTR1", "IBTCTR2", "IBTCTR2", "ICTCTR3", "ICTCTR3")
    ]
    currents = node(STATION, "MU1", "MU", "IATCTR1")
    assert counts_of(Lookup(STATION), currents, ("AmpSv",)) == (0.001, 0)


def test_reports_have_the_names_of_their_instances() -> None:
    buffered, unbuffered = node(PLANT, "PV1", "LD0", "LLN0").reports
    assert buffered.names() == ("brcbMeasured01", "brcbMeasured02", "brcbMeasured03")
    assert (buffered.buffered, buffered.buffer_ms, buffered.integrity_ms) == (True, 50, 5000)
    assert (buffered.report_id, buffered.configuration_revision) == ("PV1/measured", 3)
    assert buffered.fields.entry_id is True
    assert unbuffered.names() == ("urcbStates",)
    assert unbuffered.triggers.general_interrogation is False
    first = node(METER, "TEMPLATE", "MEAS", "LLN0").reports[0]
    assert (first.buffered, first.names()) == (False, ("urcb01", "urcb02"))
    assert first.triggers.general_interrogation is True  # the schema's default


def test_inputs_name_their_source_or_are_prepared() -> None:
    wired, prepared = node(STATION, "PV1", "LD0", "LLN0").inputs
    assert (wired.ied, wired.node, wired.path) == ("MU1", "IATCTR1", ("AmpSv", "instMag", "i"))
    assert (wired.service, wired.control_block) == ("SMV", "msvcb")
    assert (prepared.ied, prepared.internal) == (None, "ch2")


@pytest.mark.parametrize(
    ("document", "at", "model", "timeout_ms", "values"),
    [
        (PLANT, "XCBR1.Pos", "sbo-with-enhanced-security", 20000, "Pos.Oper.ctlVal"),
        (PLANT, "DWMX1.WLimSpt", "direct-with-normal-security", None, "WLimSpt.Oper.ctlVal.f"),
    ],
)
def test_controls_state_their_model(
    document: Document, at: str, model: str, timeout_ms: int | None, values: str
) -> None:
    """Where the file has a number for the model, it is that of the enumeration."""
    name, _, part = at.partition(".")
    control = {
        ".".join(each.path): each
        for each in controls_of(Lookup(document), node(document, "PV1", "LD0", name))
    }[part]
    assert (control.model, control.select_timeout_ms) == (model, timeout_ms)
    assert [".".join(path) for path in control.values] == [values]


def test_a_model_that_only_the_device_knows_is_not_guessed() -> None:
    lookup = Lookup(STATION)
    breaker = controls_of(lookup, node(STATION, "PV1", "LD0", "XCBR1"))
    assert [each.model for each in breaker] == ["sbo-with-enhanced-security"]
    bare = read_scl(
        (FILES / PLANT.name).read_bytes().replace(b"<Val>sbo-with-enhanced-security</Val>", b""),
        "bare",
    )
    breaker = controls_of(Lookup(bare), node(bare, "PV1", "LD0", "XCBR1"))
    assert [each.model for each in breaker] == [None]


def test_units_are_those_of_the_file_by_name_or_by_number() -> None:
    lookup, measured = Lookup(PLANT), node(PLANT, "PV1", "LD0", "MMXU1")
    assert units_of(lookup, measured, ("TotW",)) == Units("W", 3)
    assert units_of(lookup, measured, ("W", "phsA")) == Units("W", 3)  # written as 62
    assert units_of(lookup, measured, ("PhV", "phsC")) == Units("V", 0)


def test_units_that_only_the_device_knows_are_not_guessed() -> None:
    measured = node(METER, "TEMPLATE", "MEAS", "MMXU1")
    with pytest.raises(ValueError, match=r"does not say MMXU1\.TotW\.units\.SIUnit\[CF\]"):
        units_of(Lookup(METER), measured, ("TotW",))


def test_an_object_without_units_is_in_that_of_its_definition() -> None:
    assert units_of(Lookup(STATION), node(STATION, "MU1", "MU", "IATCTR1"), ("AmpSv",)) == Units(
        None, 0
    )


@pytest.mark.parametrize(
    "text",
    [
        "LD0/MMXU1.PhV.phsA.cVal.mag.f[MX]",
        "B1LD0/myXCBR12.Pos.stVal[ST]",
        "LD0/MHAI1.HPhV.phsAHar(3).cVal.mag.f[MX]",
        "LD0/DWMX1.WLimSpt.Oper.ctlVal.f[CO]",
    ],
)
def test_references_come_back_as_they_were_written(text: str) -> None:
    assert str(parse_reference(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("MMXU1.PhV[MX]", "is not of the form"),
        ("LD0/MMXU1.TotW.mag.f", "constraint is missing"),
        ("LD0/MMXU1.TotW.mag.f[XX]", r"\[XX\] is none of ST, MX"),
        ("LD0/MMXU1.TotW[MX]", "an attribute of it is needed"),
        ("LD0/mmxu1.TotW.mag[MX]", "'mmxu1' is no logical node"),
        ("LD0/MMXU1.TotW..f[MX]", "'' is no name"),
        ("LD0/MMXU1.TotW.mag f[MX]", "'mag f' is no name"),
        ("LD0/XCBR1.Pos.Oper.Test[CO]", r"written as Pos\.Oper\.ctlVal\[CO\]"),
        ("LD0/XCBR1.Pos.ctlVal[CO]", r"written as Pos\.Oper\.ctlVal\[CO\]"),
        ("LD0/MMXU1." + "a" * 200 + ".b[MX]", "is not of the form"),
    ],
)
def test_what_is_no_reference_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_reference(text)
