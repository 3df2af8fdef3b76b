"""What a link runs over: a TCP connection, a TLS connection, a serial line, a serial server."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.framer import FramerType
from pymodbus.transport import CommParams, CommType

from ortsnetz_common.parameters.station import SerialLine
from ortsnetz_edge.drivers.environment import Credentials
from ortsnetz_edge.drivers.tls import client_context

TracePacket = Callable[[bool, bytes], bytes]
BITS_A_CHARACTER = 11
"""Modbus over serial line 1.02, 2.5.1: start, 8 data, parity or second stop, stop."""
FAST_BAUD = 19200
FAST_QUIET_S = 1.75e-3
"""Above 19,200 baud the silence between frames is fixed (Modbus over serial line 1.02, 2.5.1.1)."""


class Wire(Protocol):
    """What a link runs over.

    Attributes:
        where: its address in words.
        serial: frames are those of a serial line (RTU), and its units are on one wire.
        quiet_s: silence between an answer and the next request.
        lasts: silence does not close it: unlike a connection it cannot have lost its other end.
    """

    @property
    def where(self) -> str:
        """See above."""

    @property
    def serial(self) -> bool:
        """See above."""

    @property
    def quiet_s(self) -> float:
        """See above."""

    @property
    def lasts(self) -> bool:
        """See above."""

    def client(self, timeout_s: float, packets: TracePacket) -> ModbusBaseClient:
        """A client of pymodbus; nothing is connected yet.

        Raises:
            OSError: certificates cannot be used.
        """


@dataclass(frozen=True)
class TcpWire:
    """Modbus TCP, or the bytes of a serial line passed on by a serial server."""

    host: str
    port: int
    serial: bool = False
    quiet_s: float = 0.0
    lasts: bool = False

    @property
    def where(self) -> str:
        """Its address in words."""
        return f"{self.host}:{self.port}"

    def client(self, timeout_s: float, packets: TracePacket) -> ModbusBaseClient:
        """See `Wire.client`."""
        return AsyncModbusTcpClient(
            self.host,
            port=self.port,
            framer=FramerType.RTU if self.serial else FramerType.SOCKET,
            timeout=timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=packets,
        )


@dataclass(frozen=True)
class TlsWire:
    """Modbus over TLS with certificates on both sides (MODBUS/TCP Security 2.1)."""

    host: str
    port: int
    credentials: Credentials
    serial: bool = False
    quiet_s: float = 0.0
    lasts: bool = False

    @property
    def where(self) -> str:
        """Its address in words."""
        return f"{self.host}:{self.port}"

    def client(self, timeout_s: float, packets: TracePacket) -> ModbusBaseClient:
        """See `Wire.client`."""
        return _TlsClient(self, client_context(self.credentials), timeout_s, packets)


class _TlsClient(AsyncModbusTcpClient):
    """Frames as in Modbus TCP, as the specification says.

    The library's own client for TLS takes whatever one read brings for a whole frame.
    """

    def __init__(
        self,
        wire: TlsWire,
        context: ssl.SSLContext,
        timeout_s: float,
        packets: TracePacket,
    ) -> None:
        self.comm_params = CommParams(
            comm_type=CommType.TLS,
            comm_name=wire.where,
            host=wire.host,
            port=wire.port,
            sslctx=context,
            reconnect_delay=0,
            timeout_connect=timeout_s,
        )
        super().__init__(wire.host, retries=0, trace_packet=packets)


@dataclass(frozen=True)
class LineWire:
    """A serial line of the node."""

    line: SerialLine

    serial = True
    lasts = True

    @property
    def where(self) -> str:
        """Its address in words."""
        return self.line.device

    @property
    def quiet_s(self) -> float:
        """Three and a half characters."""
        if self.line.baud > FAST_BAUD:
            return FAST_QUIET_S
        return 3.5 * BITS_A_CHARACTER / self.line.baud

    def client(self, timeout_s: float, packets: TracePacket) -> ModbusBaseClient:
        """See `Wire.client`."""
        return AsyncModbusSerialClient(
            self.line.device,
            framer=FramerType.RTU,
            baudrate=self.line.baud,
            parity=self.line.parity,
            stopbits=self.line.stop_bits,
            timeout=timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=packets,
        )
