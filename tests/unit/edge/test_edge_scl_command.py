"""`ortsnetz edge scl`: what a technician sees of an SCL file, and profiles that come from it."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_edge.commands import edge
from ortsnetz_edge.console.scl.drafting import Drafting
from ortsnetz_edge.console.scl.profile_text import text_of
from ortsnetz_edge.console.scl.ratings import Ratings
from ortsnetz_edge.console.scl.scopes import scopes_of
from ortsnetz_edge.console.scl.set_points import hints_of
from ortsnetz_edge.console.scl.showing import lines_of
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.profiles.library import parse_profile
from ortsnetz_edge.profiles.point_map import compile_point_map
from ortsnetz_edge.profiles.references.iec61850 import Iec61850Syntax
from ortsnetz_edge.profiles.schema import Direction, Profile, ProtocolFamily

FILES = Path(__file__).resolve().parents[2] / "data/scl"
METER = FILES / "feeder-meter-edition-1.icd"
PLANT = FILES / "plant-controller-edition-2.cid"
STATION = FILES / "substation-edition-2-1.scd"
RATED = ("--nominal-voltage", "230", "--rated-current", "100")


def run(*words: object) -> Result:
    return CliRunner().invoke(edge, ["scl", *map(str, words)])


def shown(*words: object) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return re.sub(r" +", " ", result.output)


def written(folder: Path, file: Path, *words: str) -> tuple[dict[str, Profile], str]:
    """Profiles by kind, and what was said."""
    result = run(file, "--write-profile", folder, "--direction", "consumption", *words)
    texts = {path.stem: path.read_text("utf-8") for path in folder.glob("*.yaml")}
    return {kind: parse_profile(text, kind) for kind, text in texts.items()}, result.output


def test_a_technician_sees_who_is_there_and_what_he_measures() -> None:
    text = shown(STATION)
    for line in (
        "SCL edition 2.1 (2007B4), 'ONS-1', IEDs: 3",
        "IED PV1: Solarwerk, DC-2, 2.3",
        "access point S1 (server): 10.10.0.7 in Station 8-MMS",
        "access point S2 (the server of S1): no address in this file",
        "logical device LD0 (ONS1_REG on the wire)",
        "MMXU1 measurement, three-phase 8 connection point",
        "LLN0.brcbMeasured buffered Measured 3 5000 ms change, quality, period, interrogation",
        "XCBR1.Pos DPC sbo-with-enhanced-security 20000 ms",
        "GOOSE LD0/gcbStates 01-0C-CD-01-00-01 0001 10 4 4 to 1000 ms",
        "LLN0.msvcb SV Currents MU1_I 4800 SmpPerSec, 2 ASDUs a frame",
        "Bay F1: PV1/LD0/MMXU1, CILO (planned)",
        "VoltageLevel LV: 400 V",
        "LLN0 ch1 MU1/MU/IATCTR1.AmpSv.instMag.i SMV",
        "LLN0 ch2 (prepared, not wired)",
        "not read: Private Example:Project, 1 time: line 4",
    ):
        assert line in text


def test_one_ied_of_many_and_every_value_of_it() -> None:
    text = shown(STATION, "--ied", "MU1", "--points")
    assert "PV1" not in text
    assert "MU/IATCTR1.AmpSv.sVC.scaleFactor[CF] FLOAT32 0.001" in text
    result = run(STATION, "--ied", "MU2")
    assert isinstance(result.exception, InputError)
    assert "there is no IED 'MU2': PV1, REG1, MU1" in str(result.exception)


def test_what_does_not_fit_is_said_with_its_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.cid"
    wrong.write_bytes(PLANT.read_bytes().replace(b'iedName="PV1"', b'iedName="PV2"'))
    lines = wrong.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if 'iedName="PV2"' in text)
    path = "Communication/SubNetwork[Station]/ConnectedAP[PV2/S1]"
    assert f"{wrong}:{line}: {path}: there is no IED 'PV2'" in shown(wrong)


def test_programs_get_everything_the_same_each_time() -> None:
    text = run(STATION, "--json", "--ied", "REG1").output
    document = msgspec.json.decode(text, type=Document)
    assert [ied.name for ied in document.ieds] == ["REG1"]
    assert text == run(STATION, "--json", "--ied", "REG1").output


def test_a_file_that_is_not_there_or_no_scl_is_refused_in_words(tmp_path: Path) -> None:
    other = tmp_path / "other.scd"
    other.write_text("<html/>")
    for file, words in ((tmp_path / "none.scd", "cannot be read"), (other, "is no SCL file")):
        result = run(file)
        assert isinstance(result.exception, InputError)
        assert words in str(result.exception)


def test_a_profile_reads_the_devices_kilowatts_as_watts(tmp_path: Path) -> None:
    profiles, _ = written(tmp_path, PLANT, *RATED)
    profile = profiles["pv1"]
    assert profile.protocol is ProtocolFamily.IEC61850
    source = Source("pv", "pv1", Connection("iec61850", "127.0.0.1", 102), 7, 3, rated_w=60e3)
    points = compile_point_map(profile, source, Iec61850Syntax())
    place = [str(each) for each in points.references].index("LD0/MMXU1.W.phsB.cVal.mag.f[MX]")
    raws = [0.0] * len(points.references)
    raws[place] = 2.5
    values = dict(
        zip((each.point.name for each in points.points), points.scan(raws, 0).values, strict=True)
    )
    assert values["pv/MMXU1.W.phsB"] == 2500
    assert values["pv/MMXU1.W.phsA"] == 0


def test_ranges_are_the_devices_own_or_follow_from_the_ratings(tmp_path: Path) -> None:
    profiles, _ = written(tmp_path, PLANT, *RATED)
    profile = profiles["pv1"]
    assert profile.active_power is not None
    assert profile.active_power.range == (-40e3, 40e3)  # rangeC: 40 kW
    assert profile.current is not None
    assert profile.current.range == (0, 200)  # twice the rated current
    assert profile.identity is not None
    assert (profile.identity.maker, profile.identity.model) == ("Solarwerk", "DC-2")


def test_a_range_that_nobody_says_leaves_its_quantity_out(tmp_path: Path) -> None:
    profiles, said = written(tmp_path, PLANT)
    assert profiles["pv1"].current is None
    assert profiles["pv1"].active_power is not None
    assert "MMXU1.A: no range is said (rangeC)" in said


def test_set_points_are_comments_until_somebody_has_completed_them(tmp_path: Path) -> None:
    profiles, _ = written(tmp_path, PLANT, *RATED)
    assert profiles["pv1"].setpoint is None
    assert profiles["pv1"].limit is not None
    text = (tmp_path / "pv1.yaml").read_text()
    assert text.startswith(
        "# IED PV1 of plant-controller-edition-2.cid, at 10.10.0.7:102 (Station)."
    )
    assert '#   setpoint: {at: "LD0/DWMX1.WLimSpt.Oper.ctlVal.f[CO]"' in text
    assert 'read_back: {at: "LD0/DRCT1.OutVarSet.setMag.f[SP]", scale: 1000}' in text
    completed = text.replace("# limit:", "")
    line = next(each for each in completed.splitlines() if "  setpoint:" in each)
    line = line.removeprefix("#   ").replace("step: ?", "step: 100").replace("_s: ?", "_s: 5")
    profile = parse_profile(f"{text}{line}\n", "completed")
    assert profile.setpoint is not None


def test_units_that_only_the_device_says_are_left_out_until_somebody_has_looked(
    tmp_path: Path,
) -> None:
    profiles, said = written(tmp_path / "before", METER, *RATED)
    assert profiles == {}
    assert "does not say MMXU1.PhV.phsA.units.SIUnit[CF]: ask the device" in said
    profiles, said = written(tmp_path / "after", METER, *RATED, "--si")
    profile = profiles["zahlerbau-fm-3"]
    assert profile.voltage is not None
    assert profile.voltage.scale == 1
    assert "MMTR1.SupWh: the file does not say its pulsQty[CF]" in said
    assert [each.name for each in profile.further] == ["MMXU1.TotW", "MMXU1.TotVAr", "MMXU1.Hz"]


def test_a_meter_counts_in_what_one_of_its_pulses_is(tmp_path: Path) -> None:
    pulse = b'<DA name="pulsQty" fc="CF" bType="FLOAT32"/>'
    said = METER.read_bytes().replace(pulse, pulse.replace(b"/>", b"><Val>10</Val></DA>"))
    meter = re.search(rb'<LN lnClass="MMTR".*?/>', said)
    assert meter is not None
    once, twice = tmp_path / "once.icd", tmp_path / "twice.icd"
    once.write_bytes(said)
    end = b"</LDevice>"
    twice.write_bytes(
        said.replace(
            end,
            end
            + b'<LDevice inst="B"><LN0 lnClass="LLN0" inst="" lnType="LLN0_a"/>'
            + meter[0]
            + end,
        )
    )
    profiles, _ = written(tmp_path / "a", once, "--si", "--ied", "TEMPLATE")
    further = {each.name: each for each in profiles["zahlerbau-fm-3"].further}
    assert further["MMTR1.SupWh"].value.at == "MEAS/MMTR1.SupWh.actVal[ST]"
    assert further["MMTR1.SupWh"].value.scale == 10
    profiles, text = written(tmp_path / "b", twice, "--si", "--ied", "TEMPLATE")
    assert "MMTR1.SupWh: 2 nodes have it" in text
    assert "MMTR1.SupWh" not in {e.name for e in profiles["zahlerbau-fm-3"].further}


def test_a_phase_in_another_unit_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "other.cid"
    file.write_bytes(PLANT.read_bytes().replace(b"<Val>62</Val>", b"<Val>63</Val>", 1))
    profiles, said = written(tmp_path, file, *RATED)
    assert profiles["pv1"].active_power is None
    assert "MMXU1.W.phsA is in VAr, not in W" in said


def test_several_measurements_become_several_profiles_without_what_is_not_clear(
    tmp_path: Path,
) -> None:
    profiles, said = written(tmp_path, STATION, *RATED, "--si", "--ied", "REG1")
    assert set(profiles) == {"reg1-ld0-mmxu1", "reg1-ld0-mmxu2"}
    assert all(profile.tap_position is None for profile in profiles.values())
    assert "LD0/ATCC1: it is not said to which measurement it belongs" in said
    second = profiles["reg1-ld0-mmxu2"]
    assert second.voltage is not None
    assert second.voltage.at is not None
    assert second.voltage.at[0] == "LD0/MMXU2.PhV.phsA.cVal.mag.f[MX]"


def test_a_regulator_that_measures_at_one_place_has_its_tap_position(tmp_path: Path) -> None:
    file = tmp_path / "one.scd"
    second = b'<LN lnClass="MMXU" inst="2" lnType="MMXU_a"/>'
    file.write_bytes(STATION.read_bytes().replace(second, b""))
    profiles, _ = written(tmp_path, file, *RATED, "--si", "--ied", "REG1")
    tap = profiles["reg1"].tap_position
    assert tap is not None
    assert tap.at == "LD0/ATCC1.TapPos.valWTr.posVal[ST]"


def test_nothing_is_written_over_and_nothing_without_a_direction(tmp_path: Path) -> None:
    result = run(PLANT, "--write-profile", tmp_path)
    assert isinstance(result.exception, InputError)
    assert "needs --direction" in str(result.exception)
    (tmp_path / "pv1.yaml").write_text("mine")
    result = run(PLANT, "--write-profile", tmp_path, "--direction", "feed-in", *RATED)
    assert isinstance(result.exception, InputError)
    assert "it is not overwritten" in str(result.exception)
    assert (tmp_path / "pv1.yaml").read_text() == "mine"


@settings(max_examples=150)
@given(data=st.data())
def test_a_file_with_changed_words_is_shown_and_drafted_or_refused(data: st.DataObject) -> None:
    """Words stand where others should: nothing but a refusal in words may come of it."""
    words = re.findall(rb'"([^"]+)"', PLANT.read_bytes())
    parts = re.split(rb'"([^"]*)"', PLANT.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        place = 2 * data.draw(st.integers(1, len(parts) // 2 - 1)) + 1
        parts[place] = data.draw(st.sampled_from(words))
    quotes = [part if n % 2 == 0 else b'"%s"' % part for n, part in enumerate(parts)]
    with contextlib.suppress(InputError):
        document = read_scl(b"".join(quotes), "changed.cid")
        assert list(lines_of(document, document.ieds, points=True))
        ratings = Ratings(Direction.CONSUMPTION, 230, 100)
        for scope in (scope for ied in document.ieds for scope in scopes_of(ied)):
            lookup = Lookup(document)
            draft = Drafting(scope, lookup, ratings, takes_si=True).draft()
            text = text_of(draft.profile, "made", tuple(hints_of(scope, lookup)), draft.left_out)
            if not draft.is_empty:
                assert parse_profile(text, "made") == draft.profile


SMALL = """
format: ortsnetz.profile/2
kind: x
version: 1
describes: a device
protocol: iec61850
direction: consumption
limit: {value: {at: "LD0/DWMX1.WLimSpt.mxVal.f[MX]"}, unit: W}
identity: {serial_at: "LD0/LPHD1.PhyNam.serNum[DC]"}
setpoint:
  {at: "LD0/DWMX1.WLimSpt.Oper.ctlVal.f[CO]", kind: continuous, unit: W, step: 1, reaction_s: 5}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("mxVal.f[MX]", "mxVal.f", r"x:8: limit\.value\.at: .*constraint is missing"),
        ("mxVal.f[MX]", "Oper.ctlVal.f[CO]", r"x:8: limit\.value\.at: .*cannot be read"),
        ("Oper.ctlVal.f[CO]", "mxVal.f[MX]", r"x:11: setpoint\.at: .*only what is CF, CO, SP, SV"),
        ("version: 1", "version: 1\nbay_stride: 2", "bay_stride: nodes are not counted"),
        ("version: 1", 'version: 1\nread_count: {at: "LD0/GGIO1.A.stVal[ST]"}', "be frozen"),
        ("version: 1", "version: 1\ndnp3: {}", "dnp3: the profile is one of iec61850"),
    ],
)
def test_slips_in_references_are_refused_with_their_line(
    right: str, wrong: str, words: str
) -> None:
    assert parse_profile(SMALL, "x").setpoint is not None
    with pytest.raises(InputError, match=words):
        parse_profile(SMALL.replace(right, wrong), "x")
