"""Each kind of control in each control model, before an IED whose file has them all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from iec61850_bench import BenchIed

from ortsnetz_common.drivers.values import DriverError, FailureKind
from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_common.scl.object_reference import parse_reference
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_iec61850.library.control import Checks
from ortsnetz_iec61850.mms.operating import set_point
from ortsnetz_iec61850.mms.protocol import Iec61850
from ortsnetz_iec61850.mms.session import Session

pytestmark = pytest.mark.interop
MODELS = {
    "DirN": "direct-with-normal-security",
    "SboN": "sbo-with-normal-security",
    "DirE": "direct-with-enhanced-security",
    "SboE": "sbo-with-enhanced-security",
    "Look": "status-only",
}
VALUES = {
    # class: status attribute with its type, type of the control value, a value, what arrives
    "SPC": ('name="stVal" bType="BOOLEAN" fc="ST" dchg="true"', "BOOLEAN", 1.0, True),
    "DPC": ('name="stVal" bType="Dbpos" fc="ST" dchg="true"', "BOOLEAN", 1.0, True),
    "INC": ('name="stVal" bType="INT32" fc="ST" dchg="true"', "INT32", -7.0, -7),
    "ISC": ('name="valWTr" bType="Struct" type="Step" fc="ST" dchg="true"', "INT8", 5.0, 5),
    "BSC": (
        'name="valWTr" bType="Struct" type="Step" fc="ST" dchg="true"',
        "Tcmd",
        2.0,
        2,
    ),  # higher
    "APC": ('name="mxVal" bType="Struct" type="Analogue" fc="MX" dchg="true"', "f", 12.5, 12.5),
}


def control(name: str, value: str) -> str:
    kind = 'bType="Struct" type="Analogue"' if value == "f" else f'bType="{value}"'
    return (
        f'<DAType id="{name}"><BDA name="ctlVal" {kind}/>'
        '<BDA name="origin" bType="Struct" type="Origin"/><BDA name="ctlNum" bType="INT8U"/>'
        '<BDA name="T" bType="Timestamp"/><BDA name="Test" bType="BOOLEAN"/>'
        '<BDA name="Check" bType="Check"/></DAType>'
    )


def object_type(cdc: str, model: str) -> str:
    status, value, *_ = VALUES[cdc]
    fc = "MX" if cdc == "APC" else "ST"
    select = {
        "SboN": '<DA name="SBO" bType="VisString129" fc="CO"/>',
        "SboE": f'<DA name="SBOw" bType="Struct" type="Oper{value}" fc="CO"/>',
    }.get(model, "")
    operate = (
        "" if model == "Look" else f'<DA name="Oper" bType="Struct" type="Oper{value}" fc="CO"/>'
    )
    return (
        f'<DOType id="{cdc}{model}" cdc="{cdc}"><DA {status}/>'
        f'<DA name="q" bType="Quality" fc="{fc}" qchg="true"/>'
        f'<DA name="t" bType="Timestamp" fc="{fc}"/>'
        f'<DA name="ctlModel" bType="Enum" type="Model" fc="CF"><Val>{MODELS[model]}</Val></DA>'
        f"{select}{operate}</DOType>"
    )


def scl() -> str:
    """An IED with one object of each class and model in `GGIO1`: `SPCDirN`, ..."""
    names = [f"{cdc}{model}" for cdc in VALUES for model in MODELS]
    objects = "".join(f'<DO name="{name}" type="{name}"/>' for name in names)
    types = "".join(object_type(cdc, model) for cdc in VALUES for model in MODELS)
    operates = "".join(
        control(f"Oper{value}", value) for value in sorted({one[1] for one in VALUES.values()})
    )
    models = "".join(
        f'<EnumVal ord="{n}">{word}</EnumVal>'
        for n, word in enumerate(
            [MODELS["Look"], MODELS["DirN"], MODELS["SboN"], MODELS["DirE"], MODELS["SboE"]]
        )
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<SCL xmlns="http://www.iec.ch/61850/2003/SCL" version="2007" revision="B">'
        '<Header id="controls"/><IED name="CTL"><AccessPoint name="AP1"><Server>'
        '<Authentication none="true"/><LDevice inst="LD0">'
        '<LN0 lnClass="LLN0" inst="" lnType="LLN0"/>'
        '<LN lnClass="GGIO" inst="1" lnType="GGIO"/></LDevice></Server></AccessPoint></IED>'
        '<DataTypeTemplates><LNodeType id="LLN0" lnClass="LLN0"><DO name="Beh" type="Beh"/>'
        f'</LNodeType><LNodeType id="GGIO" lnClass="GGIO">{objects}</LNodeType>'
        '<DOType id="Beh" cdc="ENS"><DA name="stVal" bType="INT32" fc="ST"/>'
        '<DA name="q" bType="Quality" fc="ST"/><DA name="t" bType="Timestamp" fc="ST"/></DOType>'
        f"{types}"
        '<DAType id="Analogue"><BDA name="f" bType="FLOAT32"/></DAType>'
        '<DAType id="Step"><BDA name="posVal" bType="INT8"/><BDA name="transInd" '
        'bType="BOOLEAN"/></DAType>'
        '<DAType id="Origin"><BDA name="orCat" bType="INT8"/>'
        '<BDA name="orIdent" bType="Octet64"/></DAType>'
        f'{operates}<EnumType id="Model">{models}</EnumType></DataTypeTemplates></SCL>'
    )


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BenchIed]:
    path = tmp_path_factory.mktemp("scl") / "controls.cid"
    path.write_text(scl())
    with BenchIed([], [], scl=str(path), ied="CTL") as running:
        yield running


async def command(device: BenchIed, name: str, value: float, checks: Checks | None = None) -> None:
    where = Connection("iec61850", "127.0.0.1", device.port, timeout_s=1.0)
    protocol = Iec61850(Environment())
    session: Session = protocol.probe(where)._session
    life = await session.opened()
    try:
        suffix = ".f" if name.startswith("APC") else ""
        await set_point(
            session,
            parse_reference(f"LD0/GGIO1.{name}.Oper.ctlVal{suffix}[CO]"),
            value,
            generation=life.generation,
            last_s=10.0,
            checks=checks,
        )
    finally:
        session.close()


def operated(device: BenchIed, name: str) -> list[object]:
    reference = f"LD0/GGIO1.{name}"
    return [
        one.value for one in device.commands if one.step == "operate" and one.reference == reference
    ]


@pytest.mark.parametrize("model", ["DirN", "SboN", "DirE", "SboE"])
@pytest.mark.parametrize("cdc", VALUES)
def test_an_object_is_operated_as_its_model_wants_it(
    device: BenchIed, cdc: str, model: str
) -> None:
    name, (_, _, value, arrives) = f"{cdc}{model}", VALUES[cdc]
    device.decide = lambda _: 0
    asyncio.run(command(device, name, value))
    deadline = time.monotonic() + 10  # with normal security the answer may come before
    while not operated(device, name) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert operated(device, name) == [arrives]


@pytest.mark.parametrize("model", ["DirN", "SboN", "DirE", "SboE"])
@pytest.mark.parametrize("cdc", VALUES)
def test_a_refusal_says_why_in_every_model(device: BenchIed, cdc: str, model: str) -> None:
    name = f"{cdc}{model}"
    device.commands.clear()
    device.decide = lambda _: 10
    with pytest.raises(DriverError, match=r"refused|access denied") as caught:
        asyncio.run(command(device, name, VALUES[cdc][2]))
    assert caught.value.kind is FailureKind.REFUSED
    if model in {"DirE", "SboE"}:
        assert "blocked by interlocking (10)" in str(caught.value)
    assert operated(device, name) == []


@pytest.mark.parametrize("model", ["DirE", "SboE"])
@pytest.mark.parametrize("cdc", VALUES)
def test_a_termination_says_why_in_every_model_that_has_one(
    device: BenchIed, cdc: str, model: str
) -> None:
    name, (_, _, value, arrives) = f"{cdc}{model}", VALUES[cdc]
    device.commands.clear()
    device.decide = lambda command: 13 if command.step == "operate" else 0
    with pytest.raises(DriverError, match="command ended badly") as caught:
        asyncio.run(command(device, name, value))
    assert caught.value.kind is FailureKind.REFUSED
    assert "blocked by health (13)" in str(caught.value)
    assert name in str(caught.value)
    assert operated(device, name) == [arrives], "operated once, with its value, and not again"


def test_what_is_for_reading_only_is_not_operated(device: BenchIed) -> None:
    with pytest.raises(DriverError) as caught:
        asyncio.run(command(device, "SPCLook", 1.0))
    assert caught.value.kind is FailureKind.REFUSED
    assert operated(device, "SPCLook") == []


@pytest.mark.parametrize(("name", "value"), [("SPCDirN", 2.0), ("INCDirN", 0.5), ("BSCDirN", 4.0)])
def test_a_value_that_the_object_cannot_take_is_not_sent(
    device: BenchIed, name: str, value: float
) -> None:
    device.commands.clear()
    with pytest.raises(DriverError, match="nothing was written"):
        asyncio.run(command(device, name, value))
    assert device.commands == []


def test_a_command_for_test_says_so(device: BenchIed) -> None:
    device.commands.clear()
    device.decide = lambda _: 0
    asyncio.run(command(device, "DPCSboE", 1.0, Checks(test=True, interlock=False)))
    assert all(one.test for one in device.commands)
    assert operated(device, "DPCSboE") == [True]


def test_what_is_no_control_is_not_written(device: BenchIed) -> None:
    where = Connection("iec61850", "127.0.0.1", device.port, timeout_s=1.0)
    probe = Iec61850(Environment()).probe(where)

    async def work() -> None:
        try:
            with pytest.raises(InputError, match="for reading"):
                await probe.write("LD0/GGIO1.INCDirN.stVal[ST]", 1.0)
            with pytest.raises(DriverError) as caught:
                await probe.write("LD0/GGIO1.Nothing.Oper.ctlVal[CO]", 1.0)
            assert caught.value.kind is FailureKind.REFUSED
        finally:
            await probe.close()

    asyncio.run(work())


def test_the_file_that_the_ied_serves_is_understood(device: BenchIed, tmp_path: Path) -> None:
    where = Connection("iec61850", "127.0.0.1", device.port, timeout_s=1.0)
    probe = Iec61850(Environment()).probe(where)

    async def work() -> None:
        try:
            found = await probe.browse("LD0/GGIO1.APCSboE[CF]", 10)
            assert [(one.reference, one.value) for one in found] == [
                ("CTLLD0/GGIO1.APCSboE.ctlModel[CF]", 4.0)
            ]
        finally:
            await probe.close()

    asyncio.run(work())
