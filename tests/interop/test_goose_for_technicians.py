"""`ortsnetz edge goose` and `ortsnetz edge probe goose://...`: what a technician sees of a bay."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from goose_bench import BAY, MEASURED, STATES, Bay, bay, until
from private_network import private_network

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_edge.drivers.contract import Observation
from ortsnetz_iec61850.goose.listening import Listening
from ortsnetz_iec61850.goose.probe import GooseProbe

pytestmark = pytest.mark.interop
ORTSNETZ = Path(sys.executable).with_name("ortsnetz")


@pytest.fixture
def publishing() -> Iterator[tuple[str, Bay]]:
    """The interface that is listened to, and who publishes on the other one."""
    with private_network() as (near, far), bay(far) as made:
        yield near, made


def ortsnetz(*words: str) -> subprocess.CompletedProcess[str]:
    command = [str(ORTSNETZ), "edge", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def listened(near: str, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code, and the streams by control block."""
    done = ortsnetz("goose", near, "--seconds", "0.7", "--json", *words)
    assert done.stdout, done.stderr
    streams = json.loads(done.stdout)["streams"]
    return done.returncode, {each["block"]: each for each in streams}


def test_streams_that_are_as_the_file_says_are_listed(publishing: tuple[str, Bay]) -> None:
    near, _ = publishing
    code, streams = listened(near, "--scl", str(BAY))
    assert set(streams) == {STATES, MEASURED}
    states = streams[STATES]
    assert (states["destination"], states["app_id"]) == ("01-0C-CD-01-00-01", 0x3001)
    assert (states["vlan"], states["id"], states["revision"]) == (10, "B1/states", 3)
    assert states["frames"] >= 1
    silences = sum(each["counts"]["expired"] for each in streams.values())
    assert code == 0 or silences, "a busy machine may be late; the file fits all the same"


def test_a_table_names_what_is_not_as_the_file_says_and_who_is_missing(
    publishing: tuple[str, Bay],
) -> None:
    near, made = publishing
    made.tell(block="gcbStates", misbehaviour="wrong-revision")
    made.tell(block="gcbMeasured", misbehaviour="stop")
    done = ortsnetz("goose", near, "--seconds", "0.7", "--scl", str(BAY))
    assert done.returncode == 1
    assert f"{STATES}: configuration revision 4 is sent, 3 expected" in done.stdout
    silent = ("not heard, though the file has it", "was silent for longer than it allowed")
    assert any(f"{MEASURED}: {words}" in done.stdout for words in silent)
    assert "01-0C-CD-01-00-01" in done.stdout


def test_an_interface_that_is_not_there_is_named() -> None:
    with private_network():
        done = ortsnetz("goose", "eth7")
    assert done.returncode == 1
    assert "interface 'eth7': no interface with this name" in done.stderr


def test_a_probe_shows_streams_and_values(publishing: tuple[str, Bay]) -> None:
    near, _ = publishing
    found = ortsnetz("probe", f"goose://{near}", "browse")
    assert found.returncode == 0, found.stderr
    assert "to 01-0C-CD-01-00-01, APPID 0x3001, data set B1LD0/LLN0$States" in found.stdout
    read = ortsnetz("probe", f"goose://{near}", "read", f"{STATES}[0]", f"{MEASURED}[99]")
    assert read.returncode == 0, read.stderr
    assert "the message has 12 values" in read.stdout
    assert "good" in read.stdout


def test_a_probe_says_who_is_silent_and_who_only_tests(publishing: tuple[str, Bay]) -> None:
    near, made = publishing

    async def story() -> None:
        listening = Listening(near)
        probe = GooseProbe(listening)
        seen: list[Observation] = []

        async def watch() -> None:
            async for each in probe.watch([f"{STATES}[0]"], 0.1):
                seen.append(each)  # noqa: PERF401 - it never ends

        task = asyncio.create_task(watch())
        await until(lambda: seen and (seen[-1].value, seen[-1].quality) == (2.0, 0), "closed")
        made.tell(block="gcbStates", misbehaviour="stop")
        await until(lambda: "silent for" in seen[-1].why, "silent")
        assert (seen[-1].value, seen[-1].quality) == (None, Quality.INVALID | Quality.OLD_DATA)
        made.tell(block="gcbStates", misbehaviour="simulation")
        await until(lambda: seen[-1].quality == Quality.TEST, "a test set")
        made.tell(block="gcbStates", misbehaviour="needs-commissioning")
        await until(lambda: seen[-1].quality == Quality.INVALID, "needs commissioning")
        task.cancel()
        await probe.close()

    asyncio.run(story())
