"""Types of logical nodes (IEC 61850-6, 9.5): data objects and attributes, put together."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct


class FunctionalConstraint(StrEnum):
    """What an attribute is for (IEC 61850-7-2, 6.1.2.4.4 and annex B)."""

    ST = "ST"  # status
    MX = "MX"  # measurand
    CO = "CO"  # control; only within Oper, SBO, SBOw and Cancel
    SP = "SP"  # set point
    SV = "SV"  # substitution
    CF = "CF"  # configuration
    DC = "DC"  # description
    SG = "SG"  # setting group
    SE = "SE"  # setting group that is edited
    SR = "SR"  # service response
    OR = "OR"  # operate received
    BL = "BL"  # blocking
    EX = "EX"  # extended definition: name spaces


class Preset(Struct, frozen=True, forbid_unknown_fields=True):
    """A value in the file.

    Attributes:
        text: as it is written; white space around it is left out.
        setting_group: for which group it holds; None for all.
    """

    text: str
    setting_group: int | None = None


class Attribute(Struct, frozen=True, forbid_unknown_fields=True):
    """A data attribute (DA), or a part of one (BDA).

    Attributes:
        basic_type: `FLOAT32`, `BOOLEAN`, `Enum`, `Struct`, ... (IEC 61850-6, table 45).
        constraint: of a DA; None for a BDA, which has that of the DA it lies in.
        type_id: of the enumeration or structure.
        count: of an array's elements; 0 for what is no array, None where the file does not say.
        presets: values that the type gives.
        changes: `dchg`, `qchg`, `dupd`: what triggers a report.
        parts: of a structure; none where its type could not be resolved.
    """

    name: str
    basic_type: str
    constraint: FunctionalConstraint | None
    line: int
    type_id: str = ""
    count: int | None = 0
    presets: tuple[Preset, ...] = ()
    changes: tuple[str, ...] = ()
    description: str = ""
    parts: tuple[Attribute, ...] = ()


class DataObject(Struct, frozen=True, forbid_unknown_fields=True, tag="object"):
    """A data object (DO) or one within another (SDO).

    Attributes:
        data_class: its common data class (IEC 61850-7-3), e.g. `MV`; "" where its type is missing.
        count: of an array's elements; 0 for what is no array, None where the file does not say.
        attributes: and `objects`: its parts. `order` has the names of both as the file has them,
            which is how they travel.
    """

    name: str
    data_class: str
    type_id: str
    line: int
    description: str = ""
    transient: bool | None = False
    count: int | None = 0
    objects: tuple[DataObject, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    order: tuple[str, ...] = ()

    def parts(self) -> Iterator[DataObject | Attribute]:
        """Objects and attributes in the order of the file."""
        named: dict[str, DataObject | Attribute] = {part.name: part for part in self.objects}
        named.update((part.name, part) for part in self.attributes)
        return (named[name] for name in self.order)


class NodeType(Struct, frozen=True, forbid_unknown_fields=True):
    """The type of a logical node."""

    id: str
    node_class: str
    line: int
    description: str = ""
    objects: tuple[DataObject, ...] = ()


class EnumerationType(Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers and names of an enumeration."""

    id: str
    line: int
    values: tuple[tuple[int, str], ...]

    def number(self, text: str) -> int | None:
        """The number of a name, or of the number itself; None where it is neither."""
        for number, name in self.values:
            if text in (name, str(number)):
                return number
        return None


class Leaf(Struct, frozen=True):
    """One attribute that has a value of its own.

    Attributes:
        path: from the data object down, `("PhV", "phsA", "cVal", "mag", "f")`; elements of arrays
            as `phsAHar(3)`.
    """

    path: tuple[str, ...]
    constraint: FunctionalConstraint
    attribute: Attribute


def leaves_of(part: DataObject, *, whole_array: bool = True) -> Iterator[Leaf]:
    """All values of a data object, in the order in which they travel.

    Structures whose type is missing, and arrays of unknown length, have none.

    Args:
        part: the object.
        whole_array: whether all elements are meant, where it is an array; else any one of them.
    """
    for name in _elements(part.name, part.count if whole_array else 0):
        for inner in part.parts():
            if isinstance(inner, DataObject):
                for leaf in leaves_of(inner):
                    yield Leaf((name, *leaf.path), leaf.constraint, leaf.attribute)
            elif inner.constraint is not None:
                for path, attribute in attribute_leaves(inner):
                    yield Leaf((name, *path), inner.constraint, attribute)


def attribute_leaves(
    attribute: Attribute, *, whole_array: bool = True
) -> Iterator[tuple[tuple[str, ...], Attribute]]:
    """Paths and attributes of the values within an attribute; as `leaves_of`."""
    for name in _elements(attribute.name, attribute.count if whole_array else 0):
        if attribute.basic_type != "Struct":
            yield (name,), attribute
        for part in attribute.parts:
            for path, leaf in attribute_leaves(part):
                yield (name, *path), leaf


def _elements(name: str, count: int | None) -> tuple[str, ...]:
    if count == 0:
        return (name,)
    return tuple(f"{name}({n})" for n in range(count or 0))
