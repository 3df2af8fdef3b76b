"""The example of the guide `docs/guides/writing-a-driver.md` works, and is what the guide shows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner
from named_tests import complaint
from toy_device import EXAMPLE, PROFILE, ToyDevice, environment, install, source, toy_device

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Validity, validity
from ortsnetz_edge.commands import edge
from ortsnetz_edge.drivers.address import parse_address
from ortsnetz_edge.drivers.assessment import Assessment, Held, Level, Rule, level
from ortsnetz_edge.drivers.contract import DriverError, DriverProtocol, FailureKind
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.registry import load_protocol, open_drivers
from ortsnetz_edge.profiles.library import Library

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "writing-a-driver.md"
NAMES = ["toy-meter", "toy-meter-apart"]
T = TypeVar("T")


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)


@pytest.fixture
def device() -> Iterator[ToyDevice]:
    with toy_device() as found:
        yield found


def run(work: Callable[[], Awaitable[T]]) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(work(), 30)

    return asyncio.run(bounded())


def toy(name: str = "toy-meter") -> DriverProtocol:
    return load_protocol(name, environment(), needed_by="a test")


@pytest.mark.parametrize("name", NAMES)
def test_the_agent_finds_the_driver_by_its_entry_point(name: str, device: ToyDevice) -> None:
    async def work() -> None:
        drivers = open_drivers((source("ev-1", device.port, protocol=name),), environment())
        scan = await drivers["ev-1"].scan()
        values = dict(zip((p.point.name for p in drivers["ev-1"].points), scan.values, strict=True))
        assert values == {
            "ev-1/MMXU1.PhV.phsA": 230.5,
            "ev-1/MMXU1.PhV.phsB": 231.5,
            "ev-1/MMXU1.PhV.phsC": 229.0,
            "ev-1/MMXU1.W.phsA": pytest.approx(2300),
            "ev-1/MMXU1.W.phsB": pytest.approx(2300),
            "ev-1/MMXU1.W.phsC": pytest.approx(2300),
            "ev-1/DWMX1.WLimSpt": pytest.approx(16 * (230.5 + 231.5 + 229.0)),
        }
        await drivers["ev-1"].stop()

    run(work)


def test_what_the_device_does_not_say_is_missing_not_zero(device: ToyDevice) -> None:
    device.values["voltage/2"] = "-"

    async def work() -> None:
        driver = toy().open(source("ev-1", device.port))
        scan = await driver.scan()
        assert scan.values[1] is None
        assert validity(scan.qualities[1]) is Validity.INVALID
        assert scan.values[0] == 230.5
        assert scan.time_ns == scan.received_ns
        await driver.stop()

    run(work)


@pytest.mark.parametrize(
    ("line", "wrong", "reason"),
    [
        (6, "references: toy-metre", "no driver that knows the references 'toy-metre'"),
        (8, "voltage: {at: [voltage/1, voltage/2, voltage//3], range: [0, 400]}", "voltage//3"),
        (10, "limit: {value: {at: limit}, unit: W}", "the limit is read back in W"),
    ],
)
def test_a_wrong_profile_is_refused_with_file_line_and_reason(
    line: int, wrong: str, reason: str
) -> None:
    lines = (EXAMPLE / f"{PROFILE}.yaml").read_text("utf-8").splitlines()
    lines[line - 1] = wrong
    around = Environment(library=Library({PROFILE: "\n".join(lines)}))
    protocol = load_protocol("toy-meter", around, needed_by="a test")
    (complaint,) = protocol.validate(source("ev-1", 1502))
    assert reason in complaint
    assert re.search(rf"profile {PROFILE} of the parameter set:\d+", complaint)


def test_a_silent_device_is_given_up_at_its_deadline(device: ToyDevice) -> None:
    """Silent is also what a half-open connection looks like: the peer is gone without a word."""

    async def work() -> None:
        driver = toy().open(source("ev-1", device.port, 0.1))
        await driver.scan()
        device.mood = "silent"
        kinds = []
        for _ in range(3):
            with pytest.raises(DriverError) as caught:
                await driver.scan()
            kinds.append(caught.value.kind)
            assert not driver.diagnose().connected
        assert kinds[0] is FailureKind.TIMEOUT
        assert FailureKind.WAITING in kinds
        await driver.stop()

    run(work)


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_is_written_once_and_read_back(name: str, device: ToyDevice) -> None:
    async def work() -> None:
        driver = toy(name).open(source("ev-1", device.port, protocol=name))
        await driver.write(10.0, None)
        assert (await driver.scan()).limit_in_force == 10.0
        await driver.stop()

    run(work)
    assert [line for line in device.asked if line.startswith("set")] == ["set limit 10"]


def test_nothing_is_written_that_was_not_asked_for(device: ToyDevice) -> None:
    async def work() -> None:
        driver = toy().open(source("ev-1", device.port, 0.2))
        assert not device.connections
        await driver.scan()
        device.mood = "hangs up"
        with pytest.raises(DriverError):
            await driver.scan()
        device.mood = "well"
        while True:
            try:
                await driver.scan()
            except DriverError:
                await asyncio.sleep(0.02)
            else:
                break
        await driver.stop()

    run(work)
    assert device.connections >= 2
    assert {line.split()[0] for line in device.asked} == {"get"}


@pytest.mark.parametrize("name", NAMES)
def test_a_technician_probes_it(name: str, device: ToyDevice) -> None:
    async def work() -> None:
        probe = toy(name).probe(source("x", device.port).connection)
        assert str(await probe.identify()) == "maker 'Toyworks', model 'T3', serial number '0042'"
        assert len(await probe.browse("voltage", 2)) == 2
        (seen,) = await probe.read(["voltage/1"])
        assert seen.value == 230.5
        assert await probe.write("limit", 6) == "limit is now 6.0"
        await probe.close()

    run(work)


@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_knows_its_addresses(name: str, device: ToyDevice) -> None:
    url = f"{name}://127.0.0.1:{device.port}"
    shown = CliRunner().invoke(edge, ["probe", url, "read", "voltage/1", "limit"])
    assert shown.exit_code == 0, shown.output
    assert "230.5" in shown.output
    assert not [line for line in device.asked if line.startswith("set")]


def test_an_address_of_another_protocol_needs_its_port() -> None:
    with pytest.raises(InputError, match="the port is missing"):
        parse_address("toy-meter://10.0.0.7")
    with pytest.raises(InputError, match="toy-meter://"):
        parse_address("toy-metre://10.0.0.7:1502")


def test_a_wrong_address_is_said_before_anything_is_connected() -> None:
    with pytest.raises(InputError, match="'ev-1': host and port"):
        toy().open(source("ev-1", 0))


def test_the_example_says_how_good_it_is() -> None:
    assessment: Assessment = import_module("toy_meter.assessment").ASSESSMENT
    assert set(assessment) == set(Rule)
    assert level(assessment) is Level.SILVER
    named = {
        test for answer in assessment.values() if isinstance(answer, Held) for test in answer.by
    }
    assert [words for test in named if (words := complaint(test))] == []


def blocks(language: str) -> list[str]:
    pattern = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return pattern.findall(GUIDE.read_text("utf-8"))


@pytest.mark.parametrize(
    ("language", "suffix"), [("python", ".py"), ("yaml", ".yaml"), ("toml", ".toml")]
)
def test_what_the_guide_shows_is_the_example(language: str, suffix: str) -> None:
    shown = blocks(language)
    files = [path.read_text("utf-8") for path in EXAMPLE.rglob(f"*{suffix}")]
    assert shown
    assert [block for block in shown if not any(block.strip() in text for text in files)] == []


def test_the_guide_names_every_file_of_the_example() -> None:
    guide = GUIDE.read_text("utf-8")
    names = {path.name for path in EXAMPLE.rglob("*") if path.suffix in {".py", ".yaml", ".toml"}}
    assert sorted(name for name in names - {"__init__.py"} if name not in guide) == []


def test_the_exchanges_that_the_guide_shows_are_what_the_device_says() -> None:
    (exchanges,) = blocks("text")
    for line in exchanges.splitlines():
        asked, _, answer = line.partition("<")
        device = ToyDevice()
        assert device.answer(asked.removeprefix(">").strip()) == answer.strip()
