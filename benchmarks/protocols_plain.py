"""What a script would do: a plain loop on the library underneath each driver.

No deadlines of its own, no back-off, no check who answers, no ranges and no qualities: the same
values from the same server, as numbers. In a process in which nothing of ours has changed the
libraries.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from asyncua import Client
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua import MessageSecurityMode
from py1815.master.api import Outstation
from py1815.master.association import Unsolicited
from py1815.master.tasks import Tasks
from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.transport import CommParams, CommType

HOST = "127.0.0.1"
BAUD = 19200
SILENCE_S = 3.5 * 11 / BAUD
"""Before each frame of a serial line (Modbus over serial line 1.02, 2.5.1.1); the library keeps
none, a master has to."""
Values = list[Any]
Read = Callable[[], Awaitable[Values]]


class _TlsClient(AsyncModbusTcpClient):
    """The library's client for TLS leaves the frame's header off, which no server does."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.comm_params = CommParams(
            comm_type=CommType.TLS,
            comm_name="plain",
            host=HOST,
            port=port,
            sslctx=context,
            reconnect_delay=0,
            timeout_connect=3,
        )
        super().__init__(HOST)


def _client_context(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


@asynccontextmanager
async def modbus(where: int | str, node: Path | None) -> AsyncIterator[Read]:
    """One read of 30 registers and its 14 numbers; `where` is a port or a serial line."""
    serial = isinstance(where, str)
    if isinstance(where, str):
        client: Any = AsyncModbusSerialClient(
            where, framer=FramerType.RTU, baudrate=BAUD, parity="N", stopbits=1
        )
    elif node is not None:
        client = _TlsClient(where, _client_context(node))
    else:
        client = AsyncModbusTcpClient(HOST, port=where)
    await client.connect()
    kinds, convert = client.DATATYPE, client.convert_from_registers

    async def read() -> Values:
        if serial:
            await asyncio.sleep(SILENCE_S)
        words = (await client.read_holding_registers(0, count=30, device_id=1)).registers
        return [
            *convert(words[:24], kinds.FLOAT32),
            convert(words[24:26], kinds.UINT32),
            convert(words[26:30], kinds.UINT64),
        ]

    yield read
    client.close()


@asynccontextmanager
async def dnp3(port: int, node: Path | None) -> AsyncIterator[Read]:
    """One poll for the events of classes 1, 2, 3."""
    tls = None if node is None else _client_context(node)
    outstation = Outstation(
        "plain", host=HOST, port=port, tls=tls, tasks=Tasks.none(), reconnect=None
    )
    await outstation.connect()
    await outstation.scan("integrity")

    async def read() -> Values:
        exchange = await outstation.scan("events")
        return [(each.point, each.index, each.value) for each in exchange.objects]

    yield read
    await outstation.close()


@asynccontextmanager
async def dnp3_reported(port: int, last: int) -> AsyncIterator[Read]:
    """Events as the outstation reports them, until the point `last` has come."""
    told, values = asyncio.Event(), []

    def take(report: Unsolicited) -> None:
        values.extend((each.point, each.index, each.value) for each in report.objects)
        if any(each.index == last for each in report.objects):
            told.set()

    outstation = Outstation(
        "plain", host=HOST, port=port, tasks=Tasks.none(), reconnect=None, on_unsolicited=take
    )
    await outstation.connect()
    await outstation.scan("integrity")
    await outstation.enable_unsolicited(1, 2, 3)

    async def read() -> Values:
        told.clear()
        values.clear()
        await told.wait()
        return values

    yield read
    await outstation.close()


@asynccontextmanager
async def opcua(port: int, names: list[str], node: Path | None) -> AsyncIterator[Read]:
    """One read of all nodes: values with status and time."""
    client = Client(f"opc.tcp://{HOST}:{port}/test")
    if node is not None:
        client.application_uri = "urn:ortsnetz:node:node-1"
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            str(node / "certificate.pem"),
            str(node / "key.pem"),
            server_certificate=str(node / "ca.pem"),
            mode=MessageSecurityMode.SignAndEncrypt,
        )
        await client.load_client_certificate(str(node / "certificate.pem"))
        await client.load_private_key(str(node / "key.pem"))
    await client.connect()
    number = await client.get_namespace_index("urn:test:meter")
    nodes = [client.get_node(f"ns={number};s={name}") for name in names]

    async def read() -> Values:
        return [
            (cast("Any", found.Value).Value, found.StatusCode, found.SourceTimestamp)
            for found in await client.read_attributes(nodes)
        ]

    yield read
    await client.disconnect()


@asynccontextmanager
async def opcua_reported(port: int, names: list[str], interval_s: float) -> AsyncIterator[Read]:
    """Values as a subscription reports them, until the last of them has come."""
    client = Client(f"opc.tcp://{HOST}:{port}/test")
    await client.connect()
    number = await client.get_namespace_index("urn:test:meter")
    nodes = [client.get_node(f"ns={number};s={name}") for name in names]
    told, values = asyncio.Event(), []

    class Handler:
        def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
            found = data.monitored_item.Value
            values.append((value, found.StatusCode, found.SourceTimestamp))
            if node.nodeid == nodes[-1].nodeid:
                told.set()

    subscription = await client.create_subscription(interval_s * 1000, Handler())
    await subscription.subscribe_data_change(nodes)

    async def read() -> Values:
        told.clear()
        values.clear()
        await told.wait()
        return values

    yield read
    await client.disconnect()
