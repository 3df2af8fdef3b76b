"""What the TSO is told: the same form by REST and MQTT."""

from __future__ import annotations

from typing import Literal

from ortsnetz_cockpit.apps.tso_exchange.aggregate import Aggregate
from ortsnetz_cockpit.apps.tso_exchange.figures import Figure
from ortsnetz_cockpit.apps.tso_exchange.profile import Interface, Quantity
from ortsnetz_cockpit.sdk.rest import Message
from ortsnetz_common.measurement.quality import describe, validity
from ortsnetz_common.measurement.time import rfc3339


class InterfaceInfo(Message):
    """An interface and what is agreed about it."""

    interface: str
    node: str
    interval_s: int
    quantities: list[str]


class QuantityInfo(Message):
    """One agreed figure; signs are documented in docs/design/cockpit-api.md."""

    kind: str
    quantity: str
    unit: str
    value: float | None
    validity: str
    quality: int
    quality_text: str
    origin: str
    share: float


class AggregateInfo(Message):
    """One interval of one interface."""

    format: Literal["ortsnetz.tso/1"] = "ortsnetz.tso/1"
    interface: str
    start: str
    end: str
    start_ns: str
    end_ns: str
    interval_s: int
    revision: int
    quantities: list[QuantityInfo]


def interface_info(interface: Interface) -> InterfaceInfo:
    """An interface."""
    return InterfaceInfo(
        interface=interface.name,
        node=interface.node,
        interval_s=interface.interval_s,
        quantities=[quantity.text for quantity in interface.quantities],
    )


def aggregate_info(interface: Interface, aggregate: Aggregate, revision: int) -> AggregateInfo:
    """An interval."""
    end_ns = aggregate.start_ns + interface.interval_ns
    return AggregateInfo(
        interface=interface.name,
        start=rfc3339(aggregate.start_ns),
        end=rfc3339(end_ns),
        start_ns=str(aggregate.start_ns),
        end_ns=str(end_ns),
        interval_s=interface.interval_s,
        revision=revision,
        quantities=[_quantity(quantity, figure) for quantity, figure in aggregate.figures],
    )


def _quantity(quantity: Quantity, figure: Figure) -> QuantityInfo:
    return QuantityInfo(
        kind=quantity.kind.value,
        quantity=quantity.power.value,
        unit=quantity.power.unit,
        value=figure.value,
        validity=validity(figure.quality).name.lower(),
        quality=figure.quality,
        quality_text=describe(figure.quality),
        origin=figure.origin.name.lower(),
        share=round(figure.share, 4),
    )
