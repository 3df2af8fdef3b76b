"""Writing to nodes: in the node's own type, confirmed node by node, and read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncua import ua

from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.opcua import status
from ortsnetz_edge.drivers.opcua.channel import Channel
from ortsnetz_edge.drivers.opcua.failures import kind_of
from ortsnetz_edge.drivers.opcua.reading import node_id
from ortsnetz_edge.drivers.opcua.values import number, variant
from ortsnetz_edge.profiles.references.opcua import NodeReference

_WRITABLE = 1 << ua.AccessLevel.CurrentWrite
_SCALAR = {-3, -2, -1}  # part 3, 5.6.2: scalar or one dimension, any, scalar
_BASE_TYPES = 25  # numbers of the built-in types (part 6, 5.1.2)


@dataclass(frozen=True, slots=True)
class Target:
    """A node that takes numbers, as it describes itself."""

    reference: NodeReference
    node: ua.NodeId
    kind: ua.VariantType


class Targets:
    """What is known of the nodes behind one connection; each is asked once."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._known: dict[NodeReference, Target] = {}

    async def write(
        self, wanted: Sequence[tuple[NodeReference, float]], *, read_back: bool = True
    ) -> None:
        """Write numbers in one request and read them back.

        Args:
            wanted: what goes where.
            read_back: whether the nodes say at once what was written to them.

        Raises:
            DriverError: a node does not take its number, or does not have it afterwards; names it.
        """
        targets = [await self._target(reference) for reference, _ in wanted]
        request = ua.WriteRequest()
        for target, (_, value) in zip(targets, wanted, strict=True):
            try:
                content = variant(value, target.kind)
            except ValueError as error:
                raise self._refused(f"{target.reference} {error}") from error
            item = ua.WriteValue()
            item.NodeId, item.AttributeId = target.node, ua.AttributeIds.Value
            # servers refuse a write that brings a status or times of its own (part 4, 5.10.4.2)
            item.Value = ua.DataValue(Value=content, StatusCode=None)
            request.Parameters.NodesToWrite.append(item)
        answer = await self.channel.request(request, ua.WriteResponse)
        results: Sequence[Any] = answer.Results or ()
        if len(results) != len(targets):
            raise self.channel.wrong(f"{len(results)} confirmations, not {len(targets)}")
        for target, result in zip(targets, results, strict=True):
            code = int(result.value)
            if status.is_bad(code):
                raise self._refused(f"{target.reference}: {status.words(code)}", kind_of(code))
        if read_back:
            await self._read_back(targets, [value for _, value in wanted])

    async def _read_back(self, targets: Sequence[Target], values: Sequence[float]) -> None:
        found = await self._read([(target.node, ua.AttributeIds.Value) for target in targets])
        for target, value, shown in zip(targets, values, found, strict=True):
            code = 0 if shown.StatusCode is None else int(shown.StatusCode.value)
            if status.is_bad(code):
                raise self._refused(f"{target.reference} reads back {status.words(code)}")
            said = number(None if shown.Value is None else shown.Value.Value)
            written = float(variant(value, target.kind).Value)
            if said is None or abs(said - written) > 1e-6 * max(1.0, abs(written)):
                raise self._refused(
                    f"{target.reference} has confirmed {written:g} and reads back "
                    f"{'nothing' if said is None else f'{said:g}'}"
                )

    async def _target(self, reference: NodeReference) -> Target:
        """A node's own description. Raises DriverError."""
        if reference in self._known:
            return self._known[reference]
        node = node_id(reference, self.channel.namespaces)
        if node is None:
            raise self._refused(f"{reference}: the server has no such namespace")
        asked = (
            ua.AttributeIds.DataType,
            ua.AttributeIds.ValueRank,
            ua.AttributeIds.UserAccessLevel,
            ua.AttributeIds.Value,
        )
        found = await self._read([(node, attribute) for attribute in asked])
        for value in found[:3]:
            code = 0 if value.StatusCode is None else int(value.StatusCode.value)
            if status.is_bad(code):
                raise self._refused(f"{reference}: {status.words(code)}")
        kind, rank, access = (
            None if value.Value is None else value.Value.Value for value in found[:3]
        )
        if not isinstance(access, int) or not access & _WRITABLE:
            raise self._refused(f"{reference} is not writable for this node")
        if not isinstance(rank, int) or rank not in _SCALAR:
            raise self._refused(f"{reference} is an array")
        target = Target(reference, node, self._kind(reference, kind, found[3]))
        self._known[reference] = target
        return target

    def _kind(
        self, reference: NodeReference, declared: ua.NodeId | None, present: ua.DataValue
    ) -> ua.VariantType:
        """The built-in type: declared, or that of the present value where it is a derived one."""
        identifier = getattr(declared, "Identifier", None)
        if (
            isinstance(identifier, int)
            and getattr(declared, "NamespaceIndex", None) == 0
            and 1 <= identifier <= _BASE_TYPES
            and identifier != ua.VariantType.Variant.value
        ):
            return ua.VariantType(identifier)
        kind = None if present.Value is None else present.Value.VariantType
        if not isinstance(kind, ua.VariantType) or kind is ua.VariantType.Null:
            raise self._refused(f"{reference} does not say what type it is of")
        return kind

    async def _read(
        self, wanted: Sequence[tuple[ua.NodeId, ua.AttributeIds]]
    ) -> list[ua.DataValue]:
        request = ua.ReadRequest()
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
        request.Parameters.NodesToRead = [
            ua.ReadValueId(NodeId=node, AttributeId=attribute) for node, attribute in wanted
        ]
        answer = await self.channel.request(request, ua.ReadResponse)
        results: Sequence[Any] = answer.Results or ()
        if len(results) != len(wanted):
            raise self.channel.wrong(f"{len(results)} values instead of {len(wanted)}")
        return list(results)

    def _refused(self, why: str, kind: FailureKind = FailureKind.REFUSED) -> DriverError:
        return DriverError(kind, f"{self.channel.endpoint}: {why}")
