"""Profiles of sampled values from an SCL file: layout, scale and rate as the file says them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ortsnetz_common.parameters.station import Connection
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_common.scl.sampled_streams import SampledStream, sampled_streams_of
from ortsnetz_edge.console.scl.command import scl
from ortsnetz_edge.drivers.sampled_values.stream import stream_of
from ortsnetz_edge.profiles.library import parse_profile

FILE = Path(__file__).parents[2] / "data/merging-unit.icd"
NAMES = ("i_a", "i_b", "i_c", "i_n", "u_a", "u_b", "u_c", "u_n")


def streams() -> dict[str, SampledStream]:
    document = read_scl(FILE.read_bytes(), FILE.name)
    assert not document.findings
    return {s.control.name: s for s in sampled_streams_of(document, document.ieds[0])}


def written(folder: Path, *options: str) -> Result:
    arguments = [str(FILE), "--write-profile", str(folder), "--direction", "consumption", *options]
    return CliRunner().invoke(scl, arguments, catch_exceptions=False)


def test_the_layout_of_9_2le_is_read_from_the_file() -> None:
    stream = streams()["MSVCB01"]
    assert [c.name for c in stream.channels] == list(NAMES)
    assert [(c.value_at, c.quality_at) for c in stream.channels] == [
        (8 * k, 8 * k + 4) for k in range(8)
    ]
    assert [c.scale for c in stream.channels] == pytest.approx([0.001] * 4 + [0.01] * 4)
    assert stream.octets == 64
    assert (stream.samples_per_s(50.0), stream.samples_per_s(60.0)) == (4000, 4800)
    assert stream.multicast is not None
    assert (stream.multicast.mac, stream.multicast.app_id) == ("01-0C-CD-04-00-11", 0x4001)


def test_members_that_are_whole_objects_carry_value_and_quality() -> None:
    stream = streams()["MSVCB02"]
    assert [c.name for c in stream.channels] == ["u_a", "u_b", "u_c"]
    assert (stream.octets, stream.samples_per_s(50.0), stream.control.asdus) == (24, 14400, 6)


def test_a_scale_that_the_file_does_not_say_is_a_doubt_and_no_number() -> None:
    stream = streams()["MSVCB03"]
    assert [c.scale for c in stream.channels] == [None]
    assert "no sVC" in stream.doubts[0]


def test_profiles_are_written_that_the_driver_takes(tmp_path: Path) -> None:
    done = written(tmp_path, "--nominal-voltage", "11547", "--rated-current", "400")
    assert done.exit_code == 0
    path = tmp_path / "mu1-mu01-msvcb01.yaml"
    text = path.read_text()
    assert "host 01-0C-CD-04-00-11, port 16385 (APPID), path 'MU1MU01' (svID)" in text
    profile = parse_profile(text, path.name)
    options = profile.sampled_values
    assert (options.rate, options.asdus, options.revision) == (4000, 1, 3)
    assert (options.channels, options.voltage_v) == (NAMES, 11547.0)
    assert (options.current_scale, options.voltage_scale) == pytest.approx((0.001, 0.01))
    assert profile.active_power is not None
    assert [(each.name, each.value.at) for each in profile.further] == [
        ("LSVS1.LostSmp", "stream/lost")
    ]
    connection = Connection("sampled-values", "01-0C-CD-04-00-11", 16385, path="MU1MU01")
    stream = stream_of(connection, options)
    assert (stream.octets, stream.conf_rev, len(stream.channels)) == (64, 3, 8)
    second = parse_profile((tmp_path / "mu1-mu01-msvcb02.yaml").read_text(), "second")
    assert second.current is None
    assert second.sampled_values.rate == 14400


def test_what_is_not_clear_is_left_out_and_said(tmp_path: Path) -> None:
    done = written(tmp_path, "--nominal-voltage", "11547", "--rated-current", "400")
    assert "mu1-mu01-msvcb03: nothing that a profile could read" in done.output
    assert "several values of a count, or none" in done.output
    assert not (tmp_path / "mu1-mu01-msvcb03.yaml").exists()


def test_without_a_declared_voltage_nothing_is_written(tmp_path: Path) -> None:
    done = written(tmp_path)
    assert done.exit_code == 1
    assert "--nominal-voltage says it" in done.output
