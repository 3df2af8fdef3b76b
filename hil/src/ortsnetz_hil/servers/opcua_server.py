"""The library's server with what a bench needs: silence, resets, commands checked as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.server.address_space import AttributeService
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_server import InternalServer
from asyncua.server.subscription_service import SubscriptionService
from asyncua.ua.status_codes import StatusCodes

from ortsnetz_hil.faults.connection import reset

Command = Callable[[int], int]
"""Takes a value that a client writes; the status code of the write."""


@dataclass(slots=True)
class Gate:
    """Whether the server answers.

    Attributes:
        ignored: messages that came while it did not.
    """

    silent: bool = False
    ignored: int = 0


class _Line:
    """A connection's transport that says nothing while the gate is shut."""

    def __init__(self, transport: asyncio.Transport, gate: Gate) -> None:
        self.transport = transport
        self._gate = gate

    def write(self, data: bytes) -> None:
        if not self._gate.silent:
            self.transport.write(data)

    def close(self) -> None:
        self.transport.close()

    def get_extra_info(self, name: str) -> Any:
        return self.transport.get_extra_info(name)


class _Protocol(OPCUAProtocol):  # type: ignore[misc]
    gate: Gate

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            super().connection_made(_Line(transport, self.gate))

    def data_received(self, data: bytes) -> None:
        if self.gate.silent:
            self.gate.ignored += 1
            return
        super().data_received(data)


class _Listening(BinaryServer):  # type: ignore[misc]
    gate: Gate

    def _make_protocol(self) -> OPCUAProtocol:
        protocol = _Protocol(
            iserver=self.iserver,
            policies=self._policies,
            clients=self.clients,
            closing_tasks=self.closing_tasks,
            limits=self.limits,
        )
        protocol.gate = self.gate
        return protocol


class _Subscriptions(SubscriptionService):  # type: ignore[misc]
    """asyncua 2.1 leaves a subscription that was transferred without publish requests."""

    async def transfer_subscriptions(
        self, params: Any, session_id: ua.NodeId, callback: Callable[..., Any]
    ) -> list[Any]:
        results: list[Any] = await super().transfer_subscriptions(params, session_id, callback)
        processor: Any = getattr(callback, "__self__", None)
        for number, result in zip(params.SubscriptionIds, results, strict=True):
            if result.StatusCode.is_good():
                self.subscriptions[int(number)].pub_request_callback = processor.get_publish_request
        return results

    def republish(self, params: Any) -> Any:
        message = super().republish(params)
        if not message.NotificationData:  # the library answers as if it were an empty message
            raise ServiceError(StatusCodes.BadMessageNotAvailable)
        return message


class _Attributes(AttributeService):  # type: ignore[misc]
    """Writes to command nodes go to their devices first."""

    def __init__(self, server: InternalServer, commands: dict[ua.NodeId, Command]) -> None:
        super().__init__(server.aspace)
        self._commands = commands

    async def write(self, params: Any, user: Any) -> list[Any]:
        results: list[Any] = []
        for wanted in params.NodesToWrite:
            code = self._refusal(wanted)
            if code:
                results.append(ua.StatusCode(code))
                continue
            one = ua.WriteParameters(NodesToWrite=[wanted])
            results += await super().write(one, user=user)
        return results

    def _refusal(self, wanted: Any) -> int:
        command = self._commands.get(wanted.NodeId)
        if command is None or wanted.AttributeId != ua.AttributeIds.Value:
            return 0
        variant = wanted.Value.Value
        if variant is None or variant.VariantType is not ua.VariantType.UInt16:
            return int(StatusCodes.BadTypeMismatch)
        if isinstance(variant.Value, list) or variant.Value is None:
            return int(StatusCodes.BadTypeMismatch)
        return command(int(variant.Value))


class BenchServer(Server):  # type: ignore[misc]
    """An OPC UA server whose line can fall silent or be cut.

    Attributes:
        gate: whether it answers.
        commands: command nodes and what takes their values.
    """

    def __init__(self, user_manager: Any = None) -> None:
        internal = InternalServer(user_manager=user_manager)
        internal.subscription_service = _Subscriptions(internal.aspace, internal)
        internal.isession.subscription_service = internal.subscription_service
        super().__init__(iserver=internal)
        self.gate = Gate()
        self.commands: dict[ua.NodeId, Command] = {}
        internal.attribute_service = _Attributes(internal, self.commands)

    async def start(self) -> None:
        """Listen; raises OSError where the port cannot be had."""
        self._policies.clear()
        self.iserver.endpoints.clear()
        await self._setup_server_nodes()
        await self.iserver.start()
        try:
            await self.listen()
        except OSError:
            await self._stop_clock()
            raise

    async def stop(self) -> None:
        """Close the port; it may be opened again."""
        await self._stop_clock()
        await self.bserver.stop()

    async def _stop_clock(self) -> None:
        """The library would wait for its next second."""
        clock, self.iserver.time_task = self.iserver.time_task, None
        if clock is not None:
            clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await clock

    async def listen(self) -> None:
        """Open the port."""
        host, port = self._get_bind_socket_info()
        self.bserver = _Listening(self.iserver, host, port, self.limits)
        self.bserver.gate = self.gate
        self.bserver.set_policies(self._policies)
        await self.bserver.start()

    @property
    def port(self) -> int:
        """The port at which it listens."""
        return int(self.bserver.port)

    def cut(self) -> None:
        """Reset all connections; sessions and subscriptions stay, as after a lost line."""
        for client in list(self.bserver.clients):
            if isinstance(client.transport, _Line):
                reset(client.transport.transport)

    async def forget(self) -> None:
        """Forget all sessions and subscriptions, as after a restart."""
        service = self.iserver.subscription_service
        await service.delete_subscriptions(list(service.subscriptions))
        for session in list(self.iserver._external_sessions.values()):  # noqa: SLF001 - no other way
            await session.close_session(delete_subs=True)
