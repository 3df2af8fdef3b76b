"""A server without a profile, before a technician: browse, read, watch, write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.drivers.contract import Found, Identity, Observation
from ortsnetz_edge.drivers.opcua.browsing import browse
from ortsnetz_edge.drivers.opcua.identification import BUILD_INFO
from ortsnetz_edge.drivers.opcua.monitoring import Member
from ortsnetz_edge.drivers.opcua.reading import node_id
from ortsnetz_edge.drivers.opcua.session import Session
from ortsnetz_edge.drivers.opcua.subscription import Subscription
from ortsnetz_edge.drivers.opcua.values import UNKNOWN, Sample, sample
from ortsnetz_edge.drivers.opcua.writing import Targets
from ortsnetz_edge.profiles.references.opcua import NodeReference, OpcUaSyntax

_RECEIVED = int(TimeQuality.SET_BY_RECEIVER)


class OpcUaProbe:
    """Fulfils `contract.Probe`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def identify(self) -> Identity:
        """What the server says of itself; its devices have nodes of their own for it."""
        asked = [at for at in (BUILD_INFO.maker_at, BUILD_INFO.model_at) if at is not None]
        reading = await self._session.read(asked)
        maker, model = (None if value is None else sample(value).text for value in reading.values)
        return Identity(maker, model)

    async def browse(self, start: str, most: int) -> tuple[Found, ...]:
        """What lies below a node; without one, below the server's objects."""
        channel = await self._session.opened()
        if not start:
            return await browse(channel, ua.NodeId(ObjectIds.ObjectsFolder), most)
        found = node_id(_parsed(start), channel.namespaces)
        if found is None:
            known = ", ".join(channel.namespaces)
            raise InputError(f"{start}: the server has no such namespace (there are: {known})")
        return await browse(channel, found, most)

    async def read(self, references: Sequence[str]) -> tuple[Observation, ...]:
        """Read values."""
        reading = await self._session.read([_parsed(text) for text in references])
        return tuple(
            _observation(text, UNKNOWN if value is None else sample(value), reading.received_ns)
            for text, value in zip(references, reading.values, strict=True)
        )

    async def watch(self, references: Sequence[str], period_s: float) -> AsyncIterator[Observation]:
        """Values as the server reports them: each once, then those that change."""
        changed = asyncio.Event()
        member = Member(
            nodes=[_parsed(text) for text in references],
            deadbands=[0.0] * len(references),
            sampling_s=[period_s] * len(references),
            report=changed.set,
        )
        subscription = Subscription(self._session)
        subscription.join(member, period_s)
        said: list[Sample | None] = [None] * len(references)
        try:
            while True:
                await subscription.ready()
                if subscription.refused:
                    await self._poll(member)
                for place, one in enumerate(member.held):
                    if one != said[place]:
                        said[place] = one
                        yield _observation(references[place], one, self._session.clock.now_ns())
                changed.clear()
                try:
                    async with asyncio.timeout(period_s):
                        await changed.wait()
                except TimeoutError:
                    continue  # whether the server is still there is asked at the top
        finally:
            subscription.stop()

    async def write(self, reference: str, value: float) -> str:
        """Write one raw value in the node's own type and read it back."""
        node = _parsed(reference)
        await Targets(await self._session.opened()).write([(node, value)])
        (now,) = await self.read([reference])
        said = f"{now.value:g}" if isinstance(now.value, float) else now.value
        return f"{reference} reads {said}" if said is not None else f"{reference}: {now.why}"

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()

    async def _poll(self, member: Member) -> None:
        """From a server that makes no subscription."""
        reading = await self._session.read(member.nodes)
        member.held = [UNKNOWN if value is None else sample(value) for value in reading.values]


def _parsed(text: str) -> NodeReference:
    try:
        return OpcUaSyntax().parse(text)
    except ValueError as error:
        raise InputError(str(error)) from error


def _observation(reference: str, one: Sample, received_ns: int) -> Observation:
    return Observation(
        reference=reference,
        value=one.text if one.raw is None else one.raw,
        quality=one.quality if one.text is None else 0,
        time_ns=received_ns if one.time_ns is None else one.time_ns,
        time_quality=_RECEIVED if one.time_ns is None else 0,
        why=one.why if one.text is None else "",
    )
