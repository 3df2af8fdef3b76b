"""The model of an IED's server, built from an SCL file.

What the library cannot hold is an error with its line: a server that lacks a part of its own file
would be another device.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.controls import MODELS, controls_of
from ortsnetz_common.scl.devices import Ied, LogicalDevice, LogicalNode
from ortsnetz_common.scl.document import Document, Edition
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.types import Attribute, DataObject
from ortsnetz_iec61850.ied.blocks import add_blocks
from ortsnetz_iec61850.library.server import CONSTRAINTS, TYPES, functions

TRIGGERS = {"dchg": 1, "qchg": 2, "dupd": 4}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of the model.

    Attributes:
        handle: the library's.
        basic_type: of SCL.
        preset: what the file says it is; None where it does not.
    """

    handle: int
    basic_type: str
    preset: str | int | None = None


@dataclass(frozen=True, slots=True)
class Controlled:
    """A data object that can be operated.

    Attributes:
        reference: `CP1/DECP1.ALim`.
        model: number of its control model (IEC 61850-7-2, 20).
    """

    reference: str
    handle: int
    model: int


@dataclass(slots=True)
class Model:
    """A model and the handles of what is in it.

    Attributes:
        leaves: by reference, `FD1/MMXU1.TotW.mag.f[MX]`; the device is its instance.
        controls: what can be operated, by reference of the object.
    """

    handle: int
    edition: int
    leaves: dict[str, Leaf] = field(default_factory=dict)
    controls: dict[str, Controlled] = field(default_factory=dict)


def build(document: Document, ied: Ied) -> Model:
    """The model of one IED of a file.

    Raises:
        InputError: names file, line and what cannot be built.
    """
    model = Model(functions().IedModel_create(_text(ied.name)), _edition(document))
    builder = _Builder(document, Lookup(document), model, ied.name)
    built = [
        (node, device, builder.node(node, device, place))
        for device in ied.devices()
        for place in (builder.device(device),)
        for node in device.nodes
    ]
    for node, device, place in built:  # data sets name nodes of other devices
        add_blocks(document.name, node, device, place)
    return model


def _edition(document: Document) -> int:
    """IEC_61850_EDITION_1, _2, _2_1."""
    return {Edition.FIRST: 0, Edition.SECOND: 1}.get(document.edition or Edition.SECOND, 2)


@dataclass(slots=True)
class _Builder:
    document: Document
    lookup: Lookup
    model: Model
    ied: str

    def error(self, line: int, why: str) -> InputError:
        return InputError(f"{self.document.name}, line {line}: {why}")

    def device(self, device: LogicalDevice) -> int:
        """A device; a name of its own (`ldName`) only where the file gives it one."""
        named = device.domain != f"{self.ied}{device.instance}"
        made: int = functions().LogicalDevice_createEx(
            _text(device.instance), self.model.handle, _text(device.domain) if named else None
        )
        return made

    def node(self, node: LogicalNode, device: LogicalDevice, parent: int) -> int:
        kind = self.lookup.type_of(node)
        if kind is None:
            raise self.error(node.line, f"node {node.name} has no type '{node.type_id}'")
        made: int = functions().LogicalNode_create(_text(node.name), parent)
        stem = f"{device.instance}/{node.name}"
        handles: dict[tuple[str, ...], int] = {}
        for part in kind.objects:
            self._object(part, made, node, stem, (part.name,), handles)
        for control in controls_of(self.lookup, node):
            number = MODELS.index(control.model) if control.model else 0
            reference = f"{stem}.{'.'.join(control.path)}"
            if number:
                self.model.controls[reference] = Controlled(
                    reference, handles[control.path], number
                )
        return made

    def _object(  # noqa: PLR0917 - where it is, and what it is called there
        self,
        part: DataObject,
        parent: int,
        node: LogicalNode,
        stem: str,
        path: tuple[str, ...],
        handles: dict[tuple[str, ...], int],
    ) -> None:
        made = functions().DataObject_create(_text(part.name), parent, self._count(part))
        handles[path] = made
        for inner in part.parts():
            deeper = (*path, inner.name)
            if isinstance(inner, DataObject):
                self._object(inner, made, node, stem, deeper, handles)
            elif inner.constraint is None:
                raise self.error(inner.line, f"attribute {'.'.join(deeper)} has no constraint")
            else:
                self._attribute(inner, made, node, stem, deeper, inner.constraint.value, ())

    def _attribute(  # noqa: PLR0917 - as above
        self,
        attribute: Attribute,
        parent: int,
        node: LogicalNode,
        stem: str,
        path: tuple[str, ...],
        constraint: str,
        changes: tuple[str, ...],
    ) -> None:
        number = TYPES.get(attribute.basic_type)
        if number is None:
            raise self.error(
                attribute.line, f"{'.'.join(path)}: no values of type '{attribute.basic_type}'"
            )
        changes = changes or attribute.changes
        triggers = sum(TRIGGERS.get(change, 0) for change in changes)
        made = functions().DataAttribute_create(
            *(_text(attribute.name), parent, number, CONSTRAINTS[constraint]),
            *(triggers, self._count(attribute), 0),
        )
        for part in attribute.parts:
            self._attribute(part, made, node, stem, (*path, part.name), constraint, changes)
        if attribute.basic_type != "Struct":
            reference = f"{stem}.{'.'.join(path)}[{constraint}]"
            preset = self._preset(attribute, node, path)
            self.model.leaves[reference] = Leaf(made, attribute.basic_type, preset)

    def _count(self, part: DataObject | Attribute) -> int:
        if part.count is None:
            raise self.error(part.line, f"{part.name}: an array without its length")
        return part.count

    def _preset(
        self, attribute: Attribute, node: LogicalNode, path: tuple[str, ...]
    ) -> str | int | None:
        text = self.lookup.preset(node, path)
        if text is None or attribute.basic_type != "Enum":
            return text
        kind = self.lookup.enumeration(attribute.type_id)
        number = None if kind is None else kind.number(text)
        if number is None:
            raise self.error(attribute.line, f"{'.'.join(path)}: '{text}' is no value of its type")
        return number


def _text(text: str) -> bytes:
    return text.encode()
