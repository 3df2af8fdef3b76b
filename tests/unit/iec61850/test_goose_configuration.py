"""What a station and a profile have to say for a source that is listened to by GOOSE."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from goose_bench import BAY, PATH, POSITION, VOLTAGES, document, environment, profile_text, source

from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_edge.console.scl.ratings import Ratings
from ortsnetz_edge.console.scl.writing import write_profiles
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library, parse_profile
from ortsnetz_edge.profiles.schema import Direction
from ortsnetz_iec61850.goose.from_profile import subscriptions_of
from ortsnetz_iec61850.goose.from_scl import publication_of, streams_of, subscription_of
from ortsnetz_iec61850.goose.protocol import Goose

SCL = Path(__file__).parents[2] / "data" / "scl"


def test_profile_and_scl_file_expect_the_same_messages() -> None:
    profile = parse_profile(profile_text(), "goose-bay.yaml")
    found, place = subscriptions_of(profile, source("eth1"))
    assert found == tuple(subscription_of(stream) for stream in streams_of(document()))
    assert place.ied == "B1"
    assert not place.accepts_simulation


def test_all_that_is_in_order_is_accepted_without_opening_anything() -> None:
    assert Goose(environment()).validate(source("no-such-card")) == ()
    assert Goose(environment()).validate(source("eth1", "B1")) == ()
    assert Goose(environment()).validate(source("eth1", f"{PATH} simulation")) == ()


@pytest.mark.parametrize(
    ("interface", "path", "words"),
    [
        ("", PATH, "name of an interface"),
        ("../../etc/passwd", PATH, "name of an interface"),
        ("eth1", "", "begins with the name of the IED"),
        ("eth1", "B1 01-0C-CD-01-00-01/3001", "1 addresses, profile 'goose-bay' 2 streams"),
        ("eth1", "B1 01-0C-CD-01-00-01", "neither an address with an APPID"),
        ("eth1", "B1 test", "neither an address"),
    ],
)
def test_a_connection_that_does_not_work_is_refused_in_words(
    interface: str, path: str, words: str
) -> None:
    (complaint,) = Goose(environment()).validate(source(interface, path))
    assert "'bay'" in complaint or interface in complaint
    assert words in complaint


def test_a_serial_number_cannot_be_asked_for() -> None:
    asked = source("eth1", identity="0042")
    (complaint,) = Goose(environment()).validate(asked)
    assert "leave 'identity' out" in complaint


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"goose": []}, "says nothing of GOOSE"),
        (
            {"voltage": {"at": [f"LD1{at[3:]}" for at in VOLTAGES], "range": [0, 400]},
             "active_power": None, "further": []},
            "none of its values is in the GOOSE data sets that it names",
        ),
    ],
)  # fmt: skip
def test_a_profile_of_which_nothing_travels_is_refused(
    changes: dict[str, object], words: str
) -> None:
    (complaint,) = Goose(environment(profile_text(**changes))).validate(source("eth1"))
    assert words in complaint


@pytest.mark.parametrize(
    ("streams", "words"),
    [
        ([{"block": "LLN0.gcb"}], "goose[0].block: 'LLN0.gcb' is not of the form LD0/LLN0.name"),
        ([{"members": [["LD0/XCBR1.Pos.stVal[ST]"]]}], "not of the form LD0/XCBR1.Pos.stVal[ST] "),
        ([{"members": [["LD0/XCBR1.Pos.stVal Dbpos"]]}], "the functional constraint is missing"),
        ([{"members": []}], "goose[0].members"),
        ([{}, {}], "goose[1].block: 'LD0/LLN0.gcb' is there twice"),
    ],
)
def test_a_wrong_profile_is_refused_with_file_line_and_reason(
    streams: list[dict[str, object]], words: str
) -> None:
    whole = {
        "block": "LD0/LLN0.gcb",
        "data_set": "LD0/LLN0.States",
        "id": "states",
        "members": [[f"{POSITION} Dbpos"]],
    }
    text = profile_text(goose=[whole | stream for stream in streams])
    with pytest.raises(InputError, match=r"bay\.yaml:\d+: ") as refused:
        parse_profile(text, "bay.yaml")
    assert words in str(refused.value)


def test_a_type_that_does_not_travel_is_refused() -> None:
    text = profile_text().replace("Dbpos", "Doubtful")
    (complaint,) = Goose(environment(text)).validate(source("eth1"))
    assert "'Doubtful' is none of the types" in complaint


def test_a_profile_of_another_protocol_is_refused() -> None:
    with pytest.raises(InputError, match="one of modbus"):
        Goose(environment()).open(replace(source("eth1"), profile="meter-feeder"))


def test_the_streams_of_a_file_are_what_the_file_says() -> None:
    states, measured = (publication_of(stream) for stream in streams_of(document()))
    assert states.stream.block == "B1LD0/LLN0$GO$gcbStates"
    assert states.stream.data_set == "B1LD0/LLN0$States"
    assert (states.stream.id, states.stream.revision) == ("B1/states", 3)
    assert (states.stream.destination, states.stream.app_id) == ("01-0C-CD-01-00-01", 0x3001)
    assert states.tag is not None
    assert (states.tag.vlan, states.tag.priority) == (10, 4)
    assert (states.curve.shortest_s, states.curve.longest_s) == (0.004, 0.2)
    assert [len(member) for member in states.stream.members] == [3, 1, 1, 1, 1]
    assert [len(member) for member in measured.stream.members] == [9, 3]
    assert measured.tag is None
    assert BAY.name == document().name


def test_a_block_whose_data_set_cannot_be_found_is_said_to_be_so() -> None:
    text = BAY.read_text().replace('datSet="States"', 'datSet="Absent"')
    stream = streams_of(read_scl(text.encode(), "spoilt.scd"))[0]
    with pytest.raises(InputError, match="no data set that the file knows"):
        subscription_of(stream)


def written_from(text: str, folder: Path) -> tuple[str, str, str]:
    """The profile's name, its text, and what was left out of it, of a file of one bay."""
    read = read_scl(text.encode(), "bay.cid")
    ratings = Ratings(Direction.CONSUMPTION, 230.0, 100.0, 50.0)
    (written,) = write_profiles(read, read.ieds, folder, ratings, takes_si=True)
    assert written.path is not None
    return written.kind, written.path.read_text("utf-8"), "\n".join(written.left_out)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('<P type="MAC-Address">01-0C-CD-01-00-02</P>', "MAC-Address"),
        ('<P type="APPID">3002</P>', "APPID"),
    ],
)
def test_an_address_that_the_file_does_not_say_is_said_to_be_missing_and_never_made_up(
    line: str, words: str, tmp_path: Path
) -> None:
    assert line in BAY.read_text()
    kind, text, left_out = written_from(BAY.read_text().replace(line, ""), tmp_path)
    assert "By GOOSE: protocol goose, path 'B1'." in text
    said = f"GOOSE LD0/LLN0.gcbMeasured: the file does not say its {words}: the path has no"
    assert said in left_out
    assert said in text
    listener = replace(source("eth1", "B1"), profile=kind)
    assert Goose(Environment(library=Library({kind: text}))).validate(listener) == ()


def test_no_source_by_goose_is_proposed_that_would_have_no_value(tmp_path: Path) -> None:
    """The plant's controller multicasts its breaker only, which its profile does not read."""
    text = (SCL / "plant-controller-edition-2.cid").read_text()
    _, written, left_out = written_from(text, tmp_path)
    assert "By GOOSE" not in written
    assert "nothing that this profile reads is in what it multicasts" in left_out


@pytest.mark.parametrize("name", ["plant-controller-edition-2.cid", "substation-edition-2-1.scd"])
def test_streams_of_other_files_are_understood(name: str) -> None:
    read = read_scl((SCL / name).read_bytes(), name)
    streams = streams_of(read)
    assert streams
    for stream in streams:
        assert stream.unclear or subscription_of(stream).values


def test_a_profile_that_is_written_from_a_file_listens_to_what_the_file_says(
    tmp_path: Path,
) -> None:
    read = document()
    ratings = Ratings(Direction.CONSUMPTION, 230.0, 100.0, 50.0)
    (written,) = write_profiles(read, read.ieds, tmp_path, ratings, takes_si=True)
    assert written.path is not None
    text = written.path.read_text("utf-8")
    assert f"By GOOSE: protocol goose, path '{PATH}'." in text
    listener = replace(source("eth1"), profile=written.kind)
    goose = Goose(Environment(library=Library({written.kind: text})))
    assert goose.validate(listener) == ()
    profile = parse_profile(text, written.path.name)
    found, _ = subscriptions_of(profile, listener)
    assert found == tuple(subscription_of(stream) for stream in streams_of(read))
